//! Headers from bytes.

use braid_primitives::Header;

use super::{
    error::{BlockDecodeError, BlockPart, FieldError},
    fields::Fields,
};

/// Decodes a header that is all of `bytes`.
///
/// It may have the fields of any fork: 15 of Frontier up to 21 of Prague. Which ones it has to have is a question of the
/// rules, see [`crate::header_rules`].
///
/// # Errors
/// [`BlockDecodeError`], with the name of the field that is wrong.
pub fn decode_header(bytes: &[u8]) -> Result<Header, BlockDecodeError> {
    let part = BlockPart::Header;
    Fields::open(bytes, "header")
        .and_then(read_header)
        .map_err(|error| BlockDecodeError { part, error })
}

/// Reads a header to its end.
pub(super) fn read_header(mut from: Fields<'_>) -> Result<Header, FieldError> {
    let header = Header {
        parent_hash: from.next("parentHash")?,
        ommers_hash: from.next("sha3Uncles")?,
        beneficiary: from.next("miner")?,
        state_root: from.next("stateRoot")?,
        transactions_root: from.next("transactionsRoot")?,
        receipts_root: from.next("receiptsRoot")?,
        logs_bloom: from.next("logsBloom")?,
        difficulty: from.next("difficulty")?,
        number: from.next("number")?,
        gas_limit: from.next("gasLimit")?,
        gas_used: from.next("gasUsed")?,
        timestamp: from.next("timestamp")?,
        extra_data: from.next("extraData")?,
        mix_hash: from.next("mixHash")?,
        nonce: from.next("nonce")?,
        base_fee_per_gas: from.next_optional("baseFeePerGas")?,
        withdrawals_root: from.next_optional("withdrawalsRoot")?,
        blob_gas_used: from.next_optional("blobGasUsed")?,
        excess_blob_gas: from.next_optional("excessBlobGas")?,
        parent_beacon_block_root: from.next_optional("parentBeaconBlockRoot")?,
        requests_hash: from.next_optional("requestsHash")?,
    };
    from.close("requestsHash")?;
    Ok(header)
}
