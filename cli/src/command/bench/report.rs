//! What `braid bench` prints.

use std::io::{self, Write};

use braid_executor::parallel::ExecutionPath;
use serde::Serialize;

use super::Row;
use crate::{
    bench::{
        Origin,
        latency::sleepers,
        measure::{FlightTime, ParallelTime, Times},
    },
    command::report::{JsonDifference, grouped, mgas_per_second, path_name},
};

/// Mainnet blocks with fewer transactions say little about parallel execution.
const FEWEST_TRANSACTIONS: usize = 30;

pub(super) fn print_header(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:24} {:>6} {:>13} {:>9} {:>7} {:>9} {:>8} {:>6} {:>8} {:>7} {:>7} {:>9} {:>9} {:>8}  result",
        "block",
        "txs",
        "gas",
        "seq ms",
        "threads",
        "par ms",
        "speed-up",
        "bound",
        "of bound",
        "Ggas/s",
        "runs",
        "p50 us",
        "p99 us",
        "bytes/tx"
    )
}

/// A line for each number of threads.
pub(super) fn print_row(out: &mut impl Write, row: &Row<'_>) -> io::Result<()> {
    let name = &row.bench.name;
    let transactions = row.bench.block.transactions.len();
    let gas = row.result.as_ref().map_or(0, |measured| measured.measurement.outcome.gas_used);
    if !row.differences().is_empty() {
        writeln!(out, "{name:24} {transactions:>6} {:>13} {:>114}", grouped(gas), "FAILED")?;
        for difference in row.differences() {
            writeln!(out, "FAILED block {name}: {difference}")?;
        }
        return Ok(());
    }
    let facts = Facts::of(row);
    for (index, fact) in facts.iter().enumerate() {
        let (name, transactions, gas, sequential) = match index {
            0 => (name.as_str(), transactions.to_string(), grouped(gas), ms(fact.sequential)),
            _ => ("", String::new(), String::new(), String::new()),
        };
        let [median, percentile_99, bytes] = match &fact.flight {
            None => ["-", "-", "-"].map(str::to_owned),
            Some(flight) => [
                format!("{:.1}", flight.commit_latency_p50_us),
                format!("{:.1}", flight.commit_latency_p99_us),
                grouped(flight.bytes_per_waiting_transaction as u64),
            ],
        };
        let runs = fact.runs_per_unit.map_or_else(|| "-".to_owned(), |n| format!("{n:.2}"));
        writeln!(
            out,
            "{name:24} {transactions:>6} {gas:>13} {sequential:>9} {:>7} {:>9} {:>8.2} {:>6.2} {:>8.2} {:>7.2} {runs:>7} \
             {median:>9} {percentile_99:>9} {bytes:>8}  ok",
            fact.threads,
            ms(fact.seconds),
            fact.speed_up,
            fact.bound,
            fact.of_bound(),
            fact.ggas_per_second,
        )?;
    }
    Ok(())
}

fn ms(seconds: f64) -> String {
    format!("{:.3}", seconds * 1e3)
}

/// A block on some number of threads.
#[derive(Clone, Debug, Serialize)]
struct Facts {
    threads: usize,
    /// How it was executed: blocks too small or too serial are not executed in parallel.
    execution: &'static str,
    #[serde(skip)]
    sequential: f64,
    seconds: f64,
    speed_up: f64,
    bound: f64,
    ggas_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    runs_per_unit: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    counts: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    flight: Option<Flight>,
}

/// What transactions waited for their commit, and in how much memory.
#[derive(Clone, Copy, Debug, Serialize)]
struct Flight {
    commit_latency_p50_us: f64,
    commit_latency_p99_us: f64,
    bytes_per_waiting_transaction: usize,
    bytes_of_largest_waiting_transaction: usize,
}

impl From<FlightTime> for Flight {
    fn from(time: FlightTime) -> Self {
        Self {
            commit_latency_p50_us: time.median.as_secs_f64() * 1e6,
            commit_latency_p99_us: time.percentile_99.as_secs_f64() * 1e6,
            bytes_per_waiting_transaction: time.bytes_each,
            bytes_of_largest_waiting_transaction: time.bytes_most,
        }
    }
}

