//! Verification of a KZG proof with the crate ark-bls12-381.

use std::sync::LazyLock;

use ark_bls12_381::{Bls12_381, Fq2, Fr, G1Affine, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, pairing::Pairing};
use ark_ff::{BigInt, PrimeField, Zero};

use super::bls12_381::read_unpadded_fp;
use crate::{
    crypto::{CurveError, CurveFault, kzg_setup},
    input::split,
};

/// Whether `e(commitment - y, 1) = e(proof, tau - z)`, with numbers standing for their multiples of the generators.
pub(super) fn verify_proof(
    commitment: &[u8; 48],
    z: &[u8; 32],
    y: &[u8; 32],
    proof: &[u8; 48],
) -> Result<bool, CurveError> {
    let commitment = read_compressed_g1(commitment).map_err(|fault| fault.of(0))?;
    let z = read_scalar(z).map_err(|fault| fault.of(1))?;
    let y = read_scalar(y).map_err(|fault| fault.of(2))?;
    let proof = read_compressed_g1(proof).map_err(|fault| fault.of(3))?;

    let value = (commitment.into_group() - G1Affine::generator() * y).into_affine();
    let divisor: G2Projective = TAU_G2.into_group() - G2Affine::generator() * z;
    let product =
        Bls12_381::multi_pairing([value, proof], [-G2Affine::generator(), divisor.into_affine()]);
    Ok(product.is_zero())
}

fn read_scalar(bytes: &[u8; 32]) -> Result<Fr, CurveFault> {
    let (words, _) = bytes.as_chunks();
    let mut limbs = [0; 4];
    for (limb, word) in limbs.iter_mut().rev().zip(words) {
        *limb = u64::from_be_bytes(*word);
    }
    Fr::from_bigint(BigInt::new(limbs)).ok_or(CurveFault::Scalar)
}

const COMPRESSED: u8 = 0x80;
const INFINITY: u8 = 0x40;
const GREATER_Y: u8 = 0x20;
const FLAGS: u8 = COMPRESSED | INFINITY | GREATER_Y;

fn read_compressed_g1(bytes: &[u8; 48]) -> Result<G1Affine, CurveFault> {
    let flags = bytes[0] & FLAGS;
    let mut x = *bytes;
    x[0] &= !FLAGS;
    if flags & COMPRESSED == 0 {
        return Err(CurveFault::Compression);
    }
    if flags & INFINITY != 0 {
        let is_canonical = flags & GREATER_Y == 0 && x == [0; 48];
        return if is_canonical { Ok(G1Affine::identity()) } else { Err(CurveFault::Compression) };
    }
    let x = read_unpadded_fp(&x).map_err(|_| CurveFault::Compression)?;
    let point = G1Affine::get_point_from_x_unchecked(x, flags & GREATER_Y != 0)
        .ok_or(CurveFault::NotOnCurve)?;
    if point.is_in_correct_subgroup_assuming_on_curve() {
        Ok(point)
    } else {
        Err(CurveFault::NotInSubgroup)
    }
}

static TAU_G2: LazyLock<G2Affine> = LazyLock::new(|| {
    let (imaginary, real) = split::<96, 48, 48>(&kzg_setup::TAU_G2);
    let mut imaginary = *imaginary;
    let is_greater_y = imaginary[0] & GREATER_Y != 0;
    imaginary[0] &= !FLAGS;
    let x =
        read_unpadded_fp(real).and_then(|real| Ok(Fq2::new(real, read_unpadded_fp(&imaginary)?)));
    let point = x.ok().and_then(|x| G2Affine::get_point_from_x_unchecked(x, is_greater_y));
    let Some(point) = point else { unreachable!("the constant is a point of the curve") };
    point
});
