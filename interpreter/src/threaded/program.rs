//! Decoded code: what the threaded engine runs.

use std::ops::RangeInclusive;

use braid_primitives::Hardfork;
use ruint::aliases::U256;

use super::{
    decode,
    instruction::{Form, Instruction, ends_block, form, operation},
};
use crate::{
    Code, Schedule,
    stack::{SCRATCH_WORDS, STACK_LIMIT, WORD_BYTES},
    word,
};

/// A basic block: instructions that run one after the other or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Block {
    /// Its first instruction.
    pub(super) start: u32,
    /// Gas that all its instructions take whatever their operands are.
    pub(super) gas: u32,
    /// Where it begins in the code.
    pub(super) pc: u32,
    /// Least height of the stack with which none of its instructions finds too few words, in bytes.
    pub(super) low_bytes: u16,
    /// How much more than that the stack may hold so that it never overflows, in bytes.
    pub(super) span_bytes: u16,
}

impl Block {
    /// The heights with which it may be entered, in words; `None` if there are none.
    fn heights(&self) -> Option<RangeInclusive<i32>> {
        let least = i32::from(self.low_bytes) / WORD_BYTES as i32;
        let most = least + i32::from(self.span_bytes) / WORD_BYTES as i32;
        (self.low_bytes != u16::MAX).then_some(least..=most)
    }

    /// Sets the heights, in words, between which the stack must be; if there are none, no height passes.
    pub(super) fn set_heights(&mut self, least: i32, most: i32) {
        let in_range = 0 <= least && least <= most && most <= STACK_LIMIT as i32;
        (self.low_bytes, self.span_bytes) = if in_range {
            ((least * WORD_BYTES as i32) as u16, ((most - least) * WORD_BYTES as i32) as u16)
        } else {
            (u16::MAX, 0)
        };
    }
}

/// The slots that the instructions of a block may use: distances in words from where the stack pointer stands when the block
/// begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) lowest: i16,
    /// One beyond the highest.
    pub(super) end: i16,
}

/// No jump may land there.
pub(super) const NO_BLOCK: u16 = u16::MAX;

/// Code translated for the threaded engine, for one set of prices. Immutable, shared by all workers.
#[derive(Debug)]
pub struct Program {
    pub(super) instructions: Box<[Instruction]>,
    pub(super) blocks: Box<[Block]>,
    pub(super) constants: Box<[U256]>,
    /// The block at each offset of the code where a jump may land, else [`NO_BLOCK`].
    pub(super) targets: Box<[u16]>,
}

impl Program {
    /// Translates code for execution under the rules of `schedule`. `None` if the code is too long for the engine's numbering
    /// (over 65,534 bytes, blocks or constants): the plain engine has to run it then.
    pub fn decode(code: &Code, schedule: &Schedule) -> Option<Self> {
        decode::decode(code, schedule)
    }

    /// Size in memory, in bytes.
    pub fn size_bytes(&self) -> usize {
        size_of_val(&*self.instructions)
            + size_of_val(&*self.blocks)
            + size_of_val(&*self.constants)
            + size_of_val(&*self.targets)
    }

    /// Tells programs apart that exist at the same time.
    pub(super) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The block that a jump to `target` enters.
    #[inline(always)]
    pub(super) fn landing(&self, target: &U256) -> Option<u16> {
        let offset = usize::try_from(word::to_u64(target)?).ok()?;
        self.targets.get(offset).copied().filter(|id| *id != NO_BLOCK)
    }

    /// Whether every instruction keeps inside the program and inside the slots of its block. The engine relies on it for
    /// memory safety, so it is checked for every program, whatever the decoder did:
    ///
    /// - the heights that a [`Block`] asks for keep its reach inside the stack and the scratch words above it;
    /// - slots lie in the reach, constants and blocks exist;
    /// - the stack pointer moves at the end of a block only, to a height that a stack can have;
    /// - no block runs off the program, and one that runs into the next leaves the heights that the next one asks for.
    pub(super) fn is_sound(&self, reaches: &[Reach]) -> bool {
        let blocks = &*self.blocks;
        if blocks.len() != reaches.len() || blocks.is_empty() || blocks.len() >= usize::from(NO_BLOCK) {
            return false;
        }
        let is_target = |&id: &u16| id == NO_BLOCK || usize::from(id) < blocks.len();
        self.targets.iter().all(is_target)
            && (0..blocks.len()).all(|id| self.is_block_sound(id, reaches[id]))
    }

