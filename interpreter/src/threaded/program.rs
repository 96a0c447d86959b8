//! Translated code: what the threaded engine runs.

mod view;

use std::ops::RangeInclusive;

use braid_primitives::Hardfork;
use ruint::aliases::U256;

use super::instruction::{Form, Header, Word, form, operation};
use crate::{
    Code,
    opcode::is_priced_alike,
    stack::{SCRATCH_WORDS, STACK_LIMIT, WORD_BYTES},
    word,
};

pub use view::{BlockEnd, TranslatedBlock};

impl Header {
    /// A block that may be entered with heights of the stack from `least` to `most`, in words; with none if there are none.
    pub(super) fn new(gas: u32, least: i32, most: i32) -> Self {
        let in_range = 0 <= least && least <= most && most <= STACK_LIMIT as i32;
        let (low_bytes, span_bytes) = if in_range {
            ((least * WORD_BYTES as i32) as u16, ((most - least) * WORD_BYTES as i32) as u16)
        } else {
            (u16::MAX, 0)
        };
        Self { gas, low_bytes, span_bytes }
    }

    /// The heights with which the block may be entered, in words; `None` if there are none.
    fn heights(self) -> Option<RangeInclusive<i32>> {
        let least = i32::from(self.low_bytes) / WORD_BYTES as i32;
        let most = least + i32::from(self.span_bytes) / WORD_BYTES as i32;
        (self.low_bytes != u16::MAX).then_some(least..=most)
    }
}

/// Where a block begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// Place of its header in the stream.
    pub(super) place: u32,
    /// Its offset in the code.
    pub(super) pc: u32,
}

/// The slots that the instructions of a block may use: distances in words from where the stack pointer stands when the block
/// begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) lowest: i16,
    /// One beyond the highest.
    pub(super) end: i16,
}

/// The jump destinations among 64 bytes of code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Landings {
    /// One bit for each byte.
    bits: u64,
    /// Jump destinations before these bytes.
    before: u32,
}

/// Where jumps land.
#[derive(Debug)]
pub(super) struct JumpTable {
    landings: Box<[Landings]>,
    /// Place of the header of each block that begins with a JUMPDEST.
    places: Box<[u32]>,
}

impl JumpTable {
    /// The table of code whose blocks are these, ascending.
    pub(super) fn new(code: &Code, starts: &[Start]) -> Self {
        let mut before = 0;
        let landings = code.jump_destination_bits().iter().map(|&bits| {
            let landings = Landings { bits, before };
            before += bits.count_ones();
            landings
        });
        let landings = landings.collect();
        let begins_with_jumpdest = |start: &&Start| code.is_jump_destination(start.pc as usize);
        // Each jump destination begins a block.
        let mut places = Vec::with_capacity(before as usize);
        places.extend(starts.iter().filter(begins_with_jumpdest).map(|start| start.place));
        Self { landings, places: places.into_boxed_slice() }
    }

    /// The header of the block that a jump to `offset` in the code enters.
    #[inline(always)]
    pub(super) fn landing(&self, offset: u64) -> Option<u32> {
        let landings = self.landings.get(usize::try_from(offset / 64).ok()?)?;
        let bit = 1 << (offset % 64);
        if landings.bits & bit == 0 {
            return None;
        }
        let index = landings.before + (landings.bits & (bit - 1)).count_ones();
        self.places.get(index as usize).copied()
    }

    fn size_bytes(&self) -> usize {
        size_of_val(&*self.landings) + size_of_val(&*self.places)
    }
}

/// Code translated for the threaded engine, for one set of prices. Immutable, shared by all workers.
#[derive(Debug)]
pub struct Program {
    /// The stream.
    pub(super) words: Box<[Word]>,
    /// All blocks, ascending.
    starts: Box<[Start]>,
    jumps: JumpTable,
}

impl Program {
    /// A program with these blocks. The last one is where impossible jumps go.
    ///
    /// # Panics
    /// If it is not sound.
    pub(super) fn new(
        words: &[Word],
        starts: &[Start],
        jumps: JumpTable,
        reaches: &[Reach],
    ) -> Self {
        let program = Self { words: words.into(), starts: starts.into(), jumps };
        assert!(program.is_sound(reaches), "the translator keeps inside the blocks it makes");
        program
    }

    /// Size in memory, in bytes.
    pub fn size_bytes(&self) -> usize {
        size_of_val(&*self.words) + size_of_val(&*self.starts) + self.jumps.size_bytes()
    }

    /// Tells programs apart that exist at the same time.
    pub(super) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The header of the block that a jump to `target` enters.
    #[inline(always)]
    pub(super) fn landing(&self, target: &U256) -> Option<u32> {
        self.jumps.landing(word::to_u64(target)?)
    }

    /// The offset in the code of the block whose header is at `place`.
    pub(super) fn pc(&self, place: usize) -> usize {
        let found = self.starts.binary_search_by_key(&place, |start| start.place as usize);
        let Ok(index) = found else { unreachable!("blocks are entered at their headers") };
        self.starts[index].pc as usize
    }

