//! The TrieTests of the conformance corpus: through a trie, change by change, and from sorted leaves at the end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, Bytes, hex, keccak256};
use braid_precompiles::DefaultCrypto;
use braid_tests::{
    corpus::{corpus, files_below, named_values, parse},
    tries::naive::{NaiveTrie, nibbles},
};
use braid_trie::{EMPTY_ROOT, Nibbles, Trie, sorted_root};
use serde_json::Value;

/// Names of tests in which keys are hashed begin with the names of their files; one file's do not.
const SECURE: &str = "secureTrie::";
const SECURE_WITHOUT_FILE: &str = "test1";

/// Number of tests: a corpus that is cut short proves nothing.
const TESTS: usize = 21;

/// A change: a key, and its value or none.
type Change = (Vec<u8>, Option<Bytes>);

#[test]
fn trie_tests() {
    let Some(folder) = corpus("trie", "the TrieTests") else { return };
    let files = files_below(&folder, ".json");
    let tests: Vec<(String, Value)> = files.iter().flat_map(|file| named_values(file)).collect();
    assert_eq!(tests.len(), TESTS);
    for (name, test) in &tests {
        let is_secure = name.contains(SECURE) || name == SECURE_WITHOUT_FILE;
        let changes = changes(&test["in"], is_secure);
        match test.get("root") {
            Some(root) => {
                let in_any_order = test["in"].is_object();
                let reversed = changes.iter().rev().cloned().collect();
                check_root(name, &changes, parse(root));
                if in_any_order {
                    check_root(name, &reversed, parse(root));
                }
            }
            None => check_neighbours(name, &changes, test["tests"].as_array().unwrap()),
        }
    }
}

/// The entries of an object, in any order, or those of a list, in that order: pairs of key and value, or keys alone.
fn changes(entries: &Value, is_secure: bool) -> Vec<Change> {
    let key = |key: Vec<u8>| if is_secure { keccak256(key).to_vec() } else { key };
    let bytes = |value: &Value| value.as_str().map(text_or_hex);
    match entries {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (key(text_or_hex(name)), bytes(value).map(Bytes::from)))
            .collect(),
        Value::Array(list) => list
            .iter()
            .map(|entry| match entry.as_array() {
                Some(pair) => (key(bytes(&pair[0]).unwrap()), bytes(&pair[1]).map(Bytes::from)),
                None => (key(bytes(entry).unwrap()), Some(Bytes::from_static(b"value"))),
            })
            .collect(),
        other => panic!("expected an object or list, found {other}"),
    }
}

/// What begins with 0x is hexadecimal, everything else is text.
fn text_or_hex(text: &str) -> Vec<u8> {
    match text.strip_prefix("0x") {
        Some(digits) => hex::decode(digits).unwrap(),
        None => text.as_bytes().to_vec(),
    }
}

fn check_root(name: &str, changes: &Vec<Change>, expected: B256) {
    let crypto = DefaultCrypto::new();
    let mut trie = Trie::new();
    let mut leaves = BTreeMap::new();
    for (key, value) in changes {
        let path = Nibbles::of_key(key);
        let old = match value {
            Some(value) => trie.insert(&path, value.clone()),
            None => trie.remove(&path),
        };
        let expected_old = match value {
            Some(value) => leaves.insert(key.clone(), value.clone()),
            None => leaves.remove(key),
        };
        assert_eq!(old, Ok(expected_old), "{name}: what was at {path}");
        // The root is asked for after each change, so that what changes later was hashed before.
        assert_eq!(trie.root(&crypto), sorted_root(&leaves, &crypto), "{name}: at {path}");
    }
    assert_eq!(trie.root(&crypto), expected, "{name}: trie");
    assert_eq!(sorted_root(&leaves, &crypto), expected, "{name}: sorted leaves");
    let leaves = leaves.iter().map(|(key, value)| (nibbles(key), value)).collect();
    assert_eq!(NaiveTrie::new(&leaves).root(), expected, "{name}: naive trie");
    for (key, _) in changes {
        trie.remove(&Nibbles::of_key(key)).unwrap();
    }
    assert_eq!(trie.root(&crypto), EMPTY_ROOT, "{name}: emptied");
}

/// Keys with the keys before and after them: a trie has no look-up of neighbours, but its paths are ordered as they are.
fn check_neighbours(name: &str, changes: &[Change], tests: &[Value]) {
    let keys: BTreeSet<Nibbles> = changes.iter().map(|(key, _)| Nibbles::of_key(key)).collect();
    for test in tests {
        let [of, before, after] = [0, 1, 2].map(|at| test[at].as_str().unwrap());
        let key = Nibbles::of_key(of.as_bytes());
        let found = (keys.range(..key).next_back(), keys.iter().find(|other| **other > key));
        let expected = [before, after].map(|text| (!text.is_empty()).then_some(text.as_bytes()));
        let expected = expected.map(|key| key.map(Nibbles::of_key));
        assert_eq!(found, (expected[0].as_ref(), expected[1].as_ref()), "{name}: around {of:?}");
    }
}
