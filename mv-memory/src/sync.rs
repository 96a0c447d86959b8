//! Where the primitives of concurrency come from: `std`, or the model checker's under `cfg(loom)`.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64},
};
pub(crate) use std::sync::{PoisonError, atomic::Ordering};

/// How often whoever waits for a cell looks again before it gives the processor away: its holder may have been taken off one.
#[cfg(not(loom))]
const LOOKS_BEFORE_YIELD: u32 = 100;

/// Locks. What a panic left behind counts: nothing here is changed in steps between which it would be wrong.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits a little for another thread; `looks` counts how often.
pub(crate) fn wait_a_little(looks: &mut u32) {
    *looks += 1;
    // To look in vain changes nothing: the model in which this thread came later has all that follows.
    #[cfg(loom)]
    {
        loom::skip_branch();
        loom::thread::yield_now();
    }
    #[cfg(not(loom))]
    if *looks < LOOKS_BEFORE_YIELD {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}
