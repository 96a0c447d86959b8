//! Braid's transaction and block rules: the embedding API.
//!
//! Give a [`SequentialExecutor`] a [`ChainSpec`](braid_primitives::ChainSpec) and a provider of cryptography, then blocks and
//! something to read state from; it answers with receipts, requests and the write set.
//!
//! How a block flows through the files:
//!
//! | file | does |
//! |---|---|
//! | [`sequential`] | the loop over a block's transactions: the reference |
//! | [`codec`] | blocks and transactions from bytes, signers recovered |
//! | [`header_rules`], [`ommers`], [`body_rules`] | what a header says, against its parent, its body and its outcome |
//! | `block_rules` | what comes before and after them; uses [`system_calls`], [`rewards`], [`deposits`], `dao` |
//! | [`committed`] | what is handed out as each step of a block becomes final |
//! | `transaction` | one transaction: `validate`, [`intrinsic`] gas, fees ([`fees`]), authorizations, refunds |
//! | [`execution`] | a transaction in flight, as a value that can be kept and resumed |
//! | `call_stack` | frames, and what CALL and CREATE do between them |
//! | `host` | answers the interpreter from the journal, and the journal's gaps from the reader |
//! | [`code_cache`], `hash_cache` | analysed and translated code by hash, hashes of mapping slots: kept over blocks |
//! | `source` | what the journal reads from |
//! | `journal` | accounts, slots and logs of the block; undo log; write sets |
//! | `bloom` | the filter of the block's logs |
//! | [`difficulty`], [`ethash`] | what a header of proof of work must say, and its proof |
//! | [`hashes`], [`memory_state`] | hashes of lists, and a state in memory |

#![forbid(unsafe_code)]

mod block_rules;
mod bloom;
pub mod body_rules;
mod call_stack;
pub mod code_cache;
pub mod codec;
pub mod committed;
mod dao;
pub mod deposits;
pub mod difficulty;
pub mod error;
pub mod ethash;
pub mod execution;
pub mod fees;
mod hash_cache;
pub mod hashes;
pub mod header_rules;
mod host;
pub mod intrinsic;
mod journal;
pub mod memory_state;
pub mod ommers;
pub mod parallel;
pub mod result;
pub mod rewards;
pub mod sequential;
mod source;
mod spread;
pub mod system_calls;
mod tally;
mod transaction;
mod validate;

pub use block_rules::MissingRequestContracts;
pub use braid_interpreter::Engine;
pub use code_cache::CodeCache;
pub use committed::{Committed, Step};
pub use error::{ExecutionError, InvalidBlock, InvalidTransaction, ParallelError, TransactError};
pub use execution::{Execution, Stopped};
pub use memory_state::{MemoryState, MissingState};
pub use parallel::BlockExecutor;
pub use result::{Block, BlockOutcome, Excluded, ExecutionStatus, Mode, TransactionOutcome};
pub use sequential::SequentialExecutor;
pub use validate::TRANSACTION_GAS_CAP;
