//! Waits for memory once instead of many times.
//!
//! In a large state every step of a search is a cache miss, and the next step depends on it. Searches for several keys do not
//! depend on each other: taken in turns, their misses overlap. Nothing is remembered but by the cache.

use std::hint::black_box;

use super::{Branch, Forest, NodeKind, Root, child_index, pool::NodeId};
use crate::{nibbles::Nibbles, value::Value};

/// Searches that are taken in turns: about as many misses as a core has under way.
pub(crate) const TOGETHER: usize = 16;

/// A search for a key.
#[derive(Debug)]
pub(crate) struct Search<'a, V> {
    pub(crate) forest: &'a Forest<V>,
    pub(crate) root: Root,
    pub(crate) key: Nibbles,
}

/// Goes to the places of keys, of which there are at most [`TOGETHER`].
pub(crate) fn warm<V: Value>(searches: &[Search<'_, V>]) {
    let mut slots = [0; TOGETHER];
    let mut nodes = [NodeId::EMPTY; TOGETHER];
    let mut seen = 0_usize;
    for (slot, search) in slots.iter_mut().zip(searches) {
        *slot = search.root.0;
    }
    let mut under_way = searches.len();
    while under_way > 0 {
        for ((node, slot), search) in nodes.iter_mut().zip(slots).zip(searches) {
            // A search that ended stays where it is, in the cache.
            *node = search.forest.slots[slot].node;
        }
        under_way = 0;
        for ((node, slot), Search { forest, key, .. }) in nodes.iter().zip(&mut slots).zip(searches)
        {
            match node.kind() {
                NodeKind::Branch(id) => {
                    let branch = &forest.branches[id];
                    if let Some(next) = step(branch, key) {
                        *slot = next;
                        under_way += 1;
                    }
                }
                NodeKind::Leaf(leaf) => seen += forest.leaves[leaf].key.len(),
                NodeKind::Stub(stub) => seen += forest.stubs[stub].prefix.len(),
                NodeKind::Blinded | NodeKind::BlindedBranch | NodeKind::Empty => {}
            }
        }
    }
    black_box(seen);
}

/// The slot that a key leads to below a branch, if it does. Whether the key has the branch's prefix does not matter here.
fn step(branch: &Branch, key: &Nibbles) -> Option<u32> {
    let depth = branch.prefix.len();
    if depth > key.len() {
        return None;
    }
    let index = child_index(key, depth);
    branch.has(index).then(|| branch.slot_of(index))
}
