//! A mock of a multi-version memory, and executions on it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use crate::program::{Operation, Program, first_accumulator, mixed};

#[derive(Clone, Copy)]
struct Version {
    value: u64,
    is_estimate: bool,
}

/// What a read finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Value(u64),
    /// The transaction whose write has been taken back.
    Estimate(u32),
}

/// What an execution has left: needed to validate it, and to take it back.
struct Outcome {
    incarnation: u32,
    reads: Vec<(usize, u64)>,
    writes: BTreeMap<usize, u64>,
}

/// Cells with a version for each transaction that wrote them, and what the executor keeps for each transaction.
pub(crate) struct Memory {
    cells: Vec<Mutex<BTreeMap<u32, Version>>>,
    outcomes: Vec<Mutex<Option<Outcome>>>,
    /// Executions that are suspended.
    kept: Vec<Mutex<Option<Execution>>>,
}

impl Memory {
    pub(crate) fn new(cells: usize, transactions: u32) -> Self {
        Self {
            cells: (0..cells).map(|_| Mutex::default()).collect(),
            outcomes: (0..transactions).map(|_| Mutex::default()).collect(),
            kept: (0..transactions).map(|_| Mutex::default()).collect(),
        }
    }

    fn outcome(&self, tx: u32) -> MutexGuard<'_, Option<Outcome>> {
        self.outcomes[tx as usize].lock().unwrap()
    }

    /// What the transaction finds in the cell: what the nearest lower one has written.
    fn read(&self, cell: usize, tx: u32) -> Read {
        let versions = self.cells[cell].lock().unwrap();
        match versions.range(..tx).next_back() {
            None => Read::Value(0),
            Some((writer, version)) if version.is_estimate => Read::Estimate(*writer),
            Some((_, version)) => Read::Value(version.value),
        }
    }

    pub(crate) fn keep(&self, execution: Execution) {
        let tx = execution.tx;
        let before = self.kept[tx as usize].lock().unwrap().replace(execution);
        assert!(before.is_none(), "two suspended executions of {tx}");
    }

    pub(crate) fn take_kept(&self, tx: u32) -> Execution {
        self.kept[tx as usize].lock().unwrap().take().unwrap()
    }

    /// If the outcome of this incarnation would be the same now. Estimates count as changed if `strict`.
    pub(crate) fn is_valid(&self, tx: u32, incarnation: u32, strict: bool) -> bool {
        let outcome = self.outcome(tx);
        let Some(outcome) = outcome.as_ref().filter(|o| o.incarnation == incarnation) else {
            // Another incarnation is there already: nothing to say about this one.
            return true;
        };
        outcome.reads.iter().all(|(cell, value)| match self.read(*cell, tx) {
            Read::Value(now) => now == *value,
            Read::Estimate(_) => !strict,
        })
    }

    /// All lower transactions are committed: their values are final, and there is no estimate.
    pub(crate) fn is_valid_at_head(&self, tx: u32, incarnation: u32) -> bool {
        let outcome = self.outcome(tx);
        let outcome = outcome.as_ref().unwrap();
        assert_eq!(outcome.incarnation, incarnation, "outcome of the head {tx}");
        outcome.reads.iter().all(|(cell, value)| match self.read(*cell, tx) {
            Read::Value(now) => now == *value,
            Read::Estimate(writer) => panic!("head {tx} finds an estimate of {writer}"),
        })
    }

    /// Takes the writes of an executed incarnation back.
    pub(crate) fn mark_estimates(&self, tx: u32, incarnation: u32) {
        let outcome = self.outcome(tx);
        let outcome = outcome.as_ref().unwrap();
        assert_eq!(outcome.incarnation, incarnation, "outcome of {tx}, which is aborted");
        for cell in outcome.writes.keys() {
            let mut versions = self.cells[*cell].lock().unwrap();
            versions.get_mut(&tx).unwrap().is_estimate = true;
        }
    }

    pub(crate) fn last_values(&self) -> Vec<u64> {
        let last = |cell: &Mutex<BTreeMap<u32, Version>>| {
            let versions = cell.lock().unwrap();
            versions.last_key_value().map_or(0, |(writer, version)| {
                assert!(!version.is_estimate, "an estimate of {writer} is left");
                version.value
            })
        };
        self.cells.iter().map(last).collect()
    }
}

/// What one step of an execution came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Ran,
    /// It needs what this transaction has taken back. The step can be repeated.
    Met(u32),
    Ended,
}

/// A transaction in flight.
#[derive(Debug)]
pub(crate) struct Execution {
    tx: u32,
    position: usize,
    accumulator: u64,
    reads: Vec<(usize, u64)>,
    writes: BTreeMap<usize, u64>,
}

impl Execution {
    pub(crate) fn new(tx: u32) -> Self {
        let accumulator = first_accumulator(tx);
        Self { tx, position: 0, accumulator, reads: Vec::new(), writes: BTreeMap::new() }
    }

    pub(crate) fn step(&mut self, program: &Program, memory: &Memory) -> Step {
        let Some(operation) = program.get(self.position) else { return Step::Ended };
        match operation {
            Operation::Read(cell) => {
                let cell = cell.index(self.accumulator);
                let value = match self.writes.get(&cell) {
                    Some(own) => *own,
                    None => match memory.read(cell, self.tx) {
                        Read::Estimate(writer) => return Step::Met(writer),
                        Read::Value(value) => {
                            self.reads.push((cell, value));
                            value
                        }
                    },
                };
                self.accumulator = mixed(self.accumulator, value);
            }
            Operation::Write(cell) => {
                let value = mixed(self.accumulator, self.position as u64);
                self.writes.insert(cell.index(self.accumulator), value);
            }
            Operation::MayEnd if self.accumulator.is_multiple_of(2) => return Step::Ended,
            Operation::MayEnd => {}
        }
        self.position += 1;
        Step::Ran
    }

    /// Publishes the next of its writes that is not yet in the memory; false if there is none.
    pub(crate) fn publish_one(&self, memory: &Memory) -> bool {
        self.writes.iter().any(|(cell, value)| {
            let mut versions = memory.cells[*cell].lock().unwrap();
            let before = versions.insert(self.tx, Version { value: *value, is_estimate: false });
            before.is_none_or(|before| before.is_estimate || before.value != *value)
        })
    }

    /// Publishes all writes, removes those of an earlier incarnation that it did not repeat, and leaves the outcome.
    pub(crate) fn publish(self, incarnation: u32, memory: &Memory) {
        while self.publish_one(memory) {}
        let mut outcome = memory.outcome(self.tx);
        let before = outcome.take();
        assert!(before.as_ref().is_none_or(|before| before.incarnation < incarnation));
        for cell in before.iter().flat_map(|before| before.writes.keys()) {
            if !self.writes.contains_key(cell) {
                memory.cells[*cell].lock().unwrap().remove(&self.tx);
            }
        }
        *outcome = Some(Outcome { incarnation, reads: self.reads, writes: self.writes });
    }
}
