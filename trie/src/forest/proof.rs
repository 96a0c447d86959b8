//! The nodes on the way to a key, encoded.

use alloy_primitives::Bytes;
use braid_precompiles::Crypto;

use super::{Blinded, Branch, Forest, NodeKind, Place, Root};
use crate::{
    encode::{Reference, push_extension, push_leaf},
    nibbles::Nibbles,
    node::HASHED_LENGTH,
    value::Value,
};

impl<V: Value> Forest<V> {
    /// The nodes from the root to `key`, or to where it would be, with their paths. Nodes that are part of their parents are
    /// left out, and a trie without nodes has none.
    ///
    /// The trie has to be hashed.
    pub(crate) fn prove<C: Crypto>(
        &self,
        root: Root,
        key: &Nibbles,
        crypto: &C,
    ) -> Result<Vec<(Nibbles, Bytes)>, Blinded> {
        let mut trail = Vec::new();
        let place = self.locate(root, key, |slot| trail.push(slot));
        if let Place::Blinded(blinded) = place {
            return Err(blinded);
        }
        let mut nodes = Vec::new();
        let mut depth = 0;
        let mut push = |path: Nibbles, encoding: Vec<u8>| {
            if encoding.len() >= HASHED_LENGTH || path.is_empty() {
                nodes.push((path, Bytes::from(encoding)));
            }
        };
        for slot in trail {
            let mut out = Vec::new();
            match self.slots[slot].node.kind() {
                NodeKind::Leaf(leaf) => {
                    let leaf = &self.leaves[leaf];
                    // A value at a branch is part of the branch.
                    if depth <= leaf.key.len() {
                        let mut value = Vec::new();
                        leaf.value.encode_value(&mut value);
                        push_leaf(&mut out, &leaf.key, depth, &value);
                        push(leaf.key.prefix(depth), out);
                    }
                }
                NodeKind::Stub(stub) => {
                    let stub = &self.stubs[stub];
                    push_extension(&mut out, &stub.prefix, depth, &Reference::hash(stub.child));
                    push(stub.prefix.prefix(depth), out);
                }
                NodeKind::Branch(id) => {
                    let branch = &self.branches[id];
                    let encoding = self.encode_branch(branch);
                    let own_depth = branch.prefix.len();
                    if own_depth > depth {
                        let child = Reference::of(&encoding, crypto);
                        push_extension(&mut out, &branch.prefix, depth, &child);
                        push(branch.prefix.prefix(depth), out);
                    }
                    // A key that parts from the extension does not reach the branch.
                    if key.starts_with(&branch.prefix) {
                        push(branch.prefix, encoding);
                    }
                    depth = own_depth + 1;
                }
                NodeKind::Blinded | NodeKind::BlindedBranch | NodeKind::Empty => {}
            }
        }
        Ok(nodes)
    }

    fn encode_branch(&self, branch: &Branch) -> Vec<u8> {
        let (mut encoding, mut value) = (Vec::new(), Vec::new());
        self.push_branch(branch, &mut encoding, &mut value);
        encoding
    }
}
