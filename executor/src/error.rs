//! The three kinds of failure, never mixed.
//!
//! What the EVM decided (revert, halt) is an outcome, not an error: see [`crate::ExecutionStatus`]. The two kinds here are an
//! invalid transaction or block, with the values that make it so, and a failure of the embedder's
//! [`StateReader`](braid_primitives::StateReader), passed through unchanged.

use braid_primitives::{Address, B256, Hardfork, TransactionType, U256};

use crate::rewards::InvalidOmmerAge;

/// Why a transaction may not be in a block. Nothing of it was executed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTransaction {
    /// The envelope type does not exist yet under these rules.
    #[error("transaction type {tx_type:?} is not supported before {since}, rules are {fork}'s")]
    TypeNotSupported {
        /// Type of the transaction.
        tx_type: TransactionType,
        /// Hardfork that introduces it.
        since: Hardfork,
        /// Hardfork in force.
        fork: Hardfork,
    },
    /// A field that the envelope type does not have.
    #[error("transaction of type {tx_type:?} has {field}, which its type lacks")]
    ForeignField {
        /// Type of the transaction.
        tx_type: TransactionType,
        /// Name of the field.
        field: &'static str,
    },
    /// The signature is for another chain (EIP-155).
    #[error("transaction is for chain {got}, this is chain {expected}")]
    WrongChainId {
        /// Chain of the transaction.
        got: u64,
        /// Chain of the block.
        expected: u64,
    },
    /// A typed transaction without chain id.
    #[error("transaction of type {tx_type:?} has no chain id")]
    MissingChainId {
        /// Type of the transaction.
        tx_type: TransactionType,
    },
    /// The nonce was used already.
    #[error("nonce {got} of {sender} is too low, the account's is {expected}")]
    NonceTooLow {
        /// The sender.
        sender: Address,
        /// Nonce of the transaction.
        got: u64,
        /// Nonce of the account.
        expected: u64,
    },
    /// The nonce leaves a gap.
    #[error("nonce {got} of {sender} is too high, the account's is {expected}")]
    NonceTooHigh {
        /// The sender.
        sender: Address,
        /// Nonce of the transaction.
        got: u64,
        /// Nonce of the account.
        expected: u64,
    },
    /// The nonce is 2^64 - 1, which EIP-2681 forbids.
    #[error("nonce of {sender} has reached its maximum of 2^64 - 2")]
    NonceAtMaximum {
        /// The sender.
        sender: Address,
    },
    /// The sender has code that is no delegation designator (EIP-3607).
    #[error("sender {sender} is a contract with code {code_hash}")]
    SenderHasCode {
        /// The sender.
        sender: Address,
        /// Hash of its code.
        code_hash: B256,
    },
    /// The balance does not cover gas limit times fee cap, value and blob fees.
    #[error("balance {balance} of {sender} is below the {required} wei needed up front")]
    InsufficientFunds {
        /// The sender.
        sender: Address,
        /// Its balance in wei.
        balance: U256,
        /// Wei needed.
        required: U256,
    },
    /// Gas limit times fee cap, plus value and blob fees, exceeds 2^256 - 1.
    #[error("up-front cost of the transaction of {sender} exceeds 256 bits")]
    CostOverflow {
        /// The sender.
        sender: Address,
    },
    /// The gas limit does not cover the intrinsic gas.
    #[error("gas limit {gas_limit} is below the intrinsic gas {intrinsic_gas}")]
    IntrinsicGasTooLow {
        /// Gas limit of the transaction.
        gas_limit: u64,
        /// Gas used before the first instruction.
        intrinsic_gas: u64,
    },
    /// The gas limit does not cover the calldata floor (EIP-7623).
    #[error("gas limit {gas_limit} is below the calldata floor {floor_gas}")]
    FloorGasTooLow {
        /// Gas limit of the transaction.
        gas_limit: u64,
        /// Least gas that the transaction uses.
        floor_gas: u64,
    },
    /// The gas limit exceeds what is left in the block.
    #[error("gas limit {gas_limit} exceeds the {available_gas} left in the block")]
    BlockGasLimitExceeded {
        /// Gas limit of the transaction.
        gas_limit: u64,
        /// Gas left in the block.
        available_gas: u64,
    },
    /// The gas limit exceeds the cap of EIP-7825.
    #[error("gas limit {gas_limit} exceeds the cap of {cap} per transaction")]
    GasLimitAboveCap {
        /// Gas limit of the transaction.
        gas_limit: u64,
        /// The cap.
        cap: u64,
    },
    /// The fee cap is below the base fee.
    #[error("fee cap {max_fee_per_gas} is below the base fee {base_fee}")]
    FeeCapBelowBaseFee {
        /// Fee cap in wei per gas.
        max_fee_per_gas: u128,
        /// Base fee in wei per gas.
        base_fee: u64,
    },
    /// The tip exceeds the fee cap.
    #[error("priority fee {max_priority_fee_per_gas} exceeds the fee cap {max_fee_per_gas}")]
    TipAboveFeeCap {
        /// Priority fee in wei per gas.
        max_priority_fee_per_gas: u128,
        /// Fee cap in wei per gas.
        max_fee_per_gas: u128,
    },
    /// The initcode is too long (EIP-3860).
    #[error("initcode of {size_bytes} bytes exceeds {limit_bytes}")]
    InitcodeTooLarge {
        /// Its length.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// A blob transaction without blobs (EIP-4844).
    #[error("blob transaction carries no blobs")]
    NoBlobs,
    /// Too many blobs for a transaction or for what is left in the block.
    #[error("{got} blobs exceed the {limit} that are allowed")]
    TooManyBlobs {
        /// Blobs of the transaction.
        got: usize,
        /// Most that may be there.
        limit: usize,
    },
    /// The blobs do not fit into what is left of the block's blob gas.
    #[error("blob gas {blob_gas} exceeds the {available_blob_gas} left in the block")]
    BlobGasLimitExceeded {
        /// Blob gas of the transaction.
        blob_gas: u64,
        /// Blob gas left in the block.
        available_blob_gas: u64,
    },
    /// A versioned hash whose version is not 1.
    #[error("versioned hash {hash} of blob {index} has an unknown version")]
    BlobHashVersion {
        /// Position in the transaction.
        index: usize,
        /// The hash.
        hash: B256,
    },
    /// The blob fee cap is below the blob base fee.
    #[error("blob fee cap {max_fee_per_blob_gas} is below the blob base fee {blob_base_fee}")]
    BlobFeeCapTooLow {
        /// Blob fee cap in wei per blob gas.
        max_fee_per_blob_gas: u128,
        /// Blob base fee in wei per blob gas.
        blob_base_fee: u128,
    },
    /// A type that must have a recipient has none.
    #[error("transaction of type {tx_type:?} cannot create a contract")]
    CreationNotAllowed {
        /// Type of the transaction.
        tx_type: TransactionType,
    },
    /// A set-code transaction without authorizations (EIP-7702).
    #[error("set-code transaction has no authorizations")]
    NoAuthorizations,
}

