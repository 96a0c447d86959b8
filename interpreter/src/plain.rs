//! The plain engine: a `match` loop over the bytecode, generated from the [opcode table](crate::opcode).
//!
//! It runs everything: initcode, cold code, inspected code; and it is the oracle of faster engines. Program counter, stack
//! pointer and gas live in registers; the table gives each instruction its checks as constants:
//!
//! 1. the fork defines it (only for those younger than Frontier),
//! 2. the stack is high enough before and low enough after it,
//! 3. the base gas is there (a constant unless forks repriced it);
//!
//! then the row's shape says how its handler is called. After that the handler needs to check nothing that its row states.

#![expect(
    unsafe_code,
    reason = "the loop reads code and stack through raw pointers: with checked indices it is 2.3x slower"
)]

use ruint::aliases::U256;

use braid_primitives::Hardfork;

use crate::{
    Exit, Frame, HaltReason, Host, Inspector, Step, Workspace,
    opcode::{JUMPDEST_GAS, for_each_opcode},
    ops::{account, arithmetic, bitwise, call, create, environment, halt, log, memory, storage},
    stack::{STACK_LIMIT, Stack, WORD_BYTES, by_limbs, height_bytes, read_limbs},
    word,
};

/// What the loop keeps in machine registers.
///
/// Invariants, which every method keeps given its contract:
/// - R1: `ip` points into the padded code of the frame, at an instruction (or its padding).
/// - R2: `sp` is the frame's stack pointer: one word past the top, all words below initialised.
struct Registers {
    ip: *const u8,
    sp: *mut U256,
    gas: u64,
    /// Gas that handlers took on top of base gas, and base gas of those with the whole frame at hand.
    dear_gas: u64,
}

impl Registers {
    /// The instruction.
    #[inline(always)]
    fn opcode(&self) -> u8 {
        // SAFETY: R1.
        unsafe { *self.ip }
    }

    /// Goes to the instruction behind this one and its immediate.
    ///
    /// # Safety
    /// The code must continue for that long: true for an immediate of at most 32 bytes behind an instruction that is not
    /// padding, because the padding is longer than that. In the padding there are only STOPs, which do not advance.
    #[inline(always)]
    unsafe fn advance(&mut self, immediate_size: usize) {
        // SAFETY: see above.
        self.ip = unsafe { self.ip.add(1 + immediate_size) };
    }

    /// Takes gas; false if there is less.
    #[inline(always)]
    fn charge(&mut self, gas: u64) -> bool {
        let (left, is_short) = self.gas.overflowing_sub(gas);
        if !is_short {
            self.gas = left;
        }
        !is_short
    }

    /// Takes over the gas that a handler left.
    #[inline(always)]
    fn set_gas(&mut self, gas_left: u64) {
        self.dear_gas += self.gas - gas_left;
        self.gas = gas_left;
    }

    /// The word `depth` below the top (1 is the top), by value.
    ///
    /// # Safety
    /// The stack must be at least `depth` high.
    #[inline(always)]
    unsafe fn word(&self, depth: usize) -> U256 {
        // SAFETY: by R2 and the contract the word is inside the stack and initialised.
        unsafe { read_limbs(self.sp.sub(depth)) }
    }

    /// The word `depth` below the top (1 is the top), to be overwritten.
    ///
    /// # Safety
    /// The stack must be at least `depth` high.
    #[inline(always)]
    unsafe fn peek(&mut self, depth: usize) -> &mut U256 {
        // SAFETY: by R2 and the contract the word is inside the stack and initialised.
        unsafe { &mut *self.sp.sub(depth) }
    }

    /// Drops the top word and returns it.
    ///
    /// # Safety
    /// The stack must not be empty.
    #[inline(always)]
    unsafe fn pop(&mut self) -> U256 {
        // SAFETY: by R2 and the contract there is an initialised word below `sp`.
        unsafe {
            self.sp = self.sp.sub(1);
            read_limbs(self.sp)
        }
    }

    /// Drops `N` words and returns them, the top one first.
    ///
    /// # Safety
    /// The stack must be at least `N` high.
    #[inline(always)]
    unsafe fn take<const N: usize>(&mut self) -> [U256; N] {
        // SAFETY: the contract, once for each word.
        std::array::from_fn(|_| unsafe { self.pop() })
    }

    /// Pushes a word.
    ///
    /// # Safety
    /// The stack must not be full.
    #[inline(always)]
    unsafe fn push(&mut self, word: U256) {
        // SAFETY: by R2 and the contract `sp` is inside the allocation.
        unsafe {
            self.sp.write(word);
            self.sp = self.sp.add(1);
        }
    }

