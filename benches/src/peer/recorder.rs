//! Finds out what revm reads of a state.

use std::cell::RefCell;

use alloy_primitives::{Address, B256, U256, map::HashMap};
use braid_primitives::{KECCAK256_EMPTY, StateReader};
use revm::{
    DatabaseRef,
    database::{DBErrorMarker, InMemoryDB},
    state::{AccountInfo, Bytecode},
};

use super::convert;

/// A Braid state as revm reads it, which keeps what was read.
#[derive(Debug)]
pub(super) struct Recorder<'a, R> {
    state: &'a R,
    read: RefCell<InMemoryDB>,
    codes: RefCell<HashMap<B256, Bytecode>>,
}

/// The state could not be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct ReadError<E: std::error::Error + Send + Sync + 'static>(E);

impl<E: std::error::Error + Send + Sync + 'static> DBErrorMarker for ReadError<E> {}

impl<'a, R: StateReader> Recorder<'a, R> {
    pub(super) fn new(state: &'a R) -> Self {
        Self { state, read: RefCell::default(), codes: RefCell::default() }
    }

    /// A state with everything that was read, and nothing else.
    pub(super) fn into_read(self) -> InMemoryDB {
        self.read.into_inner()
    }

    fn code(&self, hash: B256) -> Result<Bytecode, ReadError<R::Error>> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        if let Some(code) = self.codes.borrow().get(&hash) {
            return Ok(code.clone());
        }
        let code = convert::bytecode(self.state.code(hash).map_err(ReadError)?);
        self.codes.borrow_mut().insert(hash, code.clone());
        Ok(code)
    }
}

impl<R: StateReader> DatabaseRef for &Recorder<'_, R> {
    type Error = ReadError<R::Error>;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        let Some(info) = self.state.account(address).map_err(ReadError)? else {
            let absent = revm::database::DbAccount::new_not_existing();
            self.read.borrow_mut().cache.accounts.insert(address, absent);
            return Ok(None);
        };
        let account = convert::account(&info, self.code(info.code_hash)?);
        self.read.borrow_mut().insert_account_info(address, account.clone());
        Ok(Some(account))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Self::Error> {
        self.code(code_hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        let value = self.state.storage(address, slot).map_err(ReadError)?;
        self.read
            .borrow_mut()
            .cache
            .accounts
            .entry(address)
            .or_default()
            .storage
            .insert(slot, value);
        Ok(value)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Self::Error> {
        let hash = self.state.block_hash(number).map_err(ReadError)?;
        self.read.borrow_mut().cache.block_hashes.insert(U256::from(number), hash);
        Ok(hash)
    }
}
