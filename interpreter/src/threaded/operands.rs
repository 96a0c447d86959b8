//! How instructions take constants as operands.

use ruint::aliases::U256;

use super::{
    decode::Output,
    instruction::{Instruction, kind, operation},
    place::{Location, bytes},
};
use crate::{opcode::byte, word};

impl Output {
    /// The index of a constant in the program.
    pub(super) fn constant(&mut self, constant: U256) -> u64 {
        self.constants.push(constant);
        self.constants.len() as u64 - 1
    }

    pub(super) fn push(&mut self, operation: u16, target: i16, a: i16, immediate: u64) {
        let (target, a) = (bytes(target), bytes(a));
        self.instructions.push(Instruction { operation, target, a, b: 0, immediate });
    }

    /// Puts a constant into a slot.
    pub(super) fn set(&mut self, slot: i16, constant: U256) {
        match word::to_u64(&constant) {
            Some(small) => self.push(operation::SET, slot, 0, small),
            None => {
                let index = self.constant(constant);
                self.push(operation::SET_CONSTANT, slot, 0, index);
            }
        }
    }

    /// Puts constants into slots, two small ones at a time.
    pub(super) fn sets(&mut self, sets: &[(i16, U256)]) {
        let mut waiting = None;
        for &(slot, constant) in sets {
            match (word::to_u64(&constant).filter(|small| *small < 1 << 32), waiting.take()) {
                (None, earlier) => {
                    waiting = earlier;
                    self.set(slot, constant);
                }
                (Some(small), None) => waiting = Some((slot, small)),
                (Some(small), Some((other, earlier))) => {
                    self.push(operation::SET_2, other, slot, earlier | small << 32);
                }
            }
        }
        if let Some((slot, small)) = waiting {
            self.push(operation::SET, slot, 0, small);
        }
    }

    /// Moves words, target first, two at a time.
    pub(super) fn moves(&mut self, moves: &[(i16, i16)]) {
        let (pairs, rest) = moves.as_chunks::<2>();
        for &[(target, source), (target_2, source_2)] in pairs {
            let [target_2, source_2] = [target_2, source_2].map(|p| u64::from(bytes(p) as u16));
            self.push(operation::MOVE_2, target, source, target_2 | source_2 << 16);
        }
        for &(target, source) in rest {
            self.push(operation::MOVE, target, source, 0);
        }
    }
}

/// The same instruction with its operands exchanged.
fn mirrored(opcode: u8) -> Option<u8> {
    match opcode {
        byte::ADD | byte::MUL | byte::EQ | byte::AND | byte::OR | byte::XOR => Some(opcode),
        byte::LT => Some(byte::GT),
        byte::GT => Some(byte::LT),
        byte::SLT => Some(byte::SGT),
        byte::SGT => Some(byte::SLT),
        _ => None,
    }
}

/// Two operands, one of them possibly a constant. Returns whether the operands are filled in.
pub(super) fn binary(
    i: &mut Instruction,
    operands: &mut [Location; 3],
    output: &mut Output,
) -> bool {
    if let (Location::Constant(_), Some(opcode)) = (operands[0], mirrored(i.operation as u8)) {
        operands.swap(0, 1);
        i.operation = opcode.into();
    }
    let (constant, with_immediate, with_constant) = match (operands[0], operands[1]) {
        (Location::Slot(a), Location::Constant(constant)) => {
            i.a = bytes(a);
            (constant, kind::SLOT_IMMEDIATE, kind::SLOT_CONSTANT)
        }
        (Location::Constant(constant), Location::Slot(b)) => {
            i.b = bytes(b);
            (constant, kind::IMMEDIATE_SLOT, kind::CONSTANT_SLOT)
        }
        _ => return false,
    };
    match word::to_u64(&constant) {
        Some(small) => {
            i.operation += with_immediate;
            i.immediate = small;
        }
        None => {
            i.operation += with_constant;
            i.immediate = output.constant(constant);
        }
    }
    true
}

/// MLOAD and CALLDATALOAD at a constant offset.
pub(super) fn offset(i: &mut Instruction, operands: &[Location; 3]) -> bool {
    let Some(offset) = operands[0].small() else { return false };
    i.operation += kind::SLOT_IMMEDIATE;
    i.immediate = offset;
    true
}

/// MSTORE at a constant offset, or of a constant.
pub(super) fn store(i: &mut Instruction, operands: &[Location; 3], output: &mut Output) -> bool {
    match (operands[0], operands[1]) {
        (offset @ Location::Constant(_), Location::Slot(value)) => {
            let Some(offset) = offset.small() else { return false };
            i.operation += kind::IMMEDIATE_SLOT;
            i.immediate = offset;
            i.b = bytes(value);
        }
        (Location::Slot(offset), Location::Constant(value)) => {
            i.operation += kind::SLOT_CONSTANT;
            i.a = bytes(offset);
            i.immediate = output.constant(value);
        }
        (offset @ Location::Constant(_), Location::Constant(value)) => {
            let Some(offset) = offset.small().filter(|offset| *offset < 1 << 32) else { return false };
            i.operation += kind::CONSTANT_SLOT;
            i.immediate = offset | output.constant(value) << 32;
        }
        (Location::Slot(_), Location::Slot(_)) => return false,
    }
    true
}

/// Up to two operands, all of them constants of 32 bits: the first one in the low half of the immediate.
pub(super) fn constants_only(i: &mut Instruction, operands: &[Location]) -> bool {
    let mut immediate = 0;
    for (half, operand) in operands.iter().enumerate() {
        let Some(small) = operand.small().filter(|small| *small < 1 << 32) else { return false };
        immediate |= small << (32 * half);
    }
    i.operation += kind::SLOT_IMMEDIATE;
    i.immediate = immediate;
    true
}
