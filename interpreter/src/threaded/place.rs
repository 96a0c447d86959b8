//! Slots for the words of a block, and its instructions written down.
//!
//! A result goes to the slot where it has to be at the end, if nobody reads the word there any more; else to a free one. What
//! is not in its place at the end is moved there.

use ruint::aliases::U256;

use super::{
    draft::{Draft, Ending, Node, Test, Value},
    instruction::{Word, operation},
    operands::{Payload, fold_operands, last_constant},
    program::Reach,
    role::{Role, role},
    translate::Output,
};
use crate::{
    opcode::{OPCODES, byte},
    stack::{SCRATCH_WORDS, STACK_LIMIT, WORD_BYTES},
    word,
};

/// Times count nodes from 1; this one is the end of the block.
const END: u32 = u32::MAX;

/// How many slots are looked at for a free one.
const SEARCH_LIMIT: i32 = 64;

/// No free slot was found.
struct Crowded;

/// Where a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Slot(i16),
    /// A constant of the block.
    Constant(u32),
}

/// The constants of the block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constants<'d>(&'d [U256]);

impl Constants<'_> {
    pub(super) fn get(&self, constant: u32) -> &U256 {
        &self.0[constant as usize]
    }

    /// The constant, if it is one and below `2^bits`; at most 63 bits.
    pub(super) fn below(&self, location: Location, bits: u32) -> Option<u64> {
        match location {
            Location::Constant(constant) => {
                word::to_u64(self.get(constant)).filter(|small| *small < 1 << bits)
            }
            Location::Slot(_) => None,
        }
    }
}

/// The state of the second pass. Reused from block to block.
#[derive(Debug)]
pub(super) struct Placement {
    /// Of each node: when its result is read last, 0 for never.
    last_use: Vec<u32>,
    /// Of each node: the slot of its result.
    slots: Vec<i16>,
    /// Of each node: where its result has to be at the end.
    homes: Vec<Option<i16>>,
    /// Of each slot: until when its word is needed.
    busy_until: Box<[u32]>,
    /// Of each slot, at the end: how many moves read it.
    readers: Box<[u16]>,
    /// Of each slot, at the end: the slot whose word it has to get.
    sources: Box<[Option<i16>]>,
    reach: Reach,
    /// One beyond the highest slot that was reserved.
    used_end: i16,
    /// Moves at the end, target first; and words that are set there.
    moves: Vec<(i16, i16)>,
    constants: Vec<(i16, u32)>,
    /// A slot that still has to be set to a number then.
    left_over: Option<(i16, u64)>,
    /// Where the search for a free slot begins.
    first_free: i32,
    height: i32,
}

impl Default for Placement {
    fn default() -> Self {
        const POSITIONS: usize = 2 * STACK_LIMIT;
        Self {
            last_use: Vec::new(),
            slots: Vec::new(),
            homes: Vec::new(),
            busy_until: vec![0; POSITIONS].into_boxed_slice(),
            readers: vec![0; POSITIONS].into_boxed_slice(),
            sources: vec![None; POSITIONS].into_boxed_slice(),
            reach: Reach::default(),
            used_end: 0,
            moves: Vec::new(),
            constants: Vec::new(),
            left_over: None,
            first_free: 0,
            height: 0,
        }
    }
}

fn index(position: impl Into<i32>) -> usize {
    (position.into() + STACK_LIMIT as i32) as usize
}

/// A position as it is written in instructions.
pub(super) fn bytes(position: i16) -> i16 {
    position * WORD_BYTES as i16
}

impl Placement {
    /// Writes a block down; returns the slots it uses. A block that needs more scratch words than there are is left to the
    /// plain engine.
    pub(super) fn write(&mut self, draft: &mut Draft, output: &mut Output) -> Reach {
        let lengths = (output.words.len(), output.gotos.len(), output.branches.len());
        if self.try_write(draft, output).is_err() {
            output.words.truncate(lengths.0);
            output.gotos.truncate(lengths.1);
            output.branches.truncate(lengths.2);
            output.gas_instructions.clear();
            self.readers.fill(0);
            self.sources.fill(None);
            draft.abandon();
            let written = self.try_write(draft, output);
            assert!(written.is_ok(), "an instruction without operands needs no slot");
        }
        self.reach
    }

