//! The words of all transactions and each change that they may undergo (`PROTOCOL.md`, sections 2 and 3).

use std::fmt;

use crate::{
    sync::{AtomicU32, AtomicU64, Ordering},
    word::{State, Word},
};

/// 16 bytes: the committer reads four transactions per cache line.
struct Node {
    word: AtomicU64,
    /// The next in the waiters' list that this transaction is in: index + 1, or 0.
    ///
    /// Relaxed everywhere: it is written before the compare-exchange that publishes it and read after the swap that takes the
    /// list.
    link: AtomicU32,
    /// What is known before the start: bit 31 if it is the last of its batch, bit 30 if it is left to the holder of the token,
    /// bit 29 if it begins early, below that what it depends on: index + 1, or 0.
    known: u32,
}

const LAST_OF_BATCH: u32 = 1 << 31;
const LEFT: u32 = 1 << 30;
const EARLY: u32 = 1 << 29;
const FLAGS: u32 = LAST_OF_BATCH | LEFT | EARLY;

/// Most transactions of a block: their number has to fit beside the flags.
pub(crate) const MAX_TRANSACTIONS: u32 = EARLY - 1;

/// Every change of a word is a read-modify-write, so that what one worker released reaches each later claimant.
#[derive(Default)]
pub(crate) struct Transactions {
    nodes: Vec<Node>,
}

impl Transactions {
    /// Begins a block whose transactions are all new, the last of each batch marked.
    pub(crate) fn reset(&mut self, batch_starts: &[u32]) {
        let count = batch_starts.last().map_or(0, |end| *end as usize);
        self.nodes.clear();
        self.nodes.resize_with(count, || Node {
            word: AtomicU64::new(Word::NEW.bits()),
            link: AtomicU32::new(0),
            known: 0,
        });
        for end in batch_starts.iter().skip(1) {
            self.nodes[*end as usize - 1].known = LAST_OF_BATCH;
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// Of two dependencies the higher one is kept.
    pub(crate) fn set_known_dependency(&mut self, tx: u32, on: u32) {
        let known = &mut self.nodes[tx as usize].known;
        *known = (*known & FLAGS) | (*known & !FLAGS).max(on + 1);
    }

    pub(crate) fn known_dependency(&self, tx: u32) -> Option<u32> {
        (self.nodes[tx as usize].known & !FLAGS).checked_sub(1)
    }

    pub(crate) fn leave(&mut self, tx: u32) {
        self.nodes[tx as usize].known |= LEFT;
    }

    pub(crate) fn is_left(&self, tx: u32) -> bool {
        self.nodes[tx as usize].known & LEFT != 0
    }

    pub(crate) fn set_early(&mut self, tx: u32) {
        self.nodes[tx as usize].known |= EARLY;
    }

    pub(crate) fn is_early(&self, tx: u32) -> bool {
        self.nodes[tx as usize].known & EARLY != 0
    }

    pub(crate) fn is_last_of_batch(&self, tx: u32) -> bool {
        self.nodes[tx as usize].known & LAST_OF_BATCH != 0
    }

    fn word(&self, tx: u32) -> &AtomicU64 {
        &self.nodes[tx as usize].word
    }

    /// Acquire: pairs with the Release of `execute`, so that results of an executed transaction are visible.
    pub(crate) fn load(&self, tx: u32) -> Word {
        Word::from_bits(self.word(tx).load(Ordering::Acquire))
    }

    /// Changes the word, if its state is `from`, and gives the word before. Others may add waiters at the same time.
    fn change(
        &self,
        tx: u32,
        from: State,
        success: Ordering,
        to: impl Fn(Word) -> Word,
    ) -> Option<Word> {
        let word = self.word(tx);
        // Relaxed: a word that is not changed tells nothing to anybody.
        let changed = word.fetch_update(success, Ordering::Relaxed, |bits| {
            let word = Word::from_bits(bits);
            (word.state() == from).then(|| to(word).bits())
        });
        changed.ok().map(Word::from_bits)
    }

    /// Ready -> Executing. Gives the word before, with its flag for resumption; `None` if it was not ready.
    ///
    /// Relaxed: the ready set has ordered it after what made it ready.
    pub(crate) fn claim(&self, tx: u32) -> Option<Word> {
        self.change(tx, State::Ready, Ordering::Relaxed, |word| {
            word.with_state(State::Executing).with_resume(false)
        })
    }

    /// Executing, or Ready if it has not started, -> Waiting.
    ///
    /// Relaxed: `enlist` publishes it.
    pub(crate) fn park(&self, tx: u32, from: State, resume: bool) -> bool {
        let parked = self.change(tx, from, Ordering::Relaxed, |word| {
            word.with_state(State::Waiting).with_resume(resume)
        });
        parked.is_some()
    }

    /// Enters the list of waiters of `on`. False if that has executed; its results are visible then.
    pub(crate) fn enlist(&self, tx: u32, on: u32) -> bool {
        let link = &self.nodes[tx as usize].link;
        let mut word = self.load(on);
        while !word.has_executed() {
            link.store(word.first_waiter().map_or(0, |waiter| waiter + 1), Ordering::Relaxed);
            // Release: publishes link and `park` to the Acquire in `execute`. Acquire: as in `load`.
            match self.word(on).compare_exchange_weak(
                word.bits(),
                word.with_first_waiter(tx).bits(),
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(bits) => word = Word::from_bits(bits),
            }
        }
        false
    }

    /// Waiting -> Executing, by the worker that parked it and could not enlist it.
    ///
    /// Relaxed: nobody else has seen it, except to enlist others.
    pub(crate) fn unpark(&self, tx: u32) {
        let parked = self.change(tx, State::Waiting, Ordering::Relaxed, |word| {
            word.with_state(State::Executing).with_resume(false)
        });
        assert!(
            parked.is_some(),
            "transaction {tx} was woken by one that it was not enlisted with"
        );
    }

    /// Waiting -> Ready, by the worker that took the list.
    ///
    /// Relaxed: ordered by `execute` after `park`; the ready set publishes it.
    pub(crate) fn wake(&self, tx: u32) {
        let woken = self
            .change(tx, State::Waiting, Ordering::Relaxed, |word| word.with_state(State::Ready));
        assert!(woken.is_some(), "transaction {tx} was in a list and did not wait");
    }

    /// Waiting -> Executing, by the worker that took the list and goes on with it. Gives the word before.
    ///
    /// Relaxed: ordered by `execute` after `park`.
    pub(crate) fn take_over(&self, tx: u32) -> Word {
        let taken = self.change(tx, State::Waiting, Ordering::Relaxed, |word| {
            word.with_state(State::Executing).with_resume(false)
        });
        taken.unwrap_or_else(|| panic!("transaction {tx} was in a list and did not wait"))
    }

    /// Executing -> Executed, and takes the list of waiters.
    ///
    /// Release: publishes the results. Acquire: pairs with that of `enlist`.
    pub(crate) fn execute(&self, tx: u32, incarnation: u32) -> Waiters<'_> {
        let executed = Word::executed(incarnation).bits();
        let before = Word::from_bits(self.word(tx).swap(executed, Ordering::AcqRel));
        assert!(
            before.state() == State::Executing && before.incarnation() == incarnation,
            "transaction {tx} was {before:?}, not executing incarnation {incarnation}"
        );
        Waiters { transactions: self, upcoming: before.first_waiter() }
    }

    /// Ready -> Held, by who leads it, with the token in hand, and takes the list of waiters.
    ///
    /// As in `execute`.
    pub(crate) fn lead(&self, tx: u32) -> Waiters<'_> {
        let held = Word::executed(0).with_state(State::Held).bits();
        let before = Word::from_bits(self.word(tx).swap(held, Ordering::AcqRel));
        assert!(
            before.state() == State::Ready && before.incarnation() == 0,
            "transaction {tx} was {before:?}, not new"
        );
        Waiters { transactions: self, upcoming: before.first_waiter() }
    }

