//! `braid run`: executes block fixtures and checks the results.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use braid_executor::{
    BlockOutcome, Committed, Engine, ExecutionError, MissingState, ParallelError,
};
use braid_precompiles::DefaultCrypto;
use indicatif::ProgressBar;
use serde::Serialize;

use super::{
    Status, complain,
    engine::EngineArgument,
    report::{
        JsonDifference, Summary, grouped, json_line, json_summary, machine_threads,
        mgas_per_second, path_name, progress_bar,
    },
};
use crate::{
    agreement::disagreements,
    bench::{
        measure::{self, Effort, Engines, ParallelTime, Times},
        missing_request_contracts,
    },
    error::InputError,
    fixture::{Fixture, FixtureSet},
    verify::{Difference, Unchecked, Verdict, verify},
};

const AFTER_HELP: &str = "\
Checked, where the fixture allows it: block hash, transactions root, withdrawals root, gas used, blob gas used, receipts
root, logs bloom, requests and their hash, gas and status of each transaction, the accounts and slots after the block, and
the state root. A block with a witness is executed a second time from the witness alone: all that it reads is then proved,
and before Byzantium the state root after each transaction is known. What cannot be checked is said.

Each block is executed in parallel, and its result checked. It is executed sequentially too: the results have to be the same.
Then both are timed in turns, and the medians are printed: \"seq ms\" one transaction after the other, \"par ms\" in parallel.
Blocks too small or too serial to gain run on one thread either way. Time is that of execution alone: reading files and
recovering senders is not in it.

Examples:
  braid run                                        the built-in sample
  braid run fixtures/mainnet-blocks                every block of a set, on as many threads as the machine has
  braid run --threads 4 --repeat 11 blocks/19426587   one block on four threads, medians of eleven times
  braid run --sequential blocks                    one transaction after the other, and nothing else
  braid run --engine plain blocks                  without preparing code
  braid run --json blocks | jq 'select(.passed == false)'";

/// Execute block fixtures and check the results.
///
/// PATH is a folder: a set of blocks (with manifest.json) or one block (with block.json). With no PATH, a built-in sample
/// is executed.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Folders with fixtures.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Threads to execute a block with; as many as the machine has, if not given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Execute transactions one after the other, and do not execute in parallel at all, whatever --threads says.
    #[arg(long)]
    sequential: bool,

    /// Time each block N times, after it was executed and checked once. Medians are reported.
    #[arg(long, value_name = "N", default_value = "3")]
    repeat: NonZeroUsize,

    #[command(flatten)]
    engine: EngineArgument,

    /// Print one JSON object per block, and a summary at the end.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> io::Result<Status> {
    let mut session = Session::new(arguments, out);
    if !arguments.json {
        session.print_header()?;
    }
    if arguments.paths.is_empty() {
        session.run_set(FixtureSet::sample())?;
    }
    for path in &arguments.paths {
        session.run_set(FixtureSet::open(path))?;
    }
    session.finish()
}

/// How a block went.
struct BlockResult {
    verdict: Verdict,
    gas_used: u64,
    times: Times,
}

impl BlockResult {
    /// Parallel execution, unless it was not wanted.
    fn parallel(&self) -> Option<&ParallelTime> {
        self.times.parallel.first()
    }

    /// How long the execution took whose result was checked.
    fn time(&self) -> Duration {
        self.parallel().map_or(self.times.sequential, |parallel| parallel.time)
    }
}

/// A run of the command.
struct Session<'a, W> {
    arguments: &'a Arguments,
    out: &'a mut W,
    crypto: DefaultCrypto,
    engines: Option<Engines<DefaultCrypto>>,
    effort: Effort,
    progress: ProgressBar,
    status: Status,
    summary: Summary,
    transactions: usize,
    gas: u64,
    /// Time of sequential execution.
    sequential: Duration,
    /// What was checked, in order of first appearance, and in how many blocks.
    checked: Vec<(&'static str, usize)>,
    /// What was not checked, and in how many blocks.
    unchecked: BTreeMap<(&'static str, &'static str), usize>,
}

