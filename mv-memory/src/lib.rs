//! Multi-version memory: the state of a block while its transactions run in parallel.
//!
//! Every account and slot that the block touches has a cell, found by its exact key. The cell holds the state before the block,
//! what was committed on top of it, and what transactions wrote that are executed but not committed. A transaction reads what
//! those before it wrote, as far as that is known; when all before it are committed, [`MvMemory::holds_committed`] says
//! whether what it read was right.
//!
//! | file | holds |
//! |---|---|
//! | `version` | positions in the block |
//! | `locations` | which cell is whose |
//! | `validation` | whether what was read is still so |
//! | `account`, `slot` | the cells |
//! | `history` | what the two have in common: who reads, what is written and not committed |
//! | `codes` | code hashes, and code that was deployed |
//! | `log` | what a step read and what it wrote |
//! | `table`, `arena` | from keys to indices, from indices to cells |
//! | `words` | words that several threads read |
//!
//! The common read takes no lock: a location is found by loads alone, and one that no step wrote to is read from atomics.
//! Values are validated, not versions: a transaction that is executed again and writes the same invalidates nobody. Balances
//! are validated as ranges ([`Observed`]) and written as differences ([`AccountWrite::balance_delta`]), so transfers to and
//! from one account do not conflict as long as the sender can pay.
//!
//! ```
//! use alloy_primitives::{Address, U256};
//! use braid_mv_memory::{AccountWrite, MvMemory, Observed, Read, Spare, Version, WriteSet};
//! use braid_primitives::{AccountInfo, KECCAK256_EMPTY};
//!
//! let memory = MvMemory::default();
//! let account = memory.account(&Address::repeat_byte(1), &mut Spare::default());
//! let before = AccountInfo { balance: U256::from(100), ..Default::default() };
//! let load = |_| Ok::<_, std::convert::Infallible>(Some(before));
//!
//! // The second transaction checks that the balance covers 60 while the first is still running.
//! let (first, second) = (Version::of_transaction(0), Version::of_transaction(1));
//! let state = memory.read_account(account, second, load)?;
//! assert_eq!(state.info.balance, U256::from(100));
//! let reads = [Read::Account(account, Observed { balance_min: U256::from(60), ..Observed::default() })];
//!
//! // The first pays 30. What the second found out still holds: 70 covers 60.
//! let write = |wei| AccountWrite { balance_delta: U256::ZERO.wrapping_sub(U256::from(wei)), ..AccountWrite::default() };
//! let pays = |wei| WriteSet { accounts: vec![(account, write(wei))], ..WriteSet::default() };
//! memory.commit(first, &pays(30), |_| {});
//! assert!(memory.holds_committed(&reads));
//! memory.commit(second, &pays(60), |_| {});
//! assert_eq!(memory.committed_account(account).info.balance, U256::from(10));
//! # Ok::<(), braid_mv_memory::ReadError<std::convert::Infallible>>(())
//! ```

#![forbid(unsafe_code)]

mod account;
mod arena;
mod codes;
mod history;
mod locations;
mod log;
#[cfg(all(test, loom))]
mod models;
mod slot;
mod sync;
mod table;
mod validation;
mod version;
mod words;

use std::{error::Error, fmt};

use alloy_primitives::{Address, B256, Bytes, U256};
use braid_primitives::AccountInfo;

pub use account::{AccountState, AccountWrite};
pub use locations::{AbsentAccount, AbsentSlot, Spare};
pub use log::{Observed, Read, WriteSet};
pub use version::Version;

use account::{AccountAt, AccountCell};
use codes::Codes;
use history::{At, Cell, Overflow};
use slot::{SlotAt, SlotCell, surviving};
use table::Table;

/// An account in this block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountIndex(pub u32);

/// A slot in this block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotIndex(pub u32);

/// A read met something that a step will probably write again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The step to wait for.
    pub version: Version,
}

/// Why a read was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError<E> {
    /// Somebody has to be executed again first.
    Estimate(Estimate),
    /// The state before the block could not be read.
    State(E),
}

