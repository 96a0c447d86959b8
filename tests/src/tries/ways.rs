//! The ways in which a state trie can be taken through a history. All have to end every block with the root of the oracles.
//!
//! | way | how it knows nodes |
//! |---|---|
//! | [`Whole`] | all of them, from the first block on |
//! | [`Stored`] | from the store that it writes; it forgets some or all of them between blocks |
//! | [`Pushed`] | they are offered to it, in any order, with others that are too old, wrong or not wanted |
//! | [`Witnessed`] | from a witness of exactly the nodes that the block needs |
//! | [`Proved`] | from a multiproof of what the block changes |
//!
//! What the ways write to their stores is compared with the nodes of the naive trie one by one.

mod proved;
mod pushed;
mod stored;
mod witnessed;

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use braid_precompiles::DefaultCrypto;
use braid_trie::{Nibbles, NodeSource, NodeStore, Owner, StateTrie};

pub use proved::Proved;
pub use pushed::Pushed;
pub use stored::{Stored, Whole};
pub use witnessed::Witnessed;

use super::{
    history::{Afterwards, History},
    keys,
    model::{self, Step},
    naive::Path,
    oracle::{self, NaiveState},
};
use crate::random::Random;

/// What the runs saw: a run that has seen too little proves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Histories.
    pub histories: usize,
    /// Blocks.
    pub blocks: usize,
    /// Blocks that changed nothing.
    pub idle_blocks: usize,
    /// Write sets that wiped the storage of an account that had some.
    pub wiped: usize,
    /// Nodes asked for that are on the way to no changed key: a branch was about to collapse.
    pub siblings: usize,
    /// Offered nodes that were taken.
    pub revealed: usize,
    /// Offered nodes that were known in this or a later version.
    pub known: usize,
    /// Offered nodes that had no place any more.
    pub gone: usize,
    /// Offered nodes that were refused.
    pub refused: usize,
    /// Write sets that were taken back half-way.
    pub aborted: usize,
    /// Witnesses and stores that lacked a node.
    pub incomplete: usize,
    /// Proofs of values.
    pub present: usize,
    /// Proofs of absence, by where they end: in no node, a branch, an extension, a leaf.
    pub absent: [usize; 4],
}

/// A state of a history, as the oracles have it.
#[derive(Clone, Debug)]
pub struct Chapter {
    /// The state and what led to it.
    pub step: Step,
    /// Its tries.
    pub naive: NaiveState,
    /// Its root.
    pub root: B256,
    /// Its nodes.
    pub nodes: BTreeMap<(Option<B256>, Path), Bytes>,
}

impl Chapter {
    fn new(step: Step) -> Result<Self, String> {
        let naive = NaiveState::new(&step.world);
        let root = oracle::state_root(&step.world, &naive)?;
        let nodes = naive.nodes();
        Ok(Self { step, naive, root, nodes })
    }
}

/// What a way knows when a block comes.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The states so far, the latest last.
    pub past: &'a [Chapter],
    /// The state that the block leads to.
    pub next: &'a Chapter,
    /// What is to be done with a trie that goes on.
    pub afterwards: Afterwards,
    /// What is left to chance.
    pub random: Random,
    /// What was seen.
    pub coverage: &'a mut Coverage,
}

impl<'a> Scene<'a> {
    /// The state before the block.
    pub fn before(&self) -> &'a Chapter {
        &self.past[self.past.len() - 1]
    }
}

/// A way through a history.
pub trait Way {
    /// Its name, for messages.
    fn name(&self) -> &'static str;

