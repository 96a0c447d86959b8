//! Where the journal's gaps are filled from.

use braid_interpreter::{AccountId, SlotId};
use braid_primitives::{AccountInfo, Address, B256, Bytes, StateReader, U256};

/// The state as a step of a block finds it: a [`StateReader`] by itself, or what other transactions of the block have written
/// on top of one.
///
/// Accounts and slots come with the ids that the journal gave them; a source may keep facts of its own under these.
pub(crate) trait Source {
    /// What a read that is not answered reports.
    type Error;

    /// Whether the state that others still work on can be left alone: an account that only gets the fee is not read then.
    const DEFERS_FEES: bool = false;

    /// The account, or `None` where it does not exist.
    fn account(
        &mut self,
        id: AccountId,
        address: Address,
    ) -> Result<Option<AccountInfo>, Self::Error>;

    /// The value of a slot of an account that exists and was read.
    fn storage(
        &mut self,
        id: SlotId,
        account: (AccountId, Address),
        key: U256,
    ) -> Result<U256, Self::Error>;

    /// Whether the account, which exists and was read, has a slot that is not zero.
    fn has_storage(&mut self, account: (AccountId, Address)) -> Result<bool, Self::Error>;

    /// The code with this hash.
    fn code(&mut self, code_hash: B256) -> Result<Bytes, Self::Error>;

    /// The hash of an ancestor.
    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error>;
}

impl<R: StateReader> Source for &R {
    type Error = R::Error;

    #[inline]
    fn account(&mut self, _: AccountId, address: Address) -> Result<Option<AccountInfo>, R::Error> {
        (**self).account(address)
    }

    #[inline]
    fn storage(
        &mut self,
        _: SlotId,
        (_, address): (AccountId, Address),
        key: U256,
    ) -> Result<U256, R::Error> {
        (**self).storage(address, key)
    }

    fn has_storage(&mut self, (_, address): (AccountId, Address)) -> Result<bool, R::Error> {
        (**self).has_storage(address)
    }

    fn code(&mut self, code_hash: B256) -> Result<Bytes, R::Error> {
        (**self).code(code_hash)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, R::Error> {
        (**self).block_hash(number)
    }
}
