//! Why a header may not follow its parent's.

use braid_primitives::{B64, B256, Bytes, Hardfork, U256};

/// A header that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// The parent is another block.
    #[error("parent hash is {found}, the parent's hash is {expected}")]
    ParentHash {
        /// Hash of the parent.
        expected: B256,
        /// The header's parent hash.
        found: B256,
    },
    /// The number is not the parent's plus one.
    #[error("number is {found}, the parent's is {parent}")]
    Number {
        /// Number of the parent.
        parent: u64,
        /// Number of the header.
        found: u64,
    },
    /// The timestamp is not later than the parent's.
    #[error("timestamp is {found}, the parent's is {parent}")]
    Timestamp {
        /// Timestamp of the parent in seconds.
        parent: u64,
        /// Timestamp of the header in seconds.
        found: u64,
    },
    /// A field that the rules in force require is not there.
    #[error("header has no {field}, which {fork} requires")]
    MissingField {
        /// Name of the field.
        field: &'static str,
        /// Hardfork in force.
        fork: Hardfork,
    },
    /// A field is there that the rules in force do not know yet.
    #[error("header has {field}, which {fork} does not know")]
    SurplusField {
        /// Name of the field.
        field: &'static str,
        /// Hardfork in force.
        fork: Hardfork,
    },
    /// The extra data is longer than 32 bytes.
    #[error("extra data has {size_bytes} bytes, {limit_bytes} are allowed")]
    ExtraDataTooLong {
        /// Its length.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// One of the ten blocks from the DAO fork on whose extra data is not the one they must have (EIP-779).
    #[error("extra data is {found}, that of a block at the DAO fork is {expected}")]
    DaoExtraData {
        /// What the blocks must have.
        expected: Bytes,
        /// Extra data of the header.
        found: Bytes,
    },
    /// The gas limit is below the least one of a block.
    #[error("gas limit {found} is below {least}")]
    GasLimitTooLow {
        /// The least gas limit.
        least: u64,
        /// Gas limit of the header.
        found: u64,
    },
    /// The gas limit is not below 2^63.
    #[error("gas limit {found} exceeds {most}")]
    GasLimitTooHigh {
        /// The highest gas limit.
        most: u64,
        /// Gas limit of the header.
        found: u64,
    },
    /// The gas limit differs from the parent's by a 1024th of it or more. In the first block of London the parent's counts
    /// twice.
    #[error("gas limit {found} is not less than {bound} from {parent}")]
    GasLimitChange {
        /// Gas limit of the parent, twice that in the first block of London.
        parent: u64,
        /// A 1024th of it, which the difference must stay below.
        bound: u64,
        /// Gas limit of the header.
        found: u64,
    },
    /// More gas was used than the limit allows.
    #[error("gas used is {gas_used}, the gas limit is {gas_limit}")]
    GasUsedAboveLimit {
        /// Gas used by the block.
        gas_used: u64,
        /// Its gas limit.
        gas_limit: u64,
    },
    /// The base fee is not the one that follows from the parent (EIP-1559).
    #[error("base fee is {found}, {expected} follows from the parent")]
    BaseFee {
        /// Wei per gas that follow from the parent.
        expected: u64,
        /// Base fee of the header in wei per gas.
        found: u64,
    },
    /// The difficulty is not the one that follows from the parent; from Paris on, not zero.
    #[error("difficulty is {found}, {expected} follows from the parent")]
    Difficulty {
        /// What follows from the parent.
        expected: U256,
        /// Difficulty of the header.
        found: U256,
    },
    /// A nonce other than zero, from Paris on (EIP-3675).
    #[error("nonce is {found}, it is zero since {}", Hardfork::Paris)]
    Nonce {
        /// Nonce of the header.
        found: B64,
    },
    /// An ommers hash other than that of no ommers, from Paris on (EIP-3675).
    #[error("ommers hash is {found}, there are no ommers since {}", Hardfork::Paris)]
    OmmersHash {
        /// Ommers hash of the header.
        found: B256,
    },
    /// The blob gas used is no multiple of a blob's (EIP-4844).
    #[error("blob gas used is {found}, no multiple of {gas_per_blob}")]
    BlobGasUsedNoMultiple {
        /// Blob gas of one blob.
        gas_per_blob: u64,
        /// Blob gas used by the block.
        found: u64,
    },
    /// More blob gas was used than a block may use (EIP-4844).
    #[error("blob gas used is {found}, {most} are allowed")]
    BlobGasUsedAboveLimit {
        /// The limit.
        most: u64,
        /// Blob gas used by the block.
        found: u64,
    },
    /// The excess blob gas is not the one that follows from the parent (EIP-4844, EIP-7918).
    #[error("excess blob gas is {found}, {expected} follows from the parent")]
    ExcessBlobGas {
        /// What follows from the parent.
        expected: u64,
        /// Excess blob gas of the header.
        found: u64,
    },
}
