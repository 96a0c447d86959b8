//! Rules that changed with a hardfork or are easy to get wrong, each on the smallest block that shows it.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use braid_executor::{
    Block, BlockOutcome, ExecutionError, InvalidBlock, InvalidTransaction, MemoryState,
    SequentialExecutor, TransactionOutcome,
};
use braid_precompiles::{Crypto, PortableCrypto};
use braid_primitives::{
    AccountInfo, Address, Authorization, BlockContext, BlockEnv, ChainSpec, Hardfork, Receipt,
    ReceiptOutcome, Transaction, TransactionType, TxKind, U256, Withdrawal,
};

const SENDER: Address = Address::repeat_byte(0xa1);
const MINER: Address = Address::repeat_byte(0xc0);
const CONTRACT: Address = Address::repeat_byte(0xcc);
const OTHER: Address = Address::repeat_byte(0xdd);

/// A state with a rich sender and code at [`CONTRACT`].
fn state(code: &[u8]) -> MemoryState {
    let mut state = MemoryState::new();
    let balance = U256::from(10).pow(U256::from(24));
    state.insert_account(SENDER, AccountInfo { balance, ..Default::default() });
    add_contract(&mut state, CONTRACT, code, 0);
    state
}

fn add_contract(state: &mut MemoryState, address: Address, code: &[u8], wei: u64) {
    let code_hash = state.insert_code(code.to_vec().into());
    state.insert_account(address, AccountInfo { nonce: 1, balance: U256::from(wei), code_hash });
}

fn env(fork: Hardfork) -> BlockEnv {
    BlockEnv {
        number: 1,
        beneficiary: MINER,
        gas_limit: 30_000_000,
        base_fee: if fork >= Hardfork::London { 7 } else { 0 },
        ..Default::default()
    }
}

fn call(to: Address) -> Transaction {
    Transaction {
        sender: SENDER,
        to: TxKind::Call(to),
        gas_limit: 1_000_000,
        max_fee_per_gas: 10,
        max_priority_fee_per_gas: 10,
        ..Default::default()
    }
}

fn execute(
    fork: Hardfork,
    state: &MemoryState,
    transactions: Vec<Transaction>,
) -> Result<BlockOutcome, ExecutionError<braid_executor::MissingState>> {
    let block = Block {
        env: env(fork),
        context: BlockContext {
            parent_beacon_block_root: Some(Default::default()),
            withdrawals: Some(Vec::new()),
            ..Default::default()
        },
        transactions,
    };
    let mut executor = SequentialExecutor::new(ChainSpec::single(fork), PortableCrypto::new());
    executor.set_missing_request_contracts(braid_executor::MissingRequestContracts::Ignore);
    executor.execute_block(&block, state)
}

fn transact(fork: Hardfork, state: &MemoryState, tx: &Transaction) -> TransactionOutcome {
    let mut executor = SequentialExecutor::new(ChainSpec::single(fork), PortableCrypto::new());
    executor.transact(&env(fork), tx, state).expect("the transaction is valid").0
}

fn statuses(outcome: &BlockOutcome) -> Vec<bool> {
    let status = |receipt: &Receipt| receipt.outcome == ReceiptOutcome::Status(true);
    outcome.receipts.iter().map(status).collect()
}

fn balance(outcome: &BlockOutcome, address: Address) -> Option<U256> {
    Some(outcome.state.accounts.get(&address)?.info?.balance)
}

fn slot(outcome: &BlockOutcome, address: Address, slot: u64) -> Option<U256> {
    outcome.state.accounts.get(&address)?.storage.get(&U256::from(slot)).copied()
}

/// `PUSH20 address`.
fn push(address: Address) -> Vec<u8> {
    [&[0x73], address.as_slice()].concat()
}

#[test]
fn fees_go_to_the_beneficiary_and_the_base_fee_to_nobody() {
    let state = state(&[]);
    let tx = Transaction { value: U256::from(5), gas_limit: 21_000, ..call(OTHER) };
    let outcome = execute(Hardfork::London, &state, vec![tx]).expect("valid");
    assert_eq!(outcome.gas_used, 21_000);
    assert_eq!(balance(&outcome, OTHER), Some(U256::from(5)));
    let reward = U256::from(2) * U256::from(10).pow(U256::from(18));
    assert_eq!(balance(&outcome, MINER), Some(reward + U256::from(21_000 * 3)));
    let spent = U256::from(21_000 * 10 + 5);
    let before = U256::from(10).pow(U256::from(24));
    assert_eq!(balance(&outcome, SENDER), Some(before - spent));
}

