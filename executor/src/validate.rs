//! Whether a transaction may be in the block (yellow paper, section 6; the EIPs at each check).

use std::cmp::Ordering;

use braid_interpreter::Schedule;
use braid_primitives::{
    BlobParams, BlockEnv, ChainSpec, Hardfork, Transaction, TransactionType, TxKind, U256,
};

use crate::{
    error::InvalidTransaction,
    fees::{GAS_PER_BLOB, blob_gas, cost},
    intrinsic::IntrinsicGas,
};

/// Most gas of a transaction from Osaka on (EIP-7825).
pub const TRANSACTION_GAS_CAP: u64 = 1 << 24;

/// Most blobs of a transaction from Osaka on (EIP-7594).
const TRANSACTION_BLOB_LIMIT: usize = 6;

/// The version of KZG commitments, first byte of a versioned hash (EIP-4844).
const VERSIONED_HASH_VERSION: u8 = 1;

/// What the block a transaction is in says about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) fork: Hardfork,
    pub(crate) chain_id: u64,
    /// Gas left in the block.
    pub(crate) available_gas: u64,
    /// Blob gas left in the block.
    pub(crate) available_blob_gas: u64,
    pub(crate) blob_params: Option<BlobParams>,
    /// Wei per blob gas.
    pub(crate) blob_base_fee: u128,
}

/// The limits of the last block: finding the fork and its price of blob gas takes as long as a short transaction.
#[derive(Debug, Default)]
pub(crate) struct LimitsCache(Option<(LimitsKey, Limits)>);

/// Number, timestamp, gas limit and excess blob gas of the block: what limits follow from.
type LimitsKey = (u64, u64, u64, u64);

impl LimitsCache {
    /// The limits for the first transaction of a block of the chain, which is always the same until [`Self::clear`].
    pub(crate) fn get(&mut self, spec: &ChainSpec, env: &BlockEnv) -> &Limits {
        let key = (env.number, env.timestamp, env.gas_limit, env.excess_blob_gas);
        if !matches!(&self.0, Some((known, _)) if *known == key) {
            self.0 = None;
        }
        &self.0.get_or_insert_with(|| (key, Limits::of_block(spec, env))).1
    }

