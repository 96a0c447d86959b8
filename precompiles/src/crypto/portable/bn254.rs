//! BN254 with the crate substrate-bn.

use substrate_bn::{AffineG1, AffineG2, Fq, Fq2, Fr, G1, G2, Group, GroupError, Gt, pairing_batch};

use crate::{
    crypto::{CurveError, CurveFault},
    input::split,
};

pub(super) fn add(a: &[u8; 64], b: &[u8; 64]) -> Result<[u8; 64], CurveError> {
    let a = read_g1(a).map_err(|fault| fault.of(0))?;
    let b = read_g1(b).map_err(|fault| fault.of(1))?;
    Ok(write_g1(a + b))
}

pub(super) fn mul(point: &[u8; 64], scalar: &[u8; 32]) -> Result<[u8; 64], CurveError> {
    let point = read_g1(point).map_err(|fault| fault.of(0))?;
    Ok(write_g1(point * read_scalar(scalar)))
}

pub(super) fn pairing_check(pairs: &[[u8; 192]]) -> Result<bool, CurveError> {
    let mut points = Vec::with_capacity(pairs.len());
    for (i, pair) in pairs.iter().enumerate() {
        let (g1, g2) = split::<192, 64, 128>(pair);
        let g1 = read_g1(g1).map_err(|fault| fault.of(i))?;
        let g2 = read_g2(g2).map_err(|fault| fault.of(i))?;
        // The pairing with a point at infinity is one.
        if !g1.is_zero() && !g2.is_zero() {
            points.push((g1, g2));
        }
    }
    Ok(points.is_empty() || pairing_batch(&points) == Gt::one())
}

fn read_field(bytes: &[u8; 32]) -> Result<Fq, CurveFault> {
    Fq::from_slice(bytes).map_err(|_| CurveFault::FieldElement)
}

#[expect(clippy::expect_used, reason = "the only error is that of a slice of another length")]
fn read_scalar(bytes: &[u8; 32]) -> Fr {
    // Reduces numbers beyond the group order, which leaves the product as it is.
    Fr::from_slice(bytes).expect("every 32 bytes are a scalar")
}

fn read_g1(bytes: &[u8; 64]) -> Result<G1, CurveFault> {
    let (x, y) = split::<64, 32, 32>(bytes);
    let (x, y) = (read_field(x)?, read_field(y)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G1::zero());
    }
    AffineG1::new(x, y).map(G1::from).map_err(group_fault)
}

/// An element of the extension field has its imaginary part first.
fn read_field2(bytes: &[u8; 64]) -> Result<Fq2, CurveFault> {
    let (imaginary, real) = split::<64, 32, 32>(bytes);
    let (imaginary, real) = (read_field(imaginary)?, read_field(real)?);
    Ok(Fq2::new(real, imaginary))
}

fn read_g2(bytes: &[u8; 128]) -> Result<G2, CurveFault> {
    let (x, y) = split::<128, 64, 64>(bytes);
    let (x, y) = (read_field2(x)?, read_field2(y)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G2::zero());
    }
    AffineG2::new(x, y).map(G2::from).map_err(group_fault)
}

const fn group_fault(error: GroupError) -> CurveFault {
    match error {
        GroupError::NotOnCurve => CurveFault::NotOnCurve,
        GroupError::NotInSubgroup => CurveFault::NotInSubgroup,
    }
}

#[expect(clippy::expect_used, reason = "the only error is that of a slice of another length")]
fn write_g1(point: G1) -> [u8; 64] {
    let mut bytes = [0; 64];
    if let Some(affine) = AffineG1::from_jacobian(point) {
        let (x, y) = bytes.split_at_mut(32);
        affine.x().to_big_endian(x).expect("a field element takes 32 bytes");
        affine.y().to_big_endian(y).expect("a field element takes 32 bytes");
    }
    bytes
}
