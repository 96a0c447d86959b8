//! Reading state through its trie: execution from a witness.

use std::sync::{Mutex, PoisonError};

use braid_precompiles::Crypto;
use braid_primitives::{AccountInfo, Address, B256, Bytes, StateReader, U256};

use crate::{error::TrieError, source::NodeSource, state::StateTrie};

/// Answers for accounts and slots from a state trie, which is revealed as far as it is read, and for code and block hashes
/// from another reader. What it answers is proved by the state root.
///
/// Readers wait for each other: this is for checking, not for speed.
#[derive(Debug)]
pub struct TrieReader<'a, S, R, C> {
    trie: Mutex<StateTrie>,
    source: &'a S,
    rest: &'a R,
    crypto: &'a C,
}

/// Why a [`TrieReader`] cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum TrieReaderError<S, R> {
    /// A node is missing or wrong.
    #[error(transparent)]
    Trie(TrieError<S>),
    /// The reader of code and block hashes failed.
    #[error(transparent)]
    Rest(R),
}

impl<'a, S, R, C> TrieReader<'a, S, R, C> {
    /// Reads accounts and slots from `trie`, whose missing nodes come from `source`, and all else from `rest`.
    pub const fn new(trie: StateTrie, source: &'a S, rest: &'a R, crypto: &'a C) -> Self {
        Self { trie: Mutex::new(trie), source, rest, crypto }
    }

    /// The trie, with what was read revealed.
    pub fn into_trie(self) -> StateTrie {
        self.trie.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `read` use the trie. A panic of another reader leaves no half-made change behind: reading reveals node by node.
    fn with_trie<T>(&self, read: impl FnOnce(&mut StateTrie) -> T) -> T {
        read(&mut self.trie.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S, R, C> StateReader for TrieReader<'_, S, R, C>
where
    S: NodeSource,
    R: StateReader,
    C: Crypto,
{
    type Error = TrieReaderError<S::Error, R::Error>;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        let account = self.with_trie(|trie| trie.account(address, self.source, self.crypto));
        Ok(account.map_err(TrieReaderError::Trie)?.map(|account| account.info()))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        self.with_trie(|trie| trie.storage(address, slot, self.source, self.crypto))
            .map_err(TrieReaderError::Trie)
    }

    fn has_storage(&self, address: Address) -> Result<bool, Self::Error> {
        let account = self.with_trie(|trie| trie.account(address, self.source, self.crypto));
        Ok(account.map_err(TrieReaderError::Trie)?.is_some_and(|account| account.has_storage()))
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, Self::Error> {
        self.rest.code(code_hash).map_err(TrieReaderError::Rest)
    }

    fn block_hash(&self, number: u64) -> Result<B256, Self::Error> {
        self.rest.block_hash(number).map_err(TrieReaderError::Rest)
    }
}
