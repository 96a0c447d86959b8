//! The rest of a block on one thread, on top of what was committed before.
//!
//! Where each transaction needs what the one before left, all that looking ahead does is cost time. Once that has shown, the
//! holder of the commit token executes what is left as the [`SequentialExecutor`](crate::SequentialExecutor) does: its journal
//! takes over what the transactions before have changed, and goes on as if it had executed them. So its write set is that of
//! the block.

use std::sync::Arc;

use braid_interpreter::{AccountId, Code, Host, SlotId};
use braid_mv_memory::{AccountIndex, MvMemory, Version};
use braid_precompiles::Crypto;
use braid_primitives::{
    AccountInfo, Address, B256, Bytes, Requests, StateDelta, StateReader, U256,
};

use crate::{host::StateAccess, source::Source};

/// What came of the rest of a block, its end included.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) requests: Option<Requests>,
    /// The write set of the block.
    pub(super) state: StateDelta,
}

/// The state before the block, and code that was deployed in it.
#[derive(Debug)]
pub(super) struct RestSource<'a, R> {
    pub(super) memory: &'a MvMemory,
    pub(super) reader: &'a R,
}

impl<R: StateReader> Source for RestSource<'_, R> {
    type Error = R::Error;

    #[inline]
    fn account(&mut self, _: AccountId, address: Address) -> Result<Option<AccountInfo>, R::Error> {
        self.reader.account(address)
    }

    #[inline]
    fn storage(
        &mut self,
        _: SlotId,
        (_, address): (AccountId, Address),
        key: U256,
    ) -> Result<U256, R::Error> {
        self.reader.storage(address, key)
    }

    fn has_storage(&mut self, (_, address): (AccountId, Address)) -> Result<bool, R::Error> {
        self.reader.has_storage(address)
    }

    fn code(&mut self, code_hash: B256) -> Result<Bytes, R::Error> {
        match self.memory.code(&code_hash) {
            Some(code) => Ok(code),
            None => self.reader.code(code_hash),
        }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, R::Error> {
        self.reader.block_hash(number)
    }
}

/// Puts what is committed into an empty journal, as what it has executed. Nobody may commit or add
/// locations meanwhile.
pub(super) fn take_over<R: Source, C: Crypto>(
    memory: &MvMemory,
    state: &mut StateAccess<'_, R, C>,
) {
    let (accounts, slots) = memory.changed((0, 1));
    for account in accounts {
        take_over_account(memory, account, state);
    }
    for (account, slot) in slots {
        let (_, key) = memory.location(slot);
        let id = state.account(memory.address(account));
        if !state.journal.account(id).is_loaded {
            take_over_account(memory, account, state);
        }
        let (before, now) = memory.settled_slot(slot);
        let slot = state.slot(id, key);
        state.journal.take_over_slot(slot, before, now);
    }
    state.journal.end_taking_over();
}

fn take_over_account<R: Source, C: Crypto>(
    memory: &MvMemory,
    account: AccountIndex,
    state: &mut StateAccess<'_, R, C>,
) {
    let id = state.account(memory.address(account));
    let (before, now) = (memory.account_before(account), memory.settled_account(account));
    let is_wiped = now.reset != Version::NONE;
    state.journal.take_over_account(id, before.existing(), now.existing(), is_wiped);
    if let Some(code) = deployed_code(memory, &now.info.code_hash, state) {
        state.journal.load_code(id, code);
    }
}

/// Code that the block has deployed: the write set needs it.
fn deployed_code<R: Source, C: Crypto>(
    memory: &MvMemory,
    hash: &B256,
    state: &StateAccess<'_, R, C>,
) -> Option<Arc<Code>> {
    let code = memory.code(hash)?;
    Some(state.codes.get(hash).unwrap_or_else(|| state.codes.analysed(&code, *hash)))
}
