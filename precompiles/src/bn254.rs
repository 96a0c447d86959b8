//! The curve BN254, also called alt_bn128: addition and multiplication (0x06, 0x07, EIP-196), pairing check (0x08,
//! EIP-197). EIP-1108 lowered the gas.

use crate::{
    crypto::Crypto,
    error::PrecompileError,
    input::{items, padded},
};

/// A point of G1 and a point of G2.
pub(crate) const PAIR_BYTES: usize = 192;

/// Input: two points of G1. Output: their sum.
pub(crate) fn add<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    let sum = crypto.bn254_add(&padded(input, 0), &padded(input, 64))?;
    output.extend_from_slice(&sum);
    Ok(())
}

/// Input: a point of G1 and a scalar of 256 bits. Output: their product.
pub(crate) fn mul<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    let product = crypto.bn254_mul(&padded(input, 0), &padded(input, 64))?;
    output.extend_from_slice(&product);
    Ok(())
}

/// Input: any number of pairs, also none. Output: 1 if the product of their pairings is one, else 0.
pub(crate) fn pairing<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    let is_one = crypto.bn254_pairing_check(items::<PAIR_BYTES>(input)?)?;
    output.extend_from_slice(&[0; 31]);
    output.push(u8::from(is_one));
    Ok(())
}
