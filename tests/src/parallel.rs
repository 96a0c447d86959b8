//! Blocks executed one transaction after the other and side by side: there must be no difference to be seen.
//!
//! | module | holds |
//! |---|---|
//! | [`scene`] | a state and a block, put together piece by piece |
//! | [`contracts`] | bytecode of the contracts that scenes are made of |
//! | [`mocked`] | groups of blocks: transfers, tokens, swaps, mixed ones, what concerns the beneficiary |
//! | [`random_blocks`] | random blocks on few accounts and slots |
//! | [`hot_blocks`] | blocks in which most transactions meet |
//! | [`faults`] | readers that fail, panic or dawdle |

pub mod contracts;
pub mod faults;
pub mod hot_blocks;
pub mod mocked;
pub mod random_blocks;
pub mod scene;

use std::{fmt, num::NonZeroU32, panic::resume_unwind, sync::mpsc, thread, time::Duration};

use braid_executor::{
    Block, BlockExecutor, BlockOutcome, Committed, Engine, ExecutionError, InvalidBlock,
    InvalidTransaction, MissingRequestContracts, Mode, ParallelError, SequentialExecutor, Step,
    TransactionOutcome,
    parallel::{ExecutionPath, Foresight, Grouping, Parallelism},
};
use braid_precompiles::{Crypto, DefaultCrypto};
use braid_primitives::{ChainSpec, StateDelta, StateReader};

use scene::Scene;

/// How many threads blocks are executed on.
pub const THREADS: [usize; 5] = [1, 2, 4, 8, 16];

/// What may not make a difference either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ways {
    /// How many transactions are executed together.
    pub grouping: Grouping,
    /// After how many failed tries to look ahead the rest is executed by one thread.
    pub most_tries: u32,
    /// What is made of earlier blocks.
    pub foresight: Foresight,
}

impl Ways {
    /// As blocks are executed where nobody says otherwise.
    pub const USUAL: Self =
        Self { grouping: Grouping::Adaptive, most_tries: u32::MAX, foresight: Foresight::Learned };

    /// Groups of so many transactions, in the order of the block.
    pub const fn groups_of(count: u32, most_tries: u32) -> Self {
        let grouping = match NonZeroU32::new(count) {
            Some(count) => Grouping::Fixed(count),
            None => Grouping::Adaptive,
        };
        Self { grouping, most_tries, foresight: Foresight::Off }
    }

    /// One by one; all begin early that may.
    pub const fn early(most_tries: u32) -> Self {
        Self { foresight: Foresight::AllEarly, ..Self::groups_of(1, most_tries) }
    }

    /// In which ways a block is executed on so many threads, one after the other.
    pub fn with_threads(threads: usize) -> &'static [Self] {
        const ALONE: &[Ways] =
            &[Ways::USUAL, Ways::groups_of(4, 7), Ways::groups_of(1, 0), Ways::groups_of(3, 0)];
        const FEW: &[Ways] =
            &[Ways::USUAL, Ways::groups_of(2, 1), Ways::groups_of(5, 7), Ways::early(2)];
        const SOME: &[Ways] =
            &[Ways::USUAL, Ways::groups_of(1, 0), Ways::groups_of(3, 2), Ways::early(7)];
        const MANY: &[Ways] = &[Ways::USUAL, Ways::groups_of(4, 0), Ways::early(7)];
        match threads {
            1 => ALONE,
            2 => FEW,
            3..=7 => SOME,
            _ => MANY,
        }
    }
}

/// Why there is no result. What a reader reports is kept as it is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The block breaks a rule.
    Invalid(InvalidBlock),
    /// The reader failed.
    State(String),
    /// A worker panicked, with what it said.
    Panicked(String),
    /// A thread was not to be had.
    Thread(String),
}

impl<E: fmt::Display> From<ExecutionError<E>> for Failure {
    fn from(error: ExecutionError<E>) -> Self {
        match error {
            ExecutionError::Invalid(error) => Self::Invalid(error),
            ExecutionError::State(error) => Self::State(error.to_string()),
        }
    }
}

