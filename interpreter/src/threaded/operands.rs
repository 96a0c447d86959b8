//! How instructions take constants as operands.

use ruint::aliases::U256;

use super::{
    instruction::{Word, form, kind, operation},
    place::{Constants, Location, bytes},
    role::{Role, role},
    translate::Output,
};
use crate::{opcode::byte, word};

/// What follows an instruction, if its form says that something does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Slot(i16),
    /// A constant of the block.
    Constant(u32),
}

impl Output {
    /// Writes an instruction with as much payload as its form has.
    pub(super) fn push(&mut self, word: Word, payload: Payload, constants: Constants<'_>) {
        self.words.push(word);
        match (form(word.operation).map_or(0, |form| form.payload_words()), payload) {
            (0, _) => {}
            (_, Payload::Slot(slot)) => {
                self.words.push(Word { target: bytes(slot), ..Word::default() });
            }
            (_, Payload::Constant(constant)) => self.push_constant(constants.get(constant)),
        }
    }

    fn push_constant(&mut self, constant: &U256) {
        self.words.extend(constant.as_limbs().map(Word::from_bits));
    }

    /// Writes an instruction that may go to `target_pc`, and a number of 32 bits.
    pub(super) fn branch(&mut self, word: Word, target_pc: u32, number: u64) {
        self.branches.push(self.words.len() as u32 + 1);
        self.words.extend([word, Word::from_bits(u64::from(target_pc) | number << 32)]);
    }

    /// Writes an instruction without payload.
    pub(super) fn push_slots(&mut self, operation: u16, target: i16, a: i16) {
        self.words.push(Word { operation, target: bytes(target), a: bytes(a), b: 0 });
    }

    /// Puts a constant into a slot.
    pub(super) fn set(&mut self, slot: i16, constant: &U256) {
        let mut word = Word { target: bytes(slot), ..Word::default() };
        match word::to_u64(constant) {
            Some(small) if small < 1 << 32 => {
                word.operation = operation::SET_SMALL;
                word.set_wide(small as u32);
                self.words.push(word);
            }
            Some(number) => {
                word.operation = operation::SET;
                self.words.extend([word, Word::from_bits(number)]);
            }
            None => {
                word.operation = operation::SET_CONSTANT;
                self.words.push(word);
                self.push_constant(constant);
            }
        }
    }

    /// Puts constants into slots, two small ones at a time. Returns one that is left over.
    pub(super) fn sets(
        &mut self,
        sets: &[(i16, u32)],
        constants: Constants<'_>,
    ) -> Option<(i16, u64)> {
        let mut waiting = None;
        for &(slot, constant) in sets {
            match (constants.below(Location::Constant(constant), 32), waiting.take()) {
                (None, earlier) => {
                    waiting = earlier;
                    self.set(slot, constants.get(constant));
                }
                (Some(small), None) => waiting = Some((slot, small)),
                (Some(small), Some((other, earlier))) => {
                    self.push_slots(operation::SET_SMALL_2, other, slot);
                    self.words.push(Word::from_bits(earlier | small << 32));
                }
            }
        }
        waiting
    }

    /// Moves words, target first, up to three at a time.
    pub(super) fn moves(&mut self, moves: &[(i16, i16)]) {
        let (triples, rest) = moves.as_chunks::<3>();
        for &[first, second, third] in triples {
            self.push_slots(operation::MOVE_3, first.0, first.1);
            self.words.push(Word {
                operation: bytes(third.1) as u16,
                target: bytes(second.0),
                a: bytes(second.1),
                b: bytes(third.0),
            });
        }
        match *rest {
            [(target, source)] => self.push_slots(operation::MOVE, target, source),
            [first, second] => {
                self.push_slots(operation::MOVE_2, first.0, first.1);
                self.push_slots(0, second.0, second.1);
            }
            _ => {}
        }
    }
}

/// The instruction that does the same with its operands exchanged.
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

