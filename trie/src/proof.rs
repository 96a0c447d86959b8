//! Proofs: the nodes that connect values with a root hash.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};
use braid_precompiles::Crypto;
use braid_primitives::{Address, U256};

use crate::{
    changes::Owner,
    error::TrieError,
    forest::Reveal,
    nibbles::Nibbles,
    node::{Child, DecodedNode, NodeFault, decode_node},
    roots::EMPTY_ROOT,
    source::NodeSource,
    state::StateTrie,
    value::{TrieAccount, Value},
};

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The proof ends before the key or its absence is reached.
    #[error("the node at {path} with hash {hash} is missing")]
    Missing {
        /// Where the node is.
        path: Nibbles,
        /// Its hash.
        hash: B256,
    },
    /// A node is not the one that its parent refers to, or no node.
    #[error("bad node at {path}: {fault}")]
    BadNode {
        /// Where the node should be.
        path: Nibbles,
        /// What is wrong with it.
        fault: NodeFault,
    },
    /// Nodes that are not on the way to the key.
    #[error("{count} nodes beyond {path}, where the proof ends")]
    Surplus {
        /// The last path that the proof needs.
        path: Nibbles,
        /// Number of nodes that it does not need.
        count: usize,
    },
    /// A node of a multiproof at a place where none is wanted.
    #[error("a node at {path} of {owner}, where none is wanted")]
    Unwanted {
        /// Whose trie.
        owner: Owner,
        /// Where in it.
        path: Nibbles,
    },
    /// What is claimed is not what the nodes say.
    #[error("{what} is claimed to be {claimed}, proved is {proved}")]
    Contradiction {
        /// What the claim is about.
        what: String,
        /// What is claimed.
        claimed: String,
        /// What the nodes say.
        proved: String,
    },
}

/// Checks that `nodes`, which lead from the root to `key` or to where it would be, belong to a trie with the hash `root`.
/// Returns the encoding of the value at `key`, or `None` if there is none.
///
/// Nodes that are part of their parents are not listed; a trie without values has no nodes.
///
/// # Errors
/// [`ProofError`] if a node is missing, wrong or not needed.
pub fn verify_proof<'a, C: Crypto>(
    root: B256,
    key: &Nibbles,
    nodes: &'a [Bytes],
    crypto: &C,
) -> Result<Option<&'a [u8]>, ProofError> {
    let mut path = Nibbles::EMPTY;
    let mut rest = nodes.iter();
    let mut child = if root == EMPTY_ROOT { Child::Absent } else { Child::Hash(root) };
    let value = loop {
        let bad = |fault| ProofError::BadNode { path, fault };
        let bytes: &'a [u8] = match child {
            Child::Absent => break None,
            Child::Inline(bytes) => bytes,
            Child::Hash(expected) => {
                let node = rest.next().ok_or(ProofError::Missing { path, hash: expected })?;
                let found = crypto.keccak256(node);
                if found != expected {
                    let size_bytes = node.len();
                    return Err(bad(NodeFault::WrongHash { expected, found, size_bytes }));
                }
                node
            }
        };
        match decode_node(&path, bytes).map_err(bad)? {
            DecodedNode::Leaf { key: found, value } => break (found == *key).then_some(value),
            DecodedNode::Extension { prefix, child: below } => {
                if !key.starts_with(&prefix) {
                    break None;
                }
                (path, child) = (prefix, below);
            }
            DecodedNode::Branch { children, value } => {
                if key.len() == path.len() {
                    break (!value.is_empty()).then_some(value);
                }
                let index = key.at(path.len());
                child = children[usize::from(index)];
                path = key.prefix(path.len() + 1);
            }
        }
    };
    match rest.len() {
        0 => Ok(value),
        count => Err(ProofError::Surplus { path, count }),
    }
}

/// A storage slot with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageProof {
    /// The slot.
    pub slot: U256,
    /// Its value; zero where it was never written.
    pub value: U256,
    /// Nodes of the account's storage trie from the root to the slot.
    pub nodes: Vec<Bytes>,
}

/// An account with its proof, in the shape that `eth_getProof` (EIP-1186) answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    /// The account.
    pub address: Address,
    /// What is there; `None` where no account is.
    pub account: Option<TrieAccount>,
    /// Nodes of the state trie from the root to the account.
    pub nodes: Vec<Bytes>,
    /// The slots that were asked for.
    pub storage: Vec<StorageProof>,
}

impl AccountProof {
    /// Checks that the account and its slots are those of the state with this root.
    ///
    /// # Errors
    /// [`ProofError`] if a node is missing, wrong or not needed, or proves something else.
    pub fn verify<C: Crypto>(&self, state_root: B256, crypto: &C) -> Result<(), ProofError> {
        let key = Nibbles::of_hash(&crypto.keccak256(self.address.as_slice()).0);
        let proved = verify_proof(state_root, &key, &self.nodes, crypto)?;
        let proved = proved.map(decode_proved::<TrieAccount>).transpose()?;
        let what = || format!("account {}", self.address);
        agree(what, &self.account, &proved)?;
        let storage_root = proved.map_or(EMPTY_ROOT, |account| account.storage_root);
        for storage in &self.storage {
            let slot = storage.slot.to_be_bytes::<32>();
            let key = Nibbles::of_hash(&crypto.keccak256(&slot).0);
            let proved = verify_proof(storage_root, &key, &storage.nodes, crypto)?;
            let proved = proved.map(decode_proved::<U256>).transpose()?.unwrap_or_default();
            let what = || format!("slot {:#x} of {}", storage.slot, self.address);
            agree(what, &storage.value, &proved)?;
        }
        Ok(())
    }
}

