//! Sparse tries in an arena: the data structure under everything in this crate.
//!
//! A forest holds any number of tries that share their storage; each is known by the slot of its root. Three choices make it
//! quick and small:
//!
//! - **Nodes know their whole path.** A leaf holds its key, a branch what all its keys begin with. An extension is not a node:
//!   it is the gap between a branch and its parent. So a split or a collapse moves one slot and rewrites no path.
//! - **A parent holds the references of its children**, so that encoding a branch touches no child, and a child that is
//!   *blinded* (known by hash only) takes a slot and nothing else.
//! - **A slot without reference is dirty**: something below it changed. Hashing walks dirty slots only.
//!
//! Every operation either succeeds or says which blinded node it needs and changes nothing.

mod hash;
mod pool;
mod proof;
mod prune;
mod reveal;
#[cfg(test)]
mod tests;
mod warm;

use alloy_primitives::B256;

pub(crate) use hash::{Hasher, RootJob};
use pool::{Branch, Leaf, NodeId, NodeKind, Pool, Slot, SlotPool, Stub, VALUE_INDEX};
pub use reveal::Reveal;
pub(crate) use warm::{Search, TOGETHER, warm};

use crate::{
    changes::{NodeChanges, Owner},
    encode::Reference,
    nibbles::Nibbles,
    roots::EMPTY_ROOT,
    value::Value,
};

/// A node that is needed and known by hash only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("the node at {path} with hash {hash} is needed and was not revealed")]
pub struct Blinded {
    /// Where it is.
    pub path: Nibbles,
    /// Its hash.
    pub hash: B256,
}

/// A trie within a forest: the slot of its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Root(u32);

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(crate) struct Forest<V> {
    leaves: Pool<Leaf<V>>,
    branches: Pool<Branch>,
    stubs: Pool<Stub>,
    slots: SlotPool,
    /// Slots on the way to the last key that was looked for; kept for its allocation.
    trail: Vec<u32>,
    /// Stamp of the slots read, written or revealed now.
    generation: u16,
}

impl<V> Default for Forest<V> {
    fn default() -> Self {
        Self {
            leaves: Pool::default(),
            branches: Pool::default(),
            stubs: Pool::default(),
            slots: SlotPool::default(),
            trail: Vec::new(),
            generation: 0,
        }
    }
}

/// Where the search for a key ended: in the node of the last slot visited.
enum Place {
    /// At the leaf of the key.
    Leaf(u32),
    /// At the root of a trie without nodes.
    Empty,
    /// At a node that shares only this many nibbles with the key.
    Fork { shared: usize },
    /// At a branch that lacks the key's child.
    NoChild { branch: u32, index: u8 },
    /// Above a node that is not revealed.
    Blinded(Blinded),
}

/// Which child of a branch at `depth` a path leads to.
#[inline]
fn child_index(path: &Nibbles, depth: usize) -> u8 {
    if path.len() == depth { VALUE_INDEX } else { path.at(depth) }
}

impl<V: Value> Forest<V> {
    /// A trie with this root hash, its nodes not revealed.
    pub(crate) fn plant(&mut self, root: B256) -> Root {
        let node = if root == EMPTY_ROOT { NodeId::EMPTY } else { NodeId::BLINDED };
        let reference = Reference::hash(root.0);
        Root(self.slots.insert_root(Slot { reference, touched: self.generation, node }))
    }

    /// Removes a trie.
    pub(crate) fn uproot(&mut self, root: Root) {
        self.free_below(self.slots[root.0].node);
        self.slots.remove_root(root.0);
    }

    /// The root hash of a trie that did not change since it was hashed.
    pub(crate) fn root_hash(&self, root: Root) -> B256 {
        let slot = &self.slots[root.0];
        assert!(!slot.is_dirty(), "a trie is hashed before its root is asked for");
        B256::new(slot.reference.bytes)
    }

    /// The value at a key.
    pub(crate) fn get(&self, root: Root, key: &Nibbles) -> Result<Option<&V>, Blinded> {
        self.value_at(self.locate(root, key, |_| {}))
    }

    /// The value at a key, whose way is in use from now on: it will not be pruned soon.
    pub(crate) fn read(&mut self, root: Root, key: &Nibbles) -> Result<Option<&V>, Blinded> {
        let (place, trail) = self.trace(root, key);
        for slot in &trail {
            self.slots[*slot].touched = self.generation;
        }
        self.trail = trail;
        self.value_at(place)
    }

    fn value_at(&self, place: Place) -> Result<Option<&V>, Blinded> {
        match place {
            Place::Leaf(leaf) => Ok(Some(&self.leaves[leaf].value)),
            Place::Blinded(blinded) => Err(blinded),
            Place::Empty | Place::Fork { .. } | Place::NoChild { .. } => Ok(None),
        }
    }

    /// Searches for a key. Returns the slots on the way, too, in a list whose allocation belongs back into `trail`.
    fn trace(&mut self, root: Root, key: &Nibbles) -> (Place, Vec<u32>) {
        let mut trail = std::mem::take(&mut self.trail);
        trail.clear();
        let place = self.locate(root, key, |slot| trail.push(slot));
        (place, trail)
    }

