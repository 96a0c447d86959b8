//! Ethash: the proof of work of headers before Paris (yellow paper, appendix J).
//!
//! Whoever mines looks at random into a *data set* of gigabytes. Whoever verifies makes the few items that a header needs from
//! a *cache*, which changes with every epoch of 30,000 blocks and takes a good quarter of a second to make. [`Ethash`] keeps
//! the caches of the last few epochs it was asked for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use braid_precompiles::Crypto;
use braid_primitives::{B256, Header, U256};

/// Blocks in an epoch.
pub const EPOCH_BLOCKS: u64 = 30_000;

/// The last epoch that is verified. Mainnet ended in epoch 517; without a limit, a header could ask for a cache of any size.
pub const LAST_EPOCH: u64 = 1_023;

/// Most epochs whose caches are kept: 16 MiB each in the first epoch, 80 MiB at the end of mainnet's proof of work.
const KEPT_EPOCHS: usize = 3;

/// Size of the cache of the first epoch, and what each epoch adds, in bytes.
const CACHE_BYTES_INIT: u64 = 1 << 24;
const CACHE_BYTES_GROWTH: u64 = 1 << 17;

/// Size of the data set of the first epoch, and what each epoch adds, in bytes.
const DATASET_BYTES_INIT: u64 = 1 << 30;
const DATASET_BYTES_GROWTH: u64 = 1 << 23;

/// Bytes of an item of the cache or the data set: a Keccak-512.
const ITEM_BYTES: u64 = 64;
const ITEM_WORDS: usize = 16;

/// Words of the mix: two items of the data set.
const MIX_WORDS: usize = 2 * ITEM_WORDS;
const MIX_BYTES: u64 = 2 * ITEM_BYTES;

/// Times that the cache is stirred.
const CACHE_ROUNDS: u32 = 3;

/// Items of the cache that an item of the data set is made from.
const DATASET_PARENTS: u32 = 256;

/// Looks into the data set.
const ACCESSES: u32 = 64;

type Item = [u32; ITEM_WORDS];

/// Why a proof of work is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSeal {
    /// The mix hash is not that of the nonce.
    #[error("the mix hash of the nonce is {expected}, the header says {found}")]
    MixHash {
        /// What the nonce leads to.
        expected: B256,
        /// What the header says.
        found: B256,
    },
    /// The result is not small enough for the difficulty.
    #[error(
        "the nonce leads to {result}, which is above {boundary}, the most at difficulty {difficulty}"
    )]
    AboveBoundary {
        /// What the nonce leads to, as a number.
        result: U256,
        /// The most that it may be.
        boundary: U256,
        /// Difficulty of the header.
        difficulty: U256,
    },
    /// No work has difficulty zero.
    #[error("a proof of work cannot have difficulty zero")]
    ZeroDifficulty,
    /// The block is beyond what proof of work was made for.
    #[error("block {number} is after the last epoch of proof of work, {LAST_EPOCH}")]
    EpochTooLate {
        /// Height of the block.
        number: u64,
    },
}

/// What a nonce leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// What the header has to say as its mix hash.
    pub mix_hash: B256,
    /// The number, big-endian, that has to be small.
    pub result: B256,
}

/// Verifies proofs of work. May be shared by threads, which wait for each other only when they want the same new cache.
#[derive(Debug)]
pub struct Ethash<C> {
    crypto: C,
    /// Epochs and their caches, the last used one at the back.
    kept: Mutex<VecDeque<(u64, Arc<OnceLock<Cache>>)>>,
}

impl<C: Crypto> Ethash<C> {
    /// A verifier that has no cache yet.
    pub const fn new(crypto: C) -> Self {
        Self { crypto, kept: Mutex::new(VecDeque::new()) }
    }

    /// Checks the proof of work of a header, which is one from before Paris.
    ///
    /// # Errors
    /// [`InvalidSeal`]: the mix hash is compared before the difficulty.
    pub fn verify_header(&self, header: &Header) -> Result<(), InvalidSeal> {
        let seal_hash = header.hash_without_seal(|bytes| self.crypto.keccak256(bytes));
        let nonce = u64::from_be_bytes(header.nonce.0);
        self.verify(header.number, seal_hash, nonce, header.mix_hash, header.difficulty)
    }