/// Why a block cannot be executed to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBlock {
    /// A transaction is invalid at its place in the block.
    #[error("transaction {index}: {error}")]
    Transaction {
        /// Position in the block, from 0.
        index: usize,
        /// What is wrong with it.
        error: InvalidTransaction,
    },
    /// A system contract that must run has no code (EIP-7002, EIP-7251).
    #[error("system contract {address} has no code")]
    SystemContractMissing {
        /// Its address.
        address: Address,
    },
    /// A system contract call that must succeed failed (EIP-7002, EIP-7251).
    #[error("call of system contract {address} failed: {reason}")]
    SystemCallFailed {
        /// Its address.
        address: Address,
        /// How the call ended.
        reason: String,
    },
    /// A log of the deposit contract does not have the layout of EIP-6110.
    #[error("deposit log {log_index} of transaction {tx_index} is malformed: {reason}")]
    MalformedDeposit {
        /// Position of the transaction in the block.
        tx_index: usize,
        /// Position of the log in the transaction.
        log_index: usize,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// An ommer too young or too old for the block.
    #[error(transparent)]
    OmmerAge(#[from] InvalidOmmerAge),
    /// A field that the rules in force require is not there.
    #[error("block has no {field}, which {fork} requires")]
    MissingField {
        /// Name of the field.
        field: &'static str,
        /// Hardfork in force.
        fork: Hardfork,
    },
}

/// Why execution stopped without a result: the block is invalid, or the environment failed.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError<E> {
    /// The block breaks a rule.
    #[error(transparent)]
    Invalid(InvalidBlock),
    /// The state reader failed; execution says nothing about the block.
    #[error("state could not be read: {0}")]
    State(#[source] E),
}

/// Why parallel execution stopped without a result.
#[derive(Debug, thiserror::Error)]
pub enum ParallelError<E> {
    /// As sequential execution would have: for the same reason, at the same transaction.
    #[error(transparent)]
    Execution(#[from] ExecutionError<E>),
    /// A worker panicked: in the state reader, in whatever takes the results, or because of an error of ours. The executor can
    /// be used again.
    #[error("worker {worker} panicked: {message}")]
    Panicked {
        /// Number of the worker, from 0.
        worker: usize,
        /// What it said.
        message: String,
    },
    /// A worker thread could not be started. Nothing was executed.
    #[error("a worker thread could not be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// Why one transaction gave no result: it is invalid, or the environment failed.
#[derive(Debug, thiserror::Error)]
pub enum TransactError<E> {
    /// The transaction breaks a rule.
    #[error(transparent)]
    Invalid(InvalidTransaction),
    /// The state reader failed; execution says nothing about the transaction.
    #[error("state could not be read: {0}")]
    State(#[source] E),
}
