//! Keys that several threads add at the same time, while levels are given up for larger ones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    sync::Barrier,
    thread::{self, ScopedJoinHandle},
};

use super::*;

const THREADS: u64 = 4;
/// Half of what each thread adds is added by all.
const KEYS: u64 = 6_000;

fn key(number: u64) -> (AccountIndex, U256) {
    (AccountIndex((number % 3) as u32), U256::from_limbs([0, number, 0, !number]))
}

/// As the memory does it.
fn index(table: &Table<SlotCell>, number: u64, lot: &mut Lot) -> u32 {
    let key = key(number);
    let fill = |cell: &SlotCell| cell.fill(&U256::from(number));
    table.find(&key).unwrap_or_else(|absent| table.add((&key, absent), lot, fill))
}

/// Whose cell this is.
fn holder(table: &Table<SlotCell>, index: u32) -> (AccountIndex, U256) {
    let cell = table.get(index);
    (cell.account(), cell.key())
}

/// All threads add the keys of a block, each in an order of its own; returns by key the index.
fn add_all(table: &Table<SlotCell>, base: u64) -> Vec<(u64, u32)> {
    let start = Barrier::new(THREADS as usize);
    let add = |thread: u64| {
        let mut lot = Lot::default();
        start.wait();
        let both = |step: u64| {
            let common = (step + thread * KEYS / THREADS) % KEYS;
            let own = KEYS * (thread + 1) + step;
            [base + common, base + own]
        };
        let indices: Vec<_> = (0..KEYS)
            .flat_map(both)
            .map(|number| {
                let index = index(table, number, &mut lot);
                assert_eq!(table.find(&key(number)).unwrap(), index, "it is found at once");
                assert_eq!(table.get(index).before(), U256::from(number), "with what is known");
                (number, index)
            })
            .collect();
        indices
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || add(thread))).collect();
        threads
            .into_iter()
            .flat_map(|thread: ScopedJoinHandle<'_, Vec<_>>| thread.join().unwrap())
            .collect()
    })
}

/// Each key has one index, no two have the same, and all are found.
fn check(table: &Table<SlotCell>, base: u64, added: &[(u64, u32)]) {
    let pairs: BTreeSet<_> = added.iter().copied().collect();
    let keys = KEYS * (THREADS + 1);
    assert_eq!(pairs.len() as u64, keys, "a key has one index");
    let indices: BTreeSet<_> = pairs.iter().map(|(_, index)| *index).collect();
    assert_eq!(indices.len() as u64, keys, "an index has one key");
    for (number, index) in pairs {
        assert_eq!(table.find(&key(number)).unwrap(), index);
        assert_eq!(holder(table, index), key(number));
    }
    for number in (base + keys..base + 2 * keys).chain([u64::MAX]) {
        assert!(table.find(&key(number)).is_err(), "{number} was not added");
    }
    let mut seen = 0;
    assert!(!table.any(|_, _| {
        seen += 1;
        false
    }));
    assert_eq!(seen, keys, "each cell with a key is seen once");
}

#[test]
#[cfg_attr(miri, ignore = "adds thousands of keys: many minutes")]
fn keys_that_four_threads_add_have_one_cell_each_over_several_levels() {
    let mut table = Table::<SlotCell>::default();
    assert!(table.find(&key(0)).is_err());
    let added = add_all(&table, 0);
    assert!(table.level.load(Ordering::Relaxed) >= 2, "several levels were given up");
    check(&table, 0, &added);

    // With the memory of the first block, and with other keys.
    for block in 1..4 {
        table.clear();
        assert_eq!(table.len(), 0);
        let base = block * 1_000_000;
        for (number, _) in &added {
            assert!(table.find(&key(*number)).is_err(), "{number} is of an earlier block");
        }
        let added = add_all(&table, base);
        check(&table, base, &added);
    }
}

#[test]
#[cfg_attr(miri, ignore = "adds thousands of keys: many minutes")]
fn a_level_that_one_block_needed_is_kept_for_the_next_and_not_for_ever() {
    let mut table = Table::<SlotCell>::default();
    add_all(&table, 0);
    let large = *table.level.get_mut();
    assert!(large >= 2);
    table.clear();
    assert_eq!(*table.level.get_mut(), large, "a block as large as that fits at once");
    let mut lot = Lot::default();
    let first = index(&table, 5, &mut lot);
    assert_eq!(holder(&table, first), key(5));
    table.clear();
    assert_eq!(*table.level.get_mut(), 0);
    assert_eq!(table.levels.iter().filter(|level| level.get().is_some()).count(), 0);
    let first = index(&table, 6, &mut Lot::default());
    assert_eq!(holder(&table, first), key(6));
    assert!(table.find(&key(5)).is_err());
}

#[test]
fn an_account_is_found_by_its_whole_address() {
    let table = Table::<AccountCell>::default();
    let mut lot = Lot::default();
    // They differ in one byte.
    let addresses: Vec<_> = (0..20)
        .map(|byte| {
            let mut address = Address::ZERO;
            address[byte] = 1;
            address
        })
        .collect();
    for address in &addresses {
        let absent = table.find(address).unwrap_err();
        table.add((address, absent), &mut lot, |_| {});
    }
    for address in &addresses {
        assert_eq!(table.get(table.find(address).unwrap()).address().load(), *address);
    }
    assert!(table.find(&Address::ZERO).is_err());
}
