//! Transactions as they arrive: decoded from bytes, their signatures checked, flattened for execution.

use alloy_consensus::{EthereumTxEnvelope, Transaction as _, TxEip4844};
use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, U256, uint};
use braid_precompiles::Crypto;
use braid_primitives::{AccessListItem, Authorization, Hardfork, Transaction, TransactionType};

mod decode;

pub use decode::{DecodeError, Decoded, decode_transaction};

/// A signed transaction of any type, without blob sidecar: the form in blocks.
pub type Envelope = EthereumTxEnvelope<TxEip4844>;

/// Order of the curve secp256k1.
const SECP256K1_ORDER: U256 =
    uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
/// Half of it, rounded down: the largest `s` that EIP-2 allows.
const SECP256K1_HALF_ORDER: U256 =
    uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);

/// Why a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The signature is for another chain.
    #[error("expected signature for chain {chain_id}, found to be for chain {found}")]
    WrongChain {
        /// The chain.
        chain_id: u64,
        /// Chain of the signature.
        found: u64,
    },
    /// A legacy signature that names a chain, before EIP-155.
    #[error(
        "expected v of 27 or 28 before {}, found the chain id {found}",
        Hardfork::SpuriousDragon
    )]
    ChainIdTooEarly {
        /// Chain of the signature.
        found: u64,
    },
    /// `r` or `s` is zero or not below the order of the curve.
    #[error("expected {name} from 1 to below the order of secp256k1, found {found:#x}")]
    OutOfRange {
        /// `r` or `s`.
        name: &'static str,
        /// Its value.
        found: U256,
    },
    /// `s` is in the upper half, which EIP-2 forbids.
    #[error("expected s of at most half the order of secp256k1, found {found:#x}")]
    HighS {
        /// Its value.
        found: U256,
    },
    /// No point of the curve belongs to `r`, or the signer would be the point at infinity.
    #[error("expected a signature that has a signer, found r {r:#x}, s {s:#x}")]
    NoSigner {
        /// `r` of the signature.
        r: U256,
        /// `s` of the signature.
        s: U256,
    },
}

/// The signer of a transaction, under the rules of `fork` on the chain `chain_id`.
///
/// # Errors
/// If the signature is for another chain (EIP-155), malleable (EIP-2), or has no signer.
pub fn recover_sender<C: Crypto>(
    envelope: &Envelope,
    fork: Hardfork,
    chain_id: u64,
    crypto: &C,
) -> Result<Address, SignatureError> {
    check_chain(envelope.chain_id(), envelope.is_legacy(), fork, chain_id)?;
    let signature = envelope.signature();
    let (r, s) = (signature.r(), signature.s());
    recover_signer(&envelope.signature_hash(), signature.v(), r, s, fork, crypto)
}

/// A signature that names a chain names this one; legacy ones may do so since EIP-155.
fn check_chain(
    found: Option<u64>,
    legacy: bool,
    fork: Hardfork,
    chain_id: u64,
) -> Result<(), SignatureError> {
    match found {
        Some(found) if legacy && fork < Hardfork::SpuriousDragon => {
            Err(SignatureError::ChainIdTooEarly { found })
        }
        Some(found) if found != chain_id => Err(SignatureError::WrongChain { chain_id, found }),
        _ => Ok(()),
    }
}

/// The signer of a transaction's message; from Homestead on `s` has to be in the lower half (EIP-2).
fn recover_signer<C: Crypto>(
    message: &B256,
    y_is_odd: bool,
    r: U256,
    s: U256,
    fork: Hardfork,
    crypto: &C,
) -> Result<Address, SignatureError> {
    for (name, found) in [("r", r), ("s", s)] {
        if found.is_zero() || found >= SECP256K1_ORDER {
            return Err(SignatureError::OutOfRange { name, found });
        }
    }
    if fork >= Hardfork::Homestead && s > SECP256K1_HALF_ORDER {
        return Err(SignatureError::HighS { found: s });
    }
    crypto
        .ecrecover(message, y_is_odd, &B256::from(r), &B256::from(s))
        .ok_or(SignatureError::NoSigner { r, s })
}

/// The authorization in the form that is executed, its signer recovered (EIP-7702).
///
/// A signature without signer is no error: such an authorization is skipped.
pub fn flatten_authorization<C: Crypto>(signed: &SignedAuthorization, crypto: &C) -> Authorization {
    let inner = signed.inner();
    let y_is_odd = match signed.y_parity() {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    };
    let authority = y_is_odd.and_then(|odd| {
        // The bounds on the signature are those of transactions at the time.
        let (message, fork) = (inner.signature_hash(), Hardfork::Prague);
        recover_signer(&message, odd, signed.r(), signed.s(), fork, crypto).ok()
    });
    Authorization {
        chain_id: inner.chain_id,
        address: inner.address,
        nonce: inner.nonce,
        authority,
    }
}

fn flatten_access_list(list: &AccessList) -> Vec<AccessListItem> {
    let flatten = |item: &alloy_eips::eip2930::AccessListItem| AccessListItem {
        address: item.address,
        storage_keys: item.storage_keys.clone(),
    };
    list.iter().map(flatten).collect()
}

/// The transaction in the form that is executed. The signers of authorizations are recovered.
pub fn flatten<C: Crypto>(envelope: &Envelope, sender: Address, crypto: &C) -> Transaction {
    let max_fee_per_gas = envelope.max_fee_per_gas();
    Transaction {
        tx_type: match envelope {
            Envelope::Legacy(_) => TransactionType::Legacy,
            Envelope::Eip2930(_) => TransactionType::AccessList,
            Envelope::Eip1559(_) => TransactionType::DynamicFee,
            Envelope::Eip4844(_) => TransactionType::Blob,
            Envelope::Eip7702(_) => TransactionType::SetCode,
        },
        sender,
        nonce: envelope.nonce(),
        gas_limit: envelope.gas_limit(),
        max_fee_per_gas,
        max_priority_fee_per_gas: envelope.max_priority_fee_per_gas().unwrap_or(max_fee_per_gas),
        to: envelope.kind(),
        value: envelope.value(),
        input: envelope.input().clone(),
        chain_id: envelope.chain_id(),
        access_list: envelope.access_list().map(flatten_access_list).unwrap_or_default(),
        max_fee_per_blob_gas: envelope.max_fee_per_blob_gas().unwrap_or_default(),
        blob_hashes: envelope.blob_versioned_hashes().unwrap_or_default().to_vec(),
        authorizations: envelope
            .authorization_list()
            .unwrap_or_default()
            .iter()
            .map(|signed| flatten_authorization(signed, crypto))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
