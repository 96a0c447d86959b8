//! `braid bench`: measures blocks, sequential beside parallel execution.

mod graph;
mod report;
mod select;

use std::{
    io::{self, Write},
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
    time::{Duration, Instant},
};

use braid_executor::{
    ExecutionError, MemoryState, MissingState, ParallelError, parallel::Foresight,
};
use braid_precompiles::DefaultCrypto;

use super::{
    Status, complain,
    engine::EngineArgument,
    report::{Summary, json_line, json_summary, machine_threads, progress_bar},
};
use crate::{
    bench::{
        BenchBlock,
        conflicts::{Chains, Conflicts},
        latency::SlowReader,
        measure::{Effort, Engines, Measurement, cost_of_versions, measure, weigh},
    },
    verify::Difference,
};
use report::{JsonRow, Totals, print_header, print_row};
use select::Selection;

/// Gas of a synthetic block, and of one on a state that takes its time.
const GAS: u64 = 1_000_000_000;
const GAS_OF_SLOW_STATE: u64 = 20_000_000;

/// How often each execution is measured, and how often on a state that takes its time.
const RUNS: usize = 7;
const RUNS_ON_SLOW_STATE: usize = 3;

/// How long a commit is taken to last where none was measured.
const USUAL_COMMIT: Duration = Duration::from_nanos(200);

const AFTER_HELP: &str = "\
Blocks, by NAME or part of one:
  transfers/independent    plain transfers, each with a sender and a recipient of its own
  transfers/one_sender     of one sender to many
  transfers/one_recipient  of many senders to one recipient
  erc20/many_tokens        token transfers, each of a token of its own
  erc20/one_token          of one token, each with a sender and a recipient of its own
  erc20/hot_holder         of one token, all to one recipient
  swaps/many_pools         exchanges in the manner of Uniswap v2, each with a pool of its own
  swaps/one_pool           all with one pool
  mixed                    all of these among some thousand accounts, some tokens and pools more popular than others
  serial                   calls of which each needs what the one before left
  pool_first               exchanges with one pool for a quarter of the gas, then transfers of one token as above
  sample/NUMBER            the block that braid run executes when it is given no path
  mainnet/NUMBER           the blocks of the set in mainnet-blocks of the folder that BRAID_FIXTURES names (../shared/fixtures
                           if it names none), or in the folder of --fixtures; without NAME all that have a transaction

Sequential and parallel execution take turns in one process, on a state in memory and on code that both find translated. Times
are medians. Before that the results are compared; a difference is a failure. Parallel execution has seen the block before, so
it knows which transactions take long and begins with these, and which conflict; of a new block it knows that of functions
that were called lately. With --no-foresight it makes no use of it.

  speed-up    sequential time / parallel time
  bound       the most that so many threads can gain: dependent transactions one after the other, each as long as it takes
              sequentially. Payments and fees depend on nothing. With --read-latency it is the number of threads, since
              each can wait for one read while the others wait for theirs, whatever depends on what. What threads gain that
              only sleep as long, because of how the system wakes them, is said below the table.
  of bound    speed-up / bound
  runs        executions of a unit, of one or more transactions, until it was committed
  p50, p99 us microseconds from the end of its last execution until it was committed: half, 99 in 100 waited no longer
  bytes/tx    memory in which its results waited, of those that did

Examples:
  braid bench                                         everything, on 2, 4, .. threads up to those of the machine
  braid bench erc20 swaps --threads 1,2,4             some of the synthetic blocks
  braid bench mixed --gas 60000000 --runs 31          a block of the size of mainnet's
  braid bench mainnet/1942 --threads 2                some mainnet blocks
  braid bench transfers --read-latency 100 --threads 4,8,16   how much of the time of a disk is hidden
  braid bench --json | jq 'select(.parallel[0].speed_up < 1)'";

