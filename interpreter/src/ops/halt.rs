//! RETURN, REVERT, INVALID.

use std::ops::Range;

use super::Flow;
use crate::{
    Exit, Frame, HaltReason, Host, Workspace,
    frame::{grow, memory_range},
};

fn output(frame: &mut Frame, workspace: &mut Workspace) -> Result<Range<usize>, HaltReason> {
    let [offset, size] = frame.stack.pop();
    let range = memory_range(&offset, &size)?;
    grow(frame, &mut workspace.memory, &range)?;
    Ok(range)
}

#[inline(never)]
pub(crate) fn ret<H: Host>(frame: &mut Frame, workspace: &mut Workspace, _: &mut H) -> Flow {
    frame.output = output(frame, workspace)?;
    Err(Exit::Return)
}

/// REVERT (EIP-140).
#[inline(never)]
pub(crate) fn revert<H: Host>(frame: &mut Frame, workspace: &mut Workspace, _: &mut H) -> Flow {
    frame.output = output(frame, workspace)?;
    Err(Exit::Revert)
}

/// INVALID (EIP-141).
pub(crate) fn invalid<H: Host>(_: &mut Frame, _: &mut Workspace, _: &mut H) -> Flow {
    Err(HaltReason::InvalidInstruction.into())
}
