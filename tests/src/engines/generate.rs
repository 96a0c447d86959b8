//! Random code with a taste for what engines that translate code might get wrong: blocks of many sizes and how they end,
//! constants, permuted stacks, jumps of every kind, heights near both limits, gas that runs out in the middle.

use alloy_primitives::{Address, U256};
use braid_interpreter::{
    STACK_LIMIT,
    opcode::{OPCODES, OpcodeInfo, byte as op},
};
use braid_primitives::Hardfork;

use super::assembly::{Form, Piece, assemble};
use crate::{
    differential::program::{push, push_all},
    random::Random,
};

/// Most sections of a program.
const SECTIONS: usize = 9;

/// Makes programs.
#[derive(Debug)]
pub struct Generator<'a> {
    /// Source of chance.
    pub random: &'a mut Random,
    /// Rules that the programs run under.
    pub fork: Hardfork,
    /// Accounts that the programs know.
    pub addresses: &'a [Address],
}

type Section<'a> = fn(&mut Generator<'a>, &mut Program);

/// A program that is being made.
#[derive(Debug, Default)]
struct Program {
    pieces: Vec<Piece>,
    /// Words that are on the stack, unless a jump was taken.
    height: usize,
    /// Labels used so far.
    labels: usize,
}

impl Program {
    fn bytes(&mut self, bytes: impl Into<Vec<u8>>) {
        self.pieces.push(Piece::Bytes(bytes.into()));
    }

    fn push(&mut self, word: U256) {
        self.bytes(push(word));
        self.height += 1;
    }

    /// Adds an instruction without immediate, if the stack is high enough; returns whether it was.
    fn op(&mut self, opcode: u8) -> bool {
        let Some(info) = &OPCODES[opcode as usize] else { return false };
        let (inputs, outputs) = (usize::from(info.inputs), usize::from(info.outputs));
        let fits = self.height >= inputs && self.height - inputs + outputs <= STACK_LIMIT;
        if fits {
            self.bytes([opcode]);
            self.height = self.height - inputs + outputs;
        }
        fits
    }
}

impl<'a> Generator<'a> {
    /// A program.
    pub fn program(&mut self) -> Vec<Piece> {
        let mut program = Program::default();
        match self.random.below(20) {
            0 => self.noise(&mut program),
            1 => self.run_of_one_byte(&mut program),
            2 => {
                self.tall(&mut program);
                self.sections(&mut program);
            }
            _ => self.sections(&mut program),
        }
        self.end(&mut program);
        if self.random.one_in(12) {
            // The code ends in an immediate.
            let opcode = op::PUSH1 + self.random.index(32) as u8;
            let length = self.random.index(usize::from(opcode - op::PUSH1) + 1);
            let mut cut = vec![opcode];
            cut.extend(self.random.bytes(length));
            program.bytes(cut);
        }
        program.pieces
    }

