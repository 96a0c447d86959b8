//! The threaded engine: a `match` loop over translated code.
//!
//! Code that runs often is [translated](Translator) once: within a basic block the words that PUSH, DUP, SWAP and POP move
//! are known beforehand, so only the instructions that compute remain, as three-address instructions over slots of the stack
//! and constants. Gas and stack heights are checked once, when a block is entered. A block ends at every instruction that
//! observes gas or touches state: there every word is in its place on the stack, and program counter and gas are exact.
//!
//! A block that would fail somewhere is not entered: the plain engine runs it and finds out where and why. Inside a block that
//! was entered nothing but gas for memory, hashing and the like can run out, whose halt is the same wherever it happens.
//!
//! Memory safety rests on a check that every program passes when it is made (`Program::is_sound`), and on that of the height
//! when a block is entered; not on what the translator does.

#![expect(
    unsafe_code,
    reason = "the loop reads program and stack through raw pointers: checked indices cost more than the work they guard"
)]

mod draft;
mod instruction;
mod operands;
mod place;
mod program;
mod registers;
mod role;
mod translate;

use crate::{
    Exit, Frame, HaltReason, Host, Workspace,
    opcode::for_each_opcode,
    ops::{account, arithmetic, bitwise, call, create, environment, halt, log, memory, storage},
    stack::by_limbs,
    word,
};
use instruction::{Kinds, operation};
use registers::{Registers, Returns, place, stopped};

pub use program::{BlockEnd, Program, TranslatedBlock};
pub(crate) use program::{RULE_SET_COUNT, rule_set};
pub(crate) use registers::Resumption;
pub(crate) use role::ends_block_for_state;
pub use translate::Translator;

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

    (SLOTS [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident]
        push_word($handler:path)) => {
        // SAFETY: the program is sound.
        unsafe { $r.set($i.target, $handler($frame, $workspace, $host)) }
    };
    (SLOTS [$run:lifetime $r:ident $i:ident $($e:tt)*] gas) => {
        // SAFETY: the program is sound. The number is the gas of what follows in the block, which was taken already.
        unsafe { $r.set($i.target, word::from_u64($r.gas + u64::from($i.wide()))) }
    };
    (SLOTS [$($e:tt)*] calldataload) => { execute!(@calldataload [$($e)*] a) };
    (SLOT_SMALL [$($e:tt)*] calldataload) => { execute!(@calldataload [$($e)*] wide) };
    (@calldataload [$run:lifetime $r:ident $i:ident $program:ident $frame:ident $workspace:ident $host:ident]
        $offset:ident) => {
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
        match $r.returns.landing(&$target).or_else(|| $program.landing(&$target)) {
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
            // SAFETY: the program is sound.
            operation::MOVE => unsafe { $r.move_1($i) },
            // SAFETY: the program is sound.
            operation::MOVE_2 => unsafe { $r.move_2($i) },
            // SAFETY: the program is sound.
            operation::MOVE_3 => unsafe { $r.move_3($i) },
            // SAFETY: the program is sound.
            operation::EXCHANGE => unsafe { $r.exchange($i) },
            // SAFETY: the program is sound.
            operation::SET_SMALL => unsafe { $r.set($i.target, word::from_u64($i.wide().into())) },
            // SAFETY: the program is sound.
            operation::SET => unsafe { $r.set_number($i) },
            // SAFETY: the program is sound.
            operation::SET_SMALL_2 => unsafe { $r.set_small_2($i) },
            // SAFETY: the program is sound.
            operation::SET_CONSTANT => unsafe { $r.set_constant($i) },
            operation::MLOAD_AT => execute!(@mload $e a u64::from($i.b as u16)),
            operation::MSTORE_AT => {
                // SAFETY: the program is sound.
                let (base, value) = unsafe { ($r.get($i.a), $r.get($i.b)) };
                execute!(@store $e base u64::from($i.target as u16), value);
            }
            operation::SET_GOTO => {
                // SAFETY: the program is sound.
                let (header, _) = unsafe { $r.set_before_goto($i) };
                $r.shift($i);
                execute!(@go $run $r $program $frame header);
            }
            operation::CALL_GOTO => {
                // SAFETY: the program is sound.
                let (header, offset) = unsafe { $r.set_before_goto($i) };
                $r.returns.remember(offset, place($program, $r.next));
                $r.shift($i);
                execute!(@go $run $r $program $frame header);
            }
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

/// Runs `frame` until it ends, calls, creates or is interrupted; or until the plain engine has to go on from where the frame
/// stands then, which is at once if the code was not translated: `None`.
#[inline]
pub(crate) fn run<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
) -> Option<Exit> {
    let program = std::ptr::from_ref(frame.code.program(workspace.schedule)?);
    // SAFETY: the program belongs to the frame's code, which is not exchanged while this runs and never loses a program.
    unsafe { run_program(frame, workspace, host, program) }
}

/// The loop. It is a call of its own: frames whose code is not translated do not pay for what it saves and prepares. And the
/// program comes by pointer: what the compiler would make of a reference, registers kept for it, makes the loop 10 % slower.
///
/// # Safety
/// `program` must live until this returns.
#[inline(never)]
unsafe fn run_program<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
    program: *const Program,
) -> Option<Exit> {
    // SAFETY: the contract.
    let program = unsafe { &*program };
    let mut returns = Returns::default();
    let mut r = Registers::start(frame, program, workspace.schedule, &mut returns)?;
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
