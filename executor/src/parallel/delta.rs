//! Write sets from the multi-version memory: what is common to all, and that of one committed step.

use braid_mv_memory::{AccountIndex, AccountState, Change, MvMemory};
use braid_primitives::{AccountDelta, Address, B256, Bytes, SortedMap, StateDelta, U256};

/// An account before and after.
pub(super) struct AccountChange {
    pub(super) account: AccountIndex,
    pub(super) before: AccountState,
    pub(super) after: AccountState,
    /// Its storage was wiped in between.
    pub(super) is_wiped: bool,
}

/// A slot that differs, with its new value.
pub(super) struct SlotChange {
    pub(super) account: AccountIndex,
    pub(super) key: U256,
    pub(super) value: U256,
}

impl SlotChange {
    /// In order of account and key.
    pub(super) fn sort(changes: &mut [Self]) {
        changes.sort_unstable_by_key(|slot| (slot.account, slot.key));
    }
}

/// A part of a write set.
#[derive(Default)]
pub(super) struct Part {
    pub(super) accounts: Vec<(Address, AccountDelta)>,
    pub(super) code: Vec<(B256, Bytes)>,
}

impl Part {
    /// Adds an account with its slots, if anything of it is not what it was.
    pub(super) fn add(&mut self, memory: &MvMemory, change: &AccountChange, slots: &[SlotChange]) {
        let AccountChange { account, before, after, is_wiped } = change;
        let storage_wiped = *is_wiped && before.exists;
        if before.existing() == after.existing() && !storage_wiped && slots.is_empty() {
            return;
        }
        let hash = after.info.code_hash;
        let is_new = before.existing().is_none_or(|before| before.code_hash != hash);
        if is_new
            && after.exists
            && let Some(code) = memory.code(&hash)
        {
            self.code.push((hash, code));
        }
        let storage = slots.iter().map(|slot| (slot.key, slot.value)).collect();
        let storage = SortedMap::from_sorted(storage);
        let info = after.existing().copied();
        self.accounts
            .push((memory.address(*account), AccountDelta { info, storage_wiped, storage }));
    }

    /// The write set, of accounts in order of address.
    pub(super) fn into_delta(self) -> StateDelta {
        let accounts = SortedMap::from_sorted(self.accounts);
        StateDelta { accounts, code: self.code.into_iter().collect() }
    }
}

/// What one step changed, of which `changes` is what its commit did.
pub(crate) fn step_delta(memory: &MvMemory, changes: &[Change]) -> StateDelta {
    let mut accounts = Vec::new();
    for change in changes {
        if let Change::Account(account, before, after) = *change {
            let is_wiped = after.reset != before.reset;
            accounts.push(AccountChange { account, before, after, is_wiped });
        }
    }
    accounts.sort_unstable_by_key(|change| change.account);
    let written = accounts.len();
    let mut slots = Vec::new();
    for change in changes {
        let Change::Slot(slot, before, value) = *change else { continue };
        let (account, key) = memory.location(slot);
        let place = accounts[..written].binary_search_by_key(&account, |change| change.account);
        let place = place.unwrap_or_else(|_| {
            // Nothing of the account but slots was written.
            let state = memory.committed_account(account);
            let (before, after) = (state, state);
            accounts.push(AccountChange { account, before, after, is_wiped: false });
            accounts.len() - 1
        });
        let AccountChange { before: was, after, is_wiped, .. } = &accounts[place];
        let before =
            if *is_wiped { U256::ZERO } else { memory.value_before(slot, before, was.reset) };
        if after.exists && value != before {
            slots.push(SlotChange { account, key, value });
        }
    }
    SlotChange::sort(&mut slots);
    accounts.sort_unstable_by_key(|change| change.account);
    accounts.dedup_by_key(|change| change.account);
    let mut part = Part::default();
    for change in &accounts {
        let start = slots.partition_point(|slot| slot.account < change.account);
        let end = slots.partition_point(|slot| slot.account <= change.account);
        part.add(memory, change, &slots[start..end]);
    }
    part.accounts.sort_unstable_by_key(|(address, _)| *address);
    part.into_delta()
}
