//! Why a trie cannot go on.

use alloy_primitives::B256;

use crate::{changes::Owner, nibbles::Nibbles, node::NodeFault};

/// A node that is needed and known by hash only: what to ask a database or peer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeRequest {
    /// Whose trie.
    pub owner: Owner,
    /// Where in it.
    pub path: Nibbles,
    /// Its hash.
    pub hash: B256,
}

/// Why an operation on a state trie stopped. The trie is as it was before, but for nodes revealed in between.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrieError<E> {
    /// The source lacks a node.
    #[error("missing node at {} of {}, hash {}", .0.path, .0.owner, .0.hash)]
    Missing(NodeRequest),
    /// The node is not the right one, or not a node.
    #[error("bad node at {path} of {owner}: {fault}")]
    BadNode {
        /// Whose trie.
        owner: Owner,
        /// Where in it.
        path: Nibbles,
        /// What is wrong with it.
        fault: Box<NodeFault>,
    },
    /// The source failed.
    #[error("nodes could not be read: {0}")]
    Source(#[source] E),
}
