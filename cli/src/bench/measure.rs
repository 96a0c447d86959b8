//! Sequential and parallel execution of a block in turns, so that whatever else the machine does hits both alike.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use braid_executor::{
    Block, BlockExecutor, BlockOutcome, CodeCache, Engine, ExecutionError, MissingRequestContracts,
    ParallelError, SequentialExecutor,
    parallel::{ExecutionPath, Flight, Parallelism},
};
use braid_precompiles::Crypto;
use braid_primitives::{ChainSpec, StateReader};

use crate::{agreement::disagreements, verify::Difference};

/// For how long, and how often at most, everything is executed before it is measured: code is translated when it is hot.
const WARM_UP: Duration = Duration::from_millis(60);
const WARM_UP_ROUNDS: usize = 8;

/// How often a transaction is timed on its own; the shortest time counts.
const WEIGHING_RUNS: usize = 3;

/// An executor of each kind. They share translated code, so neither finds more of it ready than the other.
#[derive(Debug)]
pub struct Engines<C> {
    /// One transaction after the other.
    pub sequential: SequentialExecutor<C>,
    /// Transactions side by side.
    pub parallel: BlockExecutor<C>,
}

impl<C: Crypto> Engines<C> {
    /// Executors for blocks of this chain.
    pub fn new(spec: ChainSpec, crypto: C) -> Self {
        let codes = Arc::new(CodeCache::default());
        Self {
            sequential: SequentialExecutor::with_code_cache(
                spec.clone(),
                crypto.clone(),
                codes.clone(),
            ),
            parallel: BlockExecutor::with_code_cache(spec, crypto, codes),
        }
    }

    /// Turns to a block of another chain.
    pub fn set_chain(&mut self, spec: &ChainSpec, policy: MissingRequestContracts) {
        if self.parallel.spec() != spec {
            self.sequential.set_spec(spec.clone());
            self.parallel.set_spec(spec.clone());
        }
        self.sequential.set_missing_request_contracts(policy);
        self.parallel.set_missing_request_contracts(policy);
    }

    /// Chooses which engine runs code.
    pub fn set_engine(&mut self, engine: Engine) {
        self.sequential.set_engine(engine);
        self.parallel.set_engine(engine);
    }
}

/// How much is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Numbers of threads to execute in parallel with.
    pub threads: Vec<usize>,
    /// How often each is measured; medians are taken.
    pub runs: usize,
}

/// What parallel executions with one number of threads took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParallelTime {
    /// Threads that were allowed.
    pub threads: usize,
    /// The median.
    pub time: Duration,
    /// How the last of them went.
    pub path: ExecutionPath,
    /// What one more execution showed, if it went in parallel.
    pub flight: Option<FlightTime>,
}

/// What transactions had to wait from the end of their execution to their commit, and in how much memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlightTime {
    /// One in ten had to wait no longer: about what a commit takes.
    pub percentile_10: Duration,
    /// Half of the transactions had to wait no longer.
    pub median: Duration,
    /// 99 of 100 had to wait no longer.
    pub percentile_99: Duration,
    /// Bytes of one that waited, on average; 0 if none did.
    pub bytes_each: usize,
    /// Bytes of the largest.
    pub bytes_most: usize,
}

impl FlightTime {
    /// `None` if no transaction was committed.
    fn of(flight: &Flight) -> Option<Self> {
        let mut latencies = flight.commit_latencies.clone();
        latencies.sort_unstable();
        let at = |hundredths: usize| {
            let last = latencies.len().checked_sub(1)?;
            latencies.get((latencies.len() * hundredths / 100).min(last)).copied()
        };
        let waited = || flight.bytes_in_flight.iter().filter(|bytes| **bytes > 0);
        Some(Self {
            percentile_10: at(10)?,
            median: at(50)?,
            percentile_99: at(99)?,
            bytes_each: waited().sum::<usize>() / waited().count().max(1),
            bytes_most: waited().max().copied().unwrap_or(0),
        })
    }
}

/// What sequential and parallel executions took, medians.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// One transaction after the other.
    pub sequential: Duration,
    /// In parallel, for each number of threads.
    pub parallel: Vec<ParallelTime>,
}

impl ParallelTime {
    /// How many times as fast as sequential execution.
    pub fn speed_up(&self, times: &Times) -> f64 {
        let seconds = self.time.as_secs_f64();
        if seconds > 0.0 { times.sequential.as_secs_f64() / seconds } else { 1.0 }
    }
}

