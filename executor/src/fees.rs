//! Prices: what a transaction pays for a unit of gas and of blob gas.

use braid_primitives::{BlobParams, Hardfork, Header, Transaction, U256};

/// Blob gas of one blob (EIP-4844, `GAS_PER_BLOB`).
pub const GAS_PER_BLOB: u64 = 1 << 17;

/// Least blob base fee in wei per blob gas (EIP-4844, `MIN_BASE_FEE_PER_BLOB_GAS`).
pub const MIN_BLOB_BASE_FEE: u128 = 1;

/// Base fee of the first block of London in wei per gas (EIP-1559, `INITIAL_BASE_FEE`).
pub const INITIAL_BASE_FEE: u64 = 1_000_000_000;

/// How often the gas target goes into the gas limit (EIP-1559, `ELASTICITY_MULTIPLIER`).
pub const GAS_ELASTICITY: u64 = 2;

/// The part of the base fee by which it rises after a block without unused gas (EIP-1559,
/// `BASE_FEE_MAX_CHANGE_DENOMINATOR`).
const BASE_FEE_CHANGE_DIVISOR: u128 = 8;

/// Gas whose price a blob does not fall below (EIP-7918, `BLOB_BASE_COST`).
const BLOB_RESERVE_GAS: u128 = 1 << 13;

/// Where the excess is this many times the update fraction, the blob base fee exceeds 128 bits: `e^89 > 2^128`.
const SATURATION_EXPONENT: u64 = 89;

/// Blob base fee in wei per blob gas of a block with this excess (EIP-4844; EIP-7691 and 7892 change the parameters):
/// [`MIN_BLOB_BASE_FEE`] times e to the power of excess over update fraction, approximated by the series that the EIP
/// prescribes.
///
/// The fee saturates at `u128::MAX`. No account can pay a fee of that size: it is 3 * 10^20 ether for a unit of blob gas.
/// So it also is for an update fraction of zero, which no chain has.
///
/// ```
/// use braid_executor::fees::blob_base_fee;
/// use braid_primitives::{ChainSpec, Hardfork};
/// let cancun = ChainSpec::mainnet().blob_params(Hardfork::Cancun).unwrap();
/// assert_eq!(blob_base_fee(0, &cancun), 1);
/// assert_eq!(blob_base_fee(10 * 1024 * 1024, &cancun), 23);
/// ```
pub fn blob_base_fee(excess_blob_gas: u64, params: &BlobParams) -> u128 {
    let fraction = params.base_fee_update_fraction;
    if excess_blob_gas == 0 && fraction > 0 {
        return MIN_BLOB_BASE_FEE;
    }
    if excess_blob_gas / SATURATION_EXPONENT >= fraction {
        return u128::MAX;
    }
    let (numerator, denominator) = (U256::from(excess_blob_gas), U256::from(fraction));
    // No term exceeds fraction * e^(excess / fraction). With the exponent below 89 and both below 2^64, a term times the
    // excess stays below 2^250, and the series ends long before the index matters.
    let mut term = U256::from(MIN_BLOB_BASE_FEE) * denominator;
    let mut sum = U256::ZERO;
    let mut index = U256::ONE;
    while !term.is_zero() {
        sum += term;
        term = term * numerator / (denominator * index);
        index += U256::ONE;
    }
    (sum / denominator).saturating_to()
}

/// Base fee in wei per gas of the block after `parent` (EIP-1559): rises if the parent used more than half of its gas limit
/// and falls if it used less. [`INITIAL_BASE_FEE`] if the parent has none, for it is the last before London.
///
/// The fee saturates at `u64::MAX`, which is 18 ether for a unit of gas.
pub fn next_base_fee(parent: &Header) -> u64 {
    let Some(base_fee) = parent.base_fee_per_gas else { return INITIAL_BASE_FEE };
    let target_gas = parent.gas_limit / GAS_ELASTICITY;
    let distance_gas = parent.gas_used.abs_diff(target_gas);
    // No valid block has a limit of less than two units.
    let change = u128::from(base_fee) * u128::from(distance_gas) / u128::from(target_gas.max(1));
    let change = u64::try_from(change / BASE_FEE_CHANGE_DIVISOR).unwrap_or(u64::MAX);
    match parent.gas_used > target_gas {
        true => base_fee.saturating_add(change.max(1)),
        false => base_fee.saturating_sub(change),
    }
}

