//! Both providers against known answers, and against each other on inputs at random, valid and invalid.

use alloy_primitives::{Address, B256, U256, address, b256, b512, hex};

use super::{Crypto, CurveFault, PortableCrypto};

#[cfg(feature = "native")]
mod agreement;
mod points;

/// Runs a check with every provider of the build.
macro_rules! with_each_provider {
    ($check:path) => {
        $check(PortableCrypto::new());
        #[cfg(feature = "native")]
        $check(super::NativeCrypto::new());
    };
}

#[test]
fn hashes_of_known_messages() {
    fn check(crypto: impl Crypto) {
        assert_eq!(crypto.keccak256(b""), alloy_primitives::KECCAK256_EMPTY);
        let empty = b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(crypto.sha256(b""), empty);
        assert_eq!(crypto.ripemd160(b""), hex!("9c1185a5c5e9fc54612808977ee8f548b2258d31"));
        assert_eq!(crypto.ripemd160(b"abc"), hex!("8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"));
        let data: Vec<u8> = (0..=u8::MAX).cycle().take(420).collect();
        for length in 0..data.len() {
            let expected = alloy_primitives::keccak256(&data[..length]);
            assert_eq!(crypto.keccak256(&data[..length]), expected, "{length} bytes");
        }
        let empty = b512!(
            "0eab42de4c3ceb9235fc91acffe746b29c29a8c366b7c60e4e67c466f36a4304"
            "c00fa9caf9d87976ba469bcbe06713b435f091ef2769fb160cdab33d3670680e"
        );
        assert_eq!(crypto.keccak512(b""), empty);
    }
    with_each_provider!(check);
}

/// A signature of `hash` with the private key 1: (parity, r, s).
fn sign_with_key_one(hash: &B256) -> (bool, B256, B256) {
    let key = k256::ecdsa::SigningKey::from_slice(B256::with_last_byte(1).as_slice()).unwrap();
    let (signature, id) = key.sign_prehash_recoverable(hash.as_slice());
    let (r, s) = signature.split_bytes();
    (id.is_y_odd(), B256::from_slice(&r), B256::from_slice(&s))
}

const SECP256K1_ORDER: B256 =
    b256!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");

#[test]
fn the_signer_is_recovered_with_low_and_with_high_s() {
    fn check(crypto: impl Crypto) {
        // The address of the private key 1.
        let signer = address!("7e5f4552091a69125d5dfcb7b8c2659029395bdf");
        for byte in 0..8 {
            let hash = crypto.keccak256(&[byte]);
            let (odd, r, s) = sign_with_key_one(&hash);
            assert_eq!(crypto.ecrecover(&hash, odd, &r, &s), Some(signer));
            assert_ne!(crypto.ecrecover(&hash, !odd, &r, &s), Some(signer));
            let high: U256 = U256::from_be_bytes(SECP256K1_ORDER.0) - U256::from_be_bytes(s.0);
            assert_eq!(crypto.ecrecover(&hash, !odd, &r, &high.into()), Some(signer));
        }
    }
    with_each_provider!(check);
}

#[test]
fn signatures_out_of_range_have_no_signer() {
    fn check(crypto: impl Crypto) {
        let hash = crypto.keccak256(b"range");
        let (odd, r, s) = sign_with_key_one(&hash);
        for wrong in [B256::ZERO, SECP256K1_ORDER, B256::repeat_byte(0xff)] {
            assert_eq!(crypto.ecrecover(&hash, odd, &wrong, &s), None);
            assert_eq!(crypto.ecrecover(&hash, odd, &r, &wrong), None);
        }
        // No point of the curve has the coordinate 5.
        assert_eq!(crypto.ecrecover(&hash, odd, &B256::with_last_byte(5), &s), None);
    }
    with_each_provider!(check);
}

