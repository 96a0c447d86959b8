//! Whether a header may follow its parent's (yellow paper, section 4.3.4; the EIPs at each rule).

use alloy_primitives::bytes;
use braid_primitives::{B64, B256, Bytes, ChainSpec, Hardfork, Header, SealedHeader};

use crate::{
    difficulty::expected_difficulty,
    fees::{GAS_ELASTICITY, GAS_PER_BLOB, next_base_fee, next_excess_blob_gas},
};

mod error;

pub use error::InvalidHeader;

/// Most bytes of extra data.
pub const MAX_EXTRA_DATA_BYTES: usize = 32;

/// Least gas limit of a block.
pub const MIN_GAS_LIMIT: u64 = 5_000;

/// Highest gas limit of a block: 2^63 - 1.
pub const MAX_GAS_LIMIT: u64 = i64::MAX as u64;

/// The gas limit changes by less than this part of the parent's.
const GAS_LIMIT_DIVISOR: u64 = 1_024;

/// Extra data of the first blocks from the DAO fork on: "dao-hard-fork" (EIP-779).
const DAO_EXTRA_DATA: Bytes = bytes!("64616f2d686172642d666f726b");

/// How many blocks have it.
const DAO_EXTRA_DATA_BLOCKS: u64 = 10;

/// Checks all that a header says of itself and its parent. The seal of proof of work is not checked, nor what the header
/// says of the block's body and outcome (see [`crate::body_rules`], [`crate::ommers`]).
///
/// `spec` is that of the header: where it depends on total difficulty, [`ChainSpec::after`] the parent's.
///
/// # Errors
/// [`InvalidHeader`] for the first rule that is broken: the place after the parent first, then the fields of the fork, then
/// what is in the fields.
pub fn validate_header(
    header: &Header,
    parent: &SealedHeader,
    spec: &ChainSpec,
) -> Result<(), InvalidHeader> {
    let SealedHeader { hash: parent_hash, header: parent } = parent;
    check_place(header, *parent_hash, parent)?;
    let fork = spec.hardfork_at(header.number, header.timestamp);
    check_presence(header, fork)?;
    check_extra_data(header, spec)?;
    check_gas(header, parent)?;
    check_base_fee(header, parent)?;
    check_proof_of_work(header, parent, spec, fork)?;
    check_blob_gas(header, parent, spec, fork)
}

/// The header stands right after its parent.
fn check_place(header: &Header, expected: B256, parent: &Header) -> Result<(), InvalidHeader> {
    if header.parent_hash != expected {
        return Err(InvalidHeader::ParentHash { expected, found: header.parent_hash });
    }
    if parent.number.checked_add(1) != Some(header.number) {
        return Err(InvalidHeader::Number { parent: parent.number, found: header.number });
    }
    if header.timestamp <= parent.timestamp {
        return Err(InvalidHeader::Timestamp { parent: parent.timestamp, found: header.timestamp });
    }
    Ok(())
}

/// The header has the fields of its fork and no others.
fn check_presence(header: &Header, fork: Hardfork) -> Result<(), InvalidHeader> {
    let later_fields = [
        ("baseFeePerGas", Hardfork::London, header.base_fee_per_gas.is_some()),
        ("withdrawalsRoot", Hardfork::Shanghai, header.withdrawals_root.is_some()),
        ("blobGasUsed", Hardfork::Cancun, header.blob_gas_used.is_some()),
        ("excessBlobGas", Hardfork::Cancun, header.excess_blob_gas.is_some()),
        ("parentBeaconBlockRoot", Hardfork::Cancun, header.parent_beacon_block_root.is_some()),
        ("requestsHash", Hardfork::Prague, header.requests_hash.is_some()),
    ];
    for (field, since, is_there) in later_fields {
        match (fork >= since, is_there) {
            (true, false) => return Err(InvalidHeader::MissingField { field, fork }),
            (false, true) => return Err(InvalidHeader::SurplusField { field, fork }),
            _ => {}
        }
    }
    Ok(())
}

