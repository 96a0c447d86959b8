//! The library behind the program `braid`: the only crate of the project that reads files and arguments.
//!
//! | module | does |
//! |---|---|
//! | [`fixture`] | loads blocks with the state before them and what they have to lead to |
//! | [`verify`] | compares what execution made of a block with its fixture |
//! | [`replay`] | executes a block from its witness alone |
//! | [`agreement`] | compares what parallel and sequential execution made of a block |
//! | [`mod@bench`] | synthetic blocks, conflict graphs, and measurements of parallel beside sequential execution |
//! | [`statetest`], [`blocktest`] | run General State Tests and Blockchain Tests |
//! | [`chain`] | blocks imported one after the other, with side chains and their states |
//! | [`transaction`] | transactions of JSON: their signers, and what is executed of them |
//! | [`source`], [`hex`], [`error`] | files, hexadecimal in JSON, and one error for all input |
//! | [`command`] | the commands, their arguments and their reports |
//!
//! ```no_run
//! use braid_cli::{fixture::FixtureSet, verify::verify};
//! use braid_executor::{Engine, SequentialExecutor};
//! use braid_precompiles::DefaultCrypto;
//!
//! let crypto = DefaultCrypto::new();
//! let set = FixtureSet::open("fixtures/mainnet-blocks".as_ref())?;
//! for index in 0..set.numbers().len() {
//!     let fixture = set.load(index, &crypto)?;
//!     let mut executor = SequentialExecutor::new(fixture.spec.clone(), crypto.clone());
//!     let mut statuses = Vec::new();
//!     let outcome = executor.execute_block_with(&fixture.block, &fixture.pre_state, |committed| {
//!         statuses.extend(committed.transaction().map(|(_, tx)| tx.status.is_success()));
//!     })?;
//!     assert!(verify(&fixture, &outcome, &statuses, Engine::default(), &crypto).passed());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod agreement;
pub mod bench;
pub mod blocktest;
pub mod chain;
pub mod command;
pub mod error;
mod exception;
pub mod fixture;
pub mod hex;
pub mod replay;
pub mod source;
pub mod statetest;
mod test_file;
pub mod transaction;
pub mod verify;
mod write_sets;
