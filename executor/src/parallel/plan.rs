//! What is known of a block before it runs.

use std::{num::NonZeroU32, ops::Range, time::Duration};

use braid_primitives::{Transaction, TxKind};
use braid_scheduler::Scheduler;

use crate::{Block, spread};

use super::{
    habits::{Course, Habits, LONG},
    units::Units,
};

/// Fewer transactions are not worth waking anybody for.
const FEWEST_TRANSACTIONS: usize = 8;

/// Of so many transactions it is seen whether a block is worth a closer look.
const SAMPLE: usize = 512;

/// Less gas neither, as [`weight`] counts it: about half a millisecond.
const LEAST_WEIGHT: u64 = 2_300_000;

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

/// Code takes at least so many per cent of the usual time.
const LEAST_PACE: u64 = 20;

/// Less code tells nothing about how long code takes.
const LEAST_TELLING_WEIGHT: u64 = 500_000;

/// Where one sender's transactions are more than so many fifths of the weight the others are too few to gain by: weights are
/// rough.
const LONGEST_CHAIN_FIFTHS: u64 = 3;

/// What a transaction counts for at most: limits far above what is used are common.
const MOST_WEIGHT: u64 = 1_000_000;

/// Up to how many transactions that only send value are claimed together.
const LONGEST_BATCH: u32 = 16;

/// Up to how many transactions are executed together.
const LONGEST_UNIT: u32 = 16;

/// Up to which weight: what it costs to have executed them in vain.
const HEAVIEST_UNIT: u64 = 100_000;

/// At least so many units are made for each worker, if there is that much to do: the last ones should end at the same time.
const UNITS_PER_WORKER: u64 = 128;

/// Transactions that each worker may look ahead.
const WINDOW_PER_WORKER: u64 = 128;

/// And all together: what they have read and written is kept until they are committed.
const LARGEST_WINDOW: u64 = 2048;

/// Up to so many transactions begin early for each worker.
const MOST_EARLY_PER_WORKER: usize = 2;

/// Those only that take one part in so many of the block's time: what ends last ends later by half of its time at most.
const EARLY_PART: u32 = 16;

/// Places in which senders are looked up: a power of two.
const PLACES: usize = 1 << 12;

/// Nobody.
const NONE: u32 = u32::MAX;

/// Which transactions of a block are executed together, one after the other, by a worker.
///
/// Beside others a transaction has to be claimed, validated, published and committed, and each takes its time; but those that
/// are executed together are also executed again together. Results do not depend on it, nor does what is handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// Small ones that follow each other, up to about 20 microseconds, and the fewer the shorter the block is.
    #[default]
    Adaptive,
    /// Always so many, whatever they are: for tests and measurements.
    Fixed(NonZeroU32),
}

/// What is made of what transactions of earlier blocks were like that called the same function of the same contract.
///
/// A long transaction that begins last is executed while all others wait. One that begins early is executed again if it reads
/// what those below it write later; and so is one that is executed beside another with which it conflicts. Results do not
/// depend on it, nor does what is handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Foresight {
    /// Those that will probably take a good part of the block's time begin early, and those that will probably conflict wait
    /// for each other.
    #[default]
    Learned,
    /// Nothing. What is to be learned is learned all the same.
    Off,
    /// All begin early that may: each but those that only send value, are executed together with others, or come after another
    /// of the same sender. For tests.
    AllEarly,
}

