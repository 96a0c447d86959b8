//! Schedules the transactions of a block over workers: claims, dependencies, ordered commit, sleep, worker threads.
//!
//! It knows neither the EVM nor where versions of state are kept. `PROTOCOL.md` beside this crate's manifest is its
//! specification.
//!
//! A worker's loop:
//!
//! ```
//! use braid_scheduler::{Scheduler, Task};
//!
//! let mut scheduler = Scheduler::new(1);
//! scheduler.reset(3, std::iter::empty(), 16);
//! scheduler.depends_on(2, 0);
//! let mut committed = Vec::new();
//! loop {
//!     let mut claim = match scheduler.next_or_wait(0) {
//!         Task::Commit(mut commit) => {
//!             while let Some(head) = commit.head() {
//!                 // Validate by value; if that fails: `reexecute`, execute, `executed`, and once more.
//!                 committed.push(head.tx());
//!                 commit.committed(head, true);
//!             }
//!             continue;
//!         }
//!         Task::Reexecute(claim) => Some(claim),
//!         Task::Execute(batch) => {
//!             for tx in batch.transactions() {
//!                 let mut claim = scheduler.start(tx);
//!                 while let Some(started) = claim {
//!                     claim = scheduler.executed(started).next;
//!                 }
//!             }
//!             continue;
//!         }
//!         Task::Idle => unreachable!("it waits"),
//!         Task::Finished => break,
//!     };
//!     while let Some(again) = claim {
//!         claim = scheduler.executed(again).next;
//!     }
//! }
//! assert_eq!(committed, [0, 1, 2]);
//! assert_eq!(scheduler.counters().first_commits, 3);
//! ```
//!
//! Models of the interleavings are checked with
//! `RUSTFLAGS="--cfg loom" cargo test -p braid-scheduler --release --test loom`.

mod commit;
mod counters;
#[cfg(not(loom))]
mod pool;
mod progress;
mod ready;
mod scheduler;
mod sleep;
mod sync;
mod task;
mod transactions;
mod word;

pub use commit::Commit;
pub use counters::Counters;
#[cfg(not(loom))]
pub use pool::{RunError, WorkerPool, guarded};
pub use scheduler::Scheduler;
pub use sleep::Ticket;
pub use task::{Batch, Blocked, Claim, Executed, Head, Task};