fn decode_proved<V: Value>(bytes: &[u8]) -> Result<V, ProofError> {
    let fault = NodeFault::Value { expected: V::EXPECTED };
    V::decode_value(bytes).ok_or(ProofError::BadNode { path: Nibbles::EMPTY, fault })
}

fn agree<T: PartialEq + std::fmt::Debug>(
    what: impl FnOnce() -> String,
    claimed: &T,
    proved: &T,
) -> Result<(), ProofError> {
    if claimed == proved {
        return Ok(());
    }
    let (claimed, proved) = (format!("{claimed:?}"), format!("{proved:?}"));
    Err(ProofError::Contradiction { what: what(), claimed, proved })
}

/// The nodes that prove several accounts and slots, each once, by trie and path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultiProof {
    /// Encodings of the nodes. A node comes after those above it.
    pub nodes: BTreeMap<(Owner, Nibbles), Bytes>,
}

impl MultiProof {
    /// The part of the state with this root that the proof reveals.
    ///
    /// # Errors
    /// [`ProofError`] if a node is wrong, or at a place that no other node leads to.
    pub fn verify<C: Crypto>(&self, state_root: B256, crypto: &C) -> Result<StateTrie, ProofError> {
        let mut state = StateTrie::blinded(state_root);
        for ((owner, path), encoding) in &self.nodes {
            match state.reveal(*owner, path, encoding, crypto) {
                Ok(Reveal::Revealed) => {}
                Err(TrieError::BadNode { path, fault, .. }) => {
                    return Err(ProofError::BadNode { path, fault: *fault });
                }
                Ok(Reveal::Known | Reveal::Gone) | Err(TrieError::Missing(_)) => {
                    return Err(ProofError::Unwanted { owner: *owner, path: *path });
                }
                Err(TrieError::Source(never)) => match never {},
            }
        }
        Ok(state)
    }
}

impl StateTrie {
    /// Proves an account and slots of it, in the state as it is now.
    ///
    /// # Errors
    /// [`TrieError`], if a node is needed that the source lacks, has wrong or fails to read.
    pub fn prove<S: NodeSource, C: Crypto>(
        &mut self,
        address: Address,
        slots: &[U256],
        source: &S,
        crypto: &C,
    ) -> Result<AccountProof, TrieError<S::Error>> {
        // Reading reveals nodes and changes none.
        self.root(crypto);
        let account = self.account(address, source, crypto)?;
        let mut storage = Vec::with_capacity(slots.len());
        for slot in slots {
            let value = self.storage(address, *slot, source, crypto)?;
            storage.push((*slot, value));
        }
        let owner_hash = crypto.keccak256(address.as_slice());
        let nodes = self.path_nodes(Owner::State, &owner_hash, crypto);
        let storage = storage.into_iter().map(|(slot, value)| {
            let slot_hash = crypto.keccak256(&slot.to_be_bytes::<32>());
            let nodes = self.path_nodes(Owner::Storage(owner_hash), &slot_hash, crypto);
            StorageProof { slot, value, nodes: nodes.into_iter().map(|(_, node)| node).collect() }
        });
        Ok(AccountProof {
            address,
            account,
            storage: storage.collect(),
            nodes: nodes.into_iter().map(|(_, node)| node).collect(),
        })
    }

    /// Proves several accounts and slots of them together.
    ///
    /// # Errors
    /// [`TrieError`], if a node is needed that the source lacks, has wrong or fails to read.
    pub fn multiproof<S: NodeSource, C: Crypto>(
        &mut self,
        targets: &BTreeMap<Address, Vec<U256>>,
        source: &S,
        crypto: &C,
    ) -> Result<MultiProof, TrieError<S::Error>> {
        let mut proof = MultiProof::default();
        for (address, slots) in targets {
            self.account(*address, source, crypto)?;
            for slot in slots {
                self.storage(*address, *slot, source, crypto)?;
            }
        }
        self.root(crypto);
        for (address, slots) in targets {
            let address_hash = crypto.keccak256(address.as_slice());
            let mut add = |owner, key: B256| {
                let nodes = self.path_nodes(owner, &key, crypto).into_iter();
                proof.nodes.extend(nodes.map(|(path, node)| ((owner, path), node)));
            };
            add(Owner::State, address_hash);
            for slot in slots {
                let slot_hash = crypto.keccak256(&slot.to_be_bytes::<32>());
                add(Owner::Storage(address_hash), slot_hash);
            }
        }
        Ok(proof)
    }
}
