//! What the journal keeps of an account and of a slot, and the arenas that hold them.

use std::{
    ops::{Deref, Index, IndexMut},
    sync::Arc,
};

use braid_interpreter::Code;
use braid_primitives::{AccountInfo, Address, U256};

use super::{NEVER, Stamp, ids::SlotKey};

/// Entries by dense id. Those that were forgotten stay behind the others, to be made anew in place: a new entry writes only
/// what it needs to.
#[derive(Debug)]
pub(super) struct Arena<T> {
    entries: Vec<T>,
    count: usize,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), count: 0 }
    }
}

impl<T> Deref for Arena<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.entries[..self.count]
    }
}

/// One comparison: ids come from here, so they lead to an entry that is alive.
impl<T> Index<usize> for Arena<T> {
    type Output = T;

    #[inline]
    fn index(&self, id: usize) -> &T {
        debug_assert!(id < self.count, "ids lead to entries");
        &self.entries[id]
    }
}

impl<T> IndexMut<usize> for Arena<T> {
    #[inline]
    fn index_mut(&mut self, id: usize) -> &mut T {
        debug_assert!(id < self.count, "ids lead to entries");
        &mut self.entries[id]
    }
}

impl<T> Arena<T> {
    /// Forgets all entries.
    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    /// Adds an entry: `renew` makes it of a forgotten one, `new` from nothing.
    #[inline]
    pub(super) fn add(&mut self, renew: impl FnOnce(&mut T), new: impl FnOnce() -> T) {
        match self.entries.get_mut(self.count) {
            Some(entry) => renew(entry),
            None => self.entries.push(new()),
        }
        self.count += 1;
    }
}

/// One account: two lines of cache. In the order of use: what each access asks for comes first.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Account {
    pub(crate) address: Address,
    pub(super) warm: Stamp,
    pub(super) touched: Stamp,
    pub(super) created: Stamp,
    pub(super) destroyed: Stamp,
    /// How often its storage was wiped; slots stamped with an older epoch are zero.
    pub(super) epoch: u32,
    /// Whether the following was read: without that `info` means nothing.
    pub(crate) is_loaded: bool,
    pub(super) exists: bool,
    /// Warm in every transaction: precompiles.
    pub(super) is_always_warm: bool,
    /// Whether a slot of it was ever written to something other than zero.
    pub(super) has_written_slots: bool,
    /// Whether it existed before the block.
    pub(super) existed: bool,
    /// Whether it was ever touched: only then it can be other than before the block, unless it went.
    pub(super) was_touched: bool,
    /// Whether `code` is that of this account, not of the one that was forgotten.
    is_code_known: bool,
    code: Option<Arc<Code>>,
    pub(super) info: AccountInfo,
}

const _: () = assert!(size_of::<Account>() == 128, "an account fits two lines of cache");

impl Account {
    pub(super) fn new(address: Address, is_always_warm: bool) -> Self {
        Self {
            address,
            warm: NEVER,
            touched: NEVER,
            created: NEVER,
            destroyed: NEVER,
            epoch: 0,
            is_loaded: false,
            exists: false,
            is_always_warm,
            has_written_slots: false,
            existed: false,
            was_touched: false,
            is_code_known: false,
            code: None,
            info: AccountInfo::default(),
        }
    }

    /// Makes a forgotten account another one, about which nothing is known.
    #[inline]
    pub(super) fn renew(&mut self, address: Address, is_always_warm: bool) {
        self.address = address;
        (self.warm, self.touched, self.created, self.destroyed) = (NEVER, NEVER, NEVER, NEVER);
        self.epoch = 0;
        self.is_loaded = false;
        self.exists = false;
        self.is_always_warm = is_always_warm;
        self.has_written_slots = false;
        self.existed = false;
        self.was_touched = false;
        self.is_code_known = false;
    }

    /// Puts in what was read.
    #[inline]
    pub(super) fn load(&mut self, info: Option<&AccountInfo>) {
        self.is_loaded = true;
        self.existed = info.is_some();
        self.exists = self.existed;
        match info {
            Some(info) => self.info = *info,
            None => self.info = AccountInfo::default(),
        }
    }

    /// Its code, once that was asked for.
    #[inline]
    pub(crate) fn code(&self) -> Option<&Arc<Code>> {
        self.code.as_ref().filter(|_| self.is_code_known)
    }

    /// Takes up the code that the forgotten account had, if it is this one's. Most calls of simulations find what the call
    /// before left.
    pub(super) fn recall_code(&mut self) -> Option<&Arc<Code>> {
        let is_own = self.code.as_ref().is_some_and(|code| code.hash() == self.info.code_hash);
        self.is_code_known |= is_own;
        self.code()
    }

    /// Sets the code, or that it is not known; returns what it was.
    pub(super) fn replace_code(&mut self, code: Option<Arc<Code>>) -> Option<Arc<Code>> {
        let was_known = std::mem::replace(&mut self.is_code_known, true);
        std::mem::replace(&mut self.code, code).filter(|_| was_known)
    }
}

/// One storage slot, in the order of use like [`Account`].
#[derive(Debug)]
#[repr(C)]
pub(super) struct Slot {
    pub(super) key: SlotKey,
    pub(super) warm: Stamp,
    pub(super) epoch: u32,
    pub(super) written: Stamp,
    /// Whether the values are known: without that they mean nothing.
    pub(super) is_loaded: bool,
    pub(super) current: U256,
    /// At the start of the transaction that `written` names.
    pub(super) original: U256,
    /// Before the block.
    pub(super) before: U256,
}

impl Slot {
    pub(super) fn new(key: SlotKey) -> Self {
        Self {
            key,
            warm: NEVER,
            epoch: 0,
            written: NEVER,
            is_loaded: false,
            current: U256::ZERO,
            original: U256::ZERO,
            before: U256::ZERO,
        }
    }

    /// Makes a forgotten slot another one, about which nothing is known.
    #[inline]
    pub(super) fn renew(&mut self, key: SlotKey) {
        self.key = key;
        (self.warm, self.written) = (NEVER, NEVER);
        self.epoch = 0;
        self.is_loaded = false;
    }
}

/// One transient slot (EIP-1153).
#[derive(Debug)]
pub(super) struct TransientSlot {
    pub(super) key: SlotKey,
    pub(super) value: U256,
}
