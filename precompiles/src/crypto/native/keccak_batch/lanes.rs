//! How the messages of a batch share the lanes of a vector.
//!
//! A vector register holds the same word of several Keccak states, a *lane* for each. Every lane works through its own
//! message, block by block; when a message ends, its lane takes the next one of the batch. So messages of any lengths
//! keep all lanes busy until the batch runs out, without being sorted first. Only in the end lanes are idle, which at worst
//! makes one message that is much longer than all others take 1.4 times as long as alone.

use std::array;

use alloy_primitives::B256;

/// Words of a Keccak state.
pub(super) const STATE_WORDS: usize = 25;

/// Bytes of a block: what is absorbed of a message before each permutation when the hash has 256 bits.
pub(super) const BLOCK_BYTES: usize = 136;

/// Words of a hash.
const HASH_WORDS: usize = 4;

/// First byte of the padding, which is that of Keccak before it became SHA-3, and the bit that ends the last block.
const PADDING_START: u8 = 0x01;
const PADDING_END: u8 = 0x80;

pub(super) type Block = [u8; BLOCK_BYTES];

/// The states of all lanes, word by word.
pub(super) type States<const LANES: usize> = [[u64; LANES]; STATE_WORDS];

/// The Keccak permutation on as many states as there are lanes.
pub(super) trait Permutation<const LANES: usize> {
    /// Lets each lane absorb its block and permutes. Before that, the state of a lane is cleared where its `kept` is zero; it
    /// is left where `kept` is all ones.
    fn absorb(&self, states: &mut States<LANES>, kept: &[u64; LANES], blocks: [&Block; LANES]);
}

/// The message that a lane is at.
struct Task<'m, 'h> {
    /// What is not absorbed yet. At the end an empty rest too makes a block, of nothing but padding.
    rest: &'m [u8],
    hash: &'h mut B256,
}

impl<'m> Task<'m, '_> {
    /// Takes the next block, and says whether it is the last one, which is then in `buffer`.
    fn next_block<'b>(&mut self, buffer: &'b mut Block) -> (&'b Block, bool)
    where
        'm: 'b,
    {
        if let Some((block, rest)) = self.rest.split_first_chunk() {
            self.rest = rest;
            return (block, false);
        }
        *buffer = [0; BLOCK_BYTES];
        buffer[..self.rest.len()].copy_from_slice(self.rest);
        // There is room for at least one byte, which then is both first and last.
        buffer[self.rest.len()] = PADDING_START;
        buffer[BLOCK_BYTES - 1] |= PADDING_END;
        (buffer, true)
    }
}

/// Hashes each message to the same place of `hashes`.
pub(super) fn hash<const LANES: usize>(
    permutation: &impl Permutation<LANES>,
    messages: &[&[u8]],
    hashes: &mut [B256],
) {
    let mut queue = messages.iter().zip(hashes);
    let mut tasks: [Option<Task<'_, '_>>; LANES] = [const { None }; LANES];
    let mut states = [[0; LANES]; STATE_WORDS];
    let mut buffers = [[0; BLOCK_BYTES]; LANES];
    loop {
        let kept = array::from_fn(|lane| if tasks[lane].is_some() { u64::MAX } else { 0 });
        let mut blocks = [&[0; BLOCK_BYTES]; LANES];
        let mut is_last = [false; LANES];
        let mut is_idle = true;
        for (lane, buffer) in buffers.iter_mut().enumerate() {
            let task = &mut tasks[lane];
            if task.is_none() {
                *task = queue.next().map(|(message, hash)| Task { rest: message, hash });
            }
            if let Some(task) = task {
                (blocks[lane], is_last[lane]) = task.next_block(buffer);
                is_idle = false;
            }
        }
        if is_idle {
            return;
        }
        permutation.absorb(&mut states, &kept, blocks);
        for (lane, task) in tasks.iter_mut().enumerate() {
            if let Some(Task { hash, .. }) = task.take_if(|_| is_last[lane]) {
                *hash = squeeze(&states, lane);
            }
        }
    }
}

/// The hash that a lane has arrived at.
fn squeeze<const LANES: usize>(states: &States<LANES>, lane: usize) -> B256 {
    let mut hash = B256::ZERO;
    let words = states.iter().take(HASH_WORDS).map(|word| word[lane].to_le_bytes());
    for (bytes, word) in hash.chunks_exact_mut(size_of::<u64>()).zip(words) {
        bytes.copy_from_slice(&word);
    }
    hash
}