/// Takes constants into the instruction, if all operands find their place then. Returns the payload.
pub(super) fn fold_operands(
    word: &mut Word,
    operands: &mut [Location],
    offset: u16,
    constants: Constants<'_>,
) -> Option<Payload> {
    let opcode = word.operation as u8;
    match operands {
        [a, b] if role(opcode) == Role::Pure => binary(word, a, b, constants),
        [Location::Slot(base)] if opcode == byte::MLOAD && offset > 0 => {
            word.operation = operation::MLOAD_AT;
            (word.a, word.b) = (bytes(*base), offset as i16);
            Some(Payload::Slot(0))
        }
        [Location::Slot(base), Location::Slot(value)] if opcode == byte::MSTORE && offset > 0 => {
            word.operation = operation::MSTORE_AT;
            (word.target, word.a, word.b) = (offset as i16, bytes(*base), bytes(*value));
            Some(Payload::Slot(0))
        }
        [offset] if matches!(opcode, byte::MLOAD | byte::CALLDATALOAD) => {
            word.set_wide(constants.below(*offset, 32)? as u32);
            word.operation += kind::SLOT_SMALL;
            Some(Payload::Slot(0))
        }
        [offset, value] if opcode == byte::MSTORE => store(word, *offset, *value, constants),
        [a] if role(opcode) == Role::Eval => smalls(word, constants.below(*a, 16)?, 0),
        [a, b] if role(opcode) == Role::Eval => {
            smalls(word, constants.below(*a, 16)?, constants.below(*b, 16)?)
        }
        _ => None,
    }
}

/// A pure instruction with two operands, one of them a constant.
fn binary(
    word: &mut Word,
    a: &mut Location,
    b: &mut Location,
    constants: Constants<'_>,
) -> Option<Payload> {
    if let (Location::Constant(_), Some(opcode)) = (*a, mirrored(word.operation as u8)) {
        std::mem::swap(a, b);
        word.operation = opcode.into();
    }
    match (*a, *b) {
        (Location::Slot(slot), Location::Constant(constant)) => {
            word.a = bytes(slot);
            let small = constants.below(*b, 16);
            Some(number_or_constant(word, |word| &mut word.b, (constant, small), kind::SLOT_SMALL))
        }
        (Location::Constant(constant), Location::Slot(slot)) => {
            word.b = bytes(slot);
            let small = constants.below(*a, 16);
            Some(number_or_constant(word, |word| &mut word.a, (constant, small), kind::SMALL_SLOT))
        }
        _ => None,
    }
}

/// Puts a constant into a field, if it fits, else into the payload: the kind for that is two further.
fn number_or_constant(
    word: &mut Word,
    field: impl FnOnce(&mut Word) -> &mut i16,
    (constant, small): (u32, Option<u64>),
    small_kind: u16,
) -> Payload {
    match small {
        Some(small) => {
            *field(word) = small as u16 as i16;
            word.operation += small_kind;
        }
        None => word.operation += small_kind + (kind::SLOT_CONSTANT - kind::SLOT_SMALL),
    }
    Payload::Constant(constant)
}

/// MSTORE at a constant offset, or of a constant.
fn store(
    word: &mut Word,
    offset: Location,
    value: Location,
    constants: Constants<'_>,
) -> Option<Payload> {
    let small = constants.below(value, 16);
    match (offset, value) {
        (Location::Slot(offset), Location::Constant(value)) => {
            word.a = bytes(offset);
            Some(number_or_constant(word, |word| &mut word.b, (value, small), kind::SLOT_SMALL))
        }
        (Location::Constant(_), Location::Slot(value)) => {
            word.a = constants.below(offset, 16)? as u16 as i16;
            word.b = bytes(value);
            word.operation += kind::SMALL_SLOT;
            Some(Payload::Slot(0))
        }
        (Location::Constant(_), Location::Constant(constant)) => {
            word.a = constants.below(offset, 16)? as u16 as i16;
            match small {
                Some(small) => {
                    word.b = small as u16 as i16;
                    word.operation += kind::SMALLS;
                }
                None => word.operation += kind::SMALL_CONSTANT,
            }
            Some(Payload::Constant(constant))
        }
        (Location::Slot(_), Location::Slot(_)) => None,
    }
}

/// Up to two operands, all of them small numbers.
fn smalls(word: &mut Word, a: u64, b: u64) -> Option<Payload> {
    (word.a, word.b) = (a as u16 as i16, b as u16 as i16);
    word.operation += kind::SMALLS;
    Some(Payload::Slot(0))
}

/// A pure instruction with three operands, the last of them a constant: its payload.
pub(super) fn last_constant(word: &mut Word, operands: &mut [Location]) -> Option<Payload> {
    let last = operands.last_mut().filter(|_| role(word.operation as u8) == Role::Pure)?;
    let Location::Constant(constant) = *last else { return None };
    let payload = Payload::Constant(constant);
    *last = Location::Slot(0);
    word.operation += kind::SLOT_CONSTANT;
    Some(payload)
}
