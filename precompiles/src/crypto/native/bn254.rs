//! BN254 with the crate ark-bn254.

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, pairing::Pairing};
use ark_ff::{BigInt, PrimeField, Zero};

use crate::{
    crypto::{CurveError, CurveFault},
    input::split,
};

pub(super) fn add(a: &[u8; 64], b: &[u8; 64]) -> Result<[u8; 64], CurveError> {
    let a = read_g1(a).map_err(|fault| fault.of(0))?;
    let b = read_g1(b).map_err(|fault| fault.of(1))?;
    Ok(write_g1(&(a + b).into_affine()))
}

pub(super) fn mul(point: &[u8; 64], scalar: &[u8; 32]) -> Result<[u8; 64], CurveError> {
    let point = read_g1(point).map_err(|fault| fault.of(0))?;
    // Reduces numbers beyond the group order, which leaves the product as it is.
    let scalar = Fr::from_be_bytes_mod_order(scalar);
    Ok(write_g1(&(point * scalar).into_affine()))
}

pub(super) fn pairing_check(pairs: &[[u8; 192]]) -> Result<bool, CurveError> {
    let mut left = Vec::with_capacity(pairs.len());
    let mut right = Vec::with_capacity(pairs.len());
    for (i, pair) in pairs.iter().enumerate() {
        let (g1, g2) = split::<192, 64, 128>(pair);
        let g1 = read_g1(g1).map_err(|fault| fault.of(i))?;
        let g2 = read_g2(g2).map_err(|fault| fault.of(i))?;
        // The pairing with a point at infinity is one.
        if !g1.is_zero() && !g2.is_zero() {
            left.push(g1);
            right.push(g2);
        }
    }
    Ok(left.is_empty() || Bn254::multi_pairing(left, right).is_zero())
}

fn read_field(bytes: &[u8; 32]) -> Result<Fq, CurveFault> {
    let (words, _) = bytes.as_chunks();
    let mut limbs = [0; 4];
    for (limb, word) in limbs.iter_mut().rev().zip(words) {
        *limb = u64::from_be_bytes(*word);
    }
    Fq::from_bigint(BigInt::new(limbs)).ok_or(CurveFault::FieldElement)
}

fn read_g1(bytes: &[u8; 64]) -> Result<G1Affine, CurveFault> {
    let (x, y) = split::<64, 32, 32>(bytes);
    let (x, y) = (read_field(x)?, read_field(y)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G1Affine::identity());
    }
    // The curve has prime order: it is its own subgroup.
    let point = G1Affine::new_unchecked(x, y);
    if point.is_on_curve() { Ok(point) } else { Err(CurveFault::NotOnCurve) }
}

/// An element of the extension field has its imaginary part first.
fn read_field2(bytes: &[u8; 64]) -> Result<Fq2, CurveFault> {
    let (imaginary, real) = split::<64, 32, 32>(bytes);
    let (imaginary, real) = (read_field(imaginary)?, read_field(real)?);
    Ok(Fq2::new(real, imaginary))
}

fn read_g2(bytes: &[u8; 128]) -> Result<G2Affine, CurveFault> {
    let (x, y) = split::<128, 64, 64>(bytes);
    let (x, y) = (read_field2(x)?, read_field2(y)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G2Affine::identity());
    }
    let point = G2Affine::new_unchecked(x, y);
    if !point.is_on_curve() {
        return Err(CurveFault::NotOnCurve);
    }
    if point.is_in_correct_subgroup_assuming_on_curve() {
        Ok(point)
    } else {
        Err(CurveFault::NotInSubgroup)
    }
}

/// The point at infinity is written as zeros.
fn write_g1(point: &G1Affine) -> [u8; 64] {
    let mut bytes = [0; 64];
    if let Some((x, y)) = point.xy() {
        let limbs = y.into_bigint().0.into_iter().chain(x.into_bigint().0);
        let (words, _) = bytes.as_chunks_mut();
        for (word, limb) in words.iter_mut().rev().zip(limbs) {
            *word = limb.to_be_bytes();
        }
    }
    bytes
}
