//! Keccak-256 of many short messages: a batch, beside one message after the other and the hash of alloy-primitives.
//!
//! Lengths are those of a trie: hashed keys, leaves, extension and branch nodes, and a mixture.

use std::{hint::black_box, time::Duration};

use braid_benches::measure::{Effort, Pair, Times, repeated};
use braid_precompiles::{Crypto, DefaultCrypto};
use braid_primitives::B256;

/// Numbers of messages in a batch: a few, and more than there are lanes many times over.
const COUNTS: [usize; 5] = [2, 4, 8, 64, 1_024];

/// Names and lengths in bytes of the messages, which take turns.
const CASES: [(&str, &[usize]); 4] = [
    ("key", &[32]),
    ("leaf", &[110]),
    ("branch", &[532]),
    ("mixture", &[110, 70, 532, 32, 90, 51, 532, 110]),
];

const EFFORT: Effort =
    Effort { budget: Duration::from_millis(400), sample: Duration::from_millis(1) };

fn main() {
    println!("ns for each message, CPU time, medians; ratio = other / batch");
    println!(
        "{:<10} {:>8} {:>8} {:>12} {:>7} {:>8} {:>7}",
        "bytes", "messages", "batch", "one by one", "ratio", "alloy", "ratio"
    );
    for (name, lengths) in CASES {
        for count in COUNTS {
            row(name, lengths, count);
        }
    }
}

fn row(name: &str, lengths: &[usize], count: usize) {
    let crypto = DefaultCrypto::new();
    let messages: Vec<Vec<u8>> = lengths
        .iter()
        .cycle()
        .take(count)
        .zip(0_u8..=u8::MAX)
        .map(|(length, byte)| vec![byte; *length])
        .collect();
    let messages: Vec<&[u8]> = messages.iter().cycle().take(count).map(Vec::as_slice).collect();
    let mut hashes = [vec![B256::ZERO; count], vec![B256::ZERO; count], vec![B256::ZERO; count]];
    let [batch_hashes, single_hashes, alloy_hashes] = &mut hashes;

    let mut batch = || crypto.keccak256_batch(black_box(&messages), batch_hashes);
    let mut single = || one_by_one(&messages, single_hashes, |message| crypto.keccak256(message));
    let mut alloy =
        || one_by_one(&messages, alloy_hashes, |message| alloy_primitives::keccak256(message));
    let Pair { braid: batch_beside_single, peer: single } =
        repeated(EFFORT, &mut batch, &mut single);
    let Pair { braid: batch_beside_alloy, peer: alloy } = repeated(EFFORT, &mut batch, &mut alloy);
    assert!(hashes[0] == hashes[1] && hashes[0] == hashes[2], "the hashes differ");

    let each = count as f64;
    println!(
        "{name:<10} {count:>8} {:>8.1} {:>12.1} {:>7.2} {:>8.1} {:>7.2}",
        batch_beside_single.median_ns / each,
        single.median_ns / each,
        ratio(single, batch_beside_single),
        alloy.median_ns / each,
        ratio(alloy, batch_beside_alloy),
    );
}

fn one_by_one(messages: &[&[u8]], hashes: &mut [B256], hash: impl Fn(&[u8]) -> B256) {
    for (message, place) in black_box(messages).iter().zip(hashes) {
        *place = hash(message);
    }
}

fn ratio(other: Times, batch: Times) -> f64 {
    other.median_ns / batch.median_ns
}
