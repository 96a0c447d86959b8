//! Modular exponentiation.
//!
//! AWS-LC has the fastest one for long odd moduli. An even modulus is a power of two times an odd number; the results for the
//! two factors are found apart and put together by the Chinese remainder theorem.

use super::aws_lc_ffi;
use crate::crypto::exponentiation::{Operands, pure_rust, write_right_aligned};

mod limbs;
mod montgomery;

/// From this length of an even modulus on, it is paid back to take it apart.
const APART_FROM_BYTES: usize = 17;

/// Exponents up to this take less time in pure Rust: measured, 0.4 to 0.97 times with moduli of 40 to 128 bytes.
const BRIEF_EXPONENT: u8 = 5;

/// With moduli up to this length.
const BRIEF_MODULUS_BYTES: usize = 128;

/// Writes the power to `result`, which is at least as long as the modulus.
pub(super) fn modexp(operands: &Operands<'_>, result: &mut [u8]) {
    if operands.modulus.last().is_some_and(|byte| byte % 2 == 1) {
        modexp_odd(operands, result);
    } else if operands.modulus.len() < APART_FROM_BYTES {
        pure_rust(operands, result);
    } else {
        modexp_even(operands, result);
    }
}

fn modexp_odd(operands: &Operands<'_>, result: &mut [u8]) {
    let Operands { base, exponent, modulus } = *operands;
    // Two or three products are done before a library has prepared the modulus.
    let is_brief = modulus.len() <= BRIEF_MODULUS_BYTES && matches!(exponent, [..=BRIEF_EXPONENT]);
    if modulus.len() <= montgomery::LONGEST_BYTES {
        montgomery::modexp(operands, result);
    } else if is_brief || aws_lc_ffi::modexp_odd(base, exponent, modulus, result).is_none() {
        pure_rust(operands, result);
    }
}

/// With `modulus = odd * 2^k`, the result is `a + odd * ((b - a) / odd mod 2^k)` for the results `a` modulo `odd` and `b`
/// modulo `2^k`.
fn modexp_even(operands: &Operands<'_>, result: &mut [u8]) {
    let Operands { base, exponent, modulus } = *operands;
    let modulus = limbs::from_big_endian(modulus);
    let k = limbs::trailing_zeros(&modulus);
    let odd = limbs::shift_right(&modulus, k);
    let b = limbs::pow_mod_power_of_two(&limbs::from_big_endian(base), exponent, k);
    let mut sum = if odd == [1] {
        Vec::new()
    } else {
        let odd_bytes = limbs::to_big_endian(&odd);
        let mut a = vec![0; odd_bytes.len()];
        modexp_odd(&Operands { base, exponent, modulus: &odd_bytes }, &mut a);
        limbs::from_big_endian(&a)
    };
    let mut difference = limbs::sub_mod_power_of_two(&b, &sum, k);
    let inverse = limbs::invert_mod_power_of_two(&odd, k);
    difference = limbs::mul_mod_power_of_two(&difference, &inverse, k);
    limbs::add_product(&mut sum, &odd, &difference);
    write_right_aligned(&limbs::to_big_endian(&sum), result);
}
