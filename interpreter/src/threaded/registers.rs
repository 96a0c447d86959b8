//! What the threaded engine keeps in machine registers, and how it starts and stops.

#![expect(
    unsafe_code,
    reason = "program and stack are read through raw pointers: checked indices cost more than the work they guard"
)]

use ruint::aliases::U256;

use super::{
    instruction::{CONSTANT_WORDS, Header, Word},
    program::Program,
};
use crate::{
    Exit, Frame, Schedule,
    stack::{height_bytes, read_limbs},
    word,
};

/// Where a frame goes on that stopped in the middle of translated code. Means something together with the program it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resumption {
    /// Address of that program, which lives as long as the frame's code.
    program: usize,
    at: Point,
}

/// A place in the program's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// The header of a block.
    Block(usize),
    /// An instruction that ends a block, and was interrupted.
    Instruction(usize),
}

/// What the loop keeps in machine registers.
///
/// Invariants, which every method keeps given its contract:
/// - T1: `next` points into the program's stream: at an instruction, at the payload of the one that is executed, or, when that
///   one ends its block, at the header behind it.
/// - T2: `sp` is where the frame's stack pointer stood when the block was entered, and the block's heights admit it: all slots
///   of its reach are inside the allocation of the stack, whose words are all initialised.
pub(super) struct Registers<'r> {
    pub(super) next: *const Word,
    pub(super) sp: *mut U256,
    pub(super) gas: u64,
    /// Behind a reference: what is indexed cannot be in machine registers.
    pub(super) returns: &'r mut Returns,
}

/// Where return addresses that were put on the stack lead: the program's own table is seldom in the caches.
pub(super) struct Returns([(u32, u32); Returns::COUNT]);

impl Returns {
    const COUNT: usize = 16;

    /// Remembers that the block at `place` begins at `offset` in the code.
    #[inline(always)]
    pub(super) fn remember(&mut self, offset: u32, place: usize) {
        self.0[offset as usize % Self::COUNT] = (offset, place as u32);
    }

    /// The header of the block that a jump to `target` enters, if it is remembered.
    #[inline(always)]
    pub(super) fn landing(&self, target: &U256) -> Option<u32> {
        let target = word::to_u64(target)?;
        let (offset, place) = self.0[target as usize % Self::COUNT];
        (u64::from(offset) == target).then_some(place)
    }
}

impl Default for Returns {
    /// Nothing is remembered: no entry is the one that its offset belongs to.
    fn default() -> Self {
        let mut nothing = [(0, 0); Self::COUNT];
        nothing[0].0 = 1;
        Self(nothing)
    }
}

impl<'r> Registers<'r> {
    #[inline(always)]
    fn pointer(&self, slot: i16) -> *mut U256 {
        self.sp.wrapping_byte_offset(isize::from(slot))
    }

    /// The word in a slot, by value.
    ///
    /// # Safety
    /// The slot must be in the reach of the block.
    #[inline(always)]
    pub(super) unsafe fn get(&self, slot: i16) -> U256 {
        // SAFETY: by T2 and the contract the slot is a word of the stack.
        unsafe { read_limbs(self.pointer(slot)) }
    }

    /// Writes a slot.
    ///
    /// # Safety
    /// The slot must be in the reach of the block.
    #[inline(always)]
    pub(super) unsafe fn set(&mut self, slot: i16, word: U256) {
        // SAFETY: by T2 and the contract the slot is a word of the stack.
        unsafe { self.pointer(slot).write(word) }
    }

    /// Copies the word of slot `from`.
    ///
    /// # Safety
    /// Both slots must be in the reach of the block.
    #[inline(always)]
    pub(super) unsafe fn copy(&mut self, to: i16, from: i16) {
        // SAFETY: the contract.
        unsafe {
            let word = self.get(from);
            self.set(to, word);
        }
    }