/// Excess blob gas of the block after `parent` (EIP-4844), under the rules of `fork`, whose parameters are `params`: those of
/// the block, not of its parent.
///
/// From Osaka on the excess does not fall while a blob costs less than 2^13 gas at the parent's prices (EIP-7918).
pub fn next_excess_blob_gas(parent: &Header, params: &BlobParams, fork: Hardfork) -> u64 {
    let excess = parent.excess_blob_gas.unwrap_or_default();
    let used = parent.blob_gas_used.unwrap_or_default();
    let target = params.target_blobs.saturating_mul(GAS_PER_BLOB);
    let Some(above_target) = (u128::from(excess) + u128::from(used)).checked_sub(target.into())
    else {
        return 0;
    };
    let above_target = u64::try_from(above_target).unwrap_or(u64::MAX);
    if fork < Hardfork::Osaka {
        return above_target;
    }
    let base_fee = u128::from(parent.base_fee_per_gas.unwrap_or_default());
    let blob_price = blob_base_fee(excess, params).saturating_mul(GAS_PER_BLOB.into());
    if BLOB_RESERVE_GAS * base_fee <= blob_price {
        return above_target;
    }
    let room_blobs = params.max_blobs.saturating_sub(params.target_blobs);
    let rise = u128::from(used) * u128::from(room_blobs) / u128::from(params.max_blobs.max(1));
    excess.saturating_add(u64::try_from(rise).unwrap_or(u64::MAX))
}

/// Price in wei that a transaction pays for a unit of gas (EIP-1559): base fee plus tip, at most the fee cap.
///
/// For transactions without a tip of their own (types 0 and 1) it is the gas price.
pub fn effective_gas_price(transaction: &Transaction, base_fee: u64) -> u128 {
    let with_tip = transaction.max_priority_fee_per_gas.saturating_add(base_fee.into());
    with_tip.min(transaction.max_fee_per_gas)
}

/// The part of [`effective_gas_price`] that the beneficiary gets; the base fee is burnt. Before London, when the base fee is
/// zero, that is all of it.
///
/// Zero where the fee cap is below the base fee, which makes a transaction invalid.
pub fn effective_tip(transaction: &Transaction, base_fee: u64) -> u128 {
    effective_gas_price(transaction, base_fee).saturating_sub(base_fee.into())
}

/// What `gas` costs at `price` wei each. At most 192 bits, so that two of them cannot overflow a sum.
#[inline]
pub(crate) fn cost(gas: u64, price: u128) -> U256 {
    let gas = u128::from(gas);
    let low = gas * (price & u128::from(u64::MAX));
    // At most (2^64 - 1)^2 + 2^64 - 1: no overflow.
    let high = gas * (price >> 64) + (low >> 64);
    U256::from_limbs([low as u64, high as u64, (high >> 64) as u64, 0])
}

/// Blob gas of a transaction (EIP-4844): what its blobs use, whether it succeeds or not.
pub fn blob_gas(transaction: &Transaction) -> u64 {
    (transaction.blob_hashes.len() as u64).saturating_mul(GAS_PER_BLOB)
}

#[cfg(test)]
mod tests {
    use braid_primitives::{B256, ChainSpec, Hardfork};

    use super::*;

    fn params(fork: Hardfork) -> BlobParams {
        ChainSpec::mainnet().blob_params(fork).unwrap()
    }

    fn with_fraction(base_fee_update_fraction: u64) -> BlobParams {
        BlobParams { base_fee_update_fraction, ..params(Hardfork::Cancun) }
    }

    #[test]
    fn costs_are_exact_up_to_the_greatest() {
        for gas in [0, 1, 21_000, u64::MAX] {
            for price in [0, 1, u128::from(u64::MAX), 1 << 64, u128::MAX] {
                assert_eq!(cost(gas, price), U256::from(gas) * U256::from(price), "{gas} {price}");
            }
        }
    }

    #[test]
    fn the_blob_base_fee_rises_from_one_where_the_series_first_reaches_the_next_integer() {
        // The smallest excess at which e^(excess / fraction) >= 2 is fraction * ln 2, give or take the rounding of terms.
        for (fork, doubling) in [(Hardfork::Cancun, 2_314_057_u64), (Hardfork::Prague, 3_471_084)] {
            let params = params(fork);
            assert_eq!(blob_base_fee(0, &params), 1);
            assert_eq!(blob_base_fee(doubling - 10, &params), 1);
            assert_eq!(blob_base_fee(doubling + 10, &params), 2);
        }
    }

