//! Dense indices of exact keys, given out by many threads.

use std::{
    array, fmt,
    hash::{BuildHasher, Hasher},
    sync::OnceLock,
};

use alloy_primitives::{Address, U256};

use crate::{
    AccountIndex,
    account::AccountCell,
    arena::{Arena, BATCH},
    slot::SlotCell,
    sync::{
        BEGINS_SMALL, Mutex, Ordering, lock,
        to_cells::{AtomicU32, AtomicU64, KeyHasher},
    },
};

/// Buckets of the lowest level; each further one has four times as many.
const FIRST_BUCKETS: usize = if BEGINS_SMALL { 1 << 5 } else { 1 << 11 };

/// Enough for 2^31 buckets.
const LEVELS: usize = 11;

/// A bucket without a cell.
const EMPTY: u64 = 0;
/// A bucket that stays without one: its level is being given up.
const FROZEN: u64 = u32::MAX as u64;

/// A cell that belongs to a key.
pub(crate) trait Keyed: Default {
    type Key;

    fn hash(key: &Self::Key, random: &KeyHasher) -> u64;

    fn is_of(&self, key: &Self::Key) -> bool;

    /// Makes it the cell of another key, of which nothing is known.
    fn renew(&self, key: &Self::Key);

    /// Makes it a cell of which nothing is known, whosever it was.
    fn forget(&self);
}

/// Cells that a worker has to itself until it gives them keys.
#[derive(Debug, Default)]
pub(crate) struct Lot {
    next: u32,
    end: u32,
}

/// A key was not there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Absent {
    tag: u32,
}

/// Cells by key, found without a lock.
///
/// Buckets hold half of the key's hash and the cell's index; keys are in the cells. Hashes are keyed at random, because whoever
/// sends transactions chooses the keys; equal hashes cost time, never identity.
///
/// A level that is half full is given up for a larger one: each empty bucket is frozen and each cell taken over, before others
/// see the new level. So a key that is not in a level and meets no frozen bucket can be added there, and is in the next one.
pub(crate) struct Table<T> {
    cells: Arena<T>,
    levels: [OnceLock<Box<[AtomicU64]>>; LEVELS],
    /// The level in use.
    level: AtomicU32,
    growth: Mutex<()>,
    random: KeyHasher,
}

impl<T: Keyed> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("count", &self.len()).finish_non_exhaustive()
    }
}

impl<T: Keyed> Default for Table<T> {
    fn default() -> Self {
        Self {
            cells: Arena::default(),
            levels: array::from_fn(|_| OnceLock::new()),
            level: AtomicU32::new(0),
            growth: Mutex::new(()),
            random: KeyHasher::default(),
        }
    }
}

/// Buckets of a level.
const fn buckets_of(level: usize) -> usize {
    FIRST_BUCKETS << (2 * level)
}

/// The half of a hash that is kept.
#[inline]
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Where a tag is looked for first, of `buckets`, a power of two.
#[inline]
const fn place(tag: u32, buckets: usize) -> usize {
    ((tag as u64 * buckets as u64) >> 32) as usize
}

#[inline]
const fn entry(tag: u32, index: u32) -> u64 {
    (tag as u64) << 32 | (index + 1) as u64
}

#[inline]
const fn index_in(entry: u64) -> u32 {
    entry as u32 - 1
}

impl<T: Keyed> Table<T> {
    #[inline]
    fn buckets(&self, level: u32) -> &[AtomicU64] {
        let level = level as usize;
        self.levels[level]
            .get_or_init(|| (0..buckets_of(level)).map(|_| AtomicU64::new(EMPTY)).collect())
    }

    /// The index of `key`; [`Absent`] if it was not seen before.
    #[inline]
    pub(crate) fn find(&self, key: &T::Key) -> Result<u32, Absent> {
        let tag = tag(T::hash(key, &self.random));
        let buckets = self.buckets(self.level.load(Ordering::Acquire));
        let first = place(tag, buckets.len());
        for bucket in buckets[first..].iter().chain(&buckets[..first]) {
            // Acquires the key of the cell that is there.
            let entry = bucket.load(Ordering::Acquire);
            if entry == EMPTY || entry == FROZEN {
                break;
            }
            if self.is_of(entry, tag, key) {
                return Ok(index_in(entry));
            }
        }
        Err(Absent { tag })
    }

    /// Brings from memory what [`Self::find`] looks at first. The result means nothing.
    #[inline]
    pub(crate) fn fetch(&self, key: &T::Key) -> u64 {
        let buckets = self.buckets(self.level.load(Ordering::Acquire));
        let place = place(tag(T::hash(key, &self.random)), buckets.len());
        buckets[place].load(Ordering::Relaxed)
    }

    #[inline]
    fn is_of(&self, entry: u64, tag: u32, key: &T::Key) -> bool {
        self::tag(entry) == tag && self.cells.get(index_in(entry)).is_of(key)
    }

    /// The index of `key`, which gets a cell of `lot` unless somebody has added it meanwhile. `fill` puts what is known into
    /// the cell before others see it.
    #[inline]
    pub(crate) fn add(
        &self,
        (key, absent): (&T::Key, Absent),
        lot: &mut Lot,
        fill: impl Fn(&T),
    ) -> u32 {
        let renew = |cell: &T| {
            cell.renew(key);
            fill(cell);
        };
        loop {
            let level = self.level.load(Ordering::Acquire);
            let buckets = self.buckets(level);
            if let Some(index) = self.add_to_level(buckets, (key, absent.tag), lot, &renew) {
                return index;
            }
            self.grow(level);
        }
    }

