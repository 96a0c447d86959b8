//! The memory of all frames of a transaction: one growing buffer.
//!
//! Each frame sees the part from its base to the end; a callee's part starts where its caller's ends. While a callee runs its
//! caller's part cannot change, so calldata is passed as a range of the buffer and never copied. When it ends, what it returned
//! stays where it is, above the caller's part: nothing is wiped then. Memory is wiped when a frame grows into it.

use std::ops::Range;

use ruint::aliases::U256;

use crate::return_data::ReturnData;

/// Most bytes of memory of all frames together. No block has the gas for a tenth of it; the bound keeps a transaction with a
/// made-up gas limit from exhausting the machine: it runs out of gas there.
pub(crate) const MEMORY_LIMIT_BYTES: u64 = 1 << 32;

/// Most bytes that stay allocated between transactions.
const RETAINED_LIMIT_BYTES: usize = 256 << 20;

/// The buffer grows in steps of this size.
const STEP_BYTES: usize = 4096;

/// Memory is wiped this far ahead, so that growing word by word costs little.
const WIPED_AHEAD_BYTES: usize = 256;

/// The shared buffer, and where the running frame's memory is in it.
#[derive(Debug, Default)]
pub struct Memory {
    /// Zero between `end` and `wiped_end`; beyond that, what others left there.
    buffer: Vec<u8>,
    /// A multiple of 32, so that words that are aligned for the code are aligned for the machine.
    base: usize,
    end: usize,
    /// At least `end`, and not behind return data that lies in the buffer.
    wiped_end: usize,
    return_data: ReturnData,
}

impl Memory {
    /// Forgets everything, keeping the allocation unless it is unusually large; `input` is put in front of the first frame's
    /// memory. Returns its range.
    pub fn reset(&mut self, input: &[u8]) -> Range<usize> {
        if self.buffer.len() > RETAINED_LIMIT_BYTES {
            self.buffer.truncate(RETAINED_LIMIT_BYTES);
            self.buffer.shrink_to(RETAINED_LIMIT_BYTES);
            self.return_data.shrink_to(RETAINED_LIMIT_BYTES);
        }
        self.return_data.clear();
        self.base = 0;
        self.end = 0;
        self.wiped_end = 0;
        self.grow(input.len());
        self.buffer[..input.len()].copy_from_slice(input);
        self.base = self.end;
        0..input.len()
    }

    /// Starts the memory of a callee; returns the caller's base, to be given to [`Memory::leave`].
    pub fn enter(&mut self) -> usize {
        std::mem::replace(&mut self.base, self.end)
    }

    /// Drops the memory of the callee and goes back to the caller's. What `output` names of the callee's memory is the return
    /// data now.
    pub fn leave(&mut self, caller_base: usize, output: Range<usize>) {
        self.return_data.lie_at(self.to_absolute(output));
        if self.end > self.base {
            self.end = self.base;
            self.wiped_end = self.base;
        }
        self.base = caller_base;
    }

    /// What the last call of the running frame returned.
    #[inline]
    pub fn return_data(&self) -> &[u8] {
        self.return_data.bytes(&self.buffer)
    }

    /// Length of [`Memory::return_data`].
    #[inline]
    pub(crate) fn return_data_bytes(&self) -> usize {
        self.return_data.size_bytes()
    }

    /// Forgets what the last call returned, as the next one begins.
    #[inline]
    pub fn forget_return_data(&mut self) {
        self.return_data.clear();
    }

    /// For a call that needs no frame: bytes of the buffer by absolute offsets, and where to write what the call returns. That
    /// is empty at first.
    pub fn answer(&mut self, input: Range<usize>) -> (&[u8], &mut Vec<u8>) {
        (&self.buffer[input], self.return_data.renew())
    }

    /// Bytes of the running frame's memory, a multiple of 32.
    #[inline]
    pub fn size_bytes(&self) -> usize {
        self.end - self.base
    }