    #[test]
    fn the_series_is_that_of_the_eip_for_a_small_fraction() {
        // By hand: fraction 2, excess 3. Terms 2, 3, 2 (9 / 4), 1 (6 / 6), 0; the sum is 8, and 8 / 2 = 4.
        assert_eq!(blob_base_fee(3, &with_fraction(2)), 4);
        // Fraction 1, excess 5: terms 1, 5, 12, 20, 25, 25, 20, 14, 8, 4, 2, 0.
        assert_eq!(blob_base_fee(5, &with_fraction(1)), 136);
    }

    #[test]
    fn no_excess_overflows() {
        for fraction in [1, 2, 3_338_477, 1 << 32, 1 << 57, 1 << 58, 1 << 63, u64::MAX] {
            let at = |excess| blob_base_fee(excess, &with_fraction(fraction));
            assert_eq!(at(0), 1);
            assert!(at(u64::MAX) >= at(u64::MAX / 2));
            let last = fraction.saturating_mul(SATURATION_EXPONENT).saturating_sub(1);
            assert!(at(last) >= at(last / 2));
        }
        assert_eq!(blob_base_fee(u64::MAX, &params(Hardfork::Bpo2)), u128::MAX);
        // e to the power of one.
        assert_eq!(blob_base_fee(u64::MAX, &with_fraction(u64::MAX)), 2);
        assert_eq!(blob_base_fee(0, &with_fraction(0)), u128::MAX);
        assert_eq!(blob_base_fee(1, &with_fraction(0)), u128::MAX);
    }

    #[test]
    fn the_fee_saturates_between_powers_88_and_89() {
        let params = with_fraction(1 << 40);
        // e^88 = 1.65 * 10^38, half of 2^128.
        let below = blob_base_fee(88 << 40, &params);
        assert_eq!(below / 10_u128.pow(36), 165);
        assert_eq!(blob_base_fee((89 << 40) - 1, &params), u128::MAX);
        assert_eq!(blob_base_fee(89 << 40, &params), u128::MAX);
    }

    fn dynamic(max_fee_per_gas: u128, max_priority_fee_per_gas: u128) -> Transaction {
        Transaction { max_fee_per_gas, max_priority_fee_per_gas, ..Transaction::default() }
    }

    #[test]
    fn the_tip_is_paid_on_top_of_the_base_fee_as_far_as_the_cap_allows() {
        for (cap, tip, base_fee, price, to_beneficiary) in [
            (100, 2, 50, 52, 2),
            (100, 2, 98, 100, 2),
            (100, 2, 99, 100, 1),
            (100, 2, 100, 100, 0),
            (100, 100, 30, 100, 70),
            (7, 7, 0, 7, 7),
            (u128::MAX, u128::MAX, u64::MAX, u128::MAX, u128::MAX - u128::from(u64::MAX)),
        ] {
            let transaction = dynamic(cap, tip);
            assert_eq!(effective_gas_price(&transaction, base_fee), price);
            assert_eq!(effective_tip(&transaction, base_fee), to_beneficiary);
        }
    }

    #[test]
    fn a_blob_uses_131072_blob_gas() {
        let transaction = Transaction { blob_hashes: vec![B256::ZERO; 3], ..Default::default() };
        assert_eq!(blob_gas(&transaction), 393_216);
        assert_eq!(blob_gas(&Transaction::default()), 0);
    }

    fn next_fee(base_fee: u64, gas_limit: u64, gas_used: u64) -> u64 {
        let base_fee_per_gas = Some(base_fee);
        next_base_fee(&Header { base_fee_per_gas, gas_limit, gas_used, ..Header::default() })
    }

    #[test]
    fn the_base_fee_moves_by_an_eighth_at_most() {
        for (base_fee, gas_used, expected) in [
            (1_000, 0, 875),
            (1_000, 10_000, 1_000),
            (1_000, 9_999, 1_000),  // 1000 / 10000 / 8 rounds to nothing,
            (1_000, 10_001, 1_001), // but up it goes by one at least.
            (1_000, 15_000, 1_062),
            (1_000, 20_000, 1_125),
            (7, 0, 7),
            (7, 20_000, 8),
            (0, 20_000, 1),
            (u64::MAX, 20_000, u64::MAX),
        ] {
            assert_eq!(next_fee(base_fee, 20_000, gas_used), expected, "{base_fee}, {gas_used}");
        }
        // The division by the target comes first: 10 * 9 / 10 / 8, of a limit that is odd.
        assert_eq!(next_fee(10, 21, 1), 9);
        assert_eq!(next_fee(u64::MAX, 1, u64::MAX), u64::MAX);
        assert_eq!(next_fee(u64::MAX, u64::MAX, 0), u64::MAX - (1 << 61) + 1);
    }

