//! The same blocks, larger, on real threads. A block that hangs ends the test with the scheduler's state.

use std::{
    collections::BTreeSet,
    ops::Range,
    process::abort,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use braid_scheduler::{Blocked, Claim, Commit, RunError, Scheduler, Task, WorkerPool};

use crate::{
    memory::{Execution, Memory, Step},
    program::{Program, random_program, run_sequentially},
    random::Random,
    simulator::batches_of_one,
};

/// Far more than a block takes, on a machine that has much else to do.
const TIME_OUT: Duration = Duration::from_secs(120);

struct Block<'b> {
    scheduler: &'b Scheduler,
    memory: &'b Memory,
    programs: &'b [Program],
    /// In the order in which they were committed.
    committed: Mutex<Vec<u32>>,
    /// A worker panics when it gets to this transaction.
    panics_at: Option<u32>,
    /// How many were led.
    led: AtomicU32,
}

impl Block<'_> {
    fn work(&self, worker: usize) {
        loop {
            match self.scheduler.next_or_wait(worker) {
                Task::Commit(commit) => self.commit(commit),
                Task::Reexecute(claim) => self.execute(claim),
                Task::Execute(batch) => {
                    let mut transactions = batch.transactions();
                    while let Some(tx) = transactions.next() {
                        if let Some(commit) = self.scheduler.lead(tx) {
                            self.lead((tx, &mut transactions), commit);
                            continue;
                        }
                        if let Some(claim) = self.scheduler.start(tx) {
                            self.execute(claim);
                        }
                        if let Some(commit) = self.scheduler.try_commit() {
                            self.commit(commit);
                        }
                    }
                }
                Task::Idle => panic!("it waits instead"),
                Task::Finished => return,
            }
        }
    }

    /// Executes the claim and those that are handed over after it.
    fn execute(&self, claim: Claim) {
        let mut next = Some(claim);
        while let Some(claim) = next {
            next = self.execute_one(claim);
        }
    }

    fn execute_one(&self, mut claim: Claim) -> Option<Claim> {
        let tx = claim.tx();
        assert_ne!(Some(tx), self.panics_at, "on purpose");
        let mut execution = None;
        let execution = loop {
            let resumes = claim.resume() && execution.is_none();
            let mut running = execution.take().unwrap_or_else(|| {
                if resumes { self.memory.take_kept(tx) } else { Execution::new(tx) }
            });
            match running.step(&self.programs[tx as usize], self.memory) {
                Step::Ran => execution = Some(running),
                Step::Ended => break running,
                Step::Met(on) => {
                    self.memory.keep(running);
                    match self.scheduler.block(claim, on, true) {
                        Blocked::Waiting => return None,
                        Blocked::GoOn(same) => claim = same,
                    }
                    execution = Some(self.memory.take_kept(tx));
                }
            }
        };
        execution.publish(claim.incarnation(), self.memory);
        let next = self.scheduler.executed(claim).next;
        self.validate_above(tx);
        next
    }

    fn validate_above(&self, tx: u32) {
        for (above, incarnation) in self.scheduler.executed_above(tx, u32::MAX).take(8) {
            if !self.memory.is_valid(above, incarnation, false) {
                let mark = || self.memory.mark_estimates(above, incarnation);
                self.scheduler.abort(above, incarnation, mark);
            }
        }
    }

    /// Executes the frontier's transaction and those that follow it, and commits each at once.
    fn lead(&self, (first, following): (u32, &mut Range<u32>), mut commit: Commit<'_>) {
        let mut next = Some(first);
        while let Some(tx) = next {
            self.lead_one(tx, &mut commit);
            next = if self.scheduler.is_halted() { None } else { following.next() };
        }
        self.commit(commit);
    }

    fn lead_one(&self, tx: u32, commit: &mut Commit<'_>) {
        if Some(tx) == self.panics_at {
            // The token must not be free for others before they learn of the panic.
            self.scheduler.halt();
            panic!("on purpose");
        }
        let mut execution = Execution::new(tx);
        loop {
            match execution.step(&self.programs[tx as usize], self.memory) {
                Step::Ran => {}
                Step::Ended => break,
                Step::Met(on) => panic!("{tx} is led and meets an estimate of {on}"),
            }
        }
        execution.publish(0, self.memory);
        self.committed.lock().unwrap().push(tx);
        commit.led(tx);
        self.led.fetch_add(1, Ordering::Relaxed);
    }

    fn commit(&self, mut commit: Commit<'_>) {
        let mut repeated = None;
        loop {
            if let Some(tx) = commit.left() {
                self.lead_one(tx, &mut commit);
                continue;
            }
            let Some(head) = commit.head() else { break };
            let tx = head.tx();
            if self.memory.is_valid_at_head(tx, head.incarnation()) {
                self.committed.lock().unwrap().push(tx);
                commit.committed(head, repeated != Some(tx));
            } else {
                assert_ne!(repeated.replace(tx), Some(tx), "what was read at the head is final");
                let claim = commit.reexecute(head);
                self.execute(claim);
            }
        }
    }
}

