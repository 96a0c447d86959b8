use braid_precompiles::PortableCrypto;

use super::*;
use crate::bench::Workload;

const GAS: u64 = 3_000_000;

fn conflicts(workload: Workload) -> (Conflicts, usize) {
    let bench = workload.block(GAS);
    let mut executor = SequentialExecutor::new(bench.spec.clone(), PortableCrypto::new());
    executor.set_missing_request_contracts(bench.missing_request_contracts());
    let conflicts = Conflicts::of(&bench, &mut executor).unwrap();
    (conflicts, bench.block.transactions.len())
}

#[test]
fn payments_and_what_has_slots_of_its_own_conflict_with_nobody() {
    for workload in [
        Workload::IndependentTransfers,
        Workload::TransfersOfOneSender,
        Workload::TransfersToOneRecipient,
        Workload::TokenTransfersOfManyTokens,
        Workload::TokenTransfersOfOneToken,
        Workload::SwapsInManyPools,
    ] {
        let (conflicts, count) = conflicts(workload);
        assert_eq!(conflicts.dependent(), 0, "{}", workload.name());
        let chains = conflicts.chains(&vec![10; count]);
        assert_eq!((chains.longest, chains.heaviest), (1, 10.0));
        assert_eq!(chains.bound(4), 4.0);
    }
}

#[test]
fn what_shares_a_slot_is_a_chain() {
    for workload in
        [Workload::TokenTransfersToOneHolder, Workload::SwapsInOnePool, Workload::Serial]
    {
        let (conflicts, count) = conflicts(workload);
        assert_eq!(conflicts.dependent(), count - 1, "{}", workload.name());
        let chains = conflicts.chains(&vec![10; count]);
        assert_eq!((chains.longest, chains.bound(16)), (count, 1.0));
    }
    let (conflicts, count) = conflicts(Workload::Mixed);
    let chains = conflicts.chains(&vec![10; count]);
    assert!((2..count).contains(&chains.longest), "{chains:?}");
}

#[test]
fn the_heaviest_chain_is_found_by_weight() {
    // 0 <- 1 <- 3, and 2 by itself.
    let conflicts = Conflicts { depends_on: vec![vec![], vec![0], vec![], vec![0, 1]] };
    let chains = conflicts.chains(&[1, 2, 10, 3]);
    assert_eq!(chains, Chains { total: 16.0, heaviest: 10.0, longest: 3 });
    assert_eq!(chains.bound(2), 1.6);
    assert_eq!(conflicts.chains(&[1, 2, 1, 3]).bound(8), 7.0 / 6.0);
    assert_eq!(Conflicts::default().chains(&[]).bound(8), 1.0);
}

/// A block of calls of `code`, which lies at `contract`, after a payment to that account, each by another sender.
fn after_a_payment(code: &str) -> Conflicts {
    use alloy_primitives::TxKind;

    let mut bench = Workload::TransfersToOneRecipient.block(3 * 21_000);
    let contract = match bench.block.transactions[0].to {
        TxKind::Call(contract) => contract,
        TxKind::Create => unreachable!("it is a transfer"),
    };
    let code_hash = bench.state.insert_code(crate::bench::assembler::assemble(code).into());
    let info = bench.state.account(contract).unwrap().unwrap();
    bench.state.insert_account(contract, AccountInfo { code_hash, ..info });
    // The first is a payment with a calldata that the contract does not answer.
    bench.block.env.gas_limit = 30_000_000;
    for (index, tx) in bench.block.transactions.iter_mut().enumerate() {
        tx.gas_limit = 200_000;
        tx.input = vec![u8::from(index > 0); 32].into();
        tx.value = U256::from(u8::from(index == 0));
    }
    let mut executor = SequentialExecutor::new(bench.spec.clone(), PortableCrypto::new());
    executor.set_missing_request_contracts(bench.missing_request_contracts());
    Conflicts::of(&bench, &mut executor).unwrap()
}

#[test]
fn balances_are_observed_by_code_that_asks_or_pays() {
    const GUARD: &str = "0 CALLDATALOAD @on JUMPI STOP on: ";
    for (code, depends) in [
        ("STOP", false),
        ("SELFBALANCE STOP", true),
        ("ADDRESS BALANCE STOP", true),
        ("CALLER BALANCE STOP", false),
        ("ADDRESS EXTCODEHASH STOP", false),
        ("0 0 0 0 0 0x1234 GAS CALL STOP", false),
        ("0 0 0 0 1 0x1234 GAS CALL STOP", true),
        ("0 0 0 CREATE STOP", false),
        ("0 0 1 CREATE STOP", true),
    ] {
        let conflicts = after_a_payment(&format!("{GUARD}{code}"));
        assert_eq!(conflicts.depends_on[1].contains(&0), depends, "{code}");
    }
    // Creations by one contract depend on each other through its nonce, payments out of it through its balance.
    let conflicts = after_a_payment(&format!("{GUARD} 0 0 0 CREATE STOP"));
    assert_eq!(conflicts.depends_on[2], [1]);
    let conflicts = after_a_payment(&format!("{GUARD} 0 0 0 0 1 0x1234 GAS CALL STOP"));
    assert_eq!(conflicts.depends_on[2], [1]);
}
