//! Whole transactions and blocks on every engine: outcome, write set, and every read in order.

use std::fmt::Debug;

use alloy_primitives::TxKind;
use braid_executor::{
    Block, Engine, ExecutionStatus, MissingRequestContracts, SequentialExecutor, TransactionOutcome,
};
use braid_precompiles::Crypto;
use braid_primitives::{BlockEnv, ChainSpec, Hardfork, StateDelta, Transaction};

use super::{
    assembly::{assemble, pieces_of},
    generate,
    mutate::mutate,
    real_code::{RealCode, calldata},
};
use crate::{
    differential::{
        Case,
        program::{Part, Program},
        shrink::shrink,
    },
    random::Random,
    recorder::{Read, Recorder, Refusal},
    world::World,
};

/// Gas above which a transaction is executed once only: those about the limit of depth take long.
const VARIED_GAS: u64 = 1 << 30;

/// Most parts of a program: each of them is tried without when a failing case is made small.
const PARTS: usize = 24;

/// Most times that the programs of a failing case are taken apart anew.
const SHRINK_ROUNDS: usize = 6;

/// Counts of what a run has seen, to judge whether it has seen enough.
#[derive(Debug, Default)]
pub struct TransactionCoverage {
    /// Cases.
    pub cases: u64,
    /// Comparisons of two transactions.
    pub comparisons: u64,
    /// Transactions that succeeded.
    pub succeeded: u64,
    /// Transactions that reverted.
    pub reverted: u64,
    /// Transactions that failed.
    pub halted: u64,
    /// Transactions that were rejected.
    pub rejected: u64,
    /// Reads.
    pub reads: u64,
}

/// The case that follows from `seed`: as for the comparison with the oracle, with other code in some contracts.
pub fn case(seed: u64, real: &RealCode) -> Case {
    vary(Case::from_seed(seed), real)
}

/// The case with forks that the oracle does not know, and other code in some contracts.
pub fn vary(mut case: Case, real: &RealCode) -> Case {
    let mut random = Random::new(case.seed.wrapping_mul(5));
    // Forks that the oracle does not know.
    case.fork = match case.fork {
        Hardfork::Petersburg if random.one_in(3) => Hardfork::Constantinople,
        Hardfork::Osaka if random.one_in(3) => {
            random.pick(&[Hardfork::Bpo1, Hardfork::Bpo2, Hardfork::Bpo3, Hardfork::Bpo4])
        }
        fork => fork,
    };
    if case.env.gas_limit > VARIED_GAS {
        return case;
    }
    let addresses: Vec<_> = case.accounts.keys().copied().collect();
    let fork = case.fork;
    for (address, program) in &mut case.programs {
        let mut code = match random.below(10) {
            0..=5 => generate::code(&mut random, fork, &addresses),
            6 => real.pick(&mut random).to_vec(),
            7 => program.assemble().to_vec(),
            _ => continue,
        };
        if random.one_in(3) {
            mutate(&mut random, fork, &mut code);
        }
        for transaction in &mut case.transactions {
            if transaction.to == TxKind::Call(*address) && random.one_in(2) {
                transaction.input = calldata(&mut random, &code);
            }
        }
        *program = parts(&code);
    }
    for transaction in &mut case.transactions {
        if transaction.to == TxKind::Create && random.one_in(2) {
            transaction.input = generate::code(&mut random, fork, &addresses).into();
        }
    }
    case
}

/// The code as a program of a few parts, which can be left out one by one.
fn parts(code: &[u8]) -> Program {
    let pieces = pieces_of(code);
    let length = pieces.len().div_ceil(PARTS).max(1);
    Program(pieces.chunks(length).map(|pieces| Part::Code(assemble(pieces))).collect())
}

/// An executor for the case on one engine.
pub fn executor<C: Crypto>(case: &Case, crypto: &C, engine: Engine) -> SequentialExecutor<C> {
    let mut executor = SequentialExecutor::new(ChainSpec::single(case.fork), crypto.clone());
    executor.set_missing_request_contracts(MissingRequestContracts::Ignore);
    executor.set_engine(engine);
    executor
}

/// What a transaction comes to, errors as they are printed.
type Outcome = Result<(TransactionOutcome, StateDelta), String>;

fn transact<C: Crypto>(
    executor: &mut SequentialExecutor<C>,
    env: &BlockEnv,
    transaction: &Transaction,
    world: &World,
) -> (Outcome, Vec<Read>) {
    let recorder = Recorder::new(world, Refusal::Never);
    let outcome = executor.transact(env, transaction, &recorder).map_err(|e| e.to_string());
    (outcome, recorder.into_answered())
}

