//! Frames of random code at many gas limits, on every engine.

use std::{fmt, sync::Arc};

use braid_interpreter::{Code, Engine, Exit, HaltReason};
use braid_primitives::Hardfork;

use super::{
    assembly::{Piece, pieces_of},
    frame::{FrameCase, Mode, Seen},
    generate::Generator,
    mutate::mutate,
    real_code::{RealCode, calldata},
};
use crate::{differential::Case, random::Random};

/// Gas up to which a short program is run with every limit there is.
const SWEPT_GAS: u64 = 300;

/// Most cases that are tried to make a failing one small.
const SHRINK_ATTEMPTS: usize = 5_000;

/// Largest code that is listed whole in a report of what differs.
const REPORTED_CHARACTERS: usize = 4_000;

/// Counts of what a run has seen, to judge whether it has seen enough.
#[derive(Debug, Default)]
pub struct FrameCoverage {
    /// Cases.
    pub cases: u64,
    /// Cases that return if there is enough gas.
    pub good_cases: u64,
    /// Comparisons of two runs.
    pub comparisons: u64,
    /// Frames that returned.
    pub returned: u64,
    /// Frames that reverted.
    pub reverted: u64,
    /// Frames that ran out of gas.
    pub out_of_gas: u64,
    /// Frames that found too little on the stack.
    pub underflows: u64,
    /// Frames that found too much on the stack.
    pub overflows: u64,
    /// Frames that jumped to nowhere.
    pub bad_jumps: u64,
    /// Frames that met an instruction that is none.
    pub undefined: u64,
    /// Frames that failed otherwise.
    pub failed_otherwise: u64,
    /// Calls and creations.
    pub stops: u64,
    /// Reads and changes of state.
    pub host_calls: u64,
    /// Reads that were interrupted.
    pub interrupts: u64,
}

impl FrameCoverage {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            cases: self.cases + other.cases,
            good_cases: self.good_cases + other.good_cases,
            comparisons: self.comparisons + other.comparisons,
            returned: self.returned + other.returned,
            reverted: self.reverted + other.reverted,
            out_of_gas: self.out_of_gas + other.out_of_gas,
            underflows: self.underflows + other.underflows,
            overflows: self.overflows + other.overflows,
            bad_jumps: self.bad_jumps + other.bad_jumps,
            undefined: self.undefined + other.undefined,
            failed_otherwise: self.failed_otherwise + other.failed_otherwise,
            stops: self.stops + other.stops,
            host_calls: self.host_calls + other.host_calls,
            interrupts: self.interrupts + other.interrupts,
        }
    }

    fn count(&mut self, seen: &Seen) {
        let counter = match seen.exit {
            Exit::Return => &mut self.returned,
            Exit::Revert => &mut self.reverted,
            Exit::Halt(HaltReason::OutOfGas) => &mut self.out_of_gas,
            Exit::Halt(HaltReason::StackUnderflow) => &mut self.underflows,
            Exit::Halt(HaltReason::StackOverflow) => &mut self.overflows,
            Exit::Halt(HaltReason::InvalidJump) => &mut self.bad_jumps,
            Exit::Halt(HaltReason::UndefinedOpcode(_)) => &mut self.undefined,
            _ => &mut self.failed_otherwise,
        };
        *counter += 1;
        self.stops += seen.stops() as u64;
        self.host_calls += seen.host_calls() as u64;
    }
}

/// Two runs that are not the same.
#[derive(Clone, Debug)]
pub struct Difference {
    fork: Hardfork,
    mode: Mode,
    gas_limit: u64,
    expected: Seen,
    found: Seen,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |seen: &Seen| {
            let text = format!("{seen:?}");
            text.chars().take(REPORTED_CHARACTERS).collect::<String>()
        };
        writeln!(f, "{:?} with {} gas, {}", self.mode, self.gas_limit, self.fork)?;
        writeln!(f, "expected {}", short(&self.expected))?;
        write!(f, "found    {}", short(&self.found))
    }
}

/// The case that follows from `seed`.
pub fn case(seed: u64, real: &RealCode) -> FrameCase {
    let blocks = Case::from_seed(seed);
    let mut random = Random::new(!seed);
    let fork = random.pick(&Hardfork::ALL);
    let addresses: Vec<_> = blocks.accounts.keys().copied().collect();
    let mut generator = Generator { random: &mut random, fork, addresses: &addresses };
    let mut pieces = generator.program();
    let kind = random.below(20);
    match kind {
        // The programs that are compared with the oracle.
        0..=2 => {
            let programs: Vec<_> = blocks.programs.values().collect();
            pieces = pieces_of(&random.pick(&programs).assemble());
        }
        3..=5 => pieces = pieces_of(&real.stretch(&mut random)),
        6 => pieces = pieces_of(&real.pick(&mut random)),
        _ => {}
    }
    let mut code = super::assembly::assemble(&pieces);
    if kind < 10 && random.one_in(2) {
        mutate(&mut random, fork, &mut code);
        pieces = pieces_of(&code);
    }
    FrameCase {
        seed,
        fork,
        pieces,
        calldata: calldata(&mut random, &code),
        is_static: random.one_in(10),
        address: random.pick(&addresses),
        world: Arc::new(blocks.world()),
        env: blocks.env,
    }
}

