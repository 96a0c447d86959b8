//! The only file that names a library of atomics, locks and threads: that of std, loom's when its models are run, or shuttle's
//! when blocks are simulated.

#[cfg(loom)]
use loom as library;
#[cfg(shuttle)]
use shuttle as library;
#[cfg(not(any(loom, shuttle)))]
use std as library;

pub(crate) use library::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
};
#[cfg(not(loom))]
pub(crate) use library::thread;

use std::sync::PoisonError;

/// How often a worker that finds nothing looks again before it announces that it will sleep. Models look once, simulations
/// seldom.
pub(crate) const LOOKS_BEFORE_SLEEP: u32 = match (cfg!(loom), cfg!(shuttle)) {
    (true, _) => 0,
    (false, true) => 1,
    (false, false) => 3,
};
/// Hints to the processor between two such looks: together about a microsecond.
pub(crate) const HINTS_BETWEEN_LOOKS: u32 = if cfg!(shuttle) { 1 } else { 16 };

/// Locks. A panic elsewhere does not matter: no lock of this crate is held while code of others runs, and each critical section
/// leaves its data whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits on a condition, as [`lock`] locks.
pub(crate) fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Tells the processor that this thread waits for another.
pub(crate) fn spin_hint() {
    #[cfg(not(loom))]
    library::hint::spin_loop();
}
