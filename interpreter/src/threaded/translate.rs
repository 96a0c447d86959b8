//! From bytecode to a [`Program`], block by block.
//!
//! 1. [`draft`](super::draft): the block is executed symbolically. What PUSH, DUP, SWAP and POP do is known afterwards, and
//!    only the instructions that compute something remain, with their operands.
//! 2. [`place`](super::place): each result is given a slot of the stack, if possible the one where it has to be at the end of
//!    the block; instructions are written down, then the moves that put the rest in its place.
//! 3. Here: blocks that run into the next one pay for both, and jumps learn where their targets are.

use super::{
    draft::{Draft, Ending},
    instruction::{Header, Word, operation},
    place::Placement,
    program::{JumpTable, Program, Reach, Start},
    role::facts,
};
use crate::{Code, Schedule, stack::STACK_LIMIT};

/// Stands for the target of a jump that lands nowhere, where offsets of targets are not resolved yet.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Most words of a stream whose buffers are kept for the next code: four megabytes. Code of today's size needs a twentieth.
const KEPT_WORDS: usize = 1 << 19;

/// The stream as far as it is written, and what is still to be filled in.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) words: Vec<Word>,
    /// GOTOs, whose number is the offset of the target in the code.
    pub(super) gotos: Vec<u32>,
    /// Payloads of branches, whose low half is.
    pub(super) branches: Vec<u32>,
    /// GAS instructions of the present block.
    pub(super) gas_instructions: Vec<u32>,
}

/// What pass 3 has to know of a block.
#[derive(Clone, Copy, Debug)]
struct Outline {
    gas: u32,
    /// Heights that the block asks for, in words.
    least: i32,
    most: i32,
    /// Set if it runs into the next block: how far the stack pointer has moved then.
    runs_on: Option<i32>,
    /// One beyond its last GAS instruction among all.
    gas_instructions_end: u32,
}

/// Translates code for the threaded engine. Keep it: its buffers are used again, so that translating touches no new memory but
/// what the [`Program`] takes.
#[derive(Debug, Default)]
pub struct Translator(Option<Box<Buffers>>);

/// Empty between two translations, but for what `draft` and `placement` keep for themselves.
#[derive(Debug, Default)]
struct Buffers {
    draft: Draft,
    placement: Placement,
    output: Output,
    /// GAS instructions of all blocks.
    gas_instructions: Vec<u32>,
    starts: Vec<Start>,
    reaches: Vec<Reach>,
    outlines: Vec<Outline>,
}

impl Translator {
    /// Translates code for execution under the rules of `schedule`.
    pub fn translate(&mut self, code: &Code, schedule: &Schedule) -> Program {
        let mut buffers = self.0.take().unwrap_or_default();
        buffers.read(code, schedule);
        let program = buffers.finish(code);
        if buffers.output.words.capacity() <= KEPT_WORDS {
            buffers.clear();
            self.0 = Some(buffers);
        }
        program
    }
}

impl Buffers {
    fn clear(&mut self) {
        let Self { output, gas_instructions, starts, reaches, outlines, .. } = self;
        output.words.clear();
        output.gotos.clear();
        output.branches.clear();
        gas_instructions.clear();
        starts.clear();
        reaches.clear();
        outlines.clear();
    }

    /// Passes 1 and 2, block by block.
    fn read(&mut self, code: &Code, schedule: &Schedule) {
        let facts = facts(schedule.fork);
        let Self { draft, placement, output, .. } = self;
        let mut next = Some(0);
        while let Some(pc) = next {
            self.starts.push(Start { place: output.words.len() as u32, pc: pc as u32 });
            output.words.push(Word::default());
            draft.read(code, facts, pc);
            self.reaches.push(placement.write(draft, output));
            self.gas_instructions.append(&mut output.gas_instructions);
            self.outlines.push(Outline {
                gas: draft.gas,
                least: draft.needed_words(),
                most: STACK_LIMIT as i32 - draft.growth_words(),
                runs_on: (draft.ending == Ending::RunOn).then_some(draft.height()),
                gas_instructions_end: self.gas_instructions.len() as u32,
            });
            next = if draft.is_followed() {
                Some(draft.pc())
            } else {
                code.next_jump_destination(draft.pc())
            };
        }
    }

    /// Pass 3.
    fn finish(&mut self, code: &Code) -> Program {
        let Self { output, gas_instructions, starts, reaches, outlines, .. } = self;
        merge(&mut output.words, starts, outlines, gas_instructions);
        let halt = Start { place: output.words.len() as u32, pc: code.size_bytes() as u32 };
        output.words.push(Word::from_bits(Header::new(0, 0, STACK_LIMIT as i32).bits()));
        output.words.push(Word { operation: operation::INVALID_JUMP, ..Word::default() });
        let jumps = JumpTable::new(code, starts);
        resolve(output, &jumps, halt.place);
        starts.push(halt);
        reaches.push(Reach { lowest: 0, end: 1 });
        Program::new(&output.words, starts, jumps, reaches)
    }
}

/// Lets each block that runs into the next pay for the next as well, and ask for the heights that it needs: nothing is checked
/// between the two. Writes the headers.
fn merge(words: &mut [Word], starts: &[Start], outlines: &mut [Outline], gas_instructions: &[u32]) {
    for id in (0..starts.len()).rev() {
        let mut outline = outlines[id];
        if let Some(moved_words) = outline.runs_on {
            let next = outlines[id + 1];
            outline.least = outline.least.max(next.least - moved_words);
            outline.most = outline.most.min(next.most - moved_words);
            match outline.gas.checked_add(next.gas) {
                Some(gas) => outline.gas = gas,
                // Never entered: the plain engine can count further.
                None => outline.most = -1,
            }
            let first = id.checked_sub(1).map_or(0, |before| outlines[before].gas_instructions_end);
            for &at in &gas_instructions[first as usize..outline.gas_instructions_end as usize] {
                let word = &mut words[at as usize];
                word.set_wide(word.wide().saturating_add(next.gas));
            }
            outlines[id] = outline;
            let place = starts[id + 1].place;
            // An empty block that runs on as well is passed over.
            let behind = words[place as usize + 1];
            let target = if behind.operation == operation::RUN_ON && behind.target == 0 {
                behind.wide()
            } else {
                place
            };
            words[place as usize - 1].set_wide(target);
        }
        let header = Header::new(outline.gas, outline.least, outline.most);
        words[starts[id].place as usize] = Word::from_bits(header.bits());
    }
}

/// Puts places of headers where the offsets of jump targets are.
fn resolve(output: &mut Output, jumps: &JumpTable, nowhere: u32) {
    let place = |pc: u32| jumps.landing(pc.into()).unwrap_or(nowhere);
    for &at in &output.gotos {
        let word = &mut output.words[at as usize];
        word.set_wide(place(word.wide()));
    }
    for &at in &output.branches {
        let bits = output.words[at as usize].bits();
        let resolved = bits & !0xffff_ffff | u64::from(place(bits as u32));
        output.words[at as usize] = Word::from_bits(resolved);
    }
}

#[cfg(test)]
mod sequences;
