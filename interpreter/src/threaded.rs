//! The threaded engine: a `match` loop over decoded code.
//!
//! Code that runs often is [decoded](Program::decode) once: within a basic block the words that PUSH, DUP, SWAP and POP move
//! are known beforehand, so only the instructions that compute remain, as three-address instructions over slots of the stack
//! and constants. Gas and stack heights are checked once, when a block is entered. A block ends at every instruction that
//! observes gas or touches state: there every word is in its place on the stack, and program counter and gas are exact.
//!
//! A block that would fail somewhere is not entered: the plain engine runs it and finds out where and why. Inside a block that
//! was entered nothing but gas for memory, hashing and the like can run out, whose halt is the same wherever it happens.
//!
//! Memory safety rests on [`Program::is_sound`], which every program passes when it is made, and on the check of the height
//! when a block is entered; not on the decoder's doing.

#![expect(
    unsafe_code,
    reason = "the loop reads program and stack through raw pointers: checked indices cost more than the work they guard"
)]

mod decode;
mod draft;
mod instruction;
mod operands;
mod place;
mod program;
mod role;

use ruint::aliases::U256;

use crate::{
    Exit, Frame, HaltReason, Host, Schedule, Workspace,
    opcode::for_each_opcode,
    ops::{account, arithmetic, bitwise, call, create, environment, halt, log, memory, storage},
    stack::{by_limbs, height_bytes, read_limbs},
    word,
};
use instruction::{CONSTANT_WORDS, Header, Kinds, Word, operation};

pub use program::Program;
pub(crate) use program::{RULE_SET_COUNT, rule_set};

/// Where a frame goes on that stopped in the middle of decoded code. Means something together with the program it came from.
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
struct Registers {
    next: *const Word,
    sp: *mut U256,
    gas: u64,
}

impl Registers {
    #[inline(always)]
    fn pointer(&self, slot: i16) -> *mut U256 {
        self.sp.wrapping_byte_offset(isize::from(slot))
    }

    /// The word in a slot, by value.
    ///
    /// # Safety
    /// The slot must be in the reach of the block.
    #[inline(always)]
    unsafe fn get(&self, slot: i16) -> U256 {
        // SAFETY: by T2 and the contract the slot is a word of the stack.
        unsafe { read_limbs(self.pointer(slot)) }
    }

    /// Writes a slot.
    ///
    /// # Safety
    /// The slot must be in the reach of the block.
    #[inline(always)]
    unsafe fn set(&mut self, slot: i16, word: U256) {
        // SAFETY: by T2 and the contract the slot is a word of the stack.
        unsafe { self.pointer(slot).write(word) }
    }

