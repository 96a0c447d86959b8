//! Nodes that nobody honest would send: encodings with every kind of fault, and tries with a false node whose hash is right.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, U256, keccak256};

use super::{
    naive::{Path, hex_prefix, list, string},
    oracle::NaiveState,
};
use crate::random::Random;

/// Something that looks like a node, more or less.
pub fn node(random: &mut Random) -> Vec<u8> {
    let mut node = shaped(random, 4);
    match random.below(12) {
        0 => {
            let at = random.index(node.len());
            node[at] ^= 1 << random.below(8);
        }
        1 => node.truncate(random.index(node.len())),
        2 => node.extend(random.bytes(1)),
        // A header that claims more than there is.
        3 => node = [&[0xf9 + random.below(7) as u8], &node[..]].concat(),
        4 => {
            let length = random.index(40);
            node = random.bytes(length);
        }
        _ => {}
    }
    node
}

/// A node of which some nodes are part, as deep as `depth`.
fn shaped(random: &mut Random, depth: usize) -> Vec<u8> {
    match random.below(10) {
        0..=2 => list(&[path(random, true), value(random)]),
        3 | 4 => list(&[path(random, false), child(random, depth)]),
        5..=8 => {
            let sparse = 1 + random.below(16);
            let mut items: Vec<Vec<u8>> = (0..16)
                .map(|_| if random.one_in(sparse) { child(random, depth) } else { string(&[]) })
                .collect();
            items.push(if random.one_in(3) { value(random) } else { string(&[]) });
            list(&items)
        }
        _ => {
            let count = random.pick(&[0, 1, 2, 3, 16, 17, 18, 40]);
            let items: Vec<_> = (0..count).map(|_| child(random, depth)).collect();
            list(&items)
        }
    }
}

fn path(random: &mut Random, is_leaf: bool) -> Vec<u8> {
    let length = random.pick(&[0, 1, 2, 5, 62, 63, 63, 64, 64, 64, 65, 66, 130]);
    let nibbles: Vec<u8> = (0..length).map(|_| random.below(16) as u8).collect();
    let mut packed = hex_prefix(&nibbles, is_leaf);
    match random.below(12) {
        0 => packed[0] ^= 0x40,
        1 => packed[0] ^= 0x01,
        2 => packed[0] ^= 0x20,
        3 => packed.clear(),
        4 => return list(&[string(&packed)]),
        // A byte of its own with a header, which is not canonical.
        5 if packed.len() == 1 => return vec![0x81, packed[0]],
        _ => {}
    }
    string(&packed)
}

fn child(random: &mut Random, depth: usize) -> Vec<u8> {
    let length = random.pick(&[0, 1, 31, 33]);
    match random.below(8) {
        0..=3 => string(&random.bytes(32)),
        4 | 5 if depth > 0 => shaped(random, depth - 1),
        6 => string(&random.bytes(length)),
        _ => string(&[]),
    }
}

fn value(random: &mut Random) -> Vec<u8> {
    let length = random.pick(&[0, 1, 32, 33, 34, 60, 70, 200]);
    match random.below(8) {
        0 => string(&random.bytes(length)),
        1..=3 => string(&alloy_rlp::encode(random.word())),
        // A number with a leading zero, and one of 33 bytes.
        4 => string(&[0x82, 0x00, 0x01]),
        5 => string(&[&[0xa1][..], &random.bytes(33)].concat()),
        6 => string(&account(random, 4)),
        _ => {
            let fields = random.index(7);
            string(&account(random, fields))
        }
    }
}

/// The first fields of an account.
fn account(random: &mut Random, fields: usize) -> Vec<u8> {
    let length = if random.one_in(6) { 31 } else { 32 };
    let all = [
        alloy_rlp::encode(random.below(300)),
        alloy_rlp::encode(random.word()),
        string(&random.bytes(32)),
        string(&random.bytes(length)),
        string(&[]),
        string(&[1]),
    ];
    list(&all[..fields.min(all.len())])
}

