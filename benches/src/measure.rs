//! Times of two engines, taken in turns.
//!
//! Time is CPU time of the thread: what other processes do to the machine then costs cache and frequency, not waiting.
//! The engines alternate sample by sample, and which goes first alternates too, so that whatever disturbs one disturbs the
//! other.

use std::time::Duration;

use cpu_time::ThreadTime;
use serde::{Deserialize, Serialize};

/// How long to measure a case.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// CPU time that a case may take, for both engines together.
    pub budget: Duration,
    /// Shortest sample: faster cases are repeated within one, to be far above the resolution of the clock.
    pub sample: Duration,
}

/// Fewest samples of each engine, however long they take.
const LEAST_ROUNDS: usize = 5;
/// Most samples of each engine, however short they are.
const MOST_ROUNDS: usize = 101;

/// Code is translated when it has run much and there is time for it. It is taken to be done if nothing was translated in so
/// many runs, and in so much CPU time: enough to pay for the largest contract.
const SETTLED_RUNS: u32 = 8;
const SETTLED_TIME: Duration = Duration::from_millis(25);

/// Most CPU time for warming up.
const WARM_UP_LIMIT: Duration = Duration::from_secs(3);

/// What was done before measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmUp {
    /// Runs.
    pub runs: u32,
    /// Whether nothing more was translated at the end.
    pub is_settled: bool,
}

/// Runs `run`, which returns how many translations were made so far, until nothing more is translated, or three seconds of
/// CPU time are over.
pub fn warm_up(mut run: impl FnMut() -> u64) -> WarmUp {
    let start = ThreadTime::now();
    let mut translations = run();
    let (mut runs, mut last_run, mut last_time) = (1, 1, start.elapsed());
    loop {
        let now = run();
        runs += 1;
        let time = start.elapsed();
        if now != translations {
            (translations, last_run, last_time) = (now, runs, time);
        }
        let is_settled = runs - last_run >= SETTLED_RUNS && time - last_time >= SETTLED_TIME;
        if is_settled || time >= WARM_UP_LIMIT {
            return WarmUp { runs, is_settled };
        }
    }
}

/// Times of one engine for one run of a case.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Median in nanoseconds.
    pub median_ns: f64,
    /// Shortest in nanoseconds.
    pub least_ns: f64,
}

impl Times {
    /// Times from samples in nanoseconds; zero for none.
    fn of(mut samples_ns: Vec<f64>) -> Self {
        samples_ns.sort_by(f64::total_cmp);
        let middle = samples_ns.len() / 2;
        let median_ns = match samples_ns.len() {
            0 => 0.0,
            even if even.is_multiple_of(2) => {
                f64::midpoint(samples_ns[middle - 1], samples_ns[middle])
            }
            _ => samples_ns[middle],
        };
        Self { median_ns, least_ns: samples_ns.first().copied().unwrap_or_default() }
    }

    /// The same over several measurements: the median of the medians, the shortest of all; `None` for none.
    pub fn over(times: &[Self]) -> Option<Self> {
        let least_ns = times.iter().map(|times| times.least_ns).min_by(f64::total_cmp)?;
        let medians = times.iter().map(|times| times.median_ns).collect();
        Some(Self { least_ns, ..Self::of(medians) })
    }
}

/// Times of both engines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Braid's.
    pub braid: Times,
    /// That of the engine beside it.
    pub peer: Times,
}

/// CPU time of `work`, whose result is dropped afterwards.
pub fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = ThreadTime::now();
    let result = std::hint::black_box(work());
    let elapsed = start.elapsed();
    drop(result);
    elapsed
}

/// Measures two pieces of work that are short enough to be repeated within a sample and need no preparation. Dropping the
/// results counts.
pub fn repeated<A, B>(
    effort: Effort,
    mut braid: impl FnMut() -> A,
    mut peer: impl FnMut() -> B,
) -> Pair {
    let braid_runs = runs_per_sample(effort, &mut braid);
    let peer_runs = runs_per_sample(effort, &mut peer);
    alternating(effort, || sample(braid_runs, &mut braid), || sample(peer_runs, &mut peer))
}

/// Measures by two functions that each take one sample in nanoseconds.
pub fn alternating(
    effort: Effort,
    mut braid: impl FnMut() -> f64,
    mut peer: impl FnMut() -> f64,
) -> Pair {
    // Caches, branch predictors and the allocator's lists fill in the first round, which does not count.
    braid();
    peer();
    let start = ThreadTime::now();
    let (mut braid_ns, mut peer_ns) = (Vec::new(), Vec::new());
    for round in 0..MOST_ROUNDS {
        if round >= LEAST_ROUNDS && start.elapsed() >= effort.budget {
            break;
        }
        if round.is_multiple_of(2) {
            braid_ns.push(braid());
            peer_ns.push(peer());
        } else {
            peer_ns.push(peer());
            braid_ns.push(braid());
        }
    }
    Pair { braid: Times::of(braid_ns), peer: Times::of(peer_ns) }
}

/// How often to run `work` in one sample.
fn runs_per_sample<T>(effort: Effort, work: &mut impl FnMut() -> T) -> u32 {
    let mut runs = 1;
    loop {
        let elapsed_ns = sample(runs, work) * f64::from(runs);
        if elapsed_ns >= effort.sample.as_secs_f64() * 1e9 || runs >= 1 << 20 {
            return runs;
        }
        runs *= 2;
    }
}

/// Nanoseconds of one of `runs` runs.
fn sample<T>(runs: u32, work: &mut impl FnMut() -> T) -> f64 {
    let start = ThreadTime::now();
    for _ in 0..runs {
        std::hint::black_box(work());
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warming_up_ends_some_time_after_the_last_translation() {
        let mut runs = 0;
        let warm_up = warm_up(|| {
            runs += 1;
            runs.min(20)
        });
        assert!(warm_up.is_settled && warm_up.runs >= 20 + SETTLED_RUNS, "{warm_up:?}");
        assert_eq!(u64::from(warm_up.runs), runs);
    }

    #[test]
    fn the_median_of_an_even_number_of_samples_lies_between_the_middle_two() {
        assert_eq!(Times::of(vec![4.0, 1.0, 3.0, 2.0]), Times { median_ns: 2.5, least_ns: 1.0 });
        assert_eq!(Times::of(vec![9.0, 1.0, 3.0]), Times { median_ns: 3.0, least_ns: 1.0 });
        assert_eq!(Times::of(vec![]), Times { median_ns: 0.0, least_ns: 0.0 });
        let times = |median_ns, least_ns| Times { median_ns, least_ns };
        let over = Times::over(&[times(5.0, 4.0), times(9.0, 1.0), times(6.0, 6.0)]);
        assert_eq!(over, Some(times(6.0, 1.0)));
        assert_eq!(Times::over(&[]), None);
    }

    #[test]
    fn engines_take_turns_and_each_is_sampled_at_least_five_times() {
        let effort = Effort { budget: Duration::ZERO, sample: Duration::ZERO };
        let order = std::cell::RefCell::new(String::new());
        alternating(
            effort,
            || {
                order.borrow_mut().push('b');
                1.0
            },
            || {
                order.borrow_mut().push('p');
                1.0
            },
        );
        assert_eq!(order.into_inner(), "bp".to_owned() + "bppbbppbbp");
    }
}
