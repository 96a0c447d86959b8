//! The operand stack: 1024 words and some scratch, allocated once and reused, also by executors made later.
//!
//! The plain engine keeps the stack pointer in a register and has checked the height against the opcode table before it
//! touches a word; [`Registers`](crate::plain) does that with the two raw methods at the end of this file. Everybody else
//! uses the safe methods, which check for themselves.

#![expect(
    unsafe_code,
    reason = "words are read and written through a raw pointer: checked twice, a stack operation costs a third more"
)]

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    cell::RefCell,
    ptr::NonNull,
};

use ruint::aliases::U256;

/// Most words on the stack (yellow paper, section 9.1).
pub const STACK_LIMIT: usize = 1024;

/// Size of a word in bytes.
pub(crate) const WORD_BYTES: usize = size_of::<U256>();

/// Words above the limit, in which the threaded engine keeps intermediate results.
pub(crate) const SCRATCH_WORDS: usize = 64;

/// Size of a full stack in bytes.
const STACK_BYTES: usize = STACK_LIMIT * WORD_BYTES;

/// Stacks start at a multiple of twice their size, so that the low bits of a stack pointer are the height in bytes, from 0 to
/// [`STACK_BYTES`] inclusive: a height check is one comparison against a constant.
const ALIGNMENT_BYTES: usize = 2 * STACK_BYTES;

const LAYOUT: Layout =
    match Layout::from_size_align(STACK_BYTES + SCRATCH_WORDS * WORD_BYTES, ALIGNMENT_BYTES) {
        Ok(layout) => layout,
        Err(_) => panic!("the alignment is a power of two"),
    };

/// Most stacks that a thread keeps for those who need one next: half a megabyte.
const MOST_SPARE: usize = 16;

/// Stacks that nobody has, all words of which are initialised. To wipe a new one takes longer than to execute a small
/// transaction, which is felt where an executor is made for each.
#[derive(Debug, Default)]
struct Spare(Vec<NonNull<U256>>);

thread_local! {
    static SPARE: RefCell<Spare> = const { RefCell::new(Spare(Vec::new())) };
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.0.drain(..).for_each(free);
    }
}

/// Frees a stack.
fn free(base: NonNull<U256>) {
    // SAFETY: `base` comes from `Stack::new`, which allocated it with this layout, by way of a stack that is no more or of the
    // spare ones, from which it was taken out: nobody else has it.
    unsafe { dealloc(base.as_ptr().cast(), LAYOUT) };
}

/// A stack of 256-bit words.
#[derive(Debug)]
pub struct Stack {
    /// Start of an allocation of [`LAYOUT`] that nobody else has.
    base: NonNull<U256>,
    /// One word past the top. Invariant S1: `base + height`, with `height <= STACK_LIMIT`. All words of the allocation are
    /// initialised, from the start.
    top: *mut U256,
}

// SAFETY: a `Stack` owns its allocation alone; nothing about it is tied to a thread.
unsafe impl Send for Stack {}
// SAFETY: through `&Stack` words are only read.
unsafe impl Sync for Stack {}

impl Default for Stack {
    fn default() -> Self {
        Self::new()
    }
}

impl Stack {
    /// An empty stack: one that this thread has to spare, or a new one.
    pub fn new() -> Self {
        // There are none any more while the thread ends.
        let spare = SPARE.try_with(|spare| spare.borrow_mut().0.pop());
        if let Ok(Some(base)) = spare {
            return Self { base, top: base.as_ptr() };
        }
        // SAFETY: the layout's size is not zero.
        let base = unsafe { alloc_zeroed(LAYOUT) }.cast::<U256>();
        let Some(base) = NonNull::new(base) else { handle_alloc_error(LAYOUT) };
        Self { base, top: base.as_ptr() }
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        (self.top.addr() - self.base.as_ptr().addr()) / WORD_BYTES
    }

    /// Whether there are no words.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes all words.
    pub fn clear(&mut self) {
        self.top = self.base.as_ptr();
    }

    /// The words, bottom first.
    pub fn words(&self) -> &[U256] {
        // SAFETY: by S1 the `len` words from `base` on are initialised and inside the allocation.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.len()) }
    }

    /// Pushes a word.
    ///
    /// # Panics
    /// If the stack is full.
    #[inline]
    pub fn push(&mut self, word: U256) {
        assert!(self.len() < STACK_LIMIT, "push onto a full stack");
        // SAFETY: by S1 and the check above `top` is inside the allocation, and stays at most one past its end.
        unsafe {
            self.top.write(word);
            self.top = self.top.add(1);
        }
    }

    /// Pops `N` words; the first is the one that was on top.
    ///
    /// # Panics
    /// If the stack is lower than that.
    #[inline]
    pub fn pop<const N: usize>(&mut self) -> [U256; N] {
        assert!(self.len() >= N, "pop from a stack that is too low");
        // SAFETY: by S1 and the check above the `N` words below `top` are initialised and inside the allocation.
        unsafe {
            self.top = self.top.sub(N);
            std::array::from_fn(|i| self.top.add(N - 1 - i).read())
        }
    }

