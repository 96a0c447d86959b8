//! LOG0 to LOG4.

use alloy_primitives::{B256, Bytes, Log};

use super::Flow;
use crate::{
    Frame, HaltReason, Host, Workspace,
    frame::{grow, memory_range},
    schedule::LOG_BYTE_GAS,
};

fn log<H: Host, const TOPICS: usize>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
) -> Flow {
    if frame.is_static {
        return Err(HaltReason::StaticStateChange.into());
    }
    let [offset, size] = frame.stack.pop();
    let topics = frame.stack.pop::<TOPICS>();
    let range = memory_range(&offset, &size)?;
    frame.charge(LOG_BYTE_GAS * range.len() as u64)?;
    grow(frame, &mut workspace.memory, &range)?;
    let topics = topics.iter().map(|topic| B256::from(topic.to_be_bytes::<32>())).collect();
    let data = Bytes::copy_from_slice(&workspace.memory.bytes()[range]);
    host.log(Log::new_unchecked(frame.address, topics, data));
    Ok(())
}

macro_rules! logs {
    ($($name:ident $topics:literal;)*) => {
        $(#[inline(never)]
        pub(crate) fn $name<H: Host>(
            frame: &mut Frame,
            workspace: &mut Workspace,
            host: &mut H,
        ) -> Flow {
            log::<H, $topics>(frame, workspace, host)
        })*
    };
}

logs! {
    log0 0;
    log1 1;
    log2 2;
    log3 3;
    log4 4;
}
