//! One storage slot in all its versions.

use alloy_primitives::U256;

use crate::{
    AccountIndex, Estimate, Version,
    sync::{AtomicU32, Mutex, MutexGuard, Ordering, lock},
    words::Word,
};

/// The value before the block is known.
const KNOWN: u32 = 1;
/// A step wrote to the slot.
const CHANGED: u32 = 2;
/// What a step wrote is committed.
const COMMITTED: u32 = 4;

/// What a step wrote that is not committed yet.
#[derive(Clone, Debug)]
struct Pending {
    version: Version,
    is_estimate: bool,
    value: U256,
}

#[derive(Debug, Default)]
struct Changes {
    /// The last committed write.
    committed: Option<(Version, U256)>,
    /// In ascending order of version.
    pending: Vec<Pending>,
}

/// See the module's documentation. The value before the block is written once, like that of an account.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct SlotCell {
    flags: AtomicU32,
    last_reader: AtomicU32,
    account: AtomicU32,
    key: Word,
    before: Word,
    changes: Mutex<Changes>,
}

impl Default for SlotCell {
    fn default() -> Self {
        Self {
            flags: AtomicU32::new(0),
            last_reader: AtomicU32::new(0),
            account: AtomicU32::new(0),
            key: Word::zero(),
            before: Word::zero(),
            changes: Mutex::new(Changes::default()),
        }
    }
}

impl SlotCell {
    /// Makes the cell that of a slot of which nothing is known. Nobody else may use it yet.
    pub(crate) fn renew(&self, account: AccountIndex, key: &U256) {
        self.flags.store(0, Ordering::Relaxed);
        self.last_reader.store(0, Ordering::Relaxed);
        self.account.store(account.0, Ordering::Relaxed);
        self.key.store(key);
        self.before.store(&U256::ZERO);
        // Changes of an earlier block stay until the first of this one: CHANGED is not set.
    }

    /// The changes of this block, to be added to.
    fn changes(&self) -> MutexGuard<'_, Changes> {
        let mut changes = lock(&self.changes);
        if !self.is_changed() {
            changes.committed = None;
            changes.pending.clear();
        }
        changes
    }

    #[inline]
    pub(crate) fn account(&self) -> AccountIndex {
        AccountIndex(self.account.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn key(&self) -> U256 {
        self.key.load()
    }

    fn has(&self, flag: u32) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }

    pub(crate) fn is_known(&self) -> bool {
        self.has(KNOWN)
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.has(CHANGED)
    }

    /// Whether something is committed on top of the value before the block.
    pub(crate) fn is_committed(&self) -> bool {
        self.has(COMMITTED)
    }

    /// Leaves a hint that `version` reads the slot.
    #[inline]
    pub(crate) fn note_reader(&self, version: Version) {
        if self.last_reader.load(Ordering::Relaxed) < version.to_bits() {
            self.last_reader.store(version.to_bits(), Ordering::Relaxed);
        }
    }

    pub(crate) fn last_reader_bits(&self) -> u32 {
        self.last_reader.load(Ordering::Relaxed)
    }

    /// Puts in the value before the block, unless somebody did already.
    pub(crate) fn set_before(&self, value: &U256) {
        let _changes = lock(&self.changes);
        if !self.is_known() {
            self.before.store(value);
            self.flags.fetch_or(KNOWN, Ordering::Release);
        }
    }

    /// The value before the block, which must be known.
    #[inline]
    pub(crate) fn before(&self) -> U256 {
        self.before.load()
    }

    /// The value that the last write below `reader` left, unless the storage was wiped after it: `reset` says when. `None` if
    /// nothing in the block decides about the slot, so that it has the value from before.
    #[inline]
    pub(crate) fn read(&self, reader: Version, reset: Version) -> Result<Option<U256>, Estimate> {
        if !self.is_changed() {
            return Ok((reset > Version::NONE).then_some(U256::ZERO));
        }
        let changes = lock(&self.changes);
        let below = changes.pending.partition_point(|pending| pending.version < reader);
        let last = match changes.pending[..below].last() {
            Some(Pending { version, is_estimate: true, .. }) if *version > reset => {
                return Err(Estimate { version: *version });
            }
            Some(pending) => Some((pending.version, pending.value)),
            None => changes.committed,
        };
        Ok(surviving(last, reset))
    }

    /// The value with all that is committed; `None` if it is that from before the block.
    pub(crate) fn committed(&self, reset: Version) -> Option<U256> {
        if !self.is_committed() {
            return (reset > Version::NONE).then_some(U256::ZERO);
        }
        surviving(lock(&self.changes).committed, reset)
    }

    /// Shows the others what `version` wrote, in place of what it wrote before. Says whether that differs.
    pub(crate) fn publish(&self, version: Version, value: U256) -> bool {
        let mut changes = self.changes();
        self.flags.fetch_or(CHANGED, Ordering::Release);
        let pending = &mut changes.pending;
        let place = pending.partition_point(|pending| pending.version < version);
        let new = Pending { version, is_estimate: false, value };
        match pending.get_mut(place).filter(|pending| pending.version == version) {
            Some(old) => std::mem::replace(old, new).value != value,
            None => {
                pending.insert(place, new);
                true
            }
        }
    }

    /// Takes back what `version` published, if it did.
    pub(crate) fn withdraw(&self, version: Version) {
        self.changes().pending.retain(|pending| pending.version != version);
    }

    /// Warns the others of what `version` published.
    pub(crate) fn mark_estimate(&self, version: Version) {
        let mut changes = self.changes();
        for pending in changes.pending.iter_mut().filter(|pending| pending.version == version) {
            pending.is_estimate = true;
        }
    }

    /// Makes what `version` wrote final; those below must be. Returns the last write before.
    pub(crate) fn commit(&self, version: Version, value: U256) -> Option<(Version, U256)> {
        let mut changes = self.changes();
        changes.pending.retain(|pending| pending.version != version);
        self.flags.fetch_or(CHANGED | COMMITTED, Ordering::Release);
        changes.committed.replace((version, value))
    }
}

/// What is left of a write after the storage was wiped.
pub(crate) fn surviving(write: Option<(Version, U256)>, reset: Version) -> Option<U256> {
    match write {
        Some((version, value)) if version >= reset => Some(value),
        _ => (reset > Version::NONE).then_some(U256::ZERO),
    }
}
