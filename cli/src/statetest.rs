//! General State Tests: one transaction on a given state, under several hardforks.
//!
//! A file is `{name: {env, pre, transaction, post}}`; `post` lists cases by hardfork. A case passes if the transaction is
//! accepted or rejected as it says, for the reason it names, and the logs and the state root are the given ones.

mod format;
mod run;
mod transaction;

use std::{fmt, time::Duration};

use braid_executor::{Engine, memory_state::MissingState};
use braid_precompiles::Crypto;
use braid_primitives::Hardfork;

pub use crate::exception::{Rejection, Unrepresentable};
pub use format::Indexes;
pub use run::{TestState, TestTransaction};

use crate::{error::InputError, source::File, test_file::run_each, verify::Difference};
use run::Runner;

/// One thing wrong with a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A result is not the expected one.
    Differs(Difference),
    /// The transaction was executed, but it is invalid.
    Accepted {
        /// What is wrong with it.
        exception: String,
    },
    /// The transaction was rejected, but it is valid, or invalid for another reason.
    Rejected {
        /// What is wrong with it, if anything.
        exception: Option<String>,
        /// Why it was rejected.
        rejection: Rejection,
    },
    /// Execution asked for something that the test does not have.
    State(MissingState),
}

impl Failure {
    /// What it is about, what was expected and what was found.
    pub fn difference(&self) -> Difference {
        let validity = |expected: String, found: String| Difference {
            item: "transaction".to_owned(),
            expected,
            found,
        };
        match self {
            Self::Differs(difference) => difference.clone(),
            Self::Accepted { exception } => {
                validity(format!("to be rejected for {exception}"), "accepted".to_owned())
            }
            Self::Rejected { exception, rejection } => {
                let expected = match exception {
                    Some(exception) => format!("to be rejected for {exception}"),
                    None => "to be accepted".to_owned(),
                };
                validity(expected, format!("rejected: {rejection}"))
            }
            Self::State(error) => validity("to find its state".to_owned(), error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.difference().fmt(f)
    }
}

/// The result of one case.
#[derive(Debug)]
pub struct CaseReport<'a> {
    /// Name of the test.
    pub test: &'a str,
    /// Hardfork of the case.
    pub fork: Hardfork,
    /// Which of the test's transactions it is about.
    pub indexes: Indexes,
    /// How long it took, state root included.
    pub time: Duration,
    /// What is wrong; nothing if it passed.
    pub failures: Vec<Failure>,
}

/// Runs files of tests, one after the other.
pub struct StateTests<C: Crypto> {
    runner: Runner<C>,
}

impl<C: Crypto> StateTests<C> {
    /// A runner that uses this cryptography.
    pub fn new(crypto: C) -> Self {
        Self { runner: Runner::new(crypto) }
    }

    /// Chooses which engine runs code. Results do not depend on it.
    pub fn set_engine(&mut self, engine: Engine) {
        self.runner.set_engine(engine);
    }

    /// Runs all cases of a file in order and reports each. A test that is malformed is left out and returned as an error;
    /// the others run.
    pub fn run_file(
        &mut self,
        file: &File,
        mut report: impl FnMut(CaseReport<'_>),
    ) -> Vec<InputError> {
        run_each(file, |name, test| {
            self.runner.run(test, |fork, indexes, time, failures| {
                report(CaseReport { test: name, fork, indexes, time, failures });
            })
        })
    }
}

/// Hands out the transaction of every case of a file, to be executed in another way. Returns what [`StateTests::run_file`]
/// does.
pub fn each_transaction(
    file: &File,
    crypto: &impl Crypto,
    mut each: impl FnMut(TestTransaction<'_>),
) -> Vec<InputError> {
    run_each(file, |name, test| run::each_transaction(name, test, crypto, &mut each))
}
