//! A trie by the letter of the yellow paper (appendix D): slow, simple, built anew each time.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{Encodable, Header};

/// A path or key, one nibble a byte.
pub type Path = Vec<u8>;

/// The nibbles of a key.
pub fn nibbles(key: &[u8]) -> Path {
    key.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).collect()
}

/// A trie with all its nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NaiveTrie {
    /// Encodings of the nodes that have a hash of their own, by path: the root, and those of 32 bytes or more.
    pub nodes: BTreeMap<Path, Bytes>,
}

impl NaiveTrie {
    /// The trie of these leaves: keys as nibbles, and values that are not empty.
    pub fn new<V: AsRef<[u8]>>(leaves: &BTreeMap<Path, V>) -> Self {
        let mut trie = Self::default();
        let leaves: Vec<(&[u8], &[u8])> =
            leaves.iter().map(|(key, value)| (&key[..], value.as_ref())).collect();
        if !leaves.is_empty() {
            let root = trie.node(&leaves, 0);
            trie.nodes.insert(Path::new(), root.into());
        }
        trie
    }

    /// The root hash.
    pub fn root(&self) -> B256 {
        match self.nodes.get(&Path::new()) {
            Some(root) => keccak256(root),
            // The hash of the empty string's RLP.
            None => keccak256([alloy_rlp::EMPTY_STRING_CODE]),
        }
    }

    /// The nodes on the way to a key that have a hash of their own, by path, outermost first. The leaf of another key that
    /// stands in the way is one of them.
    pub fn proof(&self, key: &[u8]) -> Vec<(Path, Bytes)> {
        let on_the_way = self.nodes.iter().filter(|(path, _)| key.starts_with(path));
        on_the_way.map(|(path, node)| (path.clone(), node.clone())).collect()
    }

    /// Encodes the node at `depth` of leaves that share all nibbles before it, and keeps those below.
    fn node(&mut self, leaves: &[(&[u8], &[u8])], depth: usize) -> Vec<u8> {
        let (first, last) = (leaves[0], leaves[leaves.len() - 1]);
        if leaves.len() == 1 {
            let (key, value) = first;
            return list(&[string(&hex_prefix(&key[depth..], true)), string(value)]);
        }
        // Leaves are sorted: what the first and the last share, all share.
        let shared = first.0[depth..].iter().zip(&last.0[depth..]).take_while(|(a, b)| a == b);
        let below = depth + shared.count();
        if below > depth {
            let child = self.node(leaves, below);
            let child = self.reference(first.0[..below].to_vec(), child);
            return list(&[string(&hex_prefix(&first.0[depth..below], false)), child]);
        }
        let value = leaves.iter().find(|(key, _)| key.len() == depth);
        let mut items: Vec<Vec<u8>> = (0..16)
            .map(|nibble| {
                let is_below = |(key, _): &&(&[u8], &[u8])| key.get(depth) == Some(&nibble);
                let own: Vec<_> = leaves.iter().filter(is_below).copied().collect();
                if own.is_empty() {
                    return string(&[]);
                }
                let child = self.node(&own, depth + 1);
                self.reference(own[0].0[..=depth].to_vec(), child)
            })
            .collect();
        items.push(string(value.map_or(&[], |(_, value)| value)));
        list(&items)
    }

    /// What a parent holds of a node: its hash, or the node if that is shorter.
    fn reference(&mut self, path: Path, node: Vec<u8>) -> Vec<u8> {
        if node.len() < 32 {
            return node;
        }
        let reference = string(keccak256(&node).as_slice());
        self.nodes.insert(path, node.into());
        reference
    }
}

/// Hex-prefix encoding (yellow paper, appendix C).
pub fn hex_prefix(nibbles: &[u8], is_leaf: bool) -> Vec<u8> {
    let flag = if is_leaf { 2 } else { 0 };
    let (first, rest) = match nibbles {
        [first, rest @ ..] if nibbles.len() % 2 == 1 => (((flag + 1) << 4) + first, rest),
        _ => (flag << 4, nibbles),
    };
    let mut bytes = vec![first];
    bytes.extend(rest.chunks(2).map(|pair| (pair[0] << 4) + pair[1]));
    bytes
}

/// The RLP of a string.
pub fn string(bytes: &[u8]) -> Vec<u8> {
    alloy_rlp::encode(bytes)
}

/// The RLP of a list of encoded items.
pub fn list<T: AsRef<[u8]>>(items: &[T]) -> Vec<u8> {
    let payload_length = items.iter().map(|item| item.as_ref().len()).sum();
    let mut out = Vec::new();
    Header { list: true, payload_length }.encode(&mut out);
    items.iter().for_each(|item| out.extend_from_slice(item.as_ref()));
    out
}

/// The leaves of a storage trie under their hashed keys.
pub fn storage_leaves<'a>(
    slots: impl IntoIterator<Item = (&'a alloy_primitives::U256, &'a alloy_primitives::U256)>,
) -> BTreeMap<Path, Vec<u8>> {
    let leaf = |(slot, value): (&alloy_primitives::U256, &alloy_primitives::U256)| {
        let mut encoded = Vec::new();
        value.encode(&mut encoded);
        (nibbles(keccak256(slot.to_be_bytes::<32>()).as_slice()), encoded)
    };
    slots.into_iter().map(leaf).collect()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{b256, hex};

    use super::*;

    fn leaves(pairs: &[(&str, &str)]) -> BTreeMap<Path, Vec<u8>> {
        let leaf =
            |(key, value): &(&str, &str)| (nibbles(key.as_bytes()), value.as_bytes().to_vec());
        pairs.iter().map(leaf).collect()
    }

    #[test]
    fn the_example_of_the_specification_has_the_known_root() {
        let trie = NaiveTrie::new(&leaves(&[
            ("do", "verb"),
            ("dog", "puppy"),
            ("doge", "coin"),
            ("horse", "stallion"),
        ]));
        let root = b256!("5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84");
        assert_eq!(trie.root(), root);
        // "dog" ends in a branch that is shorter than a hash.
        let lengths: Vec<usize> =
            trie.proof(&nibbles(b"dog")).iter().map(|(p, _)| p.len()).collect();
        assert_eq!(lengths, [0, 1, 2, 4]);
    }

    #[test]
    fn paths_are_packed_as_the_appendix_says() {
        assert_eq!(hex_prefix(&[1, 2, 3, 4, 5], false), hex!("112345"));
        assert_eq!(hex_prefix(&[0, 1, 2, 3, 4, 5], false), hex!("00012345"));
        assert_eq!(hex_prefix(&[0, 15, 1, 12, 11, 8], true), hex!("200f1cb8"));
        assert_eq!(hex_prefix(&[15, 1, 12, 11, 8], true), hex!("3f1cb8"));
        assert_eq!(hex_prefix(&[], true), hex!("20"));
    }
}
