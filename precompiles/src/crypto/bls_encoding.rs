//! The encoding of BLS12-381 in EIP-2537: a field element is 48 bytes behind 16 zeros.

use super::CurveFault;
use crate::input::split;

/// The 48 bytes of a field element. That they are below the modulus is for the provider to check.
pub(super) fn field_element(padded: &[u8; 64]) -> Result<&[u8; 48], CurveFault> {
    let (padding, element) = split::<64, 16, 48>(padded);
    if *padding == [0; 16] { Ok(element) } else { Err(CurveFault::Padding) }
}

/// Writes a field element behind its padding.
pub(super) fn write_field_element(element: &[u8; 48], padded: &mut [u8]) {
    padded[..16].fill(0);
    padded[16..64].copy_from_slice(element);
}
