//! What a header says of its block and is not so.

use braid_primitives::{B256, Bloom, Hardfork};

/// A body that is not the header's, or that no block may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBody {
    /// The block is too large (EIP-7934), from Osaka on.
    #[error("block has {size_bytes} bytes, {limit_bytes} are allowed")]
    TooLarge {
        /// Length of the block's RLP.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The ommers are not those that the header commits to.
    #[error("ommers have the hash {found}, the header says {expected}")]
    OmmersHash {
        /// Ommers hash of the header.
        expected: B256,
        /// Hash of the ommers.
        found: B256,
    },
    /// There is no list of withdrawals, from Shanghai on (EIP-4895).
    #[error("block has no withdrawals, which {fork} requires")]
    MissingWithdrawals {
        /// Hardfork in force.
        fork: Hardfork,
    },
    /// There is a list of withdrawals, before Shanghai.
    #[error("block has withdrawals, which {fork} does not know")]
    SurplusWithdrawals {
        /// Hardfork in force.
        fork: Hardfork,
    },
}

/// An outcome that is not the one the header commits to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOutcome {
    /// The transactions used another amount of gas.
    #[error("transactions used {found} gas, the header says {expected}")]
    GasUsed {
        /// Gas used according to the header.
        expected: u64,
        /// Gas used.
        found: u64,
    },
    /// The transactions used another amount of blob gas (EIP-4844).
    #[error("transactions used {found} blob gas, the header says {expected}")]
    BlobGasUsed {
        /// Blob gas used according to the header.
        expected: u64,
        /// Blob gas used.
        found: u64,
    },
    /// The logs have another bloom filter.
    #[error("logs have the bloom {found}, the header says {expected}")]
    LogsBloom {
        /// The header's bloom.
        expected: Box<Bloom>,
        /// Bloom of the logs.
        found: Box<Bloom>,
    },
    /// The execution-layer requests are others (EIP-7685).
    #[error("requests have the hash {found}, the header says {expected}")]
    RequestsHash {
        /// Requests hash of the header.
        expected: B256,
        /// Hash of the requests.
        found: B256,
    },
}
