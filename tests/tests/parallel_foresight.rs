//! What blocks teach for those after them: seen by the order in which one worker reads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use alloy_primitives::{Address, U256};
use braid_executor::{
    BlockOutcome,
    parallel::{ExecutionPath, Foresight},
};
use braid_interpreter::opcode::byte as op;
use braid_precompiles::DefaultCrypto;
use braid_primitives::{Hardfork, Transaction};
use braid_tests::{
    parallel::{
        Both, Ways,
        contracts::{self, Asm},
        faults::{Fault, Faulty},
        scene::{ETHER, Scene, call, person},
    },
    recorder::{Read, Recorder, Refusal},
};

const COUNTER: Address = Address::repeat_byte(0xc0);

/// A contract that a read of its slot makes slow.
const SLOW: Address = Address::repeat_byte(0x10);

/// Long enough to be remembered, and to be a good part of the block even where the machine is busy.
const DELAY: Duration = Duration::from_millis(20);

/// Calls of small contracts with little gas, then one of a slow contract, which has `code`.
fn scene(small: impl Fn(u64) -> Address, code: Vec<u8>) -> Scene {
    let mut scene = Scene::new(Hardfork::Shanghai);
    scene.contract(SLOW, code);
    for number in 0..6 {
        scene.contract(small(number), contracts::counter());
        scene.fund(person(number), ETHER);
        scene.push(Transaction { gas_limit: 60_000, ..call(person(number), small(number), [1]) });
    }
    scene.fund(person(6), ETHER);
    scene.push(call(person(6), SLOW, [1]));
    scene
}

/// Executes the block with one worker. Returns what came of it, and of which contracts slots were read, in that order.
fn execute(both: &mut Both<DefaultCrypto>, scene: &Scene) -> (BlockOutcome, Vec<Address>) {
    let recorder = Recorder::new(&scene.world, Refusal::Never);
    let fault = Fault::DawdlesFor(Read::Storage(SLOW, U256::ZERO), DELAY);
    let outcome = both.without_steps(&scene.block, &Faulty::new(&recorder, fault), 1).unwrap();
    let slots = recorder.into_answered().into_iter().filter_map(|read| match read {
        Read::Storage(address, _) => Some(address),
        _ => None,
    });
    (outcome, slots.collect())
}

fn sequential(both: &mut Both<DefaultCrypto>, scene: &Scene) -> BlockOutcome {
    both.sequentially(&scene.block, &scene.world).outcome().clone()
}

/// A contract of its own for each.
fn own(number: u64) -> Address {
    Address::with_last_byte(0xa0 + number as u8)
}

#[test]
fn what_took_long_in_one_block_begins_the_next() {
    let scene = scene(own, Asm::new().sload(0).ops(&[op::POP]).stop());
    let mut both = Both::of(&scene);
    let expected = sequential(&mut both, &scene);
    let in_order: Vec<Address> = (0..6).map(own).chain([SLOW]).collect();
    let early: Vec<Address> = [SLOW].into_iter().chain((0..6).map(own)).collect();
    for read in [&in_order, &early, &early] {
        assert_eq!(execute(&mut both, &scene), (expected.clone(), read.clone()));
    }
    both.set_ways(Ways { foresight: Foresight::Off, ..Ways::USUAL });
    assert_eq!(execute(&mut both, &scene), (expected, in_order));
}

#[test]
fn what_began_early_in_vain_waits_for_its_turn_in_the_next_block() {
    // It counts, too, after its slow read: with the counter as it was before the others, if it begins early.
    let code = Asm::new().sload(0).ops(&[op::POP]).call(COUNTER, 0, 100_000).ops(&[op::POP]).stop();
    let scene = scene(|_| COUNTER, code);
    let mut both = Both::of(&scene);
    let expected = sequential(&mut both, &scene);
    let counted = &expected.state.accounts[&COUNTER].storage;
    assert_eq!(counted.get(&U256::ZERO), Some(&U256::from(7)));
    for (block, read) in [[COUNTER, SLOW], [SLOW, COUNTER], [COUNTER, SLOW]].into_iter().enumerate()
    {
        let found = execute(&mut both, &scene);
        assert_eq!(found, (expected.clone(), read.to_vec()), "block {block}");
    }
}

#[test]
fn what_begins_early_is_not_executed_again_for_each_that_writes_what_it_reads() {
    const WRITERS: u64 = 150;
    // With more than a byte of calldata it reads what the others write: for each caller a slot.
    let slots = (0..WRITERS)
        .map(person)
        .fold(Asm::new().sload(0), |asm, writer| asm.address(writer).ops(&[op::SLOAD, op::ADD]));
    let asm = Asm::new().push(U256::ONE).ops(&[op::CALLDATASIZE, op::GT]);
    let asm = asm.when(slots.sstore(1).ops(&[op::STOP]));
    let mut scene = Scene::new(Hardfork::Shanghai);
    scene.contract(SLOW, asm.push(U256::ONE).ops(&[op::CALLER, op::SSTORE]).stop());
    for number in 0..=WRITERS {
        scene.fund(person(number), ETHER);
    }
    for number in 0..WRITERS {
        scene.push(Transaction { gas_limit: 60_000, ..call(person(number), SLOW, [1]) });
    }
    scene.push(call(person(WRITERS), SLOW, [2; 4]));
    for workers in [1, 2, 4] {
        let mut both = Both::of(&scene);
        both.set_ways(Ways { foresight: Foresight::Learned, ..Ways::groups_of(1, u32::MAX) });
        let expected = sequential(&mut both, &scene);
        assert_eq!(execute(&mut both, &scene).0, expected);
        // From here on it does not take long any more: there is time for it after each of the others.
        assert_eq!(both.without_steps(&scene.block, &scene.world, workers), Ok(expected));
        let ExecutionPath::Parallel(counters) = both.last_path() else { panic!("in parallel") };
        // Early, and at its turn; and when all others have begun, for each that a worker still executes.
        let (least, most) = (u64::from(workers == 1), workers as u64);
        let more = counters.executions - (WRITERS + 1);
        assert!((least..=most).contains(&more), "{more} more executions on {workers} workers");
    }
}
