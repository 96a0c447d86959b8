//! A reader that writes down what it is asked, and refuses to answer where a test wants it to.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Address, B256, Bytes, U256};
use braid_primitives::{AccountInfo, StateReader};

/// A read of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The facts of an account.
    Account(Address),
    /// A slot.
    Storage(Address, U256),
    /// Whether an account has any slot.
    HasStorage(Address),
    /// Code by its hash.
    Code(B256),
    /// Hash of an ancestor.
    BlockHash(u64),
}

/// Which reads are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// None.
    Never,
    /// Every read the first time; then it is answered.
    EachOnce,
    /// The read at this position (from 0) the first time.
    OnceAt(usize),
    /// The read at this position and all that follow, always.
    From(usize),
}

/// Why a read was not answered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E> {
    /// The test wanted it so.
    #[error("{0:?} is refused")]
    Refused(Read),
    /// The reader behind failed.
    #[error(transparent)]
    State(E),
}

#[derive(Debug, Default)]
struct Log {
    answered: Vec<Read>,
    /// Refusals, each with the number of reads answered before it.
    refused: Vec<(usize, Read)>,
}

/// Answers like the reader behind it and keeps the reads in order. May be asked from several threads.
#[derive(Debug)]
pub struct Recorder<'a, R> {
    reader: &'a R,
    refusal: Refusal,
    log: Mutex<Log>,
}

impl<'a, R: StateReader> Recorder<'a, R> {
    /// A recorder in front of `reader`.
    pub fn new(reader: &'a R, refusal: Refusal) -> Self {
        Self { reader, refusal, log: Mutex::default() }
    }

    /// The reads that were answered, in order.
    pub fn into_answered(self) -> Vec<Read> {
        self.log.into_inner().unwrap_or_else(PoisonError::into_inner).answered
    }

    /// The reads that were answered so far, in order.
    pub fn answered(&self) -> Vec<Read> {
        self.log().answered.clone()
    }

    /// The refusals in order, each with the number of reads that were answered before it.
    pub fn refused(&self) -> Vec<(usize, Read)> {
        self.log().refused.clone()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: Read, answer: Result<T, R::Error>) -> Result<T, ReadError<R::Error>> {
        let mut log = self.log();
        let position = log.answered.len();
        // The read after a refusal is the one that is repeated: its position is the same.
        let is_first = log.refused.last().is_none_or(|(at, _)| *at < position);
        let is_refused = match self.refusal {
            Refusal::Never => false,
            Refusal::EachOnce => is_first,
            Refusal::OnceAt(at) => is_first && at == position,
            Refusal::From(at) => at <= position,
        };
        if is_refused {
            log.refused.push((position, read));
            return Err(ReadError::Refused(read));
        }
        log.answered.push(read);
        answer.map_err(ReadError::State)
    }
}

impl<R: StateReader> StateReader for Recorder<'_, R> {
    type Error = ReadError<R::Error>;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        self.read(Read::Account(address), self.reader.account(address))
    }
    fn storage(&self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        self.read(Read::Storage(address, slot), self.reader.storage(address, slot))
    }
    fn has_storage(&self, address: Address) -> Result<bool, Self::Error> {
        self.read(Read::HasStorage(address), self.reader.has_storage(address))
    }
    fn code(&self, code_hash: B256) -> Result<Bytes, Self::Error> {
        self.read(Read::Code(code_hash), self.reader.code(code_hash))
    }
    fn block_hash(&self, number: u64) -> Result<B256, Self::Error> {
        self.read(Read::BlockHash(number), self.reader.block_hash(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    #[test]
    fn each_read_is_refused_once_and_kept_in_order() {
        let world = World::default();
        let recorder = Recorder::new(&world, Refusal::EachOnce);
        let (first, second) = (Read::BlockHash(1), Read::Account(Address::ZERO));
        assert_eq!(recorder.block_hash(1), Err(ReadError::Refused(first)));
        assert!(recorder.block_hash(1).is_ok());
        assert_eq!(recorder.account(Address::ZERO), Err(ReadError::Refused(second)));
        assert_eq!(recorder.account(Address::ZERO), Ok(None));
        assert_eq!(recorder.refused(), [(0, first), (1, second)]);
        assert_eq!(recorder.into_answered(), [first, second]);
    }

    #[test]
    fn one_position_is_refused_once() {
        let world = World::default();
        let recorder = Recorder::new(&world, Refusal::OnceAt(1));
        assert!(recorder.block_hash(1).is_ok());
        assert!(recorder.block_hash(2).is_err());
        assert!(recorder.block_hash(2).is_ok());
        assert!(recorder.block_hash(3).is_ok());
        assert_eq!(recorder.refused(), [(1, Read::BlockHash(2))]);
    }
}
