//! What the last call of the running frame returned (EIP-211).
//!
//! When a callee ends, its output is not copied: it lies where the callee left it, in the shared buffer above its caller's
//! memory. Only if that grows over it, it is moved away, to bytes of its own. A precompile writes there in the first place.
//!
//! One return data is enough for all frames: that of a frame is lost as soon as it calls again.

use std::ops::Range;

/// The return data of the running frame: a part of the memory's buffer, or bytes of its own.
#[derive(Debug, Default)]
pub(crate) struct ReturnData {
    /// Where it lies in the buffer.
    start: usize,
    /// Bytes that lie in the buffer: all or none.
    lying_bytes: usize,
    /// Empty if it lies in the buffer.
    own: Vec<u8>,
}

impl ReturnData {
    #[inline]
    pub(crate) fn size_bytes(&self) -> usize {
        self.lying_bytes + self.own.len()
    }

    #[inline]
    pub(crate) fn bytes<'d>(&'d self, buffer: &'d [u8]) -> &'d [u8] {
        if self.lying_bytes == 0 { &self.own } else { &buffer[self.start..][..self.lying_bytes] }
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.lying_bytes = 0;
        self.own.clear();
    }

    /// Becomes what lies there in the buffer.
    #[inline]
    pub(crate) fn lie_at(&mut self, range: Range<usize>) {
        self.start = range.start;
        self.lying_bytes = range.len();
        self.own.clear();
    }

    /// Becomes what will be written to these bytes, none so far.
    pub(crate) fn renew(&mut self) -> &mut Vec<u8> {
        self.clear();
        &mut self.own
    }

    /// Whether any of it lies in the buffer before `end`.
    #[inline]
    pub(crate) fn lies_before(&self, end: usize) -> bool {
        self.lying_bytes > 0 && self.start < end
    }

    /// Moves away if any of it lies in the buffer before `end`.
    pub(crate) fn make_way(&mut self, buffer: &[u8], end: usize) {
        if self.lies_before(end) {
            self.own.extend_from_slice(&buffer[self.start..][..self.lying_bytes]);
            self.lying_bytes = 0;
        }
    }

    /// Copies as many bytes as `target` of the buffer has, from the `from`th on. There must be that many.
    pub(crate) fn copy_to(&self, buffer: &mut [u8], target: Range<usize>, from: usize) {
        let size_bytes = target.len();
        if self.lying_bytes == 0 {
            buffer[target].copy_from_slice(&self.own[from..][..size_bytes]);
        } else {
            let start = self.start + from;
            buffer.copy_within(start..start + size_bytes, target.start);
        }
    }

