//! Encodes and hashes what changed, many nodes at a time.
//!
//! A node's encoding holds the references of its children, so nodes are hashed level by level, deepest first. Those of one
//! level do not depend on each other and go to the hash function together, whichever trie they belong to. Leaves depend on
//! nothing and make one level of all depths.

use braid_precompiles::Crypto;

use super::{Branch, Forest, NodeKind, Root, VALUE_INDEX};
use crate::{
    changes::{NodeChanges, Owner},
    encode::{BATCH, Batch, Reference, push_branch, push_extension, push_leaf},
    nibbles::Nibbles,
    value::Value,
};

/// A trie to be hashed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RootJob {
    /// Its forest's place in the list.
    pub(crate) forest: usize,
    pub(crate) root: Root,
    /// Whose trie it is, for the record of changes.
    pub(crate) owner: Owner,
}

/// A node to be encoded.
#[derive(Clone, Copy, Debug)]
struct Job {
    /// Where its reference goes.
    slot: u32,
    /// Index of its trie among the roots.
    trie: u32,
    /// Where its path ends; zero for a root only.
    depth: u8,
    kind: JobKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JobKind {
    Leaf,
    Branch,
    /// The extension before a branch whose own reference is in the slot already.
    Extension,
    /// The extension before a blinded branch.
    Stub,
}

/// The work lists, kept for their allocations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hasher {
    /// Nodes without children to wait for.
    leaves: Vec<Job>,
    /// Other nodes by distance from their root.
    levels: Vec<Vec<Job>>,
    batch: Batch,
    value: Vec<u8>,
}

impl Hasher {
    /// Gives every dirty slot of the tries its reference. Encodings go to `changes`, if there.
    pub(crate) fn hash<V: Value, C: Crypto>(
        &mut self,
        forests: &mut [Forest<V>],
        roots: &[RootJob],
        crypto: &C,
        mut changes: Option<&mut NodeChanges>,
    ) {
        for (trie, job) in roots.iter().enumerate() {
            let forest = &forests[job.forest];
            if forest.slots[job.root.0].is_dirty() {
                self.collect(forest, trie as u32, job.root.0, 0, 0);
            }
        }
        let leaves = std::mem::take(&mut self.leaves);
        self.encode_all(forests, roots, &leaves, crypto, &mut changes);
        self.leaves = leaves;
        self.leaves.clear();
        for level in (0..self.levels.len()).rev() {
            let mut jobs = std::mem::take(&mut self.levels[level]);
            self.encode_all(forests, roots, &jobs, crypto, &mut changes);
            jobs.clear();
            self.levels[level] = jobs;
        }
    }

    /// Lists the dirty nodes from `slot` down, whose path ends at `depth`.
    fn collect<V: Value>(
        &mut self,
        forest: &Forest<V>,
        trie: u32,
        slot: u32,
        depth: usize,
        level: usize,
    ) {
        let job = |kind, depth| Job { slot, trie, depth, kind };
        match forest.slots[slot].node.kind() {
            NodeKind::Leaf(_) => self.leaves.push(job(JobKind::Leaf, depth as u8)),
            NodeKind::Stub(_) => self.leaves.push(job(JobKind::Stub, depth as u8)),
            NodeKind::Branch(id) => {
                let branch = &forest.branches[id];
                let mut level = level;
                let own_depth = branch.prefix.len();
                if own_depth > depth {
                    self.push_to_level(level, job(JobKind::Extension, depth as u8));
                    level += 1;
                }
                self.push_to_level(level, job(JobKind::Branch, own_depth as u8));
                let value = branch.has(VALUE_INDEX);
                let last = branch.range().end - u32::from(value);
                for child in branch.slots..last {
                    if forest.slots[child].is_dirty() {
                        self.collect(forest, trie, child, own_depth + 1, level + 1);
                    }
                }
            }
            NodeKind::Blinded | NodeKind::BlindedBranch | NodeKind::Empty => {
                unreachable!("what is blinded or empty has its reference")
            }
        }
    }

    fn push_to_level(&mut self, level: usize, job: Job) {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        self.levels[level].push(job);
    }

    fn encode_all<V: Value, C: Crypto>(
        &mut self,
        forests: &mut [Forest<V>],
        roots: &[RootJob],
        jobs: &[Job],
        crypto: &C,
        changes: &mut Option<&mut NodeChanges>,
    ) {
        let Self { batch, value, .. } = self;
        for jobs in jobs.chunks(BATCH) {
            batch.clear();
            for job in jobs {
                let forest = &forests[roots[job.trie as usize].forest];
                batch.push(|out| forest.encode(job, out, value));
            }
            // No node but a root starts at depth 0.
            let references = batch.references(crypto, |index| jobs[index].depth == 0);
            for (index, (job, reference)) in jobs.iter().zip(references).enumerate() {
                let RootJob { forest, owner, .. } = roots[job.trie as usize];
                let forest = &mut forests[forest];
                if let Some(changes) = changes {
                    let encoding = batch.encoding(index);
                    changes.record(owner, forest.path_of(job), reference.as_hash(), encoding);
                }
                forest.slots[job.slot].reference = reference;
            }
        }
    }
}

impl<V: Value> Forest<V> {
    fn path_of(&self, job: &Job) -> Nibbles {
        let path = match self.slots[job.slot].node.kind() {
            NodeKind::Leaf(leaf) => &self.leaves[leaf].key,
            NodeKind::Branch(id) => &self.branches[id].prefix,
            NodeKind::Stub(stub) => &self.stubs[stub].prefix,
            NodeKind::Blinded | NodeKind::BlindedBranch | NodeKind::Empty => {
                unreachable!("only revealed nodes are encoded")
            }
        };
        path.prefix(job.depth.into())
    }

    fn encode(&self, job: &Job, out: &mut Vec<u8>, value: &mut Vec<u8>) {
        let from = usize::from(job.depth);
        let slot = &self.slots[job.slot];
        match (job.kind, slot.node.kind()) {
            (JobKind::Leaf, NodeKind::Leaf(leaf)) => {
                let leaf = &self.leaves[leaf];
                value.clear();
                leaf.value.encode_value(value);
                push_leaf(out, &leaf.key, from, value);
            }
            (JobKind::Branch, NodeKind::Branch(id)) => {
                self.push_branch(&self.branches[id], out, value);
            }
            (JobKind::Extension, NodeKind::Branch(id)) => {
                push_extension(out, &self.branches[id].prefix, from, &slot.reference);
            }
            (JobKind::Stub, NodeKind::Stub(stub)) => {
                let stub = &self.stubs[stub];
                push_extension(out, &stub.prefix, from, &Reference::hash(stub.child));
            }
            _ => unreachable!("nothing changes between listing and encoding"),
        }
    }

    /// Appends the encoding of a branch whose children have their references.
    pub(super) fn push_branch(&self, branch: &Branch, out: &mut Vec<u8>, value: &mut Vec<u8>) {
        value.clear();
        if branch.has(VALUE_INDEX)
            && let NodeKind::Leaf(leaf) = self.slots[branch.slot_of(VALUE_INDEX)].node.kind()
        {
            self.leaves[leaf].value.encode_value(value);
        }
        let children = self.children_of(branch).iter().map(|slot| &slot.reference);
        push_branch(out, branch.mask as u16, children, value);
    }
}
