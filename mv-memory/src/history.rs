//! What the cells of accounts and slots have in common: flags, a hint who read, and what was written.
//!
//! A cell has one place for what was written. It holds the lowest write that is not committed, until something is committed;
//! from then on it holds that. All else is in [`Overflow`]: most locations are written once in a block and never need it.

use std::{fmt, ops::Deref};

use alloy_primitives::map::HashMap;
use crossbeam_utils::CachePadded;

use crate::{
    Version,
    sync::{AtomicU32, Mutex, Ordering, lock, wait_a_little},
};

/// Somebody is changing the cell.
const LOCKED: u32 = 1;
/// The state before the block is known.
pub(crate) const KNOWN: u32 = 1 << 1;
/// A step wrote to the location: what it is now depends on who asks.
pub(crate) const CHANGED: u32 = 1 << 2;
/// Something that a step wrote is committed, and in the cell's place.
pub(crate) const COMMITTED: u32 = 1 << 3;
/// What a step wrote that is not committed is in the cell's place.
const PENDING: u32 = 1 << 4;
/// What is pending in the cell's place will probably be written again.
const ESTIMATE: u32 = 1 << 5;
/// Something is in [`Overflow`].
const MORE: u32 = 1 << 6;
/// The first flag that a kind of cell has for itself.
pub(crate) const OWN: u32 = 1 << 7;

/// What is read of a cell without its lock.
#[derive(Debug)]
pub(crate) struct Header {
    flags: AtomicU32,
    last_reader: AtomicU32,
    /// Whose write is in the cell's place.
    writer: AtomicU32,
}

impl Default for Header {
    fn default() -> Self {
        Self { flags: AtomicU32::new(0), last_reader: AtomicU32::new(0), writer: AtomicU32::new(0) }
    }
}

impl Header {
    /// Makes the cell one of a location of which nothing is known. Nobody else may use it yet.
    pub(crate) fn forget(&self) {
        self.flags.store(0, Ordering::Relaxed);
        self.last_reader.store(0, Ordering::Relaxed);
    }

    /// Gives a cell its first flags. Nobody else may use it yet.
    #[inline]
    pub(crate) fn begin(&self, flags: u32) {
        self.flags.store(flags, Ordering::Relaxed);
    }

    /// Acquire: pairs with the Release of whoever set the flag, so that what belongs to it is visible. Without it the models
    /// `a_slot_that_is_known_has_all_of_its_value` and `the_account_of_a_changed_slot_has_slots` fail.
    #[inline]
    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }

    /// Leaves a hint that `version` reads the location. Racy on purpose: a hint that is lost costs time, not correctness.
    #[inline]
    pub(crate) fn note_reader(&self, version: Version) {
        if self.last_reader.load(Ordering::Relaxed) < version.to_bits() {
            self.last_reader.store(version.to_bits(), Ordering::Relaxed);
        }
    }

    /// About the highest step that read the location.
    pub(crate) fn last_reader_bits(&self) -> u32 {
        self.last_reader.load(Ordering::Relaxed)
    }

    /// Whose write is in the cell's place.
    pub(crate) fn writer(&self) -> Version {
        Version::from_bits(self.writer.load(Ordering::Relaxed))
    }

    /// Takes the cell for itself. Held for some dozen instructions, and never while code of others runs.
    #[inline]
    pub(crate) fn lock(&self) -> Locked<'_> {
        let mut looks = 0;
        loop {
            let flags = self.flags.load(Ordering::Relaxed);
            let is_free = flags & LOCKED == 0;
            // Acquires what the last holder stored: without, all models fail in which cells are read with the lock.
            if is_free
                && self
                    .flags
                    .compare_exchange_weak(
                        flags,
                        flags | LOCKED,
                        Ordering::Acquire,
                        Ordering::Relaxed,
                    )
                    .is_ok()
            {
                return Locked { header: self, flags };
            }
            wait_a_little(&mut looks);
        }
    }
}

/// A cell that nobody else can change.
pub(crate) struct Locked<'c> {
    header: &'c Header,
    flags: u32,
}

