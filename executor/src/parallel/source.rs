//! The state as a transaction of a block finds it while others are under way.

use braid_interpreter::{AccountId, SlotId};
use braid_mv_memory::{AccountIndex, MvMemory, Read, ReadError, SlotIndex, Version};
use braid_primitives::{AccountInfo, Address, B256, Bytes, StateReader, U256};

use crate::{journal::Journal, source::Source};

use super::indices::Indices;

/// Why a read was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered<E> {
    /// A lower step will probably write this again: go on when it has.
    Estimate(Version),
    /// Only what is final answers this.
    Undecided,
    /// The state before the block could not be read.
    State(E),
}

impl<E> From<ReadError<E>> for Unanswered<E> {
    fn from(error: ReadError<E>) -> Self {
        match error {
            ReadError::Estimate(estimate) => Self::Estimate(estimate.version),
            ReadError::State(error) => Self::State(error),
        }
    }
}

/// A location that was read, by the journal's id.
#[derive(Clone, Copy, Debug)]
enum Logged {
    Account(AccountId),
    Slot(SlotId),
    StorageUntouched(AccountId),
}

/// Where the journal's accounts and slots are in the multi-version memory, and the order in which they were read.
#[derive(Debug, Default)]
pub(super) struct Locations {
    accounts: Vec<AccountIndex>,
    slots: Vec<SlotIndex>,
    log: Vec<Logged>,
}

const NOWHERE: u32 = u32::MAX;

/// Puts `value` at `place` of a list that may have to grow.
fn put<T: Clone>(list: &mut Vec<T>, place: u32, value: T, filler: T) {
    let place = place as usize;
    if place >= list.len() {
        list.resize(place + 1, filler);
    }
    list[place] = value;
}

impl Locations {
    /// Forgets all, like the journal whose ids these are.
    pub(super) fn clear(&mut self) {
        self.accounts.clear();
        self.slots.clear();
        self.log.clear();
    }

    /// Where an account that was read is.
    pub(super) fn account(&self, id: AccountId) -> AccountIndex {
        self.accounts[id.0 as usize]
    }

    /// Where a slot is, if it was read.
    pub(super) fn slot(&self, id: SlotId) -> Option<SlotIndex> {
        self.slots.get(id.0 as usize).copied().filter(|index| index.0 != NOWHERE)
    }

    /// The accounts that were read, in that order.
    pub(super) fn accounts_read(&self) -> impl Iterator<Item = AccountId> {
        self.log.iter().filter_map(|logged| match logged {
            Logged::Account(id) => Some(*id),
            Logged::Slot(_) | Logged::StorageUntouched(_) => None,
        })
    }

    /// What was read, in order, with what was found out about it.
    pub(super) fn reads(&self, journal: &Journal) -> impl Iterator<Item = Read> {
        self.log.iter().map(|logged| match *logged {
            Logged::Account(id) => Read::Account(self.account(id), journal.observed(id)),
            Logged::Slot(id) => {
                let index = self.slots[id.0 as usize];
                Read::Slot(index, journal.slot_before(id))
            }
            Logged::StorageUntouched(id) => Read::StorageUntouched(self.account(id)),
        })
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct MvSource<'a, R> {
    pub(super) memory: &'a MvMemory,
    pub(super) reader: &'a R,
    pub(super) locations: &'a mut Locations,
    pub(super) indices: &'a mut Indices,
    /// The step that reads.
    pub(super) version: Version,
    /// Whether all below are committed.
    pub(super) is_final: bool,
}

impl<R: StateReader> Source for MvSource<'_, R> {
    type Error = Unanswered<R::Error>;

    const DEFERS_FEES: bool = true;

    fn account(
        &mut self,
        id: AccountId,
        address: Address,
    ) -> Result<Option<AccountInfo>, Self::Error> {
        let reader = self.reader;
        let load = || reader.account(address).map_err(Unanswered::State);
        let index = self.indices.account(self.memory, &address, load)?;
        let state =
            self.memory.read_account(index, self.version, |address| reader.account(address))?;
        put(&mut self.locations.accounts, id.0, index, AccountIndex(NOWHERE));
        self.locations.log.push(Logged::Account(id));
        Ok(state.existing().copied())
    }

    fn storage(
        &mut self,
        id: SlotId,
        (account, address): (AccountId, Address),
        key: U256,
    ) -> Result<U256, Self::Error> {
        let account = self.locations.account(account);
        let reader = self.reader;
        let load = || reader.storage(address, key).map_err(Unanswered::State);
        let index = self.indices.slot(self.memory, (account, &key), load)?;
        let value = self
            .memory
            .read_slot(index, self.version, |address, key| reader.storage(address, key))?;
        put(&mut self.locations.slots, id.0, index, SlotIndex(NOWHERE));
        self.locations.log.push(Logged::Slot(id));
        Ok(value)
    }

    fn has_storage(&mut self, (id, address): (AccountId, Address)) -> Result<bool, Self::Error> {
        let account = self.locations.account(id);
        if self.memory.is_storage_touched(account) {
            if !self.is_final {
                return Err(Unanswered::Undecided);
            }
            if self.memory.has_live_slots(account) {
                return Ok(true);
            }
        } else {
            self.locations.log.push(Logged::StorageUntouched(id));
        }
        let is_from_before = self.memory.has_storage_before(account);
        Ok(is_from_before && self.reader.has_storage(address).map_err(Unanswered::State)?)
    }

    fn code(&mut self, code_hash: B256) -> Result<Bytes, Self::Error> {
        match self.memory.code(&code_hash) {
            Some(code) => Ok(code),
            None => self.reader.code(code_hash).map_err(Unanswered::State),
        }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error> {
        self.reader.block_hash(number).map_err(Unanswered::State)
    }
}
