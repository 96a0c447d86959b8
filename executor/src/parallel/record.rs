//! What is known of a unit that was executed and is not committed.

use std::time::{Duration, Instant};

use braid_mv_memory::{Read, WriteSet};

use crate::TransactionOutcome;

use super::{
    context::{Context, Ending},
    lock,
    sync::{Mutex, MutexGuard},
};

/// What came of the transactions of a unit, in order.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) outcomes: Vec<TransactionOutcome>,
    /// What each wrote, if there are several and somebody is told.
    pub(super) steps: Vec<WriteSet>,
    /// When each ended, if that is measured.
    pub(super) ended: Vec<Instant>,
    /// How long the execution of the only one took, waiting not counted, if it might take long.
    pub(super) length: Duration,
}

impl Results {
    /// Forgets all, keeping the allocations.
    pub(super) fn clear(&mut self) {
        self.outcomes.clear();
        self.steps.clear();
        self.ended.clear();
        self.length = Duration::ZERO;
    }
}

/// The result of a unit's last execution.
#[derive(Debug)]
pub(super) struct Record<E> {
    /// How it ended; `None` before.
    pub(super) ending: Option<Ending<E>>,
    pub(super) results: Results,
    /// What it read, in order.
    pub(super) reads: Vec<Read>,
    /// What it wrote.
    pub(super) writes: WriteSet,
    /// What it wrote this time, until that takes the place of `writes`; after that what it wrote before.
    pub(super) next: WriteSet,
    /// Whether others can see what it wrote.
    pub(super) is_published: bool,
    /// Whether all below was committed when it began: then nothing has to be validated.
    pub(super) is_final: bool,
    /// Whether it was executed again when it was to be committed, because what it had read was wrong.
    pub(super) is_repeated: bool,
    /// The execution, if it waits for another unit.
    pub(super) parked: Option<Box<Context>>,
}

impl<E> Default for Record<E> {
    fn default() -> Self {
        Self {
            ending: None,
            results: Results::default(),
            reads: Vec::new(),
            writes: WriteSet::default(),
            next: WriteSet::default(),
            is_published: false,
            is_final: false,
            is_repeated: false,
            parked: None,
        }
    }
}

impl<E> Record<E> {
    /// Notes how an execution ended, and whether all below was committed when it began.
    pub(super) fn finish(&mut self, ending: Ending<E>, is_final: bool) {
        self.ending = Some(ending);
        self.is_final = is_final;
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.reads.capacity() * size_of::<Read>()
            + self.writes.allocated_bytes()
            + self.next.allocated_bytes()
            + self.results.outcomes.capacity() * size_of::<TransactionOutcome>()
            + self.results.steps.iter().map(WriteSet::allocated_bytes).sum::<usize>()
    }

    /// Makes it that of the next unit that gets it, keeping the allocations.
    pub(super) fn clear(&mut self) {
        self.ending = None;
        self.results.clear();
        self.reads.clear();
        self.writes.clear();
        self.next.clear();
        self.is_published = false;
        self.is_final = false;
        self.is_repeated = false;
    }
}

/// The records of the units in flight: those from the frontier up to as many as there are records.
#[derive(Debug)]
pub(super) struct Records<E>(Box<[Mutex<Record<E>>]>);

impl<E> Records<E> {
    /// For so many units in flight at least.
    pub(super) fn new(in_flight: usize) -> Self {
        let count = in_flight.next_power_of_two();
        Self((0..count).map(|_| Mutex::default()).collect())
    }

    /// The record of a unit in flight. One thread at a time needs it, but for those that look whether it still holds.
    pub(super) fn lock(&self, unit: u32) -> MutexGuard<'_, Record<E>> {
        let place = unit as usize & (self.0.len() - 1);
        lock(&self.0[place])
    }
}
