//! Hashes of 64-byte inputs that were computed before.
//!
//! Solidity hashes key and slot number, 64 bytes, for each access to a mapping; a transaction asks for the same few pairs
//! again and again. The cache holds inputs and hashes, so an entry can never be wrong, only missing.

use braid_primitives::B256;

use crate::spread;

/// Number of entries, a power of two. 52 KB in all: a part of the second-level cache.
const ENTRIES: usize = 512;

#[derive(Clone, Debug)]
struct Entry {
    input: [u8; 64],
    hash: B256,
}

/// A direct-mapped cache: each input has one place, and the last one there stays.
#[derive(Debug)]
pub(crate) struct HashCache {
    entries: Vec<Option<Entry>>,
}

impl Default for HashCache {
    fn default() -> Self {
        Self { entries: vec![None; ENTRIES] }
    }
}

impl HashCache {
    /// The hash of `input`: remembered, or computed by `hash`.
    #[inline]
    pub(crate) fn get(&mut self, input: &[u8; 64], hash: impl FnOnce(&[u8]) -> B256) -> B256 {
        let entry = &mut self.entries[place(input)];
        match entry {
            Some(entry) if entry.input == *input => entry.hash,
            _ => {
                let hash = hash(input);
                *entry = Some(Entry { input: *input, hash });
                hash
            }
        }
    }
}

/// Where an input belongs. Keys and slot numbers differ in their low bytes, hashes everywhere.
fn place(input: &[u8; 64]) -> usize {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&input[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let mixed = word(24) ^ word(56).rotate_left(17) ^ word(32).rotate_left(31);
    spread::place(mixed, ENTRIES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_hashed_once_until_another_takes_its_place() {
        let mut cache = HashCache::default();
        let (input, hash) = ([0; 64], B256::repeat_byte(1));
        assert_eq!(cache.get(&input, |_| hash), hash, "zeros are not there from the start");
        assert_eq!(cache.get(&input, |_| unreachable!("it is remembered")), hash);
        // Differs only in bytes that do not decide the place.
        let mut rival = input;
        rival[0] = 1;
        assert_eq!(place(&rival), place(&input));
        let other = B256::repeat_byte(2);
        assert_eq!(cache.get(&rival, |_| other), other);
        assert_eq!(cache.get(&input, |_| hash), hash);
    }

    #[test]
    fn the_slots_of_neighbouring_keys_have_places_of_their_own() {
        let places: std::collections::BTreeSet<usize> = (0..16_u8)
            .map(|key| {
                let mut input = [0; 64];
                (input[31], input[63]) = (key, 3);
                place(&input)
            })
            .collect();
        assert!(places.len() >= 14, "{places:?}");
    }
}
