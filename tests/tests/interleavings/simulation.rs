//! One seed: a block, how many workers, and the course that they take.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use braid_executor::{Engine, ExecutionStatus, parallel::ExecutionPath};
use braid_tests::{
    engines::real_code::RealCode,
    parallel::{
        Both, Failure, Seen, SeenStep, Ways,
        faults::{Fault, Faulty, some_read},
        hot_blocks,
        mocked::GROUPS,
        random_blocks,
        scene::Scene,
    },
    random::Random,
    recorder::Read,
};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::turns::{Course, Turns};

/// How many transactions blocks have.
const TRANSACTIONS: Range<u64> = 3..9;

/// Whoever takes more steps than this does not get on: a hundred times as many as blocks need.
const MOST_STEPS: usize = 2_000_000;

/// Stack of a worker: virtual memory, most of which is never touched.
const STACK_BYTES: usize = 4 << 20;

/// What is executed, and by whom.
#[derive(Debug)]
struct Case {
    scene: Scene,
    engine: Engine,
    /// Of the first execution and of the second, for which the executor is kept.
    workers: [usize; 2],
    ways: [Ways; 2],
    /// What cannot be read.
    unreadable: Option<Read>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(29));
        let scenes = (0..).map(|_| scene(&mut random));
        // What is invalid may have been left out.
        let fits = |scene: &Scene| TRANSACTIONS.contains(&(scene.block.transactions.len() as u64));
        let Some(scene) = { scenes }.find(fits) else { unreachable!("there is no last one") };
        let is_unreadable = random.one_in(12);
        let unreadable =
            is_unreadable.then(|| some_read(&mut Both::of(&scene), &scene, &mut random)).flatten();
        Self {
            scene,
            engine: random.pick(&[Engine::Threaded, Engine::Plain]),
            workers: [0; 2].map(|_| random.pick(&[2, 3, 3, 4, 4])),
            ways: [(); 2].map(|()| ways(&mut random)),
            unreadable,
        }
    }

    /// Executes the block sequentially and, with turns, in parallel.
    fn compare(&self) -> Result<Totals, String> {
        let (mut both, block) = (Both::of(&self.scene), &self.scene.block);
        both.set_engine(self.engine);
        let fault = self.unreadable.map_or(Fault::None, Fault::FailsFor);
        let reader = Faulty::new(&self.scene.world, fault);
        // A turn may end where a reader takes its time.
        let reader = Faulty::new(&reader, Fault::Dawdles(Duration::ZERO));
        let expected = both.sequentially(block, &reader);
        let mut totals = Totals::of(&expected);
        let [first, second] = self.workers;
        both.set_ways(self.ways[0]);
        let found = both.in_parallel(block, &reader, first);
        if let Some(difference) = expected.difference(&found) {
            return Err(format!("{first} workers: {difference}"));
        }
        totals.add(both.last_path());
        both.set_ways(self.ways[1]);
        let found = both.without_steps(block, &reader, second);
        if found != expected.result {
            let expected = expected.result;
            return Err(format!("{second} workers then: expected {expected:#?}, found {found:#?}"));
        }
        totals.add(both.last_path());
        Ok(totals)
    }
}

/// The same wherever the tests run: seeds mean the same.
static REAL_CODE: LazyLock<RealCode> = LazyLock::new(RealCode::built_in);

/// A block of any kind, with about the right number of transactions.
fn scene(random: &mut Random) -> Scene {
    let seed = random.next_u64();
    let transactions = random.pick(&[TRANSACTIONS.start, TRANSACTIONS.end - 2])..TRANSACTIONS.end;
    match random.below(10) {
        0..=4 => hot_blocks::of_few(seed, transactions),
        5 | 6 => random_blocks::of_lives(seed, transactions),
        7 | 8 => GROUPS[random.index(GROUPS.len())].scene_with(seed, transactions),
        _ => random_blocks::of_code(seed, transactions, &REAL_CODE),
    }
}

/// Half of the seeds execute each transaction for itself: there is most to go wrong between workers. Nothing rests on how long
/// anything took: the same seed has to go the same way.
fn ways(random: &mut Random) -> Ways {
    let grouped = random.pick(&[0, 1, 2, 3]);
    let count = if random.one_in(2) { grouped } else { 1 };
    let tries = random.pick(&[0, 1, 2, 7, 7, 7]);
    if random.one_in(4) { Ways::early(tries) } else { Ways::groups_of(count, tries) }
}