    /// Copies the word of slot `from`.
    ///
    /// # Safety
    /// Both slots must be in the reach of the block.
    #[inline(always)]
    unsafe fn copy(&mut self, to: i16, from: i16) {
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
    unsafe fn payload(&mut self) -> Word {
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
    unsafe fn constant(&mut self) -> U256 {
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
    unsafe fn operands<const N: usize>(&mut self, i: &Word) -> [U256; N] {
        // SAFETY: the contract.
        unsafe {
            let slots = [i.a, i.b, self.payload().target];
            std::array::from_fn(|n| self.get(slots[n]))
        }
    }

    /// Moves the stack pointer at the end of a block.
    #[inline(always)]
    fn shift(&mut self, i: &Word) {
        self.sp = self.pointer(i.target);
    }

    /// Enters the block at whose header `next` stands: checks the height, takes the gas. False if the block would fail; nothing
    /// has changed then.
    ///
    /// # Safety
    /// `next` must stand at a header.
    #[inline(always)]
    unsafe fn enter(&mut self) -> bool {
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
    fn start(frame: &mut Frame, program: &Program, schedule: &Schedule) -> Option<Self> {
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
        let mut r = Self { next: &raw const program.words[place], sp, gas };
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
fn place(program: &Program, at: *const Word) -> usize {
    (at.addr() - program.words.as_ptr().addr()) / size_of::<Word>()
}

/// Leaves the frame as an instruction that ends a block wants it: `sp` and `gas` are those before it, its base gas taken.
/// Returns them as they are now.
#[cold]
#[inline(never)]
fn stopped(
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

/// What an instruction does, by the kind of its operands and the shape of its row in the opcode table. The first tokens name
/// the loop, the registers, the instruction, the program, the frame, the workspace and the host.
macro_rules! execute {
    (SLOTS [$($e:tt)*] word1($handler:path)) => { execute!(@result [$($e)*] $handler, a) };
    (SLOTS [$($e:tt)*] word2($handler:path)) => { execute!(@result [$($e)*] $handler, a b) };
    (SLOT_SMALL [$($e:tt)*] word2($handler:path)) => { execute!(@result [$($e)*] $handler, a small_b) };
    (SMALL_SLOT [$($e:tt)*] word2($handler:path)) => { execute!(@result [$($e)*] $handler, small_a b) };
    (SLOT_CONSTANT [$($e:tt)*] word2($handler:path)) => { execute!(@result [$($e)*] $handler, a constant) };
    (CONSTANT_SLOT [$($e:tt)*] word2($handler:path)) => { execute!(@result [$($e)*] $handler, constant b) };
    (SLOTS [$run:lifetime $r:ident $i:ident $($e:tt)*] word3($handler:path)) => {
        // SAFETY: the program is sound.
        unsafe {
            let [a, b, c] = $r.operands($i);
            $r.set($i.target, $handler(a, b, c));
        }
    };
    (SLOT_CONSTANT [$($e:tt)*] word3($handler:path)) => { execute!(@result [$($e)*] $handler, a b constant) };
    (@result [$run:lifetime $r:ident $i:ident $($e:tt)*] $handler:path, $($operand:ident)+) => {
        // SAFETY: the program is sound, so these slots and this payload exist.
        unsafe {
            let result = $handler($(execute!(@operand $r $i $operand)),+);
            $r.set($i.target, result);
        }
    };
    (@operand $r:ident $i:ident a) => { $r.get($i.a) };
    (@operand $r:ident $i:ident b) => { $r.get($i.b) };
    (@operand $r:ident $i:ident small_a) => { word::from_u64(u64::from($i.a as u16)) };
    (@operand $r:ident $i:ident small_b) => { word::from_u64(u64::from($i.b as u16)) };
    (@operand $r:ident $i:ident wide) => { word::from_u64(u64::from($i.wide())) };
    (@operand $r:ident $i:ident constant) => { $r.constant() };

    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] push_word($handler:path)) => {
        // SAFETY: the program is sound.
        unsafe { $r.set($i.target, $handler($frame, $workspace, $host)) }
    };
    (SLOTS [$run:lifetime $r:ident $i:ident $($e:tt)*] gas) => {
        // SAFETY: the program is sound. The number is the gas of what follows in the block, which was taken already.
        unsafe { $r.set($i.target, word::from_u64($r.gas + u64::from($i.wide()))) }
    };
    (SLOTS [$($e:tt)*] calldataload) => { execute!(@calldataload [$($e)*] a) };
    (SLOT_SMALL [$($e:tt)*] calldataload) => { execute!(@calldataload [$($e)*] wide) };
    (@calldataload [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] $offset:ident) => {
        // SAFETY: the program is sound.
        unsafe {
            let offset = execute!(@operand $r $i $offset);
            $r.set($i.target, $frame.calldata_word(&$workspace.memory, &offset));
        }
    };
    (SLOTS [$($e:tt)*] mload) => { execute!(@mload [$($e)*] a 0_u64) };
    (SLOT_SMALL [$($e:tt)*] mload) => { execute!(@mload [$($e)*] wide 0_u64) };
    (@mload [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident]
        $base:ident $distance:expr) => {
        // SAFETY: the program is sound.
        unsafe {
            let (base, distance) = (execute!(@operand $r $i $base), $distance);
            let word = match memory::small_offset(&base)
                .and_then(|base| $workspace.memory.load(base + distance as usize))
            {
                Some(word) => word,
                None => match memory::grow_for_word($frame, $workspace, $r.gas, &base, distance) {
                    Ok((offset, gas_left)) => {
                        $r.gas = gas_left;
                        $workspace.memory.load(offset).unwrap_or_default()
                    }
                    Err(reason) => break $run Some(Exit::Halt(reason)),
                },
            };
            $r.set($i.target, word);
        }
    };
    (SLOTS [$($e:tt)*] mstore) => { execute!(@mstore [$($e)*] a b) };
    (SLOT_SMALL [$($e:tt)*] mstore) => { execute!(@mstore [$($e)*] a small_b) };
    (SMALL_SLOT [$($e:tt)*] mstore) => { execute!(@mstore [$($e)*] small_a b) };
    (SLOT_CONSTANT [$($e:tt)*] mstore) => { execute!(@mstore [$($e)*] a constant) };
    (SMALL_CONSTANT [$($e:tt)*] mstore) => { execute!(@mstore [$($e)*] small_a constant) };
    (SMALLS [$run:lifetime $r:ident $i:ident $($e:tt)*] mstore) => {
        let offset = execute!(@operand $r $i small_a);
        let value = execute!(@operand $r $i small_b);
        execute!(@store [$run $r $i $($e)*] offset 0_u64, value);
    };
    (@mstore [$run:lifetime $r:ident $i:ident $($e:tt)*] $offset:ident $value:ident) => {
        // SAFETY: the program is sound.
        let (offset, value) = unsafe {
            (execute!(@operand $r $i $offset), execute!(@operand $r $i $value))
        };
        execute!(@store [$run $r $i $($e)*] offset 0_u64, value);
    };
    (@store [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident]
        $base:ident $distance:expr, $value:ident) => {
        let distance = $distance;
        let is_stored = memory::small_offset(&$base)
            .is_some_and(|base| $workspace.memory.store(base + distance as usize, &$value));
        if !is_stored {
            match memory::grow_for_word($frame, $workspace, $r.gas, &$base, distance) {
                Ok((offset, gas_left)) => {
                    $r.gas = gas_left;
                    $workspace.memory.store(offset, &$value);
                }
                Err(reason) => break $run Some(Exit::Halt(reason)),
            }
        }
    };
    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] eval($handler:path)) => {
        // SAFETY: the program is sound.
        let operands = unsafe { $r.operands($i) };
        execute!(@eval [$run $r $i $frame $workspace $host] $handler, operands);
    };
    (SMALLS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] eval($handler:path)) => {
        let smalls = [$i.a, $i.b].map(|small| word::from_u64(u64::from(small as u16)));
        let operands = std::array::from_fn(|n| smalls[n]);
        execute!(@eval [$run $r $i $frame $workspace $host] $handler, operands);
    };
    (@eval [$run:lifetime $r:ident $i:ident $frame:ident $workspace:ident $host:ident] $handler:path, $operands:ident) => {
        $frame.gas_left = $r.gas;
        match $handler($frame, $workspace, $host, $operands) {
            // SAFETY: the program is sound.
            Ok(word) => unsafe { $r.set($i.target, by_limbs(&word)) },
            Err(reason) => break $run Some(Exit::Halt(reason)),
        }
        $r.gas = $frame.gas_left;
    };
    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] exec($handler:path)) => {
        // SAFETY: the program is sound.
        let operands = unsafe { $r.operands($i) };
        $frame.gas_left = $r.gas;
        if let Err(reason) = $handler($frame, $workspace, $host, operands) {
            break $run Some(Exit::Halt(reason));
        }
        $r.gas = $frame.gas_left;
    };

