use std::collections::BTreeMap;

use alloy_primitives::keccak256;
use alloy_trie::{HashBuilder, Nibbles as AlloyNibbles};
use braid_precompiles::PortableCrypto;
use braid_primitives::{AccountDelta, AccountInfo, KECCAK256_EMPTY, SortedMap};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
};

use super::*;
use crate::source::{NoNodes, NodeStore};

/// A state as plain maps: account and slots other than zero.
type Model = BTreeMap<Address, (AccountInfo, BTreeMap<U256, U256>)>;

fn crypto() -> PortableCrypto {
    PortableCrypto::new()
}

fn owner() -> Address {
    Address::repeat_byte(0x11)
}

fn with_nonce(nonce: u64) -> AccountInfo {
    AccountInfo { nonce, ..AccountInfo::default() }
}

fn apply_to_model(model: &mut Model, delta: &StateDelta) {
    for (address, change) in &delta.accounts {
        let Some(info) = change.info else {
            model.remove(address);
            continue;
        };
        let (known, slots) = model.entry(*address).or_default();
        *known = info;
        if change.storage_wiped {
            slots.clear();
        }
        slots.extend(&change.storage);
        slots.retain(|_, value| !value.is_zero());
    }
}

/// The root by an independent implementation.
fn reference_trie(leaves: impl Iterator<Item = (B256, Vec<u8>)>) -> B256 {
    let mut builder = HashBuilder::default();
    for (key, value) in leaves.collect::<BTreeMap<_, _>>() {
        builder.add_leaf(AlloyNibbles::unpack(key), &value);
    }
    builder.root()
}

fn reference_root(model: &Model) -> B256 {
    reference_trie(model.iter().map(|(address, (info, slots))| {
        let slots = slots.iter();
        let slots =
            slots.map(|(slot, value)| (keccak256(B256::from(*slot)), alloy_rlp::encode(value)));
        let leaf = alloy_trie::TrieAccount {
            nonce: info.nonce,
            balance: info.balance,
            storage_root: reference_trie(slots),
            code_hash: info.code_hash,
        };
        (keccak256(address), alloy_rlp::encode(leaf))
    }))
}

#[test]
fn a_state_of_one_account_has_the_root_of_its_hand_made_leaf() {
    let info = AccountInfo { balance: U256::from(0x1234), ..with_nonce(1) };
    let change = AccountDelta { info: Some(info), ..AccountDelta::default() };
    let accounts = SortedMap::from([(owner(), change)]);
    let mut state = StateTrie::new();
    state.apply(&StateDelta { accounts, ..StateDelta::default() }, &NoNodes, &crypto()).unwrap();
    // The account: [1, 0x1234, empty root, hash of no code], 70 bytes of payload.
    let mut account = vec![0xf8, 0x46, 0x01, 0x82, 0x12, 0x34, 0xa0];
    account.extend(EMPTY_ROOT);
    account.push(0xa0);
    account.extend(KECCAK256_EMPTY);
    // The leaf: [0x20 and the hashed address, the account], 34 + 74 bytes of payload.
    let mut leaf = vec![0xf8, 0x6c, 0xa1, 0x20];
    leaf.extend(keccak256(owner()));
    leaf.extend([0xb8, 0x48]);
    leaf.extend(account);
    assert_eq!(state.root(&crypto()), keccak256(leaf));
}

fn change(info: Option<AccountInfo>, slots: &[(u64, u64)]) -> StateDelta {
    let slots = slots.iter().map(|(slot, value)| (U256::from(*slot), U256::from(*value)));
    let account = AccountDelta { info, storage_wiped: false, storage: slots.collect() };
    StateDelta { accounts: SortedMap::from([(owner(), account)]), ..StateDelta::default() }
}

const SLOTS: &[(u64, u64)] = &[(1, 10), (2, 20), (3, 30), (4, 40)];

#[test]
fn nothing_is_left_of_an_account_that_was_destroyed_or_taken_back() {
    let mut state = StateTrie::new();
    for _ in 0..2 {
        state.apply(&change(Some(with_nonce(1)), SLOTS), &NoNodes, &crypto()).unwrap();
        assert!(state.node_count() > SLOTS.len());
        state.apply(&change(None, &[]), &NoNodes, &crypto()).unwrap();
        assert_eq!((state.node_count(), state.open.len()), (0, 0));
    }
    // One account can be written, the other needs a node that nobody has.
    let mut state = StateTrie::new();
    let first = change(Some(with_nonce(1)), &[]);
    state.apply(&first, &NoNodes, &crypto()).unwrap();
    let root = state.root(&crypto());
    let mut state = StateTrie::blinded(root).recording();
    let mut pending = PendingDelta::new(&change(Some(with_nonce(2)), SLOTS), &crypto());
    assert_eq!(state.apply_pending(&mut pending).len(), 1);
    state.abort(pending);
    assert_eq!((state.node_count(), state.open.len()), (0, 0));
    assert_eq!(state.root(&crypto()), root);
}