    /// Sets the value at a key to what `make` makes of the one that is there. Returns that one.
    ///
    /// A value that does not change leaves the trie as clean as it was.
    pub(crate) fn update(
        &mut self,
        root: Root,
        key: &Nibbles,
        make: impl FnOnce(Option<&V>) -> V,
    ) -> Result<Option<V>, Blinded> {
        let (place, trail) = self.trace(root, key);
        let result = self.update_at(place, &trail, key, make);
        self.trail = trail;
        result
    }

    fn update_at(
        &mut self,
        place: Place,
        trail: &[u32],
        key: &Nibbles,
        make: impl FnOnce(Option<&V>) -> V,
    ) -> Result<Option<V>, Blinded> {
        let Some(last) = trail.last().copied() else { unreachable!("a root was visited") };
        let generation = self.generation;
        let previous = match place {
            Place::Blinded(blinded) => return Err(blinded),
            Place::Leaf(leaf) => {
                let leaf = &mut self.leaves[leaf];
                let value = make(Some(&leaf.value));
                if value == leaf.value {
                    return Ok(Some(value));
                }
                Some(std::mem::replace(&mut leaf.value, value))
            }
            Place::Empty => {
                self.slots[last].node = self.new_leaf(key, make(None));
                None
            }
            Place::NoChild { branch, index } => {
                let leaf = self.new_leaf(key, make(None));
                let slot = Slot::dirty(leaf, generation);
                self.slots.add_child(&mut self.branches[branch], index, slot);
                None
            }
            Place::Fork { shared } => {
                let leaf = self.new_leaf(key, make(None));
                self.fork(last, shared, key, leaf);
                None
            }
        };
        self.mark_changed(trail);
        Ok(previous)
    }

    fn new_leaf(&mut self, key: &Nibbles, value: V) -> NodeId {
        NodeId::leaf(self.leaves.insert(Leaf { key: *key, value }))
    }

    /// Puts a branch at the place where the node in `slot` and a new key part.
    fn fork(&mut self, slot: u32, shared: usize, key: &Nibbles, leaf: NodeId) {
        let node = self.slots[slot].node;
        let (path, old) = match node.kind() {
            NodeKind::Leaf(index) => (&self.leaves[index].key, Slot::dirty(node, 0)),
            NodeKind::Branch(index) => (&self.branches[index].prefix, Slot::dirty(node, 0)),
            NodeKind::Stub(index) => {
                let stub = &self.stubs[index];
                // Where nothing is left of the extension, its branch is the child.
                let old = if stub.prefix.len() == shared + 1 {
                    let reference = Reference::hash(stub.child);
                    self.stubs.remove(index);
                    Slot { reference, touched: 0, node: NodeId::BLINDED_BRANCH }
                } else {
                    Slot::dirty(node, 0)
                };
                (&self.stubs[index].prefix, old)
            }
            NodeKind::Blinded | NodeKind::BlindedBranch | NodeKind::Empty => {
                unreachable!("only a node with a path parts from a key")
            }
        };
        let touched = self.slots[slot].touched;
        let old = Slot { touched, ..old };
        let new = Slot::dirty(leaf, self.generation);
        let (old_index, new_index) = (child_index(path, shared), child_index(key, shared));
        let children = if old_index < new_index { [old, new] } else { [new, old] };
        let mask = 1 << old_index | 1 << new_index;
        let branch = self.slots.branch(key.prefix(shared), mask, &children);
        self.slots[slot].node = NodeId::branch(self.branches.insert(branch));
    }

    /// Removes the value at a key and returns it. The paths at which no node is any more go to `changes`, if that records.
    pub(crate) fn remove(
        &mut self,
        root: Root,
        key: &Nibbles,
        owner: Owner,
        mut changes: Option<&mut NodeChanges>,
    ) -> Result<Option<V>, Blinded> {
        let (place, trail) = self.trace(root, key);
        let mut vacated = |path| {
            if let Some(changes) = &mut changes {
                changes.remove(owner, path);
            }
        };
        let result = match place {
            Place::Blinded(blinded) => Err(blinded),
            Place::Leaf(leaf) => self.remove_leaf(&trail, key, &mut vacated).map(|()| {
                let value = self.leaves[leaf].value.clone();
                self.leaves.remove(leaf);
                Some(value)
            }),
            Place::Empty | Place::Fork { .. } | Place::NoChild { .. } => Ok(None),
        };
        self.trail = trail;
        result
    }

    /// Takes the leaf of the last slot out of the trie.
    fn remove_leaf(
        &mut self,
        trail: &[u32],
        key: &Nibbles,
        vacated: &mut impl FnMut(Nibbles),
    ) -> Result<(), Blinded> {
        let [above @ .., last] = trail else { unreachable!("a root was visited") };
        let Some(parent) = above.last().copied() else {
            vacated(Nibbles::EMPTY);
            let slot = &mut self.slots[*last];
            slot.node = NodeId::EMPTY;
            slot.reference = Reference::hash(EMPTY_ROOT.0);
            slot.touched = self.generation;
            return Ok(());
        };
        let NodeKind::Branch(id) = self.slots[parent].node.kind() else {
            unreachable!("a slot below another belongs to a branch")
        };
        let (depth, index) = {
            let depth = self.branches[id].prefix.len();
            (depth, child_index(key, depth))
        };
        if self.branches[id].count() > 2 {
            self.slots.remove_child(&mut self.branches[id], index);
        } else {
            self.collapse(parent, id, index, vacated)?;
        }
        if index != VALUE_INDEX {
            vacated(key.prefix(depth + 1));
        }
        self.mark_changed(above);
        Ok(())
    }