#[test]
fn a_recovered_point_at_infinity_is_no_signer() {
    fn check(crypto: impl Crypto) {
        // With R = G and s = hash, the key s R - hash G is the point at infinity.
        let generator_x = b256!("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
        let hash = B256::with_last_byte(9);
        assert_eq!(crypto.ecrecover(&hash, false, &generator_x, &hash), None::<Address>);
        assert!(crypto.ecrecover(&hash, true, &generator_x, &hash).is_some());
    }
    with_each_provider!(check);
}

#[test]
fn exponentiation_at_the_edges() {
    fn check(crypto: impl Crypto) {
        let power = |base: &[u8], exponent: &[u8], modulus: &[u8]| {
            let mut result = vec![0xee; modulus.len()];
            crypto.modexp(base, exponent, modulus, &mut result);
            result
        };
        assert_eq!(power(&[], &[], &[7]), [1]);
        assert_eq!(power(&[0], &[0, 0], &[0, 7]), [0, 1]);
        assert_eq!(power(&[], &[1], &[7]), [0]);
        assert_eq!(power(&[9], &[], &[1]), [0]);
        assert_eq!(power(&[9], &[9], &[0, 0]), [0, 0]);
        assert!(power(&[9], &[9], &[]).is_empty());
        assert_eq!(power(&[0, 3], &[0, 5], &[0, 0, 100]), [0, 0, 43]);
        let long_two = [&[2_u8][..], &[0; 40]].concat();
        assert_eq!(power(&[3], &[2], &long_two), [&[0; 40][..], &[9]].concat());
    }
    with_each_provider!(check);
}

#[test]
fn bn254_known_answers() {
    fn check(crypto: impl Crypto) {
        let generator = points::bn254_g1_generator();
        let double = hex!(
            "030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3"
            "15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4"
        );
        assert_eq!(crypto.bn254_add(&generator, &generator), Ok(double));
        assert_eq!(crypto.bn254_mul(&generator, &B256::with_last_byte(2).0), Ok(double));
        assert_eq!(crypto.bn254_add(&[0; 64], &[0; 64]), Ok([0; 64]));
        assert_eq!(crypto.bn254_add(&generator, &[0; 64]), Ok(generator));
        assert_eq!(crypto.bn254_mul(&[0; 64], &[0xff; 32]), Ok([0; 64]));
        assert_eq!(crypto.bn254_mul(&generator, &points::BN254_ORDER), Ok([0; 64]));
        assert_eq!(crypto.bn254_pairing_check(&[]), Ok(true));
        let pair = points::bn254_pair(1, 1);
        assert_eq!(crypto.bn254_pairing_check(&[pair]), Ok(false));
        assert_eq!(crypto.bn254_pairing_check(&[pair, points::bn254_pair(-1, 1)]), Ok(true));
        assert_eq!(crypto.bn254_pairing_check(&[[0; 192]]), Ok(true));
    }
    with_each_provider!(check);
}

#[test]
fn bn254_faults_are_told_apart() {
    fn check(crypto: impl Crypto) {
        let generator = points::bn254_g1_generator();
        let mut off_curve = generator;
        off_curve[63] = 3;
        let fault = CurveFault::NotOnCurve;
        assert_eq!(crypto.bn254_add(&generator, &off_curve), Err(fault.of(1)));
        assert_eq!(crypto.bn254_mul(&off_curve, &[0; 32]), Err(fault.of(0)));
        let fault = CurveFault::FieldElement;
        let mut modulus = [0; 64];
        modulus[..32].copy_from_slice(&points::BN254_FIELD_MODULUS);
        assert_eq!(crypto.bn254_add(&modulus, &off_curve), Err(fault.of(0)));
        let good = points::bn254_pair(5, 7);
        let stray = points::bn254_pair_outside_the_subgroup(3);
        let fault = CurveFault::NotInSubgroup;
        assert_eq!(crypto.bn254_pairing_check(&[good, stray]), Err(fault.of(1)));
    }
    with_each_provider!(check);
}

#[test]
fn bls_additions_accept_points_outside_the_subgroup_and_products_do_not() {
    fn check(crypto: impl Crypto) {
        let stray = points::bls_g1_outside_the_subgroup(4);
        assert_eq!(crypto.bls_g1_add(&stray, &[0; 128]), Ok(stray));
        let mut item = [0; 160];
        item[..128].copy_from_slice(&stray);
        let fault = CurveFault::NotInSubgroup;
        assert_eq!(crypto.bls_g1_msm(&[[0; 160], item]), Err(fault.of(1)));

        let stray = points::bls_g2_outside_the_subgroup(2);
        assert_eq!(crypto.bls_g2_add(&[0; 256], &stray), Ok(stray));
        let mut item = [0; 288];
        item[..256].copy_from_slice(&stray);
        assert_eq!(crypto.bls_g2_msm(&[item]), Err(fault.of(0)));
    }
    with_each_provider!(check);
}

#[test]
fn bls_pairings_are_bilinear() {
    fn check(crypto: impl Crypto) {
        assert_eq!(crypto.bls_pairing_check(&[]), Ok(true));
        let [a, b] = [points::bls_pair(6, 35), points::bls_pair(-14, 15)];
        assert_eq!(crypto.bls_pairing_check(&[a, b]), Ok(true));
        assert_eq!(crypto.bls_pairing_check(&[a, a]), Ok(false));
        assert_eq!(crypto.bls_pairing_check(&[[0; 384], a, b]), Ok(true));
        let mut padded = a;
        padded[128] = 1;
        assert_eq!(crypto.bls_pairing_check(&[a, padded]), Err(CurveFault::Padding.of(1)));
    }
    with_each_provider!(check);
}

#[test]
fn a_constant_polynomial_has_its_value_everywhere() {
    fn check(crypto: impl Crypto) {
        // The commitment to the constant 1 is the generator; the proof is the point at infinity.
        let commitment = hex!(
            "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58"
            "6c55e83ff97a1aeffb3af00adb22c6bb"
        );
        let mut proof = [0; 48];
        proof[0] = 0xc0;
        let [one, two] = [1, 2].map(|value| B256::with_last_byte(value).0);
        let verify = |z, y| crypto.kzg_verify_proof(&commitment, z, y, &proof);
        assert_eq!(verify(&[0x55; 32], &one), Ok(true));
        assert_eq!(verify(&[0x55; 32], &two), Ok(false));
        assert_eq!(verify(&[0xff; 32], &one), Err(CurveFault::Scalar.of(1)));
        assert_eq!(verify(&one, &[0xff; 32]), Err(CurveFault::Scalar.of(2)));
        proof[0] = 0x40;
        let result = crypto.kzg_verify_proof(&commitment, &one, &one, &proof);
        assert_eq!(result, Err(CurveFault::Compression.of(3)));
    }
    with_each_provider!(check);
}
