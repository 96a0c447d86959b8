//! Random programs: mostly valid, with a taste for what is delicate.

use alloy_primitives::{Address, U256};
use braid_interpreter::opcode::byte as op;
use braid_primitives::Hardfork;

use super::{
    inputs,
    program::{Part, Program, push, push_all, store},
};
use crate::random::Random;

/// Instructions that only compute and give one word: opcode, words taken, first fork.
const PURE: &[(u8, usize, Hardfork)] = {
    use Hardfork::{Constantinople, Frontier, Osaka};
    &[
        (op::ADD, 2, Frontier),
        (op::MUL, 2, Frontier),
        (op::SUB, 2, Frontier),
        (op::DIV, 2, Frontier),
        (op::SDIV, 2, Frontier),
        (op::MOD, 2, Frontier),
        (op::SMOD, 2, Frontier),
        (op::ADDMOD, 3, Frontier),
        (op::MULMOD, 3, Frontier),
        (op::EXP, 2, Frontier),
        (op::SIGNEXTEND, 2, Frontier),
        (op::LT, 2, Frontier),
        (op::GT, 2, Frontier),
        (op::SLT, 2, Frontier),
        (op::SGT, 2, Frontier),
        (op::EQ, 2, Frontier),
        (op::ISZERO, 1, Frontier),
        (op::AND, 2, Frontier),
        (op::OR, 2, Frontier),
        (op::XOR, 2, Frontier),
        (op::NOT, 1, Frontier),
        (op::BYTE, 2, Frontier),
        (op::SHL, 2, Constantinople),
        (op::SHR, 2, Constantinople),
        (op::SAR, 2, Constantinople),
        (op::CLZ, 1, Osaka),
    ]
};

/// Instructions that take nothing and push what the environment says.
const ENVIRONMENT: &[(u8, Hardfork)] = {
    use Hardfork::{Byzantium, Cancun, Frontier, Istanbul, London, Shanghai};
    &[
        (op::ADDRESS, Frontier),
        (op::ORIGIN, Frontier),
        (op::CALLER, Frontier),
        (op::CALLVALUE, Frontier),
        (op::CALLDATASIZE, Frontier),
        (op::CODESIZE, Frontier),
        (op::GASPRICE, Frontier),
        (op::RETURNDATASIZE, Byzantium),
        (op::COINBASE, Frontier),
        (op::TIMESTAMP, Frontier),
        (op::NUMBER, Frontier),
        (op::PREVRANDAO, Frontier),
        (op::GASLIMIT, Frontier),
        (op::CHAINID, Istanbul),
        (op::SELFBALANCE, Istanbul),
        (op::BASEFEE, London),
        (op::BLOBBASEFEE, Cancun),
        (op::PC, Frontier),
        (op::MSIZE, Frontier),
        (op::GAS, Frontier),
        (op::PUSH0, Shanghai),
    ]
};

/// Instructions of later forks are used all the same once in so many times: they must fail.
const TOO_EARLY: u64 = 200;

/// Makes programs.
#[derive(Debug)]
pub struct CodeGenerator<'a> {
    /// Source of chance.
    pub random: &'a mut Random,
    /// Rules that the programs run under.
    pub fork: Hardfork,
    /// Accounts that the programs know.
    pub addresses: &'a [Address],
    /// Height of the block.
    pub block_number: u64,
}

type Snippet<'a> = fn(&mut CodeGenerator<'a>) -> Vec<u8>;

impl<'a> CodeGenerator<'a> {
    /// A program of up to `parts` parts, and an end.
    pub fn program(&mut self, parts: usize) -> Program {
        if self.random.one_in(25) {
            let length = self.random.index(80);
            return Program(vec![Part::Code(self.random.bytes(length))]);
        }
        let mut program = self.body(parts, 2);
        program.0.push(Part::Code(self.end()));
        program
    }