    fn is_block_sound(&self, id: usize, reach: Reach) -> bool {
        let (block, next) = (&self.blocks[id], self.blocks.get(id + 1));
        let end = next.map_or(self.instructions.len(), |next| next.start as usize);
        let Some(body) = self.instructions.get(block.start as usize..end) else { return false };
        if !body.iter().all(|i| self.is_instruction_sound(i, reach)) {
            return false;
        }
        let Some(heights) = block.heights() else { return true };
        let (last, inner) = match body.split_last() {
            Some((last, inner)) => (Some(last), inner),
            None => (None, body),
        };
        let moved_words = match last {
            Some(last) if ends_block(last.operation) || last.operation == operation::SHIFT => {
                i32::from(last.target) / WORD_BYTES as i32
            }
            _ => 0,
        };
        let (least, most) = (heights.start() + moved_words, heights.end() + moved_words);
        let is_left_behind = last.is_some_and(|last| ends_block(last.operation))
            || next.and_then(Block::heights).is_some_and(|next| {
                *next.start() <= least && most <= *next.end()
            });
        heights.start() + i32::from(reach.lowest) >= 0
            && heights.end() + i32::from(reach.end) <= (STACK_LIMIT + SCRATCH_WORDS) as i32
            && 0 <= least
            && most <= STACK_LIMIT as i32
            && is_left_behind
            && inner.iter().all(|i| i.operation != operation::SHIFT)
    }

    fn is_instruction_sound(&self, i: &Instruction, reach: Reach) -> bool {
        let Some(form) = form(i.operation) else { return false };
        let is_slot = |bytes: i16| {
            i32::from(bytes) % WORD_BYTES as i32 == 0
                && (reach.lowest..reach.end).contains(&(bytes / WORD_BYTES as i16))
        };
        let quarter = |n: u32| (i.immediate >> (16 * n)) as u16;
        let is_constant = |index: u64| index < self.constants.len() as u64;
        let is_block = |id: u16| usize::from(id) < self.blocks.len();
        is_slot(i.target)
            && is_slot(i.a)
            && is_slot(i.b)
            && match form {
                Form::Slots => true,
                Form::OneMoreSlot => is_slot(quarter(0) as i16),
                Form::TwoMoreSlots => is_slot(quarter(0) as i16) && is_slot(quarter(1) as i16),
                Form::Constant => is_constant(i.immediate),
                Form::HighConstant => is_constant(i.immediate >> 32),
                Form::Goto => is_block(quarter(0)),
                Form::Branch => is_block(quarter(0)) && is_block(quarter(1)),
                Form::Op => is_block(quarter(2)),
            }
    }
}

/// Forks whose prices and instructions are the same share programs. The number of the set that `fork` belongs to.
pub(crate) const fn rule_set(fork: Hardfork) -> usize {
    RULE_SETS[fork as usize] as usize
}

/// Number of different sets.
pub(crate) const RULE_SET_COUNT: usize = rule_set(Hardfork::ALL[Hardfork::COUNT - 1]) + 1;

const RULE_SETS: [u8; Hardfork::COUNT] = {
    let mut sets = [0; Hardfork::COUNT];
    let mut fork = 1;
    while fork < Hardfork::COUNT {
        let is_same = crate::opcode::is_priced_alike(Hardfork::ALL[fork - 1], Hardfork::ALL[fork]);
        sets[fork] = sets[fork - 1] + if is_same { 0 } else { 1 };
        fork += 1;
    }
    sets
};