impl Locked<'_> {
    pub(crate) fn flags(&self) -> u32 {
        self.flags
    }

    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn set(&mut self, flags: u32) {
        self.flags |= flags;
    }

    pub(crate) fn set_to(&mut self, flag: u32, is_set: bool) {
        if is_set { self.set(flag) } else { self.unset(flag) }
    }

    fn unset(&mut self, flags: u32) {
        self.flags &= !flags;
    }

    /// Whose write is in the cell's place.
    pub(crate) fn writer(&self) -> Version {
        self.header.writer()
    }

    pub(crate) fn set_writer(&self, version: Version) {
        self.header.writer.store(version.to_bits(), Ordering::Relaxed);
    }
}

impl Drop for Locked<'_> {
    /// Releases what was stored, to the next holder and to whoever sees a flag: without, nearly all models fail.
    fn drop(&mut self) {
        self.header.flags.store(self.flags, Ordering::Release);
    }
}

/// What a step wrote that is not committed yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending<W> {
    pub(crate) version: Version,
    /// The step will be executed again and probably write to the location again: nobody should go on with this.
    pub(crate) is_estimate: bool,
    pub(crate) write: W,
}

/// A power of two, well above the number of workers: two of them rarely want the same shard at once.
const SHARDS: usize = 64;

/// By cell, what finds no place in it, in ascending order of version.
type Shard<W> = HashMap<u32, Vec<Pending<W>>>;

/// What finds no place in the cells of one kind.
pub(crate) struct Overflow<W>(Box<[CachePadded<Mutex<Shard<W>>>]>);

impl<W> fmt::Debug for Overflow<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overflow").finish_non_exhaustive()
    }
}

impl<W> Default for Overflow<W> {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| CachePadded::new(Mutex::new(Shard::default()))).collect())
    }
}

impl<W> Overflow<W> {
    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.0.iter().for_each(|shard| lock(shard).clear());
    }

    /// Works at the list of a cell, which must be locked.
    fn list<T>(&self, cell: u32, work: impl FnOnce(&mut Vec<Pending<W>>) -> T) -> T {
        let shard = self.0[cell as usize % SHARDS].deref();
        work(lock(shard).entry(cell).or_default())
    }
}

/// A kind of cell.
pub(crate) trait Cell {
    /// What a step writes.
    type Write: Copy + PartialEq;
    /// What it takes to understand the words of a cell.
    type Context;
    /// Flags that belong to what is pending in the cell's place.
    const OF_PENDING: u32;

    fn header(&self) -> &Header;

    /// What is pending in the cell's place.
    fn pending(&self, context: &Self::Context, flags: u32) -> Self::Write;

    /// Puts it there. Returns the flags that belong to it.
    fn store_pending(&self, context: &Self::Context, write: &Self::Write) -> u32;

    /// The flags that a cell has for ever once somebody wrote this to it.
    fn lasting_flags(write: &Self::Write) -> u32;
}

/// A cell with its surroundings.
#[derive(Debug)]
pub(crate) struct At<'m, C: Cell> {
    pub(crate) cell: &'m C,
    pub(crate) index: u32,
    pub(crate) overflow: &'m Overflow<C::Write>,
    pub(crate) context: &'m C::Context,
}

impl<C: Cell> Clone for At<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: Cell> Copy for At<'_, C> {}

impl<C: Cell> Deref for At<'_, C> {
    type Target = C;

    fn deref(&self) -> &C {
        self.cell
    }
}

impl<'m, C: Cell> At<'m, C> {
    /// What is pending in the cell's place.
    fn first(&self, locked: &Locked<'_>) -> Option<Pending<C::Write>> {
        locked.has(PENDING).then(|| Pending {
            version: locked.writer(),
            is_estimate: locked.has(ESTIMATE),
            write: self.cell.pending(self.context, locked.flags()),
        })
    }

