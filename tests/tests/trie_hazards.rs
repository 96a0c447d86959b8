//! What has gone wrong in the sparse tries of others, one test for each.
//!
//! | no. | hazard | here |
//! |---|---|---|
//! | 1 | a removal leaves one blinded sibling | `h01_` |
//! | 2 | the removed child is a subtrie that becomes empty | `h02_` |
//! | 3 | several children of one branch go in one block | `h03_` |
//! | 4 | the node below a surviving extension is blinded | `h04_` |
//! | 5 | a collapse changes the kind of a node and the length of its path | `h05_` |
//! | 6 | an insert splits an extension or a leaf anywhere | `h06_` |
//! | 7 | nodes that stand in their parents | `h07_` |
//! | 8 | late nodes over newer structure | `h08_` |
//! | 9 | four kinds of absence; not revealed is not absent | `h09_` |
//! | 10 | proofs in parts, in any order | `h10_` |
//! | 11 | an account of which only the storage changes | `h11_` |
//! | 12 | the storage of a destroyed account | `h12_` |
//! | 13 | an account destroyed and made anew in one block | `h13_` |
//! | 14 | empty accounts, which stay or go by fork (EIP-161) | `h14_` |
//! | 15 | destroyed, and the account looks the same afterwards | `h15_` |
//! | 16 | the root is right and the stored nodes are not | `h16_`, and every random history |
//! | 17 | delegations (EIP-7702) change the code hash alone | `h17_` |
//! | 18 | destroyed accounts that keep their balance (EIP-8246) | `h18_` |
//! | 19 | writes that change nothing | `h19_` |
//! | 20 | a block that changes nothing | `h20_` |
//! | 21 | a path both set and removed in one record | `h21_` |
//! | 22 | a trie that is used on after a block that failed, or on another branch of the chain | `h22_` |
//! | 23 | waiting for what nobody will bring | `h23_`: there are no threads; each answer brings the end nearer |
//! | 24 | roots from a block's own claims (access lists) before it is executed | cannot occur: changes come from execution alone |
//! | 25 | accounts with equal storage share nodes by hash | `h25_` |

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use braid_precompiles::DefaultCrypto;
use braid_primitives::{AccountDelta, AccountInfo, StateDelta};
use braid_tests::{
    tries::{
        naive::{NaiveTrie, Path},
        oracle::NaiveState,
        ways::{path_of, stored_nodes},
    },
    world::World,
};
use braid_trie::{
    Blinded, EMPTY_ROOT, NoNodes, NodeChanges, NodeRequest, NodeStore, Owner, PendingDelta, Reveal,
    StateTrie, Trie, TrieError, verify_proof,
};

fn crypto() -> DefaultCrypto {
    DefaultCrypto::new()
}

/// The nibbles of a path written in hexadecimal.
fn path(digits: &str) -> Path {
    digits.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect()
}

fn nibbles(digits: &str) -> braid_trie::Nibbles {
    path_of(&path(digits))
}

/// A value that keeps the nodes around it out of their parents.
fn long(seed: u8) -> Bytes {
    Bytes::from(vec![seed; 40])
}

/// A naive trie of some keys, written in hexadecimal, with long values.
fn naive(keys: &[&str]) -> NaiveTrie {
    NaiveTrie::new(&keys.iter().map(|key| (path(key), value_of(key))).collect())
}

/// The value that a key has in all tests.
fn value_of(key: &str) -> Bytes {
    long(keccak256(key)[0])
}

/// A trie of which the nodes at these paths are revealed, in this order.
fn revealed(of: &NaiveTrie, paths: &[&str]) -> Trie<Bytes> {
    let mut trie = Trie::blinded(of.root());
    for at in paths {
        let node = &of.nodes[&path(at)];
        assert_eq!(trie.reveal(&nibbles(at), node, &crypto()), Ok(Reveal::Revealed), "{at}");
    }
    trie
}

fn blinded_at(of: &NaiveTrie, at: &str) -> Blinded {
    Blinded { path: nibbles(at), hash: keccak256(&of.nodes[&path(at)]) }
}

