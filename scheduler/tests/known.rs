//! Dependencies that are known before the block begins, seen by one worker.

#![cfg(not(loom))]

use std::iter::repeat_n;

use braid_scheduler::{Claim, Scheduler, Task};

/// So many transactions, each a batch of its own, all within the window.
fn scheduler(transactions: u32) -> Scheduler {
    let mut scheduler = Scheduler::new(1);
    reset(&mut scheduler, transactions);
    scheduler
}

fn reset(scheduler: &mut Scheduler, transactions: u32) {
    scheduler.reset(transactions, repeat_n(1, transactions as usize), transactions);
}

fn started(scheduler: &Scheduler, tx: u32) -> Claim {
    let Some(claim) = scheduler.start(tx) else { panic!("transaction {tx} waits") };
    claim
}

#[test]
fn of_several_the_highest_is_waited_for() {
    for order in [[1, 2, 0], [2, 1, 0], [0, 1, 2]] {
        let mut scheduler = scheduler(5);
        order.iter().for_each(|on| scheduler.depends_on(4, *on));
        assert!(scheduler.start(4).is_none());
        let execute = |tx| {
            let claim = started(&scheduler, tx);
            scheduler.executed(claim).next.map(|claim| claim.tx())
        };
        assert_eq!(execute(0), None);
        // To commit is more urgent, but that is somebody else's now.
        let token = scheduler.try_commit();
        assert!(token.is_some());
        assert_eq!((execute(1), execute(2)), (None, Some(4)), "{order:?}");
    }
}

#[test]
fn what_is_ready_when_a_block_ends_is_not_so_in_the_next() {
    let mut scheduler = scheduler(200);
    for waiters in [&[1, 70, 130, 199][..], &[150]] {
        reset(&mut scheduler, 200);
        for tx in waiters {
            scheduler.depends_on(*tx, 0);
            assert!(scheduler.start(*tx).is_none());
        }
        let claim = started(&scheduler, 0);
        let next = scheduler.executed(claim).next;
        assert!(next.is_none(), "to commit is more urgent: all are ready");
    }
    let token = scheduler.try_commit();
    assert!(token.is_some());
    let Task::Reexecute(claim) = scheduler.next() else { panic!("150 is ready") };
    assert_eq!(claim.tx(), 150);
    assert!(matches!(scheduler.next(), Task::Execute(_)), "nothing else is");
}