    fn sections(&mut self, program: &mut Program) {
        let sections: &[(u64, Section<'a>)] = &[
            (10, Self::arithmetic),
            (6, Self::constants),
            (8, Self::permutation),
            (8, Self::memory),
            (5, Self::observers),
            (4, Self::environment),
            (8, Self::jump),
            (5, Self::counted_loop),
            (6, Self::storage),
            (3, Self::account),
            (2, Self::log),
            (3, Self::call),
            (1, Self::create),
            (1, Self::stray),
            (1, Self::self_destruct),
        ];
        for _ in 0..1 + self.random.index(SECTIONS) {
            let section = self.random.pick_weighted(sections);
            section(self, program);
        }
    }

    /// Whether the fork has the instruction; once in a while it is used all the same.
    fn has(&mut self, opcode: u8) -> bool {
        let since = OPCODES[opcode as usize].as_ref().map(OpcodeInfo::since);
        since.is_some_and(|since| since <= self.fork) || self.random.one_in(400)
    }

    /// An offset or size in memory: small, or one whose price is near or beyond any gas limit.
    fn extent(&mut self) -> U256 {
        match self.random.below(300) {
            0 => self.random.word(),
            1..=3 => U256::from(self.random.below(1 << 17)),
            4..=50 => U256::ZERO,
            51..=150 => U256::from(self.random.below(8) * 32),
            _ => U256::from(self.random.below(300)),
        }
    }

    fn address(&mut self) -> U256 {
        U256::from_be_bytes(self.random.pick(self.addresses).into_word().0)
    }

    /// Any bytes.
    fn noise(&mut self, program: &mut Program) {
        let length = 1 + self.random.index(120);
        if self.random.one_in(2) {
            let bytes = self.random.bytes(length);
            program.bytes(bytes);
            return;
        }
        for _ in 0..length {
            // Instructions that exist, on a stack that may not have what they need.
            let opcode = self.random.next_u64() as u8;
            if OPCODES[opcode as usize].is_some() {
                program.bytes([opcode]);
            }
        }
    }

    /// A long run of the same byte.
    fn run_of_one_byte(&mut self, program: &mut Program) {
        let byte = self.random.pick(&[
            op::JUMPDEST,
            op::PUSH1,
            op::PUSH0,
            op::PUSH32,
            op::PC,
            op::GAS,
            op::MSIZE,
            op::DUP1,
            op::SWAP16,
            op::POP,
            op::STOP,
            op::JUMP,
            op::JUMPI,
        ]);
        let length = self.random.pick(&[1, 31, 32, 33, 64, 65, 1023, 1024, 1025, 2000, 24_576]);
        program.push(self.random.word());
        program.bytes(vec![byte; length]);
    }

    /// A stack that is nearly full, so that what follows overflows it sooner or later.
    fn tall(&mut self, program: &mut Program) {
        let room = self.random.pick(&[0, 0, 1, 2, 3, 5, 16, 17, 40]);
        program.push(self.random.word());
        let height = STACK_LIMIT - room;
        let mut left = height - 1;
        while left > 0 {
            // In blocks, each of which needs much of the stack.
            let length = left.min(1 + self.random.index(700));
            let opcode = if self.random.one_in(3) { op::PC } else { op::DUP1 };
            program.bytes(vec![opcode; length]);
            left -= length;
            if self.random.one_in(2) {
                program.bytes([op::JUMPDEST]);
            }
        }
        program.height = height;
    }

    fn arithmetic(&mut self, program: &mut Program) {
        const FIRST: u8 = op::ADD;
        const LAST: u8 = op::CLZ;
        for _ in 0..2 + self.random.index(14) {
            let opcode = FIRST + self.random.index(usize::from(LAST - FIRST) + 1) as u8;
            match self.random.below(8) {
                0 | 1 => program.push(self.random.word()),
                2 => self.shuffle_once(program),
                _ if self.has(opcode) => {
                    let is_done = program.op(opcode);
                    if !is_done {
                        program.push(self.random.word());
                    }
                }
                _ => {}
            }
        }
    }

    /// Constants and instructions on them that a translator can work out beforehand.
    fn constants(&mut self, program: &mut Program) {
        for _ in 0..1 + self.random.index(4) {
            let (a, b, c) = (self.random.word(), self.random.word(), self.random.word());
            program.push(a);
            program.push(b);
            program.push(c);
            for _ in 0..1 + self.random.index(4) {
                let opcode = self.random.pick(&[
                    op::ADD,
                    op::SUB,
                    op::MUL,
                    op::AND,
                    op::ISZERO,
                    op::LT,
                    op::EQ,
                    op::SHL,
                    op::SHR,
                    op::SIGNEXTEND,
                    op::EXP,
                    op::NOT,
                    op::POP,
                    op::SWAP1,
                    op::SWAP2,
                    op::DUP2,
                    op::MULMOD,
                ]);
                if self.has(opcode) {
                    program.op(opcode);
                }
            }
        }
    }

    fn shuffle_once(&mut self, program: &mut Program) {
        let reach = program.height.min(16);
        match self.random.below(5) {
            0 | 1 if reach > 0 => program.op(op::DUP1 + self.random.index(reach) as u8),
            2 | 3 if reach > 1 => program.op(op::SWAP1 + self.random.index(reach - 1) as u8),
            _ => program.op(op::POP),
        };
    }

    /// Different words, put in another order, and shown.
    fn permutation(&mut self, program: &mut Program) {
        let count = 2 + self.random.index(17);
        for i in 0..count {
            match self.random.below(4) {
                0 => program.bytes([op::PC]),
                _ => program.bytes([op::PUSH1, i as u8]),
            }
        }
        program.height += count;
        for _ in 0..1 + self.random.index(25) {
            self.shuffle_once(program);
        }
        for i in 0..self.random.index(count + 1) {
            if program.height > 0 {
                program.push(U256::from(32 * i));
                program.op(op::MSTORE);
            }
        }
    }

    fn memory(&mut self, program: &mut Program) {
        const OPCODES: &[u8] = &[
            op::MLOAD,
            op::MLOAD,
            op::MSTORE,
            op::MSTORE,
            op::MSTORE8,
            op::KECCAK256,
            op::CALLDATACOPY,
            op::CODECOPY,
            op::RETURNDATACOPY,
            op::MCOPY,
            op::CALLDATALOAD,
        ];
        for _ in 0..1 + self.random.index(4) {
            let opcode = self.random.pick(OPCODES);
            if !self.has(opcode) {
                continue;
            }
            if opcode == op::RETURNDATACOPY && self.has(op::RETURNDATASIZE) {
                program.bytes([op::RETURNDATASIZE]);
                program.height += 1;
                program.push(U256::ZERO);
                program.push(self.extent());
                program.op(opcode);
                continue;
            }
            let info = &braid_interpreter::opcode::OPCODES[opcode as usize];
            for _ in 0..info.as_ref().map_or(0, |info| info.inputs) {
                // Most often a constant, else whatever is there.
                if !self.random.one_in(5) {
                    program.push(self.extent());
                }
            }
            program.op(opcode);
        }
    }

    /// Where it is, what is left, how much memory there is: kept where it can be seen.
    fn observers(&mut self, program: &mut Program) {
        for _ in 0..1 + self.random.index(4) {
            program.op(self.random.pick(&[op::PC, op::GAS, op::MSIZE, op::CODESIZE]));
            if self.random.one_in(2) {
                program.push(U256::from(32 * self.random.below(6)));
                program.op(op::MSTORE);
            }
        }
    }

    fn environment(&mut self, program: &mut Program) {
        for _ in 0..1 + self.random.index(4) {
            let kinds = usize::from(op::BLOBBASEFEE - op::ADDRESS) + 1;
            let opcode = op::ADDRESS + self.random.index(kinds) as u8;
            let is_copy = opcode == op::CALLDATACOPY || opcode == op::CODECOPY;
            if is_copy || opcode == op::RETURNDATACOPY || opcode == op::EXTCODECOPY {
                continue;
            }
            if self.has(opcode) {
                program.op(opcode);
            }
        }
    }

    /// A jump, most often to a label; what is skipped may be needed, or not be code at all.
    fn jump(&mut self, program: &mut Program) {
        program.labels += 1;
        let label = program.labels;
        let form = match self.random.below(40) {
            0..=20 => Form::Short,
            21..=25 => Form::Wide,
            26..=31 => Form::Sum,
            32..=38 => Form::Memory,
            _ => Form::Beside(self.random.pick(&[-2, -1, 1, 2])),
        };
        let is_conditional = self.random.one_in(2);
        if is_conditional {
            match self.random.below(4) {
                0 => program.push(self.random.word()),
                1 => {
                    program.bytes([op::GAS]);
                    program.push(U256::from(1 + self.random.below(60_000)));
                    program.bytes([self.random.pick(&[op::LT, op::GT])]);
                }
                2 if program.height > 0 => {
                    program.bytes([op::DUP1, op::ISZERO]);
                    program.height += 1;
                }
                _ => {
                    program.push(self.extent());
                    program.bytes([op::CALLDATALOAD]);
                }
            }
        }
        let height = program.height - usize::from(is_conditional && program.height > 0);
        // Once in a while backwards, or to a label that is not there.
        let target = if self.random.one_in(20) { self.random.index(label) } else { label };
        program.pieces.push(Piece::Target(target, form));
        program.bytes([if is_conditional { op::JUMPI } else { op::JUMP }]);
        match self.random.below(6) {
            0 => {
                // A JUMPDEST that is none.
                program.bytes([op::PUSH2, op::JUMPDEST, op::JUMPDEST]);
            }
            1 => program.bytes([self.random.next_u64() as u8]),
            2 => self.arithmetic(program),
            _ => {}
        }
        program.height = height;
        program.pieces.push(Piece::Label(label));
        for _ in 0..self.random.below(30).saturating_sub(26) {
            program.bytes([op::JUMPDEST]);
        }
    }

    /// A body that runs a few times; what it leaves on the stack piles up.
    fn counted_loop(&mut self, program: &mut Program) {
        program.labels += 1;
        let label = program.labels;
        let times = self.random.pick(&[1, 2, 3, 7, 100]);
        program.push(U256::from(times));
        program.pieces.push(Piece::Label(label));
        let height = program.height;
        match self.random.below(4) {
            0 => self.arithmetic(program),
            1 => self.memory(program),
            2 => self.storage(program),
            _ => self.permutation(program),
        }
        while program.height > height && !self.random.one_in(30) {
            program.op(op::POP);
        }
        program.bytes([op::PUSH1, 1, op::SWAP1, op::SUB, op::DUP1]);
        program.pieces.push(Piece::Target(label, Form::Short));
        program.bytes([op::JUMPI]);
    }

    fn storage(&mut self, program: &mut Program) {
        for _ in 0..1 + self.random.index(3) {
            let is_transient = self.random.one_in(4) && self.has(op::TLOAD);
            let (load, save) =
                if is_transient { (op::TLOAD, op::TSTORE) } else { (op::SLOAD, op::SSTORE) };
            let key = U256::from(self.random.below(4));
            if self.random.one_in(2) {
                program.push(key);
                program.op(load);
                continue;
            }
            if self.random.one_in(3) {
                program.op(op::GAS);
            } else {
                program.push(U256::from(self.random.below(3)));
            }
            program.push(key);
            program.op(save);
        }
    }

    fn account(&mut self, program: &mut Program) {
        let opcode = self.random.pick(&[
            op::BALANCE,
            op::EXTCODESIZE,
            op::EXTCODEHASH,
            op::EXTCODECOPY,
            op::SELFBALANCE,
            op::BLOCKHASH,
        ]);
        if !self.has(opcode) {
            return;
        }
        match opcode {
            op::SELFBALANCE => {}
            op::BLOCKHASH => {
                program.push(U256::from(1 + self.random.below(3)));
                program.bytes([op::NUMBER, op::SUB]);
            }
            op::EXTCODECOPY => {
                let words = [self.extent(), self.extent(), self.extent()];
                program.bytes(push_all(&words));
                program.height += words.len();
                program.push(self.address());
            }
            _ => program.push(self.address()),
        }
        program.op(opcode);
    }

    fn log(&mut self, program: &mut Program) {
        let topics = self.random.index(5);
        for _ in 0..topics {
            program.push(self.random.word());
        }
        program.push(self.extent());
        program.push(self.extent());
        program.op(op::LOG0 + topics as u8);
    }

    fn call(&mut self, program: &mut Program) {
        let opcode =
            self.random.pick(&[op::CALL, op::CALL, op::CALLCODE, op::DELEGATECALL, op::STATICCALL]);
        if !self.has(opcode) {
            return;
        }
        for _ in 0..4 {
            program.push(self.extent());
        }
        if matches!(opcode, op::CALL | op::CALLCODE) {
            program.push(U256::from(self.random.below(3) / 2));
        }
        program.push(self.address());
        if self.random.one_in(3) {
            program.push(U256::from(self.random.below(60_000)));
        } else {
            // Less than all of it, or before EIP-150 there is nothing left for the call itself.
            program.push(U256::from(45_000));
            program.bytes([op::GAS, op::SUB]);
        }
        program.op(opcode);
    }

    fn create(&mut self, program: &mut Program) {
        let opcode = self.random.pick(&[op::CREATE, op::CREATE2]);
        if !self.has(opcode) {
            return;
        }
        // The code's own beginning as initcode.
        program.bytes([op::CODESIZE, op::PUSH1, 0, op::PUSH1, 0, op::CODECOPY]);
        if opcode == op::CREATE2 {
            program.push(self.random.word());
        }
        program.push(self.extent());
        program.push(U256::ZERO);
        program.push(U256::from(self.random.below(2)));
        program.op(opcode);
    }

    /// An instruction that may not be there, or has nothing to work on.
    fn stray(&mut self, program: &mut Program) {
        if self.random.one_in(4) {
            program.bytes([self.random.next_u64() as u8]);
        }
    }

    fn self_destruct(&mut self, program: &mut Program) {
        if self.random.one_in(3) {
            program.push(self.address());
            program.op(op::SELFDESTRUCT);
        }
    }

    fn end(&mut self, program: &mut Program) {
        if self.random.one_in(3) {
            self.observers(program);
        }
        let opcode = match self.random.below(10) {
            0 => op::STOP,
            1 => op::INVALID,
            2 if self.has(op::REVERT) => op::REVERT,
            3 | 4 => return,
            _ => op::RETURN,
        };
        if matches!(opcode, op::RETURN | op::REVERT) {
            program.push(U256::from(self.random.below(300)));
            program.push(U256::from(self.random.below(64)));
        }
        program.bytes([opcode]);
    }
}

/// A small program's bytecode.
pub fn code(random: &mut Random, fork: Hardfork, addresses: &[Address]) -> Vec<u8> {
    assemble(&Generator { random, fork, addresses }.program())
}
