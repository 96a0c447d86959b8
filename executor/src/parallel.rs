//! A block's transactions side by side, with the result of one after the other.
//!
//! Workers execute transactions before those below them are final. What a transaction reads is what others below have written
//! by then, as far as they have been executed ([`braid_mv_memory`]). In order, one worker at a time looks whether what a
//! transaction found out still holds on top of all that is committed. If so its writes become final, and are handed out; if
//! not, it is executed again there and then, with nothing left to go wrong. So results never rest on who was faster.
//!
//! | file | does |
//! |---|---|
//! | `ends` | what a worker does before and after: the block's own rules, the write set |
//! | `run` | what it does in between: execute, look after who read what has changed |
//! | `settle` | commit, in order |
//! | `rest` | what is left of a block on one thread, if it turns out to be serial |
//! | `units` | which transactions are executed together |
//! | `context` | executes one unit, as far as it gets |
//! | `transfer` | executes those that only send wei |
//! | `source` | answers its reads |
//! | `indices` | finds where in the multi-version memory an account or slot is |
//! | `record` | keeps what came of it until it is committed |
//! | `flight` | what is measured of that time |
//! | `plan` | which transactions go together, which wait for which, which begin early, whether it is worth it |
//! | `habits` | which take long and which conflict, going by those before |
//! | `delta`, `block_delta` | write sets: of a step, of the block |
//!
//! # Transactions and units
//! In large blocks small transactions that follow each other are executed together ([`Grouping`]). Scheduler and multi-version
//! memory know units only, of one transaction or more; results are said by transactions.
//!
//! # What earlier blocks teach
//! If a transaction that takes a good part of the block's time began when its turn came, the other workers might have nothing
//! left to do beside it. So one that calls what took long in the blocks before begins at once. And what has conflicted with
//! others of its like waits for the last of them ([`Foresight`]).
//!
//! # When blocks run on one thread
//! Speculation costs something, and gains nothing where there is nothing to do beside: with one thread, in blocks of few
//! transactions or little gas, or if one sender sends most of what there is. Such blocks go to the [`SequentialExecutor`] that
//! each [`BlockExecutor`] has. While a block runs, the scheduler looks less far ahead the more often speculation fails, down to
//! not at all; and if that fails again and again whenever it is tried, the same executor takes over what is left of the block.

mod block_delta;
mod context;
mod contexts;
mod delta;
mod ends;
mod flight;
mod habits;
mod indices;
mod plan;
mod record;
mod rest;
mod run;
mod settle;
mod source;
mod sync;
mod transfer;
mod units;

use std::sync::{Arc, PoisonError};

use braid_interpreter::Engine;
use braid_mv_memory::{MvMemory, Spare, WriteSet};
use braid_precompiles::Crypto;
use braid_primitives::{Address, ChainSpec, StateReader, Transaction};
use braid_scheduler::{Counters, RunError, Scheduler, WorkerPool, guarded};

use crate::{
    Block, BlockOutcome, CodeCache, Committed, MissingRequestContracts, Mode, ParallelError,
    SequentialExecutor, tally::Tally, validate::Limits,
};

pub(crate) use delta::step_delta;

pub use flight::Flight;
pub use plan::{Foresight, Grouping};

use block_delta::Lists;
use context::Environment;
use contexts::Contexts;
use ends::{BlockResult, Ends};
use habits::Course;
use plan::Plan;
use record::{Records, Results};
use run::BlockRun;
use settle::Ledger;
use sync::{Instant, Mutex, MutexGuard, hint, thread};

/// How often a worker that waits for another looks again before it gives the processor away.
const LOOKS_BEFORE_YIELD: u32 = 100;

/// How often looking ahead may fail in a row: as far as the scheduler counts.
const MOST_TRIES: u32 = 6;

/// Whether blocks run in parallel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Parallelism {
    /// Where it is expected to pay.
    #[default]
    Adaptive,
    /// Always, even with one thread, and by all threads: for tests and measurements. Otherwise a thread that is still waking up
    /// when the others are done is not waited for.
    Always,
}

