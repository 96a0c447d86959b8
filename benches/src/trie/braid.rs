//! Braid's tries, as the peers' adapters have theirs.

use std::hint::black_box;

use braid_precompiles::DefaultCrypto;
use braid_primitives::{B256, Bytes, StateDelta};
use braid_trie::{Nibbles, NoNodes, StateTrie, Trie};

use super::{StateEngine, peers::Leaves};

/// The root from the leaves, without a trie.
///
/// # Errors
/// None: the type is that of the others.
pub fn sorted_root(leaves: &Leaves) -> Result<B256, String> {
    let leaves = leaves.iter().map(|(key, value)| (key, value));
    Ok(braid_trie::sorted_root(leaves, &DefaultCrypto::new()))
}

/// The root by a trie, leaf by leaf.
///
/// # Errors
/// None in fact: nothing is blinded.
pub fn trie_root(leaves: &Leaves) -> Result<B256, String> {
    let mut trie = Trie::new();
    for (key, value) in leaves {
        let value = Bytes::copy_from_slice(value);
        trie.insert(&Nibbles::of_hash(&key.0), value).map_err(|error| error.to_string())?;
    }
    Ok(trie.root(&DefaultCrypto::new()))
}

/// A state that is known as a whole.
#[derive(Debug)]
pub struct BraidState {
    state: StateTrie,
    crypto: DefaultCrypto,
}

impl Default for BraidState {
    fn default() -> Self {
        Self { state: StateTrie::new(), crypto: DefaultCrypto::new() }
    }
}

impl BraidState {
    /// A state that hands out the nodes that changed.
    pub fn recording() -> Self {
        let Self { state, crypto } = Self::default();
        Self { state: state.recording(), crypto }
    }
}

impl StateEngine for BraidState {
    fn apply(&mut self, delta: &StateDelta) -> Result<(), String> {
        self.state.apply(delta, &NoNodes, &self.crypto).map_err(|error| error.to_string())
    }

    fn root(&mut self) -> Result<B256, String> {
        let root = self.state.root(&self.crypto);
        black_box(self.state.take_node_changes());
        Ok(root)
    }

    fn memory_note(&self) -> String {
        let (nodes, bytes) = (self.state.node_count(), self.state.memory_bytes());
        format!(
            "by its own account {} MiB, {} bytes a node of {nodes}",
            bytes >> 20,
            bytes / nodes.max(1)
        )
    }
}