/// What the scheduler counted in the last execution.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Counts {
    commits: u64,
    executions: u64,
    aborts: u64,
    head_reexecutions: u64,
    waits: u64,
    parks: u64,
}

impl Facts {
    fn of(row: &Row<'_>) -> Vec<Self> {
        let Ok(measured) = &row.result else { return Vec::new() };
        let times = &measured.measurement.times;
        let gas = measured.measurement.outcome.gas_used;
        let one = |parallel: &ParallelTime| {
            // What is waited for depends on nothing: reads of transactions that fail are not in vain.
            let bound = match measured.waited {
                Some(_) => parallel.threads as f64,
                None => measured.chains.bound(parallel.threads),
            };
            Self::new(parallel, times, (gas, bound))
        };
        times.parallel.iter().map(one).collect()
    }

    fn new(parallel: &ParallelTime, times: &Times, (gas, bound): (u64, f64)) -> Self {
        let seconds = parallel.time.as_secs_f64();
        let counts = match parallel.path {
            ExecutionPath::Sequential => None,
            ExecutionPath::Parallel(counters) => Some(Counts {
                commits: counters.commits,
                executions: counters.executions,
                aborts: counters.aborts,
                head_reexecutions: counters.head_reexecutions,
                waits: counters.blocks,
                parks: counters.parks,
            }),
        };
        Self {
            threads: parallel.threads,
            execution: path_name(parallel.path),
            sequential: times.sequential.as_secs_f64(),
            seconds,
            speed_up: parallel.speed_up(times),
            bound,
            ggas_per_second: mgas_per_second(gas, seconds) / 1e3,
            runs_per_unit: counts.as_ref().map(Counts::runs_per_unit),
            counts,
            flight: parallel.flight.map(Flight::from),
        }
    }

    fn of_bound(&self) -> f64 {
        self.speed_up / self.bound
    }
}

impl Counts {
    fn runs_per_unit(&self) -> f64 {
        self.executions as f64 / self.commits.max(1) as f64
    }
}

/// A block's line of JSON.
#[derive(Serialize)]
pub(super) struct JsonRow<'a> {
    block: &'a str,
    transactions: usize,
    gas_used: u64,
    passed: bool,
    differences: Vec<JsonDifference<'a>>,
    #[serde(flatten)]
    measured: Option<JsonMeasured>,
}

#[derive(Serialize)]
struct JsonMeasured {
    sequential_seconds: f64,
    /// Transactions that depend on another before them.
    dependent_transactions: usize,
    /// Transactions of the longest chain of dependent ones.
    longest_chain: usize,
    /// Bound of the speed-up, whatever the number of threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    endless_bound: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_reads: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_read_microseconds: Option<f64>,
    parallel: Vec<Facts>,
}

impl<'a> JsonRow<'a> {
    pub(super) fn new(row: &'a Row<'_>) -> Self {
        let is_measured = row.differences().is_empty();
        let measured = row.result.as_ref().ok().filter(|_| is_measured);
        let transactions = row.bench.block.transactions.len();
        let is_weighed = measured.is_some_and(|measured| measured.waited.is_none());
        Self {
            block: &row.bench.name,
            transactions,
            gas_used: measured.map_or(0, |measured| measured.measurement.outcome.gas_used),
            passed: is_measured,
            differences: row.differences().iter().map(JsonDifference::from).collect(),
            measured: measured.map(|measured| JsonMeasured {
                sequential_seconds: measured.measurement.times.sequential.as_secs_f64(),
                dependent_transactions: measured.dependent,
                longest_chain: measured.chains.longest,
                endless_bound: is_weighed.then(|| measured.chains.bound(transactions)),
                slow_reads: measured.waited.map(|(reads, _)| reads),
                slow_read_microseconds: measured.waited.map(|waited| mean_us(&waited)),
                parallel: Facts::of(row),
            }),
        }
    }
}

fn mean_us((reads, waited): &(u64, std::time::Duration)) -> f64 {
    waited.as_secs_f64() * 1e6 / (*reads).max(1) as f64
}

