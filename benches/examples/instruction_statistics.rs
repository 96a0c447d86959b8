//! Prints which instructions mainnet blocks and contracts execute, after which others and on which operands, and how much of
//! their codes:
//!
//! ```text
//! cargo run --release -p braid-benches --example instruction_statistics                      mainnet blocks, then contracts
//! cargo run --release -p braid-benches --example instruction_statistics -- mainnet_blocks    only those
//! cargo run --release -p braid-benches --example instruction_statistics -- evm2-data/weth    the cases whose id contains this
//! ```
//!
//! In blocks each execution of an instruction counts the same. Each contract counts as much as the others, whatever it
//! executes; precompiles are left out.

use std::process::ExitCode;

use braid_benches::{
    BenchError,
    blocks::{self, BlockSet, ReadyBlock},
    cases::{self, Class, Ready},
    exit::{exit_code, refuse},
    fixtures,
    instructions::{Statistics, Watch, report::Report},
    options::Options,
};
use braid_executor::Engine;

/// What the instructions of a contract weigh together.
const CASE_WEIGHT: f64 = 1e6;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => return refuse(message),
    };
    exit_code(mainnet_blocks(&options).and_then(|()| contracts(&options)))
}

fn mainnet_blocks(options: &Options) -> Result<(), BenchError> {
    let Some(folder) = fixtures::folder(blocks::FOLDER) else { return Ok(()) };
    let set = BlockSet::open(&folder)?;
    let mut statistics = Statistics::default();
    let mut count = 0_usize;
    for (index, number) in set.numbers().enumerate() {
        if !options.wants(&format!("mainnet_blocks/{number}")) {
            continue;
        }
        let Some(case) = set.load(index)? else { continue };
        let mut block = ReadyBlock::new(case, Engine::Plain)?;
        let mut watch = Watch::default();
        let refused = |error| BenchError::Block { number, reason: format!("{error}") };
        block.braid.run_inspected(&mut watch).map_err(refused)?;
        statistics.add(&watch, 1.0);
        count += 1;
    }
    print(&format!("mainnet blocks: {count}"), count, &statistics);
    Ok(())
}

fn contracts(options: &Options) -> Result<(), BenchError> {
    let Some(folder) = fixtures::folder(cases::FOLDER) else { return Ok(()) };
    let mut statistics = Statistics::default();
    let mut count = 0_usize;
    for case in cases::load(&folder)? {
        if case.class == Class::Precompile || !options.wants(&format!("contracts/{}", case.id)) {
            continue;
        }
        let Ready { mut braid, .. } = Ready::new(&case, Engine::Plain)?;
        let mut watch = Watch::default();
        braid.run_inspected(&mut watch).map_err(|error| BenchError::Refused {
            id: case.id.clone(),
            engine: "Braid",
            reason: error.to_string(),
        })?;
        if watch.instructions() > 0 {
            statistics.add(&watch, CASE_WEIGHT / watch.instructions() as f64);
            count += 1;
        }
    }
    print(&format!("contracts: {count}, all of the same weight"), count, &statistics);
    Ok(())
}

fn print(title: &str, count: usize, statistics: &Statistics) {
    if count > 0 {
        println!("{}", Report { title, statistics });
    }
}
