//! Transactions that begin early, seen by one worker.

#![cfg(not(loom))]

use std::iter::repeat_n;

use braid_scheduler::{Scheduler, Task};

/// So many transactions in batches of this length, all within the window.
fn scheduler(transactions: u32, batch: u32) -> Scheduler {
    let mut scheduler = Scheduler::new(1);
    scheduler.reset(transactions, repeat_n(batch, transactions as usize), transactions);
    scheduler
}

/// The transaction that is handed out, and whether as one of a batch.
fn handed_out(scheduler: &Scheduler) -> (u32, bool) {
    match scheduler.next() {
        Task::Reexecute(claim) => (claim.tx(), false),
        Task::Execute(batch) => (batch.first, true),
        task => panic!("{task:?}"),
    }
}

#[test]
fn the_lowest_is_handed_out_first_and_once() {
    let mut scheduler = scheduler(5, 1);
    for tx in [4, 2, 4] {
        scheduler.begin_early(tx);
    }
    scheduler.depends_on(4, 1);
    assert!(scheduler.begins_early(4) && !scheduler.begins_early(3));
    assert_eq!(scheduler.early_end(), 5);
    let order: Vec<_> = (0..7).map(|_| handed_out(&scheduler)).collect();
    let batches = (0..5).map(|tx| (tx, true));
    assert!(order.into_iter().eq([(2, false), (4, false)].into_iter().chain(batches)));
    assert!(scheduler.start(2).is_none() && scheduler.start(4).is_none());
    assert!(scheduler.start(1).is_some() && scheduler.lead(0).is_some());
}

#[test]
fn one_that_has_executed_is_seen_once_others_have_come_that_far() {
    let mut scheduler = scheduler(9, 1);
    scheduler.begin_early(7);
    let Task::Reexecute(claim) = scheduler.next() else { panic!("it begins early") };
    assert!(scheduler.executed(claim).next.is_none());
    // The batches of 0 to 6, none of them worked off.
    for first in 0..7 {
        assert_eq!(scheduler.executed_above(0, u32::MAX).count(), 0, "{first} batches are claimed");
        assert_eq!(handed_out(&scheduler), (first, true));
    }
    // Its own, which gives nothing.
    assert_eq!(handed_out(&scheduler), (7, true));
    assert!(scheduler.executed_above(0, 7).eq([(7, 0)]));
    assert_eq!(scheduler.executed_above(0, 6).count(), 0);
    assert_eq!(scheduler.executed_above(7, u32::MAX).count(), 0);
}

#[test]
fn the_next_block_knows_nothing_of_it() {
    let mut scheduler = scheduler(3, 1);
    scheduler.begin_early(2);
    scheduler.reset(3, repeat_n(1, 3), 3);
    assert_eq!((scheduler.early_end(), scheduler.begins_early(2)), (0, false));
    assert_eq!(handed_out(&scheduler), (0, true));
}

#[test]
#[should_panic(expected = "transaction 1 is not a batch of its own")]
fn one_of_a_longer_batch_cannot() {
    scheduler(4, 2).begin_early(1);
}

#[test]
#[should_panic(expected = "transaction 1 is left to the holder of the token")]
fn one_that_is_left_cannot() {
    let mut scheduler = scheduler(2, 1);
    scheduler.leave(1);
    scheduler.begin_early(1);
}

#[test]
#[should_panic(expected = "transaction 1 begins early")]
fn one_that_begins_early_cannot_be_left() {
    let mut scheduler = scheduler(2, 1);
    scheduler.begin_early(1);
    scheduler.leave(1);
}
