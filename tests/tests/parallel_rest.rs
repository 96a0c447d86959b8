//! When the rest of a block is executed on one thread as it would be sequentially: seen by what one worker reads, which has to
//! be read once more by whoever takes over.
//!
//! Of transactions that begin early one worker executes each before its turn. What comes before them makes all of them fail, so
//! that nobody looks ahead any more when the others have their turn.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use alloy_primitives::{Address, U256};
use braid_interpreter::opcode::byte as op;
use braid_primitives::Hardfork;
use braid_tests::{
    parallel::{
        Both, Ways,
        contracts::Asm,
        scene::{ETHER, Scene, call, pay, person, words},
    },
    recorder::{Read, Recorder, Refusal},
};

/// Each counts its calls. One reads the counter of the first, others theirs.
const COUNTER: Address = Address::repeat_byte(0xc0);
const ITS_CALLER: Address = Address::repeat_byte(0xc1);
const OTHER: Address = Address::repeat_byte(0xc2);

/// Nobody writes to it.
const CONSTANT: u64 = 7;

/// From here on each transaction reads a slot of its own.
const FIRST_OWN: u64 = 1_000;

/// Fail one after the other: more than are looked at when it is decided what the rest is like.
const FAILURES: u64 = 70;

/// Two of the sender of the rest come before those that fail, so that the rest does not begin early.
const BEFORE: u64 = 2;

/// The first of the rest is claimed as a batch; after it the holder of the token goes alone.
const FIRST_LOOK: u64 = BEFORE + FAILURES + 1;

/// Transactions from one look at the rest to the next, and those executed in one go.
const BETWEEN_LOOKS: u64 = 64;
const STRETCH: usize = 32;

/// Reads the constant and the slot that is the argument.
fn reading() -> Asm {
    Asm::new().sload(CONSTANT).ops(&[op::POP]).arg(0).ops(&[op::SLOAD, op::POP])
}

fn counting() -> Vec<u8> {
    reading().sload(0).push(U256::ONE).ops(&[op::ADD]).sstore(0).stop()
}

/// A block of which `FAILURES` transactions fail, the last of which calls `last`, and one after the other of the rest those.
fn scene(last: Address, rest: impl IntoIterator<Item = Address>) -> Scene {
    let mut scene = Scene::new(Hardfork::Shanghai);
    scene.contract(COUNTER, counting()).contract(OTHER, counting());
    scene.contract(ITS_CALLER, reading().call(COUNTER, 0, 100_000).ops(&[op::POP]).stop());
    let sender = person(0);
    scene.fund(sender, ETHER).push(pay(sender, person(1_000), 1));
    push(&mut scene, sender, COUNTER);
    for number in 1..=FAILURES {
        let callee = if number == FAILURES { last } else { COUNTER };
        scene.fund(person(number), ETHER);
        push(&mut scene, person(number), callee);
    }
    rest.into_iter().for_each(|callee| push(&mut scene, sender, callee));
    scene
}

/// Adds a call that reads the slot that tells which of the block it is.
fn push(scene: &mut Scene, sender: Address, callee: Address) {
    let slot = FIRST_OWN + scene.block.transactions.len() as u64;
    scene.push(call(sender, callee, words([U256::from(slot)])));
}

/// What one worker reads of storage, by contract and slot, and how much of that before each commit.
fn execute(scene: &Scene) -> (Vec<(Address, u64)>, Vec<usize>) {
    let mut both = Both::of(scene);
    let expected = both.sequentially(&scene.block, &scene.world);
    both.set_ways(Ways::early(u32::MAX));
    let recorder = Recorder::new(&scene.world, Refusal::Never);
    let mut commits = Vec::new();
    let executor = both.parallel();
    let on_commit = |_: braid_executor::Committed<'_>| commits.push(recorder.answered().len());
    let outcome = executor.execute_with(&scene.block, &recorder, 1, on_commit).unwrap();
    assert_eq!(&outcome, expected.outcome());
    let is_slot = |read: &Read| matches!(read, Read::Storage(..));
    let answered = recorder.answered();
    let slots_of = |reads: &[Read]| reads.iter().filter(|read| is_slot(read)).count();
    let commits = commits.into_iter().map(|reads| slots_of(&answered[..reads])).collect();
    let slots = answered.iter().filter_map(|read| match read {
        Read::Storage(address, slot) => Some((*address, slot.to())),
        _ => None,
    });
    (slots.collect(), commits)
}

/// The transaction with which the rest begins that is executed as in a sequential execution.
fn rest_begins(scene: &Scene) -> Option<u64> {
    let (slots, _) = execute(scene);
    let is_again = |at: &usize| slots[*at].1 == CONSTANT && slots[..*at].contains(&slots[*at]);
    let again = (0..slots.len()).find(is_again)?;
    let own = slots[again..].iter().find(|(_, slot)| *slot >= FIRST_OWN);
    own.map(|(_, slot)| slot - FIRST_OWN)
}

fn calls(callee: Address, count: u64) -> impl Iterator<Item = Address> {
    (0..count).map(move |_| callee)
}

#[test]
fn what_is_like_the_failures_before_is_executed_as_a_rest() {
    assert_eq!(rest_begins(&scene(COUNTER, calls(COUNTER, 100))), Some(FIRST_LOOK));
}

#[test]
fn what_is_like_the_last_failure_only_is_so_too() {
    assert_eq!(rest_begins(&scene(ITS_CALLER, calls(ITS_CALLER, 100))), Some(FIRST_LOOK));
}

#[test]
fn what_is_like_nothing_that_failed_is_not_however_long_it_goes_on() {
    assert_eq!(rest_begins(&scene(COUNTER, calls(OTHER, 3 * BETWEEN_LOOKS))), None);
}

#[test]
fn whether_it_is_so_is_looked_at_once_in_a_while() {
    // At the first look more than half is other, after one stretch less.
    let rest = calls(OTHER, 45).chain(calls(COUNTER, 36));
    assert_eq!(rest_begins(&scene(COUNTER, rest)), Some(FIRST_LOOK + BETWEEN_LOOKS));
}

#[test]
fn before_what_begins_early_there_is_no_rest_and_one_stretch_after_the_other() {
    let mut scene = scene(COUNTER, calls(COUNTER, 100));
    scene.fund(person(FAILURES + 1), ETHER);
    push(&mut scene, person(FAILURES + 1), OTHER);
    assert_eq!(rest_begins(&scene), None);
    let (slots, commits) = execute(&scene);
    let first = slots.iter().position(|(_, slot)| *slot == FIRST_OWN + FIRST_LOOK).unwrap();
    let commits = commits.into_iter().filter(|reads| *reads >= first);
    let in_one_go: Vec<_> =
        commits.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    assert_eq!(in_one_go[0], first, "those before are committed");
    let longest = in_one_go.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert_eq!(longest, Some(STRETCH));
}
