//! Nodes and proofs from the enemy: whatever comes, there is a typed error or a trie that can go on, and a refused node leaves
//! no trace.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use braid_precompiles::DefaultCrypto;
use braid_primitives::StateDelta;
use braid_tests::{
    random::Random,
    tries::{
        history::History,
        hostile::{self, Forgery},
        keys,
        model::{self, Step},
        naive::{Path, hex_prefix, list, string},
        oracle::NaiveState,
        ways::path_of,
    },
};
use braid_trie::{
    AccountProof, Blinded, EMPTY_ROOT, MultiProof, Nibbles, NodeFault, Owner, Reveal, StateTrie,
    StorageProof, Trie, TrieAccount, TrieError, Value, Witness, verify_proof,
};

const CRYPTO: fn() -> DefaultCrypto = DefaultCrypto::new;

/// A key that no test uses.
fn some_key(random: &mut Random) -> Nibbles {
    Nibbles::of_key(&random.bytes(32))
}

/// What became of random nodes.
#[derive(Debug, Default)]
struct Counts {
    accepted: usize,
    refused: usize,
}

/// Offers a node to a trie that has its hash as root.
fn offer<V: Value + std::fmt::Debug>(
    node: &[u8],
    random: &mut Random,
    value: &mut impl FnMut(&mut Random) -> V,
    counts: &mut Counts,
) {
    let crypto = CRYPTO();
    let root = keccak256(node);
    if root == EMPTY_ROOT {
        return;
    }
    let mut trie = Trie::<V>::blinded(root);
    let key = some_key(random);
    match trie.reveal(&Nibbles::EMPTY, node, &crypto) {
        Ok(reveal) => {
            assert_eq!(reveal, Reveal::Revealed);
            counts.accepted += 1;
        }
        Err(_) => {
            counts.refused += 1;
            let blinded = Blinded { path: Nibbles::EMPTY, hash: root };
            assert_eq!(trie.get(&key), Err(blinded));
            assert_eq!(trie.remove(&key), Err(blinded));
            assert_eq!(trie.node_count(), 0);
            assert_eq!(trie.root(&crypto), root);
            return;
        }
    }
    assert_eq!(trie.root(&crypto), root);
    // What was accepted is encoded as it came: there is one encoding of each node.
    if let Ok(nodes) = trie.prove(&key, &crypto) {
        assert_eq!(&nodes[0][..], node, "{trie:?}");
    }
    // A new value changes the root, and taking it out leads back.
    let value = value(random);
    let Ok(old) = trie.insert(&key, value.clone()) else { return };
    assert_eq!(trie.get(&key), Ok(Some(&value)));
    let inserted = trie.root(&crypto);
    assert_eq!(inserted == root, old.as_ref() == Some(&value));
    match trie.remove(&key) {
        Ok(removed) => {
            assert_eq!(removed, Some(value));
            if old.is_none() {
                assert_eq!(trie.root(&crypto), root);
            }
        }
        Err(_) => assert_eq!(trie.root(&crypto), inserted),
    }
}

#[test]
fn random_nodes_are_refused_or_make_a_trie_that_works() {
    let mut counts = [Counts::default(), Counts::default(), Counts::default()];
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        let node = hostile::node(&mut random);
        let mut bytes = |random: &mut Random| {
            let length = 1 + random.index(40);
            Bytes::from(random.bytes(length))
        };
        let mut account = |random: &mut Random| TrieAccount {
            nonce: random.next_u64(),
            balance: random.word(),
            storage_root: B256::from(random.word()),
            code_hash: B256::from(random.word()),
        };
        offer::<Bytes>(&node, &mut random, &mut bytes, &mut counts[0]);
        offer::<U256>(&node, &mut random, &mut hostile::word, &mut counts[1]);
        offer::<TrieAccount>(&node, &mut random, &mut account, &mut counts[2]);
    }
    eprintln!("{counts:?}");
    // Few are words or accounts, and few of the others are anything.
    assert!(
        counts.iter().all(|counts| counts.accepted > 100 && counts.refused > 4_000),
        "{counts:?}"
    );
}

/// A step that changes accounts with storage, with the state before it.
fn some_step(seed: u64) -> (Step, Step) {
    for seed in seed * 1000.. {
        let mut steps = model::steps(&History::from_seed(seed));
        let contracts = |step: &Step| {
            step.world.accounts.values().filter(|account| !account.storage.is_empty()).count()
        };
        let at = (1..steps.len())
            .find(|at| contracts(&steps[at - 1]) > 0 && steps[*at].delta.accounts.len() > 1);
        if let Some(at) = at {
            return (steps.remove(at - 1), steps.remove(at - 1));
        }
    }
    unreachable!("some history has such a step");
}