#[test]
fn a_reverted_frame_takes_back_everything_but_the_fees_and_the_nonce() {
    // SSTORE(0, 1), LOG0, then REVERT(0, 0)
    let code = [0x60, 1, 0x60, 0, 0x55, 0x60, 0, 0x60, 0, 0xa0, 0x60, 0, 0x60, 0, 0xfd];
    let state = state(&code);
    let tx = Transaction { value: U256::from(9), ..call(CONTRACT) };
    let outcome = execute(Hardfork::Cancun, &state, vec![tx]).expect("valid");
    assert_eq!(statuses(&outcome), [false]);
    assert!(outcome.receipts[0].logs.is_empty());
    assert!(!outcome.state.accounts.contains_key(&CONTRACT));
    let sender = outcome.state.accounts[&SENDER].info.expect("exists");
    assert_eq!(sender.nonce, 1);
    let fee = U256::from(outcome.gas_used * 10);
    assert_eq!(sender.balance, U256::from(10).pow(U256::from(24)) - fee);
}

#[test]
fn selfdestruct_destroys_until_shanghai_and_only_pays_out_since_cancun() {
    let code = [push(OTHER), vec![0xff]].concat();
    for (fork, is_destroyed) in [(Hardfork::Shanghai, true), (Hardfork::Cancun, false)] {
        let mut state = state(&[]);
        add_contract(&mut state, CONTRACT, &code, 77);
        let outcome = execute(fork, &state, vec![call(CONTRACT)]).expect("valid");
        assert_eq!(balance(&outcome, OTHER), Some(U256::from(77)), "{fork}");
        let contract = &outcome.state.accounts[&CONTRACT];
        assert_eq!((contract.info.is_none(), contract.storage_wiped), (is_destroyed, is_destroyed));
    }
}

#[test]
fn a_contract_created_and_destroyed_in_one_transaction_is_gone_in_cancun_too() {
    // Initcode that destroys itself in favour of OTHER.
    let initcode = [push(OTHER), vec![0xff]].concat();
    let tx = Transaction {
        to: TxKind::Create,
        input: initcode.into(),
        value: U256::from(3),
        ..call(OTHER)
    };
    let outcome = execute(Hardfork::Cancun, &state(&[]), vec![tx]).expect("valid");
    assert_eq!(statuses(&outcome), [true]);
    assert_eq!(balance(&outcome, OTHER), Some(U256::from(3)));
    assert!(!outcome.state.accounts.contains_key(&SENDER.create(0)));
}

#[test]
fn a_destroyed_contract_has_no_storage_when_it_comes_back() {
    // Slot 0 holds 5 before; the first transaction destroys the contract, the second credits its address.
    let code = [push(OTHER), vec![0xff]].concat();
    let mut state = state(&[]);
    add_contract(&mut state, CONTRACT, &code, 0);
    state.insert_storage(CONTRACT, U256::ZERO, U256::from(5));
    let credit = Transaction { nonce: 1, value: U256::from(4), ..call(CONTRACT) };
    let outcome = execute(Hardfork::London, &state, vec![call(CONTRACT), credit]).expect("valid");
    let contract = &outcome.state.accounts[&CONTRACT];
    assert!(contract.storage_wiped && contract.storage.is_empty());
    let info = contract.info.expect("credited again");
    assert_eq!((info.nonce, info.balance), (0, U256::from(4)));
    assert_eq!(info.code_hash, AccountInfo::default().code_hash);
}

#[test]
fn touching_an_empty_account_removes_it_since_spurious_dragon() {
    for (fork, is_removed) in [(Hardfork::Tangerine, false), (Hardfork::SpuriousDragon, true)] {
        let mut state = state(&[]);
        state.insert_account(OTHER, AccountInfo::default());
        let outcome = execute(fork, &state, vec![call(OTHER)]).expect("valid");
        let is_gone = outcome.state.accounts.get(&OTHER).is_some_and(|other| other.info.is_none());
        assert_eq!(is_gone, is_removed, "{fork}");
    }
}

#[test]
fn transient_storage_ends_with_the_transaction() {
    // SSTORE(0, TLOAD(0)), TSTORE(0, 1)
    let code = [0x60, 0, 0x5c, 0x60, 0, 0x55, 0x60, 1, 0x60, 0, 0x5d];
    let second = Transaction { nonce: 1, ..call(CONTRACT) };
    let outcome =
        execute(Hardfork::Cancun, &state(&code), vec![call(CONTRACT), second]).expect("valid");
    assert_eq!(statuses(&outcome), [true, true]);
    assert_eq!(slot(&outcome, CONTRACT, 0), None, "it read zero both times");
}