/// Measure synthetic and fixture blocks, sequential beside parallel execution.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Parts of the names of blocks; all blocks, if not given.
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Numbers of threads to measure with: 2, 4, .. and as many as the machine has, if not given.
    #[arg(long, value_name = "N,..", value_delimiter = ',')]
    threads: Vec<NonZeroUsize>,

    /// Measure each execution N times: 7, or 3 with --read-latency, if not given.
    #[arg(long, value_name = "N")]
    runs: Option<NonZeroUsize>,

    /// Gas of a synthetic block: 1000000000, or 20000000 with --read-latency, if not given.
    #[arg(long, value_name = "GAS")]
    gas: Option<NonZeroU64>,

    /// Let the first read of each account, slot and code take this many microseconds at least, like that of a disk. Blocks of
    /// mainnet are left out then, unless they are named.
    #[arg(long, value_name = "US")]
    read_latency: Option<NonZeroU64>,

    /// Write to FOLDER, for each block, how long its transactions take and on which others they depend, for the simulation
    /// that tells how blocks scale: `BRAID_GRAPHS=FOLDER cargo test --release -p braid-scheduler --test simulation -- --ignored
    /// --nocapture scaling`.
    #[arg(long, value_name = "FOLDER", conflicts_with = "read_latency")]
    save_graphs: Option<PathBuf>,

    /// Folder with a set of block fixtures, in place of mainnet-blocks among the fixtures.
    #[arg(long, value_name = "PATH")]
    fixtures: Option<PathBuf>,

    #[command(flatten)]
    engine: EngineArgument,

    /// Make no use of what transactions like those of the block were like before: whether they took long, or conflicted.
    #[arg(long)]
    no_foresight: bool,

    /// Print one JSON object per block, and a summary at the end.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn effort(&self) -> Effort {
        let runs = if self.read_latency.is_some() { RUNS_ON_SLOW_STATE } else { RUNS };
        let runs = self.runs.map_or(runs, NonZeroUsize::get);
        let mut threads: Vec<usize> = self.threads.iter().map(|threads| threads.get()).collect();
        if threads.is_empty() {
            let most = machine_threads().get().max(2);
            threads
                .extend(std::iter::successors(Some(2), |n| Some(n * 2)).take_while(|n| *n < most));
            threads.push(most);
        }
        Effort { threads, runs }
    }

    fn gas(&self) -> u64 {
        let gas = if self.read_latency.is_some() { GAS_OF_SLOW_STATE } else { GAS };
        self.gas.map_or(gas, NonZeroU64::get)
    }

    fn latency(&self) -> Option<Duration> {
        self.read_latency.map(|us| Duration::from_micros(us.get()))
    }
}

/// A block and what was found out about it.
struct Row<'a> {
    bench: &'a BenchBlock,
    result: Result<Measured, Difference>,
}

/// What was found out about a block.
struct Measured {
    measurement: Measurement,
    conflicts: Conflicts,
    /// Transactions that depend on another.
    dependent: usize,
    chains: Chains,
    /// How often the state was waited for in a sequential execution, and for how long all in all.
    waited: Option<(u64, Duration)>,
    /// What is saved of the conflict graph, if it is wanted.
    graph: Option<String>,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> io::Result<Status> {
    let start = Instant::now();
    let wants_mainnet = arguments.read_latency.is_none();
    let fixtures = arguments.fixtures.as_deref();
    let selection = match Selection::new(&arguments.names, fixtures, arguments.gas(), wants_mainnet)
    {
        Ok(selection) => selection,
        Err(error) => {
            complain(&format!("error: {error}"));
            return Ok(Status::BadInput);
        }
    };
    let effort = arguments.effort();
    let (mut status, mut summary) = (Status::default(), Summary::default());
    let mut totals = Totals::new(&effort.threads);
    let progress = progress_bar(selection.len(), "blocks");
    if !arguments.json {
        print_header(out)?;
    }
    for index in 0..selection.len() {
        progress.set_message(selection.name(index));
        let measured = selection.load(index).and_then(|bench| {
            let result = measured(&bench, &effort, arguments);
            Ok((bench, result?))
        });
        progress.inc(1);
        let (bench, result) = match measured {
            Ok((bench, _)) if bench.block.transactions.is_empty() => continue,
            Ok(measured) => measured,
            Err(error) => {
                out.flush()?;
                progress.suspend(|| complain(&format!("error: {error}")));
                status = Status::BadInput;
                continue;
            }
        };
        let row = Row { bench: &bench, result };
        let saved = row.save_graph(arguments);
        let is_not_saved = |error| progress.suspend(|| complain(&format!("error: {error}")));
        status = status.max(saved.map_err(is_not_saved).map_or(Status::BadInput, |()| status));
        let passed = row.differences().is_empty();
        summary.count(passed);
        if !passed {
            status = status.max(Status::Failed);
        }
        totals.add(&row);
        if arguments.json {
            json_line(out, &JsonRow::new(&row))?;
        } else {
            progress.suspend(|| print_row(out, &row).and_then(|()| out.flush()))?;
        }
    }
    progress.finish_and_clear();
    summary.seconds = start.elapsed().as_secs_f64();
    if arguments.json {
        json_summary(out, &summary)?;
    } else {
        totals.print(out, arguments.latency())?;
        let Summary { total, passed, failed, seconds, .. } = summary;
        if let Some(folder) = selection.nowhere() {
            let folder = folder.display();
            writeln!(
                out,
                "mainnet blocks: not measured, there is no folder {folder} (BRAID_FIXTURES, --fixtures)"
            )?;
        }
        writeln!(out, "{total} blocks in {seconds:.1} s; {passed} passed, {failed} failed")?;
    }
    Ok(status)
}

impl Row<'_> {
    /// Writes the conflict graph to its file, if it is wanted.
    fn save_graph(&self, arguments: &Arguments) -> Result<(), graph::SaveError> {
        match (&arguments.save_graphs, &self.result) {
            (Some(folder), Ok(Measured { graph: Some(lines), .. })) => {
                graph::save(folder, &self.bench.name, lines)
            }
            _ => Ok(()),
        }
    }

