//! What is known of a block before it runs.

use std::time::Duration;

use braid_primitives::{Transaction, TxKind};
use braid_scheduler::Scheduler;

use crate::{Block, spread};

/// Fewer transactions are not worth waking anybody for.
const FEWEST_TRANSACTIONS: usize = 8;

/// Less gas neither, as [`weight`] counts it: about half a millisecond.
const LEAST_WEIGHT: u64 = 3_000_000;

/// What a transaction that only sends value counts for: it takes less than half a microsecond, in which code uses so much gas.
const WEIGHT_OF_TRANSFER: u64 = 2_000;

/// Up to this gas limit a transaction without input is taken for one that only sends value.
const MOST_GAS_OF_TRANSFER: u64 = 100_000;

/// What one without input counts for otherwise: it sends to a contract that notes it down.
const WEIGHT_OF_DEPOSIT: u64 = 10_000;

/// Of gas limits up to [`MOST_GAS_OF_TRANSFER`] one part in so many is for code; the rest is for writing two slots or so.
const PART_FOR_CODE: u64 = 4;

/// Code uses so much gas in a nanosecond.
const WEIGHT_PER_NS: u64 = 5;

/// From so many per cent of the usual time on the state is taken for slow.
const SLOW: u64 = 400;

/// More than a thousand times as long as usual counts as that.
const MOST_SLOWNESS: u64 = 100_000;

/// What a transaction counts for at most: limits far above what is used are common.
const MOST_WEIGHT: u64 = 1_000_000;

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
    /// For each transaction the one before it of the same sender.
    before: Vec<u32>,
    /// Weight of a transaction and of those before it of the same sender.
    chain_weight: Vec<u64>,
    /// Of all transactions.
    total_weight: u64,
    /// Of those that only send value.
    transfer_weight: u64,
    /// How long blocks took lately, in per cent of what their weights say about a state in memory: reads from a disk are most
    /// of the work, and the reason to do it side by side.
    slowness: u64,
    in_flight: usize,
}

impl Plan {
    /// Finds out which transactions are of one sender: nonces make them a chain.
    pub(super) fn look(&mut self, block: &Block) {
        let transactions = &block.transactions;
        self.last_of_sender.clear();
        self.last_of_sender.resize(PLACES, NONE);
        self.before.clear();
        self.chain_weight.clear();
        self.total_weight = 0;
        self.transfer_weight = 0;
        for (index, tx) in (0_u32..).zip(transactions) {
            let place = spread::place(spread::address_bits(&tx.sender), PLACES);
            let last = std::mem::replace(&mut self.last_of_sender[place], index);
            let is_chained =
                transactions.get(last as usize).is_some_and(|last| last.sender == tx.sender);
            let (before, weight) =
                if is_chained { (last, self.chain_weight[last as usize]) } else { (NONE, 0) };
            self.before.push(before);
            let own = self::weight(tx);
            self.chain_weight.push(weight + own);
            self.total_weight += own;
            if only_sends_value(tx) {
                self.transfer_weight += own;
            }
        }
    }

    /// Whether it is worth a look whether a block has enough to do side by side.
    pub(super) fn may_be_worth_it(block: &Block) -> bool {
        block.transactions.len() >= FEWEST_TRANSACTIONS
    }

    /// Whether a block that was looked at has enough to do side by side for so many threads.
    pub(super) fn is_worth_it(&self, threads: usize) -> bool {
        // Below that it may as well be the machine that is slow, and then all of it is.
        let slowness = if self.is_state_slow() { self.slowness } else { 100 };
        let slow = |weight: u64| weight.saturating_mul(slowness) / 100;
        let total = slow(self.total_weight);
        // What versions cost: measured with one thread, on blocks of transfers only and of tokens and exchanges. It is the
        // same however long the state takes.
        let others = self.total_weight - self.transfer_weight;
        let for_transfers =
            if self.leaves_transfers(threads) { 0 } else { self.transfer_weight * 5 / 4 };
        let versions = others / 8 + for_transfers;
        let most = total - total / 8;
        total >= LEAST_WEIGHT
            && (total + versions) / (threads as u64) < most
            && self.chain_weight.iter().all(|chained| slow(*chained) < most)
    }

