//! Whether body and outcome of a block are those that its header commits to.
//!
//! Roots of tries are left to whoever has a trie: transactions, withdrawals, receipts, state.

use braid_precompiles::Crypto;
use braid_primitives::{Hardfork, Header};

use crate::{codec::RawBlock, hashes::requests_hash, result::BlockOutcome};

mod error;

pub use error::{InvalidBody, InvalidOutcome};

/// Most bytes of a block's RLP from Osaka on (EIP-7934, `MAX_RLP_BLOCK_SIZE`): 10 MiB less 2 MiB for the beacon block.
pub const MAX_BLOCK_BYTES: usize = (10 - 2) << 20;

/// Checks the size of a block under the rules of `fork`, that its ommers are those of its header, and that it has a list of
/// withdrawals exactly if the fork has them.
///
/// # Errors
/// [`InvalidBody`] for the first rule that is broken.
pub fn validate_body<C: Crypto>(
    block: &RawBlock<'_>,
    fork: Hardfork,
    crypto: &C,
) -> Result<(), InvalidBody> {
    let (size_bytes, limit_bytes) = (block.size_bytes, MAX_BLOCK_BYTES);
    if fork >= Hardfork::Osaka && size_bytes > limit_bytes {
        return Err(InvalidBody::TooLarge { size_bytes, limit_bytes });
    }
    let (expected, found) = (block.header.ommers_hash, block.ommers_hash(crypto));
    if found != expected {
        return Err(InvalidBody::OmmersHash { expected, found });
    }
    match (fork >= Hardfork::Shanghai, block.withdrawals.is_some()) {
        (true, false) => Err(InvalidBody::MissingWithdrawals { fork }),
        (false, true) => Err(InvalidBody::SurplusWithdrawals { fork }),
        _ => Ok(()),
    }
}

/// Checks gas used, blob gas used, logs bloom and requests hash of a header against what execution made of the block.
///
/// Blob gas and requests count where the header has fields for them; that it has them where it has to is a header rule.
///
/// # Errors
/// [`InvalidOutcome`] for the first that differs.
pub fn validate_outcome<C: Crypto>(
    header: &Header,
    outcome: &BlockOutcome,
    crypto: &C,
) -> Result<(), InvalidOutcome> {
    let (expected, found) = (header.gas_used, outcome.gas_used);
    if found != expected {
        return Err(InvalidOutcome::GasUsed { expected, found });
    }
    let found = outcome.blob_gas_used;
    if let Some(expected) = header.blob_gas_used.filter(|expected| *expected != found) {
        return Err(InvalidOutcome::BlobGasUsed { expected, found });
    }
    let (expected, found) = (&header.logs_bloom, &outcome.logs_bloom);
    if found != expected {
        let (expected, found) = (Box::new(*expected), Box::new(*found));
        return Err(InvalidOutcome::LogsBloom { expected, found });
    }
    if let (Some(expected), Some(requests)) = (header.requests_hash, &outcome.requests) {
        let found = requests_hash(requests, crypto);
        if found != expected {
            return Err(InvalidOutcome::RequestsHash { expected, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
