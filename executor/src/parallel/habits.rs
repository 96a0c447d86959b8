//! What functions of contracts are like, going by the blocks before: what takes long, and what does not go side by side.
//!
//! In the order of the block a long transaction may begin when all others are nearly done, and then one worker executes it
//! while the others wait. No gas limit tells it from the others: an elliptic curve pairing takes a hundred times as long as
//! code of as much gas. But who proves a batch of transactions to a contract does so again and again.
//!
//! And most transactions that read what another wrote call the same function of the same contract as that one: they take the
//! next number of a collection, or what a pool holds. Where that has failed side by side it will again.

use std::time::Duration;

use braid_primitives::{Address, Transaction, TxKind};

use crate::spread;

/// Less is not worth remembering.
pub(super) const LONG: Duration = Duration::from_micros(100);

/// With less gas little takes long: a point evaluation (EIP-4844) takes 50,000, beside what each transaction takes. To measure
/// it would take a good part of its time.
const LEAST_GAS: u64 = 70_000;

/// Number of places, a power of two.
const PLACES: usize = 512;

/// After a transaction was begun early in vain, so many others like it are not.
const PAUSE: u8 = 16;

/// Those of one kind wait for each other if more than one in so many was executed again, as long as they did not wait.
const LIKES_PER_CONFLICT: u32 = 4;

/// What that comes to has to be so much, and is never more than that.
const MANY_CONFLICTS: u32 = 6;
const MOST_CONFLICTS: u32 = 24;

/// Once they wait it is forgotten bit by bit, one for so many: perhaps they go side by side by now.
const LIKES_PER_DOUBT: u32 = 16;

/// Up to so many transactions before are executed beside one.
const NEAR: usize = 256;

/// What was called: transactions that call the same function of the same contract are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Callee {
    contract: Address,
    selector: [u8; 4],
}

#[derive(Clone, Debug)]
struct Entry {
    callee: Callee,
    /// Zero if it is not long.
    length: Duration,
    /// So many of them are not begun early.
    pause: u8,
    /// How much more of them conflict than may.
    conflicts: u32,
    /// The last one, by block and index.
    last: Option<(u64, u32)>,
    /// How many of that block came after another.
    likes: u32,
    /// How many of these were executed again.
    repeated: u32,
}

/// What is expected of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// How long it will take, if that is long and it is worth to begin it early.
    pub(super) length: Option<Duration>,
    /// One before it in the block with which it will conflict: the last of its like.
    pub(super) after: Option<u32>,
}

/// How a transaction went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Its index in the block.
    pub(super) tx: u32,
    /// How long its last execution took; zero if that was not measured.
    pub(super) length: Duration,
    /// Whether it was executed more than once.
    pub(super) was_repeated: bool,
    /// Whether it was to begin early.
    pub(super) began_early: bool,
}

/// A direct-mapped table: each callee has one place, and the last one there stays.
#[derive(Debug, Default)]
pub(super) struct Habits {
    /// Empty before anything was learned.
    entries: Vec<Option<Entry>>,
    block: u64,
}

impl Habits {
    /// Begins a block.
    pub(super) fn begin_block(&mut self) {
        self.block += 1;
    }

    /// What is expected of a transaction of the block, each in its order.
    #[inline]
    pub(super) fn expect(&mut self, index: u32, tx: &Transaction) -> Expected {
        if self.entries.is_empty() {
            return Expected::default();
        }
        let Some(callee) = callee(tx) else { return Expected::default() };
        match &mut self.entries[place(&callee)] {
            Some(entry) if entry.callee == callee => entry.expect((self.block, index), tx),
            _ => Expected::default(),
        }
    }

    /// Learns from a transaction of a block. What is new is remembered if it took long, or was executed more than once.
    pub(super) fn learn(&mut self, transactions: &[Transaction], run: &Run) {
        let index = run.tx as usize;
        let tx = &transactions[index];
        let Some(callee) = callee(tx) else { return };
        let mut near = transactions[..index].iter().rev().take(NEAR);
        let is_conflict = run.was_repeated && near.any(|tx| self::callee(tx) == Some(callee));
        if self.entries.is_empty() {
            self.entries.resize(PLACES, None);
        }
        let place = &mut self.entries[place(&callee)];
        if place.as_ref().is_none_or(|entry| entry.callee != callee) {
            if run.length < LONG && !is_conflict {
                return;
            }
            *place = None;
        }
        let entry = place.get_or_insert_with(|| Entry::new(callee));
        if may_take_long(tx) {
            entry.learn_length(run);
        }
        // Of the first block it is not known how many there are of its like.
        entry.repeated += u32::from(is_conflict && entry.last.is_some());
    }
}