#[test]
fn what_is_in_use_survives_as_many_prunings_as_it_should() {
    let mut store = NodeStore::new();
    let mut state = StateTrie::new().recording();
    let delta = change(Some(with_nonce(1)), SLOTS);
    state.apply(&delta, &NoNodes, &crypto()).unwrap();
    let root = state.root(&crypto());
    store.apply(state.take_node_changes());
    // Written in this period: kept by the first call, and by as many more as `keep` says.
    for keep in 0..3 {
        let mut state = state.clone();
        for _ in 0..=keep {
            state.prune(keep, &crypto());
            assert!(state.node_count() > SLOTS.len());
        }
        state.prune(keep, &crypto());
        assert_eq!((state.node_count(), state.open.len()), (0, 0));
    }
    // Revealed a step at a time, with the upper nodes revealed long before: what is read stays.
    let mut state = StateTrie::blinded(root);
    for _ in 0..3 {
        state.storage(owner(), U256::from(1), &store, &crypto()).unwrap();
        state.prune(0, &crypto());
        assert_eq!(state.storage(owner(), U256::from(1), &NoNodes, &crypto()), Ok(U256::from(10)));
        state.prune(0, &crypto());
    }
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

fn delta() -> impl Strategy<Value = StateDelta> {
    let change = (option::weighted(0.8, info()), any::<bool>(), slots()).prop_map(
        |(info, storage_wiped, slots)| AccountDelta { info, storage_wiped, storage: slots.into() },
    );
    btree_map(address(), change, 0..12)
        .prop_map(|accounts| StateDelta { accounts: accounts.into(), ..StateDelta::default() })
}

proptest! {
    #[test]
    fn roots_agree_with_the_reference_block_by_block(deltas in vec(delta(), 1..8)) {
        let (mut state, mut model) = (StateTrie::new(), Model::new());
        for delta in &deltas {
            state.apply(delta, &NoNodes, &crypto()).unwrap();
            apply_to_model(&mut model, delta);
            prop_assert_eq!(state.root(&crypto()), reference_root(&model));
        }
    }

    #[test]
    fn a_state_that_forgets_and_reads_back_is_the_state_that_remembers(
        deltas in vec((delta(), option::of(0..3_u16)), 1..8),
    ) {
        let (mut state, mut model) = (StateTrie::new().recording(), Model::new());
        let mut store = NodeStore::new();
        for (delta, prune) in &deltas {
            state.apply(delta, &store, &crypto()).unwrap();
            apply_to_model(&mut model, delta);
            let root = reference_root(&model);
            prop_assert_eq!(state.root(&crypto()), root);
            store.apply(state.take_node_changes());
            match prune {
                Some(0) => state = StateTrie::blinded(root).recording(),
                Some(keep) => { state.prune(*keep, &crypto()); }
                None => {}
            }
        }
        let mut reread = StateTrie::blinded(reference_root(&model));
        for (address, (info, slots)) in &model {
            let account = reread.account(*address, &store, &crypto()).unwrap();
            prop_assert_eq!(account.map(|account| account.info()), Some(*info));
            for (slot, value) in slots {
                prop_assert_eq!(reread.storage(*address, *slot, &store, &crypto()), Ok(*value));
            }
        }
        // The store has the nodes of the state and no others.
        prop_assert_eq!(
            store.iter().map(|(owner, path, node)| {
                matches!(reread.reveal(owner, path, node, &crypto()), Ok(Reveal::Known))
            }).filter(|known| !known).count(),
            0
        );
    }

    #[test]
    fn an_aborted_change_leaves_the_state_as_it_was(
        before in delta(),
        change in delta(),
        steps in 0..6_usize,
    ) {
        let mut whole = StateTrie::new().recording();
        whole.apply(&before, &NoNodes, &crypto()).unwrap();
        let root = whole.root(&crypto());
        let mut store = NodeStore::new();
        store.apply(whole.take_node_changes());
        let mut state = StateTrie::blinded(root).recording();
        let mut pending = PendingDelta::new(&change, &crypto());
        for _ in 0..steps {
            for request in state.apply_pending(&mut pending) {
                let node = store.node(request.owner, &request.path, request.hash).unwrap().unwrap();
                state.reveal(request.owner, &request.path, &node, &crypto()).unwrap();
            }
        }
        let is_done = state.apply_pending(&mut pending).is_empty();
        if !is_done {
            state.abort(pending);
            prop_assert_eq!(state.root(&crypto()), root);
            state.apply(&change, &store, &crypto()).unwrap();
        }
        whole.apply(&change, &NoNodes, &crypto()).unwrap();
        prop_assert_eq!(state.root(&crypto()), whole.root(&crypto()));
    }
}
