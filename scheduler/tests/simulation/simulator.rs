//! Runs a block with virtual workers, one step of one of them at a time.

use braid_scheduler::Scheduler;

use crate::{
    memory::Memory,
    program::{Program, random_program, run_sequentially},
    random::Random,
    worker::{Shared, Watch, Worker},
};

/// What has happened: compared with the scheduler's own counters, and over all seeds nothing may be missing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) executions: u64,
    pub(crate) first_commits: u64,
    pub(crate) aborts: u64,
    pub(crate) blocks: u64,
    pub(crate) go_ons: u64,
    pub(crate) resumes: u64,
    pub(crate) hand_overs: u64,
    pub(crate) head_reexecutions: u64,
    pub(crate) waits_before_start: u64,
    pub(crate) let_go: u64,
    pub(crate) leads: u64,
    /// Those that came after another of their batch.
    pub(crate) led_after_others: u64,
    pub(crate) claimed_alone: u64,
    pub(crate) claimed_alone_after: u64,
    /// Those that were left to the holder of the token.
    pub(crate) left: u64,
    /// Those that began before others below them.
    pub(crate) early: u64,
    pub(crate) sleeps: u64,
    pub(crate) halts: u64,
    /// If the head is being decided for the second time.
    pub(crate) is_head_repeated: bool,
}

impl Seen {
    fn counts(&self) -> [u64; 18] {
        [
            self.executions,
            self.first_commits,
            self.aborts,
            self.blocks,
            self.go_ons,
            self.resumes,
            self.hand_overs,
            self.head_reexecutions,
            self.waits_before_start,
            self.let_go,
            self.leads,
            self.led_after_others,
            self.claimed_alone,
            self.claimed_alone_after,
            self.left,
            self.early,
            self.sleeps,
            self.halts,
        ]
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.executions += other.executions;
        self.first_commits += other.first_commits;
        self.aborts += other.aborts;
        self.blocks += other.blocks;
        self.go_ons += other.go_ons;
        self.resumes += other.resumes;
        self.hand_overs += other.hand_overs;
        self.head_reexecutions += other.head_reexecutions;
        self.waits_before_start += other.waits_before_start;
        self.let_go += other.let_go;
        self.leads += other.leads;
        self.led_after_others += other.led_after_others;
        self.claimed_alone += other.claimed_alone;
        self.claimed_alone_after += other.claimed_alone_after;
        self.left += other.left;
        self.early += other.early;
        self.sleeps += other.sleeps;
        self.halts += other.halts;
    }

    /// Seeds that never reach a branch test nothing there.
    pub(crate) fn assert_everything_happened(&self) {
        assert!(self.counts().iter().all(|count| *count > 0), "{self:?}");
    }
}

/// Far more than a block of this size takes.
const MOST_STEPS: u64 = 100_000;

/// A block that follows from a seed.
struct Block {
    programs: Vec<Program>,
    cells: usize,
    batches: Vec<u32>,
    dependencies: Vec<(u32, u32)>,
    left: Vec<u32>,
    early: Vec<u32>,
    window: u32,
    workers: usize,
}

fn random_block(random: &mut Random) -> Block {
    let transactions = 3 + random.below(6);
    let cells = 1 + random.below(5) as usize;
    let operations = 2 + random.below(10);
    let longest_batch = if random.one_in(2) { 1 } else { 4 };
    let dependencies = random.below(3);
    let left_one_in = random.below(4);
    let early_one_in = random.below(4);
    let batches: Vec<_> =
        (0..transactions).map(|_| 1 + random.below(longest_batch) as u32).collect();
    let left: Vec<_> = (0..transactions as u32)
        .filter(|_| left_one_in > 0 && random.one_in(left_one_in))
        .collect();
    let early = batches_of_one(&batches, transactions as u32)
        .filter(|tx| !left.contains(tx) && early_one_in > 0 && random.one_in(early_one_in))
        .collect();
    Block {
        programs: (0..transactions).map(|_| random_program(random, cells, operations)).collect(),
        cells,
        batches,
        dependencies: (0..dependencies)
            .map(|_| {
                let tx = 1 + random.below(transactions - 1);
                (tx as u32, random.below(tx) as u32)
            })
            .collect(),
        left,
        early,
        window: 1 + random.below(transactions + 2) as u32,
        workers: 1 + random.below(5) as usize,
    }
}

