//! Point evaluation, address 0x0a (EIP-4844): verifies that the polynomial of a blob has a value at a point.

use alloy_primitives::{B256, b256};

use crate::{
    crypto::Crypto,
    error::PrecompileError,
    input::{exact, split},
};

/// First byte of the versioned hash of a KZG commitment.
const VERSION_KZG: u8 = 1;

/// Number of field elements in a blob, and the modulus of the scalar field of BLS12-381.
const FIELD_ELEMENTS_PER_BLOB: B256 =
    b256!("0000000000000000000000000000000000000000000000000000000000001000");
const BLS_MODULUS: B256 = b256!("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001");

/// Input: versioned hash, z, y (32 bytes each), commitment, proof (48 bytes each). Output: two constants.
pub(crate) fn point_evaluation<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    let (head, points) = split::<192, 96, 96>(exact(input)?);
    let (versioned_hash, claim) = split::<96, 32, 64>(head);
    let (z, y) = split::<64, 32, 32>(claim);
    let (commitment, proof) = split::<96, 48, 48>(points);
    let mut computed = crypto.sha256(commitment);
    computed[0] = VERSION_KZG;
    if computed.0 != *versioned_hash {
        return Err(PrecompileError::VersionedHash { computed });
    }
    if !crypto.kzg_verify_proof(commitment, z, y, proof)? {
        return Err(PrecompileError::KzgProof);
    }
    output.extend_from_slice(FIELD_ELEMENTS_PER_BLOB.as_slice());
    output.extend_from_slice(BLS_MODULUS.as_slice());
    Ok(())
}