#[test]
fn h01_a_blinded_sibling_is_asked_for_before_anything_changes() {
    // The sibling is a leaf, an extension, a branch.
    for rest in [&["21"][..], &["2111", "2112"], &["211", "221"]] {
        let all = [&["11"], rest].concat();
        let before = naive(&all);
        let mut trie = revealed(&before, &["", "1"]);
        let wanted = blinded_at(&before, "2");
        assert_eq!(trie.remove(&nibbles("11")), Err(wanted));
        assert_eq!(trie.insert(&nibbles("11"), Bytes::new()), Err(wanted));
        assert_eq!(trie.get(&nibbles("11")), Ok(Some(&value_of("11"))));
        assert_eq!(trie.root(&crypto()), before.root());
        let sibling = &before.nodes[&path("2")];
        assert_eq!(trie.reveal(&wanted.path, sibling, &crypto()), Ok(Reveal::Revealed));
        assert_eq!(trie.remove(&nibbles("11")), Ok(Some(value_of("11"))));
        assert_eq!(trie.root(&crypto()), naive(rest).root(), "{rest:?}");
    }
}

#[test]
fn h02_the_sibling_is_asked_for_when_the_last_of_a_subtrie_goes() {
    let before = naive(&["111", "112", "13", "2111", "2222"]);
    let mut trie = revealed(&before, &["", "1", "11", "111", "112", "13"]);
    // Reading does not count as removing.
    assert!(trie.get(&nibbles("111")).is_ok());
    trie.remove(&nibbles("112")).unwrap();
    trie.remove(&nibbles("111")).unwrap();
    assert_eq!(trie.root(&crypto()), naive(&["13", "2111", "2222"]).root());
    assert_eq!(trie.remove(&nibbles("13")), Err(blinded_at(&before, "2")));
    assert_eq!(trie.root(&crypto()), naive(&["13", "2111", "2222"]).root());
    trie.reveal(&nibbles("2"), &before.nodes[&path("2")], &crypto()).unwrap();
    trie.remove(&nibbles("13")).unwrap();
    assert_eq!(trie.root(&crypto()), naive(&["2111", "2222"]).root());
}

#[test]
fn h03_only_the_final_children_of_a_branch_decide() {
    // Slots by the first nibble of their hashes.
    let slots = slots_by_first_nibble();
    let before: Vec<U256> = (0..4).map(|nibble| slots[&nibble]).collect();
    let mut world = World::default();
    fund(&mut world, 1).storage = before.iter().map(|slot| (*slot, U256::MAX)).collect();
    let naive = NaiveState::new(&world);
    let count = |changes: &[(U256, U256)]| {
        let mut state = StateTrie::blinded(naive.root());
        let mut pending = PendingDelta::new(&storage_delta(&world, 1, changes), &crypto());
        let mut asked = 0;
        loop {
            let requests = state.apply_pending(&mut pending);
            if requests.is_empty() {
                break;
            }
            asked += requests.len();
            answer(&mut state, &requests, &naive);
        }
        let mut after = world.clone();
        for (slot, value) in changes {
            after.accounts.get_mut(&address(1)).unwrap().set_slot(*slot, *value);
        }
        assert_eq!(state.root(&crypto()), NaiveState::new(&after).root(), "{changes:?}");
        asked
    };
    let (clear, set) = (U256::ZERO, U256::ONE);
    // The account's leaf, the root of its storage, the slots themselves: and the sibling if it is the last.
    assert_eq!(count(&[(before[0], clear)]), 1 + 1 + 1);
    assert_eq!(count(&[(before[0], clear), (before[1], clear)]), 1 + 1 + 2);
    assert_eq!(count(&[(before[0], clear), (before[1], clear), (before[2], clear)]), 1 + 1 + 3 + 1);
    // A new slot takes the place of those that go.
    let new = (slots[&9], set);
    assert_eq!(
        count(&[(before[0], clear), (before[1], clear), (before[2], clear), new]),
        1 + 1 + 3
    );
    // Nothing is left: there is no sibling.
    let all: Vec<_> = before.iter().map(|slot| (*slot, clear)).collect();
    assert_eq!(count(&all), 1 + 1 + 4);
}

#[test]
fn h04_what_is_below_a_surviving_extension_may_stay_blinded() {
    let rest = ["21111", "21112"];
    let before = naive(&["11", "21111", "21112"]);
    let mut trie = revealed(&before, &["", "1", "2"]);
    trie.remove(&nibbles("11")).unwrap();
    // The extension is longer by a nibble, and its branch is where it was.
    assert_eq!(trie.root(&crypto()), naive(&rest).root());
    assert_eq!(trie.get(&nibbles("21112")), Err(blinded_at(&before, "2111")));
    let branch = &before.nodes[&path("2111")];
    assert_eq!(trie.reveal(&nibbles("2111"), branch, &crypto()), Ok(Reveal::Revealed));
    trie.reveal(&nibbles("21112"), &before.nodes[&path("21112")], &crypto()).unwrap();
    assert_eq!(trie.get(&nibbles("21112")), Ok(Some(&value_of("21112"))));
    // A branch that was seen and forgotten is known to be one: it need not be seen again.
    let before = naive(&["11", "21", "22"]);
    let mut trie = revealed(&before, &["", "1", "2"]);
    trie.prune(0, &crypto());
    trie.insert(&nibbles("11"), long(1)).unwrap();
    trie.prune(0, &crypto());
    assert_eq!(trie.get(&nibbles("21")), Err(blinded_at(&before, "2")));
    trie.remove(&nibbles("11")).unwrap();
    assert_eq!(trie.root(&crypto()), naive(&["21", "22"]).root());
}

