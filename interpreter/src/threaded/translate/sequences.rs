//! What becomes of the sequences that mainnet blocks execute most.
//!
//! The threaded engine has no instruction for each pair of opcodes: what PUSH, DUP, SWAP and POP do is known when a block is
//! translated, so pairs with these merge whatever stands between them. Which operands an instruction takes as constants, and
//! which comparisons a branch makes, was chosen from the sequences below, by their shares of the 18,518,006 instructions that
//! 108 mainnet blocks execute. The first thirty pairs are 34.31 % of all; each of the others is below half a percent. As
//!
//! ```text
//! cargo run --release -p braid-benches --example instruction_statistics -- mainnet_blocks
//! ```
//!
//! prints them. A sequence that comes apart again fails here.

use braid_primitives::{B256, Hardfork};

use super::Translator;
use crate::{
    Code, Schedule,
    opcode::{OPCODES, byte},
    threaded::{
        Program,
        instruction::{form, operation},
    },
};

/// Share in hundredths of a percent, a sequence, and how many instructions of the threaded engine do the same on words that
/// nothing is known of and that all stay.
const SEQUENCES: &[(u16, &str, usize)] = &[
    // Two in a row.
    (438, "PUSH2 JUMPI", 1),
    (250, "POP POP", 0),
    (208, "JUMPDEST PUSH1", 1),
    (204, "PUSH2 JUMP", 1),
    (197, "PUSH1 PUSH1", 1),
    (183, "ISZERO PUSH2", 2),
    (147, "MSTORE PUSH1", 2),
    (133, "PUSH1 ADD", 1),
    (129, "SWAP1 POP", 1),
    (120, "POP JUMP", 1),
    (100, "EQ PUSH2", 2),
    (97, "DUP1 PUSH4", 2),
    (90, "PUSH1 DUP2", 2),
    (88, "DUP2 MSTORE", 1),
    (86, "SWAP2 POP", 1),
    (81, "SWAP2 SWAP1", 2),
    (79, "PUSH4 EQ", 1),
    (76, "JUMPDEST PUSH2", 1),
    (75, "PUSH1 DUP1", 1),
    (72, "JUMPDEST POP", 0),
    (66, "ADD SWAP1", 2),
    (65, "DUP2 LT", 1),
    (64, "PUSH1 SHL", 1),
    (62, "POP PUSH1", 1),
    (59, "DUP3 ADD", 1),
    (55, "PUSH1 DUP3", 2),
    (54, "PUSH1 MLOAD", 1),
    (52, "SWAP1 DUP2", 2),
    (51, "LT ISZERO", 2),
    (50, "PUSH20 AND", 1),
    // Three in a row, and what they are part of.
    (182, "ISZERO PUSH2 JUMPI", 1),
    (112, "POP POP POP", 0),
    (100, "EQ PUSH2 JUMPI", 1),
    (83, "POP POP JUMP", 1),
    (78, "DUP1 PUSH4 EQ PUSH2 JUMPI", 1),
    (73, "DUP2 MSTORE PUSH1", 2),
    (58, "PUSH1 PUSH1 PUSH1", 2),
    (58, "SWAP2 POP POP", 1),
    (56, "MSTORE PUSH1 ADD", 2),
    (51, "PUSH1 PUSH1 SHL", 1),
    (50, "LT PUSH2 JUMPI", 1),
    (45, "LT ISZERO PUSH2 JUMPI", 1),
    (44, "PUSH1 PUSH1 PUSH1 SHL SUB", 1),
    (40, "SWAP3 SWAP2 POP", 1),
    (32, "GT ISZERO PUSH2 JUMPI", 1),
    (30, "DUP1 ISZERO PUSH2 JUMPI", 1),
    (29, "PUSH1 ADD SWAP1", 2),
    (24, "PUSH1 DUP3 ADD", 1),
    (24, "PUSH1 PUSH1 MSTORE", 1),
    (19, "PUSH1 PUSH1 PUSH1 SHL SUB AND", 1),
];

/// The code of a sequence, and a JUMPDEST to which it jumps if it does.
fn assemble(sequence: &str) -> Vec<u8> {
    let mut code = Vec::new();
    for name in sequence.split(' ') {
        let mut rows = OPCODES.iter().enumerate().filter_map(|(byte, row)| Some((byte, (*row)?)));
        let found = rows.find(|(_, row)| row.name == name);
        let (opcode, row) = found.unwrap_or_else(|| panic!("{name} is no opcode"));
        if let Some(push) = code.len().checked_sub(2).filter(|_| name.starts_with("JUMPI")) {
            // Over itself.
            let target = code.len() as u16 + 1;
            code[push..].copy_from_slice(&target.to_be_bytes());
        }
        code.push(opcode as u8);
        // No two bytes are alike, so no two constants are.
        let next = code.len() as u8;
        code.extend(next..next + row.immediate_size);
    }
    code.extend([byte::JUMPDEST, byte::STOP]);
    code
}

/// Instructions of the first block, but for running on into the next.
fn instructions(program: &Program) -> usize {
    let (mut place, mut count) = (1, 0);
    loop {
        let operation = program.words[place].operation;
        let form = form(operation).expect("programs are sound");
        count += usize::from(operation != operation::RUN_ON);
        place += 1 + form.payload_words();
        if form.ends_block() {
            return count;
        }
    }
}

#[test]
fn frequent_sequences_become_few_instructions() {
    let mut translator = Translator::default();
    let mut wrong = Vec::new();
    for (_, sequence, expected) in SEQUENCES {
        let code = Code::new(&assemble(sequence), B256::ZERO);
        let count = instructions(&translator.translate(&code, Schedule::of(Hardfork::Osaka)));
        if count != *expected {
            wrong.push(format!("{sequence}: {count}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
