//! The steps of a block, seen as each becomes final.

use braid_mv_memory::{Change, MvMemory};
use braid_primitives::StateDelta;

use crate::{
    TransactionOutcome, error::InvalidTransaction, journal::Journal, parallel::step_delta,
};

/// A part of a block's execution. The write sets of all of them, made one after the other, are that of the block.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// What happens before the first transaction: the DAO's irregular change (EIP-779), the beacon root (EIP-4788), the hash
    /// of the parent (EIP-2935).
    Begin,
    /// A transaction.
    Transaction {
        /// Position in the block, from 0.
        index: usize,
        /// Its result.
        outcome: &'a TransactionOutcome,
    },
    /// An invalid transaction that is left out ([`Mode::Trace`](crate::Mode::Trace)). It changes nothing.
    Invalid {
        /// Position in the block, from 0.
        index: usize,
        /// What is wrong with it.
        error: &'a InvalidTransaction,
    },
    /// What happens after the last transaction: rewards, withdrawals (EIP-4895), requests (EIP-7685).
    End,
}

/// A step that has become final, and access to what it changed. Nothing is computed unless asked for.
#[derive(Clone, Copy)]
pub struct Committed<'a> {
    /// The step.
    pub step: Step<'a>,
    pub(crate) changes: Changes<'a>,
}

/// Where what a step changed is written down.
#[derive(Clone, Copy)]
pub(crate) enum Changes<'a> {
    /// Nowhere: there are none.
    None,
    Journal(&'a Journal),
    Memory(&'a MvMemory, &'a [Change]),
}

impl<'a> Committed<'a> {
    /// Index and result, if the step is a transaction.
    pub fn transaction(&self) -> Option<(usize, &'a TransactionOutcome)> {
        match self.step {
            Step::Transaction { index, outcome } => Some((index, outcome)),
            Step::Begin | Step::Invalid { .. } | Step::End => None,
        }
    }

    /// What differs from the state just before the step. Takes time in proportion to what the step did.
    pub fn delta(&self) -> StateDelta {
        match self.changes {
            Changes::None => StateDelta::default(),
            Changes::Journal(journal) => journal.step_delta(),
            Changes::Memory(memory, changes) => step_delta(memory, changes),
        }
    }
}

impl std::fmt::Debug for Committed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committed").field("step", &self.step).finish_non_exhaustive()
    }
}
