//! Powers modulo odd numbers of up to 256 bits: what contracts ask for most, square roots and inverses of elliptic curves.
//!
//! Montgomery's method on four limbs, which stay in registers: a number `x` is kept as `x * R mod m` with `R = 2^256`. A
//! library for numbers of any length takes twice as long for so short ones.

use alloy_primitives::{U256, ruint::algorithms::mul_redc};

use crate::crypto::exponentiation::{Operands, write_right_aligned};

/// Bytes of the longest modulus.
pub(super) const LONGEST_BYTES: usize = 32;

/// Bits of the exponent that one multiplication takes in.
const WINDOW_BITS: usize = 4;

/// Up to this length exponents are taken bit by bit: a table of powers would cost more than it spares.
const SHORT_EXPONENT_BYTES: usize = 4;

/// Writes the power to `result`, which is at least as long as the modulus.
///
/// # Panics
/// If the modulus is even, less than 3 or longer than [`LONGEST_BYTES`].
pub(super) fn modexp(operands: &Operands<'_>, result: &mut [u8]) {
    let Operands { base, exponent, modulus } = *operands;
    let field = Field::new(U256::from_be_slice(modulus));
    let base = field.reduce(base);
    let power = if exponent.len() <= SHORT_EXPONENT_BYTES {
        field.pow_short(base, exponent)
    } else {
        field.pow(base, exponent)
    };
    let bytes = field.leave(power).to_be_bytes::<32>();
    write_right_aligned(&bytes[32 - modulus.len()..], result);
}

/// A number in Montgomery's form, less than the modulus.
type Limbs = [u64; 4];

/// Numbers modulo an odd number.
struct Field {
    modulus: U256,
    /// `-1 / modulus` modulo 2^64.
    negative_inverse: u64,
    /// `R` and `R^2` modulo the modulus: 1 and R in Montgomery's form.
    one: U256,
    r: U256,
}

impl Field {
    fn new(modulus: U256) -> Self {
        assert!(modulus.bit(0) && modulus > U256::ONE, "{modulus} has no form of Montgomery");
        let [low, ..] = *modulus.as_limbs();
        // Right in three bits, and in twice as many with each step (Newton's method).
        let mut inverse = low;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(low.wrapping_mul(inverse)));
        }
        let one = modulus.wrapping_neg() % modulus;
        let r = one.mul_mod(one, modulus);
        Self { modulus, negative_inverse: inverse.wrapping_neg(), one, r }
    }

    #[inline]
    fn mul(&self, a: Limbs, b: Limbs) -> Limbs {
        mul_redc(a, b, *self.modulus.as_limbs(), self.negative_inverse)
    }

    /// A product: ruint's square takes 28 ns, its product 16.
    #[inline]
    fn square(&self, a: Limbs) -> Limbs {
        self.mul(a, a)
    }

    /// A number of any length, in Montgomery's form.
    fn reduce(&self, bytes: &[u8]) -> Limbs {
        let r = *self.r.as_limbs();
        let (head, words) = bytes.as_rchunks::<32>();
        let mut number = U256::from_be_slice(head) % self.modulus;
        for word in words {
            // To multiply by R^2 is to multiply by R: the number moves up by a word.
            let moved = U256::from_limbs(self.mul(*number.as_limbs(), r));
            number = moved.add_mod(U256::from_be_bytes(*word), self.modulus);
        }
        self.mul(*number.as_limbs(), r)
    }

    /// Out of Montgomery's form.
    fn leave(&self, number: Limbs) -> U256 {
        U256::from_limbs(self.mul(number, [1, 0, 0, 0]))
    }

    /// The power with an exponent of few bits, not zero.
    fn pow_short(&self, base: Limbs, exponent: &[u8]) -> Limbs {
        let exponent = exponent.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        let mut power = base;
        for bit in (0..exponent.ilog2()).rev() {
            power = self.square(power);
            if exponent >> bit & 1 == 1 {
                power = self.mul(power, base);
            }
        }
        power
    }

    /// The power, with a table of the first ones.
    fn pow(&self, base: Limbs, exponent: &[u8]) -> Limbs {
        let mut powers = [*self.one.as_limbs(); 1 << WINDOW_BITS];
        for i in 1..powers.len() {
            powers[i] = self.mul(powers[i - 1], base);
        }
        let mut windows = exponent.iter().flat_map(|byte| [byte >> WINDOW_BITS, byte & 0xf]);
        let first = windows.next().unwrap_or_default();
        windows.fold(powers[usize::from(first)], |power, window| {
            let raised = (0..WINDOW_BITS).fold(power, |power, _| self.square(power));
            if window == 0 { raised } else { self.mul(raised, powers[usize::from(window)]) }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn power(base: &[u8], exponent: &[u8], modulus: &U256) -> U256 {
        let modulus = modulus.to_be_bytes_trimmed_vec();
        let mut result = vec![0xaa; modulus.len()];
        modexp(&Operands { base, exponent, modulus: &modulus }, &mut result);
        U256::from_be_slice(&result)
    }

    /// Odd numbers of any length, those next to powers of two above all: there carries are lost if any are.
    fn odd() -> impl Strategy<Value = U256> {
        let near = (2_usize..=256, 0_u64..4, any::<bool>()).prop_map(|(bits, by, is_below)| {
            let top = if bits == 256 { U256::ZERO } else { U256::ONE << bits };
            let by = U256::from(2 * by + 1);
            if is_below || bits == 256 { top.wrapping_sub(by) } else { top + by }
        });
        let any = (any::<[u64; 4]>(), 0_usize..250)
            .prop_map(|(limbs, shift)| U256::from_limbs(limbs) >> shift | U256::ONE);
        prop_oneof![near, any].prop_filter("a field has two numbers", |odd| *odd > U256::ONE)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 2_000 }))]

        #[test]
        fn powers_are_those_of_plain_words(
            modulus in odd(),
            below: u8,
            base: [u64; 4],
            (exponent, bits) in (any::<[u64; 4]>(), 1_usize..=256),
        ) {
            // Bases just below the modulus, too, and exponents of any length.
            let base = if below < 128 { modulus - U256::from(below % 2 + 1) } else { U256::from_limbs(base) };
            let exponent = (U256::from_limbs(exponent) >> (256 - bits)).max(U256::ONE);
            let found = power(&base.to_be_bytes_trimmed_vec(), &exponent.to_be_bytes_trimmed_vec(), &modulus);
            prop_assert_eq!(found, base.pow_mod(exponent, modulus));
        }

        #[test]
        fn long_bases_are_reduced(modulus in odd(), base in proptest::collection::vec(any::<u8>(), 1..200)) {
            let byte = U256::from(256);
            let rest = base.iter().fold(U256::ZERO, |rest, digit| {
                rest.mul_mod(byte, modulus).add_mod(U256::from(*digit), modulus)
            });
            prop_assert_eq!(power(&base, &[1], &modulus), rest);
        }
    }
}
