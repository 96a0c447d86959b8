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
