//! Blocks and headers: what is encoded comes back, and nothing else is taken for it.

use alloy_primitives::hex;
use alloy_rlp::Encodable;
use braid_precompiles::{Crypto, DefaultCrypto};
use braid_primitives::{
    Address, B64, B256, Bytes, EMPTY_OMMERS_HASH, Hardfork, Header, Ommer, U256, Withdrawal,
};
use proptest::prelude::*;

use super::*;

/// The example of EIP-155: a transfer signed for chain 1.
const LEGACY: [u8; 110] = hex!(
    "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080"
    "25a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
    "a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
);

/// A header with the fields of London and as many later ones.
fn header(later_fields: usize) -> Header {
    let has = |place: usize| later_fields >= place;
    Header {
        parent_hash: B256::repeat_byte(1),
        ommers_hash: EMPTY_OMMERS_HASH,
        beneficiary: Address::repeat_byte(2),
        difficulty: U256::from(131_072),
        number: 7,
        gas_limit: 30_000_000,
        gas_used: 21_000,
        timestamp: 1_000,
        extra_data: Bytes::from_static(b"extra"),
        mix_hash: B256::repeat_byte(3),
        nonce: B64::repeat_byte(4),
        base_fee_per_gas: has(1).then_some(0),
        withdrawals_root: has(2).then_some(B256::repeat_byte(5)),
        blob_gas_used: has(3).then_some(131_072),
        excess_blob_gas: has(4).then_some(0x80),
        parent_beacon_block_root: has(5).then_some(B256::ZERO),
        requests_hash: has(6).then_some(B256::repeat_byte(6)),
        ..Header::default()
    }
}

fn withdrawal(index: u64) -> Withdrawal {
    Withdrawal { index, validator_index: 300, address: Address::repeat_byte(9), amount_gwei: 0 }
}

/// The RLP list of these encodings.
fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let payload = items.concat();
    let mut out = Vec::new();
    alloy_rlp::Header { list: true, payload_length: payload.len() }.encode(&mut out);
    out.extend(payload);
    out
}

fn string(bytes: &[u8]) -> Vec<u8> {
    alloy_rlp::encode(bytes)
}

/// The encoding of a block; transactions are given as items.
fn block(
    header: &Header,
    transactions: &[Vec<u8>],
    ommers: &[Header],
    withdrawals: Option<&[Withdrawal]>,
) -> Vec<u8> {
    let ommers: Vec<_> = ommers.iter().map(alloy_rlp::encode).collect();
    let mut parts = vec![alloy_rlp::encode(header), list(transactions), list(&ommers)];
    if let Some(withdrawals) = withdrawals {
        parts.push(list(&withdrawals.iter().map(alloy_rlp::encode).collect::<Vec<_>>()));
    }
    list(&parts)
}

/// A block that has something of everything.
fn full_block() -> Vec<u8> {
    let transactions = [LEGACY.to_vec(), string(&[2, 0xc0])];
    block(&header(6), &transactions, &[header(0)], Some(&[withdrawal(0), withdrawal(1)]))
}

fn error_of(bytes: &[u8]) -> String {
    RawBlock::decode(bytes).unwrap_err().to_string()
}

#[test]
fn a_block_comes_back_as_it_was_encoded() {
    let crypto = DefaultCrypto::new();
    let bytes = full_block();
    let raw = RawBlock::decode(&bytes).unwrap();
    assert_eq!(raw.header, header(6));
    assert_eq!(raw.transactions, [&LEGACY[..], &[2, 0xc0]]);
    assert_eq!(raw.ommers, [header(0)]);
    assert_eq!(raw.withdrawals, Some(vec![withdrawal(0), withdrawal(1)]));
    assert_eq!(raw.size_bytes, bytes.len());
    assert_eq!(raw.hash(&crypto), header(6).hash(|bytes| crypto.keccak256(bytes)));
    assert_eq!(raw.sealed_header(&crypto).hash, raw.hash(&crypto));
    let ommers = crypto.keccak256(&list(&[alloy_rlp::encode(header(0))]));
    assert_eq!(raw.ommers_hash(&crypto), ommers);
}

