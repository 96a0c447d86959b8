//! Both engines on a little random code, with nothing but this crate: small enough for Miri, which checks the unsafe code.
//!
//! ```text
//! cargo +nightly miri test -p braid-interpreter --target aarch64-unknown-linux-gnu
//! ```
//!
//! On a processor of the x86 family `ruint` divides in assembly, which Miri does not know.
//!
//! The comparison that leaves nothing out is `tests/tests/engines.rs` of the workspace.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Log, U256, keccak256};
use braid_interpreter::{
    AccountId, Code, Engine, Exit, Frame, FrameInput, HaltReason, Host, Interrupted, NoInspector,
    Schedule, SlotId, SlotValues, TransactionEnv, Workspace, opcode::byte as op, prepare, run,
};
use braid_primitives::{BlockEnv, Hardfork};

/// Programs that are tried.
const PROGRAMS: u64 = if cfg!(miri) { 12 } else { 4_000 };

/// A host with slots and nothing else. Every other read is interrupted.
#[derive(Default)]
struct Slots {
    block: BlockEnv,
    transaction: TransactionEnv,
    keys: Vec<U256>,
    values: BTreeMap<U256, U256>,
    reads: u64,
}

impl Slots {
    fn read<T>(&mut self, answer: impl FnOnce(&mut Self) -> T) -> Result<T, Interrupted> {
        self.reads += 1;
        if self.reads.is_multiple_of(2) { Ok(answer(self)) } else { Err(Interrupted) }
    }

    fn value(&self, slot: SlotId) -> U256 {
        self.values.get(&self.keys[slot.0 as usize]).copied().unwrap_or_default()
    }
}

impl Host for Slots {
    fn block(&self) -> &BlockEnv {
        &self.block
    }
    fn transaction(&self) -> &TransactionEnv {
        &self.transaction
    }
    fn keccak256(&mut self, data: &[u8]) -> B256 {
        keccak256(data)
    }
    fn block_hash(&mut self, _: u64) -> Result<B256, Interrupted> {
        self.read(|_| B256::ZERO)
    }
    fn account(&mut self, _: Address) -> AccountId {
        AccountId(0)
    }
    fn is_account_cold(&self, _: AccountId) -> bool {
        false
    }
    fn warm_account(&mut self, _: AccountId) {}
    fn balance(&mut self, _: AccountId) -> Result<U256, Interrupted> {
        self.read(|_| U256::from(7))
    }
    fn code(&mut self, _: AccountId) -> Result<Arc<Code>, Interrupted> {
        self.read(|_| Arc::new(Code::empty()))
    }
    fn code_hash(&mut self, _: AccountId) -> Result<B256, Interrupted> {
        self.read(|_| B256::ZERO)
    }
    fn is_dead(&mut self, _: AccountId) -> Result<bool, Interrupted> {
        self.read(|_| false)
    }
    fn slot(&mut self, _: AccountId, key: U256) -> SlotId {
        self.keys.push(key);
        SlotId(self.keys.len() as u32 - 1)
    }
    fn is_slot_cold(&self, _: SlotId) -> bool {
        false
    }
    fn warm_slot(&mut self, _: SlotId) {}
    fn sload(&mut self, slot: SlotId) -> Result<U256, Interrupted> {
        self.read(|host| host.value(slot))
    }
    fn slot_values(&mut self, slot: SlotId) -> Result<SlotValues, Interrupted> {
        self.read(|host| SlotValues { original: U256::ZERO, current: host.value(slot) })
    }
    fn sstore(&mut self, slot: SlotId, value: U256) {
        self.values.insert(self.keys[slot.0 as usize], value);
    }
    fn tload(&mut self, _: AccountId, _: U256) -> U256 {
        U256::ZERO
    }
    fn tstore(&mut self, _: AccountId, _: U256, _: U256) {}
    fn log(&mut self, _: Log) {}
    fn self_destruct(&mut self, _: AccountId, _: AccountId) -> Result<bool, Interrupted> {
        self.read(|_| false)
    }
}

