//! Which engine runs a frame.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use crate::{Code, Exit, Frame, Host, Inspector, Workspace, plain, threaded};

/// The choice between the engines. It never changes a result, only the time it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Engine {
    /// The plain engine runs all code.
    Plain,
    /// The threaded engine runs all code, initcode and code seen for the first time too.
    Threaded,
    /// The plain engine runs initcode and code that has not run much yet, the threaded engine code that was translated. See
    /// [`TranslationBudget`] for when that is.
    #[default]
    Adaptive,
}

/// How much time may go into translating code.
///
/// Nobody knows whether code will run again, and a block can be made of code that does not. So translating may take a seventh
/// of the time that the plain engine took, plus a constant, and no more; what the memory of a translation costs later is not
/// counted. Within that, code is translated that has [run](Code::wants_translation) much.
///
/// Reading the clock takes as long as the smallest of calls, so one run of the plain engine in sixteen is measured. Which one
/// is left to chance: code cannot arrange to be measured where it is slow.
#[derive(Clone, Debug)]
pub struct TranslationBudget {
    nanoseconds: i64,
    /// State of a generator of random numbers, not zero (xorshift: Marsaglia 2003).
    random: u64,
}

impl Default for TranslationBudget {
    /// Enough for a large contract.
    fn default() -> Self {
        Self { nanoseconds: 1_000_000, random: RandomState::new().hash_one(0) | 1 }
    }
}

impl TranslationBudget {
    /// Part of the plain engine's time that may go into translating.
    const SHARE: i64 = 7;

    /// Most that is saved up: enough for a megabyte of code.
    const LIMIT_NS: i64 = 20_000_000;

    /// One run in so many is measured.
    const SAMPLE: i64 = 16;

    /// Whether this run is to be measured.
    #[inline]
    fn samples(&mut self) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random as i64) % Self::SAMPLE == 0
    }

    fn earn(&mut self, time: Duration) {
        let earned = nanoseconds(time) / Self::SHARE * Self::SAMPLE;
        self.nanoseconds = self.nanoseconds.saturating_add(earned).min(Self::LIMIT_NS);
    }

    /// Has `translate` called if the time that translating `code` will probably take is there. What it really takes is
    /// subtracted.
    pub fn spend(&mut self, code: &Code, translate: impl FnOnce()) {
        if code.translation_ns().is_some_and(|estimate| self.nanoseconds >= estimate) {
            let start = Instant::now();
            translate();
            self.nanoseconds -= nanoseconds(start.elapsed());
        }
    }
}

/// No less than a nanosecond, no more than a second.
fn nanoseconds(time: Duration) -> i64 {
    time.clamp(Duration::from_nanos(1), Duration::from_secs(1)).as_nanos() as i64
}

/// Runs `frame` until it ends, calls, creates or is interrupted.
///
/// After [`Exit::Call`] or [`Exit::Create`] hand the frame the result with [`Frame::resume_call`] or
/// [`Frame::resume_create`] and run it again; after [`Exit::Interrupted`] just run it again. Memory and return data of the
/// workspace must be those of this frame.
pub fn run<H: Host, I: Inspector>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
    inspector: &mut I,
) -> Exit {
    if !I::ACTIVE
        && runs_decoded(frame, workspace)
        && let Some(exit) = threaded::run(frame, workspace, host)
    {
        return exit;
    }
    let is_measured = !I::ACTIVE
        && workspace.engine == Engine::Adaptive
        && workspace.translation_budget.samples();
    if !is_measured {
        return plain::run(frame, workspace, host, inspector);
    }
    let start = Instant::now();
    let exit = plain::run(frame, workspace, host, inspector);
    workspace.translation_budget.earn(start.elapsed());
    exit
}

/// Whether the threaded engine should run the frame.
#[inline]
fn runs_decoded(frame: &Frame, workspace: &Workspace) -> bool {
    match workspace.engine {
        Engine::Plain => false,
        Engine::Threaded => {
            frame.code.translated(workspace.schedule);
            true
        }
        Engine::Adaptive => frame.code.program(workspace.schedule).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use braid_primitives::B256;

    use super::*;

    #[test]
    fn a_share_of_the_time_is_earned_and_no_more_than_the_limit() {
        let mut budget = TranslationBudget { nanoseconds: 0, random: 1 };
        let measured = (0..80_000).filter(|_| budget.samples()).count();
        assert!((4_700..5_300).contains(&measured), "{measured} of 80000");
        // One measured run stands for sixteen.
        budget.earn(Duration::from_micros(7));
        assert_eq!(budget.nanoseconds, 16_000);
        budget.earn(Duration::MAX);
        assert_eq!(budget.nanoseconds, TranslationBudget::LIMIT_NS);
    }

    #[test]
    fn translating_waits_until_there_is_time_for_it() {
        let code = Code::new(&[0x5b; 1_000], B256::ZERO);
        let mut budget = TranslationBudget { nanoseconds: 0, random: 1 };
        budget.spend(&code, || unreachable!("there is no time"));
        let estimate = code.translation_ns().unwrap();
        budget.nanoseconds = estimate;
        let mut is_translated = false;
        budget.spend(&code, || is_translated = true);
        assert!(is_translated && budget.nanoseconds < estimate);
    }
}
