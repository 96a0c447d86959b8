//! Envelopes made from fields, beside the same transactions decoded from bytes.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::{eip2718::Encodable2718, eip2930};
use alloy_primitives::{B256, Bytes, Signature, TxKind, U256, address, hex};
use braid_executor::codec::decode_transaction;
use braid_precompiles::DefaultCrypto;

use super::*;

/// The example of EIP-155: a transfer signed for chain 1.
const EIP155_EXAMPLE: [u8; 110] = hex!(
    "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080"
    "25a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
    "a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
);
/// Its signer, the owner of the key 0x4646..46.
const SIGNER: Address = address!("9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");

fn example_signature() -> Signature {
    let number = |range| U256::from_be_slice(&EIP155_EXAMPLE[range]);
    Signature::new(number(45..77), number(78..110), false)
}

fn access_list() -> AccessList {
    AccessList(vec![
        eip2930::AccessListItem { address: Address::ZERO, storage_keys: vec![] },
        eip2930::AccessListItem { address: SIGNER, storage_keys: vec![B256::ZERO; 2] },
    ])
}

fn authorization(y_parity: u8) -> eip7702::SignedAuthorization {
    let (chain_id, address) = (U256::from(1), Address::repeat_byte(7));
    let unsigned = eip7702::Authorization { chain_id, address, nonce: u64::MAX };
    let signature = example_signature();
    let (r, s) = (signature.r(), signature.s());
    eip7702::SignedAuthorization::new_unchecked(unsigned, y_parity, r, s)
}

/// A transaction of each type, with something in every field, signed by somebody.
fn envelopes() -> [Envelope; 5] {
    let (signature, to) = (example_signature(), Address::repeat_byte(0x35));
    let (value, input) = (U256::from(7), Bytes::from_static(&[1, 2, 3]));
    let access_list = access_list();
    let (chain_id, nonce, gas_limit) = (1, 9, 21_000);
    let (max_fee_per_gas, max_priority_fee_per_gas) = (u128::MAX, 1);
    let legacy = TxLegacy {
        chain_id: Some(chain_id),
        nonce,
        gas_price: 20_000_000_000,
        gas_limit,
        to: to.into(),
        value: U256::from(1_000_000_000_000_000_000_u64),
        input: Bytes::new(),
    };
    let dynamic = TxEip1559 {
        chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas,
        max_priority_fee_per_gas,
        to: TxKind::Create,
        value,
        access_list: access_list.clone(),
        input: input.clone(),
    };
    let with_list = TxEip2930 {
        chain_id,
        nonce,
        gas_price: 0,
        gas_limit,
        to: to.into(),
        value,
        access_list: access_list.clone(),
        input: input.clone(),
    };
    let blob = TxEip4844 {
        chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas,
        max_priority_fee_per_gas,
        to,
        value,
        access_list: access_list.clone(),
        blob_versioned_hashes: vec![B256::repeat_byte(1), B256::ZERO],
        max_fee_per_blob_gas: 5,
        input: input.clone(),
    };
    let set_code = TxEip7702 {
        chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas,
        max_priority_fee_per_gas,
        to,
        value,
        access_list,
        authorization_list: [0, 1, 255].map(authorization).to_vec(),
        input,
    };
    [
        legacy.into_signed(signature).into(),
        with_list.into_signed(signature).into(),
        dynamic.into_signed(signature).into(),
        blob.into_signed(signature).into(),
        set_code.into_signed(signature).into(),
    ]
}

#[test]
fn an_envelope_made_from_fields_is_executed_as_its_bytes_are() {
    let crypto = DefaultCrypto::new();
    let mut types = Vec::new();
    for envelope in envelopes() {
        let bytes = envelope.encoded_2718();
        let decoded = decode_transaction(&bytes, Hardfork::Prague, 1, &crypto).unwrap();
        let sender = recover_sender(&envelope, Hardfork::Prague, 1, &crypto);
        assert_eq!(sender, Ok(decoded.sender));
        assert_eq!(*envelope.hash(), decoded.hash);
        assert_eq!(flatten(&envelope, decoded.sender, &crypto), decoded.transaction);
        types.push(decoded.transaction.tx_type as u8);
    }
    assert_eq!(types, [0, 1, 2, 3, 4]);
}

#[test]
fn the_example_of_eip_155_is_encoded_and_signed_as_there() {
    let [legacy, ..] = envelopes();
    assert_eq!(legacy.encoded_2718(), EIP155_EXAMPLE);
    assert_eq!(recover_sender(&legacy, Hardfork::Cancun, 1, &DefaultCrypto::new()), Ok(SIGNER));
}
