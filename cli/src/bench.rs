//! Blocks to measure with, and what `braid bench` measures.
//!
//! | file | does |
//! |---|---|
//! | [`synthetic`] | blocks of our own, for each kind of dependency between transactions |
//! | [`world`] | the state before them |
//! | [`assembler`] | assembles their contracts, which lie in `contracts/` |
//! | [`conflicts`] | which transactions need what which others wrote, and the most that parallel execution can gain |
//! | [`latency`] | a state that takes its time |
//! | [`measure`] | sequential and parallel execution in turns |
//!
//! ```
//! use braid_cli::bench::{
//!     Workload,
//!     conflicts::Conflicts,
//!     measure::{Effort, Engines, measure, weigh},
//! };
//! use braid_precompiles::PortableCrypto;
//!
//! let bench = Workload::Mixed.block(2_000_000);
//! let mut engines = Engines::new(bench.spec.clone(), PortableCrypto::new());
//! engines.set_chain(&bench.spec, bench.missing_request_contracts());
//! let effort = Effort { threads: vec![2, 4], runs: 3 };
//! let measured = measure(&mut engines, &bench.block, &effort, || &bench.state)?;
//! assert!(measured.differences.is_empty());
//!
//! let weights = weigh(&mut engines, &bench.block, &bench.state)?;
//! let chains = Conflicts::of(&bench, &mut engines.sequential)?.chains(&weights);
//! for parallel in &measured.times.parallel {
//!     println!("{:.2} of {:.2}", parallel.speed_up(&measured.times), chains.bound(parallel.threads));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod assembler;
pub mod conflicts;
pub mod latency;
pub mod measure;
pub mod synthetic;
pub mod world;

use braid_executor::{Block, MemoryState, MissingRequestContracts};
use braid_primitives::ChainSpec;

pub use synthetic::Workload;

use crate::fixture::Fixture;

/// Where a block comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was thought up.
    Synthetic,
    /// It is the one that is part of the program.
    Sample,
    /// It is in a set of fixtures: mainnet's.
    Mainnet,
}

/// A block and the state before it.
#[derive(Clone, Debug)]
pub struct BenchBlock {
    /// Its name in tables and on the command line.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Rules of the chain.
    pub spec: ChainSpec,
    /// The block, senders recovered.
    pub block: Block,
    /// The state before it, or at least what it reads of it.
    pub state: MemoryState,
    /// Whether that is the whole state.
    pub is_state_complete: bool,
}

impl BenchBlock {
    /// A block of a fixture.
    pub fn of_fixture(fixture: Fixture, origin: Origin) -> Self {
        let Fixture { spec, block, pre_state: state, complete_state, .. } = fixture;
        let name = fixture_name(origin, block.env.number);
        Self { name, origin, spec, block, state, is_state_complete: complete_state }
    }

    /// What it has to mean for the block that a contract of EIP-7002 or EIP-7251 is missing: a state of which only a part is
    /// there may lack them.
    pub fn missing_request_contracts(&self) -> MissingRequestContracts {
        missing_request_contracts(self.is_state_complete)
    }
}

/// See [`BenchBlock::missing_request_contracts`].
pub(crate) fn missing_request_contracts(is_state_complete: bool) -> MissingRequestContracts {
    if is_state_complete {
        MissingRequestContracts::Reject
    } else {
        MissingRequestContracts::Ignore
    }
}

/// What a fixture's block is called.
pub(crate) fn fixture_name(origin: Origin, number: u64) -> String {
    let folder = match origin {
        Origin::Synthetic => "synthetic",
        Origin::Sample => "sample",
        Origin::Mainnet => "mainnet",
    };
    format!("{folder}/{number}")
}
