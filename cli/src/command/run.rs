//! `braid run`: executes block fixtures and checks the results.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use braid_executor::{
    Engine, ExecutionError, InvalidBlock, MissingRequestContracts, SequentialExecutor,
};
use braid_precompiles::DefaultCrypto;
use indicatif::ProgressBar;
use serde::Serialize;

use super::{
    Status, complain,
    engine::EngineArgument,
    report::{
        JsonDifference, Summary, grouped, json_line, json_summary, mgas_per_second, progress_bar,
    },
};
use crate::{
    error::InputError,
    fixture::{Fixture, FixtureSet},
    verify::{Difference, Unchecked, Verdict, verify},
};

const AFTER_HELP: &str = "\
Checked, where the fixture allows it: block hash, transactions root, withdrawals root, gas used, blob gas used, receipts
root, logs bloom, requests and their hash, gas and status of each transaction, the accounts and slots after the block, and
the state root. A block with a witness is executed a second time from the witness alone: all that it reads is then proved,
and before Byzantium the state root after each transaction is known. What cannot be checked is said.

Time is that of execution alone: reading files and recovering senders is not in it.

Examples:
  braid run                                        the built-in sample
  braid run fixtures/mainnet-blocks                every block of a set
  braid run fixtures/mainnet-blocks/19426587       one block
  braid run --engine plain --repeat 5 blocks       without preparing code, the shortest of five times
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

    /// Threads to execute a block with. Parallel execution is not there yet: any number is accepted, and blocks are executed
    /// one transaction after the other.
    #[arg(long, value_name = "N", default_value = "1")]
    threads: NonZeroUsize,

    /// Execute transactions one after the other.
    #[arg(long)]
    sequential: bool,

    /// Execute each block N times and report the shortest time.
    #[arg(long, value_name = "N", default_value = "1")]
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
        if arguments.threads.get() > 1 && !arguments.sequential {
            complain("note: parallel execution is not there yet, executing sequentially");
        }
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
    time: Duration,
}

/// A run of the command.
struct Session<'a, W> {
    arguments: &'a Arguments,
    out: &'a mut W,
    crypto: DefaultCrypto,
    executor: Option<SequentialExecutor<DefaultCrypto>>,
    progress: ProgressBar,
    status: Status,
    summary: Summary,
    transactions: usize,
    gas: u64,
    /// What was checked, in order of first appearance, and in how many blocks.
    checked: Vec<(&'static str, usize)>,
    /// What was not checked, and in how many blocks.
    unchecked: BTreeMap<(&'static str, &'static str), usize>,
}

impl<'a, W: Write> Session<'a, W> {
    fn new(arguments: &'a Arguments, out: &'a mut W) -> Self {
        Self {
            arguments,
            out,
            crypto: DefaultCrypto::new(),
            executor: None,
            progress: progress_bar(0, "blocks"),
            status: Status::default(),
            summary: Summary::default(),
            transactions: 0,
            gas: 0,
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

    /// Executes a block as often as asked for and checks the result.
    fn execute(&mut self, fixture: &Fixture) -> Result<BlockResult, InputError> {
        let executor = match &mut self.executor {
            Some(executor) => executor,
            none => none.insert(SequentialExecutor::new(fixture.spec.clone(), self.crypto)),
        };
        executor.set_spec(fixture.spec.clone());
        let engine = Engine::from(self.arguments.engine);
        executor.set_engine(engine);
        // A fixture with only what was read may lack contracts whose calls then do nothing.
        executor.set_missing_request_contracts(if fixture.complete_state {
            MissingRequestContracts::Reject
        } else {
            MissingRequestContracts::Ignore
        });
        let mut statuses = Vec::with_capacity(fixture.block.transactions.len());
        let mut best: Option<(Duration, _)> = None;
        for _ in 0..self.arguments.repeat.get() {
            statuses.clear();
            let start = Instant::now();
            let outcome =
                executor.execute_block_with(&fixture.block, &fixture.pre_state, |committed| {
                    let transaction = committed.transaction();
                    statuses.extend(transaction.map(|(_, outcome)| outcome.status.is_success()));
                });
            let time = start.elapsed();
            if best.as_ref().is_none_or(|(shortest, _)| time < *shortest) {
                best = Some((time, outcome));
            }
        }
        let Some((time, outcome)) = best else {
            unreachable!("the number of repetitions is not zero");
        };
        match outcome {
            Ok(outcome) => Ok(BlockResult {
                verdict: verify(fixture, &outcome, &statuses, engine, &self.crypto),
                gas_used: outcome.gas_used,
                time,
            }),
            Err(ExecutionError::Invalid(invalid)) => {
                Ok(BlockResult { verdict: rejected(&invalid), gas_used: 0, time })
            }
            Err(ExecutionError::State(missing)) => {
                let expected = "all state that the block reads";
                Err(InputError::unexpected(&fixture.path, "", expected, missing.to_string()))
            }
        }
    }

    fn report(&mut self, fixture: &Fixture, result: &BlockResult) -> io::Result<()> {
        let passed = result.verdict.passed();
        self.summary.count(passed);
        self.summary.seconds += result.time.as_secs_f64();
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
        writeln!(
            self.out,
            "{:>10}  {:14} {:>5} {:>12} {:>10} {:>8} {:>7}  result",
            "block", "fork", "txs", "gas", "time ms", "Mgas/s", "checks"
        )
    }

    fn print_row(&mut self, fixture: &Fixture, result: &BlockResult) -> io::Result<()> {
        let seconds = result.time.as_secs_f64();
        writeln!(
            self.out,
            "{:>10}  {:14} {:>5} {:>12} {:>10.3} {:>8.1} {:>7}  {}",
            fixture.block.env.number,
            fixture.fork.name(),
            fixture.block.transactions.len(),
            grouped(result.gas_used),
            seconds * 1e3,
            mgas_per_second(result.gas_used, seconds),
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

/// The verdict on a block that should be valid and was rejected.
fn rejected(invalid: &InvalidBlock) -> Verdict {
    let difference = Difference {
        item: "block".to_owned(),
        expected: "a valid block".to_owned(),
        found: invalid.to_string(),
    };
    Verdict { checked: vec!["validity"], differences: vec![difference], ..Verdict::default() }
}

/// A block's line of JSON.
#[derive(Serialize)]
struct JsonBlock<'a> {
    block: u64,
    path: &'a Path,
    fork: &'static str,
    transactions: usize,
    gas_used: u64,
    seconds: f64,
    mgas_per_second: f64,
    passed: bool,
    checked: &'a [&'static str],
    unchecked: Vec<JsonUnchecked>,
    differences: Vec<JsonDifference<'a>>,
}

#[derive(Serialize)]
struct JsonUnchecked {
    item: &'static str,
    reason: &'static str,
}

impl<'a> JsonBlock<'a> {
    fn new(fixture: &'a Fixture, result: &'a BlockResult) -> Self {
        let seconds = result.time.as_secs_f64();
        let verdict = &result.verdict;
        let unchecked = |Unchecked { item, reason }: &Unchecked| JsonUnchecked { item, reason };
        Self {
            block: fixture.block.env.number,
            path: &fixture.path,
            fork: fixture.fork.name(),
            transactions: fixture.block.transactions.len(),
            gas_used: result.gas_used,
            seconds,
            mgas_per_second: mgas_per_second(result.gas_used, seconds),
            passed: verdict.passed(),
            checked: &verdict.checked,
            unchecked: verdict.unchecked.iter().map(unchecked).collect(),
            differences: verdict.differences.iter().map(JsonDifference::from).collect(),
        }
    }
}
