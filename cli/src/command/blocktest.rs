//! `braid blocktest`: runs Blockchain Tests.

use std::{
    io::{self, Write},
    path::Path,
};

use braid_precompiles::DefaultCrypto;
use serde::Serialize;

use super::{
    Status,
    engine::EngineArgument,
    suite::{self, Results, SuiteArguments, Verdict, Worker},
};
use crate::{
    blocktest::{self, BlockTests},
    error::InputError,
    source::File,
};

const AFTER_HELP: &str = "\
A test passes if genesis has its hash and state root, if each block is imported, or rejected for the reason that the test
names, and if the head and the state at the head are the given ones in the end. A block is imported if its header follows
from its parent's, its body and its outcome are those of the header (roots of transactions, receipts, withdrawals and state,
gas, logs bloom, requests, ommers), and its proof of work holds where the test asks for one.

Tests of rules that are still provisional are skipped, and said to be.

Examples:
  braid blocktest tests/blockchain/bcUncleTest.json
  braid blocktest --threads 8 tests/blockchain
  braid blocktest --engine threaded tests/blockchain
  braid blocktest --json tests/blockchain | jq 'select(.passed == false)'";

/// Run Blockchain Tests.
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
    let mut tests = BlockTests::new(DefaultCrypto::new());
    tests.set_engine(arguments.engine.into());
    suite::run(&arguments.suite, out, || tests.clone())
}

impl Worker for BlockTests<DefaultCrypto> {
    type Group = String;

    const RESULTS: &'static str = "tests";
    const GROUP: &'static str = "network";
    const LEAST: &'static str = "at least one test";

    fn run_file(&mut self, file: &File, results: &mut Results<String>) -> Vec<InputError> {
        Self::run_file(self, file, |report| {
            let verdict = match &report.verdict {
                blocktest::Verdict::Run(differences) => Verdict::Run(differences),
                blocktest::Verdict::Skipped(reason) => Verdict::Skipped(reason),
            };
            let label = format_args!("{}: {}", file.path.display(), report.test);
            let facts = Facts {
                test: report.test,
                path: &file.path,
                network: report.network,
                blocks: report.blocks,
                seconds: report.time.as_secs_f64(),
                unknown_exceptions: &report.unknown_exceptions,
            };
            results.add(report.network.to_owned(), &verdict, label, &facts);
            if let Verdict::Run(_) = verdict {
                report.unknown_exceptions.iter().for_each(|name| results.unknown_exception(name));
            }
        })
    }
}

/// What a line of JSON tells about a test.
#[derive(Serialize)]
struct Facts<'a> {
    test: &'a str,
    path: &'a Path,
    network: &'a str,
    blocks: usize,
    seconds: f64,
    /// Names of exceptions for which any rejection was accepted.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unknown_exceptions: &'a [&'a str],
}
