//! Puts nodes in the place of their hashes.

use alloy_primitives::B256;
use braid_precompiles::Crypto;

use super::{
    Forest, Root, VALUE_INDEX, child_index,
    pool::{Leaf, NodeId, NodeKind, Slot, Stub},
};
use crate::{
    encode::Reference,
    nibbles::Nibbles,
    node::{Child, DecodedNode, NodeFault, WIDTH, decode_node},
    value::Value,
};

/// What became of a node that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reveal {
    /// It took the place of its hash.
    Revealed,
    /// The node at this path is known, in this or a later version.
    Known,
    /// There is no node at this path (any more): it was removed or became part of another.
    Gone,
}

/// Longest node of a trie whose keys are hashes: a branch of 16 hashes.
const MAX_HASHED_KEY_NODE_BYTES: usize = 3 + 16 * 33 + 1;

/// Where a node that is known by hash is wanted.
#[derive(Clone, Copy)]
enum Vacancy {
    /// In this slot.
    Slot(u32),
    /// Below the extension in this slot.
    Stub { slot: u32, stub: u32 },
}

impl<V: Value> Forest<V> {
    /// Offers the node at `path`. Its hash has to be the one that is known; what was changed since is never overwritten.
    ///
    /// # Errors
    /// [`NodeFault`] if it is another node or no node; the trie is unchanged.
    pub(crate) fn reveal<C: Crypto>(
        &mut self,
        root: Root,
        path: &Nibbles,
        bytes: &[u8],
        crypto: &C,
    ) -> Result<Reveal, NodeFault> {
        let vacancy = match self.find_vacancy(root, path) {
            Ok(vacancy) => vacancy,
            Err(other) => return Ok(other),
        };
        let expected = match vacancy {
            Vacancy::Slot(slot) => B256::new(self.slots[slot].reference.bytes),
            Vacancy::Stub { stub, .. } => B256::new(self.stubs[stub].child),
        };
        check_size::<V>(bytes)?;
        let found = crypto.keccak256(bytes);
        if found != expected {
            return Err(NodeFault::WrongHash { expected, found, size_bytes: bytes.len() });
        }
        let decoded = Decoded::<V>::of(path, bytes)?;
        match (vacancy, decoded) {
            (Vacancy::Slot(slot), decoded) => {
                let must_be_branch = self.slots[slot].node == NodeId::BLINDED_BRANCH;
                if must_be_branch && !matches!(decoded, Decoded::Branch { .. }) {
                    return Err(NodeFault::ExtensionToNoBranch);
                }
                let node = self.install(decoded);
                self.slots[slot].node = node;
            }
            (Vacancy::Stub { slot, stub }, decoded @ Decoded::Branch { .. }) => {
                self.stubs.remove(stub);
                let node = self.install(decoded);
                self.slots[slot].node = node;
            }
            (Vacancy::Stub { .. }, _) => return Err(NodeFault::ExtensionToNoBranch),
        }
        Ok(Reveal::Revealed)
    }

    /// Where the node at `path` is wanted, or why it is not.
    fn find_vacancy(&mut self, root: Root, path: &Nibbles) -> Result<Vacancy, Reveal> {
        let mut slot = root.0;
        let mut depth = 0;
        loop {
            // What is revealed is in use, and so is what is above it.
            self.slots[slot].touched = self.generation;
            let node = self.slots[slot].node.kind();
            if depth == path.len() {
                return match node {
                    NodeKind::Blinded | NodeKind::BlindedBranch => Ok(Vacancy::Slot(slot)),
                    NodeKind::Empty => Err(Reveal::Gone),
                    NodeKind::Leaf(_) | NodeKind::Branch(_) | NodeKind::Stub(_) => {
                        Err(Reveal::Known)
                    }
                };
            }
            match node {
                NodeKind::Branch(id) => {
                    let branch = &self.branches[id];
                    if !path.starts_with(&branch.prefix) {
                        return Err(Reveal::Gone);
                    }
                    let own_depth = branch.prefix.len();
                    if own_depth == path.len() {
                        return Err(Reveal::Known);
                    }
                    let index = child_index(path, own_depth);
                    if !branch.has(index) {
                        return Err(Reveal::Gone);
                    }
                    slot = branch.slot_of(index);
                    depth = own_depth + 1;
                }
                NodeKind::Stub(stub) if self.stubs[stub].prefix == *path => {
                    return Ok(Vacancy::Stub { slot, stub });
                }
                // Below a blinded node nothing is known to be wanted.
                _ => return Err(Reveal::Gone),
            }
        }
    }