    /// Executed -> Aborting. False if somebody else was first.
    ///
    /// Acquire: pairs with the Release of `execute`: its writes are there to be marked.
    pub(crate) fn abort(&self, tx: u32, incarnation: u32) -> bool {
        let executed = Word::executed(incarnation);
        let aborting = executed.with_state(State::Aborting);
        let word = self.word(tx);
        // An executed transaction has no waiters: its word is known exactly. Relaxed: as in `change`.
        word.compare_exchange(
            executed.bits(),
            aborting.bits(),
            Ordering::Acquire,
            Ordering::Relaxed,
        )
        .is_ok()
    }

    /// Aborting -> Ready, one incarnation later.
    ///
    /// Relaxed: the ready set publishes it, and the estimates.
    pub(crate) fn revive(&self, tx: u32) {
        let revived = self.change(tx, State::Aborting, Ordering::Relaxed, |word| {
            word.with_state(State::Ready).with_next_incarnation()
        });
        assert!(revived.is_some(), "transaction {tx} was not being aborted");
    }

    /// Executed -> Held. Gives the incarnation.
    ///
    /// Acquire: pairs with the Release of `execute`.
    pub(crate) fn hold(&self, tx: u32) -> Option<u32> {
        let held = self
            .change(tx, State::Executed, Ordering::Acquire, |word| word.with_state(State::Held));
        held.map(Word::incarnation)
    }

    /// Held -> Executed.
    ///
    /// Relaxed: its holder has done nothing that is not in order of the token.
    pub(crate) fn let_go(&self, tx: u32) {
        let held = self
            .change(tx, State::Held, Ordering::Relaxed, |word| word.with_state(State::Executed));
        assert!(held.is_some(), "transaction {tx} was not held");
    }

    /// Held -> Executing, one incarnation later. Gives that.
    ///
    /// Relaxed: its holder goes on with it.
    pub(crate) fn reclaim(&self, tx: u32) -> u32 {
        let held = self.change(tx, State::Held, Ordering::Relaxed, |word| {
            word.with_state(State::Executing).with_next_incarnation()
        });
        let held = held.unwrap_or_else(|| panic!("transaction {tx} was not held"));
        held.incarnation() + 1
    }
}

/// The waiters of a transaction that has executed. Each is Waiting, and in no list any more, once it has been given out.
pub(crate) struct Waiters<'t> {
    transactions: &'t Transactions,
    upcoming: Option<u32>,
}

impl Waiters<'_> {
    pub(crate) const fn are_none(&self) -> bool {
        self.upcoming.is_none()
    }
}

impl Iterator for Waiters<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let tx = self.upcoming?;
        // Read before it is woken: then it may enter another list.
        let link = self.transactions.nodes[tx as usize].link.load(Ordering::Relaxed);
        self.upcoming = link.checked_sub(1);
        Some(tx)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}({})", self.state(), self.incarnation())?;
        if self.resume() {
            formatter.write_str(" to be resumed")?;
        }
        match self.first_waiter() {
            Some(waiter) => write!(formatter, " with waiter {waiter}"),
            None => Ok(()),
        }
    }
}
