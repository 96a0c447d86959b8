//! Counts what is executed.

use alloy_primitives::{B256, Bytes, keccak256, map::B256Map};
use braid_interpreter::{
    FrameEnd, FrameStart, Inspector, Step,
    opcode::{OPCODES, byte},
};

use super::basic_blocks::OPCODE_COUNT;

/// Counts the executions of each instruction of each code.
#[derive(Clone, Debug)]
pub struct Watch {
    codes: Vec<WatchedCode>,
    by_hash: B256Map<usize>,
    /// The frames that are running: which code, none of an account without code, and instructions so far.
    frames: Vec<(Option<usize>, u64)>,
    /// Executions of instructions whose first two operands both fit 64 bits, by opcode.
    pub(super) small_operands: [u64; OPCODE_COUNT],
    /// Executions of JUMPI that jumped.
    pub(super) taken: u64,
}

/// A code and what was executed of it.
#[derive(Clone, Debug)]
pub struct WatchedCode {
    /// The code.
    pub bytes: Bytes,
    /// Whether it is initcode.
    pub is_initcode: bool,
    /// Executions by offset; the last entry is the STOP behind the code.
    pub executions: Vec<u64>,
    /// Its runs, in the order of their ends.
    pub runs: Vec<Run>,
}

/// One activation of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Instructions executed.
    pub instructions: u64,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            codes: Vec::new(),
            by_hash: B256Map::default(),
            frames: Vec::new(),
            small_operands: [0; OPCODE_COUNT],
            taken: 0,
        }
    }
}

impl Watch {
    /// The codes that were run, in the order of their first runs.
    pub fn codes(&self) -> &[WatchedCode] {
        &self.codes
    }

    /// Instructions executed.
    pub fn instructions(&self) -> u64 {
        self.codes.iter().flat_map(|code| &code.runs).map(|run| run.instructions).sum()
    }
}

impl Inspector for Watch {
    fn frame_start(&mut self, frame: &FrameStart<'_>) {
        let bytes = frame.code.bytes();
        if bytes.is_empty() {
            self.frames.push((None, 0));
            return;
        }
        let hash = match frame.code.hash() {
            B256::ZERO => keccak256(bytes),
            hash => hash,
        };
        let next = self.codes.len();
        let code = *self.by_hash.entry(hash).or_insert(next);
        if code == next {
            self.codes.push(WatchedCode {
                bytes: Bytes::copy_from_slice(bytes),
                is_initcode: frame.is_create,
                executions: vec![0; bytes.len() + 1],
                runs: Vec::new(),
            });
        }
        self.frames.push((Some(code), 0));
    }

    fn step(&mut self, step: &Step<'_>) {
        let Some((Some(code), instructions)) = self.frames.last_mut() else { return };
        *instructions += 1;
        let executions = &mut self.codes[*code].executions;
        let end = executions.len() - 1;
        executions[step.pc.min(end)] += 1;
        let [.., second, first] = step.stack else { return };
        if step.opcode == byte::JUMPI {
            self.taken += u64::from(!second.is_zero());
        }
        let takes_two = OPCODES[usize::from(step.opcode)].is_some_and(|info| info.inputs >= 2);
        if takes_two && first.bit_len() <= 64 && second.bit_len() <= 64 {
            self.small_operands[usize::from(step.opcode)] += 1;
        }
    }

    fn frame_end(&mut self, _: &FrameEnd<'_>) {
        if let Some((Some(code), instructions)) = self.frames.pop() {
            self.codes[code].runs.push(Run { instructions });
        }
    }
}
