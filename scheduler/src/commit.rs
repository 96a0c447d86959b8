//! The holder of the commit token (`PROTOCOL.md`, section 5).

use crate::{
    Batch, Claim, Head, Scheduler,
    progress::Progress,
    sync::{Ordering, fence},
};

/// The commit token. Dropping it gives the token back.
///
/// The worker commits as long as something is [`left`](Self::left) to it or there is a [`head`](Self::head), then drops it and
/// asks [`Scheduler::next`].
#[derive(Debug)]
#[must_use = "it was given because there is something to commit"]
pub struct Commit<'s> {
    scheduler: &'s Scheduler,
    /// The transaction that was taken and not decided.
    held: Option<u32>,
}

impl<'s> Commit<'s> {
    /// Takes the token, if it is free and there is something to commit.
    pub(crate) fn try_new(scheduler: &'s Scheduler, mut frontier: u32) -> Option<Self> {
        loop {
            if !scheduler.is_due(frontier) {
                return None;
            }
            let commit = Self::take_token(scheduler)?;
            if scheduler.frontier_is_due() {
                return Some(commit);
            }
            // Another has committed it in the meantime, or somebody has aborted it.
            drop(commit);
            // S3: who has found the token taken by this look may sleep by now, so this worker must not sleep before it has seen
            // what that one executed. Pairs with the fence of its announcement.
            fence(Ordering::SeqCst);
            frontier = scheduler.frontier();
        }
    }

    /// Takes the token, if it is free, for the claimant of a batch of which `tx` has not been started, if that is the frontier.
    pub(crate) fn try_lead(scheduler: &'s Scheduler, tx: u32) -> Option<Self> {
        // What begins early may be in anybody's hands.
        if scheduler.frontier() != tx
            || scheduler.transactions.is_early(tx)
            || scheduler.is_halted()
        {
            return None;
        }
        let commit = Self::take_token(scheduler)?;
        // The frontier stays where only the claimant can have its transaction executed. One that was left to the holder of the
        // token may be committed by now. The worker comes back to `next` before it sleeps, so nothing is missed (S3).
        (scheduler.frontier() == tx).then_some(commit)
    }

    /// Takes the token, if it is free.
    fn take_token(scheduler: &'s Scheduler) -> Option<Self> {
        let token = &scheduler.token;
        // Relaxed: a glance that spares a compare-exchange.
        if token.load(Ordering::Relaxed) {
            return None;
        }
        // Acquire: pairs with the Release in `drop`. Relaxed: nothing was taken.
        token.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(Self { scheduler, held: None })
    }

    /// The frontier's transaction, of the worker's batch and not started or [`left`](Self::left) to it, is executed on what is
    /// committed, and committed at once. Those that waited for it are woken. The worker may go on with the next of its batch in
    /// the same way.
    ///
    /// # Panics
    /// If `tx` is not the frontier, was started, or begins early.
    pub fn led(&mut self, tx: u32) {
        self.let_go();
        let scheduler = self.scheduler;
        let frontier = scheduler.frontier();
        assert!(tx == frontier, "transaction {tx} is led, and the frontier is {frontier}");
        assert!(!scheduler.transactions.is_early(tx), "transaction {tx} begins early and is led");
        let waiters = scheduler.transactions.lead(tx);
        self.advance(0, None);
        if !waiters.are_none() {
            // Nothing is taken over by the holder of the token.
            let _: Option<Claim> = scheduler.wake(waiters, false);
        }
    }

    /// The next batch, if it begins with `tx` and nobody looks ahead: with a window of 1 the worker that has the token goes on
    /// alone, and what it has at hand stays with it. It leads these transactions after those that it has already, without
    /// giving the token back before.
    pub fn claim_alone(&mut self, tx: u32) -> Option<Batch> {
        self.let_go();
        let scheduler = self.scheduler;
        let is_alone = scheduler.window() == 1 && !scheduler.is_halted();
        if is_alone { scheduler.claim_batch_at(tx) } else { None }
    }

    /// How often in a row looking ahead was tried and failed, at most 7 times: each time that is tried later than the time
    /// before, from 2 up to 256 commits. Once one has held up it counts for less.
    pub fn failed_tries(&self) -> u32 {
        self.scheduler.ledger.pace().failed_tries()
    }

    /// The frontier's transaction, if it was left to the holder of the token: the worker executes it, and calls
    /// [`led`](Self::led).
    pub fn left(&mut self) -> Option<u32> {
        self.let_go();
        let scheduler = self.scheduler;
        let tx = scheduler.frontier();
        let is_left = tx < scheduler.transactions.len() && scheduler.transactions.is_left(tx);
        (is_left && !scheduler.is_halted()).then_some(tx)
    }

    /// The frontier's transaction, if it has executed. Nobody can abort it until it is decided.
    ///
    /// One that was taken before and was not decided is let go first.
    pub fn head(&mut self) -> Option<Head> {
        self.let_go();
        let tx = self.scheduler.frontier();
        if tx == self.scheduler.transactions.len() || self.scheduler.is_halted() {
            return None;
        }
        let incarnation = self.scheduler.transactions.hold(tx)?;
        self.held = Some(tx);
        Some(Head { tx, incarnation })
    }

    /// The transaction is committed. `held_up` says if its speculation did: if this is not a repetition at the head; `None`
    /// if there was none, because all below was committed when it began.
    ///
    /// # Panics
    /// If the head is not the one that [`head`](Self::head) gave last.
    pub fn committed(&mut self, head: Head, held_up: impl Into<Option<bool>>) {
        self.decide(&head);
        self.advance(head.incarnation, held_up.into());
    }

    /// The frontier's transaction is committed.
    fn advance(&self, incarnation: u32, held_up: Option<bool>) {
        let scheduler = self.scheduler;
        scheduler.ledger.commit(incarnation);
        let progress = scheduler.progress.load();
        let most = scheduler.most_window;
        let window = scheduler.ledger.next_window(progress.window(), held_up, most);
        let frontier = progress.frontier + 1;
        scheduler.progress.store(Progress::new(frontier, window));
        if frontier == scheduler.transactions.len() {
            scheduler.sleepers.call_all();
        } else if !scheduler.sleepers.seem_none() && scheduler.has_spare_work(1) {
            scheduler.sleepers.call(1);
        }
    }

    /// The transaction has read what is no longer so: this worker executes it again, with the token in hand.
    ///
    /// After [`Scheduler::executed`] it is the next head once more.
    ///
    /// # Panics
    /// If the head is not the one that [`head`](Self::head) gave last.
    pub fn reexecute(&mut self, head: Head) -> Claim {
        self.decide(&head);
        self.scheduler.ledger.reexecute();
        let incarnation = self.scheduler.transactions.reclaim(head.tx);
        Claim { tx: head.tx, incarnation, resume: false, takes_over: false }
    }

    fn decide(&mut self, head: &Head) {
        let held = self.held.take();
        assert!(held == Some(head.tx), "transaction {} is not the one held: {held:?}", head.tx);
    }

    fn let_go(&mut self) {
        if let Some(tx) = self.held.take() {
            self.scheduler.transactions.let_go(tx);
        }
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        self.let_go();
        let scheduler = self.scheduler;
        // Release: pairs with the Acquire in `try_new`.
        scheduler.token.store(false, Ordering::Release);
        // The frontier may have executed while the token was held, by a worker that sleeps now. This one will see to it (S2).
        // It calls all the same, in case it is kept elsewhere; a sleeper that is missed for want of a fence is not lost.
        if !scheduler.sleepers.seem_none() && scheduler.frontier_is_due() {
            scheduler.sleepers.call(1);
        }
    }
}
