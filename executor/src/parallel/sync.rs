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
        atomic::{AtomicBool, AtomicUsize, fence},
    },
    thread,
};

/// The clock by which blocks are measured.
#[cfg(not(shuttle))]
pub(super) use std::time::Instant;

/// A clock that goes as the seed wants: what is made of it is simulated too.
#[cfg(shuttle)]
pub(super) struct Instant;

#[cfg(shuttle)]
impl Instant {
    pub(super) fn now() -> Self {
        Self
    }

    /// From a microsecond to some seconds.
    pub(super) fn elapsed(&self) -> std::time::Duration {
        use shuttle::rand::Rng;
        std::time::Duration::from_micros(1 << shuttle::rand::thread_rng().gen_range(0..24))
    }
}

/// How much of a block's end is worth sharing with another worker, of so much that is otherwise. Simulated blocks are small.
pub(super) const fn share(of: u32) -> u32 {
    if cfg!(shuttle) { of.div_ceil(64) } else { of }
}