    fn try_write(&mut self, draft: &Draft, output: &mut Output) -> Result<(), Crowded> {
        self.restart(draft);
        let kept = kept_from(draft);
        self.live_at_the_end(draft, kept);
        self.live_before(draft);
        for (at, node) in draft.nodes.iter().enumerate() {
            if self.last_use[at] > 0 || !node.is_droppable {
                self.node(draft, at, node, output)?;
            }
        }
        let operands = self.settle(draft, kept, output)?;
        self.ending(draft, operands, output)
    }

    fn restart(&mut self, draft: &Draft) {
        self.busy_until[index(self.reach.lowest)..index(self.used_end)].fill(0);
        self.used_end = 0;
        let end = (draft.growth_words() + SCRATCH_WORDS as i32).min(STACK_LIMIT as i32);
        self.reach = Reach { lowest: -draft.needed_words() as i16, end: end as i16 };
        self.height = draft.height();
        self.first_free = self.height;
        let nodes = draft.nodes.len();
        self.last_use.clear();
        self.last_use.resize(nodes, 0);
        self.slots.clear();
        self.slots.resize(nodes, 0);
        self.homes.clear();
        self.homes.resize(nodes, None);
    }

    /// What the end of the block needs lives until then.
    fn live_at_the_end(&mut self, draft: &Draft, kept: i32) {
        for position in kept..self.height {
            let value = draft.value(position);
            self.live_until(value, END);
            if let Value::Node(node) = value {
                self.homes[node as usize].get_or_insert(position as i16);
            }
        }
        for value in ending_operands(&draft.ending) {
            self.live_until(value, END);
        }
    }

    /// What a node that is needed reads lives until then.
    fn live_before(&mut self, draft: &Draft) {
        for (at, node) in draft.nodes.iter().enumerate().rev() {
            if self.last_use[at] > 0 || !node.is_droppable {
                for &operand in node.operands() {
                    self.live_until(operand, time(at));
                }
            }
        }
    }

    /// Reserves a slot until `until`.
    fn reserve(&mut self, position: i16, until: u32) {
        self.busy_until[index(position)] = until;
        self.used_end = self.used_end.max(position + 1);
    }

    fn live_until(&mut self, value: Value, time: u32) {
        let until = match value {
            Value::Found(position) => &mut self.busy_until[index(position)],
            Value::Node(node) => &mut self.last_use[node as usize],
            Value::Constant(_) => return,
        };
        *until = time.max(*until);
    }

    fn location(&self, value: Value) -> Location {
        match value {
            Value::Found(position) => Location::Slot(position),
            Value::Constant(constant) => Location::Constant(constant),
            Value::Node(node) => Location::Slot(self.slots[node as usize]),
        }
    }

    /// A slot whose word nobody needs at `time` or later, reserved until `until`.
    fn free_slot(&mut self, time: u32, until: u32) -> Result<i16, Crowded> {
        let start = self.first_free.max(i32::from(self.reach.lowest));
        for position in start..i32::from(self.reach.end).min(start + SEARCH_LIMIT) {
            if self.busy_until[index(position)] < time {
                self.reserve(position as i16, until);
                return Ok(position as i16);
            }
        }
        Err(Crowded)
    }

    /// The slot of a node's result: its place at the end, where it was pushed, or any free one.
    fn result_slot(&mut self, at: usize, node: &Node) -> Result<i16, Crowded> {
        let (time, until) = (time(at), self.last_use[at].max(time(at)));
        let natural = Some(node.position).filter(|&position| i32::from(position) >= self.height);
        for position in [self.homes[at], natural].into_iter().flatten() {
            if self.busy_until[index(position)] <= time {
                self.reserve(position, until);
                return Ok(position);
            }
        }
        self.free_slot(time + 1, until)
    }

    /// Puts a word into a slot, if it is not in one.
    fn in_slot(
        &mut self,
        draft: &Draft,
        location: Location,
        time: u32,
        output: &mut Output,
    ) -> Result<i16, Crowded> {
        match location {
            Location::Slot(slot) => Ok(slot),
            Location::Constant(constant) => {
                let slot = self.free_slot(time, time)?;
                output.set(slot, Constants(&draft.constants).get(constant));
                Ok(slot)
            }
        }
    }

