//! What a block tells the EVM about itself.

use alloy_primitives::{Address, B256, U256};

/// The block fields that transactions can observe or that decide whether they are valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockEnv {
    /// Height of the block.
    pub number: u64,
    /// Recipient of the priority fees (and, before Paris, of the block reward).
    pub beneficiary: Address,
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
    /// Upper bound of the gas that all transactions of the block may use together.
    pub gas_limit: u64,
    /// Base fee in wei per gas (EIP-1559); zero before London.
    pub base_fee: u64,
    /// Proof-of-work difficulty; zero from Paris on.
    pub difficulty: U256,
    /// The beacon chain's randomness (EIP-4399), which PREVRANDAO returns from Paris on.
    pub prev_randao: B256,
    /// Excess blob gas of this block (EIP-4844), from which its blob base fee follows; zero before Cancun.
    pub excess_blob_gas: u64,
}
