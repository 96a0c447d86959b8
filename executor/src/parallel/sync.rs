//! Where the locks and atomics of a block under way come from: `std`, or the simulator's under `cfg(shuttle)`. What executors
//! share otherwise, analysed code, is not simulated: what is in there does not depend on who was first.

#[cfg(shuttle)]
use shuttle as library;
#[cfg(not(shuttle))]
use std as library;

pub(super) use library::{
    hint,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize},
    },
    thread,
};

/// How much of a block's end is worth sharing with another worker, of so much that is otherwise. Simulated blocks are small.
pub(super) const fn share(of: u32) -> u32 {
    if cfg!(shuttle) { of.div_ceil(64) } else { of }
}