    fn install(&mut self, decoded: Decoded<V>) -> NodeId {
        match decoded {
            Decoded::Leaf(leaf) => NodeId::leaf(self.leaves.insert(leaf)),
            Decoded::Stub(stub) => NodeId::stub(self.stubs.insert(stub)),
            Decoded::Branch { prefix, children } => {
                let mut slots = [Slot::dirty(NodeId::EMPTY, 0); WIDTH + 1];
                let mut mask = 0;
                let count = children.len();
                for (slot, (index, child)) in slots.iter_mut().zip(children) {
                    mask |= 1 << index;
                    let touched = self.generation;
                    *slot = match child {
                        DecodedChild::Hash(hash) => {
                            let reference = Reference::hash(hash.0);
                            Slot { reference, touched, node: NodeId::BLINDED }
                        }
                        DecodedChild::Node { reference, node } => {
                            Slot { reference, touched, node: self.install(*node) }
                        }
                    };
                }
                let branch = self.slots.branch(prefix, mask, &slots[..count]);
                NodeId::branch(self.branches.insert(branch))
            }
        }
    }
}

fn check_size<V: Value>(bytes: &[u8]) -> Result<(), NodeFault> {
    let limit_bytes = MAX_HASHED_KEY_NODE_BYTES;
    if V::KEY_NIBBLES.is_some() && bytes.len() > limit_bytes {
        return Err(NodeFault::TooLarge { size_bytes: bytes.len(), limit_bytes });
    }
    Ok(())
}

/// A node with those that it contains, checked to the end before the trie is touched.
enum Decoded<V> {
    Leaf(Leaf<V>),
    Stub(Stub),
    /// Children with their indices, in order; the value last.
    Branch {
        prefix: Nibbles,
        children: Vec<(u8, DecodedChild<V>)>,
    },
}

enum DecodedChild<V> {
    Hash(B256),
    Node { reference: Reference, node: Box<Decoded<V>> },
}

impl<V: Value> Decoded<V> {
    /// Decodes the node at `path`. A node shorter than a hash can hold another, which is shorter still: the recursion ends.
    fn of(path: &Nibbles, bytes: &[u8]) -> Result<Self, NodeFault> {
        match decode_node(path, bytes)? {
            DecodedNode::Leaf { key, value } => Self::leaf(key, value).map(Self::Leaf),
            DecodedNode::Extension { prefix, child } => match child {
                Child::Hash(hash) => Ok(Self::Stub(Stub { prefix, child: hash.0 })),
                Child::Inline(bytes) => match Self::of(&prefix, bytes)? {
                    branch @ Self::Branch { .. } => Ok(branch),
                    Self::Leaf(_) | Self::Stub(_) => Err(NodeFault::ExtensionToNoBranch),
                },
                Child::Absent => Err(NodeFault::ExtensionToNoBranch),
            },
            DecodedNode::Branch { children, value } => Self::branch(path, &children, value),
        }
    }

    fn leaf(key: Nibbles, value: &[u8]) -> Result<Leaf<V>, NodeFault> {
        if let Some(expected) = V::KEY_NIBBLES.filter(|expected| *expected != key.len()) {
            return Err(NodeFault::KeyLength { nibbles: key.len(), expected });
        }
        let expected = V::EXPECTED;
        let value = V::decode_value(value).ok_or(NodeFault::Value { expected })?;
        Ok(Leaf { key, value })
    }

    fn branch(
        path: &Nibbles,
        children: &[Child<'_>; WIDTH],
        value: &[u8],
    ) -> Result<Self, NodeFault> {
        let expected = V::KEY_NIBBLES.unwrap_or(Nibbles::MAX);
        let too_deep = NodeFault::KeyLength { nibbles: Nibbles::MAX + 1, expected };
        let mut decoded = Vec::with_capacity(WIDTH + 1);
        for (index, child) in (0..VALUE_INDEX).zip(children) {
            let below = path.push(index).ok_or_else(|| too_deep.clone())?;
            let child = match child {
                Child::Absent => continue,
                Child::Hash(hash) => DecodedChild::Hash(*hash),
                Child::Inline(bytes) => {
                    let node = Box::new(Self::of(&below, bytes)?);
                    DecodedChild::Node { reference: Reference::inline(bytes), node }
                }
            };
            decoded.push((index, child));
        }
        if !value.is_empty() {
            let node = Box::new(Self::Leaf(Self::leaf(*path, value)?));
            decoded.push((VALUE_INDEX, DecodedChild::Node { reference: Reference::UNKNOWN, node }));
        }
        Ok(Self::Branch { prefix: *path, children: decoded })
    }
}