fn check_extra_data(header: &Header, spec: &ChainSpec) -> Result<(), InvalidHeader> {
    let (size_bytes, limit_bytes) = (header.extra_data.len(), MAX_EXTRA_DATA_BYTES);
    if size_bytes > limit_bytes {
        return Err(InvalidHeader::ExtraDataTooLong { size_bytes, limit_bytes });
    }
    let after_dao_fork = spec.dao_fork_block.and_then(|fork| header.number.checked_sub(fork));
    if after_dao_fork.is_some_and(|blocks| blocks < DAO_EXTRA_DATA_BLOCKS)
        && header.extra_data != DAO_EXTRA_DATA
    {
        let found = header.extra_data.clone();
        return Err(InvalidHeader::DaoExtraData { expected: DAO_EXTRA_DATA, found });
    }
    Ok(())
}

fn check_gas(header: &Header, parent: &Header) -> Result<(), InvalidHeader> {
    let found = header.gas_limit;
    if found < MIN_GAS_LIMIT {
        return Err(InvalidHeader::GasLimitTooLow { least: MIN_GAS_LIMIT, found });
    }
    if found > MAX_GAS_LIMIT {
        return Err(InvalidHeader::GasLimitTooHigh { most: MAX_GAS_LIMIT, found });
    }
    let parent = match is_first_of_london(header, parent) {
        // EIP-1559: what was the limit is the target now.
        true => parent.gas_limit.saturating_mul(GAS_ELASTICITY),
        false => parent.gas_limit,
    };
    let bound = parent / GAS_LIMIT_DIVISOR;
    if found.abs_diff(parent) >= bound {
        return Err(InvalidHeader::GasLimitChange { parent, bound, found });
    }
    let (gas_used, gas_limit) = (header.gas_used, header.gas_limit);
    if gas_used > gas_limit {
        return Err(InvalidHeader::GasUsedAboveLimit { gas_used, gas_limit });
    }
    Ok(())
}

/// Only for headers that have the fields of their forks.
fn is_first_of_london(header: &Header, parent: &Header) -> bool {
    header.base_fee_per_gas.is_some() && parent.base_fee_per_gas.is_none()
}

/// EIP-1559. That there is a base fee where there has to be one is checked before.
fn check_base_fee(header: &Header, parent: &Header) -> Result<(), InvalidHeader> {
    let expected = next_base_fee(parent);
    match header.base_fee_per_gas {
        Some(found) if found != expected => Err(InvalidHeader::BaseFee { expected, found }),
        _ => Ok(()),
    }
}

/// The fields of proof of work: the difficulty, which is zero from Paris on, and two others that are constant from then on
/// (EIP-3675).
fn check_proof_of_work(
    header: &Header,
    parent: &Header,
    spec: &ChainSpec,
    fork: Hardfork,
) -> Result<(), InvalidHeader> {
    let expected = expected_difficulty(
        parent.number,
        parent.timestamp,
        parent.difficulty,
        parent.has_ommers(),
        header.timestamp,
        fork,
        spec.bomb_delay_blocks(header.number, header.timestamp),
    );
    if header.difficulty != expected {
        return Err(InvalidHeader::Difficulty { expected, found: header.difficulty });
    }
    if fork < Hardfork::Paris {
        return Ok(());
    }
    if header.nonce != B64::ZERO {
        return Err(InvalidHeader::Nonce { found: header.nonce });
    }
    if header.has_ommers() {
        return Err(InvalidHeader::OmmersHash { found: header.ommers_hash });
    }
    Ok(())
}

/// EIP-4844, with the parameters of the fork. That the fields are there where they have to be is checked before.
fn check_blob_gas(
    header: &Header,
    parent: &Header,
    spec: &ChainSpec,
    fork: Hardfork,
) -> Result<(), InvalidHeader> {
    let (Some(params), Some(used), Some(excess)) =
        (spec.blob_params(fork), header.blob_gas_used, header.excess_blob_gas)
    else {
        return Ok(());
    };
    if !used.is_multiple_of(GAS_PER_BLOB) {
        let gas_per_blob = GAS_PER_BLOB;
        return Err(InvalidHeader::BlobGasUsedNoMultiple { gas_per_blob, found: used });
    }
    let most = params.max_blobs.saturating_mul(GAS_PER_BLOB);
    if used > most {
        return Err(InvalidHeader::BlobGasUsedAboveLimit { most, found: used });
    }
    let expected = next_excess_blob_gas(parent, &params, fork);
    if excess != expected {
        return Err(InvalidHeader::ExcessBlobGas { expected, found: excess });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