impl<E: fmt::Display> From<ParallelError<E>> for Failure {
    fn from(error: ParallelError<E>) -> Self {
        match error {
            ParallelError::Execution(error) => error.into(),
            ParallelError::Panicked { message, .. } => Self::Panicked(message),
            ParallelError::Thread(error) => Self::Thread(error.to_string()),
        }
    }
}

/// A step that was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenStep {
    /// What happens before the first transaction.
    Begin,
    /// A transaction, its position and result.
    Transaction(usize, Box<TransactionOutcome>),
    /// An invalid transaction, its position and what is wrong with it.
    Invalid(usize, InvalidTransaction),
    /// What happens after the last transaction.
    End,
}

/// All that can be seen of the execution of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it came to.
    pub result: Result<BlockOutcome, Failure>,
    /// What was handed out, each step with its write set.
    pub steps: Vec<(SeenStep, StateDelta)>,
}

impl Seen {
    /// The result of a block that is expected to be valid.
    ///
    /// # Panics
    /// If it is not.
    pub fn outcome(&self) -> &BlockOutcome {
        self.result.as_ref().unwrap_or_else(|failure| panic!("the block is valid, not {failure:?}"))
    }

    /// The transactions that were not left out, by position.
    pub fn transactions(&self) -> impl Iterator<Item = (usize, &TransactionOutcome)> {
        self.steps.iter().filter_map(|(step, _)| match step {
            SeenStep::Transaction(index, outcome) => Some((*index, &**outcome)),
            _ => None,
        })
    }

    /// The first thing in which the two differ, in words.
    pub fn difference(&self, found: &Self) -> Option<String> {
        let steps = self.steps.iter().zip(&found.steps).position(|(a, b)| a != b);
        if let Some(at) = steps {
            let (expected, found) = (&self.steps[at], &found.steps[at]);
            return Some(format!("step {at}: expected {expected:#?}, found {found:#?}"));
        }
        if self.result != found.result {
            return Some(format!("expected {:#?}, found {:#?}", self.result, found.result));
        }
        let (expected, found) = (self.steps.len(), found.steps.len());
        (expected != found).then(|| format!("expected {expected} steps, found {found}"))
    }
}

fn note(steps: &mut Vec<(SeenStep, StateDelta)>, committed: &Committed<'_>) {
    let step = match committed.step {
        Step::Begin => SeenStep::Begin,
        Step::Transaction { index, outcome } => {
            SeenStep::Transaction(index, Box::new(outcome.clone()))
        }
        Step::Invalid { index, error } => SeenStep::Invalid(index, error.clone()),
        Step::End => SeenStep::End,
    };
    steps.push((step, committed.delta()));
}

/// An executor of each kind for the same chain. Keep it over blocks: what one leaves behind must not be seen in the next.
#[derive(Debug)]
pub struct Both<C> {
    sequential: SequentialExecutor<C>,
    parallel: BlockExecutor<C>,
}

impl Both<DefaultCrypto> {
    /// Executors for the chain of a scene, in its mode.
    pub fn of(scene: &Scene) -> Self {
        let mut both = Self::new(scene.spec(), DefaultCrypto::new());
        both.set_mode(scene.mode);
        both
    }
}

impl<C: Crypto> Both<C> {
    /// Executors that execute every block in parallel and do without the contracts of requests where there are none.
    pub fn new(spec: ChainSpec, crypto: C) -> Self {
        let mut sequential = SequentialExecutor::new(spec.clone(), crypto.clone());
        let mut parallel = BlockExecutor::new(spec, crypto);
        sequential.set_missing_request_contracts(MissingRequestContracts::Ignore);
        parallel.set_missing_request_contracts(MissingRequestContracts::Ignore);
        parallel.set_parallelism(Parallelism::Always);
        Self { sequential, parallel }
    }

    /// Changes the chain.
    pub fn set_spec(&mut self, spec: &ChainSpec) {
        self.sequential.set_spec(spec.clone());
        self.parallel.set_spec(spec.clone());
    }

