//! The state at one block, with its trie.

use braid_executor::MemoryState;
use braid_precompiles::Crypto;
use braid_primitives::{B256, StateDelta};
use braid_trie::{NoNodes, StateTrie};

/// A state that moves from block to block.
#[derive(Debug)]
pub(super) struct ChainState {
    memory: MemoryState,
    /// The same state.
    trie: StateTrie,
}

impl ChainState {
    pub(super) fn new(memory: MemoryState, crypto: &impl Crypto) -> Self {
        let trie = StateTrie::of(&memory.to_delta(), crypto);
        Self { memory, trie }
    }

    pub(super) fn memory(&self) -> &MemoryState {
        &self.memory
    }

    /// Makes changes.
    pub(super) fn apply(&mut self, delta: &StateDelta, crypto: &impl Crypto) {
        self.memory.apply(delta);
        let applied = self.trie.apply(delta, &NoNodes, crypto);
        assert!(applied.is_ok(), "a state that is known as a whole lacks nothing: {applied:?}");
    }

    /// Root of the state trie.
    pub(super) fn root(&mut self, crypto: &impl Crypto) -> B256 {
        self.trie.root(crypto)
    }
}
