//! The Keccak permutation on several states at once, in the vector registers of x86-64.
#![expect(
    unsafe_code,
    reason = "loads and stores of vectors, and calls of functions for processors that have been asked first"
)]

use super::lanes::{BLOCK_BYTES, Block, Permutation, STATE_WORDS, States};

/// What is added to the first word of a state in each round (Keccak reference, section 1.2).
const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// An array with an expression for each word of a state. Unlike a loop, it lets the compiler keep the words in registers.
macro_rules! each_word {
    ($i:ident => $word:expr) => {
        each_word!(
            $i, $word, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24
        )
    };
    ($i:ident, $word:expr, $($index:literal)*) => {
        [$({ const $i: usize = $index; $word }),*]
    };
}

/// Defines `absorb` from the vector operations in scope. What works on vectors is a safe function with the feature, and only
/// such functions call each other.
macro_rules! define_absorb {
    ($features:literal, $vector:ty, $lanes:literal) => {
        #[target_feature(enable = $features)]
        pub(super) fn absorb(
            states: &mut States<$lanes>,
            kept: &[u64; $lanes],
            blocks: [&Block; $lanes],
        ) {
            let kept = load(kept);
            let block = transpose(blocks);
            let mut a: [$vector; STATE_WORDS] =
                each_word!(I => xor(and(load(&states[I]), kept), block[I]));
            for constant in ROUND_CONSTANTS {
                a = round(&a, constant);
            }
            each_word!(I => store(&mut states[I], a[I]));
        }

        /// One round. Word (x, y) of the state is `a[x + 5 * y]`.
        #[inline]
        #[target_feature(enable = $features)]
        fn round(a: &[$vector; STATE_WORDS], constant: u64) -> [$vector; STATE_WORDS] {
            let c = [
                column([a[0], a[5], a[10], a[15], a[20]]),
                column([a[1], a[6], a[11], a[16], a[21]]),
                column([a[2], a[7], a[12], a[17], a[22]]),
                column([a[3], a[8], a[13], a[18], a[23]]),
                column([a[4], a[9], a[14], a[19], a[24]]),
            ];
            // Theta, rho and pi: word `i` with its neighbouring columns added, rotated left. The second number is what
            // the first lacks of 64.
            macro_rules! moved {
                ($i:literal, $left:literal, $right:literal) => {
                    rotate::<$left, $right>(with_columns(&c, a[$i], $i % 5))
                };
            }
            let [b0, b1, b2, b3, b4] = chi([
                with_columns(&c, a[0], 0),
                moved!(6, 44, 20),
                moved!(12, 43, 21),
                moved!(18, 21, 43),
                moved!(24, 14, 50),
            ]);
            let [b5, b6, b7, b8, b9] = chi([
                moved!(3, 28, 36),
                moved!(9, 20, 44),
                moved!(10, 3, 61),
                moved!(16, 45, 19),
                moved!(22, 61, 3),
            ]);
            let [b10, b11, b12, b13, b14] = chi([
                moved!(1, 1, 63),
                moved!(7, 6, 58),
                moved!(13, 25, 39),
                moved!(19, 8, 56),
                moved!(20, 18, 46),
            ]);
            let [b15, b16, b17, b18, b19] = chi([
                moved!(4, 27, 37),
                moved!(5, 36, 28),
                moved!(11, 10, 54),
                moved!(17, 15, 49),
                moved!(23, 56, 8),
            ]);
            let [b20, b21, b22, b23, b24] = chi([
                moved!(2, 62, 2),
                moved!(8, 55, 9),
                moved!(14, 39, 25),
                moved!(15, 41, 23),
                moved!(21, 2, 62),
            ]);
            [
                xor(b0, splat(constant)), b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13,
                b14, b15, b16, b17, b18, b19, b20, b21, b22, b23, b24,
            ]
        }

        /// Parity of a column.
        #[inline]
        #[target_feature(enable = $features)]
        fn column([a, b, c, d, e]: [$vector; 5]) -> $vector {
            xor3(xor3(a, b, c), d, e)
        }

        /// A word of column `x` with what theta adds to it: the parities `c` of the column before and, rotated, of the one
        /// after.
        #[inline]
        #[target_feature(enable = $features)]
        fn with_columns(c: &[$vector; 5], word: $vector, x: usize) -> $vector {
            xor3(word, c[(x + 4) % 5], rotate::<1, 63>(c[(x + 1) % 5]))
        }

        /// A row after chi.
        #[inline]
        #[target_feature(enable = $features)]
        fn chi([a, b, c, d, e]: [$vector; 5]) -> [$vector; 5] {
            [
                xor_not_and(a, b, c),
                xor_not_and(b, c, d),
                xor_not_and(c, d, e),
                xor_not_and(d, e, a),
                xor_not_and(e, a, b),
            ]
        }
    };
}

