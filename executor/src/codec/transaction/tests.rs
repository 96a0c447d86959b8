use alloy_primitives::{address, hex, uint};
use braid_precompiles::DefaultCrypto;

use super::*;
use crate::codec::error::{FieldProblem, SignatureError};

/// The example of EIP-155: a transfer signed for chain 1.
const EIP155_EXAMPLE: [u8; 110] = hex!(
    "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080"
    "25a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
    "a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
);
/// Its signer, the owner of the key 0x4646..46.
const SIGNER: Address = address!("9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");

/// Order of the curve secp256k1.
const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

fn decode(bytes: &[u8], fork: Hardfork) -> Result<Decoded, DecodeError> {
    decode_transaction(bytes, fork, 1, &DefaultCrypto::new())
}

/// The example with other values of v and s.
fn example_with(v: u8, s: U256) -> Vec<u8> {
    let mut bytes = EIP155_EXAMPLE.to_vec();
    bytes[43] = v;
    bytes[78..].copy_from_slice(&s.to_be_bytes::<32>());
    bytes
}

fn example_s() -> U256 {
    U256::from_be_slice(&EIP155_EXAMPLE[78..])
}

#[test]
fn the_example_of_eip_155_decodes_to_its_fields_and_signer() {
    let decoded = decode(&EIP155_EXAMPLE, Hardfork::Cancun).unwrap();
    assert_eq!(decoded.sender, SIGNER);
    assert_eq!(decoded.hash, alloy_primitives::keccak256(EIP155_EXAMPLE));
    let expected = Transaction {
        sender: SIGNER,
        nonce: 9,
        gas_limit: 21_000,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 20_000_000_000,
        to: Address::repeat_byte(0x35).into(),
        value: U256::from(1_000_000_000_000_000_000_u64),
        chain_id: Some(1),
        ..Transaction::default()
    };
    assert_eq!(decoded.transaction, expected);
}

#[test]
fn a_signature_for_another_chain_or_from_the_future_is_refused() {
    let crypto = DefaultCrypto::new();
    assert_eq!(
        decode_transaction(&EIP155_EXAMPLE, Hardfork::Cancun, 5, &crypto),
        Err(SignatureError::WrongChain { chain_id: 5, found: 1 }.into())
    );
    assert_eq!(
        decode(&EIP155_EXAMPLE, Hardfork::Homestead),
        Err(SignatureError::ChainIdTooEarly { found: 1 }.into())
    );
    assert_eq!(
        decode(&example_with(29, example_s()), Hardfork::Cancun),
        Err(DecodeError::InvalidV { v: U256::from(29) })
    );
}

#[test]
fn a_high_s_is_refused_from_homestead_on() {
    let high = ORDER - example_s();
    assert!(decode(&example_with(27, high), Hardfork::Frontier).is_ok());
    let refused = Err(SignatureError::HighS { found: high }.into());
    assert_eq!(decode(&example_with(27, high), Hardfork::Homestead), refused);
    assert_eq!(decode(&example_with(0x26, high), Hardfork::Osaka), refused);
    // A signature with s mirrored at the middle and the other parity has the same signer.
    let mirrored = decode(&example_with(28, high), Hardfork::Frontier).unwrap();
    let original = decode(&example_with(27, example_s()), Hardfork::Frontier).unwrap();
    assert_eq!(mirrored.sender, original.sender);
}

#[test]
fn s_out_of_range_is_refused_at_all_times() {
    for s in [ORDER, U256::MAX] {
        let error = SignatureError::OutOfRange { name: "s", found: s };
        assert_eq!(decode(&example_with(27, s), Hardfork::Frontier), Err(error.clone().into()));
        assert_eq!(decode(&example_with(37, s), Hardfork::Cancun), Err(error.into()));
    }
}

#[test]
fn leading_zeros_missing_and_additional_bytes_are_malformed() {
    let malformed = |bytes: &[u8]| {
        let error = decode(bytes, Hardfork::Cancun).unwrap_err();
        matches!(error, DecodeError::Field(_))
    };
    assert!(malformed(&example_with(0x25, U256::from(1))), "s with leading zeros");
    assert!(malformed(&[&EIP155_EXAMPLE[..], &[0]].concat()), "a byte behind the list");
    for end in 1..EIP155_EXAMPLE.len() {
        assert!(malformed(&EIP155_EXAMPLE[..end]), "{end} bytes");
    }
    let mut longer = [&EIP155_EXAMPLE[..], &[0x80]].concat();
    longer[1] += 1;
    let error = FieldProblem::Trailing { bytes: 1 }.of("signature");
    assert_eq!(decode(&longer, Hardfork::Cancun), Err(error.into()));
    assert_eq!(decode(&[], Hardfork::Cancun), Err(DecodeError::Empty));
}

#[test]
fn types_exist_from_their_hardfork_on() {
    for (tx_type, since) in
        [(1, Hardfork::Berlin), (2, Hardfork::London), (3, Hardfork::Cancun), (4, Hardfork::Prague)]
    {
        for fork in Hardfork::ALL {
            let error = decode(&[tx_type, 0xc0], fork).unwrap_err();
            let unknown = error == DecodeError::TypeNotSupported { tx_type, fork };
            assert_eq!(unknown, fork < since, "type {tx_type} under {fork}");
        }
    }
    for tx_type in [0, 5, 0x7f, 0x80, 0xb8] {
        let fork = Hardfork::Osaka;
        let error = DecodeError::TypeNotSupported { tx_type, fork };
        assert_eq!(decode(&[tx_type, 0xc0], fork), Err(error));
    }
}

