//! Keys that make tries deep: their hashes share long prefixes.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, U256, keccak256};

/// How many keys are hashed to find some that are close.
const SEARCHED: u64 = 1 << 14;
/// How many clusters are made of them, and how large they are.
const CLUSTERS: usize = 6;
const CLUSTER_SIZE: usize = 4;

/// Addresses in clusters: those of a cluster follow each other, and their hashes share 5 nibbles and more.
pub fn addresses() -> &'static [Address] {
    static ADDRESSES: LazyLock<Vec<Address>> =
        LazyLock::new(|| clusters(|number| Address::from_word(U256::from(number).into())));
    &ADDRESSES
}

/// Slots in clusters, as [`addresses`] are.
pub fn slots() -> &'static [U256] {
    static SLOTS: LazyLock<Vec<U256>> = LazyLock::new(|| clusters(U256::from));
    &SLOTS
}

/// A key, and what is hashed of it.
trait Hashed: Copy {
    fn hash(&self) -> B256;
}

impl Hashed for Address {
    fn hash(&self) -> B256 {
        keccak256(self)
    }
}

impl Hashed for U256 {
    fn hash(&self) -> B256 {
        keccak256(self.to_be_bytes::<32>())
    }
}

fn clusters<K: Hashed>(key: impl Fn(u64) -> K) -> Vec<K> {
    let mut keys: Vec<(B256, K)> = (1..=SEARCHED)
        .map(|number| {
            let key = key(number);
            (key.hash(), key)
        })
        .collect();
    keys.sort_unstable_by_key(|(hash, _)| *hash);
    // The closest pairs, and those that stand next to them, which are close too.
    let mut starts: Vec<usize> = (0..keys.len() - CLUSTER_SIZE).collect();
    starts.sort_by_key(|start| {
        std::cmp::Reverse(shared_bits(&keys[start + 1].0, &keys[start + 2].0))
    });
    let mut chosen: Vec<usize> = Vec::new();
    for start in starts {
        if chosen.len() == CLUSTERS {
            break;
        }
        if chosen.iter().all(|other| other.abs_diff(start) >= CLUSTER_SIZE) {
            chosen.push(start);
        }
    }
    chosen
        .iter()
        .flat_map(|start| &keys[*start..start + CLUSTER_SIZE])
        .map(|(_, key)| *key)
        .collect()
}

fn shared_bits(a: &B256, b: &B256) -> usize {
    U256::from_be_bytes((*a ^ *b).0).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cluster_has_a_pair_that_shares_five_nibbles() {
        for cluster in addresses().chunks(CLUSTER_SIZE) {
            assert!(shared_bits(&cluster[1].hash(), &cluster[2].hash()) >= 20, "{cluster:?}");
        }
        for cluster in slots().chunks(CLUSTER_SIZE) {
            assert!(shared_bits(&cluster[1].hash(), &cluster[2].hash()) >= 20, "{cluster:?}");
        }
    }
}