    /// Replaces the branch in the slot `parent`, which is about to lose the child `index`, by its only other child.
    fn collapse(
        &mut self,
        parent: u32,
        id: u32,
        index: u8,
        vacated: &mut impl FnMut(Nibbles),
    ) -> Result<(), Blinded> {
        let branch = &self.branches[id];
        let prefix = branch.prefix;
        let Some((sibling_index, sibling)) =
            branch.children().find(|(sibling, _)| *sibling != index)
        else {
            unreachable!("a branch has two children")
        };
        let sibling = self.slots[sibling];
        // The value of a branch has no path of its own, and is never blinded.
        let path = prefix.push(sibling_index).filter(|_| sibling_index != VALUE_INDEX);
        let (node, moves) = match (sibling.node.kind(), path) {
            (NodeKind::Blinded, Some(path)) => {
                return Err(Blinded { path, hash: B256::new(sibling.reference.bytes) });
            }
            (NodeKind::BlindedBranch, Some(path)) => {
                let stub = Stub { prefix: path, child: sibling.reference.bytes };
                (NodeId::stub(self.stubs.insert(stub)), false)
            }
            (NodeKind::Branch(below), _) => {
                let is_bare = self.branches[below].prefix.len() == prefix.len() + 1;
                (sibling.node, !is_bare)
            }
            _ => (sibling.node, true),
        };
        if let Some(path) = path.filter(|_| moves) {
            vacated(path);
        }
        vacated(prefix);
        self.slots.release_branch(&self.branches[id]);
        self.branches.remove(id);
        self.slots[parent].node = node;
        Ok(())
    }

    /// Walks from the root towards `key`, showing the slots on the way.
    #[inline]
    fn locate(&self, root: Root, key: &Nibbles, mut visit: impl FnMut(u32)) -> Place {
        let mut slot = root.0;
        let mut depth = 0;
        loop {
            visit(slot);
            match self.slots[slot].node.kind() {
                NodeKind::Leaf(leaf) => {
                    let found = &self.leaves[leaf].key;
                    if found == key {
                        return Place::Leaf(leaf);
                    }
                    return Place::Fork { shared: found.shared_with(key) };
                }
                NodeKind::Branch(id) => {
                    let branch = &self.branches[id];
                    let shared = branch.prefix.shared_with(key);
                    if shared < branch.prefix.len() {
                        return Place::Fork { shared };
                    }
                    let index = child_index(key, shared);
                    if !branch.has(index) {
                        return Place::NoChild { branch: id, index };
                    }
                    slot = branch.slot_of(index);
                    depth = shared + 1;
                }
                NodeKind::Stub(stub) => {
                    let stub = &self.stubs[stub];
                    let shared = stub.prefix.shared_with(key);
                    if shared < stub.prefix.len() {
                        return Place::Fork { shared };
                    }
                    let hash = B256::new(stub.child);
                    return Place::Blinded(Blinded { path: stub.prefix, hash });
                }
                NodeKind::Blinded | NodeKind::BlindedBranch => {
                    let hash = B256::new(self.slots[slot].reference.bytes);
                    return Place::Blinded(Blinded { path: key.prefix(depth), hash });
                }
                NodeKind::Empty => return Place::Empty,
            }
        }
    }

    /// The slots of a branch's children without its value.
    fn children_of(&self, branch: &Branch) -> &[Slot] {
        self.slots.range(branch.child_range())
    }

    fn mark_changed(&mut self, trail: &[u32]) {
        for slot in trail {
            let slot = &mut self.slots[*slot];
            slot.reference.length = 0;
            slot.touched = self.generation;
        }
    }

    /// Frees a node and everything below it.
    fn free_below(&mut self, node: NodeId) {
        match node.kind() {
            NodeKind::Leaf(leaf) => self.leaves.remove(leaf),
            NodeKind::Stub(stub) => self.stubs.remove(stub),
            NodeKind::Branch(id) => {
                for slot in self.branches[id].range() {
                    self.free_below(self.slots[slot].node);
                }
                self.slots.release_branch(&self.branches[id]);
                self.branches.remove(id);
            }
            NodeKind::Blinded | NodeKind::BlindedBranch | NodeKind::Empty => {}
        }
    }

    /// Nodes that are revealed. An extension counts with its branch.
    pub(crate) fn node_count(&self) -> usize {
        self.leaves.len() + self.branches.len() + self.stubs.len()
    }

    /// Memory in use, free places included.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.leaves.memory_bytes()
            + self.branches.memory_bytes()
            + self.stubs.memory_bytes()
            + self.slots.memory_bytes()
    }
}
