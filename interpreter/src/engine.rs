//! Which engine runs a frame.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use crate::{Code, Exit, Frame, Host, Inspector, Schedule, Translator, Workspace, plain, threaded};

/// The choice between the engines. It never changes a result, only the time it takes.
///
/// The threaded engine runs code that was translated, the plain engine all other, and all code that an inspector watches. So
/// this is a choice of what [`prepare`] has translated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Engine {
    /// The plain engine runs all code; translations are not looked at.
    Plain,
    /// All code is translated before it runs, initcode and code seen for the first time too.
    Threaded,
    /// Code is translated that has run much. See [`TranslationBudget`] for when that is.
    #[default]
    Adaptive,
}

/// How much time may go into translating code.
///
/// Nobody knows whether code will run again, and a block can be made of code that does not. So translating may take a tenth
/// of the time that the plain engine took, plus a constant, and no more; what the memory of a translation costs later is not
/// counted. Within that, code is translated that has [run](Code::wants_translation) much.
///
/// Reading the clock takes as long as the smallest of calls, so one short run of the plain engine in 64 is measured. Which
/// one is left to chance: code cannot arrange to be measured where it is slow. A long run is not left to chance: its gas says
/// how long it took at least.
#[derive(Clone, Debug)]
pub struct TranslationBudget {
    nanoseconds: i64,
    /// How many runs are not measured before the next one is.
    unmeasured: u32,
    /// State of a generator of random numbers, not zero (xorshift: Marsaglia 2003).
    random: u64,
}

impl Default for TranslationBudget {
    /// Enough for a contract of the usual size.
    fn default() -> Self {
        let random = RandomState::new().hash_one(0) | 1;
        Self { nanoseconds: 150_000, unmeasured: 0, random }
    }
}

impl TranslationBudget {
    /// Part of the plain engine's time that may go into translating.
    const SHARE: i64 = 10;

    /// Most that is saved up: enough for half a megabyte of code.
    const LIMIT_NS: i64 = 10_000_000;

    /// One short run in so many is measured.
    const SAMPLE: i64 = 64;

    /// Gas of cheap instructions from which on a run is long: three to fifteen microseconds.
    const LONG_RUN_GAS: u64 = 16_384;

    /// Gas of cheap instructions that the plain engine spends in a nanosecond, at most.
    const GAS_PER_NS: u64 = 6;

    /// Longest time that a short run is thought to have taken. What took longer was interrupted by somebody else's work.
    const SHORT_RUN_LIMIT: Duration = Duration::from_micros(50);

    /// The present time, if this run is to be measured.
    #[inline]
    fn sample(&mut self) -> Option<Instant> {
        match self.unmeasured.checked_sub(1) {
            Some(left) => {
                self.unmeasured = left;
                None
            }
            None => Some(self.begin_measuring()),
        }
    }

    #[cold]
    fn begin_measuring(&mut self) -> Instant {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        // From 0 to 126: a run in 64, but nobody knows which.
        self.unmeasured = (self.random % (2 * Self::SAMPLE as u64 - 1)) as u32;
        Instant::now()
    }

    /// Adds the share of a run that spent `gas` on cheap instructions, and was measured perhaps.
    #[cold]
    fn earn(&mut self, gas: u64, start: Option<Instant>) {
        if gas >= Self::LONG_RUN_GAS {
            self.add((gas / Self::GAS_PER_NS) as i64);
        } else if let Some(start) = start {
            let time = start.elapsed().min(Self::SHORT_RUN_LIMIT);
            self.add(nanoseconds(time) * Self::SAMPLE);
        }
    }

    fn add(&mut self, nanoseconds: i64) {
        self.nanoseconds = (self.nanoseconds + nanoseconds / Self::SHARE).min(Self::LIMIT_NS);
    }

    /// Has `translate` called if the time that translating `code` will probably take is there, and the translation would be
    /// faster. The time that this really takes is subtracted.
    #[inline]
    fn spend(&mut self, code: &Code, translate: impl FnOnce()) {
        if self.nanoseconds >= code.translation_ns() {
            let start = Instant::now();
            if code.is_mostly_computation() {
                translate();
            }
            self.nanoseconds -= nanoseconds(start.elapsed());
        }
    }
}

/// No less than a nanosecond, no more than a second.
fn nanoseconds(time: Duration) -> i64 {
    time.clamp(Duration::from_nanos(1), Duration::from_secs(1)).as_nanos() as i64
}

