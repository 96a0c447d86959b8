//! Blocks are the same on any number of threads: groups of mocked blocks, and random ones.
//!
//! A longer run, or one of other seeds:
//!
//! ```text
//! BRAID_SEEDS=1000000..2000000 cargo test --release -p braid-tests --test parallel_groups -- --ignored
//! ```

use std::{mem, ops::Range, time::Duration};

use alloy_primitives::keccak256;
use braid_executor::{Engine, Mode};
use braid_precompiles::DefaultCrypto;
use braid_primitives::{Address, Hardfork, U256};
use braid_tests::{
    engines::{for_each_seed, real_code::RealCode},
    parallel::{
        Both, SeenStep, THREADS, contracts,
        faults::{Fault, Faulty},
        mocked::GROUPS,
        random_blocks::{self, TRANSACTIONS},
        scene::{ETHER, Scene, call, create, pay, person, words},
        within,
    },
    random::{Random, seeds_of_environment},
};

/// Longest that a block may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Seeds of the normal run, for each group of mocked blocks.
const GROUP_SEEDS: Range<u64> = 0..150;

/// Seeds of the normal run, for each kind of random blocks.
const RANDOM_SEEDS: Range<u64> = 0..3_000;

/// Seeds of the normal run with readers that yield and sleep.
const UNSTEADY_SEEDS: Range<u64> = 0..150;

/// What a thread of the run keeps: executors are used for all its blocks.
#[derive(Default)]
struct Kept {
    both: Option<Both<DefaultCrypto>>,
    blocks: u64,
    executions: u64,
    transactions: u64,
    left_out: u64,
    invalid_blocks: u64,
    destroyed: u64,
}

impl Kept {
    fn plus(self, other: Self) -> Self {
        Self {
            both: None,
            blocks: self.blocks + other.blocks,
            executions: self.executions + other.executions,
            transactions: self.transactions + other.transactions,
            left_out: self.left_out + other.left_out,
            invalid_blocks: self.invalid_blocks + other.invalid_blocks,
            destroyed: self.destroyed + other.destroyed,
        }
    }

    /// Compares the executions of the scene.
    fn check(
        &mut self,
        what: String,
        scene: Scene,
        seed: u64,
        is_unsteady: bool,
    ) -> Result<(), String> {
        let mut random = Random::new(seed.wrapping_mul(11));
        let mut both = mem::take(&mut self.both).unwrap_or_else(|| Both::of(&scene));
        // All numbers of threads in turn, two and another one each time.
        let threads = match is_unsteady {
            true => [4, random.pick(&THREADS)],
            false => [2, random.pick(&THREADS)],
        };
        let engine = random.pick(&[Engine::Adaptive, Engine::Threaded, Engine::Plain]);
        self.blocks += 1;
        self.executions += threads.len() as u64 + 1;
        let (both, result) = within(LIMIT, &what.clone(), move || {
            both.set_spec(&scene.spec());
            both.set_mode(scene.mode);
            both.set_engine(engine);
            let fault = if is_unsteady { Fault::Unsteady(seed) } else { Fault::None };
            let reader = Faulty::new(&scene.world, fault);
            let result = both.compare(&scene.block, &reader, &threads);
            let result = result.map_err(|error| format!("{what}: {error}\n{scene:#?}"));
            (both, result)
        });
        self.both = Some(both);
        let seen = result?;
        self.invalid_blocks += u64::from(seen.result.is_err());
        self.transactions += seen.transactions().count() as u64;
        let excluded = seen.result.as_ref().map_or(0, |outcome| outcome.excluded.len());
        self.left_out += excluded as u64;
        let gone = seen.steps.iter().filter(|(step, _)| matches!(step, SeenStep::Transaction(..)));
        let gone = gone.flat_map(|(_, delta)| &delta.accounts);
        self.destroyed += gone.filter(|(_, account)| account.storage_wiped).count() as u64;
        Ok(())
    }
}

fn run(
    what: &str,
    seeds: Range<u64>,
    is_unsteady: bool,
    scene: impl Fn(u64) -> Scene + Sync,
) -> Kept {
    let kept = for_each_seed(seeds, |seed, kept: &mut Kept| {
        kept.check(format!("{what}, seed {seed}"), scene(seed), seed, is_unsteady)
    });
    let total = kept.into_iter().fold(Kept::default(), Kept::plus);
    eprintln!(
        "{what}: {} blocks, {} executions compared; {} transactions, {} left out, {} accounts destroyed, {} blocks invalid",
        total.blocks,
        total.executions,
        total.transactions,
        total.left_out,
        total.destroyed,
        total.invalid_blocks
    );
    total
}

fn run_groups(seeds: &Range<u64>, is_unsteady: bool) {
    for group in GROUPS {
        run(group.name, seeds.clone(), is_unsteady, |seed| group.scene(seed));
    }
}

#[test]
fn mocked_blocks_are_the_same_on_any_number_of_threads() {
    run_groups(&GROUP_SEEDS, false);
}

#[test]
fn mocked_blocks_are_the_same_when_reads_take_their_time() {
    run_groups(&(0..6), true);
}

