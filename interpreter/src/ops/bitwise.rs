//! Comparison and bit operations: 0x10 to 0x1e (yellow paper, appendix H.2; EIP-145, EIP-7939).

use ruint::aliases::U256;

use crate::word;

#[inline(always)]
pub(crate) fn lt(a: U256, b: U256) -> U256 {
    word::from_bool(word::is_less(&a, &b))
}

#[inline(always)]
pub(crate) fn gt(a: U256, b: U256) -> U256 {
    word::from_bool(word::is_less(&b, &a))
}

#[inline(always)]
pub(crate) fn slt(a: U256, b: U256) -> U256 {
    word::from_bool(word::is_signed_less(&a, &b))
}

#[inline(always)]
pub(crate) fn sgt(a: U256, b: U256) -> U256 {
    word::from_bool(word::is_signed_less(&b, &a))
}

#[inline(always)]
fn zip(a: U256, b: U256, op: impl Fn(u64, u64) -> u64) -> U256 {
    let (a, b) = (a.as_limbs(), b.as_limbs());
    U256::from_limbs([op(a[0], b[0]), op(a[1], b[1]), op(a[2], b[2]), op(a[3], b[3])])
}

#[inline(always)]
pub(crate) fn eq(a: U256, b: U256) -> U256 {
    word::from_bool(word::is_equal(&a, &b))
}

#[inline(always)]
pub(crate) fn iszero(a: U256) -> U256 {
    word::from_bool(word::is_zero(&a))
}

#[inline(always)]
pub(crate) fn and(a: U256, b: U256) -> U256 {
    zip(a, b, |a, b| a & b)
}

#[inline(always)]
pub(crate) fn or(a: U256, b: U256) -> U256 {
    zip(a, b, |a, b| a | b)
}

#[inline(always)]
pub(crate) fn xor(a: U256, b: U256) -> U256 {
    zip(a, b, |a, b| a ^ b)
}

#[inline(always)]
pub(crate) fn not(a: U256) -> U256 {
    let [l0, l1, l2, l3] = *a.as_limbs();
    U256::from_limbs([!l0, !l1, !l2, !l3])
}

/// Byte `index` of the word, counted from the most significant.
#[inline(always)]
pub(crate) fn byte(index: U256, value: U256) -> U256 {
    match word::to_u64(&index) {
        Some(index @ 0..32) => {
            let limb = value.as_limbs()[3 - (index / 8) as usize];
            word::from_u64(limb >> (56 - 8 * (index % 8)) & 0xff)
        }
        _ => U256::ZERO,
    }
}

#[inline(always)]
pub(crate) fn shl(shift: U256, value: U256) -> U256 {
    match word::to_u64(&shift) {
        Some(shift @ 0..256) => value << shift as usize,
        _ => U256::ZERO,
    }
}

#[inline(always)]
pub(crate) fn shr(shift: U256, value: U256) -> U256 {
    match word::to_u64(&shift) {
        Some(shift @ 0..256) => value >> shift as usize,
        _ => U256::ZERO,
    }
}

#[inline(always)]
pub(crate) fn sar(shift: U256, value: U256) -> U256 {
    match word::to_u64(&shift) {
        Some(shift @ 0..256) => value.arithmetic_shr(shift as usize),
        _ if value.as_limbs()[3] >> 63 == 1 => U256::MAX,
        _ => U256::ZERO,
    }
}

/// Leading zero bits (EIP-7939); 256 for zero.
#[inline(always)]
pub(crate) fn clz(value: U256) -> U256 {
    word::from_u64(value.leading_zeros() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn u(value: u64) -> U256 {
        U256::from(value)
    }

    #[test]
    fn signed_comparison_puts_negative_words_first() {
        let minus_one = U256::MAX;
        assert_eq!(slt(minus_one, U256::ZERO), U256::ONE);
        assert_eq!(sgt(minus_one, U256::ZERO), U256::ZERO);
        assert_eq!(slt(U256::ONE << 255, minus_one), U256::ONE);
        assert_eq!(slt(u(1), u(2)), U256::ONE);
        assert_eq!(sgt(u(2), u(2)), U256::ZERO);
    }

    #[test]
    fn bytes_count_from_the_most_significant() {
        let word = U256::from_be_bytes::<32>(std::array::from_fn(|i| i as u8));
        for i in 0..32 {
            assert_eq!(byte(u(i), word), u(i));
        }
        assert_eq!(byte(u(32), U256::MAX), U256::ZERO);
        assert_eq!(byte(U256::ONE << 64, U256::MAX), U256::ZERO);
    }

    #[test]
    fn shifts_by_the_width_or_more_leave_only_the_sign() {
        let lowest = U256::ONE << 255;
        for far in [u(256), U256::ONE << 64, U256::MAX] {
            assert_eq!(shl(far, U256::MAX), U256::ZERO);
            assert_eq!(shr(far, U256::MAX), U256::ZERO);
            assert_eq!(sar(far, lowest), U256::MAX);
            assert_eq!(sar(far, lowest - U256::ONE), U256::ZERO);
        }
        assert_eq!(shl(u(255), u(1)), lowest);
        assert_eq!(shr(u(255), lowest), u(1));
        assert_eq!(sar(u(255), lowest), U256::MAX);
        assert_eq!(sar(u(0), lowest), lowest);
    }

    #[test]
    fn zero_has_256_leading_zeros() {
        assert_eq!(clz(U256::ZERO), u(256));
        assert_eq!(clz(U256::ONE), u(255));
        assert_eq!(clz(U256::MAX), U256::ZERO);
        assert_eq!(eq(u(3), u(3)), U256::ONE);
        assert_eq!(eq(u(3), U256::ONE << 200), U256::ZERO);
    }
}
