//! Blocks are the same on any number of threads: groups of mocked blocks, and random ones.
//!
//! A longer run, or one of other seeds:
//!
//! ```text
//! BRAID_SEEDS=1000000..2000000 cargo test --release -p braid-tests --test parallel_groups -- --ignored
//! ```

use std::{mem, ops::Range, time::Duration};

use braid_executor::{Engine, Mode};
use braid_precompiles::DefaultCrypto;
use braid_primitives::{ChainSpec, Hardfork};
use braid_tests::{
    engines::{for_each_seed, real_code::RealCode},
    parallel::{
        Both, SeenStep, THREADS,
        faults::{Fault, Faulty},
        mocked::GROUPS,
        random_blocks,
        scene::Scene,
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
        let mut both = mem::take(&mut self.both).unwrap_or_else(|| {
            Both::new(ChainSpec::single(Hardfork::Frontier), DefaultCrypto::new())
        });
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
    let total = run("random code", RANDOM_SEEDS, false, |seed| random_blocks::of_code(seed, &real));
    // A run that has seen too little proves nothing.
    assert!(total.transactions > 5 * total.blocks, "few transactions are valid");
    assert!(total.left_out > total.blocks / 4, "few transactions are invalid");
    assert!(total.invalid_blocks > total.blocks / 20, "few blocks are invalid");
}

#[test]
fn random_lives_of_accounts_are_the_same_on_any_number_of_threads() {
    let total = run("lives of accounts", RANDOM_SEEDS, false, random_blocks::of_lives);
    assert!(total.transactions > 5 * total.blocks, "few transactions are valid");
    assert!(total.destroyed > total.blocks / 2, "few accounts are destroyed");
}

#[test]
fn random_blocks_are_the_same_when_reads_take_their_time() {
    let real = RealCode::of_fixtures(false);
    run("random code, unsteady", UNSTEADY_SEEDS, true, |seed| random_blocks::of_code(seed, &real));
    run("lives of accounts, unsteady", UNSTEADY_SEEDS, true, random_blocks::of_lives);
}

#[test]
#[ignore = "as long as one likes: see above"]
fn blocks_of_the_seeds_of_the_environment() {
    let seeds = seeds_of_environment(1_000_000..1_100_000);
    let real = RealCode::of_fixtures(true);
    run("lives of accounts", seeds.clone(), false, random_blocks::of_lives);
    run("random code", seeds.clone(), false, |seed| random_blocks::of_code(seed, &real));
    run("lives of accounts, unsteady", seeds.clone(), true, random_blocks::of_lives);
    run("random code, unsteady", seeds.clone(), true, |seed| random_blocks::of_code(seed, &real));
    run_groups(&seeds, false);
}

#[test]
fn scenes_are_played_in_every_mode() {
    // The groups and generators are to cover all three modes.
    let modes = (0..60).map(|seed| random_blocks::of_lives(seed).mode);
    let modes: Vec<Mode> = modes.collect();
    for mode in [Mode::Verify, Mode::Build, Mode::Trace] {
        assert!(modes.contains(&mode), "{mode:?} is not among {modes:?}");
    }
}