/// The frame's end, its gas, its memory and the slots.
type End = (Exit, u64, Vec<u8>, BTreeMap<U256, U256>);

fn end(code: &Arc<Code>, gas_limit: u64, engine: Engine) -> End {
    let schedule = Schedule::of(Hardfork::Osaka);
    let (mut host, mut workspace) = (Slots::default(), Workspace::new(schedule));
    workspace.engine = engine;
    let input = FrameInput {
        code: code.clone(),
        gas_limit,
        account: AccountId(0),
        address: Address::ZERO,
        caller: Address::ZERO,
        value: U256::ZERO,
        input: workspace.reset(schedule, b"calldata"),
        is_static: false,
        depth: 0,
    };
    let mut frame = Frame::new(input, &mut workspace);
    prepare(&frame, &mut workspace, |code, schedule, translator| {
        code.translate(schedule, translator);
    });
    let exit = loop {
        match run(&mut frame, &mut workspace, &mut host, &mut NoInspector) {
            Exit::Interrupted => {}
            exit => break exit,
        }
    };
    let has_failed = matches!(exit, Exit::Halt(_));
    // A frame that failed has nothing to say but that.
    let (memory, slots) = match has_failed {
        true => Default::default(),
        false => (workspace.memory.bytes().to_vec(), host.values),
    };
    let gas_left = frame.gas_left();
    frame.finish(&mut workspace);
    (exit, gas_left, memory, slots)
}

