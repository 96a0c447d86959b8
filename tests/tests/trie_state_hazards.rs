//! The hazards of `trie_hazards.rs` that need accounts and their storage.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, keccak256};
use braid_precompiles::DefaultCrypto;
use braid_primitives::{AccountDelta, AccountInfo, SortedMap, StateDelta};
use braid_tests::{
    tries::{
        oracle::NaiveState,
        ways::{naive_owner, naive_path, path_of, stored_nodes},
    },
    world::{World, WorldAccount},
};
use braid_trie::{
    EMPTY_ROOT, NoNodes, NodeChanges, NodeRequest, NodeStore, Owner, PendingDelta, Reveal,
    StateTrie, TrieError,
};

fn crypto() -> DefaultCrypto {
    DefaultCrypto::new()
}

fn address(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// The account with this number, made if need be.
fn fund(world: &mut World, number: u8) -> &mut WorldAccount {
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
        let node = &nodes[&(naive_owner(*owner), naive_path(path))];
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
            let storage = account.storage.clone().into();
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

fn slots(slots: &[(u64, u64)]) -> SortedMap<U256, U256> {
    slots.iter().map(|(slot, value)| (U256::from(*slot), U256::from(*value))).collect()
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
    (account.info, account.storage) = (info, slots(&[(5, 5)]).into_iter().collect());
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
fn h22_a_block_that_fails_does_not_take_the_one_before_along() {
    let mut chain = Chain::new(some_world());
    chain.state.prune(0, &crypto());
    chain.state.prune(0, &crypto());
    // Changed, and not hashed when the next block is tried.
    let slots = [(U256::from(1), U256::from(77))];
    let first = storage_delta(&chain.world, 2, &slots);
    chain.state.apply(&first, &chain.store, &crypto()).unwrap();
    let gone = AccountDelta { storage_wiped: true, ..AccountDelta::default() };
    let wiped = AccountDelta { info: Some(chain.info(2)), ..gone.clone() };
    let second = delta([(2, wiped), (5, gone)]);
    assert!(chain.state.apply(&second, &NoNodes, &crypto()).is_err());
    let mut world = chain.world.clone();
    world.accounts.get_mut(&address(2)).unwrap().set_slot(slots[0].0, slots[0].1);
    chain.step(&StateDelta::default(), world);
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
