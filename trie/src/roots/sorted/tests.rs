use std::collections::BTreeMap;

use alloy_primitives::keccak256;
use alloy_trie::{HashBuilder, Nibbles as AlloyNibbles};
use braid_precompiles::PortableCrypto;
use proptest::{collection::btree_map, prelude::*};

use super::*;

fn root(leaves: &[(&[u8], &[u8])]) -> B256 {
    sorted_root(leaves.iter().copied(), &PortableCrypto::new())
}

/// The independent implementation that roots are compared with. It knows no values at branches.
fn reference_root(leaves: &BTreeMap<Vec<u8>, Vec<u8>>) -> B256 {
    let mut builder = HashBuilder::default();
    for (key, value) in leaves {
        builder.add_leaf(AlloyNibbles::unpack(key), value);
    }
    builder.root()
}

fn check(leaves: &BTreeMap<Vec<u8>, Vec<u8>>) {
    assert_eq!(sorted_root(leaves, &PortableCrypto::new()), reference_root(leaves));
}

#[test]
fn no_leaves_have_the_root_of_the_empty_string() {
    assert_eq!(root(&[]), EMPTY_ROOT);
    assert_eq!(EMPTY_ROOT, keccak256([0x80]));
}

#[test]
fn a_single_leaf_is_hashed_even_if_it_is_short() {
    // Path 0x20 0x12 0x34, value 0x05: a list of 5 bytes.
    assert_eq!(root(&[(&[0x12, 0x34], &[5])]), keccak256([0xc5, 0x83, 0x20, 0x12, 0x34, 0x05]));
}

#[test]
fn short_children_are_kept_in_their_branch() {
    // Leaves with an empty path and value 1: 0xc2 0x20 0x01 each, under the extension of the nibbles 1, 2, 3.
    let mut branch = vec![0xd5];
    branch.extend([0x80; 4]);
    branch.extend([0xc2, 0x20, 0x01, 0xc2, 0x20, 0x01]);
    branch.extend([0x80; 11]);
    assert_eq!(branch.len(), 22);
    let mut extension = vec![0xd9, 0x82, 0x11, 0x23];
    extension.extend(branch);
    assert_eq!(root(&[(&[0x12, 0x34], &[1]), (&[0x12, 0x35], &[1])]), keccak256(extension));
}

#[test]
fn a_key_that_is_a_prefix_of_another_becomes_the_value_of_a_branch() {
    // Below the extension of the nibbles 1, 2: a leaf of path 4 and value 6 at index 3, and the value 5.
    let mut branch = vec![0xd3];
    branch.extend([0x80; 3]);
    branch.extend([0xc2, 0x34, 0x06]);
    branch.extend([0x80; 12]);
    branch.push(0x05);
    let extension = [&[0xd7, 0x82, 0x00, 0x12], &branch[..]].concat();
    assert_eq!(root(&[(&[0x12], &[5]), (&[0x12, 0x34], &[6])]), keccak256(extension));
}

#[test]
#[should_panic(expected = "sorted by key")]
fn a_smaller_key_is_refused() {
    root(&[(&[2], &[1]), (&[1], &[1])]);
}

#[test]
#[should_panic(expected = "without duplicates")]
fn an_equal_key_is_refused() {
    root(&[(&[2, 1], &[1]), (&[2, 1], &[1])]);
}

#[test]
#[should_panic(expected = "without duplicates")]
fn a_prefix_after_its_continuation_is_refused() {
    root(&[(&[2, 1], &[1]), (&[2], &[1])]);
}

#[test]
fn every_pair_of_one_byte_keys_agrees_with_the_reference() {
    for first in 0..=255_u8 {
        for second in (first..=255).step_by(7) {
            check(&BTreeMap::from([(vec![first], vec![1]), (vec![second], vec![2])]));
        }
    }
}

#[test]
fn lengths_around_every_header_size_agree_with_the_reference() {
    for length in [1, 2, 25, 26, 27, 28, 29, 53, 54, 55, 56, 57, 250, 255, 256, 257, 65_600] {
        for last in [0x00, 0x7f, 0x80] {
            let value = vec![last; length];
            check(&BTreeMap::from([(vec![0x10], value.clone())]));
            check(&BTreeMap::from([(vec![0x10], value.clone()), (vec![0x11], vec![7])]));
            check(&BTreeMap::from([(vec![0x10; 32], vec![7]), (vec![0x11; 32], value)]));
        }
    }
}