    /// Like [`Self::verify_header`], where `seal_hash` is the hash of the header without mix hash and nonce (see
    /// [`Header::hash_without_seal`]).
    ///
    /// # Errors
    /// [`InvalidSeal`]: the mix hash is compared before the difficulty.
    pub fn verify(
        &self,
        number: u64,
        seal_hash: B256,
        nonce: u64,
        mix_hash: B256,
        difficulty: U256,
    ) -> Result<(), InvalidSeal> {
        if difficulty.is_zero() {
            return Err(InvalidSeal::ZeroDifficulty);
        }
        let work = self.work(number, seal_hash, nonce)?;
        if work.mix_hash != mix_hash {
            return Err(InvalidSeal::MixHash { expected: work.mix_hash, found: mix_hash });
        }
        let (result, boundary) = (U256::from_be_bytes(work.result.0), boundary(difficulty));
        if result > boundary {
            return Err(InvalidSeal::AboveBoundary { result, boundary, difficulty });
        }
        Ok(())
    }

    /// What `nonce` leads to in a header of block `number`, whose hash without mix hash and nonce is `seal_hash`.
    ///
    /// # Errors
    /// [`InvalidSeal::EpochTooLate`].
    pub fn work(&self, number: u64, seal_hash: B256, nonce: u64) -> Result<Work, InvalidSeal> {
        let epoch = number / EPOCH_BLOCKS;
        if epoch > LAST_EPOCH {
            return Err(InvalidSeal::EpochTooLate { number });
        }
        let slot = self.slot(epoch);
        let cache = slot.get_or_init(|| Cache::generate(epoch, &self.crypto));
        Ok(cache.work(seal_hash, nonce, &self.crypto))
    }

    /// The place of the epoch's cache, which may be empty still.
    fn slot(&self, epoch: u64) -> Arc<OnceLock<Cache>> {
        // The queue is complete whenever the lock is given back, a panic included.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(kept, _)| *kept == epoch);
        let (_, slot) = found.and_then(|at| kept.remove(at)).unwrap_or_default();
        if kept.len() == KEPT_EPOCHS {
            kept.pop_front();
        }
        kept.push_back((epoch, Arc::clone(&slot)));
        slot
    }
}

/// The most that the result of a proof of work may be: 2^256 divided by a difficulty that is not zero, and
/// [`U256::MAX`] for difficulty 1.
fn boundary(difficulty: U256) -> U256 {
    // 2^256 less the difficulty, to stay within 256 bits.
    (difficulty.wrapping_neg() / difficulty).saturating_add(U256::ONE)
}

/// What the items of an epoch's data set are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    items: Vec<Item>,
    /// Number of pairs of items in the data set.
    dataset_pairs: u32,
}

impl Cache {
    /// Makes the cache of an epoch. Its size grows with the epoch without end.
    pub fn generate(epoch: u64, crypto: &impl Crypto) -> Self {
        let mut seed = B256::ZERO;
        for _ in 0..epoch {
            seed = crypto.keccak256(seed.as_slice());
        }
        let count = cache_bytes(epoch) / ITEM_BYTES;
        let first = keccak512(seed.as_slice(), crypto);
        let next = |item: &Item| Some(keccak512(&item_bytes(item), crypto));
        let mut items: Vec<Item> =
            std::iter::successors(Some(first), next).take(count as usize).collect();
        for _ in 0..CACHE_ROUNDS {
            stir(&mut items, crypto);
        }
        Self { items, dataset_pairs: (dataset_bytes(epoch) / MIX_BYTES) as u32 }
    }

    /// The items, each of 16 words that are little-endian where they are bytes.
    pub fn items(&self) -> &[[u32; 16]] {
        &self.items
    }

