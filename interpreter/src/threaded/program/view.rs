//! A translation as its code has it: for whoever wants to know what the translator made of code.

use std::ops::RangeInclusive;

use super::{Program, Start};
use crate::{
    opcode::byte,
    threaded::instruction::{Header, Word, form, operation},
};

/// A basic block of translated code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslatedBlock {
    /// Where it begins in the code. The last one, at the end of the code, is where impossible jumps go.
    pub offset: usize,
    /// Gas that is taken when it is entered: all that its instructions take whatever their operands are, and those of the
    /// blocks that it runs on into.
    pub gas: u64,
    /// Heights of the stack, in words, with which it may be entered; `None` if the plain engine runs it in any case.
    pub heights: Option<RangeInclusive<usize>>,
    /// How it ends.
    pub end: BlockEnd,
}

/// How a block of translated code ends. Places are offsets in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockEnd {
    /// It runs on into the block here; blocks in between that do nothing are passed over.
    RunsOn(usize),
    /// The plain engine goes on here.
    Leaves(usize),
    /// With the instruction here.
    Instruction {
        /// Its opcode.
        opcode: u8,
        /// Its place.
        offset: usize,
    },
    /// The frame stops: STOP, or the end of the code.
    Stops,
    /// JUMP to the block here, or to nowhere.
    Goes(Option<usize>),
    /// JUMPI to the block here, or to nowhere, or on to the next block.
    Branches(Option<usize>),
    /// JUMP to what is on the stack.
    Jumps,
    /// JUMPI to what is on the stack.
    JumpsIf,
    /// The jump was impossible.
    Halts,
}

impl Program {
    /// The blocks, in the order of the code.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = TranslatedBlock> {
        self.starts.iter().map(|start| self.block(*start))
    }

    /// Where the block begins that a jump to `offset` enters; `None` where no jump may land.
    pub fn jump_lands_at(&self, offset: u64) -> Option<usize> {
        self.jumps.landing(offset).map(|place| self.pc(place as usize))
    }

    fn block(&self, start: Start) -> TranslatedBlock {
        let place = start.place as usize;
        let header = Header::from_bits(self.words[place].bits());
        let heights = header.heights().map(|heights| {
            let (least, most) = heights.into_inner();
            least as usize..=most as usize
        });
        let offset = start.pc as usize;
        TranslatedBlock { offset, gas: header.gas.into(), heights, end: self.end(place + 1) }
    }

    /// How the block ends whose first instruction is at `place`.
    fn end(&self, mut place: usize) -> BlockEnd {
        let (word, payload) = loop {
            let word = self.words[place];
            let Some(form) = form(word.operation) else { unreachable!("programs are sound") };
            place += 1 + form.payload_words();
            if form.ends_block() {
                break (word, self.words.get(place - 1).copied().unwrap_or_default());
            }
        };
        self.meaning(word, payload)
    }

    fn meaning(&self, word: Word, payload: Word) -> BlockEnd {
        let number = word.wide() as usize;
        let nowhere = self.starts.last().map(|start| start.place);
        let target = |place: u32| Some(self.pc(place as usize)).filter(|_| Some(place) != nowhere);
        match word.operation {
            operation::RUN_ON => BlockEnd::RunsOn(self.pc(number)),
            operation::LEAVE => BlockEnd::Leaves(number),
            operation::INVALID_JUMP => BlockEnd::Halts,
            operation::GOTO => BlockEnd::Goes(target(word.wide())),
            operation::SET_GOTO | operation::CALL_GOTO => {
                BlockEnd::Goes(target(payload.bits() as u32))
            }
            operation if operation >= operation::BRANCH_ZERO => {
                BlockEnd::Branches(target(payload.bits() as u32))
            }
            operation => match operation as u8 {
                byte::STOP => BlockEnd::Stops,
                byte::JUMP => BlockEnd::Jumps,
                byte::JUMPI => BlockEnd::JumpsIf,
                opcode => BlockEnd::Instruction { opcode, offset: number },
            },
        }
    }
}