#[test]
fn h05_a_collapse_changes_kinds_and_lengths() {
    for (removed, rest) in [
        // The branch becomes a leaf, which takes in its nibble.
        ("11", &["22"][..]),
        // It becomes an extension of one nibble.
        ("11", &["2111", "2222"]),
        // It is taken into the extension below it.
        ("11", &["2111", "2112"]),
        // And that into the one above.
        ("0011", &["002111", "002112"]),
        // The root gives way twice.
        ("11", &["1222", "1223"]),
        // The branch above stays, its child becomes a leaf, an extension, a longer extension.
        ("111", &["1222", "2"]),
        ("111", &["1221", "1231", "2"]),
        ("111", &["12221", "12222", "2"]),
        // A key that others begin with.
        ("11", &["1122"]),
        ("1122", &["11"]),
        ("11", &["1122", "1133"]),
        ("1122", &["11", "22"]),
    ] {
        let all: Vec<&str> = rest.iter().copied().chain([removed]).collect();
        let mut trie = Trie::new();
        for key in &all {
            trie.insert(&nibbles(key), value_of(key)).unwrap();
        }
        assert_eq!(trie.root(&crypto()), naive(&all).root(), "{all:?}");
        trie.remove(&nibbles(removed)).unwrap();
        assert_eq!(trie.root(&crypto()), naive(rest).root(), "{removed} of {all:?}");
        trie.insert(&nibbles(removed), value_of(removed)).unwrap();
        assert_eq!(trie.root(&crypto()), naive(&all).root(), "{removed} again in {all:?}");
    }
}

#[test]
fn h06_an_insert_splits_anywhere() {
    let (first, second) = ("0123456", "0123457");
    // A leaf, an extension, and an extension whose branch is blinded, split before each nibble.
    for at in 0..6 {
        let mut new = first.to_owned();
        new.replace_range(at..=at, "f");
        let mut leaf = Trie::new();
        leaf.insert(&nibbles(first), value_of(first)).unwrap();
        leaf.root(&crypto());
        leaf.insert(&nibbles(&new), value_of(&new)).unwrap();
        assert_eq!(leaf.root(&crypto()), naive(&[first, &new]).root(), "leaf at {at}");

        let before = naive(&[first, second]);
        let after = naive(&[first, second, &new]);
        for paths in [&["", "012345", "0123456", "0123457"][..], &["", "012345"], &[""]] {
            let mut trie = revealed(&before, paths);
            trie.insert(&nibbles(&new), value_of(&new)).unwrap();
            assert_eq!(trie.root(&crypto()), after.root(), "extension at {at}, {paths:?}");
            // And back, without a node more.
            trie.remove(&nibbles(&new)).unwrap();
            assert_eq!(trie.root(&crypto()), before.root(), "extension at {at}, {paths:?}");
        }
    }
}

#[test]
fn h07_nodes_that_stand_in_their_parents_come_and_go_with_them() {
    // Short values make leaves that have no hash, beside one that has.
    let mut model: BTreeMap<Path, Bytes> = BTreeMap::new();
    let mut trie = Trie::new();
    for (key, value) in [("111", 1), ("112", 2), ("113", 3), ("121", 4), ("2", 5)] {
        let value = Bytes::from(vec![value]);
        model.insert(path(key), value.clone());
        trie.insert(&nibbles(key), value).unwrap();
    }
    model.insert(path("114"), long(9));
    trie.insert(&nibbles("114"), long(9)).unwrap();
    let naive = NaiveTrie::new(&model);
    assert!(naive.nodes.len() < model.len(), "{naive:?}");
    assert_eq!(trie.root(&crypto()), naive.root());
    // What has a hash is forgotten, what has none goes with what it stands in.
    trie.prune(0, &crypto());
    trie.prune(0, &crypto());
    assert_eq!(trie.node_count(), 0);
    let mut trie = revealed(&naive, &["", "1", "11"]);
    assert_eq!(trie.get(&nibbles("112")), Ok(Some(&Bytes::from(vec![2]))));
    assert_eq!(trie.get(&nibbles("114")), Err(blinded_at(&naive, "114")));
    // The root is hashed however short it is.
    let mut short = Trie::new();
    short.insert(&nibbles("1"), Bytes::from(vec![1])).unwrap();
    let leaf = Bytes::from(vec![0xc2, 0x31, 0x01]);
    assert_eq!(short.root(&crypto()), keccak256(&leaf));
    assert_eq!(short.prove(&nibbles("1"), &crypto()), Ok(vec![leaf]));
    // Long becomes short and long again.
    for value in [vec![7], vec![8; 40], vec![9]] {
        model.insert(path("114"), value.clone().into());
        trie.reveal(&nibbles("114"), &naive.nodes[&path("114")], &crypto()).unwrap();
        trie.insert(&nibbles("114"), value.into()).unwrap();
        assert_eq!(trie.root(&crypto()), NaiveTrie::new(&model).root());
    }
}

