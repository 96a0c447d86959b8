//! Arithmetic of little-endian limbs of 64 bits, mostly modulo a power of two.
//!
//! Modulo `2^k`, a number has just the limbs that `k` bits take, and no bit from `k` on is set.

/// Bits of the exponent that one multiplication takes in.
const WINDOW_BITS: usize = 4;

/// The number in big-endian bytes, without leading zero limbs.
pub(super) fn from_big_endian(bytes: &[u8]) -> Vec<u64> {
    let (head, words) = bytes.as_rchunks::<8>();
    let mut limbs: Vec<u64> = words.iter().rev().map(|word| u64::from_be_bytes(*word)).collect();
    limbs.push(head.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte)));
    trim(&mut limbs);
    limbs
}

/// The big-endian bytes of a number, without leading zeros.
pub(super) fn to_big_endian(limbs: &[u64]) -> Vec<u8> {
    let bytes = limbs.iter().rev().flat_map(|limb| limb.to_be_bytes());
    bytes.skip_while(|byte| *byte == 0).collect()
}

fn trim(limbs: &mut Vec<u64>) {
    while limbs.last() == Some(&0) {
        limbs.pop();
    }
}

/// Number of zero bits below the lowest one bit; for zero, the number of all its bits.
pub(super) fn trailing_zeros(limbs: &[u64]) -> usize {
    let zero_limbs = limbs.iter().take_while(|limb| **limb == 0).count();
    let bits = limbs.get(zero_limbs).map_or(0, |limb| limb.trailing_zeros() as usize);
    64 * zero_limbs + bits
}

/// The number without its lowest `bits` bits, and without leading zero limbs.
pub(super) fn shift_right(limbs: &[u64], bits: usize) -> Vec<u64> {
    let (whole, part) = (bits / 64, bits % 64);
    let kept = limbs.get(whole..).unwrap_or_default();
    let mut shifted: Vec<u64> = (0..kept.len())
        .map(|i| {
            let next = kept.get(i + 1).copied().unwrap_or(0);
            // Shifting in two steps gives zero where `part` is zero.
            kept[i] >> part | (next << 1) << (63 - part)
        })
        .collect();
    trim(&mut shifted);
    shifted
}

/// The number modulo `2^k`.
fn truncate(limbs: &[u64], k: usize) -> Vec<u64> {
    let mut low = vec![0; k.div_ceil(64)];
    for (to, from) in low.iter_mut().zip(limbs) {
        *to = *from;
    }
    mask(&mut low, k);
    low
}

fn mask(limbs: &mut [u64], k: usize) {
    if let (Some(top), 1..) = (limbs.last_mut(), k % 64) {
        *top &= (1 << (k % 64)) - 1;
    }
}

/// `sum += a * b`, growing `sum` as needed.
pub(super) fn add_product(sum: &mut Vec<u64>, a: &[u64], b: &[u64]) {
    sum.resize(sum.len().max(a.len() + b.len()) + 1, 0);
    for (i, factor) in b.iter().enumerate() {
        let mut carry = add_multiple(&mut sum[i..], a, *factor);
        for limb in &mut sum[i + a.len()..] {
            if carry == 0 {
                break;
            }
            let overflow;
            (*limb, overflow) = limb.overflowing_add(carry);
            carry = u64::from(overflow);
        }
    }
}

/// Adds `a * factor` to the first limbs of `sum`, as many as both have, and returns what is to be added to the next limb.
#[inline]
fn add_multiple(sum: &mut [u64], a: &[u64], factor: u64) -> u64 {
    let mut carry = 0;
    for (limb, a) in sum.iter_mut().zip(a) {
        // The greatest value is (2^64 - 1)^2 + 2 * (2^64 - 1) = 2^128 - 1.
        let wide = u128::from(*a) * u128::from(factor) + u128::from(*limb) + u128::from(carry);
        *limb = wide as u64;
        carry = (wide >> 64) as u64;
    }
    carry
}

/// `a - b` modulo `2^k`; `b` may be any number.
pub(super) fn sub_mod_power_of_two(a: &[u64], b: &[u64], k: usize) -> Vec<u64> {
    let mut difference = truncate(a, k);
    let mut borrow = false;
    for (limb, b) in difference.iter_mut().zip(b.iter().copied().chain(std::iter::repeat(0))) {
        (*limb, borrow) = limb.borrowing_sub(b, borrow);
    }
    mask(&mut difference, k);
    difference
}

/// `a * b` modulo `2^k`.
pub(super) fn mul_mod_power_of_two(a: &[u64], b: &[u64], k: usize) -> Vec<u64> {
    let mut product = vec![0; k.div_ceil(64)];
    mul_low(a, b, &mut product);
    mask(&mut product, k);
    product
}

/// The low limbs of `a * b`, as many as `product` has.
fn mul_low(a: &[u64], b: &[u64], product: &mut [u64]) {
    product.fill(0);
    for (i, factor) in b.iter().enumerate().take(product.len()) {
        let carry = add_multiple(&mut product[i..], a, *factor);
        // The limb after the last one of `a` has not been written yet.
        if let Some(limb) = product.get_mut(i + a.len()) {
            *limb = carry;
        }
    }
}

/// The low limbs of `a * a`, as many as `square` has.
fn square_low(a: &[u64], square: &mut [u64]) {
    mul_low(a, a, square);
}

