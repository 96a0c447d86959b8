//! The scheduler of a block: what workers ask and tell. `PROTOCOL.md` says why it is right.

use std::fmt;

use crossbeam_utils::CachePadded;

use crate::{
    Batch, Blocked, Claim, Commit, Counters, Executed, Task, Ticket,
    counters::{Events, Ledger, collect},
    progress::{Progress, SharedProgress},
    ready::ReadySet,
    sleep::Sleepers,
    sync::{AtomicBool, AtomicU32, HINTS_BETWEEN_LOOKS, LOOKS_BEFORE_SLEEP, Ordering, spin_hint},
    transactions::{MAX_TRANSACTIONS, Transactions, Waiters},
    word::{State, Word},
};

/// Schedules the transactions of one block at a time over workers.
pub struct Scheduler {
    pub(crate) transactions: Transactions,
    /// Where each batch begins, and the end of the last.
    batch_starts: Vec<u32>,
    /// The window is never larger.
    pub(crate) most_window: u32,
    /// Relaxed everywhere: it publishes nothing; a worker that is going to sleep reads it after a fence.
    halted: AtomicBool,
    /// The first batch that nobody has claimed. Relaxed everywhere: it publishes nothing.
    cursor: CachePadded<AtomicU32>,
    pub(crate) progress: SharedProgress,
    /// The right to commit: true while somebody has it.
    pub(crate) token: CachePadded<AtomicBool>,
    ready: ReadySet,
    /// After the last transaction that begins early.
    early_end: u32,
    pub(crate) sleepers: Sleepers,
    pub(crate) ledger: CachePadded<Ledger>,
    events: CachePadded<Events>,
}

