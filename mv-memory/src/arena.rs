//! Cells that stay where they are while others are added.

use std::{
    array,
    sync::{OnceLock, atomic::Ordering},
};

use crate::sync::{BEGINS_SMALL, to_cells::AtomicU32};

/// Cells in the first chunk; each further chunk has twice as many.
const FIRST: u32 = if BEGINS_SMALL { BATCH } else { 1 << 10 };

/// Enough for 2^31 cells.
const CHUNKS: usize = 22;

/// Cells that are taken together.
pub(crate) const BATCH: u32 = 16;

/// Batches do not reach over the end of a chunk.
const _: () = assert!(FIRST.is_multiple_of(BATCH));

/// An array that grows by chunks, so that a reference to a cell stays good and finding one takes no lock.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    chunks: [OnceLock<Box<[T]>>; CHUNKS],
    count: AtomicU32,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { chunks: array::from_fn(|_| OnceLock::new()), count: AtomicU32::new(0) }
    }
}

/// Chunk and place in it.
#[inline]
const fn place(index: u32) -> (usize, usize) {
    // With FIRST added, indices of a chunk are those with the same highest bit.
    let shifted = index + FIRST;
    let highest = shifted.ilog2();
    ((highest - FIRST.ilog2()) as usize, (shifted ^ (1 << highest)) as usize)
}

impl<T: Default> Arena<T> {
    /// Takes the next cells, [`BATCH`] of them, which may hold something from an earlier block. Returns the first.
    ///
    /// # Panics
    /// After 2^31 cells, far more than the gas of a block pays for.
    pub(crate) fn take(&self) -> u32 {
        let index = self.count.fetch_add(BATCH, Ordering::Relaxed);
        assert!(index < 1 << 31, "a block has fewer than 2^31 locations");
        let (chunk, _) = place(index);
        self.chunks[chunk].get_or_init(|| {
            let cells = FIRST << chunk;
            (0..cells).map(|_| T::default()).collect()
        });
        index
    }

    /// A cell that was taken.
    ///
    /// # Panics
    /// If it was not.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> &T {
        let (chunk, place) = place(index);
        match self.chunks[chunk].get() {
            Some(cells) => &cells[place],
            None => unreachable!("cell {index} was never taken"),
        }
    }

    /// How many cells are taken.
    pub(crate) fn len(&self) -> u32 {
        self.count.load(Ordering::Acquire)
    }

    /// Gives all cells back. Memory beyond twice what was in use goes back to the allocator.
    pub(crate) fn clear(&mut self) {
        let used = std::mem::take(self.count.get_mut());
        let (last, _) = place(used);
        for chunk in &mut self.chunks[last + 1..] {
            drop(chunk.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_dense_and_chunks_double() {
        let mut expected = (0, 0);
        for index in 0..100_000 {
            assert_eq!(place(index), expected);
            expected.1 += 1;
            if expected.1 == (FIRST as usize) << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(place((1 << 31) - 1).0, CHUNKS - 1);
    }

    #[test]
    fn cells_stay_and_memory_goes_back() {
        let mut arena = Arena::<AtomicU32>::default();
        let first = arena.take();
        arena.get(first).store(7, Ordering::Relaxed);
        let place_of_first = std::ptr::from_ref(arena.get(first));
        for _ in 0..10 * FIRST / BATCH {
            arena.take();
        }
        assert!(std::ptr::eq(place_of_first, arena.get(first)));
        assert_eq!(arena.len(), 10 * FIRST + BATCH);
        arena.clear();
        assert_eq!(arena.len(), 0);
        arena.take();
        arena.clear();
        assert_eq!(arena.chunks.iter().filter(|chunk| chunk.get().is_some()).count(), 1);
    }
}