    /// The running frame's memory.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.base..self.end]
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.base..self.end]
    }

    /// Bytes of the buffer by absolute offsets, such as a frame's calldata.
    #[inline]
    pub fn absolute(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// A range of the running frame's memory as absolute offsets.
    #[inline]
    pub(crate) fn to_absolute(&self, range: Range<usize>) -> Range<usize> {
        range.start + self.base..range.end + self.base
    }

    /// Whether the running frame's memory may hold `size_bytes`.
    pub(crate) fn may_hold(&self, size_bytes: usize) -> bool {
        (self.base + size_bytes) as u64 <= MEMORY_LIMIT_BYTES
    }

    /// Grows the running frame's memory with zeros to whole words that hold `size_bytes`.
    #[inline]
    pub(crate) fn grow(&mut self, size_bytes: usize) {
        let wanted = self.base + size_bytes.next_multiple_of(32);
        if wanted > self.end {
            if wanted > self.wiped_end {
                self.wipe(wanted);
            }
            self.end = wanted;
        }
    }

    /// Wipes the buffer to `end` and some way ahead.
    #[cold]
    #[inline(never)]
    fn wipe(&mut self, end: usize) {
        let ahead = end + WIPED_AHEAD_BYTES;
        if ahead > self.buffer.len() || self.return_data.lies_before(ahead) {
            self.make_room(ahead);
        }
        let wiped = std::mem::replace(&mut self.wiped_end, ahead);
        self.buffer[wiped..ahead].fill(0);
    }

    /// Has the buffer reach to `end`, with nothing in it that is still needed.
    #[inline(never)]
    fn make_room(&mut self, end: usize) {
        self.return_data.make_way(&self.buffer, end);
        if end > self.buffer.len() {
            self.buffer.resize(end.next_multiple_of(STEP_BYTES), 0);
        }
    }

    /// The word at `offset`, or `None` where the memory does not reach that far.
    #[inline]
    pub(crate) fn load(&self, offset: usize) -> Option<U256> {
        let start = self.base + offset;
        if start + 32 > self.end {
            return None;
        }
        let word = self.buffer.get(start..)?.first_chunk::<32>()?;
        Some(crate::word::from_be_bytes(word))
    }

    /// Writes the word at `offset`; false where the memory does not reach that far.
    #[inline]
    pub(crate) fn store(&mut self, offset: usize, word: &U256) -> bool {
        let start = self.base + offset;
        if start + 32 > self.end {
            return false;
        }
        let Some(tail) = self.buffer.get_mut(start..) else { return false };
        let Some(bytes) = tail.first_chunk_mut::<32>() else { return false };
        crate::word::write_be_bytes(word, bytes);
        true
    }

    /// Writes one byte. The memory must reach that far.
    pub(crate) fn store_byte(&mut self, offset: usize, byte: u8) {
        self.bytes_mut()[offset] = byte;
    }

    /// Fills `target` from `source[from..]`, with zeros beyond its end. The memory must reach that far.
    pub(crate) fn fill(&mut self, target: Range<usize>, source: &[u8], from: usize) {
        copy_padded(&mut self.bytes_mut()[target], source, from);
    }

    /// Fills `target` from the buffer's bytes `source` (absolute) from `from` on, with zeros beyond their end. The memory
    /// must reach that far.
    pub(crate) fn fill_from_buffer(
        &mut self,
        target: Range<usize>,
        source: Range<usize>,
        from: usize,
    ) {
        let (before, own) = self.buffer.split_at_mut(self.base);
        copy_padded(&mut own[target], &before[source], from);
    }

    /// Fills `target` from the return data from `from` on. The memory must reach that far, and so must the return data.
    pub(crate) fn fill_from_return_data(&mut self, target: Range<usize>, from: usize) {
        if !target.is_empty() {
            let target = self.to_absolute(target);
            self.return_data.copy_to(&mut self.buffer, target, from);
        }
    }

    /// Copies within the running frame's memory; the ranges may overlap. The memory must reach that far.
    pub(crate) fn copy_within(&mut self, source: Range<usize>, target: usize) {
        self.bytes_mut().copy_within(source, target);
    }
}

fn copy_padded(target: &mut [u8], source: &[u8], from: usize) {
    // An empty target may dangle, and filling it still costs a call.
    if target.is_empty() {
        return;
    }
    let source = source.get(from..).unwrap_or_default();
    let copied = source.len().min(target.len());
    let (data, padding) = target.split_at_mut(copied);
    data.copy_from_slice(&source[..copied]);
    if !padding.is_empty() {
        padding.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callee_sees_fresh_memory_and_the_caller_finds_its_own_again() {
        let mut memory = Memory::default();
        assert_eq!(memory.reset(b"input"), 0..5);
        memory.grow(1);
        assert_eq!(memory.size_bytes(), 32);
        assert!(memory.store(0, &U256::from(7)));
        let base = memory.enter();
        assert_eq!(memory.size_bytes(), 0);
        memory.grow(64);
        assert_eq!(memory.load(32), Some(U256::ZERO));
        assert!(memory.store(32, &U256::MAX));
        memory.leave(base, 0..0);
        assert_eq!(memory.load(0), Some(U256::from(7)));
        // What the callee left behind must not shine through.
        memory.grow(128);
        assert_eq!(memory.bytes()[32..], [0; 96]);
        assert_eq!(memory.absolute(0..5), b"input");
        // Nor what the transaction before left.
        assert_eq!(memory.reset(&[]), 0..0);
        memory.grow(5_000);
        assert_eq!(memory.bytes(), [0; 5_024]);
    }

    #[test]
    fn reads_and_writes_beyond_the_end_are_refused() {
        let mut memory = Memory::default();
        memory.reset(&[]);
        memory.grow(32);
        assert_eq!(memory.load(1), None);
        assert_eq!(memory.load(usize::MAX >> 1), None);
        assert!(!memory.store(1, &U256::ZERO));
        assert!(memory.store(0, &U256::ZERO));
    }

    #[test]
    fn filling_pads_with_zeros() {
        let mut memory = Memory::default();
        memory.reset(b"abcdef");
        memory.grow(32);
        memory.fill(0..32, &[0xff; 40], 0);
        memory.fill(0..4, b"xyz", 1);
        assert_eq!(memory.bytes()[..5], *b"yz\0\0\xff");
        memory.fill_from_buffer(0..4, 1..4, 1);
        assert_eq!(memory.bytes()[..5], *b"cd\0\0\xff");
        memory.fill(0..4, b"xyz", 9);
        assert_eq!(memory.bytes()[..5], *b"\0\0\0\0\xff");
    }
}
