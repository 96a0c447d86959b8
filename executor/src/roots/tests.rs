use alloy_trie::root::ordered_trie_root_encoded;
use braid_precompiles::PortableCrypto;
use braid_primitives::{Address, Bytes, LogData, ReceiptOutcome, TransactionType, b256};

use super::*;
use crate::merkle::EMPTY_ROOT;

fn crypto() -> PortableCrypto {
    PortableCrypto::new()
}

#[test]
fn ordered_roots_agree_with_the_reference_around_every_key_length() {
    for count in [0, 1, 2, 3, 16, 17, 127, 128, 129, 130, 255, 256, 257, 300, 70_000] {
        let items: Vec<Vec<u8>> =
            (0..count).map(|i| vec![(i % 251) as u8; 1 + (i * 7) % 50]).collect();
        assert_eq!(ordered_root(&items, &crypto()), ordered_trie_root_encoded(&items), "{count}");
    }
}

#[test]
fn empty_lists_have_the_roots_that_headers_of_empty_blocks_show() {
    assert_eq!(receipts_root(&[], &crypto()), Some(EMPTY_ROOT));
    assert_eq!(withdrawals_root(&[], &crypto()), EMPTY_ROOT);
    let no_logs = b256!("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    assert_eq!(logs_hash(&[], &crypto()), no_logs);
    // SHA-256 of nothing.
    let no_requests = b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(requests_hash(&Requests::default(), &crypto()), no_requests);
}

#[test]
fn requests_of_nothing_but_a_type_do_not_count() {
    let request = Bytes::from_static(&[1, 2, 3]);
    let only_type = Bytes::from_static(&[0]);
    let with = Requests(vec![only_type, request.clone()]);
    let without = Requests(vec![request.clone()]);
    assert_eq!(requests_hash(&with, &crypto()), requests_hash(&without, &crypto()));
    let expected = crypto().sha256(crypto().sha256(&request).as_slice());
    assert_eq!(requests_hash(&without, &crypto()), expected);
}

#[test]
fn receipts_without_their_state_root_have_no_root() {
    let mut receipt = Receipt {
        tx_type: TransactionType::Legacy,
        outcome: ReceiptOutcome::StateRoot(None),
        cumulative_gas_used: 21_000,
        logs: Vec::new(),
    };
    assert_eq!(receipts_root(std::slice::from_ref(&receipt), &crypto()), None);
    receipt.outcome = ReceiptOutcome::StateRoot(Some(B256::ZERO));
    assert!(receipts_root(&[receipt], &crypto()).is_some());
}

#[test]
fn logs_are_hashed_as_a_list_of_address_topics_and_data() {
    let topics = vec![B256::repeat_byte(2)];
    let data = LogData::new_unchecked(topics, Bytes::from_static(&[0x2a]));
    let log = Log { address: Address::repeat_byte(1), data };
    let mut encoded = vec![0xf8, 0x3a, 0xf8, 0x38, 0x94];
    encoded.extend([1; 20]);
    encoded.extend([0xe1, 0xa0]);
    encoded.extend([2; 32]);
    encoded.push(0x2a);
    assert_eq!(logs_hash(&[log], &crypto()), crypto().keccak256(&encoded));
}

#[test]
fn withdrawals_are_encoded_in_the_field_order_of_the_eip() {
    let withdrawal = Withdrawal {
        index: 1,
        validator_index: 0x80,
        address: Address::repeat_byte(3),
        amount_gwei: 0,
    };
    let mut encoded = vec![0xd9, 0x01, 0x81, 0x80, 0x94];
    encoded.extend([3; 20]);
    encoded.push(0x80);
    assert_eq!(withdrawals_root(&[withdrawal], &crypto()), ordered_trie_root_encoded(&[encoded]));
}
