//! What is known of a block before it runs.

use braid_primitives::{Address, Transaction, TxKind};
use braid_scheduler::Scheduler;

use crate::Block;

/// Fewer transactions are not worth waking anybody for.
const FEWEST_TRANSACTIONS: usize = 8;

/// Less gas neither. Limits count, of which transactions use about half: less than a millisecond.
const LEAST_GAS: u64 = 4_000_000;

/// Up to how many small transactions are claimed together.
const LONGEST_BATCH: u32 = 16;

/// Up to how much gas transactions that are claimed together may use.
const BATCH_GAS: u64 = 340_000;

/// Transactions that each worker may look ahead.
const WINDOW_PER_WORKER: u32 = 128;

/// And all together: what they have read and written is kept until they are committed.
const LARGEST_WINDOW: u32 = 2048;

/// Places in which senders are looked up: a power of two.
const PLACES: usize = 1 << 12;

/// Nobody.
const NONE: u32 = u32::MAX;

/// See the module's documentation. Kept over blocks for its allocations.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The last transaction of a sender, by some bits of the address. Another sender with the same bits takes the place; what
    /// is forgotten so is found out in the course of execution.
    last_of_sender: Vec<u32>,
    /// Gas of a transaction and of those before it of the same sender, each at its limit.
    chain_gas: Vec<u64>,
    in_flight: usize,
}

impl Plan {
    /// Whether a block has enough to do side by side.
    pub(super) fn is_worth_it(&mut self, block: &Block) -> bool {
        if block.transactions.len() < FEWEST_TRANSACTIONS {
            return false;
        }
        let gas = |tx: &Transaction| tx.gas_limit;
        let total = block.transactions.iter().fold(0_u64, |sum, tx| sum.saturating_add(gas(tx)));
        if total < LEAST_GAS {
            return false;
        }
        // Nonces make the transactions of one sender a chain.
        self.chain_gas.clear();
        let mut longest = 0;
        self.for_each_chained(&block.transactions, |plan, tx, on| {
            let before = on.map_or(0, |on| plan.chain_gas[on as usize]);
            let chained = gas(&block.transactions[tx as usize]).saturating_add(before);
            plan.chain_gas.push(chained);
            longest = longest.max(chained);
        });
        longest < total - total / 8
    }

    /// Calls `visit` for each transaction with the one before it of the same sender.
    fn for_each_chained(
        &mut self,
        transactions: &[Transaction],
        mut visit: impl FnMut(&mut Self, u32, Option<u32>),
    ) {
        self.last_of_sender.clear();
        self.last_of_sender.resize(PLACES, NONE);
        for (index, tx) in (0_u32..).zip(transactions) {
            let last = std::mem::replace(&mut self.last_of_sender[place(&tx.sender)], index);
            let before = transactions.get(last as usize).filter(|last| last.sender == tx.sender);
            visit(self, index, before.map(|_| last));
        }
    }

    /// Tells the scheduler what is known.
    pub(super) fn prepare(&mut self, block: &Block, workers: usize, scheduler: &mut Scheduler) {
        let count = block.transactions.len() as u32;
        let window = (workers as u32).saturating_mul(WINDOW_PER_WORKER).min(LARGEST_WINDOW);
        let window = window.min(count).max(1);
        self.in_flight = (window + LONGEST_BATCH) as usize;
        scheduler.set_workers(workers);
        scheduler.reset(count, batches(&block.transactions), window);
        self.for_each_chained(&block.transactions, |_, tx, on| {
            if let Some(on) = on {
                scheduler.depends_on(tx, on);
            }
        });
    }

    /// Most transactions that are in flight at once.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }
}

/// Where a sender is looked up.
fn place(sender: &Address) -> usize {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&sender[12..]);
    let spread = u64::from_le_bytes(bytes).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (spread >> 32) as usize % PLACES
}

/// How many consecutive transactions are claimed together: small ones that send only value, since claiming takes time too.
fn batches(transactions: &[Transaction]) -> impl Iterator<Item = u32> {
    let mut rest = transactions;
    std::iter::from_fn(move || {
        let (mut count, mut gas) = (0, 0_u64);
        for tx in rest.iter().take(LONGEST_BATCH as usize) {
            let is_small = tx.input.is_empty() && matches!(tx.to, TxKind::Call(_));
            gas = gas.saturating_add(tx.gas_limit);
            if count > 0 && (!is_small || gas > BATCH_GAS) {
                break;
            }
            count += 1;
            if !is_small {
                break;
            }
        }
        rest = &rest[count..];
        (count > 0).then_some(count as u32)
    })
}
