//! Runs one case on one engine again and again, for profilers:
//!
//! ```text
//! cargo build --profile profiling -p braid-benches --example profile
//! valgrind --tool=callgrind target/profiling/examples/profile braid contracts/evm2-data/weth 1000
//! perf record target/profiling/examples/profile braid mainnet_blocks/19426586 200
//! ```

use std::{hint::black_box, process::ExitCode};

use braid_benches::{
    BenchError,
    blocks::{self, BlockSet},
    cases::{self, Ready},
    fixtures,
};

const USAGE: &str = "usage: profile braid|revm contracts/<case>|mainnet_blocks/<number> RUNS";

#[derive(Clone, Copy)]
enum Engine {
    Braid,
    Revm,
}

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [engine, id, runs] = args.as_slice() else { return usage() };
    let engine = match engine.as_str() {
        "braid" => Engine::Braid,
        "revm" => Engine::Revm,
        _ => return usage(),
    };
    let Ok(runs) = runs.parse() else { return usage() };
    let found = match id.split_once('/') {
        Some(("contracts", case)) => contract(engine, case, runs),
        Some(("mainnet_blocks", number)) => block(engine, number, runs),
        _ => return usage(),
    };
    match found {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("there is no case {id}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

fn contract(engine: Engine, id: &str, runs: u32) -> Result<bool, BenchError> {
    let Some(folder) = fixtures::folder(cases::FOLDER) else { return Ok(false) };
    let cases = cases::load(&folder)?;
    let Some(case) = cases.iter().find(|case| case.id == id) else { return Ok(false) };
    let Ready { mut braid, mut revm, .. } = Ready::new(case)?;
    for _ in 0..runs {
        match engine {
            Engine::Braid => drop(black_box(braid.run())),
            Engine::Revm => drop(black_box(revm.run())),
        }
    }
    Ok(true)
}

fn block(engine: Engine, number: &str, runs: u32) -> Result<bool, BenchError> {
    let Some(folder) = fixtures::folder(blocks::FOLDER) else { return Ok(false) };
    let set = BlockSet::open(&folder)?;
    let Some(index) = set.numbers().position(|found| found.to_string() == number) else {
        return Ok(false);
    };
    let Some(mut block) = set.load(index)? else { return Ok(false) };
    for _ in 0..runs {
        match engine {
            Engine::Braid => drop(black_box(block.braid.run())),
            Engine::Revm => drop(black_box(block.revm.execute(block.revm.inputs()))),
        }
    }
    Ok(true)
}
