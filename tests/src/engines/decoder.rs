//! The blocks of translated code beside a walk over the bytecode.
//!
//! The walk takes sizes, prices and stack use from the opcode table, as the plain engine does, and goes from instruction to
//! instruction. Where a block ends is written down here once more.

use std::collections::BTreeSet;

use braid_interpreter::{
    Code, STACK_LIMIT,
    opcode::{OPCODES, OpcodeInfo, byte as op},
    threaded::{BlockEnd, Program, TranslatedBlock},
};
use braid_primitives::Hardfork;

/// Words that a block can describe below and above the height it begins with.
const REACH: i64 = STACK_LIMIT as i64 - 1;

/// A block that needs more words for what it computes than there is room for has more instructions than this.
const CROWDED: usize = 32;

/// How often things were seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Coverage {
    /// Blocks that were compared.
    pub blocks: u64,
    /// Offsets to which a jump lands.
    pub landings: u64,
    /// JUMPDESTs inside immediate data.
    pub hidden: u64,
    /// Blocks that run on into the next.
    pub run_on: u64,
    /// Jumps to a place that is known beforehand.
    pub known_jumps: u64,
    /// Blocks that the plain engine takes over.
    pub left: u64,
    /// Blocks that were given up.
    pub abandoned: u64,
    /// Blocks that no height of the stack suits.
    pub never_entered: u64,
}

impl Coverage {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            blocks: self.blocks + other.blocks,
            landings: self.landings + other.landings,
            hidden: self.hidden + other.hidden,
            run_on: self.run_on + other.run_on,
            known_jumps: self.known_jumps + other.known_jumps,
            left: self.left + other.left,
            abandoned: self.abandoned + other.abandoned,
            never_entered: self.never_entered + other.never_entered,
        }
    }

    /// Panics unless so many blocks were seen, and everything else in some of them.
    ///
    /// # Panics
    /// If too little was seen to prove anything.
    pub fn assert_enough(&self, blocks: u64) {
        let seen = [self.landings, self.hidden, self.run_on, self.known_jumps, self.left];
        assert!(self.blocks >= blocks && seen.iter().all(|n| *n > blocks / 100), "{self:?}");
    }
}

/// How a walked block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Before a JUMPDEST.
    RunsOn,
    /// Before an instruction that is none, or beyond what a block describes.
    Leaves,
    /// With an instruction behind which nothing runs.
    Terminal(u8),
    /// With an instruction behind which the next block begins.
    Followed(u8),
}

/// A block as it is walked.
#[derive(Clone, Copy, Debug)]
struct Walked {
    end: End,
    /// Behind the last instruction.
    behind: usize,
    /// The last instruction.
    last: usize,
    /// What a PUSH right before the last instruction pushes, if it fits.
    pushed: Option<Option<u64>>,
    instructions: usize,
    gas: u64,
    least: i64,
    most: i64,
    moved: i64,
}

/// What is asked of a block before it is entered, those that it runs on into included.
#[derive(Clone, Copy)]
struct Needs {
    gas: u64,
    least: i64,
    most: i64,
}

/// The code as it is walked.
struct Walk<'c> {
    code: &'c [u8],
    fork: Hardfork,
    /// Where instructions begin, from the first on.
    boundaries: BTreeSet<usize>,
}

impl<'c> Walk<'c> {
    fn new(code: &'c [u8], fork: Hardfork) -> Self {
        let mut boundaries = BTreeSet::new();
        let mut offset = 0;
        while let Some(&opcode) = code.get(offset) {
            boundaries.insert(offset);
            offset += size(opcode);
        }
        Self { code, fork, boundaries }
    }

    /// Behind the code there is nothing but STOP.
    fn opcode(&self, offset: usize) -> u8 {
        self.code.get(offset).copied().unwrap_or(op::STOP)
    }

    fn is_landing(&self, offset: usize) -> bool {
        self.boundaries.contains(&offset) && self.code[offset] == op::JUMPDEST
    }

    fn next_landing(&self, offset: usize) -> Option<usize> {
        self.boundaries.range(offset..).copied().find(|offset| self.is_landing(*offset))
    }

    fn defined(&self, opcode: u8) -> Option<(&'static OpcodeInfo, u64)> {
        let info = OPCODES[usize::from(opcode)].as_ref()?;
        Some((info, info.base_gas(self.fork)?.into()))
    }

