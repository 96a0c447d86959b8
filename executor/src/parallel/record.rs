//! What is known of a transaction that was executed and is not committed.

use std::time::Instant;

use braid_mv_memory::{Read, WriteSet};

use super::{
    context::{Context, Ending},
    lock,
    sync::{Mutex, MutexGuard},
};

/// The result of a transaction's last execution.
#[derive(Debug)]
pub(super) struct Record<E> {
    /// How it ended; `None` before.
    pub(super) ending: Option<Ending<E>>,
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
    /// The execution, if it waits for another transaction.
    pub(super) parked: Option<Box<Context>>,
    /// When it ended, if that is measured.
    pub(super) ended: Option<Instant>,
}

impl<E> Default for Record<E> {
    fn default() -> Self {
        Self {
            ending: None,
            reads: Vec::new(),
            writes: WriteSet::default(),
            next: WriteSet::default(),
            is_published: false,
            is_final: false,
            is_repeated: false,
            parked: None,
            ended: None,
        }
    }
}

impl<E> Record<E> {
    /// Notes how an execution ended, and when, and whether all below was committed when it began.
    pub(super) fn finish(&mut self, ending: Ending<E>, (ended, is_final): (Option<Instant>, bool)) {
        self.ending = Some(ending);
        self.ended = ended;
        self.is_final = is_final;
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.reads.capacity() * size_of::<Read>()
            + self.writes.allocated_bytes()
            + self.next.allocated_bytes()
    }

    /// Makes it that of the next transaction that gets it, keeping the allocations.
    pub(super) fn clear(&mut self) {
        self.ending = None;
        self.reads.clear();
        self.writes.clear();
        self.next.clear();
        self.is_published = false;
        self.is_final = false;
        self.is_repeated = false;
    }
}

/// The records of the transactions in flight: those from the frontier up to as many as there are records.
#[derive(Debug)]
pub(super) struct Records<E>(Box<[Mutex<Record<E>>]>);

impl<E> Records<E> {
    /// For so many transactions in flight at least.
    pub(super) fn new(in_flight: usize) -> Self {
        let count = in_flight.next_power_of_two();
        Self((0..count).map(|_| Mutex::default()).collect())
    }

    /// The record of a transaction in flight. One thread at a time needs it, but for those that look whether it still holds.
    pub(super) fn lock(&self, tx: u32) -> MutexGuard<'_, Record<E>> {
        let place = tx as usize & (self.0.len() - 1);
        lock(&self.0[place])
    }
}
