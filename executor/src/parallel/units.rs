//! Which transactions are executed together.
//!
//! Beside others a transaction has to be claimed, validated, published and committed, and each of these takes its time. Small
//! ones that follow each other are therefore a unit: one worker executes them in order on one journal, and what they read and
//! wrote is written down once. For the scheduler and for the multi-version memory a unit is what a transaction would be; what
//! comes out of the block still is said transaction by transaction.

use std::ops::Range;

use braid_mv_memory::Version;

/// The units of a block, by number; each has one transaction at least.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// The first transaction of each unit; after the last, the number of transactions.
    starts: Vec<u32>,
    /// The unit of each transaction.
    of: Vec<u32>,
}

impl Units {
    /// Forgets all, for the next block.
    pub(super) fn clear(&mut self) {
        self.starts.clear();
        self.starts.push(0);
        self.of.clear();
    }

    /// Makes a unit of the next `count` transactions.
    pub(super) fn push(&mut self, count: u32) {
        debug_assert!(count > 0, "a unit has a transaction");
        let unit = self.count();
        self.of.extend((0..count).map(|_| unit));
        self.starts.push(self.of.len() as u32);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    /// The transactions of a unit.
    pub(super) fn transactions(&self, unit: u32) -> Range<u32> {
        let unit = unit as usize;
        self.starts[unit]..self.starts[unit + 1]
    }

    /// The unit of a transaction.
    pub(super) fn of(&self, tx: u32) -> u32 {
        self.of[tx as usize]
    }

    /// The version at which a unit reads.
    pub(super) fn reads_at(&self, unit: u32) -> Version {
        reads_at(&self.transactions(unit))
    }

    /// The version at which all that a unit wrote is shown to others.
    pub(super) fn writes_at(&self, unit: u32) -> Version {
        writes_at(&self.transactions(unit))
    }
}

/// The version at which transactions read that are executed together: what is below the first.
pub(super) fn reads_at(transactions: &Range<u32>) -> Version {
    Version::of_transaction(transactions.start)
}

/// The version of all that they wrote: that of the last.
pub(super) fn writes_at(transactions: &Range<u32>) -> Version {
    Version::of_transaction(transactions.end - 1)
}
