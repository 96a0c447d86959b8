//! The table of precompiles: one row for each.

use alloy_primitives::Address;
use braid_primitives::Hardfork;

use crate::{
    blake2f, bls12_381, bn254, crypto::Crypto, ecrecover, error::PrecompileError, gas::GasRule,
    hashes, modexp, p256verify, point_evaluation,
};

/// Defines the rows. A row reads: address, identifier, name, gas rule from each fork on, function.
/// The first fork with a gas rule is the first fork with the precompile.
macro_rules! precompile_table {
    ($($number:literal $id:ident $name:literal [$($fork:ident: $gas:expr),+] $function:path;)+) => {
        /// Names a row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum PrecompileId {
            $(#[doc = $name] $id = $number,)+
        }

        /// Every precompile, in order of address.
        pub static TABLE: [Precompile; PrecompileId::COUNT] = [
            $(Precompile {
                id: PrecompileId::$id,
                name: $name,
                gas: &[$((Hardfork::$fork, $gas)),+],
            },)+
        ];

        impl PrecompileId {
            /// Number of precompiles.
            pub const COUNT: usize = [$($number),+].len();
        }

        fn dispatch<C: Crypto>(
            id: PrecompileId,
            crypto: &C,
            input: &[u8],
            output: &mut Vec<u8>,
        ) -> Result<(), PrecompileError> {
            match id {
                $(PrecompileId::$id => $function(crypto, input, output),)+
            }
        }
    };
}

use GasRule::{Computed, Fixed, PerItem, PerWord};

precompile_table! {
    0x01 Ecrecover "ECRECOVER" [Frontier: Fixed(3_000)] ecrecover::ecrecover;
    0x02 Sha256 "SHA256" [Frontier: PerWord { base: 60, per_word: 12 }] hashes::sha256;
    0x03 Ripemd160 "RIPEMD160" [Frontier: PerWord { base: 600, per_word: 120 }] hashes::ripemd160;
    0x04 Identity "IDENTITY" [Frontier: PerWord { base: 15, per_word: 3 }] hashes::identity;
    0x05 Modexp "MODEXP" [
        Byzantium: Computed(modexp::gas_eip198),
        Berlin: Computed(modexp::gas_eip2565),
        Osaka: Computed(modexp::gas_eip7883)
    ] modexp::modexp;
    0x06 Bn254Add "BN254_ADD" [Byzantium: Fixed(500), Istanbul: Fixed(150)] bn254::add;
    0x07 Bn254Mul "BN254_MUL" [Byzantium: Fixed(40_000), Istanbul: Fixed(6_000)] bn254::mul;
    0x08 Bn254Pairing "BN254_PAIRING" [
        Byzantium: PerItem { base: 100_000, per_item: 80_000, item_bytes: bn254::PAIR_BYTES },
        Istanbul: PerItem { base: 45_000, per_item: 34_000, item_bytes: bn254::PAIR_BYTES }
    ] bn254::pairing;
    0x09 Blake2f "BLAKE2F" [Istanbul: Computed(blake2f::gas)] blake2f::blake2f;
    0x0a PointEvaluation "KZG_POINT_EVALUATION" [Cancun: Fixed(50_000)] point_evaluation::point_evaluation;
    0x0b BlsG1Add "BLS12_G1ADD" [Prague: Fixed(375)] bls12_381::g1_add;
    0x0c BlsG1Msm "BLS12_G1MSM" [Prague: Computed(bls12_381::g1_msm_gas)] bls12_381::g1_msm;
    0x0d BlsG2Add "BLS12_G2ADD" [Prague: Fixed(600)] bls12_381::g2_add;
    0x0e BlsG2Msm "BLS12_G2MSM" [Prague: Computed(bls12_381::g2_msm_gas)] bls12_381::g2_msm;
    0x0f BlsPairing "BLS12_PAIRING_CHECK" [
        Prague: PerItem { base: 37_700, per_item: 32_600, item_bytes: bls12_381::PAIR_BYTES }
    ] bls12_381::pairing;
    0x10 BlsMapFpToG1 "BLS12_MAP_FP_TO_G1" [Prague: Fixed(5_500)] bls12_381::map_fp_to_g1;
    0x11 BlsMapFp2ToG2 "BLS12_MAP_FP2_TO_G2" [Prague: Fixed(23_800)] bls12_381::map_fp2_to_g2;
    0x100 P256Verify "P256VERIFY" [Osaka: Fixed(6_900)] p256verify::p256verify;
}

/// One precompile: a row of the table.
#[derive(Debug)]
pub struct Precompile {
    id: PrecompileId,
    name: &'static str,
    gas: &'static [(Hardfork, GasRule)],
}

impl Precompile {
    /// Names the row.
    pub const fn id(&self) -> PrecompileId {
        self.id
    }

