//! Where nodes come from that are known by hash only.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::atomic::{AtomicBool, Ordering},
};

use alloy_primitives::{B256, Bytes, map::B256Map};
use braid_precompiles::Crypto;

use crate::{
    changes::{NodeChanges, Owner},
    nibbles::Nibbles,
};

/// Answers with the encodings of nodes, by place or by hash. What it answers is checked against the hash.
pub trait NodeSource {
    /// What a failed look-up reports.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The encoding of the node at `path` of the trie of `owner`, which has this hash; `None` if the source lacks it.
    ///
    /// # Errors
    /// Whatever the implementation cannot answer.
    fn node(&self, owner: Owner, path: &Nibbles, hash: B256) -> Result<Option<Bytes>, Self::Error>;
}

impl<S: NodeSource + ?Sized> NodeSource for &S {
    type Error = S::Error;

    fn node(&self, owner: Owner, path: &Nibbles, hash: B256) -> Result<Option<Bytes>, Self::Error> {
        (**self).node(owner, path, hash)
    }
}

/// The source of tries that are revealed as a whole: it has nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNodes;

impl NodeSource for NoNodes {
    type Error = Infallible;

    fn node(&self, _: Owner, _: &Nibbles, _: B256) -> Result<Option<Bytes>, Infallible> {
        Ok(None)
    }
}

/// Nodes in memory by trie and path, as a database keeps them: the nodes of one state, each once.
///
/// Tries that are equal do not share nodes here, so that one can change without the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeStore {
    nodes: BTreeMap<(Owner, Nibbles), Bytes>,
}

impl NodeStore {
    /// A store without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the changes of one or more blocks.
    pub fn apply(&mut self, changes: NodeChanges) {
        for account in changes.cleared {
            let places = Owner::Storage(account).places();
            self.nodes.extract_if(places, |_, _| true).for_each(drop);
        }
        for place in changes.removed {
            self.nodes.remove(&place);
        }
        let updated = changes.updated.into_iter();
        self.nodes.extend(updated.map(|(place, node)| (place, node.encoding)));
    }

    /// The nodes by trie and path.
    pub fn iter(&self) -> impl Iterator<Item = (Owner, &Nibbles, &Bytes)> {
        self.nodes.iter().map(|((owner, path), encoding)| (*owner, path, encoding))
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

impl NodeSource for NodeStore {
    type Error = Infallible;

    fn node(&self, owner: Owner, path: &Nibbles, _: B256) -> Result<Option<Bytes>, Infallible> {
        Ok(self.nodes.get(&(owner, *path)).cloned())
    }
}

/// Nodes by hash, as an execution witness lists them. Remembers which were used.
#[derive(Debug, Default)]
pub struct Witness {
    nodes: B256Map<WitnessNode>,
    size_bytes: usize,
}

#[derive(Debug)]
struct WitnessNode {
    encoding: Bytes,
    is_used: AtomicBool,
}

/// A witness with nodes that nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} of {total} nodes of the witness were not used, among them the one with hash {}", hashes.len(), hashes[0])]
pub struct SurplusNodes {
    /// Their hashes, in ascending order; not empty.
    pub hashes: Vec<B256>,
    /// Number of distinct nodes of the witness.
    pub total: usize,
}

impl Witness {
    /// A witness of these nodes in any order. One that is listed twice is kept once.
    pub fn new<C: Crypto>(nodes: impl IntoIterator<Item = Bytes>, crypto: &C) -> Self {
        let nodes: Vec<Bytes> = nodes.into_iter().collect();
        let encodings: Vec<&[u8]> = nodes.iter().map(|node| &node[..]).collect();
        let mut hashes = vec![B256::ZERO; nodes.len()];
        crypto.keccak256_batch(&encodings, &mut hashes);
        let mut witness = Self::default();
        for (hash, encoding) in hashes.into_iter().zip(nodes) {
            let size_bytes = encoding.len();
            let node = WitnessNode { encoding, is_used: AtomicBool::new(false) };
            if witness.nodes.insert(hash, node).is_none() {
                witness.size_bytes += size_bytes;
            }
        }
        witness
    }

    /// Number of distinct nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Length of all distinct nodes together.
    pub const fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Checks that every node was asked for.
    ///
    /// # Errors
    /// [`SurplusNodes`] with the hashes of the others.
    pub fn expect_all_used(&self) -> Result<(), SurplusNodes> {
        // Whoever asked has finished: no order between the threads is left to be kept.
        let unused = self.nodes.iter().filter(|(_, node)| !node.is_used.load(Ordering::Relaxed));
        let mut hashes: Vec<B256> = unused.map(|(hash, _)| *hash).collect();
        if hashes.is_empty() {
            return Ok(());
        }
        hashes.sort_unstable();
        Err(SurplusNodes { hashes, total: self.nodes.len() })
    }
}

impl NodeSource for Witness {
    type Error = Infallible;

    fn node(&self, _: Owner, _: &Nibbles, hash: B256) -> Result<Option<Bytes>, Infallible> {
        Ok(self.nodes.get(&hash).map(|node| {
            node.is_used.store(true, Ordering::Relaxed);
            node.encoding.clone()
        }))
    }
}
