//! What the cells of accounts and slots have in common: flags, a hint who read, and what was written.

use crate::{
    Version,
    sync::{AtomicU32, Mutex, MutexGuard, Ordering, lock},
};

/// The state before the block is known.
pub(crate) const KNOWN: u32 = 1;
/// A step wrote to the location: what it is now depends on who asks.
pub(crate) const CHANGED: u32 = 2;
/// Something that a step wrote is committed.
pub(crate) const COMMITTED: u32 = 4;
/// The first flag that a kind of cell has for itself.
pub(crate) const OWN: u32 = 8;

/// What is read of a cell without its lock.
#[derive(Debug)]
pub(crate) struct Header {
    flags: AtomicU32,
    last_reader: AtomicU32,
}

impl Default for Header {
    fn default() -> Self {
        Self { flags: AtomicU32::new(0), last_reader: AtomicU32::new(0) }
    }
}

impl Header {
    /// Makes the cell that of a location of which nothing is known. Nobody else may use it yet. Changes of an
    /// earlier block stay until the first of this one.
    pub(crate) fn renew(&self) {
        self.flags.store(0, Ordering::Relaxed);
        self.last_reader.store(0, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }

    /// Pairs with the acquiring loads in [`Self::has`]: who sees the flag sees what was stored before.
    pub(crate) fn set(&self, flags: u32) {
        self.flags.fetch_or(flags, Ordering::Release);
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
}

/// What a step wrote that is not committed yet.
#[derive(Clone, Debug)]
pub(crate) struct Pending<W> {
    pub(crate) version: Version,
    /// The step will be executed again and probably write to the location again: nobody should go on with this.
    pub(crate) is_estimate: bool,
    pub(crate) write: W,
}

/// What was written to a location on top of the state before the block.
#[derive(Debug)]
pub(crate) struct Changes<W, C> {
    /// All that is committed, if anything is.
    pub(crate) committed: Option<C>,
    /// In ascending order of version.
    pending: Vec<Pending<W>>,
}

impl<W, C> Default for Changes<W, C> {
    fn default() -> Self {
        Self { committed: None, pending: Vec::new() }
    }
}

impl<W: Copy + PartialEq, C> Changes<W, C> {
    /// The changes of this block, to be added to: until CHANGED is set, what is there is an earlier block's.
    pub(crate) fn of_block<'c>(header: &Header, all: &'c Mutex<Self>) -> MutexGuard<'c, Self> {
        let mut changes = lock(all);
        if !header.has(CHANGED) {
            changes.committed = None;
            changes.pending.clear();
        }
        changes
    }

    /// What steps below `reader` wrote that is not committed.
    #[inline]
    pub(crate) fn below(&self, reader: Version) -> &[Pending<W>] {
        &self.pending[..self.pending.partition_point(|pending| pending.version < reader)]
    }

    /// Adds what `version` wrote, in place of what it wrote before. Says whether that differs.
    pub(crate) fn publish(&mut self, version: Version, write: W) -> bool {
        let place = self.below(version).len();
        let new = Pending { version, is_estimate: false, write };
        match self.pending.get_mut(place).filter(|pending| pending.version == version) {
            Some(old) => std::mem::replace(old, new).write != write,
            None => {
                self.pending.insert(place, new);
                true
            }
        }
    }

    /// Takes back what `version` wrote, if it did.
    pub(crate) fn withdraw(&mut self, version: Version) {
        self.pending.retain(|pending| pending.version != version);
    }

    /// Warns the others of what `version` wrote.
    pub(crate) fn mark_estimate(&mut self, version: Version) {
        for pending in self.pending.iter_mut().filter(|pending| pending.version == version) {
            pending.is_estimate = true;
        }
    }
}
