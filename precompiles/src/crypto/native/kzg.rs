//! Verification of a KZG proof with blst.
//!
//! With numbers standing for their multiples of the generators, a proof holds if `e(commitment - y, 1) = e(proof, tau - z)`.
//! Moving the product of `z` to the left leaves two constant points of G2, whose part of the pairing is computed once:
//! `e(commitment - y + z * proof, 1) = e(proof, tau)`. Only that one point of the trusted setup is needed, so that nothing
//! has to be loaded.

use std::sync::LazyLock;

use super::blst_ffi::{self as ffi, G1Affine, Prepared, Uncompressed, g1};
use crate::crypto::{CurveError, CurveFault, kzg_setup};

/// The order of the groups, big-endian.
const GROUP_ORDER: [u8; 32] =
    alloy_primitives::hex!("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001");

static G2_GENERATOR: LazyLock<Prepared> = LazyLock::new(|| Prepared::new(&ffi::g2_generator()));

static TAU_G2: LazyLock<Prepared> = LazyLock::new(|| {
    let Some(point) = ffi::uncompress_g2(&kzg_setup::TAU_G2) else {
        unreachable!("the constant is a point of the curve")
    };
    Prepared::new(&point)
});

pub(super) fn verify_proof(
    commitment: &[u8; 48],
    z: &[u8; 32],
    y: &[u8; 32],
    proof: &[u8; 48],
) -> Result<bool, CurveError> {
    let commitment = read_g1(commitment).map_err(|fault| fault.of(0))?;
    let z = read_scalar(z).map_err(|fault| fault.of(1))?;
    let y = read_scalar(y).map_err(|fault| fault.of(2))?;
    let proof = read_g1(proof).map_err(|fault| fault.of(3))?;

    let mut value = g1::mul(&ffi::g1_generator(), &y);
    ffi::negate_g1(&mut value);
    value = g1::add_affine(&value, &commitment);
    value = g1::add(&value, &g1::mul(&g1::from_affine(&proof), &z));
    let value = g1::to_affine(&value);
    let infinity = G1Affine::default();
    // A pairing is one just where a point is at infinity, and the constant points are not.
    if value == infinity || proof == infinity {
        return Ok(value == proof);
    }
    Ok(ffi::pairings_are_equal(&value, &G2_GENERATOR, &proof, &TAU_G2))
}

fn read_scalar(bytes: &[u8; 32]) -> Result<[u8; 32], CurveFault> {
    if *bytes < GROUP_ORDER { Ok(ffi::reduce_scalar(bytes)) } else { Err(CurveFault::Scalar) }
}

fn read_g1(bytes: &[u8; 48]) -> Result<G1Affine, CurveFault> {
    match ffi::uncompress_g1(bytes) {
        Uncompressed::Point(point) if point == G1Affine::default() || g1::is_in_group(&point) => {
            Ok(point)
        }
        Uncompressed::Point(_) => Err(CurveFault::NotInSubgroup),
        Uncompressed::NotOnCurve => Err(CurveFault::NotOnCurve),
        Uncompressed::BadEncoding => Err(CurveFault::Compression),
    }
}
