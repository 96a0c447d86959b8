//! Forgets nodes that were not used for a while.

use super::{Forest, NodeId, NodeKind, Root};
use crate::value::Value;

impl<V: Value> Forest<V> {
    /// Starts a new generation: what is read, written or revealed from now on is younger than all before.
    pub(crate) fn next_generation(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    /// Whether nothing below the root was read, written or revealed in the last `keep` generations.
    pub(crate) fn is_older_than(&self, root: Root, keep: u16) -> bool {
        self.is_old(root.0, keep)
    }

    /// Puts hashes in the place of clean nodes that were not read, written or revealed in the last `keep` generations.
    ///
    /// What changed and was not hashed since, and nodes without a hash of their own, stay.
    pub(crate) fn prune(&mut self, root: Root, keep: u16) {
        self.prune_slot(root.0, 0, keep);
    }

    fn is_old(&self, slot: u32, keep: u16) -> bool {
        self.generation.wrapping_sub(self.slots[slot].touched) > keep
    }

    fn prune_slot(&mut self, slot: u32, depth: usize, keep: u16) {
        let node = self.slots[slot].node;
        let has_hash = self.slots[slot].reference.length == 32;
        let is_revealed =
            matches!(node.kind(), NodeKind::Leaf(_) | NodeKind::Branch(_) | NodeKind::Stub(_));
        if is_revealed && has_hash && self.is_old(slot, keep) {
            let is_bare_branch = matches!(
                node.kind(), NodeKind::Branch(id) if self.branches[id].prefix.len() == depth
            );
            self.free_below(node);
            self.slots[slot].node =
                if is_bare_branch { NodeId::BLINDED_BRANCH } else { NodeId::BLINDED };
            return;
        }
        if let NodeKind::Branch(id) = node.kind() {
            let below = self.branches[id].prefix.len() + 1;
            for child in self.branches[id].range() {
                self.prune_slot(child, below, keep);
            }
        }
    }
}