/// See the module's documentation. Kept over blocks for its allocations.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The last transaction of a sender, by some bits of the address. Another sender with the same bits takes the place; what
    /// is forgotten so is found out in the course of execution.
    last_of_sender: Vec<u32>,
    /// For each transaction the one before it that it has to wait for: the last of the same sender, or of those with which it
    /// will probably conflict.
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
    /// How long code took lately, in per cent of what its weight says: how much of the gas limits is used, and what
    /// for, differs from chain to chain and from year to year. 0: not known.
    pace: u64,
    grouping: Grouping,
    foresight: Foresight,
    habits: Habits,
    /// Transactions that will probably take long, with how long.
    long: Vec<(Duration, u32)>,
    units: Units,
    /// How many units are claimed together, one after the other.
    batches: Vec<u32>,
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
        self.long.clear();
        self.habits.begin_block();
        for (index, tx) in (0_u32..).zip(transactions) {
            let place = spread::place(spread::address_bits(&tx.sender), PLACES);
            let last = std::mem::replace(&mut self.last_of_sender[place], index);
            let is_same = |last: &Transaction| last.sender == tx.sender;
            let before = transactions.get(last as usize).is_some_and(is_same).then_some(last);
            let weight = before.map_or(0, |before| self.chain_weight[before as usize]);
            let own = self::weight(tx);
            self.chain_weight.push(weight + own);
            self.total_weight += own;
            let before = if only_sends_value(tx) {
                self.transfer_weight += own;
                before
            } else {
                self.expect((index, tx), before)
            };
            self.before.push(before.unwrap_or(NONE));
        }
    }

    /// Finds out which transaction one has to wait for, `before` it or another, and whether it takes long.
    fn expect(&mut self, (index, tx): (u32, &Transaction), before: Option<u32>) -> Option<u32> {
        let expected = self.habits.expect(index, tx);
        let (length, after) = match self.foresight {
            Foresight::Learned => (expected.length, expected.after),
            Foresight::Off => (None, None),
            Foresight::AllEarly => (Some(Duration::MAX), None),
        };
        let before = before.max(after);
        if let (None, Some(length)) = (before, length) {
            self.long.push((length, index));
        }
        before
    }

    /// Whether a block has too few transactions to look at any of them.
    pub(super) fn is_too_short(block: &Block) -> bool {
        block.transactions.len() < FEWEST_TRANSACTIONS
    }

    /// Whether it is worth a look whether a block has enough to do side by side. Where it is not, this is all that is known of
    /// the block: blocks of transfers go by faster than one can look at each.
    pub(super) fn may_be_worth_it(&mut self, block: &Block, threads: usize) -> bool {
        let stride = block.transactions.len().div_ceil(SAMPLE).max(1);
        let sample = || block.transactions.iter().step_by(stride);
        let sum = |weight: u64| weight * stride as u64;
        self.total_weight = sum(sample().map(weight).sum());
        self.transfer_weight = sum(sample().filter(|tx| only_sends_value(tx)).map(weight).sum());
        self.gains(threads)
    }

    /// Whether a block that was looked at has enough to do side by side for so many threads.
    pub(super) fn is_worth_it(&self, threads: usize) -> bool {
        let longest_chain = self.chain_weight.iter().copied().max().unwrap_or(0);
        self.gains(threads) && longest_chain < self.total_weight / 5 * LONGEST_CHAIN_FIFTHS
    }

    /// Whether so many threads are faster than one, if no transaction has to wait for another.
    fn gains(&self, threads: usize) -> bool {
        let code = self.code_weight();
        let total = self.weight_of_all();
        // What versions cost: measured with one thread, on blocks of transfers only and of tokens and exchanges. It is the
        // same however long the state takes.
        let for_transfers =
            if self.leaves_transfers(threads) { 0 } else { self.transfer_weight * 5 / 4 };
        let versions = code / 8 + for_transfers;
        total >= LEAST_WEIGHT && (total + versions) / (threads as u64) < total - total / 5
    }

    /// What the block weighs by how long blocks took lately.
    fn weight_of_all(&self) -> u64 {
        // Below that it may as well be the machine that is slow, and then all of it is.
        let slowness = if self.is_state_slow() { self.slowness } else { 100 };
        (self.code_weight() + self.transfer_weight).saturating_mul(slowness) / 100
    }

    /// What code weighs by how long it took lately, unless it is the state that takes long.
    fn code_weight(&self) -> u64 {
        let pace = if self.is_state_slow() || self.pace == 0 { 100 } else { self.pace };
        (self.total_weight - self.transfer_weight).saturating_mul(pace) / 100
    }

    /// Learns from how long a block that was looked at took on so many threads.
    pub(super) fn learn(&mut self, time: Duration, threads: usize) {
        if self.total_weight == 0 {
            return;
        }
        let time_ns = time.as_nanos().min(u128::from(u64::MAX / 1_000)) as u64;
        // Reads are hidden as far as there are threads; half of that is taken for granted, so that time lost to waking up is
        // not taken for a slow state.
        let usual_ns = self.total_weight / WEIGHT_PER_NS + 1;
        let slowness = (time_ns * 50 / usual_ns).saturating_mul(threads as u64 + 1);
        // Half of it is what was known: one slow block in between does not count for much.
        self.slowness = self.slowness.midpoint(slowness.clamp(100, MOST_SLOWNESS));
        // Of code a quarter is taken for granted: blocks that gain little should not pass for long ones.
        let code_weight = self.total_weight - self.transfer_weight;
        if code_weight >= LEAST_TELLING_WEIGHT {
            let alone_ns = time_ns.saturating_mul(threads as u64 + 3) / 4;
            let code_ns = alone_ns.saturating_sub(self.transfer_weight / WEIGHT_PER_NS);
            let pace = code_ns.saturating_mul(100) / (code_weight / WEIGHT_PER_NS);
            let pace = pace.clamp(LEAST_PACE, SLOW);
            self.pace = if self.pace == 0 { pace } else { self.pace.midpoint(pace) };
        }
    }

    /// Learns from how transactions of a block went.
    pub(super) fn learn_habits(&mut self, block: &Block, course: &Course) {
        let units = &self.units;
        let is_alone = |tx| units.transactions(units.of(tx)).len() == 1;
        self.habits.learn(&block.transactions, course, is_alone);
    }

    /// Tells the scheduler what is known of a block that was looked at, and whether to look ahead at all.
    pub(super) fn prepare(
        &mut self,
        (block, workers, looks_ahead): (&Block, usize, bool),
        scheduler: &mut Scheduler,
    ) {
        self.group(&block.transactions, workers);
        let (units, transactions) = (self.units.count(), block.transactions.len() as u64);
        // In transactions; what they read and write is kept until they are committed.
        let window = (workers as u64).saturating_mul(WINDOW_PER_WORKER).min(LARGEST_WINDOW);
        let window = window * u64::from(units) / transactions.max(1);
        let window = if looks_ahead { (window as u32).min(units).max(1) } else { 1 };
        self.in_flight = (window + LONGEST_BATCH) as usize;
        scheduler.set_workers(workers);
        scheduler.reset(units, self.batches.iter().copied(), window);
        if self.leaves_transfers(workers) {
            for unit in 0..units {
                let range = self.units.transactions(unit);
                let tx = &block.transactions[range.start as usize];
                if range.len() == 1 && only_sends_value(tx) {
                    scheduler.leave(unit);
                }
            }
        }
        self.tell_dependencies(scheduler);
        if looks_ahead {
            self.let_begin_early(workers, scheduler);
        }
    }

    /// Tells the scheduler which units begin early: the longest of those that take a good part of the block's time.
    fn let_begin_early(&mut self, workers: usize, scheduler: &mut Scheduler) {
        let time = Duration::from_nanos(self.weight_of_all() / WEIGHT_PER_NS);
        let least = (time / EARLY_PART).max(LONG);
        let most = match self.foresight {
            Foresight::AllEarly => usize::MAX,
            _ => workers.saturating_mul(MOST_EARLY_PER_WORKER),
        };
        self.long.retain(|(length, _)| *length >= least);
        self.long.sort_unstable_by(|a, b| b.cmp(a));
        let units = self.long.iter().map(|(_, tx)| self.units.of(*tx));
        let alone = units.filter(|unit| self.units.transactions(*unit).len() == 1);
        alone.take(most).for_each(|unit| scheduler.begin_early(unit));
    }

    /// Tells the scheduler after which others units come: the last of them is waited for.
    fn tell_dependencies(&self, scheduler: &mut Scheduler) {
        for unit in 0..self.units.count() {
            let before = &self.before[as_places(self.units.transactions(unit))];
            let units = before.iter().filter(|tx| **tx != NONE).map(|tx| self.units.of(*tx));
            if let Some(on) = units.filter(|on| *on < unit).max() {
                scheduler.depends_on(unit, on);
            }
        }
    }

    /// Chooses which transactions are executed together.
    pub(super) fn set_grouping(&mut self, grouping: Grouping) {
        self.grouping = grouping;
    }

    /// Chooses what is made of what transactions before were like.
    pub(super) fn set_foresight(&mut self, foresight: Foresight) {
        self.foresight = foresight;
    }

    /// Makes units and batches.
    fn group(&mut self, transactions: &[Transaction], workers: usize) {
        self.units.clear();
        self.batches.clear();
        // Reads that take long are waited for one by one in a unit or a batch, and side by side in several.
        let is_alone = self.is_state_slow();
        let share = self.total_weight / (workers as u64 * UNITS_PER_WORKER);
        let heaviest = if is_alone { 0 } else { share.min(HEAVIEST_UNIT) };
        let longest_batch = if is_alone { 1 } else { LONGEST_BATCH };
        // Of single transfers at the end of what is grouped.
        let mut batch = 0;
        let mut rest = transactions;
        while let Some(tx) = rest.first() {
            let count = match self.grouping {
                Grouping::Adaptive if only_sends_value(tx) => 1,
                Grouping::Adaptive => unit_length(rest, heaviest),
                Grouping::Fixed(count) => (count.get() as usize).min(rest.len()) as u32,
            };
            let is_transfer = count == 1 && only_sends_value(tx);
            if batch > 0 && (!is_transfer || batch == longest_batch) {
                self.batches.push(std::mem::take(&mut batch));
            }
            self.units.push(count);
            if is_transfer {
                batch += 1;
            } else {
                self.batches.push(1);
            }
            rest = &rest[count as usize..];
        }
        if batch > 0 {
            self.batches.push(batch);
        }
    }

    /// The units of the block that was prepared.
    pub(super) fn units(&self) -> &Units {
        &self.units
    }

    /// Whether most of the time goes into waiting for the state.
    fn is_state_slow(&self) -> bool {
        self.slowness >= SLOW
    }

    /// Whether transactions that only send value are left to whoever commits. To speculate on one costs more than to execute
    /// it, so that is done only where they are too many for one worker.
    fn leaves_transfers(&self, workers: usize) -> bool {
        let total = self.code_weight() + self.transfer_weight;
        !self.is_state_slow() && self.transfer_weight.saturating_mul(workers as u64) <= total
    }

    /// Most units that are in flight at once.
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
pub(super) fn only_sends_value(tx: &Transaction) -> bool {
    tx.input.is_empty() && matches!(tx.to, TxKind::Call(_)) && tx.gas_limit <= MOST_GAS_OF_TRANSFER
}

/// How many transactions are executed together, from the first one on.
fn unit_length(transactions: &[Transaction], heaviest: u64) -> u32 {
    let mut sum = 0;
    let grouped = transactions.iter().take(LONGEST_UNIT as usize).take_while(|tx| {
        sum += weight(tx);
        sum <= heaviest
    });
    (grouped.count() as u32).max(1)
}

fn as_places(range: Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

#[cfg(test)]
mod tests;
