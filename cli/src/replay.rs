//! Executes a block once more, from nothing but its witness: what it reads and the root that it leads to are then proved.

use std::convert::Infallible;

use alloy_primitives::B256;
use braid_executor::{
    BlockOutcome, Engine, ExecutionError, InvalidBlock, MissingRequestContracts, MissingState,
    SequentialExecutor,
};
use braid_precompiles::Crypto;
use braid_trie::{StateTrie, SurplusNodes, TrieError, TrieReader, TrieReaderError, Witness};

use crate::{fixture::Fixture, write_sets::WriteSets};

/// The block as its witness tells it.
#[derive(Clone, Debug)]
pub struct Replay {
    /// What execution makes of it. Receipts from before Byzantium have their state roots.
    pub outcome: BlockOutcome,
    /// Root of the state after the block.
    pub state_root: B256,
    /// Whether every node of the witness was used.
    pub surplus: Result<(), SurplusNodes>,
    /// Size of the witness and of what became of it.
    pub size: WitnessSize,
}

/// How much room a witness takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WitnessSize {
    /// Distinct nodes.
    pub nodes: usize,
    /// Their encodings together.
    pub witness_bytes: usize,
    /// Memory of the sparse trie after the block, with everything revealed and changed.
    pub trie_bytes: usize,
}

/// Why a witness tells no block.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A node is missing or wrong.
    #[error(transparent)]
    Trie(#[from] TrieError<Infallible>),
    /// Code or a block hash is missing.
    #[error(transparent)]
    State(MissingState),
    /// The block is invalid on the state of the witness.
    #[error(transparent)]
    Invalid(InvalidBlock),
}

/// Executes the block of `fixture` on the state that `witness` proves to have the root `parent_root`; `engine` runs its code.
///
/// # Errors
/// [`ReplayError`], if the witness lacks a node or has a wrong one, or the block is invalid on its state.
pub fn replay<C: Crypto>(
    fixture: &Fixture,
    parent_root: B256,
    witness: &Witness,
    engine: Engine,
    crypto: &C,
) -> Result<Replay, ReplayError> {
    let mut executor = SequentialExecutor::new(fixture.spec.clone(), crypto.clone());
    executor.set_engine(engine);
    // The rule holds for whole states; a fixture may be of a time when the contracts were not there yet.
    executor.set_missing_request_contracts(MissingRequestContracts::Ignore);
    let trie = StateTrie::blinded(parent_root);
    let reader = TrieReader::new(trie, witness, &fixture.pre_state, crypto);
    let mut write_sets = WriteSets::under(fixture.fork);
    let executed = executor
        .execute_block_with(&fixture.block, &reader, |committed| write_sets.note(&committed));
    let mut outcome = executed.map_err(|error| match error {
        ExecutionError::Invalid(invalid) => ReplayError::Invalid(invalid),
        ExecutionError::State(TrieReaderError::Trie(error)) => ReplayError::Trie(error),
        ExecutionError::State(TrieReaderError::Rest(missing)) => ReplayError::State(missing),
    })?;
    let mut trie = reader.into_trie();
    write_sets.make(
        &mut outcome,
        &mut trie,
        |trie, delta| trie.apply(delta, witness, crypto),
        |trie| trie.root(crypto),
    )?;
    let state_root = trie.root(crypto);
    let size = WitnessSize {
        nodes: witness.len(),
        witness_bytes: witness.size_bytes(),
        trie_bytes: trie.memory_bytes(),
    };
    Ok(Replay { outcome, state_root, surplus: witness.expect_all_used(), size })
}
