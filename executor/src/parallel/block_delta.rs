//! The write set of a block, from all that is committed.

use std::{
    hint::black_box,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use braid_mv_memory::{AccountIndex, MvMemory, Version};
use braid_primitives::{StateDelta, U256};
use braid_scheduler::RunError;

use crate::journal::{FETCHED_TOGETHER, leading_bytes};

use super::{
    delta::{AccountChange, Part, SlotChange},
    lock,
};

/// Fewer accounts are not worth waking anybody for.
const SHARED_FROM: usize = 2_000;

/// An account to which something was committed, or to slots of it.
struct Candidate {
    /// The first bytes of the address, which nearly always decide about the order.
    leading_bytes: u64,
    account: AccountIndex,
    /// Which of the changed slots are its own.
    slots: Range<u32>,
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
        return Ok(part(memory, &candidates, &slots).into_delta());
    }
    let parts: Vec<Mutex<Part>> = (0..workers).map(|_| Mutex::default()).collect();
    let share = candidates.len().div_ceil(workers);
    side_by_side(&|worker| {
        if let (Some(candidates), Some(slot)) =
            (candidates.chunks(share).nth(worker), parts.get(worker))
        {
            *lock(slot) = part(memory, candidates, &slots);
        }
    })?;
    let mut all = Part::default();
    all.accounts.reserve_exact(candidates.len());
    for part in parts {
        let part = part.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.accounts.extend(part.accounts);
        all.code.extend(part.code);
    }
    Ok(all.into_delta())
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
    SlotChange::sort(&mut changes);
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
        let account = *account;
        let (before, after) = (memory.account_before(account), memory.committed_account(account));
        let is_wiped = after.reset != Version::NONE;
        let change = AccountChange { account, before, after, is_wiped };
        part.add(memory, &change, &slots[own.start as usize..own.end as usize]);
    }
    part
}
