//! Signed transactions from bytes (EIP-2718).
//!
//! The signed message is put together from the very bytes that were read, so nothing depends on encoding again what was
//! decoded.

use alloy_rlp::{Encodable, Header};
use braid_precompiles::Crypto;
use braid_primitives::{
    AccessListItem, Address, Authorization, B256, Hardfork, Transaction, TransactionType, TxKind,
    U256,
};

use super::{
    error::{DecodeError, FieldError},
    fields::Fields,
    signature::{Signature, SignedAuthorization, check_chain, eip155_v},
};

/// A transaction decoded from bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Hash of the transaction: Keccak-256 of its bytes.
    pub hash: B256,
    /// The signer, who is also `transaction.sender`.
    pub sender: Address,
    /// The transaction in the form that is executed.
    pub transaction: Transaction,
}

/// Decodes a signed transaction and recovers its signer, under the rules of `fork` on the chain `chain_id`.
///
/// Strict: canonical RLP, no bytes left over, a type that the fork knows, a signature that the fork accepts.
///
/// # Errors
/// [`DecodeError`], with what was expected and what was found.
pub fn decode_transaction<C: Crypto>(
    bytes: &[u8],
    fork: Hardfork,
    chain_id: u64,
    crypto: &C,
) -> Result<Decoded, DecodeError> {
    let first = *bytes.first().ok_or(DecodeError::Empty)?;
    let (tx_type, list) = match first {
        0xc0.. => (TransactionType::Legacy, bytes),
        1 if fork >= Hardfork::Berlin => (TransactionType::AccessList, &bytes[1..]),
        2 if fork >= Hardfork::London => (TransactionType::DynamicFee, &bytes[1..]),
        3 if fork >= Hardfork::Cancun => (TransactionType::Blob, &bytes[1..]),
        4 if fork >= Hardfork::Prague => (TransactionType::SetCode, &bytes[1..]),
        _ => return Err(DecodeError::TypeNotSupported { tx_type: first, fork }),
    };
    let mut fields = Fields::open(list, "transaction")?;
    let mut raw = RawTransaction::default();
    raw.read(tx_type, &mut fields, crypto)?;
    let (signature, message) = read_signature(tx_type, &mut raw, fields)?;
    let is_legacy = tx_type == TransactionType::Legacy;
    check_chain(raw.fields.chain_id, is_legacy, fork, chain_id)?;
    let sender = signature.signer(&crypto.keccak256(&message), fork, crypto)?;
    let hash = crypto.keccak256(bytes);
    let transaction = raw.narrow(hash, sender)?;
    Ok(Decoded { hash, sender, transaction })
}

/// A transaction whose fees are still as wide as they may be encoded.
#[derive(Default)]
struct RawTransaction {
    /// All but the fees.
    fields: Transaction,
    max_fee_per_gas: U256,
    max_priority_fee_per_gas: U256,
    max_fee_per_blob_gas: U256,
}

impl RawTransaction {
    /// Reads the fields before the signature, in the order of the type's EIP.
    fn read<C: Crypto>(
        &mut self,
        tx_type: TransactionType,
        from: &mut Fields<'_>,
        crypto: &C,
    ) -> Result<(), FieldError> {
        use TransactionType::{AccessList, Blob, Legacy, SetCode};
        let fields = &mut self.fields;
        fields.tx_type = tx_type;
        if tx_type != Legacy {
            fields.chain_id = Some(from.next("chainId")?);
        }
        fields.nonce = from.next("nonce")?;
        if matches!(tx_type, Legacy | AccessList) {
            self.max_fee_per_gas = from.next("gasPrice")?;
            self.max_priority_fee_per_gas = self.max_fee_per_gas;
        } else {
            self.max_priority_fee_per_gas = from.next("maxPriorityFeePerGas")?;
            self.max_fee_per_gas = from.next("maxFeePerGas")?;
        }
        fields.gas_limit = from.next("gasLimit")?;
        fields.to = if matches!(tx_type, Blob | SetCode) {
            // These types cannot create contracts: the field is an address.
            TxKind::Call(from.next("to")?)
        } else {
            from.next("to")?
        };
        fields.value = from.next("value")?;
        fields.input = from.next("data")?;
        if tx_type != Legacy {
            fields.access_list = read_access_list(from.list("accessList")?)?;
        }
        if tx_type == Blob {
            self.max_fee_per_blob_gas = from.next("maxFeePerBlobGas")?;
            fields.blob_hashes = from.next("blobVersionedHashes")?;
        }
        if tx_type == SetCode {
            fields.authorizations = read_authorizations(from.list("authorizationList")?, crypto)?;
        }
        Ok(())
    }

