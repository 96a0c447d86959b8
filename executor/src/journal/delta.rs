//! Write sets: of everything since the journal was cleared, and of one step.

use std::collections::BTreeMap;

use braid_interpreter::{AccountId, SlotId};
use braid_primitives::{AccountDelta, AccountInfo, B256, StateDelta, U256};

use super::{Account, Journal, Slot, undo::Undo};

/// An account at some time.
#[derive(Clone, Copy, Debug)]
struct Past {
    info: AccountInfo,
    exists: bool,
    epoch: u32,
}

impl Past {
    fn info(&self) -> Option<AccountInfo> {
        self.exists.then_some(self.info)
    }
}

/// What a step changed, as it was before the step.
#[derive(Debug, Default)]
struct Originals {
    accounts: BTreeMap<u32, Past>,
    slots: BTreeMap<u32, U256>,
}

impl Journal {
    /// What differs from the state before, between transactions.
    pub(crate) fn state_delta(&self) -> StateDelta {
        let mut delta = StateDelta::default();
        for account in self.accounts.iter().filter(|account| account.is_loaded) {
            record_account(&mut delta, account, account.before, account.epoch > 0);
        }
        for slot in self.slots.iter().filter(|slot| slot.is_loaded) {
            let account = self.account(slot.account);
            record_slot(&mut delta, account, slot, slot.before, account.epoch > 0);
        }
        delta
    }

    /// What differs from the state before the step, after its last transaction.
    pub(crate) fn step_delta(&self) -> StateDelta {
        let originals = self.originals();
        let mut delta = StateDelta::default();
        for (&id, original) in &originals.accounts {
            let account = self.account(AccountId(id));
            record_account(&mut delta, account, original.info(), original.epoch != account.epoch);
        }
        for (&id, &original) in &originals.slots {
            let slot = &self.slots[id as usize];
            let account = self.account(slot.account);
            let past = originals.accounts.get(&slot.account.0);
            let is_wiped = past.is_some_and(|past| past.epoch != account.epoch);
            record_slot(&mut delta, account, slot, original, is_wiped);
        }
        delta
    }

    /// Goes back through the undo log without taking anything back.
    fn originals(&self) -> Originals {
        let mut originals = Originals::default();
        let accounts = &mut originals.accounts;
        let mut past = |id: AccountId, change: &dyn Fn(&mut Past)| {
            let account = self.account(id);
            change(accounts.entry(id.0).or_insert(Past {
                info: account.info,
                exists: account.exists,
                epoch: account.epoch,
            }));
        };
        for change in self.undo.iter().rev() {
            match change {
                Undo::Balance(id, balance) => past(*id, &|past| past.info.balance = *balance),
                Undo::Nonce(id, nonce) => past(*id, &|past| past.info.nonce = *nonce),
                Undo::Code(id, hash, _) => past(*id, &|past| past.info.code_hash = *hash),
                Undo::Exists(id) => past(*id, &|past| past.exists = false),
                Undo::Removed(id, before) => past(*id, &|past| {
                    past.info = before.as_deref().copied().unwrap_or_default();
                    past.exists = before.is_some();
                    past.epoch -= 1;
                }),
                Undo::Slot(SlotId(id), value) => {
                    originals.slots.insert(*id, *value);
                }
                // These end with their transaction.
                Undo::Touch(_)
                | Undo::WarmAccount(_)
                | Undo::WarmSlot(_)
                | Undo::Transient(..)
                | Undo::Created(..)
                | Undo::Destroyed(_) => {}
            }
        }
        originals
    }
}

/// Adds an account, if it is not what it was, or lost the storage that it had.
fn record_account(
    delta: &mut StateDelta,
    account: &Account,
    before: Option<AccountInfo>,
    is_wiped: bool,
) {
    let after = account.exists.then_some(account.info);
    let storage_wiped = is_wiped && before.is_some();
    if after == before && !storage_wiped {
        return;
    }
    let entry = AccountDelta { info: after, storage_wiped, ..Default::default() };
    delta.accounts.insert(account.address, entry);
    let hash: B256 = account.info.code_hash;
    let is_new = before.is_none_or(|before| before.code_hash != hash);
    if let Some(code) = account.code.as_ref().filter(|code| is_new && !code.is_empty()) {
        delta.code.insert(hash, code.bytes().to_vec().into());
    }
}

/// Adds a slot of an account that exists, if it is not what it was; or, in storage that was wiped, if it is not zero.
fn record_slot(
    delta: &mut StateDelta,
    account: &Account,
    slot: &Slot,
    before: U256,
    is_wiped: bool,
) {
    if slot.epoch != account.epoch || !account.exists {
        return;
    }
    let before = if is_wiped { U256::ZERO } else { before };
    if slot.current != before {
        let entry = delta.accounts.entry(account.address);
        let entry = entry
            .or_insert_with(|| AccountDelta { info: Some(account.info), ..Default::default() });
        entry.storage.insert(slot.key, slot.current);
    }
}
