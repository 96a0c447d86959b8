//! The engines of the interpreter cannot be told apart: random code at random gas limits.
//!
//! A longer run, or one of other seeds (a million takes some minutes on each level):
//!
//! ```text
//! BRAID_SEEDS=1000000..2000000 cargo test --release -p braid-tests --test engines -- --ignored
//! ```

use std::ops::Range;

use braid_interpreter::{Engine, opcode::byte as op};
use braid_precompiles::DefaultCrypto;
use braid_tests::{
    engines::{
        assembly::Piece,
        for_each_seed,
        frame::{FrameCase, Mode},
        frames::{self, FrameCoverage},
        real_code::RealCode,
        transactions::{self, TransactionCoverage},
    },
    random::seeds_of_environment,
};

/// Seeds of the normal run, for single frames.
const FRAME_SEEDS: Range<u64> = 0..30_000;

/// Seeds of the normal run, for transactions and blocks.
const TRANSACTION_SEEDS: Range<u64> = 0..3_000;

#[test]
fn frames_are_the_same_on_every_engine() {
    let total = run_frames(FRAME_SEEDS, &RealCode::of_fixtures(false));
    // A run that has seen too little proves nothing.
    let seen = [
        ("returned", total.returned, 14),
        ("reverted", total.reverted, 200),
        ("out of gas", total.out_of_gas, 3),
        ("underflow", total.underflows, 40),
        ("overflow", total.overflows, 200),
        ("bad jump", total.bad_jumps, 100),
        ("undefined opcode", total.undefined, 100),
        ("failed otherwise", total.failed_otherwise, 100),
        ("calls", total.stops, 20),
        ("interrupts", total.interrupts, 10),
    ];
    for (what, count, share) in seen {
        assert!(count > total.comparisons / share, "{what}: {count} times only: {total:?}");
    }
    assert!(total.good_cases > total.cases / 4, "few programs return: {total:?}");
}

#[test]
fn transactions_are_the_same_on_every_engine() {
    let total = run_transactions(TRANSACTION_SEEDS, &RealCode::of_fixtures(false));
    let seen = [total.succeeded, total.reverted * 10, total.halted * 2, total.rejected * 30];
    assert!(
        seen.iter().all(|count| *count > total.comparisons / 8),
        "something is rare: {total:?}"
    );
}

#[test]
fn code_around_the_limits_of_an_engines_numbering_is_the_same_on_every_engine() {
    let base = frames::case(0, &RealCode::built_in());
    // Instructions, blocks and constants may be counted in 16 bits.
    for count in [65_533, 65_534, 65_535, 65_536, 70_000_u32] {
        let [_, high, middle, low] = (count + 4).to_be_bytes();
        let jump_over = [op::PUSH3, high, middle, low, op::JUMP];
        let pushes =
            (0..count).map(|i| [[op::PUSH5, 1].as_slice(), &i.to_be_bytes(), &[op::POP]].concat());
        let codes = [
            vec![op::JUMPDEST; count as usize],
            [jump_over.as_slice(), &vec![op::JUMPDEST; count as usize]].concat(),
            [jump_over.as_slice(), &vec![op::PUSH1; count as usize], &[op::JUMPDEST]].concat(),
            [[op::GAS, op::POP].repeat(count as usize / 2), vec![op::MSIZE; 3]].concat(),
            pushes.flatten().collect(),
        ];
        for code in codes {
            let case = FrameCase { pieces: vec![Piece::Bytes(code)], ..base.clone() };
            let code = case.code();
            for gas_limit in [1_000_000, 65_534, 10] {
                let mode = Mode::of(Engine::Threaded);
                let coverage = &mut FrameCoverage::default();
                let result = frames::check(&case, &code, gas_limit, mode, coverage);
                result.unwrap_or_else(|difference| panic!("{count}: {difference}"));
            }
        }
    }
}

#[test]
#[ignore = "as long as one likes: see above"]
fn frames_of_the_seeds_of_the_environment() {
    run_frames(seeds_of_environment(1_000_000..2_000_000), &RealCode::of_fixtures(true));
}

#[test]
#[ignore = "as long as one likes: see above"]
fn transactions_of_the_seeds_of_the_environment() {
    run_transactions(seeds_of_environment(1_000_000..2_000_000), &RealCode::of_fixtures(true));
}

fn run_frames(seeds: Range<u64>, real: &RealCode) -> FrameCoverage {
    let counted = for_each_seed(seeds, |seed, coverage: &mut FrameCoverage| {
        let case = frames::case(seed, real);
        frames::compare(&case, coverage).map_err(|difference| {
            let (case, difference) = frames::shrink(case, difference);
            format!("{difference}\n{case:?}")
        })
    });
    let total = counted.into_iter().fold(FrameCoverage::default(), FrameCoverage::plus);
    eprintln!("{total:?}");
    total
}

fn run_transactions(seeds: Range<u64>, real: &RealCode) -> TransactionCoverage {
    let crypto = DefaultCrypto::new();
    let counted = for_each_seed(seeds, |seed, coverage: &mut TransactionCoverage| {
        let case = transactions::case(seed, real);
        transactions::compare(&case, &crypto, coverage)
            .map_err(|difference| transactions::report(case, difference, &crypto))
    });
    let total = counted.into_iter().fold(TransactionCoverage::default(), TransactionCoverage::plus);
    eprintln!("{total:?}");
    total
}
