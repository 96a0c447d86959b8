//! A reader that fails, panics or dawdles, at every read in turn, and a taker of results that panics: there is one clear error,
//! that of sequential execution if that fails too, and the executor executes the next block right.

use std::{collections::BTreeSet, panic, sync::Once, time::Duration};

use alloy_primitives::{Address, U256};
use braid_executor::{BlockExecutor, Committed, Mode, ParallelError, parallel::ExecutionPath};
use braid_interpreter::opcode::byte as op;
use braid_precompiles::DefaultCrypto;
use braid_primitives::Hardfork;
use braid_tests::{
    engines::real_code::RealCode,
    parallel::{
        Both, Failure, Seen, Ways,
        contracts::{Asm, adder, created_by, creation, deploying, factory},
        faults::{Fault, Faulty, PANIC, reads_of},
        mocked::GROUPS,
        random_blocks::{self, TRANSACTIONS},
        scene::{ETHER, Scene, call, pay, person, word, words},
        within,
    },
    recorder::Read,
};

/// Longest that the blocks of one scene may take, with all their faults.
const LIMIT: Duration = Duration::from_secs(300);

/// Most reads of a scene that get a fault, evenly chosen.
const FAULTS: usize = 60;

/// Ways in which blocks are executed, in turn: the two in the middle leave nearly all of a block to one thread, with and
/// without transactions that are executed together before.
const WAYS: [Ways; 4] = [Ways::USUAL, Ways::groups_of(1, 0), Ways::groups_of(4, 0), Ways::early(7)];

/// Panics that a test wants are not printed.
fn silence_wanted_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.payload_as_str() != Some(PANIC) {
                usual(info);
            }
        }));
    });
}

/// Blocks of all kinds, small ones.
fn scenes() -> Vec<(String, Scene)> {
    let real = RealCode::built_in();
    let groups = ["mixed", "beneficiary, contract", "transfers, among few", "swaps, one pool"];
    let groups = GROUPS.iter().filter(|group| groups.contains(&group.name));
    let mut scenes: Vec<_> = groups.map(|group| (group.name.to_owned(), group.scene(3))).collect();
    scenes.extend(
        (0..6).map(|seed| (format!("lives {seed}"), random_blocks::of_lives(seed, TRANSACTIONS))),
    );
    scenes.extend(
        (0..4).map(|seed| {
            (format!("code {seed}"), random_blocks::of_code(seed, TRANSACTIONS, &real))
        }),
    );
    scenes
}

/// Checks every scene in a thread of its own.
fn for_each_scene(check: fn(&Scene, &str)) {
    silence_wanted_panics();
    for (name, scene) in scenes() {
        within(LIMIT, &name.clone(), move || check(&scene, &name));
    }
}

/// The reads of sequential execution, each once.
fn each_read_of(scene: &Scene, both: &mut Both<DefaultCrypto>) -> Vec<Read> {
    let mut seen = BTreeSet::new();
    let mut reads = reads_of(both, scene);
    reads.retain(|read| seen.insert(format!("{read:?}")));
    reads
}

/// How many reads parallel execution makes.
fn count_reads(scene: &Scene, both: &mut Both<DefaultCrypto>) -> usize {
    let reader = Faulty::new(&scene.world, Fault::None);
    drop(both.in_parallel(&scene.block, &reader, 1));
    reader.reads()
}

fn next_block_is_right(
    scene: &Scene,
    both: &mut Both<DefaultCrypto>,
    expected: &Seen,
    after: &str,
) {
    let found = both.in_parallel(&scene.block, &scene.world, 4);
    if let Some(difference) = expected.difference(&found) {
        panic!("the block after {after}: {difference}");
    }
}

#[test]
fn what_cannot_be_read_is_the_error_of_sequential_execution() {
    for_each_scene(|scene, name| {
        let mut kept = Both::of(scene);
        let expected = kept.sequentially(&scene.block, &scene.world);
        let reads = each_read_of(scene, &mut kept);
        for read in reads.iter().step_by(reads.len().div_ceil(FAULTS)) {
            // What code was read is remembered over blocks.
            let mut fresh = matches!(read, Read::Code(_)).then(|| Both::of(scene));
            let both = fresh.as_mut().unwrap_or(&mut kept);
            let reader = Faulty::new(&scene.world, Fault::FailsFor(*read));
            if let Err(difference) = both.compare(&scene.block, &reader, &[1, 2, 4]) {
                panic!("{name}, {read:?} fails: {difference}");
            }
            next_block_is_right(scene, both, &expected, "a failure");
        }
    });
}

