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
    stack::{height_bytes, read_limbs},
    word,
};
use instruction::{Instruction, Kinds, operation};
use program::Block;

pub use program::Program;
pub(crate) use program::{RULE_SET_COUNT, rule_set};

/// Where a frame goes on that stopped in the middle of decoded code. Means something together with the program it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resumption {
    /// Address of that program, which lives as long as the frame's code.
    program: usize,
    at: Point,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// The beginning of a block.
    Block(u16),
    /// The last instruction of a block, which was interrupted.
    Instruction(u32),
}

impl Program {
    /// A constant.
    ///
    /// # Safety
    /// There must be one with this index.
    #[inline(always)]
    unsafe fn constant(&self, index: u64) -> U256 {
        // SAFETY: the contract.
        unsafe { *self.constants.get_unchecked(index as usize) }
    }

    /// A block.
    ///
    /// # Safety
    /// There must be one with this number.
    #[inline(always)]
    unsafe fn block(&self, id: u16) -> &Block {
        // SAFETY: the contract.
        unsafe { self.blocks.get_unchecked(usize::from(id)) }
    }
}

/// What the loop keeps in machine registers.
///
/// Invariants, which every method keeps given its contract:
/// - T1: `next` points into the program's instructions, at the start of a block or behind an instruction that does not end one.
/// - T2: `sp` is where the frame's stack pointer stood when the block was entered, and the block's heights admit it: all slots
///   of its reach are inside the allocation of the stack, whose words are all initialised.
struct Registers {
    next: *const Instruction,
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

