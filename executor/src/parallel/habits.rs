//! What functions of contracts are like, going by the blocks before: what takes long, and what does not go side by side.
//!
//! In the order of the block a long transaction may begin when all others are nearly done, and then one worker executes it
//! while the others wait. No gas limit tells it from the others: an elliptic curve pairing takes a hundred times as long as
//! code of as much gas. But who proves a batch of transactions to a contract does so again and again.
//!
//! And most transactions that read what another wrote call the same function of the same contract as that one: they take the
//! next number of a collection, or what a pool holds. Where that has failed side by side it will again.

use std::{ops::Range, time::Duration};

use braid_primitives::{Address, Transaction, TxKind};

use crate::spread;

use super::plan::only_sends_value;

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

/// Of a block so many transactions are learned from at most; the first ones whatever they were like, and as many that took
/// long or were executed more than once.
const MOST_RUNS: usize = 512;

/// Of a block so many transactions of callees that are not known are compared with those before them.
const MOST_UNKNOWN: u32 = 64;

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
    /// How many came after another of their block, and were executed before their turn, or wait for each other; of these it was
    /// not counted yet what they say.
    likes: u32,
    /// How many of these were executed again.
    repeated: u32,
}

/// A transaction that comes after one of its like.
#[derive(Clone, Copy, Debug)]
struct Like {
    tx: u32,
    /// The last one before it.
    after: u32,
    /// Where its callee is.
    place: usize,
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

/// How a block went, as far as something is to be learned from it.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// Of transactions that were executed for themselves, in their order.
    runs: Vec<Run>,
    /// Those that were executed when it was their turn, in their order: nothing that they read could change any more.
    led: Vec<Range<u32>>,
}

impl Course {
    /// Notes how a transaction went, if anything is to be learned from it.
    pub(super) fn note(&mut self, run: Run) {
        let is_telling = run.length >= LONG || run.was_repeated;
        let most = if is_telling { MOST_RUNS } else { MOST_RUNS / 2 };
        if (is_telling || run.length > Duration::ZERO) && self.runs.len() < most {
            self.runs.push(run);
        }
    }

    /// Notes that these were executed when it was their turn.
    pub(super) fn note_led(&mut self, transactions: Range<u32>) {
        match self.led.last_mut() {
            Some(last) if last.end == transactions.start => last.end = transactions.end,
            _ => self.led.push(transactions),
        }
    }

    /// Of transactions from here on not all runs were noted.
    fn end(&self) -> u32 {
        let last = self.runs.get(MOST_RUNS - 1);
        last.map_or(u32::MAX, |run| run.tx + 1)
    }

    /// Whether a transaction was executed when it was its turn.
    fn was_led(&self, tx: u32) -> bool {
        let position = self.led.partition_point(|led| led.end <= tx);
        self.led.get(position).is_some_and(|led| led.start <= tx)
    }
}

/// A direct-mapped table: each callee has one place, and the last one there stays.
#[derive(Debug, Default)]
pub(super) struct Habits {
    /// Empty before anything was learned.
    entries: Vec<Option<Entry>>,
    block: u64,
    /// Of the block, in their order.
    likes: Vec<Like>,
}

impl Habits {
    /// Begins a block.
    pub(super) fn begin_block(&mut self) {
        self.block += 1;
        self.likes.clear();
    }

    /// What is expected of a transaction of the block, each in its order. Of those that only send value it is not asked.
    #[inline]
    pub(super) fn expect(&mut self, index: u32, tx: &Transaction) -> Expected {
        if self.entries.is_empty() {
            return Expected::default();
        }
        let Some(callee) = callee(tx) else { return Expected::default() };
        let place = place(&callee);
        let Some(entry) = self.entries[place].as_mut().filter(|entry| entry.callee == callee)
        else {
            return Expected::default();
        };
        let (expected, after) = entry.expect((self.block, index), tx);
        self.likes.extend(after.map(|after| Like { tx: index, after, place }));
        expected
    }

    /// Learns from the block that was begun last, of whose transactions some were executed for themselves (`is_alone`), others
    /// together.
    pub(super) fn learn(
        &mut self,
        transactions: &[Transaction],
        course: &Course,
        is_alone: impl Fn(u32) -> bool,
    ) {
        let end = course.end();
        for like in self.likes.iter().take_while(|like| like.tx < end) {
            let Some(entry) = &mut self.entries[like.place] else { continue };
            // Those that wait may all get their turn so. They are counted for the time that goes by until that is tried again.
            let is_telling = entry.do_wait() || is_alone(like.tx) && !course.was_led(like.tx);
            entry.likes += u32::from(is_telling);
        }
        let mut unknown = MOST_UNKNOWN;
        for run in &course.runs {
            self.learn_run(transactions, run, &mut unknown);
        }
    }