impl Entry {
    const fn new(callee: Callee) -> Self {
        let length = Duration::ZERO;
        Self { callee, length, pause: 0, conflicts: 0, last: None, likes: 0, repeated: 0 }
    }

    fn expect(&mut self, (block, index): (u64, u32), tx: &Transaction) -> Expected {
        let is_long = self.length >= LONG && self.pause == 0 && may_take_long(tx);
        let length = is_long.then_some(self.length);
        let last = self.last.replace((block, index)).filter(|(of, _)| *of == block);
        if last.is_some() {
            self.likes += 1;
        } else {
            self.learn_conflicts();
        }
        let after = last.filter(|_| self.do_wait()).map(|(_, index)| index);
        Expected { length, after }
    }

    fn do_wait(&self) -> bool {
        self.conflicts >= MANY_CONFLICTS
    }

    /// Adds up the last block.
    fn learn_conflicts(&mut self) {
        let (likes, repeated) =
            (std::mem::take(&mut self.likes), std::mem::take(&mut self.repeated));
        let doubts = if self.do_wait() { likes / LIKES_PER_DOUBT } else { likes };
        let conflicts = self.conflicts + repeated * LIKES_PER_CONFLICT;
        self.conflicts = conflicts.saturating_sub(doubts).min(MOST_CONFLICTS);
    }

    fn learn_length(&mut self, run: &Run) {
        // Half of it is what was known: one that took less in between does not count for much.
        self.length = if self.length < LONG { run.length } else { (self.length + run.length) / 2 };
        let is_in_vain = run.began_early && run.was_repeated;
        self.pause = if is_in_vain { PAUSE } else { self.pause.saturating_sub(1) };
    }
}

/// Whether a transaction might take so long that it is worth remembering.
pub(super) const fn may_take_long(tx: &Transaction) -> bool {
    tx.gas_limit >= LEAST_GAS
}

fn callee(tx: &Transaction) -> Option<Callee> {
    let TxKind::Call(contract) = tx.to else { return None };
    let selector = tx.input.first_chunk().copied().unwrap_or_default();
    Some(Callee { contract, selector })
}

