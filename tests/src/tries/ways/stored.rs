//! Tries that write their nodes to a store: one that is known as a whole, and one that reads them back.

use std::{cell::RefCell, convert::Infallible};

use alloy_primitives::{B256, Bytes};
use braid_trie::{Nibbles, NodeSource, NodeStore, Owner, StateTrie};

use super::{Scene, Way, compare_content, compare_root, compare_store, crypto, treat};
use crate::{random::Random, tries::proofs};

/// A trie that is never pruned and reads nothing.
#[derive(Debug)]
pub struct Whole {
    state: StateTrie,
    store: NodeStore,
}

impl Default for Whole {
    fn default() -> Self {
        Self { state: StateTrie::new().recording(), store: NodeStore::new() }
    }
}

impl Way for Whole {
    fn name(&self) -> &'static str {
        "whole"
    }

    fn block(&mut self, scene: &mut Scene<'_>) -> Result<(), String> {
        let delta = &scene.next.step.delta;
        let before = &scene.before().step.world;
        let had_storage = |address| {
            before.accounts.get(address).is_some_and(|account| !account.storage.is_empty())
        };
        let wiped = delta
            .accounts
            .iter()
            .filter(|(address, change)| change.storage_wiped && had_storage(*address));
        scene.coverage.wiped += wiped.count();
        self.state
            .apply(delta, &braid_trie::NoNodes, &crypto())
            .map_err(|error| error.to_string())?;
        // Changes of several blocks may be hashed together.
        if scene.random.one_in(5) {
            return Ok(());
        }
        compare_root(&mut self.state, scene.next.root)?;
        // The record may span several blocks.
        if scene.random.one_in(3) {
            return Ok(());
        }
        let changes = self.state.take_node_changes();
        if let Some(place) =
            changes.removed.iter().find(|place| changes.updated.contains_key(place))
        {
            return Err(format!("{place:?} is both set and removed"));
        }
        self.store.apply(changes);
        compare_store(&self.store, scene.next)?;
        if !self.state.take_node_changes().is_empty() {
            return Err("a record that was taken is not empty".to_owned());
        }
        compare_content(&mut self.state, &braid_trie::NoNodes, scene.next)
    }
}

/// A trie that forgets nodes between blocks and finds them in its store.
#[derive(Debug)]
pub struct Stored {
    state: StateTrie,
    store: NodeStore,
}

impl Default for Stored {
    fn default() -> Self {
        Self { state: StateTrie::new().recording(), store: NodeStore::new() }
    }
}

/// A store that answers two of three times.
struct Leaky<'a> {
    store: &'a NodeStore,
    random: RefCell<Random>,
}

impl NodeSource for Leaky<'_> {
    type Error = Infallible;

    fn node(&self, owner: Owner, path: &Nibbles, hash: B256) -> Result<Option<Bytes>, Infallible> {
        if self.random.borrow_mut().one_in(3) {
            return Ok(None);
        }
        self.store.node(owner, path, hash)
    }
}

impl Way for Stored {
    fn name(&self) -> &'static str {
        "stored"
    }

    fn block(&mut self, scene: &mut Scene<'_>) -> Result<(), String> {
        let Self { state, store } = self;
        let delta = &scene.next.step.delta;
        if scene.random.one_in(3) {
            // Not all nodes are there at first. What earlier blocks changed and nobody hashed yet has to survive that.
            let leaky = Leaky { store, random: RefCell::new(scene.random.clone()) };
            scene.coverage.incomplete +=
                usize::from(state.apply(delta, &leaky, &crypto()).is_err());
        }
        state.apply(delta, store, &crypto()).map_err(|error| error.to_string())?;
        // The nodes that the trie knows by hash only are still those of the state that was hashed last.
        if scene.random.one_in(5) {
            return Ok(());
        }
        compare_root(state, scene.next.root)?;
        store.apply(state.take_node_changes());
        compare_store(store, scene.next)?;
        if scene.random.one_in(2) {
            compare_content(state, store, scene.next)?;
        }
        proofs::check(state, store, scene)?;
        // Reading and proving changes nothing.
        compare_root(state, scene.next.root)?;
        if !state.take_node_changes().is_empty() {
            return Err("reading changed nodes".to_owned());
        }
        *state = treat(std::mem::take(state), scene)?;
        compare_root(state, scene.next.root)?;
        // From the store alone.
        let mut rebuilt = StateTrie::blinded(scene.next.root);
        compare_content(&mut rebuilt, store, scene.next)
    }
}