    /// Forgets what was said of another chain.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

impl Limits {
    /// The limits for the first transaction of a block.
    pub(crate) fn of_block(spec: &ChainSpec, env: &BlockEnv) -> Self {
        let fork = spec.hardfork_at(env.number, env.timestamp);
        let blob_params = spec.blob_params(fork);
        Self {
            fork,
            chain_id: spec.chain_id,
            available_gas: env.gas_limit,
            available_blob_gas: blob_params
                .map_or(0, |params| params.max_blobs.saturating_mul(GAS_PER_BLOB)),
            blob_params,
            blob_base_fee: blob_params
                .map_or(0, |params| crate::fees::blob_base_fee(env.excess_blob_gas, &params)),
        }
    }
}

/// Checks everything that does not depend on the state; `gas` is the transaction's.
pub(crate) fn check_envelope(
    tx: &Transaction,
    block: &BlockEnv,
    limits: &Limits,
    gas: IntrinsicGas,
) -> Result<(), InvalidTransaction> {
    check_type(tx, limits)?;
    check_fields(tx)?;
    check_gas_limit(tx, limits)?;
    check_fees(tx, block)?;
    if tx.tx_type == TransactionType::Blob {
        check_blobs(tx, limits)?;
    }
    if tx.tx_type == TransactionType::SetCode && tx.authorizations.is_empty() {
        return Err(InvalidTransaction::NoAuthorizations);
    }
    if tx.nonce == u64::MAX {
        return Err(InvalidTransaction::NonceAtMaximum { sender: tx.sender }); // EIP-2681
    }
    let (size_bytes, limit_bytes) =
        (tx.input.len(), Schedule::of(limits.fork).initcode_limit_bytes);
    if tx.to == TxKind::Create && size_bytes > limit_bytes {
        return Err(InvalidTransaction::InitcodeTooLarge { size_bytes, limit_bytes });
    }
    check_intrinsic_gas(tx, gas)
}

/// The fork that introduces a type.
const fn introduced(tx_type: TransactionType) -> Hardfork {
    match tx_type {
        TransactionType::Legacy => Hardfork::Frontier,
        TransactionType::AccessList => Hardfork::Berlin,
        TransactionType::DynamicFee => Hardfork::London,
        TransactionType::Blob => Hardfork::Cancun,
        TransactionType::SetCode => Hardfork::Prague,
    }
}

fn check_type(tx: &Transaction, limits: &Limits) -> Result<(), InvalidTransaction> {
    let (tx_type, since) = (tx.tx_type, introduced(tx.tx_type));
    if limits.fork < since {
        return Err(InvalidTransaction::TypeNotSupported { tx_type, since, fork: limits.fork });
    }
    match tx.chain_id {
        Some(got) if got != limits.chain_id => {
            return Err(InvalidTransaction::WrongChainId { got, expected: limits.chain_id });
        }
        None if tx_type != TransactionType::Legacy => {
            return Err(InvalidTransaction::MissingChainId { tx_type });
        }
        _ => {}
    }
    let is_call_only = matches!(tx_type, TransactionType::Blob | TransactionType::SetCode);
    if is_call_only && tx.to == TxKind::Create {
        return Err(InvalidTransaction::CreationNotAllowed { tx_type });
    }
    Ok(())
}

/// A transaction has nothing that its type lacks: what the envelope could not say must not count.
fn check_fields(tx: &Transaction) -> Result<(), InvalidTransaction> {
    let tx_type = tx.tx_type;
    let field = if tx_type < TransactionType::AccessList && !tx.access_list.is_empty() {
        "access list"
    } else if tx_type != TransactionType::Blob && !tx.blob_hashes.is_empty() {
        "blobs"
    } else if tx_type != TransactionType::SetCode && !tx.authorizations.is_empty() {
        "authorizations"
    } else {
        return Ok(());
    };
    Err(InvalidTransaction::ForeignField { tx_type, field })
}

/// EIP-1559. Before London the base fee is zero and the two caps are equal.
fn check_fees(tx: &Transaction, block: &BlockEnv) -> Result<(), InvalidTransaction> {
    let (max_fee_per_gas, max_priority_fee_per_gas) =
        (tx.max_fee_per_gas, tx.max_priority_fee_per_gas);
    if max_priority_fee_per_gas > max_fee_per_gas {
        return Err(InvalidTransaction::TipAboveFeeCap {
            max_priority_fee_per_gas,
            max_fee_per_gas,
        });
    }
    if max_fee_per_gas < u128::from(block.base_fee) {
        let base_fee = block.base_fee;
        return Err(InvalidTransaction::FeeCapBelowBaseFee { max_fee_per_gas, base_fee });
    }
    Ok(())
}

/// EIP-4844.
fn check_blobs(tx: &Transaction, limits: &Limits) -> Result<(), InvalidTransaction> {
    let got = tx.blob_hashes.len();
    if got == 0 {
        return Err(InvalidTransaction::NoBlobs);
    }
    for (index, &hash) in tx.blob_hashes.iter().enumerate() {
        if hash[0] != VERSIONED_HASH_VERSION {
            return Err(InvalidTransaction::BlobHashVersion { index, hash });
        }
    }
    let block_limit = limits.blob_params.map_or(0, |params| params.max_blobs as usize);
    let limit = match limits.fork {
        fork if fork >= Hardfork::Osaka => block_limit.min(TRANSACTION_BLOB_LIMIT),
        _ => block_limit,
    };
    if got > limit {
        return Err(InvalidTransaction::TooManyBlobs { got, limit });
    }
    let (blob_gas, available_blob_gas) = (blob_gas(tx), limits.available_blob_gas);
    if blob_gas > available_blob_gas {
        return Err(InvalidTransaction::BlobGasLimitExceeded { blob_gas, available_blob_gas });
    }
    let (max_fee_per_blob_gas, blob_base_fee) = (tx.max_fee_per_blob_gas, limits.blob_base_fee);
    if max_fee_per_blob_gas < blob_base_fee {
        return Err(InvalidTransaction::BlobFeeCapTooLow { max_fee_per_blob_gas, blob_base_fee });
    }
    Ok(())
}

/// The gas limit is not above what a transaction may have (EIP-7825), nor above what the block has left.
fn check_gas_limit(tx: &Transaction, limits: &Limits) -> Result<(), InvalidTransaction> {
    let gas_limit = tx.gas_limit;
    if limits.fork >= Hardfork::Osaka && gas_limit > TRANSACTION_GAS_CAP {
        return Err(InvalidTransaction::GasLimitAboveCap { gas_limit, cap: TRANSACTION_GAS_CAP });
    }
    if gas_limit > limits.available_gas {
        let available_gas = limits.available_gas;
        return Err(InvalidTransaction::BlockGasLimitExceeded { gas_limit, available_gas });
    }
    Ok(())
}

/// The gas limit covers what is used before the first instruction, and the calldata floor (EIP-7623).
fn check_intrinsic_gas(tx: &Transaction, gas: IntrinsicGas) -> Result<(), InvalidTransaction> {
    let gas_limit = tx.gas_limit;
    if gas_limit < gas.intrinsic_gas {
        let intrinsic_gas = gas.intrinsic_gas;
        return Err(InvalidTransaction::IntrinsicGasTooLow { gas_limit, intrinsic_gas });
    }
    if gas_limit < gas.floor_gas {
        let floor_gas = gas.floor_gas;
        return Err(InvalidTransaction::FloorGasTooLow { gas_limit, floor_gas });
    }
    Ok(())
}

/// Checks the nonce against that of the sender's account.
pub(crate) fn check_nonce(tx: &Transaction, expected: u64) -> Result<(), InvalidTransaction> {
    let (sender, got) = (tx.sender, tx.nonce);
    match got.cmp(&expected) {
        Ordering::Less => Err(InvalidTransaction::NonceTooLow { sender, got, expected }),
        Ordering::Greater => Err(InvalidTransaction::NonceTooHigh { sender, got, expected }),
        Ordering::Equal => Ok(()),
    }
}

/// Checks that the sender can pay for everything.
pub(crate) fn check_balance(tx: &Transaction, balance: U256) -> Result<(), InvalidTransaction> {
    let sender = tx.sender;
    match upfront_cost(tx) {
        None => Err(InvalidTransaction::CostOverflow { sender }),
        Some(required) if balance < required => {
            Err(InvalidTransaction::InsufficientFunds { sender, balance, required })
        }
        Some(_) => Ok(()),
    }
}

/// The wei that the sender must have: gas and blob gas at their caps, and the value. `None` beyond 256 bits.
pub(crate) fn upfront_cost(tx: &Transaction) -> Option<U256> {
    let gas = cost(tx.gas_limit, tx.max_fee_per_gas);
    let blobs = match tx.tx_type {
        TransactionType::Blob => cost(blob_gas(tx), tx.max_fee_per_blob_gas),
        _ => U256::ZERO,
    };
    (gas + blobs).checked_add(tx.value)
}
