//! Keccak-256 of many messages, several at once where the processor can.

use alloy_primitives::B256;

use super::{Crypto, NativeCrypto};

#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Hashes each message to the same place of `hashes`, with the widest registers that the processor has.
pub(super) fn keccak256_batch(messages: &[&[u8]], hashes: &mut [B256]) {
    assert_eq!(messages.len(), hashes.len(), "one hash for each message");
    // Two messages at once already take less time than one after the other.
    #[cfg(target_arch = "x86_64")]
    if messages.len() > 1 {
        if let Some(permutation) = x86::Avx512::detect() {
            return lanes::hash(&permutation, messages, hashes);
        }
        if let Some(permutation) = x86::Avx2::detect() {
            return lanes::hash(&permutation, messages, hashes);
        }
    }
    for (message, hash) in messages.iter().zip(hashes) {
        *hash = NativeCrypto::new().keccak256(message);
    }
}
