//! Where the primitives of concurrency come from: `std`, the model checker's under `cfg(loom)`, or the simulator's under
//! `cfg(shuttle)`.

#[cfg(loom)]
use loom as library;
#[cfg(shuttle)]
use shuttle as library;
#[cfg(not(any(loom, shuttle)))]
use std as library;

pub(crate) use library::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64},
};
pub(crate) use std::sync::{PoisonError, atomic::Ordering};

/// Of what leads to the cells. The model checker has no part in that: what it would check is in the cells.
pub(crate) mod to_cells {
    #[cfg(shuttle)]
    pub(crate) use shuttle::sync::atomic::{AtomicU32, AtomicU64};
    #[cfg(not(shuttle))]
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};

    /// What keys are hashed with: at random, except where the same seed has to give the same run.
    #[cfg(not(shuttle))]
    pub(crate) type KeyHasher = alloy_primitives::map::DefaultHashBuilder;
    #[cfg(shuttle)]
    pub(crate) type KeyHasher = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;
}

/// Whether tables begin as small as they can, so that small blocks outgrow them.
pub(crate) const BEGINS_SMALL: bool = cfg!(shuttle);

/// Whether cells are as large as the processor's lines of cache want them.
pub(crate) const HAS_SIZES: bool = !cfg!(any(loom, shuttle));

/// How often whoever waits for a cell looks again before it gives the processor away: its holder may have been taken off one.
#[cfg(not(any(loom, shuttle)))]
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
    loom::skip_branch();
    #[cfg(not(any(loom, shuttle)))]
    if *looks < LOOKS_BEFORE_YIELD {
        return std::hint::spin_loop();
    }
    library::thread::yield_now();
}
