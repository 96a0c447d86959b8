//! One account in all its versions.

use alloy_primitives::{Address, B256, U256};
use braid_primitives::AccountInfo;

use crate::{
    Estimate, Version,
    codes::Codes,
    history::{At, CHANGED, COMMITTED, Cell, Header, KNOWN, Locked, OWN},
    sync::{AtomicU32, AtomicU64, HAS_SIZES, Ordering},
    words::{AddressCell, Word},
};

/// The account existed before the block.
const EXISTED: u32 = OWN;
/// A step wiped its storage.
const RESET: u32 = OWN << 1;
/// A step wrote something other than zero to one of its slots.
const SLOTS: u32 = OWN << 2;
/// The account exists with all that is committed.
const EXISTS: u32 = OWN << 3;

/// What is pending in the cell's place writes the nonce.
const WRITES_NONCE: u32 = OWN << 4;
/// It writes the code hash.
const WRITES_CODE: u32 = OWN << 5;
/// It says whether the account exists.
const WRITES_EXISTENCE: u32 = OWN << 6;
/// The account exists after it, if it says so.
const COMES_TO_EXIST: u32 = OWN << 7;
/// It wipes the storage.
const WIPES: u32 = OWN << 8;

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

/// An account with its surroundings.
pub(crate) type AccountAt<'m> = At<'m, AccountCell>;

/// See the module's documentation.
///
/// The state before the block is written once, before [`KNOWN`] is set, and never again in this block: it is read without a
/// lock as long as nothing was written on top of it.
///
/// Two lines of cache; the first has all that finding it takes. Code hashes are numbers of [`Codes`].
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct AccountCell {
    header: Header,
    code: AtomicU32,
    address: AddressCell,
    /// What was written, as far as it is in the cell (see [`crate::history`]): like `written_nonce` and `written_balance`.
    written_code: AtomicU32,
    /// The last step that wiped the storage, of those that are committed.
    reset: AtomicU32,
    nonce: AtomicU64,
    written_nonce: AtomicU64,
    balance: Word,
    /// A difference if it is pending, a balance if it is committed.
    written_balance: Word,
}

const _: () = assert!(!HAS_SIZES || size_of::<AccountCell>() == 128);

impl Default for AccountCell {
    fn default() -> Self {
        Self {
            header: Header::default(),
            code: AtomicU32::new(0),
            address: AddressCell::zero(),
            written_code: AtomicU32::new(0),
            nonce: AtomicU64::new(0),
            written_nonce: AtomicU64::new(0),
            reset: AtomicU32::new(0),
            balance: Word::zero(),
            written_balance: Word::zero(),
        }
    }
}

impl Cell for AccountCell {
    type Write = AccountWrite;
    type Context = Codes;
    const OF_PENDING: u32 = WRITES_NONCE | WRITES_CODE | WRITES_EXISTENCE | COMES_TO_EXIST | WIPES;

    fn header(&self) -> &Header {
        &self.header
    }

    fn pending(&self, codes: &Codes, flags: u32) -> AccountWrite {
        let has = |flag| flags & flag != 0;
        AccountWrite {
            balance_delta: self.written_balance.load(),
            nonce: has(WRITES_NONCE).then(|| self.written_nonce.load(Ordering::Relaxed)),
            code_hash: has(WRITES_CODE)
                .then(|| codes.hash(self.written_code.load(Ordering::Relaxed))),
            exists: has(WRITES_EXISTENCE).then(|| has(COMES_TO_EXIST)),
            resets_storage: has(WIPES),
        }
    }

    fn store_pending(&self, codes: &Codes, write: &AccountWrite) -> u32 {
        let mut flags = if write.resets_storage { WIPES } else { 0 };
        self.written_balance.store(&write.balance_delta);
        if let Some(nonce) = write.nonce {
            self.written_nonce.store(nonce, Ordering::Relaxed);
            flags |= WRITES_NONCE;
        }
        if let Some(hash) = &write.code_hash {
            self.written_code.store(codes.number(hash), Ordering::Relaxed);
            flags |= WRITES_CODE;
        }
        match write.exists {
            Some(true) => flags | WRITES_EXISTENCE | COMES_TO_EXIST,
            Some(false) => flags | WRITES_EXISTENCE,
            None => flags,
        }
    }

    fn lasting_flags(write: &AccountWrite) -> u32 {
        if write.resets_storage { RESET } else { 0 }
    }
}

impl AccountCell {
    /// Gives the cell to an account of which nothing is known. Nobody else may use it yet.
    #[inline]
    pub(crate) fn renew(&self, address: &Address) {
        self.forget();
        self.address.store(address);
    }

    /// Makes the cell nobody's. Nobody else may use it yet.
    #[inline]
    pub(crate) fn forget(&self) {
        self.header.forget();
        self.reset.store(Version::NONE.to_bits(), Ordering::Relaxed);
    }