    /// The name the EIP gives it, in capitals.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The address at which it is called.
    pub const fn address(&self) -> Address {
        let mut bytes = [0; 20];
        [bytes[18], bytes[19]] = (self.id as u16).to_be_bytes();
        Address::new(bytes)
    }

    /// The fork that brought it.
    pub const fn first_fork(&self) -> Hardfork {
        self.gas[0].0
    }

    /// The gas rule that holds at `fork`; before [`Self::first_fork`] there is none.
    pub fn gas_rule(&self, fork: Hardfork) -> Option<&'static GasRule> {
        self.gas.iter().rev().find(|(since, _)| *since <= fork).map(|(_, rule)| rule)
    }
}

/// The precompiles that exist at one fork.
#[derive(Debug)]
pub struct PrecompileSet {
    fork: Hardfork,
}

static SETS: [PrecompileSet; Hardfork::COUNT] = {
    let mut sets = [const { PrecompileSet { fork: Hardfork::Frontier } }; Hardfork::COUNT];
    let mut i = 0;
    while i < Hardfork::COUNT {
        sets[i].fork = Hardfork::ALL[i];
        i += 1;
    }
    sets
};

/// One more than the greatest precompile number.
const NUMBERS: usize = TABLE_NUMBERS[PrecompileId::COUNT - 1] as usize + 1;

/// The number (the address as an integer) of every row.
const TABLE_NUMBERS: [u16; PrecompileId::COUNT] = {
    let mut numbers = [0; PrecompileId::COUNT];
    let mut i = 0;
    while i < PrecompileId::COUNT {
        numbers[i] = TABLE[i].id as u16;
        assert!(i == 0 || numbers[i - 1] < numbers[i], "rows are in order of address");
        i += 1;
    }
    numbers
};

/// Number to row; a number without a precompile has `NO_ROW`.
static ROW_OF_NUMBER: [u8; NUMBERS] = {
    let mut rows = [NO_ROW; NUMBERS];
    let mut i = 0;
    while i < PrecompileId::COUNT {
        rows[TABLE_NUMBERS[i] as usize] = i as u8;
        i += 1;
    }
    rows
};

const NO_ROW: u8 = u8::MAX;

/// The precompiles that exist at `fork`.
pub fn precompiles(fork: Hardfork) -> &'static PrecompileSet {
    &SETS[fork as usize]
}

impl PrecompileSet {
    /// The precompile at `address`, if there is one. Nearly always there is none, and the first comparison says so.
    #[inline]
    pub fn get(&self, address: &Address) -> Option<&'static Precompile> {
        let [head @ .., high, low] = &address.0.0;
        if *head != [0; 18] {
            return None;
        }
        self.get_by_number(u16::from_be_bytes([*high, *low]))
    }

    /// Whether there is a precompile at `address`.
    #[inline]
    pub fn contains(&self, address: &Address) -> bool {
        self.get(address).is_some()
    }

    fn get_by_number(&self, number: u16) -> Option<&'static Precompile> {
        let row = *ROW_OF_NUMBER.get(usize::from(number))?;
        TABLE.get(usize::from(row)).filter(|precompile| precompile.first_fork() <= self.fork)
    }

    /// Every precompile of the fork, in order of address.
    pub fn iter(&self) -> impl Iterator<Item = &'static Precompile> + use<> {
        let fork = self.fork;
        TABLE.iter().filter(move |precompile| precompile.first_fork() <= fork)
    }

    /// The address of every precompile of the fork, in ascending order. EIP-2929 has them warm from the start.
    pub fn addresses(&self) -> impl Iterator<Item = Address> + use<> {
        self.iter().map(Precompile::address)
    }
}

