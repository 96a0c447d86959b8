//! Products modulo a number that is used again and again (Barrett's reduction).
//!
//! Code that does arithmetic in a field multiplies modulo one number for a long time. The quotient `2^512 / n` of the last
//! modulus is kept, by which a product is reduced with multiplications alone: Menezes, van Oorschot and Vanstone, "Handbook of
//! Applied Cryptography", algorithm 14.42.

use std::cell::RefCell;

use ruint::aliases::{U256, U512};

/// Limbs of a modulus.
const LIMBS: usize = 4;

/// The modulus that was used last, and what reducing by it needs.
#[derive(Debug)]
struct Reduction {
    modulus: [u64; LIMBS],
    /// `2^512 / modulus`, or one less; zero until the modulus was used a second time.
    reciprocal: [u64; LIMBS + 1],
}

thread_local! {
    static LAST: RefCell<Reduction> =
        const { RefCell::new(Reduction { modulus: [0; LIMBS], reciprocal: [0; LIMBS + 1] }) };
}

/// `a * b` modulo `n`, which is not zero.
#[inline(never)]
pub(super) fn mul_mod(a: &U256, b: &U256, n: &U256) -> U256 {
    // Smaller numbers have no reciprocal of five limbs.
    if n.as_limbs()[LIMBS - 1] == 0 {
        return a.mul_mod(*b, *n);
    }
    LAST.with_borrow_mut(|last| {
        if last.modulus != *n.as_limbs() {
            *last = Reduction { modulus: *n.as_limbs(), reciprocal: [0; LIMBS + 1] };
            return a.mul_mod(*b, *n);
        }
        if last.reciprocal == [0; LIMBS + 1] {
            last.reciprocal = reciprocal(n);
        }
        let product: [u64; 2 * LIMBS] = low_product(a.as_limbs(), b.as_limbs());
        U256::from_limbs(last.reduce(&product))
    })
}

/// `(2^512 - 1) / n`, for `n` of at least 193 bits.
fn reciprocal(n: &U256) -> [u64; LIMBS + 1] {
    let quotient = U512::MAX / U512::from(*n);
    std::array::from_fn(|i| quotient.as_limbs()[i])
}

impl Reduction {
    fn reduce(&self, product: &[u64; 2 * LIMBS]) -> [u64; LIMBS] {
        let high: [u64; LIMBS + 1] = std::array::from_fn(|i| product[LIMBS - 1 + i]);
        let estimate: [u64; 2 * LIMBS + 2] = low_product(&high, &self.reciprocal);
        let quotient: [u64; LIMBS + 1] = std::array::from_fn(|i| estimate[LIMBS + 1 + i]);
        let taken: [u64; LIMBS + 1] = low_product(&quotient, &self.modulus);
        let mut rest: [u64; LIMBS + 1] = std::array::from_fn(|i| product[i]);
        subtract(&mut rest, &taken);
        // The estimate is at most three too small, and never too large.
        let modulus: [u64; LIMBS + 1] =
            std::array::from_fn(|i| self.modulus.get(i).copied().unwrap_or(0));
        loop {
            let mut less = rest;
            if subtract(&mut less, &modulus) {
                return std::array::from_fn(|i| rest[i]);
            }
            rest = less;
        }
    }
}

/// The low `N` limbs of a product.
#[inline(always)]
fn low_product<const A: usize, const B: usize, const N: usize>(
    a: &[u64; A],
    b: &[u64; B],
) -> [u64; N] {
    let mut product = [0; N];
    for (i, a) in a.iter().enumerate() {
        let mut carry = 0;
        for (j, b) in b.iter().enumerate() {
            if let Some(limb) = product.get_mut(i + j) {
                (*limb, carry) = a.carrying_mul_add(*b, *limb, carry);
            }
        }
        if let Some(limb) = product.get_mut(i + B) {
            *limb = carry;
        }
    }
    product
}

/// Subtracts in place; whether it went below zero.
#[inline(always)]
fn subtract<const N: usize>(a: &mut [u64; N], b: &[u64; N]) -> bool {
    let mut borrow = false;
    for (a, b) in a.iter_mut().zip(b) {
        (*a, borrow) = a.borrowing_sub(*b, borrow);
    }
    borrow
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(a: U256, b: U256, n: U256) {
        let expected = a.mul_mod(b, n);
        // The first time the modulus is new, the second time its reciprocal is computed, then it is known.
        for _ in 0..3 {
            assert_eq!(mul_mod(&a, &b, &n), expected, "{a} * {b} mod {n}");
        }
    }

    proptest! {
        #[test]
        fn products_agree_with_ruint(a: [u64; 4], b: [u64; 4], n: [u64; 4], cut in 0_u32..64, a_limbs in 1_usize..5) {
            let mut a = a;
            a[a_limbs..].fill(0);
            let mut n = n;
            n[3] = (n[3] >> cut).max(1);
            check(U256::from_limbs(a), U256::from_limbs(b), U256::from_limbs(n));
        }
    }

    #[test]
    fn the_edges_agree_with_ruint() {
        let one = U256::ONE;
        let edges = [
            U256::ZERO,
            one,
            U256::MAX,
            U256::MAX - one,
            one << 255,
            (one << 255) - one,
            (one << 255) + one,
            one << 192,
            (one << 192) + one,
            (one << 192) - one,
        ];
        for n in edges.into_iter().filter(|n| !n.is_zero()) {
            for a in edges {
                for b in edges {
                    check(a, b, n);
                }
            }
        }
    }
}