    /// The transaction, if its fees have a width that can be executed.
    fn narrow(self, hash: B256, sender: Address) -> Result<Transaction, DecodeError> {
        let gas_limit = self.fields.gas_limit;
        let narrow = |field: &'static str, value: U256| {
            u128::try_from(value).map_err(|_| DecodeError::FeeTooLarge {
                field,
                value,
                gas_limit,
                hash,
                sender,
            })
        };
        Ok(Transaction {
            sender,
            max_fee_per_gas: narrow("maxFeePerGas", self.max_fee_per_gas)?,
            max_priority_fee_per_gas: narrow(
                "maxPriorityFeePerGas",
                self.max_priority_fee_per_gas,
            )?,
            max_fee_per_blob_gas: narrow("maxFeePerBlobGas", self.max_fee_per_blob_gas)?,
            ..self.fields
        })
    }
}

/// EIP-2930.
fn read_access_list(mut list: Fields<'_>) -> Result<Vec<AccessListItem>, FieldError> {
    let mut items = Vec::new();
    while !list.is_at_end() {
        let mut item = list.list("accessList[]")?;
        items.push(AccessListItem {
            address: item.next("accessList[].address")?,
            storage_keys: item.next("accessList[].storageKeys")?,
        });
        item.close("accessList[].storageKeys")?;
    }
    Ok(items)
}

/// EIP-7702.
fn read_authorizations<C: Crypto>(
    mut list: Fields<'_>,
    crypto: &C,
) -> Result<Vec<Authorization>, FieldError> {
    let mut authorizations = Vec::new();
    while !list.is_at_end() {
        let mut item = list.list("authorizationList[]")?;
        let signed = SignedAuthorization {
            chain_id: item.next("authorizationList[].chainId")?,
            address: item.next("authorizationList[].address")?,
            nonce: item.next("authorizationList[].nonce")?,
            y_parity: item.next("authorizationList[].yParity")?,
            r: item.next("authorizationList[].r")?,
            s: item.next("authorizationList[].s")?,
        };
        item.close("authorizationList[].s")?;
        authorizations.push(signed.recover(crypto));
    }
    Ok(authorizations)
}

/// Reads the signature, the last fields, and puts together the message that it signs. The chain id of a legacy transaction
/// is in the signature (EIP-155).
fn read_signature(
    tx_type: TransactionType,
    raw: &mut RawTransaction,
    mut from: Fields<'_>,
) -> Result<(Signature, Vec<u8>), DecodeError> {
    let unsigned = from.read_so_far();
    let y_is_odd = if tx_type == TransactionType::Legacy {
        let v: U256 = from.next("v")?;
        let (y_is_odd, chain_id) =
            u128::try_from(v).ok().and_then(eip155_v).ok_or(DecodeError::InvalidV { v })?;
        raw.fields.chain_id = chain_id;
        y_is_odd
    } else {
        from.next("yParity")?
    };
    let (r, s) = (from.next("r")?, from.next("s")?);
    from.close("signature")?;
    let message = match (tx_type, raw.fields.chain_id) {
        (TransactionType::Legacy, Some(chain_id)) => {
            let mut suffix = Vec::with_capacity(11);
            chain_id.encode(&mut suffix);
            suffix.extend([alloy_rlp::EMPTY_STRING_CODE; 2]);
            list_of(None, &[unsigned, &suffix])
        }
        (TransactionType::Legacy, None) => list_of(None, &[unsigned]),
        _ => list_of(Some(tx_type as u8), &[unsigned]),
    };
    Ok((Signature { y_is_odd, r, s }, message))
}

/// The RLP list of fields that are encoded already, after a type byte if there is one.
fn list_of(type_byte: Option<u8>, fields: &[&[u8]]) -> Vec<u8> {
    let payload_length = fields.iter().map(|field| field.len()).sum();
    let header = Header { list: true, payload_length };
    let mut out = Vec::with_capacity(1 + header.length_with_payload());
    out.extend(type_byte);
    header.encode(&mut out);
    fields.iter().for_each(|field| out.extend_from_slice(field));
    out
}

#[cfg(test)]
mod tests;
