//! ECRECOVER, address 0x01 (yellow paper, appendix E): the signer of a message hash.

use alloy_primitives::B256;

use crate::{crypto::Crypto, error::PrecompileError, input::padded};

/// Input: hash, v, r, s, 32 bytes each. Output: the address in 32 bytes, or nothing where there is no signer.
pub(crate) fn ecrecover<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    let [hash, v, r, s] = [0, 32, 64, 96].map(|offset| B256::from(padded(input, offset)));
    let y_is_odd = match v.0 {
        [zeros @ .., 27] if zeros == [0; 31] => false,
        [zeros @ .., 28] if zeros == [0; 31] => true,
        _ => return Ok(()),
    };
    if let Some(signer) = crypto.ecrecover(&hash, y_is_odd, &r, &s) {
        output.extend_from_slice(signer.into_word().as_slice());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{U256, keccak256};

    use super::*;
    use crate::PortableCrypto;

    fn output(input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        ecrecover(&PortableCrypto::new(), input, &mut output).unwrap();
        output
    }

    /// A signature with the private key 7, with `v` as a word.
    fn signed() -> [B256; 4] {
        let key = k256::ecdsa::SigningKey::from_slice(B256::with_last_byte(7).as_slice()).unwrap();
        let hash = keccak256(b"signed");
        let (signature, id) = key.sign_prehash_recoverable(hash.as_slice());
        let (r, s) = signature.split_bytes();
        let v = B256::with_last_byte(27 + u8::from(id.is_y_odd()));
        [hash, v, B256::from_slice(&r), B256::from_slice(&s)]
    }

    #[test]
    fn the_signer_comes_out_in_a_word() {
        let words = signed().concat();
        let signer = output(&words);
        assert_eq!((signer.len(), &signer[..12]), (32, &[0; 12][..]));
        assert_ne!(signer[12..], [0; 20]);
        assert_eq!(output(&[&words[..], b"more is ignored"].concat()), signer);
    }

    #[test]
    fn what_cannot_be_recovered_succeeds_with_nothing() {
        let [hash, v, r, s] = signed();
        for wrong in [0_u8, 1, 26, 29].map(B256::with_last_byte) {
            assert!(output(&[hash, wrong, r, s].concat()).is_empty());
        }
        let high_byte = B256::from(U256::from_be_bytes(v.0) + (U256::ONE << 8));
        assert!(output(&[hash, high_byte, r, s].concat()).is_empty());
        assert!(output(&[hash, v, r].concat()).is_empty());
        assert!(output(&[]).is_empty());
    }
}
