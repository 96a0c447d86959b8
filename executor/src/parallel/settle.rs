//! The commit of a block under way: what only the holder of the commit token does.

use std::{
    ops::Range,
    thread,
    time::{Duration, Instant},
};

use braid_interpreter::NoInspector;
use braid_mv_memory::{Change, MvMemory, Read, Version, WriteSet};
use braid_precompiles::Crypto;
use braid_primitives::StateReader;
use braid_scheduler::{Claim, Commit, Scheduler};

use crate::{
    Committed, ExecutionError, Step, committed::Changes, intrinsic::intrinsic_gas, tally::Tally,
    validate::check_envelope,
};

use super::{
    context::{Context, Ending, Environment},
    flight::Flight,
    habits::{Course, Run},
    lock,
    record::{Record, Results},
    rest::{Rest, goes_on_as_before, take_over},
    run::BlockRun,
    sync::MutexGuard,
    transfer::transfer,
    units::{reads_at, writes_at},
};

/// About how many transactions are executed in one go where each depends on the one before.
const LONGEST_STRETCH: u32 = 32;

/// About how many transactions are committed from one look whether the rest is serial to the next.
const TRANSACTIONS_BETWEEN_LOOKS: u32 = 64;

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
    /// What a unit reads and writes that is committed right after, and what comes of it.
    pub(super) reads: Vec<Read>,
    pub(super) writes: WriteSet,
    pub(super) results: Results,
    /// What is to be learned from.
    pub(super) course: Course,
    /// After the last transaction whose speculation failed.
    pub(super) failed_end: u32,
    /// From this transaction on it is worth to look whether the rest of the block is serial.
    pub(super) next_look: u32,
    /// What came of the rest of the block, if that was executed as such.
    pub(super) rest: Option<Rest>,
}

impl<E, S: FnMut(Committed<'_>)> Ledger<E, S> {
    /// Notes that the transactions are committed that ended then; each waited in so many bytes.
    fn note_commits(&mut self, ended: &[Instant], bytes: usize) {
        if let Some(flight) = &mut self.flight {
            flight.commit_latencies.extend(ended.iter().map(Instant::elapsed));
            flight.bytes_in_flight.extend(ended.iter().map(|_| bytes));
        }
    }

    /// Commits what a step wrote, and tells whoever wants to know.
    pub(super) fn commit(
        &mut self,
        memory: &MvMemory,
        (version, writes): (Version, &WriteSet),
        step: Step<'_>,
    ) {
        let Self { sink: Some(sink), changes, .. } = self else {
            return memory.commit(version, writes, |_| {});
        };
        changes.clear();
        memory.commit(version, writes, |change| changes.push(change));
        sink(Committed { step, changes: Changes::Memory(memory, changes) });
    }
}

