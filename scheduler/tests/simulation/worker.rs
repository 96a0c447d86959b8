//! A virtual worker: a worker's loop cut into steps, between which others run.

use std::collections::VecDeque;

use braid_scheduler::{Blocked, Claim, Commit, Head, Scheduler, Task, Ticket};

use crate::{
    memory::{Execution, Memory, Step},
    program::Program,
    random::Random,
    simulator::Seen,
};

/// What all workers of a block share.
pub(crate) struct Shared<'s> {
    pub(crate) scheduler: &'s Scheduler,
    pub(crate) memory: &'s Memory,
    pub(crate) programs: &'s [Program],
    /// Transactions that are left to the holder of the token.
    pub(crate) left: &'s [u32],
    /// Transactions that begin early.
    pub(crate) early: &'s [u32],
    /// Every so many executions validate those above them; 0: none.
    pub(crate) validates_one_in: u64,
    /// Every so many abort one above that need not be aborted; 0: none.
    pub(crate) aborts_one_in: u64,
    /// Every so many blocked executions are kept; 0: none.
    pub(crate) keeps_one_in: u64,
    /// Every so many transactions of batches that could be led are; 0: none.
    pub(crate) leads_one_in: u64,
    /// Every so many times who has the token goes on alone where nobody looks ahead; 0: never.
    pub(crate) goes_alone_one_in: u64,
    /// Every so many heads are let go undecided; 0: none.
    pub(crate) lets_go_one_in: u64,
    pub(crate) most_window: u32,
    pub(crate) longest_batch: u32,
}

/// What the simulator watches.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) committed: Vec<u32>,
    /// By transaction, the worker that executes it.
    pub(crate) executing: Vec<Option<usize>>,
    pub(crate) committing: Option<usize>,
    pub(crate) seen: Seen,
}

/// Where a worker is in its loop.
enum Phase<'s> {
    Look,
    /// Looks once more after its announcement.
    LookBeforeSleep(Ticket<'s>),
    Sleep(Ticket<'s>),
    Execute(Claim, Execution),
    /// It met an estimate of this transaction.
    Block(Claim, Execution, u32),
    Publish(Claim, Execution),
    /// It validates those above this transaction.
    Validate(u32),
    Decide(Head),
    /// It executes the frontier's transaction with the token in hand.
    Lead(u32, Execution),
    /// That has ended.
    PublishLed(u32, Execution),
    Finished,
}

pub(crate) struct Worker<'s> {
    number: usize,
    phase: Phase<'s>,
    /// Transactions of its batch that it has not started.
    batch: VecDeque<u32>,
    /// Transactions that it has claimed with the token in hand and leads next.
    alone: VecDeque<u32>,
    /// The token, while it has it.
    commit: Option<Commit<'s>>,
    /// A transaction that was handed over and that it executes next.
    next: Option<Claim>,
}

impl<'s> Worker<'s> {
    pub(crate) fn new(number: usize) -> Self {
        let (batch, alone) = (VecDeque::new(), VecDeque::new());
        Self { number, phase: Phase::Look, batch, alone, commit: None, next: None }
    }

    pub(crate) fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    pub(crate) fn can_run(&self) -> bool {
        match &self.phase {
            Phase::Sleep(ticket) => ticket.is_called(),
            Phase::Finished => false,
            _ => true,
        }
    }

    /// The transaction whose next operation the next step runs, if it is one.
    pub(crate) fn executes(&self) -> Option<u32> {
        match &self.phase {
            Phase::Execute(claim, _) => Some(claim.tx()),
            Phase::Lead(tx, _) => Some(*tx),
            _ => None,
        }
    }

    /// If the next step decides about a head.
    pub(crate) const fn decides(&self) -> bool {
        matches!(self.phase, Phase::Decide(_) | Phase::PublishLed(..))
    }