    /// The next word of payload.
    ///
    /// # Safety
    /// The instruction must have one more.
    #[inline(always)]
    pub(super) unsafe fn payload(&mut self) -> Word {
        // SAFETY: T1 and the contract.
        unsafe {
            let word = *self.next;
            self.next = self.next.add(1);
            word
        }
    }

    /// The constant in the payload.
    ///
    /// # Safety
    /// The instruction must have one.
    #[inline(always)]
    pub(super) unsafe fn constant(&mut self) -> U256 {
        let mut limbs = [0; CONSTANT_WORDS];
        for limb in &mut limbs {
            // SAFETY: the contract.
            *limb = unsafe { self.payload() }.bits();
        }
        U256::from_limbs(limbs)
    }

    /// The operands of an instruction with `N` of them in slots, the third one's in the payload.
    ///
    /// # Safety
    /// The instruction must be of that form.
    #[inline(always)]
    pub(super) unsafe fn operands<const N: usize>(&mut self, i: &Word) -> [U256; N] {
        // SAFETY: the contract.
        unsafe {
            let slots = [i.a, i.b, self.payload().target];
            std::array::from_fn(|n| self.get(slots[n]))
        }
    }

    /// MOVE.
    ///
    /// # Safety
    /// This and the methods below: the instruction must be that one, of the block.
    #[inline(always)]
    pub(super) unsafe fn move_1(&mut self, i: &Word) {
        // SAFETY: the contract.
        unsafe { self.copy(i.target, i.a) }
    }

    /// MOVE_2.
    ///
    /// # Safety
    /// See [`Registers::move_1`].
    #[inline(always)]
    pub(super) unsafe fn move_2(&mut self, i: &Word) {
        // SAFETY: the contract.
        unsafe {
            self.copy(i.target, i.a);
            let second = self.payload();
            self.copy(second.target, second.a);
        }
    }

    /// MOVE_3.
    ///
    /// # Safety
    /// See [`Registers::move_1`].
    #[inline(always)]
    pub(super) unsafe fn move_3(&mut self, i: &Word) {
        // SAFETY: the contract.
        unsafe {
            self.copy(i.target, i.a);
            let [third, to, from, third_to] = self.payload().as_slots();
            self.copy(to, from);
            self.copy(third_to, third);
        }
    }

    /// EXCHANGE.
    ///
    /// # Safety
    /// See [`Registers::move_1`].
    #[inline(always)]
    pub(super) unsafe fn exchange(&mut self, i: &Word) {
        // SAFETY: the contract.
        unsafe {
            let (a, b) = (self.get(i.target), self.get(i.a));
            self.set(i.target, b);
            self.set(i.a, a);
        }
    }

    /// SET.
    ///
    /// # Safety
    /// See [`Registers::move_1`].
    #[inline(always)]
    pub(super) unsafe fn set_number(&mut self, i: &Word) {
        // SAFETY: the contract.
        unsafe {
            let number = self.payload().bits();
            self.set(i.target, word::from_u64(number));
        }
    }

    /// SET_SMALL_2.
    ///
    /// # Safety
    /// See [`Registers::move_1`].
    #[inline(always)]
    pub(super) unsafe fn set_small_2(&mut self, i: &Word) {
        // SAFETY: the contract.
        unsafe {
            let numbers = self.payload();
            self.set(i.target, word::from_u64(numbers.bits() & 0xffff_ffff));
            self.set(i.a, word::from_u64(numbers.wide().into()));
        }
    }

    /// SET_CONSTANT.
    ///
    /// # Safety
    /// See [`Registers::move_1`].
    #[inline(always)]
    pub(super) unsafe fn set_constant(&mut self, i: &Word) {
        // SAFETY: the contract.
        unsafe {
            let constant = self.constant();
            self.set(i.target, constant);
        }
    }

