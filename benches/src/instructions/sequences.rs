//! Instructions and runs of instructions within basic blocks, and how long those are.

use std::collections::HashMap;

use braid_interpreter::opcode::byte;

use super::{BasicBlock, Instruction};

/// Longest runs that are counted by class.
pub(super) const LONGEST: usize = 5;

/// What is counted: executions by runs of instructions.
pub(super) type Counts<const LENGTH: usize> = HashMap<[u8; LENGTH], f64>;

/// Executions of runs of instructions.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequences {
    pub(super) single: Counts<1>,
    pub(super) pairs: Counts<2>,
    pub(super) triples: Counts<3>,
    /// Runs in which all PUSH are one instruction, as are all DUP and all SWAP; by their length less two.
    pub(super) by_class: [HashMap<Vec<u8>, f64>; LONGEST - 1],
    /// What decides a JUMPI: the comparisons right before it.
    pub(super) conditions: HashMap<Vec<u8>, f64>,
    /// Executions of basic blocks by their number of instructions.
    pub(super) lengths: HashMap<usize, f64>,
}

impl Sequences {
    pub(super) fn add(&mut self, block: &BasicBlock, weight: f64) {
        let instructions = &block.instructions;
        *self.lengths.entry(instructions.len()).or_default() += weight * as_f64(block.executions());
        count(&mut self.single, instructions, weight);
        count(&mut self.pairs, instructions, weight);
        count(&mut self.triples, instructions, weight);
        let classes: Vec<u8> = instructions.iter().map(|step| class(step.opcode)).collect();
        for (counts, length) in self.by_class.iter_mut().zip(2..) {
            for (classes, run) in classes.windows(length).zip(instructions.windows(length)) {
                if let Some(last) = run.last() {
                    *counts.entry(classes.to_vec()).or_default() +=
                        weight * as_f64(last.executions);
                }
            }
        }
        if let Some(last) = instructions.last().filter(|last| last.opcode == byte::JUMPI) {
            let condition = condition(&classes);
            *self.conditions.entry(condition).or_default() += weight * as_f64(last.executions);
        }
    }

    /// Executions of all instructions.
    pub(super) fn total(&self) -> f64 {
        self.single.values().sum()
    }
}

fn count<const LENGTH: usize>(counts: &mut Counts<LENGTH>, block: &[Instruction], weight: f64) {
    for run in block.windows(LENGTH) {
        let Some(last) = run.last() else { continue };
        let opcodes = std::array::from_fn(|i| run[i].opcode);
        *counts.entry(opcodes).or_default() += weight * as_f64(last.executions);
    }
}

/// The same for all PUSH, for all DUP, and for all SWAP.
pub(super) fn class(opcode: u8) -> u8 {
    match opcode {
        byte::PUSH0..=byte::PUSH32 => byte::PUSH1,
        byte::DUP1..=byte::DUP16 => byte::DUP1,
        byte::SWAP1..=byte::SWAP16 => byte::SWAP1,
        other => other,
    }
}

/// The end of a block that ends with JUMPI: from the first of the comparisons right before it.
fn condition(classes: &[u8]) -> Vec<u8> {
    let (Some(&jump), mut rest) = (classes.last(), classes.len() - 1) else { return Vec::new() };
    let mut condition = vec![jump];
    if rest > 0 && classes[rest - 1] == byte::PUSH1 {
        rest -= 1;
        condition.insert(0, byte::PUSH1);
    }
    while rest > 0 && matches!(classes[rest - 1], byte::LT..=byte::ISZERO) {
        rest -= 1;
        condition.insert(0, classes[rest]);
    }
    condition
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(opcodes: &[u8], executions: u64) -> BasicBlock {
        let instruction = |&opcode| Instruction { opcode, immediate: None, executions };
        BasicBlock { instructions: opcodes.iter().map(instruction).collect() }
    }

    #[test]
    fn runs_are_weighted_by_their_executions() {
        let mut sequences = Sequences::default();
        sequences.add(&block(&[byte::PUSH1, byte::PUSH2, byte::ADD], 3), 2.0);
        sequences.add(&block(&[byte::PUSH2, byte::ADD], 1), 2.0);
        assert_eq!(sequences.pairs[&[byte::PUSH2, byte::ADD]], 8.0);
        assert_eq!(sequences.triples[&[byte::PUSH1, byte::PUSH2, byte::ADD]], 6.0);
        assert_eq!(sequences.by_class[0][&vec![byte::PUSH1, byte::PUSH1]], 6.0);
        assert_eq!(sequences.total(), 22.0);
        assert_eq!(sequences.lengths[&3], 6.0);
    }

    #[test]
    fn a_condition_begins_with_its_first_comparison() {
        let of = |opcodes: &[u8]| condition(opcodes);
        let chain = [byte::ADD, byte::LT, byte::ISZERO, byte::PUSH1, byte::JUMPI];
        assert_eq!(of(&chain), chain[1..]);
        assert_eq!(of(&[byte::LT, byte::POP, byte::JUMPI]), [byte::JUMPI]);
    }
}
