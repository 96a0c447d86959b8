//! The providers agree, in results and in faults.

use alloy_primitives::{B256, U256};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::points;
use crate::{
    Hardfork,
    crypto::{Crypto, NativeCrypto, PortableCrypto},
    precompiles, run,
};

const PORTABLE: PortableCrypto = PortableCrypto::new();
const NATIVE: NativeCrypto = NativeCrypto::new();

/// Asserts that both providers give the same for the same call.
macro_rules! agree {
    ($method:ident($($argument:expr),*)) => {
        prop_assert_eq!(PORTABLE.$method($($argument),*), NATIVE.$method($($argument),*))
    };
}

/// Words at random, and those around zero and the orders and moduli of the secp curves.
fn word() -> impl Strategy<Value = B256> {
    let near = |hex: &'static str| {
        let center: U256 = hex.parse().unwrap();
        (0_u64..6).prop_map(move |i| {
            B256::from(center.wrapping_add(U256::from(i)).wrapping_sub(U256::from(3)))
        })
    };
    prop_oneof![
        4 => any::<[u8; 32]>().prop_map(B256::from),
        1 => near("0x0"),
        1 => near("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"),
        1 => near("0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"),
        1 => near("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
        1 => near("0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
    ]
}

/// Leaves bytes as they are, changes one, or replaces them by an all-ones or all-zeros pattern in one half.
fn damaged<const N: usize>(bytes: [u8; N]) -> impl Strategy<Value = [u8; N]> {
    let change = (any::<Index>(), 1_u8..).prop_map(move |(at, bits)| {
        let mut bytes = bytes;
        bytes[at.index(N)] ^= bits;
        bytes
    });
    let half = (any::<bool>(), prop_oneof![Just(0), Just(0xff)]).prop_map(move |(first, byte)| {
        let mut bytes = bytes;
        let range = if first { 0..N / 2 } else { N / 2..N };
        bytes[range].fill(byte);
        bytes
    });
    prop_oneof![4 => Just(bytes), 2 => change, 1 => half]
}

fn multiple() -> impl Strategy<Value = i64> {
    prop_oneof![3 => any::<i64>(), 1 => -3_i64..4]
}

fn bn254_g1() -> impl Strategy<Value = [u8; 64]> {
    multiple().prop_map(points::bn254_g1).prop_flat_map(damaged)
}

fn bn254_pair() -> impl Strategy<Value = [u8; 192]> {
    prop_oneof![
        4 => (multiple(), multiple()).prop_map(|(a, b)| points::bn254_pair(a, b)),
        1 => any::<u64>().prop_map(points::bn254_pair_outside_the_subgroup),
    ]
    .prop_flat_map(damaged)
}

fn bls_g1() -> impl Strategy<Value = [u8; 128]> {
    prop_oneof![
        4 => multiple().prop_map(points::bls_g1),
        1 => any::<u32>().prop_map(|x| points::bls_g1_outside_the_subgroup(x.into())),
    ]
    .prop_flat_map(damaged)
}

fn bls_g2() -> impl Strategy<Value = [u8; 256]> {
    prop_oneof![
        4 => multiple().prop_map(points::bls_g2),
        1 => any::<u32>().prop_map(|x| points::bls_g2_outside_the_subgroup(x.into())),
    ]
    .prop_flat_map(damaged)
}

fn join<const N: usize>(left: &[u8], right: &[u8]) -> [u8; N] {
    [left, right].concat().try_into().unwrap()
}

/// An odd number, an even one, a power of two, any number; with or without zeros before it.
fn modulus() -> impl Strategy<Value = Vec<u8>> {
    (vec(any::<u8>(), 0..150), 0_u8..6, any::<Index>(), 0_usize..3).prop_map(
        |(mut bytes, kind, at, zeros)| {
            let length = bytes.len();
            match (kind, bytes.last_mut()) {
                (_, None) => {}
                (0 | 1, Some(last)) => *last |= 1,
                (2, Some(last)) => *last &= 0xfe,
                (3, Some(_)) => bytes[at.index(length)..].fill(0),
                (4, Some(_)) => {
                    bytes.fill(0);
                    bytes[at.index(length)] = 1 << (length % 8);
                }
                _ => {}
            }
            [vec![0; zeros], bytes].concat()
        },
    )
}

fn modexp(crypto: &impl Crypto, base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let mut result = vec![0xee; modulus.len()];
    crypto.modexp(base, exponent, modulus, &mut result);
    result
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn hashes(data in vec(any::<u8>(), 0..700)) {
        agree!(keccak256(&data));
        agree!(keccak512(&data));
        agree!(sha256(&data));
        agree!(ripemd160(&data));
    }

    #[test]
    fn hashes_of_batches(messages in vec(vec(any::<u8>(), 0..300), 0..20)) {
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let mut hashes = [vec![B256::ZERO; messages.len()], vec![B256::ZERO; messages.len()]];
        PORTABLE.keccak256_batch(&messages, &mut hashes[0]);
        NATIVE.keccak256_batch(&messages, &mut hashes[1]);
        prop_assert_eq!(&hashes[0], &hashes[1]);
    }

    #[test]
    fn signers(hash in word(), odd: bool, r in word(), s in word()) {
        agree!(ecrecover(&hash, odd, &r, &s));
    }

    #[test]
    fn p256_at_random(hash in word(), r in word(), s in word(), x in word(), y in word()) {
        agree!(p256_verify(&hash.0, &join(&r.0, &s.0), &join(&x.0, &y.0)));
    }

    #[test]
    fn p256_signatures(
        (hash, signature, key) in (word(), 1_u64..).prop_flat_map(|(hash, secret)| {
            use p256::ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner};
            let key = SigningKey::from_slice(B256::from(U256::from(secret)).as_slice()).unwrap();
            let signature: Signature = key.sign_prehash(hash.as_slice()).unwrap();
            let public_key = key.verifying_key().to_sec1_point(false);
            let public_key: [u8; 64] = public_key.as_bytes()[1..].try_into().unwrap();
            let signature: [u8; 64] = signature.to_bytes().into();
            (Just(hash), damaged(signature), damaged(public_key))
        })
    ) {
        agree!(p256_verify(&hash.0, &signature, &key));
    }

    #[test]
    fn exponentiations(
        base in vec(any::<u8>(), 0..170),
        exponent in vec(any::<u8>(), 0..40),
        modulus in modulus(),
    ) {
        let native = modexp(&NATIVE, &base, &exponent, &modulus);
        prop_assert_eq!(modexp(&PORTABLE, &base, &exponent, &modulus), native);
    }

    #[test]
    fn exponentiations_of_even_bases_with_small_exponents(
        base in vec(any::<u8>(), 0..40),
        twos in 0_usize..40,
        exponent in 0_u16..600,
        modulus in modulus(),
    ) {
        let base = [base, vec![0; twos]].concat();
        let exponent = exponent.to_be_bytes();
        let native = modexp(&NATIVE, &base, &exponent, &modulus);
        prop_assert_eq!(modexp(&PORTABLE, &base, &exponent, &modulus), native);
    }

    #[test]
    fn short_exponentiations_against_plain_words(base: [u8; 32], exponent: [u8; 32], modulus in word()) {
        let [b, e, m] = [base, exponent, modulus.0].map(U256::from_be_bytes);
        let expected: B256 = b.pow_mod(e, m).into();
        prop_assert_eq!(modexp(&PORTABLE, &base, &exponent, &modulus.0), expected.as_slice());
        prop_assert_eq!(modexp(&NATIVE, &base, &exponent, &modulus.0), expected.as_slice());
    }

    #[test]
    fn bn254_points(a in bn254_g1(), b in bn254_g1(), scalar in word()) {
        agree!(bn254_add(&a, &b));
        agree!(bn254_add(&a, &a));
        agree!(bn254_mul(&a, &scalar.0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn bn254_pairings(mut pairs in vec(bn254_pair(), 0..4), opposite: bool) {
        // Half of the time the product is one, if the points are valid.
        if opposite {
            pairs = vec![points::bn254_pair(6, 35), points::bn254_pair(-14, 15)];
        }
        agree!(bn254_pairing_check(&pairs));
    }

    #[test]
    fn bls_additions(a in bls_g1(), b in bls_g1(), c in bls_g2(), d in bls_g2()) {
        agree!(bls_g1_add(&a, &b));
        agree!(bls_g1_add(&a, &a));
        agree!(bls_g2_add(&c, &d));
        agree!(bls_g2_add(&c, &c));
    }

    #[test]
    fn bls_g1_sums(items in vec((bls_g1(), word()), 1..6), repeat in 1_usize..9) {
        let items: Vec<_> = items.iter().map(|(point, scalar)| join(point, &scalar.0)).collect();
        agree!(bls_g1_msm(&items.repeat(repeat)));
    }

    #[test]
    fn bls_g2_sums(items in vec((bls_g2(), word()), 1..6), repeat in 1_usize..9) {
        let items: Vec<_> = items.iter().map(|(point, scalar)| join(point, &scalar.0)).collect();
        agree!(bls_g2_msm(&items.repeat(repeat)));
    }

    #[test]
    fn bls_pairings(pairs in vec((bls_g1(), bls_g2()), 0..4)) {
        let pairs: Vec<_> = pairs.iter().map(|(a, b)| join(a, b)).collect();
        agree!(bls_pairing_check(&pairs));
    }

    #[test]
    fn bls_maps(a: [u8; 48], b: [u8; 48], padding in prop_oneof![9 => Just(0_u8), 1 => Just(1)]) {
        // Most numbers of 48 bytes are not below the modulus; fewer bits make most of them so.
        let element = |bytes: [u8; 48]| {
            let mut element: [u8; 64] = join(&[0; 16], &bytes);
            element[0] = padding;
            element[16] &= 0x1f;
            element
        };
        agree!(bls_map_fp_to_g1(&element(a)));
        agree!(bls_map_fp2_to_g2(&join(&element(a), &element(b))));
    }

    #[test]
    fn every_precompile_on_noise(number in 0_usize..18, input in vec(any::<u8>(), 0..700)) {
        let fork = Hardfork::Osaka;
        let precompile = precompiles(fork).iter().nth(number).unwrap();
        let mut outputs = [Vec::new(), Vec::new()];
        let portable = run(precompile, &PORTABLE, fork, &input, 1_000_000, &mut outputs[0]);
        let native = run(precompile, &NATIVE, fork, &input, 1_000_000, &mut outputs[1]);
        prop_assert_eq!(portable, native);
        prop_assert_eq!(&outputs[0], &outputs[1]);
        prop_assert!(portable.is_ok() || outputs[0].is_empty());
    }
}

/// Commitments and proofs from another implementation, with the whole trusted setup.
#[test]
fn kzg_proofs_of_another_implementation() {
    let settings = c_kzg::ethereum_kzg_settings(0);
    let mut blob = Box::new([0; c_kzg::BYTES_PER_BLOB]);
    for (i, element) in blob.chunks_mut(32).enumerate() {
        let noise = PORTABLE.keccak256(&i.to_be_bytes());
        element[1..].copy_from_slice(&noise[1..]);
    }
    let blob = c_kzg::Blob::new(*blob);
    let commitment = settings.blob_to_kzg_commitment(&blob).unwrap().to_bytes().into_inner();
    let z = PORTABLE.sha256(b"z").0.map(|byte| byte & 0x3f);
    let (proof, y) = settings.compute_kzg_proof(&blob, &z.into()).unwrap();
    let (proof, y) = (proof.to_bytes().into_inner(), *y);

    let good = [&commitment[..], &z, &y, &proof].concat();
    let mut operands: Vec<Vec<u8>> = vec![good.clone()];
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 1 << (at % 8);
        operands.push(damaged);
    }
    for operands in operands {
        let [c, z, y, p] = [0..48, 48..80, 80..112, 112..160].map(|range| &operands[range]);
        let (c, z) = (<&[u8; 48]>::try_from(c).unwrap(), <&[u8; 32]>::try_from(z).unwrap());
        let (y, p) = (<&[u8; 32]>::try_from(y).unwrap(), <&[u8; 48]>::try_from(p).unwrap());
        let portable = PORTABLE.kzg_verify_proof(c, z, y, p);
        assert_eq!(portable, NATIVE.kzg_verify_proof(c, z, y, p));
        let other =
            settings.verify_kzg_proof(&(*c).into(), &(*z).into(), &(*y).into(), &(*p).into());
        assert_eq!(portable.ok(), other.ok());
        assert_eq!(portable == Ok(true), operands == good);
    }
}