/// Runs `work`; if that takes too long, the process ends with the scheduler's state.
fn watched<R>(scheduler: &Scheduler, work: impl FnOnce() -> R) -> R {
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if is_done.recv_timeout(TIME_OUT) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("no end: {scheduler:#?}");
                abort();
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// What a block is made of.
struct Shape {
    transactions: u32,
    cells: usize,
    batch: u32,
    window: u32,
    workers: usize,
    /// Every so many transactions depend on the one before, and this is known.
    dependent_one_in: u64,
    /// Every so many are left to the holder of the token.
    left_one_in: u64,
    /// Every so many of those that are claimed alone begin early.
    early_one_in: u64,
}

fn run(pool: &mut WorkerPool, scheduler: &mut Scheduler, seed: u64, shape: &Shape) {
    let mut random = Random::new(seed);
    let transactions = 0..shape.transactions;
    let programs: Vec<_> =
        transactions.clone().map(|_| random_program(&mut random, shape.cells, 8)).collect();
    scheduler.set_workers(shape.workers);
    let batches: Vec<_> =
        transactions.clone().map(|_| 1 + random.below(shape.batch.into()) as u32).collect();
    scheduler.reset(shape.transactions, batches.iter().copied(), shape.window);
    let mut random = Random::new(!seed);
    for tx in transactions.clone().skip(1) {
        if random.one_in(shape.dependent_one_in) {
            scheduler.depends_on(tx, tx - 1);
        }
    }
    let alone: BTreeSet<u32> = batches_of_one(&batches, shape.transactions).collect();
    for tx in transactions.clone().skip(1) {
        if random.one_in(shape.left_one_in) {
            scheduler.leave(tx);
        } else if random.one_in(shape.early_one_in) && alone.contains(&tx) {
            scheduler.begin_early(tx);
        }
    }
    let memory = Memory::new(shape.cells, shape.transactions);
    let committed = Mutex::default();
    let scheduler = &*scheduler;
    let block = Block {
        scheduler,
        memory: &memory,
        programs: &programs,
        committed,
        panics_at: None,
        led: AtomicU32::new(0),
    };
    let body = |worker| block.work(worker);
    watched(scheduler, || pool.run(shape.workers, body, || scheduler.halt())).unwrap();

    let led = block.led.load(Ordering::Relaxed);
    assert!(led > 0 || shape.transactions == 0, "who begins the first batch leads");
    assert!(block.committed.into_inner().unwrap().into_iter().eq(transactions), "P1");
    assert_eq!(memory.last_values(), run_sequentially(&programs, shape.cells));
    let counters = scheduler.counters();
    assert_eq!(counters.commits, u64::from(shape.transactions));
    let repeated = counters.aborts + counters.head_reexecutions;
    assert_eq!(counters.executions, counters.commits + repeated);
}

#[test]
fn threads_commit_what_sequential_execution_gives() {
    let mut pool = WorkerPool::new(1).unwrap();
    let mut scheduler = Scheduler::new(1);
    let mut seed = 0;
    for workers in 1..=8 {
        for (window, batch, cells) in
            [(1, 1, 50), (2, 1, 3), (16, 1, 200), (64, 4, 20), (256, 32, 1_000), (5_000, 1, 5_000)]
        {
            seed += 1;
            let dependent_one_in = 1 + seed % 5;
            let left_one_in = 1 + seed % 7;
            let transactions = 2_000;
            let shape = Shape {
                transactions,
                cells,
                batch,
                window,
                workers,
                dependent_one_in,
                left_one_in,
                early_one_in: 1 + seed % 11,
            };
            run(&mut pool, &mut scheduler, seed, &shape);
        }
    }
    assert_eq!(pool.workers(), 8);
}

#[test]
fn many_small_blocks_end() {
    let mut pool = WorkerPool::new(4).unwrap();
    let mut scheduler = Scheduler::new(4);
    for seed in 0..2_000 {
        let transactions = (seed % 9) as u32;
        let (workers, window) = (1 + (seed % 4) as usize, 1 + (seed % 7) as u32);
        let batch = 1 + (seed % 3) as u32;
        let left_one_in = 1 + seed % 5;
        let shape = Shape {
            transactions,
            cells: 3,
            batch,
            window,
            workers,
            dependent_one_in: 4,
            left_one_in,
            early_one_in: 1 + seed % 3,
        };
        run(&mut pool, &mut scheduler, seed, &shape);
    }
}

#[test]
fn a_panic_halts_the_block_and_the_pool_runs_the_next() {
    let mut pool = WorkerPool::new(4).unwrap();
    let mut scheduler = Scheduler::new(4);
    for panics_at in [0, 1, 50, 99] {
        scheduler.reset(100, std::iter::empty(), 100);
        for tx in 1..100 {
            scheduler.depends_on(tx, tx - 1);
        }
        let memory = Memory::new(1, 100);
        let programs = vec![Vec::new(); 100];
        let block = Block {
            scheduler: &scheduler,
            memory: &memory,
            programs: &programs,
            committed: Mutex::default(),
            panics_at: Some(panics_at),
            led: AtomicU32::new(0),
        };
        let body = |worker| block.work(worker);
        let outcome = watched(&scheduler, || pool.run(4, body, || scheduler.halt()));
        let Err(RunError::Panicked { message, .. }) = outcome else { panic!("{outcome:?}") };
        assert!(message.contains("on purpose"), "{message}");
        assert!(scheduler.frontier() <= panics_at);
        assert!(scheduler.is_halted());
    }
    scheduler.reset(0, std::iter::empty(), 1);
    assert!(!scheduler.is_halted());
    pool.run(4, |worker| assert!(matches!(scheduler.next_or_wait(worker), Task::Finished)), || {})
        .unwrap();
}