    /// `None` if the level is full or being given up.
    #[inline]
    fn add_to_level(
        &self,
        buckets: &[AtomicU64],
        (key, tag): (&T::Key, u32),
        lot: &mut Lot,
        renew: &impl Fn(&T),
    ) -> Option<u32> {
        let first = place(tag, buckets.len());
        for bucket in buckets[first..].iter().chain(&buckets[..first]) {
            let mut there = bucket.load(Ordering::Acquire);
            if there == EMPTY {
                let index = self.cell(lot, buckets.len())?;
                renew(self.cells.get(index));
                let new = entry(tag, index);
                // Release: who finds the cell sees its key, and what is known.
                match bucket.compare_exchange(EMPTY, new, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => {
                        lot.next += 1;
                        return Some(index);
                    }
                    Err(other) => there = other,
                }
            }
            if there == FROZEN {
                return None;
            }
            if self.is_of(there, tag, key) {
                return Some(index_in(there));
            }
        }
        None
    }

    /// The next cell of a lot. `None` if there are too many cells for so many buckets.
    #[inline]
    fn cell(&self, lot: &mut Lot, buckets: usize) -> Option<u32> {
        if lot.next == lot.end {
            if self.cells.len() as usize >= buckets / 2 {
                return None;
            }
            let next = self.cells.take();
            (next..next + BATCH).for_each(|index| self.cells.get(index).forget());
            *lot = Lot { next, end: next + BATCH };
        }
        Some(lot.next)
    }

    /// Gives up a level for the next one, or waits until somebody has.
    #[cold]
    fn grow(&self, level: u32) {
        let _growth = lock(&self.growth);
        if self.level.load(Ordering::Relaxed) != level {
            return;
        }
        let new = self.buckets(level + 1);
        for bucket in self.buckets(level) {
            let frozen =
                bucket.compare_exchange(EMPTY, FROZEN, Ordering::AcqRel, Ordering::Acquire);
            let Err(entry) = frozen else { continue };
            let first = place(tag(entry), new.len());
            let mut places = new[first..].iter().chain(&new[..first]);
            // Nobody else sees the new level.
            let free = places.find(|bucket| bucket.load(Ordering::Relaxed) == EMPTY);
            if let Some(bucket) = free {
                bucket.store(entry, Ordering::Relaxed);
            }
        }
        self.level.store(level + 1, Ordering::Release);
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &T {
        self.cells.get(index)
    }

    /// Whether `is_it` says so of a cell that has a key, with its index. Others may add cells meanwhile.
    pub(crate) fn any(&self, mut is_it: impl FnMut(u32, &T) -> bool) -> bool {
        self.buckets(self.level.load(Ordering::Acquire)).iter().any(|bucket| {
            let entry = bucket.load(Ordering::Acquire);
            let has_cell = entry != EMPTY && entry != FROZEN;
            has_cell && is_it(index_in(entry), self.cells.get(index_in(entry)))
        })
    }

    /// How many cells there are: as many as keys were seen, and what is left of the lots.
    pub(crate) fn len(&self) -> u32 {
        self.cells.len()
    }

    /// Forgets all keys, and hashes by another key from now on. Lots are void.
    pub(crate) fn clear(&mut self) {
        let used = self.cells.len() as usize;
        // What one huge block needed is not kept for ever; what each block needs is.
        let fits = |level: &usize| used < buckets_of(*level) / 2;
        let kept = (0..LEVELS).find(fits).unwrap_or(LEVELS - 1);
        for (level, buckets) in self.levels.iter_mut().enumerate() {
            if level != kept {
                buckets.take();
            }
        }
        for bucket in self.levels[kept].get_mut().into_iter().flatten() {
            *bucket.get_mut() = EMPTY;
        }
        *self.level.get_mut() = kept as u32;
        self.cells.clear();
        self.random = KeyHasher::default();
    }
}

impl Keyed for AccountCell {
    type Key = Address;

    #[inline]
    fn hash(key: &Address, random: &KeyHasher) -> u64 {
        let mut hasher = random.build_hasher();
        let (words, rest) = key.as_chunks::<8>();
        words.iter().for_each(|word| hasher.write_u64(u64::from_le_bytes(*word)));
        let mut last = [0; 4];
        last.copy_from_slice(rest);
        hasher.write_u32(u32::from_le_bytes(last));
        hasher.finish()
    }

    #[inline]
    fn is_of(&self, key: &Address) -> bool {
        self.address().is(key)
    }

    #[inline]
    fn renew(&self, key: &Address) {
        Self::renew(self, key);
    }

    fn forget(&self) {
        Self::forget(self);
    }
}

impl Keyed for SlotCell {
    type Key = (AccountIndex, U256);

    #[inline]
    fn hash((account, key): &Self::Key, random: &KeyHasher) -> u64 {
        let mut hasher = random.build_hasher();
        key.as_limbs().iter().for_each(|limb| hasher.write_u64(*limb));
        hasher.write_u32(account.0);
        hasher.finish()
    }

    #[inline]
    fn is_of(&self, (account, key): &Self::Key) -> bool {
        self.account() == *account && self.key() == *key
    }

    #[inline]
    fn renew(&self, (account, key): &Self::Key) {
        Self::renew(self, *account, key);
    }

    fn forget(&self) {
        Self::forget(self);
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
