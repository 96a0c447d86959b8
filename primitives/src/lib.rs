//! Vocabulary shared by every crate of Braid.
//!
//! Nothing here can be wrong about the EVM: these are names, plain data and the one trait through which state is read.
//!
//! | module | holds |
//! |---|---|
//! | [`hardfork`] | the ordered list of hardforks, with the EIPs of each |
//! | [`chain`] | chain specs: activation schedule, blob parameters, special blocks; plain run-time data |
//! | [`mod@env`] | what a block tells the EVM about itself |
//! | [`transaction`] | the five transaction types, recovered and ready to execute |
//! | [`receipt`] | receipts, their encoding, the logs bloom |
//! | [`header`] | block headers, their encoding and hash |
//! | [`block`] | withdrawals, ommers and execution-layer requests |
//! | [`state`] | [`StateReader`], account records and the write set of a block |
//! | [`sorted_map`] | the maps in a write set |

#![forbid(unsafe_code)]

pub mod block;
pub mod chain;
pub mod env;
pub mod hardfork;
pub mod header;
pub mod receipt;
pub mod sorted_map;
pub mod state;
pub mod transaction;

pub use block::{BlockContext, Ommer, Requests, Withdrawal};
pub use chain::{Activation, BlobParams, ChainSpec};
pub use env::BlockEnv;
pub use hardfork::{Hardfork, UnknownHardfork};
pub use header::{EMPTY_OMMERS_HASH, Header, SealedHeader};
pub use receipt::{Receipt, ReceiptOutcome};
pub use sorted_map::SortedMap;
pub use state::{AccountDelta, AccountInfo, StateDelta, StateReader};
pub use transaction::{AccessListItem, Authorization, Transaction, TransactionType};

/// The ecosystem's basic types, re-exported so that an embedder needs one import.
pub use alloy_primitives::{
    Address, B64, B256, Bloom, Bytes, KECCAK256_EMPTY, Log, LogData, TxKind, U256, address, b256,
};
