//! What the interpreter asks of the world outside a frame.

use alloy_primitives::{Address, B256, Log, U256};
use braid_primitives::BlockEnv;

use std::sync::Arc;

use crate::Code;

/// An account the host knows, as a dense index that stays valid for the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(pub u32);

/// A storage slot the host knows, as a dense index that stays valid for the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotId(pub u32);

/// The values of a slot that the price of writing it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotValues {
    /// Value at the start of the transaction.
    pub original: U256,
    /// Value now.
    pub current: U256,
}

/// What a transaction tells its frames about itself.
#[derive(Clone, Debug, Default)]
pub struct TransactionEnv {
    /// ORIGIN: the sender.
    pub origin: Address,
    /// GASPRICE: effective price in wei per gas.
    pub gas_price: u128,
    /// BLOBHASH: the versioned hashes of the blobs.
    pub blob_hashes: Vec<B256>,
    /// CHAINID.
    pub chain_id: u64,
    /// BLOBBASEFEE: wei per blob gas.
    pub blob_base_fee: u128,
}

/// A read that could not be answered. The host keeps the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

/// State and environment, as the interpreter sees them.
///
/// Accounts and slots are first *interned*, which neither reads state nor fails; then asked about by id. Methods that read
/// state return `Err` when the answer cannot be had now: the reader failed, or the value is being computed elsewhere and the
/// transaction should be suspended. The interpreter then leaves the frame exactly as it was before the instruction, so that
/// running it again repeats the instruction. For that to hold, handlers do all their reads before their first effect, and
/// every method without a `Result` must not fail once the values it needs have been read.
pub trait Host {
    /// The block.
    fn block(&self) -> &BlockEnv;
    /// The transaction.
    fn transaction(&self) -> &TransactionEnv;
    /// Keccak-256; a host may remember what it hashed before.
    fn keccak256(&mut self, data: &[u8]) -> B256;
    /// Hash of an ancestor, one of the last 256 blocks.
    ///
    /// # Errors
    /// The answer cannot be had now.
    fn block_hash(&mut self, number: u64) -> Result<B256, Interrupted>;

    /// The id of an account.
    fn account(&mut self, address: Address) -> AccountId;
    /// Whether the transaction has not accessed the account yet (EIP-2929). Never true where accesses are not tracked.
    fn is_account_cold(&self, account: AccountId) -> bool;
    /// Marks the account as accessed.
    fn warm_account(&mut self, account: AccountId);
    /// Balance in wei.
    ///
    /// # Errors
    /// The answer cannot be had now.
    fn balance(&mut self, account: AccountId) -> Result<U256, Interrupted>;
    /// Code; empty for an account without.
    ///
    /// # Errors
    /// The answer cannot be had now.
    fn code(&mut self, account: AccountId) -> Result<Arc<Code>, Interrupted>;
    /// Hash of the code; zero for an account that does not exist or, since EIP-161, is empty (EIP-1052).
    ///
    /// # Errors
    /// The answer cannot be had now.
    fn code_hash(&mut self, account: AccountId) -> Result<B256, Interrupted>;
    /// Whether sending to the account would have to create it: it does not exist or, since EIP-161, is empty.
    ///
    /// # Errors
    /// The answer cannot be had now.
    fn is_dead(&mut self, account: AccountId) -> Result<bool, Interrupted>;

    /// The id of a slot.
    fn slot(&mut self, account: AccountId, key: U256) -> SlotId;
    /// Whether the transaction has not accessed the slot yet (EIP-2929). Never true where accesses are not tracked.
    fn is_slot_cold(&self, slot: SlotId) -> bool;
    /// Marks the slot as accessed.
    fn warm_slot(&mut self, slot: SlotId);
    /// Value of the slot.
    ///
    /// # Errors
    /// The answer cannot be had now.
    fn sload(&mut self, slot: SlotId) -> Result<U256, Interrupted>;
    /// Values of the slot before the transaction and now.
    ///
    /// # Errors
    /// The answer cannot be had now.
    fn slot_values(&mut self, slot: SlotId) -> Result<SlotValues, Interrupted>;
    /// Writes a slot whose values were read before.
    fn sstore(&mut self, slot: SlotId, value: U256);
    /// Value of a transient slot (EIP-1153).
    fn tload(&mut self, account: AccountId, key: U256) -> U256;
    /// Writes a transient slot.
    fn tstore(&mut self, account: AccountId, key: U256, value: U256);

    /// Emits a log.
    fn log(&mut self, log: Log);
    /// Moves the balance of `account` to `beneficiary` and destroys the account as the fork's rules demand (EIP-6780).
    /// Returns whether the account was already marked for destruction in this transaction.
    ///
    /// # Errors
    /// The answer cannot be had now; nothing has changed then.
    fn self_destruct(
        &mut self,
        account: AccountId,
        beneficiary: AccountId,
    ) -> Result<bool, Interrupted>;
}