#[test]
fn headers_of_all_forks_come_back() {
    for later_fields in 0..=6 {
        let header = header(later_fields);
        assert_eq!(decode_header(&alloy_rlp::encode(&header)), Ok(header.clone()));
        let bytes = block(&header, &[], &[], None);
        let raw = RawBlock::decode(&bytes).unwrap();
        assert_eq!(raw.ommers_hash(&DefaultCrypto::new()), EMPTY_OMMERS_HASH);
        assert_eq!((raw.header, raw.withdrawals), (header, None));
    }
}

#[test]
fn a_block_becomes_executable_under_the_rules_of_a_fork() {
    let crypto = DefaultCrypto::new();
    let bytes = block(&header(6), &[LEGACY.to_vec()], &[header(0)], Some(&[withdrawal(4)]));
    let raw = RawBlock::decode(&bytes).unwrap();
    let block = raw.clone().into_block(Hardfork::Prague, 1, &crypto).unwrap();
    assert_eq!(block.env, header(6).env(Hardfork::Prague));
    assert_eq!(block.context.parent_hash, B256::repeat_byte(1));
    assert_eq!(block.context.parent_beacon_block_root, Some(B256::ZERO));
    let beneficiary = Address::repeat_byte(2);
    assert_eq!(block.context.ommers, [Ommer { number: 7, beneficiary }]);
    assert_eq!(block.context.withdrawals, Some(vec![withdrawal(4)]));
    let legacy = decode_transaction(&LEGACY, Hardfork::Prague, 1, &crypto).unwrap();
    assert_eq!(block.transactions, [legacy.transaction]);
    let error = SignatureError::WrongChain { chain_id: 2, found: 1 };
    assert_eq!(
        raw.into_block(Hardfork::Prague, 2, &crypto),
        Err(TransactionError { index: 0, error: error.into() })
    );
}

#[test]
fn the_transaction_that_does_not_exist_yet_is_named() {
    let bytes = full_block();
    let raw = RawBlock::decode(&bytes).unwrap();
    let error = DecodeError::TypeNotSupported { tx_type: 2, fork: Hardfork::Berlin };
    assert_eq!(
        raw.transactions_under(Hardfork::Berlin, 1, &DefaultCrypto::new()),
        Err(TransactionError { index: 1, error })
    );
}

#[test]
fn errors_name_part_field_and_what_was_found() {
    let transactions = |items: &[Vec<u8>]| block(&header(1), items, &[], None);
    let withdrawal_of = |fields: &[Vec<u8>]| {
        list(&[alloy_rlp::encode(header(1)), list(&[]), list(&[]), list(&[list(fields)])])
    };
    let (zero, address) = (string(&[]), string(&[7; 20]));
    for (bytes, expected) in [
        (vec![], "malformed block: block: malformed RLP: input too short"),
        (vec![0x80], "malformed block: block: expected a list, found a string of 0 bytes"),
        (list(&[]), "malformed block: header: missing"),
        (list(&[list(&[])]), "malformed header: parentHash: missing"),
        (
            list(&[list(&[string(&[1; 33])])]),
            "malformed header: parentHash: expected 32 bytes, found 33",
        ),
        (list(&[alloy_rlp::encode(header(0))]), "malformed block: transactions: missing"),
        (
            list(&[alloy_rlp::encode(header(0)), list(&[]), zero.clone()]),
            "malformed block: ommers: expected a list, found a string of 0 bytes",
        ),
        (
            list(&[alloy_rlp::encode(header(0)), list(&[]), list(&[list(&[])])]),
            "malformed ommer 0: parentHash: missing",
        ),
        (
            transactions(&[LEGACY.to_vec(), string(&LEGACY)]),
            "malformed transaction 1: envelope: expected a transaction type, found the byte 0xf8 \
             of a list",
        ),
        (
            withdrawal_of(&[zero.clone(), zero.clone(), string(&[7; 19])]),
            "malformed withdrawal 0: address: expected 20 bytes, found 19",
        ),
        (
            withdrawal_of(&[zero.clone(), string(&[1; 9])]),
            "malformed withdrawal 0: validatorIndex: expected a number of at most 8 bytes, found 9",
        ),
        (
            withdrawal_of(&[zero.clone(), list(&[])]),
            "malformed withdrawal 0: validatorIndex: expected a string, found a list of 0 bytes",
        ),
        (
            withdrawal_of(&[string(&[0, 1])]),
            "malformed withdrawal 0: index: expected a number without leading zeros",
        ),
        (
            withdrawal_of(&[zero.clone(), zero.clone(), address, zero.clone(), zero.clone()]),
            "malformed withdrawal 0: amount: 1 bytes too many follow",
        ),
        ([full_block(), vec![0]].concat(), "malformed block: block: 1 bytes too many follow"),
    ] {
        assert_eq!(error_of(&bytes), expected);
    }
}

