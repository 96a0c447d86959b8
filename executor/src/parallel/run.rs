//! A block under way: what its workers share, and what each does.

use std::{hint::black_box, ops::Range, thread, time::Instant};

use braid_mv_memory::{Change, Read, Version, WriteSet};
use braid_precompiles::Crypto;
use braid_primitives::{StateReader, Transaction};
use braid_scheduler::{Batch, Blocked, Claim, Commit, Scheduler, Task};

use crate::{
    Block, Committed, ExecutionError, Mode, Step, committed::Changes, intrinsic::intrinsic_gas,
    tally::Tally, validate::check_envelope,
};

use super::{
    context::{Context, Ending, Environment},
    contexts::Contexts,
    ends::Ends,
    flight::Flight,
    lock,
    record::{Record, Records},
    sync::{Mutex, MutexGuard},
    transfer::transfer,
};

/// See the module's documentation.
pub(super) struct BlockRun<'a, R: StateReader, C, S> {
    pub(super) block: &'a Block,
    pub(super) environment: Environment<'a, R, C>,
    pub(super) scheduler: &'a Scheduler,
    pub(super) contexts: &'a Contexts,
    pub(super) records: Records<R::Error>,
    pub(super) mode: Mode,
    pub(super) is_measured: bool,
    pub(super) ledger: Mutex<Ledger<R::Error, S>>,
    pub(super) ends: Ends<'a>,
}

/// What the holder of the commit token works on.
pub(super) struct Ledger<E, S> {
    pub(super) tally: Tally,
    /// Why the block ends early.
    pub(super) error: Option<ExecutionError<E>>,
    /// Takes each step; nobody may want them.
    pub(super) sink: Option<S>,
    pub(super) changes: Vec<Change>,
    pub(super) is_beneficiary_read: bool,
    /// What is measured, if anybody wants that.
    pub(super) flight: Option<Flight>,
    /// What a transaction reads and writes that is committed right after.
    pub(super) reads: Vec<Read>,
    pub(super) writes: WriteSet,
}

impl<E, S> Ledger<E, S> {
    /// Notes that a transaction is committed.
    fn note_commit(&mut self, ended: Option<Instant>, bytes: usize) {
        if let (Some(flight), Some(ended)) = (&mut self.flight, ended) {
            flight.commit_latencies.push(ended.elapsed());
            flight.bytes_in_flight.push(bytes);
        }
    }
}

/// What came of a transaction that is to be committed.
struct Found<'r, E> {
    ending: Ending<E>,
    writes: &'r WriteSet,
    /// Whether others can see what it wrote.
    is_published: bool,
}

/// Halts when a panic passes by, before the commit token is free again: whoever took it would find a transaction half
/// committed.
struct HaltsOnPanic<'s>(&'s Scheduler);

impl Drop for HaltsOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.halt();
        }
    }
}

