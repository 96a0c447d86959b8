//! Random changes of a single trie under awkward keys: shared prefixes of every length, keys that begin with others, values so
//! short that nodes stand in their parents.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_trie::HashBuilder;
use braid_trie::{Blinded, Nibbles, Reveal, Trie, sorted_root, verify_proof};

use super::{
    naive::{NaiveTrie, Path, nibbles},
    oracle,
    ways::{crypto, naive_path},
};
use crate::random::Random;

/// What the keys are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// 32 bytes, parting from each other early, in the middle or late.
    Long,
    /// 32 bytes that differ in the last two only: leaves and branches that stand in their parents.
    Tails,
    /// Up to four bytes, each of few values: many begin with another.
    Short,
}

/// What the runs saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawCoverage {
    /// Changes that were made.
    pub changes: usize,
    /// Operations that needed a node first.
    pub blinded: usize,
    /// Proofs that were compared.
    pub proofs: usize,
    /// Nodes shorter than a hash, in all batches.
    pub inline: usize,
}

/// A trie under test, and what it should hold.
struct Subject {
    trie: Trie<Bytes>,
    model: BTreeMap<Path, Bytes>,
    /// The trie when it was last hashed: what is blinded is in it.
    naive: NaiveTrie,
}

/// Changes a trie in a few batches.
///
/// # Errors
/// What is not as it should be.
pub fn check(seed: u64, keys: Keys, coverage: &mut RawCoverage) -> Result<(), String> {
    let mut random = Random::new(seed);
    let pool = pool(keys, &mut random);
    let mut subject =
        Subject { trie: Trie::new(), model: BTreeMap::new(), naive: NaiveTrie::default() };
    for batch in 0..3 + random.below(6) {
        for _ in 0..random.below(20) {
            let key = &pool[random.index(pool.len())];
            subject
                .change(key, &mut random, coverage)
                .map_err(|e| format!("batch {batch}: {e}"))?;
        }
        subject.compare(keys, coverage).map_err(|error| format!("batch {batch}: {error}"))?;
        for _ in 0..4 {
            let key = &pool[random.index(pool.len())];
            subject.prove(key, coverage).map_err(|error| format!("batch {batch}: {error}"))?;
        }
        match random.below(4) {
            0 => {}
            1 | 2 => subject.trie.prune(random.below(2) as u16, &crypto()),
            _ => subject.trie = Trie::blinded(subject.naive.root()),
        }
    }
    subject.drain(&pool, coverage)
}

impl Subject {
    fn change(
        &mut self,
        key: &[u8],
        random: &mut Random,
        coverage: &mut RawCoverage,
    ) -> Result<(), String> {
        let path = nibbles(key);
        let old = self.model.get(&path).cloned();
        let value = match random.below(10) {
            0..=5 => value(random),
            // Removed by writing nothing.
            6 => Bytes::new(),
            7 => old.clone().unwrap_or_default(),
            _ => return self.remove(key, coverage),
        };
        let key = Nibbles::of_key(key);
        let found = self.until_revealed(coverage, |trie| trie.insert(&key, value.clone()))?;
        if value.is_empty() {
            self.model.remove(&path);
        } else {
            self.model.insert(path, value);
        }
        coverage.changes += 1;
        same("replaced", &found, &old)
    }

    fn remove(&mut self, key: &[u8], coverage: &mut RawCoverage) -> Result<(), String> {
        let old = self.model.remove(&nibbles(key));
        let key = Nibbles::of_key(key);
        let found = self.until_revealed(coverage, |trie| trie.remove(&key))?;
        coverage.changes += 1;
        same("removed", &found, &old)
    }

    /// Repeats an operation until all nodes that it needs are revealed.
    fn until_revealed<T>(
        &mut self,
        coverage: &mut RawCoverage,
        mut operation: impl FnMut(&mut Trie<Bytes>) -> Result<T, Blinded>,
    ) -> Result<T, String> {
        loop {
            let before = coverage.blinded.is_multiple_of(8).then(|| self.trie.clone());
            let wanted = match operation(&mut self.trie) {
                Ok(value) => return Ok(value),
                Err(wanted) => wanted,
            };
            coverage.blinded += 1;
            if let Some(mut before) = before
                && before.root(&crypto()) != self.trie.clone().root(&crypto())
            {
                return Err(format!("{wanted}, and the root is another"));
            }
            let node = self.naive.nodes.get(&naive_path(&wanted.path));
            let node = node.ok_or_else(|| format!("{wanted}, and there is none"))?;
            if keccak256(node) != wanted.hash {
                return Err(format!("{wanted}, and it has another hash: {node}"));
            }
            match self.trie.reveal(&wanted.path, node, &crypto()) {
                Ok(Reveal::Revealed) => {}
                other => return Err(format!("{wanted}, but: {other:?}")),
            }
        }
    }