    /// Puts in the state before the block, and returns its flags. Nobody else may use the cell yet, or it is locked.
    #[inline]
    fn store_before(&self, info: Option<&AccountInfo>, codes: &Codes) -> u32 {
        let known = info.copied().unwrap_or_default();
        self.balance.store(&known.balance);
        self.nonce.store(known.nonce, Ordering::Relaxed);
        self.code.store(codes.number(&known.code_hash), Ordering::Relaxed);
        if info.is_some() { KNOWN | EXISTED } else { KNOWN }
    }

    /// Puts the state before the block into a cell that nobody else may use yet.
    #[inline]
    pub(crate) fn fill(&self, info: Option<&AccountInfo>, codes: &Codes) {
        self.header.begin(self.store_before(info, codes));
    }

    #[inline]
    pub(crate) fn address(&self) -> &AddressCell {
        &self.address
    }

    /// Whether the state before the block was read.
    #[inline]
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
            self.header.lock().set(SLOTS);
        }
    }

    /// The last committed step that wiped the storage.
    pub(crate) fn committed_reset(&self) -> Version {
        if !self.may_be_reset() {
            return Version::NONE;
        }
        self.reset_in(&self.header.lock())
    }

    fn reset_in(&self, _: &Locked<'_>) -> Version {
        Version::from_bits(self.reset.load(Ordering::Relaxed))
    }
}

impl AccountAt<'_> {
    /// Puts in the state before the block, unless somebody did already: all read the same.
    pub(crate) fn set_before(&self, info: Option<&AccountInfo>) {
        let mut locked = self.header.lock();
        if !locked.has(KNOWN) {
            locked.set(self.store_before(info, self.context));
        }
    }

    /// The state before the block, which must be known.
    #[inline]
    pub(crate) fn before(&self) -> AccountState {
        AccountState {
            info: AccountInfo {
                balance: self.balance.load(),
                code_hash: self.context.hash(self.code.load(Ordering::Relaxed)),
                nonce: self.nonce.load(Ordering::Relaxed),
            },
            exists: self.existed(),
            reset: Version::NONE,
        }
    }

    /// With all that is committed.
    fn committed_in(&self, locked: &Locked<'_>) -> AccountState {
        if locked.has(COMMITTED) { self.written(locked.has(EXISTS)) } else { self.before() }
    }

    /// With all that is committed, once nobody commits any more.
    #[inline]
    pub(crate) fn settled(&self) -> AccountState {
        if self.is_committed() { self.written(self.header().has(EXISTS)) } else { self.before() }
    }

    /// What is in the cell's place and committed.
    #[inline]
    fn written(&self, exists: bool) -> AccountState {
        AccountState {
            info: AccountInfo {
                balance: self.written_balance.load(),
                code_hash: self.context.hash(self.written_code.load(Ordering::Relaxed)),
                nonce: self.written_nonce.load(Ordering::Relaxed),
            },
            exists,
            reset: Version::from_bits(self.reset.load(Ordering::Relaxed)),
        }
    }

    /// The account as `reader` finds it. The state before the block must be known.
    #[inline]
    pub(crate) fn read(&self, reader: Version) -> Result<AccountState, Estimate> {
        if !self.is_changed() {
            return Ok(self.before());
        }
        let locked = self.header.lock();
        let mut state = self.committed_in(&locked);
        self.try_each_below(&locked, reader, |pending| {
            if pending.is_estimate {
                return Err(Estimate { version: pending.version });
            }
            pending.write.apply(pending.version, &mut state);
            Ok(())
        })?;
        Ok(state)
    }

    /// The last step below `reader` that wiped the storage.
    pub(crate) fn reset_before(&self, reader: Version) -> Version {
        if !self.may_be_reset() {
            return Version::NONE;
        }
        let locked = self.header.lock();
        let pending = self.last_below(&locked, reader, |write| write.resets_storage);
        pending.map_or_else(|| self.reset_in(&locked), |pending| pending.version)
    }

    /// With all that is committed.
    pub(crate) fn committed(&self) -> AccountState {
        if self.is_committed() { self.committed_in(&self.header.lock()) } else { self.before() }
    }

    /// Makes what `version` wrote final; those below must be. Returns the account before and after. The state before the block
    /// must be known.
    #[inline]
    pub(crate) fn commit(
        &self,
        version: Version,
        change: impl FnOnce(&mut AccountState),
    ) -> (AccountState, AccountState) {
        let mut locked = self.begin_commit(version);
        let before = self.committed_in(&locked);
        let mut after = before;
        change(&mut after);
        let AccountInfo { balance, nonce, code_hash } = &after.info;
        self.written_balance.store(balance);
        self.written_nonce.store(*nonce, Ordering::Relaxed);
        self.written_code.store(self.context.number(code_hash), Ordering::Relaxed);
        self.reset.store(after.reset.to_bits(), Ordering::Relaxed);
        locked.set_writer(version);
        locked.set(CHANGED | COMMITTED | if after.reset == version { RESET } else { 0 });
        locked.set_to(EXISTS, after.exists);
        (before, after)
    }
}
