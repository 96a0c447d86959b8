//! The root of a Merkle Patricia trie from its sorted leaves, without building the trie.
//!
//! Yellow paper, appendix D. Leaves arrive in order, so at any time only the branches on the path to the current leaf are
//! incomplete. They form a stack, outermost first.
//!
//! Two numbers decide everything: the depths (in nibbles) at which a leaf parts from its predecessor and from its
//! successor. The deeper of the two is the depth of the leaf's parent branch. Branches deeper than the latter are complete
//! once the leaf is attached; the gap between the depths of a branch and its parent, if any, is an extension node.
//!
//! Nodes are not hashed as they are completed but many at a time: leaves as soon as there is a batch of them, branches by
//! height above the leaves, so that those of one batch do not depend on each other. What is attached to an open branch is the
//! place where the reference of the child will be.

use std::hint::black_box;

use alloy_primitives::B256;
use braid_precompiles::Crypto;

use super::EMPTY_ROOT;
use crate::{
    encode::{BATCH, Batch, Reference, push_branch, push_extension, push_leaf},
    forest::TOGETHER,
    nibbles::Nibbles,
};

/// Root of the trie that holds these leaves, each a key of at most 32 bytes and its non-empty value. Keys are in strictly
/// ascending order; one may be a prefix of another.
///
/// # Panics
/// If a key is not greater than the one before, or longer than 32 bytes.
///
/// ```
/// use braid_precompiles::{Crypto, PortableCrypto};
/// use braid_trie::sorted_root;
/// let crypto = PortableCrypto::new();
/// // The only node is a leaf: the list of its path (0x20 marks a leaf) and its value.
/// let root = sorted_root([([0x12], [0x05])], &crypto);
/// assert_eq!(root, crypto.keccak256(&[0xc4, 0x82, 0x20, 0x12, 0x05]));
/// ```
pub fn sorted_root<K, V, C>(leaves: impl IntoIterator<Item = (K, V)>, crypto: &C) -> B256
where
    K: AsRef<[u8]>,
    V: AsRef<[u8]>,
    C: Crypto,
{
    let mut leaves = leaves.into_iter();
    let mut group = Vec::with_capacity(TOGETHER);
    let mut builder = Builder::new(crypto);
    let mut last: Option<(Nibbles, V)> = None;
    loop {
        group.extend(leaves.by_ref().take(TOGETHER));
        if group.is_empty() {
            break;
        }
        touch(&group);
        for (next_key, next_value) in group.drain(..) {
            let next = Nibbles::of_key(next_key.as_ref());
            if let Some((key, value)) = last.replace((next, next_value)) {
                assert!(key < next, "leaves are sorted by key, without duplicates");
                let shared = key.shared_with(&next);
                builder.add_leaf(&key, value.as_ref(), Some(shared));
                builder.close_deeper_than(shared, &key);
            }
        }
    }
    last.map_or(EMPTY_ROOT, |(key, value)| builder.finish(&key, value.as_ref()))
}

/// Waits for the memory of several leaves at the same time: they may be scattered, and one after the other takes long.
fn touch<K: AsRef<[u8]>, V: AsRef<[u8]>>(leaves: &[(K, V)]) {
    let ends =
        |bytes: &[u8]| bytes.first().zip(bytes.last()).map_or(0, |(a, b)| usize::from(a ^ b));
    let seen: usize =
        leaves.iter().map(|(key, value)| ends(key.as_ref()) + ends(value.as_ref())).sum();
    black_box(seen);
}

/// Branches that are completed before they are hashed.
const BRANCHES_AT_ONCE: usize = 1024;

/// A branch, its children still arriving or waiting to be hashed.
struct Branch {
    /// Nibbles above it: the length of the prefix that all keys below it share.
    depth: usize,
    /// Branches on the longest way down from it, itself included.
    height: usize,
    /// Bit for each child.
    mask: u16,
    /// Where the references of the children are, in order.
    children: [u32; 16],
    /// Its value; nothing for none.
    value: Vec<u8>,
}

/// A branch that is complete.
struct Complete {
    branch: Branch,
    /// A key below it, or what of it is needed.
    prefix: Nibbles,
    /// Where its own path starts: an extension leads from here to its depth.
    from: usize,
    /// Where its reference goes.
    place: u32,
}

struct Builder<'c, C> {
    crypto: &'c C,
    /// Branches on the path to the current leaf, outermost first.
    open: Vec<Branch>,
    /// References of children of branches that are open or complete.
    references: Vec<Reference>,
    /// Leaves that are encoded and not yet hashed, and where their references go.
    leaves: Batch,
    leaf_places: [u32; BATCH],
    /// Complete branches by height less one.
    complete: Vec<Vec<Complete>>,
    complete_count: usize,
    batch: Batch,
}

impl<'c, C: Crypto> Builder<'c, C> {
    fn new(crypto: &'c C) -> Self {
        Self {
            crypto,
            open: Vec::new(),
            references: Vec::new(),
            leaves: Batch::default(),
            leaf_places: [0; BATCH],
            complete: Vec::new(),
            complete_count: 0,
            batch: Batch::default(),
        }
    }