#[test]
fn a_false_node_with_the_right_hash_is_found_or_does_no_harm() {
    let crypto = CRYPTO();
    let (mut found, mut unnoticed) = (0, 0);
    for seed in 0..1_500 {
        let mut random = Random::new(seed);
        let (before, after) = some_step(seed % 150);
        let naive = NaiveState::new(&before.world);
        let nodes = naive.nodes();
        let at = random.index(nodes.len());
        let ((owner, path), right) = nodes.iter().nth(at).unwrap();
        let wrong = hostile::false_node(&mut random, right);
        let forgery = Forgery::new(&naive, *owner, path, wrong);
        let witness = Witness::new(forgery.nodes.values().cloned(), &crypto);
        let mut state = StateTrie::blinded(forgery.root);
        match state.apply(&after.delta, &witness, &crypto) {
            Ok(()) => {
                unnoticed += 1;
                state.root(&crypto);
            }
            Err(TrieError::BadNode { .. } | TrieError::Missing(_)) => {
                found += 1;
                assert_eq!(state.root(&crypto), forgery.root, "seed {seed}");
                read_all(&mut state, &witness, &after.delta, &before);
                assert_eq!(state.root(&crypto), forgery.root, "seed {seed}");
            }
            Err(TrieError::Source(never)) => match never {},
        }
        let root = state.root(&crypto);
        assert_eq!(state.prune(0, &crypto), root, "seed {seed}");
    }
    assert!(found > 100 && unnoticed > 100, "{found} found, {unnoticed} unnoticed");
}

/// Reads and proves everything; errors do not matter.
fn read_all(state: &mut StateTrie, witness: &Witness, delta: &StateDelta, before: &Step) {
    let crypto = CRYPTO();
    for address in before.world.accounts.keys().chain(delta.accounts.keys()) {
        drop(state.account(*address, witness, &crypto));
        for slot in keys::slots() {
            drop(state.storage(*address, *slot, witness, &crypto));
        }
        if let Ok(proof) = state.prove(*address, keys::slots(), witness, &crypto) {
            // What the trie says it also proves.
            let root = state.root(&crypto);
            proof.verify(root, &crypto).unwrap_or_else(|error| panic!("{proof:?}: {error}"));
        }
    }
}

#[test]
fn any_part_of_a_witness_is_enough_or_the_missing_node_is_named() {
    let crypto = CRYPTO();
    let (mut enough, mut missing) = (0, 0);
    for seed in 0..1_000 {
        let mut random = Random::new(seed);
        let (before, after) = some_step(seed % 150);
        let nodes = NaiveState::new(&before.world).nodes();
        let keep = random.below(4);
        let kept: Vec<Bytes> =
            nodes.values().filter(|_| random.below(4) <= keep).cloned().collect();
        let witness = Witness::new(kept.iter().cloned(), &crypto);
        let root = NaiveState::new(&before.world).root();
        let mut state = StateTrie::blinded(root);
        let result = match state.apply(&after.delta, &witness, &crypto) {
            Err(TrieError::Missing(request)) => {
                missing += 1;
                assert!(nodes.values().any(|node| keccak256(node) == request.hash), "seed {seed}");
                assert!(kept.iter().all(|node| keccak256(node) != request.hash), "seed {seed}");
                assert_eq!(state.root(&crypto), root, "seed {seed}");
                let whole = Witness::new(nodes.values().cloned(), &crypto);
                state.apply(&after.delta, &whole, &crypto)
            }
            other => {
                enough += 1;
                other
            }
        };
        assert_eq!(result, Ok(()), "seed {seed}");
        assert_eq!(state.root(&crypto), NaiveState::new(&after.world).root(), "seed {seed}");
    }
    assert!(enough > 100 && missing > 100, "{enough} enough, {missing} missing");
}