    /// See [`Ethash::work`].
    fn work(&self, seal_hash: B256, nonce: u64, crypto: &impl Crypto) -> Work {
        let mut message = [0; 40];
        message[..32].copy_from_slice(seal_hash.as_slice());
        message[32..].copy_from_slice(&nonce.to_le_bytes());
        let seed = keccak512(&message, crypto);
        let mut mix: [u32; MIX_WORDS] = std::array::from_fn(|i| seed[i % ITEM_WORDS]);
        for access in 0..ACCESSES {
            let random = fnv(access ^ seed[0], mix[access as usize % MIX_WORDS]);
            let first = random % self.dataset_pairs * 2;
            let (low, high) = mix.split_at_mut(ITEM_WORDS);
            fnv_words(low, &self.dataset_item(first, crypto));
            fnv_words(high, &self.dataset_item(first + 1, crypto));
        }
        let mut mix_hash = B256::ZERO;
        let (quads, _) = mix.as_chunks::<4>();
        for (bytes, [a, b, c, d]) in mix_hash.chunks_exact_mut(4).zip(quads) {
            bytes.copy_from_slice(&fnv(fnv(fnv(*a, *b), *c), *d).to_le_bytes());
        }
        let end = [&item_bytes(&seed)[..], mix_hash.as_slice()].concat();
        Work { mix_hash, result: crypto.keccak256(&end) }
    }

    fn dataset_item(&self, index: u32, crypto: &impl Crypto) -> Item {
        let count = self.items.len() as u32;
        let mut item = self.items[(index % count) as usize];
        item[0] ^= index;
        item = keccak512(&item_bytes(&item), crypto);
        for parent in 0..DATASET_PARENTS {
            let random = fnv(index ^ parent, item[parent as usize % ITEM_WORDS]);
            fnv_words(&mut item, &self.items[(random % count) as usize]);
        }
        keccak512(&item_bytes(&item), crypto)
    }
}

/// One round of RandMemoHash, which makes every item depend on others.
fn stir(items: &mut [Item], crypto: &impl Crypto) {
    let count = items.len();
    for i in 0..count {
        let before = items[i.checked_sub(1).unwrap_or(count - 1)];
        let mut item = items[items[i][0] as usize % count];
        item.iter_mut().zip(before).for_each(|(word, other)| *word ^= other);
        items[i] = keccak512(&item_bytes(&item), crypto);
    }
}

fn keccak512(bytes: &[u8], crypto: &impl Crypto) -> Item {
    let hash = crypto.keccak512(bytes);
    let (words, _) = hash.as_chunks();
    std::array::from_fn(|i| u32::from_le_bytes(words[i]))
}

fn item_bytes(item: &Item) -> [u8; ITEM_BYTES as usize] {
    let mut bytes = [0; ITEM_BYTES as usize];
    let (words, _) = bytes.as_chunks_mut();
    words.iter_mut().zip(item).for_each(|(bytes, word)| *bytes = word.to_le_bytes());
    bytes
}

/// Mixes a word into another one, as the hash function of Fowler, Noll and Vo does with bytes.
const fn fnv(word: u32, other: u32) -> u32 {
    word.wrapping_mul(0x0100_0193) ^ other
}

fn fnv_words(words: &mut [u32], others: &Item) {
    words.iter_mut().zip(others).for_each(|(word, other)| *word = fnv(*word, *other));
}

/// Size of the cache of an epoch in bytes: the largest prime number of items below what the growth gives.
pub fn cache_bytes(epoch: u64) -> u64 {
    largest_prime_size(CACHE_BYTES_INIT + CACHE_BYTES_GROWTH * epoch, ITEM_BYTES)
}

/// Size of the data set of an epoch in bytes: the largest prime number of pairs of items below what the growth gives.
pub fn dataset_bytes(epoch: u64) -> u64 {
    largest_prime_size(DATASET_BYTES_INIT + DATASET_BYTES_GROWTH * epoch, MIX_BYTES)
}

/// The largest size below `bytes`, which is an even number of units, that is a prime number of units.
fn largest_prime_size(bytes: u64, unit_bytes: u64) -> u64 {
    let mut units = bytes / unit_bytes - 1;
    while !is_prime(units) {
        units -= 2;
    }
    units * unit_bytes
}

/// For odd numbers from 3 on.
fn is_prime(number: u64) -> bool {
    (3..=number.isqrt()).step_by(2).all(|divisor| !number.is_multiple_of(divisor))
}

#[cfg(test)]
mod tests;