/// The number that `odd` times is 1 modulo `2^k`, by Newton's iteration: each step doubles the number of right bits.
pub(super) fn invert_mod_power_of_two(odd: &[u64], k: usize) -> Vec<u64> {
    let odd = truncate(odd, k.next_multiple_of(64));
    let mut inverse = vec![invert_limb(odd[0])];
    while inverse.len() * 64 < k {
        let length = (inverse.len() * 2).min(odd.len());
        // inverse * (2 - odd * inverse)
        let product = mul_mod_power_of_two(&odd, &inverse, 64 * length);
        let factor = sub_mod_power_of_two(&[2], &product, 64 * length);
        inverse = mul_mod_power_of_two(&inverse, &factor, 64 * length);
    }
    mask(&mut inverse, k);
    inverse
}

fn invert_limb(odd: u64) -> u64 {
    // Right in the lowest three bits; five steps make it 96.
    let mut inverse = odd;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse
}

/// `base ^ exponent` modulo `2^k`, for a big-endian exponent of at least 1.
pub(super) fn pow_mod_power_of_two(base: &[u64], exponent: &[u8], k: usize) -> Vec<u64> {
    let base = truncate(base, k);
    let exponent = from_big_endian(exponent);
    if base[0] % 2 == 1 {
        // The power 2^(k-1) of an odd number is 1 modulo 2^k: only the low bits of the exponent count.
        return power(&base, &truncate(&exponent, k - 1), k);
    }
    // An even base has lost all its bits when its factors of two are as many as k.
    let twos = trailing_zeros(&base);
    match exponent[..] {
        [exponent] if u128::from(exponent) * (twos as u128) < k as u128 => {
            power(&base, &[exponent], k)
        }
        _ => vec![0; base.len()],
    }
}

/// `base ^ exponent` modulo `2^k`, for a base of as many limbs as `k` bits take: left to right, by windows.
fn power(base: &[u64], exponent: &[u64], k: usize) -> Vec<u64> {
    let mut result = vec![0; base.len()];
    result[0] = 1;
    let mut scratch = result.clone();
    let mut powers = vec![result.clone(), base.to_vec()];
    for i in 2..1 << WINDOW_BITS {
        powers.push(mul_mod_power_of_two(&powers[i - 1], base, 64 * base.len()));
    }
    let windows = exponent.len() * (64 / WINDOW_BITS);
    let window = |i: usize| {
        let bit = i * WINDOW_BITS;
        (exponent[bit / 64] >> (bit % 64)) as usize % (1 << WINDOW_BITS)
    };
    let Some(top) = (0..windows).rev().find(|i| window(*i) != 0) else {
        mask(&mut result, k);
        return result;
    };
    result.copy_from_slice(&powers[window(top)]);
    for i in (0..top).rev() {
        for _ in 0..WINDOW_BITS {
            square_low(&result, &mut scratch);
            std::mem::swap(&mut result, &mut scratch);
        }
        if window(i) != 0 {
            mul_low(&result, &powers[window(i)], &mut scratch);
            std::mem::swap(&mut result, &mut scratch);
        }
    }
    mask(&mut result, k);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_limbs_are_two_forms_of_a_number() {
        for length in 0..40_u8 {
            let bytes: Vec<u8> = (1..=length).collect();
            assert_eq!(to_big_endian(&from_big_endian(&bytes)), bytes);
        }
        assert_eq!(from_big_endian(&[0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]), [2, 1]);
        assert!(from_big_endian(&[0; 20]).is_empty());
        assert!(to_big_endian(&[0, 0]).is_empty());
    }

    #[test]
    fn shifting_out_the_trailing_zeros_leaves_an_odd_number() {
        for k in 0..200 {
            let mut number = vec![0; k / 64 + 2];
            number[k / 64] |= 0b101 << (k % 64);
            number[k / 64 + 1] |= if k % 64 > 61 { 0b101 >> (64 - k % 64) } else { 0 };
            assert_eq!(trailing_zeros(&number), k);
            assert_eq!(shift_right(&number, k), [0b101], "{k}");
        }
        assert!(shift_right(&[1, 1], 128).is_empty());
    }

    #[test]
    fn products_keep_their_low_bits_whatever_the_lengths_of_the_factors() {
        // (2^64 - 1)^2 = 2^128 - 2^65 + 1
        assert_eq!(mul_mod_power_of_two(&[u64::MAX], &[u64::MAX], 192), [1, u64::MAX - 1, 0]);
        assert_eq!(mul_mod_power_of_two(&[u64::MAX], &[u64::MAX], 66), [1, 2]);
        assert_eq!(mul_mod_power_of_two(&[7, 9, 9], &[3], 64), [21]);
        assert_eq!(mul_mod_power_of_two(&[3], &[7, 9, 9], 100), [21, 27]);
        assert_eq!(sub_mod_power_of_two(&[1], &[2, 5], 70), [u64::MAX, 0x3a]);
        let mut sum = vec![u64::MAX, u64::MAX];
        add_product(&mut sum, &[1], &[1]);
        assert_eq!(sum, [0, 0, 1]);
    }

    #[test]
    fn an_odd_number_times_its_inverse_is_one() {
        for k in [1_usize, 2, 3, 63, 64, 65, 127, 128, 129, 300] {
            for odd in [&[1][..], &[3], &[u64::MAX, 5, 77], &[0x1234_5678_9abc_def1; 7]] {
                let mut one = vec![0; k.div_ceil(64)];
                one[0] = 1;
                let inverse = invert_mod_power_of_two(odd, k);
                assert_eq!(mul_mod_power_of_two(&inverse, odd, k), one, "{odd:?} {k}");
            }
        }
    }
}