    fn block(&self, start: usize) -> Walked {
        let (mut offset, mut height, mut lowest, mut highest) = (start, 0_i64, 0_i64, 0_i64);
        let (mut gas, mut instructions, mut last, mut pushed) = (0, 0, start, None);
        let end = loop {
            let opcode = self.opcode(offset);
            if opcode == op::JUMPDEST && offset != start {
                break End::RunsOn;
            }
            let Some((info, price)) = self.defined(opcode) else { break End::Leaves };
            let bottom = height - i64::from(info.inputs);
            let top = bottom + i64::from(info.outputs);
            if bottom < -REACH || top > REACH {
                break End::Leaves;
            }
            (height, lowest, highest) = (top, lowest.min(bottom), highest.max(top));
            (gas, last) = (gas + price, offset);
            instructions += 1;
            offset += size(opcode);
            match ending(opcode) {
                Some(end) => break end,
                None => pushed = self.immediate(last),
            }
        };
        let (least, most) = (-lowest, STACK_LIMIT as i64 - highest);
        Walked { end, behind: offset, last, pushed, instructions, gas, least, most, moved: height }
    }

    /// What a PUSH pushes, if it is one: a number that fits 64 bits or not. What is missing behind the code is zero.
    fn immediate(&self, offset: usize) -> Option<Option<u64>> {
        let opcode = self.opcode(offset);
        if !(op::PUSH0..=op::PUSH32).contains(&opcode) {
            return None;
        }
        let mut bytes = (offset + 1..offset + size(opcode)).map(|at| self.opcode_or_zero(at));
        Some(bytes.try_fold(0_u64, |number, byte| Some(number.checked_mul(256)? | u64::from(byte))))
    }

    fn opcode_or_zero(&self, offset: usize) -> u8 {
        self.code.get(offset).copied().unwrap_or(0)
    }
}

fn size(opcode: u8) -> usize {
    match opcode {
        op::PUSH1..=op::PUSH32 => usize::from(opcode - op::PUSH1) + 2,
        _ => 1,
    }
}

/// Whether a block ends with it: a jump, an end of the frame, and what touches state or fails otherwise than by gas.
fn ending(opcode: u8) -> Option<End> {
    match opcode {
        op::STOP | op::JUMP | op::RETURN | op::REVERT | op::INVALID | op::SELFDESTRUCT => {
            Some(End::Terminal(opcode))
        }
        op::JUMPI
        | op::BALANCE
        | op::SELFBALANCE
        | op::BLOCKHASH
        | op::EXTCODESIZE
        | op::EXTCODECOPY
        | op::EXTCODEHASH
        | op::RETURNDATACOPY
        | op::SLOAD
        | op::SSTORE
        | op::TSTORE
        | op::CREATE
        | op::CREATE2
        | op::CALL
        | op::CALLCODE
        | op::DELEGATECALL
        | op::STATICCALL
        | op::LOG0..=op::LOG4 => Some(End::Followed(opcode)),
        _ => None,
    }
}

/// Compares a translation with the walk.
///
/// # Errors
/// What differs first.
pub fn check(
    code: &Code,
    program: &Program,
    fork: Hardfork,
    coverage: &mut Coverage,
) -> Result<(), String> {
    let walk = Walk::new(code.bytes(), fork);
    check_landings(&walk, code, program, coverage)?;
    let blocks: Vec<TranslatedBlock> = program.blocks().collect();
    let Some((halt, blocks)) = blocks.split_last() else { return Err("no blocks".into()) };
    if halt.end != BlockEnd::Halts {
        return Err(format!("impossible jumps go to {halt:?}"));
    }
    let mut walked = Vec::new();
    let mut next = Some(0);
    for block in blocks {
        if Some(block.offset) != next {
            return Err(format!("{block:?} where one begins at {next:?}"));
        }
        let mut expected = walk.block(block.offset);
        check_end(&walk, block, &mut expected, coverage)?;
        next = match expected.end {
            End::RunsOn | End::Followed(_) => Some(expected.behind),
            End::Leaves | End::Terminal(_) => walk.next_landing(expected.behind),
        };
        walked.push(expected);
    }
    if let Some(missing) = next {
        return Err(format!("no block at {missing}"));
    }
    check_needs(blocks, &walked, coverage)
}