impl<'a, W: Write> Session<'a, W> {
    fn new(arguments: &'a Arguments, out: &'a mut W) -> Self {
        let threads = arguments.threads.unwrap_or_else(machine_threads).get();
        let threads = if arguments.sequential { Vec::new() } else { vec![threads] };
        Self {
            arguments,
            out,
            crypto: DefaultCrypto::new(),
            engines: None,
            effort: Effort { threads, runs: arguments.repeat.get() },
            progress: progress_bar(0, "blocks"),
            status: Status::default(),
            summary: Summary::default(),
            transactions: 0,
            gas: 0,
            sequential: Duration::ZERO,
            checked: Vec::new(),
            unchecked: BTreeMap::new(),
        }
    }

    fn run_set(&mut self, set: Result<FixtureSet, InputError>) -> io::Result<()> {
        let set = match set {
            Ok(set) => set,
            Err(error) => return self.bad_input(&error),
        };
        self.progress.inc_length(set.numbers().len() as u64);
        for (index, number) in set.numbers().enumerate() {
            self.progress.set_message(format!("block {number}"));
            let result = set.load(index, &self.crypto).and_then(|fixture| {
                let result = self.execute(&fixture)?;
                Ok((fixture, result))
            });
            match result {
                Ok((fixture, result)) => self.report(&fixture, &result)?,
                Err(error) => self.bad_input(&error)?,
            }
            self.progress.inc(1);
        }
        Ok(())
    }

    /// Reports input that cannot be used. What was printed so far is printed before it.
    fn bad_input(&mut self, error: &InputError) -> io::Result<()> {
        self.out.flush()?;
        self.progress.suspend(|| complain(&format!("error: {error}")));
        self.status = Status::BadInput;
        Ok(())
    }

    /// Executes a block, checks the result, and takes the time as often as asked for.
    fn execute(&mut self, fixture: &Fixture) -> Result<BlockResult, InputError> {
        let engine = Engine::from(self.arguments.engine);
        let (crypto, effort) = (self.crypto, &self.effort);
        let engines =
            self.engines.get_or_insert_with(|| Engines::new(fixture.spec.clone(), crypto));
        // A fixture with only what was read may lack contracts whose calls then do nothing.
        engines.set_chain(&fixture.spec, missing_request_contracts(fixture.complete_state));
        engines.set_engine(engine);
        let executed = Executed::of(fixture, engines, effort.threads.first().copied());
        if let Err(ExecutionError::State(missing)) = &executed.sequential {
            return Err(lacking(fixture, missing));
        }
        let mut verdict = match executed.result() {
            Ok(outcome) => verify(fixture, outcome, &executed.statuses, engine, &crypto),
            Err(said) => rejected(said),
        };
        if executed.parallel.is_some() {
            verdict.checked.push("parallel beside sequential execution");
        }
        let is_same = executed.differences.is_empty();
        verdict.differences.extend(executed.differences);
        let (mut gas_used, mut times) = (0, Times::default());
        if let (Ok(outcome), true) = (&executed.sequential, is_same) {
            gas_used = outcome.gas_used;
            times = measure::times(engines, &fixture.block, effort, || &fixture.pre_state)
                .unwrap_or_else(|error| {
                    verdict.differences.push(Difference {
                        item: "repeated execution".to_owned(),
                        expected: "the result of the first".to_owned(),
                        found: error.to_string(),
                    });
                    Times::default()
                });
        }
        Ok(BlockResult { verdict, gas_used, times })
    }

    fn report(&mut self, fixture: &Fixture, result: &BlockResult) -> io::Result<()> {
        let passed = result.verdict.passed();
        self.summary.count(passed);
        self.summary.seconds += result.time().as_secs_f64();
        self.sequential += result.times.sequential;
        self.transactions += fixture.block.transactions.len();
        self.gas += result.gas_used;
        if !passed {
            self.status = self.status.max(Status::Failed);
        }
        for item in &result.verdict.checked {
            match self.checked.iter_mut().find(|(known, _)| known == item) {
                Some((_, blocks)) => *blocks += 1,
                None => self.checked.push((item, 1)),
            }
        }
        for Unchecked { item, reason } in &result.verdict.unchecked {
            *self.unchecked.entry((item, reason)).or_default() += 1;
        }
        if self.arguments.json {
            json_line(self.out, &JsonBlock::new(fixture, result))
        } else {
            // A row is out as soon as its block is done, and not in the middle of the bar.
            let progress = self.progress.clone();
            progress.suspend(|| self.print_row(fixture, result).and_then(|()| self.out.flush()))
        }
    }