    // What ends a block.
    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] stop) => {
        $frame.output = 0..0;
        break $run Some(Exit::Return)
    };
    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] jump) => {
        // SAFETY: the program is sound.
        let target = unsafe { $r.get($i.a) };
        $r.shift($i);
        execute!(@jump $run $r $program $frame target);
    };
    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] jumpi) => {
        // SAFETY: the program is sound.
        let (target, condition) = unsafe { ($r.get($i.a), $r.get($i.b)) };
        $r.shift($i);
        if word::is_zero(&condition) {
            execute!(@enter $run $r $program $frame);
        } else {
            execute!(@jump $run $r $program $frame target);
        }
    };
    (@jump $run:lifetime $r:ident $program:ident $frame:ident $target:ident) => {
        match $program.landing(&$target) {
            Some(header) => execute!(@go $run $r $program $frame header),
            None => break $run Some(Exit::Halt(HaltReason::InvalidJump)),
        }
    };
    (@branch [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $($e:tt)*] $($operand:ident)+ => $test:expr) => {{
        // SAFETY: the program is sound.
        let payload = unsafe { $r.payload() };
        let is_taken = {
            $(let $operand = execute!(@compared $r $i payload $operand);)+
            $test
        };
        $r.shift($i);
        if is_taken {
            let header = payload.bits() as u32;
            $r.next = $program.words.as_ptr().wrapping_add(header as usize);
        }
        execute!(@enter $run $r $program $frame);
    }};
    // SAFETY: the program is sound.
    (@compared $r:ident $i:ident $payload:ident a) => { unsafe { $r.get($i.a) } };
    // SAFETY: the program is sound.
    (@compared $r:ident $i:ident $payload:ident b) => { unsafe { $r.get($i.b) } };
    (@compared $r:ident $i:ident $payload:ident small) => { word::from_u64(u64::from($payload.wide())) };
    (@go $run:lifetime $r:ident $program:ident $frame:ident $header:expr) => {{
        $r.next = $program.words.as_ptr().wrapping_add($header as usize);
        execute!(@enter $run $r $program $frame);
    }};
    (@enter $run:lifetime $r:ident $program:ident $frame:ident) => {
        // SAFETY: the program is sound, so there is a header.
        if !unsafe { $r.enter() } {
            $frame.pc = $program.pc(place($program, $r.next));
            break $run None;
        }
    };
    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] op($handler:path)) => {
        $r.shift($i);
        // SAFETY: the program is sound, so the height is one that a stack can have.
        unsafe { $frame.stack.set_top($r.sp) };
        $frame.gas_left = $r.gas;
        match $handler($frame, $workspace, $host) {
            Ok(()) => {
                $r.sp = $frame.stack.top_ptr();
                $r.gas = $frame.gas_left;
                execute!(@enter $run $r $program $frame);
            }
            Err(exit) => {
                ($r.sp, $r.gas) =
                    stopped(exit, $frame, ($r.sp, $r.gas), $i, $workspace.schedule, $program);
                break $run Some(exit);
            }
        }
    };
    (SLOTS [$($e:tt)*] end($handler:path)) => { execute!(SLOTS [$($e)*] op($handler)) };
    // SAFETY: the program is sound: it has only operations with a form, and these have none.
    ($kind:ident [$($e:tt)*] $($shape:tt)*) => { unsafe { std::hint::unreachable_unchecked() } };
}

