//! Write sets from the multi-version memory: what is common to all, and that of one committed step.

use braid_mv_memory::{AccountState, Change, MvMemory};
use braid_primitives::{AccountDelta, Address, B256, Bytes, SortedMap, StateDelta, U256};

/// An account before and after.
pub(super) struct AccountChange {
    pub(super) before: AccountState,
    pub(super) after: AccountState,
    /// Its storage was wiped in between.
    pub(super) is_wiped: bool,
}

impl AccountChange {
    /// Of an account of which nothing but slots was written.
    pub(super) fn of_slots(state: AccountState) -> Self {
        Self { before: state, after: state, is_wiped: false }
    }

    /// Whether it lost the storage that it had.
    fn is_storage_wiped(&self) -> bool {
        self.is_wiped && self.before.exists
    }

    /// Whether anything but slots is not what it was.
    pub(super) fn is_any(&self) -> bool {
        self.before.existing() != self.after.existing() || self.is_storage_wiped()
    }

    /// The account's part of a write set. `storage` has the slots that differ.
    pub(super) fn delta(&self, storage: SortedMap<U256, U256>) -> AccountDelta {
        let info = self.after.existing().copied();
        AccountDelta { info, storage_wiped: self.is_storage_wiped(), storage }
    }

    /// The code that it has and did not have, if the block deployed it.
    pub(super) fn new_code(&self, memory: &MvMemory) -> Option<(B256, Bytes)> {
        let hash = self.after.existing()?.code_hash;
        let is_new = self.before.existing().is_none_or(|before| before.code_hash != hash);
        let code = if is_new { memory.code(&hash) } else { None };
        Some((hash, code?))
    }
}

/// A part of a write set.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) accounts: Vec<(Address, AccountDelta)>,
    pub(super) code: Vec<(B256, Bytes)>,
}

impl Part {
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
            accounts.push((account, AccountChange { before, after, is_wiped }));
        }
    }
    accounts.sort_unstable_by_key(|(account, _)| *account);
    let written = accounts.len();
    let mut slots = Vec::new();
    for change in changes {
        let Change::Slot(slot, before, value) = *change else { continue };
        let (account, key) = memory.location(slot);
        let place = accounts[..written].binary_search_by_key(&account, |(account, _)| *account);
        let place = place.unwrap_or_else(|_| {
            let change = AccountChange::of_slots(memory.committed_account(account));
            accounts.push((account, change));
            accounts.len() - 1
        });
        let (_, AccountChange { before: was, after, is_wiped }) = &accounts[place];
        let before =
            if *is_wiped { U256::ZERO } else { memory.value_before(slot, before, was.reset) };
        if after.exists && value != before {
            slots.push((account, key, value));
        }
    }
    slots.sort_unstable_by_key(|(account, key, _)| (*account, *key));
    accounts.sort_unstable_by_key(|(account, _)| *account);
    accounts.dedup_by_key(|(account, _)| *account);
    let mut part = Part::default();
    for (account, change) in &accounts {
        let start = slots.partition_point(|(other, ..)| other < account);
        let own = slots[start..].iter().take_while(|(other, ..)| other == account);
        let storage: Vec<_> = own.map(|(_, key, value)| (*key, *value)).collect();
        if change.is_any() || !storage.is_empty() {
            let delta = change.delta(SortedMap::from_sorted(storage));
            part.accounts.push((memory.address(*account), delta));
            part.code.extend(change.new_code(memory));
        }
    }
    part.accounts.sort_unstable_by_key(|(address, _)| *address);
    part.into_delta()
}