    /// Gives back what is allocated beyond `limit_bytes`.
    pub(crate) fn shrink_to(&mut self, limit_bytes: usize) {
        self.own.shrink_to(limit_bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use crate::{Memory, word};

    /// A memory whose running frame has `caller_bytes`, whose callee has just returned `output`.
    fn after_a_call(caller_bytes: usize, output: &[u8]) -> Memory {
        let mut memory = Memory::default();
        memory.reset(b"input");
        memory.grow(caller_bytes);
        memory.fill(0..caller_bytes, &vec![0xca; caller_bytes], 0);
        let base = memory.enter();
        memory.grow(output.len());
        memory.fill(0..output.len(), output, 0);
        memory.leave(base, 0..output.len());
        memory
    }

    fn numbered(size_bytes: usize) -> Vec<u8> {
        (0..size_bytes).map(|i| i as u8 | 1).collect()
    }

    #[test]
    fn an_output_larger_than_the_memory_is_read_where_it_lies() {
        let output = numbered(1_000);
        let mut memory = after_a_call(32, &output);
        assert_eq!(memory.return_data(), output);
        memory.fill_from_return_data(4..32, 972);
        assert_eq!(memory.bytes()[..4], [0xca; 4]);
        assert_eq!(memory.bytes()[4..], output[972..]);
        assert_eq!(memory.return_data(), output);
    }

    #[test]
    fn the_memory_grows_over_it_by_a_word_or_wholly() {
        for size_bytes in [64, 320, 1_024, 10_000] {
            let output = numbered(1_000);
            let mut memory = after_a_call(32, &output);
            memory.grow(size_bytes);
            assert_eq!(memory.return_data(), output);
            assert_eq!(memory.bytes()[..32], [0xca; 32]);
            assert!(memory.bytes()[32..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn a_copy_goes_to_where_it_lies() {
        let output = numbered(500);
        let mut memory = after_a_call(32, &output);
        memory.grow(32 + 500);
        memory.fill_from_return_data(32..532, 0);
        assert_eq!(memory.bytes()[32..532], output);
        memory.copy_within(32..532, 40);
        assert_eq!(memory.bytes()[40..532], output[..492]);
        assert_eq!(memory.return_data(), output);
    }

    #[test]
    fn frames_within_frames_return_to_their_callers() {
        let mut memory = Memory::default();
        memory.reset(&[]);
        let mut bases = Vec::new();
        for depth in 0..3 {
            memory.grow(64);
            memory.fill(0..64, &[depth; 64], 0);
            bases.push(memory.enter());
        }
        memory.grow(32);
        memory.fill(0..32, &[3; 32], 0);
        for depth in (0..3_u8).rev() {
            memory.leave(bases.pop().unwrap_or_default(), 1..usize::from(depth) * 8 + 9);
            assert_eq!(memory.return_data(), [depth + 1].repeat(usize::from(depth) * 8 + 8));
            assert_eq!(memory.bytes(), [depth; 64]);
        }
    }

    #[test]
    fn a_precompile_writes_it_and_a_new_transaction_has_none() {
        let mut memory = after_a_call(32, b"from a frame");
        let (input, output) = memory.answer(0..5);
        assert_eq!((input, output.len()), (&b"input"[..], 0));
        output.extend_from_slice(b"answer");
        memory.grow(1_000);
        assert_eq!(memory.return_data(), b"answer");
        memory.forget_return_data();
        assert_eq!(memory.return_data(), b"");
        memory = after_a_call(0, b"output");
        memory.reset(&[7; 100]);
        assert_eq!(memory.return_data_bytes(), 0);
    }

    /// What can happen to a memory; sizes are taken modulo what there is.
    #[derive(Clone, Debug)]
    enum Step {
        Grow(usize),
        Write(usize, u8),
        Copy { target: usize, from: usize, size_bytes: usize },
        Enter,
        Leave { start: usize, size_bytes: usize },
        Answer(Vec<u8>),
    }

    fn step() -> impl Strategy<Value = Step> {
        let size = || prop_oneof![0_usize..70, 0_usize..2_000];
        prop_oneof![
            size().prop_map(Step::Grow),
            (size(), any::<u8>()).prop_map(|(offset, byte)| Step::Write(offset, byte)),
            (size(), size(), size()).prop_map(|(target, from, size_bytes)| Step::Copy {
                target,
                from,
                size_bytes
            }),
            Just(Step::Enter),
            (size(), size()).prop_map(|(start, size_bytes)| Step::Leave { start, size_bytes }),
            vec(any::<u8>(), 0..50).prop_map(Step::Answer),
        ]
    }

    /// The memory of each frame and the return data, as bytes of their own.
    #[derive(Default)]
    struct Model {
        frames: Vec<Vec<u8>>,
        return_data: Vec<u8>,
    }

    /// Makes a step on both.
    fn advance(memory: &mut Memory, model: &mut Model, bases: &mut Vec<usize>, step: Step) {
        let Model { frames, return_data } = model;
        let Some(own) = frames.last_mut() else { return };
        match step {
            Step::Grow(more) => {
                let size_bytes = (own.len() + more).next_multiple_of(32);
                memory.grow(own.len() + more);
                own.resize(size_bytes, 0);
            }
            Step::Write(offset, byte) if !own.is_empty() => {
                let offset = offset % own.len();
                memory.fill(offset..own.len(), &[byte; 2_000], 0);
                let written = own.len().min(offset + 2_000);
                own[offset..written].fill(byte);
                own[written..].fill(0);
            }
            Step::Copy { target, from, size_bytes } => {
                let from = from % (return_data.len() + 1);
                let size_bytes = size_bytes % (return_data.len() - from + 1);
                let end = (target + size_bytes).next_multiple_of(32).max(own.len());
                memory.grow(target + size_bytes);
                memory.fill_from_return_data(target..target + size_bytes, from);
                own.resize(end, 0);
                own[target..target + size_bytes]
                    .copy_from_slice(&return_data[from..][..size_bytes]);
            }
            Step::Enter => {
                memory.forget_return_data();
                bases.push(memory.enter());
                return_data.clear();
                frames.push(Vec::new());
            }
            Step::Leave { start, size_bytes } => {
                let Some(base) = bases.pop() else { return };
                let start = start % (own.len() + 1);
                let output = start..start + size_bytes % (own.len() - start + 1);
                *return_data = own[output.clone()].to_vec();
                memory.leave(base, output);
                frames.pop();
            }
            Step::Answer(output) => {
                memory.answer(0..0).1.extend_from_slice(&output);
                *return_data = output;
            }
            Step::Write(..) => {}
        }
    }

    proptest! {
        #![proptest_config(word::random_cases())]

        #[test]
        fn it_is_as_if_it_were_copied_at_once(steps in vec(step(), 1..60)) {
            let (mut memory, mut bases) = (Memory::default(), Vec::new());
            memory.reset(&[0xff; 77]);
            let mut model = Model { frames: vec![Vec::new()], ..Default::default() };
            for step in steps {
                advance(&mut memory, &mut model, &mut bases, step);
                prop_assert_eq!(memory.bytes(), model.frames.last().unwrap());
                prop_assert_eq!(memory.return_data(), &model.return_data);
                prop_assert_eq!(memory.return_data_bytes(), model.return_data.len());
            }
            while let Some(base) = bases.pop() {
                memory.leave(base, 0..0);
                model.frames.pop();
                prop_assert_eq!(memory.bytes(), model.frames.last().unwrap());
            }
        }
    }
}
