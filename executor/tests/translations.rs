//! Translations are kept, counted and bounded by the cache of code, whoever wanted them.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use braid_executor::{CodeCache, Engine, MemoryState, SequentialExecutor};
use braid_interpreter::opcode::byte as op;
use braid_precompiles::PortableCrypto;
use braid_primitives::{
    AccountInfo, Address, BlockEnv, Bytes, ChainSpec, Hardfork, Transaction, TxKind, U256,
};

const SENDER: Address = Address::repeat_byte(0xa1);
/// Contracts, all of them different.
const CONTRACTS: u8 = 20;

fn state() -> MemoryState {
    let mut state = MemoryState::new();
    let balance = U256::from(10).pow(U256::from(24));
    state.insert_account(SENDER, AccountInfo { balance, ..Default::default() });
    for number in 1..=CONTRACTS {
        let stores = [op::CALLDATASIZE, op::PUSH1, number, op::MSTORE];
        let code_hash = state.insert_code(stores.repeat(300).into());
        let contract = AccountInfo { nonce: 1, code_hash, ..Default::default() };
        state.insert_account(Address::repeat_byte(number), contract);
    }
    state
}

/// Calls each contract once, and runs initcode.
fn run(engine: Engine, codes: &Arc<CodeCache>) {
    let (spec, crypto) = (ChainSpec::single(Hardfork::Cancun), PortableCrypto::default());
    let mut executor = SequentialExecutor::with_code_cache(spec, crypto, codes.clone());
    executor.set_engine(engine);
    let (state, env) = (state(), BlockEnv { gas_limit: 30_000_000, ..Default::default() });
    let calls = (1..=CONTRACTS).map(|number| TxKind::Call(Address::repeat_byte(number)));
    for to in calls.chain([TxKind::Create]) {
        let input = Bytes::from_static(&[op::PUSH0, op::POP]);
        let tx =
            Transaction { sender: SENDER, to, input, gas_limit: 100_000, ..Default::default() };
        let (outcome, _) = executor.transact(&env, &tx, &state).expect("the transaction is valid");
        assert!(outcome.status.is_success());
    }
}

#[test]
fn what_the_forced_engine_translates_counts_in_the_cache() {
    let [plain, threaded] = [Engine::Plain, Engine::Threaded].map(|engine| {
        let codes = Arc::new(CodeCache::default());
        run(engine, &codes);
        codes
    });
    assert_eq!((plain.translations(), threaded.translations()), (0, u64::from(CONTRACTS)));
    let translations_bytes = threaded.size_bytes() - plain.size_bytes();
    assert!(translations_bytes > usize::from(CONTRACTS) * 1_500, "{translations_bytes} bytes");
    run(Engine::Threaded, &threaded);
    assert_eq!(threaded.translations(), u64::from(CONTRACTS), "they are made once");
}

#[test]
fn forced_translations_keep_within_the_caches_memory() {
    // Room for the code of all contracts, but not for their translations.
    let plain = Arc::new(CodeCache::default());
    run(Engine::Plain, &plain);
    let limit_bytes = 64 * 2 * plain.size_bytes() / usize::from(CONTRACTS);
    let small = Arc::new(CodeCache::new(limit_bytes));
    run(Engine::Threaded, &small);
    assert_eq!(small.translations(), u64::from(CONTRACTS));
    assert!(small.size_bytes() <= limit_bytes);
    let unbounded = Arc::new(CodeCache::default());
    run(Engine::Threaded, &unbounded);
    assert!(small.size_bytes() < unbounded.size_bytes(), "something was forgotten");
}