impl<E> From<Estimate> for ReadError<E> {
    fn from(estimate: Estimate) -> Self {
        Self::Estimate(estimate)
    }
}

impl<E: fmt::Display> fmt::Display for ReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Estimate(estimate) => {
                write!(f, "{:?} is being executed again", estimate.version)
            }
            Self::State(error) => error.fmt(f),
        }
    }
}

impl<E: Error> Error for ReadError<E> {}

/// What [`MvMemory::commit`] did to one location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// An account, before and after.
    Account(AccountIndex, AccountState, AccountState),
    /// A slot with its new value.
    Slot(SlotIndex, SlotBefore, U256),
}

/// What a slot was before a step: the last write, if the block has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotBefore(Option<(Version, U256)>);

/// See the [module's documentation](self).
#[derive(Debug, Default)]
pub struct MvMemory {
    accounts: Table<AccountCell>,
    slots: Table<SlotCell>,
    more_of_accounts: Overflow<AccountWrite>,
    more_of_slots: Overflow<U256>,
    codes: Codes,
    block: u64,
}

impl MvMemory {
    /// Forgets everything, for the next block, keeping most allocations.
    pub fn clear(&mut self) {
        self.accounts.clear();
        self.slots.clear();
        self.more_of_accounts.clear();
        self.more_of_slots.clear();
        self.codes.clear();
        self.block += 1;
    }

    /// Number of the block within the memory's life: indices mean something only within it.
    pub fn block(&self) -> u64 {
        self.block
    }