/// How a block was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionPath {
    /// On the calling thread.
    Sequential,
    /// By workers, with what their scheduler counted: of units, each of one or more transactions ([`Grouping`]).
    Parallel(Counters),
}

/// Executes blocks on several threads.
///
/// Make one and keep it: threads, memory and analysed code are reused. Results are those of [`SequentialExecutor`], whatever
/// the number of threads.
///
/// ```
/// use braid_executor::{Block, BlockExecutor, MemoryState};
/// use braid_precompiles::PortableCrypto;
/// use braid_primitives::{
///     AccountInfo, Address, BlockEnv, ChainSpec, Hardfork, Transaction, TxKind, U256,
/// };
///
/// let sender = |i| Address::with_last_byte(i);
/// let mut state = MemoryState::new();
/// for i in 100..200 {
///     let info = AccountInfo { balance: U256::from(100_000), ..Default::default() };
///     state.insert_account(sender(i), info);
/// }
/// let pay = |i| Transaction {
///     sender: sender(i),
///     to: TxKind::Call(Address::repeat_byte(0xb)),
///     value: U256::from(7),
///     gas_limit: 21_000,
///     max_fee_per_gas: 1,
///     ..Default::default()
/// };
/// let block = Block {
///     env: BlockEnv { number: 1, gas_limit: 30_000_000, ..Default::default() },
///     transactions: (100..200).map(pay).collect(),
///     ..Default::default()
/// };
///
/// let mut executor = BlockExecutor::new(ChainSpec::single(Hardfork::London), PortableCrypto::new());
/// let mut committed = 0;
/// let outcome = executor.execute_with(&block, &state, 2, |step| {
///     committed += usize::from(step.transaction().is_some());
/// })?;
/// assert_eq!(committed, 100);
/// assert_eq!(outcome.gas_used, 2_100_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BlockExecutor<C> {
    sequential: SequentialExecutor<C>,
    spec: ChainSpec,
    crypto: C,
    codes: Arc<CodeCache>,
    missing_request_contracts: MissingRequestContracts,
    mode: Mode,
    parallelism: Parallelism,
    most_tries: u32,
    memory: MvMemory,
    scheduler: Scheduler,
    pool: WorkerPool,
    contexts: Contexts,
    plan: Plan,
    lists: Lists,
    is_measured: bool,
    flight: Option<Flight>,
    last: ExecutionPath,
}

impl<C: Crypto> BlockExecutor<C> {
    /// An executor for blocks of this chain.
    pub fn new(spec: ChainSpec, crypto: C) -> Self {
        Self::with_code_cache(spec, crypto, Arc::default())
    }

    /// Like [`Self::new`], with analysed code shared with others.
    pub fn with_code_cache(spec: ChainSpec, crypto: C, codes: Arc<CodeCache>) -> Self {
        Self {
            sequential: SequentialExecutor::with_code_cache(
                spec.clone(),
                crypto.clone(),
                codes.clone(),
            ),
            spec,
            crypto,
            codes,
            missing_request_contracts: MissingRequestContracts::default(),
            mode: Mode::default(),
            parallelism: Parallelism::default(),
            most_tries: MOST_TRIES,
            memory: MvMemory::default(),
            scheduler: Scheduler::new(1),
            pool: WorkerPool::default(),
            contexts: Contexts::default(),
            plan: Plan::default(),
            lists: Lists::default(),
            is_measured: false,
            flight: None,
            last: ExecutionPath::Sequential,
        }
    }

    /// The chain whose blocks this executes.
    pub fn spec(&self) -> &ChainSpec {
        &self.spec
    }

    /// Changes the chain, keeping analysed code and allocations.
    pub fn set_spec(&mut self, spec: ChainSpec) {
        self.sequential.set_spec(spec.clone());
        self.spec = spec;
    }

    /// Chooses which engine runs code. Results do not depend on it.
    pub fn set_engine(&mut self, engine: Engine) {
        self.sequential.set_engine(engine);
        self.contexts.set_engine(engine);
    }

