//! One storage slot in all its versions.

use alloy_primitives::U256;

use crate::{
    AccountIndex, Estimate, Version,
    history::{self, CHANGED, COMMITTED, Header, KNOWN, Pending},
    sync::{AtomicU32, Mutex, MutexGuard, Ordering, lock},
    words::Word,
};

/// What is committed is the last write.
type Changes = history::Changes<U256, (Version, U256)>;

/// See the module's documentation. The value before the block is written once, like that of an account.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct SlotCell {
    pub(crate) header: Header,
    account: AtomicU32,
    key: Word,
    before: Word,
    changes: Mutex<Changes>,
}

impl Default for SlotCell {
    fn default() -> Self {
        Self {
            header: Header::default(),
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
        self.header.renew();
        self.account.store(account.0, Ordering::Relaxed);
        self.key.store(key);
        self.before.store(&U256::ZERO);
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        Changes::of_block(&self.header, &self.changes)
    }

    #[inline]
    pub(crate) fn account(&self) -> AccountIndex {
        AccountIndex(self.account.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn key(&self) -> U256 {
        self.key.load()
    }

    pub(crate) fn is_known(&self) -> bool {
        self.header.has(KNOWN)
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.header.has(CHANGED)
    }

    /// Whether something is committed on top of the value before the block.
    pub(crate) fn is_committed(&self) -> bool {
        self.header.has(COMMITTED)
    }

    /// Puts in the value before the block, unless somebody did already.
    pub(crate) fn set_before(&self, value: &U256) {
        let _changes = lock(&self.changes);
        if !self.is_known() {
            self.before.store(value);
            self.header.set(KNOWN);
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
        let last = match changes.below(reader).last() {
            Some(Pending { version, is_estimate: true, .. }) if *version > reset => {
                return Err(Estimate { version: *version });
            }
            Some(pending) => Some((pending.version, pending.write)),
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
        self.header.set(CHANGED);
        changes.publish(version, value)
    }

    /// Takes back what `version` published, if it did.
    pub(crate) fn withdraw(&self, version: Version) {
        self.changes().withdraw(version);
    }

    /// Warns the others of what `version` published.
    pub(crate) fn mark_estimate(&self, version: Version) {
        self.changes().mark_estimate(version);
    }

    /// Makes what `version` wrote final; those below must be. Returns the last write before.
    pub(crate) fn commit(&self, version: Version, value: U256) -> Option<(Version, U256)> {
        let mut changes = self.changes();
        changes.withdraw(version);
        self.header.set(CHANGED | COMMITTED);
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
