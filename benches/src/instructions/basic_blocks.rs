//! Basic blocks: stretches of code that are executed from their beginning to their end.

use std::fmt;

use alloy_primitives::U256;
use braid_interpreter::opcode::{OPCODES, byte};

use super::WatchedCode;

/// How many opcodes there are.
pub(super) const OPCODE_COUNT: usize = 256;

/// An instruction of a basic block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its opcode.
    pub opcode: u8,
    /// The word that it pushes, if that is a constant.
    pub immediate: Option<U256>,
    /// How often it was executed.
    pub executions: u64,
}

/// A basic block.
///
/// One begins at each JUMPDEST and ends at each jump, at whatever ends the frame, and at each instruction that touches state
/// or another frame, so that gas is exact there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicBlock {
    /// Its instructions; never empty.
    pub instructions: Vec<Instruction>,
}

impl BasicBlock {
    /// How often it was entered.
    pub fn executions(&self) -> u64 {
        self.instructions.first().map_or(0, |first| first.executions)
    }
}

/// Mnemonic of an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub u8);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &OPCODES[usize::from(self.0)] {
            Some(info) => f.pad(info.name),
            None => f.pad(&format!("{:#04x}", self.0)),
        }
    }
}

/// The basic blocks of `code` that were executed.
pub(super) fn executed(code: &WatchedCode) -> Vec<BasicBlock> {
    let mut blocks = all(code);
    blocks.retain(|block| block.executions() > 0);
    blocks
}

/// All basic blocks of `code`, data and unreachable code included.
pub(super) fn all(code: &WatchedCode) -> Vec<BasicBlock> {
    let (mut blocks, mut instructions) = (Vec::new(), Vec::new());
    let mut finish = |instructions: &mut Vec<_>| {
        if !instructions.is_empty() {
            blocks.push(BasicBlock { instructions: std::mem::take(instructions) });
        }
    };
    let mut offset = 0;
    while let Some(&executions) = code.executions.get(offset) {
        // Behind the code there is a STOP.
        let opcode = code.bytes.get(offset).copied().unwrap_or(byte::STOP);
        if opcode == byte::JUMPDEST {
            finish(&mut instructions);
        }
        let immediate = immediate(&code.bytes, offset, opcode);
        instructions.push(Instruction { opcode, immediate, executions });
        if ends_block(opcode) {
            finish(&mut instructions);
        }
        offset += 1 + immediate_size(opcode);
    }
    finish(&mut instructions);
    blocks
}

/// Bytes of the immediate behind an opcode.
pub(super) fn immediate_size(opcode: u8) -> usize {
    OPCODES[usize::from(opcode)].map_or(0, |info| usize::from(info.immediate_size))
}

/// The word that PUSH0 to PUSH32 pushes; bytes beyond the end of the code are zero.
fn immediate(code: &[u8], offset: usize, opcode: u8) -> Option<U256> {
    if !(byte::PUSH0..=byte::PUSH32).contains(&opcode) {
        return None;
    }
    let size = immediate_size(opcode);
    let mut bytes = [0; 32];
    let present = code.get(offset + 1..).unwrap_or_default();
    let present = &present[..size.min(present.len())];
    bytes[32 - size..][..present.len()].copy_from_slice(present);
    Some(U256::from_be_bytes(bytes))
}

/// Whether a basic block ends behind this instruction.
fn ends_block(opcode: u8) -> bool {
    match opcode {
        byte::JUMP | byte::JUMPI | byte::STOP | byte::RETURN | byte::REVERT | byte::INVALID => true,
        byte::SELFDESTRUCT | byte::BALANCE | byte::SELFBALANCE | byte::BLOCKHASH => true,
        byte::EXTCODESIZE | byte::EXTCODECOPY | byte::EXTCODEHASH | byte::RETURNDATACOPY => true,
        byte::SLOAD | byte::SSTORE | byte::TSTORE | byte::CREATE | byte::CREATE2 => true,
        byte::CALL | byte::CALLCODE | byte::DELEGATECALL | byte::STATICCALL => true,
        byte::LOG0..=byte::LOG4 => true,
        undefined => OPCODES[usize::from(undefined)].is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(bytes: &[u8]) -> WatchedCode {
        WatchedCode {
            bytes: bytes.to_vec().into(),
            is_initcode: false,
            executions: vec![1; bytes.len() + 1],
            runs: Vec::new(),
        }
    }

    #[test]
    fn blocks_end_behind_jumps_and_state_and_before_jump_destinations() {
        // PUSH1 5 JUMPI ADD SLOAD | POP | JUMPDEST STOP | STOP
        let code = watched(&[0x60, 5, 0x57, 0x01, 0x54, 0x50, 0x5b, 0x00]);
        let opcodes: Vec<Vec<u8>> = all(&code)
            .iter()
            .map(|block| block.instructions.iter().map(|step| step.opcode).collect())
            .collect();
        let expected: [&[u8]; 5] = [&[0x60, 0x57], &[0x01, 0x54], &[0x50], &[0x5b, 0x00], &[0x00]];
        assert_eq!(opcodes, expected);
    }

    #[test]
    fn an_immediate_that_is_cut_off_ends_in_zeros() {
        let blocks = all(&watched(&[0x62, 1, 2]));
        assert_eq!(blocks[0].instructions[0].immediate, Some(U256::from(0x01_02_00)));
        assert_eq!(blocks[0].instructions.len(), 1, "the STOP lies inside the immediate");
    }
}
