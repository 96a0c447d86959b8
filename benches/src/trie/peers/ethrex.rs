//! ethrex-trie: the trie of a client in production.
//!
//! In its favour: nodes stay in memory, where the client reads them from its layers of a database. The sets of touched paths
//! that a trie gathers are dropped between blocks, unseen by the clock. Storage roots are kept beside the tries, so that no
//! account is decoded. The list of changed nodes, where it is asked for, is not sorted, nor put into a map. The writers of its
//! builder have nowhere to write to, and what they do is not counted: the clock is that of the thread that builds.

use std::{fmt, hint::black_box, mem};

use alloy_primitives::map::HashMap;
use alloy_trie::EMPTY_ROOT_HASH;
use braid_primitives::{AccountDelta, Address, B256, StateDelta};
use ethrex_crypto::{NativeCrypto, keccak::keccak_hash};
use ethrex_trie::{
    EMPTY_TRIE_HASH, Nibbles, Node, Trie, TrieDB, TrieError, TrieNode,
    trie_sorted::trie_from_sorted_accounts_wrap,
};

use super::{Leaves, account_leaf};
use crate::trie::StateEngine;

/// The root by its trie, leaf by leaf.
///
/// # Errors
/// None in fact: all nodes are in memory.
pub fn ethrex_trie_root(leaves: &Leaves) -> Result<B256, String> {
    let mut trie = new_trie();
    for (key, value) in leaves {
        trie.insert(key.to_vec(), value.clone()).map_err(|error| error.to_string())?;
    }
    Ok(B256::from(trie.hash_no_commit(&NativeCrypto).0))
}

/// The root by its builder for sorted leaves.
///
/// # Errors
/// None in fact: the leaves are sorted.
pub fn ethrex_sorted_root(leaves: &Leaves) -> Result<B256, String> {
    let mut leaves = leaves.iter().map(|(key, value)| {
        let mut path = EMPTY_TRIE_HASH;
        path.0 = key.0;
        (path, value.clone())
    });
    let root = trie_from_sorted_accounts_wrap(&Nowhere, &mut leaves);
    root.map(|root| B256::from(root.0)).map_err(|error| error.to_string())
}

/// A database that forgets.
struct Nowhere;

impl TrieDB for Nowhere {
    fn get(&self, _: Nibbles) -> Result<Option<Vec<u8>>, TrieError> {
        Ok(None)
    }

    fn put_batch(&self, _: Vec<(Nibbles, Vec<u8>)>) -> Result<(), TrieError> {
        Ok(())
    }

    fn put_batch_no_alloc(&self, _: &[(Nibbles, Node)]) -> Result<(), TrieError> {
        Ok(())
    }
}

/// A state in its tries.
pub struct EthrexState {
    accounts: Trie,
    storage: HashMap<Address, Storage>,
    /// Contracts whose tries the block has changed.
    touched: Vec<Address>,
    /// The nodes that the block has changed, if they are to be listed.
    changes: Option<Vec<TrieNode>>,
}

struct Storage {
    trie: Trie,
    root: B256,
}

impl fmt::Debug for EthrexState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EthrexState").field("tries", &self.storage.len()).finish_non_exhaustive()
    }
}

impl Default for EthrexState {
    fn default() -> Self {
        let touched = Vec::new();
        Self { accounts: new_trie(), storage: HashMap::default(), touched, changes: None }
    }
}

impl EthrexState {
    /// A state that hands out the nodes that changed.
    pub fn recording() -> Self {
        Self { changes: Some(Vec::new()), ..Self::default() }
    }

    fn try_apply(&mut self, delta: &StateDelta) -> Result<(), TrieError> {
        for (address, change) in &delta.accounts {
            let path = keccak_hash(address);
            if change.storage_wiped {
                self.storage.remove(address);
            }
            let Some(info) = &change.info else {
                self.accounts.remove(&path)?;
                continue;
            };
            let root = self.storage_root(*address, change)?;
            self.accounts.insert(path.to_vec(), account_leaf(info, root))?;
        }
        Ok(())
    }

    /// Changes the storage of an account and gives its root.
    fn storage_root(&mut self, address: Address, change: &AccountDelta) -> Result<B256, TrieError> {
        if change.storage.is_empty() {
            return Ok(self.storage.get(&address).map_or(EMPTY_ROOT_HASH, |storage| storage.root));
        }
        self.touched.push(address);
        let empty = || Storage { trie: new_trie(), root: EMPTY_ROOT_HASH };
        let storage = self.storage.entry(address).or_insert_with(empty);
        for (slot, value) in &change.storage {
            let path = keccak_hash(slot.to_be_bytes::<32>());
            if value.is_zero() {
                storage.trie.remove(&path)?;
            } else {
                storage.trie.insert(path.to_vec(), alloy_rlp::encode(value))?;
            }
        }
        storage.root = root(&mut storage.trie, &mut self.changes);
        Ok(storage.root)
    }
}

impl StateEngine for EthrexState {
    fn apply(&mut self, delta: &StateDelta) -> Result<(), String> {
        self.try_apply(delta).map_err(|error| error.to_string())
    }

    fn root(&mut self) -> Result<B256, String> {
        let root = root(&mut self.accounts, &mut self.changes);
        if let Some(changes) = &mut self.changes {
            drop(black_box(mem::take(changes)));
        }
        Ok(root)
    }

    fn settle(&mut self) {
        forget_touched_paths(&mut self.accounts);
        for address in self.touched.drain(..) {
            if let Some(storage) = self.storage.get_mut(&address) {
                forget_touched_paths(&mut storage.trie);
            }
        }
    }
}

/// The root of a trie; its changed nodes go to `changes`, if there.
fn root(trie: &mut Trie, changes: &mut Option<Vec<TrieNode>>) -> B256 {
    let root = match changes {
        Some(changes) => {
            let (root, own) = trie.collect_changes_since_last_hash(&NativeCrypto);
            changes.extend(own);
            root
        }
        None => trie.hash_no_commit(&NativeCrypto),
    };
    B256::from(root.0)
}

fn forget_touched_paths(trie: &mut Trie) {
    let root = mem::take(&mut trie.root);
    *trie = new_trie();
    trie.root = root;
}

fn new_trie() -> Trie {
    Trie::new(Box::new(Nowhere))
}