    /// The operands of an instruction with `N` of them in slots.
    ///
    /// # Safety
    /// The instruction must be one of the block's, of that form.
    #[inline(always)]
    unsafe fn operands<const N: usize>(&self, i: &Instruction) -> [U256; N] {
        let slots = [i.a, i.b, i.immediate as i16];
        // SAFETY: the contract.
        std::array::from_fn(|n| unsafe { self.get(slots[n]) })
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

    /// Moves the stack pointer at the end of a block.
    #[inline(always)]
    fn shift(&mut self, i: &Instruction) {
        self.sp = self.pointer(i.target);
    }

    /// Enters a block: checks the height, takes the gas. False if the block would fail; nothing has changed then.
    #[inline(always)]
    fn enter(&mut self, block: &Block, instructions: &[Instruction]) -> bool {
        let above = (height_bytes(self.sp) as u32).wrapping_sub(u32::from(block.low_bytes));
        let (left, is_short) = self.gas.overflowing_sub(u64::from(block.gas));
        if is_short || above > u32::from(block.span_bytes) {
            return false;
        }
        self.gas = left;
        self.next = instructions.as_ptr().wrapping_add(block.start as usize);
        true
    }

    /// Goes to where the frame stands. `None` if the plain engine has to run it.
    fn start(frame: &mut Frame, program: &Program, schedule: &Schedule) -> Option<Self> {
        let mut r =
            Self { next: program.instructions.as_ptr(), sp: frame.stack.top_ptr(), gas: frame.gas_left };
        let at = match frame.resumption.take() {
            Some(resumption) if resumption.program == program.address() => resumption.at,
            _ if frame.pc == 0 => Point::Block(0),
            _ => return None,
        };
        match at {
            Point::Block(id) => {
                let block = &program.blocks[usize::from(id)];
                r.enter(block, &program.instructions).then_some(r)
            }
            Point::Instruction(at) => {
                let i = &program.instructions[at as usize];
                r.gas = r.gas.checked_sub(base_gas(i, schedule))?;
                // The instruction itself moves the stack pointer over its operands, which are there already.
                r.sp = r.sp.wrapping_byte_sub(i.target as usize);
                r.next = i;
                Some(r)
            }
        }
    }
}

fn base_gas(i: &Instruction, schedule: &Schedule) -> u64 {
    u64::from(schedule.base_gas[usize::from(i.operation as u8)])
}

/// Leaves the frame as an instruction that ends a block wants it: `sp` and `gas` are those before it, its base gas taken.
/// Returns them as they are now.
#[cold]
#[inline(never)]
fn stopped(
    exit: Exit,
    frame: &mut Frame,
    (sp, gas): (*mut U256, u64),
    i: &Instruction,
    schedule: &Schedule,
    program: &Program,
) -> (*mut U256, u64) {
    frame.pc = i.immediate as u32 as usize;
    let at = match exit {
        Exit::Interrupted => {
            // As if the instruction had not begun: its operands are still there.
            let offset = std::ptr::from_ref(i).addr() - program.instructions.as_ptr().addr();
            let at = Point::Instruction((offset / size_of::<Instruction>()) as u32);
            frame.resumption = Some(Resumption { program: program.address(), at });
            return (sp, gas + base_gas(i, schedule));
        }
        Exit::Call | Exit::Create => {
            frame.pc += 1;
            Some(Point::Block((i.immediate >> 32) as u16))
        }
        Exit::Return | Exit::Revert | Exit::Halt(_) => None,
    };
    frame.resumption = at.map(|at| Resumption { program: program.address(), at });
    (frame.stack.top_ptr(), frame.gas_left)
}

/// What an instruction does, by the kind of its operands and the shape of its row in the opcode table. The first tokens name
/// the loop, the registers, the instruction, the program, the frame, the workspace and the host.
macro_rules! execute {
    (SLOTS [$($e:tt)*] word1($handler:path)) => { execute!(@result [$($e)*] $handler, a) };
    (SLOTS [$($e:tt)*] word2($handler:path)) => { execute!(@result [$($e)*] $handler, a b) };
    (SLOT_IMMEDIATE [$($e:tt)*] word2($handler:path)) => { execute!(@result [$($e)*] $handler, a immediate) };
    (IMMEDIATE_SLOT [$($e:tt)*] word2($handler:path)) => { execute!(@result [$($e)*] $handler, immediate b) };
    (SLOT_CONSTANT [$($e:tt)*] word2($handler:path)) => { execute!(@result [$($e)*] $handler, a constant) };
    (CONSTANT_SLOT [$($e:tt)*] word2($handler:path)) => { execute!(@result [$($e)*] $handler, constant b) };
    (SLOTS [$($e:tt)*] word3($handler:path)) => { execute!(@result [$($e)*] $handler, a b c) };
    (SLOT_CONSTANT [$($e:tt)*] word3($handler:path)) => { execute!(@result [$($e)*] $handler, a b constant) };
    (@result [$run:lifetime $r:ident $i:ident $program:ident $($e:tt)*] $handler:path, $($operand:ident)+) => {
        // SAFETY: the program is sound, so these slots and this constant exist.
        unsafe {
            let result = $handler($(execute!(@operand $r $i $program $operand)),+);
            $r.set($i.target, result);
        }
    };
    (@operand $r:ident $i:ident $program:ident a) => { $r.get($i.a) };
    (@operand $r:ident $i:ident $program:ident b) => { $r.get($i.b) };
    (@operand $r:ident $i:ident $program:ident c) => { $r.get($i.immediate as i16) };
    (@operand $r:ident $i:ident $program:ident immediate) => { word::from_u64($i.immediate) };
    (@operand $r:ident $i:ident $program:ident constant) => { $program.constant($i.immediate) };

    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] push_word($handler:path)) => {
        // SAFETY: the program is sound.
        unsafe { $r.set($i.target, $handler($frame, $workspace, $host)) }
    };
    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] gas) => {
        // SAFETY: the program is sound. The immediate is the gas of what follows in the block, which was taken already.
        unsafe { $r.set($i.target, word::from_u64($r.gas + $i.immediate)) }
    };
    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] calldataload) => {
        // SAFETY: the program is sound.
        unsafe {
            let word = $frame.calldata_word(&$workspace.memory, &$r.get($i.a));
            $r.set($i.target, word);
        }
    };
    (SLOT_IMMEDIATE [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] calldataload) => {
        // SAFETY: the program is sound.
        unsafe {
            let word = $frame.calldata_word(&$workspace.memory, &word::from_u64($i.immediate));
            $r.set($i.target, word);
        }
    };
    (SLOTS [$($e:tt)*] mload) => { execute!(@mload [$($e)*] a) };
    (SLOT_IMMEDIATE [$($e:tt)*] mload) => { execute!(@mload [$($e)*] immediate) };
    (@mload [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] $offset:ident) => {
        // SAFETY: the program is sound.
        unsafe {
            let offset = execute!(@operand $r $i $program $offset);
            let word = match memory::small_offset(&offset).and_then(|offset| $workspace.memory.load(offset)) {
                Some(word) => word,
                None => match memory::grow_for_word($frame, $workspace, $r.gas, &offset) {
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
    (IMMEDIATE_SLOT [$($e:tt)*] mstore) => { execute!(@mstore [$($e)*] immediate b) };
    (SLOT_CONSTANT [$($e:tt)*] mstore) => { execute!(@mstore [$($e)*] a constant) };
    (CONSTANT_SLOT [$run:lifetime $r:ident $i:ident $program:ident $($e:tt)*] mstore) => {
        // SAFETY: the program is sound.
        let (offset, value) = unsafe {
            (word::from_u64($i.immediate & 0xffff_ffff), $program.constant($i.immediate >> 32))
        };
        execute!(@store [$run $r $i $program $($e)*] offset value);
    };
    (@mstore [$run:lifetime $r:ident $i:ident $program:ident $($e:tt)*] $offset:ident $value:ident) => {
        // SAFETY: the program is sound.
        let (offset, value) = unsafe {
            (execute!(@operand $r $i $program $offset), execute!(@operand $r $i $program $value))
        };
        execute!(@store [$run $r $i $program $($e)*] offset value);
    };
    (@store [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] $offset:ident $value:ident) => {
        let is_stored =
            memory::small_offset(&$offset).is_some_and(|offset| $workspace.memory.store(offset, &$value));
        if !is_stored {
            match memory::grow_for_word($frame, $workspace, $r.gas, &$offset) {
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
    (SLOT_IMMEDIATE [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] eval($handler:path)) => {
        let operands = std::array::from_fn(|n| word::from_u64($i.immediate >> (32 * n) & 0xffff_ffff));
        execute!(@eval [$run $r $i $frame $workspace $host] $handler, operands);
    };
    (@eval [$run:lifetime $r:ident $i:ident $frame:ident $workspace:ident $host:ident] $handler:path, $operands:ident) => {
        $frame.gas_left = $r.gas;
        match $handler($frame, $workspace, $host, $operands) {
            // SAFETY: the program is sound.
            Ok(word) => unsafe { $r.set($i.target, word) },
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
            execute!(@enter $run $r $program $frame ($i.immediate >> 16) as u16);
        } else {
            execute!(@jump $run $r $program $frame target);
        }
    };
    (@branch [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $($e:tt)*] $($operand:ident)+ => $test:expr) => {{
        let is_taken = {
            $(let $operand = execute!(@compared $r $i $operand);)+
            $test
        };
        $r.shift($i);
        let block = if is_taken { $i.immediate as u16 } else { ($i.immediate >> 16) as u16 };
        execute!(@enter $run $r $program $frame block);
    }};
    // SAFETY: the program is sound.
    (@compared $r:ident $i:ident a) => { unsafe { $r.get($i.a) } };
    // SAFETY: the program is sound.
    (@compared $r:ident $i:ident b) => { unsafe { $r.get($i.b) } };
    (@compared $r:ident $i:ident high) => { word::from_u64($i.immediate >> 32) };
    (@jump $run:lifetime $r:ident $program:ident $frame:ident $target:ident) => {
        match $program.landing(&$target) {
            Some(block) => execute!(@enter $run $r $program $frame block),
            None => break $run Some(Exit::Halt(HaltReason::InvalidJump)),
        }
    };
    (@enter $run:lifetime $r:ident $program:ident $frame:ident $block:expr) => {{
        // SAFETY: the program is sound, so the block exists.
        let block = unsafe { $program.block($block) };
        if !$r.enter(block, &$program.instructions) {
            $frame.pc = block.pc as usize;
            break $run None;
        }
    }};
    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident] op($handler:path)) => {
        $r.shift($i);
        // SAFETY: the program is sound, so the height is one that a stack can have.
        unsafe { $frame.stack.set_top($r.sp) };
        $frame.gas_left = $r.gas;
        match $handler($frame, $workspace, $host) {
            Ok(()) => {
                $r.sp = $frame.stack.top_ptr();
                $r.gas = $frame.gas_left;
                execute!(@enter $run $r $program $frame ($i.immediate >> 32) as u16);
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
            $(Kinds::<$byte>::SLOT_IMMEDIATE => { execute!(SLOT_IMMEDIATE $e $($shape)*); })*
            $(Kinds::<$byte>::IMMEDIATE_SLOT => { execute!(IMMEDIATE_SLOT $e $($shape)*); })*
            $(Kinds::<$byte>::SLOT_CONSTANT => { execute!(SLOT_CONSTANT $e $($shape)*); })*
            $(Kinds::<$byte>::CONSTANT_SLOT => { execute!(CONSTANT_SLOT $e $($shape)*); })*
            // SAFETY, of all that follow: the program is sound.
            operation::MOVE => unsafe { $r.copy($i.target, $i.a) },
            operation::MOVE_2 => unsafe {
                $r.copy($i.target, $i.a);
                $r.copy($i.immediate as i16, ($i.immediate >> 16) as i16);
            },
            operation::EXCHANGE => unsafe {
                let (a, b) = ($r.get($i.target), $r.get($i.a));
                $r.set($i.target, b);
                $r.set($i.a, a);
            },
            operation::SET => unsafe { $r.set($i.target, word::from_u64($i.immediate)) },
            operation::SET_2 => unsafe {
                $r.set($i.target, word::from_u64($i.immediate & 0xffff_ffff));
                $r.set($i.a, word::from_u64($i.immediate >> 32));
            },
            operation::SET_CONSTANT => unsafe { $r.set($i.target, $program.constant($i.immediate)) },
            operation::SHIFT => $r.shift($i),
            operation::LEAVE => {
                $r.shift($i);
                $frame.pc = $i.immediate as usize;
                break $run None;
            }
            operation::INVALID_JUMP => break $run Some(Exit::Halt(HaltReason::InvalidJump)),
            operation::GOTO => {
                $r.shift($i);
                execute!(@enter $run $r $program $frame $i.immediate as u16);
            }
            operation::BRANCH => execute!(@branch $e a => !word::is_zero(&a)),
            operation::BRANCH_EQ => execute!(@branch $e a b => word::is_equal(&a, &b)),
            operation::BRANCH_EQ_IMMEDIATE => execute!(@branch $e a high => word::is_equal(&a, &high)),
            operation::BRANCH_LT => execute!(@branch $e a b => word::is_less(&a, &b)),
            operation::BRANCH_LT_IMMEDIATE => execute!(@branch $e a high => word::is_less(&a, &high)),
            operation::BRANCH_GT_IMMEDIATE => execute!(@branch $e a high => word::is_less(&high, &a)),
            operation::BRANCH_SLT => execute!(@branch $e a b => word::is_signed_less(&a, &b)),
            operation::BRANCH_SLT_IMMEDIATE => execute!(@branch $e a high => word::is_signed_less(&a, &high)),
            operation::BRANCH_SGT_IMMEDIATE => execute!(@branch $e a high => word::is_signed_less(&high, &a)),
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
