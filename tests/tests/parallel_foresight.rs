//! What blocks teach for those after them: seen by the order in which one worker reads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Mutex, thread::sleep, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U256};
use braid_executor::{
    BlockExecutor, BlockOutcome, MissingRequestContracts,
    parallel::{Foresight, Parallelism},
};
use braid_interpreter::opcode::byte as op;
use braid_precompiles::DefaultCrypto;
use braid_primitives::{AccountInfo, Hardfork, StateReader, Transaction};
use braid_tests::{
    parallel::{
        Both,
        contracts::{self, Asm},
        scene::{ETHER, Scene, call, person},
    },
    world::World,
};

const COUNTER: Address = Address::repeat_byte(0xc0);

/// A contract that a read of its slot makes slow.
const SLOW: Address = Address::repeat_byte(0x10);

/// Long enough to be remembered, and to be a good part of the block even where the machine is busy.
const DELAY: Duration = Duration::from_millis(20);

/// Notes of which accounts slots are read, and takes its time where it is [`SLOW`].
struct Witness<'w> {
    world: &'w World,
    read: Mutex<Vec<Address>>,
}

impl StateReader for Witness<'_> {
    type Error = <World as StateReader>::Error;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        self.world.account(address)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        self.read.lock().unwrap().push(address);
        if address == SLOW {
            sleep(DELAY);
        }
        self.world.storage(address, slot)
    }

    fn has_storage(&self, address: Address) -> Result<bool, Self::Error> {
        self.world.has_storage(address)
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, Self::Error> {
        self.world.code(code_hash)
    }

    fn block_hash(&self, number: u64) -> Result<B256, Self::Error> {
        self.world.block_hash(number)
    }
}

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

fn executor(scene: &Scene) -> BlockExecutor<DefaultCrypto> {
    let mut executor = BlockExecutor::new(scene.spec(), DefaultCrypto::new());
    executor.set_parallelism(Parallelism::Always);
    executor.set_missing_request_contracts(MissingRequestContracts::Ignore);
    executor
}

/// Executes the block with one worker. Returns what came of it, and of which contracts slots were read, in that order.
fn execute(
    executor: &mut BlockExecutor<DefaultCrypto>,
    scene: &Scene,
) -> (BlockOutcome, Vec<Address>) {
    let witness = Witness { world: &scene.world, read: Mutex::default() };
    let outcome = executor.execute(&scene.block, &witness, 1).unwrap();
    (outcome, witness.read.into_inner().unwrap())
}

fn sequential(scene: &Scene) -> BlockOutcome {
    Both::of(scene).sequentially(&scene.block, &scene.world).outcome().clone()
}

/// A contract of its own for each.
fn own(number: u64) -> Address {
    Address::with_last_byte(0xa0 + number as u8)
}

#[test]
fn what_took_long_in_one_block_begins_the_next() {
    let scene = scene(own, Asm::new().sload(0).ops(&[op::POP]).stop());
    let expected = sequential(&scene);
    let in_order: Vec<Address> = (0..6).map(own).chain([SLOW]).collect();
    let early: Vec<Address> = [SLOW].into_iter().chain((0..6).map(own)).collect();
    let mut executor = executor(&scene);
    for read in [&in_order, &early, &early] {
        assert_eq!(execute(&mut executor, &scene), (expected.clone(), read.clone()));
    }
    executor.set_foresight(Foresight::Off);
    assert_eq!(execute(&mut executor, &scene), (expected, in_order));
}

#[test]
fn what_began_early_in_vain_waits_for_its_turn_in_the_next_block() {
    // It counts, too, after its slow read: with the counter as it was before the others, if it begins early.
    let code = Asm::new().sload(0).ops(&[op::POP]).call(COUNTER, 0, 100_000).ops(&[op::POP]).stop();
    let scene = scene(|_| COUNTER, code);
    let expected = sequential(&scene);
    let counted = &expected.state.accounts[&COUNTER].storage;
    assert_eq!(counted.get(&U256::ZERO), Some(&U256::from(7)));
    let mut executor = executor(&scene);
    for (block, read) in [[COUNTER, SLOW], [SLOW, COUNTER], [COUNTER, SLOW]].into_iter().enumerate()
    {
        let found = execute(&mut executor, &scene);
        assert_eq!(found, (expected.clone(), read.to_vec()), "block {block}");
    }
}
