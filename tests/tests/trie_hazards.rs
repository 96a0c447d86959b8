//! What has gone wrong in the sparse tries of others, one test for each. Here are those that a single trie shows; the others,
//! which need accounts and their storage, are in `trie_state_hazards.rs`.
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
//! | 22 | a trie that is used on after a block that failed, or on another branch | `h22_`; branches: `cli/src/chain/tests.rs` |
//! | 23 | waiting for what nobody will bring | `h23_`: there are no threads; each answer brings the end nearer |
//! | 24 | roots from claims of a block (access lists) not executed yet | cannot occur: changes come from execution alone |
//! | 25 | accounts with equal storage share nodes by hash | `h25_` |

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use alloy_primitives::{Bytes, keccak256};
use braid_precompiles::DefaultCrypto;
use braid_tests::tries::{
    naive::{NaiveTrie, Path},
    ways::path_of,
};
use braid_trie::{Blinded, EMPTY_ROOT, Reveal, Trie, verify_proof};

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