    fn node(
        &mut self,
        draft: &Draft,
        at: usize,
        node: &Node,
        output: &mut Output,
    ) -> Result<(), Crowded> {
        let constants = Constants(&draft.constants);
        let mut operands = node.operands.map(|operand| self.location(operand));
        let count = usize::from(node.operand_count);
        let mut word = Word { operation: node.opcode.into(), ..Word::default() };
        let payload = match fold_operands(&mut word, &mut operands[..count], node.offset, constants)
        {
            Some(payload) => payload,
            None => {
                // A constant in the last place may stay where it is.
                let payload = last_constant(&mut word, &mut operands[..count]);
                let mut slots = [0; 3];
                for (slot, operand) in slots.iter_mut().zip(operands).take(count) {
                    *slot = self.in_slot(draft, operand, time(at), output)?;
                }
                (word.a, word.b) = (bytes(slots[0]), bytes(slots[1]));
                payload.unwrap_or(Payload::Slot(slots[2]))
            }
        };
        if node.has_result {
            self.slots[at] = self.result_slot(at, node)?;
            word.target = bytes(self.slots[at]);
        }
        if node.opcode == byte::GAS {
            word.set_wide(draft.gas - node.gas);
            output.gas_instructions.push(output.words.len() as u32);
        }
        output.push(word, payload, constants);
        Ok(())
    }

    /// Moves what is not in its place, from position `kept` on. Returns where the ending finds its operands.
    fn settle(
        &mut self,
        draft: &Draft,
        kept: i32,
        output: &mut Output,
    ) -> Result<[Location; 2], Crowded> {
        // What the ending does not read is in no slot: nothing has to be saved for it.
        let mut operands = [Location::Constant(0); 2];
        for (operand, value) in operands.iter_mut().zip(ending_operands(&draft.ending)) {
            *operand = self.location(value);
        }
        self.moves.clear();
        self.constants.clear();
        for position in kept..self.height {
            match self.location(draft.value(position)) {
                Location::Slot(slot) if i32::from(slot) == position => continue,
                Location::Slot(slot) => {
                    self.sources[index(position)] = Some(slot);
                    self.readers[index(slot)] += 1;
                }
                Location::Constant(constant) => self.constants.push((position as i16, constant)),
            }
            // An operand of the ending must survive what is put in its place.
            for operand in &mut operands {
                if *operand == Location::Slot(position as i16) {
                    let slot = self.free_slot(END, END)?;
                    self.moves.push((slot, position as i16));
                    *operand = Location::Slot(slot);
                }
            }
        }
        self.order_moves(kept, output);
        let constants = Constants(&draft.constants);
        // The return address of an internal call goes last: see `CALL_GOTO`.
        let is_return_address = |&(_, constant): &(i16, u32)| {
            constants
                .below(Location::Constant(constant), 32)
                .is_some_and(|number| draft.returns_to(number))
        };
        self.left_over = match self.constants.iter().position(is_return_address) {
            Some(at) => {
                let (slot, constant) = self.constants.swap_remove(at);
                if let Some((slot, number)) = output.sets(&self.constants, constants) {
                    output.set(slot, &word::from_u64(number));
                }
                constants.below(Location::Constant(constant), 32).map(|number| (slot, number))
            }
            None => output.sets(&self.constants, constants),
        };
        Ok(operands)
    }

    /// Writes moves so that no word is overwritten before it was read; those that go in circles by exchanging.
    fn order_moves(&mut self, kept: i32, output: &mut Output) {
        for position in kept..self.height {
            let mut target = position as i16;
            while let Some(source) = self.sources[index(target)]
                && self.readers[index(target)] == 0
            {
                self.moves.push((target, source));
                self.sources[index(target)] = None;
                self.readers[index(source)] -= 1;
                target = source;
            }
        }
        output.moves(&self.moves);
        for position in kept..self.height {
            let first = position as i16;
            let mut target = first;
            while let Some(source) = self.sources[index(target)].take() {
                self.readers[index(source)] = 0;
                if source == first {
                    break;
                }
                output.push_slots(operation::EXCHANGE, target, source);
                target = source;
            }
        }
    }

