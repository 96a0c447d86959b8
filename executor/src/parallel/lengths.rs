//! Which transactions take long, going by those like them of the blocks before.
//!
//! In the order of the block a long transaction may begin when all others are nearly done, and then one worker executes it
//! while the others wait. No gas limit tells it from the others: an elliptic curve pairing takes a hundred times as long as
//! code of as much gas. But who proves a batch of transactions to a contract does so again and again.

use std::time::Duration;

use braid_primitives::{Address, Transaction, TxKind};

use crate::spread;

/// Less is not worth remembering.
pub(super) const LONG: Duration = Duration::from_micros(100);

/// With less gas nothing takes long. To measure it would take a good part of its time.
const LEAST_GAS: u64 = 100_000;

/// Number of places, a power of two.
const PLACES: usize = 512;

/// After a transaction was begun early in vain, so many others like it are not.
const PAUSE: u8 = 16;

/// What was called: transactions that call the same function of the same contract are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Callee {
    contract: Address,
    selector: [u8; 4],
}

#[derive(Clone, Debug)]
struct Entry {
    callee: Callee,
    length: Duration,
    /// So many of them are not begun early.
    pause: u8,
}

/// How a transaction went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Its index in the block.
    pub(super) tx: u32,
    /// How long its last execution took.
    pub(super) length: Duration,
    /// Whether it was executed more than once.
    pub(super) was_repeated: bool,
}

/// A direct-mapped table: each callee has one place, and the last one there stays.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    /// Empty before anything long was seen.
    entries: Vec<Option<Entry>>,
}

impl Lengths {
    /// How long a transaction will probably take, if that is long and it is worth to begin it early.
    #[inline]
    pub(super) fn expected(&self, tx: &Transaction) -> Option<Duration> {
        if self.entries.is_empty() {
            return None;
        }
        let callee = callee(tx)?;
        let entry = self.entries[place(&callee)].as_ref()?;
        (entry.callee == callee && entry.pause == 0).then_some(entry.length)
    }

    /// Learns from a transaction that took long, or was expected to.
    pub(super) fn learn(&mut self, tx: &Transaction, run: &Run) {
        let Some(callee) = callee(tx) else { return };
        if self.entries.is_empty() {
            self.entries.resize(PLACES, None);
        }
        let entry = &mut self.entries[place(&callee)];
        let known = entry.as_ref().filter(|entry| entry.callee == callee);
        // Half of it is what was known: one that took less in between does not count for much.
        let length = known.map_or(run.length, |known| (known.length + run.length) / 2);
        let pause = known.map_or(0, |known| known.pause.saturating_sub(1));
        let pause = if run.was_repeated { PAUSE } else { pause };
        *entry = (length >= LONG).then_some(Entry { callee, length, pause });
    }
}

/// Whether a transaction might take so long that it is worth remembering.
pub(super) const fn may_take_long(tx: &Transaction) -> bool {
    tx.gas_limit >= LEAST_GAS
}

fn callee(tx: &Transaction) -> Option<Callee> {
    let TxKind::Call(contract) = tx.to else { return None };
    if !may_take_long(tx) {
        return None;
    }
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

    fn run(length: Duration) -> Run {
        Run { tx: 0, length, was_repeated: false }
    }

    #[test]
    fn what_took_long_is_expected_of_the_same_function_of_the_same_contract() {
        let mut lengths = Lengths::default();
        let long = call(1, &[1, 2, 3, 4, 5]);
        assert_eq!(lengths.expected(&long), None);
        lengths.learn(&long, &run(LONG * 8));
        assert_eq!(lengths.expected(&call(1, &[1, 2, 3, 4, 6, 7])), Some(LONG * 8));
        assert_eq!(lengths.expected(&call(1, &[1, 2, 3, 5])), None, "another function");
        assert_eq!(lengths.expected(&call(2, &[1, 2, 3, 4])), None, "another contract");
        let cheap = Transaction { gas_limit: LEAST_GAS - 1, ..long.clone() };
        assert_eq!(lengths.expected(&cheap), None);
        let creation = Transaction { to: TxKind::Create, ..long };
        assert_eq!(lengths.expected(&creation), None);
    }

    #[test]
    fn what_does_not_take_long_any_more_is_forgotten() {
        let mut lengths = Lengths::default();
        let tx = call(1, &[]);
        lengths.learn(&tx, &run(LONG * 4));
        lengths.learn(&tx, &run(LONG * 2));
        assert_eq!(lengths.expected(&tx), Some(LONG * 3));
        lengths.learn(&tx, &run(Duration::ZERO));
        assert_eq!(lengths.expected(&tx), Some(LONG * 3 / 2));
        lengths.learn(&tx, &run(Duration::ZERO));
        assert_eq!(lengths.expected(&tx), None);
        lengths.learn(&tx, &run(LONG));
        assert_eq!(lengths.expected(&tx), Some(LONG), "it begins anew");
    }

    #[test]
    fn what_was_executed_in_vain_is_not_begun_early_for_a_while() {
        let mut lengths = Lengths::default();
        let tx = call(1, &[]);
        lengths.learn(&tx, &Run { was_repeated: true, ..run(LONG) });
        for _ in 0..PAUSE {
            assert_eq!(lengths.expected(&tx), None);
            lengths.learn(&tx, &run(LONG));
        }
        assert_eq!(lengths.expected(&tx), Some(LONG));
    }
}
