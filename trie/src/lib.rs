//! Merkle Patricia tries: roots of lists, the state trie of which only a part needs to be known, and proofs.
//!
//! | module | holds |
//! |---|---|
//! | [`roots`] | roots from sorted leaves, without a trie: transactions, receipts, withdrawals |
//! | [`state`] | [`StateTrie`]: accounts over storage tries, changed by a [`StateDelta`](braid_primitives::StateDelta) |
//! | [`trie`] | [`Trie`]: a single trie |
//! | `forest` | the arena under both: insert, remove, reveal, prune, and hashing of what changed |
//! | [`proof`] | proofs in the shape of `eth_getProof`, multiproofs, and their verification |
//! | [`reader`] | execution from a witness: a `StateReader` over a trie that reveals what is read |
//! | [`source`] | where missing nodes come from: a store by path, a witness by hash |
//! | [`changes`] | which nodes a block set and removed, for whoever stores them |
//! | [`value`], [`nibbles`], [`node`] | accounts and words, paths, decoding of nodes |
//! | `encode`, `rlp` | encodings, hashed many at a time |

#![forbid(unsafe_code)]

pub mod changes;
mod encode;
pub mod error;
mod forest;
pub mod nibbles;
pub mod node;
pub mod proof;
pub mod reader;
mod rlp;
pub mod roots;
pub mod source;
pub mod state;
pub mod trie;
pub mod value;

pub use changes::{NodeChanges, Owner, StoredNode};
pub use error::{NodeRequest, TrieError};
pub use forest::{Blinded, Reveal};
pub use nibbles::Nibbles;
pub use node::NodeFault;
pub use proof::{AccountProof, MultiProof, ProofError, StorageProof, verify_proof};
pub use reader::{TrieReader, TrieReaderError};
pub use roots::{EMPTY_ROOT, ordered_root, receipts_root, sorted_root, withdrawals_root};
pub use source::{NoNodes, NodeSource, NodeStore, SurplusNodes, Witness};
pub use state::{PendingDelta, StateTrie};
pub use trie::Trie;
pub use value::{TrieAccount, Value};