    /// Chooses what an invalid transaction means. [`Mode::Verify`] if nobody says otherwise.
    pub fn set_mode(&mut self, mode: Mode) {
        self.sequential.set_mode(mode);
        self.mode = mode;
    }

    /// Chooses what a missing contract of EIP-7002 or EIP-7251 means.
    pub fn set_missing_request_contracts(&mut self, policy: MissingRequestContracts) {
        self.sequential.set_missing_request_contracts(policy);
        self.missing_request_contracts = policy;
    }

    /// Chooses whether blocks run in parallel. Results do not depend on it.
    pub fn set_parallelism(&mut self, parallelism: Parallelism) {
        self.parallelism = parallelism;
    }

    /// Chooses which transactions are executed together. Results do not depend on it.
    pub fn set_grouping(&mut self, grouping: Grouping) {
        self.plan.set_grouping(grouping);
    }

    /// Chooses what is made of what transactions of earlier blocks were like. Results do not depend on it.
    pub fn set_foresight(&mut self, foresight: Foresight) {
        self.plan.set_foresight(foresight);
    }

    /// Chooses after how many failed tries in a row to look ahead the rest of a block is taken for serial, and executed by one
    /// thread: 6 at most, which is what it is if nobody says otherwise. From one try to the next it takes twice as many units,
    /// so that 6 come to 126. With 0 nobody looks ahead at all. Results do not depend on it.
    pub fn set_most_tries(&mut self, tries: u32) {
        self.most_tries = tries.min(MOST_TRIES);
    }

    /// Chooses whether transactions are measured between their execution and their commit. That takes time.
    pub fn measure_flight(&mut self, is_measured: bool) {
        self.is_measured = is_measured;
    }

    /// What was measured in the last block, if it was executed in parallel and [measured](Self::measure_flight).
    pub fn last_flight(&self) -> Option<&Flight> {
        self.flight.as_ref()
    }

    /// How the last block was executed.
    pub fn last_path(&self) -> ExecutionPath {
        self.last
    }