    /// What went wrong.
    fn differences(&self) -> &[Difference] {
        match &self.result {
            Ok(measured) => &measured.measurement.differences,
            Err(difference) => std::slice::from_ref(difference),
        }
    }
}

/// Measures a block. What is wrong with it is part of the answer, unless its state is incomplete: that is an error.
fn measured(
    bench: &BenchBlock,
    effort: &Effort,
    arguments: &Arguments,
) -> Result<Result<Measured, Difference>, select::SelectError> {
    match try_measured(bench, effort, arguments) {
        Ok(measured) => Ok(Ok(measured)),
        Err(ParallelError::Execution(ExecutionError::State(missing))) => {
            Err(select::SelectError::State { name: bench.name.clone(), missing })
        }
        Err(error) => Ok(Err(Difference {
            item: "block".to_owned(),
            expected: "a valid block".to_owned(),
            found: error.to_string(),
        })),
    }
}

fn try_measured(
    bench: &BenchBlock,
    effort: &Effort,
    arguments: &Arguments,
) -> Result<Measured, ParallelError<MissingState>> {
    let mut engines = Engines::new(bench.spec.clone(), DefaultCrypto::new());
    engines.set_chain(&bench.spec, bench.missing_request_contracts());
    engines.set_engine(arguments.engine.into());
    if arguments.no_foresight {
        engines.parallel.set_foresight(Foresight::Off);
    }
    let (block, state) = (&bench.block, &bench.state);
    let Some(latency) = arguments.latency() else {
        let measurement = measure(&mut engines, block, effort, || state)?;
        let weights = weigh(&mut engines, block, state)?;
        let mut measured = with_chains(bench, measurement, &mut engines, (&weights, None))?;
        if arguments.save_graphs.is_some() {
            let runs = arguments.effort().runs;
            let cost = cost_of_versions(&mut engines, block, runs, state)?;
            // Some are committed right after their execution, and those of a serial block in no time of their own.
            let flights = measured.measurement.times.parallel.iter().filter_map(|time| time.flight);
            let mut commits = flights.map(|flight| flight.percentile_10);
            let commit = commits.find(|time| !time.is_zero()).unwrap_or(USUAL_COMMIT);
            let weights = (weights.as_slice(), cost);
            measured.graph = Some(graph::lines(&measured.conflicts, weights, commit));
        }
        return Ok(measured);
    };
    let slow = || SlowReader::<MemoryState>::new(state, latency);
    let measurement = measure(&mut engines, block, effort, slow)?;
    let reader = slow();
    engines.sequential.execute_block(block, &reader)?;
    let weights: Vec<u64> = measurement.outcome.transaction_gas().collect();
    with_chains(bench, measurement, &mut engines, (&weights, Some(reader.waited())))
}

fn with_chains(
    bench: &BenchBlock,
    measurement: Measurement,
    engines: &mut Engines<DefaultCrypto>,
    (weights, waited): (&[u64], Option<(u64, Duration)>),
) -> Result<Measured, ParallelError<MissingState>> {
    let conflicts = Conflicts::of(bench, &mut engines.sequential)?;
    let (dependent, chains) = (conflicts.dependent(), conflicts.chains(weights));
    Ok(Measured { measurement, conflicts, dependent, chains, waited, graph: None })
}
