//! One account in all its versions.

use alloy_primitives::{Address, B256, U256};
use braid_primitives::AccountInfo;

use crate::{
    Estimate, Version,
    history::{self, CHANGED, COMMITTED, Header, KNOWN, OWN},
    sync::{AtomicU64, Mutex, MutexGuard, Ordering, lock},
    words::{AddressCell, Word},
};

/// The account existed before the block.
const EXISTED: u32 = OWN;
/// A step wiped its storage.
const RESET: u32 = OWN << 1;
/// A step wrote something other than zero to one of its slots.
const SLOTS: u32 = OWN << 2;

/// An account as a step of the block finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Balance, nonce and code hash; those of an empty account where there is none.
    pub info: AccountInfo,
    /// Whether there is an account.
    pub exists: bool,
    /// The last step that wiped its storage: the state before the block says nothing about its slots any more.
    pub reset: Version,
}

impl AccountState {
    /// The account, if there is one.
    pub fn existing(&self) -> Option<&AccountInfo> {
        self.exists.then_some(&self.info)
    }
}

/// What a step did to an account.
///
/// What it wrote as a value holds whatever lower steps did; of the balance it is known only by how much it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountWrite {
    /// What the balance in wei changed by, modulo 2^256: the difference between two balances, so that a debit is a large
    /// number.
    pub balance_delta: U256,
    /// The new nonce.
    pub nonce: Option<u64>,
    /// The new code hash.
    pub code_hash: Option<B256>,
    /// Whether the account exists now.
    pub exists: Option<bool>,
    /// Whether all its slots are zero now, but those that the step wrote after.
    pub resets_storage: bool,
}

impl AccountWrite {
    /// Whether it changes nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Does it to `state`.
    #[inline]
    pub fn apply(&self, version: Version, state: &mut AccountState) {
        state.info.balance = state.info.balance.wrapping_add(self.balance_delta);
        state.info.nonce = self.nonce.unwrap_or(state.info.nonce);
        state.info.code_hash = self.code_hash.unwrap_or(state.info.code_hash);
        state.exists = self.exists.unwrap_or(state.exists);
        if self.resets_storage {
            state.reset = version;
        }
    }
}

/// What is committed is the account with all of it.
type Changes = history::Changes<AccountWrite, AccountState>;

/// See the module's documentation.
///
/// The state before the block is written once, before [`KNOWN`] is set, and never again in this block: it is read without a
/// lock as long as nothing was written on top of it.
///
/// In memory that comes first which giving the cell to an account needs, and which every read needs.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct AccountCell {
    pub(crate) header: Header,
    address: AddressCell,
    nonce: AtomicU64,
    balance: Word,
    code_hash: Word,
    changes: Mutex<Changes>,
}

impl Default for AccountCell {
    fn default() -> Self {
        Self {
            header: Header::default(),
            address: AddressCell::zero(),
            nonce: AtomicU64::new(0),
            balance: Word::zero(),
            code_hash: Word::zero(),
            changes: Mutex::new(Changes::default()),
        }
    }
}

impl AccountCell {
    /// Makes the cell that of an account of which nothing is known. Nobody else may use it yet.
    pub(crate) fn renew(&self, address: &Address) {
        self.header.renew();
        self.address.store(address);
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        Changes::of_block(&self.header, &self.changes)
    }

    #[inline]
    pub(crate) fn address(&self) -> Address {
        self.address.load()
    }

    /// Whether the state before the block was read.
    pub(crate) fn is_known(&self) -> bool {
        self.header.has(KNOWN)
    }

    /// Whether the account existed before the block, once that is known.
    pub(crate) fn existed(&self) -> bool {
        self.header.has(EXISTED)
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.header.has(CHANGED)
    }

    /// Whether something is committed on top of the state before the block.
    pub(crate) fn is_committed(&self) -> bool {
        self.header.has(COMMITTED)
    }

    pub(crate) fn may_be_reset(&self) -> bool {
        self.header.has(RESET)
    }

    /// Whether a step wrote something other than zero to one of the slots.
    pub(crate) fn has_slots(&self) -> bool {
        self.header.has(SLOTS)
    }

    pub(crate) fn note_slots(&self) {
        if !self.has_slots() {
            self.header.set(SLOTS);
        }
    }

