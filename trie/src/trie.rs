//! A single trie.

use std::slice;

use alloy_primitives::{B256, Bytes};
use braid_precompiles::Crypto;

use crate::{
    changes::Owner,
    forest::{Blinded, Forest, Hasher, Reveal, Root, RootJob},
    nibbles::Nibbles,
    node::NodeFault,
    roots::EMPTY_ROOT,
    value::Value,
};

/// A Merkle Patricia trie (yellow paper, appendix D), of which parts may be known by hash only.
///
/// Keys are paths of up to 64 nibbles; those of state tries are hashes. An operation that needs a blinded node returns
/// [`Blinded`] and changes nothing: [`Trie::reveal`] the node and try again. The root is computed from what changed since it
/// was last asked for.
///
/// ```
/// use braid_precompiles::{Crypto, PortableCrypto};
/// use braid_primitives::Bytes;
/// use braid_trie::{EMPTY_ROOT, Nibbles, Trie};
///
/// let crypto = PortableCrypto::new();
/// let key = Nibbles::of_key(&[0x12]);
/// let mut trie = Trie::new();
/// trie.insert(&key, Bytes::from_static(&[5]))?;
/// // The only node is a leaf: the list of its path (0x20 marks a leaf) and its value.
/// assert_eq!(trie.root(&crypto), crypto.keccak256(&[0xc4, 0x82, 0x20, 0x12, 0x05]));
/// trie.remove(&key)?;
/// assert_eq!(trie.root(&crypto), EMPTY_ROOT);
/// # Ok::<(), braid_trie::Blinded>(())
/// ```
#[derive(Clone, Debug)]
pub struct Trie<V> {
    forest: Forest<V>,
    root: Root,
    hasher: Hasher,
}

impl<V: Value> Default for Trie<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Value> Trie<V> {
    /// A trie without values.
    pub fn new() -> Self {
        Self::blinded(EMPTY_ROOT)
    }

    /// A trie of which only the root hash is known.
    pub fn blinded(root: B256) -> Self {
        let mut forest = Forest::default();
        let root = forest.plant(root);
        Self { forest, root, hasher: Hasher::default() }
    }

    /// The value at a key.
    ///
    /// # Errors
    /// [`Blinded`], if the way to the key is.
    pub fn get(&self, key: &Nibbles) -> Result<Option<&V>, Blinded> {
        self.forest.get(self.root, key)
    }

    /// Sets the value at a key and returns the one that was there. A value that stands for absence (zero, no bytes) removes.
    ///
    /// # Errors
    /// [`Blinded`], if the way to the key is; for a removal, see [`Self::remove`].
    pub fn insert(&mut self, key: &Nibbles, value: V) -> Result<Option<V>, Blinded> {
        if value.is_absent() {
            return self.remove(key);
        }
        self.forest.update(self.root, key, |_| value)
    }

    /// Removes the value at a key and returns it.
    ///
    /// # Errors
    /// [`Blinded`], if the way to the key is, or the only other child of the branch that the value hangs from: the
    /// branch goes, and what takes its place depends on the kind of that child.
    pub fn remove(&mut self, key: &Nibbles) -> Result<Option<V>, Blinded> {
        self.forest.remove(self.root, key, Owner::State, None)
    }

    /// Offers the node at `path`.
    ///
    /// # Errors
    /// [`NodeFault`], if the node is not the one whose hash is known, or not a node of such a trie; nothing changes.
    pub fn reveal<C: Crypto>(
        &mut self,
        path: &Nibbles,
        encoding: &[u8],
        crypto: &C,
    ) -> Result<Reveal, NodeFault> {
        self.forest.reveal(self.root, path, encoding, crypto)
    }

    /// The root hash.
    pub fn root<C: Crypto>(&mut self, crypto: &C) -> B256 {
        let job = RootJob { forest: 0, root: self.root, owner: Owner::State };
        self.hasher.hash(slice::from_mut(&mut self.forest), &[job], crypto, None);
        self.forest.root_hash(self.root)
    }

    /// The nodes from the root to `key`, or to where it would be: the proof that its value is what [`Self::get`] says.
    ///
    /// # Errors
    /// [`Blinded`], if the way to the key is.
    pub fn prove<C: Crypto>(&mut self, key: &Nibbles, crypto: &C) -> Result<Vec<Bytes>, Blinded> {
        self.root(crypto);
        let nodes = self.forest.prove(self.root, key, crypto)?;
        Ok(nodes.into_iter().map(|(_, node)| node).collect())
    }

    /// Puts hashes in the place of nodes that were not written or revealed since the last call, nor in the `keep` periods
    /// between calls before that.
    pub fn prune<C: Crypto>(&mut self, keep: u16, crypto: &C) {
        self.root(crypto);
        self.forest.prune(self.root, keep);
        self.forest.next_generation();
    }

    /// Nodes that are revealed; an extension counts with its branch.
    pub fn node_count(&self) -> usize {
        self.forest.node_count()
    }

    /// Memory in use, free places included.
    pub fn memory_bytes(&self) -> usize {
        self.forest.memory_bytes()
    }
}