/// Runs `precompile` by the rules of `fork`, and returns the gas used. What `output` held before is replaced by the
/// output; its allocation is kept, so that one buffer can serve all calls. After an error `output` is empty.
///
/// # Errors
/// Any [`PrecompileError`]: for the EVM they are all the same, the call fails and its gas is gone.
///
/// # Panics
/// If `precompile` does not exist at `fork`.
pub fn run<C: Crypto>(
    precompile: &Precompile,
    crypto: &C,
    fork: Hardfork,
    input: &[u8],
    gas_limit: u64,
    output: &mut Vec<u8>,
) -> Result<u64, PrecompileError> {
    output.clear();
    let Some(rule) = precompile.gas_rule(fork) else {
        panic!("{} does not exist at {fork}", precompile.name)
    };
    let required = rule.gas(input)?;
    // A price that does not fit is written as the greatest number, which nobody can pay.
    if required > gas_limit || required == u64::MAX {
        return Err(PrecompileError::OutOfGas { required, limit: gas_limit });
    }
    dispatch(precompile.id, crypto, input, output).inspect_err(|_| output.clear())?;
    Ok(required)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;

    use super::*;
    use crate::PortableCrypto;

    fn call(
        id: PrecompileId,
        fork: Hardfork,
        input: &[u8],
        gas: u64,
    ) -> Result<(u64, Vec<u8>), PrecompileError> {
        let precompile = precompiles(fork).iter().find(|row| row.id() == id).unwrap();
        let mut output = vec![0xee];
        let gas_used = run(precompile, &PortableCrypto::new(), fork, input, gas, &mut output)?;
        Ok((gas_used, output))
    }

    #[test]
    fn each_fork_has_the_precompiles_of_its_eips() {
        let count = |fork| precompiles(fork).iter().count();
        let counts = Hardfork::ALL.map(count);
        assert_eq!(counts, [4, 4, 4, 4, 8, 8, 8, 9, 9, 9, 9, 9, 10, 17, 18, 18, 18, 18, 18]);
        let names: Vec<_> = precompiles(Hardfork::Osaka).iter().map(Precompile::name).collect();
        assert_eq!(names.len(), 18);
        assert!(names.iter().enumerate().all(|(i, name)| !names[..i].contains(name)));
    }

    #[test]
    fn every_row_is_found_at_its_address_from_its_first_fork_on() {
        for row in &TABLE {
            for fork in Hardfork::ALL {
                let found = precompiles(fork).get(&row.address()).map(Precompile::id);
                assert_eq!(
                    found,
                    (fork >= row.first_fork()).then_some(row.id()),
                    "{} {fork}",
                    row.name()
                );
                assert_eq!(row.gas_rule(fork).is_some(), found.is_some());
            }
            assert!(row.gas.windows(2).all(|pair| pair[0].0 < pair[1].0), "{}", row.name());
        }
    }

    #[test]
    fn other_addresses_have_none() {
        let set = precompiles(Hardfork::Osaka);
        for other in [
            Address::ZERO,
            address!("0000000000000000000000000000000000000012"),
            address!("00000000000000000000000000000000000000ff"),
            address!("0000000000000000000000000000000000000101"),
            address!("000000000000000000000000000000000000ffff"),
            address!("0000000000000000000000000000000000010001"),
            address!("0100000000000000000000000000000000000001"),
            address!("0000000000000000000000000000000100000001"),
        ] {
            assert!(!set.contains(&other), "{other}");
        }
        assert_eq!(
            set.addresses().last(),
            Some(address!("0000000000000000000000000000000000000100"))
        );
    }

    #[test]
    fn gas_is_asked_for_before_anything_else() {
        let result = call(PrecompileId::Identity, Hardfork::Frontier, &[7; 33], 20);
        assert_eq!(result, Err(PrecompileError::OutOfGas { required: 21, limit: 20 }));
        let result = call(PrecompileId::Identity, Hardfork::Frontier, &[7; 33], 21);
        assert_eq!(result, Ok((21, vec![7; 33])));
    }

    #[test]
    fn repricings_hold_from_their_fork_on() {
        let gas = |id: PrecompileId, fork, input: &[u8]| {
            TABLE.iter().find(|row| row.id() == id).unwrap().gas_rule(fork).unwrap().gas(input)
        };
        let pair = [0; 192];
        assert_eq!(gas(PrecompileId::Bn254Add, Hardfork::Petersburg, &[]), Ok(500));
        assert_eq!(gas(PrecompileId::Bn254Add, Hardfork::Istanbul, &[]), Ok(150));
        assert_eq!(gas(PrecompileId::Bn254Mul, Hardfork::Byzantium, &[]), Ok(40_000));
        assert_eq!(gas(PrecompileId::Bn254Mul, Hardfork::Bpo4, &[]), Ok(6_000));
        assert_eq!(gas(PrecompileId::Bn254Pairing, Hardfork::Byzantium, &pair), Ok(180_000));
        assert_eq!(gas(PrecompileId::Bn254Pairing, Hardfork::Istanbul, &pair), Ok(79_000));
        assert_eq!(gas(PrecompileId::BlsPairing, Hardfork::Prague, &[0; 768]), Ok(102_900));
        assert_eq!(gas(PrecompileId::Modexp, Hardfork::Byzantium, &[]), Ok(0));
        assert_eq!(gas(PrecompileId::Modexp, Hardfork::Berlin, &[]), Ok(200));
        assert_eq!(gas(PrecompileId::Modexp, Hardfork::Osaka, &[]), Ok(500));
    }

    #[test]
    #[should_panic(expected = "BLAKE2F does not exist at Byzantium")]
    fn running_a_precompile_before_its_fork_is_a_bug_of_the_caller() {
        let blake2f = precompiles(Hardfork::Istanbul)
            .get(&address!("0000000000000000000000000000000000000009"))
            .unwrap();
        run(blake2f, &PortableCrypto::new(), Hardfork::Byzantium, &[], 0, &mut Vec::new()).ok();
    }
}
