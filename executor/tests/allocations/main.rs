//! Calls, creations and transfers allocate nothing once buffers have grown: frames, stacks, memory and journal are used again.
//!
//! What a transaction still allocates is its result, which the caller keeps: the lists of its write set. A block adds the list
//! of receipts, the lists into which the accounts of the next transactions are read, and the list of its write set.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod counter;

use braid_executor::{Block, Engine, MemoryState, SequentialExecutor};
use braid_interpreter::opcode::byte as op;
use braid_precompiles::DefaultCrypto;
use braid_primitives::{
    AccountInfo, Address, B256, BlockContext, BlockEnv, Bytes, ChainSpec, Hardfork, Transaction,
    TxKind, U256,
};
use counter::{Counter, allocations};

#[global_allocator]
static ALLOCATOR: Counter = Counter;

const SENDER: Address = Address::repeat_byte(0xa1);
const CALLER: Address = Address::repeat_byte(0xca);
const CALLEE: Address = Address::repeat_byte(0xce);
const RECURSIVE: Address = Address::repeat_byte(0xde);

/// Most allocations that one transfer more may bring: the accounts of 32 transactions are read into two lists; the rest doubles
/// now and then.
const MOST_FOR_A_TRANSFER: f64 = 2.0 / 32.0 + 0.02;

/// Code that calls `target` as often as the first word of calldata says, with 128 bytes of memory in and 64 out.
fn caller(kind: u8, target: Address) -> Vec<u8> {
    let mut code = vec![op::PUSH0, op::CALLDATALOAD, op::JUMPDEST];
    code.extend([op::DUP1, op::ISZERO, op::PUSH1, 0, op::JUMPI]);
    code.extend([op::PUSH1, 64, op::PUSH0, op::PUSH1, 128, op::PUSH0]);
    if matches!(kind, op::CALL | op::CALLCODE) {
        code.push(op::PUSH0);
    }
    code.push(op::PUSH20);
    code.extend(target);
    code.extend([op::GAS, kind, op::POP]);
    code.extend([op::PUSH1, 1, op::SWAP1, op::SUB, op::PUSH1, 2, op::JUMP]);
    code[6] = code.len() as u8;
    code.extend([op::JUMPDEST, op::STOP]);
    code
}

/// Code that calls itself as deep as the first word of calldata says.
fn recursive() -> Vec<u8> {
    let mut code = vec![op::PUSH0, op::CALLDATALOAD, op::DUP1, op::ISZERO, op::PUSH1, 0, op::JUMPI];
    code.extend([op::PUSH1, 1, op::SWAP1, op::SUB, op::PUSH0, op::MSTORE]);
    code.extend([op::PUSH0, op::PUSH0, op::PUSH1, 32, op::PUSH0, op::PUSH0, op::ADDRESS, op::GAS]);
    code.extend([op::CALL, op::POP]);
    code[5] = code.len() as u8;
    code.extend([op::JUMPDEST, op::STOP]);
    code
}

/// Code that reads its calldata, writes memory and returns two words.
fn callee() -> Vec<u8> {
    let returns = [op::PUSH1, 32, op::MSTORE, op::PUSH1, 64, op::PUSH0, op::RETURN];
    [&[op::PUSH0, op::CALLDATALOAD][..], &returns].concat()
}

fn state(contracts: &[(Address, Vec<u8>)]) -> MemoryState {
    let mut state = MemoryState::new();
    let balance = U256::from(10).pow(U256::from(24));
    state.insert_account(SENDER, AccountInfo { balance, ..Default::default() });
    for (address, code) in contracts {
        let code_hash = state.insert_code(code.clone().into());
        state.insert_account(*address, AccountInfo { nonce: 1, code_hash, ..Default::default() });
    }
    state
}

fn executor(engine: Engine) -> SequentialExecutor<DefaultCrypto> {
    let spec = ChainSpec::single(Hardfork::Cancun);
    let mut executor = SequentialExecutor::new(spec, DefaultCrypto::default());
    executor.set_engine(engine);
    executor
}

fn env() -> BlockEnv {
    // An account that exists: one that stays empty would be removed after each transaction.
    BlockEnv { number: 1, gas_limit: 1_000_000_000, beneficiary: CALLEE, ..Default::default() }
}

/// Asserts that the transaction allocates as much for few calls, whose number is in its calldata, as for many.
fn assert_calls_are_free(what: &str, contract: Address, state: &MemoryState, many: u64) {
    assert_free_on([Engine::Plain, Engine::Threaded], what, (contract, state), many);
}

fn assert_free_on(
    engines: [Engine; 2],
    what: &str,
    (contract, state): (Address, &MemoryState),
    many: u64,
) {
    for engine in engines {
        let mut executor = executor(engine);
        let mut count = |calls: u64| {
            let input = Bytes::copy_from_slice(&U256::from(calls).to_be_bytes::<32>());
            let to = TxKind::Call(contract);
            let tx = Transaction {
                sender: SENDER,
                to,
                input,
                gas_limit: 900_000_000,
                ..Default::default()
            };
            let mut gas_used = 0;
            let allocations = allocations(|| {
                let (outcome, _) = executor.transact(&env(), &tx, state).unwrap();
                assert!(outcome.status.is_success(), "{what}");
                gas_used = outcome.gas_used;
            });
            (allocations, gas_used)
        };
        let first = count(many).0;
        (0..3).for_each(|_| _ = count(many));
        let ((few, few_gas), (many, many_gas)) = (count(1), count(many));
        assert_eq!(few, many, "{what}, {engine:?}: one call and many");
        assert!(first > many, "the counter counts: the first time buffers grow");
        assert!(many_gas > few_gas + 10_000, "{what}: the calls were made");
    }
}