    /// Executes a block on the state that `state` reads, by up to `threads` threads, of which the calling one is one.
    ///
    /// # Errors
    /// Those of [`SequentialExecutor::execute_block`], of the same transaction; [`ParallelError::Panicked`] if a worker panics,
    /// for example in `state`; [`ParallelError::Thread`] if there are no more threads.
    pub fn execute<R: StateReader + Sync>(
        &mut self,
        block: &Block,
        state: &R,
        threads: usize,
    ) -> Result<BlockOutcome, ParallelError<R::Error>> {
        self.run(block, state, threads, None::<fn(Committed<'_>)>)
    }

    /// Like [`Self::execute`]; hands each step of the block to `on_commit` as soon as it is final, in order, while later
    /// transactions are still running: by one thread at a time, but not always the same.
    ///
    /// # Errors
    /// Those of [`Self::execute`]. What was handed out before is void then.
    pub fn execute_with<R: StateReader + Sync>(
        &mut self,
        block: &Block,
        state: &R,
        threads: usize,
        on_commit: impl FnMut(Committed<'_>) + Send,
    ) -> Result<BlockOutcome, ParallelError<R::Error>> {
        self.run(block, state, threads, Some(on_commit))
    }

    fn run<R: StateReader + Sync, S: FnMut(Committed<'_>) + Send>(
        &mut self,
        block: &Block,
        state: &R,
        threads: usize,
        sink: Option<S>,
    ) -> Result<BlockOutcome, ParallelError<R::Error>> {
        let is_adaptive = self.parallelism == Parallelism::Adaptive;
        if is_adaptive && (threads <= 1 || Plan::is_too_short(block)) {
            return self.run_sequential(block, state, sink);
        }
        let start = Instant::now();
        let mut is_parallel = !is_adaptive || self.plan.may_be_worth_it(block, threads);
        if is_parallel {
            self.plan.look(block);
            is_parallel = !is_adaptive || self.plan.is_worth_it(threads);
        }
        let threads = if is_parallel { threads.max(1) } else { 1 };
        let result = if is_parallel {
            self.run_parallel(block, state, threads, sink)
        } else {
            self.run_sequential(block, state, sink)
        };
        if result.is_ok() {
            self.plan.learn(start.elapsed(), threads);
        }
        result
    }

    fn run_sequential<R: StateReader + Sync, S: FnMut(Committed<'_>) + Send>(
        &mut self,
        block: &Block,
        state: &R,
        sink: Option<S>,
    ) -> Result<BlockOutcome, ParallelError<R::Error>> {
        self.last = ExecutionPath::Sequential;
        self.flight = None;
        let work = || match sink {
            Some(sink) => self.sequential.execute_block_with(block, state, sink),
            None => self.sequential.execute_block(block, state),
        };
        Ok(guarded(work).map_err(failed_run)??)
    }

    fn run_parallel<R: StateReader + Sync, S: FnMut(Committed<'_>) + Send>(
        &mut self,
        block: &Block,
        state: &R,
        workers: usize,
        sink: Option<S>,
    ) -> Result<BlockOutcome, ParallelError<R::Error>> {
        self.memory.clear();
        let limits = Limits::of_block(&self.spec, &block.env);
        let ledger = Ledger {
            tally: Tally::new(limits, block.transactions.len()),
            error: None,
            sink,
            changes: Vec::new(),
            is_beneficiary_read: false,
            flight: self.is_measured.then(Flight::default),
            reads: Vec::new(),
            writes: WriteSet::default(),
            results: Results::default(),
            course: Course::default(),
            failed_end: 0,
            next_look: 0,
            rest: None,
        };
        let has_sink = ledger.sink.is_some();
        self.plan.prepare((block, workers, self.most_tries > 0), &mut self.scheduler);
        self.lists.reserve(workers);
        let run = BlockRun {
            block,
            environment: Environment {
                memory: &self.memory,
                reader: state,
                crypto: &self.crypto,
                codes: &self.codes,
                block: &block.env,
                beneficiary: self.memory.account(&block.env.beneficiary, &mut Spare::default()),
                limits: &limits,
                has_sink,
                is_measured: self.is_measured,
            },
            units: self.plan.units(),
            scheduler: &self.scheduler,
            contexts: &self.contexts,
            records: Records::new(self.plan.in_flight()),
            mode: self.mode,
            most_tries: self.most_tries,
            sequential: Mutex::new(&mut self.sequential),
            ledger: Mutex::new(ledger),
            ends: Ends::new(&self.spec, self.missing_request_contracts, &self.lists),
        };
        let (work, halt) = (|worker| run.take_part(worker), || run.scheduler.halt());
        let worked = match self.parallelism {
            Parallelism::Always => self.pool.run(workers, work, halt),
            Parallelism::Adaptive => self.pool.share(workers, work, halt),
        };
        worked.map_err(failed_run)?;
        self.last = ExecutionPath::Parallel(run.scheduler.counters());
        let BlockResult { outcome, flight, course } = run.into_result()?;
        self.flight = flight;
        self.plan.learn_habits(block, &course);
        Ok(outcome)
    }
}

/// The accounts at both ends of a transaction: its sender, and whom it calls.
fn both_ends(tx: &Transaction) -> impl Iterator<Item = Address> + Clone + use<> {
    [Some(tx.sender), tx.to.to().copied()].into_iter().flatten()
}

/// Waits for other workers a little: until `is_done`. Says whether it is, or false once the block `is_given_up`.
fn wait_until(is_done: impl Fn() -> bool, is_given_up: impl Fn() -> bool) -> bool {
    let mut looks = 0;
    loop {
        if is_done() {
            return true;
        }
        if is_given_up() {
            return false;
        }
        looks += 1;
        if looks < LOOKS_BEFORE_YIELD {
            hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
}

/// Locks. What a panic left behind counts: it ends the block, and the next begins anew.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed_run<E>(error: RunError) -> ParallelError<E> {
    match error {
        RunError::Spawn(error) => ParallelError::Thread(error),
        RunError::Panicked { worker, message } => ParallelError::Panicked { worker, message },
        error => ParallelError::Panicked { worker: 0, message: error.to_string() },
    }
}