impl<R, C, S> BlockRun<'_, R, C, S>
where
    R: StateReader + Sync,
    C: Crypto,
    S: FnMut(Committed<'_>) + Send,
{
    /// What a worker does until the block is done.
    pub(super) fn work(&self, worker: usize) {
        let mut context = self.contexts.take();
        loop {
            match self.scheduler.next_or_wait(worker) {
                Task::Commit(commit) => self.commit((commit, self.ledger()), &mut context),
                Task::Reexecute(claim) => self.execute(claim, &mut context),
                Task::Execute(batch) => {
                    self.read_ahead(&batch, &mut context);
                    let mut transactions = batch.transactions();
                    while let Some(tx) = transactions.next() {
                        if let Some(commit) = self.scheduler.lead(tx) {
                            self.lead((tx, &mut transactions), commit, &mut context);
                            continue;
                        }
                        if let Some(claim) = self.scheduler.start(tx) {
                            self.execute(claim, &mut context);
                        }
                        // What follows in the batch is then executed on what is final.
                        if let Some(commit) = self.scheduler.try_commit() {
                            self.commit((commit, self.ledger()), &mut context);
                        }
                    }
                }
                Task::Idle => {}
                Task::Finished => break,
            }
        }
        self.contexts.put_back(context);
    }

    /// The time, if it is wanted.
    fn now(&self) -> Option<Instant> {
        self.is_measured.then(Instant::now)
    }

    fn transaction(&self, tx: u32) -> &Transaction {
        &self.block.transactions[tx as usize]
    }

    /// Reads the accounts at both ends of the transactions of a batch, unless somebody did. Reads that are made one right after
    /// the other overlap, which those in the course of transactions do not. What cannot be read now is asked for again when it
    /// is needed.
    fn read_ahead(&self, batch: &Batch, context: &mut Context) {
        if batch.count > 1 {
            self.while_under_way(|| self.read_ends(batch, context));
        }
    }

    fn read_ends(&self, batch: &Batch, context: &mut Context) {
        let Environment { memory, reader, .. } = self.environment;
        context.indices.begin(memory);
        let transactions = batch.transactions().map(|tx| self.transaction(tx));
        let ends = transactions.flat_map(|tx| [Some(tx.sender), tx.to.to().copied()]);
        black_box(ends.clone().flatten().fold(0, |all, end| all ^ memory.fetch_place(&end)));
        let found: Vec<_> = ends
            .flatten()
            .map(|address| (address, memory.find_account(&address)))
            .filter(|(_, found)| !found.is_ok_and(|account| memory.is_known(account)))
            .collect();
        let read: Vec<_> = found.iter().map(|(address, _)| reader.account(*address)).collect();
        for ((address, found), info) in found.into_iter().zip(read) {
            let Ok(info) = info else { continue };
            match found {
                Ok(account) => memory.set_before(account, info.as_ref()),
                Err(absent) => {
                    context.indices.add_account(memory, (&address, absent), info.as_ref());
                }
            }
        }
    }

    /// Executes a transaction, and those that are handed over after it.
    fn execute(&self, claim: Claim, context: &mut Box<Context>) {
        let mut next = Some(claim);
        while let Some(claim) = next {
            next = self.execute_one(claim, context);
        }
    }

    fn execute_one(&self, claim: Claim, context: &mut Box<Context>) -> Option<Claim> {
        let tx = claim.tx();
        // Before anything is read: what is committed now is final for the whole execution.
        let is_final = self.scheduler.frontier() == tx && !claim.resume();
        let (claim, highest_reader) = if !claim.resume() && self.transfer((tx, is_final), context) {
            (claim, self.show(tx, &mut self.records.lock(tx)))
        } else {
            let (claim, ending) = self.run(claim, context)?;
            let mut record = self.records.lock(tx);
            self.take_effects((tx, is_final), ending, (&mut record, context));
            (claim, self.show(tx, &mut record))
        };
        if let Some(highest) = highest_reader.and_then(Version::transaction) {
            self.check_readers(tx, highest);
        }
        self.scheduler.executed(claim).next
    }

    /// Executes a transaction that only sends wei. Says whether it was one.
    fn transfer(&self, (tx, is_final): (u32, bool), context: &mut Context) -> bool {
        context.indices.begin(self.environment.memory);
        let mut record = self.records.lock(tx);
        let Record { reads, next, .. } = &mut *record;
        let step = (self.transaction(tx), Version::of_transaction(tx));
        let outcome =
            transfer(&self.environment, &mut context.indices, step, (&mut *reads, &mut *next));
        outcome.is_some_and(|outcome| {
            record.finish(Ending::Done(outcome), (self.now(), is_final));
            true
        })
    }

    /// Executes a transaction until it ends. `None` if it has to wait for another: it is handed out again then.
    fn run(
        &self,
        mut claim: Claim,
        context: &mut Box<Context>,
    ) -> Option<(Claim, Ending<R::Error>)> {
        let tx = claim.tx();
        let version = Version::of_transaction(tx);
        if claim.resume() {
            self.unpark(tx, context);
        } else {
            context.clear();
        }
        loop {
            let is_final = self.scheduler.frontier() == tx;
            let step = (version, is_final);
            let on = match context.execute(&self.environment, self.transaction(tx), step) {
                Ok(ending) => return Some((claim, ending)),
                Err(on) => on,
            };
            let Some(on) = on.transaction() else {
                unreachable!("what happens outside transactions is final at once");
            };
            let parked = std::mem::replace(context, self.contexts.take());
            self.records.lock(tx).parked = Some(parked);
            match self.scheduler.block(claim, on, true) {
                Blocked::Waiting => return None,
                Blocked::GoOn(same) => {
                    claim = same;
                    self.unpark(tx, context);
                }
            }
        }
    }

    /// Takes up an execution where it stopped.
    fn unpark(&self, tx: u32, context: &mut Box<Context>) {
        let Some(parked) = self.records.lock(tx).parked.take() else {
            unreachable!("the execution of transaction {tx} was kept when it stopped");
        };
        self.contexts.put_back(std::mem::replace(context, parked));
    }

    /// Writes down what came of an execution.
    fn take_effects(
        &self,
        (tx, is_final): (u32, bool),
        ending: Ending<R::Error>,
        (record, context): (&mut Record<R::Error>, &mut Context),
    ) {
        let Environment { memory, beneficiary, .. } = self.environment;
        let Record { reads, next, .. } = &mut *record;
        match &ending {
            Ending::Done(_) => context.take_writes(memory, beneficiary, next),
            Ending::Invalid(_) | Ending::Failed(_) | Ending::Undecided => next.clear(),
        }
        context.take_reads(reads);
        debug_assert!(!is_final || self.scheduler.frontier() == tx);
        record.finish(ending, (self.now(), is_final));
    }

    /// Shows the others what was written, unless it can be committed at once. Returns the highest step that probably read
    /// something that is different now.
    fn show(&self, tx: u32, record: &mut Record<R::Error>) -> Option<Version> {
        let Environment { memory, .. } = self.environment;
        let version = Version::of_transaction(tx);
        std::mem::swap(&mut record.writes, &mut record.next);
        let previous = record.is_published.then_some(&record.next);
        // The frontier's transaction is committed next: showing its writes before would be work for nothing.
        if record.is_final || self.scheduler.frontier() == tx {
            if let Some(previous) = previous {
                memory.withdraw(version, previous);
            }
            record.is_published = false;
            return None;
        }
        let highest = memory.publish(version, &record.writes, previous);
        record.is_published = true;
        highest
    }

    /// Looks whether transactions that were executed above `tx`, up to `highest`, still hold; those that do not are executed
    /// again. What is missed here comes out when they are committed.
    fn check_readers(&self, tx: u32, highest: u32) {
        let Environment { memory, .. } = self.environment;
        for (reader, incarnation) in self.scheduler.executed_above(tx) {
            if reader > highest {
                break;
            }
            let record = self.records.lock(reader);
            let version = Version::of_transaction(reader);
            if record.is_final || memory.holds(version, &record.reads) {
                continue;
            }
            self.scheduler.abort(reader, incarnation, || {
                if record.is_published {
                    memory.mark_estimates(version, &record.writes);
                }
            });
        }
    }

    /// Executes the frontier's transaction, `tx`, and those that follow it, and commits each at once: all that they read is
    /// final. Then commits what others have executed.
    fn lead(
        &self,
        (tx, following): (u32, &mut Range<u32>),
        mut commit: Commit<'_>,
        context: &mut Box<Context>,
    ) {
        let _halts = HaltsOnPanic(self.scheduler);
        let mut ledger = self.ledger();
        let mut next = Some(tx);
        while let Some(tx) = next {
            if !self.lead_one(tx, (&mut commit, &mut ledger), context) {
                return;
            }
            next = if self.scheduler.is_halted() { None } else { following.next() };
        }
        self.commit((commit, ledger), context);
    }

    /// Executes the frontier's transaction and commits it. Says whether the block goes on.
    fn lead_one(
        &self,
        tx: u32,
        (commit, ledger): (&mut Commit<'_>, &mut Ledger<R::Error, S>),
        context: &mut Context,
    ) -> bool {
        let mut reads = std::mem::take(&mut ledger.reads);
        let mut writes = std::mem::take(&mut ledger.writes);
        let ending = self.execute_at_frontier(tx, (&mut reads, &mut writes), context);
        let ended = self.now();
        let found = Found { ending, writes: &writes, is_published: false };
        let goes_on = self.settle(tx, found, ledger);
        ledger.reads = reads;
        ledger.writes = writes;
        if goes_on {
            commit.led(tx);
            ledger.note_commit(ended, 0);
        }
        goes_on
    }

    /// Executes a transaction on what is committed: all below it.
    fn execute_at_frontier(
        &self,
        tx: u32,
        (reads, writes): (&mut Vec<Read>, &mut WriteSet),
        context: &mut Context,
    ) -> Ending<R::Error> {
        context.indices.begin(self.environment.memory);
        let version = Version::of_transaction(tx);
        let step = (self.transaction(tx), version);
        let indices = &mut context.indices;
        if let Some(outcome) = transfer(&self.environment, indices, step, (reads, writes)) {
            return Ending::Done(outcome);
        }
        context.clear();
        let Ok(ending) = context.execute(&self.environment, step.0, (version, true)) else {
            unreachable!("all below transaction {tx} is committed: it waits for nobody");
        };
        reads.clear();
        writes.clear();
        if matches!(ending, Ending::Done(_)) {
            let Environment { memory, beneficiary, .. } = self.environment;
            context.take_writes(memory, beneficiary, writes);
        }
        ending
    }

    /// Commits what can be committed, in order, and executes what was left to it on the way. What does not hold is executed
    /// again at once: now all that it reads is final.
    fn commit(
        &self,
        (mut commit, mut ledger): (Commit<'_>, MutexGuard<'_, Ledger<R::Error, S>>),
        context: &mut Box<Context>,
    ) {
        // Goes before the token, which is an argument.
        let _halts = HaltsOnPanic(self.scheduler);
        loop {
            if let Some(tx) = commit.left() {
                if !self.lead_one(tx, (&mut commit, &mut ledger), context) {
                    return;
                }
                continue;
            }
            let Some(head) = commit.head() else { break };
            let tx = head.tx();
            let mut record = self.records.lock(tx);
            if !record.is_final && !self.holds(&record) {
                drop(record);
                let claim = commit.reexecute(head);
                self.repeat(tx, context);
                // Waiters are woken; nothing is handed over to the holder of the token.
                let _: Option<Claim> = self.scheduler.executed(claim).next;
                continue;
            }
            let Some(ending) = record.ending.take() else {
                unreachable!("transaction {tx} was executed");
            };
            let Record { writes, is_published, .. } = &*record;
            let found = Found { ending, writes, is_published: *is_published };
            if !self.settle(tx, found, &mut ledger) {
                return;
            }
            let held_up = match (record.is_repeated, record.is_final) {
                (true, _) => Some(false),
                (false, true) => None,
                (false, false) => Some(true),
            };
            let (ended, bytes) = (record.ended.take(), record.bytes());
            record.clear();
            drop(record);
            commit.committed(head, held_up);
            ledger.note_commit(ended, bytes);
        }
    }

    /// Whether what was found by speculation is what would be found now. Failures are not taken on trust.
    fn holds(&self, record: &Record<R::Error>) -> bool {
        let is_decided = matches!(record.ending, Some(Ending::Done(_) | Ending::Invalid(_)));
        is_decided && self.environment.memory.holds_committed(&record.reads)
    }

    /// Executes the frontier's transaction again.
    fn repeat(&self, tx: u32, context: &mut Context) {
        let version = Version::of_transaction(tx);
        let (mut reads, mut writes) = {
            let mut record = self.records.lock(tx);
            record.is_repeated = true;
            if record.is_published {
                self.environment.memory.mark_estimates(version, &record.writes);
            }
            (std::mem::take(&mut record.reads), std::mem::take(&mut record.next))
        };
        let ending = self.execute_at_frontier(tx, (&mut reads, &mut writes), context);
        let mut record = self.records.lock(tx);
        (record.reads, record.next) = (reads, writes);
        record.finish(ending, (self.now(), true));
        self.show(tx, &mut record);
    }

    /// Decides about the frontier's transaction, whose execution holds. Says whether the block goes on.
    fn settle(
        &self,
        tx: u32,
        found: Found<'_, R::Error>,
        ledger: &mut Ledger<R::Error, S>,
    ) -> bool {
        match self.try_settle(tx, found, ledger) {
            Ok(()) => true,
            Err(error) => {
                ledger.error = Some(error);
                self.scheduler.halt();
                false
            }
        }
    }

    fn try_settle(
        &self,
        tx: u32,
        Found { ending, writes, is_published }: Found<'_, R::Error>,
        ledger: &mut Ledger<R::Error, S>,
    ) -> Result<(), ExecutionError<R::Error>> {
        let transaction = self.transaction(tx);
        let Environment { memory, block, .. } = self.environment;
        let version = Version::of_transaction(tx);
        // It was executed as if the block had nothing used up.
        let mut verdict = Ok(());
        if !ledger.tally.has_room_for(transaction) {
            let limits = &ledger.tally.limits;
            let gas = intrinsic_gas(transaction, limits.fork);
            verdict = check_envelope(transaction, block, limits, gas);
        }
        match (verdict, ending) {
            (Err(error), _) | (Ok(()), Ending::Invalid(error)) => {
                if is_published {
                    memory.withdraw(version, writes);
                }
                let Ledger { tally, sink, .. } = ledger;
                let mut on_commit = |step: Committed<'_>| {
                    if let Some(sink) = sink {
                        sink(step);
                    }
                };
                tally.leave_out((tx as usize, error), self.mode, &mut on_commit)?;
                Ok(())
            }
            // A transaction for which there is no room reads nothing, so that it cannot fail to.
            (Ok(()), Ending::Failed(error)) => Err(ExecutionError::State(error)),
            (Ok(()), Ending::Undecided) => {
                unreachable!("all below transaction {tx} is committed: that decides everything")
            }
            (Ok(()), Ending::Done(outcome)) => {
                if writes.credit.is_some() {
                    self.read_beneficiary(ledger)?;
                }
                ledger.changes.clear();
                let Ledger { tally, sink, changes, .. } = ledger;
                match sink {
                    Some(sink) => {
                        memory.commit(version, writes, |change| changes.push(change));
                        let step = Step::Transaction { index: tx as usize, outcome: &outcome };
                        sink(Committed { step, changes: Changes::Memory(memory, changes) });
                    }
                    None => memory.commit(version, writes, |_| {}),
                }
                tally.add(transaction, outcome);
                Ok(())
            }
        }
    }

    /// The beneficiary is credited unseen; at the latest now somebody has to have looked.
    fn read_beneficiary(
        &self,
        ledger: &mut Ledger<R::Error, S>,
    ) -> Result<(), ExecutionError<R::Error>> {
        if !ledger.is_beneficiary_read {
            let Environment { memory, reader, beneficiary, .. } = self.environment;
            memory
                .know_account(beneficiary, |address| reader.account(address))
                .map_err(ExecutionError::State)?;
            ledger.is_beneficiary_read = true;
        }
        Ok(())
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger<R::Error, S>> {
        lock(&self.ledger)
    }
}
