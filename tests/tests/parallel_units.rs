//! Small blocks in every way: cut into units at every length, and left to one thread after every number of transactions, with
//! and without somebody who is told of the steps. What one transaction leaves to the next is so met within a unit, between two,
//! and across the place from which on the block is executed by one thread.
//!
//! ```text
//! BRAID_SEEDS=1000000..2000000 cargo test --release -p braid-tests --test parallel_units -- --ignored
//! ```

use std::{mem, ops::Range, time::Duration};

use alloy_primitives::{Address, U256, keccak256};
use braid_executor::Mode;
use braid_precompiles::DefaultCrypto;
use braid_primitives::{Hardfork, StateReader, Transaction};
use braid_tests::{
    engines::{for_each_seed, real_code::RealCode},
    parallel::{
        Both, Failure, Seen, SeenStep, Ways,
        contracts::{account_keeper, counter, mortal, setter},
        faults::{Fault, Faulty, some_read},
        hot_blocks,
        mocked::GROUPS,
        random_blocks,
        scene::{
            BENEFICIARY, Scene, call, designator, pay, peopled, person, set_code, word, words,
        },
        within,
    },
    random::{Random, seeds_of_environment},
};

/// Longest that a scene may take.
const LIMIT: Duration = Duration::from_secs(120);

/// How many transactions the random blocks have.
const TRANSACTIONS: Range<u64> = 2..10;

/// Seeds of the normal run, for each kind of block.
const SEEDS: Range<u64> = 0..400;

/// Ways in which a block of so many transactions is cut: each length of units, with and without looking ahead, and all early.
fn ways(transactions: usize) -> impl Iterator<Item = Ways> {
    let lengths = 1..=transactions.max(1) as u32;
    lengths
        .flat_map(|length| [0, 7].map(|tries| Ways::groups_of(length, tries)))
        .chain([Ways::early(7)])
}

/// Compares the block in every way on so many threads. Returns what sequential execution shows.
fn compare<R: StateReader + Sync>(
    both: &mut Both<DefaultCrypto>,
    scene: &Scene,
    (reader, threads): (&R, usize),
) -> Result<Seen, String> {
    let block = &scene.block;
    let expected = both.sequentially(block, reader);
    for ways in ways(block.transactions.len()) {
        both.set_ways(ways);
        let found = both.in_parallel(block, reader, threads);
        if let Some(difference) = expected.difference(&found) {
            return Err(format!("{threads} threads, {ways:?}: {difference}\n{scene:#?}"));
        }
        let found = both.without_steps(block, reader, threads);
        if found != expected.result {
            let expected = expected.result;
            return Err(format!(
                "{threads} threads, {ways:?}, no steps: expected {expected:#?}, found {found:#?}\n{scene:#?}"
            ));
        }
    }
    Ok(expected)
}

/// Plays the scene in every way.
fn play(scene: &Scene) -> Seen {
    let scene = scene.clone();
    within(LIMIT, "a scene in every way", move || {
        let mut both = Both::of(&scene);
        let seen = [1, 2, 3].map(|threads| compare(&mut both, &scene, (&scene.world, threads)));
        let [seen, ..] = seen.map(|seen| seen.unwrap_or_else(|difference| panic!("{difference}")));
        seen
    })
}

#[derive(Default)]
struct Kept {
    both: Option<Both<DefaultCrypto>>,
    blocks: u64,
    transactions: u64,
    destroyed: u64,
    invalid: u64,
    unreadable: u64,
}

impl Kept {
    fn check(&mut self, what: &str, scene: Scene, seed: u64) -> Result<(), String> {
        let mut both = mem::take(&mut self.both).unwrap_or_else(|| Both::of(&scene));
        let what = format!("{what}, seed {seed}");
        let threads = if seed.is_multiple_of(3) { 2 } else { 1 };
        let (both, result) = within(LIMIT, &what.clone(), move || {
            both.set_spec(&scene.spec());
            both.set_mode(scene.mode);
            let mut random = Random::new(seed.wrapping_mul(31));
            let fault = match random.below(6) {
                0 => some_read(&mut both, &scene, &mut random).map_or(Fault::None, Fault::FailsFor),
                1 => Fault::Unsteady(seed),
                _ => Fault::None,
            };
            let reader = Faulty::new(&scene.world, fault);
            let result = compare(&mut both, &scene, (&reader, threads));
            (both, result.map_err(|difference| format!("{what}: {difference}")))
        });
        self.both = Some(both);
        let seen = result?;
        self.blocks += 1;
        self.transactions += seen.transactions().count() as u64;
        self.invalid += u64::from(matches!(seen.result, Err(Failure::Invalid(_))));
        self.unreadable += u64::from(matches!(seen.result, Err(Failure::State(_))));
        let steps = seen.steps.iter().filter(|(step, _)| matches!(step, SeenStep::Transaction(..)));
        let accounts = steps.flat_map(|(_, delta)| delta.accounts.values());
        self.destroyed += accounts.filter(|account| account.storage_wiped).count() as u64;
        Ok(())
    }
}

fn run(what: &str, seeds: &Range<u64>, scene: impl Fn(u64) -> Scene + Sync) {
    let kept =
        for_each_seed(seeds.clone(), |seed, kept: &mut Kept| kept.check(what, scene(seed), seed));
    let sum = |count: fn(&Kept) -> u64| kept.iter().map(count).sum::<u64>();
    eprintln!(
        "{what}: {} blocks in every way, {} transactions, {} accounts destroyed, {} blocks invalid, {} unreadable",
        sum(|kept| kept.blocks),
        sum(|kept| kept.transactions),
        sum(|kept| kept.destroyed),
        sum(|kept| kept.invalid),
        sum(|kept| kept.unreadable),
    );
}

