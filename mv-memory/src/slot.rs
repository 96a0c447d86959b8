//! One storage slot in all its versions.

use alloy_primitives::U256;

use crate::{
    AccountIndex, Estimate, Version,
    history::{At, CHANGED, COMMITTED, Cell, Header, KNOWN},
    sync::{AtomicU32, HAS_SIZES, Ordering},
    words::Word,
};

/// A slot with its surroundings.
pub(crate) type SlotAt<'m> = At<'m, SlotCell>;

/// See the module's documentation. The value before the block is written once, before [`KNOWN`] is set, and never again in
/// this block: it is read without a lock as long as nothing was written on top of it.
///
/// Two lines of cache; the first has all that finding it takes.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct SlotCell {
    header: Header,
    account: AtomicU32,
    key: Word,
    before: Word,
    /// What was written, as far as it is in the cell: see [`crate::history`].
    written: Word,
}

const _: () = assert!(!HAS_SIZES || size_of::<SlotCell>() == 128);

impl Default for SlotCell {
    fn default() -> Self {
        Self {
            header: Header::default(),
            account: AtomicU32::new(0),
            key: Word::zero(),
            before: Word::zero(),
            written: Word::zero(),
        }
    }
}

impl Cell for SlotCell {
    type Write = U256;
    type Context = ();
    const OF_PENDING: u32 = 0;

    fn header(&self) -> &Header {
        &self.header
    }

    fn pending(&self, _: &(), _: u32) -> U256 {
        self.written.load()
    }

    fn store_pending(&self, _: &(), write: &U256) -> u32 {
        self.written.store(write);
        0
    }

    fn lasting_flags(_: &U256) -> u32 {
        0
    }
}

impl SlotCell {
    /// Gives the cell to a slot of which nothing is known. Nobody else may use it yet.
    #[inline]
    pub(crate) fn renew(&self, account: AccountIndex, key: &U256) {
        self.forget();
        self.account.store(account.0, Ordering::Relaxed);
        self.key.store(key);
    }

    /// Makes the cell nobody's. Nobody else may use it yet.
    #[inline]
    pub(crate) fn forget(&self) {
        self.header.forget();
    }

    /// Puts the value before the block into a cell that nobody else may use yet.
    #[inline]
    pub(crate) fn fill(&self, value: &U256) {
        self.before.store(value);
        self.header.begin(KNOWN);
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
        let mut locked = self.header.lock();
        if !locked.has(KNOWN) {
            self.before.store(value);
            locked.set(KNOWN);
        }
    }

    /// The value before the block; zero if it is not known.
    #[inline]
    pub(crate) fn before(&self) -> U256 {
        if self.is_known() { self.before.load() } else { U256::ZERO }
    }

    /// The value with all that is committed; `None` if it is that from before the block.
    pub(crate) fn committed(&self, reset: Version) -> Option<U256> {
        if !self.is_committed() {
            return (reset > Version::NONE).then_some(U256::ZERO);
        }
        let locked = self.header.lock();
        surviving(Some((locked.writer(), self.written.load())), reset)
    }

    /// As [`Self::committed`], once nobody commits any more.
    #[inline]
    pub(crate) fn settled(&self, reset: Version) -> Option<U256> {
        let last = self.is_committed().then(|| (self.header.writer(), self.written.load()));
        surviving(last, reset)
    }
}

impl SlotAt<'_> {
    /// The value that the last write below `reader` left, unless the storage was wiped after it: `reset` says when. `None` if
    /// nothing in the block decides about the slot, so that it has the value from before.
    #[inline]
    pub(crate) fn read(&self, reader: Version, reset: Version) -> Result<Option<U256>, Estimate> {
        if !self.is_changed() {
            return Ok((reset > Version::NONE).then_some(U256::ZERO));
        }
        let locked = self.header.lock();
        let last = match self.last_below(&locked, reader, |_| true) {
            Some(pending) if pending.is_estimate && pending.version >= reset => {
                return Err(Estimate { version: pending.version });
            }
            Some(pending) => Some((pending.version, pending.write)),
            None => locked.has(COMMITTED).then(|| (locked.writer(), self.written.load())),
        };
        Ok(surviving(last, reset))
    }

    /// Makes what `version` wrote final; those below must be. Returns the last write before.
    pub(crate) fn commit(&self, version: Version, value: U256) -> Option<(Version, U256)> {
        let mut locked = self.begin_commit(version);
        let before = locked.has(COMMITTED).then(|| (locked.writer(), self.written.load()));
        self.written.store(&value);
        locked.set_writer(version);
        locked.set(CHANGED | COMMITTED);
        before
    }
}

/// What is left of a write after the storage was wiped.
pub(crate) fn surviving(write: Option<(Version, U256)>, reset: Version) -> Option<U256> {
    match write {
        Some((version, value)) if version >= reset => Some(value),
        _ => (reset > Version::NONE).then_some(U256::ZERO),
    }
}
