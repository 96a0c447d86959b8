//! Dense ids of exact keys.
//!
//! The tables hold ids only, and the keys are where the ids lead: a table of a block's accounts fits the second-level cache,
//! and a hit goes straight to what was looked for. Hashes are keyed at random, because whoever sends transactions
//! chooses the keys.

use std::{
    fmt,
    hash::{BuildHasher, Hasher},
    marker::PhantomData,
};

use alloy_primitives::map::{DefaultHashBuilder, FbBuildHasher};
use braid_interpreter::AccountId;
use braid_primitives::{Address, U256};
use hashbrown::{HashTable, hash_table::Entry};

/// Something that has an id.
pub(super) trait Key: PartialEq {
    /// Makes hashers with a random key.
    type Random: BuildHasher + Default;

    fn hash(&self, random: &Self::Random) -> u64;
}

/// Ids of keys of one kind.
pub(super) struct Ids<K: Key> {
    table: HashTable<u32>,
    random: K::Random,
    kind: PhantomData<K>,
}

pub(super) type AddressIds = Ids<Address>;
pub(super) type SlotIds = Ids<SlotKey>;

impl<K: Key> fmt::Debug for Ids<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").field("count", &self.table.len()).finish_non_exhaustive()
    }
}

impl<K: Key> Default for Ids<K> {
    fn default() -> Self {
        Self { table: HashTable::new(), random: K::Random::default(), kind: PhantomData }
    }
}

impl<K: Key> Ids<K> {
    /// Forgets everything, keeping the allocation.
    pub(super) fn clear(&mut self) {
        self.table.clear();
    }

    /// The id of `key`; `key_of` tells whose an id is.
    #[inline]
    pub(super) fn get<'k>(&self, key: &K, key_of: impl Fn(u32) -> &'k K) -> Option<u32>
    where
        K: 'k,
    {
        let hash = key.hash(&self.random);
        self.table.find(hash, |id| key_of(*id) == key).copied()
    }

    /// The id of `key`, which becomes `next` if it has none.
    #[inline]
    pub(super) fn get_or_insert<'k>(
        &mut self,
        key: &K,
        next: u32,
        key_of: impl Fn(u32) -> &'k K,
    ) -> u32
    where
        K: 'k,
    {
        let (table, random) = (&mut self.table, &self.random);
        let hash = key.hash(random);
        match table.entry(hash, |id| key_of(*id) == key, |id| key_of(*id).hash(random)) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => *entry.insert(next).get(),
        }
    }
}

impl Key for Address {
    type Random = FbBuildHasher<20>;

    #[inline]
    fn hash(&self, random: &Self::Random) -> u64 {
        random.hash_one(self)
    }
}

/// Exact identity of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub(super) struct SlotKey {
    key: U256,
    account: AccountId,
}

impl SlotKey {
    pub(super) const fn new(account: AccountId, key: U256) -> Self {
        Self { key, account }
    }

    pub(super) const fn account(&self) -> AccountId {
        self.account
    }

    pub(super) const fn key(&self) -> U256 {
        self.key
    }
}

impl Key for SlotKey {
    type Random = DefaultHashBuilder;

    #[inline]
    fn hash(&self, random: &Self::Random) -> u64 {
        // Word by word: as bytes with a length it takes several times as long.
        let mut hasher = random.build_hasher();
        self.key.as_limbs().iter().for_each(|limb| hasher.write_u64(*limb));
        hasher.write_u32(self.account.0);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_an_id_of_its_own_while_the_table_grows() {
        let keys: Vec<SlotKey> = (0..1000_u32)
            .map(|i| SlotKey::new(AccountId(i % 7), U256::from(i / 7) << (64 * (i % 4))))
            .collect();
        let mut ids = SlotIds::default();
        for (next, key) in keys.iter().enumerate() {
            let next = next as u32;
            assert_eq!(ids.get(key, |id| &keys[id as usize]), None);
            assert_eq!(ids.get_or_insert(key, next, |id| &keys[id as usize]), next);
        }
        for (id, key) in keys.iter().enumerate() {
            assert_eq!(ids.get_or_insert(key, 1000, |id| &keys[id as usize]), id as u32);
        }
        ids.clear();
        assert_eq!(ids.get(&keys[0], |id| &keys[id as usize]), None);
    }
}
