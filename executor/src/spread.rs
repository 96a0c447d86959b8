//! Where keys are looked up that are not hashed.
//!
//! Keys made to meet in one place cost what they would cost without places; none is ever taken for another.

use braid_primitives::{Address, U256};

/// The place among `places`, a power of two, of a key with these bits.
#[inline]
pub(crate) const fn place(bits: u64, places: usize) -> usize {
    // The bits are spread over the high ones (multiplicative hashing: Knuth, volume 3, section 6.4).
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - places.trailing_zeros())) as usize
}

/// Some bits that differ between most addresses.
#[inline]
pub(crate) fn address_bits(address: &Address) -> u64 {
    // Addresses are copied in pieces of 16 and 4 bytes: a word across the two would have to wait for both.
    let (mut middle, mut last) = ([0; 8], [0; 4]);
    middle.copy_from_slice(&address[8..16]);
    last.copy_from_slice(&address[16..]);
    u64::from_le_bytes(middle) ^ u64::from(u32::from_le_bytes(last))
}

/// Some bits that differ between most slots, of the account with this number.
#[inline]
pub(crate) const fn slot_bits(account: u32, key: &U256) -> u64 {
    let [low, .., high] = *key.as_limbs();
    low ^ high ^ (account as u64).rotate_left(32)
}
