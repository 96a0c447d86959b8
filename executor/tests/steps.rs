//! The write sets of a block's steps are exact, and make up that of the block.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use braid_executor::{Block, BlockOutcome, MemoryState, SequentialExecutor};
use braid_precompiles::PortableCrypto;
use braid_primitives::{
    AccountInfo, Address, BlockContext, BlockEnv, ChainSpec, Hardfork, StateDelta, Transaction,
    TxKind, U256, Withdrawal, address,
};

const SENDER: Address = Address::repeat_byte(0xa1);
const MINER: Address = Address::repeat_byte(0xc0);
const CONTRACT: Address = Address::repeat_byte(0xcc);

fn wei(wei: u64) -> AccountInfo {
    AccountInfo { balance: U256::from(wei), ..Default::default() }
}

fn call(to: Address, nonce: u64, value: u64) -> Transaction {
    Transaction {
        sender: SENDER,
        to: TxKind::Call(to),
        nonce,
        value: U256::from(value),
        gas_limit: 100_000,
        max_fee_per_gas: 10,
        max_priority_fee_per_gas: 10,
        ..Default::default()
    }
}

fn block(transactions: Vec<Transaction>) -> Block {
    Block {
        env: BlockEnv {
            number: 1,
            beneficiary: MINER,
            gas_limit: 30_000_000,
            ..Default::default()
        },
        context: BlockContext { withdrawals: Some(Vec::new()), ..Default::default() },
        transactions,
    }
}

/// Executes the block, and checks that its steps lead to the state that it leads to.
fn steps(spec: ChainSpec, state: &MemoryState, block: &Block) -> (Vec<StateDelta>, BlockOutcome) {
    let mut steps = Vec::new();
    let outcome = SequentialExecutor::new(spec, PortableCrypto::new())
        .execute_block_with(block, state, |committed| steps.push(committed.delta()))
        .expect("the block is valid");
    assert_eq!(steps.len(), block.transactions.len() + 2);
    let (mut stepped, mut at_once) = (state.clone(), state.clone());
    steps.iter().for_each(|delta| stepped.apply(delta));
    at_once.apply(&outcome.state);
    assert_eq!(stepped, at_once);
    (steps, outcome)
}

fn addresses(delta: &StateDelta) -> Vec<Address> {
    delta.accounts.keys().copied().collect()
}

#[test]
fn what_the_dao_fork_changes_belongs_to_the_beginning_and_rewards_to_the_end() {
    let drained = address!("bb9bc244d798123fde783fcc1c72d3bb8c189413");
    let refund = address!("bf4ed7b27f1d666546e30d74d50d173d20bca754");
    let mut state = MemoryState::new();
    state.insert_account(SENDER, wei(10_000_000));
    state.insert_account(drained, wei(5));
    let spec = ChainSpec { dao_fork_block: Some(1), ..ChainSpec::single(Hardfork::Homestead) };
    let (steps, outcome) = steps(spec, &state, &block(vec![call(CONTRACT, 0, 3)]));
    let [begin, transaction, end] = &steps[..] else { panic!("{steps:?}") };
    let changes = |address: &Address| begin.accounts[address].info.map(|info| info.balance);
    assert_eq!(changes(&drained), Some(U256::ZERO));
    assert_eq!(changes(&refund), Some(U256::from(5)));
    // The contract for refunds and every account that is drained exist afterwards, if only as empty ones.
    assert_eq!(begin.accounts.len(), 117);
    assert!(begin.accounts.values().all(|account| account.info.is_some()));
    assert_eq!(addresses(transaction), [SENDER, MINER, CONTRACT]);
    assert_eq!(addresses(end), [MINER]);
    assert_eq!(outcome.state.accounts.len(), 117 + 3);
}

/// Destroys itself when called with nothing; otherwise writes what it is sent to slot 1.
fn destructible(state: &mut MemoryState) {
    // CALLVALUE, PUSH1 6, JUMPI, CALLER, SELFDESTRUCT, JUMPDEST, CALLVALUE, PUSH1 1, SSTORE
    let code = [0x34, 0x60, 0x06, 0x57, 0x33, 0xff, 0x5b, 0x34, 0x60, 0x01, 0x55];
    let code_hash = state.insert_code(code.to_vec().into());
    state.insert_account(CONTRACT, AccountInfo { nonce: 1, balance: U256::from(70), code_hash });
    state.insert_storage(CONTRACT, U256::ONE, U256::from(8));
    state.insert_storage(CONTRACT, U256::from(2), U256::from(9));
}

#[test]
fn an_account_that_is_destroyed_and_comes_back_is_told_step_by_step() {
    let mut state = MemoryState::new();
    state.insert_account(SENDER, wei(100_000_000));
    destructible(&mut state);
    let transactions = vec![
        call(CONTRACT, 0, 5),
        call(CONTRACT, 1, 0),
        call(CONTRACT, 2, 0),
        call(CONTRACT, 3, 6),
    ];
    let mut block = block(transactions);
    let amount_gwei = 1;
    block.context.withdrawals =
        Some(vec![Withdrawal { address: CONTRACT, amount_gwei, ..Default::default() }]);
    let (steps, outcome) = steps(ChainSpec::single(Hardfork::Shanghai), &state, &block);
    let at = |step: usize| steps[step].accounts.get(&CONTRACT);

    let written = at(1).expect("the first transaction writes a slot");
    assert!(!written.storage_wiped);
    assert_eq!(written.storage.iter().next(), Some((&U256::ONE, &U256::from(5))));
    assert_eq!(written.storage.len(), 1);

    let destroyed = at(2).expect("the second destroys it");
    assert_eq!((destroyed.info, destroyed.storage_wiped), (None, true));
    assert!(destroyed.storage.is_empty());

    assert_eq!(at(3), None, "the third finds nothing");

    let back = at(4).expect("the fourth brings it back");
    assert_eq!((back.info, back.storage_wiped), (Some(wei(6)), false));

    let credited = at(5).expect("the end credits it");
    assert_eq!((credited.info, credited.storage_wiped), (Some(wei(1_000_000_006)), false));

    let overall = &outcome.state.accounts[&CONTRACT];
    assert_eq!((overall.info, overall.storage_wiped), (credited.info, true));
}

#[test]
fn an_empty_account_goes_in_the_step_that_touches_it() {
    let mut state = MemoryState::new();
    state.insert_account(SENDER, wei(100_000_000));
    state.insert_account(CONTRACT, AccountInfo::default());
    let touch = block(vec![call(CONTRACT, 0, 0)]);
    let (steps, _) = steps(ChainSpec::single(Hardfork::Shanghai), &state, &touch);
    assert_eq!(steps[1].accounts[&CONTRACT].info, None);
    assert!(steps[0].accounts.is_empty() && steps[2].accounts.is_empty());
}