fn place(callee: &Callee) -> usize {
    let selector = u64::from(u32::from_le_bytes(callee.selector));
    spread::place(spread::address_bits(&callee.contract) ^ selector, PLACES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(contract: u8, input: &'static [u8]) -> Transaction {
        Transaction {
            to: TxKind::Call(Address::repeat_byte(contract)),
            input: input.into(),
            gas_limit: 1_000_000,
            ..Transaction::default()
        }
    }

    fn learn(habits: &mut Habits, tx: &Transaction, length: Duration, was_repeated: bool) {
        habits.learn(
            std::slice::from_ref(tx),
            &Run { tx: 0, length, was_repeated, began_early: was_repeated },
        );
    }

    fn length(habits: &mut Habits, tx: &Transaction) -> Option<Duration> {
        habits.begin_block();
        habits.expect(0, tx).length
    }

    /// On which transactions those of a block will wait.
    fn after(habits: &mut Habits, block: &[Transaction]) -> Vec<Option<u32>> {
        habits.begin_block();
        (0..).zip(block).map(|(index, tx)| habits.expect(index, tx).after).collect()
    }

    #[test]
    fn what_took_long_is_expected_of_the_same_function_of_the_same_contract() {
        let mut habits = Habits::default();
        let long = call(1, &[1, 2, 3, 4, 5]);
        assert_eq!(length(&mut habits, &long), None);
        learn(&mut habits, &long, LONG * 8, false);
        assert_eq!(length(&mut habits, &call(1, &[1, 2, 3, 4, 6, 7])), Some(LONG * 8));
        assert_eq!(length(&mut habits, &call(1, &[1, 2, 3, 5])), None, "another function");
        assert_eq!(length(&mut habits, &call(2, &[1, 2, 3, 4])), None, "another contract");
        let cheap = Transaction { gas_limit: LEAST_GAS - 1, ..long.clone() };
        assert_eq!(length(&mut habits, &cheap), None);
        let creation = Transaction { to: TxKind::Create, ..long };
        assert_eq!(length(&mut habits, &creation), None);
    }

    #[test]
    fn what_does_not_take_long_any_more_is_forgotten() {
        let mut habits = Habits::default();
        let tx = call(1, &[]);
        learn(&mut habits, &tx, LONG * 4, false);
        learn(&mut habits, &tx, LONG * 2, false);
        assert_eq!(length(&mut habits, &tx), Some(LONG * 3));
        learn(&mut habits, &tx, Duration::ZERO, false);
        assert_eq!(length(&mut habits, &tx), Some(LONG * 3 / 2));
        learn(&mut habits, &tx, Duration::ZERO, false);
        assert_eq!(length(&mut habits, &tx), None);
        learn(&mut habits, &tx, LONG, false);
        assert_eq!(length(&mut habits, &tx), Some(LONG), "it begins anew");
    }

    #[test]
    fn what_was_executed_in_vain_is_not_begun_early_for_a_while() {
        let mut habits = Habits::default();
        let tx = call(1, &[]);
        learn(&mut habits, &tx, LONG, true);
        for _ in 0..PAUSE {
            assert_eq!(length(&mut habits, &tx), None);
            learn(&mut habits, &tx, LONG, false);
        }
        assert_eq!(length(&mut habits, &tx), Some(LONG));
    }

    /// Has those transactions of a block executed again.
    fn repeat(habits: &mut Habits, block: &[Transaction], repeated: &[u32]) {
        for tx in repeated {
            habits.learn(
                block,
                &Run { tx: *tx, length: Duration::ZERO, was_repeated: true, began_early: false },
            );
        }
    }

    #[test]
    fn what_is_repeated_after_its_like_waits_for_the_last_of_them_from_then_on() {
        let mut habits = Habits::default();
        let one = || call(1, &[1, 1, 1, 1]);
        let block = [one(), call(2, &[]), one(), call(1, &[2, 2, 2, 2]), one(), one()];
        repeat(&mut habits, &block, &[2, 4, 5]);
        assert_eq!(after(&mut habits, &block), [None; 6], "once is no habit");
        repeat(&mut habits, &block, &[0, 1]);
        assert_eq!(after(&mut habits, &block), [None; 6], "there is none of their like before");
        repeat(&mut habits, &block, &[2, 4, 5]);
        let waiting = [None, None, Some(0), None, Some(2), Some(4)];
        assert_eq!(after(&mut habits, &block), waiting);
        assert_eq!(after(&mut habits, &block), waiting, "and on");
        assert_eq!(after(&mut habits, &block[4..]), [None, Some(0)], "of this block");
    }

    #[test]
    fn those_of_which_few_are_repeated_do_not_wait() {
        let mut habits = Habits::default();
        let block = vec![call(1, &[]); 100];
        for _ in 0..50 {
            repeat(&mut habits, &block, &(1..=19).collect::<Vec<_>>());
            assert!(after(&mut habits, &block).iter().all(Option::is_none));
        }
        repeat(&mut habits, &block, &(1..=60).collect::<Vec<_>>());
        assert!(after(&mut habits, &block)[1..].iter().all(Option::is_some));
    }

    #[test]
    fn after_a_while_they_may_go_side_by_side_again() {
        let mut habits = Habits::default();
        let block = vec![call(1, &[]); 2 * LIKES_PER_DOUBT as usize];
        let all: Vec<u32> = (1..block.len() as u32).collect();
        repeat(&mut habits, &block, &all);
        after(&mut habits, &block);
        repeat(&mut habits, &block, &all);
        let mut waits = || after(&mut habits, &block)[1].is_some();
        let blocks = (0..100).take_while(|_| waits()).count();
        assert_eq!(blocks, (MOST_CONFLICTS - MANY_CONFLICTS + 1) as usize);
    }
}