#[test]
fn a_read_that_fails_once_is_an_error_or_does_not_matter() {
    for_each_scene(|scene, name| {
        let mut both = Both::of(scene);
        let expected = both.sequentially(&scene.block, &scene.world);
        let reads = count_reads(scene, &mut both);
        for at in (0..reads).step_by(reads.div_ceil(FAULTS).max(1)) {
            for (threads, ways) in [(1, WAYS[1]), (1, WAYS[2]), (3, WAYS[at % WAYS.len()])] {
                both.set_ways(ways);
                let reader = Faulty::new(&scene.world, Fault::FailsAt(at));
                let found = both.in_parallel(&scene.block, &reader, threads);
                let is_refused = matches!(&found.result, Err(Failure::State(error)) if error.ends_with("is refused"));
                if let Some(difference) = expected.difference(&found).filter(|_| !is_refused) {
                    panic!("{name}, {threads} threads, read {at} fails: {difference}");
                }
            }
            next_block_is_right(scene, &mut both, &expected, "a failure");
        }
    });
}

#[test]
fn a_reader_that_panics_is_an_error() {
    for_each_scene(|scene, name| {
        let mut both = Both::of(scene);
        let expected = both.sequentially(&scene.block, &scene.world);
        let reads = count_reads(scene, &mut both);
        let mut panics = 0;
        for at in (0..reads).step_by(reads.div_ceil(FAULTS).max(1)) {
            for (threads, ways) in [(1, WAYS[1]), (2, WAYS[2]), (5, WAYS[at % WAYS.len()])] {
                both.set_ways(ways);
                let reader = Faulty::new(&scene.world, Fault::PanicsAt(at));
                let found = both.in_parallel(&scene.block, &reader, threads);
                let has_panicked = found.result == Err(Failure::Panicked(PANIC.to_owned()));
                panics += usize::from(has_panicked);
                if let Some(difference) = expected.difference(&found).filter(|_| !has_panicked) {
                    panic!("{name}, {threads} threads, read {at} panics: {difference}");
                }
            }
            next_block_is_right(scene, &mut both, &expected, "a panic");
        }
        assert!(panics > 0, "{name}: no panic of {reads} reads came out");
    });
}

#[test]
fn a_reader_that_dawdles_changes_nothing() {
    for_each_scene(|scene, name| {
        let mut both = Both::of(scene);
        let expected = both.sequentially(&scene.block, &scene.world);
        let reads = each_read_of(scene, &mut both);
        for read in reads.iter().step_by(reads.len().div_ceil(FAULTS)) {
            let fault = Fault::DawdlesFor(*read, Duration::from_millis(2));
            let reader = Faulty::new(&scene.world, fault);
            let found = both.in_parallel(&scene.block, &reader, 6);
            if let Some(difference) = expected.difference(&found) {
                panic!("{name}, {read:?} dawdles: {difference}");
            }
        }
    });
}

#[test]
fn a_panic_before_or_after_the_transactions_is_an_error_too() {
    silence_wanted_panics();
    let mut scene = Scene::new(Hardfork::Shanghai);
    scene.fund(person(0), ETHER).push(pay(person(0), person(1), 1));
    let heir = person(7);
    scene.block.context.withdrawals = Some(vec![braid_primitives::Withdrawal {
        index: 0,
        validator_index: 0,
        address: heir,
        amount_gwei: 1,
    }]);
    let mut cancun = scene.clone();
    cancun.fork = Hardfork::Cancun;
    let roots = braid_executor::system_calls::BEACON_ROOTS_ADDRESS;
    for (scene, at) in [(scene, heir), (cancun, roots)] {
        within(LIMIT, "a panic outside transactions", move || {
            let mut both = Both::of(&scene);
            let expected = both.sequentially(&scene.block, &scene.world);
            let reader = Faulty::new(&scene.world, Fault::PanicsFor(Read::Account(at)));
            for threads in [1, 2] {
                let found = both.in_parallel(&scene.block, &reader, threads);
                assert_eq!(found.result, Err(Failure::Panicked(PANIC.to_owned())));
                next_block_is_right(&scene, &mut both, &expected, "a panic");
            }
        });
    }
}