    fn print_header(&mut self) -> io::Result<()> {
        let times =
            if self.arguments.sequential { "   time ms" } else { "   seq ms   par ms speed-up" };
        writeln!(
            self.out,
            "{:>10}  {:14} {:>5} {:>12} {times} {:>8} {:>7}  result",
            "block", "fork", "txs", "gas", "Mgas/s", "checks"
        )
    }

    fn print_row(&mut self, fixture: &Fixture, result: &BlockResult) -> io::Result<()> {
        let sequential_ms = result.times.sequential.as_secs_f64() * 1e3;
        let times = match result.parallel() {
            Some(parallel) => {
                let parallel_ms = parallel.time.as_secs_f64() * 1e3;
                let speed_up = parallel.speed_up(&result.times);
                format!("{sequential_ms:>9.3} {parallel_ms:>8.3} {speed_up:>8.2}")
            }
            None if self.arguments.sequential => format!("{sequential_ms:>10.3}"),
            None => format!("{:>9} {:>8} {:>8}", "-", "-", "-"),
        };
        writeln!(
            self.out,
            "{:>10}  {:14} {:>5} {:>12} {times} {:>8.1} {:>7}  {}",
            fixture.block.env.number,
            fixture.fork.name(),
            fixture.block.transactions.len(),
            grouped(result.gas_used),
            mgas_per_second(result.gas_used, result.time().as_secs_f64()),
            result.verdict.checked.len(),
            if result.verdict.passed() { "ok" } else { "FAILED" },
        )?;
        for difference in &result.verdict.differences {
            writeln!(self.out, "FAILED block {}: {difference}", fixture.block.env.number)?;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<Status> {
        self.progress.finish_and_clear();
        if self.arguments.json {
            json_summary(self.out, &self.summary)?;
        } else {
            self.print_totals()?;
        }
        Ok(self.status)
    }

    fn print_totals(&mut self) -> io::Result<()> {
        let Summary { total, passed, failed, seconds, .. } = self.summary;
        writeln!(
            self.out,
            "{total} {}, {} transactions, {} gas in {seconds:.3} s: {:.1} Mgas/s; {passed} passed, {failed} failed",
            if total == 1 { "block" } else { "blocks" },
            grouped(self.transactions as u64),
            grouped(self.gas),
            mgas_per_second(self.gas, seconds),
        )?;
        if let Some(threads) = self.effort.threads.first().filter(|_| seconds > 0.0) {
            let sequential = self.sequential.as_secs_f64();
            writeln!(
                self.out,
                "sequentially {sequential:.3} s: {:.2} times as fast on up to {threads} {}",
                sequential / seconds,
                if *threads == 1 { "thread" } else { "threads" },
            )?;
        }
        let mut counts: Vec<usize> = self.checked.iter().map(|(_, blocks)| *blocks).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts.dedup();
        for count in counts {
            let items = self.checked.iter().filter(|(_, blocks)| *blocks == count);
            let items: Vec<&str> = items.map(|(item, _)| *item).collect();
            writeln!(self.out, "checked in {count} of the blocks: {}", items.join(", "))?;
        }
        for ((item, reason), blocks) in &self.unchecked {
            writeln!(self.out, "not checked in {blocks} of the blocks: {item} ({reason})")?;
        }
        Ok(())
    }
}

/// A block, executed once each way.
struct Executed {
    sequential: Result<BlockOutcome, ExecutionError<MissingState>>,
    /// Nothing if it was not wanted.
    parallel: Option<Result<BlockOutcome, ParallelError<MissingState>>>,
    /// Whether the transactions succeeded, in the result that is checked.
    statuses: Vec<bool>,
    /// Where the two differ.
    differences: Vec<Difference>,
}

impl Executed {
    fn of(fixture: &Fixture, engines: &mut Engines<DefaultCrypto>, threads: Option<usize>) -> Self {
        let (block, state) = (&fixture.block, &fixture.pre_state);
        let mut statuses = Vec::with_capacity(block.transactions.len());
        let status = |committed: Committed<'_>| {
            committed.transaction().map(|(_, outcome)| outcome.status.is_success())
        };
        let Some(threads) = threads else {
            let note = |committed: Committed<'_>| statuses.extend(status(committed));
            let sequential = engines.sequential.execute_block_with(block, state, note);
            return Self { sequential, parallel: None, statuses, differences: Vec::new() };
        };
        let note = |committed: Committed<'_>| statuses.extend(status(committed));
        let parallel = engines.parallel.execute_with(block, state, threads, note);
        let sequential = engines.sequential.execute_block(block, state);
        let differences = disagreements(&sequential, &parallel);
        Self { sequential, parallel: Some(parallel), statuses, differences }
    }

    /// What is checked: the result of parallel execution, if that was wanted. Or why there is none.
    fn result(&self) -> Result<&BlockOutcome, String> {
        match &self.parallel {
            Some(parallel) => parallel.as_ref().map_err(ToString::to_string),
            None => self.sequential.as_ref().map_err(ToString::to_string),
        }
    }
}

fn lacking(fixture: &Fixture, missing: &MissingState) -> InputError {
    let expected = "all state that the block reads";
    InputError::unexpected(&fixture.path, "", expected, missing.to_string())
}

/// The verdict on a block that should be valid and was rejected.
fn rejected(said: String) -> Verdict {
    let difference =
        Difference { item: "block".to_owned(), expected: "a valid block".to_owned(), found: said };
    Verdict { checked: vec!["validity"], differences: vec![difference], ..Verdict::default() }
}

/// A block's line of JSON. `seconds` and what follows from it are of the execution whose result was checked.
#[derive(Serialize)]
struct JsonBlock<'a> {
    block: u64,
    path: &'a Path,
    fork: &'static str,
    transactions: usize,
    gas_used: u64,
    seconds: f64,
    mgas_per_second: f64,
    sequential_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel: Option<JsonParallel>,
    passed: bool,
    checked: &'a [&'static str],
    unchecked: Vec<JsonUnchecked>,
    differences: Vec<JsonDifference<'a>>,
}

