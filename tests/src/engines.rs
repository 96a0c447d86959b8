//! The engines of the interpreter, compared with each other on random code: there must be no difference to be seen.
//!
//! | module | holds |
//! |---|---|
//! | [`assembly`] | bytecode in pieces, with labels |
//! | [`generate`], [`mutate`], [`real_code`] | random code, changed code, code that compilers have made |
//! | [`decoder`] | what the translator makes of code, beside a walk over it |
//! | [`frame`] | one frame: how it ends and what it asks for |
//! | [`frames`] | frames at many gas limits, on every engine |
//! | [`transactions`] | whole transactions and blocks, with the reads they make |
//!
//! A case follows from its seed alone (and the code of the fixtures, for cases that use it).

pub mod assembly;
pub mod decoder;
pub mod frame;
pub mod frames;
pub mod generate;
pub mod mutate;
pub mod real_code;
pub mod transactions;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Most differences that a run reports.
const REPORTED: usize = 3;

/// Seeds that a thread takes at a time.
const SEEDS_AT_A_TIME: u64 = 8;

/// Calls `check` for every seed, on all processors; panics with the reports of the first failures. Returns what the threads
/// have counted.
///
/// # Panics
/// If a check fails.
pub fn for_each_seed<T: Default + Send>(
    seeds: std::ops::Range<u64>,
    check: impl Fn(u64, &mut T) -> Result<(), String> + Sync,
) -> Vec<T> {
    let next = AtomicU64::new(seeds.start);
    let reports = Mutex::new(Vec::new());
    let lock = || reports.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        let mut counted = T::default();
        loop {
            // Relaxed: the counter hands out seeds and publishes nothing else.
            let start = next.fetch_add(SEEDS_AT_A_TIME, Ordering::Relaxed);
            if start >= seeds.end || lock().len() >= REPORTED {
                return counted;
            }
            for seed in start..seeds.end.min(start + SEEDS_AT_A_TIME) {
                let check = AssertUnwindSafe(|| check(seed, &mut counted));
                match catch_unwind(check) {
                    Ok(Ok(())) => {}
                    Ok(Err(report)) => lock().push(report),
                    Err(_) => lock().push(format!("seed {seed} panics: see above")),
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let counted = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles.into_iter().map(|handle| handle.join()).collect::<Result<Vec<T>, _>>()
    });
    let reports = lock();
    assert!(reports.is_empty(), "{}", reports[..reports.len().min(REPORTED)].join("\n\n"));
    drop(reports);
    counted.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
