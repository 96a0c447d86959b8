//! Reads that fail: whichever it is, there is a clear error and an executor that works afterwards; and a frame that was
//! interrupted goes on as if it had not been.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, Log, U256, keccak256};
use braid_executor::{
    Block, Engine, ExecutionError, MissingRequestContracts, SequentialExecutor, TransactError,
};
use braid_interpreter::{
    Code, Exit, Frame, FrameInput, Host, NoInspector, Schedule, TransactionEnv, Workspace, prepare,
    run,
};
use braid_precompiles::DefaultCrypto;
use braid_primitives::ChainSpec;
use braid_tests::{
    differential::Case,
    recorder::{ReadError, Recorder, Refusal},
    vm_host::VmHost,
    world::{World, WorldAccount},
};

/// Seeds of the blocks that are tried.
const SEEDS: std::ops::Range<u64> = 0..100;

/// The engines that are tried; what is adaptive is one of them at any time.
const ENGINES: [Engine; 2] = [Engine::Plain, Engine::Threaded];

/// Cases without those about the limit of depth, which take long.
fn cases() -> impl Iterator<Item = Case> {
    SEEDS.map(Case::from_seed).filter(|case| case.env.gas_limit < 1 << 40)
}

fn executor(case: &Case, engine: Engine) -> SequentialExecutor<DefaultCrypto> {
    let spec = ChainSpec::single(case.fork);
    let mut executor = SequentialExecutor::new(spec, DefaultCrypto::new());
    executor.set_missing_request_contracts(MissingRequestContracts::Ignore);
    executor.set_engine(engine);
    executor
}

#[test]
fn a_transaction_whose_reader_fails_can_be_executed_again() {
    for engine in ENGINES {
        let failures: u64 = cases().map(|case| fail_transactions(&case, engine)).sum();
        assert!(failures > 500, "there were {failures} failures only");
    }
}

/// Fails each read of each transaction in turn; returns how many there were.
fn fail_transactions(case: &Case, engine: Engine) -> u64 {
    let mut failures = 0;
    let world = case.world();
    // One executor for all: what a failure leaves behind would show in what follows.
    let mut used = executor(case, engine);
    for transaction in &case.transactions {
        let Ok(expected) = executor(case, Engine::Plain).transact(&case.env, transaction, &world)
        else {
            continue;
        };
        for good_reads in 0.. {
            // Analysed code is kept on purpose; a new executor has to read all of it.
            let mut new = executor(case, engine);
            let reader = Recorder::new(&world, Refusal::From(good_reads));
            match new.transact(&case.env, transaction, &reader) {
                Err(TransactError::State(error)) => {
                    let ReadError::Refused(read) = error;
                    let message = TransactError::State(error).to_string();
                    assert_eq!(message, format!("state could not be read: {read:?} is refused"));
                    failures += 1;
                }
                Err(TransactError::Invalid(error)) => panic!("{error}: {case:?}"),
                Ok(outcome) => {
                    assert_eq!(outcome, expected, "{case:?}");
                    break;
                }
            }
            let again = new.transact(&case.env, transaction, &world).unwrap();
            assert_eq!(again, expected, "after {good_reads} reads, {case:?}");
            let reader = Recorder::new(&world, Refusal::From(good_reads));
            drop(used.transact(&case.env, transaction, &reader));
            let again = used.transact(&case.env, transaction, &world).unwrap();
            assert_eq!(again, expected, "after {good_reads} reads, {case:?}");
        }
    }
    failures
}

#[test]
fn a_block_whose_reader_fails_can_be_executed_again() {
    for engine in ENGINES {
        let failures: u64 = cases().map(|case| fail_block(&case, engine)).sum();
        assert!(failures > 800, "there were {failures} failures only");
    }
}