#[test]
fn an_authorization_with_a_bad_signature_has_no_authority() {
    let crypto = DefaultCrypto::new();
    let (chain_id, address, nonce) = (U256::from(1), Address::repeat_byte(7), 3);
    let (r, s) = (U256::from_be_slice(&EIP155_EXAMPLE[45..77]), example_s());
    let authority = |y_parity, r, s| {
        let signed = SignedAuthorization { chain_id, address, nonce, y_parity, r, s };
        let recovered = signed.recover(&crypto);
        assert_eq!((recovered.chain_id, recovered.address), (chain_id, address));
        assert_eq!(recovered.nonce, nonce);
        recovered.authority
    };
    assert!(authority(0, r, s).is_some());
    assert_ne!(authority(0, r, s), authority(1, r, s));
    for parity in [2, 27, 255] {
        assert_eq!(authority(parity, r, s), None);
    }
    assert_eq!(authority(0, r, ORDER - s), None);
    assert_eq!(authority(0, U256::ZERO, s), None);
    assert_eq!(authority(0, r, U256::ZERO), None);
    assert_eq!(authority(0, ORDER, s), None);
}

#[test]
fn no_change_of_a_byte_makes_decoding_panic_or_keeps_the_transaction_the_same() {
    let original = decode(&EIP155_EXAMPLE, Hardfork::Cancun).unwrap();
    for at in 0..EIP155_EXAMPLE.len() {
        for byte in 0..=255 {
            let mut bytes = EIP155_EXAMPLE;
            bytes[at] = byte;
            let same = byte == EIP155_EXAMPLE[at];
            // Recovering a signer 28,000 times would take seconds: most bytes are tried on three values.
            if !same && at > 44 && byte % 97 != 0 {
                continue;
            }
            let decoded = decode(&bytes, Hardfork::Cancun);
            assert_eq!(decoded.as_ref() == Ok(&original), same, "byte {at} = {byte:#x}");
        }
    }
}

/// The RLP list of these encodings.
fn list(items: &[&[u8]]) -> Vec<u8> {
    list_of(None, items)
}

/// What is wrong with a set-code transaction of this access list and these authorizations, whose signature is missing.
fn set_code_error(access_list: &[u8], authorizations: &[u8]) -> DecodeError {
    let to = alloy_rlp::encode(SIGNER);
    let zero = &[0x80][..];
    // Chain, nonce, tip, fee cap, gas limit, recipient, value, data.
    let fields = [&[1], zero, zero, zero, zero, &to, zero, zero, access_list, authorizations];
    decode(&list_of(Some(4), &fields), Hardfork::Prague).unwrap_err()
}

#[test]
fn what_is_wrong_in_a_list_is_named() {
    let (address, hash) = (alloy_rlp::encode(SIGNER), alloy_rlp::encode(B256::ZERO));
    let (zero, none) = (&[0x80][..], list(&[]));
    let item = |fields: &[&[u8]]| list(&[&list(fields)]);
    let too_many = FieldProblem::Trailing { bytes: 1 };
    let no_list = FieldProblem::NoList { found_bytes: 0 };
    for (access_list, error) in [
        (zero.to_vec(), no_list.of("accessList")),
        (list(&[zero]), no_list.of("accessList[]")),
        (list(&[&none]), FieldProblem::Missing.of("accessList[].address")),
        (item(&[&address]), FieldProblem::Missing.of("accessList[].storageKeys")),
        (item(&[&address, zero]), no_list.of("accessList[].storageKeys")),
        (
            item(&[&address, &list(&[&hash, &address])]),
            FieldProblem::Length { expected_bytes: 32, found_bytes: 20 }
                .of("accessList[].storageKeys"),
        ),
        (item(&[&address, &none, zero]), too_many.of("accessList[].storageKeys")),
        (
            item(&[&hash, &none]),
            FieldProblem::Length { expected_bytes: 20, found_bytes: 32 }.of("accessList[].address"),
        ),
    ] {
        assert_eq!(set_code_error(&access_list, &none), error.into());
    }
    let full = [&address, zero, zero, zero, zero];
    let with = |place: usize, field| {
        let mut fields = [&[zero], &full[..]].concat();
        fields[place] = field;
        item(&fields)
    };
    let overflow = |limit_bytes, found_bytes| FieldProblem::Overflow { limit_bytes, found_bytes };
    let large = alloy_rlp::encode([1; 33]);
    for (authorizations, error) in [
        (zero.to_vec(), no_list.of("authorizationList")),
        (list(&[zero]), no_list.of("authorizationList[]")),
        (with(0, &large), overflow(32, 33).of("authorizationList[].chainId")),
        (
            with(1, zero),
            FieldProblem::Length { expected_bytes: 20, found_bytes: 0 }
                .of("authorizationList[].address"),
        ),
        (
            with(2, &[0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
            overflow(8, 9).of("authorizationList[].nonce"),
        ),
        (with(3, &[0x82, 1, 0]), overflow(1, 2).of("authorizationList[].yParity")),
        (with(4, &[0]), FieldProblem::LeadingZero.of("authorizationList[].r")),
        (with(5, &large), overflow(32, 33).of("authorizationList[].s")),
        (item(&[&[zero], &full[..4]].concat()), FieldProblem::Missing.of("authorizationList[].s")),
        (item(&[&[zero], &full[..], &[zero]].concat()), too_many.of("authorizationList[].s")),
        (with(5, zero), FieldProblem::Missing.of("yParity")),
    ] {
        assert_eq!(set_code_error(&none, &authorizations), error.into());
    }
}
