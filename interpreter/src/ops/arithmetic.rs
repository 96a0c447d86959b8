//! Arithmetic: 0x01 to 0x0b (yellow paper, appendix H.2).

use ruint::aliases::U256;

use crate::{Frame, HaltReason, Host, Workspace, stack::by_limbs, word};

#[inline(always)]
pub(crate) fn add(a: U256, b: U256) -> U256 {
    a.wrapping_add(b)
}

#[inline(always)]
pub(crate) fn sub(a: U256, b: U256) -> U256 {
    a.wrapping_sub(b)
}

/// The product modulo 2^256; one multiplication where both factors fit 64 bits, as most do.
#[inline(always)]
pub(crate) fn mul(a: U256, b: U256) -> U256 {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (*a.as_limbs(), *b.as_limbs());
    if a1 | a2 | a3 | b1 | b2 | b3 == 0 {
        let product = u128::from(a0) * u128::from(b0);
        return U256::from_limbs([product as u64, (product >> 64) as u64, 0, 0]);
    }
    a.wrapping_mul(b)
}

/// The quotient, zero where `b` is; one division where both fit 64 bits.
#[inline(always)]
pub(crate) fn div(a: U256, b: U256) -> U256 {
    match (word::to_u64(&a), word::to_u64(&b)) {
        (Some(a), Some(b)) => word::from_u64(a.checked_div(b).unwrap_or(0)),
        _ => by_limbs(&wide_div(a, b)),
    }
}

/// The remainder, zero where `b` is.
#[inline(always)]
pub(crate) fn rem(a: U256, b: U256) -> U256 {
    match (word::to_u64(&a), word::to_u64(&b)) {
        (Some(a), Some(b)) => word::from_u64(a.checked_rem(b).unwrap_or(0)),
        _ => by_limbs(&wide_rem(a, b)),
    }
}

#[inline(never)]
fn wide_div(a: U256, b: U256) -> U256 {
    match word::to_u64(&b) {
        Some(0) => U256::ZERO,
        Some(b) => div_rem_by_limb(&a, b).0,
        None => a.wrapping_div(b),
    }
}

#[inline(never)]
fn wide_rem(a: U256, b: U256) -> U256 {
    match word::to_u64(&b) {
        Some(0) => U256::ZERO,
        Some(b) => word::from_u64(div_rem_by_limb(&a, b).1),
        None => a.wrapping_rem(b),
    }
}

/// Quotient and remainder of a division by one limb that is not zero: a division by hardware for each limb, which is faster
/// than to invert the divisor first.
#[inline]
fn div_rem_by_limb(a: &U256, b: u64) -> (U256, u64) {
    let mut quotient = [0; 4];
    let mut remainder = 0;
    for (limb, quotient) in a.as_limbs().iter().zip(&mut quotient).rev() {
        if remainder == 0 {
            (*quotient, remainder) = (limb / b, limb % b);
        } else {
            let dividend = u128::from(remainder) << 64 | u128::from(*limb);
            *quotient = (dividend / u128::from(b)) as u64;
            remainder = (dividend % u128::from(b)) as u64;
        }
    }
    (U256::from_limbs(quotient), remainder)
}

#[inline(always)]
fn is_negative(a: &U256) -> bool {
    a.as_limbs()[3] >> 63 == 1
}

/// The word, or its negative.
#[inline(always)]
fn negated_if(a: &U256, is_negated: bool) -> U256 {
    let mask = if is_negated { u64::MAX } else { 0 };
    let mut limbs = *a.as_limbs();
    let mut carry = is_negated;
    for limb in &mut limbs {
        (*limb, carry) = (*limb ^ mask).carrying_add(0, carry);
    }
    U256::from_limbs(limbs)
}

/// Signed division, rounding towards zero; -2^255 / -1 wraps to -2^255.
#[inline(always)]
pub(crate) fn sdiv(a: U256, b: U256) -> U256 {
    let (a_is_negative, b_is_negative) = (is_negative(&a), is_negative(&b));
    let quotient = div(negated_if(&a, a_is_negative), negated_if(&b, b_is_negative));
    negated_if(&quotient, a_is_negative != b_is_negative)
}

/// Signed remainder, with the sign of the dividend.
#[inline(always)]
pub(crate) fn smod(a: U256, b: U256) -> U256 {
    let (a_is_negative, b_is_negative) = (is_negative(&a), is_negative(&b));
    let remainder = rem(negated_if(&a, a_is_negative), negated_if(&b, b_is_negative));
    negated_if(&remainder, a_is_negative)
}

#[inline(always)]
pub(crate) fn addmod(a: U256, b: U256, n: U256) -> U256 {
    if word::is_zero(&n) { U256::ZERO } else { by_limbs(&a.add_mod(b, n)) }
}

#[inline(always)]
pub(crate) fn mulmod(a: U256, b: U256, n: U256) -> U256 {
    if word::is_zero(&n) { U256::ZERO } else { by_limbs(&a.mul_mod(b, n)) }
}

