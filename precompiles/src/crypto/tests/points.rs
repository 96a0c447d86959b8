//! Points of the pairing curves in the encodings of the EIPs, inside and outside the subgroups.

use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, PrimeField, Zero};

pub(super) const BN254_ORDER: [u8; 32] =
    alloy_primitives::hex!("30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001");
pub(super) const BN254_FIELD_MODULUS: [u8; 32] =
    alloy_primitives::hex!("30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47");

#[cfg(feature = "native")]
pub(super) fn bn254_g1(multiple: i64) -> [u8; 64] {
    bn::g1(multiple)
}

pub(super) fn bn254_g1_generator() -> [u8; 64] {
    let mut bytes = [0; 64];
    (bytes[31], bytes[63]) = (1, 2);
    bytes
}

/// Elements of a prime field, big-endian, each right-aligned in `width` bytes.
fn encode<F: PrimeField>(elements: &[F], width: usize) -> Vec<u8> {
    let encoded = elements.iter().flat_map(|element| {
        let bytes = element.into_bigint().to_bytes_be();
        [vec![0; width - bytes.len()], bytes].concat()
    });
    encoded.collect()
}

mod bn {
    use substrate_bn::{AffineG1, AffineG2, Fq, Fq2, Fr, G1, G2, Group};

    fn scalar(value: i64) -> Fr {
        let magnitude = Fr::from_str(&value.unsigned_abs().to_string()).unwrap();
        if value < 0 { -magnitude } else { magnitude }
    }

    fn write(elements: &[Fq], bytes: &mut [u8]) {
        for (element, chunk) in elements.iter().zip(bytes.chunks_mut(32)) {
            element.to_big_endian(chunk).unwrap();
        }
    }

    pub(super) fn g1(multiple: i64) -> [u8; 64] {
        let mut bytes = [0; 64];
        if let Some(point) = AffineG1::from_jacobian(G1::one() * scalar(multiple)) {
            write(&[point.x(), point.y()], &mut bytes);
        }
        bytes
    }

    fn write_g2(x: &Fq2, y: &Fq2) -> [u8; 128] {
        let mut bytes = [0; 128];
        write(&[x.imaginary(), x.real(), y.imaginary(), y.real()], &mut bytes);
        bytes
    }

    pub(super) fn g2(multiple: i64) -> [u8; 128] {
        AffineG2::from_jacobian(G2::one() * scalar(multiple))
            .map_or([0; 128], |point| write_g2(&point.x(), &point.y()))
    }

    /// The first point from the given x on; the odds of its being in the subgroup are negligible.
    pub(super) fn stray_g2(mut x: u64) -> [u8; 128] {
        loop {
            let real = Fq::from_str(&x.to_string()).unwrap();
            let x_element = Fq2::new(real, Fq::one());
            let square = x_element * x_element * x_element + G2::b();
            if let Some(y) = square.sqrt() {
                return write_g2(&x_element, &y);
            }
            x += 1;
        }
    }
}

/// The given multiples of the generators of G1 and G2.
pub(super) fn bn254_pair(left: i64, right: i64) -> [u8; 192] {
    join(&bn::g1(left), &bn::g2(right))
}

/// The generator of G1, and a point of the twist near the given x.
pub(super) fn bn254_pair_outside_the_subgroup(x: u64) -> [u8; 192] {
    join(&bn::g1(1), &bn::stray_g2(x))
}

fn join<const N: usize>(left: &[u8], right: &[u8]) -> [u8; N] {
    [left, right].concat().try_into().unwrap()
}

use ark_bls12_381::{Fq, Fq2, Fr, G1Affine, G2Affine};

fn encode_g1(point: &G1Affine) -> [u8; 128] {
    point.xy().map_or([0; 128], |(x, y)| encode(&[x, y], 64).try_into().unwrap())
}

fn encode_g2(point: &G2Affine) -> [u8; 256] {
    let Some((x, y)) = point.xy() else { return [0; 256] };
    encode(&[x.c0, x.c1, y.c0, y.c1], 64).try_into().unwrap()
}

pub(super) fn bls_g1(multiple: i64) -> [u8; 128] {
    encode_g1(&(G1Affine::generator() * Fr::from(multiple)).into_affine())
}

pub(super) fn bls_g2(multiple: i64) -> [u8; 256] {
    encode_g2(&(G2Affine::generator() * Fr::from(multiple)).into_affine())
}

/// The given multiples of the generators of G1 and G2.
pub(super) fn bls_pair(left: i64, right: i64) -> [u8; 384] {
    join(&bls_g1(left), &bls_g2(right))
}

/// A point of the curve near the given x that is not in the subgroup.
pub(super) fn bls_g1_outside_the_subgroup(x: u64) -> [u8; 128] {
    let mut points = (x..).filter_map(|x| G1Affine::get_point_from_x_unchecked(Fq::from(x), true));
    encode_g1(&points.find(|point| !point.is_in_correct_subgroup_assuming_on_curve()).unwrap())
}

/// A point of the twist near the given x that is not in the subgroup.
pub(super) fn bls_g2_outside_the_subgroup(x: u64) -> [u8; 256] {
    let element = |x: u64| Fq2::new(Fq::from(x), Fq::zero());
    let mut points = (x..).filter_map(|x| G2Affine::get_point_from_x_unchecked(element(x), true));
    encode_g2(&points.find(|point| !point.is_in_correct_subgroup_assuming_on_curve()).unwrap())
}