    /// Puts in the state before the block, unless somebody did already: all read the same.
    pub(crate) fn set_before(&self, info: Option<&AccountInfo>) {
        let _changes = lock(&self.changes);
        if self.is_known() {
            return;
        }
        let known = info.copied().unwrap_or_default();
        self.balance.store(&known.balance);
        self.nonce.store(known.nonce, Ordering::Relaxed);
        self.code_hash.store_hash(&known.code_hash);
        let flags = if info.is_some() { KNOWN | EXISTED } else { KNOWN };
        // Who sees KNOWN sees the words.
        self.header.set(flags);
    }

    /// The state before the block, which must be known.
    #[inline]
    pub(crate) fn before(&self) -> AccountState {
        AccountState {
            info: AccountInfo {
                balance: self.balance.load(),
                code_hash: self.code_hash.load_hash(),
                nonce: self.nonce.load(Ordering::Relaxed),
            },
            exists: self.existed(),
            reset: Version::NONE,
        }
    }

    /// The account as `reader` finds it. The state before the block must be known.
    #[inline]
    pub(crate) fn read(&self, reader: Version) -> Result<AccountState, Estimate> {
        if !self.is_changed() {
            return Ok(self.before());
        }
        let changes = lock(&self.changes);
        let mut state = changes.committed.unwrap_or_else(|| self.before());
        for pending in changes.below(reader) {
            if pending.is_estimate {
                return Err(Estimate { version: pending.version });
            }
            pending.write.apply(pending.version, &mut state);
        }
        Ok(state)
    }

    /// The last step below `reader` that wiped the storage.
    pub(crate) fn reset_before(&self, reader: Version) -> Version {
        if !self.may_be_reset() {
            return Version::NONE;
        }
        let changes = lock(&self.changes);
        let below = changes.below(reader).iter();
        let pending = below.rev().find(|pending| pending.write.resets_storage);
        let committed = changes.committed.map(|committed| committed.reset).unwrap_or_default();
        pending.map_or(committed, |pending| pending.version)
    }

    /// The last committed step that wiped the storage.
    pub(crate) fn committed_reset(&self) -> Version {
        if !self.may_be_reset() {
            return Version::NONE;
        }
        lock(&self.changes).committed.map(|committed| committed.reset).unwrap_or_default()
    }

    /// With all that is committed.
    pub(crate) fn committed(&self) -> AccountState {
        if !self.is_committed() {
            return self.before();
        }
        lock(&self.changes).committed.unwrap_or_else(|| self.before())
    }

    /// A word of each line of the cell.
    #[inline]
    pub(crate) fn fetch(&self) -> u64 {
        let balance = self.balance.lowest_limb();
        let code_hash = self.code_hash.lowest_limb();
        u64::from(self.header.last_reader_bits()) ^ balance ^ code_hash
    }

    /// Shows the others what `version` wrote, in place of what it wrote before. Says whether that differs.
    pub(crate) fn publish(&self, version: Version, write: &AccountWrite) -> bool {
        let mut changes = self.changes();
        // Inside the lock: whoever sees CHANGED waits for what belongs to it.
        self.header.set(if write.resets_storage { CHANGED | RESET } else { CHANGED });
        changes.publish(version, *write)
    }

    /// Takes back what `version` published, if it did.
    pub(crate) fn withdraw(&self, version: Version) {
        self.changes().withdraw(version);
    }

    /// Warns the others of what `version` published.
    pub(crate) fn mark_estimate(&self, version: Version) {
        self.changes().mark_estimate(version);
    }

    /// Makes what `version` wrote final; those below must be. Returns the account before and after. The state before the block
    /// must be known.
    #[inline]
    pub(crate) fn commit(
        &self,
        version: Version,
        change: impl FnOnce(&mut AccountState),
    ) -> (AccountState, AccountState) {
        let mut changes = self.changes();
        changes.withdraw(version);
        let before = changes.committed.unwrap_or_else(|| self.before());
        let mut after = before;
        change(&mut after);
        changes.committed = Some(after);
        let reset = if after.reset == version { RESET } else { 0 };
        self.header.set(CHANGED | COMMITTED | reset);
        (before, after)
    }
}
