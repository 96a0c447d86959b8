//! Input for precompiles: valid enough to get past the first check most of the time.

use alloy_primitives::{U256, hex};
use braid_primitives::Hardfork;

use crate::random::Random;

/// Addresses of precompiles, and of one that there is not.
const PRECOMPILES: &[(u64, u16, Hardfork)] = {
    use Hardfork::{Byzantium, Cancun, Frontier, Istanbul, Osaka, Prague};
    &[
        (3, 1, Frontier),
        (2, 2, Frontier),
        (2, 3, Frontier),
        (4, 4, Frontier),
        (4, 5, Byzantium),
        (3, 6, Byzantium),
        (2, 7, Byzantium),
        (1, 8, Byzantium),
        (3, 9, Istanbul),
        (1, 10, Cancun),
        (2, 11, Prague),
        (1, 12, Prague),
        (2, 13, Prague),
        (1, 14, Prague),
        (1, 15, Prague),
        (1, 16, Prague),
        (1, 17, Prague),
        (1, 18, Frontier),
        (2, 0x100, Osaka),
    ]
};

/// A message hash and its signature by a known key, in the form that ECRECOVER takes.
const SIGNATURE: [u8; 128] = hex!(
    "456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3"
    "000000000000000000000000000000000000000000000000000000000000001c"
    "9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608"
    "4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada"
);

/// The generator of the curve BN254, and its double.
const BN254_POINTS: [[u8; 64]; 2] = [
    hex!(
        "0000000000000000000000000000000000000000000000000000000000000001"
        "0000000000000000000000000000000000000000000000000000000000000002"
    ),
    hex!(
        "030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3"
        "15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4"
    ),
];

/// The generator of the first group of BLS12-381, padded as EIP-2537 asks.
const BLS_G1: [u8; 128] = hex!(
    "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58"
    "6c55e83ff97a1aeffb3af00adb22c6bb0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4"
    "fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1"
);

/// A precompile's number and an input for it.
pub fn precompile_call(random: &mut Random, fork: Hardfork) -> (u16, Vec<u8>) {
    let known: Vec<_> = PRECOMPILES
        .iter()
        .filter(|(_, _, since)| *since <= fork)
        .map(|(weight, number, _)| (*weight, *number))
        .collect();
    let number =
        if random.one_in(30) { random.pick(PRECOMPILES).1 } else { random.pick_weighted(&known) };
    let mut input = input(random, number);
    match random.below(12) {
        0 if !input.is_empty() => {
            let at = random.index(input.len());
            input[at] ^= 1 << random.below(8);
        }
        1 => {
            let length = random.index(input.len() + 3);
            input.resize(length, 0);
        }
        _ => {}
    }
    (number, input)
}

fn input(random: &mut Random, number: u16) -> Vec<u8> {
    match number {
        1 => SIGNATURE.to_vec(),
        5 => modexp(random),
        6 => [bn254_point(random), bn254_point(random)].concat(),
        7 => [bn254_point(random).to_vec(), random.word().to_be_bytes_vec()].concat(),
        8 => vec![0; 192 * random.index(3)],
        9 => {
            let mut input = random.bytes(213);
            input[..4].copy_from_slice(&(random.below(100) as u32).to_be_bytes());
            input[212] &= 1;
            input
        }
        11 => [bls_g1(random), bls_g1(random)].concat(),
        12 => [bls_g1(random), random.word().to_be_bytes_vec()].concat(),
        13 => vec![0; 512],
        14 => vec![0; 288],
        15 => [bls_g1(random), vec![0; 256]].concat(),
        16 => field_element(random),
        17 => [field_element(random), field_element(random)].concat(),
        10 => random.bytes(192),
        0x100 => random.bytes(160),
        _ => {
            let length = random.index(140);
            random.bytes(length)
        }
    }
}

fn bn254_point(random: &mut Random) -> [u8; 64] {
    match random.below(5) {
        0 => [0; 64],
        1 => BN254_POINTS[1],
        _ => BN254_POINTS[0],
    }
}

fn bls_g1(random: &mut Random) -> Vec<u8> {
    if random.one_in(4) { vec![0; 128] } else { BLS_G1.to_vec() }
}

/// A field element of BLS12-381, well below the modulus.
fn field_element(random: &mut Random) -> Vec<u8> {
    let mut element = vec![0; 32];
    element.extend(random.bytes(32));
    element
}

fn modexp(random: &mut Random) -> Vec<u8> {
    let lengths: [u64; 3] = std::array::from_fn(|_| match random.below(8) {
        0 => 0,
        1 => random.below(100),
        _ => 1 + random.below(33),
    });
    let mut input = Vec::new();
    for length in lengths {
        let claimed = if random.one_in(40) { random.word() } else { U256::from(length) };
        input.extend(claimed.to_be_bytes_vec());
    }
    for length in lengths {
        input.extend(random.bytes(length as usize));
    }
    input
}
