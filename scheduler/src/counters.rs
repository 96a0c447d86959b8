//! What is counted for reports.

use crate::{
    progress::Pace,
    sync::{AtomicU64, Ordering},
};

/// What a scheduler has counted since it was reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Transactions committed.
    pub commits: u64,
    /// Of these, the ones that committed with their first execution.
    pub first_commits: u64,
    /// Executions of the committed transactions.
    pub executions: u64,
    /// Executions that were aborted.
    pub aborts: u64,
    /// Executions that the holder of the commit token had to repeat.
    pub head_reexecutions: u64,
    /// How often an execution waited for another transaction.
    pub blocks: u64,
    /// How often a worker went to sleep.
    pub parks: u64,
}

/// Counted by the holder of the commit token, who hands it on with the token: no read-modify-writes.
#[derive(Default)]
pub(crate) struct Ledger {
    first_commits: AtomicU64,
    executions: AtomicU64,
    head_reexecutions: AtomicU64,
    /// A [`Pace`], zero at first.
    pace: AtomicU64,
}

impl Ledger {
    /// Relaxed: like the counters.
    pub(crate) fn pace(&self) -> Pace {
        match self.pace.load(Ordering::Relaxed) {
            0 => Pace::default(),
            bits => Pace::from_bits(bits),
        }
    }

    pub(crate) fn next_window(&self, window: u32, held_up: Option<bool>, most: u32) -> u32 {
        let mut pace = self.pace();
        let window = pace.next_window(window, held_up, most);
        self.pace.store(pace.to_bits(), Ordering::Relaxed);
        window
    }

    pub(crate) fn commit(&self, incarnation: u32) {
        add(&self.executions, u64::from(incarnation) + 1);
        add(&self.first_commits, u64::from(incarnation == 0));
    }

    pub(crate) fn reexecute(&self) {
        add(&self.head_reexecutions, 1);
    }
}

/// Relaxed: there is one writer at a time, and the token's Acquire and Release are between them.
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
}

/// Counted by anybody, where an event costs much more than this. Relaxed: nothing hangs on it.
#[derive(Default)]
pub(crate) struct Events {
    pub(crate) aborts: AtomicU64,
    pub(crate) blocks: AtomicU64,
}

pub(crate) fn collect(frontier: u32, ledger: &Ledger, events: &Events, parks: u32) -> Counters {
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Counters {
        commits: frontier.into(),
        first_commits: read(&ledger.first_commits),
        executions: read(&ledger.executions),
        aborts: read(&events.aborts),
        head_reexecutions: read(&ledger.head_reexecutions),
        blocks: read(&events.blocks),
        parks: parks.into(),
    }
}