    /// Shows `visit` what steps below `reader` wrote that is not committed, in ascending order, until it fails.
    #[inline]
    pub(crate) fn try_each_below<E>(
        &self,
        locked: &Locked<'_>,
        reader: Version,
        mut visit: impl FnMut(&Pending<C::Write>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(first) = self.first(locked).filter(|first| first.version < reader) {
            visit(&first)?;
        }
        if locked.has(MORE) {
            let mut each = |list: &mut Vec<Pending<C::Write>>| {
                list.iter().take_while(|pending| pending.version < reader).try_for_each(&mut visit)
            };
            self.overflow.list(self.index, &mut each)?;
        }
        Ok(())
    }

    /// The last write of a step below `reader` that is not committed and of which `is_it` says so.
    #[inline]
    pub(crate) fn last_below(
        &self,
        locked: &Locked<'_>,
        reader: Version,
        is_it: impl Fn(&C::Write) -> bool,
    ) -> Option<Pending<C::Write>> {
        if locked.has(MORE) {
            let find = |list: &mut Vec<Pending<C::Write>>| {
                let below = list.partition_point(|pending| pending.version < reader);
                list[..below].iter().rev().find(|pending| is_it(&pending.write)).copied()
            };
            let last = self.overflow.list(self.index, find);
            if last.is_some() {
                return last;
            }
        }
        self.first(locked).filter(|first| first.version < reader && is_it(&first.write))
    }

    /// Adds what `version` wrote, in place of what it wrote before. Says whether that differs.
    pub(crate) fn publish(&self, version: Version, write: &C::Write) -> bool {
        let mut locked = self.cell.header().lock();
        locked.set(CHANGED);
        if locked.has(PENDING) {
            let writer = locked.writer();
            if writer == version {
                let old = self.cell.pending(self.context, locked.flags());
                self.put_first(&mut locked, version, write);
                return old != *write;
            }
            if version < writer {
                self.evict(&mut locked);
                self.put_first(&mut locked, version, write);
                return true;
            }
        } else if !locked.has(COMMITTED) && self.is_below_all(&locked, version) {
            self.put_first(&mut locked, version, write);
            return true;
        }
        locked.set(C::lasting_flags(write));
        self.put_more(&mut locked, Pending { version, is_estimate: false, write: *write })
    }

    /// Whether nothing in the overflow is of `version` or below.
    fn is_below_all(&self, locked: &Locked<'_>, version: Version) -> bool {
        !locked.has(MORE) || self.overflow.list(self.index, |list| list[0].version > version)
    }

    fn put_first(&self, locked: &mut Locked<'_>, version: Version, write: &C::Write) {
        locked.unset(ESTIMATE | C::OF_PENDING);
        let own = self.cell.store_pending(self.context, write) | C::lasting_flags(write);
        locked.set(PENDING | own);
        locked.set_writer(version);
    }

    /// Adds to the overflow. Says whether it differs from what was there.
    fn put_more(&self, locked: &mut Locked<'_>, new: Pending<C::Write>) -> bool {
        locked.set(MORE);
        self.overflow.list(self.index, |list| {
            let place = list.partition_point(|pending| pending.version < new.version);
            match list.get_mut(place).filter(|there| there.version == new.version) {
                Some(there) => std::mem::replace(there, new).write != new.write,
                None => {
                    list.insert(place, new);
                    true
                }
            }
        })
    }

    /// Takes back what `version` wrote, if it did.
    pub(crate) fn withdraw(&self, version: Version) {
        self.withdraw_in(&mut self.cell.header().lock(), version);
    }

    fn withdraw_in(&self, locked: &mut Locked<'_>, version: Version) {
        if locked.has(PENDING) && locked.writer() == version {
            locked.unset(PENDING | ESTIMATE | C::OF_PENDING);
        } else if locked.has(MORE) {
            let is_empty = self.overflow.list(self.index, |list| {
                list.retain(|pending| pending.version != version);
                list.is_empty()
            });
            if is_empty {
                locked.unset(MORE);
            }
        }
    }

    /// Warns the others of what `version` wrote.
    pub(crate) fn mark_estimate(&self, version: Version) {
        let mut locked = self.cell.header().lock();
        if locked.has(PENDING) && locked.writer() == version {
            locked.set(ESTIMATE);
        } else if locked.has(MORE) {
            self.overflow.list(self.index, |list| {
                for pending in list.iter_mut().filter(|pending| pending.version == version) {
                    pending.is_estimate = true;
                }
            });
        }
    }

    /// Makes the cell's place that of what is committed, up to `version`, whose pending write is dropped. The caller stores
    /// the words.
    pub(crate) fn begin_commit(&self, version: Version) -> Locked<'m> {
        let mut locked = self.cell.header().lock();
        self.withdraw_in(&mut locked, version);
        self.evict(&mut locked);
        locked
    }

    /// Moves what is pending in the cell's place to the overflow.
    fn evict(&self, locked: &mut Locked<'_>) {
        if let Some(first) = self.first(locked) {
            self.put_more(locked, first);
        }
        locked.unset(PENDING | ESTIMATE | C::OF_PENDING);
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
