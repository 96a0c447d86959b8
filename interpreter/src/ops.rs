//! Instruction handlers, one file for each family.
//!
//! Handlers of shape `op` get the frame with its stack and gas written back; base gas is charged and the stack's height
//! checked against the table already. They do all reads that can be interrupted before their first effect on the host or the
//! memory; the engine restores stack and gas itself.

pub(crate) mod account;
pub(crate) mod arithmetic;
pub(crate) mod bitwise;
pub(crate) mod call;
pub(crate) mod create;
pub(crate) mod environment;
pub(crate) mod halt;
pub(crate) mod log;
pub(crate) mod memory;
pub(crate) mod storage;

use crate::Exit;

/// What a handler answers: go on, or stop running the frame.
pub(crate) type Flow = Result<(), Exit>;

/// Words that hold `size_bytes`.
pub(crate) fn words(size_bytes: usize) -> u64 {
    size_bytes.div_ceil(32) as u64
}
