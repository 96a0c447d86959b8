//! Observers of execution.

use alloy_primitives::{Address, U256};

use crate::{Code, HaltReason};

/// The machine before an instruction.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Offset of the instruction in the code.
    pub pc: usize,
    /// The instruction.
    pub opcode: u8,
    /// Gas left, the instruction's not yet deducted.
    pub gas_left: u64,
    /// Refund collected by this frame so far, in gas.
    pub refund: i64,
    /// Calls around this frame, 0 for the outermost.
    pub depth: usize,
    /// Stack, bottom first.
    pub stack: &'a [U256],
    /// Memory of the frame.
    pub memory: &'a [u8],
    /// Data that the last call returned.
    pub return_data: &'a [u8],
}

/// A frame about to run.
#[derive(Clone, Copy, Debug)]
pub struct FrameStart<'a> {
    /// Whether it runs initcode.
    pub is_create: bool,
    /// Calls around it, 0 for the outermost.
    pub depth: usize,
    /// CALLER.
    pub caller: Address,
    /// ADDRESS.
    pub address: Address,
    /// CALLVALUE in wei.
    pub value: U256,
    /// Calldata.
    pub input: &'a [u8],
    /// Gas given to it.
    pub gas_limit: u64,
    /// Code that it runs; none where a precompile answers.
    pub code: &'a Code,
}

/// How a frame ended.
#[derive(Clone, Copy, Debug)]
pub struct FrameEnd<'a> {
    /// Calls around it, 0 for the outermost.
    pub depth: usize,
    /// Gas it leaves.
    pub gas_left: u64,
    /// Why it failed, if it did.
    pub halt: Option<HaltReason>,
    /// Whether it reverted by REVERT.
    pub is_revert: bool,
    /// Data that it returned.
    pub output: &'a [u8],
}

/// Watches execution without changing it.
///
/// Engines are compiled once for each inspector, and calls of one with `ACTIVE == false` compile to nothing.
///
/// ```
/// use braid_interpreter::{Inspector, Step};
///
/// /// Counts instructions.
/// #[derive(Default)]
/// struct Counter(u64);
///
/// impl Inspector for Counter {
///     fn step(&mut self, _: &Step<'_>) {
///         self.0 += 1;
///     }
/// }
/// ```
pub trait Inspector {
    /// Whether the hooks are called at all.
    const ACTIVE: bool = true;

    /// Before each instruction.
    fn step(&mut self, step: &Step<'_>) {
        let _ = step;
    }

    /// After each instruction that did not call or create: the gas left, and why the frame failed, if it did.
    fn step_end(&mut self, gas_left: u64, halt: Option<HaltReason>) {
        let _ = (gas_left, halt);
    }

    /// Before the first instruction of a frame.
    fn frame_start(&mut self, frame: &FrameStart<'_>) {
        let _ = frame;
    }

    /// After the last instruction of a frame.
    fn frame_end(&mut self, frame: &FrameEnd<'_>) {
        let _ = frame;
    }
}

/// The inspector that is not there.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInspector;

impl Inspector for NoInspector {
    const ACTIVE: bool = false;
}