/// Executes the transactions of the case on every engine, with many gas limits; then the block.
///
/// # Errors
/// The first difference, in words.
pub fn compare<C: Crypto>(
    case: &Case,
    crypto: &C,
    coverage: &mut TransactionCoverage,
) -> Result<(), String> {
    let mut random = Random::new(case.seed.wrapping_mul(7));
    let mut plain = executor(case, crypto, Engine::Plain);
    let mut others = vec![executor(case, crypto, Engine::Threaded)];
    if random.one_in(3) {
        others.push(executor(case, crypto, Engine::Adaptive));
    }
    let mut world = case.world();
    let mut valid = Vec::new();
    coverage.cases += 1;
    for (index, transaction) in case.transactions.iter().enumerate() {
        let mut check = |transaction: &Transaction| {
            let expected = transact(&mut plain, &case.env, transaction, &world);
            for other in &mut others {
                let found = transact(other, &case.env, transaction, &world);
                same(&expected, &found).map_err(|difference| {
                    format!("transaction {index}, {} gas: {difference}", transaction.gas_limit)
                })?;
                coverage.comparisons += 1;
            }
            coverage.count(&expected);
            Ok::<_, String>(expected.0)
        };
        let Ok((outcome, delta)) = check(transaction)? else { continue };
        for gas_limit in gas_limits(&mut random, &outcome, transaction.gas_limit) {
            check(&Transaction { gas_limit, ..transaction.clone() }).map(drop)?;
        }
        world.apply(&delta)?;
        valid.push(transaction.clone());
    }
    compare_block(case, crypto, valid)
}

impl TransactionCoverage {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            cases: self.cases + other.cases,
            comparisons: self.comparisons + other.comparisons,
            succeeded: self.succeeded + other.succeeded,
            reverted: self.reverted + other.reverted,
            halted: self.halted + other.halted,
            rejected: self.rejected + other.rejected,
            reads: self.reads + other.reads,
        }
    }

    fn count(&mut self, (outcome, reads): &(Outcome, Vec<Read>)) {
        match outcome.as_ref().map(|(outcome, _)| outcome.status) {
            Ok(ExecutionStatus::Success) => self.succeeded += 1,
            Ok(ExecutionStatus::Revert) => self.reverted += 1,
            Ok(ExecutionStatus::Halt(_)) => self.halted += 1,
            Err(_) => self.rejected += 1,
        }
        self.reads += reads.len() as u64;
    }
}

/// Limits around what the transaction needs, and some anywhere below.
fn gas_limits(random: &mut Random, outcome: &TransactionOutcome, limit: u64) -> Vec<u64> {
    if limit > VARIED_GAS {
        return Vec::new();
    }
    let needed = outcome.gas_used + outcome.gas_refunded;
    let mut limits = vec![needed, needed - 1, needed - 2];
    // Less is rejected most of the time.
    let least = needed.min(25_000 + 16 * (needed / 100));
    limits.extend((0..4).map(|_| least + random.below(needed - least + 1)));
    limits
}

/// Executes the block on every engine; it may turn out to be invalid, then on all of them.
fn compare_block<C: Crypto>(
    case: &Case,
    crypto: &C,
    transactions: Vec<Transaction>,
) -> Result<(), String> {
    let block = Block { env: case.env.clone(), context: case.context.clone(), transactions };
    let world = case.world();
    let run = |engine| {
        let recorder = Recorder::new(&world, Refusal::Never);
        let mut steps = Vec::new();
        let outcome =
            executor(case, crypto, engine).execute_block_with(&block, &recorder, |committed| {
                let outcome = committed.transaction().map(|(_, outcome)| outcome.clone());
                steps.push((outcome, committed.delta()));
            });
        let outcome = outcome.map_err(|error| error.to_string());
        ((outcome, steps), recorder.into_answered())
    };
    let expected = run(Engine::Plain);
    for engine in [Engine::Threaded, Engine::Adaptive] {
        same(&expected, &run(engine)).map_err(|error| format!("block, {engine:?}: {error}"))?;
    }
    Ok(())
}

fn same<T: PartialEq + Debug>(
    (expected, expected_reads): &(T, Vec<Read>),
    (found, found_reads): &(T, Vec<Read>),
) -> Result<(), String> {
    if expected != found {
        return Err(format!("expected {expected:?}, found {found:?}"));
    }
    if expected_reads != found_reads {
        return Err(format!("expected the reads {expected_reads:?}, found {found_reads:?}"));
    }
    Ok(())
}

/// Makes a failing case small and says everything about it.
pub fn report<C: Crypto>(mut case: Case, mut difference: String, crypto: &C) -> String {
    let check = |case: &Case| compare(case, crypto, &mut TransactionCoverage::default());
    for _ in 0..SHRINK_ROUNDS {
        (case, difference) = shrink(case, difference, check);
        // What is left of the programs in parts that are finer.
        case.programs.values_mut().for_each(|program| *program = parts(&program.assemble()));
    }
    format!("{difference}\n{case:?}")
}
