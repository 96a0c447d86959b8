//! Which engine runs a frame.

use std::time::{Duration, Instant};

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
/// Nobody knows whether code will run again, and a block can be made of code that does not. So translating may take a fifth
/// of the time that the plain engine took, and no more: whatever comes, code costs at most 1.2 times what it would cost with
/// the plain engine alone, plus a constant. Within that, code is translated that has [run](Code::wants_translation) much.
#[derive(Clone, Debug)]
pub struct TranslationBudget {
    nanoseconds: u64,
}

impl Default for TranslationBudget {
    /// Enough for a large contract.
    fn default() -> Self {
        Self { nanoseconds: 1_000_000 }
    }
}

impl TranslationBudget {
    /// Part of the plain engine's time that may go into translating.
    const SHARE: u64 = 5;

    /// Most that is saved up: enough for a megabyte of code.
    const LIMIT_NS: u64 = 20_000_000;

    fn earn(&mut self, time: Duration) {
        let earned = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / Self::SHARE;
        self.nanoseconds = self.nanoseconds.saturating_add(earned).min(Self::LIMIT_NS);
    }

    /// Whether the time for translating `code` is there; it is taken then.
    pub fn affords(&mut self, code: &Code) -> bool {
        let left = self.nanoseconds.checked_sub(code.translation_ns());
        self.nanoseconds = left.unwrap_or(self.nanoseconds);
        left.is_some()
    }
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
    frame.resumption = None;
    if I::ACTIVE || workspace.engine != Engine::Adaptive {
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
