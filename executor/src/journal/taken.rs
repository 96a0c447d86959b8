//! A journal that goes on where another left off.

use braid_interpreter::{AccountId, SlotId};
use braid_primitives::{AccountInfo, U256};

use super::Journal;

impl Journal {
    /// Takes an account over that was never seen: what it was before the block, what it is now, and whether its storage was
    /// wiped in between.
    pub(crate) fn take_over_account(
        &mut self,
        id: AccountId,
        before: Option<&AccountInfo>,
        now: Option<&AccountInfo>,
        is_wiped: bool,
    ) {
        self.load_account(id, before);
        let account = self.account_mut(id);
        account.exists = now.is_some();
        account.info = now.copied().unwrap_or_default();
        account.epoch = u32::from(is_wiped);
        account.was_touched = true;
    }

    /// Takes a slot over that was never seen, of an account that was taken over: what it was before the block, and what it is
    /// now.
    pub(crate) fn take_over_slot(&mut self, id: SlotId, before: U256, now: U256) {
        self.load_slot(id, before);
        let stamp = self.transaction;
        let slot = &mut self.slots[id.0 as usize];
        let account = &mut self.accounts[slot.key.account().0 as usize];
        slot.epoch = account.epoch;
        slot.current = now;
        slot.written = stamp;
        account.has_written_slots |= !now.is_zero();
    }

    /// All was taken over: what comes now is another transaction.
    pub(crate) fn end_taking_over(&mut self) {
        self.next_transaction();
    }
}