    pub(crate) fn step(&mut self, shared: &Shared<'s>, watch: &mut Watch, random: &mut Random) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Look) {
            Phase::Look => self.look(shared, watch, random),
            Phase::LookBeforeSleep(ticket) => match shared.scheduler.next() {
                Task::Idle => Phase::Sleep(ticket),
                task => {
                    drop(ticket);
                    self.take(task, shared, watch)
                }
            },
            Phase::Sleep(ticket) => {
                // It was called, so this does not wait.
                ticket.wait();
                watch.seen.sleeps += 1;
                Phase::Look
            }
            Phase::Execute(claim, execution) => execute(claim, execution, shared, watch),
            Phase::Block(claim, execution, on) => {
                self.block(claim, execution, on, shared, watch, random)
            }
            Phase::Publish(claim, execution) => {
                if random.one_in(2) && execution.publish_one(shared.memory) {
                    Phase::Publish(claim, execution)
                } else {
                    self.publish(claim, execution, shared, watch, random)
                }
            }
            Phase::Validate(tx) => self.validate(tx, shared, watch, random),
            Phase::Decide(head) => self.decide(head, shared, watch),
            Phase::Lead(tx, mut execution) => {
                assert_eq!(shared.scheduler.frontier(), tx, "only its leader commits");
                match execution.step(&shared.programs[tx as usize], shared.memory) {
                    Step::Ran => Phase::Lead(tx, execution),
                    Step::Ended => Phase::PublishLed(tx, execution),
                    Step::Met(on) => panic!("{tx} is led and meets an estimate of {on}"),
                }
            }
            Phase::PublishLed(tx, execution) => {
                if random.one_in(2) && execution.publish_one(shared.memory) {
                    Phase::PublishLed(tx, execution)
                } else {
                    self.led((tx, execution), shared, watch)
                }
            }
            Phase::Finished => unreachable!("a finished worker does not run"),
        };
    }

    /// What it does when it has nothing in hand: go on committing, with its batch, with what was handed over, or ask.
    fn look(&mut self, shared: &Shared<'s>, watch: &mut Watch, random: &mut Random) -> Phase<'s> {
        if let Some(commit) = &mut self.commit {
            if let Some(tx) = commit.left() {
                watch.seen.left += 1;
                return self.lead(tx, watch);
            }
            if let Some(head) = commit.head() {
                if happens(shared.lets_go_one_in, random) {
                    // Undecided: it is let go, and comes again.
                    watch.seen.let_go += 1;
                    return Phase::Look;
                }
                return Phase::Decide(head);
            }
            if happens(shared.goes_alone_one_in, random)
                && let Some(batch) = commit.claim_alone(shared.scheduler.frontier())
            {
                assert_eq!(shared.scheduler.window(), 1, "nobody looks ahead");
                let mut end = batch.transactions().end;
                self.alone.extend(batch.transactions());
                while random.one_in(2)
                    && let Some(more) = commit.claim_alone(end)
                {
                    end = more.transactions().end;
                    self.alone.extend(more.transactions());
                    watch.seen.claimed_alone_after += 1;
                }
                watch.seen.claimed_alone += 1;
                let Some(first) = self.alone.pop_front() else { unreachable!("it was claimed") };
                return self.lead(first, watch);
            }
            self.commit = None;
            watch.committing = None;
            return Phase::Look;
        }
        if let Some(claim) = self.next.take() {
            return self.begin(claim, shared, watch);
        }
        // In the middle of a batch.
        if !self.batch.is_empty()
            && random.one_in(4)
            && let Some(commit) = shared.scheduler.try_commit()
        {
            self.take_token(commit, watch);
            return Phase::Look;
        }
        if let Some(tx) = self.batch.pop_front() {
            if happens(shared.leads_one_in, random)
                && let Some(commit) = shared.scheduler.lead(tx)
            {
                self.take_token(commit, watch);
                return self.lead(tx, watch);
            }
            let claim = shared.scheduler.start(tx);
            let is_elsewhere = shared.left.contains(&tx) || shared.early.contains(&tx);
            assert!(claim.is_none() || !is_elsewhere, "{tx} is not started by who has its batch");
            watch.seen.waits_before_start += u64::from(claim.is_none() && !is_elsewhere);
            return claim.map_or(Phase::Look, |claim| self.begin(claim, shared, watch));
        }
        match shared.scheduler.next() {
            Task::Idle if random.one_in(2) => Phase::Look,
            Task::Idle => Phase::LookBeforeSleep(shared.scheduler.announce(self.number)),
            task => self.take(task, shared, watch),
        }
    }

    fn take(&mut self, task: Task<'s>, shared: &Shared<'s>, watch: &mut Watch) -> Phase<'s> {
        match task {
            Task::Commit(commit) => {
                self.take_token(commit, watch);
                Phase::Look
            }
            Task::Reexecute(claim) => {
                let is_new = claim.incarnation() == 0 && !claim.resume();
                let is_early = is_new && shared.early.contains(&claim.tx());
                watch.seen.early += u64::from(is_early && claim.tx() > shared.scheduler.frontier());
                self.begin(claim, shared, watch)
            }
            Task::Execute(batch) => {
                let limit = shared.scheduler.frontier() + shared.most_window;
                assert!(batch.first < limit, "{batch:?} is not below {limit}");
                assert!(batch.count <= shared.longest_batch);
                self.batch.extend(batch.transactions());
                Phase::Look
            }
            Task::Idle => unreachable!("the caller takes care of that"),
            Task::Finished => Phase::Finished,
        }
    }

    fn take_token(&mut self, commit: Commit<'s>, watch: &mut Watch) {
        let other = watch.committing.replace(self.number);
        assert_eq!(other, None, "P3: two workers commit");
        self.commit = Some(commit);
    }

    fn lead(&self, tx: u32, watch: &mut Watch) -> Phase<'s> {
        let other = watch.executing[tx as usize].replace(self.number);
        assert_eq!(other, None, "P2: two workers execute {tx}");
        Phase::Lead(tx, Execution::new(tx))
    }

    /// Commits what it has executed, and goes on with the next of its batch in the same way.
    fn led(
        &mut self,
        (tx, execution): (u32, Execution),
        shared: &Shared<'s>,
        watch: &mut Watch,
    ) -> Phase<'s> {
        execution.publish(0, shared.memory);
        assert!(shared.memory.is_valid_at_head(tx, 0), "what was read at the frontier is final");
        watch.executing[tx as usize] = None;
        watch.committed.push(tx);
        watch.seen.executions += 1;
        watch.seen.first_commits += 1;
        watch.seen.leads += 1;
        self.commit.as_mut().unwrap().led(tx);
        if shared.scheduler.is_halted() {
            return Phase::Look;
        }
        if let Some(next) = self.alone.pop_front() {
            assert_eq!(next, tx + 1, "what is claimed alone follows");
            return self.lead(next, watch);
        }
        if self.batch.front() == Some(&(tx + 1)) && !shared.early.contains(&(tx + 1)) {
            self.batch.pop_front();
            watch.seen.led_after_others += 1;
            return self.lead(tx + 1, watch);
        }
        Phase::Look
    }

    fn begin(&self, claim: Claim, shared: &Shared<'s>, watch: &mut Watch) -> Phase<'s> {
        let tx = claim.tx();
        let other = watch.executing[tx as usize].replace(self.number);
        assert_eq!(other, None, "P2: two workers execute {tx}");
        let limit = shared.scheduler.frontier() + shared.most_window + shared.longest_batch - 1;
        assert!(tx < limit, "{tx} is executed beyond the window");
        watch.seen.resumes += u64::from(claim.resume());
        let execution =
            if claim.resume() { shared.memory.take_kept(tx) } else { Execution::new(tx) };
        Phase::Execute(claim, execution)
    }

    fn block(
        &self,
        claim: Claim,
        execution: Execution,
        on: u32,
        shared: &Shared<'s>,
        watch: &mut Watch,
        random: &mut Random,
    ) -> Phase<'s> {
        let tx = claim.tx();
        let keeps = happens(shared.keeps_one_in, random);
        if keeps {
            shared.memory.keep(execution);
        }
        watch.executing[tx as usize] = None;
        match shared.scheduler.block(claim, on, keeps) {
            Blocked::Waiting => {
                watch.seen.blocks += 1;
                Phase::Look
            }
            Blocked::GoOn(claim) => {
                watch.seen.go_ons += 1;
                watch.executing[tx as usize] = Some(self.number);
                let again = || Execution::new(tx);
                let execution = if keeps { shared.memory.take_kept(tx) } else { again() };
                Phase::Execute(claim, execution)
            }
        }
    }

    fn publish(
        &mut self,
        claim: Claim,
        execution: Execution,
        shared: &Shared<'s>,
        watch: &mut Watch,
        random: &mut Random,
    ) -> Phase<'s> {
        let tx = claim.tx();
        execution.publish(claim.incarnation(), shared.memory);
        watch.executing[tx as usize] = None;
        watch.seen.executions += 1;
        let is_last = self.commit.is_none() && self.batch.is_empty();
        self.next = shared.scheduler.executed(claim).next;
        if self.next.is_some() {
            assert!(is_last, "handed over to a worker that has other work");
            watch.seen.hand_overs += 1;
        }
        if happens(shared.validates_one_in, random) { Phase::Validate(tx) } else { Phase::Look }
    }

    /// Aborts one transaction that has to be, then looks for the next.
    fn validate(
        &self,
        tx: u32,
        shared: &Shared<'s>,
        watch: &mut Watch,
        random: &mut Random,
    ) -> Phase<'s> {
        let strict = random.one_in(2);
        let (scheduler, memory) = (shared.scheduler, shared.memory);
        for (above, incarnation) in scheduler.executed_above(tx, u32::MAX) {
            if happens(shared.aborts_one_in, random) || !memory.is_valid(above, incarnation, strict)
            {
                let mark = || memory.mark_estimates(above, incarnation);
                if scheduler.abort(above, incarnation, mark) {
                    watch.seen.aborts += 1;
                }
                return Phase::Validate(above);
            }
        }
        Phase::Look
    }

    fn decide(&mut self, head: Head, shared: &Shared<'s>, watch: &mut Watch) -> Phase<'s> {
        let commit = self.commit.as_mut().unwrap();
        let (tx, incarnation) = (head.tx(), head.incarnation());
        // What is held cannot be aborted.
        assert!(!shared.scheduler.abort(tx, incarnation, || unreachable!("it is held")));
        if shared.memory.is_valid_at_head(tx, incarnation) {
            watch.seen.first_commits += u64::from(incarnation == 0);
            watch.committed.push(tx);
            let is_repeated = std::mem::take(&mut watch.seen.is_head_repeated);
            commit.committed(head, !is_repeated);
            Phase::Look
        } else {
            assert!(!watch.seen.is_head_repeated, "what was read at the head is final");
            watch.seen.is_head_repeated = true;
            watch.seen.head_reexecutions += 1;
            let claim = commit.reexecute(head);
            self.begin(claim, shared, watch)
        }
    }
}

/// Once in so many times; with 0 never.
fn happens(one_in: u64, random: &mut Random) -> bool {
    one_in > 0 && random.one_in(one_in)
}

fn execute<'s>(
    claim: Claim,
    mut execution: Execution,
    shared: &Shared<'s>,
    watch: &Watch,
) -> Phase<'s> {
    let tx = claim.tx() as usize;
    assert!(watch.executing[tx].is_some());
    match execution.step(&shared.programs[tx], shared.memory) {
        Step::Ran => Phase::Execute(claim, execution),
        Step::Met(on) => Phase::Block(claim, execution, on),
        Step::Ended => Phase::Publish(claim, execution),
    }
}
