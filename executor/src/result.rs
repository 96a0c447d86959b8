//! What execution leaves behind.

use crate::error::InvalidTransaction;
use braid_interpreter::HaltReason;
use braid_primitives::{
    Address, BlockContext, BlockEnv, Bloom, Bytes, Log, Receipt, Requests, StateDelta, Transaction,
};

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// Its effects stand.
    Success,
    /// The code reverted (REVERT); unused gas was returned.
    Revert,
    /// The code failed; all gas was used.
    Halt(HaltReason),
}

impl ExecutionStatus {
    /// Whether the effects of the transaction stand: the receipt's status.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Success)
    }
}

/// The result of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionOutcome {
    /// How it ended.
    pub status: ExecutionStatus,
    /// Gas paid for: refunds deducted, the calldata floor (EIP-7623) applied.
    pub gas_used: u64,
    /// Gas that was deducted as a refund (EIP-3529).
    pub gas_refunded: u64,
    /// Logs in order of emission; empty unless successful.
    pub logs: Vec<Log>,
    /// Data returned by the outermost call: return value or revert reason; the deployed code of a creation.
    pub output: Bytes,
    /// Address of the contract that a successful creation deployed.
    pub created: Option<Address>,
}

impl TransactionOutcome {
    /// What is to be filled in.
    pub(crate) const fn unknown() -> Self {
        Self {
            status: ExecutionStatus::Success,
            gas_used: 0,
            gas_refunded: 0,
            logs: Vec::new(),
            output: Bytes::new(),
            created: None,
        }
    }
}

/// A block, ready to execute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// What transactions can observe.
    pub env: BlockEnv,
    /// What the rules before and after the transactions need.
    pub context: BlockContext,
    /// Transactions in order, senders recovered.
    pub transactions: Vec<Transaction>,
}

/// The result of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockOutcome {
    /// Sum of the gas used by the transactions.
    pub gas_used: u64,
    /// Sum of the blob gas of the transactions (EIP-4844).
    pub blob_gas_used: u64,
    /// One for each transaction that was not left out.
    pub receipts: Vec<Receipt>,
    /// Union of the receipts' blooms.
    pub logs_bloom: Bloom,
    /// Execution-layer requests (EIP-7685), from Prague on.
    pub requests: Option<Requests>,
    /// The write set: rewards, withdrawals and system calls included.
    pub state: StateDelta,
    /// Transactions that are invalid at their place and were left out, unless the [`Mode`] makes that an error.
    pub excluded: Vec<Excluded>,
}

/// What an invalid transaction means for the block. Whether one is invalid is decided when all before it are final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The block is invalid: for blocks that others made.
    #[default]
    Verify,
    /// The transaction is left out, as if it had not been there: for making blocks.
    Build,
    /// The transaction is left out, and handed out as a step of its own ([`Step::Invalid`](crate::Step::Invalid)): for looking
    /// at what would happen.
    Trace,
}

/// A transaction that was left out of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excluded {
    /// Position among the transactions that were given, from 0.
    pub index: usize,
    /// What is wrong with it at its place.
    pub error: InvalidTransaction,
}

impl BlockOutcome {
    /// Gas used by each transaction that was not left out, in order.
    pub fn transaction_gas(&self) -> impl Iterator<Item = u64> {
        let before = std::iter::once(0).chain(self.receipts.iter().map(|r| r.cumulative_gas_used));
        self.receipts.iter().zip(before).map(|(r, before)| r.cumulative_gas_used - before)
    }
}
