//! `braid statetest`: runs General State Tests.

use std::{
    io::{self, Write},
    path::Path,
};

use braid_precompiles::DefaultCrypto;
use braid_primitives::Hardfork;
use serde::Serialize;

use super::{
    Status,
    engine::EngineArgument,
    suite::{self, Results, SuiteArguments, Verdict, Worker},
};
use crate::{
    error::InputError,
    source::File,
    statetest::{CaseReport, Failure, Indexes, StateTests},
    verify::Difference,
};

const AFTER_HELP: &str = "\
A case passes if its transaction is accepted, or rejected for the reason that the case names, and if the logs and the state
root afterwards are the given ones. The encoded transaction, where a case has it, has to decode to the same transaction.

Examples:
  braid statetest tests/state/stExample.json
  braid statetest --threads 8 tests/state
  braid statetest --engine threaded tests/state
  braid statetest --json tests/state | jq 'select(.passed == false)'";

/// Run General State Tests.
///
/// PATH is a file, or a folder in which all files named *.json or *.json.gz are run, those in folders below included.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    suite: SuiteArguments,

    #[command(flatten)]
    engine: EngineArgument,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> io::Result<Status> {
    suite::run(&arguments.suite, out, || {
        let mut tests = StateTests::new(DefaultCrypto::new());
        tests.set_engine(arguments.engine.into());
        tests
    })
}

impl Worker for StateTests<DefaultCrypto> {
    type Group = Hardfork;

    const RESULTS: &'static str = "cases";
    const GROUP: &'static str = "hardfork";
    const LEAST: &'static str = "at least one test with a case";

    fn run_file(&mut self, file: &File, results: &mut Results<Hardfork>) -> Vec<InputError> {
        Self::run_file(self, file, |case| {
            let differences: Vec<Difference> =
                case.failures.iter().map(Failure::difference).collect();
            let Indexes { data, gas, value } = case.indexes;
            let (path, test, fork) = (file.path.display(), case.test, case.fork);
            let label = format_args!("{path}: {test} [{fork} d{data} g{gas} v{value}]");
            let facts = Facts::new(&file.path, &case);
            results.add(case.fork, &Verdict::Run(&differences), label, &facts);
        })
    }
}

/// What a line of JSON tells about a case.
#[derive(Serialize)]
struct Facts<'a> {
    test: &'a str,
    path: &'a Path,
    fork: &'static str,
    data: usize,
    gas: usize,
    value: usize,
    seconds: f64,
}

impl<'a> Facts<'a> {
    fn new(path: &'a Path, case: &CaseReport<'a>) -> Self {
        Self {
            test: case.test,
            path,
            fork: case.fork.name(),
            data: case.indexes.data,
            gas: case.indexes.gas,
            value: case.indexes.value,
            seconds: case.time.as_secs_f64(),
        }
    }
}