    /// Learns from one transaction. What is new is remembered if it took long, or was executed more than once.
    fn learn_run(&mut self, transactions: &[Transaction], run: &Run, unknown: &mut u32) {
        let tx = &transactions[run.tx as usize];
        let Some(callee) = callee(tx).filter(|_| !only_sends_value(tx)) else { return };
        if self.entries.is_empty() {
            self.entries.resize(PLACES, None);
        }
        let place = place(&callee);
        let is_known = self.entries[place].as_ref().is_some_and(|entry| entry.callee == callee);
        if !is_known {
            let is_habit = run.length >= LONG
                || run.was_repeated && has_like_before(transactions, run.tx, unknown);
            if !is_habit {
                return;
            }
            self.entries[place] = Some(Entry::new(callee));
        }
        // Of the first block it is not known how many there are of its like.
        let is_conflict = run.was_repeated && self.is_near_like(run.tx, place);
        let Some(entry) = &mut self.entries[place] else { return };
        if may_take_long(tx) {
            entry.learn_length(run);
        }
        entry.repeated += u32::from(is_conflict && is_known);
    }

    /// Whether a transaction of the callee at this place comes so soon after its like that the two are executed side by side.
    fn is_near_like(&self, tx: u32, place: usize) -> bool {
        let position = self.likes.binary_search_by_key(&tx, |like| like.tx);
        position.is_ok_and(|position| {
            let like = &self.likes[position];
            like.place == place && like.tx - like.after <= NEAR as u32
        })
    }
}

/// Whether a transaction of a callee that is not known comes soon after its like, as long as `looks` are left.
fn has_like_before(transactions: &[Transaction], tx: u32, looks: &mut u32) -> bool {
    if *looks == 0 {
        return false;
    }
    *looks -= 1;
    let tx = tx as usize;
    let own = callee(&transactions[tx]);
    transactions[..tx].iter().rev().take(NEAR).any(|tx| callee(tx) == own)
}

impl Entry {
    const fn new(callee: Callee) -> Self {
        let length = Duration::ZERO;
        Self { callee, length, pause: 0, conflicts: 0, last: None, likes: 0, repeated: 0 }
    }

    /// What is expected, and the last of its like in this block.
    fn expect(&mut self, (block, index): (u64, u32), tx: &Transaction) -> (Expected, Option<u32>) {
        let is_long = self.length >= LONG && self.pause == 0 && may_take_long(tx);
        let length = is_long.then_some(self.length);
        let last = self.last.replace((block, index)).filter(|(of, _)| *of == block);
        if last.is_none() {
            self.learn_conflicts();
        }
        let last = last.map(|(_, index)| index);
        (Expected { length, after: last.filter(|_| self.do_wait()) }, last)
    }

    fn do_wait(&self) -> bool {
        self.conflicts >= MANY_CONFLICTS
    }

