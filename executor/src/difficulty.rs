//! The difficulty that a block of proof of work must have.

use braid_primitives::{Hardfork, U256};

/// Least difficulty of a block (yellow paper, equation 46).
pub const MIN_DIFFICULTY: u64 = 131_072;

/// What the parent's difficulty is divided by to give the step by which difficulty changes.
const STEP_DIVISOR: u64 = 2_048;

/// Most steps down from one block to the next (EIP-2).
const MAX_STEPS_DOWN: u64 = 99;

/// Blocks after which the difficulty bomb doubles.
const BOMB_PERIOD_BLOCKS: u128 = 100_000;

/// Periods that pass before the bomb adds its first unit.
const BOMB_QUIET_PERIODS: u128 = 2;

/// Seconds after its parent from which on a block of Frontier is late.
const FRONTIER_LATE_SECONDS: u64 = 13;

/// Difficulty of the child, made at `timestamp` (seconds), of the block `parent_number` (yellow paper, section 4.3.4;
/// EIP-2 from Homestead, EIP-100 from Byzantium). Zero from Paris on (EIP-3675).
///
/// The bomb sees a block number that is `bomb_delay_blocks` lower, down to zero (EIP-649, 1234, 2384, 3554, 4345, 5133).
///
/// Every input has an answer. A child no younger than its parent, which is no valid block, counts as made at once. A result
/// beyond 256 bits is [`U256::MAX`], which no valid chain comes near.
///
/// ```
/// use braid_executor::difficulty::expected_difficulty;
/// use braid_primitives::{Hardfork, U256};
///
/// let parent = U256::from(2_048_000);
/// let next = |timestamp| {
///     expected_difficulty(10, 1_000, parent, false, timestamp, Hardfork::Byzantium, 3_000_000)
/// };
/// assert_eq!(next(1_008), parent + U256::from(1_000));
/// assert_eq!(next(1_009), parent);
/// assert_eq!(next(1_018), parent - U256::from(1_000));
/// ```
pub fn expected_difficulty(
    parent_number: u64,
    parent_timestamp: u64,
    parent_difficulty: U256,
    parent_has_ommers: bool,
    timestamp: u64,
    fork: Hardfork,
    bomb_delay_blocks: u64,
) -> U256 {
    if fork >= Hardfork::Paris {
        return U256::ZERO;
    }
    let elapsed_seconds = timestamp.saturating_sub(parent_timestamp);
    let (up, down) = match fork {
        fork if fork >= Hardfork::Byzantium => {
            (1 + u64::from(parent_has_ommers), elapsed_seconds / 9)
        }
        fork if fork >= Hardfork::Homestead => (1, elapsed_seconds / 10),
        _ if elapsed_seconds < FRONTIER_LATE_SECONDS => (1, 0),
        _ => (0, 1),
    };
    let step = parent_difficulty / U256::from(STEP_DIVISOR);
    let difficulty = if up >= down {
        parent_difficulty.saturating_add(step * U256::from(up - down))
    } else {
        // At most 99 of 2048 parts.
        parent_difficulty - step * U256::from((down - up).min(MAX_STEPS_DOWN))
    };
    difficulty
        .saturating_add(bomb(u128::from(parent_number) + 1, bomb_delay_blocks))
        .max(U256::from(MIN_DIFFICULTY))
}