/// A block, measured.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// What sequential execution makes of the block.
    pub outcome: BlockOutcome,
    /// What parallel execution makes of it instead, for the first number of threads with which it does: nothing, if all is
    /// well.
    pub differences: Vec<Difference>,
    /// How long all took.
    pub times: Times,
}

/// Executes and measures a block; `reader` makes the state anew for each execution.
///
/// # Errors
/// If the block is invalid, a reader fails, or a worker panics while it is measured.
pub fn measure<C: Crypto, R: StateReader + Sync>(
    engines: &mut Engines<C>,
    block: &Block,
    effort: &Effort,
    reader: impl Fn() -> R,
) -> Result<Measurement, ParallelError<R::Error>> {
    let start = Instant::now();
    let outcome = engines.sequential.execute_block(block, &reader());
    let mut differences = Vec::new();
    for threads in &effort.threads {
        let parallel = engines.parallel.execute(block, &reader(), *threads);
        if differences.is_empty() {
            differences = disagreements(&outcome, &parallel);
        }
    }
    let outcome = outcome?;
    if !differences.is_empty() {
        // Times of wrong results mean nothing.
        let times = Times { sequential: start.elapsed(), parallel: Vec::new() };
        return Ok(Measurement { outcome, differences, times });
    }
    for _ in 1..WARM_UP_ROUNDS {
        if start.elapsed() >= WARM_UP {
            break;
        }
        engines.sequential.execute_block(block, &reader())?;
        for threads in &effort.threads {
            engines.parallel.execute(block, &reader(), *threads)?;
        }
    }
    let times = times(engines, block, effort, reader)?;
    Ok(Measurement { outcome, differences, times })
}

/// Times sequential and parallel execution in turns, without looking at what comes out and without preparation.
///
/// # Errors
/// Those of [`measure`].
pub fn times<C: Crypto, R: StateReader + Sync>(
    engines: &mut Engines<C>,
    block: &Block,
    effort: &Effort,
    reader: impl Fn() -> R,
) -> Result<Times, ParallelError<R::Error>> {
    let mut sequential = Vec::with_capacity(effort.runs);
    let mut parallel =
        vec![(Vec::with_capacity(effort.runs), ExecutionPath::Sequential); effort.threads.len()];
    for round in 0..effort.runs.max(1) {
        // Who goes first changes, since caches remember.
        let is_sequential_first = round % 2 == 0;
        if is_sequential_first {
            sequential.push(sequential_time(engines, block, &reader())?);
        }
        for (threads, (times, path)) in effort.threads.iter().zip(&mut parallel) {
            let reader = reader();
            let start = Instant::now();
            let outcome = engines.parallel.execute(block, &reader, *threads)?;
            times.push(start.elapsed());
            drop(outcome);
            *path = engines.parallel.last_path();
        }
        if !is_sequential_first {
            sequential.push(sequential_time(engines, block, &reader())?);
        }
    }
    let mut all = Times { sequential: median(sequential), parallel: Vec::new() };
    for (threads, (times, path)) in effort.threads.iter().zip(parallel) {
        let flight = flight(engines, block, *threads, &reader())?;
        all.parallel.push(ParallelTime { threads: *threads, time: median(times), path, flight });
    }
    Ok(all)
}

/// Measures transactions between their execution and their commit. That takes time, so it is done in an execution of its own.
fn flight<C: Crypto, R: StateReader + Sync>(
    engines: &mut Engines<C>,
    block: &Block,
    threads: usize,
    reader: &R,
) -> Result<Option<FlightTime>, ParallelError<R::Error>> {
    engines.parallel.measure_flight(true);
    let executed = engines.parallel.execute(block, reader, threads);
    engines.parallel.measure_flight(false);
    executed?;
    Ok(engines.parallel.last_flight().and_then(FlightTime::of))
}

fn sequential_time<C: Crypto, R: StateReader>(
    engines: &mut Engines<C>,
    block: &Block,
    reader: &R,
) -> Result<Duration, ExecutionError<R::Error>> {
    let start = Instant::now();
    let outcome = engines.sequential.execute_block(block, reader)?;
    let time = start.elapsed();
    drop(outcome);
    Ok(time)
}