/// The last word of the block.
#[inline]
fn last_word(block: &Block) -> i64 {
    let [.., a, b, c, d, e, f, g, h] = *block;
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// Eight lanes: a proof that the processor has AVX-512.
#[derive(Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    /// `None` where the processor lacks it.
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx512f").then_some(Self(()))
    }
}

impl Permutation<8> for Avx512 {
    fn absorb(&self, states: &mut States<8>, kept: &[u64; 8], blocks: [&Block; 8]) {
        // SAFETY: there is a `self` only where the processor has the feature.
        unsafe { avx512::absorb(states, kept, blocks) }
    }
}

mod avx512 {
    use std::arch::x86_64::*;

    use super::*;

    define_absorb!("avx512f", __m512i, 8);

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load(words: &[u64; 8]) -> __m512i {
        // SAFETY: reads 64 bytes, which the array has; the address may be unaligned.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn store(words: &mut [u64; 8], vector: __m512i) {
        // SAFETY: writes 64 bytes, which the array has; the address may be unaligned.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load_part<const AT: usize>(block: &Block) -> __m512i {
        const { assert!(AT + 64 <= BLOCK_BYTES) };
        // SAFETY: reads 64 bytes from `AT` on, which the block has; the address may be unaligned.
        unsafe { _mm512_loadu_si512(block.as_ptr().add(AT).cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn splat(word: u64) -> __m512i {
        _mm512_set1_epi64(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn and(a: __m512i, b: __m512i) -> __m512i {
        _mm512_and_si512(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn xor(a: __m512i, b: __m512i) -> __m512i {
        _mm512_xor_si512(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        _mm512_ternarylogic_epi64::<0x96>(a, b, c)
    }

    /// `a ^ (!b & c)`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn xor_not_and(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        _mm512_ternarylogic_epi64::<0xd2>(a, b, c)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn rotate<const LEFT: i32, const RIGHT: i32>(a: __m512i) -> __m512i {
        const { assert!(LEFT + RIGHT == 64) };
        _mm512_rol_epi64::<LEFT>(a)
    }

    /// Word `i` of every block in vector `i`; zeros after the last word.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn transpose(blocks: [&Block; 8]) -> [__m512i; STATE_WORDS] {
        let [a, b, c, d, e, f, g, h] = blocks;
        let [w0, w1, w2, w3, w4, w5, w6, w7] = transpose_words([
            load_part::<0>(a),
            load_part::<0>(b),
            load_part::<0>(c),
            load_part::<0>(d),
            load_part::<0>(e),
            load_part::<0>(f),
            load_part::<0>(g),
            load_part::<0>(h),
        ]);
        let [w8, w9, w10, w11, w12, w13, w14, w15] = transpose_words([
            load_part::<64>(a),
            load_part::<64>(b),
            load_part::<64>(c),
            load_part::<64>(d),
            load_part::<64>(e),
            load_part::<64>(f),
            load_part::<64>(g),
            load_part::<64>(h),
        ]);
        let w16 = _mm512_setr_epi64(
            last_word(a),
            last_word(b),
            last_word(c),
            last_word(d),
            last_word(e),
            last_word(f),
            last_word(g),
            last_word(h),
        );
        let o = _mm512_setzero_si512();
        [
            w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15, w16, o, o, o, o,
            o, o, o, o,
        ]
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn transpose_words([a, b, c, d, e, f, g, h]: [__m512i; 8]) -> [__m512i; 8] {
        // Pairs of rows: words 0, 2, 4, 6 of both, and words 1, 3, 5, 7.
        let even = [unpack_low(a, b), unpack_low(c, d), unpack_low(e, f), unpack_low(g, h)];
        let odd = [unpack_high(a, b), unpack_high(c, d), unpack_high(e, f), unpack_high(g, h)];
        let [w0, w2, w4, w6] = transpose_pairs(even);
        let [w1, w3, w5, w7] = transpose_pairs(odd);
        [w0, w1, w2, w3, w4, w5, w6, w7]
    }

    /// Transposes a square of pairs of words.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn transpose_pairs([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
        let (ab_even, ab_odd) = (pick_even(a, b), pick_odd(a, b));
        let (cd_even, cd_odd) = (pick_even(c, d), pick_odd(c, d));
        [
            pick_even(ab_even, cd_even),
            pick_even(ab_odd, cd_odd),
            pick_odd(ab_even, cd_even),
            pick_odd(ab_odd, cd_odd),
        ]
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn unpack_low(a: __m512i, b: __m512i) -> __m512i {
        _mm512_unpacklo_epi64(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn unpack_high(a: __m512i, b: __m512i) -> __m512i {
        _mm512_unpackhi_epi64(a, b)
    }

    /// Pairs of words 0 and 2 of `a`, then those of `b`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn pick_even(a: __m512i, b: __m512i) -> __m512i {
        _mm512_shuffle_i64x2::<0b10_00_10_00>(a, b)
    }

    /// Pairs of words 1 and 3 of `a`, then those of `b`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn pick_odd(a: __m512i, b: __m512i) -> __m512i {
        _mm512_shuffle_i64x2::<0b11_01_11_01>(a, b)
    }
}

/// Four lanes: a proof that the processor has AVX2.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// `None` where the processor lacks it.
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

impl Permutation<4> for Avx2 {
    fn absorb(&self, states: &mut States<4>, kept: &[u64; 4], blocks: [&Block; 4]) {
        // SAFETY: there is a `self` only where the processor has the feature.
        unsafe { avx2::absorb(states, kept, blocks) }
    }
}

mod avx2 {
    use std::arch::x86_64::*;

    use super::*;

    define_absorb!("avx2", __m256i, 4);

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(words: &[u64; 4]) -> __m256i {
        // SAFETY: reads 32 bytes, which the array has; the address may be unaligned.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(words: &mut [u64; 4], vector: __m256i) {
        // SAFETY: writes 32 bytes, which the array has; the address may be unaligned.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_part<const AT: usize>(block: &Block) -> __m256i {
        const { assert!(AT + 32 <= BLOCK_BYTES) };
        // SAFETY: reads 32 bytes from `AT` on, which the block has; the address may be unaligned.
        unsafe { _mm256_loadu_si256(block.as_ptr().add(AT).cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn splat(word: u64) -> __m256i {
        _mm256_set1_epi64x(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn and(a: __m256i, b: __m256i) -> __m256i {
        _mm256_and_si256(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn xor(a: __m256i, b: __m256i) -> __m256i {
        _mm256_xor_si256(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn xor3(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        xor(xor(a, b), c)
    }

    /// `a ^ (!b & c)`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn xor_not_and(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        xor(a, _mm256_andnot_si256(b, c))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn rotate<const LEFT: i32, const RIGHT: i32>(a: __m256i) -> __m256i {
        const { assert!(LEFT + RIGHT == 64) };
        _mm256_or_si256(_mm256_slli_epi64::<LEFT>(a), _mm256_srli_epi64::<RIGHT>(a))
    }

    /// Word `i` of every block in vector `i`; zeros after the last word.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn transpose(blocks: [&Block; 4]) -> [__m256i; STATE_WORDS] {
        let [a, b, c, d] = blocks;
        let [w0, w1, w2, w3] = transpose_words([
            load_part::<0>(a),
            load_part::<0>(b),
            load_part::<0>(c),
            load_part::<0>(d),
        ]);
        let [w4, w5, w6, w7] = transpose_words([
            load_part::<32>(a),
            load_part::<32>(b),
            load_part::<32>(c),
            load_part::<32>(d),
        ]);
        let [w8, w9, w10, w11] = transpose_words([
            load_part::<64>(a),
            load_part::<64>(b),
            load_part::<64>(c),
            load_part::<64>(d),
        ]);
        let [w12, w13, w14, w15] = transpose_words([
            load_part::<96>(a),
            load_part::<96>(b),
            load_part::<96>(c),
            load_part::<96>(d),
        ]);
        let w16 = _mm256_setr_epi64x(last_word(a), last_word(b), last_word(c), last_word(d));
        let o = _mm256_setzero_si256();
        [
            w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15, w16, o, o, o, o,
            o, o, o, o,
        ]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn transpose_words([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
        let (ab_even, ab_odd) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
        let (cd_even, cd_odd) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
        [
            _mm256_permute2x128_si256::<0x20>(ab_even, cd_even),
            _mm256_permute2x128_si256::<0x20>(ab_odd, cd_odd),
            _mm256_permute2x128_si256::<0x31>(ab_even, cd_even),
            _mm256_permute2x128_si256::<0x31>(ab_odd, cd_odd),
        ]
    }
}