/// Runs the case on every engine with many gas limits.
///
/// # Errors
/// The first difference.
pub fn compare(case: &FrameCase, coverage: &mut FrameCoverage) -> Result<(), Box<Difference>> {
    let mut random = Random::new(case.seed.wrapping_mul(3));
    let code = case.code();
    coverage.cases += 1;
    let generous = random.pick(&[10_000, 60_000, 60_000, 200_000, 200_000, 1_000_000]);
    let plain = case.run(&code, generous, Mode::of(Engine::Plain)).seen;
    coverage.good_cases += u64::from(plain.exit == Exit::Return);
    let used = generous - plain.gas_left;
    let mut limits = vec![generous, used, used.saturating_sub(1), used.saturating_sub(2)];
    limits.extend((0..4).map(|_| random.below(used + 1)));
    for gas_limit in limits {
        check(case, &code, gas_limit, Mode::of(Engine::Threaded), coverage)?;
    }
    if used <= SWEPT_GAS {
        for gas_limit in 0..used {
            check(case, &code, gas_limit, Mode::of(Engine::Threaded), coverage)?;
        }
    }
    if random.one_in(8) {
        // One code serves the rules of every fork.
        for fork in Hardfork::ALL {
            let case = FrameCase { fork, ..case.clone() };
            check(&case, &code, generous, Mode::of(Engine::Threaded), coverage)?;
        }
    }
    let gas_limit = random.pick(&[generous, used, random.clone().below(used + 1)]);
    for (engine, alternates, interrupts) in [
        (Engine::Threaded, false, true),
        (Engine::Threaded, true, true),
        (Engine::Plain, true, false),
        (Engine::Adaptive, false, true),
        (Engine::Plain, false, true),
    ] {
        let mode = Mode { engine, alternates, interrupts };
        check(case, &code, gas_limit, mode, coverage)?;
    }
    Ok(())
}

/// Runs the case with one gas limit on the plain engine and in the given mode.
///
/// # Errors
/// The difference.
pub fn check(
    case: &FrameCase,
    code: &Arc<Code>,
    gas_limit: u64,
    mode: Mode,
    coverage: &mut FrameCoverage,
) -> Result<(), Box<Difference>> {
    let mut expected = case.run(code, gas_limit, Mode::of(Engine::Plain)).seen;
    let mut run = case.run(code, gas_limit, mode);
    if mode.interrupts {
        expected = expected.without_reads();
        run.seen = run.seen.without_reads();
    }
    coverage.comparisons += 1;
    coverage.interrupts += run.interrupts;
    coverage.count(&expected);
    if run.seen == expected {
        return Ok(());
    }
    Err(Box::new(Difference { fork: case.fork, mode, gas_limit, expected, found: run.seen }))
}

/// The smallest case found that still differs in the same mode, and how.
pub fn shrink(mut case: FrameCase, difference: Box<Difference>) -> (FrameCase, Box<Difference>) {
    case.fork = difference.fork;
    let (mode, gas_limit) = (difference.mode, difference.gas_limit);
    let attempt = |case: &FrameCase, gas_limit: u64| {
        check(case, &case.code(), gas_limit, mode, &mut FrameCoverage::default()).err()
    };
    let mut best = (case, difference);
    let mut attempts = 0;
    loop {
        let (case, limit) = (&best.0, best.1.gas_limit.min(gas_limit));
        let found = smaller(case, limit).find_map(|(candidate, gas_limit)| {
            attempts += 1;
            if attempts > SHRINK_ATTEMPTS {
                return None;
            }
            attempt(&candidate, gas_limit).map(|difference| (candidate, difference))
        });
        match found {
            Some(smaller) => best = smaller,
            None => return best,
        }
    }
}

/// Cases that say less than this one.
fn smaller(case: &FrameCase, gas_limit: u64) -> impl Iterator<Item = (FrameCase, u64)> {
    let length = case.pieces.len();
    let sizes = std::iter::successors(Some(length / 2), |size| Some(size / 2));
    let sizes = sizes.take_while(|size| *size > 0);
    let without = sizes.flat_map(move |size| {
        (0..length.div_ceil(size)).map(move |i| i * size..length.min((i + 1) * size))
    });
    let without = without.map(move |range| {
        let mut pieces = case.pieces.clone();
        drop(pieces.drain(range));
        FrameCase { pieces, ..case.clone() }
    });
    // Parts of a piece of many instructions, such as a run of one byte.
    let halved = (0..length).filter_map(move |i| {
        let Piece::Bytes(bytes) = &case.pieces[i] else { return None };
        let mut pieces = case.pieces.clone();
        pieces[i] = Piece::Bytes(bytes[..bytes.len() / 2].to_vec());
        (bytes.len() > 1).then(|| FrameCase { pieces, ..case.clone() })
    });
    let plainer = [
        FrameCase { calldata: Default::default(), ..case.clone() },
        FrameCase { is_static: false, ..case.clone() },
    ];
    let plainer = plainer.into_iter().filter(move |candidate| {
        candidate.calldata != case.calldata || candidate.is_static != case.is_static
    });
    let limits = [gas_limit / 2, gas_limit - gas_limit / 8, gas_limit.saturating_sub(1)];
    let limits = limits.into_iter().filter(move |limit| *limit < gas_limit);
    without
        .chain(halved)
        .chain(plainer)
        .map(move |case| (case, gas_limit))
        .chain(limits.map(move |limit| (case.clone(), limit)))
}