#[test]
fn calls_allocate_nothing() {
    let kinds = [op::CALL, op::CALLCODE, op::DELEGATECALL, op::STATICCALL];
    for kind in kinds {
        let state = state(&[(CALLER, caller(kind, CALLEE)), (CALLEE, callee())]);
        assert_calls_are_free(&format!("call by {kind:#x}"), CALLER, &state, 500);
    }
}

#[test]
fn deep_calls_allocate_nothing() {
    let state = state(&[(RECURSIVE, recursive())]);
    assert_calls_are_free("recursion", RECURSIVE, &state, 300);
}

/// Code that creates as often as the first word of calldata says, with initcode that reverts.
fn creator(kind: u8) -> Vec<u8> {
    let initcode = [op::PUSH0, op::PUSH0, op::REVERT];
    let mut code = vec![op::PUSH1 + 2];
    code.extend(initcode);
    code.extend([op::PUSH0, op::MSTORE, op::PUSH0, op::CALLDATALOAD]);
    let start = code.len() as u8;
    code.extend([op::JUMPDEST, op::DUP1]);
    if kind == op::CREATE {
        code.push(op::POP);
    }
    code.extend([op::PUSH1, 3, op::PUSH1, 29, op::PUSH0, kind, op::POP]);
    code.extend([
        op::PUSH1,
        1,
        op::SWAP1,
        op::SUB,
        op::DUP1,
        op::PUSH1,
        start,
        op::JUMPI,
        op::STOP,
    ]);
    code
}

#[test]
fn creations_allocate_nothing() {
    for kind in [op::CREATE, op::CREATE2] {
        let state = state(&[(CALLER, creator(kind))]);
        // Forced to, the threaded engine translates initcode each time, which nobody else does.
        let (engines, what) = ([Engine::Plain, Engine::Adaptive], format!("creation by {kind:#x}"));
        assert_free_on(engines, &what, (CALLER, &state), 300);
    }
}

/// Calls the callee, then creates with initcode that reverts, as often as the first word of calldata says. Both take the frame
/// above in turns.
fn caller_and_creator() -> Vec<u8> {
    let mut code = vec![op::PUSH1 + 2, op::PUSH0, op::PUSH0, op::REVERT];
    code.extend([op::PUSH0, op::MSTORE, op::PUSH0, op::CALLDATALOAD]);
    let start = code.len() as u8;
    code.extend([op::JUMPDEST, op::PUSH0, op::PUSH0, op::PUSH0, op::PUSH0, op::PUSH0, op::PUSH20]);
    code.extend(CALLEE);
    code.extend([op::GAS, op::CALL, op::POP]);
    code.extend([op::PUSH1, 3, op::PUSH1, 29, op::PUSH0, op::CREATE, op::POP]);
    code.extend([op::PUSH1, 1, op::SWAP1, op::SUB]);
    code.extend([op::DUP1, op::PUSH1, start, op::JUMPI, op::STOP]);
    code
}

#[test]
fn calls_and_creations_in_turns_allocate_nothing() {
    let state = state(&[(CALLER, caller_and_creator()), (CALLEE, callee())]);
    let engines = [Engine::Plain, Engine::Adaptive];
    assert_free_on(engines, "calls and creations in turns", (CALLER, &state), 300);
}

#[test]
fn calls_of_precompiles_allocate_nothing() {
    // ECRECOVER, SHA-256, RIPEMD-160, identity, addition on BN254. The libraries behind the others allocate: multiplication on
    // BN254 a list for each call, numbers of any length theirs.
    for precompile in [1, 2, 3, 4, 6] {
        let target = Address::with_last_byte(precompile);
        for kind in [op::CALL, op::STATICCALL] {
            let state = state(&[(CALLER, caller(kind, target))]);
            assert_calls_are_free(&format!("precompile {precompile}"), CALLER, &state, 100);
        }
    }
}

/// Allocations of a block of so many transfers between accounts that differ, and of as many from one sender to one recipient.
#[test]
fn transfers_allocate_what_the_result_needs() {
    let account = |kind: u8, index: u64| {
        Address::from_word(alloy_primitives::keccak256([[kind; 8], index.to_be_bytes()].concat()))
    };
    let count = |transfers: u64, are_distinct: bool| {
        let (mut state, mut transactions) = (state(&[(CALLEE, callee())]), Vec::new());
        for index in 0..transfers {
            let (sender, nonce, to) = match are_distinct {
                true => (account(1, index), 0, account(2, index)),
                false => (SENDER, index, account(2, 0)),
            };
            let balance = U256::from(10).pow(U256::from(18));
            for address in [sender, to] {
                state.insert_account(address, AccountInfo { balance, ..Default::default() });
            }
            let to = TxKind::Call(to);
            let value = U256::from(1);
            transactions.push(Transaction {
                sender,
                nonce,
                to,
                value,
                gas_limit: 21_000,
                ..Default::default()
            });
        }
        let mut executor = executor(Engine::default());
        let context = BlockContext {
            parent_beacon_block_root: Some(B256::ZERO),
            withdrawals: Some(Vec::new()),
            ..Default::default()
        };
        let block = Block { env: env(), transactions, context };
        let mut run = || {
            let outcome = executor.execute_block(&block, &state).unwrap();
            assert_eq!(outcome.gas_used, 21_000 * transfers);
        };
        (0..3).for_each(|_| run());
        allocations(run)
    };
    for are_distinct in [true, false] {
        let (few, many) = (100, 4_000);
        let more = count(many, are_distinct) as f64 - count(few, are_distinct) as f64;
        let each = more / (many - few) as f64;
        assert!((0.0..=MOST_FOR_A_TRANSFER).contains(&each), "{each} for a transfer");
    }
}
