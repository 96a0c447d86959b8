//! What became of nodes, for whoever stores them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use alloy_primitives::{B256, Bytes};

use crate::nibbles::Nibbles;

/// Whose trie it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The state trie, which holds the accounts.
    State,
    /// The storage trie of the account with this hash of its address.
    Storage(B256),
}

impl Owner {
    /// Every place in the trie.
    pub(crate) fn places(self) -> RangeInclusive<(Self, Nibbles)> {
        (self, Nibbles::EMPTY)..=(self, Nibbles::LAST)
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::State => f.write_str("the state trie"),
            Self::Storage(account) => write!(f, "the storage trie of the account {account}"),
        }
    }
}

/// A node as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredNode {
    /// Keccak-256 of the encoding.
    pub hash: B256,
    /// The RLP encoding.
    pub encoding: Bytes,
}

/// The net effect of changes on the nodes that have a hash of their own: a path is set, removed or not mentioned, never two of
/// these.
///
/// To be applied in this order: drop the tries in `cleared`, then remove `removed` and set `updated`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeChanges {
    /// New nodes, by trie and path.
    pub updated: BTreeMap<(Owner, Nibbles), StoredNode>,
    /// Paths at which no node is any more. There may not have been one.
    pub removed: BTreeSet<(Owner, Nibbles)>,
    /// Accounts, by hash of their address, whose storage as it was is gone.
    pub cleared: BTreeSet<B256>,
}

impl NodeChanges {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.updated.is_empty() && self.removed.is_empty() && self.cleared.is_empty()
    }

    /// Notes that a node was encoded; without a hash it is part of its parent.
    pub(crate) fn record(
        &mut self,
        owner: Owner,
        path: Nibbles,
        hash: Option<B256>,
        encoding: &[u8],
    ) {
        let Some(hash) = hash else { return self.remove(owner, path) };
        self.removed.remove(&(owner, path));
        let encoding = Bytes::copy_from_slice(encoding);
        self.updated.insert((owner, path), StoredNode { hash, encoding });
    }

    pub(crate) fn remove(&mut self, owner: Owner, path: Nibbles) {
        self.updated.remove(&(owner, path));
        self.removed.insert((owner, path));
    }

    /// Notes that the storage trie of an account is gone.
    pub(crate) fn clear(&mut self, account: B256) {
        let owner = Owner::Storage(account);
        self.updated.extract_if(owner.places(), |_, _| true).for_each(drop);
        self.removed.extract_if(owner.places(), |_| true).for_each(drop);
        self.cleared.insert(account);
    }
}