    /// A program that calls itself, or creates with its own code, for as long as there is gas; with enough of it down to the
    /// limit of depth.
    pub fn recursion(&mut self) -> Program {
        let mut code = match self.random.below(3) {
            0 => self.storage(),
            1 => self.gas_probe(),
            _ => Vec::new(),
        };
        if self.random.one_in(4) {
            code.extend([op::CODESIZE, op::PUSH1, 0, op::PUSH1, 0, op::CODECOPY]);
            code.extend([op::CODESIZE, op::PUSH1, 0, op::PUSH1, 0, op::CREATE]);
        } else {
            code.extend(push_all(&[
                self.extent_below_100(),
                U256::from(32),
                U256::ZERO,
                U256::from(32),
            ]));
            let is_plain = self.fork < Hardfork::Homestead || self.random.one_in(2);
            let opcode = if is_plain {
                self.random.pick(&[op::CALL, op::CALLCODE])
            } else {
                op::DELEGATECALL
            };
            if is_plain {
                code.extend(push(U256::from(self.random.below(2))));
            }
            code.push(op::ADDRESS);
            // Before EIP-150 the caller has to keep enough for the call itself.
            let kept = if self.fork < Hardfork::Tangerine { 40_000 } else { 0 };
            code.extend(push(U256::from(kept)));
            code.extend([op::GAS, op::SUB, opcode]);
        }
        code.extend(self.keep());
        Program(vec![Part::Code(code), Part::Code(self.gas_probe()), Part::Code(self.end())])
    }

    fn extent_below_100(&mut self) -> U256 {
        U256::from(self.random.below(100))
    }

    fn body(&mut self, parts: usize, depth: usize) -> Program {
        let count = 1 + self.random.index(parts);
        Program((0..count).map(|_| self.part(depth)).collect())
    }

