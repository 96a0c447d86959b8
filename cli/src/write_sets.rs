//! The write sets of a block, in the pieces between which receipts want state roots.

use alloy_primitives::B256;
use braid_executor::{BlockOutcome, Committed};
use braid_primitives::{Hardfork, ReceiptOutcome, StateDelta};

/// What the steps of a block changed, kept where the state root after each transaction is part of its receipt: until Byzantium
/// (EIP-658).
pub(crate) struct WriteSets {
    /// For each step, its position in the block if it is a transaction, and what it changed. `None` from Byzantium on.
    steps: Option<Vec<(Option<usize>, StateDelta)>>,
}

impl WriteSets {
    /// Those of a block under the rules of `fork`, which is about to be executed.
    pub(crate) fn under(fork: Hardfork) -> Self {
        Self { steps: (fork < Hardfork::Byzantium).then(Vec::new) }
    }

    /// Notes a step.
    pub(crate) fn note(&mut self, committed: &Committed<'_>) {
        if let Some(steps) = &mut self.steps {
            let transaction = committed.transaction().map(|(index, _)| index);
            steps.push((transaction, committed.delta()));
        }
    }

    /// Makes the changes of the block on `state` and puts the state roots into the receipts that want them.
    pub(crate) fn make<S, E>(
        &self,
        outcome: &mut BlockOutcome,
        state: &mut S,
        mut apply: impl FnMut(&mut S, &StateDelta) -> Result<(), E>,
        mut root: impl FnMut(&mut S) -> B256,
    ) -> Result<(), E> {
        let Some(steps) = &self.steps else { return apply(state, &outcome.state) };
        for (transaction, delta) in steps {
            apply(state, delta)?;
            if let Some(index) = transaction {
                outcome.receipts[*index].outcome = ReceiptOutcome::StateRoot(Some(root(state)));
            }
        }
        Ok(())
    }
}
