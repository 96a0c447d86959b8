//! Block and ommer rewards, before proof of stake.

use braid_primitives::{Address, Hardfork, Ommer, U256};

/// Wei in an ether.
const ETHER_WEI: u128 = 1_000_000_000_000_000_000;

/// Ages that an ommer may have, in blocks (yellow paper, section 11.1: a child of an ancestor, at most six up).
const MIN_OMMER_AGE: u64 = 1;
const MAX_OMMER_AGE: u64 = 6;

/// An ommer too young or too old to be in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "ommer {index} has height {ommer_number}, a block of height {block_number} takes those of age 1 to 6"
)]
pub struct InvalidOmmerAge {
    /// Position in the list of ommers.
    pub index: usize,
    /// Height of the ommer.
    pub ommer_number: u64,
    /// Height of the block.
    pub block_number: u64,
}

/// Reward in wei for a block under the rules of `fork`, without what its ommers add: 5 ether, 3 from Byzantium (EIP-649), 2
/// from Constantinople (EIP-1234), none from Paris (EIP-3675).
pub fn block_reward_wei(fork: Hardfork) -> u128 {
    match fork {
        fork if fork >= Hardfork::Paris => 0,
        fork if fork >= Hardfork::Constantinople => 2 * ETHER_WEI,
        fork if fork >= Hardfork::Byzantium => 3 * ETHER_WEI,
        _ => 5 * ETHER_WEI,
    }
}

/// What is credited at the end of a block, in wei: first to the beneficiary, then to that of each ommer (yellow paper,
/// section 11.3). Empty from Paris on. An account may occur more than once.
///
/// The beneficiary gets a 32nd of the reward more for each ommer; an ommer gets the reward less an 8th for each block that
/// it is old.
///
/// # Errors
/// [`InvalidOmmerAge`] for an ommer that no valid block can have.
pub fn block_rewards(
    fork: Hardfork,
    block_number: u64,
    beneficiary: Address,
    ommers: &[Ommer],
) -> Result<Vec<(Address, U256)>, InvalidOmmerAge> {
    let reward = U256::from(block_reward_wei(fork));
    if reward.is_zero() {
        return Ok(Vec::new());
    }
    let for_ommers = reward / U256::from(32) * U256::from(ommers.len());
    let mut credits = Vec::with_capacity(1 + ommers.len());
    credits.push((beneficiary, reward + for_ommers));
    for (index, ommer) in ommers.iter().enumerate() {
        let age = block_number
            .checked_sub(ommer.number)
            .filter(|age| (MIN_OMMER_AGE..=MAX_OMMER_AGE).contains(age))
            .ok_or(InvalidOmmerAge { index, ommer_number: ommer.number, block_number })?;
        credits.push((ommer.beneficiary, reward * U256::from(8 - age) / U256::from(8)));
    }
    Ok(credits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINER: Address = Address::repeat_byte(1);
    const OMMER_MINER: Address = Address::repeat_byte(2);

    fn finney(amount: u64) -> U256 {
        U256::from(amount) * U256::from(ETHER_WEI / 1_000)
    }

    fn ommer(number: u64) -> Ommer {
        Ommer { number, beneficiary: OMMER_MINER }
    }

    #[test]
    fn the_reward_falls_from_five_ether_to_none() {
        use Hardfork::*;
        for (first, last, ether) in [
            (Frontier, SpuriousDragon, 5),
            (Byzantium, Byzantium, 3),
            (Constantinople, London, 2),
            (Paris, Bpo4, 0),
        ] {
            for fork in [first, last] {
                assert_eq!(block_reward_wei(fork), ether * ETHER_WEI, "{fork}");
            }
        }
    }

    #[test]
    fn a_block_without_ommers_pays_its_beneficiary() {
        let credits = block_rewards(Hardfork::Frontier, 1, MINER, &[]);
        assert_eq!(credits, Ok(vec![(MINER, finney(5_000))]));
    }

    #[test]
    fn ommers_pay_by_age_and_add_a_32nd_each() {
        let credits = block_rewards(Hardfork::London, 100, MINER, &[ommer(99), ommer(94)]);
        // 2 ether * (1 + 2 / 32), 2 * 7 / 8, 2 * 2 / 8.
        let expected =
            vec![(MINER, finney(2_125)), (OMMER_MINER, finney(1_750)), (OMMER_MINER, finney(500))];
        assert_eq!(credits, Ok(expected));
    }

    #[test]
    fn ommers_of_another_age_are_refused() {
        for number in [93, 100, 101, u64::MAX, 0] {
            let result =
                block_rewards(Hardfork::Byzantium, 100, MINER, &[ommer(95), ommer(number)]);
            let expected = InvalidOmmerAge { index: 1, ommer_number: number, block_number: 100 };
            assert_eq!(result, Err(expected));
        }
    }

    #[test]
    fn nothing_is_paid_from_paris_on() {
        assert_eq!(block_rewards(Hardfork::Paris, 1, MINER, &[]), Ok(vec![]));
    }
}