/// Has `translate` called before `frame` begins, if its code is to be translated and was not yet: it should call
/// [`Code::translate`], and may keep books of what is translated.
#[inline]
pub fn prepare(
    frame: &Frame,
    workspace: &mut Workspace,
    translate: impl FnOnce(&Code, &Schedule, &mut Translator),
) {
    let Workspace { schedule, engine, translation_budget, translator, .. } = workspace;
    let code = frame.code();
    match engine {
        Engine::Adaptive if code.wants_translation(schedule) => {
            translation_budget.spend(code, || translate(code, schedule, translator));
        }
        Engine::Threaded if code.program(schedule).is_none() => {
            translate(code, schedule, translator);
        }
        _ => {}
    }
}

/// Runs `frame` until it ends, calls, creates or is interrupted.
///
/// After [`Exit::Call`] or [`Exit::Create`] hand the frame the result with [`Frame::resume_call`] or
/// [`Frame::resume_create`] and run it again; after [`Exit::Interrupted`] just run it again. Memory and return data of the
/// workspace must be those of this frame. Call [`prepare`] before a frame runs for the first time, or nothing is ever
/// translated.
pub fn run<H: Host, I: Inspector>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
    inspector: &mut I,
) -> Exit {
    if !I::ACTIVE
        && workspace.engine != Engine::Plain
        && let Some(exit) = threaded::run(frame, workspace, host)
    {
        return exit;
    }
    if I::ACTIVE || workspace.engine != Engine::Adaptive {
        return plain::run(frame, workspace, host, inspector);
    }
    let start = workspace.translation_budget.sample();
    let gas_before = frame.heat_gas;
    let exit = plain::run(frame, workspace, host, inspector);
    let gas = frame.heat_gas - gas_before;
    if gas >= TranslationBudget::LONG_RUN_GAS || start.is_some() {
        workspace.translation_budget.earn(gas, start);
    }
    // All workers share the code's counter: once for a frame is enough.
    if !matches!(exit, Exit::Call | Exit::Create | Exit::Interrupted) {
        frame.code.heat(std::mem::take(&mut frame.heat_gas));
    }
    exit
}

#[cfg(test)]
mod tests {
    use braid_primitives::B256;

    use super::*;
    use crate::opcode::byte;

    #[test]
    fn a_share_of_the_time_is_earned_and_no_more_than_the_limit() {
        let mut budget = TranslationBudget { nanoseconds: 0, unmeasured: 0, random: 1 };
        let runs = if cfg!(miri) { 6_400 } else { 80_000 };
        let measured = (0..runs).filter(|_| budget.sample().is_some()).count();
        assert!(measured.abs_diff(runs / 64) < runs / 800, "{measured} of {runs}");
        budget.earn(TranslationBudget::LONG_RUN_GAS - 1, None);
        assert_eq!(budget.nanoseconds, 0, "short runs earn if they are measured");
        // One measured run stands for 64, but not for what others did in the meantime.
        let Some(start) = Instant::now().checked_sub(Duration::from_secs(1)) else { return };
        budget.earn(1, Some(start));
        assert_eq!(budget.nanoseconds, 50_000 * 64 / 10);
        budget.nanoseconds = 0;
        budget.earn(6_000_000, Some(start));
        assert_eq!(budget.nanoseconds, 1_000_000 / 10, "long runs earn by their gas");
        budget.earn(u64::MAX, None);
        assert_eq!(budget.nanoseconds, TranslationBudget::LIMIT_NS);
    }

    #[test]
    fn translating_waits_until_there_is_time_for_it() {
        let code = Code::new(&[0x5b; 1_000], B256::ZERO);
        let mut budget = TranslationBudget { nanoseconds: 0, unmeasured: 0, random: 1 };
        budget.spend(&code, || unreachable!("there is no time"));
        let estimate = code.translation_ns();
        budget.nanoseconds = estimate;
        let mut is_translated = false;
        budget.spend(&code, || is_translated = true);
        assert!(is_translated && budget.nanoseconds < estimate);
        let reads = Code::new(&[byte::SLOAD; 1_000], B256::ZERO);
        budget.nanoseconds = estimate;
        budget.spend(&reads, || unreachable!("the translation would not be faster"));
        assert!(budget.nanoseconds < estimate, "looking takes time");
    }
}
