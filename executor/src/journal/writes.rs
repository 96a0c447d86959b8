//! What a step did, by account and slot, in a form that holds whatever other steps did below.

use std::sync::Arc;

use braid_interpreter::{AccountId, Code, SlotId};
use braid_mv_memory::AccountWrite;
use braid_primitives::U256;

use super::{Journal, delta::Past, entries::Account};

/// What a step did, by ids.
#[derive(Debug)]
pub(crate) struct StepWrites {
    pub(crate) accounts: Vec<(AccountId, AccountWrite)>,
    /// With their new values.
    pub(crate) slots: Vec<(SlotId, U256)>,
}

impl Journal {
    /// What was done to an account that was read since the journal was cleared.
    ///
    /// May note that something was found out after all: that nothing was done may be due to how the account was.
    pub(crate) fn account_write(&mut self, id: AccountId) -> AccountWrite {
        let account = self.account(id);
        let before = self.before(id).copied().unwrap_or_default();
        let past = Past { info: before, exists: account.existed, epoch: 0 };
        let write = write_since(&past, account);
        if !write.resets_storage && write.exists.is_none() && account.was_touched {
            self.exists(id);
        }
        write
    }

    /// What the step did, after its last transaction. Nothing is noted as found out.
    pub(crate) fn step_writes(&self) -> StepWrites {
        let originals = self.originals();
        let accounts = originals.accounts.iter().map(|(id, past)| {
            let id = AccountId(*id);
            (id, write_since(past, self.account(id)))
        });
        let slots = originals.written_slots(self).filter_map(|(id, original, is_wiped)| {
            Some((id, self.changed_slot(id, original, is_wiped)?))
        });
        StepWrites {
            accounts: accounts.filter(|(_, write)| !write.is_nothing()).collect(),
            slots: slots.collect(),
        }
    }

    /// Notes whether an account existed that was touched: what each of several transactions did to it rests on that.
    pub(crate) fn find_out_if_touched_exists(&mut self, id: AccountId) {
        if self.account(id).was_touched {
            self.exists(id);
        }
    }

    /// The code that the account has, unless that is none, or nobody has asked for it.
    pub(crate) fn code_of(&self, id: AccountId) -> Option<&Arc<Code>> {
        self.account(id).code().filter(|code| !code.is_empty())
    }

    /// The value of a slot that was read, before the journal wrote to it.
    pub(crate) fn slot_before(&self, id: SlotId) -> U256 {
        self.slots[id.0 as usize].before
    }

    /// The value of a slot of an account that exists, if it is not what it was; or, in storage that was wiped,
    /// if it is not zero.
    #[inline]
    pub(super) fn changed_slot(&self, id: SlotId, before: U256, is_wiped: bool) -> Option<U256> {
        let slot = &self.slots[id.0 as usize];
        let account = self.account(slot.key.account());
        let before = if is_wiped { U256::ZERO } else { before };
        let is_changed = slot.current != before && slot.epoch == account.epoch && account.exists;
        is_changed.then_some(slot.current)
    }

    /// The slots that were written since the journal was cleared, with their values.
    pub(crate) fn slot_writes(&self) -> impl Iterator<Item = (SlotId, U256)> {
        self.slots.iter().enumerate().filter(|(_, slot)| slot.is_loaded).filter_map(|(id, slot)| {
            let id = SlotId(id as u32);
            let is_wiped = self.account(slot.key.account()).epoch > 0;
            Some((id, self.changed_slot(id, slot.before, is_wiped)?))
        })
    }

    /// The account of a slot, and its key.
    pub(crate) fn slot_key(&self, id: SlotId) -> (AccountId, U256) {
        let key = &self.slots[id.0 as usize].key;
        (key.account(), key.key())
    }

    /// What the beneficiary gets, if it is not in the journal.
    pub(crate) fn deferred_fee(&self) -> Option<U256> {
        self.deferred_fee.map(|(_, fee)| fee)
    }
}

/// What was done to an account since it was as in `past`.
fn write_since(past: &Past, account: &Account) -> AccountWrite {
    let (before, info) = (&past.info, &account.info);
    // It went, and may have come back: nothing of what was before is left. What went was found out to be empty, or its balance
    // was sent away, so that the difference of balances is exact.
    let has_gone = account.epoch != past.epoch;
    let nonce_differs = info.nonce != before.nonce;
    let code_differs = info.code_hash != before.code_hash;
    let mut write = AccountWrite {
        balance_delta: info.balance.wrapping_sub(before.balance),
        nonce: (has_gone || nonce_differs).then_some(info.nonce),
        code_hash: (has_gone || code_differs).then_some(info.code_hash),
        exists: has_gone.then_some(account.exists),
        resets_storage: has_gone,
    };
    if !has_gone && account.exists && (!past.exists || !write.is_nothing()) {
        write.exists = Some(true);
    }
    write
}
