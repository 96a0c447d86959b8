//! Readers that fail, panic or dawdle.

#[cfg(shuttle)]
use shuttle::thread;
#[cfg(not(shuttle))]
use std::thread;
use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, U256};
use braid_precompiles::Crypto;
use braid_primitives::{AccountInfo, StateReader};

use super::{Both, scene::Scene};
use crate::{
    random::Random,
    recorder::{Read, ReadError, Recorder, Refusal},
};

/// What is wrong with a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The read at this position, counted over all threads from 0, fails.
    FailsAt(usize),
    /// The read at this position panics.
    PanicsAt(usize),
    /// The read at this position takes so long.
    DawdlesAt(usize, Duration),
    /// Reads of this fail, always.
    FailsFor(Read),
    /// Reads of this panic, always.
    PanicsFor(Read),
    /// Reads of this take so long.
    DawdlesFor(Read, Duration),
    /// Every read takes so long.
    Dawdles(Duration),
    /// Every read yields or sleeps as the seed has it.
    Unsteady(u64),
}

/// What a panic of [`Faulty`] says.
pub const PANIC: &str = "the reader panics, as the test wants";

/// Answers like the reader behind it, but for its fault.
#[derive(Debug)]
pub struct Faulty<'a, R> {
    reader: &'a R,
    fault: Fault,
    reads: AtomicUsize,
    random: AtomicU64,
}

impl<'a, R: StateReader> Faulty<'a, R> {
    /// A reader with this fault in front of `reader`.
    pub fn new(reader: &'a R, fault: Fault) -> Self {
        let seed = if let Fault::Unsteady(seed) = fault { seed } else { 0 };
        Self { reader, fault, reads: AtomicUsize::new(0), random: AtomicU64::new(seed) }
    }

    /// How many reads there were.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    fn read<T>(
        &self,
        read: Read,
        answer: impl FnOnce(&R) -> Result<T, R::Error>,
    ) -> Result<T, ReadError<R::Error>> {
        // Relaxed: positions are counted, nothing is published.
        let position = self.reads.fetch_add(1, Ordering::Relaxed);
        match self.fault {
            Fault::FailsAt(at) if at == position => return Err(ReadError::Refused(read)),
            Fault::FailsFor(of) if of == read => return Err(ReadError::Refused(read)),
            Fault::PanicsAt(at) if at == position => panic!("{PANIC}"),
            Fault::PanicsFor(of) if of == read => panic!("{PANIC}"),
            Fault::DawdlesAt(at, time) if at == position => thread::sleep(time),
            Fault::DawdlesFor(of, time) if of == read => thread::sleep(time),
            Fault::Dawdles(time) => thread::sleep(time),
            Fault::Unsteady(_) => self.be_unsteady(),
            _ => {}
        }
        answer(self.reader).map_err(ReadError::State)
    }

    fn be_unsteady(&self) {
        let seed = self.random.fetch_add(1, Ordering::Relaxed);
        let mut random = Random::new(seed);
        match random.below(16) {
            0..=6 => {}
            7..=12 => (0..=random.below(4)).for_each(|_| thread::yield_now()),
            13 | 14 => thread::sleep(Duration::from_micros(random.below(60))),
            _ => thread::sleep(Duration::from_micros(random.below(600))),
        }
    }
}

impl<R: StateReader> StateReader for Faulty<'_, R> {
    type Error = ReadError<R::Error>;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        self.read(Read::Account(address), |reader| reader.account(address))
    }
    fn storage(&self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        self.read(Read::Storage(address, slot), |reader| reader.storage(address, slot))
    }
    fn has_storage(&self, address: Address) -> Result<bool, Self::Error> {
        self.read(Read::HasStorage(address), |reader| reader.has_storage(address))
    }
    fn code(&self, code_hash: B256) -> Result<Bytes, Self::Error> {
        self.read(Read::Code(code_hash), |reader| reader.code(code_hash))
    }
    fn block_hash(&self, number: u64) -> Result<B256, Self::Error> {
        self.read(Read::BlockHash(number), |reader| reader.block_hash(number))
    }
}

/// The reads of sequential execution, in order.
pub fn reads_of<C: Crypto>(both: &mut Both<C>, scene: &Scene) -> Vec<Read> {
    let recorder = Recorder::new(&scene.world, Refusal::Never);
    drop(both.sequentially(&scene.block, &recorder));
    recorder.into_answered()
}

/// Something that the block reads, but for code: that may be known from elsewhere.
pub fn some_read<C: Crypto>(
    both: &mut Both<C>,
    scene: &Scene,
    random: &mut Random,
) -> Option<Read> {
    let mut reads = reads_of(both, scene);
    reads.retain(|read| !matches!(read, Read::Code(_)));
    (!reads.is_empty()).then(|| random.pick(&reads))
}
