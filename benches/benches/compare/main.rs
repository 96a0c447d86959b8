//! Braid and revm in turns, or two engines of Braid: tables of ratios.

mod adversarial;
mod blocks;
mod contracts;
mod warm_up;

use std::process::ExitCode;

use braid_benches::{
    BenchError,
    exit::refuse,
    options::{Options, USAGE},
    report::{Row, lines::Line},
};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => return refuse(format_args!("{message}\n{USAGE}")),
    };
    if options.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let mut failures = Vec::new();
    contracts::run(&options, &mut failures);
    blocks::mainnet(&options, &mut failures);
    blocks::synthetic(&options, &mut failures);
    if !options.json {
        adversarial::run(&options, &mut failures);
    }
    for failure in &failures {
        eprintln!("not measured: {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shows on standard error what is being measured.
fn progress(id: &str) {
    eprint!("\r\x1b[K{id}");
}

/// Prints rows for other programs.
fn print_lines(rows: &[Row]) {
    for line in rows.iter().map(Line::from) {
        match serde_json::to_string(&line) {
            Ok(line) => println!("{line}"),
            Err(error) => eprintln!("{}: {error}", line.id),
        }
    }
}

/// Keeps what could be measured.
fn keep<T>(result: Result<T, BenchError>, failures: &mut Vec<BenchError>) -> Option<T> {
    result.map_err(|error| failures.push(error)).ok()
}