/// What came of a unit that is to be committed.
struct Found<'r, E> {
    ending: Ending<E>,
    results: &'r mut Results,
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
    /// Executes the frontier's unit and those that follow it, and commits each at once: all that they read is final. Then
    /// commits what others have executed.
    pub(super) fn lead(
        &self,
        (unit, following): (u32, &mut Range<u32>),
        mut commit: Commit<'_>,
        context: &mut Context,
    ) {
        let _halts = HaltsOnPanic(self.scheduler);
        let mut ledger = self.ledger();
        let mut next = Some(unit);
        while let Some(unit) = next {
            if !self.lead_one(unit, (&mut commit, &mut ledger), context) {
                return;
            }
            next = if self.scheduler.is_halted() { None } else { following.next() };
        }
        self.commit((commit, ledger), context);
    }

    /// Executes what comes next, as far as nobody looks ahead, and commits it. `None` if others see to it; otherwise whether
    /// the block goes on.
    ///
    /// One unit after the other depends on the one before there, so that they are executed as one.
    fn lead_alone(
        &self,
        (commit, ledger): (&mut Commit<'_>, &mut Ledger<R::Error, S>),
        context: &mut Context,
    ) -> Option<bool> {
        let units = commit.claim_alone(self.scheduler.frontier())?.transactions();
        let (first, mut end) = (units.start, units.end);
        let start = self.units.transactions(first).start;
        let last = |end: u32| self.units.transactions(end - 1).end;
        // What begins early may be in anybody's hands, or executed, and is long: to throw that away would cost more than what
        // the rest would gain by ending as one. So the block goes on beside it, one stretch after the other.
        let is_rest = commit.failed_tries() >= self.most_tries
            && self.scheduler.early_end() <= first
            && self.is_serial_from(start, ledger);
        while (is_rest || last(end) - start < LONGEST_STRETCH)
            && let Some(more) = commit.claim_alone(end)
        {
            end = more.transactions().end;
        }
        let goes_on = if is_rest && end == self.units.count() {
            self.execute_rest(start, ledger)
        } else {
            self.take_turn(start..last(end), ledger, context)
        };
        if goes_on {
            (first..end).for_each(|unit| commit.led(unit));
        }
        Some(goes_on)
    }

    /// Whether what is left of the block from `tx` on, after speculation has failed again and again, is probably like that on
    /// which it failed last. Looks once in a while only.
    fn is_serial_from(&self, tx: u32, ledger: &mut Ledger<R::Error, S>) -> bool {
        if tx < ledger.next_look {
            return false;
        }
        ledger.next_look = tx + TRANSACTIONS_BETWEEN_LOOKS;
        let transactions = &self.block.transactions;
        let (failed, rest) =
            (&transactions[..ledger.failed_end as usize], &transactions[tx as usize..]);
        // Who looks ahead not at all goes on so in any case.
        self.most_tries == 0 || goes_on_as_before(failed, rest)
    }

    /// Executes all transactions from this one on, and the end of the block. Says whether the block goes on.
    fn execute_rest(&self, from: u32, ledger: &mut Ledger<R::Error, S>) -> bool {
        // A worker may still be reading the accounts of transactions that were left to this one, and that it has committed.
        if !self.end_reading_ahead() {
            return false;
        }
        let Environment { memory, reader, .. } = self.environment;
        let Ledger { tally, sink, flight, .. } = ledger;
        let mut on_commit = |step: Committed<'_>| {
            if let (Some(flight), Some(_)) = (&mut *flight, step.transaction()) {
                flight.commit_latencies.push(Duration::ZERO);
                flight.bytes_in_flight.push(0);
            }
            if let Some(sink) = sink {
                sink(step);
            }
        };
        let rest = (self.block, from as usize);
        let mut executor = lock(&self.sequential);
        let executed = executor.execute_from(
            rest,
            reader,
            |rules, _| {
                take_over(memory, rules.state);
                Ok(())
            },
            &mut NoInspector,
            tally,
            &mut on_commit,
        );
        match executed {
            Ok((requests, state)) => {
                ledger.rest = Some(Rest { requests, state });
                ledger.course.note_led(from..self.block.transactions.len() as u32);
                true
            }
            Err(error) => self.fail(error, ledger),
        }
    }

    /// Executes the frontier's unit and commits it. Says whether the block goes on.
    fn lead_one(
        &self,
        unit: u32,
        (commit, ledger): (&mut Commit<'_>, &mut Ledger<R::Error, S>),
        context: &mut Context,
    ) -> bool {
        let goes_on = self.take_turn(self.units.transactions(unit), ledger, context);
        if goes_on {
            commit.led(unit);
        }
        goes_on
    }

    /// Executes these transactions, whose turn it is, and commits what they did. Says whether the block goes on.
    fn take_turn(
        &self,
        transactions: Range<u32>,
        ledger: &mut Ledger<R::Error, S>,
        context: &mut Context,
    ) -> bool {
        // A block that is full is not worth executing anything for; what comes after may still fit.
        let first = &self.block.transactions[transactions.start as usize];
        let is_full = first.gas_limit > ledger.tally.limits.available_gas;
        if is_full && transactions.len() > 1 {
            return self.take_turns(transactions, ledger, context);
        }
        let mut reads = std::mem::take(&mut ledger.reads);
        let mut writes = std::mem::take(&mut ledger.writes);
        let mut results = std::mem::take(&mut ledger.results);
        results.clear();
        let effects = (&mut reads, &mut writes, &mut results);
        let ending = if is_full {
            // It is left out whatever it would do.
            Ending::Undecided
        } else {
            self.execute_at_frontier(transactions.clone(), effects, context)
        };
        // If they have to be taken one by one, these lists are needed once more.
        (ledger.reads, ledger.writes) = (reads, WriteSet::default());
        let found = Found { ending, results: &mut results, writes: &writes, is_published: false };
        let (tx, led) = (transactions.start, transactions.clone());
        let goes_on = self.settle(transactions, found, ledger, context);
        if goes_on {
            ledger.note_commits(&results.ended, 0);
        }
        let length = results.length;
        ledger.course.note(Run { tx, length, was_repeated: false, began_early: false });
        ledger.course.note_led(led);
        ledger.writes = writes;
        ledger.results = results;
        goes_on
    }

    /// Executes transactions on what is committed: all below them.
    fn execute_at_frontier(
        &self,
        transactions: Range<u32>,
        (reads, writes, results): (&mut Vec<Read>, &mut WriteSet, &mut Results),
        context: &mut Context,
    ) -> Ending<R::Error> {
        context.indices.begin(self.environment.memory);
        let version = reads_at(&transactions);
        let unit = self.transactions(transactions);
        if let [tx] = unit {
            let (step, indices) = ((tx, version), &mut context.indices);
            if let Some(outcome) = transfer(&self.environment, indices, step, (reads, writes)) {
                results.outcomes.push(outcome);
                results.ended.extend(self.environment.now());
                return Ending::Done;
            }
        }
        context.clear();
        let Ok(ending) = context.execute(&self.environment, unit, (version, true)) else {
            unreachable!("all below transaction {version:?} is committed: it waits for nobody");
        };
        reads.clear();
        writes.clear();
        if matches!(ending, Ending::Done) {
            let Environment { memory, beneficiary, .. } = self.environment;
            context.take_writes(memory, beneficiary, writes);
        }
        std::mem::swap(results, &mut context.results);
        ending
    }

    /// Commits what can be committed, in order, and executes what was left to it on the way. What does not hold is executed
    /// again at once: now all that it reads is final.
    pub(super) fn commit(
        &self,
        (mut commit, mut ledger): (Commit<'_>, MutexGuard<'_, Ledger<R::Error, S>>),
        context: &mut Context,
    ) {
        // Goes before the token, which is an argument.
        let _halts = HaltsOnPanic(self.scheduler);
        loop {
            if let Some(unit) = commit.left() {
                if !self.lead_one(unit, (&mut commit, &mut ledger), context) {
                    return;
                }
                continue;
            }
            let Some(head) = commit.head() else {
                match self.lead_alone((&mut commit, &mut ledger), context) {
                    Some(true) => continue,
                    Some(false) => return,
                    None => break,
                }
            };
            let unit = head.tx();
            let mut record = self.records.lock(unit);
            if !record.is_final && !self.holds(&record) {
                drop(record);
                ledger.failed_end = self.units.transactions(unit).end;
                let claim = commit.reexecute(head);
                self.repeat(unit, context);
                // Waiters are woken; nothing is handed over to the holder of the token.
                let _: Option<Claim> = self.scheduler.executed(claim).next;
                continue;
            }
            let Some(ending) = record.ending.take() else {
                unreachable!("unit {unit} was executed");
            };
            let transactions = self.units.transactions(unit);
            let bytes = if ledger.flight.is_some() { record.bytes() } else { 0 };
            let Record { writes, results, is_published, .. } = &mut *record;
            let found = Found { ending, results, writes, is_published: *is_published };
            if !self.settle(transactions.clone(), found, &mut ledger, context) {
                return;
            }
            let held_up = match (record.is_repeated, record.is_final) {
                (true, _) => Some(false),
                (false, true) => None,
                (false, false) => Some(true),
            };
            ledger.note_commits(&record.results.ended, bytes / transactions.len());
            if held_up.is_none() && head.incarnation() == 0 {
                ledger.course.note_led(transactions.clone());
            }
            if transactions.len() == 1 {
                ledger.course.note(Run {
                    tx: transactions.start,
                    length: record.results.length,
                    was_repeated: head.incarnation() > 0,
                    began_early: self.scheduler.begins_early(unit),
                });
            }
            record.clear();
            drop(record);
            commit.committed(head, held_up);
        }
    }

    /// Whether what was found by speculation is what would be found now. Failures are not taken on trust.
    fn holds(&self, record: &Record<R::Error>) -> bool {
        let is_decided = matches!(record.ending, Some(Ending::Done | Ending::Invalid(_)));
        is_decided && self.environment.memory.holds_committed(&record.reads)
    }

    /// Executes the frontier's unit again.
    fn repeat(&self, unit: u32, context: &mut Context) {
        let (mut reads, mut writes, mut results) = {
            let mut record = self.records.lock(unit);
            record.is_repeated = true;
            if record.is_published {
                let version = self.units.writes_at(unit);
                self.environment.memory.mark_estimates(version, &record.writes);
            }
            record.results.clear();
            let Record { reads, next, results, .. } = &mut *record;
            (std::mem::take(reads), std::mem::take(next), std::mem::take(results))
        };
        let effects = (&mut reads, &mut writes, &mut results);
        let ending = self.execute_at_frontier(self.units.transactions(unit), effects, context);
        let mut record = self.records.lock(unit);
        (record.reads, record.next, record.results) = (reads, writes, results);
        record.finish(ending, true);
        self.show(unit, &mut record);
    }

    /// Decides about the transactions whose turn it is, and whose execution holds. Says whether the block goes on.
    fn settle(
        &self,
        transactions: Range<u32>,
        found: Found<'_, R::Error>,
        ledger: &mut Ledger<R::Error, S>,
        context: &mut Context,
    ) -> bool {
        let settled = match transactions.len() {
            1 => self.settle_one(transactions.start, found, ledger),
            _ if self.is_together(&transactions, &found, ledger) => {
                self.settle_together(transactions, found, ledger)
            }
            _ => return self.settle_apart(transactions, found, ledger, context),
        };
        match settled {
            Ok(()) => true,
            Err(error) => self.fail(error, ledger),
        }
    }

    /// Whether all transactions of a unit were executed, and the block has room for all.
    fn is_together(
        &self,
        transactions: &Range<u32>,
        found: &Found<'_, R::Error>,
        ledger: &Ledger<R::Error, S>,
    ) -> bool {
        let transactions = self.transactions(transactions.clone());
        matches!(found.ending, Ending::Done)
            && ledger.tally.has_room_for_all(transactions.iter().zip(&found.results.outcomes))
    }

    /// Executes the transactions of a unit once more, and commits each before the next.
    fn settle_apart(
        &self,
        transactions: Range<u32>,
        found: Found<'_, R::Error>,
        ledger: &mut Ledger<R::Error, S>,
        context: &mut Context,
    ) -> bool {
        if found.is_published {
            let version = writes_at(&transactions);
            self.environment.memory.withdraw(version, found.writes);
        }
        // When they ended then does not count.
        found.results.clear();
        self.take_turns(transactions, ledger, context)
    }

    /// Executes these transactions, whose turn it is, one by one, and commits each before the next.
    fn take_turns(
        &self,
        transactions: Range<u32>,
        ledger: &mut Ledger<R::Error, S>,
        context: &mut Context,
    ) -> bool {
        transactions.into_iter().all(|tx| self.take_turn(tx..tx + 1, ledger, context))
    }

    fn settle_together(
        &self,
        transactions: Range<u32>,
        Found { results, writes, is_published, .. }: Found<'_, R::Error>,
        ledger: &mut Ledger<R::Error, S>,
    ) -> Result<(), ExecutionError<R::Error>> {
        let memory = self.environment.memory;
        let version = writes_at(&transactions);
        if writes.credit.is_some() {
            self.read_beneficiary(ledger)?;
        }
        if ledger.sink.is_some() {
            if is_published {
                memory.withdraw(version, writes);
            }
            let steps = results.outcomes.iter().zip(&results.steps);
            for (tx, (outcome, writes)) in transactions.clone().zip(steps) {
                let step = Step::Transaction { index: tx as usize, outcome };
                ledger.commit(memory, (Version::of_transaction(tx), writes), step);
            }
        } else {
            memory.commit(version, writes, |_| {});
        }
        let transactions = self.transactions(transactions);
        for (tx, outcome) in transactions.iter().zip(results.outcomes.drain(..)) {
            ledger.tally.add(tx, outcome);
        }
        Ok(())
    }

    fn settle_one(
        &self,
        tx: u32,
        Found { ending, results, writes, is_published }: Found<'_, R::Error>,
        ledger: &mut Ledger<R::Error, S>,
    ) -> Result<(), ExecutionError<R::Error>> {
        let transaction = &self.block.transactions[tx as usize];
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
                // It is not committed, and takes no time to be.
                results.ended.clear();
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
            (Ok(()), Ending::Undecided | Ending::Apart) => {
                unreachable!("all below transaction {tx} is committed: that decides everything")
            }
            (Ok(()), Ending::Done) => {
                let Some(outcome) = results.outcomes.pop() else {
                    unreachable!("transaction {tx} was executed to its end");
                };
                if writes.credit.is_some() {
                    self.read_beneficiary(ledger)?;
                }
                let step = Step::Transaction { index: tx as usize, outcome: &outcome };
                ledger.commit(memory, (version, writes), step);
                ledger.tally.add(transaction, outcome);
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
}
