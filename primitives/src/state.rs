//! How state is read, and the write set that execution leaves behind.

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};

use crate::SortedMap;

/// An account without its storage.
///
/// In memory the long fields come first: each is copied in registers of its own, so that it can be read while the copy of the
/// whole is still on its way to the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct AccountInfo {
    /// Balance in wei.
    pub balance: U256,
    /// Keccak-256 of the code; [`KECCAK256_EMPTY`] for none.
    pub code_hash: B256,
    /// Transactions sent, or contracts created.
    pub nonce: u64,
}

impl Default for AccountInfo {
    fn default() -> Self {
        Self { nonce: 0, balance: U256::ZERO, code_hash: KECCAK256_EMPTY }
    }
}

impl AccountInfo {
    /// Whether the account is empty in the sense of EIP-161: nonce zero, balance zero, no code.
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code_hash == KECCAK256_EMPTY
    }
}

/// Read access to the state before a block.
///
/// Implementations answer from a database, a witness, a remote node or memory. A reader is shared by all workers, so
/// methods take `&self`; an error of any call ends the execution and is handed to the caller unchanged.
pub trait StateReader {
    /// What a failed read reports.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The account at `address`, or `None` where it does not exist.
    ///
    /// # Errors
    /// Whatever the implementation cannot answer; absence is not an error.
    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Self::Error>;

    /// The value of a storage slot; zero where it was never written.
    ///
    /// # Errors
    /// Whatever the implementation cannot answer; absence is not an error.
    fn storage(&self, address: Address, slot: U256) -> Result<U256, Self::Error>;

    /// Whether the account has any non-zero slot. Consulted only where a contract is created at an address without code and
    /// nonce (EIP-7610).
    ///
    /// # Errors
    /// Whatever the implementation cannot answer.
    fn has_storage(&self, address: Address) -> Result<bool, Self::Error>;

    /// The code with this hash. Never asked for [`KECCAK256_EMPTY`].
    ///
    /// The implementation vouches for the hash: nobody computes it again, and executors that share analysed code share the
    /// answer.
    ///
    /// # Errors
    /// Whatever the implementation cannot answer; unlike accounts and slots, missing code *is* an error.
    fn code(&self, code_hash: B256) -> Result<Bytes, Self::Error>;

    /// The hash of the ancestor block `number`, one of the last 256.
    ///
    /// # Errors
    /// Whatever the implementation cannot answer.
    fn block_hash(&self, number: u64) -> Result<B256, Self::Error>;
}

impl<R: StateReader + ?Sized> StateReader for &R {
    type Error = R::Error;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        (**self).account(address)
    }
    fn storage(&self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        (**self).storage(address, slot)
    }
    fn has_storage(&self, address: Address) -> Result<bool, Self::Error> {
        (**self).has_storage(address)
    }
    fn code(&self, code_hash: B256) -> Result<Bytes, Self::Error> {
        (**self).code(code_hash)
    }
    fn block_hash(&self, number: u64) -> Result<B256, Self::Error> {
        (**self).block_hash(number)
    }
}

/// What became of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountDelta {
    /// The account afterwards, or `None` if it does not exist (any more).
    pub info: Option<AccountInfo>,
    /// Whether the storage from before is gone: the account was destroyed, or created anew, in between. `storage` then lists
    /// all slots that the account has.
    pub storage_wiped: bool,
    /// Slots whose value differs from before, with their new values; zero clears.
    pub storage: SortedMap<U256, U256>,
}

/// The write set of a transaction or block: what differs from the state before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDelta {
    /// Changed accounts, sorted by address.
    pub accounts: SortedMap<Address, AccountDelta>,
    /// Code that was deployed, by hash. Delegation designators (EIP-7702) are code too.
    pub code: SortedMap<B256, Bytes>,
}