    fn compare(&mut self, keys: Keys, coverage: &mut RawCoverage) -> Result<(), String> {
        self.naive = NaiveTrie::new(&self.model);
        let expected = self.naive.root();
        let root = self.trie.root(&crypto());
        if root != expected {
            return Err(format!("root {root}, expected {expected}"));
        }
        let packed: BTreeMap<Vec<u8>, &Bytes> =
            self.model.iter().map(|(path, value)| (pack(path), value)).collect();
        let leaves = || packed.iter();
        let mut others = vec![sorted_root(leaves(), &crypto()), oracle::triehash_root(leaves())];
        if keys != Keys::Short {
            others.push(alloy_root(&self.model));
        }
        if others.iter().any(|other| *other != expected) {
            return Err(format!("roots from leaves: {others:?}, expected {expected}"));
        }
        coverage.inline += 2 * self.model.len() - self.naive.nodes.len().min(2 * self.model.len());
        Ok(())
    }

    fn prove(&mut self, key: &[u8], coverage: &mut RawCoverage) -> Result<(), String> {
        let path = nibbles(key);
        let key = Nibbles::of_key(key);
        let value =
            self.until_revealed(coverage, |trie| trie.get(&key).map(|value| value.cloned()))?;
        same("found", &value, &self.model.get(&path).cloned())?;
        let nodes = self.trie.prove(&key, &crypto()).map_err(|error| error.to_string())?;
        let expected: Vec<Bytes> =
            self.naive.proof(&path).into_iter().map(|(_, node)| node).collect();
        if nodes != expected {
            return Err(format!("proof of {path:?}: {nodes:?}, expected {expected:?}"));
        }
        let proved = verify_proof(self.naive.root(), &key, &nodes, &crypto());
        let proved = proved.map_err(|error| format!("proof of {path:?}: {error}"))?;
        coverage.proofs += 1;
        same("proved", &proved.map(Bytes::copy_from_slice), &value)
    }

    /// Removes everything: an empty trie holds no nodes.
    fn drain(&mut self, pool: &[Vec<u8>], coverage: &mut RawCoverage) -> Result<(), String> {
        for key in pool {
            self.remove(key, coverage)?;
        }
        let root = self.trie.root(&crypto());
        if root != braid_trie::EMPTY_ROOT {
            return Err(format!("the root of nothing is {root}"));
        }
        match self.trie.node_count() {
            0 => Ok(()),
            count => Err(format!("an empty trie has {count} nodes")),
        }
    }
}

fn same(what: &str, found: &Option<Bytes>, expected: &Option<Bytes>) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} {found:?}, expected {expected:?}")) }
}

/// A value on either side of where something changes in its encoding, or in that of its node.
fn value(random: &mut Random) -> Bytes {
    let length = random.pick(&[1, 1, 1, 2, 4, 20, 28, 29, 30, 31, 32, 33, 54, 55, 56, 57, 300]);
    let mut bytes = random.bytes(length);
    if random.one_in(3) {
        bytes[0] = random.pick(&[0, 1, 0x7f, 0x80, 0xc0, 0xff]);
    }
    bytes.into()
}

fn pool(keys: Keys, random: &mut Random) -> Vec<Vec<u8>> {
    let count = 2 + random.index(30);
    let base = random.bytes(32);
    let long = |random: &mut Random| {
        let mut key = base.clone();
        for _ in 0..1 + random.below(3) {
            let nibble = random.pick(&[0, 0, 1, 2, 3, 7, 31, 32, 33, 60, 61, 62, 63, 63]);
            let shift = if usize::is_multiple_of(nibble, 2) { 4 } else { 0 };
            key[nibble / 2] ^= (random.below(16) as u8) << shift;
        }
        key
    };
    let tails = |random: &mut Random| {
        let mut key = base.clone();
        key[30] = random.pick(&[0x00, 0x01, 0x10]);
        key[31] = random.next_u64() as u8;
        key
    };
    let short = |random: &mut Random| {
        let length = random.index(5);
        (0..length).map(|_| random.pick(&[0x00, 0x01, 0x10, 0x11, 0xff])).collect()
    };
    (0..count)
        .map(|_| match keys {
            Keys::Long => long(random),
            Keys::Tails => tails(random),
            Keys::Short => short(random),
        })
        .collect()
}

fn pack(path: &[u8]) -> Vec<u8> {
    path.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn alloy_root(leaves: &BTreeMap<Path, Bytes>) -> B256 {
    let mut builder = HashBuilder::default();
    for (path, value) in leaves {
        builder.add_leaf(alloy_trie::Nibbles::from_nibbles(path), value);
    }
    builder.root()
}