impl Scheduler {
    /// A scheduler for this many workers, with an empty block: it says that it has finished.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            transactions: Transactions::default(),
            batch_starts: vec![0],
            most_window: 1,
            halted: AtomicBool::new(false),
            cursor: CachePadded::new(AtomicU32::new(0)),
            progress: SharedProgress::new(Progress::new(0, 1)),
            token: CachePadded::new(AtomicBool::new(false)),
            ready: ReadySet::default(),
            early_end: 0,
            sleepers: Sleepers::new(workers),
            ledger: CachePadded::default(),
            events: CachePadded::default(),
        }
    }

    /// Begins a block.
    ///
    /// `batches` are the numbers of consecutive transactions that are claimed together. Empty ones are left out, what goes
    /// beyond the block is cut off, and transactions that no batch covers are claimed one by one. `window` is how many
    /// transactions are speculated on at most, from the frontier on (at least 1); a batch that begins within it is executed as
    /// a whole.
    ///
    /// # Panics
    /// If there are 2^29 transactions or more.
    pub fn reset(&mut self, transactions: u32, batches: impl Iterator<Item = u32>, window: u32) {
        assert!(transactions <= MAX_TRANSACTIONS, "{transactions} transactions are too many");
        self.batch_starts.clear();
        self.batch_starts.push(0);
        let mut end = 0;
        for length in batches.chain(std::iter::repeat(1)).filter(|length| *length > 0) {
            if end == transactions {
                break;
            }
            end += length.min(transactions - end);
            self.batch_starts.push(end);
        }
        self.transactions.reset(&self.batch_starts);
        self.ready.reset(transactions);
        self.early_end = 0;
        self.most_window = window.max(1);
        self.halted = AtomicBool::new(false);
        *self.cursor = AtomicU32::new(0);
        self.progress = SharedProgress::new(Progress::new(0, self.most_window));
        *self.token = AtomicBool::new(false);
        *self.ledger = Ledger::default();
        *self.events = Events::default();
        self.set_workers(self.workers());
    }

    /// Changes the number of workers.
    pub fn set_workers(&mut self, workers: usize) {
        self.sleepers = Sleepers::new(workers);
    }

    /// How many workers there are: they are numbered from 0.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.sleepers.workers()
    }

    /// Has `tx` started only once `on` has executed: known before the block begins.
    ///
    /// A transaction has one such dependency: of several that are named the highest. One that begins early does not wait for
    /// it.
    ///
    /// # Panics
    /// If `on` is not below `tx`, or `tx` is not in the block.
    pub fn depends_on(&mut self, tx: u32, on: u32) {
        assert!(on < tx, "transaction {tx} cannot depend on {on}");
        self.transactions.set_known_dependency(tx, on);
    }

    /// Leaves `tx` to the holder of the token, who executes it when it is the frontier: for what costs less than to speculate
    /// on it. Nobody else starts it; who depends on it waits until then.
    ///
    /// # Panics
    /// If `tx` is not in the block, or begins early.
    pub fn leave(&mut self, tx: u32) {
        assert!(!self.transactions.is_early(tx), "transaction {tx} begins early");
        self.transactions.leave(tx);
    }

    /// Has `tx` begun as soon as it is within the window, before those below it that nobody has claimed: for what takes long,
    /// and would otherwise end last.
    ///
    /// # Panics
    /// If `tx` is not in the block, is not the only one of its batch, or is left to the holder of the token.
    pub fn begin_early(&mut self, tx: u32) {
        let starts = &self.batch_starts;
        let is_alone =
            starts.binary_search(&tx).is_ok_and(|batch| starts.get(batch + 1) == Some(&(tx + 1)));
        assert!(is_alone, "transaction {tx} is not a batch of its own");
        assert!(
            !self.transactions.is_left(tx),
            "transaction {tx} is left to the holder of the token"
        );
        if !self.transactions.is_early(tx) {
            self.transactions.set_early(tx);
            self.ready.insert(tx);
            self.early_end = self.early_end.max(tx + 1);
        }
    }

    /// After the last transaction that [begins early](Self::begin_early): 0 if none does.
    #[must_use]
    pub fn early_end(&self) -> u32 {
        self.early_end
    }

    /// Whether `tx` was to [begin early](Self::begin_early).
    #[must_use]
    pub fn begins_early(&self, tx: u32) -> bool {
        self.transactions.is_early(tx)
    }

    /// The number of transactions.
    #[must_use]
    pub fn transactions(&self) -> u32 {
        self.transactions.len()
    }

    /// The number of transactions that are committed: the index of the first that is not.
    ///
    /// What the committing worker wrote before is visible.
    #[must_use]
    pub fn frontier(&self) -> u32 {
        self.progress.load().frontier
    }

    /// How many transactions are speculated on at most, at the moment.
    #[must_use]
    pub fn window(&self) -> u32 {
        self.progress.load().window()
    }

    /// What has been counted since the last reset.
    #[must_use]
    pub fn counters(&self) -> Counters {
        collect(self.frontier(), &self.ledger, &self.events, self.sleepers.parks())
    }

    /// Ends the block early, because of an error or a panic: workers are told that it has finished, sleepers are called.
    pub fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
        self.sleepers.call_all();
    }

    /// If [`halt`](Self::halt) was called since the last reset.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Relaxed)
    }

    /// The token, if it is free and the frontier's transaction has executed, or is left to its holder: for a worker in the
    /// middle of a batch, which may commit before it goes on.
    pub fn try_commit(&self) -> Option<Commit<'_>> {
        let frontier = self.progress.load().frontier;
        if frontier == self.transactions.len() || self.is_halted() {
            return None;
        }
        Commit::try_new(self, frontier)
    }

    /// The most urgent work there is: commit, then the lowest transaction to be executed again or resumed, then new ones.
    pub fn next(&self) -> Task<'_> {
        let task = self.take();
        self.share(&task);
        task
    }

    /// As [`next`](Self::next), but instead of being idle the worker looks again for about a microsecond, then sleeps.
    ///
    /// # Panics
    /// If the worker's number is not below [`workers`](Self::workers).
    pub fn next_or_wait(&self, worker: usize) -> Task<'_> {
        loop {
            for look in 0..=LOOKS_BEFORE_SLEEP {
                if look > 0 {
                    (0..HINTS_BETWEEN_LOOKS).for_each(|_| spin_hint());
                }
                match self.next() {
                    Task::Idle => {}
                    task => return task,
                }
            }
            let ticket = self.announce(worker);
            match self.take() {
                Task::Idle => ticket.wait(),
                task => {
                    drop(ticket);
                    self.share(&task);
                    return task;
                }
            }
        }
    }

    /// Announces that a worker will sleep: it then calls [`next`](Self::next) once more, and [`Ticket::wait`] if that says
    /// `Idle`.
    ///
    /// # Panics
    /// If the worker has a ticket already, or its number is not below [`workers`](Self::workers).
    pub fn announce(&self, worker: usize) -> Ticket<'_> {
        self.sleepers.announce(worker)
    }

    /// Looks for work; see `next`.
    fn take(&self) -> Task<'_> {
        let progress = self.progress.load();
        if progress.frontier == self.transactions.len() || self.is_halted() {
            return Task::Finished;
        }
        if let Some(commit) = Commit::try_new(self, progress.frontier) {
            return Task::Commit(commit);
        }
        if let Some(tx) = self.ready.take_lowest(progress.frontier, progress.limit) {
            return Task::Reexecute(self.claim_ready(tx));
        }
        self.claim_batch(progress.limit).map_or(Task::Idle, Task::Execute)
    }

    /// Claims a transaction that was taken out of the ready set.
    fn claim_ready(&self, tx: u32) -> Claim {
        let before = self.transactions.claim(tx);
        let before = before.unwrap_or_else(|| panic!("transaction {tx} was in the ready set"));
        claim(tx, before, true)
    }

    fn claim_batch(&self, limit: u32) -> Option<Batch> {
        let mut cursor = self.cursor.load(Ordering::Relaxed);
        loop {
            let (first, end) = self.batch(cursor).filter(|(first, _)| *first < limit)?;
            match self.cursor.compare_exchange_weak(
                cursor,
                cursor + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(Batch { first, count: end - first }),
                Err(now) => cursor = now,
            }
        }
    }

    /// Claims the next batch, if it begins with this transaction.
    pub(crate) fn claim_batch_at(&self, tx: u32) -> Option<Batch> {
        let cursor = self.cursor.load(Ordering::Relaxed);
        let (first, end) = self.batch(cursor).filter(|(first, _)| *first == tx)?;
        // Somebody else may have claimed that already.
        if self.transactions.is_early(first) {
            return None;
        }
        let (next, relaxed) = (cursor + 1, Ordering::Relaxed);
        self.cursor.compare_exchange(cursor, next, relaxed, relaxed).ok()?;
        Some(Batch { first, count: end - first })
    }

    /// First transaction and end of a batch.
    fn batch(&self, index: u32) -> Option<(u32, u32)> {
        let first = self.batch_starts.get(index as usize)?;
        let end = self.batch_starts.get(index as usize + 1)?;
        Some((*first, *end))
    }

    /// Calls a sleeper if there is more work than that which was just handed out.
    fn share(&self, task: &Task<'_>) {
        if self.sleepers.seem_none() {
            return;
        }
        let has_spare_work = match task {
            Task::Commit(_) => self.has_spare_work(1),
            Task::Reexecute(_) | Task::Execute(_) => self.has_spare_work(0),
            Task::Idle | Task::Finished => false,
        };
        if has_spare_work {
            self.sleepers.call(1);
        }
    }

    /// If there is work beside `own` tasks that the asking worker will take itself: transactions that are ready, or new
    /// ones with a good part of the window before them, so that not each commit calls somebody.
    pub(crate) fn has_spare_work(&self, own: u32) -> bool {
        let progress = self.progress.load();
        let ready = self.ready.count(progress.frontier, progress.limit, own + 1);
        if ready > own {
            return true;
        }
        let cursor = self.cursor.load(Ordering::Relaxed);
        let batch = self.batch(cursor.saturating_add(own - ready));
        let room = batch.map_or(0, |(first, _)| progress.limit.saturating_sub(first));
        room >= (progress.window() / 4).max(1)
    }

    /// The token, for a transaction of a batch that the worker would start next, if that is the frontier and nobody has the
    /// token: in place of starting it the worker executes it and calls [`Commit::led`]. All that it reads is committed, and
    /// nothing need be shown to others before.
    pub fn lead(&self, tx: u32) -> Option<Commit<'_>> {
        Commit::try_lead(self, tx)
    }

    /// Starts a transaction of a batch. `None` if it waits for a known dependency, then it is handed out later; if it is left
    /// to the holder of the token; or if it begins early, and is handed out as such.
    pub fn start(&self, tx: u32) -> Option<Claim> {
        if self.transactions.is_left(tx) || self.transactions.is_early(tx) {
            return None;
        }
        let takes_over = self.transactions.is_last_of_batch(tx);
        if let Some(on) = self.transactions.known_dependency(tx)
            && !self.transactions.load(on).has_executed()
            && self.transactions.park(tx, State::Ready, false)
        {
            if self.transactions.enlist(tx, on) {
                return None;
            }
            self.transactions.unpark(tx);
            return Some(Claim { tx, incarnation: 0, resume: false, takes_over });
        }
        self.transactions.claim(tx).map(|before| claim(tx, before, takes_over))
    }

    /// The worker has executed the transaction, and its results are published.
    ///
    /// Those that waited for it are woken. One of them may come with the answer, claimed for this worker, if nothing is more
    /// urgent.
    ///
    /// # Panics
    /// If the claim is not of this block.
    pub fn executed(&self, claim: Claim) -> Executed {
        let waiters = self.transactions.execute(claim.tx, claim.incarnation);
        // Most have no waiters, and end here.
        let next = if waiters.are_none() { None } else { self.wake(waiters, claim.takes_over) };
        Executed { next }
    }

    /// Wakes waiters, except for one that the worker may take over.
    #[cold]
    pub(crate) fn wake(&self, waiters: Waiters<'_>, takes_over: bool) -> Option<Claim> {
        let progress = self.progress.load();
        let mut lowest = None;
        let mut woken = 0;
        let mut make_ready = |tx| {
            self.transactions.wake(tx);
            self.ready.insert(tx);
            woken += u32::from(tx < progress.limit);
        };
        for tx in waiters {
            let other = match lowest {
                Some(low) if tx > low => tx,
                _ => match lowest.replace(tx) {
                    Some(low) => low,
                    None => continue,
                },
            };
            make_ready(other);
        }
        let kept = lowest.filter(|tx| takes_over && self.is_next(*tx, progress));
        if let (None, Some(tx)) = (kept, lowest) {
            make_ready(tx);
        }
        let next = kept.map(|tx| claim(tx, self.transactions.take_over(tx), true));
        // One of those that were woken is for this worker, if it looks for work now.
        let own = u32::from(takes_over && next.is_none());
        if woken > own {
            self.sleepers.call(woken - own);
        }
        next
    }

    /// If `next` would give this transaction, were it in the ready set.
    fn is_next(&self, tx: u32, progress: Progress) -> bool {
        let can_commit = !self.token.load(Ordering::Relaxed) && self.frontier_is_due();
        tx < progress.limit
            && !can_commit
            && self.ready.count(progress.frontier, tx, 1) == 0
            && !self.is_halted()
    }

    /// If there is something to do for the holder of the token.
    pub(crate) fn frontier_is_due(&self) -> bool {
        self.is_due(self.frontier())
    }

    /// If this transaction, were it the frontier, waits to be committed or led by the holder of the token.
    pub(crate) fn is_due(&self, tx: u32) -> bool {
        tx < self.transactions.len()
            && (self.transactions.is_left(tx)
                || self.transactions.load(tx).state() == State::Executed)
    }

    /// The execution has met something that only `on` can tell, and cannot go on before that has executed.
    ///
    /// With `kept` the worker keeps the suspended execution: the claim with which it goes on, here or elsewhere, says `resume`.
    /// Whatever another worker needs for that must be in its place before this is called.
    ///
    /// # Panics
    /// If `on` is not below the claim's transaction, or the claim is not of this block.
    pub fn block(&self, claim: Claim, on: u32, kept: bool) -> Blocked {
        let tx = claim.tx;
        assert!(on < tx, "transaction {tx} cannot wait for {on}");
        if self.transactions.load(on).has_executed() {
            return Blocked::GoOn(claim);
        }
        let was_parked = self.transactions.park(tx, State::Executing, kept);
        assert!(was_parked, "transaction {tx} was not executing");
        if self.transactions.enlist(tx, on) {
            self.events.blocks.fetch_add(1, Ordering::Relaxed);
            Blocked::Waiting
        } else {
            self.transactions.unpark(tx);
            Blocked::GoOn(claim)
        }
    }

    /// Has the transaction executed again, since this incarnation has read what is no longer so.
    ///
    /// `mark_estimates` runs before anybody can claim the transaction, unless somebody else was first, or the incarnation is
    /// not executed or about to be committed. Gives whether it ran.
    pub fn abort(&self, tx: u32, incarnation: u32, mark_estimates: impl FnOnce()) -> bool {
        if tx >= self.transactions.len() || !self.transactions.abort(tx, incarnation) {
            return false;
        }
        mark_estimates();
        self.transactions.revive(tx);
        self.events.aborts.fetch_add(1, Ordering::Relaxed);
        self.ready.insert(tx);
        if tx < self.progress.load().limit {
            self.sleepers.call(1);
        }
        true
    }

    /// The transactions above `tx`, up to `highest`, that have executed and are not committed, with their incarnations: each
    /// as it is when the iterator gets there.
    ///
    /// What has begun early counts once others have come that far. Before that many below it are still to be executed, and
    /// it would be executed again for each of them that it read from.
    pub fn executed_above(&self, tx: u32, highest: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let cursor = self.cursor.load(Ordering::Relaxed);
        let end = self.batch_starts[cursor as usize].min(highest.saturating_add(1));
        (tx.saturating_add(1)..end).filter_map(|tx| {
            let word = self.transactions.load(tx);
            (word.state() == State::Executed).then(|| (tx, word.incarnation()))
        })
    }
}

fn claim(tx: u32, before: Word, takes_over: bool) -> Claim {
    Claim { tx, incarnation: before.incarnation(), resume: before.resume(), takes_over }
}

/// Shows what matters when a block does not get on.
impl fmt::Debug for Scheduler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 64;
        let words = (self.frontier()..self.transactions.len()).take(SHOWN);
        let words: Vec<_> = words.map(|tx| (tx, self.transactions.load(tx))).collect();
        formatter
            .debug_struct("Scheduler")
            .field("transactions", &self.transactions.len())
            .field("progress", &self.progress.load())
            .field("cursor", &self.batch(self.cursor.load(Ordering::Relaxed)))
            .field("token", &self.token.load(Ordering::Relaxed))
            .field("halted", &self.is_halted())
            .field("sleepers", &self.sleepers)
            .field("counters", &self.counters())
            .field("words", &words)
            .finish_non_exhaustive()
    }
}
