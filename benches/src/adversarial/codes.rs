//! Codes of a given size.

use braid_interpreter::opcode::byte;

/// Instructions of one turn of [`Shape::Turns`].
pub(super) const TURN_LENGTH: u64 = 7;
/// Bytes at the end that make a code different from others of its shape: a STOP and a number.
const TAIL_BYTES: usize = 9;
/// Words on the stack that [`Shape::StackNoise`] works on: as many as SWAP16 needs.
const NOISE_WORDS: usize = 17;

/// What a code looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A STOP, and JUMPDESTs behind it.
    EndsAtOnce,
    /// Nothing but JUMPDESTs, each a basic block of its own.
    Jumpdests,
    /// Jumps, each to the next.
    Jumps,
    /// Conditional jumps that are taken, each to the next.
    TakenLadder,
    /// Conditional jumps that are not taken.
    UntakenLadder,
    /// PUSH32 after PUSH32.
    Pushes,
    /// PUSH1 and POP in turns: two instructions in three bytes that undo each other.
    SmallPushes,
    /// DUP and SWAP of all depths, in no order.
    StackNoise,
    /// Reads of storage.
    Storage,
    /// Reads of balances.
    Balances,
    /// Calls of an account without code, with no gas.
    Calls,
    /// A loop of as many turns as the first word of calldata says, and stack noise behind it that never runs.
    Turns,
}

impl Shape {
    /// All there are.
    pub const ALL: [Self; 12] = [
        Self::EndsAtOnce,
        Self::Jumpdests,
        Self::Jumps,
        Self::TakenLadder,
        Self::UntakenLadder,
        Self::Pushes,
        Self::SmallPushes,
        Self::StackNoise,
        Self::Storage,
        Self::Balances,
        Self::Calls,
        Self::Turns,
    ];

    /// Its name in ids.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EndsAtOnce => "ends_at_once",
            Self::Jumpdests => "jumpdests",
            Self::Jumps => "jumps",
            Self::TakenLadder => "taken_ladder",
            Self::UntakenLadder => "untaken_ladder",
            Self::Pushes => "pushes",
            Self::SmallPushes => "small_pushes",
            Self::StackNoise => "stack_noise",
            Self::Storage => "storage",
            Self::Balances => "balances",
            Self::Calls => "calls",
            Self::Turns => "turns",
        }
    }

    /// A code of this shape; `number` makes it different from others.
    pub(super) fn code(self, size_bytes: usize, number: u64) -> Vec<u8> {
        let end = size_bytes - TAIL_BYTES;
        let mut code = Vec::with_capacity(size_bytes);
        match self {
            Self::EndsAtOnce => code.push(byte::STOP),
            Self::StackNoise => code.resize(NOISE_WORDS, byte::PUSH0),
            Self::Turns => code.extend(turns()),
            _ => {}
        }
        let mut noise = Noise(1);
        loop {
            let unit = self.unit(code.len(), &mut noise);
            if code.len() + unit.len() > end {
                break;
            }
            code.extend(unit);
        }
        code.resize(size_bytes - TAIL_BYTES, byte::JUMPDEST);
        code.push(byte::STOP);
        code.extend(number.to_be_bytes());
        code
    }

    /// What the code consists of, for the place `offset`.
    fn unit(self, offset: usize, noise: &mut Noise) -> Vec<u8> {
        match self {
            Self::EndsAtOnce | Self::Jumpdests => vec![byte::JUMPDEST],
            Self::Jumps => {
                let [high, low] = target(offset + 4);
                vec![byte::PUSH2, high, low, byte::JUMP, byte::JUMPDEST]
            }
            Self::TakenLadder => {
                let [high, low] = target(offset + 6);
                vec![byte::PUSH1, 1, byte::PUSH2, high, low, byte::JUMPI, byte::JUMPDEST]
            }
            Self::UntakenLadder => {
                let [high, low] = target(offset);
                vec![byte::PUSH0, byte::PUSH2, high, low, byte::JUMPI]
            }
            Self::Pushes => {
                let mut unit = vec![0xa5; 33];
                unit[0] = byte::PUSH32;
                unit
            }
            Self::SmallPushes => vec![byte::PUSH1, 1, byte::POP],
            Self::StackNoise | Self::Turns => noise.unit(),
            Self::Storage => vec![byte::PUSH0, byte::SLOAD, byte::POP],
            Self::Balances => vec![byte::ADDRESS, byte::BALANCE, byte::POP],
            Self::Calls => {
                let mut unit = vec![byte::PUSH0; 6];
                unit.extend([byte::STATICCALL, byte::POP]);
                unit
            }
        }
    }
}

fn target(offset: usize) -> [u8; 2] {
    let [.., high, low] = offset.to_be_bytes();
    [high, low]
}

/// Counts the first word of calldata down to zero.
fn turns() -> Vec<u8> {
    let head = [byte::PUSH0, byte::CALLDATALOAD];
    // One turn is seven instructions.
    let turn = [
        byte::JUMPDEST,
        byte::PUSH1,
        1,
        byte::SWAP1,
        byte::SUB,
        byte::DUP1,
        byte::PUSH1,
        9,
        byte::JUMPI,
    ];
    // A count of zero ends at once.
    let guard = [byte::DUP1, byte::PUSH1, 9, byte::JUMPI, byte::STOP];
    let mut code = Vec::new();
    code.extend(head);
    code.extend(guard);
    code.extend([byte::STOP, byte::STOP]);
    code.extend(turn);
    code.push(byte::STOP);
    code
}

/// A sequence of numbers that is the same in each run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: u8) -> u8 {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % u64::from(bound)) as u8
    }

    /// A DUP, some SWAPs and a POP: the stack is as high afterwards as before.
    fn unit(&mut self) -> Vec<u8> {
        let mut unit = vec![byte::DUP1 + self.below(16)];
        unit.extend((0..=self.below(3)).map(|_| byte::SWAP1 + self.below(16)));
        unit.push(byte::POP);
        unit
    }
}