    /// Adds up what was counted.
    fn learn_conflicts(&mut self) {
        let likes_per_doubt = if self.do_wait() { LIKES_PER_DOUBT } else { 1 };
        let doubts = self.likes / likes_per_doubt;
        self.likes %= likes_per_doubt;
        let conflicts = self.conflicts + std::mem::take(&mut self.repeated) * LIKES_PER_CONFLICT;
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

    /// Learns from a block of one transaction, which began early.
    fn learn(habits: &mut Habits, tx: &Transaction, length: Duration, was_repeated: bool) {
        let mut course = Course::default();
        course.note(Run { tx: 0, length, was_repeated, began_early: true });
        habits.learn(std::slice::from_ref(tx), &course, |_| true);
    }

    /// How a block went of which those transactions were executed again, and all before their turn.
    fn course(repeated: &[u32]) -> Course {
        let mut course = Course::default();
        for tx in repeated {
            let (length, began_early) = (Duration::ZERO, false);
            course.note(Run { tx: *tx, length, was_repeated: true, began_early });
        }
        course
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
        learn(&mut habits, &tx, Duration::from_nanos(1), false);
        assert_eq!(length(&mut habits, &tx), Some(LONG * 3 / 2));
        learn(&mut habits, &tx, Duration::from_nanos(1), false);
        assert_eq!(length(&mut habits, &tx), None);
        learn(&mut habits, &tx, LONG, false);
        assert_eq!(length(&mut habits, &tx), Some(LONG), "it begins anew");
    }

    #[test]
    fn what_was_executed_in_vain_is_not_begun_early_for_a_while() {
        let mut habits = Habits::default();
        let tx = call(1, &[]);
        let mut course = Course::default();
        course.note(Run { tx: 0, length: LONG, was_repeated: true, began_early: false });
        habits.learn(std::slice::from_ref(&tx), &course, |_| true);
        assert_eq!(length(&mut habits, &tx), Some(LONG), "others are executed again, too");
        learn(&mut habits, &tx, LONG, true);
        for _ in 0..PAUSE {
            assert_eq!(length(&mut habits, &tx), None);
            learn(&mut habits, &tx, LONG, false);
        }
        assert_eq!(length(&mut habits, &tx), Some(LONG));
    }

    /// Has those transactions of the last block executed again.
    fn repeat(habits: &mut Habits, block: &[Transaction], repeated: &[u32]) {
        habits.learn(block, &course(repeated), |_| true);
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
        let doubts = MOST_CONFLICTS - MANY_CONFLICTS + 1;
        let (many, few) = (2 * LIKES_PER_DOUBT, LIKES_PER_DOUBT / 2);
        // Whether or not each of them gets its turn before it begins.
        let cases = [(many, doubts / 2, false), (few, doubts * 2, false), (many, doubts / 2, true)];
        for (likes, blocks, is_led) in cases {
            let mut habits = Habits::default();
            let block = vec![call(1, &[]); 1 + likes as usize];
            let all: Vec<u32> = (1..=likes).collect();
            for _ in 0..2 {
                repeat(&mut habits, &block, &all);
                after(&mut habits, &block);
            }
            let mut waited = 0_u32;
            while after(&mut habits, &block)[1].is_some() && waited < 100 {
                let mut course = course(&[]);
                if is_led {
                    course.note_led(0..1 + likes);
                }
                habits.learn(&block, &course, |_| !is_led);
                waited += 1;
            }
            assert!(waited.abs_diff(blocks) <= 1, "{waited} blocks, not {blocks}");
        }
    }

    #[test]
    fn those_count_only_that_were_executed_before_their_turn_and_for_themselves() {
        let block = vec![call(1, &[]); 40];
        let conflicts = [8, 9, 10, 11, 12];
        let waits = |led: Range<u32>, is_alone: fn(u32) -> bool| {
            let mut habits = Habits::default();
            repeat(&mut habits, &block, &conflicts);
            for _ in 0..4 {
                after(&mut habits, &block);
                let mut course = course(&conflicts);
                course.note_led(led.start..led.end - 1);
                course.note_led(led.end - 1..led.end);
                habits.learn(&block, &course, is_alone);
            }
            after(&mut habits, &block)[1].is_some()
        };
        assert!(!waits(39..40, |_| true), "five of forty");
        assert!(waits(13..40, |_| true), "five of twelve");
        assert!(waits(39..40, |tx| tx < 13));
        let mut habits = Habits::default();
        repeat(&mut habits, &block, &conflicts);
        for _ in 0..4 {
            after(&mut habits, &block);
            repeat(&mut habits, &block, &conflicts);
            // Of blocks that are not learned from, being executed sequentially or wrong, nothing counts.
            (0..20).for_each(|_| drop(after(&mut habits, &block[..13])));
        }
        assert!(after(&mut habits, &block)[1].is_none(), "five of forty");
    }

    #[test]
    fn what_only_sends_value_is_not_learned_from() {
        let mut habits = Habits::default();
        let transfer = Transaction { gas_limit: LEAST_GAS, ..call(1, &[]) };
        learn(&mut habits, &transfer, LONG * 2, false);
        assert_eq!(length(&mut habits, &transfer), None);
    }

    #[test]
    fn another_callee_of_the_same_place_is_not_taken_for_it_and_takes_the_place_if_it_is_long() {
        let long = call(1, &[1, 2, 3, 4]);
        let own = callee(&long);
        let rival = (0..=u16::MAX).find_map(|i| {
            let [low, high] = i.to_le_bytes();
            let input = [9, 9, low, high];
            let tx = Transaction { input: input.to_vec().into(), ..call(1, &[]) };
            let is_rival = callee(&tx).as_ref().map(place) == own.as_ref().map(place);
            is_rival.then_some(tx)
        });
        let Some(rival) = rival else { panic!("more callees than places") };
        let mut habits = Habits::default();
        learn(&mut habits, &long, LONG * 2, false);
        assert_eq!(length(&mut habits, &rival), None);
        learn(&mut habits, &rival, LONG / 2, false);
        assert_eq!(
            length(&mut habits, &long),
            Some(LONG * 2),
            "what is short does not displace it"
        );
        learn(&mut habits, &rival, LONG * 4, false);
        assert_eq!(length(&mut habits, &rival), Some(LONG * 4));
        assert_eq!(length(&mut habits, &long), None);
    }
}