    #[test]
    fn the_first_base_fee_is_given() {
        assert_eq!(next_base_fee(&Header { gas_used: 1, ..Header::default() }), 1_000_000_000);
    }

    /// The next excess in blobs after a parent of so many blobs above the target and in it.
    fn next_excess_blobs(fork: Hardfork, base_fee: u64, excess_blobs: u64, blobs: u64) -> u64 {
        let parent = Header {
            base_fee_per_gas: Some(base_fee),
            excess_blob_gas: Some(excess_blobs * GAS_PER_BLOB),
            blob_gas_used: Some(blobs * GAS_PER_BLOB),
            ..Header::default()
        };
        let excess = next_excess_blob_gas(&parent, &params(fork), fork);
        assert_eq!(excess % GAS_PER_BLOB, 0);
        excess / GAS_PER_BLOB
    }

    #[test]
    fn the_excess_counts_what_is_above_the_target() {
        use Hardfork::{Cancun, Osaka, Prague};
        for (fork, excess_blobs, blobs, expected) in [
            (Cancun, 0, 2, 0),
            (Cancun, 0, 3, 0),
            (Cancun, 0, 4, 1),
            (Cancun, 1, 2, 0),
            (Cancun, 5, 0, 2),
            (Cancun, 5, 6, 8),
            (Prague, 5, 6, 5),
            (Osaka, 5, 9, 8),
        ] {
            assert_eq!(next_excess_blobs(fork, 1, excess_blobs, blobs), expected, "{fork}");
        }
        let before_cancun = Header { base_fee_per_gas: Some(7), ..Header::default() };
        assert_eq!(next_excess_blob_gas(&before_cancun, &params(Cancun), Cancun), 0);
    }

    #[test]
    fn from_osaka_on_a_cheap_blob_keeps_the_excess_from_falling() {
        use Hardfork::{Bpo1, Osaka, Prague};
        // At a blob base fee of 1 a blob costs as much as 2^13 gas do at a base fee of 16.
        assert_eq!(next_excess_blobs(Osaka, 16, 10, 0), 4);
        assert_eq!(next_excess_blobs(Osaka, 17, 10, 0), 10);
        assert_eq!(next_excess_blobs(Prague, 17, 10, 0), 4);
        // It rises by the blobs' share of what is above the target, a third of the maximum in both.
        assert_eq!(next_excess_blobs(Osaka, 17, 10, 9), 13);
        assert_eq!(next_excess_blobs(Bpo1, 17, 10, 15), 15);
        // Below the target there is no excess, whatever the prices.
        assert_eq!(next_excess_blobs(Osaka, u64::MAX, 5, 0), 0);
        assert_eq!(next_excess_blobs(Osaka, u64::MAX, 6, 0), 6);
        // Where the blob base fee is 2, the base fee may be twice as high.
        let excess_blobs = 3_471_084_u64.div_ceil(GAS_PER_BLOB);
        assert_eq!(next_excess_blobs(Osaka, 32, excess_blobs, 6), excess_blobs);
        assert_eq!(next_excess_blobs(Osaka, 33, excess_blobs, 6), excess_blobs + 2);
    }

    #[test]
    fn no_parent_overflows_the_excess() {
        for fork in [Hardfork::Cancun, Hardfork::Bpo4] {
            let parent = Header {
                base_fee_per_gas: Some(u64::MAX),
                excess_blob_gas: Some(u64::MAX),
                blob_gas_used: Some(u64::MAX),
                ..Header::default()
            };
            assert_eq!(next_excess_blob_gas(&parent, &params(fork), fork), u64::MAX);
            let no_blobs =
                BlobParams { target_blobs: 0, max_blobs: 0, base_fee_update_fraction: 0 };
            assert_eq!(next_excess_blob_gas(&parent, &no_blobs, fork), u64::MAX);
        }
    }
}
