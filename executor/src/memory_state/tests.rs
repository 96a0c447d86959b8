use std::collections::BTreeMap;

use alloy_primitives::keccak256;
use braid_primitives::SortedMap;
use proptest::{collection::btree_map, option, prelude::*};

use super::*;

fn owner() -> Address {
    Address::repeat_byte(0x11)
}

fn with_nonce(nonce: u64) -> AccountInfo {
    AccountInfo { nonce, ..AccountInfo::default() }
}

#[test]
fn an_empty_account_that_was_inserted_exists() {
    let mut state = MemoryState::new();
    state.insert_account(owner(), AccountInfo::default());
    assert_eq!(state.account(owner()), Ok(Some(AccountInfo::default())));
    assert_eq!(state.to_delta().accounts[&owner()].info, Some(AccountInfo::default()));
}

#[test]
fn a_slot_of_value_zero_is_as_if_never_written() {
    let mut state = MemoryState::new();
    state.insert_account(owner(), with_nonce(1));
    let before = state.clone();
    state.insert_storage(owner(), U256::from(1), U256::from(2));
    assert_eq!(state.has_storage(owner()), Ok(true));
    state.insert_storage(owner(), U256::from(1), U256::ZERO);
    assert_eq!(state, before);
    assert_eq!(state.has_storage(owner()), Ok(false));
}

#[test]
fn setting_an_account_keeps_its_storage() {
    let mut state = MemoryState::new();
    state.insert_storage(owner(), U256::from(1), U256::from(2));
    state.insert_account(owner(), with_nonce(1));
    assert_eq!(state.storage(owner(), U256::from(1)), Ok(U256::from(2)));
}

#[test]
fn code_and_block_hashes_that_are_not_there_are_errors() {
    let mut state = MemoryState::new();
    let code = Bytes::from_static(&[0x60, 0x00]);
    let code_hash = keccak256(&code);
    assert_eq!(state.code(code_hash), Err(MissingState::Code { code_hash }));
    assert_eq!(state.insert_code(code.clone()), code_hash);
    assert_eq!(state.code(code_hash), Ok(code));
    assert_eq!(state.insert_code(Bytes::new()), KECCAK256_EMPTY);
    assert_eq!(state.block_hash(7), Err(MissingState::BlockHash { number: 7 }));
    state.insert_block_hash(7, B256::repeat_byte(7));
    assert_eq!(state.block_hash(7), Ok(B256::repeat_byte(7)));
}

#[test]
fn an_account_that_a_delta_removes_loses_its_storage() {
    let mut state = MemoryState::new();
    state.insert_account(owner(), with_nonce(1));
    state.insert_storage(owner(), U256::from(1), U256::from(2));
    let removed = StateDelta {
        accounts: SortedMap::from([(owner(), AccountDelta::default())]),
        ..StateDelta::default()
    };
    state.apply(&removed);
    assert_eq!(state, MemoryState::new());
}

#[test]
fn a_wiped_storage_has_only_the_slots_of_the_delta() {
    let mut state = MemoryState::new();
    state.insert_storage(owner(), U256::from(1), U256::from(2));
    let change = AccountDelta {
        info: Some(with_nonce(1)),
        storage_wiped: true,
        storage: SortedMap::from([(U256::from(3), U256::from(4))]),
    };
    let code = Bytes::from_static(&[0x00]);
    let delta = StateDelta {
        accounts: SortedMap::from([(owner(), change)]),
        code: SortedMap::from([(keccak256(&code), code.clone())]),
    };
    state.apply(&delta);
    assert_eq!(state.storage(owner(), U256::from(1)), Ok(U256::ZERO));
    assert_eq!(state.storage(owner(), U256::from(3)), Ok(U256::from(4)));
    assert_eq!(state.code(keccak256(&code)), Ok(code));
}

#[test]
fn the_delta_of_a_state_makes_it_from_nothing() {
    let mut state = MemoryState::new();
    state.insert_account(owner(), with_nonce(1));
    state.insert_storage(owner(), U256::from(1), U256::from(2));
    state.insert_code(Bytes::from_static(&[0x00]));
    let mut made = MemoryState::new();
    made.apply(&state.to_delta());
    assert_eq!(made, state);
}

/// Few addresses and slots, so that deltas hit what is there.
fn address() -> impl Strategy<Value = Address> {
    (0_u8..24).prop_map(Address::with_last_byte)
}

fn word() -> impl Strategy<Value = U256> {
    any::<[u64; 4]>().prop_map(U256::from_limbs)
}

fn slots() -> impl Strategy<Value = BTreeMap<U256, U256>> {
    let value = prop_oneof![Just(U256::ZERO), (1_u64..300).prop_map(U256::from), word()];
    btree_map((0_u64..12).prop_map(U256::from), value, 0..8)
}

fn info() -> impl Strategy<Value = AccountInfo> {
    (0_u64..3, prop_oneof![Just(U256::ZERO), word()], any::<bool>()).prop_map(
        |(nonce, balance, has_code)| AccountInfo {
            nonce,
            balance,
            code_hash: if has_code { B256::repeat_byte(9) } else { KECCAK256_EMPTY },
        },
    )
}

fn state() -> impl Strategy<Value = MemoryState> {
    btree_map(address(), (info(), slots()), 0..20).prop_map(|accounts| {
        let mut state = MemoryState::new();
        for (address, (info, slots)) in accounts {
            state.insert_account(address, info);
            for (slot, value) in slots {
                state.insert_storage(address, slot, value);
            }
        }
        state
    })
}

fn delta() -> impl Strategy<Value = StateDelta> {
    let change = (option::weighted(0.8, info()), any::<bool>(), slots()).prop_map(
        |(info, storage_wiped, slots)| AccountDelta { info, storage_wiped, storage: slots.into() },
    );
    btree_map(address(), change, 0..12)
        .prop_map(|accounts| StateDelta { accounts: accounts.into(), ..StateDelta::default() })
}

proptest! {
    #[test]
    fn the_inverse_of_a_delta_takes_it_back(before in state(), delta in delta()) {
        let mut state = before.clone();
        let inverse = state.inverse(&delta);
        state.apply(&delta);
        let there_and_back = state.inverse(&inverse);
        let after = state.clone();
        state.apply(&inverse);
        prop_assert_eq!(&state, &before);
        state.apply(&there_and_back);
        prop_assert_eq!(&state, &after);
    }
}
