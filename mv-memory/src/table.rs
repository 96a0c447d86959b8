//! Dense indices of exact keys, given out by many threads.

use std::{
    fmt,
    hash::{BuildHasher, Hasher},
};

use alloy_primitives::{Address, U256, map::DefaultHashBuilder};
use crossbeam_utils::CachePadded;
use hashbrown::{HashTable, hash_table::Entry};

use crate::{
    AccountIndex,
    account::AccountCell,
    arena::Arena,
    slot::SlotCell,
    sync::{Mutex, lock},
};

/// A power of two, well above the number of workers: two of them rarely want the same shard at once.
const SHARDS: usize = 64;

/// A cell that belongs to a key.
pub(crate) trait Keyed: Default {
    type Key;

    fn hash(key: &Self::Key, random: &DefaultHashBuilder) -> u64;

    fn is_of(&self, key: &Self::Key) -> bool;

    /// Its own key's hash.
    fn rehash(&self, random: &DefaultHashBuilder) -> u64;

    /// Makes it the cell of another key, of which nothing is known.
    fn renew(&self, key: &Self::Key);
}

/// Cells by key. The shards hold indices only; keys are in the cells. Hashes are keyed at random, because whoever sends
/// transactions chooses the keys; equal hashes cost time, never identity.
pub(crate) struct Table<T> {
    cells: Arena<T>,
    shards: Box<[CachePadded<Mutex<HashTable<u32>>>]>,
    random: DefaultHashBuilder,
}

impl<T: Keyed> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("count", &self.len()).finish_non_exhaustive()
    }
}

impl<T: Keyed> Default for Table<T> {
    fn default() -> Self {
        Self {
            cells: Arena::default(),
            shards: (0..SHARDS).map(|_| CachePadded::new(Mutex::new(HashTable::new()))).collect(),
            random: DefaultHashBuilder::default(),
        }
    }
}

impl<T: Keyed> Table<T> {
    /// The index of `key`, new if it was not seen before.
    pub(crate) fn index(&self, key: &T::Key) -> u32 {
        let hash = T::hash(key, &self.random);
        // The table looks at the lowest and at the highest bits.
        let shard = (hash >> 32) as usize % SHARDS;
        let mut shard = lock(&self.shards[shard]);
        let is_it = |index: &u32| self.cells.get(*index).is_of(key);
        let hash_of = |index: &u32| self.cells.get(*index).rehash(&self.random);
        match shard.entry(hash, is_it, hash_of) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let index = self.cells.add();
                self.cells.get(index).renew(key);
                entry.insert(index);
                index
            }
        }
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &T {
        self.cells.get(index)
    }

    /// Whether `is_it` says so of a cell. Others may add cells meanwhile, so it goes by the keys: a cell that was taken and has
    /// no key yet is that of an earlier block.
    pub(crate) fn any(&self, mut is_it: impl FnMut(&T) -> bool) -> bool {
        let mut is_in = |shard: &Mutex<HashTable<u32>>| {
            lock(shard).iter().any(|index| is_it(self.cells.get(*index)))
        };
        self.shards.iter().any(|shard| is_in(shard))
    }

    /// How many keys were seen.
    pub(crate) fn len(&self) -> u32 {
        self.cells.len()
    }

    /// Forgets all keys, and hashes by another key from now on.
    pub(crate) fn clear(&mut self) {
        for shard in &mut self.shards {
            let shard = shard.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
            // What one huge block needed is not kept for ever.
            let mostly_unused = shard.capacity() > 64 && shard.len() < shard.capacity() / 8;
            shard.clear();
            if mostly_unused {
                shard.shrink_to(0, |_| 0);
            }
        }
        self.cells.clear();
        self.random = DefaultHashBuilder::default();
    }
}

impl Keyed for AccountCell {
    type Key = Address;

    #[inline]
    fn hash(key: &Address, random: &DefaultHashBuilder) -> u64 {
        let mut hasher = random.build_hasher();
        let (words, rest) = key.as_chunks::<8>();
        words.iter().for_each(|word| hasher.write_u64(u64::from_le_bytes(*word)));
        let mut last = [0; 4];
        last.copy_from_slice(rest);
        hasher.write_u32(u32::from_le_bytes(last));
        hasher.finish()
    }

    #[inline]
    fn is_of(&self, key: &Address) -> bool {
        self.address() == *key
    }

    fn rehash(&self, random: &DefaultHashBuilder) -> u64 {
        Self::hash(&self.address(), random)
    }

    fn renew(&self, key: &Address) {
        Self::renew(self, key);
    }
}

impl Keyed for SlotCell {
    type Key = (AccountIndex, U256);

    #[inline]
    fn hash((account, key): &Self::Key, random: &DefaultHashBuilder) -> u64 {
        let mut hasher = random.build_hasher();
        key.as_limbs().iter().for_each(|limb| hasher.write_u64(*limb));
        hasher.write_u32(account.0);
        hasher.finish()
    }

    #[inline]
    fn is_of(&self, (account, key): &Self::Key) -> bool {
        self.account() == *account && self.key() == *key
    }

    fn rehash(&self, random: &DefaultHashBuilder) -> u64 {
        Self::hash(&(self.account(), self.key()), random)
    }

    fn renew(&self, (account, key): &Self::Key) {
        Self::renew(self, *account, key);
    }
}
