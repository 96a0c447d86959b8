//! What is made of a block once all its steps are committed: the write set, and the filter of the logs.
//!
//! Accounts lie in memory in the order in which they were met, and are wanted in order of address. Visiting them in that order
//! would meet another page at each, so workers first go through a stretch of the cells each, as they lie, and write down what
//! changed by ranges of addresses. Then each puts in order what belongs to some ranges that follow each other.

use std::{iter, ops::Range, sync::atomic::Ordering};

use braid_mv_memory::{AccountIndex, MvMemory, Version};
use braid_precompiles::Crypto;
use braid_primitives::{
    AccountDelta, Address, B256, Bloom, Bytes, Receipt, SortedMap, StateDelta, U256,
};
use braid_scheduler::RunError;

use crate::{bloom::logs_bloom, journal::leading_bytes};

use super::{
    delta::{AccountChange, Part},
    lock,
    sync::{AtomicUsize, Mutex},
};

/// Fewer cells are not worth waking anybody for, unless that is what is simulated.
const SHARED_FROM: u32 = if cfg!(shuttle) { 0 } else { 8_000 };

/// About so many cells make a range of addresses: what is made of them is sorted within the first-level cache.
const CELLS_PER_RANGE: u32 = 512;

/// More ranges than this are too many lists to add to at the same time.
const MOST_RANGES: u32 = 256;

/// What changed of the accounts of a range of addresses, in ascending order of index.
#[derive(Debug, Default)]
struct Share {
    accounts: Vec<(AccountIndex, Address, AccountDelta)>,
    /// With their new values.
    slots: Vec<(AccountIndex, U256, U256)>,
    code: Vec<(B256, Bytes)>,
}

/// What one worker found.
#[derive(Debug, Default)]
struct Found {
    by_range: Vec<Share>,
    bloom: Bloom,
}

/// Lists that are kept from block to block: what was found, by worker.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    found: Vec<Mutex<Found>>,
    parts: Vec<Mutex<Part>>,
}

impl Gathered {
    /// Makes the write set, and the filter of the logs in `receipts`. `side_by_side` runs what it is given on up to `workers`
    /// threads at the same time, and at least on one.
    pub(super) fn block_delta(
        &mut self,
        memory: &MvMemory,
        (crypto, receipts): (&impl Crypto, &[Receipt]),
        workers: usize,
        mut side_by_side: impl FnMut(&(dyn Fn() + Sync)) -> Result<(), RunError>,
    ) -> Result<(StateDelta, Bloom), RunError> {
        let workers = if memory.cells() < SHARED_FROM { 1 } else { workers };
        let ranges = (memory.cells() / CELLS_PER_RANGE).clamp(1, MOST_RANGES);
        let ranges = (ranges as usize).next_multiple_of(workers);
        self.found.resize_with(workers.max(self.found.len()), Mutex::default);
        self.parts.resize_with(workers.max(self.parts.len()), Mutex::default);
        let (found, parts) = (&self.found[..workers], &self.parts[..workers]);
        let per_worker = receipts.len().div_ceil(workers).max(1);
        // As many tasks as workers; who is late finds less to do.
        let look = |worker: usize| {
            let mut found = lock(&found[worker]);
            found.look(memory, (worker, workers), ranges);
            let receipts = receipts.chunks(per_worker).nth(worker).unwrap_or_default();
            found.bloom = logs_bloom(crypto, receipts);
        };
        let make = |worker: usize| {
            let own = worker * ranges / workers..(worker + 1) * ranges / workers;
            *lock(&parts[worker]) = part(memory, found, own);
        };
        if workers == 1 {
            look(0);
            make(0);
        } else {
            for step in [&look as &(dyn Fn(usize) + Sync), &make] {
                let next = AtomicUsize::new(0);
                side_by_side(&|| {
                    let claim = || next.fetch_add(1, Ordering::Relaxed);
                    iter::repeat_with(claim).take_while(|task| *task < workers).for_each(step);
                })?;
            }
        }
        let mut parts = parts.iter().map(|part| std::mem::take(&mut *lock(part)));
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            all.accounts.extend(part.accounts);
            all.code.extend(part.code);
        }
        let bloom = found.iter().fold(Bloom::ZERO, |all, found| all | lock(found).bloom);
        Ok((all.into_delta(), bloom))
    }
}

/// The range with an account of which these are the first bytes of the address.
fn range_of(leading_bytes: u64, ranges: usize) -> usize {
    ((u128::from(leading_bytes) * ranges as u128) >> u64::BITS) as usize
}

