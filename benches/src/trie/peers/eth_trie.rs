//! eth_trie: a trie for tools and tests.
//!
//! It knows nodes by hash in a database only; what it reads, it decodes each time, and a new root writes what is new to the
//! database and takes away what is old. So its database is the one in memory that it comes with. In its favour: each trie has
//! a database of its own, which stays small; storage roots are kept beside the tries.

use std::{fmt, sync::Arc};

use alloy_primitives::{keccak256, map::HashMap};
use alloy_trie::EMPTY_ROOT_HASH;
use braid_primitives::{AccountDelta, Address, B256, StateDelta};
use eth_trie::{EthTrie, MemoryDB, Trie as _, TrieError};

use super::{Leaves, account_leaf};
use crate::trie::StateEngine;

/// The root by its trie, leaf by leaf.
///
/// # Errors
/// None in fact: all nodes are in memory.
pub fn eth_trie_root(leaves: &Leaves) -> Result<B256, String> {
    let mut trie = new_trie();
    for (key, value) in leaves {
        trie.insert(key.as_slice(), value).map_err(|error| error.to_string())?;
    }
    trie.root_hash().map_err(|error| error.to_string())
}

/// A state in its tries.
pub struct EthTrieState {
    accounts: EthTrie<MemoryDB>,
    storage: HashMap<Address, Storage>,
}

struct Storage {
    trie: EthTrie<MemoryDB>,
    root: B256,
}

impl fmt::Debug for EthTrieState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EthTrieState").field("tries", &self.storage.len()).finish_non_exhaustive()
    }
}

impl Default for EthTrieState {
    fn default() -> Self {
        Self { accounts: new_trie(), storage: HashMap::default() }
    }
}

impl EthTrieState {
    fn try_apply(&mut self, delta: &StateDelta) -> Result<(), TrieError> {
        for (address, change) in &delta.accounts {
            let path = keccak256(address);
            if change.storage_wiped {
                self.storage.remove(address);
            }
            let Some(info) = &change.info else {
                self.accounts.remove(path.as_slice())?;
                continue;
            };
            let root = self.storage_root(*address, change)?;
            self.accounts.insert(path.as_slice(), &account_leaf(info, root))?;
        }
        Ok(())
    }

    /// Changes the storage of an account and gives its root.
    fn storage_root(&mut self, address: Address, change: &AccountDelta) -> Result<B256, TrieError> {
        if change.storage.is_empty() {
            return Ok(self.storage.get(&address).map_or(EMPTY_ROOT_HASH, |storage| storage.root));
        }
        let empty = || Storage { trie: new_trie(), root: EMPTY_ROOT_HASH };
        let storage = self.storage.entry(address).or_insert_with(empty);
        for (slot, value) in &change.storage {
            let path = keccak256(B256::from(*slot));
            if value.is_zero() {
                storage.trie.remove(path.as_slice())?;
            } else {
                storage.trie.insert(path.as_slice(), &alloy_rlp::encode(value))?;
            }
        }
        storage.root = storage.trie.root_hash()?;
        Ok(storage.root)
    }
}

impl StateEngine for EthTrieState {
    fn apply(&mut self, delta: &StateDelta) -> Result<(), String> {
        self.try_apply(delta).map_err(|error| error.to_string())
    }

    fn root(&mut self) -> Result<B256, String> {
        self.accounts.root_hash().map_err(|error| error.to_string())
    }
}

fn new_trie() -> EthTrie<MemoryDB> {
    EthTrie::new(Arc::new(MemoryDB::new(true)))
}
