//! 256-bit words, where ruint leaves something to win.
//!
//! Words are moved limb by limb. A word written as four 64-bit limbs and read back as one vector cannot be forwarded from the
//! store buffer, which costs up to 2.9x in loops of stack operations; the build also switches the SLP vectoriser off for that.

use alloy_primitives::{Address, B256};
use ruint::aliases::U256;

/// Reads a big-endian word.
#[inline(always)]
pub(crate) fn from_be_bytes(bytes: &[u8; 32]) -> U256 {
    U256::from_limbs([limb(bytes, 24), limb(bytes, 16), limb(bytes, 8), limb(bytes, 0)])
}

#[inline(always)]
fn limb(bytes: &[u8; 32], at: usize) -> u64 {
    let mut chunk = [0; 8];
    chunk.copy_from_slice(&bytes[at..at + 8]);
    u64::from_be_bytes(chunk)
}

/// Writes a word as big-endian bytes.
#[inline(always)]
pub(crate) fn write_be_bytes(word: &U256, bytes: &mut [u8; 32]) {
    let [a, b, c, d] = *word.as_limbs();
    bytes[..8].copy_from_slice(&d.to_be_bytes());
    bytes[8..16].copy_from_slice(&c.to_be_bytes());
    bytes[16..24].copy_from_slice(&b.to_be_bytes());
    bytes[24..].copy_from_slice(&a.to_be_bytes());
}

/// The value as a `u64`, or `None` where it is larger.
#[inline(always)]
pub(crate) fn to_u64(word: &U256) -> Option<u64> {
    let [low, a, b, c] = *word.as_limbs();
    if a | b | c == 0 { Some(low) } else { None }
}

/// The value, or `u64::MAX` where it is larger.
#[inline(always)]
pub(crate) fn to_u64_saturating(word: &U256) -> u64 {
    to_u64(word).unwrap_or(u64::MAX)
}

/// Whether the word is zero. Limb by limb: ruint compares vectors, which have to be stored first.
#[inline(always)]
pub(crate) fn is_zero(word: &U256) -> bool {
    let [a, b, c, d] = *word.as_limbs();
    a | b | c | d == 0
}

/// Whether two words are equal, limb by limb.
#[inline(always)]
pub(crate) fn is_equal(a: &U256, b: &U256) -> bool {
    let (a, b) = (a.as_limbs(), b.as_limbs());
    (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) == 0
}

/// Whether `a` is the lower one: the borrow of `a - b`.
#[inline(always)]
pub(crate) fn is_less(a: &U256, b: &U256) -> bool {
    let (a, b) = (a.as_limbs(), b.as_limbs());
    let mut borrow = false;
    for (a, b) in a.iter().zip(b) {
        (_, borrow) = a.borrowing_sub(*b, borrow);
    }
    borrow
}

/// Whether `a` is the lower one, both taken as signed: the sign bit flipped, that is unsigned order.
#[inline(always)]
pub(crate) fn is_signed_less(a: &U256, b: &U256) -> bool {
    let biased = |word: &U256| {
        let [l0, l1, l2, l3] = *word.as_limbs();
        U256::from_limbs([l0, l1, l2, l3 ^ 1 << 63])
    };
    is_less(&biased(a), &biased(b))
}

/// The word 1 or 0.
#[inline(always)]
pub(crate) fn from_bool(bit: bool) -> U256 {
    U256::from_limbs([u64::from(bit), 0, 0, 0])
}

/// A `u64` as a word.
#[inline(always)]
pub(crate) fn from_u64(value: u64) -> U256 {
    U256::from_limbs([value, 0, 0, 0])
}

/// An address as a word.
#[inline(always)]
pub(crate) fn from_address(address: &Address) -> U256 {
    let bytes = &address.0.0;
    let mut high = [0; 4];
    high.copy_from_slice(&bytes[..4]);
    let (mut middle, mut low) = ([0; 8], [0; 8]);
    middle.copy_from_slice(&bytes[4..12]);
    low.copy_from_slice(&bytes[12..]);
    let high = u64::from(u32::from_be_bytes(high));
    U256::from_limbs([u64::from_be_bytes(low), u64::from_be_bytes(middle), high, 0])
}

/// The address in the low 20 bytes of a word.
#[inline(always)]
pub(crate) fn to_address(word: &U256) -> Address {
    let [low, middle, high, _] = *word.as_limbs();
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&(high as u32).to_be_bytes());
    bytes[4..12].copy_from_slice(&middle.to_be_bytes());
    bytes[12..].copy_from_slice(&low.to_be_bytes());
    Address::new(bytes)
}

/// A hash as a word.
#[inline(always)]
pub(crate) fn from_hash(hash: &B256) -> U256 {
    from_be_bytes(&hash.0)
}

/// How many random cases a property is tried on: for Miri few, and it has no files to remember failures in.
#[cfg(test)]
pub(crate) fn random_cases() -> proptest::test_runner::Config {
    use proptest::test_runner::Config;
    if cfg!(miri) {
        Config { cases: 4, failure_persistence: None, ..Config::default() }
    } else {
        Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip() {
        let bytes: [u8; 32] = std::array::from_fn(|i| i as u8 + 1);
        let word = from_be_bytes(&bytes);
        assert_eq!(word, U256::from_be_bytes(bytes));
        let mut back = [0; 32];
        write_be_bytes(&word, &mut back);
        assert_eq!(back, bytes);
    }

    #[test]
    fn addresses_round_trip_and_lose_the_upper_bytes() {
        let address = Address::new(std::array::from_fn(|i| i as u8 + 1));
        assert_eq!(from_address(&address), U256::from_be_bytes(address.into_word().0));
        assert_eq!(to_address(&(from_address(&address) | U256::MAX << 160)), address);
    }

    proptest::proptest! {
        #![proptest_config(random_cases())]

        #[test]
        fn comparisons_agree_with_ruint(a: [u64; 4], b: [u64; 4], same: [bool; 4]) {
            let b = U256::from_limbs(std::array::from_fn(|i| if same[i] { a[i] } else { b[i] }));
            let a = U256::from_limbs(a);
            let sign = U256::ONE << 255;
            assert_eq!(is_zero(&a), a.is_zero());
            assert_eq!(is_zero(&(a ^ b)), a == b);
            assert_eq!(is_equal(&a, &b), a == b);
            assert_eq!(is_less(&a, &b), a < b);
            assert_eq!(is_signed_less(&a, &b), a ^ sign < b ^ sign);
        }
    }

    #[test]
    fn only_small_words_fit_a_u64() {
        assert_eq!(to_u64(&U256::from(u64::MAX)), Some(u64::MAX));
        for limb in 1..4 {
            let big = U256::ONE << (64 * limb);
            assert_eq!(to_u64(&big), None);
            assert_eq!(to_u64_saturating(&big), u64::MAX);
        }
    }
}