#[derive(Serialize)]
struct JsonParallel {
    threads: usize,
    /// How it was executed: blocks too small or too serial are not executed in parallel.
    execution: &'static str,
    seconds: f64,
    speed_up: f64,
}

#[derive(Serialize)]
struct JsonUnchecked {
    item: &'static str,
    reason: &'static str,
}

impl<'a> JsonBlock<'a> {
    fn new(fixture: &'a Fixture, result: &'a BlockResult) -> Self {
        let seconds = result.time().as_secs_f64();
        let verdict = &result.verdict;
        let unchecked = |Unchecked { item, reason }: &Unchecked| JsonUnchecked { item, reason };
        let parallel = result.parallel().map(|parallel| JsonParallel {
            threads: parallel.threads,
            execution: path_name(parallel.path),
            seconds: parallel.time.as_secs_f64(),
            speed_up: parallel.speed_up(&result.times),
        });
        Self {
            block: fixture.block.env.number,
            path: &fixture.path,
            fork: fixture.fork.name(),
            transactions: fixture.block.transactions.len(),
            gas_used: result.gas_used,
            seconds,
            mgas_per_second: mgas_per_second(result.gas_used, seconds),
            sequential_seconds: result.times.sequential.as_secs_f64(),
            parallel,
            passed: verdict.passed(),
            checked: &verdict.checked,
            unchecked: verdict.unchecked.iter().map(unchecked).collect(),
            differences: verdict.differences.iter().map(JsonDifference::from).collect(),
        }
    }
}
