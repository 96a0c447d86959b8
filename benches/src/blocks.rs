//! Blocks: those of mainnet, and others in the same form.

use std::{hint::black_box, path::Path, sync::Arc};

use braid_cli::{
    bench::BenchBlock,
    fixture::{Fixture, FixtureSet},
};
use braid_executor::{
    Block, BlockOutcome, CodeCache, Engine, ExecutionError, MemoryState, MissingRequestContracts,
    SequentialExecutor, memory_state::MissingState,
};
use braid_interpreter::{Inspector, NoInspector};
use braid_precompiles::DefaultCrypto;
use braid_primitives::ChainSpec;

use crate::{
    error::{BenchError, agree},
    measure::{WarmUp, warm_up},
    peer::{PeerBlock, PeerBlockOutcome},
};

/// Folder of the blocks among the fixtures.
pub const FOLDER: &str = "mainnet-blocks";

/// A set of mainnet blocks.
#[derive(Debug)]
pub struct BlockSet {
    set: FixtureSet,
}

/// A block and the state before it.
#[derive(Clone, Debug)]
pub struct BlockCase {
    /// Its name in tables.
    pub id: String,
    /// Rules of the chain.
    pub spec: ChainSpec,
    /// The block.
    pub block: Block,
    /// The state before it, or at least what it reads of it.
    pub state: MemoryState,
    /// Gas that it has to use, if that is known.
    pub gas_used: Option<u64>,
}

/// Both engines, ready to execute a block again and again.
#[derive(Debug)]
pub struct ReadyBlock {
    /// Name of the block.
    pub id: String,
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
    codes: Arc<CodeCache>,
    executor: SequentialExecutor<DefaultCrypto>,
    engine: Engine,
    spec: ChainSpec,
    block: Arc<Block>,
    state: Arc<MemoryState>,
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

    /// Loads the block at `index` of [`Self::numbers`]; `None` if it has no transactions.
    ///
    /// # Errors
    /// If the fixture is malformed.
    pub fn load(&self, index: usize) -> Result<Option<BlockCase>, BenchError> {
        let number = self.set.numbers().nth(index).unwrap_or_default();
        let fixture = self
            .set
            .load(index, &DefaultCrypto::default())
            .map_err(|error| BenchError::Block { number, reason: error.to_string() })?;
        Ok((!fixture.block.transactions.is_empty()).then(|| BlockCase::from(fixture)))
    }
}

impl From<Fixture> for BlockCase {
    fn from(fixture: Fixture) -> Self {
        let Fixture { spec, block, pre_state: state, expected, .. } = fixture;
        let gas_used = expected.map(|expected| expected.gas_used);
        Self { id: block.env.number.to_string(), spec, block, state, gas_used }
    }
}

/// The id of a synthetic block, by its name.
pub fn synthetic_id(name: &str) -> String {
    format!("synthetic/{name}")
}

impl From<BenchBlock> for BlockCase {
    fn from(bench: BenchBlock) -> Self {
        let BenchBlock { name, spec, block, state, .. } = bench;
        Self { id: synthetic_id(&name), spec, block, state, gas_used: None }
    }
}

impl ReadyBlock {
    /// Loads the block into both engines, which execute it once.
    ///
    /// # Errors
    /// If an engine refuses the block, or they differ in a receipt or request.
    pub fn new(case: BlockCase, engine: Engine) -> Result<Self, BenchError> {
        let BlockCase { id, spec, block, state, gas_used: expected_gas } = case;
        let refused = |engine, reason| BenchError::Refused { id: id.clone(), engine, reason };
        let mut revm =
            PeerBlock::new(&spec, &block, &state).map_err(|reason| refused("revm", reason))?;
        let theirs = revm.execute(revm.inputs()).map_err(|reason| refused("revm", reason))?;
        let mut braid = BraidBlock::new(spec, Arc::new(block), Arc::new(state), engine);
        let ours = braid.run().map_err(|error| refused("Braid", error.to_string()))?;
        compare(&id, &ours, &theirs)?;
        if let Some(expected) = expected_gas {
            agree(&id, "expected gas used", &ours.gas_used, &expected)?;
        }
        Ok(Self { id, gas_used: ours.gas_used, braid, revm })
    }

    /// The number of its transactions.
    pub fn transactions(&self) -> usize {
        self.braid.block.transactions.len()
    }

    /// Braid with the same block and another engine, which executes it once.
    ///
    /// # Errors
    /// If the engines differ in the outcome.
    pub fn beside(&mut self, engine: Engine) -> Result<BraidBlock, BenchError> {
        let refused = |reason| BenchError::Refused { id: self.id.clone(), engine: "Braid", reason };
        let BraidBlock { spec, block, state, .. } = &self.braid;
        let mut other = BraidBlock::new(spec.clone(), block.clone(), state.clone(), engine);
        let theirs = other.run().map_err(|error| refused(error.to_string()))?;
        let ours = self.braid.run().map_err(|error| refused(error.to_string()))?;
        if ours == theirs {
            return Ok(other);
        }
        let engines = (self.braid.engine, engine);
        Err(BenchError::EnginesDisagree { id: self.id.clone(), engines })
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
    fn new(spec: ChainSpec, block: Arc<Block>, state: Arc<MemoryState>, engine: Engine) -> Self {
        let (codes, executor) = executor(&spec, engine);
        Self { codes, executor, engine, spec, block, state }
    }

    /// Forgets everything that executions have left behind: all code is new again.
    pub fn renew(&mut self) {
        (self.codes, self.executor) = executor(&self.spec, self.engine);
    }

    /// Executes the block until nothing more is translated.
    pub fn warm_up(&mut self) -> WarmUp {
        warm_up(|| {
            drop(black_box(self.run()));
            self.codes.translations()
        })
    }

    /// Executes the block.
    ///
    /// # Errors
    /// None, once [`ReadyBlock::new`] succeeded.
    pub fn run(&mut self) -> Result<BlockOutcome, ExecutionError<MissingState>> {
        self.run_inspected(&mut NoInspector)
    }

    /// Executes the block, its transactions watched by `inspector`.
    ///
    /// # Errors
    /// None, once [`ReadyBlock::new`] succeeded.
    pub fn run_inspected<I: Inspector>(
        &mut self,
        inspector: &mut I,
    ) -> Result<BlockOutcome, ExecutionError<MissingState>> {
        self.executor.execute_block_inspected(&self.block, &*self.state, inspector, |_| {})
    }
}

fn executor(
    spec: &ChainSpec,
    engine: Engine,
) -> (Arc<CodeCache>, SequentialExecutor<DefaultCrypto>) {
    let (codes, crypto) = (Arc::<CodeCache>::default(), DefaultCrypto::default());
    let mut executor = SequentialExecutor::with_code_cache(spec.clone(), crypto, codes.clone());
    executor.set_engine(engine);
    executor.set_missing_request_contracts(MissingRequestContracts::Ignore);
    (codes, executor)
}

#[cfg(test)]
mod tests {
    use braid_cli::bench::Workload;

    use super::*;

    #[test]
    fn both_engines_agree_on_synthetic_blocks() {
        for workload in Workload::ALL {
            let case = BlockCase::from(workload.block(1_000_000));
            let transactions = case.block.transactions.len();
            let ready = ReadyBlock::new(case, Engine::default()).unwrap();
            assert_eq!(ready.id, synthetic_id(workload.name()));
            assert_eq!(ready.transactions(), transactions);
        }
    }
}
