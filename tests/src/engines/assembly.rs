//! Bytecode in pieces: instructions, jump destinations, and words that point at them.

use alloy_primitives::U256;
use braid_interpreter::opcode::{OPCODES, byte as op};

/// A piece of a program. A failing program is made small by leaving pieces out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// A JUMPDEST with a number.
    Label(usize),
    /// Pushes the offset of the label with this number, in some form; 0 where there is no such label.
    Target(usize, Form),
}

/// How the offset of a label comes onto the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By a PUSH2.
    Short,
    /// By a PUSH32.
    Wide,
    /// As a sum of two constants.
    Sum,
    /// By way of memory, where no engine can foresee it.
    Memory,
    /// Some bytes beside the label, which most often is no place to jump to.
    Beside(i8),
}

/// The bytecode of the pieces.
pub fn assemble(pieces: &[Piece]) -> Vec<u8> {
    let sizes = pieces.iter().map(size);
    let starts: Vec<usize> = sizes
        .scan(0, |end, size| {
            *end += size;
            Some(*end - size)
        })
        .collect();
    let offset = |number: usize| {
        let label = pieces.iter().position(|piece| *piece == Piece::Label(number));
        label.map_or(0, |at| starts[at])
    };
    let mut code = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => code.extend_from_slice(bytes),
            Piece::Label(_) => code.push(op::JUMPDEST),
            Piece::Target(number, form) => push_target(&mut code, offset(*number), *form),
        }
    }
    code
}

fn push_target(code: &mut Vec<u8>, offset: usize, form: Form) {
    let push2 = |code: &mut Vec<u8>, offset: usize| {
        let [high, low] = (offset as u16).to_be_bytes();
        code.extend([op::PUSH2, high, low]);
    };
    match form {
        Form::Short => push2(code, offset),
        Form::Wide => {
            code.push(op::PUSH32);
            code.extend(U256::from(offset).to_be_bytes::<32>());
        }
        Form::Sum => {
            push2(code, offset / 3);
            push2(code, offset - offset / 3);
            code.push(op::ADD);
        }
        Form::Memory => {
            push2(code, offset);
            code.extend([op::PUSH1, 0, op::MSTORE, op::PUSH1, 0, op::MLOAD]);
        }
        Form::Beside(distance) => push2(code, offset.wrapping_add_signed(distance.into())),
    }
}

fn size(piece: &Piece) -> usize {
    match piece {
        Piece::Bytes(bytes) => bytes.len(),
        Piece::Label(_) => 1,
        Piece::Target(_, form) => {
            let mut code = Vec::new();
            push_target(&mut code, 0, *form);
            code.len()
        }
    }
}

/// The instructions of `code` with their immediates; the last one may be cut off.
pub fn instructions(code: &[u8]) -> Vec<&[u8]> {
    let mut rest = code;
    let mut all = Vec::new();
    while let Some(&opcode) = rest.first() {
        let immediate = OPCODES[opcode as usize].map_or(0, |info| info.immediate_size.into());
        let (instruction, tail) = rest.split_at(rest.len().min(1 + immediate));
        all.push(instruction);
        rest = tail;
    }
    all
}

/// `code` as pieces of one instruction each.
pub fn pieces_of(code: &[u8]) -> Vec<Piece> {
    instructions(code).into_iter().map(|bytes| Piece::Bytes(bytes.to_vec())).collect()
}

/// The code instruction by instruction, for people.
pub fn listing(code: &[u8]) -> String {
    let mut offset = 0;
    let line = |instruction: &[u8]| {
        let name = OPCODES[instruction[0] as usize].map_or("undefined", |info| info.name);
        let immediate = alloy_primitives::hex::encode(&instruction[1..]);
        let line = format!("{offset:5} {:02x} {name} {immediate}", instruction[0]);
        offset += instruction.len();
        line.trim_end().to_owned() + "\n"
    };
    instructions(code).into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    #[test]
    fn every_form_of_a_target_is_the_offset_of_its_label() {
        let forms = [Form::Short, Form::Wide, Form::Sum, Form::Memory, Form::Beside(1)];
        for form in forms {
            let pieces = [Piece::Bytes(vec![0; 5]), Piece::Target(1, form), Piece::Label(1)];
            let code = assemble(&pieces);
            assert_eq!(code.last(), Some(&op::JUMPDEST), "{form:?}");
            assert_eq!(code.len(), 5 + size(&pieces[1]) + 1, "{form:?}");
        }
        let code = assemble(&[Piece::Target(1, Form::Sum), Piece::Label(1), Piece::Label(2)]);
        assert_eq!(code, hex!("610002 610005 01 5b 5b"));
        assert_eq!(assemble(&[Piece::Target(7, Form::Short)]), hex!("610000"), "no such label");
    }

    #[test]
    fn instructions_keep_their_immediates_and_a_cut_off_end() {
        let code = hex!("01 6102 03 5b 62ff");
        assert_eq!(instructions(&code), [&code[..1], &code[1..4], &code[4..5], &code[5..]]);
        assert_eq!(assemble(&pieces_of(&code)), code);
        assert_eq!(
            listing(&code),
            "    0 01 ADD\n    1 61 PUSH2 0203\n    4 5b JUMPDEST\n    5 62 PUSH3 ff\n"
        );
    }
}
