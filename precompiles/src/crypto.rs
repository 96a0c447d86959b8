//! The cryptography that transactions and precompiles need, behind one trait.
//!
//! A [`Crypto`] is a value the caller passes in and the compiler resolves; nothing is registered for the process. Both
//! providers accept the same inputs and give the same results, faults included, which the tests of this crate check.
//!
//! The methods take and give the encodings of the EIPs, so that a provider reads a point where the call data has it.

use alloy_primitives::{Address, B256, B512};

mod blake2b;
mod bls_encoding;
mod exponentiation;
mod kzg_setup;
#[cfg(feature = "native")]
pub mod native;
pub mod portable;
#[cfg(test)]
mod tests;

#[cfg(feature = "native")]
pub use native::NativeCrypto;
pub use portable::PortableCrypto;

/// The fastest provider of the build.
#[cfg(feature = "native")]
pub type DefaultCrypto = NativeCrypto;
/// The fastest provider of the build.
#[cfg(not(feature = "native"))]
pub type DefaultCrypto = PortableCrypto;

/// A provider of cryptography. Cheap to clone, shared by all workers.
pub trait Crypto: Clone + Send + Sync + 'static {
    /// Keccak-256, the hash of Ethereum.
    fn keccak256(&self, data: &[u8]) -> B256;

    /// Writes the Keccak-256 of each message to the same place of `hashes`. A provider may hash several at once, which is
    /// what makes many short messages, such as the nodes of a trie, cheaper than one after the other.
    ///
    /// # Panics
    /// If there are not as many hashes as messages.
    fn keccak256_batch(&self, messages: &[&[u8]], hashes: &mut [B256]) {
        assert_eq!(messages.len(), hashes.len(), "one hash for each message");
        for (message, hash) in messages.iter().zip(hashes) {
            *hash = self.keccak256(message);
        }
    }

    /// Keccak-512, which Ethash uses (yellow paper, appendix J).
    fn keccak512(&self, data: &[u8]) -> B512;

    /// SHA-256.
    fn sha256(&self, data: &[u8]) -> B256;

    /// RIPEMD-160.
    fn ripemd160(&self, data: &[u8]) -> [u8; 20];

    /// The address whose key made the secp256k1 signature `(r, s)` of `hash`; `y_is_odd` is the parity of the
    /// signature's curve point. `None` where `r` or `s` is zero or not below the group order, or where no key fits.
    ///
    /// A high `s` is accepted, as the ECRECOVER precompile wants it. The rule of EIP-2 that the `s` of a transaction or
    /// authorization is at most half the group order is for the caller to check.
    fn ecrecover(&self, hash: &B256, y_is_odd: bool, r: &B256, s: &B256) -> Option<Address>;

    /// Whether `signature` (`r`, `s`) is a secp256r1 signature of `hash` by `public_key` (`x`, `y`), all big-endian.
    /// Numbers out of range and points off the curve are not valid.
    fn p256_verify(&self, hash: &[u8; 32], signature: &[u8; 64], public_key: &[u8; 64]) -> bool;

    /// Writes `base ^ exponent mod modulus` to `result`, big-endian like the operands. `0 ^ 0` is 1; a result modulo 0
    /// is 0. An operand may have leading zeros, and an empty one is 0.
    ///
    /// # Panics
    /// If `result` and `modulus` differ in length.
    fn modexp(&self, base: &[u8], exponent: &[u8], modulus: &[u8], result: &mut [u8]);

    /// The compression function F of BLAKE2b: replaces `state` by the next, with `rounds` rounds.
    fn blake2b_compress(
        &self,
        rounds: u32,
        state: &mut [u64; 8],
        message: &[u64; 16],
        offset: [u64; 2],
        is_final: bool,
    ) {
        blake2b::compress(rounds, state, message, offset, is_final);
    }

    /// `a + b` in G1 of BN254 (EIP-196).
    ///
    /// # Errors
    /// [`CurveError`] for an operand that is no point of the curve.
    fn bn254_add(&self, a: &[u8; 64], b: &[u8; 64]) -> Result<[u8; 64], CurveError>;

    /// `scalar * point` in G1 of BN254 (EIP-196). Every scalar is accepted.
    ///
    /// # Errors
    /// [`CurveError`] for a point not on the curve.
    fn bn254_mul(&self, point: &[u8; 64], scalar: &[u8; 32]) -> Result<[u8; 64], CurveError>;

    /// Whether the product of the pairings of `pairs` (G1, G2 of BN254, EIP-197) is one, which it is for no pairs.
    ///
    /// # Errors
    /// [`CurveError`] for a pair with a point not on its curve or, in G2, not in its subgroup.
    fn bn254_pairing_check(&self, pairs: &[[u8; 192]]) -> Result<bool, CurveError>;

    /// `a + b` in G1 of BLS12-381 (EIP-2537), without a check of the subgroup.
    ///
    /// # Errors
    /// [`CurveError`] for an operand that is no point of the curve.
    fn bls_g1_add(&self, a: &[u8; 128], b: &[u8; 128]) -> Result<[u8; 128], CurveError>;

    /// `a + b` in G2 of BLS12-381 (EIP-2537), without a check of the subgroup.
    ///
    /// # Errors
    /// [`CurveError`] for an operand that is no point of the curve.
    fn bls_g2_add(&self, a: &[u8; 256], b: &[u8; 256]) -> Result<[u8; 256], CurveError>;

    /// The sum of point times scalar over `items` (EIP-2537) in G1 of BLS12-381. Every scalar is accepted.
    ///
    /// # Errors
    /// [`CurveError`] for an item with a point not on the curve or not in the subgroup.
    fn bls_g1_msm(&self, items: &[[u8; 160]]) -> Result<[u8; 128], CurveError>;

    /// The sum of point times scalar over `items` (EIP-2537) in G2 of BLS12-381. Every scalar is accepted.
    ///
    /// # Errors
    /// [`CurveError`] for an item with a point not on the curve or not in the subgroup.
    fn bls_g2_msm(&self, items: &[[u8; 288]]) -> Result<[u8; 256], CurveError>;

    /// Whether the product of the pairings of `pairs` (G1, G2 of BLS12-381, EIP-2537) is one, which it is for no pairs.
    ///
    /// # Errors
    /// [`CurveError`] for a pair with a point not on its curve or not in its subgroup.
    fn bls_pairing_check(&self, pairs: &[[u8; 384]]) -> Result<bool, CurveError>;

    /// Maps an element of the base field to G1 of BLS12-381 (EIP-2537).
    ///
    /// # Errors
    /// [`CurveError`] for a number that is no element of the field.
    fn bls_map_fp_to_g1(&self, element: &[u8; 64]) -> Result<[u8; 128], CurveError>;

    /// Maps an element of the quadratic extension field to G2 of BLS12-381 (EIP-2537).
    ///
    /// # Errors
    /// [`CurveError`] for a number that is no element of the field.
    fn bls_map_fp2_to_g2(&self, element: &[u8; 128]) -> Result<[u8; 256], CurveError>;

    /// Whether `proof` shows that the polynomial behind `commitment` has the value `y` at `z` (EIP-4844, with the
    /// parameters of the mainnet ceremony). Points are compressed, scalars big-endian.
    ///
    /// # Errors
    /// [`CurveError`] for an invalid operand; operands count from 0 in the order of the parameters.
    fn kzg_verify_proof(
        &self,
        commitment: &[u8; 48],
        z: &[u8; 32],
        y: &[u8; 32],
        proof: &[u8; 48],
    ) -> Result<bool, CurveError>;
}

/// An operand that is no member of its field, curve or group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operand {operand}: {fault}")]
pub struct CurveError {
    /// Which operand, counted from 0: a parameter of the method, or an item of its list.
    pub operand: usize,
    /// What is wrong with it.
    pub fault: CurveFault,
}

/// What is wrong with the encoding of a number or a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CurveFault {
    /// The 16 bytes before a BLS12-381 field element must be zero.
    #[error("field element with bytes before it that are not zero")]
    Padding,
    /// A coordinate must be below the field modulus.
    #[error("coordinate not below the field modulus")]
    FieldElement,
    /// A KZG scalar must be below the group order.
    #[error("scalar not below the group order")]
    Scalar,
    /// The coordinates do not satisfy the equation of the curve.
    #[error("point not on the curve")]
    NotOnCurve,
    /// The point is on the curve, but not in the subgroup of prime order.
    #[error("point not in the subgroup")]
    NotInSubgroup,
    /// The bytes are no compressed point of the subgroup.
    #[error("not a compressed point")]
    Compression,
}

impl CurveFault {
    /// The fault as that of the given operand.
    const fn of(self, operand: usize) -> CurveError {
        CurveError { operand, fault: self }
    }
}