/// Keys of one length, so that none is a prefix of another, from an alphabet small enough for long shared prefixes.
fn keys_of(length: usize, alphabet: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::sample::select(alphabet), length)
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..4),
        proptest::collection::vec(any::<u8>(), 20..40),
        proptest::collection::vec(any::<u8>(), 1..120),
    ]
}

proptest! {
    #[test]
    fn hashed_keys_agree_with_the_reference(
        leaves in btree_map(proptest::collection::vec(any::<u8>(), 32), values(), 0..300),
    ) {
        check(&leaves);
    }

    #[test]
    fn keys_with_long_shared_prefixes_agree_with_the_reference(
        leaves in btree_map(keys_of(32, &[0x00, 0x01, 0x10]), values(), 0..60),
    ) {
        check(&leaves);
    }

    #[test]
    fn short_keys_with_short_values_agree_with_the_reference(
        leaves in btree_map(keys_of(3, &[0x00, 0x01, 0x0f, 0x10, 0x11, 0xff]), values(), 0..60),
    ) {
        check(&leaves);
    }

    /// Values at branches, which the reference lacks: compared with the textbook definition.
    #[test]
    fn keys_of_any_length_agree_with_the_definition(
        leaves in btree_map(
            proptest::collection::vec(proptest::sample::select(&[0x00_u8, 0x01, 0x10, 0x11][..]), 0..6),
            values(),
            1..40,
        ),
    ) {
        let all: Vec<(Vec<u8>, Vec<u8>)> = leaves.iter().map(|(k, v)| (nibbles(k), v.clone())).collect();
        let expected = keccak256(textbook_node(&all, 0));
        prop_assert_eq!(sorted_root(&leaves, &PortableCrypto::new()), expected);
    }
}

fn nibbles(key: &[u8]) -> Vec<u8> {
    key.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).collect()
}

/// Yellow paper, equations for `c(J, i)`: the RLP of the node for `leaves`, which share the first `depth` nibbles.
fn textbook_node(leaves: &[(Vec<u8>, Vec<u8>)], depth: usize) -> Vec<u8> {
    if let [(key, value)] = leaves {
        return list(&[rlp(&hex_prefix(&key[depth..], true)), rlp(value)]);
    }
    let first = &leaves[0].0;
    let shared = (depth..)
        .take_while(|&i| leaves.iter().all(|(k, _)| i < k.len() && k[i] == first[i]))
        .count();
    if shared > 0 {
        let path = rlp(&hex_prefix(&first[depth..depth + shared], false));
        return list(&[path, textbook_child(leaves, depth + shared)]);
    }
    let mut items: Vec<Vec<u8>> = Vec::new();
    for nibble in 0..16 {
        let below: Vec<_> =
            leaves.iter().filter(|(k, _)| k.get(depth) == Some(&nibble)).cloned().collect();
        items.push(if below.is_empty() { rlp(&[]) } else { textbook_child(&below, depth + 1) });
    }
    let value = leaves.iter().find(|(k, _)| k.len() == depth);
    items.push(value.map_or_else(|| rlp(&[]), |(_, v)| rlp(v)));
    list(&items)
}

fn textbook_child(leaves: &[(Vec<u8>, Vec<u8>)], depth: usize) -> Vec<u8> {
    let node = textbook_node(leaves, depth);
    if node.len() < 32 { node } else { rlp(keccak256(node).as_slice()) }
}

fn hex_prefix(path: &[u8], is_leaf: bool) -> Vec<u8> {
    let odd = path.len() % 2 == 1;
    let flags = (u8::from(is_leaf) << 1 | u8::from(odd)) << 4;
    let (first, rest) = if odd { (flags | path[0], &path[1..]) } else { (flags, path) };
    std::iter::once(first).chain(rest.chunks(2).map(|pair| pair[0] << 4 | pair[1])).collect()
}

fn rlp(bytes: &[u8]) -> Vec<u8> {
    alloy_rlp::encode(bytes)
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let payload = items.concat();
    let mut out = Vec::new();
    alloy_rlp::Header { list: true, payload_length: payload.len() }.encode(&mut out);
    out.extend(payload);
    out
}