    /// Attaches a leaf to its parent branch, opening that first if need be. `shared` is the common prefix with the next
    /// leaf. Returns whether there is a parent: there is none if the leaf is the only one.
    fn add_leaf(&mut self, key: &Nibbles, value: &[u8], shared: Option<usize>) -> bool {
        if let Some(depth) = shared
            && self.open.last().is_none_or(|branch| branch.depth < depth)
        {
            self.open_branch(depth);
        }
        let Some(branch) = self.open.last_mut() else { return false };
        if branch.depth == key.len() {
            branch.value.extend_from_slice(value);
            return true;
        }
        let place = self.references.len() as u32;
        branch.attach(key.at(branch.depth), place, 0);
        let from = branch.depth + 1;
        self.references.push(Reference::UNKNOWN);
        self.leaf_places[self.leaves.len()] = place;
        self.leaves.push(|out| push_leaf(out, key, from, value));
        if self.leaves.is_full() {
            self.hash_leaves();
        }
        true
    }

    /// Completes branches until none is deeper than `depth`, at which one is then open. `key` is any key below them.
    fn close_deeper_than(&mut self, depth: usize, key: &Nibbles) {
        while let Some(branch) = self.open.pop_if(|branch| branch.depth > depth) {
            if self.open.last().is_none_or(|parent| parent.depth < depth) {
                self.open_branch(depth);
            }
            self.close(branch, key);
        }
        if self.complete_count >= BRANCHES_AT_ONCE {
            self.hash_complete();
            self.forget_used_references();
        }
    }

    /// Adds the last leaf, completes all branches and hashes the root node.
    fn finish(mut self, key: &Nibbles, value: &[u8]) -> B256 {
        if !self.add_leaf(key, value, None) {
            let mut leaf = Vec::new();
            push_leaf(&mut leaf, key, 0, value);
            return self.crypto.keccak256(&leaf);
        }
        while let Some(branch) = self.open.pop() {
            if !self.open.is_empty() {
                self.close(branch, key);
                continue;
            }
            self.hash_complete();
            let mut node = Vec::new();
            self.push_branch(&branch, &mut node);
            if branch.depth > 0 {
                let child = Reference::of(&node, self.crypto);
                node.clear();
                push_extension(&mut node, &key.prefix(branch.depth), 0, &child);
            }
            return self.crypto.keccak256(&node);
        }
        unreachable!("the last leaf has a parent")
    }

    fn open_branch(&mut self, depth: usize) {
        let (children, value) = ([0; 16], Vec::new());
        self.open.push(Branch { depth, height: 1, mask: 0, children, value });
    }

    /// Takes a branch that is complete off the stack's hands and attaches it to the innermost open one.
    fn close(&mut self, branch: Branch, key: &Nibbles) {
        let Some(parent) = self.open.last_mut() else { unreachable!("the parent was opened") };
        let place = self.references.len() as u32;
        parent.attach(key.at(parent.depth), place, branch.height);
        self.references.push(Reference::UNKNOWN);
        let level = branch.height - 1;
        if self.complete.len() <= level {
            self.complete.resize_with(level + 1, Vec::new);
        }
        let (prefix, from) = (key.prefix(branch.depth), parent.depth + 1);
        self.complete[level].push(Complete { branch, prefix, from, place });
        self.complete_count += 1;
    }

    fn hash_leaves(&mut self) {
        let references = self.leaves.references(self.crypto, |_| false);
        for (place, reference) in self.leaf_places[..self.leaves.len()].iter().zip(references) {
            self.references[*place as usize] = reference;
        }
        self.leaves.clear();
    }

    /// Hashes what is complete, from the leaves upwards.
    fn hash_complete(&mut self) {
        self.hash_leaves();
        let mut batch = std::mem::take(&mut self.batch);
        for level in 0..self.complete.len() {
            let mut complete = std::mem::take(&mut self.complete[level]);
            for chunk in complete.chunks(BATCH) {
                batch.clear();
                chunk.iter().for_each(|node| batch.push(|out| self.push_branch(&node.branch, out)));
                let references = batch.references(self.crypto, |_| false);
                chunk.iter().zip(references).for_each(|(node, reference)| {
                    self.references[node.place as usize] = reference;
                });
                self.hash_extensions(chunk, &mut batch);
            }
            complete.clear();
            self.complete[level] = complete;
        }
        self.batch = batch;
        self.complete_count = 0;
    }

    /// Puts extensions before those branches that need one.
    fn hash_extensions(&mut self, chunk: &[Complete], batch: &mut Batch) {
        batch.clear();
        let extended = || chunk.iter().filter(|node| node.branch.depth > node.from);
        for node in extended() {
            let child = &self.references[node.place as usize];
            batch.push(|out| push_extension(out, &node.prefix, node.from, child));
        }
        let references = batch.references(self.crypto, |_| false);
        for (node, reference) in extended().zip(references) {
            self.references[node.place as usize] = reference;
        }
    }

    /// Keeps the references of the children of open branches only.
    fn forget_used_references(&mut self) {
        let mut kept = Vec::with_capacity(self.references.capacity());
        for branch in &mut self.open {
            for place in &mut branch.children[..branch.mask.count_ones() as usize] {
                kept.push(self.references[*place as usize]);
                *place = (kept.len() - 1) as u32;
            }
        }
        self.references = kept;
    }

    fn push_branch(&self, branch: &Branch, out: &mut Vec<u8>) {
        let count = branch.mask.count_ones() as usize;
        let places = branch.children[..count].iter();
        let children = places.map(|place| &self.references[*place as usize]);
        push_branch(out, branch.mask, children, &branch.value);
    }
}

impl Branch {
    /// Adds a child whose index is above those of all that are there.
    fn attach(&mut self, index: u8, place: u32, height: usize) {
        self.children[self.mask.count_ones() as usize] = place;
        self.mask |= 1 << index;
        self.height = self.height.max(height + 1);
    }
}

#[cfg(test)]
mod tests;