/// What is said below the table.
#[derive(Debug)]
pub(super) struct Totals {
    by_threads: Vec<Group>,
    waited: (u64, std::time::Duration),
}

/// All blocks on some number of threads.
#[derive(Debug, Default)]
struct Group {
    threads: usize,
    mainnet: Means,
    slowest: Option<(f64, String)>,
    counts: Counts,
}

/// Geometric means in the making: sums of logarithms.
#[derive(Debug, Default)]
struct Means {
    blocks: usize,
    speed_up: f64,
    bound: f64,
}

impl Totals {
    pub(super) fn new(threads: &[usize]) -> Self {
        let group = |threads: &usize| Group { threads: *threads, ..Group::default() };
        Self { by_threads: threads.iter().map(group).collect(), waited: Default::default() }
    }

    pub(super) fn add(&mut self, row: &Row<'_>) {
        if let Ok(measured) = &row.result
            && let Some((reads, waited)) = measured.waited
        {
            self.waited.0 += reads;
            self.waited.1 += waited;
        }
        let is_mainnet = row.bench.origin == Origin::Mainnet
            && row.bench.block.transactions.len() >= FEWEST_TRANSACTIONS;
        for (group, facts) in self.by_threads.iter_mut().zip(Facts::of(row)) {
            if is_mainnet {
                group.mainnet.blocks += 1;
                group.mainnet.speed_up += facts.speed_up.ln();
                group.mainnet.bound += facts.bound.ln();
            }
            if group.slowest.as_ref().is_none_or(|(speed_up, _)| facts.speed_up < *speed_up) {
                group.slowest = Some((facts.speed_up, row.bench.name.clone()));
            }
            if let Some(counts) = facts.counts {
                group.counts.commits += counts.commits;
                group.counts.executions += counts.executions;
                group.counts.aborts += counts.aborts;
                group.counts.head_reexecutions += counts.head_reexecutions;
                group.counts.waits += counts.waits;
                group.counts.parks += counts.parks;
            }
        }
    }

    /// `latency` is that of a slow state.
    pub(super) fn print(
        &self,
        out: &mut impl Write,
        latency: Option<std::time::Duration>,
    ) -> io::Result<()> {
        for Group { threads, mainnet, slowest, counts } in &self.by_threads {
            let Some((speed_up, name)) = slowest else { continue };
            let name_of_threads = if *threads == 1 { "thread" } else { "threads" };
            writeln!(out, "{threads} {name_of_threads}: lowest speed-up {speed_up:.2} ({name})")?;
            if mainnet.blocks > 0 {
                let blocks = mainnet.blocks as f64;
                let of_bound = (mainnet.speed_up - mainnet.bound) / blocks;
                writeln!(
                    out,
                    "  {} of mainnet's blocks with {FEWEST_TRANSACTIONS} transactions or more, geometric means: speed-up \
                     {:.3}, bound {:.3}, of bound {:.3}",
                    mainnet.blocks,
                    (mainnet.speed_up / blocks).exp(),
                    (mainnet.bound / blocks).exp(),
                    of_bound.exp(),
                )?;
            }
            if let Some(latency) = latency {
                let times = sleepers(latency, *threads);
                writeln!(
                    out,
                    "  threads that only sleep as long as a slow read: {times:.2} times as often as one"
                )?;
            }
            if counts.commits > 0 {
                writeln!(
                    out,
                    "  {} units of transactions in parallel: {:.3} executions each, {} aborted, {} repeated at their turn, \
                     {} waited for another, {} sleeps of workers",
                    grouped(counts.commits),
                    counts.runs_per_unit(),
                    grouped(counts.aborts),
                    grouped(counts.head_reexecutions),
                    grouped(counts.waits),
                    grouped(counts.parks),
                )?;
            }
        }
        if self.waited.0 > 0 {
            let (us, reads) = (mean_us(&self.waited), grouped(self.waited.0));
            writeln!(
                out,
                "a slow read took {us:.1} us on average ({reads} in sequential executions)"
            )?;
        }
        Ok(())
    }
}