#[test]
fn random_blocks_are_the_same_on_any_number_of_threads() {
    let real = RealCode::of_fixtures(false);
    let total = run("random code", RANDOM_SEEDS, false, |seed| {
        random_blocks::of_code(seed, TRANSACTIONS, &real)
    });
    // A run that has seen too little proves nothing.
    assert!(total.transactions > 5 * total.blocks, "few transactions are valid");
    assert!(total.left_out > total.blocks / 4, "few transactions are invalid");
    assert!(total.invalid_blocks > total.blocks / 20, "few blocks are invalid");
}

#[test]
fn random_lives_of_accounts_are_the_same_on_any_number_of_threads() {
    let total = run("lives of accounts", RANDOM_SEEDS, false, |seed| {
        random_blocks::of_lives(seed, TRANSACTIONS)
    });
    assert!(total.transactions > 5 * total.blocks, "few transactions are valid");
    assert!(total.destroyed > total.blocks / 2, "few accounts are destroyed");
}

#[test]
fn random_blocks_are_the_same_when_reads_take_their_time() {
    let real = RealCode::of_fixtures(false);
    run("random code, unsteady", UNSTEADY_SEEDS, true, |seed| {
        random_blocks::of_code(seed, TRANSACTIONS, &real)
    });
    run("lives of accounts, unsteady", UNSTEADY_SEEDS, true, |seed| {
        random_blocks::of_lives(seed, TRANSACTIONS)
    });
}

#[test]
#[ignore = "as long as one likes: see above"]
fn blocks_of_the_seeds_of_the_environment() {
    let seeds = seeds_of_environment(1_000_000..1_100_000);
    let real = RealCode::of_fixtures(true);
    run("lives of accounts", seeds.clone(), false, |seed| {
        random_blocks::of_lives(seed, TRANSACTIONS)
    });
    run("random code", seeds.clone(), false, |seed| {
        random_blocks::of_code(seed, TRANSACTIONS, &real)
    });
    run("lives of accounts, unsteady", seeds.clone(), true, |seed| {
        random_blocks::of_lives(seed, TRANSACTIONS)
    });
    run("random code, unsteady", seeds.clone(), true, |seed| {
        random_blocks::of_code(seed, TRANSACTIONS, &real)
    });
    run_groups(&seeds, false);
}

/// An address anywhere among all.
fn anywhere(number: u64) -> Address {
    Address::from_word(keccak256(number.to_be_bytes()))
}

/// So many accounts and slots that workers put the write set in order together: accounts whose addresses are spread evenly and
/// such that begin alike, slots of one account and of many of which nothing else changes, storage that is wiped, new contracts,
/// accounts that come to nothing.
#[test]
fn write_sets_of_large_blocks_are_the_same() {
    const EACH: u64 = 1_500;
    let mut scene = Scene::new(Hardfork::Shanghai);
    let keeper = Address::repeat_byte(0xc0);
    scene.contract(keeper, contracts::setter());
    for number in 0..EACH {
        let [a, b, c, d] = [0, 1, 2, 3].map(|kind| person(4 * number + kind));
        for sender in [a, b, c, d] {
            scene.fund(sender, ETHER);
        }
        let at = |number: u64| U256::from(number).wrapping_mul(U256::MAX / U256::from(7));
        let input = words([at(number), U256::from(number % 3)]);
        scene.push_as_it_is(pay(a, anywhere(number), 1 + u128::from(number)));
        scene.push_as_it_is(call(b, keeper, input.clone()));
        let own = anywhere(1_000_000 + number);
        if number % 5 == 0 {
            scene.contract(own, contracts::mortal()).slot(own, 0, number).slot(own, 7, 1);
            let input = if number % 10 == 0 { vec![0; 32] } else { Vec::new() };
            scene.push_as_it_is(call(c, own, input));
        } else {
            scene.contract(own, contracts::setter());
            scene.push_as_it_is(call(c, own, input));
        }
        if number % 50 == 0 {
            let initcode = contracts::deploying(&[], &contracts::counter());
            scene.push_as_it_is(create(d, initcode, 0));
        }
    }
    let mut both = Both::of(&scene);
    let seen = both.compare(&scene.block, &scene.world, &[1, 2, 3, 8]).unwrap();
    let delta = &seen.outcome().state;
    let wiped = delta.accounts.values().filter(|account| account.storage_wiped).count();
    assert_eq!(wiped, EACH as usize / 10, "contracts are destroyed");
    assert!(delta.accounts.len() as u64 > 4 * EACH, "there are many accounts");
    let slots = delta.accounts.get(&keeper).map_or(0, |account| account.storage.len());
    assert!(slots as u64 > EACH / 2, "an account has many slots");
    assert!(!delta.code.is_empty(), "contracts are created");
}

#[test]
fn scenes_are_played_in_every_mode() {
    // The groups and generators are to cover all three modes.
    let modes = (0..60).map(|seed| random_blocks::of_lives(seed, TRANSACTIONS).mode);
    let modes: Vec<Mode> = modes.collect();
    for mode in [Mode::Verify, Mode::Build, Mode::Trace] {
        assert!(modes.contains(&mode), "{mode:?} is not among {modes:?}");
    }
}
