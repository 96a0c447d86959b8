//! Hashes of code by small numbers, and the code that the block deployed.

use std::hash::{BuildHasher, Hasher};

use alloy_primitives::{B256, Bytes, map::B256Map};
use braid_primitives::KECCAK256_EMPTY;

use crate::{
    sync::{AtomicU32, Mutex, Ordering, lock, to_cells::KeyHasher},
    table::{Keyed, Lot, Table},
    words::Word,
};

/// The number of the code hash of an account without code; that of a cell is one more than the cell's index.
const EMPTY: u32 = 0;

/// A code hash.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct CodeCell {
    hash: Word,
}

impl Default for CodeCell {
    fn default() -> Self {
        Self { hash: Word::zero() }
    }
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    hashes: Table<CodeCell>,
    lot: Mutex<Lot>,
    deployed: Mutex<B256Map<Bytes>>,
    /// Of those.
    count: AtomicU32,
}

impl Codes {
    /// Forgets everything, for the next block.
    pub(crate) fn clear(&mut self) {
        self.hashes.clear();
        *lock(&self.lot) = Lot::default();
        lock(&self.deployed).clear();
        self.count.store(0, Ordering::Relaxed);
    }

    /// The number of a code hash.
    #[inline]
    pub(crate) fn number(&self, hash: &B256) -> u32 {
        if *hash == KECCAK256_EMPTY { EMPTY } else { self.number_of_contract(hash) }
    }

    #[inline(never)]
    fn number_of_contract(&self, hash: &B256) -> u32 {
        let index = match self.hashes.find(hash) {
            Ok(index) => index,
            Err(absent) => self.hashes.add((hash, absent), &mut lock(&self.lot), |_| {}),
        };
        index + 1
    }

    /// The code hash with this number.
    #[inline]
    pub(crate) fn hash(&self, number: u32) -> B256 {
        match number {
            EMPTY => KECCAK256_EMPTY,
            number => self.hashes.get(number - 1).hash.load_hash(),
        }
    }

    /// The code with this hash, if it was deployed in this block.
    pub(crate) fn deployed(&self, hash: &B256) -> Option<Bytes> {
        // Whoever learns of an account with such code sees the count that was stored before.
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        lock(&self.deployed).get(hash).cloned()
    }

    /// Adds code.
    pub(crate) fn deploy(&self, hash: B256, code: impl FnOnce() -> Bytes) {
        let mut deployed = lock(&self.deployed);
        deployed.entry(hash).or_insert_with(code);
        self.count.store(deployed.len() as u32, Ordering::Release);
    }
}

impl Keyed for CodeCell {
    type Key = B256;

    #[inline]
    fn hash(key: &B256, random: &KeyHasher) -> u64 {
        let mut hasher = random.build_hasher();
        let (words, _) = key.as_chunks::<8>();
        words.iter().for_each(|word| hasher.write_u64(u64::from_le_bytes(*word)));
        hasher.finish()
    }

    fn is_of(&self, key: &B256) -> bool {
        self.hash.load_hash() == *key
    }

    fn renew(&self, key: &B256) {
        self.hash.store_hash(key);
    }

    fn forget(&self) {}
}
