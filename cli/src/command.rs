//! The commands of the program.

mod bench;
mod blocktest;
mod engine;
mod files;
mod report;
mod run;
mod statetest;
mod suite;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// What the program answers its caller. Later kinds outrank earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    /// Everything passed.
    #[default]
    Passed,
    /// A check failed.
    Failed,
    /// Arguments or files could not be used.
    BadInput,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Passed => Self::SUCCESS,
            Status::Failed => Self::from(1),
            Status::BadInput => Self::from(2),
        }
    }
}

const AFTER_HELP: &str = "\
Exit code: 0 if everything passed, 1 if a check failed, 2 for bad usage or input.
Results go to standard output, errors and progress to standard error.";

/// Runs, checks and measures Ethereum blocks and conformance tests with the Braid block engine.
#[derive(Debug, Parser)]
#[command(name = "braid", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Statetest(statetest::Arguments),
    Blocktest(blocktest::Arguments),
    Bench(bench::Arguments),
}

/// Runs the program on its command line.
pub fn main() -> ExitCode {
    // On bad usage this prints what is wrong and exits with 2.
    let arguments = Arguments::parse();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let result = match arguments.command {
        Command::Run(arguments) => run::run(&arguments, &mut out),
        Command::Statetest(arguments) => statetest::run(&arguments, &mut out),
        Command::Blocktest(arguments) => blocktest::run(&arguments, &mut out),
        Command::Bench(arguments) => bench::run(&arguments, &mut out),
    };
    match result.and_then(|status| out.flush().map(|()| status)) {
        Ok(status) => status.into(),
        // Whoever read the output has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("error: standard output: {error}"));
            Status::BadInput.into()
        }
    }
}

/// Prints a line on standard error. If even that fails, nobody is left to be told.
fn complain(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_arguments_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