    /// Pushes a copy of the word `depth` below the top, limb by limb.
    ///
    /// # Safety
    /// The stack must be at least `depth` high and not full.
    #[inline(always)]
    unsafe fn dup(&mut self, depth: usize) {
        // SAFETY: the contract, also of the two methods.
        unsafe {
            let word = self.word(depth);
            self.push(word);
        }
    }

    /// Exchanges the top word with the one `depth` below it, limb by limb.
    ///
    /// # Safety
    /// The stack must be at least `depth + 1` high.
    #[inline(always)]
    unsafe fn swap(&mut self, depth: usize) {
        // SAFETY: the contract, also of the two methods.
        unsafe {
            let (top, other) = (self.word(1), self.word(1 + depth));
            *self.peek(1) = other;
            *self.peek(1 + depth) = top;
        }
    }

    /// The immediate of PUSHn as a word.
    ///
    /// # Safety
    /// `SIZE` bytes must follow the instruction: see [`Registers::advance`].
    #[inline(always)]
    unsafe fn immediate<const SIZE: usize>(&self) -> U256 {
        let mut limbs = [0; 4];
        // SAFETY: the contract.
        let bytes = unsafe { &*self.ip.add(1).cast::<[u8; SIZE]>() };
        for (i, limb) in limbs.iter_mut().enumerate() {
            // The limb's bytes, from the end of the immediate: constants after unrolling.
            let end = SIZE.saturating_sub(8 * i);
            let start = end.saturating_sub(8);
            let mut big_endian = [0; 8];
            big_endian[8 - (end - start)..].copy_from_slice(&bytes[start..end]);
            *limb = u64::from_be_bytes(big_endian);
        }
        U256::from_limbs(limbs)
    }
}

