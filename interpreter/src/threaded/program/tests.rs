//! A second opinion on what the loop reads: every field that it takes for a slot, every word behind an instruction, every
//! place that it goes to. A program that is wrong in one of them is refused.

use super::*;
use crate::opcode::for_each_opcode;

/// The last number that is tried: Miri takes its time, and no operation is beyond.
const LAST: u16 = if cfg!(miri) { 0x900 } else { u16::MAX };

/// One operation of so many is tried.
const STRIDE: usize = if cfg!(miri) { 7 } else { 1 };

const REACH: Reach = Reach { lowest: -2, end: 64 };

/// Reach of the block that halts.
const NARROW: Reach = Reach { lowest: 0, end: 1 };

/// A field: the word that it is in, counted from the instruction, and which of its four.
type Field = (usize, u32);

const T: Field = (0, 1);
const A: Field = (0, 2);
const B: Field = (0, 3);

/// What the loop reads of an instruction: its slots, and how many words behind it.
#[derive(Debug, PartialEq, Eq)]
struct Reads {
    slots: Vec<Field>,
    payload_words: usize,
}

fn reads(slots: &[Field], payload_words: usize) -> Option<Reads> {
    Some(Reads { slots: slots.to_vec(), payload_words })
}

macro_rules! define_rows {
    ({} $($byte:literal $name:ident $inputs:literal $outputs:literal $immediate:literal
        [$($gas:tt)*] $shape:ident $(($($handler:tt)*))?;)*) => {
        /// Shape and number of operands of each opcode.
        fn row(byte: u8) -> Option<(&'static str, usize)> {
            match byte {
                $($byte => Some((stringify!($shape), $inputs)),)*
                _ => None,
            }
        }
    };
}
for_each_opcode!(define_rows! {});

/// What the loop in `threaded.rs` reads, written down by hand.
fn loop_reads(operation: u16) -> Option<Reads> {
    if operation >> 8 == 7 {
        return own_reads(operation);
    }
    let (shape, inputs) = row(operation as u8)?;
    let in_payload = (1, 1);
    match (operation >> 8, shape) {
        (0, "word1" | "calldataload" | "mload") => reads(&[T, A], 0),
        (0, "word2") => reads(&[T, A, B], 0),
        (0, "word3") => reads(&[T, A, B, in_payload], 1),
        (0, "push_word" | "gas") => reads(&[T], 0),
        (0, "mstore" | "jumpi") => reads(&[A, B], 0),
        (0, "eval") => reads(&[&[T], &[A, B, in_payload][..inputs]].concat(), 1),
        (0, "exec") => reads(&[A, B, in_payload][..inputs], 1),
        (0, "jump") => reads(&[A], 0),
        (0, "stop" | "op" | "end") => reads(&[], 0),
        (1, "word2") => reads(&[T, A], 0),
        (1, "calldataload" | "mload") => reads(&[T], 0),
        (1, "mstore") => reads(&[A], 0),
        (2, "word2") => reads(&[T, B], 0),
        (2, "mstore") => reads(&[B], 0),
        (3, "word2") => reads(&[T, A], 4),
        (3, "word3") => reads(&[T, A, B], 4),
        (3, "mstore") => reads(&[A], 4),
        (4, "word2") => reads(&[T, B], 4),
        (5, "mstore") => reads(&[], 0),
        (5, "eval") => reads(&[T], 0),
        (6, "mstore") => reads(&[], 4),
        _ => None,
    }
}

fn own_reads(operation: u16) -> Option<Reads> {
    use operation::*;
    match operation {
        MOVE | EXCHANGE | MLOAD_AT => reads(&[T, A], 0),
        MOVE_2 => reads(&[T, A, (1, 1), (1, 2)], 1),
        MOVE_3 => reads(&[T, A, (1, 0), (1, 1), (1, 2), (1, 3)], 1),
        SET_SMALL => reads(&[T], 0),
        SET => reads(&[T], 1),
        SET_SMALL_2 => reads(&[T, A], 1),
        SET_CONSTANT => reads(&[T], 4),
        MSTORE_AT => reads(&[A, B], 0),
        RUN_ON | LEAVE | INVALID_JUMP | GOTO => reads(&[], 0),
        BRANCH_EQ | BRANCH_NOT_EQ | BRANCH_LT | BRANCH_NOT_LT | BRANCH_SLT | BRANCH_NOT_SLT => {
            reads(&[A, B], 1)
        }
        BRANCH_ZERO..=BRANCH_NOT_SGT_SMALL | SET_GOTO | CALL_GOTO => reads(&[A], 1),
        _ => None,
    }
}