    fn ending(
        &mut self,
        draft: &Draft,
        [first, second]: [Location; 2],
        output: &mut Output,
    ) -> Result<(), Crowded> {
        let mut word = Word { target: bytes(self.height as i16), ..Word::default() };
        let left_over = self.left_over.take();
        if let (Ending::Goto { target_pc }, Some((slot, number))) = (draft.ending, left_over) {
            let is_call = draft.returns_to(number);
            word.operation = if is_call { operation::CALL_GOTO } else { operation::SET_GOTO };
            word.a = bytes(slot);
            output.branch(word, target_pc, number);
            return Ok(());
        }
        if let Some((slot, number)) = left_over {
            output.set(slot, &word::from_u64(number));
        }
        match draft.ending {
            Ending::RunOn => word.operation = operation::RUN_ON,
            Ending::Stop => word.operation = u16::from(byte::STOP),
            Ending::Leave(pc) => {
                word.operation = operation::LEAVE;
                word.set_wide(pc as u32);
            }
            Ending::Goto { target_pc } => {
                word.operation = operation::GOTO;
                word.set_wide(target_pc);
                output.gotos.push(output.words.len() as u32);
            }
            Ending::Jump { .. } => {
                word.operation = u16::from(byte::JUMP);
                word.a = bytes(self.in_slot(draft, first, END, output)?);
            }
            Ending::Jumpi { .. } => {
                word.operation = u16::from(byte::JUMPI);
                word.a = bytes(self.in_slot(draft, first, END, output)?);
                word.b = bytes(self.in_slot(draft, second, END, output)?);
            }
            Ending::Branch { test, is_negated, target_pc, .. } => {
                let number = self.branch(draft, &mut word, test, [first, second], output)?;
                word.operation += u16::from(is_negated);
                output.branch(word, target_pc, number);
                return Ok(());
            }
            Ending::Op { opcode, pc } => {
                word.operation = opcode.into();
                word.set_wide(pc as u32);
            }
        }
        output.words.push(word);
        Ok(())
    }

    /// Fills in what a branch compares; returns the number that it compares with. The operation with the opposite meaning is
    /// the next one.
    fn branch(
        &mut self,
        draft: &Draft,
        word: &mut Word,
        test: Test,
        [a, b]: [Location; 2],
        output: &mut Output,
    ) -> Result<u64, Crowded> {
        let constants = Constants(&draft.constants);
        let (with_slots, with_small, mirrored) = match test {
            Test::Zero => {
                word.operation = operation::BRANCH_ZERO;
                word.a = bytes(self.in_slot(draft, a, END, output)?);
                return Ok(0);
            }
            Test::Equal => {
                (operation::BRANCH_EQ, operation::BRANCH_EQ_SMALL, operation::BRANCH_EQ_SMALL)
            }
            Test::Less => {
                (operation::BRANCH_LT, operation::BRANCH_LT_SMALL, operation::BRANCH_GT_SMALL)
            }
            Test::SignedLess => {
                (operation::BRANCH_SLT, operation::BRANCH_SLT_SMALL, operation::BRANCH_SGT_SMALL)
            }
        };
        let (operation, slot, number) = match (constants.below(a, 32), constants.below(b, 32)) {
            (_, Some(number)) => (with_small, a, number),
            (Some(number), None) => (mirrored, b, number),
            (None, None) => {
                word.operation = with_slots;
                word.a = bytes(self.in_slot(draft, a, END, output)?);
                word.b = bytes(self.in_slot(draft, b, END, output)?);
                return Ok(0);
            }
        };
        word.operation = operation;
        word.a = bytes(self.in_slot(draft, slot, END, output)?);
        Ok(number)
    }
}

fn time(node: usize) -> u32 {
    node as u32 + 1
}

/// From which position on words have to be in their places at the end of the block.
fn kept_from(draft: &Draft) -> i32 {
    match draft.ending {
        Ending::Stop => draft.height(),
        // It can be interrupted, and everything is in its place then.
        Ending::Op { opcode: byte::SELFDESTRUCT, .. } => -draft.needed_words(),
        Ending::Op { opcode, .. } if role(opcode) == Role::End => {
            let inputs = OPCODES[usize::from(opcode)].map_or(0, |info| info.inputs);
            draft.height() - i32::from(inputs)
        }
        _ => -draft.needed_words(),
    }
}

/// The words that the ending reads itself.
fn ending_operands(ending: &Ending) -> impl Iterator<Item = Value> + use<> {
    let (first, second) = match *ending {
        Ending::Jump { target } => (Some(target), None),
        Ending::Jumpi { target, condition } => (Some(target), Some(condition)),
        Ending::Branch { test: Test::Zero, a, .. } => (Some(a), None),
        Ending::Branch { a, b, .. } => (Some(a), Some(b)),
        _ => (None, None),
    };
    first.into_iter().chain(second)
}