/// A state with a false node: those above refer to it by its hash, up to the root.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// The root of the state that the nodes claim to be.
    pub root: B256,
    /// The nodes, by path. None is the state trie.
    pub nodes: BTreeMap<(Option<B256>, Path), Bytes>,
}

impl Forgery {
    /// Puts `node` in the place of the one at `path`, and new hashes of it in all above.
    pub fn new(state: &NaiveState, owner: Option<B256>, path: &[u8], node: Vec<u8>) -> Self {
        let mut forgery = Self { root: state.root(), nodes: state.nodes() };
        forgery.replace(owner, path.to_vec(), node.into());
        forgery
    }

    fn replace(&mut self, owner: Option<B256>, path: Path, node: Bytes) {
        let hash = keccak256(&node);
        let Some(old) = self.nodes.insert((owner, path.clone()), node) else { return };
        let old = keccak256(old);
        let (above_owner, above) = match (owner, path.is_empty()) {
            (None, true) => {
                self.root = hash;
                return;
            }
            // The root of a storage trie is in the account.
            (Some(account), true) => (None, super::naive::nibbles(account.as_slice())),
            _ => (owner, path[..path.len() - 1].to_vec()),
        };
        // The closest node above that has a hash of its own.
        let holder = (0..=above.len()).rev().find_map(|length| {
            let place = (above_owner, above[..length].to_vec());
            let node = self.nodes.get(&place)?;
            Some((place.1, with_hash(node, old, hash)?))
        });
        if let Some((path, node)) = holder {
            self.replace(above_owner, path, node);
        }
    }
}

/// The node with another hash in it.
fn with_hash(node: &[u8], old: B256, new: B256) -> Option<Bytes> {
    let at = node.windows(32).position(|window| window == old.as_slice())?;
    let mut node = node.to_vec();
    node[at..at + 32].copy_from_slice(new.as_slice());
    Some(node.into())
}

/// A node that is false in a way that only its meaning shows, or any other.
pub fn false_node(random: &mut Random, right: &[u8]) -> Vec<u8> {
    let Ok(mut items) = items(right) else { return node(random) };
    match (items.len(), random.below(8)) {
        // A branch with fewer children, another order, or a value.
        (17, 0) => items.iter_mut().for_each(|item| *item = string(&[])),
        (17, 1) => {
            let kept = items.iter().position(|item| item.len() > 1).unwrap_or_default();
            let others = items.iter_mut().enumerate().filter(|(index, _)| *index != kept);
            others.for_each(|(_, item)| *item = string(&[]));
        }
        (17, 2) => items[..16].rotate_left(1 + random.index(15)),
        (17, 3) => items[16] = value(random),
        // An extension to itself in miniature, a leaf of nothing, another path.
        (2, 0) => items[1] = list(&[hex_prefix(&[random.below(16) as u8], false), string(&[])]),
        (2, 1) => items[1] = string(&[]),
        (2, 2) => items[0] = path(random, true),
        (2, 3) => items[0] = path(random, false),
        (_, 4) => {
            let at = random.index(items.len());
            items[at] = child(random, 2);
        }
        (_, 5) => {
            let at = random.index(items.len());
            items[at] = value(random);
        }
        _ => return node(random),
    }
    list(&items)
}

/// The encodings of a list's items.
fn items(mut node: &[u8]) -> Result<Vec<Vec<u8>>, alloy_rlp::Error> {
    match alloy_rlp::Header::decode_raw(&mut node)? {
        alloy_rlp::PayloadView::List(items) => Ok(items.into_iter().map(<[u8]>::to_vec).collect()),
        alloy_rlp::PayloadView::String(_) => Err(alloy_rlp::Error::UnexpectedString),
    }
}

/// An extension in an extension in an extension, as deep as fits where a node stands in its parent.
pub fn nested_extensions() -> Vec<u8> {
    let mut node = string(&[]);
    loop {
        let next = list(&[hex_prefix(&[1], false), node.clone()]);
        if next.len() >= 32 {
            return list(&[hex_prefix(&[1], false), node]);
        }
        node = next;
    }
}

/// A word that is not zero, for storage.
pub fn word(random: &mut Random) -> U256 {
    random.word() | U256::ONE
}
