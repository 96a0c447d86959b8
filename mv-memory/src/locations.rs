//! Which cell is whose.

use std::marker::PhantomData;

use alloy_primitives::{Address, U256};
use braid_primitives::AccountInfo;

use crate::{
    AccountIndex, MvMemory, SlotIndex,
    account::AccountCell,
    slot::SlotCell,
    table::{Absent, Lot},
};

/// Nobody has added this account: good for [`MvMemory::add_account`].
#[derive(Clone, Copy, Debug)]
pub struct AbsentAccount<'m>(Absent, PhantomData<&'m MvMemory>);

/// Nobody has added this slot: good for [`MvMemory::add_slot`].
#[derive(Clone, Copy, Debug)]
pub struct AbsentSlot<'m>(Absent, PhantomData<&'m MvMemory>);

/// Cells that one worker has ready for locations that nobody has seen: it gets them many at a time, so that workers rarely
/// want the same line of memory.
#[derive(Debug, Default)]
pub struct Spare {
    block: u64,
    accounts: Lot,
    slots: Lot,
}

impl Spare {
    /// Makes it good for a block.
    #[inline]
    fn begin(&mut self, block: u64) {
        if self.block != block {
            *self = Self { block, ..Self::default() };
        }
    }
}

impl MvMemory {
    /// The index of an account, if somebody has added it.
    ///
    /// # Errors
    /// What [`Self::add_account`] needs, if nobody has.
    #[inline]
    pub fn find_account(&self, address: &Address) -> Result<AccountIndex, AbsentAccount<'_>> {
        self.accounts
            .find(address)
            .map(AccountIndex)
            .map_err(|absent| AbsentAccount(absent, PhantomData))
    }

    /// Adds an account that was absent, with its state before the block: `Some(None)` if it did not exist, `None` if that is
    /// not known yet. Somebody else may have added it meanwhile.
    #[inline]
    pub fn add_account(
        &self,
        (address, absent): (&Address, AbsentAccount<'_>),
        before: Option<Option<&AccountInfo>>,
        spare: &mut Spare,
    ) -> AccountIndex {
        spare.begin(self.block);
        let fill = |cell: &AccountCell| {
            if let Some(info) = before {
                cell.fill(info, &self.codes);
            }
        };
        AccountIndex(self.accounts.add((address, absent.0), &mut spare.accounts, fill))
    }

    /// The index of an account, which is added if it is absent.
    pub fn account(&self, address: &Address, spare: &mut Spare) -> AccountIndex {
        let found = self.find_account(address);
        found.unwrap_or_else(|absent| self.add_account((address, absent), None, spare))
    }

    /// Brings from memory what [`Self::find_account`] looks at first. The result means nothing.
    #[inline]
    pub fn fetch_place(&self, address: &Address) -> u64 {
        self.accounts.fetch(address)
    }

    /// The index of a slot, if somebody has added it.
    ///
    /// # Errors
    /// What [`Self::add_slot`] needs, if nobody has.
    #[inline]
    pub fn find_slot(
        &self,
        account: AccountIndex,
        key: &U256,
    ) -> Result<SlotIndex, AbsentSlot<'_>> {
        self.slots
            .find(&(account, *key))
            .map(SlotIndex)
            .map_err(|absent| AbsentSlot(absent, PhantomData))
    }

    /// Adds a slot that was absent, with its value before the block, if that is known. Somebody else may have added it
    /// meanwhile.
    #[inline]
    pub fn add_slot(
        &self,
        (account, key, absent): (AccountIndex, &U256, AbsentSlot<'_>),
        before: Option<&U256>,
        spare: &mut Spare,
    ) -> SlotIndex {
        spare.begin(self.block);
        let fill = |cell: &SlotCell| {
            if let Some(value) = before {
                cell.fill(value);
            }
        };
        SlotIndex(self.slots.add((&(account, *key), absent.0), &mut spare.slots, fill))
    }

    /// The index of a slot, which is added if it is absent.
    pub fn slot(&self, account: AccountIndex, key: &U256, spare: &mut Spare) -> SlotIndex {
        let found = self.find_slot(account, key);
        found.unwrap_or_else(|absent| self.add_slot((account, key, absent), None, spare))
    }

    /// Whether the value before the block decides about a slot of the account that nobody wrote to. The account must have
    /// been read.
    #[inline]
    pub fn has_slots_before(&self, account: AccountIndex) -> bool {
        let cell = self.account_cell(account);
        cell.existed() && !cell.may_be_reset()
    }

    /// Whose index this is.
    pub fn address(&self, account: AccountIndex) -> Address {
        self.account_cell(account).address().load()
    }

    /// The first eight bytes of the address, as a number: most significant first.
    #[inline]
    pub fn leading_bytes(&self, account: AccountIndex) -> u64 {
        self.account_cell(account).address().leading_bytes()
    }

    /// Account and key of a slot.
    pub fn location(&self, slot: SlotIndex) -> (AccountIndex, U256) {
        let cell = self.slot_cell(slot);
        (cell.account(), cell.key())
    }
}
