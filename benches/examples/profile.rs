//! Runs one case on one engine again and again, for profilers:
//!
//! ```text
//! cargo build --profile profiling -p braid-benches --example profile      (for valgrind with --no-default-features)
//! valgrind --tool=callgrind target/profiling/examples/profile braid contracts/evm2-data/weth 1000
//! perf record target/profiling/examples/profile braid mainnet_blocks/19426586 200
//! perf record target/profiling/examples/profile braid synthetic/transfers/one_sender 20
//! perf record target/profiling/examples/profile braid changes/1000/accounts/1000000 200
//! ```

use std::{hint::black_box, process::ExitCode, time::Duration};

use braid_benches::{
    BenchError,
    blocks::{self, BlockCase, BlockSet, ReadyBlock},
    cases::{self, Ready},
    exit::{exit_code, refuse},
    fixtures,
    measure::time,
    trie::{
        StateEngine, braid::BraidState, peers::EthrexState, population::Population, root_after,
    },
};
use braid_cli::bench::Workload;

/// Gas of a synthetic block.
const SYNTHETIC_GAS: u64 = 1_000_000_000;

const USAGE: &str = "\
usage: profile braid|revm contracts/<case>|mainnet_blocks/<number>|synthetic/<name> RUNS
       profile braid|ethrex changes/<count>/accounts/<count> RUNS";

/// Leaves that a state is built from at a time.
const LEAVES_PER_DELTA: usize = 10_000;

#[derive(Clone, Copy)]
enum Engine {
    Braid,
    Peer,
}

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [engine, id, runs] = args.as_slice() else { return refuse(USAGE) };
    let engine = match engine.as_str() {
        "braid" => Engine::Braid,
        "revm" | "ethrex" => Engine::Peer,
        _ => return refuse(USAGE),
    };
    let Ok(runs) = runs.parse() else { return refuse(USAGE) };
    if let ["changes", changes, "accounts", accounts] = id.split('/').collect::<Vec<_>>()[..] {
        let (Ok(changes), Ok(accounts)) = (changes.parse(), accounts.parse()) else {
            return refuse(USAGE);
        };
        return self::changes(engine, accounts, changes, runs);
    }
    let found = match id.split_once('/') {
        Some(("contracts", case)) => contract(engine, case, runs),
        Some(("mainnet_blocks", number)) => mainnet_block(engine, number, runs),
        Some(("synthetic", name)) => {
            let workload = Workload::ALL.into_iter().find(|workload| workload.name() == name);
            let case = workload.map(|workload| workload.block(SYNTHETIC_GAS).into());
            block(engine, case, runs)
        }
        _ => return refuse(USAGE),
    };
    exit_code(match found {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("there is no case {id}")),
        Err(error) => Err(error.to_string()),
    })
}

/// Changes a state again and again. What changes is made beforehand, and the time it takes is printed.
fn changes(engine: Engine, accounts: u64, changes: usize, runs: usize) -> ExitCode {
    let mut state: Box<dyn StateEngine> = match engine {
        Engine::Braid => Box::new(BraidState::default()),
        Engine::Peer => Box::new(EthrexState::default()),
    };
    let mut population = Population::new(accounts);
    for delta in population.genesis(LEAVES_PER_DELTA) {
        drop(black_box(root_after(&mut *state, &delta)));
        state.settle();
    }
    let deltas: Vec<_> = (0..runs).map(|_| population.block(changes)).collect();
    let (mut apply, mut root) = (Duration::ZERO, Duration::ZERO);
    for delta in &deltas {
        apply += time(|| state.apply(delta));
        root += time(|| state.root());
        state.settle();
    }
    let micros_per_change = |time: Duration| time.as_secs_f64() * 1e6 / (runs * changes) as f64;
    println!(
        "{:.3} us to apply a change, {:.3} us for its part of the root",
        micros_per_change(apply),
        micros_per_change(root)
    );
    ExitCode::SUCCESS
}

fn contract(engine: Engine, id: &str, runs: usize) -> Result<bool, BenchError> {
    let Some(folder) = fixtures::folder(cases::FOLDER) else { return Ok(false) };
    let cases = cases::load(&folder)?;
    let Some(case) = cases.iter().find(|case| case.id == id) else { return Ok(false) };
    let Ready { mut braid, mut revm, .. } = Ready::new(case, braid_executor::Engine::default())?;
    if matches!(engine, Engine::Braid) {
        braid.warm_up();
    }
    for _ in 0..runs {
        match engine {
            Engine::Braid => drop(black_box(braid.run())),
            Engine::Peer => drop(black_box(revm.run())),
        }
    }
    Ok(true)
}

fn mainnet_block(engine: Engine, number: &str, runs: usize) -> Result<bool, BenchError> {
    let Some(folder) = fixtures::folder(blocks::FOLDER) else { return Ok(false) };
    let set = BlockSet::open(&folder)?;
    let Some(index) = set.numbers().position(|found| found.to_string() == number) else {
        return Ok(false);
    };
    block(engine, set.load(index)?, runs)
}

fn block(engine: Engine, case: Option<BlockCase>, runs: usize) -> Result<bool, BenchError> {
    let Some(case) = case else { return Ok(false) };
    let mut block = ReadyBlock::new(case, braid_executor::Engine::default())?;
    if matches!(engine, Engine::Braid) {
        block.braid.warm_up();
    }
    for _ in 0..runs {
        match engine {
            Engine::Braid => drop(black_box(block.braid.run())),
            Engine::Peer => drop(black_box(block.revm.execute(block.revm.inputs()))),
        }
    }
    Ok(true)
}