/// How long each transaction takes by itself, in nanoseconds: the shortest time of a few.
///
/// # Errors
/// If the block is invalid or the reader fails.
pub fn weigh<C: Crypto, R: StateReader>(
    engines: &mut Engines<C>,
    block: &Block,
    reader: &R,
) -> Result<Vec<u64>, ExecutionError<R::Error>> {
    let mut shortest = vec![u64::MAX; block.transactions.len()];
    for _ in 0..WEIGHING_RUNS {
        let mut last = Instant::now();
        engines.sequential.execute_block_with(block, reader, |committed| {
            let now = Instant::now();
            if let Some((index, _)) = committed.transaction() {
                let time_ns = (now - last).as_nanos() as u64;
                shortest[index] = shortest[index].min(time_ns);
            }
            last = now;
        })?;
    }
    Ok(shortest)
}

/// How many times as long as sequentially the block takes on one thread with everything that parallel execution does.
///
/// # Errors
/// Those of [`measure`].
pub fn cost_of_versions<C: Crypto, R: StateReader + Sync>(
    engines: &mut Engines<C>,
    block: &Block,
    runs: usize,
    reader: &R,
) -> Result<f64, ParallelError<R::Error>> {
    let effort = Effort { threads: vec![1], runs };
    engines.parallel.set_parallelism(Parallelism::Always);
    let times = times(engines, block, &effort, || reader);
    engines.parallel.set_parallelism(Parallelism::Adaptive);
    let times = times?;
    Ok(times.parallel.iter().map(|time| 1.0 / time.speed_up(&times)).sum())
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let middle = times.len() / 2;
    match times.len() {
        0 => Duration::ZERO,
        even if even.is_multiple_of(2) => (times[middle - 1] + times[middle]) / 2,
        _ => times[middle],
    }
}

#[cfg(test)]
mod tests {
    use braid_precompiles::PortableCrypto;

    use super::*;
    use crate::bench::Workload;

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |ms: &[u64]| median(ms.iter().map(|ms| Duration::from_millis(*ms)).collect());
        assert_eq!(of(&[]), Duration::ZERO);
        assert_eq!(of(&[9, 1, 5]), Duration::from_millis(5));
        assert_eq!(of(&[9, 1, 5, 7]), Duration::from_millis(6));
    }

    #[test]
    fn waiting_is_summed_up_by_rank() {
        let latencies = (0..200).rev().map(Duration::from_micros).collect();
        let flight =
            Flight { commit_latencies: latencies, bytes_in_flight: vec![0, 100, 0, 300, 200] };
        let time = FlightTime::of(&flight).unwrap();
        assert_eq!(time.percentile_10, Duration::from_micros(20));
        assert_eq!(time.median, Duration::from_micros(100));
        assert_eq!(time.percentile_99, Duration::from_micros(198));
        assert_eq!((time.bytes_each, time.bytes_most), (200, 300));
        assert_eq!(FlightTime::of(&Flight::default()), None);
    }

    #[test]
    fn a_block_is_measured_with_each_number_of_threads() {
        let bench = Workload::Mixed.block(12_000_000);
        let mut engines = Engines::new(bench.spec.clone(), PortableCrypto::new());
        engines.set_chain(&bench.spec, bench.missing_request_contracts());
        let effort = Effort { threads: vec![1, 3], runs: 2 };
        let measured = measure(&mut engines, &bench.block, &effort, || &bench.state).unwrap();
        assert_eq!(measured.differences, []);
        let [one, three] = &measured.times.parallel[..] else { panic!("{measured:?}") };
        assert_eq!((one.threads, three.threads), (1, 3));
        assert_eq!(one.path, ExecutionPath::Sequential);
        assert!(matches!(three.path, ExecutionPath::Parallel(counters)
            if counters.commits == bench.block.transactions.len() as u64));
        assert_eq!(one.flight, None, "nothing waits that is executed sequentially");
        let flight = three.flight.unwrap();
        assert!(flight.median <= flight.percentile_99 && flight.bytes_each <= flight.bytes_most);
        assert!(three.time > Duration::ZERO && three.speed_up(&measured.times) > 0.0);
        let weights = weigh(&mut engines, &bench.block, &&bench.state).unwrap();
        assert_eq!(weights.len(), bench.block.transactions.len());
        assert!(weights.iter().all(|ns| (1..u64::MAX).contains(ns)));
    }
}
