//! Which engine runs a frame.

use crate::{Exit, Frame, Host, Inspector, Workspace, plain, threaded};

/// The choice between the engines. It never changes a result, only the time it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Engine {
    /// The plain engine runs all code.
    Plain,
    /// The threaded engine runs all code, initcode and code seen for the first time too.
    Threaded,
    /// The plain engine runs initcode and code that has not run much yet, the threaded engine what is hot.
    #[default]
    Adaptive,
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
    if !I::ACTIVE && runs_decoded(frame, workspace) {
        if let Some(exit) = threaded::run(frame, workspace, host) {
            return exit;
        }
    }
    frame.resumption = None;
    plain::run(frame, workspace, host, inspector)
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
