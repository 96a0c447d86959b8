//! Builders that take sorted leaves and keep nothing.

use std::hash::DefaultHasher;

use alloy_primitives::keccak256;
use alloy_trie::{HashBuilder, Nibbles};
use braid_primitives::B256;

use super::Leaves;

/// The root by alloy-trie's hash builder.
pub fn alloy_root(leaves: &Leaves) -> B256 {
    let mut builder = HashBuilder::default();
    for (key, value) in leaves {
        // The leaves are in order, which the builder need not check again.
        builder.add_leaf_unchecked(Nibbles::unpack(key), value);
    }
    builder.root()
}

/// The root by triehash, with the Keccak of alloy-primitives.
pub fn triehash_root(leaves: &Leaves) -> B256 {
    triehash::trie_root::<Keccak, _, _, _>(leaves.iter().map(|(key, value)| (key, value)))
}

#[derive(Debug)]
struct Keccak;

impl hash_db::Hasher for Keccak {
    type Out = B256;
    type StdHasher = DefaultHasher;
    const LENGTH: usize = 32;

    fn hash(bytes: &[u8]) -> B256 {
        keccak256(bytes)
    }
}