#[test]
fn a_cold_slot_costs_2100_once() {
    // SLOAD(0) twice.
    let code = [0x60, 0, 0x54, 0x60, 0, 0x54];
    assert_eq!(
        transact(Hardfork::Berlin, &state(&code), &call(CONTRACT)).gas_used,
        21_000 + 3 + 2_100 + 3 + 100
    );
    assert_eq!(
        transact(Hardfork::Istanbul, &state(&code), &call(CONTRACT)).gas_used,
        21_000 + 2 * (3 + 800)
    );
}

#[test]
fn the_refund_is_at_most_a_half_then_a_fifth() {
    // SSTORE(0, 0) on a slot that holds 1.
    let mut state = state(&[0x60, 0, 0x60, 0, 0x55]);
    state.insert_storage(CONTRACT, U256::ZERO, U256::ONE);
    let istanbul = transact(Hardfork::Istanbul, &state, &call(CONTRACT));
    assert_eq!((istanbul.gas_refunded, istanbul.gas_used), (13_003, 26_006 - 13_003));
    let london = transact(Hardfork::London, &state, &call(CONTRACT));
    assert_eq!((london.gas_refunded, london.gas_used), (4_800, 26_006 - 4_800));
}

#[test]
fn the_calldata_floor_holds_from_prague_on() {
    let tx = Transaction { input: vec![1; 1_000].into(), ..call(OTHER) };
    assert_eq!(transact(Hardfork::Cancun, &state(&[]), &tx).gas_used, 21_000 + 16_000);
    assert_eq!(transact(Hardfork::Prague, &state(&[]), &tx).gas_used, 21_000 + 40_000);
}

#[test]
fn a_delegated_account_runs_its_delegates_code_on_its_own_state() {
    // SSTORE(0, 1)
    let state = state(&[0x60, 1, 0x60, 0, 0x55]);
    let authorization =
        Authorization { chain_id: U256::ZERO, address: CONTRACT, nonce: 0, authority: Some(OTHER) };
    let tx = Transaction {
        tx_type: TransactionType::SetCode,
        chain_id: Some(1),
        authorizations: vec![authorization.clone(), authorization],
        ..call(OTHER)
    };
    let outcome = execute(Hardfork::Prague, &state, vec![tx]).expect("valid");
    assert_eq!(slot(&outcome, OTHER, 0), Some(U256::ONE));
    let other = outcome.state.accounts[&OTHER].info.expect("exists");
    assert_eq!(other.nonce, 1, "the second authorization has a nonce that is used up");
    let designator = braid_interpreter::delegation_designator(CONTRACT);
    assert_eq!(other.code_hash, PortableCrypto::new().keccak256(&designator));
    assert_eq!(outcome.state.code[&other.code_hash], designator.to_vec());
}

#[test]
fn before_prague_a_delegation_designator_is_code_like_any_other() {
    let designator = braid_interpreter::delegation_designator(OTHER);
    let mut state = state(&designator);
    // LOG0(0, 0)
    add_contract(&mut state, OTHER, &[0x5f, 0x5f, 0xa0], 0);
    for (fork, follows) in [(Hardfork::Cancun, false), (Hardfork::Prague, true)] {
        let outcome = transact(fork, &state, &call(CONTRACT));
        assert_eq!((outcome.status.is_success(), outcome.logs.len()), (follows, follows.into()));
        // 0xef is no instruction: all gas is gone.
        assert_eq!(outcome.gas_used == 1_000_000, !follows, "{fork}");
    }
    // An account with such code may send only since Prague (EIP-3607, EIP-7702).
    let balance = U256::from(10).pow(U256::from(24));
    let code_hash = state.insert_code(designator.to_vec().into());
    state.insert_account(SENDER, AccountInfo { nonce: 0, balance, code_hash });
    let rejected = execute(Hardfork::Cancun, &state, vec![call(OTHER)]).expect_err("a contract");
    let reason = InvalidTransaction::SenderHasCode { sender: SENDER, code_hash };
    assert_eq!(rejected.to_string(), format!("transaction 0: {reason}"));
    assert!(execute(Hardfork::Prague, &state, vec![call(OTHER)]).is_ok());
}

