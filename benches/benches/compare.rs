//! Braid and revm in turns: tables of ratios.

use std::process::ExitCode;

use braid_benches::{
    BenchError,
    blocks::{self, BlockSet, ReadyBlock},
    cases::{self, Case, Ready},
    fixtures,
    measure::{Effort, Pair, alternating, repeated, time},
    options::{Options, USAGE},
    report::{Row, Table},
};

/// Contracts below this ratio are marked.
const CONTRACTS_MARK: f64 = 1.6;
/// Blocks on which Braid is slower than revm are marked.
const BLOCKS_MARK: f64 = 1.0;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if options.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let mut failures = Vec::new();
    contracts(&options, &mut failures);
    mainnet_blocks(&options, &mut failures);
    for failure in &failures {
        eprintln!("not measured: {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn contracts(options: &Options, failures: &mut Vec<BenchError>) {
    let Some(folder) = fixtures::folder(cases::FOLDER) else { return };
    let cases = match cases::load(&folder) {
        Ok(cases) => cases,
        Err(error) => return failures.push(error),
    };
    let mut rows = Vec::new();
    for case in cases.iter().filter(|case| options.wants(&format!("contracts/{}", case.id))) {
        eprint!("\r\x1b[K{}", case.id);
        match contract(case, options.effort()) {
            Ok(row) => rows.push(row),
            Err(error) => failures.push(error),
        }
    }
    eprint!("\r\x1b[K");
    print(Table {
        title: "contracts: one transaction, CPU time; ratio = revm / Braid by medians, (min) by the shortest runs",
        rows,
        mark_below: CONTRACTS_MARK,
    });
}

fn contract(case: &Case, effort: Effort) -> Result<Row, BenchError> {
    let Ready { gas_used, mut braid, mut revm, .. } = Ready::new(case)?;
    let times = repeated(effort, || braid.run(), || revm.run());
    Ok(Row { id: case.id.clone(), class: case.class.name(), gas: gas_used, times })
}

fn mainnet_blocks(options: &Options, failures: &mut Vec<BenchError>) {
    let Some(folder) = fixtures::folder(blocks::FOLDER) else { return };
    let set = match BlockSet::open(&folder) {
        Ok(set) => set,
        Err(error) => return failures.push(error),
    };
    let mut rows = Vec::new();
    for (index, number) in set.numbers().enumerate() {
        if !options.wants(&format!("mainnet_blocks/{number}")) {
            continue;
        }
        eprint!("\r\x1b[Kblock {number}");
        match set.load(index) {
            Ok(Some(block)) => rows.extend(measured_block(block, options)),
            Ok(None) => {}
            Err(error) => failures.push(error),
        }
    }
    eprint!("\r\x1b[K");
    rows.sort_by_key(|(number, _)| *number);
    print(Table {
        title: "mainnet blocks: sequential execution, CPU time; ratio = revm / Braid by medians, (min) by the shortest runs",
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        mark_below: BLOCKS_MARK,
    });
}

/// The block's number and times, unless revm is so fast that it is to be left out.
fn measured_block(mut block: ReadyBlock, options: &Options) -> Option<(u64, Row)> {
    let revm_ms = (0..3).map(|_| revm_block_ns(&mut block) / 1e6).fold(f64::INFINITY, f64::min);
    if revm_ms < options.min_block_ms {
        return None;
    }
    let ReadyBlock { number, transactions, gas_used, ref mut braid, ref mut revm } = block;
    let times: Pair = alternating(
        options.effort(),
        || nanoseconds(time(|| braid.run())),
        || {
            let inputs = revm.inputs();
            nanoseconds(time(|| revm.execute(inputs)))
        },
    );
    let id = format!("{number} ({transactions} txs)");
    Some((number, Row { id, class: "block", gas: gas_used, times }))
}

fn revm_block_ns(block: &mut ReadyBlock) -> f64 {
    let inputs = block.revm.inputs();
    nanoseconds(time(|| block.revm.execute(inputs)))
}

fn nanoseconds(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

fn print(table: Table) {
    if !table.rows.is_empty() {
        println!("{table}");
    }
}
