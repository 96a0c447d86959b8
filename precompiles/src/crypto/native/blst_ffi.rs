//! Safe functions over the C interface of blst: the only file that calls it.
//!
//! The types of blst are plain limbs. Its functions read and write the values they are given and nothing else, for every
//! content of the limbs; contents that are no reduced field element give a meaningless result, not an invalid access.
#![expect(unsafe_code, reason = "the interface of blst is in C")]

use std::ptr;

pub(super) use blst::{
    blst_fp as Fp, blst_fp2 as Fp2, blst_fp6 as Fp6, blst_p1 as G1, blst_p1_affine as G1Affine,
    blst_p2 as G2, blst_p2_affine as G2Affine,
};

/// Bits of a scalar below the group order.
const SCALAR_BITS: usize = 255;

/// Number of lines that stand for a point of G2 in the Miller loop.
const LINES: usize = 68;

/// A field element from big-endian bytes, reduced if it is not below the modulus.
pub(super) fn read_fp(bytes: &[u8; 48]) -> Fp {
    let mut element = Fp::default();
    // SAFETY: reads 48 bytes, which the array has.
    unsafe { blst::blst_fp_from_bendian(&mut element, bytes.as_ptr()) };
    element
}

/// The big-endian bytes of a field element.
pub(super) fn write_fp(element: &Fp) -> [u8; 48] {
    let mut bytes = [0; 48];
    // SAFETY: writes 48 bytes, which the array has.
    unsafe { blst::blst_bendian_from_fp(bytes.as_mut_ptr(), element) };
    bytes
}

/// A little-endian scalar below the group order from big-endian bytes, reduced if need be.
pub(super) fn reduce_scalar(bytes: &[u8; 32]) -> [u8; 32] {
    let mut scalar = blst::blst_scalar::default();
    // SAFETY: reads as many bytes as the last argument says, which is what the array has.
    unsafe { blst::blst_scalar_from_be_bytes(&mut scalar, bytes.as_ptr(), bytes.len()) };
    scalar.b
}

macro_rules! group {
    (
        $module:ident, $point:ident, $affine:ident, $element:ident,
        $on_curve:ident, $in_group:ident, $from_affine:ident, $to_affine:ident,
        $add:ident, $add_affine:ident, $mult:ident, $map:ident, $pippenger:ident, $scratch:ident
    ) => {
        /// The operations of one group. A default point is the point at infinity.
        pub(super) mod $module {
            use super::*;

            pub(in super::super) fn is_on_curve(point: &$affine) -> bool {
                // SAFETY: reads the point.
                unsafe { blst::$on_curve(point) }
            }

            /// For a point on the curve.
            pub(in super::super) fn is_in_group(point: &$affine) -> bool {
                // SAFETY: reads the point.
                unsafe { blst::$in_group(point) }
            }

            pub(in super::super) fn to_affine(point: &$point) -> $affine {
                let mut affine = $affine::default();
                // SAFETY: reads one argument and writes the other.
                unsafe { blst::$to_affine(&mut affine, point) };
                affine
            }

            pub(in super::super) fn from_affine(affine: &$affine) -> $point {
                let mut point = $point::default();
                // SAFETY: reads one argument and writes the other.
                unsafe { blst::$from_affine(&mut point, affine) };
                point
            }

            pub(in super::super) fn add(a: &$point, b: &$point) -> $point {
                let mut sum = $point::default();
                // SAFETY: reads two arguments and writes the other.
                unsafe { blst::$add(&mut sum, a, b) };
                sum
            }

            pub(in super::super) fn add_affine(a: &$point, b: &$affine) -> $point {
                let mut sum = $point::default();
                // SAFETY: reads two arguments and writes the other.
                unsafe { blst::$add_affine(&mut sum, a, b) };
                sum
            }

            /// For a point of the group and a scalar that [`reduce_scalar`] gave.
            pub(in super::super) fn mul(point: &$point, scalar: &[u8; 32]) -> $point {
                let mut product = $point::default();
                // SAFETY: reads 255 bits of the scalar, which has 256; otherwise its arguments.
                unsafe { blst::$mult(&mut product, point, scalar.as_ptr(), SCALAR_BITS) };
                product
            }

            /// The sum of products of points of the group, none at infinity, with scalars that [`reduce_scalar`] gave.
            ///
            /// # Panics
            /// If there are not as many points as scalars, or none.
            pub(in super::super) fn multi_mul(points: &[$affine], scalars: &[[u8; 32]]) -> $point {
                assert_eq!(points.len(), scalars.len(), "one scalar for each point");
                assert!(!points.is_empty(), "at least one point");
                let mut sum = $point::default();
                // A null after the first address says that the others follow it.
                let points_list = [points.as_ptr(), ptr::null()];
                let scalars_list = [scalars.as_ptr().cast::<u8>(), ptr::null()];
                // SAFETY: has no effect; gives the number of bytes that the next call writes at `scratch`.
                let scratch_bytes = unsafe { blst::$scratch(points.len()) };
                let mut scratch = vec![0_u64; scratch_bytes.div_ceil(8)];
                // SAFETY: each list leads to `points.len()` items; an item of the second has the 32 bytes that 255 bits
                // take; `scratch` has the size and the alignment of limbs.
                unsafe {
                    blst::$pippenger(
                        &mut sum,
                        points_list.as_ptr(),
                        points.len(),
                        scalars_list.as_ptr(),
                        SCALAR_BITS,
                        scratch.as_mut_ptr(),
                    );
                }
                sum
            }

            /// Maps a field element to the group.
            pub(in super::super) fn map(element: &$element) -> $point {
                let mut point = $point::default();
                // SAFETY: reads the element; a second one is optional, and null leaves it out.
                unsafe { blst::$map(&mut point, element, ptr::null()) };
                point
            }
        }
    };
}

