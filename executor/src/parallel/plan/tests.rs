use braid_primitives::{Address, Bytes};

use super::*;
use crate::parallel::habits::Run;

/// A contract and its gas: the weight of a call of it.
const GAS: u64 = 500_000;

/// A call of the function `selector`, each of a sender of its own.
fn call(number: usize, selector: u8) -> Transaction {
    Transaction {
        sender: Address::left_padding_from(&number.to_be_bytes()),
        to: TxKind::Call(Address::repeat_byte(0xc0)),
        input: Bytes::copy_from_slice(&[selector; 4]),
        gas_limit: GAS,
        ..Transaction::default()
    }
}

/// A block of so many calls, of which `long` call another function.
fn block(calls: usize, long: &[usize]) -> Block {
    let selector = |number| if long.contains(&number) { 2 } else { 1 };
    let transactions = (0..calls).map(|number| call(number, selector(number))).collect();
    Block { transactions, ..Block::default() }
}

/// The transactions that begin early on so many workers, each a unit.
fn early(plan: &mut Plan, block: &Block, workers: usize) -> Vec<u32> {
    let mut scheduler = Scheduler::new(workers);
    plan.look(block);
    plan.prepare((block, workers, true), &mut scheduler);
    (0..scheduler.transactions()).filter(|tx| scheduler.begins_early(*tx)).collect()
}

fn learn(plan: &mut Plan, block: &Block, tx: u32, length: Duration) {
    learn_from(plan, block, &[Run { tx, length, was_repeated: false, began_early: false }]);
}

/// Has the plan learn from a block in which those ran so, and each for itself.
fn learn_from(plan: &mut Plan, block: &Block, runs: &[Run]) {
    plan.look(block);
    plan.prepare((block, 2, true), &mut Scheduler::new(2));
    let mut course = Course::default();
    runs.iter().for_each(|run| course.note(*run));
    plan.learn_habits(block, &course);
}

/// How long all calls of a block take, as the plan takes it.
fn time(calls: u32) -> Duration {
    let weight = u64::from(calls) * weight(&call(0, 1));
    Duration::from_nanos(weight / WEIGHT_PER_NS)
}

#[test]
fn what_took_a_good_part_of_a_block_begins_early() {
    let mut plan = Plan::default();
    let block = block(40, &[7, 30]);
    assert!(early(&mut plan, &block, 2).is_empty(), "nothing is known");
    learn(&mut plan, &block, 30, time(40) / EARLY_PART / 2);
    assert!(early(&mut plan, &block, 2).is_empty(), "it takes too little");
    learn(&mut plan, &block, 30, time(40));
    assert_eq!(early(&mut plan, &block, 2), [7, 30], "both call the same function");
    let other = self::block(40, &[0]);
    assert_eq!(early(&mut plan, &other, 2), [0], "it is known of other blocks, too");
}

#[test]
fn the_longest_begin_early_and_no_more_than_some_for_each_worker() {
    let mut plan = Plan::default();
    let many: Vec<usize> = (10..30).collect();
    let mut block = block(40, &many);
    block.transactions[5] = call(5, 3);
    learn(&mut plan, &block, 10, time(40));
    learn(&mut plan, &block, 5, time(80));
    for workers in [1, 3] {
        let early = early(&mut plan, &block, workers);
        assert_eq!(early.len(), MOST_EARLY_PER_WORKER * workers);
        assert!(early.contains(&5), "the longest");
    }
}

#[test]
fn the_second_of_a_sender_and_what_is_executed_together_waits_for_its_turn() {
    let mut plan = Plan::default();
    let mut block = block(40, &[3, 9]);
    block.transactions[9].sender = block.transactions[3].sender;
    learn(&mut plan, &block, 3, time(40));
    assert_eq!(early(&mut plan, &block, 2), [3]);
    let Some(two) = NonZeroU32::new(2) else { unreachable!("2 is not 0") };
    plan.set_grouping(Grouping::Fixed(two));
    assert!(early(&mut plan, &block, 2).is_empty());
}

#[test]
fn it_can_be_chosen_that_all_begin_early_that_may_or_none() {
    let mut plan = Plan::default();
    let mut block = block(6, &[4]);
    block.transactions[1].input = Bytes::new();
    block.transactions[1].gas_limit = 21_000;
    block.transactions[5].sender = block.transactions[0].sender;
    learn(&mut plan, &block, 4, time(40));
    plan.set_foresight(Foresight::Off);
    assert!(early(&mut plan, &block, 2).is_empty());
    plan.set_foresight(Foresight::AllEarly);
    assert_eq!(early(&mut plan, &block, 1), [0, 2, 3, 4], "1 only sends value, 5 follows 0");
}

#[test]
fn what_conflicted_waits_for_the_last_of_its_like_or_of_its_sender() {
    let mut plan = Plan::default();
    let mut block = block(6, &[1, 3, 4]);
    block.transactions[4].sender = block.transactions[2].sender;
    let conflict = |tx| Run { tx, length: Duration::ZERO, was_repeated: true, began_early: false };
    for _ in 0..2 {
        learn_from(&mut plan, &block, &[conflict(3), conflict(4)]);
    }
    plan.look(&block);
    assert_eq!(plan.before, [NONE, NONE, NONE, 1, 3, NONE]);
    block.transactions.swap(2, 3);
    plan.look(&block);
    assert_eq!(plan.before, [NONE, NONE, 1, NONE, 3, NONE], "its sender's comes later");
    plan.set_foresight(Foresight::Off);
    plan.look(&block);
    assert_eq!(plan.before, [NONE, NONE, NONE, NONE, 3, NONE]);
}

#[test]
fn units_wait_for_the_last_on_which_one_of_their_transactions_depends() {
    let Some(two) = NonZeroU32::new(2) else { unreachable!("2 is not 0") };
    let mut block = block(10, &[]);
    // Units of two: the last depends on the first by 8, on the second by 9, and on itself.
    block.transactions[8].sender = block.transactions[1].sender;
    block.transactions[9].sender = block.transactions[2].sender;
    let mut plan = Plan::default();
    plan.set_grouping(Grouping::Fixed(two));
    plan.look(&block);
    let mut scheduler = Scheduler::new(1);
    plan.prepare((&block, 1, true), &mut scheduler);
    assert!(scheduler.start(4).is_none(), "it waits");
    let execute = |unit| {
        let Some(claim) = scheduler.start(unit) else { panic!("unit {unit} waits for nobody") };
        scheduler.executed(claim).next.map(|claim| claim.tx())
    };
    assert_eq!(execute(0), None);
    // To commit is more urgent, but that is somebody else's now.
    let token = scheduler.try_commit();
    assert!(token.is_some());
    assert_eq!(execute(1), Some(4));
    assert!(scheduler.start(3).is_some());
}
