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

use crate::spread;

/// Something that has an id.
pub(super) trait Key: PartialEq + Copy {
    /// Makes hashers with a random key.
    type Random: BuildHasher + Default;

    fn hash(&self, random: &Self::Random) -> u64;

    /// Some bits that differ between most keys, wherever they are cheap to get.
    fn bits(&self) -> u64;
}

/// Number of places for keys in use, a power of two: 1 KB.
const PLACES: usize = 256;

/// Set in a place whose id is in the table, too.
const IN_TABLE: u32 = 1 << 31;

/// Ids of keys of one kind, below 2^31.
///
/// Each key has a place, chosen by some of its bits, and the last one to be used there is found without hashing. It moves to
/// the table when another key needs the place: the few keys of a short transaction never see the table.
///
/// What is left of the time before [`Ids::clear`] counts as free: an id that leads nowhere, or to a key of another place.
pub(super) struct Ids<K: Key> {
    table: HashTable<u32>,
    random: K::Random,
    places: [u32; PLACES],
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
        Self {
            table: HashTable::new(),
            random: K::Random::default(),
            places: [u32::MAX; PLACES],
            kind: PhantomData,
        }
    }
}

impl<K: Key> Ids<K> {
    /// Forgets everything, keeping the allocation. What ids led to must be forgotten as well.
    pub(super) fn clear(&mut self) {
        self.table.clear();
    }

    /// The id of `key`; `key_of` tells whose an id is, if it is anybody's.
    #[inline]
    pub(super) fn get<'k>(&self, key: &K, key_of: impl Fn(u32) -> Option<&'k K>) -> Option<u32>
    where
        K: 'k,
    {
        let place = place(key);
        let id = self.places[place] & !IN_TABLE;
        let there = key_of(id)?;
        if there == key {
            return Some(id);
        }
        if self::place(there) != place {
            return None;
        }
        let hash = key.hash(&self.random);
        self.table.find(hash, |id| key_of(*id) == Some(key)).copied()
    }

    /// The id of `key`, which becomes `next` if it has none; `key_of(next)` is nobody's then.
    #[inline]
    pub(super) fn get_or_insert<'k>(
        &mut self,
        key: &K,
        next: u32,
        key_of: impl Fn(u32) -> Option<&'k K>,
    ) -> u32
    where
        K: 'k,
    {
        let place = place(key);
        let id = self.places[place] & !IN_TABLE;
        match key_of(id) {
            Some(there) if there == key => id,
            Some(there) if self::place(there) == place => {
                self.take_place(place, (*key, there), next, key_of)
            }
            _ => {
                self.places[place] = next;
                next
            }
        }
    }

    /// The id of `key`, which gets the place that `there` has. The key is a value, so that elsewhere it needs no address: what
    /// has one is copied as vectors, and that waits for the store buffer if the key was just written in words.
    #[inline(never)]
    fn take_place<'k>(
        &mut self,
        place: usize,
        (key, there): (K, &K),
        next: u32,
        key_of: impl Fn(u32) -> Option<&'k K>,
    ) -> u32
    where
        K: 'k,
    {
        let (table, random) = (&mut self.table, &self.random);
        let hash_of = |id: &u32| key_of(*id).map_or(0, |key| key.hash(random));
        let occupant = self.places[place];
        if occupant & IN_TABLE == 0 {
            table.insert_unique(there.hash(random), occupant, hash_of);
        }
        let is_it = |id: &u32| key_of(*id) == Some(&key);
        let id = match table.entry(key.hash(random), is_it, hash_of) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => *entry.insert(next).get(),
        };
        self.places[place] = id | IN_TABLE;
        id
    }
}

#[inline]
fn place<K: Key>(key: &K) -> usize {
    spread::place(key.bits(), PLACES)
}

impl Key for Address {
    type Random = FbBuildHasher<20>;

    #[inline]
    fn hash(&self, random: &Self::Random) -> u64 {
        random.hash_one(self)
    }

    #[inline]
    fn bits(&self) -> u64 {
        spread::address_bits(self)
    }
}

/// Exact identity of a slot.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct SlotKey {
    key: U256,
    account: AccountId,
}

impl PartialEq for SlotKey {
    /// Word by word: the key was written so just before, and reading it as vectors would wait for the store buffer.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let words = self.key.as_limbs().iter().zip(other.key.as_limbs());
        let account = u64::from(self.account.0 ^ other.account.0);
        words.fold(account, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

impl Eq for SlotKey {}

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

    #[inline]
    fn bits(&self) -> u64 {
        spread::slot_bits(self.account.0, &self.key)
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
            let key_of = |id: u32| keys[..next as usize].get(id as usize);
            assert_eq!(ids.get(key, key_of), None);
            assert_eq!(ids.get_or_insert(key, next, key_of), next);
        }
        for (id, key) in keys.iter().enumerate() {
            assert_eq!(ids.get_or_insert(key, 1000, |id| keys.get(id as usize)), id as u32);
            assert_eq!(ids.get(key, |id| keys.get(id as usize)), Some(id as u32));
        }
        ids.clear();
        // What was recently used leads nowhere now.
        assert!(keys.iter().all(|key| ids.get(key, |_| None).is_none()));
    }
}
