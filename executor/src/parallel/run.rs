//! A block under way: what its workers share, and what each does.

use std::{hint::black_box, ops::Range};

use braid_mv_memory::Version;
use braid_precompiles::Crypto;
use braid_primitives::{StateReader, Transaction};
use braid_scheduler::{Batch, Blocked, Claim, Scheduler, Task};

use crate::{Block, Committed, Mode, SequentialExecutor};

use super::{
    both_ends,
    context::{Context, Ending, Environment},
    contexts::Contexts,
    ends::Ends,
    lock,
    record::{Record, Records},
    settle::Ledger,
    sync::{Mutex, MutexGuard},
    transfer::transfer,
    units::Units,
};

/// See the module's documentation.
pub(super) struct BlockRun<'a, R: StateReader, C, S> {
    pub(super) block: &'a Block,
    pub(super) environment: Environment<'a, R, C>,
    /// What the scheduler takes for transactions.
    pub(super) units: &'a Units,
    pub(super) scheduler: &'a Scheduler,
    pub(super) contexts: &'a Contexts,
    pub(super) records: Records<R::Error>,
    pub(super) mode: Mode,
    /// After so many failed tries to look ahead the rest is executed on one thread.
    pub(super) most_tries: u32,
    /// Who does that.
    pub(super) sequential: Mutex<&'a mut SequentialExecutor<C>>,
    pub(super) ledger: Mutex<Ledger<R::Error, S>>,
    pub(super) ends: Ends<'a>,
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
                    let mut units = batch.transactions();
                    while let Some(unit) = units.next() {
                        if let Some(commit) = self.scheduler.lead(unit) {
                            self.lead((unit, &mut units), commit, &mut context);
                            continue;
                        }
                        if let Some(claim) = self.scheduler.start(unit) {
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

    pub(super) fn transactions(&self, range: Range<u32>) -> &[Transaction] {
        &self.block.transactions[range.start as usize..range.end as usize]
    }

    /// Reads the accounts at both ends of the transactions of a batch, unless somebody did. Reads that are made one right after
    /// the other overlap, which those in the course of transactions do not. What cannot be read now is asked for again when it
    /// is needed.
    fn read_ahead(&self, batch: &Batch, context: &mut Context) {
        let units = batch.transactions();
        let first = self.units.transactions(units.start).start;
        let transactions = self.transactions(first..self.units.transactions(units.end - 1).end);
        if transactions.len() > 1 {
            self.while_under_way(|| self.read_ends(transactions, context));
        }
    }

    fn read_ends(&self, transactions: &[Transaction], context: &mut Context) {
        let Environment { memory, reader, .. } = self.environment;
        context.indices.begin(memory);
        let ends = transactions.iter().flat_map(both_ends);
        black_box(ends.clone().fold(0, |all, end| all ^ memory.fetch_place(&end)));
        let found: Vec<_> = ends
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

    /// Executes a unit, and those that are handed over after it.
    fn execute(&self, claim: Claim, context: &mut Box<Context>) {
        let mut next = Some(claim);
        while let Some(claim) = next {
            next = self.execute_one(claim, context);
        }
    }

    fn execute_one(&self, claim: Claim, context: &mut Box<Context>) -> Option<Claim> {
        let unit = claim.tx();
        // Before anything is read: what is committed now is final for the whole execution.
        let is_final = self.scheduler.frontier() == unit && !claim.resume();
        let (claim, highest_reader) = if !claim.resume() && self.transfer((unit, is_final), context)
        {
            (claim, self.show(unit, &mut self.records.lock(unit)))
        } else {
            let (claim, ending) = self.run(claim, context)?;
            let mut record = self.records.lock(unit);
            self.take_effects((unit, is_final), ending, (&mut record, context));
            (claim, self.show(unit, &mut record))
        };
        if let Some(highest) = highest_reader.and_then(Version::transaction) {
            self.check_readers(unit, self.units.of(highest));
        }
        self.scheduler.executed(claim).next
    }

    /// Executes a transaction that only sends wei. Says whether the unit was one.
    fn transfer(&self, (unit, is_final): (u32, bool), context: &mut Context) -> bool {
        let [tx] = self.transactions(self.units.transactions(unit)) else { return false };
        context.indices.begin(self.environment.memory);
        let mut record = self.records.lock(unit);
        let Record { reads, next, .. } = &mut *record;
        let step = (tx, self.units.reads_at(unit));
        let outcome =
            transfer(&self.environment, &mut context.indices, step, (&mut *reads, &mut *next));
        outcome.is_some_and(|outcome| {
            record.results.clear();
            record.results.outcomes.push(outcome);
            record.results.ended.extend(self.environment.now());
            record.finish(Ending::Done, is_final);
            true
        })
    }

    /// Executes a unit until it ends. `None` if it has to wait for another: it is handed out again then.
    fn run(
        &self,
        mut claim: Claim,
        context: &mut Box<Context>,
    ) -> Option<(Claim, Ending<R::Error>)> {
        let unit = claim.tx();
        let transactions = self.transactions(self.units.transactions(unit));
        if claim.resume() {
            self.unpark(unit, context);
        } else {
            context.clear();
        }
        loop {
            let is_final = self.scheduler.frontier() == unit;
            let step = (self.units.reads_at(unit), is_final);
            let on = match context.execute(&self.environment, transactions, step) {
                Ok(ending) => return Some((claim, ending)),
                Err(on) => on,
            };
            let Some(on) = on.transaction() else {
                unreachable!("what happens outside transactions is final at once");
            };
            let parked = std::mem::replace(context, self.contexts.take());
            self.records.lock(unit).parked = Some(parked);
            match self.scheduler.block(claim, self.units.of(on), true) {
                Blocked::Waiting => return None,
                Blocked::GoOn(same) => {
                    claim = same;
                    self.unpark(unit, context);
                }
            }
        }
    }

    /// Takes up an execution where it stopped.
    fn unpark(&self, unit: u32, context: &mut Box<Context>) {
        let Some(parked) = self.records.lock(unit).parked.take() else {
            unreachable!("the execution of unit {unit} was kept when it stopped");
        };
        self.contexts.put_back(std::mem::replace(context, parked));
    }

    /// Writes down what came of an execution.
    fn take_effects(
        &self,
        (unit, is_final): (u32, bool),
        ending: Ending<R::Error>,
        (record, context): (&mut Record<R::Error>, &mut Context),
    ) {
        let Environment { memory, beneficiary, .. } = self.environment;
        let Record { reads, next, results, .. } = &mut *record;
        match &ending {
            Ending::Done => context.take_writes(memory, beneficiary, next),
            Ending::Invalid(_) | Ending::Failed(_) | Ending::Undecided | Ending::Apart => {
                next.clear();
            }
        }
        std::mem::swap(results, &mut context.results);
        context.take_reads(reads);
        debug_assert!(!is_final || self.scheduler.frontier() == unit);
        record.finish(ending, is_final);
    }

    /// Shows the others what was written, unless it can be committed at once. Returns the highest step that probably read
    /// something that is different now.
    pub(super) fn show(&self, unit: u32, record: &mut Record<R::Error>) -> Option<Version> {
        let Environment { memory, .. } = self.environment;
        let version = self.units.writes_at(unit);
        std::mem::swap(&mut record.writes, &mut record.next);
        let previous = record.is_published.then_some(&record.next);
        // The frontier's unit is committed next: showing its writes before would be work for nothing.
        if record.is_final || self.scheduler.frontier() == unit {
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

    /// Looks whether units that were executed above `unit`, up to `highest`, still hold; those that do not are executed again.
    /// What is missed here comes out when they are committed.
    fn check_readers(&self, unit: u32, highest: u32) {
        let Environment { memory, .. } = self.environment;
        for (reader, incarnation) in self.scheduler.executed_above(unit, highest) {
            let record = self.records.lock(reader);
            if record.is_final || memory.holds(self.units.reads_at(reader), &record.reads) {
                continue;
            }
            self.scheduler.abort(reader, incarnation, || {
                if record.is_published {
                    memory.mark_estimates(self.units.writes_at(reader), &record.writes);
                }
            });
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger<R::Error, S>> {
        lock(&self.ledger)
    }
}
