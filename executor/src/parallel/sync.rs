//! Where the locks and atomics of a block under way come from: `std`, or the simulator's under `cfg(shuttle)`. What executors
//! share otherwise, analysed code, is not simulated: what is in there does not depend on who was first.

#[cfg(shuttle)]
use shuttle as library;
#[cfg(not(shuttle))]
use std as library;

pub(super) use library::sync::{Mutex, MutexGuard, atomic::AtomicUsize};
