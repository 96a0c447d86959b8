//! Mainnet blocks.

use std::path::Path;

use braid_cli::fixture::{Fixture, FixtureSet};
use braid_executor::{
    Block, BlockOutcome, ExecutionError, MemoryState, MissingRequestContracts, SequentialExecutor,
    memory_state::MissingState,
};
use braid_interpreter::Inspector;
use braid_precompiles::DefaultCrypto;

use crate::{
    error::{BenchError, agree},
    peer::{PeerBlock, PeerBlockOutcome},
};

/// Folder of the blocks among the fixtures.
pub const FOLDER: &str = "mainnet-blocks";

/// A set of blocks.
#[derive(Debug)]
pub struct BlockSet {
    set: FixtureSet,
}

/// Both engines, ready to execute a block again and again.
#[derive(Debug)]
pub struct ReadyBlock {
    /// Height of the block.
    pub number: u64,
    /// How many transactions it has.
    pub transactions: usize,
    /// Gas used by the block.
    pub gas_used: u64,
    /// Braid.
    pub braid: BraidBlock,
    /// Revm.
    pub revm: PeerBlock,
}

/// Braid with a block.
#[derive(Debug)]
pub struct BraidBlock {
    executor: SequentialExecutor<DefaultCrypto>,
    block: Block,
    state: MemoryState,
}

impl BlockSet {
    /// Opens the set.
    ///
    /// # Errors
    /// If a file that the blocks share is missing or malformed.
    pub fn open(folder: &Path) -> Result<Self, BenchError> {
        let set = FixtureSet::open(folder).map_err(|error| BenchError::malformed(folder, error))?;
        Ok(Self { set })
    }

    /// Numbers of the blocks.
    pub fn numbers(&self) -> impl ExactSizeIterator<Item = u64> {
        self.set.numbers()
    }

    /// Loads the block at `index` of [`Self::numbers`] into both engines, which execute it once; `None` if it has no
    /// transactions.
    ///
    /// # Errors
    /// If the fixture is malformed, an engine refuses the block, or they differ in a receipt or request.
    pub fn load(&self, index: usize) -> Result<Option<ReadyBlock>, BenchError> {
        let number = self.set.numbers().nth(index).unwrap_or_default();
        let fixture = self
            .set
            .load(index, &DefaultCrypto::default())
            .map_err(|error| BenchError::Block { number, reason: error.to_string() })?;
        if fixture.block.transactions.is_empty() {
            return Ok(None);
        }
        ReadyBlock::new(fixture).map(Some)
    }
}

impl ReadyBlock {
    fn new(fixture: Fixture) -> Result<Self, BenchError> {
        let Fixture { spec, block, pre_state, expected, .. } = fixture;
        let number = block.env.number;
        let id = format!("block {number}");
        let refused = |engine, reason| BenchError::Refused { id: id.clone(), engine, reason };
        let mut revm =
            PeerBlock::new(&spec, &block, &pre_state).map_err(|reason| refused("revm", reason))?;
        let theirs = revm.execute(revm.inputs()).map_err(|reason| refused("revm", reason))?;
        let mut executor = SequentialExecutor::new(spec, DefaultCrypto::default());
        executor.set_missing_request_contracts(MissingRequestContracts::Ignore);
        let mut braid = BraidBlock { executor, block, state: pre_state };
        let ours = braid.run().map_err(|error| refused("Braid", error.to_string()))?;
        compare(&id, &ours, &theirs)?;
        if let Some(expected) = expected {
            agree(&id, "expected gas used", &ours.gas_used, &expected.gas_used)?;
        }
        let transactions = braid.block.transactions.len();
        Ok(Self { number, transactions, gas_used: ours.gas_used, braid, revm })
    }
}

fn compare(id: &str, ours: &BlockOutcome, theirs: &PeerBlockOutcome) -> Result<(), BenchError> {
    agree(id, "gas used", &ours.gas_used, &theirs.gas_used)?;
    agree(id, "logs bloom", &ours.logs_bloom, &theirs.logs_bloom)?;
    agree(id, "receipts", &ours.receipts, &theirs.receipts)?;
    let requests = ours.requests.iter().flat_map(|requests| &requests.0);
    let requests: Vec<_> = requests.map(|request| request.slice(1..)).collect();
    let peers: Vec<_> =
        theirs.requests.iter().filter(|request| !request.is_empty()).cloned().collect();
    agree(id, "requests", &requests, &peers)
}

impl BraidBlock {
    /// Executes the block.
    ///
    /// # Errors
    /// None, once [`BlockSet::load`] succeeded.
    pub fn run(&mut self) -> Result<BlockOutcome, ExecutionError<MissingState>> {
        self.executor.execute_block(&self.block, &self.state)
    }

    /// Executes the block, its transactions watched by `inspector`.
    ///
    /// # Errors
    /// None, once [`BlockSet::load`] succeeded.
    pub fn run_inspected<I: Inspector>(
        &mut self,
        inspector: &mut I,
    ) -> Result<BlockOutcome, ExecutionError<MissingState>> {
        self.executor.execute_block_inspected(&self.block, &self.state, inspector, |_| {})
    }
}
