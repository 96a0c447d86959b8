//! SHA256 (0x02), RIPEMD160 (0x03) and IDENTITY (0x04), yellow paper, appendix E: every input has an output.

use crate::{crypto::Crypto, error::PrecompileError};

/// Output: the hash, 32 bytes.
pub(crate) fn sha256<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    output.extend_from_slice(crypto.sha256(input).as_slice());
    Ok(())
}

/// Output: the hash of 20 bytes in the low bytes of a word.
pub(crate) fn ripemd160<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    output.extend_from_slice(&[0; 12]);
    output.extend_from_slice(&crypto.ripemd160(input));
    Ok(())
}

/// Output: the input.
#[expect(clippy::unnecessary_wraps, reason = "every function of the table has this form")]
pub(crate) fn identity<C: Crypto>(
    _: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    output.extend_from_slice(input);
    Ok(())
}
