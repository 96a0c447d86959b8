//! Blocks of mock transactions on a mock multi-version memory: seeded interleavings of virtual workers, and real threads.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod makespan;
mod memory;
mod program;
mod random;
mod simulator;
mod stress;
mod worker;

use simulator::{Seen, simulate};

fn simulate_all(seeds: std::ops::Range<u64>) {
    let mut seen = Seen::default();
    for seed in seeds {
        seen.add(&simulate(seed));
    }
    println!("{seen:?}");
    seen.assert_everything_happened();
}

#[test]
fn interleavings_commit_what_sequential_execution_gives() {
    simulate_all(0..20_000);
}

#[test]
#[ignore = "a minute; the seeds of the test above come first"]
fn many_interleavings_commit_what_sequential_execution_gives() {
    simulate_all(20_000..1_000_000);
}
