//! How long a block would take with so many workers, if its transactions took the times that are given: the real scheduler,
//! with virtual workers whose steps take virtual time.

use std::{env, fs};

use braid_scheduler::Scheduler;

use crate::{
    memory::Memory,
    program::{Cell, Operation, Program, run_sequentially},
    random::Random,
    worker::{Shared, Watch, Worker},
};

/// A transaction: how long it executes, and which cells it reads and writes: reads are spread over its time, writes follow
/// them.
struct Measured {
    duration_ns: u64,
    program: Program,
}

impl Measured {
    fn new(duration_ns: u64, reads: &[usize], writes: &[usize]) -> Self {
        let reads = reads.iter().map(|cell| Operation::Read(Cell::Fixed(*cell)));
        let writes = writes.iter().map(|cell| Operation::Write(Cell::Fixed(*cell)));
        Self { duration_ns, program: reads.chain(writes).collect() }
    }
}

/// How long what workers do beside executing takes, in nanoseconds.
struct Costs {
    step_ns: u64,
    commit_ns: u64,
    wake_up_ns: u64,
}

/// Next to nothing.
const LOW: Costs = Costs { step_ns: 20, commit_ns: 100, wake_up_ns: 5_000 };

/// About what they are, without commits.
const MEASURED: Costs = Costs { step_ns: 50, commit_ns: 0, wake_up_ns: 50_000 };

/// The virtual time that the block takes, in nanoseconds, and the number of executions.
fn makespan(block: &[Measured], costs: &Costs, shape: (usize, u32, u32)) -> (u64, u64) {
    makespan_with_early(block, costs, shape, &[])
}

/// The same, where some transactions begin early.
fn makespan_with_early(
    block: &[Measured],
    costs: &Costs,
    (workers, batch, window): (usize, u32, u32),
    early: &[u32],
) -> (u64, u64) {
    let programs: Vec<_> = block.iter().map(|measured| measured.program.clone()).collect();
    let cells = programs.iter().flatten().filter_map(|operation| match operation {
        Operation::Read(cell) | Operation::Write(cell) => Some(cell.index(0) + 1),
        Operation::MayEnd => None,
    });
    let cells = cells.max().unwrap_or(0);
    let mut scheduler = Scheduler::new(workers);
    scheduler.reset(block.len() as u32, std::iter::repeat(batch), window);
    early.iter().for_each(|tx| scheduler.begin_early(*tx));
    let memory = Memory::new(cells, block.len() as u32);
    let shared = Shared {
        scheduler: &scheduler,
        memory: &memory,
        programs: &programs,
        left: &[],
        early,
        validates_one_in: 1,
        aborts_one_in: 0,
        keeps_one_in: 1,
        leads_one_in: 1,
        goes_alone_one_in: 1,
        lets_go_one_in: 0,
        most_window: window,
        longest_batch: batch,
    };
    let mut watch = Watch { executing: vec![None; block.len()], ..Watch::default() };
    let mut random = Random::new(0);
    let mut workers: Vec<_> = (0..workers).map(Worker::new).collect();
    // When each worker's next step takes effect; sleepers have none.
    let mut due: Vec<Option<u64>> = vec![Some(0); workers.len()];
    let mut now = 0;
    while let Some((next, time)) =
        (0..).zip(&due).filter_map(|(worker, due)| Some((worker, (*due)?))).min_by_key(|d| d.1)
    {
        now = time;
        let worker: &mut Worker<'_> = &mut workers[next];
        worker.step(&shared, &mut watch, &mut random);
        let cost = match worker.executes() {
            Some(tx) => {
                let measured = &block[tx as usize];
                // Each operation, and the end.
                measured.duration_ns / (measured.program.len() as u64 + 1)
            }
            None if worker.decides() => costs.commit_ns,
            None => costs.step_ns,
        };
        due[next] = worker.can_run().then_some(now + cost);
        for (worker, due) in workers.iter().zip(&mut due) {
            if due.is_none() && worker.can_run() {
                *due = Some(now + costs.wake_up_ns);
            }
        }
    }
    assert_eq!(scheduler.frontier() as usize, block.len(), "{scheduler:?}");
    assert_eq!(memory.last_values(), run_sequentially(&programs, cells));
    (now, scheduler.counters().executions)
}

fn sum_ns(block: &[Measured]) -> u64 {
    block.iter().map(|measured| measured.duration_ns).sum()
}

#[test]
fn independent_transactions_take_their_share() {
    let block: Vec<_> = (0..2_000).map(|tx| Measured::new(10_000, &[tx], &[tx])).collect();
    for workers in [1, 2, 8, 32] {
        let (time, executions) = makespan(&block, &LOW, (workers, 1, 256));
        assert_eq!(executions, 2_000);
        let share = sum_ns(&block) / workers as u64;
        assert!(time >= share && time < share * 5 / 4, "{workers}: {time}, not about {share}");
    }
}