fn header(least: i32, most: i32) -> Word {
    Word::from_bits(Header::new(0, least, most).bits())
}

fn with_field(word: Word, field: u32, value: i16) -> Word {
    let bits = word.bits() & !(0xffff << (16 * field));
    Word::from_bits(bits | u64::from(value as u16) << (16 * field))
}

/// Programs of blocks that begin at these places.
struct Sample {
    words: Vec<Word>,
    places: Vec<u32>,
    reaches: Vec<Reach>,
}

impl Sample {
    /// A block with one instruction, a STOP if that does not end it, and the block that halts.
    fn of(operation: u16) -> Self {
        let form = form(operation).expect("an operation");
        let mut words = vec![header(2, 4), Word { operation, target: 0, a: -32, b: -64 }];
        words.resize(2 + form.payload_words(), Word::default());
        if !form.ends_block() {
            words.push(Word::default());
        }
        let halt = words.len() as u32;
        match form {
            Form::Goto | Form::RunOn => words[1].set_wide(halt),
            Form::Branch => words[2] = Word::from_bits(halt.into()),
            _ => {}
        }
        words.extend([header(0, STACK_LIMIT as i32), halt_word()]);
        Self { words, places: vec![0, halt], reaches: vec![REACH, NARROW] }
    }

    fn is_sound(&self) -> bool {
        let starts = self.places.iter().map(|&place| Start { place, pc: place }).collect();
        let jumps = JumpTable { landings: Box::default(), places: self.places.clone().into() };
        let words = self.words.clone().into_boxed_slice();
        Program { words, starts, jumps }.is_sound(&self.reaches)
    }

    fn is_sound_with(&self, place: usize, word: Word) -> bool {
        let mut words = self.words.clone();
        words[place] = word;
        let (places, reaches) = (self.places.clone(), self.reaches.clone());
        Self { words, places, reaches }.is_sound()
    }
}

fn halt_word() -> Word {
    Word { operation: operation::INVALID_JUMP, ..Word::default() }
}

/// All operations; for Miri one in seven.
fn operations() -> impl Iterator<Item = u16> {
    (0..=LAST).filter(|&operation| form(operation).is_some()).step_by(STRIDE)
}

#[test]
fn forms_are_what_the_loop_reads() {
    for operation in 0..=LAST {
        let payload_words = form(operation).map(Form::payload_words);
        let expected = loop_reads(operation).map(|reads| reads.payload_words);
        assert_eq!(payload_words, expected, "operation {operation:#x}");
    }
}

#[test]
fn a_slot_outside_the_reach_is_refused_wherever_the_loop_reads_one() {
    let mut refused = 0;
    for operation in operations() {
        let sample = Sample::of(operation);
        assert!(sample.is_sound(), "operation {operation:#x}");
        for (behind, field) in loop_reads(operation).expect("checked above").slots {
            let place = 1 + behind;
            for slot in [-96, 64 * 32, -31, 1, i16::MIN, i16::MAX] {
                let word = with_field(sample.words[place], field, slot);
                assert!(!sample.is_sound_with(place, word), "{operation:#x}: {word:?}");
                refused += 1;
            }
            for slot in [-64, 0, 63 * 32] {
                let word = with_field(sample.words[place], field, slot);
                assert!(sample.is_sound_with(place, word), "{operation:#x}: {word:?}");
            }
        }
    }
    assert!(refused > 1_000 / STRIDE, "only {refused}");
}