/// The match over the operation.
macro_rules! dispatch {
    ({ $($e:tt)* } $($byte:literal $name:ident $inputs:literal $outputs:literal $immediate:literal
        [$($gas:tt)*] $shape:ident $(($($handler:tt)*))?;)*) => {
        dispatch!(@match { $($e)* } [$($e)*] $($byte [$shape $(($($handler)*))?])*)
    };
    (@match { $run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident }
        $e:tt $($byte:literal [$($shape:tt)*])*) => {
        match $i.operation {
            $($byte => { execute!(SLOTS $e $($shape)*); })*
            $(Kinds::<$byte>::SLOT_SMALL => { execute!(SLOT_SMALL $e $($shape)*); })*
            $(Kinds::<$byte>::SMALL_SLOT => { execute!(SMALL_SLOT $e $($shape)*); })*
            $(Kinds::<$byte>::SLOT_CONSTANT => { execute!(SLOT_CONSTANT $e $($shape)*); })*
            $(Kinds::<$byte>::CONSTANT_SLOT => { execute!(CONSTANT_SLOT $e $($shape)*); })*
            $(Kinds::<$byte>::SMALLS => { execute!(SMALLS $e $($shape)*); })*
            $(Kinds::<$byte>::SMALL_CONSTANT => { execute!(SMALL_CONSTANT $e $($shape)*); })*
            // SAFETY, of all that follow: the program is sound.
            operation::MOVE => unsafe { $r.copy($i.target, $i.a) },
            operation::MOVE_2 => unsafe {
                $r.copy($i.target, $i.a);
                let second = $r.payload();
                $r.copy(second.target, second.a);
            },
            operation::MOVE_3 => unsafe {
                $r.copy($i.target, $i.a);
                let [third, to, from, third_to] = $r.payload().as_slots();
                $r.copy(to, from);
                $r.copy(third_to, third);
            },
            operation::MLOAD_AT => execute!(@mload $e a u64::from($i.b as u16)),
            operation::MSTORE_AT => {
                let (offset, value) = unsafe { ($r.get($i.a), $r.get($i.b)) };
                execute!(@store $e offset u64::from($i.target as u16), value);
            }
            operation::EXCHANGE => unsafe {
                let (a, b) = ($r.get($i.target), $r.get($i.a));
                $r.set($i.target, b);
                $r.set($i.a, a);
            },
            operation::SET_SMALL => unsafe { $r.set($i.target, word::from_u64(u64::from($i.wide()))) },
            operation::SET => unsafe {
                let number = $r.payload().bits();
                $r.set($i.target, word::from_u64(number));
            },
            operation::SET_SMALL_2 => unsafe {
                let numbers = $r.payload().bits();
                $r.set($i.target, word::from_u64(numbers & 0xffff_ffff));
                $r.set($i.a, word::from_u64(numbers >> 32));
            },
            operation::SET_CONSTANT => unsafe {
                let constant = $r.constant();
                $r.set($i.target, constant);
            },
            operation::RUN_ON => {
                $r.shift($i);
                $r.next = $program.words.as_ptr().wrapping_add($i.wide() as usize + 1);
            }
            operation::LEAVE => {
                $r.shift($i);
                $frame.pc = $i.wide() as usize;
                break $run None;
            }
            operation::INVALID_JUMP => break $run Some(Exit::Halt(HaltReason::InvalidJump)),
            operation::SET_GOTO => {
                let payload = unsafe { $r.payload() };
                unsafe { $r.set($i.a, word::from_u64(u64::from(payload.wide()))) };
                $r.shift($i);
                execute!(@go $run $r $program $frame payload.bits() as u32);
            }
            operation::GOTO => {
                $r.shift($i);
                execute!(@go $run $r $program $frame $i.wide());
            }
            operation::BRANCH_ZERO => execute!(@branch $e a => word::is_zero(&a)),
            operation::BRANCH_NOT_ZERO => execute!(@branch $e a => !word::is_zero(&a)),
            operation::BRANCH_EQ => execute!(@branch $e a b => word::is_equal(&a, &b)),
            operation::BRANCH_NOT_EQ => execute!(@branch $e a b => !word::is_equal(&a, &b)),
            operation::BRANCH_EQ_SMALL => execute!(@branch $e a small => word::is_equal(&a, &small)),
            operation::BRANCH_NOT_EQ_SMALL => execute!(@branch $e a small => !word::is_equal(&a, &small)),
            operation::BRANCH_LT => execute!(@branch $e a b => word::is_less(&a, &b)),
            operation::BRANCH_NOT_LT => execute!(@branch $e a b => !word::is_less(&a, &b)),
            operation::BRANCH_LT_SMALL => execute!(@branch $e a small => word::is_less(&a, &small)),
            operation::BRANCH_NOT_LT_SMALL => execute!(@branch $e a small => !word::is_less(&a, &small)),
            operation::BRANCH_GT_SMALL => execute!(@branch $e a small => word::is_less(&small, &a)),
            operation::BRANCH_NOT_GT_SMALL => execute!(@branch $e a small => !word::is_less(&small, &a)),
            operation::BRANCH_SLT => execute!(@branch $e a b => word::is_signed_less(&a, &b)),
            operation::BRANCH_NOT_SLT => execute!(@branch $e a b => !word::is_signed_less(&a, &b)),
            operation::BRANCH_SLT_SMALL => execute!(@branch $e a small => word::is_signed_less(&a, &small)),
            operation::BRANCH_NOT_SLT_SMALL => execute!(@branch $e a small => !word::is_signed_less(&a, &small)),
            operation::BRANCH_SGT_SMALL => execute!(@branch $e a small => word::is_signed_less(&small, &a)),
            operation::BRANCH_NOT_SGT_SMALL => execute!(@branch $e a small => !word::is_signed_less(&small, &a)),
            // SAFETY: the program is sound: it has only operations with a form, and there are no others.
            _ => unsafe { std::hint::unreachable_unchecked() },
        }
    };
}

/// Runs `frame`, whose code is decoded, until it ends, calls, creates or is interrupted; or until the plain engine has to go on
/// from where the frame stands then: `None`.
pub(crate) fn run<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
) -> Option<Exit> {
    let program: *const Program = frame.code.program(workspace.schedule)?;
    // SAFETY: the program belongs to the frame's code, which is not exchanged while the frame lives and never loses a program.
    let program = unsafe { &*program };
    let mut r = Registers::start(frame, program, workspace.schedule)?;
    let exit = 'run: loop {
        // SAFETY: T1.
        let i = unsafe { &*r.next };
        // SAFETY: by T1 there is an instruction, and the program does not end with one that goes on.
        r.next = unsafe { r.next.add(1) };
        for_each_opcode!(dispatch! { 'run r i program frame workspace host });
    };
    frame.gas_left = r.gas;
    // SAFETY: at the beginning and at the end of a block the height is one that a stack can have.
    unsafe { frame.stack.set_top(r.sp) };
    if let Some(Exit::Halt(_)) = exit {
        frame.gas_left = 0;
    }
    exit
}
