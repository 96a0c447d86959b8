//! A simulator of workers: blocks of three to eight real transactions on few accounts and slots, executed by two to four
//! workers that take turns as a seed has it, beside sequential execution. A turn may end at every atomic, lock and wait of the
//! scheduler, of the multi-version memory and of the executor, and at every read of the state before the block: at all that
//! workers know of each other. The code is that which ships, built with the simulator's atomics, locks and threads. It takes
//! them all for sequentially consistent; what weaker orderings allow is for the models (`scheduler/tests/loom.rs`).
//!
//! The named run:
//!
//! ```text
//! BRAID_SEEDS=0..100000 RUSTFLAGS="--cfg shuttle" cargo test -p braid-tests --test interleavings --target-dir target/shuttle
//! ```
//!
//! A report of a difference names the seed, which goes the same way again: `BRAID_SEEDS=17..18` with the rest of that line.
#![cfg(shuttle)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rest;
mod simulation;
mod turns;

use braid_tests::{engines::for_each_seed, random::seeds_of_environment};

use simulation::{Totals, simulate};

/// Seeds of the normal run.
const SEEDS: std::ops::Range<u64> = 0..10_000;

/// So many seeds have seen all there is to be seen.
const ENOUGH: u64 = 1_000;

#[test]
fn every_interleaving_comes_to_what_sequential_execution_comes_to() {
    let seeds = seeds_of_environment(SEEDS);
    let totals = for_each_seed(seeds, |seed, totals: &mut Totals| simulate(seed, totals).map(drop));
    let totals = totals.into_iter().fold(Totals::default(), Totals::plus);
    eprintln!("{totals}");
    if totals.seeds >= ENOUGH {
        totals.assert_that_enough_was_seen();
    }
}

#[test]
fn a_seed_goes_the_same_way_again() {
    for seed in 0..40 {
        let mut totals = Totals::default();
        let first = simulate(seed, &mut totals).unwrap();
        assert_eq!(simulate(seed, &mut totals).unwrap(), first, "seed {seed}");
    }
}