#[test]
fn a_panic_is_an_error_where_a_block_runs_on_the_calling_thread_too() {
    silence_wanted_panics();
    let mut scene = Scene::new(Hardfork::Shanghai);
    // The panic comes in the middle of a call.
    let (outer, inner) = (Address::repeat_byte(0x31), Address::repeat_byte(0x32));
    scene.contract(outer, Asm::new().call(inner, 0, 60_000).sstore(1).stop());
    scene.contract(inner, Asm::new().sload(7).sstore(1).stop()).slot(inner, 7, 7);
    scene.fund(person(0), ETHER).push(call(person(0), outer, []));
    within(LIMIT, "a small block", move || {
        let expected = Both::of(&scene).sequentially(&scene.block, &scene.world).result;
        let fault = Fault::PanicsFor(Read::Storage(inner, U256::from(7)));
        let reader = Faulty::new(&scene.world, fault);
        let mut executor = BlockExecutor::new(scene.spec(), DefaultCrypto::new());
        for _ in 0..2 {
            let found = executor.execute(&scene.block, &reader, 2).map_err(Failure::from);
            assert_eq!(found, Err(Failure::Panicked(PANIC.to_owned())));
            let found = executor.execute(&scene.block, &scene.world, 2).map_err(Failure::from);
            assert_eq!(found, expected);
        }
        assert_eq!(executor.last_path(), ExecutionPath::Sequential);
    });
}

/// A block of a few transfers is not worth waking threads for, unless the state is so slow that most of the time is
/// spent waiting for it.
#[test]
fn a_slow_state_is_read_side_by_side() {
    let mut scene = Scene::new(Hardfork::Shanghai);
    for number in 0..60 {
        scene.fund(person(number), ETHER).push(pay(person(number), person(100 + number), 1));
    }
    within(LIMIT, "transfers", move || {
        let expected = Both::of(&scene).sequentially(&scene.block, &scene.world).result;
        let mut executor = BlockExecutor::new(scene.spec(), DefaultCrypto::new());
        let reader = Faulty::new(&scene.world, Fault::Dawdles(Duration::from_millis(1)));
        for _ in 0..3 {
            let found = executor.execute(&scene.block, &reader, 4).map_err(Failure::from);
            assert_eq!(found, expected);
        }
        assert!(matches!(executor.last_path(), ExecutionPath::Parallel(_)));
    });
}

#[test]
fn a_taker_of_results_that_panics_is_an_error() {
    silence_wanted_panics();
    for (name, scene) in scenes() {
        within(LIMIT, &name.clone(), move || {
            let mut both = Both::of(&scene);
            let expected = both.sequentially(&scene.block, &scene.world);
            for at in 0..expected.steps.len() {
                let mut steps = 0;
                let threads = 2 + at % 3;
                both.set_ways(WAYS[at / 3 % WAYS.len()]);
                let sink = |_: Committed<'_>| {
                    // Nobody may go on after the panic.
                    assert!(steps <= at, "a step after the panic");
                    steps += 1;
                    assert!(steps <= at, "{PANIC}");
                };
                let (block, world) = (&scene.block, &scene.world);
                let result = both.parallel().execute_with(block, world, threads, sink);
                let is_panic = matches!(&result, Err(ParallelError::Panicked { message, .. }) if message == PANIC);
                assert!(is_panic, "{name}, step {at}: {result:?}");
                let next = both.without_steps(&scene.block, &scene.world, 3);
                assert_eq!(next, expected.result, "{name}: the block after a panic at step {at}");
            }
        });
    }
}

/// Plays the scene with a slot that takes long, so that the transactions above the first are executed before it.
fn play_with_slow(scene: &Scene, slow: (Address, u64)) -> Seen {
    let scene = scene.clone();
    within(LIMIT, "a scene with a slow slot", move || {
        let mut both = Both::of(&scene);
        let mut seen = None;
        for threads in [2, 3, 4, 8] {
            let read = Read::Storage(slow.0, U256::from(slow.1));
            let fault = Fault::DawdlesFor(read, Duration::from_millis(25));
            let reader = Faulty::new(&scene.world, fault);
            match both.compare(&scene.block, &reader, &[threads]) {
                Ok(found) => seen = Some(found),
                Err(difference) => panic!("{difference}"),
            }
        }
        let Some(seen) = seen else { unreachable!("there is a number of threads") };
        seen
    })
}

const GATE: Address = Address::repeat_byte(0x6a);
const FACTORY: Address = Address::repeat_byte(0xfa);

/// Without calldata: reads the slow slot 9, then sets slot 0. With calldata: runs `body` if slot 0 is not set.
fn gate(body: Asm) -> Vec<u8> {
    let open = Asm::new().sload(0).ops(&[op::ISZERO]).when(body);
    let close = Asm::new().sload(9).push(U256::ONE).ops(&[op::ADD]).sstore(0);
    Asm::new()
        .ops(&[op::CALLDATASIZE])
        .when(open)
        .ops(&[op::CALLDATASIZE, op::ISZERO])
        .when(close)
        .stop()
}

fn gated(body: Asm) -> Scene {
    let mut scene = Scene::new(Hardfork::Shanghai);
    scene.contract(GATE, gate(body));
    for number in 0..10 {
        scene.fund(person(number), ETHER);
    }
    scene.push(call(person(0), GATE, []));
    scene.push(call(person(1), GATE, words([U256::ONE])));
    scene
}