#[test]
fn h08_late_nodes_do_not_bring_back_what_is_gone() {
    let before = naive(&["111", "112", "22", "33"]);
    let everything: Vec<_> = before.nodes.keys().cloned().collect();
    let mut trie = revealed(&before, &["", "1", "11", "111", "112", "2", "3"]);
    trie.remove(&nibbles("111")).unwrap();
    trie.insert(&nibbles("44"), long(4)).unwrap();
    trie.insert(&nibbles("2233"), long(5)).unwrap();
    let check = |trie: &mut Trie<Bytes>| {
        for at in &everything {
            let late = trie.reveal(&path_of(at), &before.nodes[at], &crypto());
            assert!(matches!(late, Ok(Reveal::Known | Reveal::Gone)), "{at:?}: {late:?}");
        }
        assert_eq!(trie.get(&nibbles("111")), Ok(None));
        assert_eq!(trie.get(&nibbles("44")), Ok(Some(&long(4))));
    };
    check(&mut trie);
    let root = trie.root(&crypto());
    check(&mut trie);
    assert_eq!(trie.root(&crypto()), root);
    // After all is forgotten, what changed since is refused, for its hash is another.
    trie.prune(0, &crypto());
    trie.prune(0, &crypto());
    assert!(trie.reveal(&nibbles(""), &before.nodes[&path("")], &crypto()).is_err());
    assert_eq!(trie.root(&crypto()), root);
}

#[test]
fn h09_absence_has_four_kinds_and_what_is_not_revealed_is_none_of_them() {
    let of = naive(&["1111", "1112", "22"]);
    for (key, last) in [("3", ""), ("12", "1"), ("1113", "111"), ("23", "2")] {
        let mut trie = Trie::<Bytes>::blinded(of.root());
        // Each node that is missing is asked for, the last one too.
        loop {
            match trie.get(&nibbles(key)) {
                Ok(value) => {
                    assert_eq!(value, None);
                    break;
                }
                Err(wanted) => {
                    let at: Path = wanted.path.iter().collect();
                    trie.reveal(&wanted.path, &of.nodes[&at], &crypto()).unwrap();
                }
            }
        }
        let nodes = trie.prove(&nibbles(key), &crypto()).unwrap();
        assert_eq!(nodes.last(), of.nodes.get(&path(last)), "{key}");
        assert_eq!(verify_proof(of.root(), &nibbles(key), &nodes, &crypto()), Ok(None));
    }
    // In a trie without nodes, the proof is without nodes.
    let mut empty = Trie::<Bytes>::new();
    assert_eq!(empty.prove(&nibbles("1"), &crypto()), Ok(vec![]));
    assert_eq!(verify_proof(EMPTY_ROOT, &nibbles("1"), &[], &crypto()), Ok(None));
    assert!(verify_proof(of.root(), &nibbles("1"), &[], &crypto()).is_err());
}

