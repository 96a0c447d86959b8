//! The fast provider.

use alloy_primitives::{Address, B256, B512};
use ripemd::Ripemd160;
use sha2::{Digest, Sha256};

use super::{Crypto, CurveError, exponentiation};

mod aws_lc_ffi;
mod bls12_381;
mod blst_ffi;
mod bn254;
mod keccak_batch;
mod kzg;
mod modexp;

/// Cryptography in C, assembly and Rust, whichever is fastest.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeCrypto {
    _private: (),
}

impl NativeCrypto {
    /// The provider; it has no settings.
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

impl Crypto for NativeCrypto {
    fn keccak256(&self, data: &[u8]) -> B256 {
        B256::new(keccak_asm::Keccak256::digest(data).into())
    }

    fn keccak256_batch(&self, messages: &[&[u8]], hashes: &mut [B256]) {
        keccak_batch::keccak256_batch(messages, hashes);
    }

    fn keccak512(&self, data: &[u8]) -> B512 {
        B512::new(keccak_asm::Keccak512::digest(data).into())
    }

    fn sha256(&self, data: &[u8]) -> B256 {
        B256::new(Sha256::digest(data).into())
    }

    fn ripemd160(&self, data: &[u8]) -> [u8; 20] {
        Ripemd160::digest(data).into()
    }

    fn ecrecover(&self, hash: &B256, y_is_odd: bool, r: &B256, s: &B256) -> Option<Address> {
        use secp256k1::{
            Message,
            ecdsa::{RecoverableSignature, RecoveryId},
        };
        let mut compact = [0; 64];
        compact[..32].copy_from_slice(r.as_slice());
        compact[32..].copy_from_slice(s.as_slice());
        let recovery_id = if y_is_odd { RecoveryId::One } else { RecoveryId::Zero };
        let signature = RecoverableSignature::from_compact(&compact, recovery_id).ok()?;
        let key = signature.recover_ecdsa(Message::from_digest(hash.0)).ok()?;
        let encoded = key.serialize_uncompressed();
        let (_, coordinates) = encoded.split_first()?;
        Some(Address::from_word(self.keccak256(coordinates)))
    }

    fn p256_verify(&self, hash: &[u8; 32], signature: &[u8; 64], public_key: &[u8; 64]) -> bool {
        aws_lc_ffi::p256_verify(hash, signature, public_key) == Some(true)
    }

    fn modexp(&self, base: &[u8], exponent: &[u8], modulus: &[u8], result: &mut [u8]) {
        if let Some(operands) = exponentiation::simplify(base, exponent, modulus, result) {
            modexp::modexp(&operands, result);
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
