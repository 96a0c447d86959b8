//! A trie that knows what a multiproof says.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use braid_trie::{MultiProof, StateTrie};

use super::{Scene, Way, compare_root, crypto, naive_owner, naive_path, witnessed::store_of};

/// A trie that is made anew for each block, from a proof of what the block changes.
#[derive(Clone, Copy, Debug)]
pub struct Proved;

impl Way for Proved {
    fn name(&self) -> &'static str {
        "proved"
    }

    fn block(&mut self, scene: &mut Scene<'_>) -> Result<(), String> {
        let (before, delta) = (scene.before(), &scene.next.step.delta);
        let store = store_of(before);
        let targets: BTreeMap<Address, Vec<U256>> = delta
            .accounts
            .iter()
            .map(|(address, change)| (*address, change.storage.keys().copied().collect()))
            .collect();
        let mut prover = StateTrie::blinded(before.root);
        let proof = prover
            .multiproof(&targets, &store, &crypto())
            .map_err(|error| format!("multiproof: {error}"))?;
        for ((owner, path), node) in &proof.nodes {
            if before.nodes.get(&(naive_owner(*owner), naive_path(path))) != Some(node) {
                return Err(format!("proved is {node} at {path} of {owner}, which is not there"));
            }
        }
        let mut state = proof.verify(before.root, &crypto()).map_err(|error| error.to_string())?;
        compare_root(&mut state, before.root)?;
        // A branch that collapses may ask for a node beyond the proof.
        state.apply(delta, &store, &crypto()).map_err(|error| error.to_string())?;
        compare_root(&mut state, scene.next.root)?;
        faulty(scene, proof)
    }
}

/// A proof with a fault is refused, or says less.
fn faulty(scene: &mut Scene<'_>, proof: MultiProof) -> Result<(), String> {
    let root = scene.before().root;
    let count = proof.nodes.len();
    if count == 0 {
        return Ok(());
    }
    let at = scene.random.index(count);
    let Some((place, node)) = proof.nodes.iter().nth(at).map(|(p, n)| (*p, n.clone())) else {
        return Ok(());
    };
    let mut changed = proof.clone();
    let mut bytes = node.to_vec();
    let bit = scene.random.index(8 * bytes.len());
    bytes[bit / 8] ^= 1 << (bit % 8);
    changed.nodes.insert(place, bytes.into());
    if changed.verify(root, &crypto()).is_ok() {
        return Err(format!("a changed node at {place:?} was accepted"));
    }
    let mut moved = proof.clone();
    let elsewhere = (place.0, place.1.push(3).unwrap_or(place.1));
    if !moved.nodes.contains_key(&elsewhere) {
        moved.nodes.remove(&place);
        moved.nodes.insert(elsewhere, node);
        if moved.verify(root, &crypto()).is_ok() {
            return Err(format!("a node moved from {place:?} was accepted"));
        }
    }
    Ok(())
}