#[test]
fn h10_nodes_come_in_parts_and_in_any_order() {
    let of = naive(&["1111", "1112", "1122", "22"]);
    let mut trie = Trie::<Bytes>::blinded(of.root());
    // Below what is not known nothing is wanted yet, and nothing is lost.
    let orphan = trie.reveal(&nibbles("11"), &of.nodes[&path("11")], &crypto());
    assert_eq!(orphan, Ok(Reveal::Gone));
    let mut paths: Vec<_> = of.nodes.keys().collect();
    paths.reverse();
    for _ in 0..paths.len() {
        for at in &paths {
            trie.reveal(&path_of(at), &of.nodes[*at], &crypto()).unwrap();
        }
    }
    assert_eq!(trie.get(&nibbles("1112")), Ok(Some(&value_of("1112"))));
    assert_eq!(trie.root(&crypto()), of.root());
    // A single node at the end of the way is enough where the way is known.
    let mut trie = revealed(&of, &["", "1", "11"]);
    assert_eq!(trie.get(&nibbles("1122")), Err(blinded_at(&of, "112")));
    trie.reveal(&nibbles("112"), &of.nodes[&path("112")], &crypto()).unwrap();
    assert!(trie.get(&nibbles("1122")).unwrap().is_some());
}

fn address(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// The account with this number, made if need be.
fn fund(world: &mut World, number: u8) -> &mut braid_tests::world::WorldAccount {
    let account = world.accounts.entry(address(number)).or_default();
    account.info.balance = U256::from(1000 + u64::from(number));
    account
}

/// A few accounts, two of them with storage.
fn some_world() -> World {
    let mut world = World::default();
    for number in 1..=6 {
        fund(&mut world, number);
    }
    for number in [2, 3] {
        let account = fund(&mut world, number);
        account.info.code_hash = keccak256([number]);
        let value = |slot: u64| (U256::from(slot), U256::from(1 + slot));
        account.storage = (0..5).map(value).collect();
    }
    world
}

/// The write set that changes slots of an account and nothing else.
fn storage_delta(world: &World, number: u8, slots: &[(U256, U256)]) -> StateDelta {
    let info = Some(world.accounts[&address(number)].info);
    let storage = slots.iter().copied().collect();
    delta([(number, AccountDelta { info, storage_wiped: false, storage })])
}

fn delta(changes: impl IntoIterator<Item = (u8, AccountDelta)>) -> StateDelta {
    let accounts = changes.into_iter().map(|(number, change)| (address(number), change));
    StateDelta { accounts: accounts.collect(), ..StateDelta::default() }
}

/// A slot for each first nibble of its hash.
fn slots_by_first_nibble() -> BTreeMap<u8, U256> {
    let first = |slot: &U256| keccak256(slot.to_be_bytes::<32>())[0] >> 4;
    (0_u64..500).map(U256::from).map(|slot| (first(&slot), slot)).collect()
}

/// Answers all requests.
fn answer(state: &mut StateTrie, requests: &[NodeRequest], from: &NaiveState) {
    let nodes = from.nodes();
    for NodeRequest { owner, path, .. } in requests {
        let owner_hash = match owner {
            Owner::State => None,
            Owner::Storage(hash) => Some(*hash),
        };
        let node = &nodes[&(owner_hash, path.iter().collect())];
        assert_eq!(state.reveal(*owner, path, node, &crypto()), Ok(Reveal::Revealed));
    }
}

/// A state with its store, checked after each block.
struct Chain {
    state: StateTrie,
    store: NodeStore,
    world: World,
}

impl Chain {
    fn new(world: World) -> Self {
        let genesis = world.accounts.iter().map(|(address, account)| {
            let storage = account.storage.clone();
            (*address, AccountDelta { info: Some(account.info), storage_wiped: true, storage })
        });
        let genesis = StateDelta { accounts: genesis.collect(), ..StateDelta::default() };
        let (state, store) = (StateTrie::new().recording(), NodeStore::new());
        let mut chain = Self { state, store, world: World::default() };
        chain.step(&genesis, world);
        chain
    }

    /// Makes the changes of a block, which lead to this state.
    fn step(&mut self, delta: &StateDelta, world: World) {
        self.state.apply(delta, &self.store, &crypto()).unwrap();
        let naive = NaiveState::new(&world);
        assert_eq!(self.state.root(&crypto()), naive.root());
        self.store.apply(self.state.take_node_changes());
        assert_eq!(stored_nodes(&self.store), naive.nodes());
        self.world = world;
    }

    /// Like [`Self::step`], with a change of one account; the trie forgets all before and after.
    fn change(&mut self, number: u8, change: AccountDelta) {
        let mut world = self.world.clone();
        match change.info {
            None => drop(world.accounts.remove(&address(number))),
            Some(info) => {
                let account = world.accounts.entry(address(number)).or_default();
                account.info = info;
                if change.storage_wiped {
                    account.storage.clear();
                }
                change.storage.iter().for_each(|(slot, value)| account.set_slot(*slot, *value));
            }
        }
        self.state.prune(0, &crypto());
        self.state.prune(0, &crypto());
        self.step(&delta([(number, change)]), world);
    }

    fn info(&self, number: u8) -> AccountInfo {
        self.world.accounts[&address(number)].info
    }

    fn slot(&mut self, number: u8, slot: u64) -> U256 {
        self.state.storage(address(number), U256::from(slot), &self.store, &crypto()).unwrap()
    }
}

fn slots(slots: &[(u64, u64)]) -> BTreeMap<U256, U256> {
    slots.iter().map(|(slot, value)| (U256::from(*slot), U256::from(*value))).collect()
}

#[test]
fn h11_an_account_of_which_only_the_storage_changes_is_encoded_again() {
    let mut chain = Chain::new(some_world());
    // Three blocks and more, with everything forgotten in between.
    for value in 10..15 {
        let info = Some(chain.info(2));
        let storage = slots(&[(1, value)]);
        chain.change(2, AccountDelta { info, storage_wiped: false, storage });
        let storage = slots(&[(value, 1)]);
        chain.change(3, AccountDelta { info: Some(chain.info(3)), storage_wiped: false, storage });
    }
    assert_eq!(chain.slot(2, 1), U256::from(14));
}

#[test]
fn h12_the_storage_of_a_destroyed_account_is_gone_for_good() {
    let mut chain = Chain::new(some_world());
    // Slots that a removed account is said to have mean nothing.
    let storage = slots(&[(1, 0), (7, 7)]);
    let info = chain.info(2);
    chain.change(2, AccountDelta { info: None, storage_wiped: true, storage });
    assert_eq!(chain.slot(2, 1), U256::ZERO);
    // It comes back without them, whether the write set says so or not.
    chain.change(
        2,
        AccountDelta { info: Some(info), storage_wiped: false, storage: slots(&[(9, 9)]) },
    );
    assert_eq!((chain.slot(2, 1), chain.slot(2, 9)), (U256::ZERO, U256::from(9)));
    chain.change(3, AccountDelta { info: None, storage_wiped: false, storage: slots(&[]) });
    chain.change(3, AccountDelta { info: Some(info), storage_wiped: true, storage: slots(&[]) });
    assert_eq!(chain.slot(3, 1), U256::ZERO);
}

#[test]
fn h13_an_account_made_anew_has_only_its_new_slots() {
    let mut chain = Chain::new(some_world());
    let info = AccountInfo { nonce: 1, ..chain.info(2) };
    // One slot as before, one that is new, and one said to be zero.
    let storage = slots(&[(1, 2), (77, 1), (3, 0)]);
    chain.change(2, AccountDelta { info: Some(info), storage_wiped: true, storage });
    assert_eq!((chain.slot(2, 1), chain.slot(2, 3)), (U256::from(2), U256::ZERO));
    // In two write sets without a root in between.
    let gone = AccountDelta { info: None, storage_wiped: true, ..AccountDelta::default() };
    let back = AccountDelta { info: Some(info), storage_wiped: true, storage: slots(&[(5, 5)]) };
    chain.state.apply(&delta([(3, gone)]), &chain.store, &crypto()).unwrap();
    let mut world = chain.world.clone();
    let account = world.accounts.get_mut(&address(3)).unwrap();
    (account.info, account.storage) = (info, slots(&[(5, 5)]));
    chain.step(&delta([(3, back)]), world);
}

#[test]
fn h14_an_empty_account_is_in_the_trie_if_it_is_in_the_write_set() {
    let mut chain = Chain::new(some_world());
    let empty = AccountDelta { info: Some(AccountInfo::default()), ..AccountDelta::default() };
    chain.change(9, empty);
    assert!(chain.state.account(address(9), &chain.store, &crypto()).unwrap().is_some());
    // Touched again under later rules, it goes.
    chain.change(9, AccountDelta::default());
    assert_eq!(chain.state.account(address(9), &chain.store, &crypto()), Ok(None));
    // One that never was may be said to be gone.
    chain.change(10, AccountDelta::default());
    chain.change(10, AccountDelta { storage_wiped: true, ..AccountDelta::default() });
}

#[test]
fn h15_an_account_that_looks_the_same_may_have_lost_its_storage() {
    let mut chain = Chain::new(some_world());
    let info = Some(chain.info(2));
    chain.change(2, AccountDelta { info, storage_wiped: true, storage: slots(&[]) });
    assert_eq!(chain.slot(2, 1), U256::ZERO);
    let account = chain.state.account(address(2), &chain.store, &crypto()).unwrap().unwrap();
    assert_eq!((account.storage_root, Some(account.info())), (EMPTY_ROOT, info));
}

#[test]
fn h16_what_is_stored_is_the_state_and_nothing_else() {
    let mut chain = Chain::new(some_world());
    // Emptied slot by slot, the trie leaves nothing behind; so does an account, and the last one.
    for slot in 0..5 {
        let (info, storage) = (Some(chain.info(2)), slots(&[(slot, 0)]));
        chain.change(2, AccountDelta { info, storage_wiped: false, storage });
    }
    assert!(chain.store.iter().all(|(owner, ..)| owner != Owner::Storage(keccak256(address(2)))));
    for number in 1..=6 {
        chain.change(number, AccountDelta::default());
    }
    assert!(chain.store.is_empty());
    assert_eq!(chain.state.root(&crypto()), EMPTY_ROOT);
}

#[test]
fn h17_a_delegation_changes_the_code_hash_and_no_slot() {
    let mut chain = Chain::new(some_world());
    for code_hash in [keccak256(b"a delegation"), KECCAK256_EMPTY] {
        let info = chain.info(2);
        let info = AccountInfo { nonce: info.nonce + 1, code_hash, ..info };
        chain.change(2, AccountDelta { info: Some(info), ..AccountDelta::default() });
        assert_eq!(chain.slot(2, 4), U256::from(5));
    }
    // An account that is there for its code alone.
    let info = AccountInfo { code_hash: keccak256(b"a delegation"), ..AccountInfo::default() };
    chain.change(11, AccountDelta { info: Some(info), ..AccountDelta::default() });
}

#[test]
fn h18_a_destroyed_account_may_keep_its_balance() {
    let mut chain = Chain::new(some_world());
    let info = AccountInfo { balance: chain.info(3).balance, ..AccountInfo::default() };
    chain.change(3, AccountDelta { info: Some(info), storage_wiped: true, storage: slots(&[]) });
    assert_eq!(chain.slot(3, 1), U256::ZERO);
    let account = chain.state.account(address(3), &chain.store, &crypto()).unwrap().unwrap();
    assert_eq!((account.info(), account.storage_root), (info, EMPTY_ROOT));
}

#[test]
fn h19_writes_that_change_nothing_change_no_node() {
    let mut chain = Chain::new(some_world());
    let info = Some(chain.info(2));
    // The same value, zero where there is nothing, the same account, an account that is not there.
    let storage = slots(&[(1, 2), (50, 0), (51, 0)]);
    let same = AccountDelta { info, storage_wiped: false, storage };
    let unchanged = AccountDelta { info: Some(chain.info(1)), ..AccountDelta::default() };
    let nothing = delta([(2, same), (1, unchanged), (12, AccountDelta::default())]);
    chain.state.apply(&nothing, &NoNodes, &crypto()).unwrap();
    chain.state.root(&crypto());
    assert_eq!(chain.state.take_node_changes(), NodeChanges::default());
    // Written and restored in two write sets, the nodes are what they were.
    for value in [99, 2] {
        let change = AccountDelta { info, storage_wiped: false, storage: slots(&[(1, value)]) };
        chain.state.apply(&delta([(2, change)]), &NoNodes, &crypto()).unwrap();
    }
    let world = chain.world.clone();
    chain.step(&StateDelta::default(), world);
    // A slot that is cleared where there is none asks for its way, and for no sibling.
    let (before, absent) = (chain.world.clone(), slots_by_first_nibble()[&15]);
    let mut state = StateTrie::blinded(NaiveState::new(&before).root());
    let clear = storage_delta(&before, 2, &[(absent, U256::ZERO)]);
    state.apply(&clear, &chain.store, &crypto()).unwrap();
    assert_eq!(state.root(&crypto()), NaiveState::new(&before).root());
}

#[test]
fn h20_a_block_that_changes_nothing_needs_no_node() {
    let root = NaiveState::new(&some_world()).root();
    let mut state = StateTrie::blinded(root).recording();
    state.apply(&StateDelta::default(), &NoNodes, &crypto()).unwrap();
    assert_eq!(state.root(&crypto()), root);
    assert_eq!(state.prune(0, &crypto()), root);
    assert!(state.take_node_changes().is_empty());
    let mut pending = PendingDelta::new(&StateDelta::default(), &crypto());
    assert!(state.apply_pending(&mut pending).is_empty());
    let mut empty = StateTrie::new();
    empty.apply(&StateDelta::default(), &NoNodes, &crypto()).unwrap();
    assert_eq!(empty.root(&crypto()), EMPTY_ROOT);
}

#[test]
fn h21_a_path_is_set_or_removed_in_a_record_never_both() {
    let world = some_world();
    let mut chain = Chain::new(world.clone());
    // Slots come and go, with roots in between, in one record.
    let fresh = [U256::from(100), U256::from(101), U256::from(102)];
    for (clear, set) in [(0, 1), (1, 2), (2, 0)] {
        let slots = [(fresh[clear], U256::ZERO), (fresh[set], U256::MAX)];
        chain.state.apply(&storage_delta(&world, 2, &slots), &chain.store, &crypto()).unwrap();
        chain.state.root(&crypto());
        chain.state.root(&crypto());
    }
    let changes = chain.state.take_node_changes();
    assert!(changes.removed.iter().all(|place| !changes.updated.contains_key(place)));
    let mut store = chain.store.clone();
    store.apply(changes);
    let mut after = world;
    after.accounts.get_mut(&address(2)).unwrap().set_slot(fresh[0], U256::MAX);
    assert_eq!(stored_nodes(&store), NaiveState::new(&after).nodes());
}

#[test]
fn h22_a_trie_goes_on_from_the_state_that_it_is_at() {
    let mut chain = Chain::new(some_world());
    let (root, world) = (chain.state.root(&crypto()), chain.world.clone());
    chain.state.prune(0, &crypto());
    chain.state.prune(0, &crypto());
    // A block that cannot be finished leaves the state before it: nodes are missing half-way.
    let gone = |number| (number, AccountDelta { storage_wiped: true, ..AccountDelta::default() });
    let mut lacking = chain.store.clone();
    let mut without = NodeChanges::default();
    let last = NaiveState::new(&world).accounts.nodes.into_keys().max_by_key(Vec::len).unwrap();
    without.removed.insert((Owner::State, path_of(&last)));
    lacking.apply(without);
    let all = delta((1..=6).map(gone));
    let error = chain.state.apply(&all, &lacking, &crypto()).unwrap_err();
    assert!(matches!(error, TrieError::Missing(_)), "{error}");
    assert_eq!(chain.state.root(&crypto()), root);
    assert!(chain.state.account(address(2), &chain.store, &crypto()).unwrap().is_some());
    chain.step(&StateDelta::default(), world.clone());
    // What is pruned is hashed before: nothing that changed is forgotten unhashed.
    let info = AccountInfo { nonce: 5, ..chain.info(1) };
    let change = delta([(1, AccountDelta { info: Some(info), ..AccountDelta::default() })]);
    chain.state.apply(&change, &chain.store, &crypto()).unwrap();
    let mut after = world;
    after.accounts.get_mut(&address(1)).unwrap().info = info;
    assert_eq!(chain.state.prune(0, &crypto()), NaiveState::new(&after).root());
    chain.step(&StateDelta::default(), after);
}

#[test]
fn h23_each_answer_brings_the_end_nearer() {
    let world = some_world();
    let naive = NaiveState::new(&world);
    let mut state = StateTrie::blinded(naive.root());
    let gone = |number| (number, AccountDelta { storage_wiped: true, ..AccountDelta::default() });
    let all = delta((1..=6).map(gone));
    let mut pending = PendingDelta::new(&all, &crypto());
    for _ in 0..=naive.nodes().len() {
        let requests = state.apply_pending(&mut pending);
        let Some(request) = requests.last() else {
            assert_eq!(state.root(&crypto()), EMPTY_ROOT);
            return;
        };
        // Asking again without an answer asks for the same.
        assert_eq!(state.apply_pending(&mut pending), requests);
        answer(&mut state, &[*request], &naive);
    }
    panic!("more rounds than nodes");
}

#[test]
fn h25_accounts_with_equal_storage_do_not_share_nodes() {
    let mut world = some_world();
    let same = world.accounts[&address(2)].storage.clone();
    fund(&mut world, 3).storage = same.clone();
    fund(&mut world, 4).storage = same;
    let mut chain = Chain::new(world);
    let roots: Vec<B256> = (2..=4)
        .map(|number| {
            let account = chain.state.account(address(number), &chain.store, &crypto());
            account.unwrap().unwrap().storage_root
        })
        .collect();
    assert!(roots.iter().all(|root| *root == roots[0]));
    // One changes, one is destroyed, one stays.
    let info = Some(chain.info(2));
    chain.change(2, AccountDelta { info, storage_wiped: false, storage: slots(&[(0, 9), (1, 0)]) });
    chain.change(3, AccountDelta { storage_wiped: true, ..AccountDelta::default() });
    assert_eq!((chain.slot(4, 1), chain.slot(4, 0)), (U256::from(2), U256::ONE));
}