    fn part(&mut self, depth: usize) -> Part {
        if depth > 0 && self.random.one_in(14) {
            let body = self.body(3, depth - 1);
            return match self.random.below(3) {
                0 => Part::Loop(1 + self.random.below(4) as u8, body),
                _ => Part::Unless(self.computation(), body),
            };
        }
        let snippets: &[(u64, Snippet<'a>)] = &[
            (10, Self::compute),
            (8, Self::memory),
            (14, Self::storage),
            (4, Self::account_query),
            (3, Self::log),
            (12, Self::call),
            (5, Self::precompile),
            (5, Self::create),
            (4, Self::gas_probe),
            (1, Self::self_destruct),
            (1, Self::stray),
        ];
        let snippet = self.random.pick_weighted(snippets);
        Part::Code(snippet(self))
    }

    /// True if an instruction of fork `since` is to be used.
    fn may_use(&mut self, since: Hardfork) -> bool {
        self.fork >= since || self.random.one_in(TOO_EARLY)
    }

    fn address(&mut self) -> U256 {
        if self.random.one_in(40) {
            return self.random.word();
        }
        let address = self.random.pick(self.addresses);
        // The upper 12 bytes are ignored.
        let dirt = if self.random.one_in(20) { U256::from(1) << 160 } else { U256::ZERO };
        U256::from_be_bytes(address.into_word().0) | dirt
    }

    /// An offset or length in memory.
    fn extent(&mut self) -> U256 {
        match self.random.below(60) {
            0 => self.random.word(),
            1 => U256::from(self.random.below(1 << 20)),
            2..=8 => U256::ZERO,
            9..=20 => U256::from(self.random.below(8) * 32),
            _ => U256::from(self.random.below(200)),
        }
    }

    fn key(&mut self) -> U256 {
        if self.random.one_in(30) { self.random.word() } else { U256::from(self.random.below(4)) }
    }

    /// Instructions that leave one word.
    fn computation(&mut self) -> Vec<u8> {
        let mut code = Vec::new();
        let mut height = 0;
        if self.random.one_in(15) {
            // Enough for every DUP and SWAP.
            code.extend(push_all(&[U256::from(1); 17]));
            height = 17;
        }
        for _ in 0..3 + self.random.index(12) {
            match self.random.below(10) {
                0..=3 => {
                    code.extend(push(self.random.word()));
                    height += 1;
                }
                4 if height > 0 => {
                    code.push(op::DUP1 + self.random.index(height.min(16)) as u8);
                    height += 1;
                }
                5 if height > 1 => {
                    code.push(op::SWAP1 + self.random.index((height - 1).min(16)) as u8)
                }
                6 => height += self.environment(&mut code),
                _ => {
                    let (opcode, taken, since) = self.random.pick(PURE);
                    if height >= taken && self.may_use(since) {
                        code.push(opcode);
                        height -= taken - 1;
                    }
                }
            }
        }
        if height == 0 {
            return push(self.random.word());
        }
        code.extend(std::iter::repeat_n(op::POP, height - 1));
        code
    }

    /// Pushes something the environment says; returns how many words that is.
    fn environment(&mut self, code: &mut Vec<u8>) -> usize {
        let (opcode, since) = self.random.pick(ENVIRONMENT);
        match self.random.below(8) {
            0 => {
                code.extend(push(self.extent()));
                code.push(op::CALLDATALOAD);
            }
            1 => {
                let distance = self.random.below(300);
                let number = self.block_number.saturating_add(1).saturating_sub(distance);
                code.extend(push(U256::from(number)));
                code.push(op::BLOCKHASH);
            }
            2 if self.may_use(Hardfork::Cancun) => {
                code.extend(push(self.key()));
                code.push(op::BLOBHASH);
            }
            _ if self.may_use(since) => code.push(opcode),
            _ => return 0,
        }
        1
    }

    /// Keeps the word on top where it can be seen.
    fn keep(&mut self) -> Vec<u8> {
        let mut code = push(U256::from(self.random.below(6) * 32));
        code.push(op::MSTORE);
        code
    }

    fn compute(&mut self) -> Vec<u8> {
        let mut code = self.computation();
        code.extend(self.keep());
        code
    }

    fn memory(&mut self) -> Vec<u8> {
        let (a, b, c) = (self.extent(), self.extent(), self.extent());
        let (opcode, taken, since) = self.random.pick(&[
            (op::KECCAK256, 2, Hardfork::Frontier),
            (op::CALLDATACOPY, 3, Hardfork::Frontier),
            (op::CODECOPY, 3, Hardfork::Frontier),
            (op::RETURNDATACOPY, 3, Hardfork::Byzantium),
            (op::MLOAD, 1, Hardfork::Frontier),
            (op::MSTORE, 2, Hardfork::Frontier),
            (op::MSTORE8, 2, Hardfork::Frontier),
            (op::MCOPY, 3, Hardfork::Cancun),
        ]);
        if !self.may_use(since) {
            return Vec::new();
        }
        if opcode == op::RETURNDATACOPY && !self.random.one_in(6) {
            // All of the return data: anything beyond fails.
            let mut code = vec![op::RETURNDATASIZE];
            code.extend(push_all(&[a, U256::ZERO]));
            code.push(opcode);
            return code;
        }
        let mut code = match opcode {
            op::MSTORE | op::MSTORE8 => push_all(&[a, self.random.word()]),
            _ => push_all(&[a, b, c][..taken]),
        };
        code.push(opcode);
        if matches!(opcode, op::KECCAK256 | op::MLOAD) {
            code.extend(self.keep());
        }
        code
    }

    fn storage(&mut self) -> Vec<u8> {
        let key = self.key();
        let value = U256::from(self.random.below(3));
        let is_transient = self.fork >= Hardfork::Cancun && self.random.one_in(4);
        let (load, save) =
            if is_transient { (op::TLOAD, op::TSTORE) } else { (op::SLOAD, op::SSTORE) };
        let mut code;
        if self.random.one_in(3) {
            code = push(key);
            code.push(load);
            code.extend(self.keep());
        } else if self.random.one_in(6) {
            code = self.computation();
            code.extend(push(key));
            code.push(save);
        } else {
            code = push_all(&[key, value]);
            code.push(save);
        }
        code
    }

    fn account_query(&mut self) -> Vec<u8> {
        let address = self.address();
        let (opcode, since) = self.random.pick(&[
            (op::BALANCE, Hardfork::Frontier),
            (op::EXTCODESIZE, Hardfork::Frontier),
            (op::EXTCODECOPY, Hardfork::Frontier),
            (op::EXTCODEHASH, Hardfork::Constantinople),
        ]);
        if !self.may_use(since) {
            return Vec::new();
        }
        if opcode == op::EXTCODECOPY {
            let mut code = push_all(&[address, self.extent(), self.extent(), self.extent()]);
            code.push(opcode);
            return code;
        }
        let mut code = push(address);
        code.push(opcode);
        code.extend(self.keep());
        code
    }

    fn log(&mut self) -> Vec<u8> {
        let topics = self.random.index(5);
        let words: Vec<_> = (0..topics).map(|_| self.random.word()).collect();
        let mut code = push_all(&words);
        code.extend(push_all(&[self.extent(), self.extent()]));
        code.push(op::LOG0 + topics as u8);
        code
    }

    /// Instructions that push gas for a call.
    fn call_gas(&mut self) -> Vec<u8> {
        match self.random.below(8) {
            0 => push(U256::ZERO),
            1 => push(U256::from(self.random.below(5000))),
            2 => push(self.random.word()),
            3 | 4 => push(U256::from(self.random.below(200_000))),
            // Before EIP-150 asking for all gas is asking for too much.
            _ if self.fork < Hardfork::Tangerine => {
                let rest = U256::from(1000 + self.random.below(60_000));
                [push(rest), vec![op::GAS, op::SUB]].concat()
            }
            _ => vec![op::GAS],
        }
    }

    fn call(&mut self) -> Vec<u8> {
        let target = push(self.address());
        self.call_to(target, None)
    }

    /// A call of the address that `target` pushes, with `input_bytes` of memory or a random stretch of it.
    fn call_to(&mut self, target: Vec<u8>, input_bytes: Option<usize>) -> Vec<u8> {
        let (opcode, since) = self.random.pick(&[
            (op::CALL, Hardfork::Frontier),
            (op::CALL, Hardfork::Frontier),
            (op::CALL, Hardfork::Frontier),
            (op::CALLCODE, Hardfork::Frontier),
            (op::DELEGATECALL, Hardfork::Homestead),
            (op::DELEGATECALL, Hardfork::Homestead),
            (op::STATICCALL, Hardfork::Byzantium),
        ]);
        if !self.may_use(since) {
            return Vec::new();
        }
        let input = match input_bytes {
            Some(length) => [U256::ZERO, U256::from(length)],
            None => [self.extent(), self.extent()],
        };
        let mut code = push_all(&[input[0], input[1], self.extent(), self.extent()]);
        if matches!(opcode, op::CALL | op::CALLCODE) {
            let value = match self.random.below(12) {
                0 => self.random.word(),
                1..=4 => U256::from(1 + self.random.below(3)),
                _ => U256::ZERO,
            };
            code.extend(push(value));
        }
        code.extend(target);
        code.extend(self.call_gas());
        code.push(opcode);
        code.extend(self.keep());
        code
    }

    fn precompile(&mut self) -> Vec<u8> {
        let (number, input) = inputs::precompile_call(self.random, self.fork);
        let mut code = store(&input);
        code.extend(self.call_to(push(U256::from(number)), Some(input.len())));
        code
    }

    fn create(&mut self) -> Vec<u8> {
        let mut code;
        let mut length;
        if self.random.one_in(3) {
            let initcode = self.small_initcode();
            code = store(&initcode);
            length = push(U256::from(initcode.len()));
        } else {
            // The code of another account as initcode.
            let address = push(U256::from_be_bytes(self.random.pick(self.addresses).into_word().0));
            code = [address.clone(), vec![op::EXTCODESIZE]].concat();
            code.extend(push_all(&[U256::ZERO, U256::ZERO]));
            code.extend(&address);
            code.push(op::EXTCODECOPY);
            length = [address, vec![op::EXTCODESIZE]].concat();
        }
        if self.random.one_in(50) {
            // The limit of EIP-3860 and one byte more.
            length = push(U256::from(49_152 + self.random.below(2)));
        }
        let value = U256::from(self.random.below(3) / 2);
        let is_create2 = self.random.one_in(2) && self.may_use(Hardfork::Constantinople);
        if is_create2 {
            code.extend(push(U256::from(self.random.below(2))));
        }
        code.extend(length);
        code.extend(push_all(&[value, U256::ZERO]));
        code.push(if is_create2 { op::CREATE2 } else { op::CREATE });
        if self.random.one_in(3) {
            // Calls what it created.
            code.push(op::DUP1);
            code.extend(self.keep());
            code.push(op::DUP1);
            let kept = push(U256::from(0x1c0));
            code.extend(&kept);
            code.push(op::MSTORE);
            code.push(op::POP);
            code.extend(self.call_to([kept, vec![op::MLOAD]].concat(), None));
            return code;
        }
        code.extend(self.keep());
        code
    }

    /// Initcode that deploys a few bytes, or fails to.
    fn small_initcode(&mut self) -> Vec<u8> {
        let deployed = match self.random.below(6) {
            0 => vec![0xef, 0x00],
            1 => vec![op::SELFDESTRUCT],
            2 => [push(self.address()), vec![op::SELFDESTRUCT]].concat(),
            3 => push_all(&[self.key(), U256::ZERO]).into_iter().chain([op::SSTORE]).collect(),
            4 => self.computation(),
            _ => Vec::new(),
        };
        let mut initcode = match self.random.below(3) {
            0 => push_all(&[self.key(), U256::from(self.random.below(2))]),
            _ => Vec::new(),
        };
        if !initcode.is_empty() {
            initcode.push(op::SSTORE);
        }
        initcode.extend(store(&deployed));
        let length = match self.random.below(30) {
            0 => U256::from(24_576 + self.random.below(3)),
            _ => U256::from(deployed.len()),
        };
        initcode.extend(push_all(&[U256::ZERO, length]));
        initcode.push(if self.random.one_in(10) { op::REVERT } else { op::RETURN });
        initcode
    }

    /// Stores what gas is left: every unit counts.
    fn gas_probe(&mut self) -> Vec<u8> {
        let mut code = vec![op::GAS];
        code.extend(push(U256::from(self.random.below(2))));
        code.push(if self.random.one_in(2) { op::SSTORE } else { op::MSTORE });
        code
    }

    fn self_destruct(&mut self) -> Vec<u8> {
        // Where it stands, the rest of the program is dead; behind a condition it would not be.
        if !self.random.one_in(2) {
            return Vec::new();
        }
        let mut code = push(self.address());
        code.push(op::SELFDESTRUCT);
        code
    }

    /// A byte out of place.
    fn stray(&mut self) -> Vec<u8> {
        match self.random.below(3) {
            0 => vec![self.random.next_u64() as u8],
            1 => [push(self.random.word()), vec![op::JUMP]].concat(),
            _ => vec![op::JUMPDEST],
        }
    }

    fn end(&mut self) -> Vec<u8> {
        let mut code = push_all(&[self.extent(), self.extent()]);
        match self.random.below(12) {
            0 => return self.self_destruct(),
            1 => return vec![op::INVALID],
            2 => return Vec::new(),
            3 if self.may_use(Hardfork::Byzantium) => code.push(op::REVERT),
            _ => code.push(op::RETURN),
        }
        code
    }
}
