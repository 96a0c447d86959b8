//! BLS12-381 with the crate ark-bls12-381.

use ark_bls12_381::{
    Bls12_381, Fq, Fq2, Fr, G1Affine, G1Projective, G2Affine, G2Projective, g1, g2,
};
use ark_ec::{
    AffineRepr, CurveGroup, VariableBaseMSM,
    hashing::{curve_maps::wb::WBMap, map_to_curve_hasher::MapToCurve},
    pairing::Pairing,
};
use ark_ff::{BigInt, PrimeField, Zero};

use crate::{
    crypto::{
        CurveError, CurveFault,
        bls_encoding::{field_element, write_field_element},
    },
    input::split,
};

pub(super) fn g1_add(a: &[u8; 128], b: &[u8; 128]) -> Result<[u8; 128], CurveError> {
    let a = read_g1_on_curve(a).map_err(|fault| fault.of(0))?;
    let b = read_g1_on_curve(b).map_err(|fault| fault.of(1))?;
    Ok(write_g1(&(a + b).into_affine()))
}

pub(super) fn g2_add(a: &[u8; 256], b: &[u8; 256]) -> Result<[u8; 256], CurveError> {
    let a = read_g2_on_curve(a).map_err(|fault| fault.of(0))?;
    let b = read_g2_on_curve(b).map_err(|fault| fault.of(1))?;
    Ok(write_g2(&(a + b).into_affine()))
}

pub(super) fn g1_msm(items: &[[u8; 160]]) -> Result<[u8; 128], CurveError> {
    let mut points = Vec::with_capacity(items.len());
    let mut scalars = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let (point, scalar) = split::<160, 128, 32>(item);
        points.push(read_g1(point).map_err(|fault| fault.of(i))?);
        scalars.push(read_scalar(scalar));
    }
    Ok(write_g1(&G1Projective::msm_unchecked(&points, &scalars).into_affine()))
}

pub(super) fn g2_msm(items: &[[u8; 288]]) -> Result<[u8; 256], CurveError> {
    let mut points = Vec::with_capacity(items.len());
    let mut scalars = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let (point, scalar) = split::<288, 256, 32>(item);
        points.push(read_g2(point).map_err(|fault| fault.of(i))?);
        scalars.push(read_scalar(scalar));
    }
    Ok(write_g2(&G2Projective::msm_unchecked(&points, &scalars).into_affine()))
}

pub(super) fn pairing_check(pairs: &[[u8; 384]]) -> Result<bool, CurveError> {
    let mut left = Vec::with_capacity(pairs.len());
    let mut right = Vec::with_capacity(pairs.len());
    for (i, pair) in pairs.iter().enumerate() {
        let (g1, g2) = split::<384, 128, 256>(pair);
        left.push(read_g1(g1).map_err(|fault| fault.of(i))?);
        right.push(read_g2(g2).map_err(|fault| fault.of(i))?);
    }
    Ok(Bls12_381::multi_pairing(left, right).is_zero())
}

pub(super) fn map_fp_to_g1(element: &[u8; 64]) -> Result<[u8; 128], CurveError> {
    let element = read_fp(element).map_err(|fault| fault.of(0))?;
    let point = on_the_curve(WBMap::<g1::Config>::map_to_curve(element));
    Ok(write_g1(&point.clear_cofactor()))
}

pub(super) fn map_fp2_to_g2(element: &[u8; 128]) -> Result<[u8; 256], CurveError> {
    let element = read_fp2(element).map_err(|fault| fault.of(0))?;
    let point = on_the_curve(WBMap::<g2::Config>::map_to_curve(element));
    Ok(write_g2(&point.clear_cofactor()))
}

#[expect(clippy::expect_used, reason = "the map is total; only its parameters could be wrong")]
fn on_the_curve<P, E: std::fmt::Debug>(mapped: Result<P, E>) -> P {
    mapped.expect("the map of this curve has valid parameters")
}

/// Reads a big-endian number below the field modulus.
pub(super) fn read_unpadded_fp(bytes: &[u8; 48]) -> Result<Fq, CurveFault> {
    let (words, _) = bytes.as_chunks();
    let mut limbs = [0; 6];
    for (limb, word) in limbs.iter_mut().rev().zip(words) {
        *limb = u64::from_be_bytes(*word);
    }
    Fq::from_bigint(BigInt::new(limbs)).ok_or(CurveFault::FieldElement)
}

fn read_fp(bytes: &[u8; 64]) -> Result<Fq, CurveFault> {
    read_unpadded_fp(field_element(bytes)?)
}

/// An element of the extension field has its real part first.
fn read_fp2(bytes: &[u8; 128]) -> Result<Fq2, CurveFault> {
    let (real, imaginary) = split::<128, 64, 64>(bytes);
    Ok(Fq2::new(read_fp(real)?, read_fp(imaginary)?))
}

/// Reduces numbers beyond the group order, which leaves products with points of the subgroup as they are.
fn read_scalar(bytes: &[u8; 32]) -> Fr {
    Fr::from_be_bytes_mod_order(bytes)
}

fn read_g1_on_curve(bytes: &[u8; 128]) -> Result<G1Affine, CurveFault> {
    let (x, y) = split::<128, 64, 64>(bytes);
    let (x, y) = (read_fp(x)?, read_fp(y)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G1Affine::identity());
    }
    let point = G1Affine::new_unchecked(x, y);
    if point.is_on_curve() { Ok(point) } else { Err(CurveFault::NotOnCurve) }
}

fn read_g2_on_curve(bytes: &[u8; 256]) -> Result<G2Affine, CurveFault> {
    let (x, y) = split::<256, 128, 128>(bytes);
    let (x, y) = (read_fp2(x)?, read_fp2(y)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G2Affine::identity());
    }
    let point = G2Affine::new_unchecked(x, y);
    if point.is_on_curve() { Ok(point) } else { Err(CurveFault::NotOnCurve) }
}

fn read_g1(bytes: &[u8; 128]) -> Result<G1Affine, CurveFault> {
    let point = read_g1_on_curve(bytes)?;
    if point.is_in_correct_subgroup_assuming_on_curve() {
        Ok(point)
    } else {
        Err(CurveFault::NotInSubgroup)
    }
}

fn read_g2(bytes: &[u8; 256]) -> Result<G2Affine, CurveFault> {
    let point = read_g2_on_curve(bytes)?;
    if point.is_in_correct_subgroup_assuming_on_curve() {
        Ok(point)
    } else {
        Err(CurveFault::NotInSubgroup)
    }
}

fn write_fp(element: &Fq, bytes: &mut [u8]) {
    let mut unpadded = [0; 48];
    let (words, _) = unpadded.as_chunks_mut();
    for (word, limb) in words.iter_mut().rev().zip(element.into_bigint().0) {
        *word = limb.to_be_bytes();
    }
    write_field_element(&unpadded, bytes);
}

/// The point at infinity is written as zeros.
fn write_g1(point: &G1Affine) -> [u8; 128] {
    let mut bytes = [0; 128];
    if let Some((x, y)) = point.xy() {
        write_fp(&x, &mut bytes[..64]);
        write_fp(&y, &mut bytes[64..]);
    }
    bytes
}

fn write_g2(point: &G2Affine) -> [u8; 256] {
    let mut bytes = [0; 256];
    if let Some((x, y)) = point.xy() {
        let (chunks, _) = bytes.as_chunks_mut::<64>();
        for (chunk, element) in chunks.iter_mut().zip([x.c0, x.c1, y.c0, y.c1]) {
            write_fp(&element, chunk);
        }
    }
    bytes
}
