//! Signed transactions from bytes (EIP-2718).
//!
//! The fields are read by a cursor that cannot leave the transaction's list, and the signed message is put together from
//! the very bytes that were read, so nothing depends on encoding again what was decoded.

use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_rlp::{Decodable, Encodable, Header};
use braid_precompiles::Crypto;
use braid_primitives::{Hardfork, Transaction, TransactionType};

use super::{
    SignatureError, check_chain, flatten_access_list, flatten_authorization, recover_signer,
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

/// Why bytes are no transaction under the rules in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is nothing.
    #[error("expected a transaction, found no bytes")]
    Empty,
    /// The first byte is no type known under these rules.
    #[error("transaction type {tx_type:#04x} does not exist under the rules of {fork}")]
    TypeNotSupported {
        /// The first byte.
        tx_type: u8,
        /// Hardfork in force.
        fork: Hardfork,
    },
    /// The bytes are not the canonical RLP of the type's fields.
    #[error("malformed transaction: {field}: {error}")]
    Rlp {
        /// Name of the field; empty for the list of fields.
        field: &'static str,
        /// What is wrong with the encoding.
        error: alloy_rlp::Error,
    },
    /// Bytes follow the last field, or the end of the transaction.
    #[error("malformed transaction: {bytes} bytes after the {after}")]
    TrailingBytes {
        /// How many.
        bytes: usize,
        /// What they follow.
        after: &'static str,
    },
    /// A legacy transaction's `v` is neither 27 nor 28 nor that of a chain.
    #[error("expected v of 27, 28 or at least 35, found {v}")]
    InvalidV {
        /// Its value.
        v: U256,
    },
    /// The transaction is well-formed, but a fee of it exceeds 128 bits: more ether than there is.
    #[error("expected {field} of at most 128 bits, found {value}")]
    FeeTooLarge {
        /// Name of the fee.
        field: &'static str,
        /// Its value in wei per gas.
        value: U256,
        /// Gas limit of the transaction.
        gas_limit: u64,
        /// Hash of the transaction.
        hash: B256,
        /// Its signer.
        sender: Address,
    },
    /// The signature is not accepted.
    #[error(transparent)]
    Signature(#[from] SignatureError),
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
    let mut fields = Fields::open(list)?;
    let mut raw = RawTransaction::default();
    raw.read(tx_type, &mut fields, crypto)?;
    let signature = RawSignature::read(tx_type, &mut raw, &mut fields)?;
    let legacy = tx_type == TransactionType::Legacy;
    check_chain(raw.fields.chain_id, legacy, fork, chain_id)?;
    let message = crypto.keccak256(&signature.message);
    let sender =
        recover_signer(&message, signature.y_is_odd, signature.r, signature.s, fork, crypto)?;
    let hash = crypto.keccak256(bytes);
    let transaction = raw.narrow(hash, sender)?;
    Ok(Decoded { hash, sender, transaction })
}

/// A cursor over the fields of a transaction.
struct Fields<'a> {
    /// The payload of the list.
    payload: &'a [u8],
    /// What of it is unread.
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Opens a list that ends with the input.
    fn open(mut list: &'a [u8]) -> Result<Self, DecodeError> {
        let payload = Header::decode_bytes(&mut list, true)
            .map_err(|error| DecodeError::Rlp { field: "list of fields", error })?;
        if !list.is_empty() {
            let bytes = list.len();
            return Err(DecodeError::TrailingBytes { bytes, after: "transaction" });
        }
        Ok(Self { payload, rest: payload })
    }

    fn next<T: Decodable>(&mut self, field: &'static str) -> Result<T, DecodeError> {
        T::decode(&mut self.rest).map_err(|error| DecodeError::Rlp { field, error })
    }

    /// The bytes of the fields that were read.
    fn read_so_far(&self) -> &'a [u8] {
        &self.payload[..self.payload.len() - self.rest.len()]
    }

    fn close(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(DecodeError::TrailingBytes { bytes, after: "signature" }),
        }
    }
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
    ) -> Result<(), DecodeError> {
        use TransactionType::{AccessList as AccessListType, Blob, Legacy, SetCode};
        let fields = &mut self.fields;
        fields.tx_type = tx_type;
        if tx_type != Legacy {
            fields.chain_id = Some(from.next("chainId")?);
        }
        fields.nonce = from.next("nonce")?;
        if matches!(tx_type, Legacy | AccessListType) {
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
        fields.input = from.next::<Bytes>("data")?;
        if tx_type != Legacy {
            fields.access_list = flatten_access_list(&from.next::<AccessList>("accessList")?);
        }
        if tx_type == Blob {
            self.max_fee_per_blob_gas = from.next("maxFeePerBlobGas")?;
            fields.blob_hashes = from.next("blobVersionedHashes")?;
        }
        if tx_type == SetCode {
            let list: Vec<SignedAuthorization> = from.next("authorizationList")?;
            fields.authorizations =
                list.iter().map(|signed| flatten_authorization(signed, crypto)).collect();
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

/// A signature and what it signs.
struct RawSignature {
    y_is_odd: bool,
    r: U256,
    s: U256,
    /// The bytes whose hash is signed.
    message: Vec<u8>,
}

impl RawSignature {
    /// Reads the signature, the last fields. The chain id of a legacy transaction is in it (EIP-155).
    fn read(
        tx_type: TransactionType,
        raw: &mut RawTransaction,
        from: &mut Fields<'_>,
    ) -> Result<Self, DecodeError> {
        let unsigned = from.read_so_far();
        let y_is_odd = if tx_type == TransactionType::Legacy {
            let v: U256 = from.next("v")?;
            let narrow = u128::try_from(v).ok();
            let (y_is_odd, chain_id) = narrow
                .and_then(alloy_consensus::transaction::from_eip155_value)
                .ok_or(DecodeError::InvalidV { v })?;
            raw.fields.chain_id = chain_id;
            y_is_odd
        } else {
            from.next("yParity")?
        };
        let (r, s) = (from.next("r")?, from.next("s")?);
        let rest = Fields { payload: from.payload, rest: from.rest };
        rest.close()?;
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
        Ok(Self { y_is_odd, r, s, message })
    }
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
