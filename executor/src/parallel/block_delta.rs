//! The write set of a block, from all that is committed.

use std::{
    hint::black_box,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use braid_mv_memory::{AccountIndex, MvMemory, Version};
use braid_primitives::{AccountDelta, Address, B256, Bytes, SortedMap, StateDelta, U256};
use braid_scheduler::RunError;

/// Fewer accounts are not worth waking anybody for.
const SHARED_FROM: usize = 2_000;

/// How many accounts are brought from memory at a time. In order of address they lie all over it, and waiting for many at once
/// takes hardly longer than waiting for one.
const FETCHED_TOGETHER: usize = 64;

/// An account to which something was committed, or to slots of it.
struct Candidate {
    /// The first bytes of the address, which nearly always decide about the order.
    leading_bytes: u64,
    account: AccountIndex,
    /// Which of the changed slots are its own.
    slots: Range<u32>,
}

/// A slot that differs from before, with its new value.
struct SlotChange {
    account: AccountIndex,
    key: U256,
    value: U256,
}

type Entry = (Address, AccountDelta);

/// A part of the write set, in order of address.
#[derive(Default)]
struct Part {
    accounts: Vec<Entry>,
    code: Vec<(B256, Bytes)>,
}

/// Collects the write set. `side_by_side` runs what it is given once for each number below the number that it returns, at the
/// same time.
pub(super) fn block_delta(
    memory: &MvMemory,
    workers: usize,
    side_by_side: impl FnOnce(&(dyn Fn(usize) + Sync)) -> Result<(), RunError>,
) -> Result<StateDelta, RunError> {
    let slots = changed_slots(memory);
    let candidates = candidates(memory, &slots);
    if workers == 1 || candidates.len() < SHARED_FROM {
        let Part { accounts, code } = part(memory, &candidates, &slots);
        return Ok(StateDelta {
            accounts: SortedMap::from_sorted(accounts),
            code: code.into_iter().collect(),
        });
    }
    let parts: Vec<Mutex<Part>> = (0..workers).map(|_| Mutex::default()).collect();
    let share = candidates.len().div_ceil(workers);
    side_by_side(&|worker| {
        if let (Some(candidates), Some(slot)) =
            (candidates.chunks(share).nth(worker), parts.get(worker))
        {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = part(memory, candidates, &slots);
        }
    })?;
    let mut all = Part::default();
    all.accounts.reserve_exact(candidates.len());
    for part in parts {
        let part = part.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.accounts.extend(part.accounts);
        all.code.extend(part.code);
    }
    Ok(StateDelta {
        accounts: SortedMap::from_sorted(all.accounts),
        code: all.code.into_iter().collect(),
    })
}

/// In order of account and key.
fn changed_slots(memory: &MvMemory) -> Vec<SlotChange> {
    let changes = memory.changed_slots().filter_map(|slot| {
        let (account, key) = memory.location(slot);
        let (before, value) = memory.committed_slot(slot);
        let state = memory.committed_account(account);
        let before = if state.reset == Version::NONE { before } else { U256::ZERO };
        (state.exists && value != before).then_some(SlotChange { account, key, value })
    });
    let mut changes: Vec<_> = changes.collect();
    changes.sort_unstable_by_key(|slot| (slot.account, slot.key));
    changes
}

/// In order of address.
fn candidates(memory: &MvMemory, slots: &[SlotChange]) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let mut add = |account, slots| {
        let leading_bytes = leading_bytes(&memory.address(account));
        candidates.push(Candidate { leading_bytes, account, slots });
    };
    let mut committed = memory.changed_accounts().peekable();
    let mut start = 0;
    for group in slots.chunk_by(|a, b| a.account == b.account) {
        let (account, end) = (group[0].account, start + group.len() as u32);
        while let Some(below) = committed.next_if(|committed| *committed < account) {
            add(below, 0..0);
        }
        committed.next_if_eq(&account);
        add(account, start..end);
        start = end;
    }
    committed.for_each(|account| add(account, 0..0));
    candidates.sort_unstable_by(|a, b| {
        let by_leading_bytes = a.leading_bytes.cmp(&b.leading_bytes);
        by_leading_bytes.then_with(|| memory.address(a.account).cmp(&memory.address(b.account)))
    });
    candidates
}

fn part(memory: &MvMemory, candidates: &[Candidate], slots: &[SlotChange]) -> Part {
    let mut part = Part { accounts: Vec::with_capacity(candidates.len()), code: Vec::new() };
    for (index, Candidate { account, slots: own, .. }) in candidates.iter().enumerate() {
        if index.is_multiple_of(FETCHED_TOGETHER) {
            let ahead = candidates[index..].iter().take(FETCHED_TOGETHER);
            black_box(ahead.fold(0, |all, next| all ^ memory.fetch(next.account)));
        }
        let before = memory.account_before(*account);
        let after = memory.committed_account(*account);
        let storage_wiped = after.reset != Version::NONE && before.exists;
        let own = &slots[own.start as usize..own.end as usize];
        if before.existing() == after.existing() && !storage_wiped && own.is_empty() {
            continue;
        }
        let hash = after.info.code_hash;
        let is_new = before.existing().is_none_or(|before| before.code_hash != hash);
        if is_new
            && after.exists
            && let Some(code) = memory.code(&hash)
        {
            part.code.push((hash, code));
        }
        let storage = own.iter().map(|slot| (slot.key, slot.value)).collect();
        let info = after.existing().copied();
        let delta = AccountDelta { info, storage_wiped, storage: SortedMap::from_sorted(storage) };
        part.accounts.push((memory.address(*account), delta));
    }
    part
}

/// The first eight bytes, in an order that agrees with that of addresses.
fn leading_bytes(address: &Address) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&address[..8]);
    u64::from_be_bytes(bytes)
}
