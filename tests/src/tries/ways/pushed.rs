//! A trie that is offered nodes.

use alloy_primitives::{Bytes, keccak256};
use braid_trie::{NodeRequest, NodeStore, PendingDelta, Reveal, StateTrie, TrieError};

use super::{
    Scene, Way, compare_root, compare_store, crypto, naive_owner, naive_path, owner_of, path_of,
    treat,
};

/// Most rounds of a block: each has to bring the end nearer.
const MOST_ROUNDS: usize = 5_000;

/// A trie whose requests are answered bit by bit, in any order, among nodes that nobody asked for.
#[derive(Debug)]
pub struct Pushed {
    state: StateTrie,
    store: NodeStore,
}

impl Default for Pushed {
    fn default() -> Self {
        Self { state: StateTrie::new().recording(), store: NodeStore::new() }
    }
}

impl Way for Pushed {
    fn name(&self) -> &'static str {
        "pushed"
    }

    fn block(&mut self, scene: &mut Scene<'_>) -> Result<(), String> {
        let mut pending = PendingDelta::new(&scene.next.step.delta, &crypto());
        let mut rounds = 0;
        loop {
            let requests = self.state.apply_pending(&mut pending);
            if requests.is_empty() {
                break;
            }
            rounds += 1;
            if rounds > MOST_ROUNDS {
                return Err(format!("{} requests and no end", requests.len()));
            }
            if scene.random.one_in(12) {
                self.state.abort(pending);
                scene.coverage.aborted += 1;
                compare_root(&mut self.state, scene.before().root)?;
                pending = PendingDelta::new(&scene.next.step.delta, &crypto());
                continue;
            }
            self.answer(requests, scene)?;
            for _ in 0..scene.random.index(4) {
                self.disturb(scene)?;
            }
        }
        compare_root(&mut self.state, scene.next.root)?;
        self.store.apply(self.state.take_node_changes());
        compare_store(&self.store, scene.next)?;
        // Late answers.
        for _ in 0..scene.random.index(6) {
            self.disturb(scene)?;
        }
        compare_root(&mut self.state, scene.next.root)?;
        if !self.state.take_node_changes().is_empty() {
            return Err("a late node changed others".to_owned());
        }
        self.state = treat(std::mem::take(&mut self.state), scene)?;
        Ok(())
    }
}

impl Pushed {
    /// Answers at least one of the requests.
    fn answer(
        &mut self,
        mut requests: Vec<NodeRequest>,
        scene: &mut Scene<'_>,
    ) -> Result<(), String> {
        let answered = 1 + scene.random.index(requests.len());
        for _ in 0..answered {
            let request = requests.swap_remove(scene.random.index(requests.len()));
            let NodeRequest { owner, path, hash } = request;
            let node = scene.before().nodes.get(&(naive_owner(owner), naive_path(&path)));
            let node = node.ok_or_else(|| format!("{request:?}: no such node"))?;
            if keccak256(node) != hash {
                return Err(format!("{request:?}: the node there is {node}"));
            }
            if scene.random.one_in(4) {
                self.refuse(&request, &mutated(node, scene), scene)?;
            }
            match self.state.reveal(owner, &path, node, &crypto()) {
                Ok(Reveal::Revealed) => scene.coverage.revealed += 1,
                other => return Err(format!("{request:?} answered: {other:?}")),
            }
        }
        Ok(())
    }

    /// Offers a wrong node where one is wanted.
    fn refuse(
        &mut self,
        request: &NodeRequest,
        wrong: &[u8],
        scene: &mut Scene<'_>,
    ) -> Result<(), String> {
        match self.state.reveal(request.owner, &request.path, wrong, &crypto()) {
            Err(TrieError::BadNode { .. }) => {
                scene.coverage.refused += 1;
                Ok(())
            }
            other => Err(format!("{request:?} answered wrongly: {other:?}")),
        }
    }

    /// Offers a node of this or an earlier state, wanted or not.
    fn disturb(&mut self, scene: &mut Scene<'_>) -> Result<(), String> {
        // Most often of the state before the block.
        let age = 1 + if scene.random.one_in(2) { 0 } else { scene.random.index(scene.past.len()) };
        let chapter = &scene.past[scene.past.len() - age];
        if chapter.nodes.is_empty() {
            return Ok(());
        }
        let at = scene.random.index(chapter.nodes.len());
        let Some(((owner, path), node)) = chapter.nodes.iter().nth(at) else { return Ok(()) };
        let result = self.state.reveal(owner_of(*owner), &path_of(path), node, &crypto());
        match result {
            Ok(Reveal::Revealed) => scene.coverage.revealed += 1,
            Ok(Reveal::Known) => scene.coverage.known += 1,
            Ok(Reveal::Gone) => scene.coverage.gone += 1,
            // Older than what is known by hash, or of an account that is not revealed.
            Err(TrieError::BadNode { .. } | TrieError::Missing(_)) => scene.coverage.refused += 1,
            Err(TrieError::Source(never)) => match never {},
        }
        Ok(())
    }
}

/// The node with a bit flipped, cut off, or longer.
fn mutated(node: &Bytes, scene: &mut Scene<'_>) -> Vec<u8> {
    let mut bytes = node.to_vec();
    let at = scene.random.index(bytes.len());
    match scene.random.below(3) {
        0 => bytes[at] ^= 1 << scene.random.below(8),
        1 => bytes.truncate(at),
        _ => bytes.push(0x80),
    }
    bytes
}