#[test]
fn a_slot_wiped_in_speculation_only_has_its_value_from_before_the_block() {
    // Speculation has the child destroyed and made again, and then slot 7 read: it is zero. In truth it is never destroyed.
    let end = Asm::new().arg(0).ops(&[op::SELFDESTRUCT]);
    let runtime = Asm::new().ops(&[op::CALLDATASIZE]).when(end);
    let runtime = runtime.sload(7).push(U256::ONE).ops(&[op::ADD]).sstore(1).stop();
    let initcode = deploying(&[], &runtime);
    let child = created_by(FACTORY, 1, &initcode);
    let zero = U256::ZERO;
    let kill = Asm::new().push(zero).push(zero).push(U256::from(32)).push(zero).push(zero);
    let kill = kill.address(child).push(U256::from(100_000)).ops(&[op::CALL, op::POP]);
    let mut scene = gated(kill);
    scene.contract(FACTORY, factory()).contract(child, runtime).slot(child, 7, 8);
    scene.push(call(person(2), FACTORY, creation(1, &initcode)));
    scene.push(call(person(3), child, []));
    let seen = play_with_slow(&scene, (GATE, 9));
    let delta = &seen.outcome().state.accounts[&child];
    assert!(!delta.storage_wiped, "the child was not destroyed");
    assert_eq!(delta.storage.get(&U256::from(1)), Some(&U256::from(9)));
}

#[test]
fn what_was_read_of_a_write_that_is_taken_back_is_read_again() {
    // Speculation sets a slot, and another transaction adds to it. In truth nothing was set; nobody else writes to the slot.
    let shelf = Address::repeat_byte(0x5e);
    let zero = U256::ZERO;
    let put = Asm::new().push(U256::from(5)).push(zero).ops(&[op::MSTORE]);
    let put = put.push(U256::from(40)).push(U256::from(32)).ops(&[op::MSTORE]);
    let put = put.push(zero).push(zero).push(U256::from(64)).push(zero).push(zero);
    let put = put.address(shelf).push(U256::from(100_000)).ops(&[op::CALL, op::POP]);
    let mut scene = gated(put);
    let keeper = Address::repeat_byte(0x5f);
    // Keeps what the shelf's slot 5 has, told by its balance: the shelf gives it so many wei.
    let giver =
        Asm::new().ops(&[op::CALLDATASIZE]).when(Asm::new().arg(1).arg(0).ops(&[op::SSTORE]));
    let pays = Asm::new().push(zero).push(zero).push(zero).push(zero).sload(5).address(keeper);
    let pays = pays.push(U256::from(30_000)).ops(&[op::CALL, op::POP]);
    let giver = giver.ops(&[op::CALLDATASIZE, op::ISZERO]).when(pays);
    scene.contract(shelf, giver.stop()).fund(shelf, 1_000);
    scene.fund(keeper, 1);
    scene.push(call(person(2), shelf, []));
    scene.push(call(person(3), shelf, []));
    let seen = play_with_slow(&scene, (GATE, 9));
    assert!(!seen.outcome().state.accounts.contains_key(&keeper), "nothing was given");
}

#[test]
fn a_transaction_without_room_in_the_block_is_left_out_before_it_fails_to_read() {
    for mode in [Mode::Verify, Mode::Build, Mode::Trace] {
        let mut scene = Scene::new(Hardfork::Shanghai);
        scene.mode = mode;
        scene.block.env.gas_limit = 100_000;
        for number in 0..3 {
            scene.fund(person(number), ETHER);
        }
        let waster = Address::repeat_byte(0x3a);
        scene.contract(waster, [op::INVALID].to_vec()).contract(person(9), adder());
        let limited =
            |transaction| braid_primitives::Transaction { gas_limit: 60_000, ..transaction };
        scene.push(limited(call(person(0), waster, [])));
        scene.push(limited(call(person(1), person(9), words([word(person(1)), U256::ONE]))));
        scene.push(pay(person(2), person(3), 1));
        let unreadable = Read::Account(person(1));
        let seen = within(LIMIT, "a full block", move || {
            let reader = Faulty::new(&scene.world, Fault::FailsFor(unreadable));
            Both::of(&scene).compare(&scene.block, &reader, &[1, 2, 4])
        });
        let seen = seen.unwrap_or_else(|difference| panic!("{mode:?}: {difference}"));
        match mode {
            Mode::Verify => assert!(matches!(seen.result, Err(Failure::Invalid(_)))),
            Mode::Build | Mode::Trace => assert_eq!(seen.outcome().excluded.len(), 1),
        }
    }
}
