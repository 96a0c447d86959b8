//! P256VERIFY, address 0x100 (EIP-7951): verifies an ECDSA signature over the curve secp256r1.

use crate::{crypto::Crypto, error::PrecompileError, input::split};

/// Input: hash, r, s, x, y, 32 bytes each, no more and no less. Output: 1 as a word for a valid signature, else nothing.
/// No input makes it fail.
pub(crate) fn p256verify<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    let Ok(input) = <&[u8; 160]>::try_from(input) else { return Ok(()) };
    let (hash, rest) = split::<160, 32, 128>(input);
    let (signature, public_key) = split::<128, 64, 64>(rest);
    if crypto.p256_verify(hash, signature, public_key) {
        output.extend_from_slice(&[0; 31]);
        output.push(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PortableCrypto;

    #[test]
    fn an_input_of_another_length_succeeds_with_nothing() {
        for length in [0, 159, 161, 320] {
            let mut output = Vec::new();
            p256verify(&PortableCrypto::new(), &vec![0; length], &mut output).unwrap();
            assert!(output.is_empty());
        }
    }
}