/// Fails each read of the block in turn; returns how many there were.
fn fail_block(case: &Case, engine: Engine) -> u64 {
    let mut failures = 0;
    let world = case.world();
    let block = valid_block(case, &world);
    let expected = executor(case, Engine::Plain).execute_block(&block, &world).unwrap();
    let mut used = executor(case, engine);
    for good_reads in 0.. {
        let mut new = executor(case, engine);
        let reader = Recorder::new(&world, Refusal::From(good_reads));
        match new.execute_block(&block, &reader) {
            Err(ExecutionError::State(_)) => failures += 1,
            Err(ExecutionError::Invalid(error)) => panic!("{error}: {case:?}"),
            Ok(outcome) => {
                assert_eq!(outcome, expected, "{case:?}");
                break;
            }
        }
        let again = new.execute_block(&block, &world).unwrap();
        assert_eq!(again, expected, "after {good_reads} reads, {case:?}");
        drop(used.execute_block(&block, &Recorder::new(&world, Refusal::From(good_reads))));
        let again = used.execute_block(&block, &world).unwrap();
        assert_eq!(again, expected, "after {good_reads} reads, {case:?}");
    }
    failures
}

/// A block of the transactions that are valid, one after the other.
fn valid_block(case: &Case, world: &World) -> Block {
    let mut block =
        Block { env: case.env.clone(), context: case.context.clone(), transactions: Vec::new() };
    for transaction in &case.transactions {
        block.transactions.push(transaction.clone());
        if executor(case, Engine::Plain).execute_block(&block, world).is_err() {
            block.transactions.pop();
        }
    }
    block
}

/// What a frame leaves behind when it stops.
#[derive(Debug, PartialEq)]
struct Stop {
    exit: Exit,
    gas_left: u64,
    refund: i64,
    memory: Vec<u8>,
    output: std::ops::Range<usize>,
    request: String,
    accounts: BTreeMap<Address, WorldAccount>,
    logs: Vec<Log>,
}

/// Runs the account's code until it ends or calls; counts the interrupts.
fn run_frame(
    case: &Case,
    address: Address,
    (engine, mut host): (Engine, VmHost),
    interrupts: &mut u64,
) -> Stop {
    let schedule = Schedule::of(case.fork);
    let mut workspace = Workspace::new(schedule);
    workspace.engine = engine;
    let code = case.programs[&address].assemble();
    let input = FrameInput {
        code: Arc::new(Code::new(&code, keccak256(&code))),
        gas_limit: 1_000_000,
        account: host.account(address),
        address,
        caller: Address::repeat_byte(7),
        value: U256::from(1),
        input: workspace.reset(schedule, &[1; 100]),
        is_static: false,
        depth: 0,
    };
    let mut frame = Frame::new(input, &mut workspace);
    prepare(&frame, &mut workspace, |code, schedule, translator| {
        code.translate(schedule, translator);
    });
    let exit = loop {
        match run(&mut frame, &mut workspace, &mut host, &mut NoInspector) {
            Exit::Interrupted => *interrupts += 1,
            exit => break exit,
        }
    };
    Stop {
        exit,
        gas_left: frame.gas_left(),
        refund: frame.refund(),
        memory: workspace.memory.bytes().to_vec(),
        output: frame.output(),
        request: format!("{:?} {:?}", workspace.call, workspace.create),
        accounts: host.world.accounts,
        logs: host.logs,
    }
}

#[test]
fn an_interrupted_frame_goes_on_as_if_it_had_not_been() {
    let mut interrupts = 0;
    for seed in 0..1_500 {
        let case = Case::from_seed(seed);
        for address in case.programs.keys() {
            let host = || {
                let transaction = TransactionEnv { chain_id: 1, ..TransactionEnv::default() };
                VmHost::new(case.world(), case.env.clone(), transaction)
            };
            let expected = run_frame(&case, *address, (Engine::Plain, host()), &mut 0);
            for engine in ENGINES {
                let host = host().interrupting(seed);
                let found = run_frame(&case, *address, (engine, host), &mut interrupts);
                // A frame that failed has nothing to say but that.
                if !matches!(expected.exit, Exit::Halt(_)) || expected.exit != found.exit {
                    assert_eq!(found, expected, "{engine:?}, code of {address} in {case:?}");
                }
            }
        }
    }
    assert!(interrupts > 10_000, "there were {interrupts} interrupts only");
}
