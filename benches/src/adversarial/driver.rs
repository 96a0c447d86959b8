//! The contracts that call or create the others.

use braid_interpreter::opcode::byte as op;

/// Calls contracts at consecutive addresses. Calldata: the first address, their number, how often each is called, and the word
/// that each is called with.
pub(super) fn caller() -> Vec<u8> {
    let mut code = Code::default();
    code.load_argument(3);
    code.push(&[op::PUSH0, op::MSTORE]);
    code.push(&[op::PUSH0]); // [round]
    let round = code.label();
    code.push(&[op::PUSH0]); // [round, index]
    let call = code.label();
    code.push(&[op::PUSH0, op::PUSH0, op::PUSH1, 32, op::PUSH0, op::PUSH0, op::DUP6]);
    code.load_argument(0);
    code.push(&[op::ADD, op::GAS, op::CALL, op::POP]);
    code.count_up_to_argument(1, call);
    code.push(&[op::POP]);
    code.count_up_to_argument(2, round);
    code.push(&[op::STOP]);
    code.bytes
}

/// Creates contracts with the code `runtime`, whose last eight bytes are replaced by a number, and calls each once. Calldata:
/// how many.
pub(super) fn creator(runtime: &[u8]) -> Vec<u8> {
    let initcode = [&deployer(runtime.len())[..], runtime].concat();
    let size = u16_of(initcode.len());
    // Where the last word of the initcode begins.
    let last_word = u16_of(initcode.len() - 32);
    let mut code = Code::default();
    let patch = code.bytes.len() + 3 + 1;
    code.push(&[op::PUSH2, size[0], size[1], op::PUSH2, 0, 0, op::PUSH0, op::CODECOPY]);
    code.push(&[op::PUSH0]); // [index]
    let create = code.label();
    // The low eight bytes of the last word become the index.
    code.push(&[op::PUSH2, last_word[0], last_word[1], op::MLOAD]);
    code.push(&[op::PUSH1, 64, op::SHR, op::PUSH1, 64, op::SHL, op::DUP2, op::OR]);
    code.push(&[op::PUSH2, last_word[0], last_word[1], op::MSTORE]);
    code.push(&[op::PUSH0, op::PUSH0, op::PUSH0, op::PUSH0, op::PUSH0]);
    code.push(&[op::PUSH2, size[0], size[1], op::PUSH0, op::PUSH0, op::CREATE]);
    code.push(&[op::GAS, op::CALL, op::POP]);
    code.count_up_to_argument(0, create);
    code.push(&[op::STOP]);
    let initcode_at = u16_of(code.bytes.len());
    code.bytes[patch..patch + 2].copy_from_slice(&initcode_at);
    code.bytes.extend(initcode);
    code.bytes
}

/// Initcode that deploys the `size` bytes behind it.
fn deployer(size: usize) -> [u8; 13] {
    let [high, low] = u16_of(size);
    [
        op::PUSH2,
        high,
        low,
        op::PUSH1,
        13,
        op::PUSH0,
        op::CODECOPY,
        op::PUSH2,
        high,
        low,
        op::PUSH0,
        op::RETURN,
        op::INVALID,
    ]
}

fn u16_of(value: usize) -> [u8; 2] {
    let [.., high, low] = value.to_be_bytes();
    [high, low]
}

#[derive(Default)]
struct Code {
    bytes: Vec<u8>,
}

impl Code {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A place to jump to; there must be fewer than 256 bytes before it.
    fn label(&mut self) -> u8 {
        let place = u8::try_from(self.bytes.len()).unwrap_or(u8::MAX);
        self.push(&[op::JUMPDEST]);
        place
    }

    /// Pushes a word of calldata.
    fn load_argument(&mut self, index: u8) {
        self.push(&[op::PUSH1, 32 * index, op::CALLDATALOAD]);
    }

    /// Adds one to the top of the stack and jumps back as long as it is below a word of calldata.
    fn count_up_to_argument(&mut self, index: u8, place: u8) {
        self.push(&[op::PUSH1, 1, op::ADD, op::DUP1]);
        self.load_argument(index);
        self.push(&[op::GT, op::PUSH1, place, op::JUMPI]);
    }
}
