//! Why a precompile failed. Whatever the reason, the EVM takes all the gas the call was given.

use alloy_primitives::B256;

use crate::crypto::CurveError;

/// The failure of a precompile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrecompileError {
    /// The call was given less gas than the gas rule asks for.
    #[error("out of gas: {required} gas required, {limit} given")]
    OutOfGas {
        /// Gas the input costs; `u64::MAX` where the cost does not fit.
        required: u64,
        /// Gas the call was given.
        limit: u64,
    },
    /// The input must have one exact length.
    #[error("input of {length} bytes, expected exactly {expected}")]
    InputLength {
        /// Length of the input in bytes.
        length: usize,
        /// The only length that is accepted, in bytes.
        expected: usize,
    },
    /// The input must be a list of items of one size.
    #[error("input of {length} bytes is not a list of items of {item_bytes} bytes")]
    ItemLength {
        /// Length of the input in bytes.
        length: usize,
        /// Size of one item in bytes.
        item_bytes: usize,
    },
    /// BLAKE2F: the final-block flag is neither 0 nor 1.
    #[error("BLAKE2F final-block flag {flag} is neither 0 nor 1")]
    Blake2Flag {
        /// The flag byte as given.
        flag: u8,
    },
    /// MODEXP: an operand is longer than allowed.
    #[error("MODEXP {operand} of {length_bytes} bytes, at most {limit_bytes} allowed")]
    ModexpLength {
        /// Which of base, exponent and modulus it is.
        operand: &'static str,
        /// Its length in bytes; `u64::MAX` where the length does not fit.
        length_bytes: u64,
        /// The greatest length allowed, in bytes.
        limit_bytes: u64,
    },
    /// A number or point of the input is no member of its field or curve.
    #[error(transparent)]
    Curve(#[from] CurveError),
    /// Point evaluation: the versioned hash is not that of the commitment.
    #[error("commitment has versioned hash {computed}, not the one given")]
    VersionedHash {
        /// The versioned hash of the commitment in the input.
        computed: B256,
    },
    /// Point evaluation: the proof does not prove the claim.
    #[error("KZG proof does not hold for the claimed point and value")]
    KzgProof,
}