    /// Like [`Self::pop`], limb by limb: for words that were mostly written just before and that are read limb by limb
    /// again. See [`read_limbs`].
    ///
    /// # Panics
    /// If the stack is lower than that.
    #[inline]
    pub(crate) fn pop_by_limbs<const N: usize>(&mut self) -> [U256; N] {
        assert!(self.len() >= N, "pop from a stack that is too low");
        // SAFETY: by S1 and the check above the `N` words below `top` are initialised and inside the allocation.
        unsafe {
            self.top = self.top.sub(N);
            std::array::from_fn(|i| read_limbs(self.top.add(N - 1 - i)))
        }
    }

    /// The pointer one word past the top, for the engine to keep in a register.
    #[inline]
    pub(crate) fn top_ptr(&self) -> *mut U256 {
        self.top
    }

    /// Puts the pointer back that [`Stack::top_ptr`] gave out.
    ///
    /// # Safety
    /// `top` must be derived from this stack's `top_ptr` and lie at most [`STACK_LIMIT`] words above its base: invariant S1.
    #[inline]
    pub(crate) unsafe fn set_top(&mut self, top: *mut U256) {
        self.top = top;
    }
}

/// Height in bytes of the stack that `top` points into.
#[inline(always)]
pub(crate) fn height_bytes(top: *mut U256) -> usize {
    top.addr() % ALIGNMENT_BYTES
}

/// Reads a word limb by limb.
///
/// The reads are volatile so that the compiler does not fuse them into vector loads: a word that was just written as four
/// limbs cannot be forwarded to a vector load, which then waits for the store buffer to drain.
///
/// # Safety
/// `word` must point to an initialised word.
#[inline(always)]
pub(crate) unsafe fn read_limbs(word: *const U256) -> U256 {
    let limbs = word.cast::<u64>();
    // SAFETY: the contract; a `U256` is four `u64`.
    unsafe {
        U256::from_limbs([
            limbs.read_volatile(),
            limbs.add(1).read_volatile(),
            limbs.add(2).read_volatile(),
            limbs.add(3).read_volatile(),
        ])
    }
}

/// A copy of a word that was just written, limb by limb: what functions return in memory. See [`read_limbs`].
#[inline(always)]
pub(crate) fn by_limbs(word: &U256) -> U256 {
    // SAFETY: a reference points to an initialised word.
    unsafe { read_limbs(word) }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let base = self.base;
        let keep = |spare: &RefCell<Spare>| {
            let spare = &mut spare.borrow_mut().0;
            let is_kept = spare.len() < MOST_SPARE;
            if is_kept {
                spare.push(base);
            }
            is_kept
        };
        if !SPARE.try_with(keep).unwrap_or(false) {
            free(base);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_in_reverse_order() {
        let mut stack = Stack::new();
        for i in 0..5_u64 {
            stack.push(U256::from(i));
        }
        assert_eq!(stack.pop::<3>(), [4_u64, 3, 2].map(U256::from));
        assert_eq!(stack.words(), [0_u64, 1].map(U256::from));
        stack.clear();
        assert!(stack.is_empty());
    }

    #[test]
    fn the_height_is_in_the_pointer_from_empty_to_full() {
        let mut stack = Stack::new();
        for height in 0..=STACK_LIMIT {
            assert_eq!(height_bytes(stack.top_ptr()), height * WORD_BYTES);
            if height < STACK_LIMIT {
                stack.push(U256::ZERO);
            }
        }
    }

    #[test]
    #[should_panic(expected = "full stack")]
    fn pushing_beyond_the_limit_panics() {
        let mut stack = Stack::new();
        for _ in 0..=STACK_LIMIT {
            stack.push(U256::ZERO);
        }
    }

    #[test]
    #[should_panic(expected = "too low")]
    fn popping_too_much_panics() {
        let mut stack = Stack::new();
        stack.push(U256::ZERO);
        let _ = stack.pop::<2>();
    }

    #[test]
    fn stacks_come_back_empty_and_only_so_many_are_kept() {
        let kept = || SPARE.with_borrow(|spare| spare.0.len());
        let mut stacks: Vec<Stack> = (0..MOST_SPARE + 2).map(|_| Stack::new()).collect();
        stacks.iter_mut().for_each(|stack| stack.push(U256::MAX));
        drop(stacks);
        assert_eq!(kept(), MOST_SPARE);
        let stack = Stack::new();
        assert_eq!(kept(), MOST_SPARE - 1);
        assert!(stack.is_empty());
        // Another thread keeps what it drops, and frees it when it ends: Miri would find what leaks.
        std::thread::spawn(move || {
            drop(stack);
            assert_eq!(kept(), 1);
        })
        .join()
        .unwrap();
        assert_eq!(kept(), MOST_SPARE - 1);
    }

    #[test]
    fn a_top_pointer_that_was_put_back_keeps_the_words() {
        let mut stack = Stack::new();
        stack.push(U256::from(1));
        let top = stack.top_ptr();
        // SAFETY: one word is written above the only one there is, and the pointer moves by it.
        unsafe {
            top.write(U256::from(2));
            stack.set_top(top.add(1));
        }
        assert_eq!(stack.words(), [1_u64, 2].map(U256::from));
    }
}