#[test]
fn a_transaction_with_fields_that_its_type_lacks_is_invalid() {
    let blob_hash = braid_primitives::B256::with_last_byte(1);
    let with_blobs = Transaction { blob_hashes: vec![blob_hash], ..call(OTHER) };
    let rejected = execute(Hardfork::Osaka, &state(&[]), vec![with_blobs]).expect_err("foreign");
    let tx_type = TransactionType::Legacy;
    let reason = InvalidTransaction::ForeignField { tx_type, field: "blobs" };
    assert_eq!(rejected.to_string(), format!("transaction 0: {reason}"));
}

#[test]
fn memory_that_no_machine_should_have_runs_out_of_gas() {
    // MSTORE(2^32, 1): within any gas limit of 64 bits, but not within the bound.
    let code = [0x60, 1, 0x64, 1, 0, 0, 0, 0, 0x52];
    let mut rich = env(Hardfork::Cancun);
    rich.gas_limit = u64::MAX;
    rich.base_fee = 0;
    let tx = Transaction {
        gas_limit: 1 << 62,
        max_fee_per_gas: 0,
        max_priority_fee_per_gas: 0,
        ..call(CONTRACT)
    };
    let mut executor =
        SequentialExecutor::new(ChainSpec::single(Hardfork::Cancun), PortableCrypto::new());
    let (outcome, _) = executor.transact(&rich, &tx, &state(&code)).expect("valid");
    assert!(!outcome.status.is_success());
}

#[test]
fn a_creation_does_not_land_on_an_account_with_storage() {
    let mut state = state(&[]);
    let taken = SENDER.create(0);
    state.insert_account(taken, AccountInfo { balance: U256::ONE, ..Default::default() });
    state.insert_storage(taken, U256::ONE, U256::ONE);
    let tx = Transaction { to: TxKind::Create, ..call(OTHER) };
    let outcome = execute(Hardfork::Osaka, &state, vec![tx]).expect("valid");
    assert_eq!(statuses(&outcome), [false]);
    assert_eq!(outcome.gas_used, 1_000_000, "a collision takes all gas");
    assert!(!outcome.state.accounts.contains_key(&taken));
}

#[test]
fn calls_stop_at_depth_1024_without_rust_recursing() {
    // Each frame counts itself, SSTORE(0, SLOAD(0) + 1), then calls its own address.
    let mut code = vec![0x60, 0, 0x54, 0x60, 1, 0x01, 0x60, 0, 0x55];
    // CALL(GAS, ADDRESS, 0, 0, 0, 0, 0)
    code.extend([0x60, 0, 0x60, 0, 0x60, 0, 0x60, 0, 0x60, 0, 0x30, 0x5a, 0xf1]);
    // Before Tangerine asking for more gas than is left fails: keep 10000 back.
    let at = code.len() - 2;
    code.splice(at..=at, [0x61, 0x27, 0x10, 0x5a, 0x03]);
    let tx = Transaction { gas_limit: 29_000_000, ..call(CONTRACT) };
    let outcome = execute(Hardfork::Homestead, &state(&code), vec![tx]).expect("valid");
    assert_eq!(slot(&outcome, CONTRACT, 0), Some(U256::from(1_025)));
}

#[test]
fn an_invalid_transaction_names_itself_and_leaves_no_result() {
    let gap = Transaction { nonce: 5, ..call(OTHER) };
    let error = execute(Hardfork::Osaka, &state(&[]), vec![call(OTHER), gap]).expect_err("a gap");
    let ExecutionError::Invalid(InvalidBlock::Transaction { index: 1, error }) = error else {
        panic!("{error}");
    };
    let expected = InvalidTransaction::NonceTooHigh { sender: SENDER, got: 5, expected: 1 };
    assert_eq!(error, expected);
}

#[test]
fn withdrawals_are_in_gwei_and_a_missing_list_is_an_error() {
    let withdrawal = Withdrawal { address: OTHER, amount_gwei: 3, ..Default::default() };
    let mut block = Block { env: env(Hardfork::Shanghai), ..Default::default() };
    let mut executor =
        SequentialExecutor::new(ChainSpec::single(Hardfork::Shanghai), PortableCrypto::new());
    let state = MemoryState::new();
    let missing = executor.execute_block(&block, &state).expect_err("no withdrawals");
    assert_eq!(missing.to_string(), "block has no withdrawals, which Shanghai requires");
    block.context.withdrawals = Some(vec![withdrawal]);
    let outcome = executor.execute_block(&block, &state).expect("valid");
    assert_eq!(balance(&outcome, OTHER), Some(U256::from(3_000_000_000_u64)));
}