    /// Whether every instruction keeps inside the program and inside the slots of its block. The engine relies on it for
    /// memory safety, so it is checked for every program, whatever the translator did:
    ///
    /// - the stream is a row of blocks, each with the one instruction that ends it, and behind each but the last is another:
    ///   the last one halts;
    /// - the heights that a [`Header`] asks for keep the block's reach inside the stack and the scratch words above it;
    /// - slots lie in the reach, jumps go to headers;
    /// - at the end of a block the stack pointer moves to a height that a stack can have; a block that runs on leaves the
    ///   heights that the next one asks for.
    fn is_sound(&self, reaches: &[Reach]) -> bool {
        let starts = &*self.starts;
        let mut checker =
            Checker { words: &self.words, headers: vec![0; self.words.len() / 64 + 1] };
        for start in starts {
            checker.headers[start.place as usize / 64] |= 1 << (start.place % 64);
        }
        let ends = starts.iter().skip(1).map(|next| next.place).chain([self.words.len() as u32]);
        starts.len() == reaches.len()
            && starts.first().is_some_and(|first| first.place == 0)
            && starts.iter().zip(ends).zip(reaches).all(|((start, end), reach)| {
                let is_last = end as usize == self.words.len();
                let ending = checker.ending_if_sound(start.place, end, *reach);
                ending.is_some_and(|ending| !is_last || ending == operation::INVALID_JUMP)
            })
            && self.jumps.places.iter().all(|&place| checker.is_header(place))
    }
}

/// Checks whether programs are sound.
struct Checker<'p> {
    words: &'p [Word],
    /// One bit for each word: set where a block begins.
    headers: Vec<u64>,
}

impl Checker<'_> {
    fn is_header(&self, place: u32) -> bool {
        self.headers.get(place as usize / 64).is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }

    /// The operation that ends the block, if the block is sound.
    fn ending_if_sound(&self, place: u32, end: u32, reach: Reach) -> Option<u16> {
        let (header, mut rest) = self.words.get(place as usize..end as usize)?.split_first()?;
        let heights = Header::from_bits(header.bits()).heights();
        loop {
            let (word, behind) = rest.split_first()?;
            let form = form(word.operation)?;
            let (payload, behind) = behind.split_at_checked(form.payload_words())?;
            self.is_instruction_sound(word, form, payload, reach).then_some(())?;
            rest = behind;
            if form.ends_block() {
                let is_last = rest.is_empty();
                // One that is never entered needs no heights.
                let fits = heights.is_none_or(|heights| self.fits(&heights, word, form, reach));
                return (is_last && fits).then_some(word.operation);
            }
        }
    }

    /// Whether a block that is entered with these heights keeps inside the stack, and leaves it with heights that go.
    fn fits(&self, heights: &RangeInclusive<i32>, end: &Word, form: Form, reach: Reach) -> bool {
        let moved = i32::from(end.target) / WORD_BYTES as i32;
        let (least, most) = (heights.start() + moved, heights.end() + moved);
        let next_heights = || Header::from_bits(self.words[end.wide() as usize].bits()).heights();
        heights.start() + i32::from(reach.lowest) >= 0
            && heights.end() + i32::from(reach.end) <= (STACK_LIMIT + SCRATCH_WORDS) as i32
            && 0 <= least
            && most <= STACK_LIMIT as i32
            && (form != Form::RunOn
                || next_heights().is_some_and(|next| *next.start() <= least && most <= *next.end()))
    }

    fn is_instruction_sound(
        &self,
        word: &Word,
        form: Form,
        payload: &[Word],
        reach: Reach,
    ) -> bool {
        let is_slot = |bytes: i16| {
            i32::from(bytes) % WORD_BYTES as i32 == 0
                && (reach.lowest..reach.end).contains(&(bytes / WORD_BYTES as i16))
        };
        (is_slot(word.target) || form == Form::NumberAndSlots)
            && match form {
                Form::Slots | Form::End | Form::Constant | Form::NumberAndSlots => {
                    is_slot(word.a) && is_slot(word.b)
                }
                Form::TwoSlots | Form::TwoSlotsAndWord => is_slot(word.a),
                Form::TargetAndB => is_slot(word.b),
                Form::Target | Form::TargetAndWord | Form::TargetAndConstant | Form::EndWide => {
                    true
                }
                Form::FourSlots => is_slot(word.a) && is_slot(word.b) && is_slot(payload[0].target),
                Form::FiveSlots => {
                    is_slot(word.a) && is_slot(payload[0].target) && is_slot(payload[0].a)
                }
                Form::SevenSlots => {
                    is_slot(word.a) && payload[0].as_slots().into_iter().all(is_slot)
                }
                Form::Goto | Form::RunOn => self.is_header(word.wide()),
                Form::Branch => {
                    is_slot(word.a) && is_slot(word.b) && self.is_header(payload[0].bits() as u32)
                }
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
        let is_same = is_priced_alike(Hardfork::ALL[fork - 1], Hardfork::ALL[fork]);
        sets[fork] = sets[fork - 1] + if is_same { 0 } else { 1 };
        fork += 1;
    }
    sets
};

#[cfg(test)]
mod tests;