    /// SET_GOTO: puts the number into its slot; returns the place of the header to go to, and the number.
    ///
    /// # Safety
    /// See [`Registers::move_1`].
    #[inline(always)]
    pub(super) unsafe fn set_before_goto(&mut self, i: &Word) -> (u32, u32) {
        // SAFETY: the contract.
        unsafe {
            let payload = self.payload();
            self.set(i.a, word::from_u64(payload.wide().into()));
            (payload.bits() as u32, payload.wide())
        }
    }

    /// Moves the stack pointer at the end of a block.
    #[inline(always)]
    pub(super) fn shift(&mut self, i: &Word) {
        self.sp = self.pointer(i.target);
    }

    /// Enters the block at whose header `next` stands: checks the height, takes the gas. False if the block would fail; nothing
    /// has changed then.
    ///
    /// # Safety
    /// `next` must stand at a header.
    #[inline(always)]
    pub(super) unsafe fn enter(&mut self) -> bool {
        // SAFETY: the contract.
        let header = Header::from_bits(unsafe { *self.next }.bits());
        let above = (height_bytes(self.sp) as u32).wrapping_sub(u32::from(header.low_bytes));
        let (left, is_short) = self.gas.overflowing_sub(u64::from(header.gas));
        if is_short || above > u32::from(header.span_bytes) {
            return false;
        }
        self.gas = left;
        self.next = self.next.wrapping_add(1);
        true
    }

    /// Goes to where the frame stands; `None` if that is no place in the program.
    pub(super) fn start(
        frame: &mut Frame,
        program: &Program,
        schedule: &Schedule,
        returns: &'r mut Returns,
    ) -> Option<Self> {
        let at = match frame.resumption.take() {
            Some(resumption) if resumption.program == program.address() => resumption.at,
            _ if frame.pc == 0 => Point::Block(0),
            _ => return None,
        };
        let (mut sp, mut gas) = (frame.stack.top_ptr(), frame.gas_left);
        let place = match at {
            Point::Block(place) => place,
            Point::Instruction(place) => {
                let i = &program.words[place];
                gas = gas.checked_sub(base_gas(i, schedule))?;
                // The instruction itself moves the stack pointer over its operands, which are there already.
                sp = sp.wrapping_byte_offset(-isize::from(i.target));
                place
            }
        };
        assert!(place < program.words.len(), "a frame stands inside its program");
        let next = program.words.as_ptr().wrapping_add(place);
        let mut r = Self { next, sp, gas, returns };
        // SAFETY: at this point there is a header.
        let is_entered = !matches!(at, Point::Block(_)) || unsafe { r.enter() };
        is_entered.then_some(r)
    }
}

/// Base gas of an instruction that ends a block.
fn base_gas(i: &Word, schedule: &Schedule) -> u64 {
    u64::from(schedule.base_gas[usize::from(i.operation as u8)])
}

/// The place in the stream that a pointer into it points to.
pub(super) fn place(program: &Program, at: *const Word) -> usize {
    (at.addr() - program.words.as_ptr().addr()) / size_of::<Word>()
}

/// Leaves the frame as an instruction that ends a block wants it: `sp` and `gas` are those before it, its base gas taken.
/// Returns them as they are now.
#[cold]
#[inline(never)]
pub(super) fn stopped(
    exit: Exit,
    frame: &mut Frame,
    (sp, gas): (*mut U256, u64),
    i: &Word,
    schedule: &Schedule,
    program: &Program,
) -> (*mut U256, u64) {
    let at = place(program, i);
    let resume = |at| Some(Resumption { program: program.address(), at });
    frame.pc = i.wide() as usize;
    match exit {
        Exit::Interrupted => {
            // As if the instruction had not begun: its operands are still there.
            frame.resumption = resume(Point::Instruction(at));
            return (sp, gas + base_gas(i, schedule));
        }
        Exit::Call | Exit::Create => {
            frame.pc += 1;
            frame.resumption = resume(Point::Block(at + 1));
        }
        Exit::Return | Exit::Revert | Exit::Halt(_) => frame.resumption = None,
    }
    (frame.stack.top_ptr(), frame.gas_left)
}
