//! CREATE and CREATE2. The call stack does the rest: see [`CreateRequest`].

use alloy_primitives::U256;

use super::{Flow, words};
use crate::{
    CreateRequest, Exit, Frame, HaltReason, Host, Workspace,
    frame::{grow, memory_range},
    ops::call::retained_64th,
    schedule::KECCAK_WORD_GAS,
};

fn request(
    frame: &mut Frame,
    workspace: &mut Workspace,
    value: U256,
    (offset, size): (U256, U256),
    salt: Option<U256>,
) -> Flow {
    if frame.is_static {
        return Err(HaltReason::StaticStateChange.into());
    }
    let schedule = workspace.schedule;
    let range = memory_range(&offset, &size)?;
    if range.len() > schedule.initcode_limit_bytes {
        return Err(HaltReason::InitcodeTooLarge.into());
    }
    // CREATE2 hashes the initcode (EIP-1014).
    let word_gas = schedule.initcode_word_gas + if salt.is_some() { KECCAK_WORD_GAS } else { 0 };
    frame.charge(word_gas * words(range.len()))?;
    workspace.memory.forget_return_data();
    grow(frame, &mut workspace.memory, &range)?;
    let gas_limit = retained_64th(schedule, frame.gas_left);
    frame.charge(gas_limit)?;
    let initcode = workspace.memory.to_absolute(range);
    workspace.create = Some(CreateRequest { gas_limit, value, initcode, salt });
    Err(Exit::Create)
}

#[inline(never)]
pub(crate) fn create<H: Host>(frame: &mut Frame, workspace: &mut Workspace, _: &mut H) -> Flow {
    let [value, offset, size] = frame.stack.pop();
    request(frame, workspace, value, (offset, size), None)
}

/// CREATE2 (EIP-1014).
#[inline(never)]
pub(crate) fn create2<H: Host>(frame: &mut Frame, workspace: &mut Workspace, _: &mut H) -> Flow {
    let [value, offset, size, salt] = frame.stack.pop();
    request(frame, workspace, value, (offset, size), Some(salt))
}