/// What the difficulty bomb adds to block `number`.
fn bomb(number: u128, delay_blocks: u64) -> U256 {
    let periods = number.saturating_sub(u128::from(delay_blocks)) / BOMB_PERIOD_BLOCKS;
    match periods.checked_sub(BOMB_QUIET_PERIODS).map(usize::try_from) {
        None => U256::ZERO,
        Some(Ok(exponent)) if exponent < U256::BITS => U256::ONE << exponent,
        Some(_) => U256::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: u64 = 2_048_000;

    /// Steps from the parent's difficulty, without the bomb.
    fn steps(fork: Hardfork, parent_has_ommers: bool, elapsed_seconds: u64) -> i64 {
        let difficulty: u64 = expected_difficulty(
            1,
            5,
            U256::from(PARENT),
            parent_has_ommers,
            5 + elapsed_seconds,
            fork,
            0,
        )
        .to();
        (difficulty.cast_signed() - PARENT.cast_signed()) / 1_000
    }

    #[test]
    fn each_rule_steps_at_its_own_ages() {
        use Hardfork::*;
        for (fork, ommers, elapsed_seconds, expected) in [
            (Frontier, false, 12, 1),
            (Frontier, true, 13, -1),
            (Frontier, false, u64::MAX - 5, -1),
            (Homestead, true, 9, 1),
            (Homestead, false, 10, 0),
            (Homestead, false, 999, -98),
            (SpuriousDragon, false, 1_000, -99),
            (SpuriousDragon, false, u64::MAX - 5, -99),
            (Byzantium, false, 8, 1),
            (Byzantium, true, 8, 2),
            (Byzantium, true, 18, 0),
            (London, false, 9 * 99, -98),
            (London, false, 9 * 100, -99),
            (London, true, 9 * 100, -98),
            (London, true, u64::MAX - 5, -99),
        ] {
            assert_eq!(steps(fork, ommers, elapsed_seconds), expected, "{fork}, {elapsed_seconds}");
        }
    }

    #[test]
    fn the_least_difficulty_holds_with_the_bomb_added() {
        let next = |parent_number| {
            let parent = U256::from(MIN_DIFFICULTY);
            expected_difficulty(parent_number, 0, parent, false, 1_000, Hardfork::Homestead, 0)
        };
        assert_eq!(next(1), U256::from(MIN_DIFFICULTY));
        assert_eq!(next(299_999), U256::from(MIN_DIFFICULTY));
        let large_bomb = U256::from(MIN_DIFFICULTY - 64 * 99 + (1 << 17));
        assert_eq!(next(1_900_000), large_bomb);
        let zero = expected_difficulty(1, 0, U256::ZERO, false, 1, Hardfork::Byzantium, 0);
        assert_eq!(zero, U256::from(MIN_DIFFICULTY));
    }

    #[test]
    fn the_bomb_starts_in_its_third_period_and_doubles() {
        for (number, delay_blocks, expected) in [
            (0, 0, 0_u64),
            (199_999, 0, 0),
            (200_000, 0, 1),
            (299_999, 0, 1),
            (300_000, 0, 2),
            (3_199_999, 3_000_000, 0),
            (3_200_000, 3_000_000, 1),
            (2_999_999, 3_000_000, 0),
            (0, u64::MAX, 0),
            (6_500_000, 0, 1 << 63),
            (6_600_000, 6_000_000, 1 << 4),
        ] {
            assert_eq!(bomb(number, delay_blocks), U256::from(expected), "block {number}");
        }
        let last = 200_000 + 255 * BOMB_PERIOD_BLOCKS;
        assert_eq!(bomb(last, 0), U256::ONE << 255);
        assert_eq!(bomb(last + BOMB_PERIOD_BLOCKS, 0), U256::MAX);
    }

    #[test]
    fn extreme_inputs_have_an_answer() {
        let next = |parent_number, parent_timestamp, difficulty, timestamp, delay_blocks| {
            let fork = Hardfork::Byzantium;
            let args = (parent_number, parent_timestamp, difficulty);
            expected_difficulty(args.0, args.1, args.2, true, timestamp, fork, delay_blocks)
        };
        assert_eq!(next(u64::MAX, 0, U256::MAX, u64::MAX, 0), U256::MAX);
        assert_eq!(next(0, 0, U256::MAX, 0, 0), U256::MAX);
        let large = U256::MAX - (U256::MAX / U256::from(STEP_DIVISOR)) * U256::from(MAX_STEPS_DOWN);
        assert_eq!(next(0, 0, U256::MAX, u64::MAX, u64::MAX), large);
        // A child older than its parent.
        let difficulty = U256::from(PARENT);
        assert_eq!(next(0, u64::MAX, difficulty, 0, 0), difficulty + U256::from(2_000));
    }

    #[test]
    fn proof_of_stake_has_no_difficulty() {
        let difficulty = expected_difficulty(1, 1, U256::MAX, true, 2, Hardfork::Paris, 0);
        assert_eq!(difficulty, U256::ZERO);
    }
}