group!(
    g1,
    G1,
    G1Affine,
    Fp,
    blst_p1_affine_on_curve,
    blst_p1_affine_in_g1,
    blst_p1_from_affine,
    blst_p1_to_affine,
    blst_p1_add_or_double,
    blst_p1_add_or_double_affine,
    blst_p1_mult,
    blst_map_to_g1,
    blst_p1s_mult_pippenger,
    blst_p1s_mult_pippenger_scratch_sizeof
);
group!(
    g2,
    G2,
    G2Affine,
    Fp2,
    blst_p2_affine_on_curve,
    blst_p2_affine_in_g2,
    blst_p2_from_affine,
    blst_p2_to_affine,
    blst_p2_add_or_double,
    blst_p2_add_or_double_affine,
    blst_p2_mult,
    blst_map_to_g2,
    blst_p2s_mult_pippenger,
    blst_p2s_mult_pippenger_scratch_sizeof
);

/// Why [`uncompress_g1`] found no point.
pub(super) enum Uncompressed {
    /// A point of the curve, perhaps not of the group.
    Point(G1Affine),
    NotOnCurve,
    BadEncoding,
}

pub(super) fn uncompress_g1(bytes: &[u8; 48]) -> Uncompressed {
    let mut point = G1Affine::default();
    // SAFETY: reads 48 bytes, which the array has.
    match unsafe { blst::blst_p1_uncompress(&mut point, bytes.as_ptr()) } {
        blst::BLST_ERROR::BLST_SUCCESS => Uncompressed::Point(point),
        blst::BLST_ERROR::BLST_POINT_NOT_ON_CURVE => Uncompressed::NotOnCurve,
        _ => Uncompressed::BadEncoding,
    }
}

/// A point of G2 from its compressed form, if that is one.
pub(super) fn uncompress_g2(bytes: &[u8; 96]) -> Option<G2Affine> {
    let mut point = G2Affine::default();
    // SAFETY: reads 96 bytes, which the array has.
    let error = unsafe { blst::blst_p2_uncompress(&mut point, bytes.as_ptr()) };
    (error == blst::BLST_ERROR::BLST_SUCCESS).then_some(point)
}

pub(super) fn negate_g1(point: &mut G1) {
    // SAFETY: reads and writes the point.
    unsafe { blst::blst_p1_cneg(point, true) };
}

pub(super) fn g1_generator() -> G1 {
    // SAFETY: gives the address of a constant.
    unsafe { *blst::blst_p1_generator() }
}

pub(super) fn g2_generator() -> G2Affine {
    // SAFETY: gives the address of a constant.
    unsafe { *blst::blst_p2_affine_generator() }
}

/// Whether the product of the pairings of `left[i]` with `right[i]`, none at infinity, is one.
///
/// # Panics
/// If the lists differ in length.
pub(super) fn product_is_one(left: &[G1Affine], right: &[G2Affine]) -> bool {
    assert_eq!(left.len(), right.len(), "pairs");
    if left.is_empty() {
        return true;
    }
    let mut product = blst::blst_fp12::default();
    // A null after the first address says that the others follow it.
    let left_list = [left.as_ptr(), ptr::null()];
    let right_list = [right.as_ptr(), ptr::null()];
    // SAFETY: each list leads to `left.len()` points.
    unsafe {
        blst::blst_miller_loop_n(&mut product, right_list.as_ptr(), left_list.as_ptr(), left.len());
    }
    is_one_after_final_exponentiation(&product)
}

fn is_one_after_final_exponentiation(product: &blst::blst_fp12) -> bool {
    let mut value = blst::blst_fp12::default();
    // SAFETY: reads one value, writes and then reads the other.
    unsafe {
        blst::blst_final_exp(&mut value, product);
        blst::blst_fp12_is_one(&value)
    }
}

/// A point of G2, not at infinity, prepared for many pairings.
pub(super) struct Prepared {
    lines: Box<[Fp6; LINES]>,
}

impl Prepared {
    pub(super) fn new(point: &G2Affine) -> Self {
        let mut lines = Box::new([Fp6::default(); LINES]);
        // SAFETY: writes as many lines as the array has.
        unsafe { blst::blst_precompute_lines(lines.as_mut_ptr(), point) };
        Self { lines }
    }

    fn miller_loop(&self, point: &G1Affine) -> blst::blst_fp12 {
        let mut value = blst::blst_fp12::default();
        // SAFETY: reads as many lines as the array has, and the point.
        unsafe { blst::blst_miller_loop_lines(&mut value, self.lines.as_ptr(), point) };
        value
    }
}

/// Whether `e(a, b) = e(c, d)`, where `a` and `c` are not at infinity.
pub(super) fn pairings_are_equal(a: &G1Affine, b: &Prepared, c: &G1Affine, d: &Prepared) -> bool {
    let (left, right) = (b.miller_loop(a), d.miller_loop(c));
    // SAFETY: reads both values.
    unsafe { blst::blst_fp12_finalverify(&left, &right) }
}