    /// Learns from how long a block that was looked at took on so many threads.
    pub(super) fn learn(&mut self, time: Duration, threads: usize) {
        let time_ns = time.as_nanos().min(u128::from(u64::MAX / 1_000)) as u64;
        let usual_ns = self.total_weight / WEIGHT_PER_NS + 1;
        // Reads are hidden as far as there are threads; half of that is taken for granted, so that time lost to waking up is
        // not taken for a slow state.
        let slowness = (time_ns * 50 / usual_ns).saturating_mul(threads as u64 + 1);
        // Half of it is what was known: one slow block in between does not count for much.
        self.slowness = self.slowness.midpoint(slowness.clamp(100, MOST_SLOWNESS));
    }

    /// Tells the scheduler what is known of a block that was looked at.
    pub(super) fn prepare(&mut self, block: &Block, workers: usize, scheduler: &mut Scheduler) {
        let count = block.transactions.len() as u32;
        let window = (workers as u32).saturating_mul(WINDOW_PER_WORKER).min(LARGEST_WINDOW);
        let window = window.min(count).max(1);
        self.in_flight = (window + LONGEST_BATCH) as usize;
        scheduler.set_workers(workers);
        // Reads that take long are waited for one by one in a batch, and side by side in several.
        let longest = if self.is_state_slow() { 1 } else { LONGEST_BATCH };
        scheduler.reset(count, batches(&block.transactions, longest), window);
        if self.leaves_transfers(workers) {
            for (tx, _) in (0_u32..).zip(&block.transactions).filter(|(_, tx)| only_sends_value(tx))
            {
                scheduler.leave(tx);
            }
        }
        for (tx, on) in (0_u32..).zip(&self.before).filter(|(_, on)| **on != NONE) {
            scheduler.depends_on(tx, *on);
        }
    }

    /// Whether most of the time goes into waiting for the state.
    fn is_state_slow(&self) -> bool {
        self.slowness >= SLOW
    }

    /// Whether transactions that only send value are left to whoever commits. To speculate on one costs more than to execute
    /// it, so that is done only where they are too many for one worker.
    fn leaves_transfers(&self, workers: usize) -> bool {
        !self.is_state_slow()
            && self.transfer_weight.saturating_mul(workers as u64) <= self.total_weight
    }

    /// Most transactions that are in flight at once.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }
}

/// How long a transaction will probably take, in gas of code that does nothing special: from its gas limit, of which about half
/// is used, as mainnet's blocks turned out.
fn weight(tx: &Transaction) -> u64 {
    if only_sends_value(tx) {
        WEIGHT_OF_TRANSFER
    } else if tx.input.is_empty() && matches!(tx.to, TxKind::Call(_)) {
        WEIGHT_OF_DEPOSIT
    } else {
        let small = tx.gas_limit.min(MOST_GAS_OF_TRANSFER);
        (tx.gas_limit - small + small / PART_FOR_CODE).min(MOST_WEIGHT)
    }
}

/// Whether a transaction is one that only sends value, as far as that can be told from it.
fn only_sends_value(tx: &Transaction) -> bool {
    tx.input.is_empty() && matches!(tx.to, TxKind::Call(_)) && tx.gas_limit <= MOST_GAS_OF_TRANSFER
}

/// How many consecutive transactions are claimed together: small ones that send only value, since claiming takes time too.
fn batches(transactions: &[Transaction], longest: u32) -> impl Iterator<Item = u32> {
    let mut rest = transactions;
    std::iter::from_fn(move || {
        let (mut count, mut gas) = (0, 0_u64);
        for tx in rest.iter().take(longest as usize) {
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
