//! Keccak-256 of the two lengths that contracts hash most, 32 and 64 bytes: the provider's function, beside ways of its own for
//! an input that fits into one block.
//!
//! Neither pays: 247 ns for 64 bytes, 277 ns (1.12 times) with input and padding written into the state and permuted in Rust,
//! as much with two at once of which one is thrown away; 1.10 and 1.13 times for 32 bytes. The provider's library tells these
//! lengths apart itself and streams nothing, so what is left is the permutation, and that of its assembly is the fastest.

use std::{hint::black_box, time::Duration};

use braid_benches::measure::{Effort, Pair, Times, repeated};
use braid_precompiles::{Crypto, DefaultCrypto};
use braid_primitives::B256;

const EFFORT: Effort =
    Effort { budget: Duration::from_millis(500), sample: Duration::from_millis(1) };

/// 64-bit lanes of a block.
const RATE_LANES: usize = 17;

fn main() {
    println!("ns for a hash, CPU time, medians; ratio = other / provider");
    println!(
        "{:>6} {:>9} {:>10} {:>6} {:>12} {:>6} {:>8} {:>6}",
        "bytes", "provider", "one block", "ratio", "half a pair", "ratio", "alloy", "ratio"
    );
    row::<32>();
    row::<64>();
}

fn row<const LENGTH: usize>() {
    let crypto = DefaultCrypto::new();
    let input = [0x5a_u8; LENGTH];
    let hash = crypto.keccak256(&input);
    assert!(hash == one_block(&input) && hash == half_a_pair(&crypto, &input), "the hashes differ");
    let mut provider = || crypto.keccak256(black_box(&input));
    let beside_block = repeated(EFFORT, &mut provider, || one_block(black_box(&input)));
    let beside_pair = repeated(EFFORT, &mut provider, || half_a_pair(&crypto, black_box(&input)));
    let beside_alloy =
        repeated(EFFORT, &mut provider, || alloy_primitives::keccak256(black_box(&input)));
    print!("{LENGTH:>6} {:>9.1}", beside_block.braid.median_ns);
    for (pair, width) in [(beside_block, 10), (beside_pair, 12), (beside_alloy, 8)] {
        let Pair { braid, peer: Times { median_ns, .. } } = pair;
        print!(" {median_ns:>width$.1} {:>6.2}", median_ns / braid.median_ns);
    }
    println!();
}

/// Input and padding put into the lanes of a state, and the permutation in Rust.
fn one_block<const LENGTH: usize>(input: &[u8; LENGTH]) -> B256 {
    let mut lanes = [0; 25];
    let (words, _) = input.as_chunks::<8>();
    for (lane, word) in lanes.iter_mut().zip(words) {
        *lane = u64::from_le_bytes(*word);
    }
    lanes[LENGTH / 8] = 1;
    lanes[RATE_LANES - 1] |= 1 << 63;
    tiny_keccak::keccakf(&mut lanes);
    let mut hash = B256::ZERO;
    for (bytes, lane) in hash.0.as_chunks_mut::<8>().0.iter_mut().zip(lanes) {
        *bytes = lane.to_le_bytes();
    }
    hash
}

/// Two at once in vector registers, one of which nobody wants.
fn half_a_pair(crypto: &DefaultCrypto, input: &[u8]) -> B256 {
    let mut hashes = [B256::ZERO; 2];
    crypto.keccak256_batch(&[input, input], &mut hashes);
    hashes[0]
}
