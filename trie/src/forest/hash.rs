//! Encodes and hashes what changed, many nodes at a time.
//!
//! A node's encoding holds the references of its children, so nodes are hashed level by level, deepest first. Those of one
//! level do not depend on each other and go to the hash function together, whichever trie they belong to. Leaves depend on
//! nothing and make one level of all depths.

use std::hint::black_box;

use braid_precompiles::Crypto;

use super::{
    Branch, Forest, NodeKind, Root, TOGETHER, VALUE_INDEX,
    pool::{NodeId, Slot},
};
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
    node: NodeId,
    /// Where its path ends; zero for a root only.
    depth: u8,
    kind: JobKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JobKind {
    /// A leaf, a branch, or the extension before a blinded branch.
    Node,
    /// The extension before a branch whose own reference is in the slot already.
    Extension,
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
        self.collect(forests, roots);
        let mut leaves = std::mem::take(&mut self.leaves);
        self.encode_all(forests, roots, &leaves, crypto, &mut changes);
        leaves.clear();
        self.leaves = leaves;
        for level in (0..self.levels.len()).rev() {
            let mut jobs = std::mem::take(&mut self.levels[level]);
            self.encode_all(forests, roots, &jobs, crypto, &mut changes);
            jobs.clear();
            self.levels[level] = jobs;
        }
    }

    /// Lists the dirty nodes. Level by level, so that the nodes of one level are waited for together.
    fn collect<V: Value>(&mut self, forests: &[Forest<V>], roots: &[RootJob]) {
        for (trie, RootJob { forest, root, .. }) in roots.iter().enumerate() {
            self.list(&forests[*forest], trie as u32, root.0, 0, 0);
        }
        let mut level = 0;
        while level < self.levels.len() {
            let jobs = std::mem::take(&mut self.levels[level]);
            for chunk in jobs.chunks(TOGETHER) {
                touch(forests, roots, chunk);
                for job in chunk.iter().filter(|job| job.kind == JobKind::Node) {
                    let forest = &forests[roots[job.trie as usize].forest];
                    if let NodeKind::Branch(id) = job.node.kind() {
                        for child in forest.branches[id].child_range() {
                            self.list(forest, job.trie, child, job.depth + 1, level + 1);
                        }
                    }
                }
            }
            self.levels[level] = jobs;
            level += 1;
        }
    }

    /// Lists the node in a slot, if it is dirty. Its path ends at `depth`.
    fn list<V: Value>(
        &mut self,
        forest: &Forest<V>,
        trie: u32,
        slot: u32,
        depth: u8,
        level: usize,
    ) {
        let Slot { node, .. } = forest.slots[slot];
        if !forest.slots[slot].is_dirty() {
            return;
        }
        let job = Job { slot, trie, node, depth, kind: JobKind::Node };
        match node.kind() {
            NodeKind::Leaf(_) | NodeKind::Stub(_) => self.leaves.push(job),
            NodeKind::Branch(id) => {
                let own_depth = forest.branches[id].prefix.len() as u8;
                let mut level = level;
                if own_depth > depth {
                    self.push_to_level(level, Job { kind: JobKind::Extension, ..job });
                    level += 1;
                }
                self.push_to_level(level, Job { depth: own_depth, ..job });
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
            for jobs in jobs.chunks(TOGETHER) {
                touch(forests, roots, jobs);
                for job in jobs {
                    let forest = &forests[roots[job.trie as usize].forest];
                    batch.push(|out| forest.encode(job, out, value));
                }
            }
            // No node but a root starts at depth 0.
            let references = batch.references(crypto, |index| jobs[index].depth == 0);
            for (index, (job, reference)) in jobs.iter().zip(&references).enumerate() {
                let RootJob { forest, owner, .. } = roots[job.trie as usize];
                let forest = &mut forests[forest];
                if let Some(changes) = changes {
                    let encoding = batch.encoding(index);
                    changes.record(owner, forest.path_of(job), reference.as_hash(), encoding);
                }
                forest.slots[job.slot].reference = *reference;
            }
        }
    }
}

/// Waits for the nodes of at most [`TOGETHER`] jobs at the same time, and for the children of branches.
fn touch<V: Value>(forests: &[Forest<V>], roots: &[RootJob], jobs: &[Job]) {
    let mut runs = [&[][..]; TOGETHER];
    let mut seen = 0_usize;
    for (run, job) in runs.iter_mut().zip(jobs) {
        let forest = &forests[roots[job.trie as usize].forest];
        match job.node.kind() {
            NodeKind::Leaf(leaf) => seen += forest.leaves[leaf].key.len(),
            NodeKind::Branch(id) if job.kind == JobKind::Node => {
                *run = forest.slots.range(forest.branches[id].range());
            }
            _ => {}
        }
    }
    for slot in runs.into_iter().flatten() {
        seen += usize::from(slot.reference.length);
    }
    black_box(seen);
}

impl<V: Value> Forest<V> {
    fn path_of(&self, job: &Job) -> Nibbles {
        let path = match job.node.kind() {
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
        match (job.kind, job.node.kind()) {
            (JobKind::Node, NodeKind::Leaf(leaf)) => {
                let leaf = &self.leaves[leaf];
                value.clear();
                leaf.value.encode_value(value);
                push_leaf(out, &leaf.key, from, value);
            }
            (JobKind::Node, NodeKind::Branch(id)) => {
                self.push_branch(&self.branches[id], out, value);
            }
            (JobKind::Node, NodeKind::Stub(stub)) => {
                let stub = &self.stubs[stub];
                push_extension(out, &stub.prefix, from, &Reference::hash(stub.child));
            }
            (JobKind::Extension, NodeKind::Branch(id)) => {
                let child = &self.slots[job.slot].reference;
                push_extension(out, &self.branches[id].prefix, from, child);
            }
            _ => unreachable!("only revealed nodes are listed"),
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