fn run_all(seeds: &Range<u64>, real: &RealCode) {
    run("lives of accounts", seeds, |seed| random_blocks::of_lives(seed, TRANSACTIONS));
    run("few accounts", seeds, |seed| hot_blocks::of_few(seed, TRANSACTIONS));
    run("random code", seeds, |seed| random_blocks::of_code(seed, TRANSACTIONS, real));
    for group in GROUPS {
        let seeds = seeds.start..seeds.start + (seeds.end - seeds.start).div_ceil(10);
        run(group.name, &seeds, |seed| group.scene_with(seed, TRANSACTIONS));
    }
}

#[test]
fn random_blocks_are_the_same_in_every_way() {
    run_all(&SEEDS, &RealCode::built_in());
}

#[test]
#[ignore = "as long as one likes: see above"]
fn blocks_of_the_seeds_of_the_environment() {
    run_all(&seeds_of_environment(1_000_000..1_010_000), &RealCode::of_fixtures(true));
}

/// Code that an account had, lost and has again is not new to the block, but it is to the step.
#[test]
fn a_delegation_that_is_changed_and_changed_back_is_no_new_code() {
    let mut scene = peopled(Hardfork::Prague);
    let [first, second] = [0xd1, 0xd2].map(Address::repeat_byte);
    scene.contract(first, counter()).contract(second, setter());
    let (kept, ended, begun) = (person(10), person(11), person(12));
    scene.delegate(kept, first).delegate(ended, first);
    let delegations = [
        (kept, second, 0),
        (begun, second, 0),
        (kept, Address::ZERO, 1),
        (ended, second, 0),
        (kept, first, 2),
        (ended, Address::ZERO, 1),
        (begun, first, 1),
    ];
    for (number, delegation) in (0..).zip(delegations) {
        scene.push(set_code(person(number), delegation.0, &[delegation]));
    }
    let seen = play(&scene);
    let delta = &seen.outcome().state;
    let hash = |address| delta.accounts[&address].info.map(|info| info.code_hash);
    let designated = Some(keccak256(designator(first)));
    assert_eq!([hash(kept), hash(begun)], [designated; 2]);
    let code: Vec<_> = delta.code.keys().copied().map(Some).collect();
    assert_eq!(code, [designated], "it is new to the account whose delegation has begun");
}

/// The room of a block ends within a unit, for one transaction, and the next one fits again.
#[test]
fn what_does_not_fit_is_left_out_wherever_the_block_is_cut() {
    for mode in [Mode::Verify, Mode::Build, Mode::Trace] {
        let mut scene = peopled(Hardfork::Cancun);
        scene.mode = mode;
        scene.block.env.gas_limit = 300_000;
        let keeper = Address::repeat_byte(0x12);
        scene.contract(keeper, account_keeper());
        for (number, gas_limit) in (0..).zip([200_000, 60_000, 250_000, 90_000, 90_000, 40_000]) {
            let looks = call(person(number), keeper, words([word(BENEFICIARY)]));
            scene.push(Transaction { gas_limit, ..looks });
        }
        scene.push(pay(person(7), BENEFICIARY, 1));
        let seen = play(&scene);
        match mode {
            Mode::Verify => assert!(matches!(seen.result, Err(Failure::Invalid(_)))),
            _ => assert!(!seen.outcome().excluded.is_empty()),
        }
    }
}

/// Fees that were put off are paid before anybody looks, whoever looks and in whichever way: by reading, sending, destroying.
#[test]
fn fees_are_there_when_somebody_looks_wherever_the_block_is_cut() {
    for fork in [Hardfork::Constantinople, Hardfork::Shanghai, Hardfork::Prague] {
        let mut scene = peopled(fork);
        let keeper = Address::repeat_byte(0x12);
        scene.contract(keeper, account_keeper()).contract(BENEFICIARY, mortal());
        scene.slot(BENEFICIARY, 0, 3);
        let looks = |number| call(person(number), keeper, words([word(BENEFICIARY)]));
        scene.push(pay(person(0), person(1), 1));
        scene.push(looks(1));
        scene.push(call(person(2), BENEFICIARY, words([word(person(30))])));
        scene.push(Transaction { max_fee_per_gas: 7, max_priority_fee_per_gas: 0, ..looks(3) });
        scene.push(pay(person(4), person(5), 1));
        scene.push(call(person(5), BENEFICIARY, words([word(BENEFICIARY)])));
        scene.push(call(person(6), BENEFICIARY, []));
        scene.push(looks(7));
        if fork < Hardfork::London {
            // Nobody pays for anything: the account is touched, and may be cleared.
            scene.push(Transaction { max_fee_per_gas: 0, max_priority_fee_per_gas: 0, ..looks(8) });
        }
        let seen = play(&scene);
        assert!(!balance_of(&seen, person(30)).is_zero(), "{fork}: fees went to the heir");
    }
}

fn balance_of(seen: &Seen, address: Address) -> U256 {
    let account = seen.outcome().state.accounts.get(&address);
    account.and_then(|account| account.info).map_or(U256::ZERO, |info| info.balance)
}
