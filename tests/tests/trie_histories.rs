//! Tries taken through random histories, compared with others after each block: roots, stored nodes, proofs.
//!
//! A longer run, or one of other seeds:
//!
//! ```text
//! BRAID_SEEDS=1000000..2000000 cargo test --release -p braid-tests --test trie_histories -- --ignored
//! ```

use std::ops::Range;

use braid_tests::{
    random::seeds_of_environment,
    tries::{
        Coverage,
        raw::{self, Keys, RawCoverage},
        run,
    },
};

/// Seeds of the normal run.
const SEEDS: Range<u64> = 0..250;
/// Seeds of the normal run, for tries of each kind of keys.
const RAW_SEEDS: Range<u64> = 0..400;

#[test]
fn histories_end_every_block_with_the_right_root_and_nodes() {
    let coverage = run(SEEDS);
    eprintln!("{coverage:?}");
    check(&coverage);
}

#[test]
#[ignore = "takes minutes"]
fn ten_thousand_histories() {
    let coverage = run(seeds_of_environment(10_000..20_000));
    eprintln!("{coverage:?}");
    check(&coverage);
}

#[test]
fn tries_of_awkward_keys_are_as_the_yellow_paper_has_them() {
    raw_run(RAW_SEEDS);
}

#[test]
#[ignore = "takes minutes"]
fn a_hundred_thousand_tries_of_awkward_keys() {
    raw_run(seeds_of_environment(100_000..200_000));
}

/// A run that has seen too little proves nothing.
fn check(coverage: &Coverage) {
    let Coverage { histories, blocks, .. } = *coverage;
    assert!(blocks > 3 * histories, "few blocks: {coverage:?}");
    let often = [
        coverage.idle_blocks * 3,
        coverage.wiped,
        2 * coverage.siblings,
        coverage.revealed,
        coverage.known,
        coverage.gone,
        coverage.refused,
        coverage.aborted,
        coverage.incomplete,
        coverage.present,
    ];
    assert!(often.iter().all(|count| *count > histories / 4), "something is rare: {coverage:?}");
    assert!(coverage.absent.iter().all(|count| *count > histories / 10), "{coverage:?}");
}

fn raw_run(seeds: Range<u64>) {
    let mut coverage = RawCoverage::default();
    for seed in seeds.clone() {
        for keys in [Keys::Long, Keys::Tails, Keys::Short] {
            let result = raw::check(seed, keys, &mut coverage);
            result.unwrap_or_else(|error| panic!("seed {seed}, {keys:?} keys: {error}"));
        }
    }
    eprintln!("{coverage:?}");
    let tries = 3 * seeds.count();
    let often = [coverage.changes / 10, coverage.blinded, coverage.proofs, coverage.inline];
    assert!(often.iter().all(|count| *count > tries), "something is rare: {coverage:?}");
}
