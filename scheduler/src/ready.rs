//! The transactions that any worker may claim (`PROTOCOL.md`, section 4).

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicU32, AtomicU64, Ordering};

const BITS: u32 = u64::BITS;

/// A set of transactions; who removes one is its claimant.
#[derive(Default)]
pub(crate) struct ReadySet {
    /// At least the number of bits that are set: mostly 0, and then nobody looks at the bits.
    ///
    /// Relaxed everywhere: a look before sleep is ordered by fences (section 6), any other may be late.
    count: CachePadded<AtomicU32>,
    words: Vec<AtomicU64>,
}

impl ReadySet {
    pub(crate) fn reset(&mut self, transactions: u32) {
        *self.count = AtomicU32::new(0);
        self.words.clear();
        self.words.extend((0..transactions.div_ceil(BITS)).map(|_| AtomicU64::new(0)));
    }

    /// Adds a transaction that has just become Ready.
    pub(crate) fn insert(&self, tx: u32) {
        self.count.fetch_add(1, Ordering::Relaxed);
        // Release: pairs with the Acquire in `take_lowest`: who takes it finds it Ready.
        self.words[(tx / BITS) as usize].fetch_or(1 << (tx % BITS), Ordering::Release);
    }

    /// Removes the lowest transaction of those from `from` and below `limit`. Below `from` there must be none.
    pub(crate) fn take_lowest(&self, from: u32, limit: u32) -> Option<u32> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        for (base, word) in self.words_between(from, limit) {
            let mut bits = word.load(Ordering::Relaxed);
            while bits != 0 {
                let tx = base + bits.trailing_zeros();
                if tx >= limit {
                    return None;
                }
                let bit = 1 << (tx % BITS);
                // Acquire: pairs with the Release in `insert`.
                let before = word.fetch_and(!bit, Ordering::Acquire);
                if before & bit != 0 {
                    self.count.fetch_sub(1, Ordering::Relaxed);
                    return Some(tx);
                }
                bits = before;
            }
        }
        None
    }

    /// How many there are from `from` and below `limit`; counted no further than `enough`.
    pub(crate) fn count(&self, from: u32, limit: u32, enough: u32) -> u32 {
        let mut count = 0;
        if self.count.load(Ordering::Relaxed) == 0 {
            return count;
        }
        for (base, word) in self.words_between(from, limit) {
            let below = limit - base;
            let mask = if below >= BITS { u64::MAX } else { (1 << below) - 1 };
            count += (word.load(Ordering::Relaxed) & mask).count_ones();
            if count >= enough {
                break;
            }
        }
        count.min(enough)
    }

    fn words_between(&self, from: u32, limit: u32) -> impl Iterator<Item = (u32, &AtomicU64)> {
        let first = from / BITS;
        let words = self.words.iter().skip(first as usize);
        let bases = (first..).map(|index| index * BITS);
        bases.zip(words).take_while(move |(base, _)| *base < limit)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        /// Beside an ordered set: what is inserted and taken, each with a bound.
        #[test]
        #[cfg_attr(miri, ignore = "safe code, and Miri has no files to remember failures in")]
        fn it_is_an_ordered_set(steps in vec((any::<bool>(), 0..150u32), 0..200)) {
            let (mut set, mut oracle) = (ReadySet::default(), BTreeSet::new());
            set.reset(150);
            for (inserts, bound) in steps {
                if inserts && oracle.insert(bound) {
                    set.insert(bound);
                }
                let from = oracle.first().copied().unwrap_or(0);
                let below = oracle.range(..bound).count() as u32;
                prop_assert_eq!(set.count(from.min(bound), bound, 7), below.min(7));
                if !inserts {
                    let lowest = oracle.first().copied().filter(|tx| *tx < bound);
                    prop_assert_eq!(set.take_lowest(from, bound), lowest);
                    lowest.map(|tx| oracle.remove(&tx));
                }
            }
        }
    }

    #[test]
    fn the_lowest_below_the_limit_is_taken_once() {
        let mut set = ReadySet::default();
        set.reset(200);
        for tx in [199, 64, 63, 130, 0] {
            set.insert(tx);
        }
        assert_eq!(set.count(0, 200, 99), 5);
        assert_eq!(set.count(0, 200, 2), 2);
        assert_eq!(set.count(0, 64, 99), 2);
        assert_eq!(set.count(0, 65, 99), 3);
        assert_eq!(set.take_lowest(0, 0), None);
        assert_eq!(set.take_lowest(0, 1), Some(0));
        assert_eq!(set.take_lowest(1, 63), None);
        assert_eq!(set.take_lowest(1, 64), Some(63));
        assert_eq!(set.take_lowest(64, u32::MAX), Some(64));
        assert_eq!(set.take_lowest(65, 130), None);
        assert_eq!(set.take_lowest(65, 131), Some(130));
        assert_eq!(set.take_lowest(131, u32::MAX), Some(199));
        assert_eq!(set.take_lowest(131, u32::MAX), None);
        assert_eq!(set.count(131, 200, 99), 0);
    }
}
