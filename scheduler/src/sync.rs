//! The only file that names a library of atomics and locks: that of std, or loom's when its models are run.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
};

use std::sync::PoisonError;

/// How often a worker that finds nothing looks again before it announces that it will sleep. Models look once.
pub(crate) const LOOKS_BEFORE_SLEEP: u32 = if cfg!(loom) { 0 } else { 3 };
/// Hints to the processor between two such looks: together about a microsecond.
pub(crate) const HINTS_BETWEEN_LOOKS: u32 = 16;

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
    std::hint::spin_loop();
}
