//! The old VM tests: the code of one frame, without a transaction around it, under Frontier's rules.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use braid_interpreter::{
    Code, Engine, Exit, Frame, FrameInput, Host, NoInspector, Schedule, TransactionEnv, Workspace,
    prepare, run,
};
use braid_primitives::{BlockEnv, Hardfork};
use braid_tests::{
    corpus::{corpus, files_below, named_values, parse},
    vm_host::VmHost,
    world::{World, WorldAccount},
};
use serde_json::Value;

#[test]
fn every_vm_test_ends_as_it_says() {
    let Some(folder) = corpus("vm", "the VM tests") else { return };
    let mut failures = Vec::new();
    let mut total = 0;
    for file in files_below(&folder, ".json") {
        for (name, test) in named_values(&file) {
            total += 1;
            for engine in [Engine::Plain, Engine::Threaded] {
                if let Err(difference) = check(&test, engine) {
                    failures.push(format!("{name}, {engine:?}: {difference}"));
                }
            }
        }
    }
    eprintln!("{total} VM tests, {} failed", failures.len());
    assert!(total > 0, "there are no VM tests in {}", folder.display());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is left when the frame has ended well.
#[derive(Debug, PartialEq, Eq)]
struct End {
    gas_left: u64,
    output: Bytes,
    logs_hash: B256,
    accounts: BTreeMap<Address, WorldAccount>,
}

fn check(test: &Value, engine: Engine) -> Result<(), String> {
    let found = execute(test, engine)?;
    let expected = test.get("post").map(|post| End {
        gas_left: parse(&test["gas"]),
        output: parse(&test["out"]),
        logs_hash: parse(&test["logs"]),
        accounts: world(post).accounts,
    });
    if let Some(calls) = test.get("callcreates").and_then(Value::as_array)
        && !calls.is_empty()
    {
        return Err("the test calls, which this runner does not serve".to_owned());
    }
    // A test without a result is one that fails.
    if found == expected { Ok(()) } else { Err(format!("expected {expected:?}, found {found:?}")) }
}

fn execute(test: &Value, engine: Engine) -> Result<Option<End>, String> {
    let (exec, env) = (&test["exec"], &test["env"]);
    let schedule = Schedule::of(Hardfork::Frontier);
    let mut host = VmHost::new(world(&test["pre"]), block(env), transaction(exec));
    let mut workspace = Workspace::new(schedule);
    workspace.engine = engine;
    let address: Address = parse(&exec["address"]);
    let code: Bytes = parse(&exec["code"]);
    let data: Bytes = parse(&exec["data"]);
    let input = FrameInput {
        code: Arc::new(Code::new(&code, keccak256(&code))),
        gas_limit: parse(&exec["gas"]),
        account: host.account(address),
        address,
        caller: parse(&exec["caller"]),
        value: parse(&exec["value"]),
        input: workspace.reset(schedule, &data),
        is_static: false,
        depth: 0,
    };
    let mut frame = Frame::new(input, &mut workspace);
    prepare(&frame, &mut workspace, |code, schedule, translator| {
        code.translate(schedule, translator);
    });
    match run(&mut frame, &mut workspace, &mut host, &mut NoInspector) {
        Exit::Return => {
            let mut rlp = Vec::new();
            alloy_rlp::encode_list(&host.logs, &mut rlp);
            let output = Bytes::copy_from_slice(&workspace.memory.bytes()[frame.output()]);
            let logs_hash = keccak256(rlp);
            let accounts = host.world.accounts;
            Ok(Some(End { gas_left: frame.gas_left(), output, logs_hash, accounts }))
        }
        Exit::Halt(_) => Ok(None),
        other => Err(format!("unexpected exit {other:?}")),
    }
}

fn block(env: &Value) -> BlockEnv {
    BlockEnv {
        number: parse(&env["currentNumber"]),
        beneficiary: parse(&env["currentCoinbase"]),
        timestamp: parse(&env["currentTimestamp"]),
        gas_limit: parse(&env["currentGasLimit"]),
        difficulty: parse(&env["currentDifficulty"]),
        ..BlockEnv::default()
    }
}

fn transaction(exec: &Value) -> TransactionEnv {
    let gas_price: U256 = parse(&exec["gasPrice"]);
    TransactionEnv {
        origin: parse(&exec["origin"]),
        gas_price: gas_price.saturating_to(),
        ..TransactionEnv::default()
    }
}

fn world(accounts: &Value) -> World {
    let mut world = World::default();
    for (address, json) in accounts.as_object().into_iter().flatten() {
        let mut account = WorldAccount::default();
        account.info.balance = parse(&json["balance"]);
        account.info.nonce = parse(&json["nonce"]);
        for (slot, value) in json["storage"].as_object().into_iter().flatten() {
            account.set_slot(parse(&Value::String(slot.clone())), parse(value));
        }
        let address = parse(&Value::String(address.clone()));
        world.accounts.insert(address, account);
        world.set_code(address, parse(&json["code"]));
    }
    world
}
