//! The provider in pure Rust.

use alloy_primitives::{Address, B256, B512};
use ripemd::Ripemd160;
use sha2::{Digest, Sha256};
use tiny_keccak::{Hasher, Keccak};

use super::{Crypto, CurveError, exponentiation};

mod bls12_381;
mod bn254;
mod kzg;

/// Cryptography in pure Rust, without C or assembly: tiny-keccak, k256, p256, substrate-bn, aurora-engine-modexp, sha2,
/// ripemd, and ark-bls12-381 for both the BLS12-381 precompiles and the verification of KZG proofs.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortableCrypto {
    _private: (),
}

impl PortableCrypto {
    /// The provider; it has no settings.
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

impl Crypto for PortableCrypto {
    fn keccak256(&self, data: &[u8]) -> B256 {
        let mut hasher = Keccak::v256();
        hasher.update(data);
        let mut hash = B256::ZERO;
        hasher.finalize(hash.as_mut_slice());
        hash
    }

    fn keccak512(&self, data: &[u8]) -> B512 {
        let mut hasher = Keccak::v512();
        hasher.update(data);
        let mut hash = B512::ZERO;
        hasher.finalize(hash.as_mut_slice());
        hash
    }

    fn sha256(&self, data: &[u8]) -> B256 {
        B256::new(Sha256::digest(data).into())
    }

    fn ripemd160(&self, data: &[u8]) -> [u8; 20] {
        Ripemd160::digest(data).into()
    }

    fn ecrecover(&self, hash: &B256, y_is_odd: bool, r: &B256, s: &B256) -> Option<Address> {
        use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
        let signature = Signature::from_scalars(r.0, s.0).ok()?;
        let recovery_id = RecoveryId::new(y_is_odd, false);
        let key =
            VerifyingKey::recover_from_prehash(hash.as_slice(), &signature, recovery_id).ok()?;
        let point = key.to_sec1_point(false);
        let (_, coordinates) = point.as_bytes().split_first()?;
        Some(Address::from_word(self.keccak256(coordinates)))
    }

    fn p256_verify(&self, hash: &[u8; 32], signature: &[u8; 64], public_key: &[u8; 64]) -> bool {
        use p256::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier};
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        let mut encoded = [4; 65];
        encoded[1..].copy_from_slice(public_key);
        VerifyingKey::from_sec1_bytes(&encoded)
            .is_ok_and(|key| key.verify_prehash(hash, &signature).is_ok())
    }

    fn modexp(&self, base: &[u8], exponent: &[u8], modulus: &[u8], result: &mut [u8]) {
        if let Some(operands) = exponentiation::simplify(base, exponent, modulus, result) {
            exponentiation::pure_rust(&operands, result);
        }
    }

    fn bn254_add(&self, a: &[u8; 64], b: &[u8; 64]) -> Result<[u8; 64], CurveError> {
        bn254::add(a, b)
    }

    fn bn254_mul(&self, point: &[u8; 64], scalar: &[u8; 32]) -> Result<[u8; 64], CurveError> {
        bn254::mul(point, scalar)
    }

    fn bn254_pairing_check(&self, pairs: &[[u8; 192]]) -> Result<bool, CurveError> {
        bn254::pairing_check(pairs)
    }

    fn bls_g1_add(&self, a: &[u8; 128], b: &[u8; 128]) -> Result<[u8; 128], CurveError> {
        bls12_381::g1_add(a, b)
    }

    fn bls_g2_add(&self, a: &[u8; 256], b: &[u8; 256]) -> Result<[u8; 256], CurveError> {
        bls12_381::g2_add(a, b)
    }

    fn bls_g1_msm(&self, items: &[[u8; 160]]) -> Result<[u8; 128], CurveError> {
        bls12_381::g1_msm(items)
    }

    fn bls_g2_msm(&self, items: &[[u8; 288]]) -> Result<[u8; 256], CurveError> {
        bls12_381::g2_msm(items)
    }

    fn bls_pairing_check(&self, pairs: &[[u8; 384]]) -> Result<bool, CurveError> {
        bls12_381::pairing_check(pairs)
    }

    fn bls_map_fp_to_g1(&self, element: &[u8; 64]) -> Result<[u8; 128], CurveError> {
        bls12_381::map_fp_to_g1(element)
    }

    fn bls_map_fp2_to_g2(&self, element: &[u8; 128]) -> Result<[u8; 256], CurveError> {
        bls12_381::map_fp2_to_g2(element)
    }

    fn kzg_verify_proof(
        &self,
        commitment: &[u8; 48],
        z: &[u8; 32],
        y: &[u8; 32],
        proof: &[u8; 48],
    ) -> Result<bool, CurveError> {
        kzg::verify_proof(commitment, z, y, proof)
    }
}