#[test]
fn random_proofs_prove_nothing() {
    let crypto = CRYPTO();
    let mut accepted = 0;
    for seed in 0..5_000 {
        let mut random = Random::new(seed);
        let count = random.index(5);
        let nodes: Vec<Bytes> = (0..count).map(|_| hostile::node(&mut random).into()).collect();
        // The first node is the root, as the enemy has it.
        let root = nodes.first().map_or(EMPTY_ROOT, keccak256);
        let length = random.pick(&[0, 1, 20, 32]);
        let key = Nibbles::of_key(&random.bytes(length));
        accepted += usize::from(verify_proof(root, &key, &nodes, &crypto).is_ok());
        let storage = vec![StorageProof {
            slot: U256::from(seed),
            value: random.word(),
            nodes: nodes.clone(),
        }];
        let address = Address::from_slice(&random.bytes(20));
        let proof = AccountProof { address, account: None, nodes: nodes.clone(), storage };
        drop(proof.verify(root, &crypto));
        let mut multi = MultiProof::default();
        for node in nodes {
            let owner = if random.one_in(2) { Owner::State } else { Owner::Storage(root) };
            let length = random.index(66);
            let path: Path = (0..length).map(|_| random.below(16) as u8).collect();
            multi.nodes.insert((owner, path_of(&path)), node);
        }
        drop(multi.verify(root, &crypto));
    }
    // Roots that lead to nothing at the key, honestly.
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn nested_extensions_are_refused() {
    let crypto = CRYPTO();
    let node = hostile::nested_extensions();
    let mut trie = Trie::<Bytes>::blinded(keccak256(&node));
    let refused = trie.reveal(&Nibbles::EMPTY, &node, &crypto);
    assert_eq!(refused, Err(NodeFault::ExtensionToNoBranch));
}

#[test]
fn an_extension_that_leads_to_no_branch_is_refused() {
    let crypto = CRYPTO();
    let hash = |node: &[u8]| string(keccak256(node).as_slice());
    let leaf = list(&[string(&hex_prefix(&[5; 62], true)), string(&[1])]);
    let extension = list(&[string(&hex_prefix(&[5; 60], false)), hash(&[0])]);
    for below in [leaf, extension] {
        let above = list(&[string(&hex_prefix(&[3, 3], false)), hash(&below)]);
        let mut trie = Trie::<U256>::blinded(keccak256(&above));
        let at = path_of(&[3, 3]);
        assert_eq!(trie.reveal(&Nibbles::EMPTY, &above, &crypto), Ok(Reveal::Revealed));
        assert_eq!(trie.reveal(&at, &below, &crypto), Err(NodeFault::ExtensionToNoBranch));
        let blinded = Blinded { path: at, hash: keccak256(&below) };
        assert_eq!(trie.get(&path_of(&[3; 64])), Err(blinded));
        // The same after the extension is gone, and only the place where a branch should be is left.
        let key = path_of(&[&[3][..], &[4; 63]].concat());
        trie.insert(&key, U256::ONE).unwrap();
        assert_eq!(trie.reveal(&at, &below, &crypto), Err(NodeFault::ExtensionToNoBranch));
    }
}

#[test]
fn a_branch_of_one_child_is_refused() {
    let mut items = vec![string(&[]); 17];
    items[3] = string(&[7; 32]);
    let node = list(&items);
    let mut trie = Trie::<U256>::blinded(keccak256(&node));
    let refused = trie.reveal(&Nibbles::EMPTY, &node, &CRYPTO());
    assert_eq!(refused, Err(NodeFault::SparseBranch { children: 1 }));
}

#[test]
fn a_leaf_without_value_and_one_of_zero_are_refused() {
    let path = string(&hex_prefix(&[5; 64], true));
    for (value, is_fine) in
        [(string(&[]), false), (string(&[0x80]), false), (string(&[0x01]), true)]
    {
        let node = list(&[path.clone(), value]);
        let mut trie = Trie::<U256>::blinded(keccak256(&node));
        assert_eq!(trie.reveal(&Nibbles::EMPTY, &node, &CRYPTO()).is_ok(), is_fine);
    }
}

#[test]
fn a_node_larger_than_any_is_refused_before_it_is_read() {
    let node = list(&vec![string(&[1; 32]); 1 << 15]);
    let mut trie = Trie::<U256>::blinded(keccak256(&node));
    let refused = trie.reveal(&Nibbles::EMPTY, &node, &CRYPTO());
    assert!(matches!(refused, Err(NodeFault::TooLarge { .. })), "{refused:?}");
}

#[test]
fn a_header_that_claims_more_than_there_is_is_refused() {
    for node in [&[0xff; 9][..], &[0xf9, 0xff, 0xff], &[0xbf, 0xff, 0xff], &[0xc1], &[]] {
        let mut trie = Trie::<Bytes>::blinded(keccak256(node));
        assert!(trie.reveal(&Nibbles::EMPTY, node, &CRYPTO()).is_err(), "{node:?}");
        assert_eq!(trie.root(&CRYPTO()), keccak256(node));
    }
}

#[test]
fn a_source_that_answers_with_another_node_is_caught() {
    #[derive(Debug)]
    struct Liar(Bytes);
    impl braid_trie::NodeSource for Liar {
        type Error = std::convert::Infallible;
        fn node(&self, _: Owner, _: &Nibbles, _: B256) -> Result<Option<Bytes>, Self::Error> {
            Ok(Some(self.0.clone()))
        }
    }
    let (before, after) = some_step(7);
    let naive = NaiveState::new(&before.world);
    // The root is right, every other node is it again.
    let liar = Liar(naive.accounts.nodes[&Path::new()].clone());
    let mut state = StateTrie::blinded(naive.root());
    let error = state.apply(&after.delta, &liar, &CRYPTO()).unwrap_err();
    let is_wrong = matches!(&error, TrieError::BadNode { fault, .. } if matches!(**fault, NodeFault::WrongHash { .. }));
    assert!(is_wrong, "{error}");
    assert_eq!(state.root(&CRYPTO()), naive.root());
}

#[test]
fn a_failing_source_is_reported_as_it_is() {
    #[derive(Debug)]
    struct Broken;
    impl braid_trie::NodeSource for Broken {
        type Error = std::io::Error;
        fn node(&self, _: Owner, _: &Nibbles, _: B256) -> Result<Option<Bytes>, Self::Error> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let (before, after) = some_step(7);
    let root = NaiveState::new(&before.world).root();
    let mut state = StateTrie::blinded(root);
    let error = state.apply(&after.delta, &Broken, &CRYPTO()).unwrap_err();
    assert!(
        matches!(&error, TrieError::Source(error) if error.to_string().contains("the disk is gone"))
    );
    assert_eq!(state.root(&CRYPTO()), root);
}
