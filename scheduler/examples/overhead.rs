//! What scheduling costs: nanoseconds per transaction of blocks whose transactions do nothing.
//!
//! `cargo run --release -p braid-scheduler --example overhead`

#![cfg_attr(loom, expect(unused, reason = "not for models"))]

use std::{error::Error, hint::black_box, time::Instant};

use braid_scheduler::{Claim, Scheduler, Task};

const TRANSACTIONS: u32 = 10_000;
const ROUNDS: u32 = 200;

fn execute(scheduler: &Scheduler, claim: Claim) {
    let mut next = Some(claim);
    while let Some(claim) = next {
        black_box(claim.tx());
        next = scheduler.executed(claim).next;
    }
}

fn work(scheduler: &Scheduler, worker: usize) {
    loop {
        match scheduler.next_or_wait(worker) {
            Task::Commit(mut commit) => {
                while let Some(head) = commit.head() {
                    commit.committed(head, true);
                }
            }
            Task::Reexecute(claim) => execute(scheduler, claim),
            Task::Execute(batch) => {
                for tx in batch.transactions() {
                    if let Some(claim) = scheduler.start(tx) {
                        execute(scheduler, claim);
                    }
                }
            }
            Task::Idle => {}
            Task::Finished => return,
        }
    }
}

#[cfg(not(loom))]
fn main() -> Result<(), Box<dyn Error>> {
    let mut pool = braid_scheduler::WorkerPool::new(1)?;
    println!("workers batch window chain   ns/tx  reset  parks/block");
    for workers in [1, 2, 4] {
        let mut scheduler = Scheduler::new(workers);
        for (batch, window, is_chain) in
            [(1, 512, false), (32, 512, false), (1, 512, true), (1, 1, false), (1, 1, true)]
        {
            let (mut reset, mut run, mut parks) = (0.0, f64::MAX, 0);
            for _ in 0..ROUNDS {
                let begin = Instant::now();
                scheduler.reset(TRANSACTIONS, std::iter::repeat(batch), window);
                reset += begin.elapsed().as_secs_f64();
                if is_chain {
                    (1..TRANSACTIONS).for_each(|tx| scheduler.depends_on(tx, tx - 1));
                }
                let begin = Instant::now();
                pool.run(workers, |worker| work(&scheduler, worker), || scheduler.halt())?;
                run = run.min(begin.elapsed().as_secs_f64());
                parks += scheduler.counters().parks;
            }
            let ns = |seconds: f64| seconds * 1e9 / f64::from(TRANSACTIONS);
            println!(
                "{workers:7} {batch:5} {window:6} {is_chain:5} {:7.1} {:6.2} {:12.1}",
                ns(run),
                ns(reset / f64::from(ROUNDS)),
                parks as f64 / f64::from(ROUNDS)
            );
        }
    }
    Ok(())
}

#[cfg(loom)]
fn main() {}
