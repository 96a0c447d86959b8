//! Bytecode of the contracts that scenes and mocked blocks are made of. It runs under the rules of every fork that has the
//! instructions it is about.

use alloy_primitives::{Address, B256, U256, keccak256};
use braid_interpreter::opcode::byte as op;

use super::scene::word;
use crate::differential::program::push;

/// Bytecode in the making.
#[derive(Clone, Debug, Default)]
pub struct Asm {
    bytes: Vec<u8>,
    /// Where destinations of jumps are: they depend on where the code is.
    jumps: Vec<usize>,
}

impl Asm {
    /// No code.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytecode.
    pub fn build(self) -> Vec<u8> {
        self.bytes
    }

    /// Pushes a word.
    #[must_use]
    pub fn push(mut self, word: U256) -> Self {
        self.bytes.extend(push(word));
        self
    }

    /// Pushes an address.
    #[must_use]
    pub fn address(self, address: Address) -> Self {
        self.push(word(address))
    }

    /// Instructions as they are.
    #[must_use]
    pub fn ops(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Pushes a word of calldata.
    #[must_use]
    pub fn arg(self, index: u64) -> Self {
        self.push(U256::from(32 * index)).ops(&[op::CALLDATALOAD])
    }

    /// Pushes a slot.
    #[must_use]
    pub fn sload(self, slot: u64) -> Self {
        self.push(U256::from(slot)).ops(&[op::SLOAD])
    }

    /// Writes the word on top to a slot.
    #[must_use]
    pub fn sstore(self, slot: u64) -> Self {
        self.push(U256::from(slot)).ops(&[op::SSTORE])
    }

    /// Runs `body` if the word on top is not zero.
    #[must_use]
    pub fn when(mut self, body: Self) -> Self {
        self.bytes.push(op::ISZERO);
        let skip = self.bytes.len() + 1;
        self.bytes.extend_from_slice(&[op::PUSH2, 0, 0, op::JUMPI]);
        let start = self.bytes.len();
        self.bytes.extend(body.bytes);
        for jump in body.jumps {
            let target =
                u16::from_be_bytes([self.bytes[start + jump], self.bytes[start + jump + 1]]);
            self.point(start + jump, start + usize::from(target));
        }
        self.point(skip, self.bytes.len());
        self.bytes.push(op::JUMPDEST);
        self
    }

    /// Makes the constant at `jump` the destination of a jump.
    fn point(&mut self, jump: usize, target: usize) {
        self.bytes[jump..jump + 2].copy_from_slice(&(target as u16).to_be_bytes());
        self.jumps.push(jump);
    }

    /// Calls `target` with gas, value and no data; leaves whether that succeeded.
    #[must_use]
    pub fn call(self, target: Address, wei: u64, gas: u64) -> Self {
        let zero = U256::ZERO;
        let this = self.push(zero).push(zero).push(zero).push(zero).push(U256::from(wei));
        this.address(target).push(U256::from(gas)).ops(&[op::CALL])
    }

    /// Calls the address in a word of calldata with one word of calldata; drops whether that succeeded.
    #[must_use]
    pub fn call_argument(self, target: u64, argument: u64) -> Self {
        let zero = U256::ZERO;
        let this = self.arg(argument).push(zero).ops(&[op::MSTORE]);
        let this = this.push(zero).push(zero).push(U256::from(32)).push(zero).push(zero);
        this.arg(target).push(U256::from(200_000)).ops(&[op::CALL, op::POP])
    }

    /// Pushes the slot of a mapping at slot 0 whose key is the word on top.
    #[must_use]
    fn mapped(self) -> Self {
        self.push(U256::ZERO)
            .ops(&[op::MSTORE])
            .push(U256::from(64))
            .push(U256::ZERO)
            .ops(&[op::KECCAK256])
    }

    /// Stops.
    #[must_use]
    pub fn stop(self) -> Vec<u8> {
        self.ops(&[op::STOP]).build()
    }
}

/// Adds one to slot 0.
pub fn counter() -> Vec<u8> {
    Asm::new().sload(0).push(U256::ONE).ops(&[op::ADD]).sstore(0).stop()
}

/// Arguments slot and amount: adds to the slot.
pub fn adder() -> Vec<u8> {
    Asm::new().arg(0).ops(&[op::SLOAD]).arg(1).ops(&[op::ADD]).arg(0).ops(&[op::SSTORE]).stop()
}

/// Arguments slot and value: sets the slot.
pub fn setter() -> Vec<u8> {
    Asm::new().arg(1).arg(0).ops(&[op::SSTORE]).stop()
}

/// Argument address: keeps its balance in slot 0 and counts in slot 1.
pub fn balance_keeper() -> Vec<u8> {
    Asm::new()
        .arg(0)
        .ops(&[op::BALANCE])
        .sstore(0)
        .sload(1)
        .push(U256::ONE)
        .ops(&[op::ADD])
        .sstore(1)
        .stop()
}

/// Argument address: keeps EXTCODEHASH in slot 0, EXTCODESIZE in slot 1 and BALANCE in slot 2.
pub fn account_keeper() -> Vec<u8> {
    let asm = Asm::new().arg(0).ops(&[op::EXTCODEHASH]).sstore(0);
    asm.arg(0).ops(&[op::EXTCODESIZE]).sstore(1).arg(0).ops(&[op::BALANCE]).sstore(2).stop()
}

/// Argument address: destroys itself in favour of it.
pub fn destroyer() -> Vec<u8> {
    Asm::new().arg(0).ops(&[op::SELFDESTRUCT]).build()
}

/// Destroys itself in favour of the address in calldata, if there is any calldata; else copies slot 0 to slot 1 and adds one to
/// slot 0.
pub fn mortal() -> Vec<u8> {
    let end = Asm::new().arg(0).ops(&[op::SELFDESTRUCT]);
    let asm = Asm::new().ops(&[op::CALLDATASIZE]).when(end);
    asm.sload(0).sstore(1).sload(0).push(U256::ONE).ops(&[op::ADD]).sstore(0).stop()
}

/// Argument salt, followed by initcode: creates with CREATE2 and the call's value; keeps the address in slot 0.
pub fn factory() -> Vec<u8> {
    let size = |asm: Asm| asm.push(U256::from(32)).ops(&[op::CALLDATASIZE, op::SUB]);
    let asm = size(Asm::new()).push(U256::from(32)).push(U256::ZERO).ops(&[op::CALLDATACOPY]);
    let asm = size(asm.arg(0)).push(U256::ZERO).ops(&[op::CALLVALUE, op::CREATE2]);
    asm.sstore(0).stop()
}

/// The address of what the factory creates.
pub fn created_by(factory: Address, salt: u64, initcode: &[u8]) -> Address {
    factory.create2(B256::from(U256::from(salt)), keccak256(initcode))
}

/// Calldata of the factory.
pub fn creation(salt: u64, initcode: &[u8]) -> Vec<u8> {
    [&U256::from(salt).to_be_bytes::<32>(), initcode].concat()
}

/// Initcode that runs `constructor` and deploys `runtime`.
pub fn deploying(constructor: &[u8], runtime: &[u8]) -> Vec<u8> {
    let size = U256::from(runtime.len());
    // The offset is pushed by two bytes, whatever it is.
    let copy = |offset: usize| {
        let [high, low] = (offset as u16).to_be_bytes();
        let asm = Asm::new().push(size).ops(&[op::PUSH2, high, low]);
        asm.push(U256::ZERO)
            .ops(&[op::CODECOPY])
            .push(size)
            .push(U256::ZERO)
            .ops(&[op::RETURN])
            .build()
    };
    let offset = constructor.len() + copy(0).len();
    [constructor, &copy(offset), runtime].concat()
}

/// A token. Arguments from, to, amount: moves that if there is so much, else reverts; logs it.
pub fn token() -> Vec<u8> {
    let balance = |asm: Asm, arg: u64| asm.arg(arg).mapped();
    let revert = Asm::new().push(U256::ZERO).push(U256::ZERO).ops(&[op::REVERT]);
    let asm = balance(Asm::new(), 0).ops(&[op::SLOAD]).arg(2).ops(&[op::GT]).when(revert);
    // from: slot, balance
    let asm = balance(asm, 0).ops(&[op::DUP1, op::SLOAD]).arg(2).ops(&[op::SWAP1, op::SUB]);
    let asm = asm.ops(&[op::SWAP1, op::SSTORE]);
    let asm = balance(asm, 1).ops(&[op::DUP1, op::SLOAD]).arg(2).ops(&[op::ADD]);
    let asm = asm.ops(&[op::SWAP1, op::SSTORE]);
    let asm = asm.arg(2).push(U256::ZERO).ops(&[op::MSTORE]);
    asm.arg(1)
        .arg(0)
        .push(U256::from(32))
        .push(U256::ZERO)
        .ops(&[op::LOG0 + 2])
        .push(U256::ONE)
        .push(U256::ZERO)
        .ops(&[op::MSTORE])
        .push(U256::from(32))
        .push(U256::ZERO)
        .ops(&[op::RETURN])
        .build()
}

/// The slot of a holder in [`token`].
pub fn holding(holder: Address) -> U256 {
    keccak256([holder.into_word().0, [0; 32]].concat()).into()
}

/// A pool of two tokens with a constant product, reserves in slots 0 and 1. Argument amount: takes it of the first token from
/// the caller and gives of the second what keeps the product.
pub fn pool(tokens: [Address; 2]) -> Vec<u8> {
    // Memory: 0..32 the amount out; 32..128 the arguments of a token.
    let transfer = |asm: Asm, token: Address, from: &[u8], to: &[u8], amount: Asm| {
        let asm = asm.ops(from).push(U256::from(32)).ops(&[op::MSTORE]);
        let asm = asm.ops(to).push(U256::from(64)).ops(&[op::MSTORE]);
        let asm = asm.ops(&amount.build()).push(U256::from(96)).ops(&[op::MSTORE]);
        let zero = U256::ZERO;
        let asm = asm.push(zero).push(zero).push(U256::from(96)).push(U256::from(32)).push(zero);
        let asm = asm.address(token).ops(&[op::GAS, op::CALL, op::ISZERO]);
        asm.when(Asm::new().push(zero).push(zero).ops(&[op::REVERT]))
    };
    // out = reserve1 * amount / (reserve0 + amount)
    let asm = Asm::new().sload(0).arg(0).ops(&[op::ADD]).arg(0).sload(1).ops(&[op::MUL, op::DIV]);
    let asm = asm.push(U256::ZERO).ops(&[op::MSTORE]);
    let asm = transfer(asm, tokens[0], &[op::CALLER], &[op::ADDRESS], Asm::new().arg(0));
    let out = || Asm::new().push(U256::ZERO).ops(&[op::MLOAD]);
    let asm = transfer(asm, tokens[1], &[op::ADDRESS], &[op::CALLER], out());
    let asm = asm.sload(0).arg(0).ops(&[op::ADD]).sstore(0);
    let asm = asm.ops(&out().build()).sload(1).ops(&[op::SUB]).sstore(1);
    asm.stop()
}
