//! What a step did, by account and slot, in a form that holds whatever other steps did below.

use std::sync::Arc;

use braid_interpreter::{AccountId, Code, SlotId};
use braid_mv_memory::AccountWrite;
use braid_primitives::U256;

use super::{Journal, NEVER};

impl Journal {
    /// What was done to an account that was read since the journal was cleared.
    ///
    /// May note that something was found out after all: that nothing was done may be due to how the account was.
    pub(crate) fn account_write(&mut self, id: AccountId) -> AccountWrite {
        let account = self.account(id);
        let info = &account.info;
        if account.epoch > 0 {
            // It went, and may have come back: nothing of what was before is left. What went was found out to be empty, or
            // its balance was sent away, so that the difference of balances is exact.
            return AccountWrite {
                balance_delta: info.balance.wrapping_sub(self.balance_before(id)),
                nonce: Some(info.nonce),
                code_hash: Some(info.code_hash),
                exists: Some(account.exists),
                resets_storage: true,
            };
        }
        let mut write = AccountWrite {
            balance_delta: info.balance.wrapping_sub(self.balance_before(id)),
            nonce: (info.nonce != self.nonce_before(id)).then_some(info.nonce),
            code_hash: (info.code_hash != self.code_hash_before(id)).then_some(info.code_hash),
            exists: None,
            resets_storage: false,
        };
        let existed = account.existed;
        if account.exists && (!existed || !write.is_nothing()) {
            write.exists = Some(true);
        } else if account.touched != NEVER {
            self.exists(id);
        }
        write
    }

    /// The code that the account was given, if it was given other code than it had.
    pub(crate) fn new_code(&self, id: AccountId) -> Option<&Arc<Code>> {
        let account = self.account(id);
        let is_new = account.exists && account.info.code_hash != self.code_hash_before(id);
        account.code().filter(|code| is_new && !code.is_empty())
    }

    /// The value of a slot that was read, before the journal wrote to it.
    pub(crate) fn slot_before(&self, id: SlotId) -> U256 {
        self.slots[id.0 as usize].before
    }

    /// The new value of a slot that was read, if it has one.
    pub(crate) fn slot_write(&self, id: SlotId) -> Option<U256> {
        let slot = &self.slots[id.0 as usize];
        let account = self.account(slot.key.account());
        let before = if account.epoch > 0 { U256::ZERO } else { slot.before };
        let is_written = slot.current != before && slot.epoch == account.epoch && account.exists;
        is_written.then_some(slot.current)
    }

    /// The slots that are known, with those that were written without having been read: their account was wiped before.
    pub(crate) fn slot_ids(&self) -> impl Iterator<Item = SlotId> {
        (0..self.slots.len() as u32).map(SlotId)
    }

    /// The account of a slot, and its key.
    pub(crate) fn slot_key(&self, id: SlotId) -> (AccountId, U256) {
        let key = &self.slots[id.0 as usize].key;
        (key.account(), key.key())
    }

    /// Whether a slot has a value.
    pub(crate) fn is_slot_known(&self, id: SlotId) -> bool {
        self.slots[id.0 as usize].is_loaded
    }

    /// What the beneficiary gets, if it is not in the journal.
    pub(crate) fn deferred_fee(&self) -> Option<U256> {
        self.deferred_fee
    }
}