/// The transactions that are claimed alone.
pub(crate) fn batches_of_one(batches: &[u32], transactions: u32) -> impl Iterator<Item = u32> {
    let ends = batches.iter().scan(0, |end, length| {
        *end += length;
        Some(*end)
    });
    ends.zip(batches)
        .filter(|(_, length)| **length == 1)
        .map(|(end, _)| end - 1)
        .take_while(move |tx| *tx < transactions)
}

/// Runs the block of a seed, checks what came out, and tells what happened.
pub(crate) fn simulate(seed: u64) -> Seen {
    let mut random = Random::new(seed);
    let block = random_block(&mut random);
    let transactions = block.programs.len() as u32;
    let mut scheduler = Scheduler::new(block.workers);
    scheduler.reset(transactions, block.batches.iter().copied(), block.window);
    for (tx, on) in &block.dependencies {
        scheduler.depends_on(*tx, *on);
    }
    block.left.iter().for_each(|tx| scheduler.leave(*tx));
    block.early.iter().for_each(|tx| scheduler.begin_early(*tx));
    let memory = Memory::new(block.cells, transactions);
    let shared = Shared {
        scheduler: &scheduler,
        memory: &memory,
        programs: &block.programs,
        left: &block.left,
        early: &block.early,
        validates_one_in: [0, 1, 1, 3][random.below(4) as usize],
        aborts_one_in: [0, 4, 32][random.below(3) as usize],
        keeps_one_in: random.below(4),
        leads_one_in: random.below(3),
        goes_alone_one_in: random.below(3),
        lets_go_one_in: 16,
        most_window: block.window,
        longest_batch: block.batches.iter().copied().max().unwrap(),
    };
    let mut watch = Watch { executing: vec![None; transactions as usize], ..Watch::default() };
    let halt_one_in = if random.one_in(8) { 200 } else { u64::MAX };
    run(seed, &shared, &mut watch, &mut random, block.workers, halt_one_in);

    let committed: Vec<u32> = (0..scheduler.frontier()).collect();
    assert_eq!(watch.committed, committed, "P1, seed {seed}");
    let (counters, seen) = (scheduler.counters(), watch.seen);
    assert_eq!(counters.commits, u64::from(scheduler.frontier()), "seed {seed}");
    assert_eq!(counters.first_commits, seen.first_commits, "seed {seed}");
    assert_eq!(counters.aborts, seen.aborts, "seed {seed}");
    assert_eq!(counters.blocks, seen.blocks, "seed {seed}");
    assert_eq!(counters.parks, seen.sleeps, "seed {seed}");
    assert_eq!(counters.head_reexecutions, seen.head_reexecutions, "seed {seed}");
    if !scheduler.is_halted() {
        assert_eq!(committed.len(), block.programs.len(), "seed {seed}");
        let expected = run_sequentially(&block.programs, block.cells);
        assert_eq!(memory.last_values(), expected, "seed {seed}");
        assert_eq!(counters.executions, seen.executions, "seed {seed}");
        let repeated = counters.aborts + counters.head_reexecutions;
        assert_eq!(counters.executions, counters.commits + repeated, "seed {seed}");
    }
    seen
}

fn run(
    seed: u64,
    shared: &Shared<'_>,
    watch: &mut Watch,
    random: &mut Random,
    workers: usize,
    halt_one_in: u64,
) {
    let mut workers: Vec<_> = (0..workers).map(Worker::new).collect();
    for _ in 0..MOST_STEPS {
        if random.one_in(halt_one_in) && !shared.scheduler.is_halted() {
            shared.scheduler.halt();
            watch.seen.halts += 1;
        }
        let able: Vec<usize> =
            (0..workers.len()).filter(|number| workers[*number].can_run()).collect();
        if able.is_empty() {
            let are_finished = workers.iter().all(Worker::is_finished);
            assert!(are_finished, "P4: all sleep, seed {seed}: {:?}", shared.scheduler);
            return;
        }
        let chosen = able[random.below(able.len() as u64) as usize];
        workers[chosen].step(shared, watch, random);
    }
    panic!("P5: no end, seed {seed}: {:?}", shared.scheduler);
}
