use std::io::Write;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::crypto::PortableCrypto;

/// Hashes a batch.
type Way = fn(&[&[u8]], &mut [B256]);

/// Every way to hash a batch that this processor has, by its name.
fn ways() -> Vec<(&'static str, Way)> {
    let chosen = ("the chosen way", keccak256_batch as Way);
    vector_ways().into_iter().filter_map(|(name, way)| Some((name, way?))).chain([chosen]).collect()
}

/// The ways with vectors; `None` for those that this processor lacks.
#[cfg(target_arch = "x86_64")]
fn vector_ways() -> Vec<(&'static str, Option<Way>)> {
    use x86::{Avx2, Avx512};
    let avx512: Way = |messages, hashes| {
        lanes::hash(&Avx512::detect().unwrap(), messages, hashes);
    };
    let avx2: Way = |messages, hashes| lanes::hash(&Avx2::detect().unwrap(), messages, hashes);
    vec![("AVX-512", Avx512::detect().map(|_| avx512)), ("AVX2", Avx2::detect().map(|_| avx2))]
}

#[cfg(not(target_arch = "x86_64"))]
fn vector_ways() -> Vec<(&'static str, Option<Way>)> {
    Vec::new()
}

/// Asserts that each way gives the hash of each message.
fn check(messages: &[&[u8]]) {
    let expected: Vec<B256> =
        messages.iter().map(|message| PortableCrypto::new().keccak256(message)).collect();
    for (name, hash_all) in ways() {
        let mut hashes = vec![B256::repeat_byte(0xee); messages.len()];
        hash_all(messages, &mut hashes);
        for (i, (hash, expected)) in hashes.iter().zip(&expected).enumerate() {
            let length = messages[i].len();
            assert_eq!(hash, expected, "{name}: message {i} of {} ({length} bytes)", hashes.len());
        }
    }
}

/// Messages of these lengths, no two of the same bytes.
fn messages(lengths: impl IntoIterator<Item = usize>) -> Vec<Vec<u8>> {
    let byte = |message: usize, at: usize| ((message * 31 + at * 7 + at / 256) % 251) as u8;
    let message = |(i, length): (usize, usize)| (0..length).map(|at| byte(i, at)).collect();
    lengths.into_iter().enumerate().map(message).collect()
}

fn check_lengths(lengths: impl IntoIterator<Item = usize>) {
    let messages = messages(lengths);
    check(&messages.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

#[test]
fn every_length_at_once() {
    for (name, _) in vector_ways().iter().filter(|(_, way)| way.is_none()) {
        let line = format!("not run: Keccak in batches with {name}, which this processor lacks\n");
        drop(std::io::stderr().write_all(line.as_bytes()));
    }
    check_lengths(0..1_000);
    check_lengths((0..1_000).rev());
}

#[test]
fn every_number_of_messages() {
    for count in 0..40 {
        check_lengths((0..count).map(|_| 110));
        // One to four blocks, in turns.
        check_lengths((0..count).map(|i| 20 + 136 * (i % 4)));
    }
}

#[test]
fn a_long_message_among_short_ones() {
    for place in 0..10 {
        check_lengths((0..10).map(|i| if i == place { 24_576 } else { 32 }));
    }
}

#[test]
fn every_bit_of_a_block_reaches_its_own_hash_only() {
    let zeros = [0; 136];
    let with_bit = |bit: usize| {
        let mut block = zeros;
        block[bit / 8] = 1 << (bit % 8);
        block
    };
    let blocks: Vec<_> = (0..8 * zeros.len()).map(with_bit).collect();
    check(&blocks.iter().map(|block| &block[..]).collect::<Vec<_>>());
}

#[test]
#[should_panic(expected = "one hash for each message")]
fn a_missing_place_for_a_hash_is_a_bug() {
    keccak256_batch(&[b"a", b"b"], &mut [B256::ZERO]);
}

/// Lengths up to a thousand, half of them around the ends of blocks.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![0..1_000_usize, (1..7_usize, 0..5_usize).prop_map(|(n, d)| n * 136 + d - 2)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_batches(
        messages in vec(length().prop_flat_map(|length| vec(any::<u8>(), length)), 0..70)
    ) {
        check(&messages.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
}
