//! The write set of one committed step, from what its commit did.

use braid_mv_memory::{AccountIndex, AccountState, Change, MvMemory};
use braid_primitives::{AccountDelta, Address, SortedMap, StateDelta, U256};

/// What became of an account.
struct AccountChange {
    address: Address,
    account: AccountIndex,
    before: AccountState,
    after: AccountState,
    /// Its storage was wiped in between.
    is_wiped: bool,
}

/// A slot that differs, with its new value.
struct SlotChange {
    account: AccountIndex,
    key: U256,
    value: U256,
}

/// What one step changed, of which `changes` is what its commit did.
pub(crate) fn step_delta(memory: &MvMemory, changes: &[Change]) -> StateDelta {
    let mut accounts: Vec<AccountChange> = Vec::new();
    for change in changes {
        if let Change::Account(account, before, after) = *change {
            let address = memory.address(account);
            let is_wiped = after.reset != before.reset;
            accounts.push(AccountChange { address, account, before, after, is_wiped });
        }
    }
    let slots = changes.iter().filter_map(|change| {
        let Change::Slot(slot, before, value) = *change else { return None };
        let (account, key) = memory.location(slot);
        let changed = accounts.iter().find(|change| change.account == account);
        let (exists, is_wiped, reset) = match changed {
            Some(change) => (change.after.exists, change.is_wiped, change.before.reset),
            None => {
                let state = memory.committed_account(account);
                (state.exists, false, state.reset)
            }
        };
        let before = if is_wiped { U256::ZERO } else { memory.value_before(slot, before, reset) };
        (exists && value != before).then_some(SlotChange { account, key, value })
    });
    let slots = slots.collect();
    delta(memory, accounts, slots)
}

fn delta(
    memory: &MvMemory,
    mut accounts: Vec<AccountChange>,
    mut slots: Vec<SlotChange>,
) -> StateDelta {
    let mut code = Vec::new();
    for AccountChange { before, after, .. } in &accounts {
        let hash = after.info.code_hash;
        let is_new = before.existing().is_none_or(|before| before.code_hash != hash);
        if let Some(bytes) = memory.code(&hash).filter(|_| is_new && after.exists) {
            code.push((hash, bytes));
        }
    }
    accounts.retain(|change| {
        let is_wiped = change.is_wiped && change.before.exists;
        is_wiped || change.before.existing() != change.after.existing()
    });
    slots.sort_unstable_by_key(|slot| (slot.account, slot.key));
    accounts.sort_unstable_by_key(|change| change.account);
    let mut entries = Vec::with_capacity(accounts.len());
    let mut accounts = accounts.into_iter().peekable();
    let mut slots = slots.chunk_by(|a, b| a.account == b.account).peekable();
    loop {
        let next_account = accounts.peek().map(|change| change.account);
        let next_slots = slots.peek().map(|slots| slots[0].account);
        let Some(account) = [next_account, next_slots].into_iter().flatten().min() else { break };
        let change = accounts.next_if(|change| change.account == account);
        let slots = slots.next_if(|slots| slots[0].account == account).unwrap_or_default();
        let (address, info, storage_wiped) = match change {
            Some(c) => (c.address, c.after.existing().copied(), c.is_wiped && c.before.exists),
            // Nothing of the account but its slots has changed.
            None => {
                let state = memory.committed_account(account);
                (memory.address(account), state.existing().copied(), false)
            }
        };
        let storage = slots.iter().map(|slot| (slot.key, slot.value)).collect();
        let storage = SortedMap::from_sorted(storage);
        entries.push((address, AccountDelta { info, storage_wiped, storage }));
    }
    entries.sort_unstable_by_key(|(address, _)| *address);
    StateDelta { accounts: SortedMap::from_sorted(entries), code: code.into_iter().collect() }
}