    /// Chooses the engine that runs code.
    pub fn set_engine(&mut self, engine: Engine) {
        self.sequential.set_engine(engine);
        self.parallel.set_engine(engine);
    }

    /// Chooses what an invalid transaction means.
    pub fn set_mode(&mut self, mode: Mode) {
        self.sequential.set_mode(mode);
        self.parallel.set_mode(mode);
    }

    /// Chooses what missing contracts of requests mean.
    pub fn set_missing_request_contracts(&mut self, policy: MissingRequestContracts) {
        self.sequential.set_missing_request_contracts(policy);
        self.parallel.set_missing_request_contracts(policy);
    }

    /// Chooses the way in which blocks are executed in parallel.
    pub fn set_ways(&mut self, ways: Ways) {
        self.parallel.set_grouping(ways.grouping);
        self.parallel.set_most_tries(ways.most_tries);
        self.parallel.set_foresight(ways.foresight);
    }

    /// Executes the block one transaction after the other.
    pub fn sequentially<R: StateReader>(&mut self, block: &Block, state: &R) -> Seen {
        let mut steps = Vec::new();
        let result = self
            .sequential
            .execute_block_with(block, state, |committed| note(&mut steps, &committed))
            .map_err(Failure::from);
        Seen { result, steps }
    }

    /// Executes the block on so many threads.
    pub fn in_parallel<R: StateReader + Sync>(
        &mut self,
        block: &Block,
        state: &R,
        threads: usize,
    ) -> Seen {
        let mut steps = Vec::new();
        let result = self
            .parallel
            .execute_with(block, state, threads, |committed| note(&mut steps, &committed))
            .map_err(Failure::from);
        Seen { result, steps }
    }

    /// Executes the block on so many threads, with nobody to whom steps are handed out.
    ///
    /// # Errors
    /// Why there is no result.
    pub fn without_steps<R: StateReader + Sync>(
        &mut self,
        block: &Block,
        state: &R,
        threads: usize,
    ) -> Result<BlockOutcome, Failure> {
        self.parallel.execute(block, state, threads).map_err(Failure::from)
    }

    /// What executes blocks in parallel, for what takes more than the functions here.
    pub fn parallel(&mut self) -> &mut BlockExecutor<C> {
        &mut self.parallel
    }

    /// How the last block was executed that was executed in parallel.
    pub fn last_path(&self) -> ExecutionPath {
        self.parallel.last_path()
    }

    /// Executes the block sequentially, and in parallel on each number of threads, in several ways: with and without steps
    /// handed out. Returns what the sequential execution showed.
    ///
    /// # Errors
    /// The first difference, in words.
    pub fn compare<R: StateReader + Sync>(
        &mut self,
        block: &Block,
        state: &R,
        threads: &[usize],
    ) -> Result<Seen, String> {
        let expected = self.sequentially(block, state);
        for &threads in threads {
            for &ways in Ways::with_threads(threads) {
                self.set_ways(ways);
                let found = self.in_parallel(block, state, threads);
                if let Some(difference) = expected.difference(&found) {
                    return Err(format!("{threads} threads, {ways:?}: {difference}"));
                }
            }
            // In the last way.
            let found = self.without_steps(block, state, threads);
            self.set_ways(Ways::USUAL);
            if found != expected.result {
                let expected = expected.result;
                return Err(format!(
                    "{threads} threads, no steps: expected {expected:#?}, found {found:#?}"
                ));
            }
        }
        Ok(expected)
    }
}

/// Does the work on a thread of its own, and fails if that takes longer than `limit`: a test must not hang.
///
/// # Panics
/// If the work panics or takes too long; the thread is left behind then.
pub fn within<T: Send + 'static>(
    limit: Duration,
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, receiver) = mpsc::channel();
    let worker = thread::spawn(move || {
        // Nobody listens any more if it has taken too long.
        drop(sender.send(work()));
    });
    match receiver.recv_timeout(limit) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what} hangs: no result in {limit:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => resume_unwind(panic),
            Ok(()) => panic!("{what} ended without a result"),
        },
    }
}
