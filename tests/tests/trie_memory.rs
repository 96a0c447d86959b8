//! Memory of tries that are used for long: it follows what they hold, not what they held.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use braid_precompiles::DefaultCrypto;
use braid_primitives::{AccountDelta, AccountInfo, StateDelta};
use braid_tests::random::Random;
use braid_trie::{NoNodes, NodeStore, StateTrie};

/// Accounts that there are about, of which half have storage.
const ACCOUNTS: u64 = 2_000;
/// Changes of a block.
const CHANGES: usize = 200;

fn address(number: u64) -> Address {
    Address::from_word(U256::from(number).into())
}

/// A block that makes, changes and removes accounts among twice as many as there are.
fn block(random: &mut Random) -> StateDelta {
    let change = |random: &mut Random| {
        let info = AccountInfo { nonce: random.below(1000), ..AccountInfo::default() };
        let slots = random.below(2) * random.below(6);
        let slot = |random: &mut Random| (U256::from(random.below(20)), random.word());
        match random.below(2) {
            0 => AccountDelta { storage_wiped: true, ..AccountDelta::default() },
            _ => AccountDelta {
                info: Some(info),
                storage_wiped: random.one_in(10),
                storage: (0..slots).map(|_| slot(random)).collect(),
            },
        }
    };
    let accounts = (0..CHANGES).map(|_| {
        let number = random.below(2 * ACCOUNTS);
        (address(number), change(random))
    });
    StateDelta { accounts: accounts.collect(), ..StateDelta::default() }
}

#[test]
fn memory_does_not_grow_with_the_blocks() {
    let crypto = DefaultCrypto::new();
    let mut random = Random::new(1);
    let mut state = StateTrie::new();
    let mut run = |state: &mut StateTrie, blocks: usize| {
        for _ in 0..blocks {
            state.apply(&block(&mut random), &NoNodes, &crypto).unwrap();
            state.root(&crypto);
        }
        (state.node_count(), state.memory_bytes())
    };
    let (nodes, memory_bytes) = run(&mut state, 100);
    let (nodes_later, memory_bytes_later) = run(&mut state, 900);
    assert!(nodes_later.abs_diff(nodes) < nodes / 10, "{nodes} and {nodes_later} nodes");
    let most = memory_bytes + memory_bytes / 2;
    assert!(memory_bytes_later < most, "{memory_bytes} and {memory_bytes_later} bytes");
    // Nothing is left of what is removed.
    let gone = AccountDelta { storage_wiped: true, ..AccountDelta::default() };
    let all = (0..2 * ACCOUNTS).map(|number| (address(number), gone.clone()));
    let all = StateDelta { accounts: all.collect(), ..StateDelta::default() };
    state.apply(&all, &NoNodes, &crypto).unwrap();
    assert_eq!((state.root(&crypto), state.node_count()), (braid_trie::EMPTY_ROOT, 0));
}

#[test]
fn what_is_used_is_kept_for_as_long_as_was_asked() {
    let crypto = DefaultCrypto::new();
    let mut random = Random::new(2);
    let (mut state, mut store) = (StateTrie::new().recording(), NodeStore::new());
    for _ in 0..50 {
        state.apply(&block(&mut random), &NoNodes, &crypto).unwrap();
    }
    let root = state.root(&crypto);
    store.apply(state.take_node_changes());
    let all = state.node_count();
    let used: BTreeSet<_> = (0..40).map(|_| address(random.below(2 * ACCOUNTS))).collect();
    // Two periods without use are forgiven.
    for _ in 0..2 {
        assert_eq!(state.prune(2, &crypto), root);
        assert_eq!(state.node_count(), all);
        for address in &used {
            state.account(*address, &NoNodes, &crypto).unwrap();
        }
    }
    for _ in 0..2 {
        state.prune(2, &crypto);
    }
    let kept = state.node_count();
    assert!(kept >= used.len() / 4 && kept < all / 4, "{kept} of {all} nodes are kept");
    for address in &used {
        state.account(*address, &NoNodes, &crypto).unwrap();
    }
    // And without use at all, nothing is kept, and everything is found again.
    for _ in 0..4 {
        assert_eq!(state.prune(2, &crypto), root);
    }
    assert_eq!(state.node_count(), 0);
    for number in 0..2 * ACCOUNTS {
        state.account(address(number), &store, &crypto).unwrap();
    }
    assert_eq!(state.root(&crypto), root);
    assert!(state.take_node_changes().is_empty());
}
