//! Indices of accounts and slots that were asked for lately.

use braid_mv_memory::{AbsentAccount, AccountIndex, MvMemory, SlotIndex, Spare};
use braid_primitives::{AccountInfo, Address, U256};

use crate::spread::{address_bits, place, slot_bits};

/// Places for accounts and for slots: powers of two.
const ACCOUNTS: usize = 256;
const SLOTS: usize = 512;

/// Direct-mapped caches in front of the tables that all workers share: most of what a transaction touches was touched by the
/// one before, or read ahead. An entry holds the whole key, so it is never wrong.
#[derive(Debug)]
pub(super) struct Indices {
    /// The block in which the indices mean something.
    block: u64,
    accounts: Vec<Option<(Address, AccountIndex)>>,
    slots: Vec<Option<(AccountIndex, U256, SlotIndex)>>,
    spare: Spare,
}

impl Default for Indices {
    fn default() -> Self {
        Self {
            block: 0,
            accounts: vec![None; ACCOUNTS],
            slots: vec![None; SLOTS],
            spare: Spare::default(),
        }
    }
}

impl Indices {
    /// Forgets what is of another block.
    pub(super) fn begin(&mut self, memory: &MvMemory) {
        if self.block != memory.block() {
            self.block = memory.block();
            self.accounts.fill(None);
            self.slots.fill(None);
        }
    }

    /// The index of an account. If nobody has added it, `load` says what it was before the block.
    ///
    /// The memory is asked before it is waited for, and the state, too: the two are brought at the same time.
    ///
    /// # Errors
    /// Those of `load`.
    #[inline]
    pub(super) fn account<E>(
        &mut self,
        memory: &MvMemory,
        address: &Address,
        load: impl FnOnce() -> Result<Option<AccountInfo>, E>,
    ) -> Result<AccountIndex, E> {
        let place = &mut self.accounts[place(address_bits(address), ACCOUNTS)];
        if let Some((known, index)) = place
            && known == address
        {
            return Ok(*index);
        }
        let index = match memory.find_account(address) {
            Ok(index) => index,
            Err(absent) => {
                let before = load()?;
                memory.add_account((address, absent), Some(before.as_ref()), &mut self.spare)
            }
        };
        *place = Some((*address, index));
        Ok(index)
    }

    /// Adds an account that nobody has added, with what it was before the block.
    #[inline]
    pub(super) fn add_account(
        &mut self,
        memory: &MvMemory,
        (address, absent): (&Address, AbsentAccount<'_>),
        before: Option<&AccountInfo>,
    ) {
        let index = memory.add_account((address, absent), Some(before), &mut self.spare);
        self.accounts[place(address_bits(address), ACCOUNTS)] = Some((*address, index));
    }

    /// The index of a slot. If nobody has added it, and the state before the block decides about it, `load` says what it was.
    ///
    /// # Errors
    /// Those of `load`.
    #[inline]
    pub(super) fn slot<E>(
        &mut self,
        memory: &MvMemory,
        (account, key): (AccountIndex, &U256),
        load: impl FnOnce() -> Result<U256, E>,
    ) -> Result<SlotIndex, E> {
        let place = &mut self.slots[place(slot_bits(account.0, key), SLOTS)];
        if let Some((owner, known, index)) = place
            && *owner == account
            && known == key
        {
            return Ok(*index);
        }
        let index = match memory.find_slot(account, key) {
            Ok(index) => index,
            Err(absent) => {
                let before = if memory.has_slots_before(account) { Some(load()?) } else { None };
                memory.add_slot((account, key, absent), before.as_ref(), &mut self.spare)
            }
        };
        *place = Some((account, *key, index));
        Ok(index)
    }

    /// The index of a slot that is written without having been read.
    pub(super) fn unread_slot(
        &mut self,
        memory: &MvMemory,
        account: AccountIndex,
        key: &U256,
    ) -> SlotIndex {
        memory.slot(account, key, &mut self.spare)
    }
}