/// What an instruction of a given shape does; `Err` of an `op` and everything that ends the frame breaks out of the loop.
macro_rules! execute {
    // Pure functions of stack words: the result replaces the deepest operand.
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; word1($handler:path)) => {
        // SAFETY: the table row checked one word; no immediate.
        unsafe {
            let word = $r.word(1);
            *$r.peek(1) = $handler(word);
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; word2($handler:path)) => {
        // SAFETY: the table row checked two words; no immediate.
        unsafe {
            let (a, b) = ($r.pop(), $r.word(1));
            *$r.peek(1) = $handler(a, b);
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; word3($handler:path)) => {
        // SAFETY: the table row checked three words; no immediate.
        unsafe {
            let (a, b, c) = ($r.pop(), $r.pop(), $r.word(1));
            *$r.peek(1) = $handler(a, b, c);
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; push_word($handler:path)) => {
        // SAFETY: the table row checked room for one word; no immediate.
        unsafe {
            $r.push($handler($frame, $workspace, $host));
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; push($size:literal)) => {
        // SAFETY: the table row checked room for one word; the immediate is at most 32 bytes.
        unsafe {
            let word = $r.immediate::<$size>();
            $r.push(word);
            $r.advance($size);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; dup($depth:literal)) => {
        // SAFETY: the table row checked the depth and room for one word; no immediate.
        unsafe {
            $r.dup($depth);
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; swap($depth:literal)) => {
        // SAFETY: the table row checked the depth; no immediate.
        unsafe {
            $r.swap($depth);
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; pop) => {
        // SAFETY: the table row checked one word; no immediate.
        unsafe {
            $r.sp = $r.sp.sub(1);
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; stop) => {
        $frame.output = 0..0;
        break $run Exit::Return
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; jumpdest) => {
        // SAFETY: no immediate.
        unsafe { $r.advance(0) }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; jump) => {
        // SAFETY: the table row checked one word.
        let target = unsafe { $r.pop() };
        execute!($run $r $frame jump_to target);
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; jumpi) => {
        // SAFETY: the table row checked two words.
        let (target, condition) = unsafe { ($r.pop(), $r.pop()) };
        if word::is_zero(&condition) {
            // SAFETY: no immediate.
            unsafe { $r.advance(0) }
        } else {
            execute!($run $r $frame jump_to target);
        }
    };
    // Where a jump lands there is a JUMPDEST: it is executed along with the jump, unless an inspector wants to see it.
    ($run:lifetime $r:ident $frame:ident jump_to $target:ident) => {
        let Some(ip) = jump_target($frame, &$target) else {
            break $run Exit::Halt(HaltReason::InvalidJump);
        };
        $r.ip = ip;
        if !I::ACTIVE {
            if !$r.charge(JUMPDEST_GAS) {
                break $run Exit::Halt(HaltReason::OutOfGas);
            }
            // SAFETY: no immediate.
            unsafe { $r.advance(0) }
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; pc) => {
        // SAFETY: the table row checked room for one word; no immediate.
        unsafe {
            $r.push(word::from_u64(pc_of($frame, &$r) as u64));
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; gas) => {
        // SAFETY: the table row checked room for one word; no immediate.
        unsafe {
            $r.push(word::from_u64($r.gas));
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; calldataload) => {
        // SAFETY: the table row checked one word; no immediate.
        unsafe {
            let offset = $r.word(1);
            *$r.peek(1) = $frame.calldata_word(&$workspace.memory, &offset);
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; mload) => {
        // SAFETY: the table row checked one word; no immediate.
        unsafe {
            let offset = $r.word(1);
            match memory::small_offset(&offset).and_then(|offset| $workspace.memory.load(offset)) {
                Some(word) => *$r.peek(1) = word,
                None => match memory::grow_for_word($frame, $workspace, $r.gas, &offset, 0) {
                    Ok((offset, gas_left)) => {
                        $r.set_gas(gas_left);
                        *$r.peek(1) = $workspace.memory.load(offset).unwrap_or_default();
                    }
                    Err(reason) => break $run Exit::Halt(reason),
                },
            }
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; mstore) => {
        // SAFETY: the table row checked two words; no immediate.
        unsafe {
            let (offset, value) = ($r.pop(), $r.pop());
            let is_stored =
                memory::small_offset(&offset).is_some_and(|offset| $workspace.memory.store(offset, &value));
            if !is_stored {
                match memory::grow_for_word($frame, $workspace, $r.gas, &offset, 0) {
                    Ok((offset, gas_left)) => {
                        $r.set_gas(gas_left);
                        $workspace.memory.store(offset, &value);
                    }
                    Err(reason) => break $run Exit::Halt(reason),
                }
            }
            $r.advance(0);
        }
    };
    // Handlers that are given their operands.
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; eval($handler:path)) => {
        // SAFETY: the table row checked the operands; the result takes the place of the deepest; no immediate.
        unsafe {
            let operands = $r.take();
            $frame.gas_left = $r.gas;
            match $handler($frame, $workspace, $host, operands) {
                Ok(word) => $r.push(by_limbs(&word)),
                Err(reason) => break $run Exit::Halt(reason),
            }
            $r.set_gas($frame.gas_left);
            $r.advance(0);
        }
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; exec($handler:path)) => {
        // SAFETY: the table row checked the operands; no immediate.
        unsafe {
            let operands = $r.take();
            $frame.gas_left = $r.gas;
            if let Err(reason) = $handler($frame, $workspace, $host, operands) {
                break $run Exit::Halt(reason);
            }
            $r.set_gas($frame.gas_left);
            $r.advance(0);
        }
    };
    // Handlers with the whole frame at hand.
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; end($handler:path)) => {
        execute!($run $r $frame $workspace $host $base; op($handler))
    };
    ($run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $base:ident; op($handler:path)) => {
        // SAFETY: R2 is what `set_top` asks for.
        unsafe { $frame.stack.set_top($r.sp) };
        $frame.gas_left = $r.gas;
        match $handler($frame, $workspace, $host) {
            Ok(()) => {
                $r.sp = $frame.stack.top_ptr();
                $r.dear_gas += $base;
                $r.set_gas($frame.gas_left);
                // SAFETY: no immediate.
                unsafe { $r.advance(0) }
            }
            Err(Exit::Interrupted) => {
                // As if the instruction had not begun: its operands are still there.
                $r.gas += $base;
                break $run Exit::Interrupted;
            }
            Err(exit) => {
                $r.sp = $frame.stack.top_ptr();
                $r.dear_gas += $base;
                $r.set_gas($frame.gas_left);
                if matches!(exit, Exit::Call | Exit::Create) {
                    // SAFETY: no immediate.
                    unsafe { $r.advance(0) }
                }
                break $run exit;
            }
        }
    };
}

/// The match over the opcode: each row of the table becomes an arm that checks, charges and executes.
macro_rules! dispatch {
    ({ $run:lifetime $r:ident $frame:ident $workspace:ident $host:ident $schedule:ident }
        $($byte:literal $name:ident $inputs:literal $outputs:literal $immediate:literal
        [$since:ident $gas:literal $(, $later:ident $later_gas:literal)*] $shape:ident $(($($handler:tt)*))?;)*) => {
        match $r.opcode() {
            $($byte => {
                if Hardfork::$since as u8 > 0 && $schedule.fork < Hardfork::$since {
                    break $run undefined($byte);
                }
                if $inputs > 0 && height_bytes($r.sp) < $inputs * WORD_BYTES {
                    break $run Exit::Halt(HaltReason::StackUnderflow);
                }
                if $outputs > $inputs
                    && height_bytes($r.sp) > (STACK_LIMIT + $inputs - $outputs) * WORD_BYTES
                {
                    break $run Exit::Halt(HaltReason::StackOverflow);
                }
                // One price for all forks is a constant; otherwise the schedule knows.
                let is_repriced = [$($later_gas as u16,)* 0].len() > 1;
                let base: u64 =
                    if is_repriced { u64::from($schedule.base_gas[$byte]) } else { $gas };
                if (is_repriced || base > 0) && !$r.charge(base) {
                    break $run Exit::Halt(HaltReason::OutOfGas);
                }
                execute!($run $r $frame $workspace $host base; $shape $(($($handler)*))?);
            })*
            opcode => break $run undefined(opcode),
        }
    };
}

/// Runs `frame` like [`crate::run`], with this engine whatever the workspace says, from wherever another engine left it.
#[expect(clippy::missing_panics_doc, reason = "no frame stands outside its code")]
pub fn run<H: Host, I: Inspector>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
    inspector: &mut I,
) -> Exit {
    // Where the threaded engine would have gone on is behind the frame now.
    frame.resumption = None;
    let schedule = workspace.schedule;
    let code = frame.code.padded();
    // R1 holds: a frame stops at an instruction, in the code or its padding. The pointer is to the whole of both.
    assert!(frame.pc < code.len(), "a frame stands at an instruction");
    let ip = code.as_ptr().wrapping_add(frame.pc);
    let mut r = Registers { ip, sp: frame.stack.top_ptr(), gas: frame.gas_left, dear_gas: 0 };
    let gas_before = r.gas;
    let exit = 'run: loop {
        if I::ACTIVE {
            write_back(frame, &r);
            inspector.step(&step(frame, workspace));
        }
        for_each_opcode!(dispatch! { 'run r frame workspace host schedule });
        if I::ACTIVE {
            inspector.step_end(r.gas, None);
        }
    };
    write_back(frame, &r);
    frame.heat_gas += gas_before - r.gas - r.dear_gas;
    if let Exit::Halt(reason) = &exit {
        frame.gas_left = 0;
        if I::ACTIVE {
            inspector.step_end(0, Some(*reason));
        }
    } else if I::ACTIVE && matches!(exit, Exit::Return | Exit::Revert) {
        inspector.step_end(frame.gas_left, None);
    }
    exit
}

fn write_back(frame: &mut Frame, r: &Registers) {
    frame.pc = pc_of(frame, r);
    frame.gas_left = r.gas;
    // SAFETY: R2 is what `set_top` asks for.
    unsafe { frame.stack.set_top(r.sp) };
}

fn step<'a>(frame: &'a Frame, workspace: &'a Workspace) -> Step<'a> {
    let stack: &Stack = &frame.stack;
    Step {
        pc: frame.pc,
        opcode: frame.code.padded()[frame.pc],
        gas_left: frame.gas_left,
        refund: frame.refund,
        depth: frame.depth,
        stack: stack.words(),
        memory: workspace.memory.bytes(),
        return_data: workspace.memory.return_data(),
    }
}

/// The failure at an opcode that the rules do not define.
#[cold]
#[inline(never)]
fn undefined(opcode: u8) -> Exit {
    Exit::Halt(HaltReason::UndefinedOpcode(opcode))
}

/// Offset of the instruction.
#[inline(always)]
fn pc_of(frame: &Frame, r: &Registers) -> usize {
    r.ip.addr() - frame.code.padded().as_ptr().addr()
}

/// Where a jump to `target` lands, or `None` where it must not.
#[inline(always)]
fn jump_target(frame: &Frame, target: &U256) -> Option<*const u8> {
    let offset = usize::try_from(word::to_u64(target)?).ok()?;
    if frame.code.is_jump_destination(offset) {
        Some(frame.code.padded().as_ptr().wrapping_add(offset))
    } else {
        None
    }
}
