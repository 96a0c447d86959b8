//! The curve BLS12-381, addresses 0x0b to 0x11 (EIP-2537): additions, multi-scalar multiplications, pairing check, and
//! the maps from field to curve.
//!
//! Additions accept every point of the curve; the other operations on points ask for the subgroup.

use crate::{
    crypto::Crypto,
    error::PrecompileError,
    input::{exact, items, split},
};

/// A point of G1 and a point of G2.
pub(crate) const PAIR_BYTES: usize = 384;
const G1_ADD_BYTES: usize = 256;
const G2_ADD_BYTES: usize = 512;
/// A point and a scalar.
const G1_MSM_ITEM_BYTES: usize = 160;
const G2_MSM_ITEM_BYTES: usize = 288;

const G1_MUL_GAS: u64 = 12_000;
const G2_MUL_GAS: u64 = 22_500;

/// Price of one point among `k`, in thousandths of the price of a point alone; the last holds for all greater `k`.
#[rustfmt::skip]
const G1_DISCOUNT: [u64; 128] = [
    1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677,
    673, 669, 665, 661, 658, 654, 651, 648, 645, 642, 640, 637, 635, 632, 630, 627,
    625, 623, 621, 619, 617, 615, 613, 611, 609, 608, 606, 604, 603, 601, 599, 598,
    596, 595, 593, 592, 591, 589, 588, 586, 585, 584, 582, 581, 580, 579, 577, 576,
    575, 574, 573, 572, 570, 569, 568, 567, 566, 565, 564, 563, 562, 561, 560, 559,
    558, 557, 556, 555, 554, 553, 552, 551, 550, 549, 548, 547, 547, 546, 545, 544,
    543, 542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532, 532, 531,
    530, 529, 528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519,
];

#[rustfmt::skip]
const G2_DISCOUNT: [u64; 128] = [
    1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717,
    711, 704, 699, 693, 688, 683, 679, 674, 670, 666, 663, 659, 655, 652, 649, 646,
    643, 640, 637, 634, 632, 629, 627, 624, 622, 620, 618, 615, 613, 611, 609, 607,
    606, 604, 602, 600, 598, 597, 595, 593, 592, 590, 589, 587, 586, 584, 583, 582,
    580, 579, 578, 576, 575, 574, 573, 571, 570, 569, 568, 567, 566, 565, 563, 562,
    561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 552, 551, 550, 549, 548, 547,
    546, 545, 545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536, 535, 535,
    534, 533, 532, 532, 531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524,
];

pub(crate) fn g1_msm_gas(input: &[u8]) -> Result<u64, PrecompileError> {
    msm_gas(input.len(), G1_MSM_ITEM_BYTES, G1_MUL_GAS, &G1_DISCOUNT)
}

pub(crate) fn g2_msm_gas(input: &[u8]) -> Result<u64, PrecompileError> {
    msm_gas(input.len(), G2_MSM_ITEM_BYTES, G2_MUL_GAS, &G2_DISCOUNT)
}

fn msm_gas(
    length: usize,
    item_bytes: usize,
    mul_gas: u64,
    discount: &[u64; 128],
) -> Result<u64, PrecompileError> {
    let k = length / item_bytes;
    if k == 0 {
        return Err(PrecompileError::ItemLength { length, item_bytes });
    }
    let per_mille = discount[k.min(discount.len()) - 1];
    let k = u64::try_from(k).unwrap_or(u64::MAX);
    Ok(k.saturating_mul(mul_gas * per_mille) / 1_000)
}

/// Items of `N` bytes, at least one.
fn some_items<const N: usize>(input: &[u8]) -> Result<&[[u8; N]], PrecompileError> {
    match items(input)? {
        [] => Err(PrecompileError::ItemLength { length: 0, item_bytes: N }),
        items => Ok(items),
    }
}

/// Input: two points of G1. Output: their sum.
pub(crate) fn g1_add<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    let (a, b) = split::<G1_ADD_BYTES, 128, 128>(exact(input)?);
    output.extend_from_slice(&crypto.bls_g1_add(a, b)?);
    Ok(())
}

/// Input: points of G1, each followed by its scalar. Output: the sum of the products.
pub(crate) fn g1_msm<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    output.extend_from_slice(&crypto.bls_g1_msm(some_items::<G1_MSM_ITEM_BYTES>(input)?)?);
    Ok(())
}

/// Input: two points of G2. Output: their sum.
pub(crate) fn g2_add<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    let (a, b) = split::<G2_ADD_BYTES, 256, 256>(exact(input)?);
    output.extend_from_slice(&crypto.bls_g2_add(a, b)?);
    Ok(())
}

/// Input: points of G2, each followed by its scalar. Output: the sum of the products.
pub(crate) fn g2_msm<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    output.extend_from_slice(&crypto.bls_g2_msm(some_items::<G2_MSM_ITEM_BYTES>(input)?)?);
    Ok(())
}

/// Input: one or more pairs. Output: 1 if the product of their pairings is one, else 0.
pub(crate) fn pairing<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    let is_one = crypto.bls_pairing_check(some_items::<PAIR_BYTES>(input)?)?;
    output.extend_from_slice(&[0; 31]);
    output.push(u8::from(is_one));
    Ok(())
}

/// Input: an element of the base field. Output: a point of G1.
pub(crate) fn map_fp_to_g1<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    output.extend_from_slice(&crypto.bls_map_fp_to_g1(exact(input)?)?);
    Ok(())
}

/// Input: an element of the quadratic extension field. Output: a point of G2.
pub(crate) fn map_fp2_to_g2<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    output.extend_from_slice(&crypto.bls_map_fp2_to_g2(exact(input)?)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn msm_gas_has_a_discount_that_ends_at_128_points() {
        let g1 = |k: usize| g1_msm_gas(&vec![0; k * G1_MSM_ITEM_BYTES]).unwrap();
        let g2 = |k: usize| g2_msm_gas(&vec![0; k * G2_MSM_ITEM_BYTES]).unwrap();
        assert_eq!([g1(1), g1(2), g1(128), g1(129)], [12_000, 22_776, 797_184, 803_412]);
        assert_eq!([g2(1), g2(2), g2(128), g2(129)], [22_500, 45_000, 1_509_120, 1_520_910]);
        assert_eq!(g1_msm_gas(&[0; 319]), Ok(12_000));
        let error = PrecompileError::ItemLength { length: 159, item_bytes: 160 };
        assert_eq!(g1_msm_gas(&[0; 159]), Err(error));
    }

    #[test]
    fn discounts_never_rise() {
        for table in [G1_DISCOUNT, G2_DISCOUNT] {
            assert!(table.is_sorted_by(|a, b| a >= b));
        }
    }
}