fn check_landings(
    walk: &Walk<'_>,
    code: &Code,
    program: &Program,
    coverage: &mut Coverage,
) -> Result<(), String> {
    let length = walk.code.len();
    for offset in 0..length + 70 {
        let is_landing = walk.is_landing(offset);
        let lands_at = program.jump_lands_at(offset as u64);
        if code.is_jump_destination(offset) != is_landing
            || lands_at != Some(offset).filter(|_| is_landing)
        {
            return Err(format!("a jump to {offset} lands at {lands_at:?}"));
        }
        coverage.landings += u64::from(is_landing);
        coverage.hidden += u64::from(!is_landing && walk.code.get(offset) == Some(&op::JUMPDEST));
    }
    let far = [u64::MAX, 1 << 32, 1 << 63, (1 << 32) | length as u64];
    match far.into_iter().find(|offset| program.jump_lands_at(*offset).is_some()) {
        Some(offset) => Err(format!("a jump to {offset} lands")),
        None => Ok(()),
    }
}

/// Compares the end of a block. One that was given up becomes a block that is left at once.
fn check_end(
    walk: &Walk<'_>,
    block: &TranslatedBlock,
    walked: &mut Walked,
    coverage: &mut Coverage,
) -> Result<(), String> {
    coverage.blocks += 1;
    let is_abandoned = block.end == BlockEnd::Leaves(block.offset) && walked.instructions > CROWDED;
    if is_abandoned {
        coverage.abandoned += 1;
        (walked.end, walked.gas, walked.least) = (End::Leaves, 0, 0);
        walked.most = STACK_LIMIT as i64;
        return Ok(());
    }
    let is_at_known = |target: Option<usize>| match walked.pushed {
        Some(pushed) => {
            let landing = pushed.map(|offset| offset as usize).filter(|o| walk.is_landing(*o));
            target == landing
        }
        None => target.is_none_or(|offset| walk.is_landing(offset)),
    };
    let is_right = match (walked.end, block.end) {
        // Checked with the blocks that are passed over.
        (End::RunsOn, BlockEnd::RunsOn(_)) => true,
        (End::Leaves, BlockEnd::Leaves(offset)) => offset == walked.behind,
        (End::Terminal(op::STOP), BlockEnd::Stops) => true,
        (End::Terminal(op::JUMP), BlockEnd::Goes(target))
        | (End::Followed(op::JUMPI), BlockEnd::Branches(target)) => {
            coverage.known_jumps += 1;
            is_at_known(target)
        }
        (End::Terminal(op::JUMP), BlockEnd::Jumps)
        | (End::Followed(op::JUMPI), BlockEnd::JumpsIf) => walked.pushed.is_none(),
        (End::Terminal(last) | End::Followed(last), BlockEnd::Instruction { opcode, offset }) => {
            last == opcode && offset == walked.last && walk.opcode(offset) == opcode
        }
        _ => false,
    };
    coverage.run_on += u64::from(walked.end == End::RunsOn);
    coverage.left += u64::from(walked.end == End::Leaves);
    let is_boundary = walk.boundaries.contains(&block.offset) || block.offset == walk.code.len();
    if is_right && is_boundary { Ok(()) } else { Err(format!("{block:?}, walked {walked:?}")) }
}

/// Compares gas and heights, which blocks that run on take from those behind them.
fn check_needs(
    blocks: &[TranslatedBlock],
    walked: &[Walked],
    coverage: &mut Coverage,
) -> Result<(), String> {
    let mut behind: Option<Needs> = None;
    for (index, (block, walked)) in blocks.iter().zip(walked).enumerate().rev() {
        let mut needs = Needs { gas: walked.gas, least: walked.least, most: walked.most };
        if let (End::RunsOn, Some(next)) = (walked.end, behind) {
            needs.gas += next.gas;
            needs.least = needs.least.max(next.least - walked.moved);
            needs.most = needs.most.min(next.most - walked.moved);
        }
        let is_possible = 0 <= needs.least && needs.least <= needs.most;
        let heights = is_possible.then_some(needs.least as usize..=needs.most as usize);
        coverage.never_entered += u64::from(!is_possible);
        if block.gas != needs.gas || block.heights != heights {
            return Err(format!("{block:?}, walked {walked:?}: {} gas, {heights:?}", needs.gas));
        }
        if let BlockEnd::RunsOn(to) = block.end
            && !runs_on(&blocks[index + 1..], to)
        {
            return Err(format!("{block:?} passes over something"));
        }
        behind = Some(needs);
    }
    Ok(())
}

/// Whether running on from one block to the next, over such as do nothing, leads to the block at `offset`.
fn runs_on(behind: &[TranslatedBlock], offset: usize) -> bool {
    for block in behind {
        if block.offset == offset {
            return true;
        }
        if !matches!(block.end, BlockEnd::RunsOn(_)) {
            return false;
        }
    }
    false
}
