//! Braid and the oracle agree on random blocks.
//!
//! A longer run, or one of other seeds:
//!
//! ```text
//! BRAID_SEEDS=1000000..2000000 cargo test --release -p braid-tests --test differential -- --ignored
//! ```

use std::ops::Range;

use braid_interpreter::opcode::OPCODES;
use braid_precompiles::{DefaultCrypto, PortableCrypto};
use braid_tests::{
    differential::{Coverage, run},
    random::seeds_of_environment,
};

/// Seeds of the normal run.
const SEEDS: Range<u64> = 0..15_000;

/// Least number of times that each instruction is executed in the normal run.
const LEAST_EXECUTIONS: u64 = 200;

#[test]
fn random_blocks_are_executed_as_the_oracle_does() {
    let coverage = run(SEEDS, &DefaultCrypto::new());
    eprintln!("{coverage:?}");
    check(&coverage);
}

#[test]
fn random_blocks_are_executed_as_the_oracle_does_with_portable_cryptography() {
    run(SEEDS.end..SEEDS.end + 3_000, &PortableCrypto::new());
}

#[test]
#[ignore = "as long as one likes: see above"]
fn seeds_of_the_environment() {
    let coverage = run(seeds_of_environment(1_000_000..1_100_000), &DefaultCrypto::new());
    eprintln!("{coverage:?}");
}

/// A run that has seen too little proves nothing.
fn check(coverage: &Coverage) {
    assert!(coverage.succeeded > coverage.cases, "few transactions succeed");
    let rare = [coverage.reverted, coverage.created, coverage.logged, coverage.refunded];
    assert!(rare.iter().all(|count| *count > coverage.cases / 50), "something is rare: {rare:?}");
    assert!(coverage.deep > 10, "the limit of depth was reached {} times", coverage.deep);
    for (info, count) in OPCODES.iter().zip(coverage.instructions.by_opcode) {
        let Some(info) = info else { continue };
        assert!(count >= LEAST_EXECUTIONS, "{} was executed {count} times only", info.name);
    }
}