/// Compares the executions of the block that follows from `seed`. Returns a digest of the course that they took.
///
/// # Errors
/// The difference, with all it takes to see it again.
pub(crate) fn simulate(seed: u64, totals: &mut Totals) -> Result<u64, String> {
    let case = Arc::new(Case::new(seed));
    let course = Arc::<Course>::default();
    let result = Arc::new(Mutex::new(None));
    let work = {
        let (case, result) = (case.clone(), result.clone());
        move || {
            let compared = case.compare();
            *result.lock().unwrap() = Some(compared);
        }
    };
    in_turns(seed, &course, work);
    let compared = result.lock().unwrap().take().unwrap();
    let seen =
        compared.map_err(|difference| format!("{}: {difference}\n{case:#?}", again(seed)))?;
    let (choices, switches) = (course.choices(), course.switches());
    *totals = std::mem::take(totals).plus(Totals { choices, switches, ..seen });
    Ok(course.digest())
}

/// Does the work, whose threads take turns as `seed` has it.
pub(crate) fn in_turns(seed: u64, course: &Arc<Course>, work: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(MOST_STEPS);
    config.silence_warnings = true;
    // What panics here gets no further than this line.
    let reports_panic = ReportsPanic(seed);
    Runner::new(Turns::new(seed, course.clone()), config).run(work);
    drop(reports_panic);
}

/// How to see it again.
pub(crate) fn again(seed: u64) -> String {
    format!("BRAID_SEEDS={seed}..{}", seed + 1)
}

/// Tells which seed it was when a panic passes by: a deadlock, or an assertion.
struct ReportsPanic(u64);

impl Drop for ReportsPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: panics", again(self.0));
        }
    }
}

macro_rules! totals {
    ($($field:ident: $what:literal,)*) => {
        /// What was seen.
        #[derive(Debug, Default)]
        pub(crate) struct Totals {
            $(pub(crate) $field: u64,)*
        }

        impl Totals {
            pub(crate) fn plus(self, other: Self) -> Self {
                Self { $($field: self.$field + other.$field,)* }
            }
        }

        impl fmt::Display for Totals {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, "{:>14} {}", self.$field, $what)?;)*
                Ok(())
            }
        }
    };
}

totals! {
    seeds: "seeds",
    transactions: "transactions",
    failures: "of them failed or reverted",
    left_out: "invalid ones left out",
    destroyed: "accounts destroyed",
    invalid: "invalid blocks",
    unreadable: "blocks that could not be read",
    parallel: "executions in parallel",
    commits: "transactions committed",
    first_commits: "of them with their first execution",
    executions: "executions of them",
    aborts: "executions aborted because of what others wrote after they had read",
    repeated: "executions repeated because they did not hold when they were to be committed",
    waits: "executions that met an estimate, waited and went on",
    sleeps: "times that a worker slept",
    choices: "steps with a choice of who takes it",
    switches: "of them given to another worker",
}

impl Totals {
    fn of(seen: &Seen) -> Self {
        let deltas =
            seen.steps.iter().filter(|(step, _)| matches!(step, SeenStep::Transaction(..)));
        let accounts = deltas.flat_map(|(_, delta)| delta.accounts.values());
        let excluded = seen.result.as_ref().map_or(0, |outcome| outcome.excluded.len());
        let outcomes = || seen.transactions().map(|(_, outcome)| outcome.status);
        let failed = |status: &ExecutionStatus| !status.is_success();
        Self {
            seeds: 1,
            transactions: outcomes().count() as u64,
            failures: outcomes().filter(failed).count() as u64,
            left_out: excluded as u64,
            destroyed: accounts.filter(|account| account.storage_wiped).count() as u64,
            invalid: matches!(seen.result, Err(Failure::Invalid(_))).into(),
            unreadable: matches!(seen.result, Err(Failure::State(_))).into(),
            ..Self::default()
        }
    }

    /// Adds what was counted in an execution.
    fn add(&mut self, path: ExecutionPath) {
        let ExecutionPath::Parallel(counters) = path else { return };
        self.parallel += 1;
        self.commits += counters.commits;
        self.first_commits += counters.first_commits;
        self.executions += counters.executions;
        self.aborts += counters.aborts;
        self.repeated += counters.head_reexecutions;
        self.waits += counters.blocks;
        self.sleeps += counters.parks;
    }

    /// A run that has seen too little proves nothing.
    pub(crate) fn assert_that_enough_was_seen(&self) {
        let at_least = |count: u64, one_in: u64, what: &str| {
            assert!(count >= self.seeds / one_in, "{what}: {count} in {} seeds", self.seeds);
        };
        at_least(self.transactions, 1, "transactions");
        at_least(self.failures, 4, "transactions that fail");
        at_least(self.left_out, 10, "transactions that are left out");
        at_least(self.destroyed, 20, "accounts that are destroyed");
        at_least(self.invalid, 50, "invalid blocks");
        at_least(self.unreadable, 50, "blocks that cannot be read");
        at_least(self.executions - self.commits, 4, "repeated executions");
        at_least(self.aborts, 10, "aborted executions");
        at_least(self.repeated, 10, "executions that do not hold at their commit");
        at_least(self.waits, 50, "reads of estimates");
        at_least(self.sleeps, 1, "workers that sleep");
        at_least(self.switches / 100, 1, "changes of turns");
    }
}