    /// Makes the changes of a block and compares.
    ///
    /// # Errors
    /// What is not as it should be.
    fn block(&mut self, scene: &mut Scene<'_>) -> Result<(), String>;
}

/// Takes a history all ways.
///
/// # Errors
/// The first thing that is not as the oracles say.
pub fn check(history: &History, coverage: &mut Coverage) -> Result<(), String> {
    let mut ways: [Box<dyn Way>; 5] = [
        Box::new(Whole::default()),
        Box::new(Stored::default()),
        Box::new(Pushed::default()),
        Box::new(Witnessed),
        Box::new(Proved),
    ];
    let mut past = vec![Chapter::new(Step::default())?];
    coverage.histories += 1;
    for (number, step) in model::steps(history).into_iter().enumerate() {
        let next = Chapter::new(step)?;
        coverage.blocks += 1;
        coverage.idle_blocks += usize::from(next.root == past[number].root);
        for (index, way) in ways.iter_mut().enumerate() {
            let random =
                Random::new(history.seed ^ ((number as u64) << 32) ^ ((index as u64) << 48));
            let afterwards = history.blocks[number].afterwards;
            let mut scene = Scene { past: &past, next: &next, afterwards, random, coverage };
            way.block(&mut scene)
                .map_err(|error| format!("{} trie, block {number}: {error}", way.name()))?;
        }
        past.push(next);
    }
    Ok(())
}

pub(super) fn crypto() -> DefaultCrypto {
    DefaultCrypto::new()
}

/// The path as the naive trie writes it.
pub fn naive_path(path: &Nibbles) -> Path {
    path.iter().collect()
}

/// The path as the crate has it; one that is too long is cut.
pub fn path_of(nibbles: &[u8]) -> Nibbles {
    nibbles.iter().fold(Nibbles::EMPTY, |path, nibble| path.push(*nibble).unwrap_or(path))
}

/// The account whose trie it is, as the naive tries name it.
pub fn naive_owner(owner: Owner) -> Option<B256> {
    match owner {
        Owner::State => None,
        Owner::Storage(account) => Some(account),
    }
}

pub(super) fn owner_of(owner: Option<B256>) -> Owner {
    owner.map_or(Owner::State, Owner::Storage)
}

/// The nodes of a store under the names of the naive tries.
pub fn stored_nodes(store: &NodeStore) -> BTreeMap<(Option<B256>, Path), Bytes> {
    let node = |(owner, path, node): (Owner, &Nibbles, &Bytes)| {
        ((naive_owner(owner), naive_path(path)), node.clone())
    };
    store.iter().map(node).collect()
}

/// The store holds the nodes of the state, each of them and no other.
fn compare_store(store: &NodeStore, chapter: &Chapter) -> Result<(), String> {
    let stored = stored_nodes(store);
    for ((owner, path), node) in &chapter.nodes {
        match stored.get(&(*owner, path.clone())) {
            Some(found) if found == node => {}
            Some(found) => {
                return Err(format!("stored at {path:?} of {owner:?}: {found}, not {node}"));
            }
            None => return Err(format!("not stored: {path:?} of {owner:?}: {node}")),
        }
    }
    match stored.iter().find(|(place, _)| !chapter.nodes.contains_key(place)) {
        Some(((owner, path), node)) => Err(format!("dead node at {path:?} of {owner:?}: {node}")),
        None => Ok(()),
    }
}

fn compare_root(state: &mut StateTrie, expected: B256) -> Result<(), String> {
    let root = state.root(&crypto());
    if root == expected { Ok(()) } else { Err(format!("root {root}, expected {expected}")) }
}

/// Reads every account and slot that there is, and some that there are not.
fn compare_content<S: NodeSource>(
    state: &mut StateTrie,
    source: &S,
    chapter: &Chapter,
) -> Result<(), String> {
    let world = &chapter.step.world;
    let known = world.accounts.keys().chain(keys::addresses());
    for address in known {
        let expected = world.accounts.get(address);
        let found = state.account(*address, source, &crypto());
        let found = found.map_err(|error| format!("account {address}: {error}"))?;
        let infos = (found.map(|account| account.info()), expected.map(|account| account.info));
        if infos.0 != infos.1 {
            return Err(format!("account {address}: {:?}, expected {:?}", infos.0, infos.1));
        }
        let slots = expected.into_iter().flat_map(|account| account.storage.keys());
        for slot in slots.chain(&keys::slots()[..4]) {
            compare_slot(state, source, chapter, *address, *slot)?;
        }
    }
    Ok(())
}

fn compare_slot<S: NodeSource>(
    state: &mut StateTrie,
    source: &S,
    chapter: &Chapter,
    address: Address,
    slot: U256,
) -> Result<(), String> {
    let account = chapter.step.world.accounts.get(&address);
    let expected = account.and_then(|account| account.storage.get(&slot)).copied();
    let found = state.storage(address, slot, source, &crypto());
    let found = found.map_err(|error| format!("slot {slot} of {address}: {error}"))?;
    if found == expected.unwrap_or_default() {
        Ok(())
    } else {
        Err(format!("slot {slot} of {address}: {found}, expected {expected:?}"))
    }
}

/// What becomes of the trie after a block. Returns the one that goes on.
fn treat(mut state: StateTrie, scene: &Scene<'_>) -> Result<StateTrie, String> {
    match scene.afterwards {
        Afterwards::Keep => {}
        Afterwards::Prune(keep) => {
            let root = state.prune(keep, &crypto());
            if root != scene.next.root {
                return Err(format!("root {root} by pruning, expected {}", scene.next.root));
            }
        }
        Afterwards::Forget => state = StateTrie::blinded(scene.next.root).recording(),
    }
    Ok(state)
}
