//! What is made of a block once all its steps are committed: the write set, and the filter of the logs.
//!
//! All workers that have come by then take part, before they go to sleep: to wake them again would take longer than the work
//! does for most blocks.
//!
//! Accounts lie in memory in the order in which they were met, and are wanted in order of address. Visiting them in that order
//! would meet another page at each, so workers first go through a stretch of the cells each, as they lie, and write down what
//! changed by ranges of addresses. Then each puts in order what belongs to some ranges that follow each other.

use std::{
    ops::Range,
    sync::{PoisonError, atomic::Ordering},
};

use braid_mv_memory::{AccountIndex, MvMemory, Version};
use braid_precompiles::Crypto;
use braid_primitives::{
    AccountDelta, Address, B256, Bloom, Bytes, Receipt, SortedMap, StateDelta, U256,
};

use crate::{bloom::logs_bloom, journal::leading_bytes};

use super::{
    delta::{AccountChange, Part},
    lock,
    sync::{AtomicUsize, Mutex, share},
    wait_until,
};

/// Fewer cells are not worth sharing with another worker.
const CELLS_PER_TASK: u32 = share(256);

/// Neither are fewer logs.
const LOGS_PER_TASK: usize = share(64) as usize;

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

/// What was found in a stretch of the cells.
#[derive(Debug, Default)]
struct Found {
    by_range: Vec<Share>,
}

/// Lists that are kept from block to block.
#[derive(Debug, Default)]
pub(super) struct Lists {
    found: Vec<Mutex<Found>>,
    parts: Vec<Mutex<Part>>,
}

impl Lists {
    /// Makes room for so many workers.
    pub(super) fn reserve(&mut self, workers: usize) {
        self.found.resize_with(workers.max(self.found.len()), Mutex::default);
        self.parts.resize_with(workers.max(self.parts.len()), Mutex::default);
    }
}

/// A block of which all is committed.
#[derive(Clone, Copy)]
pub(super) struct Settled<'a, C> {
    pub(super) memory: &'a MvMemory,
    pub(super) crypto: &'a C,
    pub(super) receipts: &'a [Receipt],
    pub(super) lists: &'a Lists,
}

/// The work of making a write set and a filter, in tasks that any number of workers claim.
#[derive(Debug)]
pub(super) struct Gathering {
    /// Into how many stretches the cells are divided, and the ranges, too.
    stretches: usize,
    ranges: usize,
    logs: usize,
    /// Into how many parts the logs are divided.
    filters: usize,
    next: AtomicUsize,
    /// How many stretches of the cells have been looked at.
    looked: AtomicUsize,
    bloom: Mutex<Bloom>,
}

impl Gathering {
    /// For so many workers at most. Without write set, if somebody else has made that.
    pub(super) fn new<C>(settled: Settled<'_, C>, has_write_set: bool, workers: usize) -> Self {
        let cells = settled.memory.cells();
        let stretches = (cells / CELLS_PER_TASK).clamp(1, workers as u32) as usize;
        let stretches = if has_write_set { stretches } else { 0 };
        let ranges = (cells / CELLS_PER_RANGE).clamp(1, MOST_RANGES) as usize;
        let logs = settled.receipts.iter().map(|receipt| receipt.logs.len()).sum::<usize>();
        Self {
            stretches,
            ranges: ranges.next_multiple_of(stretches.max(1)),
            logs,
            filters: (logs / LOGS_PER_TASK).clamp(1, workers),
            next: AtomicUsize::new(0),
            looked: AtomicUsize::new(0),
            bloom: Mutex::default(),
        }
    }

    /// Works off tasks, until none is left or the block `is_given_up`.
    pub(super) fn work<C: Crypto>(&self, settled: Settled<'_, C>, is_given_up: impl Fn() -> bool) {
        let Settled { memory, crypto, receipts, lists } = settled;
        let found = &lists.found[..self.stretches];
        loop {
            let task = self.next.fetch_add(1, Ordering::Relaxed);
            if task < self.stretches {
                lock(&found[task]).look(memory, (task, self.stretches), self.ranges);
                // Pairs with the Acquire below; what was found is handed over by its lock.
                self.looked.fetch_add(1, Ordering::Release);
                continue;
            }
            // These do not rest on the cells, so they come while others look.
            let task = task - self.stretches;
            if task < self.filters {
                let end = |part: usize| part * self.logs / self.filters;
                let logs = receipts.iter().flat_map(|receipt| &receipt.logs);
                let logs = logs.skip(end(task)).take(end(task + 1) - end(task));
                let bloom = logs_bloom(crypto, logs);
                *lock(&self.bloom) |= bloom;
                continue;
            }
            let task = task - self.filters;
            let have_looked = || self.looked.load(Ordering::Acquire) == self.stretches;
            if task >= self.stretches || !wait_until(have_looked, &is_given_up) {
                return;
            }
            let end = |part: usize| part * self.ranges / self.stretches;
            *lock(&lists.parts[task]) = part(memory, found, end(task)..end(task + 1));
        }
    }

    /// The write set, and the filter, once all have returned from [`Self::work`].
    pub(super) fn finish(self, lists: &Lists) -> (StateDelta, Bloom) {
        let parts = &lists.parts[..self.stretches];
        let mut parts = parts.iter().map(|part| std::mem::take(&mut *lock(part)));
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            all.accounts.extend(part.accounts);
            all.code.extend(part.code);
        }
        (all.into_delta(), self.bloom.into_inner().unwrap_or_else(PoisonError::into_inner))
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
