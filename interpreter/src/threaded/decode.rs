//! From bytecode to a [`Program`], block by block.
//!
//! 1. [`draft`](super::draft): the block is executed symbolically. What PUSH, DUP, SWAP and POP do is known afterwards, and
//!    only the instructions that compute something remain, with their operands.
//! 2. [`place`](super::place): each result is given a slot of the stack, if possible the one where it has to be at the end of
//!    the block; instructions are written down, then the moves that put the rest in its place.
//! 3. Here: offsets of jump targets become numbers of blocks, and blocks that run into the next one pay for both.

use ruint::aliases::U256;

use super::{
    draft::{Draft, Ending},
    instruction::Instruction,
    place::Placement,
    program::{Block, NO_BLOCK, Program, Reach},
};
use crate::{Code, Schedule, opcode::byte, stack::STACK_LIMIT};

/// Stands for the target of a jump that lands nowhere, where offsets of targets are not resolved yet.
pub(super) const NOWHERE: u16 = u16::MAX;

/// What has been decoded so far.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) instructions: Vec<Instruction>,
    pub(super) constants: Vec<U256>,
    /// Where offsets of jump targets stand: the instruction, and the bit of its immediate.
    pub(super) jumps: Vec<(u32, u32)>,
}

/// What pass 3 has to know of a block.
#[derive(Clone, Copy, Debug)]
struct Outline {
    gas: u32,
    /// Heights that the block's own instructions ask for, in words.
    least: i32,
    most: i32,
    reach: Reach,
    /// Set if it runs into the next block: how far the stack pointer has moved then.
    runs_on: Option<i32>,
    /// Whether it has a GAS instruction.
    observes_gas: bool,
}

/// See [`Program::decode`].
pub(super) fn decode(code: &Code, schedule: &Schedule) -> Option<Program> {
    let size = code.size_bytes();
    if size >= usize::from(NOWHERE) {
        return None;
    }
    let mut targets = vec![NO_BLOCK; size].into_boxed_slice();
    let mut output = Output::default();
    let (mut blocks, mut outlines): (Vec<Block>, Vec<Outline>) = (Vec::new(), Vec::new());
    let (mut draft, mut placement) = (Draft::default(), Placement::default());
    let mut pc = Some(0);
    while let Some(start) = pc {
        if blocks.len() + 1 >= usize::from(NO_BLOCK) {
            return None;
        }
        if code.is_jump_destination(start) {
            targets[start] = blocks.len() as u16;
        }
        draft.read(code, schedule, start);
        let first = output.instructions.len();
        let reach = placement.write(&mut draft, blocks.len() as u16, &mut output);
        blocks.push(Block { start: first as u32, pc: start as u32, ..Block::default() });
        let runs_on = (draft.ending == Ending::RunOn).then_some(draft.height());
        outlines.push(Outline {
            gas: draft.gas,
            least: draft.needed_words(),
            most: STACK_LIMIT as i32 - draft.growth_words(),
            reach,
            runs_on,
            observes_gas: draft.observes_gas,
        });
        pc = if draft.is_followed() {
            Some(draft.pc())
        } else {
            code.next_jump_destination(draft.pc())
        };
    }
    let nowhere = blocks.len() as u16;
    resolve(&mut output, &targets, nowhere);
    merge(&mut output.instructions, &mut blocks, &mut outlines);
    let mut reaches: Vec<Reach> = outlines.iter().map(|outline| outline.reach).collect();
    let mut halt = Block { start: output.instructions.len() as u32, ..Block::default() };
    halt.set_heights(0, STACK_LIMIT as i32);
    blocks.push(halt);
    reaches.push(Reach { lowest: 0, end: 1 });
    output.instructions.push(super::instruction::INVALID_JUMP);
    if output.constants.len() >= 1 << 32 {
        return None;
    }
    let program = Program {
        instructions: output.instructions.into_boxed_slice(),
        blocks: blocks.into_boxed_slice(),
        constants: output.constants.into_boxed_slice(),
        targets,
    };
    assert!(program.is_sound(&reaches), "the decoder keeps inside the blocks it makes");
    Some(program)
}

/// Puts numbers of blocks where the offsets of jump targets are.
fn resolve(output: &mut Output, targets: &[u16], nowhere: u16) {
    for &(at, bit) in &output.jumps {
        let immediate = &mut output.instructions[at as usize].immediate;
        let pc = (*immediate >> bit) as u16;
        let block = targets.get(usize::from(pc)).copied().unwrap_or(nowhere);
        *immediate = *immediate & !(0xffff << bit) | u64::from(block) << bit;
    }
}

/// Lets each block that runs into the next pay for the next as well, and ask for the heights that it needs: nothing is checked
/// between the two.
fn merge(instructions: &mut [Instruction], blocks: &mut [Block], outlines: &mut [Outline]) {
    for id in (0..blocks.len()).rev() {
        let mut outline = outlines[id];
        if let Some(moved_words) = outline.runs_on {
            let next = outlines[id + 1];
            outline.least = outline.least.max(next.least - moved_words);
            outline.most = outline.most.min(next.most - moved_words);
            outline.gas = outline.gas.saturating_add(next.gas);
            if outline.observes_gas {
                let end = blocks[id + 1].start as usize;
                for i in &mut instructions[blocks[id].start as usize..end] {
                    if i.operation == u16::from(byte::GAS) {
                        i.immediate += u64::from(next.gas);
                    }
                }
            }
            outlines[id] = outline;
        }
        blocks[id].gas = outline.gas;
        blocks[id].set_heights(outline.least, outline.most);
    }
}
