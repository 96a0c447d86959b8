//! What the translator of the threaded engine makes of code is what the code says: block by block, beside a walk from
//! instruction to instruction over the opcode table, as the plain engine goes.
//!
//! ```text
//! BRAID_SEEDS=1000000..2000000 cargo test --release -p braid-tests --test decoder -- --ignored
//! ```

use std::ops::Range;

use alloy_primitives::B256;
use braid_interpreter::{Code, Schedule, Translator, opcode::byte as op};
use braid_primitives::Hardfork;
use braid_tests::{
    engines::{
        decoder::{Coverage, check},
        for_each_seed, frames,
        mutate::mutate,
        real_code::RealCode,
    },
    random::{Random, seeds_of_environment},
};

/// Seeds of the normal run.
const SEEDS: Range<u64> = 0..4_000;

/// Checks code under the rules of `fork`.
fn compare(code: &[u8], fork: Hardfork, coverage: &mut Coverage) {
    let analysed = Code::new(code, B256::ZERO);
    let program = Translator::default().translate(&analysed, Schedule::of(fork));
    if let Err(difference) = check(&analysed, &program, fork, coverage) {
        panic!("{fork}: {difference}, code {}", alloy_primitives::hex::encode(code));
    }
}

/// A block in which more results wait to be read than there are scratch words, if it is long: they lie where other words have
/// to be at its end, so that none of them can be written to its own place.
fn crowded(random: &mut Random) -> Vec<u8> {
    const RESULTS: [u8; 4] = [op::CALLER, op::GAS, op::MSIZE, op::CALLDATASIZE];
    const READERS: [u8; 3] = [op::ADD, op::XOR, op::LT];
    let waiting = 1 + random.index(130);
    let mut code: Vec<u8> = (0..waiting).map(|_| random.pick(&RESULTS)).collect();
    code.extend((1..waiting).map(|_| random.pick(&READERS)));
    code.extend((0..random.index(200)).map(|_| op::PUSH0));
    code
}

/// Code of a seed: of random bytes, of few kinds of instructions, crowded, of programs, or changed.
fn code(random: &mut Random, fork: Hardfork, seed: u64, real: &RealCode) -> Vec<u8> {
    const FEW: [u8; 12] = [
        op::JUMPDEST,
        op::JUMPDEST,
        op::PUSH1,
        op::PUSH2,
        op::PUSH32,
        op::JUMP,
        op::JUMPI,
        op::DUP1,
        op::POP,
        op::SLOAD,
        op::STOP,
        op::ADD,
    ];
    let length = random.index(400);
    let mut code = match random.below(6) {
        0 => random.bytes(length),
        1 => (0..length).map(|_| random.pick(&FEW)).collect(),
        2 => real.stretch(random),
        3 => crowded(random),
        _ => frames::case(seed, real).bytecode(),
    };
    if random.one_in(2) {
        mutate(random, fork, &mut code);
    }
    if random.one_in(4) {
        code.truncate(random.index(code.len() + 1));
    }
    code
}

fn run(seeds: Range<u64>, real: &RealCode) -> Coverage {
    let counted = for_each_seed(seeds, |seed, coverage: &mut Coverage| {
        let random = &mut Random::new(seed);
        let fork = random.pick(&Hardfork::ALL);
        let code = code(random, fork, seed, real);
        compare(&code, fork, coverage);
        Ok(())
    });
    counted.into_iter().fold(Coverage::default(), Coverage::plus)
}

#[test]
fn random_and_changed_code_is_decoded_as_it_is_walked() {
    let coverage = run(SEEDS, &RealCode::of_fixtures(false));
    coverage.assert_enough(20_000);
    assert!(coverage.abandoned > 20, "too few blocks were given up: {coverage:?}");
}

#[test]
fn code_of_compilers_is_decoded_as_it_is_walked() {
    let real = RealCode::of_fixtures(true);
    let counted = for_each_seed(0..real.len() as u64, |index, coverage: &mut Coverage| {
        let code = real.get(index as usize);
        compare(code, Hardfork::Osaka, coverage);
        Ok(())
    });
    let coverage = counted.into_iter().fold(Coverage::default(), Coverage::plus);
    assert!(coverage.blocks > 100, "{coverage:?}");
    eprintln!("{coverage:?}");
}

#[test]
#[ignore = "as long as one likes: see above"]
fn code_of_the_seeds_of_the_environment() {
    run(seeds_of_environment(1_000_000..2_000_000), &RealCode::of_fixtures(true));
}

#[test]
fn every_opcode_and_every_cut_off_immediate_is_decoded_as_it_is_walked() {
    let mut coverage = Coverage::default();
    for fork in Hardfork::ALL {
        compare(&[], fork, &mut coverage);
        for opcode in 0..=u8::MAX {
            for before in [&[][..], &[op::JUMPDEST], &[op::PUSH1, 3, op::JUMP]] {
                // What follows would be a landing, unless it is immediate data.
                for length in [0, 1, 2, 31, 32, 33, 70] {
                    let code = [before, &[opcode], &vec![op::JUMPDEST; length]].concat();
                    compare(&code, fork, &mut coverage);
                }
            }
        }
    }
    coverage.assert_enough(100_000);
}

#[test]
fn code_at_the_limits_of_a_block_is_decoded_as_it_is_walked() {
    let mut coverage = Coverage::default();
    for count in [1_021, 1_022, 1_023, 1_024, 1_025, 3_000] {
        for step in [
            vec![op::DUP1],
            vec![op::POP],
            vec![op::PUSH0],
            vec![op::JUMPDEST],
            vec![op::PUSH0, op::JUMPDEST],
            vec![op::POP, op::JUMPDEST],
            vec![op::DUP16, op::JUMPDEST, op::POP],
            vec![op::PUSH0, op::POP, op::JUMPDEST],
            vec![op::SWAP16, op::ADD],
            vec![op::MLOAD, op::DUP2, op::DUP2],
            vec![op::GAS, op::PUSH0, op::JUMPI],
        ] {
            for end in [&[][..], &[op::JUMPDEST], &[op::SLOAD], &[op::PUSH32, op::JUMPDEST]] {
                let code = [&step.repeat(count), end].concat();
                compare(&code, Hardfork::Osaka, &mut coverage);
            }
        }
    }
    assert!(coverage.never_entered > 0, "no block was impossible to enter: {coverage:?}");
}
