//! Roots of a state by others.

use std::{collections::BTreeMap, hash::DefaultHasher};

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_trie::{
    TrieAccount,
    root::{state_root_unhashed, storage_root_unhashed},
};

use super::naive::{NaiveTrie, Path, nibbles, storage_leaves};
use crate::world::{World, WorldAccount};

/// A state with all its nodes.
#[derive(Clone, Debug, Default)]
pub struct NaiveState {
    /// The state trie.
    pub accounts: NaiveTrie,
    /// The storage tries that have a slot, by hash of the account's address.
    pub storage: BTreeMap<B256, NaiveTrie>,
}

impl NaiveState {
    /// Builds all tries of a state.
    pub fn new(world: &World) -> Self {
        let mut storage = BTreeMap::new();
        let mut leaves = BTreeMap::new();
        for (address, account) in &world.accounts {
            let hash = keccak256(address);
            let trie = NaiveTrie::new(&storage_leaves(&account.storage));
            leaves.insert(nibbles(hash.as_slice()), alloy_rlp::encode(leaf(account, trie.root())));
            if !account.storage.is_empty() {
                storage.insert(hash, trie);
            }
        }
        Self { accounts: NaiveTrie::new(&leaves), storage }
    }

    /// The state root.
    pub fn root(&self) -> B256 {
        self.accounts.root()
    }

    /// Every node that has a hash of its own: none is the account whose storage it belongs to.
    pub fn nodes(&self) -> BTreeMap<(Option<B256>, Path), alloy_primitives::Bytes> {
        let own =
            self.accounts.nodes.iter().map(|(path, node)| ((None, path.clone()), node.clone()));
        let storage = self.storage.iter().flat_map(|(hash, trie)| {
            trie.nodes.iter().map(|(path, node)| ((Some(*hash), path.clone()), node.clone()))
        });
        own.chain(storage).collect()
    }
}

/// The state root, if all oracles agree on it.
///
/// # Errors
/// What they say if they do not.
pub fn state_root(world: &World, naive: &NaiveState) -> Result<B256, String> {
    let roots = [naive.root(), alloy_state_root(world), triehash_state_root(world)];
    if roots.iter().all(|root| *root == roots[0]) {
        Ok(roots[0])
    } else {
        Err(format!("the oracles differ: naive, alloy-trie, triehash: {roots:?}"))
    }
}

/// The state root by alloy-trie.
pub fn alloy_state_root(world: &World) -> B256 {
    let slot = |(slot, value): (&U256, &U256)| (B256::from(*slot), *value);
    state_root_unhashed(world.accounts.iter().map(|(address, account)| {
        let root = storage_root_unhashed(account.storage.iter().map(slot));
        (*address, leaf(account, root))
    }))
}

/// The state root by triehash.
pub fn triehash_state_root(world: &World) -> B256 {
    let account = |(address, account): (&Address, &WorldAccount)| {
        let slots = account.storage.iter();
        let root = sec_root(
            slots.map(|(slot, value)| (slot.to_be_bytes::<32>(), alloy_rlp::encode(value))),
        );
        (*address, alloy_rlp::encode(leaf(account, root)))
    };
    sec_root(world.accounts.iter().map(account))
}

/// The root by triehash of leaves with keys as they are.
pub fn triehash_root<K: AsRef<[u8]> + Ord, V: AsRef<[u8]>>(
    leaves: impl IntoIterator<Item = (K, V)>,
) -> B256 {
    triehash::trie_root::<Keccak, _, _, _>(leaves)
}

fn sec_root<K: AsRef<[u8]>, V: AsRef<[u8]>>(leaves: impl IntoIterator<Item = (K, V)>) -> B256 {
    triehash::sec_trie_root::<Keccak, _, _, _>(leaves)
}

/// The leaf of an account.
pub fn leaf(account: &WorldAccount, storage_root: B256) -> TrieAccount {
    let braid_primitives::AccountInfo { nonce, balance, code_hash } = account.info;
    TrieAccount { nonce, balance, storage_root, code_hash }
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