#[test]
fn more_fields_than_any_fork_has_are_too_many() {
    let fields =
        |bytes: &[u8]| alloy_rlp::Header::decode_bytes(&mut &bytes[..], true).map(<[u8]>::to_vec);
    let longer = list(&[fields(&alloy_rlp::encode(header(6))).unwrap(), string(&[])]);
    let error = FieldProblem::Trailing { bytes: 1 }.of("requestsHash");
    assert_eq!(decode_header(&longer), Err(BlockDecodeError { part: BlockPart::Header, error }));
    let parts = fields(&full_block()).unwrap();
    assert_eq!(
        error_of(&list(&[parts, list(&[])])),
        "malformed block: withdrawals: 1 bytes too many follow"
    );
}

#[test]
fn a_length_is_not_believed() {
    // A list of almost 2^64 bytes, and one of 2^32 - 1.
    assert!(RawBlock::decode(&hex!("fffffffffffffffff0")).is_err());
    assert!(RawBlock::decode(&hex!("fbffffffff")).is_err());
    assert!(decode_header(&hex!("bbffffffff00")).is_err());
}

#[test]
fn a_truncated_block_is_none() {
    let bytes = full_block();
    for end in 0..bytes.len() {
        assert!(RawBlock::decode(&bytes[..end]).is_err(), "{end} bytes");
    }
}

fn some_header() -> impl Strategy<Value = Header> {
    let numbers = any::<[u64; 8]>();
    let hashes = any::<[[u8; 32]; 4]>();
    (numbers, hashes, proptest::collection::vec(any::<u8>(), 0..100), 0..=6_usize).prop_map(
        |(numbers, hashes, extra_data, later_fields)| {
            let template = header(later_fields);
            let [number, gas_limit, gas_used, timestamp, base_fee, blob_gas, excess, nonce] =
                numbers;
            Header {
                parent_hash: hashes[0].into(),
                state_root: hashes[1].into(),
                difficulty: U256::from_be_bytes(hashes[2]) >> (number % 257) as usize,
                number,
                gas_limit: gas_limit >> (number % 64),
                gas_used: gas_used >> (timestamp % 64),
                timestamp,
                extra_data: extra_data.into(),
                nonce: nonce.into(),
                base_fee_per_gas: template.base_fee_per_gas.map(|_| base_fee),
                blob_gas_used: template.blob_gas_used.map(|_| blob_gas >> (excess % 64)),
                excess_blob_gas: template.excess_blob_gas.map(|_| excess),
                requests_hash: template.requests_hash.map(|_| hashes[3].into()),
                ..template
            }
        },
    )
}

proptest! {
    #[test]
    fn any_header_comes_back(header in some_header()) {
        let bytes = alloy_rlp::encode(&header);
        prop_assert_eq!(bytes.len(), header.length());
        prop_assert_eq!(decode_header(&bytes), Ok(header));
    }

    /// What decodes has one encoding only: a mutation that decodes is the encoding of what it decodes to.
    #[test]
    fn a_mutated_block_does_not_panic_and_decodes_from_no_second_encoding(
        mutations in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = full_block();
        for (at, byte) in mutations {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(raw) = RawBlock::decode(&bytes) {
            let is_list = |first: Option<&u8>| first.is_some_and(|first| *first >= 0xc0);
            let items: Vec<_> = raw
                .transactions
                .iter()
                .map(|tx| if is_list(tx.first()) { tx.to_vec() } else { string(tx) })
                .collect();
            let again = block(&raw.header, &items, &raw.ommers, raw.withdrawals.as_deref());
            prop_assert_eq!(again, &bytes[..]);
            let under_rules = raw.transactions_under(Hardfork::Osaka, 1, &DefaultCrypto::new());
            prop_assert!(under_rules.is_err(), "the second transaction has no fields");
        }
    }
}
