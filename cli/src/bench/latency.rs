//! A state that takes its time, as a disk does.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::{
        Barrier, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, Bytes, U256};
use braid_primitives::{AccountInfo, StateReader};

/// Parts of the set of known locations that are locked on their own.
const SHARDS: usize = 64;

/// Something that is read as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Location {
    Account(Address),
    Slot(Address, U256),
    Code(B256),
}

/// Answers like another state, but sleeps before the first answer about each account, slot and code. Who asks while another is
/// asleep for the same sleeps too.
pub struct SlowReader<'a, R> {
    inner: &'a R,
    latency: Duration,
    known: Box<[Mutex<HashSet<Location>>]>,
    hasher: RandomState,
    reads: AtomicU64,
    slept_ns: AtomicU64,
}

impl<'a, R> SlowReader<'a, R> {
    /// A state of which nothing is known yet.
    pub fn new(inner: &'a R, latency: Duration) -> Self {
        Self {
            inner,
            latency,
            known: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            reads: AtomicU64::new(0),
            slept_ns: AtomicU64::new(0),
        }
    }

    /// Reads that had to wait, and how long all of them waited together. The system wakes sleepers late, by tens of
    /// microseconds.
    pub fn waited(&self) -> (u64, Duration) {
        let slept_ns = self.slept_ns.load(Ordering::Relaxed);
        (self.reads.load(Ordering::Relaxed), Duration::from_nanos(slept_ns))
    }

    fn wait(&self, location: Location) {
        let shard = &self.known[self.hasher.hash_one(location) as usize % SHARDS];
        let known = || shard.lock().unwrap_or_else(PoisonError::into_inner);
        if known().contains(&location) {
            return;
        }
        let start = Instant::now();
        thread::sleep(self.latency);
        let slept_ns = start.elapsed().as_nanos() as u64;
        self.slept_ns.fetch_add(slept_ns, Ordering::Relaxed);
        self.reads.fetch_add(1, Ordering::Relaxed);
        known().insert(location);
    }
}

/// Sleeps of each thread that are measured.
const SLEEPS: u32 = 64;

/// How many times as often so many threads sleep for `latency` in the same time as one, and do nothing else: the most that any
/// engine can gain from them with a [`SlowReader`] on this machine.
pub fn sleepers(latency: Duration, threads: usize) -> f64 {
    let time = |threads: usize| {
        let start = Barrier::new(threads + 1);
        let sleep = || {
            start.wait();
            (0..SLEEPS).for_each(|_| thread::sleep(latency));
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(sleep)).collect();
            start.wait();
            let start = Instant::now();
            for thread in threads {
                // It has nothing to panic about.
                drop(thread.join());
            }
            start.elapsed().as_secs_f64()
        })
    };
    time(1) / time(threads) * threads as f64
}

impl<R: StateReader> StateReader for SlowReader<'_, R> {
    type Error = R::Error;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, R::Error> {
        self.wait(Location::Account(address));
        self.inner.account(address)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, R::Error> {
        self.wait(Location::Slot(address, slot));
        self.inner.storage(address, slot)
    }

    fn has_storage(&self, address: Address) -> Result<bool, R::Error> {
        self.wait(Location::Account(address));
        self.inner.has_storage(address)
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, R::Error> {
        self.wait(Location::Code(code_hash));
        self.inner.code(code_hash)
    }

    fn block_hash(&self, number: u64) -> Result<B256, R::Error> {
        self.inner.block_hash(number)
    }
}

#[cfg(test)]
mod tests {
    use braid_executor::MemoryState;

    use super::*;

    #[test]
    fn only_the_first_read_of_a_location_waits() {
        let (state, address) = (MemoryState::new(), Address::repeat_byte(1));
        let latency = Duration::from_micros(50);
        let slow = SlowReader::new(&state, latency);
        for _ in 0..2 {
            assert_eq!(slow.account(address), Ok(None));
            assert_eq!(slow.storage(address, U256::from(1)), Ok(U256::ZERO));
        }
        let (reads, waited) = slow.waited();
        assert_eq!(reads, 2);
        assert!(waited >= 2 * latency, "{waited:?}");
    }
}