#[test]
fn heights_that_let_the_reach_leave_the_stack_are_refused() {
    let limit = STACK_LIMIT as i32;
    for operation in operations().filter(|&operation| operation != operation::RUN_ON) {
        let sample = Sample::of(operation);
        // The last two are heights that there are none of: nothing enters the block.
        for (least, most, is_sound) in
            [(2, limit, true), (1, 4, false), (0, limit, false), (-1, 4, true), (5, 4, true)]
        {
            assert_eq!(sample.is_sound_with(0, header(least, most)), is_sound, "{operation:#x}");
        }
        let wide = Sample { reaches: vec![Reach { lowest: -2, end: 65 }, NARROW], ..sample };
        assert!(!wide.is_sound_with(0, header(2, limit)));
        assert!(wide.is_sound_with(0, header(2, limit - 1)));
    }
}

#[test]
fn a_block_leaves_a_height_that_a_stack_can_have() {
    for operation in operations().filter(|&operation| form(operation).is_some_and(Form::ends_block))
    {
        let sample = Sample::of(operation);
        let moved = |target| Word { target, ..sample.words[1] };
        let narrow =
            Sample { reaches: vec![Reach { lowest: -2, end: 8 }, NARROW], ..Sample::of(operation) };
        assert!(narrow.is_sound_with(1, moved(32)) && narrow.is_sound_with(1, moved(-64)));
        let mut high = narrow;
        high.words[0] = header(2, STACK_LIMIT as i32);
        assert!(high.is_sound() && !high.is_sound_with(1, moved(32)), "{operation:#x}");
    }
    // Behind the header of the next block nothing is checked again.
    let mut sample = Sample::of(operation::RUN_ON);
    let halt = sample.places[1] as usize;
    for (least, most, is_sound) in [(2, 4, true), (3, 4, false), (2, 3, false), (5, 4, false)] {
        sample.words[halt] = header(least, most);
        assert_eq!(sample.is_sound(), is_sound, "{least}..={most}");
    }
}

#[test]
fn jumps_to_anything_but_a_header_are_refused() {
    for operation in operations() {
        let sample = Sample::of(operation);
        let at = match form(operation) {
            Some(Form::Goto | Form::RunOn) => 1,
            Some(Form::Branch) => 2,
            _ => continue,
        };
        let len = sample.words.len() as u32;
        for place in (0..len + 70).chain([u32::MAX]) {
            let mut word = sample.words[at];
            if at == 1 {
                word.set_wide(place);
            } else {
                word = Word::from_bits(place.into());
            }
            let is_header = sample.places.contains(&place);
            assert_eq!(sample.is_sound_with(at, word), is_header, "{operation:#x} to {place}");
        }
    }
    let mut sample = Sample::of(operation::GOTO);
    let jumps = JumpTable { landings: Box::default(), places: [1].into() };
    let starts = sample.places.iter().map(|&place| Start { place, pc: 0 }).collect();
    let words = std::mem::take(&mut sample.words).into_boxed_slice();
    assert!(!Program { words, starts, jumps }.is_sound(&sample.reaches));
}

#[test]
fn blocks_that_do_not_end_where_they_should_are_refused() {
    for operation in operations() {
        let sample = Sample::of(operation);
        let halt = sample.places[1] as usize;
        // A word less: its ending or its payload is missing. A word more: something stands behind the ending.
        for (removed, added) in [(1, 0), (0, 1)] {
            let mut words = sample.words.clone();
            words.splice(halt - removed..halt, vec![Word::default(); added]);
            let places = vec![0, (halt - removed + added) as u32];
            let other = Sample { words, places, reaches: sample.reaches.clone() };
            assert!(!other.is_sound(), "{operation:#x}: {removed} less, {added} more");
        }
    }
    let sample = Sample::of(operation::LEAVE);
    for end in [u16::from(crate::opcode::byte::SLOAD), operation::MOVE, 0x0c, 0x2345, u16::MAX] {
        let word = Word { operation: end, ..Word::default() };
        assert!(!sample.is_sound_with(sample.words.len() - 1, word), "{end:#x}");
    }
    let few = Sample { reaches: vec![REACH], ..Sample::of(operation::LEAVE) };
    assert!(!few.is_sound(), "a block without a reach");
}
