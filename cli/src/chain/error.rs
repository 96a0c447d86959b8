//! Why a block is not imported.

use braid_executor::{
    InvalidBlock, MissingState,
    body_rules::{InvalidBody, InvalidOutcome},
    codec::{BlockDecodeError, TransactionError},
    ethash::InvalidSeal,
    header_rules::InvalidHeader,
    ommers::InvalidOmmers,
};
use braid_primitives::B256;

/// A root of a trie that a header commits to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// Of the transactions.
    Transactions,
    /// Of the withdrawals (EIP-4895).
    Withdrawals,
    /// Of the receipts.
    Receipts,
    /// Of the state after the block.
    State,
}

impl std::fmt::Display for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Transactions => "transactions root",
            Self::Withdrawals => "withdrawals root",
            Self::Receipts => "receipts root",
            Self::State => "state root",
        })
    }
}

/// A root that is not the one in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{root} is {found}, the header says {expected}")]
pub struct WrongRoot {
    /// Of what.
    pub root: Root,
    /// The header's.
    pub expected: B256,
    /// What follows from the block.
    pub found: B256,
}

impl WrongRoot {
    /// Compares a root with that of the header.
    pub(super) fn check(root: Root, expected: B256, found: B256) -> Result<(), Self> {
        if expected == found { Ok(()) } else { Err(Self { root, expected, found }) }
    }
}

/// Why a block is not imported. All but the last two kinds say that it is invalid, or that it cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The bytes are no block.
    #[error(transparent)]
    Decode(#[from] BlockDecodeError),
    /// No block of the chain has the hash of the parent.
    #[error("parent {parent_hash} is not known")]
    UnknownParent {
        /// Hash of the parent.
        parent_hash: B256,
    },
    /// The header may not follow that of the parent.
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    /// The body is not the header's, or none that a block may have.
    #[error(transparent)]
    Body(#[from] InvalidBody),
    /// The proof of work of the block or of an ommer is none.
    #[error(transparent)]
    Seal(#[from] InvalidSeal),
    /// The block may not have its ommers.
    #[error(transparent)]
    Ommers(#[from] InvalidOmmers),
    /// A transaction does not exist under the rules, or is badly signed.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// The block cannot be executed to its end.
    #[error(transparent)]
    Execution(#[from] InvalidBlock),
    /// The header commits to another outcome.
    #[error(transparent)]
    Outcome(#[from] InvalidOutcome),
    /// The header commits to other data.
    #[error(transparent)]
    Root(#[from] WrongRoot),
    /// The state lacks something that the block reads. It says nothing about the block.
    #[error(transparent)]
    State(#[from] MissingState),
    /// The threads that execute blocks failed. It says nothing about the block.
    #[error("{0}")]
    Workers(String),
}

/// A genesis block and a state that do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("genesis: {0}")]
pub struct GenesisError(#[from] pub WrongRoot);
