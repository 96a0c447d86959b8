//! Storage and transient storage: SLOAD, SSTORE, TLOAD, TSTORE.

use alloy_primitives::U256;

use super::Flow;
use crate::{
    Frame, HaltReason, Host, SlotValues, Workspace,
    schedule::SstoreSchedule,
    word::{is_equal, is_zero},
};

#[inline(never)]
pub(crate) fn sload<H: Host>(frame: &mut Frame, workspace: &mut Workspace, host: &mut H) -> Flow {
    let [key] = frame.stack.pop_by_limbs();
    let slot = host.slot(frame.account, key);
    let is_cold = host.is_slot_cold(slot);
    if is_cold {
        frame.charge(workspace.schedule.cold_slot_extra_gas)?;
    }
    frame.stack.push(host.sload(slot)?);
    if is_cold {
        host.warm_slot(slot);
    }
    Ok(())
}

#[inline(never)]
pub(crate) fn sstore<H: Host>(frame: &mut Frame, workspace: &mut Workspace, host: &mut H) -> Flow {
    if frame.is_static {
        return Err(HaltReason::StaticStateChange.into());
    }
    let rules = &workspace.schedule.sstore;
    if frame.gas_left <= rules.sentry_gas {
        return Err(HaltReason::OutOfGas.into());
    }
    let [key, value] = frame.stack.pop_by_limbs();
    let slot = host.slot(frame.account, key);
    let is_cold = host.is_slot_cold(slot);
    if is_cold {
        frame.charge(rules.cold_gas)?;
    }
    let values = host.slot_values(slot)?;
    frame.charge(write_gas(rules, &values, value))?;
    frame.refund += refund(rules, &values, value);
    if is_cold {
        host.warm_slot(slot);
    }
    host.sstore(slot, value);
    Ok(())
}

/// Gas of writing `new` to a warm slot (EIP-1283, EIP-2200; before and between, the yellow paper's two prices).
fn write_gas(rules: &SstoreSchedule, slot: &SlotValues, new: U256) -> u64 {
    let SlotValues { original, current } = slot;
    if rules.is_net_metered && (is_equal(current, &new) || !is_equal(original, current)) {
        rules.dirty_gas
    } else if is_zero(current) && !is_zero(&new) {
        rules.set_gas
    } else {
        rules.reset_gas
    }
}

/// Refund of writing `new` to a slot, negative where an earlier one is taken back.
fn refund(rules: &SstoreSchedule, slot: &SlotValues, new: U256) -> i64 {
    let clear = rules.clear_refund_gas as i64;
    let SlotValues { original, current } = slot;
    if !rules.is_net_metered {
        return if !is_zero(current) && is_zero(&new) { clear } else { 0 };
    }
    if is_equal(current, &new) {
        return 0;
    }
    if is_equal(original, current) {
        return if !is_zero(original) && is_zero(&new) { clear } else { 0 };
    }
    let mut refund = 0;
    if !is_zero(original) {
        if is_zero(current) {
            refund -= clear;
        } else if is_zero(&new) {
            refund += clear;
        }
    }
    if is_equal(original, &new) {
        let paid = if is_zero(original) { rules.set_gas } else { rules.reset_gas };
        refund += (paid - rules.dirty_gas) as i64;
    }
    refund
}

#[inline(never)]
pub(crate) fn tload<H: Host>(
    frame: &mut Frame,
    _: &mut Workspace,
    host: &mut H,
    [key]: [U256; 1],
) -> Result<U256, HaltReason> {
    Ok(host.tload(frame.account, key))
}

#[inline(never)]
pub(crate) fn tstore<H: Host>(frame: &mut Frame, _: &mut Workspace, host: &mut H) -> Flow {
    if frame.is_static {
        return Err(HaltReason::StaticStateChange.into());
    }
    let [key, value] = frame.stack.pop();
    host.tstore(frame.account, key, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use braid_primitives::Hardfork;

    use super::*;
    use crate::Schedule;

    /// Gas and refund of a row of writes to one slot, as the tables of EIP-1283, EIP-2200 and EIP-3529 list them.
    fn sequence(fork: Hardfork, original: u64, writes: &[u64]) -> (u64, i64) {
        let rules = &Schedule::of(fork).sstore;
        let original = U256::from(original);
        let (mut current, mut gas, mut refunds) = (original, 0, 0);
        for &new in writes {
            let slot = SlotValues { original, current };
            gas += write_gas(rules, &slot, U256::from(new));
            refunds += refund(rules, &slot, U256::from(new));
            current = U256::from(new);
        }
        (gas, refunds)
    }

    #[test]
    fn the_table_of_eip_1283() {
        let constantinople =
            |original, writes| sequence(Hardfork::Constantinople, original, writes);
        assert_eq!(constantinople(0, &[0, 0]), (400, 0));
        assert_eq!(constantinople(0, &[0, 1]), (20_200, 0));
        assert_eq!(constantinople(0, &[1, 0]), (20_200, 19_800));
        assert_eq!(constantinople(0, &[1, 2]), (20_200, 0));
        assert_eq!(constantinople(0, &[1, 1]), (20_200, 0));
        assert_eq!(constantinople(1, &[0, 0]), (5_200, 15_000));
        assert_eq!(constantinople(1, &[0, 1]), (5_200, 4_800));
        assert_eq!(constantinople(1, &[0, 2]), (5_200, 0));
        assert_eq!(constantinople(1, &[2, 0]), (5_200, 15_000));
        assert_eq!(constantinople(1, &[2, 3]), (5_200, 0));
        assert_eq!(constantinople(1, &[2, 1]), (5_200, 4_800));
        assert_eq!(constantinople(1, &[1, 0]), (5_200, 15_000));
        assert_eq!(constantinople(0, &[1, 0, 1]), (40_200, 19_800));
        assert_eq!(constantinople(1, &[0, 1, 0]), (10_200, 19_800));
    }

    #[test]
    fn the_table_of_eip_2200() {
        let istanbul = |original, writes| sequence(Hardfork::Istanbul, original, writes);
        assert_eq!(istanbul(0, &[0, 0]), (1_600, 0));
        assert_eq!(istanbul(0, &[1, 0]), (20_800, 19_200));
        assert_eq!(istanbul(1, &[0, 1]), (5_800, 4_200));
        assert_eq!(istanbul(1, &[0, 2]), (5_800, 0));
        assert_eq!(istanbul(1, &[2, 1]), (5_800, 4_200));
        assert_eq!(istanbul(1, &[0, 1, 0]), (10_800, 19_200));
    }

    #[test]
    fn the_table_of_eip_3529() {
        let london = |original, writes| sequence(Hardfork::London, original, writes);
        assert_eq!(london(0, &[1, 0]), (20_100, 19_900));
        assert_eq!(london(1, &[0, 1]), (3_000, 2_800));
        assert_eq!(london(1, &[0, 0]), (3_000, 4_800));
        assert_eq!(london(1, &[0, 1, 0]), (5_900, 7_600));
    }

    #[test]
    fn without_net_metering_only_the_current_value_counts() {
        for fork in [Hardfork::Frontier, Hardfork::Byzantium, Hardfork::Petersburg] {
            assert_eq!(sequence(fork, 0, &[0]), (5_000, 0));
            assert_eq!(sequence(fork, 0, &[1, 0, 1]), (45_000, 15_000));
            assert_eq!(sequence(fork, 1, &[2, 2]), (10_000, 0));
        }
    }
}