/// A program of blocks that end in different ways, on a stack of a few words or one that is nearly full.
fn program(seed: u64) -> Vec<u8> {
    const BODY: &[u8] = &[
        op::ADD,
        op::MUL,
        op::SUB,
        op::DIV,
        op::LT,
        op::ISZERO,
        op::AND,
        op::SHL,
        op::ADDMOD,
        op::DUP1,
        op::DUP2,
        op::DUP5,
        op::SWAP1,
        op::SWAP2,
        op::SWAP4,
        op::POP,
        op::PUSH0,
        op::PC,
        op::MSIZE,
        op::GAS,
        op::CALLDATALOAD,
        op::MLOAD,
        op::MSTORE,
        op::KECCAK256,
        op::SLOAD,
        op::SSTORE,
        op::SELFBALANCE,
        op::JUMPDEST,
        op::EXP,
        op::CODESIZE,
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |bound: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let height = if below(10) == 0 { 1015 + below(10) } else { 8 };
    let mut code: Vec<u8> = (0..height).flat_map(|i| [op::PUSH1, i as u8 % 40]).collect();
    for _ in 0..2 + below(6) {
        for _ in 0..1 + below(12) {
            match below(8) {
                0 => code.extend([op::PUSH1, below(100) as u8]),
                1 => code.extend([op::PUSH9, 1, 2, 3, 4, 5, 6, 7, 8, below(3) as u8]),
                _ => code.push(BODY[below(BODY.len() as u64) as usize]),
            }
        }
        if below(2) == 0 {
            // Over three bytes to the JUMPDEST behind them.
            let [high, low] = (code.len() as u16 + 7).to_be_bytes();
            let jump = [op::PUSH2, high, low, [op::JUMP, op::JUMPI][below(2) as usize]];
            code.extend(jump);
            code.extend([op::STOP, op::INVALID, op::PUSH0, op::JUMPDEST]);
        }
    }
    code
}

#[test]
fn both_engines_end_alike_with_any_gas() {
    let mut ended_well = 0;
    for seed in 0..PROGRAMS {
        let code = program(seed);
        let code = Arc::new(Code::new(&code, keccak256(&code)));
        let used = 200_000 - end(&code, 200_000, Engine::Plain).1;
        for gas_limit in [200_000, used, used - 1, used / 2] {
            let expected = end(&code, gas_limit, Engine::Plain);
            ended_well += u64::from(expected.0 == Exit::Return);
            let found = end(&code, gas_limit, Engine::Threaded);
            assert_eq!(found, expected, "seed {seed}, {gas_limit} gas, code {:?}", code.bytes());
        }
    }
    assert!(ended_well > PROGRAMS / 8, "only {ended_well} frames ended well");
}

#[test]
fn a_block_with_more_waiting_results_than_scratch_words_ends_alike() {
    for waiting in [2, 63, 64, 65, 66, 200] {
        // They wait where other words are at the end. Their sum goes to memory.
        let sum = [vec![op::GAS; waiting], vec![op::ADD; waiting - 1]].concat();
        let end_of_block = [vec![op::PUSH0, op::MSTORE], vec![op::PUSH0; waiting + 2]].concat();
        let code = [sum, end_of_block, vec![op::SELFBALANCE, op::STOP]].concat();
        let code = Arc::new(Code::new(&code, B256::ZERO));
        let expected = end(&code, 10_000, Engine::Plain);
        assert_eq!(expected.0, Exit::Return);
        assert_eq!(end(&code, 10_000, Engine::Threaded), expected, "{waiting} results");
    }
}

#[test]
fn return_addresses_are_told_apart_from_everything_else_that_is_jumped_to() {
    const SITES: u16 = if cfg!(miri) { 2 } else { 20 };
    const FUNCTION: u8 = 4;
    // The function returns at once.
    let mut code = vec![op::PUSH1, 16, op::JUMP, op::STOP, op::JUMPDEST, op::JUMP];
    code.resize(16, op::STOP);
    // Calls whose return addresses are the same modulo 16, and a JUMPDEST behind that is not one.
    for site in 1..=SITES {
        let [high, low] = (16 * site + 7).to_be_bytes();
        code.extend([op::JUMPDEST, op::PUSH2, high, low, op::PUSH1, FUNCTION, op::JUMP]);
        code.extend([op::JUMPDEST, op::PC, op::MSIZE, op::MSTORE, op::JUMPDEST]);
        code.resize(16 * usize::from(site) + 16, op::CALLER);
    }
    let target_at = code.len() + 1;
    // Behind SELFBALANCE nobody knows the target beforehand.
    code.extend([op::PUSH2, 0, 0, op::SELFBALANCE, op::POP, op::JUMP]);
    let mut landed = 0;
    for target in 0..code.len() as u16 + 40 {
        code[target_at..target_at + 2].copy_from_slice(&target.to_be_bytes());
        let code = Arc::new(Code::new(&code, B256::ZERO));
        let expected = end(&code, 5_000, Engine::Plain);
        landed += u64::from(expected.0 != Exit::Halt(HaltReason::InvalidJump));
        assert_eq!(end(&code, 5_000, Engine::Threaded), expected, "to {target}");
    }
    // The function itself finds no return address.
    assert_eq!(landed, 3 * u64::from(SITES), "jumps that land somewhere");
}

#[test]
fn a_jump_to_an_extreme_offset_lands_nowhere() {
    let offsets = [0, 1, 15, 16, u64::from(u32::MAX), 1 << 32, u64::MAX, u64::MAX - 15];
    for offset in offsets.map(U256::from).into_iter().chain([U256::MAX, U256::ONE << 64]) {
        // Through memory, so that nobody knows the target beforehand; a block at 0 would end well.
        let start = [op::MSIZE, op::PUSH1, 46, op::JUMPI, op::PUSH32];
        let jump = [op::PUSH0, op::MSTORE, op::PUSH0, op::MLOAD, op::JUMP];
        let mut code = [&start[..], &offset.to_be_bytes::<32>(), &jump[..]].concat();
        code.resize(46, op::INVALID);
        code.extend([op::JUMPDEST, op::STOP]);
        let code = Arc::new(Code::new(&code, B256::ZERO));
        let expected = end(&code, 10_000, Engine::Plain);
        assert_eq!(expected.0, Exit::Halt(HaltReason::InvalidJump));
        assert_eq!(end(&code, 10_000, Engine::Threaded), expected, "to {offset}");
    }
}
