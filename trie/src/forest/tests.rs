use std::collections::BTreeMap;

use alloy_primitives::{Bytes, U256, map::B256Map};
use braid_precompiles::{Crypto, PortableCrypto};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::select,
};

use crate::{Blinded, Nibbles, NodeFault, Reveal, Trie, sorted_root, verify_proof};

fn crypto() -> PortableCrypto {
    PortableCrypto::new()
}

/// Keys of different lengths with long shared prefixes, of which some are prefixes of others.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(select(&[0x00_u8, 0x01, 0x10, 0x11][..]), 0..5),
        vec(select(&[0x00_u8, 0x01][..]), 32),
    ]
}

/// Values whose leaves are shorter than a hash, and others.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 1..3), vec(any::<u8>(), 20..60)]
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Does what `operation` says, revealing from `nodes` until it succeeds.
fn with_nodes<T>(
    trie: &mut Trie<Bytes>,
    nodes: &B256Map<Bytes>,
    mut operation: impl FnMut(&mut Trie<Bytes>) -> Result<T, Blinded>,
) -> T {
    loop {
        match operation(trie) {
            Ok(done) => return done,
            Err(Blinded { path, hash }) => {
                assert_eq!(trie.reveal(&path, &nodes[&hash], &crypto()), Ok(Reveal::Revealed));
            }
        }
    }
}

/// The list of a hex-prefix path and a string.
fn short_node(path: &[u8], second: &[u8]) -> Bytes {
    let mut out = Vec::new();
    let items: [&[u8]; 2] = [path, second];
    alloy_rlp::encode_list::<_, [u8]>(&items, &mut out);
    out.into()
}

#[test]
fn a_value_at_the_wrong_depth_is_refused() {
    // A leaf of 62 nibbles as the root of a trie whose keys have 64.
    let mut path = vec![0x20];
    path.extend([0x11; 31]);
    let leaf = short_node(&path, &[5]);
    let mut trie = Trie::<U256>::blinded(crypto().keccak256(&leaf));
    let refused = trie.reveal(&Nibbles::EMPTY, &leaf, &crypto());
    assert_eq!(refused, Err(NodeFault::KeyLength { nibbles: 62, expected: 64 }));
}

#[test]
fn the_end_of_an_extension_has_to_be_a_branch_even_after_the_extension_is_gone() {
    let leaf = short_node(&[0x31, 0x23, 0x45], &[7; 40]);
    let hash = crypto().keccak256(&leaf);
    // The extension over the nibble 1 leads to a leaf, which no trie has.
    let extension = short_node(&[0x11], hash.as_slice());
    let mut trie = Trie::<Bytes>::blinded(crypto().keccak256(&extension));
    let (root, below) = (Nibbles::EMPTY, Nibbles::EMPTY.push(1).unwrap());
    assert_eq!(trie.reveal(&root, &extension, &crypto()), Ok(Reveal::Revealed));
    let refused = trie.reveal(&below, &leaf, &crypto());
    assert_eq!(refused, Err(NodeFault::ExtensionToNoBranch));
    // A key that parts from the extension's only nibble leaves its end in a branch.
    trie.insert(&Nibbles::of_key(&[0x20]), Bytes::from_static(&[1])).unwrap();
    let refused = trie.reveal(&below, &leaf, &crypto());
    assert_eq!(refused, Err(NodeFault::ExtensionToNoBranch));
}

proptest! {
    #[test]
    fn every_step_has_the_root_of_its_sorted_leaves(
        steps in vec((key(), option::weighted(0.6, value())), 1..80),
        forget in vec(any::<bool>(), 80),
    ) {
        let (mut trie, mut model, mut nodes) = (Trie::new(), Model::new(), B256Map::default());
        for ((key, value), forget) in steps.into_iter().zip(forget) {
            let path = Nibbles::of_key(&key);
            let bytes = Bytes::from(value.clone().unwrap_or_default());
            let insert = |trie: &mut Trie<Bytes>| trie.insert(&path, bytes.clone());
            let previous = with_nodes(&mut trie, &nodes, insert);
            prop_assert_eq!(previous.map(|bytes| bytes.to_vec()), match value {
                Some(value) => model.insert(key.clone(), value),
                None => model.remove(&key),
            });
            let root = sorted_root(&model, &crypto());
            prop_assert_eq!(trie.root(&crypto()), root);
            for node in with_nodes(&mut trie, &nodes, |trie| trie.prove(&path, &crypto())) {
                nodes.insert(crypto().keccak256(&node), node);
            }
            // Nodes beside the path may have been encoded anew as well.
            for key in model.keys() {
                let path = Nibbles::of_key(key);
                let proof = with_nodes(&mut trie, &nodes, |trie| trie.prove(&path, &crypto()));
                nodes.extend(proof.into_iter().map(|node| (crypto().keccak256(&node), node)));
            }
            if forget {
                trie.prune(0, &crypto());
                prop_assert_eq!(trie.root(&crypto()), root);
            }
        }
    }

    #[test]
    fn a_proof_shows_presence_and_absence(
        leaves in btree_map(key(), value(), 0..30),
        asked in key(),
    ) {
        let mut trie = Trie::new();
        for (key, value) in &leaves {
            trie.insert(&Nibbles::of_key(key), Bytes::from(value.clone())).unwrap();
        }
        let root = trie.root(&crypto());
        for key in leaves.keys().chain([&asked]) {
            let path = Nibbles::of_key(key);
            let proof = trie.prove(&path, &crypto()).unwrap();
            let proved = verify_proof(root, &path, &proof, &crypto());
            prop_assert_eq!(proved, Ok(leaves.get(key).map(|value| &value[..])));
            for left_out in 0..proof.len() {
                let mut short = proof.clone();
                short.remove(left_out);
                prop_assert!(verify_proof(root, &path, &short, &crypto()).is_err());
            }
            let mut long = proof.clone();
            long.push(Bytes::from_static(&[0xc0]));
            prop_assert!(verify_proof(root, &path, &long, &crypto()).is_err());
        }
    }

    #[test]
    fn memory_of_removed_nodes_is_used_again(leaves in btree_map(key(), value(), 1..40)) {
        let mut trie = Trie::new();
        let mut sizes = Vec::new();
        for _ in 0..3 {
            for (key, value) in &leaves {
                trie.insert(&Nibbles::of_key(key), Bytes::from(value.clone())).unwrap();
            }
            sizes.push(trie.memory_bytes());
            for key in leaves.keys() {
                trie.remove(&Nibbles::of_key(key)).unwrap();
            }
            prop_assert_eq!(trie.node_count(), 0);
        }
        prop_assert_eq!(sizes[1], sizes[2]);
    }
}
