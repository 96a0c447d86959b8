//! BLS12-381 with blst.

use super::blst_ffi::{self as ffi, Fp, Fp2, G1Affine, G2Affine, g1, g2};
use crate::{
    crypto::{
        CurveError, CurveFault,
        bls_encoding::{field_element, write_field_element},
    },
    input::split,
};

/// The modulus of the base field, big-endian.
const FIELD_MODULUS: [u8; 48] = alloy_primitives::hex!(
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f624"
    "1eabfffeb153ffffb9feffffffffaaab"
);

/// From this number of points on, sharing work among the points is faster than a product for each.
const MULTI_MUL_FROM: usize = 2;

pub(super) fn g1_add(a: &[u8; 128], b: &[u8; 128]) -> Result<[u8; 128], CurveError> {
    let a = read_g1_on_curve(a).map_err(|fault| fault.of(0))?;
    let b = read_g1_on_curve(b).map_err(|fault| fault.of(1))?;
    Ok(write_g1(&g1::to_affine(&g1::add_affine(&g1::from_affine(&a), &b))))
}

pub(super) fn g2_add(a: &[u8; 256], b: &[u8; 256]) -> Result<[u8; 256], CurveError> {
    let a = read_g2_on_curve(a).map_err(|fault| fault.of(0))?;
    let b = read_g2_on_curve(b).map_err(|fault| fault.of(1))?;
    Ok(write_g2(&g2::to_affine(&g2::add_affine(&g2::from_affine(&a), &b))))
}

pub(super) fn g1_msm(items: &[[u8; 160]]) -> Result<[u8; 128], CurveError> {
    let mut points = Vec::with_capacity(items.len());
    let mut scalars = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let (point, scalar) = split::<160, 128, 32>(item);
        let point = read_g1(point).map_err(|fault| fault.of(i))?;
        let scalar = ffi::reduce_scalar(scalar);
        if point != G1Affine::default() && scalar != [0; 32] {
            points.push(point);
            scalars.push(scalar);
        }
    }
    let sum = if points.len() < MULTI_MUL_FROM {
        let products = points.iter().zip(&scalars);
        products
            .map(|(point, scalar)| g1::mul(&g1::from_affine(point), scalar))
            .fold(ffi::G1::default(), |sum, product| g1::add(&sum, &product))
    } else {
        g1::multi_mul(&points, &scalars)
    };
    Ok(write_g1(&g1::to_affine(&sum)))
}

pub(super) fn g2_msm(items: &[[u8; 288]]) -> Result<[u8; 256], CurveError> {
    let mut points = Vec::with_capacity(items.len());
    let mut scalars = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let (point, scalar) = split::<288, 256, 32>(item);
        let point = read_g2(point).map_err(|fault| fault.of(i))?;
        let scalar = ffi::reduce_scalar(scalar);
        if point != G2Affine::default() && scalar != [0; 32] {
            points.push(point);
            scalars.push(scalar);
        }
    }
    let sum = if points.len() < MULTI_MUL_FROM {
        let products = points.iter().zip(&scalars);
        products
            .map(|(point, scalar)| g2::mul(&g2::from_affine(point), scalar))
            .fold(ffi::G2::default(), |sum, product| g2::add(&sum, &product))
    } else {
        g2::multi_mul(&points, &scalars)
    };
    Ok(write_g2(&g2::to_affine(&sum)))
}

pub(super) fn pairing_check(pairs: &[[u8; 384]]) -> Result<bool, CurveError> {
    let mut left = Vec::with_capacity(pairs.len());
    let mut right = Vec::with_capacity(pairs.len());
    for (i, pair) in pairs.iter().enumerate() {
        let (g1, g2) = split::<384, 128, 256>(pair);
        let g1 = read_g1(g1).map_err(|fault| fault.of(i))?;
        let g2 = read_g2(g2).map_err(|fault| fault.of(i))?;
        // The pairing with a point at infinity is one.
        if g1 != G1Affine::default() && g2 != G2Affine::default() {
            left.push(g1);
            right.push(g2);
        }
    }
    Ok(ffi::product_is_one(&left, &right))
}

pub(super) fn map_fp_to_g1(element: &[u8; 64]) -> Result<[u8; 128], CurveError> {
    let element = read_fp(element).map_err(|fault| fault.of(0))?;
    Ok(write_g1(&g1::to_affine(&g1::map(&element))))
}

pub(super) fn map_fp2_to_g2(element: &[u8; 128]) -> Result<[u8; 256], CurveError> {
    let element = read_fp2(element).map_err(|fault| fault.of(0))?;
    Ok(write_g2(&g2::to_affine(&g2::map(&element))))
}

fn read_fp(bytes: &[u8; 64]) -> Result<Fp, CurveFault> {
    let element = field_element(bytes)?;
    if *element < FIELD_MODULUS { Ok(ffi::read_fp(element)) } else { Err(CurveFault::FieldElement) }
}

/// An element of the extension field has its real part first.
fn read_fp2(bytes: &[u8; 128]) -> Result<Fp2, CurveFault> {
    let (real, imaginary) = split::<128, 64, 64>(bytes);
    Ok(Fp2 { fp: [read_fp(real)?, read_fp(imaginary)?] })
}

/// The point at infinity is read from zeros, and is the default.
fn read_g1_on_curve(bytes: &[u8; 128]) -> Result<G1Affine, CurveFault> {
    let (x, y) = split::<128, 64, 64>(bytes);
    let point = G1Affine { x: read_fp(x)?, y: read_fp(y)? };
    if point == G1Affine::default() || g1::is_on_curve(&point) {
        Ok(point)
    } else {
        Err(CurveFault::NotOnCurve)
    }
}

fn read_g2_on_curve(bytes: &[u8; 256]) -> Result<G2Affine, CurveFault> {
    let (x, y) = split::<256, 128, 128>(bytes);
    let point = G2Affine { x: read_fp2(x)?, y: read_fp2(y)? };
    if point == G2Affine::default() || g2::is_on_curve(&point) {
        Ok(point)
    } else {
        Err(CurveFault::NotOnCurve)
    }
}

fn read_g1(bytes: &[u8; 128]) -> Result<G1Affine, CurveFault> {
    let point = read_g1_on_curve(bytes)?;
    if point == G1Affine::default() || g1::is_in_group(&point) {
        Ok(point)
    } else {
        Err(CurveFault::NotInSubgroup)
    }
}

fn read_g2(bytes: &[u8; 256]) -> Result<G2Affine, CurveFault> {
    let point = read_g2_on_curve(bytes)?;
    if point == G2Affine::default() || g2::is_in_group(&point) {
        Ok(point)
    } else {
        Err(CurveFault::NotInSubgroup)
    }
}

fn write_g1(point: &G1Affine) -> [u8; 128] {
    let mut bytes = [0; 128];
    let (chunks, _) = bytes.as_chunks_mut::<64>();
    for (chunk, element) in chunks.iter_mut().zip([&point.x, &point.y]) {
        write_field_element(&ffi::write_fp(element), chunk);
    }
    bytes
}

fn write_g2(point: &G2Affine) -> [u8; 256] {
    let mut bytes = [0; 256];
    let (chunks, _) = bytes.as_chunks_mut::<64>();
    for (chunk, element) in chunks.iter_mut().zip(point.x.fp.iter().chain(&point.y.fp)) {
        write_field_element(&ffi::write_fp(element), chunk);
    }
    bytes
}
