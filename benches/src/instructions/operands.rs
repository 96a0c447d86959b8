//! Which operands are constants, seen from within a basic block.

use alloy_primitives::U256;
use braid_interpreter::opcode::{OPCODES, byte};

use super::{
    BasicBlock, Watch,
    basic_blocks::OPCODE_COUNT,
    sequences::{as_f64, class},
};

/// Executions of an instruction by what its operands are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shape {
    pub(super) executions: f64,
    /// The first operand (the top of the stack) and the second.
    pub(super) constants: [Constants; 2],
    /// Both are constants.
    pub(super) both: f64,
    /// Exactly one is a constant that was pushed as it is, and it fits 64 bits.
    pub(super) one_small: f64,
    /// What comes right before it in the block.
    pub(super) after_push: f64,
    pub(super) after_dup: f64,
    pub(super) after_swap: f64,
    /// Both operands fit 64 bits when it is executed, constants or not.
    pub(super) small_at_run_time: f64,
}

/// Executions with a constant operand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Constants {
    /// Pushed as it is in the same block.
    pub(super) pushed: f64,
    /// Of those, the ones that fit 64 bits.
    pub(super) small: f64,
    /// Computed from constants in the same block.
    pub(super) folded: f64,
}

/// Executions of all instructions by what their operands are.
#[derive(Clone, Debug)]
pub(super) struct Operands {
    pub(super) shapes: [Shape; OPCODE_COUNT],
    /// Executions of JUMPI that jumped.
    pub(super) taken: f64,
}

impl Default for Operands {
    fn default() -> Self {
        Self { shapes: [Shape::default(); OPCODE_COUNT], taken: 0.0 }
    }
}

/// What is known of a stack word within a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Pushed(U256),
    Folded,
    Unknown,
}

impl Operands {
    pub(super) fn add(&mut self, block: &BasicBlock, weight: f64) {
        let mut stack = Known::default();
        let mut before = None;
        for step in &block.instructions {
            let operands = stack.execute(step.opcode, step.immediate);
            let shape = &mut self.shapes[usize::from(step.opcode)];
            shape.add(operands, before, weight * as_f64(step.executions));
            before = Some(step.opcode);
        }
    }

    /// Adds what only shows when instructions are executed.
    pub(super) fn add_run_time(&mut self, watch: &Watch, weight: f64) {
        for (shape, count) in self.shapes.iter_mut().zip(watch.small_operands) {
            shape.small_at_run_time += weight * as_f64(count);
        }
        self.taken += weight * as_f64(watch.taken);
    }
}

impl Shape {
    fn add(&mut self, operands: [Word; 2], before: Option<u8>, weight: f64) {
        self.executions += weight;
        for (constants, operand) in self.constants.iter_mut().zip(operands) {
            match operand {
                Word::Pushed(word) => {
                    constants.pushed += weight;
                    constants.small += if fits(&word) { weight } else { 0.0 };
                }
                Word::Folded => constants.folded += weight,
                Word::Unknown => {}
            }
        }
        match operands {
            [Word::Unknown, Word::Unknown] => {}
            [Word::Pushed(word), Word::Unknown] | [Word::Unknown, Word::Pushed(word)] => {
                self.one_small += if fits(&word) { weight } else { 0.0 };
            }
            [Word::Unknown, _] | [_, Word::Unknown] => {}
            _ => self.both += weight,
        }
        match before.map(class) {
            Some(byte::PUSH1) => self.after_push += weight,
            Some(byte::DUP1) => self.after_dup += weight,
            Some(byte::SWAP1) => self.after_swap += weight,
            _ => {}
        }
    }
}

fn fits(word: &U256) -> bool {
    word.bit_len() <= 64
}

/// The stack as far as a block knows it.
#[derive(Clone, Debug, Default)]
struct Known {
    words: Vec<Word>,
}

impl Known {
    /// The word `depth` below the top (1 is the top).
    fn peek(&self, depth: usize) -> Word {
        let index = self.words.len().checked_sub(depth);
        index.map_or(Word::Unknown, |index| self.words[index])
    }

    /// Executes an instruction; returns its first two operands.
    fn execute(&mut self, opcode: u8, immediate: Option<U256>) -> [Word; 2] {
        let operands = [self.peek(1), self.peek(2)];
        match opcode {
            byte::DUP1..=byte::DUP16 => {
                let depth = usize::from(opcode - byte::DUP1) + 1;
                self.words.push(self.peek(depth));
                return [Word::Unknown; 2];
            }
            byte::SWAP1..=byte::SWAP16 => {
                let depth = usize::from(opcode - byte::SWAP1) + 2;
                let missing = depth.saturating_sub(self.words.len());
                self.words.splice(0..0, std::iter::repeat_n(Word::Unknown, missing));
                let top = self.words.len() - 1;
                self.words.swap(top, top + 1 - depth);
                return [Word::Unknown; 2];
            }
            _ => {}
        }
        let (inputs, outputs) = OPCODES[usize::from(opcode)]
            .map_or((0, 0), |info| (usize::from(info.inputs), usize::from(info.outputs)));
        let is_constant = inputs > 0 && (1..=inputs).all(|i| self.peek(i) != Word::Unknown);
        let result = match immediate {
            Some(word) => Word::Pushed(word),
            None if is_constant && is_pure(opcode) => Word::Folded,
            None => Word::Unknown,
        };
        self.words.truncate(self.words.len().saturating_sub(inputs));
        self.words.extend(std::iter::repeat_n(result, outputs));
        match inputs {
            0 => [Word::Unknown; 2],
            1 => [operands[0], Word::Unknown],
            _ => operands,
        }
    }
}

/// Whether the result is a function of the operands alone.
fn is_pure(opcode: u8) -> bool {
    matches!(opcode, byte::ADD..=byte::SIGNEXTEND | byte::LT..=byte::CLZ)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instructions::Instruction;

    fn shapes(steps: &[(u8, Option<u64>)]) -> Operands {
        let instruction = |&(opcode, word): &(u8, Option<u64>)| Instruction {
            opcode,
            immediate: word.map(U256::from),
            executions: 1,
        };
        let mut operands = Operands::default();
        let instructions = steps.iter().map(instruction).collect();
        operands.add(&BasicBlock { instructions }, 1.0);
        operands
    }

    #[test]
    fn constants_are_followed_through_the_stack() {
        let operands = shapes(&[
            (byte::PUSH1, Some(7)),
            (byte::SWAP1, None),
            (byte::DUP2, None),
            (byte::ADD, None),
            (byte::SUB, None),
        ]);
        let add = operands.shapes[usize::from(byte::ADD)];
        assert_eq!(add.constants.map(|constants| constants.small), [1.0, 0.0]);
        assert_eq!((add.one_small, add.both, add.after_dup), (1.0, 0.0, 1.0));
        let sub = operands.shapes[usize::from(byte::SUB)];
        assert_eq!(sub.constants.map(|constants| constants.pushed), [0.0, 1.0]);
    }

    #[test]
    fn what_is_computed_from_constants_is_one() {
        let push = (byte::PUSH1, Some(1));
        let operands = shapes(&[push, push, push, (byte::SHL, None), (byte::SUB, None)]);
        let shl = operands.shapes[usize::from(byte::SHL)];
        assert_eq!((shl.both, shl.one_small), (1.0, 0.0));
        let sub = operands.shapes[usize::from(byte::SUB)];
        assert_eq!(sub.constants[0], Constants { folded: 1.0, ..Constants::default() });
        assert_eq!(sub.both, 1.0);
    }
}
