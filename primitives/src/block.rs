//! Parts of a block besides its transactions.

use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::{RlpDecodable, RlpEncodable};

/// A validator withdrawal (EIP-4895). RLP-encodes in the field order of the EIP.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Withdrawal {
    /// Monotonically increasing index over the whole chain.
    pub index: u64,
    /// Index of the validator.
    pub validator_index: u64,
    /// Account that is credited.
    pub address: Address,
    /// Amount in **gwei** (10^9 wei).
    pub amount_gwei: u64,
}

/// The part of an ommer header that its reward depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ommer {
    /// Height of the ommer.
    pub number: u64,
    /// Account that the ommer's reward is credited to.
    pub beneficiary: Address,
}

/// The execution-layer requests of one block (EIP-7685): `type ++ data` each, ascending by type, empty ones left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests(pub Vec<Bytes>);

/// The block fields that execution needs besides [`crate::BlockEnv`] and the transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockContext {
    /// Hash of the parent, written to the history contract (EIP-2935) from Prague on.
    pub parent_hash: B256,
    /// Parent beacon block root (EIP-4788), from Cancun on.
    pub parent_beacon_block_root: Option<B256>,
    /// Ommers, rewarded before Paris.
    pub ommers: Vec<Ommer>,
    /// Withdrawals, from Shanghai on.
    pub withdrawals: Option<Vec<Withdrawal>>,
}
