//! A trie that knows what a witness says.

use std::{cell::RefCell, collections::BTreeSet};

use alloy_primitives::{B256, Bytes, keccak256};
use braid_trie::{Nibbles, NodeSource, NodeStore, Owner, StateTrie, TrieError, Witness};

use super::{Chapter, Scene, Way, compare_root, crypto, naive_path, owner_of, path_of};
use crate::{
    random::Random,
    tries::naive::{Path, nibbles},
};

/// A trie that is made anew for each block.
#[derive(Clone, Copy, Debug)]
pub struct Witnessed;

/// A source that remembers what it was asked for.
struct Recorder<'a> {
    chapter: &'a Chapter,
    asked: RefCell<Vec<(Owner, Nibbles, Bytes)>>,
}

impl NodeSource for Recorder<'_> {
    type Error = std::convert::Infallible;

    fn node(&self, owner: Owner, path: &Nibbles, _: B256) -> Result<Option<Bytes>, Self::Error> {
        let place = (super::naive_owner(owner), naive_path(path));
        let node = self.chapter.nodes.get(&place).cloned();
        if let Some(node) = &node {
            self.asked.borrow_mut().push((owner, *path, node.clone()));
        }
        Ok(node)
    }
}

impl Way for Witnessed {
    fn name(&self) -> &'static str {
        "witnessed"
    }

    fn block(&mut self, scene: &mut Scene<'_>) -> Result<(), String> {
        let asked = asked_nodes(scene)?;
        scene.coverage.siblings += siblings(scene, &asked)?;
        let mut nodes: Vec<Bytes> = asked.into_iter().map(|(_, _, node)| node).collect();
        shuffle(&mut nodes, &mut scene.random);
        complete(scene, &nodes)?;
        surplus(scene, &nodes)?;
        incomplete(scene, &nodes)
    }
}

/// The nodes that the block's changes ask for.
fn asked_nodes(scene: &Scene<'_>) -> Result<Vec<(Owner, Nibbles, Bytes)>, String> {
    let recorder = Recorder { chapter: scene.before(), asked: RefCell::default() };
    let mut state = StateTrie::blinded(scene.before().root);
    state.apply(&scene.next.step.delta, &recorder, &crypto()).map_err(|error| error.to_string())?;
    compare_root(&mut state, scene.next.root)?;
    let asked = recorder.asked.into_inner();
    let distinct: BTreeSet<_> = asked.iter().map(|(owner, path, _)| (*owner, *path)).collect();
    if distinct.len() < asked.len() {
        return Err(format!("{} nodes were asked for {} times", distinct.len(), asked.len()));
    }
    Ok(asked)
}

/// How many of the nodes are on the way to no changed key. Each was a sibling of what was removed: the branch above it has to
/// be gone in the end, or it was not needed.
fn siblings(scene: &Scene<'_>, asked: &[(Owner, Nibbles, Bytes)]) -> Result<usize, String> {
    let mut count = 0;
    for (owner, path, _) in asked {
        let path = naive_path(path);
        let is_on_the_way = changed_keys(scene, *owner).iter().any(|key| key.starts_with(&path));
        if is_on_the_way {
            continue;
        }
        count += 1;
        let Some((_, above)) = path.split_last() else {
            return Err(format!("the root of {owner} was asked for and not needed"));
        };
        let children: BTreeSet<u8> = keys_of(scene.next, *owner)
            .iter()
            .filter(|key| key.starts_with(above))
            .map(|key| key[above.len()])
            .collect();
        if children.len() > 1 {
            return Err(format!("{path:?} of {owner} was asked for, and its branch stays"));
        }
    }
    Ok(count)
}

