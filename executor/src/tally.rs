//! What the transactions of a block add up to, in order.

use braid_primitives::{
    Bloom, Hardfork, Log, Receipt, ReceiptOutcome, Requests, StateDelta, Transaction,
};

use crate::{
    BlockOutcome, Excluded, Mode, TransactionOutcome,
    committed::{Changes, Committed, Step},
    error::{InvalidBlock, InvalidTransaction},
    fees::blob_gas,
    validate::Limits,
};

/// Receipts and gas so far.
#[derive(Debug)]
pub(crate) struct Tally {
    /// What the block has left for the next transaction.
    pub(crate) limits: Limits,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) gas_used: u64,
    pub(crate) blob_gas_used: u64,
    pub(crate) excluded: Vec<Excluded>,
}

impl Tally {
    /// Of no transaction; room for as many as there are.
    pub(crate) fn new(limits: Limits, transactions: usize) -> Self {
        let receipts = Vec::with_capacity(transactions);
        Self { limits, receipts, gas_used: 0, blob_gas_used: 0, excluded: Vec::new() }
    }

    /// Whether the block has the gas left that the transaction may use.
    pub(crate) fn has_room_for(&self, tx: &Transaction) -> bool {
        tx.gas_limit <= self.limits.available_gas && blob_gas(tx) <= self.limits.available_blob_gas
    }

    /// Whether the block has the gas left for these transactions, one after the other, each of which used what its outcome
    /// says.
    pub(crate) fn has_room_for_all<'t>(
        &self,
        executed: impl Iterator<Item = (&'t Transaction, &'t TransactionOutcome)>,
    ) -> bool {
        let (mut gas, mut blobs) = (self.limits.available_gas, self.limits.available_blob_gas);
        for (tx, outcome) in executed {
            if tx.gas_limit > gas || blob_gas(tx) > blobs {
                return false;
            }
            gas -= outcome.gas_used;
            blobs -= blob_gas(tx);
        }
        true
    }

    /// Adds a transaction that was executed.
    pub(crate) fn add(&mut self, tx: &Transaction, outcome: TransactionOutcome) {
        self.limits.available_gas -= outcome.gas_used;
        self.limits.available_blob_gas -= blob_gas(tx);
        self.gas_used += outcome.gas_used;
        self.blob_gas_used += blob_gas(tx);
        self.receipts.push(Receipt {
            tx_type: tx.tx_type,
            outcome: receipt_outcome(self.limits.fork, &outcome),
            cumulative_gas_used: self.gas_used,
            logs: outcome.logs,
        });
    }

    /// All logs so far, in order.
    pub(crate) fn logs(&self) -> impl Iterator<Item = &Log> {
        self.receipts.iter().flat_map(|receipt| &receipt.logs)
    }

    /// The block's result.
    pub(crate) fn into_outcome(
        self,
        logs_bloom: Bloom,
        requests: Option<Requests>,
        state: StateDelta,
    ) -> BlockOutcome {
        let Self { receipts, gas_used, blob_gas_used, excluded, .. } = self;
        BlockOutcome { gas_used, blob_gas_used, receipts, logs_bloom, requests, state, excluded }
    }

    /// Does what `mode` says about an invalid transaction, given with its position.
    pub(crate) fn leave_out(
        &mut self,
        (index, error): (usize, InvalidTransaction),
        mode: Mode,
        on_commit: &mut impl FnMut(Committed<'_>),
    ) -> Result<(), InvalidBlock> {
        match mode {
            Mode::Verify => return Err(InvalidBlock::Transaction { index, error }),
            Mode::Trace => {
                let step = Step::Invalid { index, error: &error };
                on_commit(Committed { step, changes: Changes::None });
            }
            Mode::Build => {}
        }
        self.excluded.push(Excluded { index, error });
        Ok(())
    }
}

/// First field of the receipt: EIP-658 replaced the state root by the status.
fn receipt_outcome(fork: Hardfork, outcome: &TransactionOutcome) -> ReceiptOutcome {
    if fork >= Hardfork::Byzantium {
        ReceiptOutcome::Status(outcome.status.is_success())
    } else {
        ReceiptOutcome::StateRoot(None)
    }
}