impl Found {
    /// Finds what was committed in a worker's stretch of the cells.
    fn look(&mut self, memory: &MvMemory, (worker, workers): (usize, usize), ranges: usize) {
        self.by_range.resize_with(ranges, Share::default);
        self.by_range.iter_mut().for_each(Share::clear);
        let (accounts, slots) = memory.changed((worker, workers));
        for account in accounts {
            let share = &mut self.by_range[range_of(memory.leading_bytes(account), ranges)];
            share.add_account(memory, account);
        }
        for (account, slot) in slots {
            let state = memory.settled_account(account);
            let (before, value) = memory.settled_slot(slot);
            let before = if state.reset == Version::NONE { before } else { U256::ZERO };
            if state.exists && value != before {
                let share = &mut self.by_range[range_of(memory.leading_bytes(account), ranges)];
                share.slots.push((account, memory.location(slot).1, value));
            }
        }
    }
}

impl Share {
    fn clear(&mut self) {
        self.accounts.clear();
        self.slots.clear();
        self.code.clear();
    }

    /// Adds an account, if anything of it but slots is not what it was.
    fn add_account(&mut self, memory: &MvMemory, account: AccountIndex) {
        let (before, after) = (memory.account_before(account), memory.settled_account(account));
        let is_wiped = after.reset != Version::NONE;
        let change = AccountChange { before, after, is_wiped };
        if change.is_any() {
            let delta = change.delta(SortedMap::new());
            self.code.extend(change.new_code(memory));
            self.accounts.push((account, memory.address(account), delta));
        }
    }

    /// Moves what is there to another that is empty or holds lower indices.
    fn move_to(&mut self, all: &mut Self) {
        all.accounts.append(&mut self.accounts);
        all.slots.append(&mut self.slots);
        all.code.append(&mut self.code);
    }

    /// Gives slots to their accounts, also to those of which nothing else changed.
    fn distribute_slots(&mut self, memory: &MvMemory) {
        self.slots.sort_unstable_by_key(|(account, key, _)| (*account, *key));
        let known = self.accounts.len();
        let mut next = 0;
        for group in self.slots.chunk_by(|a, b| a.0 == b.0) {
            let account = group[0].0;
            let storage = group.iter().map(|(_, key, value)| (*key, *value)).collect();
            let storage = SortedMap::from_sorted(storage);
            while next < known && self.accounts[next].0 < account {
                next += 1;
            }
            match self.accounts[..known].get_mut(next).filter(|(other, ..)| *other == account) {
                Some((.., delta)) => delta.storage = storage,
                None => {
                    let state = memory.settled_account(account);
                    let change = AccountChange::of_slots(state);
                    self.accounts.push((account, memory.address(account), change.delta(storage)));
                }
            }
        }
    }
}

/// The write set of some ranges.
fn part(memory: &MvMemory, found: &[Mutex<Found>], ranges: Range<usize>) -> Part {
    // The first of all has room for the others', too.
    let counted = if ranges.start == 0 { 0..usize::MAX } else { ranges.clone() };
    let is_counted = |(range, _): &(usize, &Share)| counted.contains(range);
    let count = |found: &Mutex<Found>| {
        let found = lock(found);
        let shares = found.by_range.iter().enumerate().filter(is_counted);
        shares.map(|(_, share)| share.accounts.len()).sum::<usize>()
    };
    let count = found.iter().map(count).sum();
    let mut part = Part { accounts: Vec::with_capacity(count), code: Vec::new() };
    let mut all = Share::default();
    let mut order: Vec<(u64, u32)> = Vec::new();
    for range in ranges {
        for found in found {
            lock(found).by_range[range].move_to(&mut all);
        }
        all.distribute_slots(memory);
        // The first bytes nearly always decide about the order.
        order.clear();
        order.extend(
            (0..)
                .zip(&all.accounts)
                .map(|(place, (_, address, _))| (leading_bytes(address), place)),
        );
        order.sort_unstable_by(|a, b| {
            let address = |place: u32| &all.accounts[place as usize].1;
            a.0.cmp(&b.0).then_with(|| address(a.1).cmp(address(b.1)))
        });
        part.accounts.extend(order.iter().map(|(_, place)| {
            let (_, address, delta) = &mut all.accounts[*place as usize];
            (*address, std::mem::take(delta))
        }));
        part.code.append(&mut all.code);
        all.clear();
    }
    part
}