/// Hashed keys of a trie that the block mentions.
fn changed_keys(scene: &Scene<'_>, owner: Owner) -> Vec<Path> {
    let accounts = &scene.next.step.delta.accounts;
    match owner {
        Owner::State => {
            accounts.keys().map(|address| nibbles(keccak256(address).as_slice())).collect()
        }
        Owner::Storage(hash) => accounts
            .iter()
            .filter(|(address, _)| keccak256(*address) == hash)
            .flat_map(|(_, change)| change.storage.keys())
            .map(|slot| nibbles(keccak256(slot.to_be_bytes::<32>()).as_slice()))
            .collect(),
    }
}

/// Hashed keys of a trie that a state has.
fn keys_of(chapter: &Chapter, owner: Owner) -> Vec<Path> {
    let accounts = &chapter.step.world.accounts;
    match owner {
        Owner::State => {
            accounts.keys().map(|address| nibbles(keccak256(address).as_slice())).collect()
        }
        Owner::Storage(hash) => accounts
            .iter()
            .filter(|(address, _)| keccak256(*address) == hash)
            .flat_map(|(_, account)| account.storage.keys())
            .map(|slot| nibbles(keccak256(slot.to_be_bytes::<32>()).as_slice()))
            .collect(),
    }
}

/// The nodes that were asked for are enough, and all needed.
fn complete(scene: &Scene<'_>, nodes: &[Bytes]) -> Result<(), String> {
    let witness = Witness::new(nodes.iter().cloned(), &crypto());
    let mut state = StateTrie::blinded(scene.before().root);
    state.apply(&scene.next.step.delta, &witness, &crypto()).map_err(|error| error.to_string())?;
    compare_root(&mut state, scene.next.root)?;
    witness.expect_all_used().map_err(|error| error.to_string())
}

/// A node too many is found.
fn surplus(scene: &mut Scene<'_>, nodes: &[Bytes]) -> Result<(), String> {
    let extra = Bytes::from(scene.random.bytes(40));
    let witness = Witness::new(nodes.iter().chain([&extra]).cloned(), &crypto());
    let mut state = StateTrie::blinded(scene.before().root);
    state.apply(&scene.next.step.delta, &witness, &crypto()).map_err(|error| error.to_string())?;
    match witness.expect_all_used() {
        Err(surplus) if surplus.hashes == [keccak256(&extra)] => Ok(()),
        other => Err(format!("one node too many: {other:?}")),
    }
}

/// A node too few is named, the state is as before, and can go on with the whole witness.
fn incomplete(scene: &mut Scene<'_>, nodes: &[Bytes]) -> Result<(), String> {
    if nodes.is_empty() {
        return Ok(());
    }
    let missing = keccak256(&nodes[scene.random.index(nodes.len())]);
    let rest = nodes.iter().filter(|node| keccak256(node) != missing).cloned();
    let witness = Witness::new(rest, &crypto());
    let mut state = StateTrie::blinded(scene.before().root).recording();
    match state.apply(&scene.next.step.delta, &witness, &crypto()) {
        Err(TrieError::Missing(request)) if request.hash == missing => {}
        other => return Err(format!("without node {missing}: {other:?}")),
    }
    scene.coverage.incomplete += 1;
    compare_root(&mut state, scene.before().root)?;
    let mut store = store_of(scene.before());
    store.apply(state.take_node_changes());
    super::compare_store(&store, scene.before())?;
    state.apply(&scene.next.step.delta, &store, &crypto()).map_err(|error| error.to_string())?;
    compare_root(&mut state, scene.next.root)?;
    store.apply(state.take_node_changes());
    super::compare_store(&store, scene.next)
}

/// The nodes of a state in a store.
pub(super) fn store_of(chapter: &Chapter) -> NodeStore {
    let mut changes = braid_trie::NodeChanges::default();
    for ((owner, path), node) in &chapter.nodes {
        let stored = braid_trie::StoredNode { hash: keccak256(node), encoding: node.clone() };
        changes.updated.insert((owner_of(*owner), path_of(path)), stored);
    }
    let mut store = NodeStore::new();
    store.apply(changes);
    store
}

fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.index(last + 1));
    }
}