#[test]
fn a_chain_takes_as_long_with_many_workers_as_with_one() {
    let block: Vec<_> = (0..1_000).map(|_| Measured::new(10_000, &[0], &[0])).collect();
    let (alone, executions) = makespan(&block, &LOW, (1, 1, 64));
    assert_eq!(executions, 1_000);
    for workers in [2, 8, 32] {
        let (time, executions) = makespan(&block, &LOW, (workers, 1, 64));
        assert!(time < alone * 5 / 4, "{workers}: {time}, alone {alone}, executions {executions}");
    }
}

#[test]
fn a_long_transaction_at_the_front_does_not_hold_up_others() {
    let long = std::iter::once(Measured::new(1_000_000, &[0], &[0]));
    let block: Vec<_> =
        long.chain((1..401).map(|tx| Measured::new(10_000, &[tx], &[tx]))).collect();
    let (time, _) = makespan(&block, &LOW, (5, 1, 512));
    assert!(time < 1_200_000, "{time}");
    // With a small window they have to wait for it.
    let (time, _) = makespan(&block, &LOW, (5, 1, 8));
    assert!(time > 1_800_000, "{time}");
}

#[test]
fn a_long_transaction_that_begins_early_does_not_end_last() {
    let short = (0..400).map(|tx| Measured::new(10_000, &[tx], &[tx]));
    let mut block: Vec<_> = short.chain([Measured::new(1_000_000, &[400], &[400])]).collect();
    let shape = (2, 1, 512);
    let (in_order, _) = makespan(&block, &LOW, shape);
    let (early, executions) = makespan_with_early(&block, &LOW, shape, &[400]);
    assert_eq!(executions, 401);
    assert!(in_order > 3_000_000 && early < 2_600_000, "{in_order}, {early}");
    // If it reads what others write later it is executed again.
    block[400] = Measured::new(1_000_000, &[399], &[400]);
    let (in_vain, executions) = makespan_with_early(&block, &LOW, shape, &[400]);
    assert!(executions > 401 && in_vain > early, "{executions}, {in_vain}");
    // Beyond the window it waits.
    let (narrow, _) = makespan_with_early(&block, &LOW, (2, 1, 8), &[400]);
    assert!(narrow > 2_900_000, "{narrow}");
}

#[test]
fn what_begins_early_is_not_executed_again_for_each_that_it_read_from() {
    let writers = (0..200).map(|tx| Measured::new(10_000, &[tx], &[tx]));
    let all: Vec<_> = (0..200).collect();
    for reader_ns in [2_000, 20_000, 200_000] {
        let block: Vec<_> =
            writers.clone().chain([Measured::new(reader_ns, &all, &[200])]).collect();
        for workers in [2, 4, 8] {
            let shape = (workers, 1, 512);
            let (_, executions) = makespan_with_early(&block, &LOW, shape, &[200]);
            // Early, at its turn, and once at most for each that others still execute when all have begun.
            let most = 200 + 2 + workers as u64 - 1;
            assert!((202..=most).contains(&executions), "{executions} on {workers}, {reader_ns}");
        }
    }
}

/// Cells of a column: numbers with commas, or `-`.
fn cells_of(column: &str) -> Vec<usize> {
    column.split(',').filter(|cell| *cell != "-").map(|cell| cell.parse().unwrap()).collect()
}

/// Each line: the transaction's nanoseconds, the cells that it reads, the cells that it writes.
fn parse(text: &str) -> Vec<Measured> {
    let parse = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let [duration_ns, reads, writes] = columns[..] else { panic!("three columns: {line}") };
        Measured::new(duration_ns.parse().unwrap(), &cells_of(reads), &cells_of(writes))
    };
    text.lines().map(parse).collect()
}

#[test]
fn measured_blocks_are_read() {
    let block = parse("300 0,1 1\n200 - -\n");
    let (time, executions) = makespan(&block, &LOW, (1, 1, 4));
    assert!(time >= 400 && executions == 2, "{time}");
}

/// Scaling of the blocks in the folder that `BRAID_GRAPHS` names, as `braid bench --save-graphs` writes them.
#[test]
#[ignore = "needs measured blocks"]
fn scaling_of_measured_blocks() {
    const WORKERS: [usize; 6] = [1, 2, 4, 8, 16, 32];
    let folder = env::var("BRAID_GRAPHS").expect("BRAID_GRAPHS names a folder");
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    println!("speed-up over the sum of all transactions, simulated, with as many workers");
    print!("{:28} {:>7} {:>9} {:>10}", "block", "txs", "commit ns", "sum ms");
    WORKERS.iter().for_each(|workers| print!(" {workers:>6}"));
    println!();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let (commit_ns, lines) = text.strip_prefix("commit ").unwrap().split_once('\n').unwrap();
        let costs = Costs { commit_ns: commit_ns.parse().unwrap(), ..MEASURED };
        let block = parse(lines);
        let serial = sum_ns(&block);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        print!("{name:28} {:>7} {commit_ns:>9} {:>10.3}", block.len(), serial as f64 / 1e6);
        for workers in WORKERS {
            // What the executor asks for.
            let window = (128 * workers as u32).min(2_048).min(block.len() as u32).max(1);
            let (time, _) = makespan(&block, &costs, (workers, 1, window));
            print!(" {:>6.2}", serial as f64 / time as f64);
        }
        println!();
    }
}
