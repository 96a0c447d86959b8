//! Transactions as JSON has them, in the types that encode them: their signers, and what is executed of them.

use alloy_consensus::{EthereumTxEnvelope, Transaction as _, TxEip4844};
use alloy_eips::{eip2930::AccessList, eip7702};
use alloy_primitives::Address;
use braid_executor::codec::{Signature, SignatureError, SignedAuthorization, check_chain};
use braid_precompiles::Crypto;
use braid_primitives::{AccessListItem, Authorization, Hardfork, Transaction, TransactionType};

/// A signed transaction of any type, without blob sidecar: the form in blocks.
pub type Envelope = EthereumTxEnvelope<TxEip4844>;

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
    let signature = Signature { y_is_odd: signature.v(), r: signature.r(), s: signature.s() };
    signature.signer(&envelope.signature_hash(), fork, crypto)
}

fn flatten_authorization<C: Crypto>(
    signed: &eip7702::SignedAuthorization,
    crypto: &C,
) -> Authorization {
    let signed = SignedAuthorization {
        chain_id: signed.chain_id,
        address: signed.address,
        nonce: signed.nonce,
        y_parity: signed.y_parity(),
        r: signed.r(),
        s: signed.s(),
    };
    signed.recover(crypto)
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
