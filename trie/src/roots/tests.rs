use alloy_trie::root::ordered_trie_root_encoded;
use braid_precompiles::PortableCrypto;
use braid_primitives::{Address, ReceiptOutcome, TransactionType};

use super::*;

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
fn empty_lists_have_the_root_that_headers_of_empty_blocks_show() {
    assert_eq!(receipts_root(&[], &crypto()), Some(EMPTY_ROOT));
    assert_eq!(withdrawals_root(&[], &crypto()), EMPTY_ROOT);
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
