//! The state at one block, with its root.

use braid_executor::MemoryState;
use braid_precompiles::Crypto;
use braid_primitives::{B256, StateDelta};

/// A state that moves from block to block.
#[derive(Debug)]
pub(super) struct ChainState {
    memory: MemoryState,
}

impl ChainState {
    pub(super) fn new(memory: MemoryState) -> Self {
        Self { memory }
    }

    pub(super) fn memory(&self) -> &MemoryState {
        &self.memory
    }

    /// Makes changes and returns what takes them back.
    pub(super) fn apply(&mut self, delta: &StateDelta) -> StateDelta {
        let inverse = self.memory.inverse(delta);
        self.memory.apply(delta);
        inverse
    }

    /// Root of the state trie.
    pub(super) fn root(&mut self, crypto: &impl Crypto) -> B256 {
        self.memory.state_root(crypto)
    }
}