/// Extends the sign bit of byte `index` (0 is the lowest) to the left.
#[inline(always)]
pub(crate) fn signextend(index: U256, value: U256) -> U256 {
    match word::to_u64(&index) {
        Some(index @ 0..31) => {
            let (limb, bit) = ((index / 8) as usize, (index % 8) * 8 + 7);
            let mut limbs = *value.as_limbs();
            // Shifting up and back down, arithmetically, fills the limb above the sign bit with it.
            limbs[limb] = (((limbs[limb] << (63 - bit)) as i64) >> (63 - bit)) as u64;
            let fill = ((limbs[limb] as i64) >> 63) as u64;
            for upper in &mut limbs[limb + 1..] {
                *upper = fill;
            }
            U256::from_limbs(limbs)
        }
        _ => value,
    }
}

/// `base` to the power of `exponent` modulo 2^256, by squaring.
fn pow(mut base: U256, exponent: U256) -> U256 {
    let bits = exponent.bit_len();
    if word::is_equal(&base, &word::from_u64(2)) {
        return if exponent < U256::from(256) {
            U256::ONE << bits_of(exponent)
        } else {
            U256::ZERO
        };
    }
    let mut result = U256::ONE;
    for bit in 0..bits {
        if exponent.bit(bit) {
            result = mul(result, base);
        }
        if bit + 1 < bits {
            base = mul(base, base);
        }
    }
    result
}

fn bits_of(exponent: U256) -> usize {
    exponent.as_limbs()[0] as usize
}

/// EXP: the gas depends on the length of the exponent (EIP-160).
#[inline(never)]
pub(crate) fn exp<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    _: &mut H,
    [base, exponent]: [U256; 2],
) -> Result<U256, HaltReason> {
    frame.charge(workspace.schedule.exp_byte_gas * exponent.byte_len() as u64)?;
    Ok(pow(base, exponent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn u(value: u64) -> U256 {
        U256::from(value)
    }

    fn neg(value: u64) -> U256 {
        u(value).wrapping_neg()
    }

    #[test]
    fn division_by_zero_is_zero() {
        for op in [div, rem, sdiv, smod] {
            assert_eq!(op(u(7), U256::ZERO), U256::ZERO);
            assert_eq!(op(U256::MAX, U256::ZERO), U256::ZERO);
        }
        assert_eq!(addmod(u(7), u(7), U256::ZERO), U256::ZERO);
        assert_eq!(mulmod(u(7), u(7), U256::ZERO), U256::ZERO);
    }

    #[test]
    fn signed_operations_round_towards_zero_and_keep_the_dividends_sign() {
        assert_eq!(sdiv(neg(7), u(2)), neg(3));
        assert_eq!(sdiv(neg(7), neg(2)), u(3));
        assert_eq!(smod(neg(7), u(2)), neg(1));
        assert_eq!(smod(u(7), neg(2)), u(1));
        let lowest = U256::ONE << 255;
        assert_eq!(sdiv(lowest, U256::MAX), lowest);
        assert_eq!(smod(lowest, U256::MAX), U256::ZERO);
    }

    #[test]
    fn modular_operations_do_not_lose_the_carry() {
        assert_eq!(addmod(U256::MAX, U256::MAX, u(7)), u(2));
        assert_eq!(mulmod(U256::MAX, U256::MAX, u(12)), u(9));
    }

    #[test]
    fn the_sign_of_each_byte_extends() {
        assert_eq!(signextend(u(0), u(0x7f)), u(0x7f));
        assert_eq!(signextend(u(0), u(0x1ff)), U256::MAX);
        assert_eq!(signextend(u(1), u(0xff)), u(0xff));
        assert_eq!(signextend(u(7), u(u64::MAX)), U256::MAX);
        assert_eq!(signextend(u(8), u(u64::MAX)), u(u64::MAX));
        assert_eq!(signextend(u(30), U256::ONE << 247), U256::MAX << 247);
        assert_eq!(signextend(u(31), U256::ONE << 255), U256::ONE << 255);
        assert_eq!(signextend(U256::MAX, u(0xff)), u(0xff));
    }

    proptest! {
        #![proptest_config(word::random_cases())]

        #[test]
        fn fast_paths_agree_with_ruint(
            a in any::<[u64; 4]>(),
            b in any::<[u64; 4]>(),
            keep_a in 1_usize..5,
            keep_b in 1_usize..5,
        ) {
            let cut = |mut limbs: [u64; 4], keep: usize| { limbs[keep..].fill(0); U256::from_limbs(limbs) };
            let (a, b) = (cut(a, keep_a), cut(b, keep_b));
            prop_assert_eq!(mul(a, b), a.wrapping_mul(b));
            prop_assert_eq!(div(a, b), a.checked_div(b).unwrap_or_default());
            prop_assert_eq!(rem(a, b), a.checked_rem(b).unwrap_or_default());
            let limb = b.as_limbs()[0].max(1);
            let (quotient, remainder) = div_rem_by_limb(&a, limb);
            prop_assert_eq!((quotient, u(remainder)), a.div_rem(u(limb)));
            prop_assert_eq!(pow(a, b), a.wrapping_pow(b));
            prop_assert_eq!(pow(u(2), b >> 247), u(2).wrapping_pow(b >> 247));
        }

        #[test]
        fn sign_extension_is_a_shift_up_and_an_arithmetic_shift_down(limbs in any::<[u64; 4]>(), index in 0_usize..31) {
            let value = U256::from_limbs(limbs);
            let shift = 248 - 8 * index;
            prop_assert_eq!(signextend(u(index as u64), value), (value << shift).arithmetic_shr(shift));
        }
    }
}
