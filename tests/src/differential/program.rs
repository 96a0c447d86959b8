//! Programs: bytecode in parts that can be left out one by one.

use alloy_primitives::{Bytes, U256};
use braid_interpreter::opcode::byte as op;

/// A piece of a program. Pieces leave the stack as they found it, unless they are meant to break things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Instructions.
    Code(Vec<u8>),
    /// Instructions that push a condition, and what is skipped where it holds.
    Unless(Vec<u8>, Program),
    /// A body that runs a number of times, from 1.
    Loop(u8, Program),
}

/// A sequence of parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program(pub Vec<Part>);

impl Program {
    /// The bytecode.
    pub fn assemble(&self) -> Bytes {
        let mut code = Vec::new();
        self.assemble_into(&mut code);
        code.into()
    }

    fn assemble_into(&self, code: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Code(bytes) => code.extend_from_slice(bytes),
                Part::Unless(condition, body) => {
                    code.extend_from_slice(condition);
                    let at = code.len() + 1;
                    code.extend_from_slice(&[op::PUSH2, 0, 0, op::JUMPI]);
                    body.assemble_into(code);
                    let end = (code.len() as u16).to_be_bytes();
                    code[at..at + 2].copy_from_slice(&end);
                    code.push(op::JUMPDEST);
                }
                Part::Loop(times, body) => {
                    code.extend_from_slice(&[op::PUSH1, *times]);
                    let [high, low] = (code.len() as u16).to_be_bytes();
                    code.push(op::JUMPDEST);
                    body.assemble_into(code);
                    code.extend_from_slice(&[op::PUSH1, 1, op::SWAP1, op::SUB, op::DUP1]);
                    code.extend_from_slice(&[op::PUSH2, high, low, op::JUMPI, op::POP]);
                }
            }
        }
    }

    /// Every program that is this one without one of its parts, or with the body of a part in its place.
    pub fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let length = self.0.len();
        if length > 3 {
            all.push(Self(self.0[length / 2..].to_vec()));
            all.push(Self(self.0[..length / 2].to_vec()));
        }
        for (i, part) in self.0.iter().enumerate() {
            let mut without = self.clone();
            without.0.remove(i);
            all.push(without);
            let (Part::Unless(_, body) | Part::Loop(_, body)) = part else { continue };
            let mut inlined = self.clone();
            inlined.0.splice(i..=i, body.0.iter().cloned());
            all.push(inlined);
            for smaller_body in body.smaller() {
                let mut with_smaller = self.clone();
                with_smaller.0[i] = match part {
                    Part::Unless(condition, _) => Part::Unless(condition.clone(), smaller_body),
                    Part::Loop(times, _) => Part::Loop(*times, smaller_body),
                    Part::Code(_) => unreachable!("code has no body"),
                };
                all.push(with_smaller);
            }
        }
        all
    }
}

/// The shortest instruction that pushes `word` and that every fork has.
pub fn push(word: U256) -> Vec<u8> {
    let bytes = word.to_be_bytes_trimmed_vec();
    let bytes = if bytes.is_empty() { vec![0] } else { bytes };
    let mut code = vec![op::PUSH1 - 1 + bytes.len() as u8];
    code.extend(bytes);
    code
}

/// Instructions that push `words`, the first one last, so that it is on top: the order in which instructions take them.
pub fn push_all(words: &[U256]) -> Vec<u8> {
    words.iter().rev().flat_map(|word| push(*word)).collect()
}

/// Instructions that write `bytes` to memory from offset 0 on.
pub fn store(bytes: &[u8]) -> Vec<u8> {
    let mut code = Vec::new();
    for (i, chunk) in bytes.chunks(32).enumerate() {
        let mut word = [0; 32];
        word[..chunk.len()].copy_from_slice(chunk);
        code.extend(push(U256::from_be_bytes(word)));
        code.extend(push(U256::from(32 * i)));
        code.push(op::MSTORE);
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_of_nested_parts_lead_to_their_jump_destinations() {
        let body = Program(vec![Part::Unless(vec![op::PUSH1, 1], Program::default())]);
        let code = Program(vec![Part::Loop(2, body)]).assemble();
        // loop counter, JUMPDEST at 2; condition, PUSH2 9 JUMPI, JUMPDEST at 9; count down, PUSH2 2 JUMPI, POP.
        assert_eq!(code[..], alloy_primitives::hex!("60025b600161000957 5b600190038061000257 50"));
    }

    #[test]
    fn a_push_is_as_short_as_its_word() {
        assert_eq!(push(U256::ZERO), [0x60, 0]);
        assert_eq!(push(U256::from(0x100)), [0x61, 1, 0]);
        assert_eq!(push(U256::MAX), [vec![0x7f], vec![0xff; 32]].concat());
        assert_eq!(push_all(&[U256::from(1), U256::from(2)]), [0x60, 2, 0x60, 1]);
    }
}