    #[inline]
    fn account_cell(&self, account: AccountIndex) -> AccountAt<'_> {
        At {
            cell: self.accounts.get(account.0),
            index: account.0,
            overflow: &self.more_of_accounts,
            context: &self.codes,
        }
    }

    #[inline]
    fn slot_cell(&self, slot: SlotIndex) -> SlotAt<'_> {
        self.slot_at(slot.0, self.slots.get(slot.0))
    }

    #[inline]
    fn slot_at<'m>(&'m self, index: u32, cell: &'m SlotCell) -> SlotAt<'m> {
        At { cell, index, overflow: &self.more_of_slots, context: &() }
    }

    /// The account as `reader` finds it. `load` is asked for the state before the block if nobody asked before, or at the same
    /// time.
    ///
    /// # Errors
    /// [`ReadError::Estimate`] if a step below will probably write to the account again; [`ReadError::State`] with what
    /// `load` says.
    #[inline]
    pub fn read_account<E>(
        &self,
        account: AccountIndex,
        reader: Version,
        load: impl FnOnce(Address) -> Result<Option<AccountInfo>, E>,
    ) -> Result<AccountState, ReadError<E>> {
        let cell = self.account_cell(account);
        cell.header().note_reader(reader);
        self.know_account(account, load).map_err(ReadError::State)?;
        Ok(cell.read(reader)?)
    }

    /// Whether the state of an account before the block was read.
    pub fn is_known(&self, account: AccountIndex) -> bool {
        self.account_cell(account).is_known()
    }

    /// Puts in the state of an account before the block, unless somebody did.
    pub fn set_before(&self, account: AccountIndex, info: Option<&AccountInfo>) {
        self.account_cell(account).set_before(info);
    }

    /// Has the state of an account before the block read, unless it is known.
    ///
    /// # Errors
    /// What `load` says.
    #[inline]
    pub fn know_account<E>(
        &self,
        account: AccountIndex,
        load: impl FnOnce(Address) -> Result<Option<AccountInfo>, E>,
    ) -> Result<(), E> {
        let cell = self.account_cell(account);
        if !cell.is_known() {
            match load(cell.address().load()) {
                Ok(ref info) => cell.set_before(info.as_ref()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The value of a slot as `reader` finds it. `load` is asked for the value before the block, if that decides and nobody
    /// asked before. The account must have been read.
    ///
    /// # Errors
    /// Those of [`Self::read_account`].
    #[inline]
    pub fn read_slot<E>(
        &self,
        slot: SlotIndex,
        reader: Version,
        load: impl FnOnce(Address, U256) -> Result<U256, E>,
    ) -> Result<U256, ReadError<E>> {
        let cell = self.slot_cell(slot);
        cell.header().note_reader(reader);
        let account = self.account_cell(cell.account());
        let reset = account.reset_before(reader);
        if let Some(value) = cell.read(reader, reset)? {
            return Ok(value);
        }
        // An account that did not exist before the block had nothing.
        if !account.existed() {
            return Ok(U256::ZERO);
        }
        if !cell.is_known() {
            let value = load(account.address().load(), cell.key()).map_err(ReadError::State)?;
            cell.set_before(&value);
        }
        Ok(cell.before())
    }

    /// Whether a step, of whatever version, wrote something other than zero to a slot of the account, or wiped its storage.
    pub fn is_storage_touched(&self, account: AccountIndex) -> bool {
        let cell = self.account_cell(account);
        cell.has_slots() || cell.may_be_reset()
    }

    /// Whether the account existed before the block and its storage was not wiped by what is committed: then the state before
    /// the block says something about it. The account must have been read.
    pub fn has_storage_before(&self, account: AccountIndex) -> bool {
        let cell = self.account_cell(account);
        cell.existed() && cell.committed_reset() == Version::NONE
    }

    /// Whether a slot of the account was written in this block and is not zero with all that is committed. Looks at all slots.
    pub fn has_live_slots(&self, account: AccountIndex) -> bool {
        let reset = self.account_cell(account).committed_reset();
        let is_live = |_, cell: &SlotCell| {
            cell.account() == account && cell.committed(reset).is_some_and(|value| !value.is_zero())
        };
        self.account_cell(account).has_slots() && self.slots.any(is_live)
    }

    /// The code with this hash, if it was deployed in this block.
    pub fn code(&self, hash: &B256) -> Option<Bytes> {
        self.codes.deployed(hash)
    }

    /// Adds code, before anybody is told that an account has it.
    pub fn insert_code(&self, hash: B256, code: impl FnOnce() -> Bytes) {
        self.codes.deploy(hash, code);
    }

    /// Shows steps above `version` what it wrote, in place of what it published before (`previous`, if it did). Returns the
    /// highest step that probably read what is now different; `None` if all is as it was.
    pub fn publish(
        &self,
        version: Version,
        writes: &WriteSet,
        previous: Option<&WriteSet>,
    ) -> Option<Version> {
        let mut highest = 0;
        for (account, write) in &writes.accounts {
            let cell = self.account_cell(*account);
            if cell.publish(version, write) {
                highest = highest.max(cell.header().last_reader_bits());
            }
        }
        for (slot, value) in &writes.slots {
            let cell = self.slot_cell(*slot);
            if !value.is_zero() {
                self.account_cell(cell.account()).note_slots();
            }
            if cell.publish(version, value) {
                highest = highest.max(cell.header().last_reader_bits());
            }
        }
        if let Some(previous) = previous {
            for account in log::no_longer_written(&previous.accounts, &writes.accounts) {
                let cell = self.account_cell(account);
                cell.withdraw(version);
                highest = highest.max(cell.header().last_reader_bits());
            }
            for slot in log::no_longer_written(&previous.slots, &writes.slots) {
                let cell = self.slot_cell(slot);
                cell.withdraw(version);
                highest = highest.max(cell.header().last_reader_bits());
            }
        }
        (highest > version.to_bits()).then_some(Version::from_bits(highest))
    }

    /// Warns steps above `version` of what it published.
    pub fn mark_estimates(&self, version: Version, published: &WriteSet) {
        for (account, _) in &published.accounts {
            self.account_cell(*account).mark_estimate(version);
        }
        for (slot, _) in &published.slots {
            self.slot_cell(*slot).mark_estimate(version);
        }
    }

    /// Takes back what `version` published.
    pub fn withdraw(&self, version: Version, published: &WriteSet) {
        for (account, _) in &published.accounts {
            self.account_cell(*account).withdraw(version);
        }
        for (slot, _) in &published.slots {
            self.slot_cell(*slot).withdraw(version);
        }
    }

    /// A slot before the block, once that was read.
    fn slot_before(&self, cell: &SlotCell) -> U256 {
        if self.account_cell(cell.account()).existed() { cell.before() } else { U256::ZERO }
    }

    /// Makes what `version` wrote final; all below must be, and only one thread may commit at a time. `on_change` sees
    /// what changes.
    pub fn commit(&self, version: Version, writes: &WriteSet, mut on_change: impl FnMut(Change)) {
        for (account, write) in &writes.accounts {
            let cell = self.account_cell(*account);
            let (before, after) = cell.commit(version, |state| write.apply(version, state));
            on_change(Change::Account(*account, before, after));
        }
        for (slot, value) in &writes.slots {
            let cell = self.slot_cell(*slot);
            if !value.is_zero() {
                self.account_cell(cell.account()).note_slots();
            }
            let before = cell.commit(version, *value);
            on_change(Change::Slot(*slot, SlotBefore(before), *value));
        }
        if let Some((account, wei)) = writes.credit {
            let (before, after) = self.account_cell(account).commit(version, |state| {
                // As sequential execution does it: more ether than there is comes up in tests only.
                state.info.balance = state.info.balance.saturating_add(wei);
                state.exists = true;
            });
            on_change(Change::Account(account, before, after));
        }
    }

    /// The account with all that is committed. It must have been read.
    pub fn committed_account(&self, account: AccountIndex) -> AccountState {
        self.account_cell(account).committed()
    }

    /// The account before the block. It must have been read.
    pub fn account_before(&self, account: AccountIndex) -> AccountState {
        self.account_cell(account).before()
    }

    /// The value of the slot before the step whose change was `before`. `reset` is when the storage of its account was last
    /// wiped before that step.
    pub fn value_before(&self, slot: SlotIndex, before: SlotBefore, reset: Version) -> U256 {
        surviving(before.0, reset).unwrap_or_else(|| self.slot_before(&self.slot_cell(slot)))
    }

    /// The account with all that is committed, once nobody commits any more. It must have been read.
    pub fn settled_account(&self, account: AccountIndex) -> AccountState {
        self.account_cell(account).settled()
    }

    /// The slot before the block and with all that is committed, once nobody commits any more. It must have been read, or
    /// something committed to it.
    pub fn settled_slot(&self, slot: SlotIndex) -> (U256, U256) {
        let cell = self.slot_cell(slot);
        let before = self.slot_before(&cell);
        let reset = self.account_cell(cell.account()).committed_reset();
        (before, cell.settled(reset).unwrap_or(before))
    }

    /// How many cells accounts and slots have, those included that workers hold ready.
    pub fn cells(&self) -> u32 {
        self.accounts.len() + self.slots.len()
    }

    /// The accounts and the slots to which something was committed, in one of `parts` parts of about the same size: that with
    /// number `part`. Both in ascending order.
    pub fn changed(
        &self,
        (part, parts): (usize, usize),
    ) -> (impl Iterator<Item = AccountIndex>, impl Iterator<Item = (AccountIndex, SlotIndex)>) {
        let stretch = |cells: u32| {
            let end = |part: usize| (u64::from(cells) * part as u64 / parts as u64) as u32;
            end(part)..end(part + 1)
        };
        let accounts = stretch(self.accounts.len())
            .filter(|index| self.accounts.get(*index).is_committed())
            .map(AccountIndex);
        let slots = stretch(self.slots.len())
            .map(|index| (SlotIndex(index), self.slots.get(index)))
            .filter(|(_, cell)| cell.is_committed())
            .map(|(index, cell)| (cell.account(), index));
        (accounts, slots)
    }
}
