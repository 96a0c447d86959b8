//! Code with a few things changed.

use braid_interpreter::opcode::OPCODES;
use braid_primitives::Hardfork;

use super::{assembly::instructions, generate};
use crate::random::Random;

/// Most changes.
const CHANGES: usize = 6;

/// Changes `code` in a few places: instructions exchanged, left out, repeated, moved or put in, bytes flipped, the end cut off.
pub fn mutate(random: &mut Random, fork: Hardfork, code: &mut Vec<u8>) {
    for _ in 0..1 + random.index(CHANGES) {
        if code.is_empty() {
            return;
        }
        let at = random.index(code.len());
        match random.below(10) {
            0 => code[at] ^= 1 << random.below(8),
            1 => code[at] = random.next_u64() as u8,
            2 => code.truncate(at + 1),
            3 | 4 => replace_instruction(random, code),
            5 => {
                let end = code.len().min(at + 1 + random.index(8));
                drop(code.drain(at..end));
            }
            6 => {
                let end = code.len().min(at + 1 + random.index(40));
                let copy = code[at..end].to_vec();
                code.splice(at..at, copy);
            }
            7 => insert(random, code, &[0x5b]),
            8 => {
                let inserted = generate::code(random, fork, &[Default::default()]);
                insert(random, code, &inserted[..inserted.len().min(30)]);
            }
            _ => swap_instructions(random, code),
        }
    }
}

/// Where an instruction begins, and its length.
fn instruction(random: &mut Random, code: &[u8]) -> (usize, usize) {
    let all = instructions(code);
    let index = random.index(all.len());
    (all[..index].iter().map(|bytes| bytes.len()).sum(), all[index].len())
}

/// Puts another opcode in the place of one with an immediate as long, so that the rest stays where it is.
fn replace_instruction(random: &mut Random, code: &mut [u8]) {
    let (at, _) = instruction(random, code);
    let immediate = |opcode: u8| OPCODES[opcode as usize].as_ref().map(|info| info.immediate_size);
    for _ in 0..20 {
        let opcode = random.next_u64() as u8;
        if immediate(opcode).is_some() && immediate(opcode) == immediate(code[at]) {
            code[at] = opcode;
            return;
        }
    }
}

fn swap_instructions(random: &mut Random, code: &mut [u8]) {
    let (at, length) = instruction(random, code);
    let next = at + length;
    let following = instructions(&code[next..]).first().map_or(0, |bytes| bytes.len());
    code[at..next + following].rotate_left(length);
}

fn insert(random: &mut Random, code: &mut Vec<u8>, inserted: &[u8]) {
    let (at, _) = instruction(random, code);
    code.splice(at..at, inserted.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_code_can_be_changed() {
        let mut random = Random::new(3);
        for length in 0..300 {
            let original = random.bytes(length % 40);
            let mut code = original.clone();
            mutate(&mut random, Hardfork::Osaka, &mut code);
            assert!(code.len() <= original.len() + CHANGES * 80);
        }
    }
}
