//! Workers that sleep, and those that call them (`PROTOCOL.md`, section 6).

use std::fmt;

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicU32, Condvar, Mutex, Ordering, fence, lock, wait};

/// The sleepers' room.
pub(crate) struct Sleepers {
    /// The length of the list.
    length: CachePadded<AtomicU32>,
    room: Mutex<Room>,
    /// One for each worker, all with the room's lock.
    bells: Vec<Condvar>,
    parks: AtomicU32,
}

struct Room {
    /// Who has announced to sleep and was not called; the last one is called first.
    list: Vec<u32>,
    /// By worker: not in the list.
    called: Vec<bool>,
}

impl Sleepers {
    pub(crate) fn new(workers: usize) -> Self {
        let room = Room { list: Vec::with_capacity(workers), called: vec![true; workers] };
        Self {
            length: CachePadded::new(AtomicU32::new(0)),
            room: Mutex::new(room),
            bells: (0..workers).map(|_| Condvar::new()).collect(),
            parks: AtomicU32::new(0),
        }
    }

    pub(crate) fn workers(&self) -> usize {
        self.bells.len()
    }

    /// How often a worker went to sleep.
    pub(crate) fn parks(&self) -> u32 {
        self.parks.load(Ordering::Relaxed)
    }

    /// If nobody seems to sleep. A glance without a fence: where a missed sleeper is only called later.
    pub(crate) fn seem_none(&self) -> bool {
        self.length.load(Ordering::Relaxed) == 0
    }

    /// Enters the list. The announcer has to look for work after this, and before it waits.
    pub(crate) fn announce(&self, worker: usize) -> Ticket<'_> {
        let mut room = lock(&self.room);
        assert!(room.called[worker], "worker {worker} has announced itself already");
        room.called[worker] = false;
        room.list.push(worker as u32);
        self.store_length(&room);
        drop(room);
        // S1, with the fence in `call`: length here, work there; work here, length there.
        fence(Ordering::SeqCst);
        Ticket { sleepers: self, worker, is_settled: false }
    }

    /// Calls up to `count` sleepers. Work has been published before.
    pub(crate) fn call(&self, count: u32) {
        // S1, with the fence in `announce`.
        fence(Ordering::SeqCst);
        for _ in 0..count {
            // Relaxed: the fence orders it, and the lock what follows.
            if self.length.load(Ordering::Relaxed) == 0 {
                return;
            }
            let mut room = lock(&self.room);
            let Some(worker) = room.list.pop() else { return };
            room.called[worker as usize] = true;
            self.store_length(&room);
            drop(room);
            self.bells[worker as usize].notify_one();
        }
    }

    pub(crate) fn call_all(&self) {
        self.call(u32::MAX);
    }

    fn store_length(&self, room: &Room) {
        // Relaxed: only written under the lock, and read after a fence or as a hint.
        self.length.store(room.list.len() as u32, Ordering::Relaxed);
    }
}

/// A worker's announcement that it will sleep unless it finds work now.
///
/// It is in the list of those that are called when there is work. Dropping the ticket takes the worker off again.
#[derive(Debug)]
#[must_use = "look for work, then wait or drop it"]
pub struct Ticket<'s> {
    sleepers: &'s Sleepers,
    worker: usize,
    is_settled: bool,
}

impl Ticket<'_> {
    /// If the worker has been called since it took the ticket: [`wait`](Self::wait) would return at once.
    #[must_use]
    pub fn is_called(&self) -> bool {
        lock(&self.sleepers.room).called[self.worker]
    }

    /// Sleeps until the worker is called.
    pub fn wait(mut self) {
        // Relaxed: a counter for reports.
        self.sleepers.parks.fetch_add(1, Ordering::Relaxed);
        let mut room = lock(&self.sleepers.room);
        while !room.called[self.worker] {
            room = wait(&self.sleepers.bells[self.worker], room);
        }
        self.is_settled = true;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        let mut room = lock(&self.sleepers.room);
        if !room.called[self.worker] {
            room.called[self.worker] = true;
            room.list.retain(|worker| *worker as usize != self.worker);
            self.sleepers.store_length(&room);
        }
    }
}

impl fmt::Debug for Sleepers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&lock(&self.room).list).finish()
    }
}
