//! Each rule at its bounds.

use braid_primitives::{Activation, Address, B256, EMPTY_OMMERS_HASH, U256};

use super::*;
use crate::fees::INITIAL_BASE_FEE;

const GAS_LIMIT: u64 = 10_240_000;
const PARENT_HASH: B256 = B256::repeat_byte(7);

/// The header of block 9 under the rules of `fork`, at second 90.
fn parent(fork: Hardfork) -> SealedHeader {
    let since = |start, value: u64| (fork >= start).then_some(value);
    let hash_since = |start| (fork >= start).then_some(B256::ZERO);
    let header = Header {
        ommers_hash: EMPTY_OMMERS_HASH,
        beneficiary: Address::repeat_byte(1),
        difficulty: match fork < Hardfork::Paris {
            true => U256::from(2_048_000),
            false => U256::ZERO,
        },
        number: 9,
        gas_limit: GAS_LIMIT,
        gas_used: GAS_LIMIT / 2,
        timestamp: 90,
        base_fee_per_gas: since(Hardfork::London, 1_000),
        withdrawals_root: hash_since(Hardfork::Shanghai),
        blob_gas_used: since(Hardfork::Cancun, 0),
        excess_blob_gas: since(Hardfork::Cancun, 0),
        parent_beacon_block_root: hash_since(Hardfork::Cancun),
        requests_hash: hash_since(Hardfork::Prague),
        ..Header::default()
    };
    SealedHeader { hash: PARENT_HASH, header }
}

/// A valid child of [`parent`], at second 100.
fn child(fork: Hardfork) -> Header {
    let difficulty = match fork {
        _ if fork >= Hardfork::Paris => 0,
        // The second ten of seconds neither raises nor lowers it, nor does the second nine.
        _ if fork >= Hardfork::Homestead => 2_048_000,
        _ => 2_049_000,
    };
    Header {
        parent_hash: PARENT_HASH,
        number: 10,
        timestamp: 100,
        difficulty: U256::from(difficulty),
        ..parent(fork).header
    }
}

/// What is wrong with the child after a change.
fn changed(fork: Hardfork, change: impl FnOnce(&mut Header)) -> Result<(), InvalidHeader> {
    let mut header = child(fork);
    change(&mut header);
    validate_header(&header, &parent(fork), &ChainSpec::single(fork))
}

#[test]
fn a_child_that_changes_nothing_is_valid_under_every_fork() {
    for fork in Hardfork::ALL {
        assert_eq!(changed(fork, |_| ()), Ok(()), "{fork}");
    }
}

#[test]
fn a_header_stands_right_after_its_parent() {
    let fork = Hardfork::Cancun;
    let found = B256::repeat_byte(8);
    assert_eq!(
        changed(fork, |header| header.parent_hash = found),
        Err(InvalidHeader::ParentHash { expected: PARENT_HASH, found })
    );
    for found in [0, 8, 9, 11, u64::MAX] {
        let error = InvalidHeader::Number { parent: 9, found };
        assert_eq!(changed(fork, |header| header.number = found), Err(error));
    }
    for found in [0, 89, 90] {
        let error = InvalidHeader::Timestamp { parent: 90, found };
        assert_eq!(changed(fork, |header| header.timestamp = found), Err(error));
    }
    assert_eq!(changed(fork, |header| header.timestamp = 91), Ok(()));
    assert_eq!(changed(fork, |header| header.timestamp = u64::MAX), Ok(()));
    let mut last = parent(fork);
    last.header.number = u64::MAX;
    let header = Header { number: 0, ..child(fork) };
    assert_eq!(
        validate_header(&header, &last, &ChainSpec::single(fork)),
        Err(InvalidHeader::Number { parent: u64::MAX, found: 0 })
    );
}

/// Puts a field into a header or takes it out.
type Setter = fn(&mut Header, bool);

#[test]
fn each_field_is_there_from_its_fork_on() {
    let fields: [(&str, Hardfork, Setter); 6] = [
        ("baseFeePerGas", Hardfork::London, |header, there| {
            header.base_fee_per_gas = there.then_some(1_000);
        }),
        ("withdrawalsRoot", Hardfork::Shanghai, |header, there| {
            header.withdrawals_root = there.then_some(B256::ZERO);
        }),
        ("blobGasUsed", Hardfork::Cancun, |header, there| {
            header.blob_gas_used = there.then_some(0);
        }),
        ("excessBlobGas", Hardfork::Cancun, |header, there| {
            header.excess_blob_gas = there.then_some(0);
        }),
        ("parentBeaconBlockRoot", Hardfork::Cancun, |header, there| {
            header.parent_beacon_block_root = there.then_some(B256::ZERO);
        }),
        ("requestsHash", Hardfork::Prague, |header, there| {
            header.requests_hash = there.then_some(B256::ZERO);
        }),
    ];
    for fork in Hardfork::ALL {
        for (field, since, set) in fields {
            let expected = match fork >= since {
                true => InvalidHeader::MissingField { field, fork },
                false => InvalidHeader::SurplusField { field, fork },
            };
            let result = changed(fork, |header| set(header, fork < since));
            assert_eq!(result, Err(expected), "{field} in {fork}");
        }
    }
}

#[test]
fn extra_data_has_at_most_32_bytes() {
    for fork in [Hardfork::Frontier, Hardfork::Bpo4] {
        assert_eq!(changed(fork, |header| header.extra_data = vec![0; 32].into()), Ok(()));
        let error = InvalidHeader::ExtraDataTooLong { size_bytes: 33, limit_bytes: 32 };
        assert_eq!(changed(fork, |header| header.extra_data = vec![0; 33].into()), Err(error));
    }
}

#[test]
fn ten_blocks_from_the_dao_fork_on_have_its_extra_data() {
    let fork = Hardfork::Homestead;
    let dao = Header { extra_data: Bytes::from_static(b"dao-hard-fork"), ..child(fork) };
    for (dao_fork_block, is_bound) in
        [(None, false), (Some(0), false), (Some(1), true), (Some(10), true), (Some(11), false)]
    {
        let spec = ChainSpec { dao_fork_block, ..ChainSpec::single(fork) };
        assert_eq!(validate_header(&dao, &parent(fork), &spec), Ok(()));
        let result = validate_header(&child(fork), &parent(fork), &spec);
        let error = InvalidHeader::DaoExtraData { expected: DAO_EXTRA_DATA, found: Bytes::new() };
        assert_eq!(result, if is_bound { Err(error) } else { Ok(()) }, "{dao_fork_block:?}");
    }
}

#[test]
fn the_gas_limit_changes_by_less_than_a_1024th() {
    let bound = GAS_LIMIT / 1_024;
    for fork in [Hardfork::Frontier, Hardfork::London, Hardfork::Bpo4] {
        for found in [GAS_LIMIT - bound + 1, GAS_LIMIT + bound - 1] {
            assert_eq!(changed(fork, |header| header.gas_limit = found), Ok(()));
        }
        for found in [GAS_LIMIT - bound, GAS_LIMIT + bound, 5_000, MAX_GAS_LIMIT] {
            // A limit that the gas used fits into, so that it is the limit that is wrong.
            let result = changed(fork, |header| (header.gas_limit, header.gas_used) = (found, 0));
            assert_eq!(
                result,
                Err(InvalidHeader::GasLimitChange { parent: GAS_LIMIT, bound, found })
            );
        }
    }
}

#[test]
fn the_gas_limit_has_a_floor_and_a_ceiling() {
    let fork = Hardfork::Berlin;
    let with_limits = |parent_limit, limit| {
        let mut parent = parent(fork);
        parent.header.gas_limit = parent_limit;
        let header = Header { gas_limit: limit, gas_used: 0, ..child(fork) };
        validate_header(&header, &parent, &ChainSpec::single(fork))
    };
    assert_eq!(with_limits(5_001, 5_000), Ok(()));
    let error = InvalidHeader::GasLimitTooLow { least: 5_000, found: 4_999 };
    assert_eq!(with_limits(5_001, 4_999), Err(error));
    assert_eq!(with_limits(MAX_GAS_LIMIT - 5, MAX_GAS_LIMIT), Ok(()));
    let found = MAX_GAS_LIMIT + 1;
    let error = InvalidHeader::GasLimitTooHigh { most: MAX_GAS_LIMIT, found };
    assert_eq!(with_limits(MAX_GAS_LIMIT, found), Err(error));
    // A genesis block may have any limit.
    let error = InvalidHeader::GasLimitChange { parent: 0, bound: 0, found: 5_000 };
    assert_eq!(with_limits(0, 5_000), Err(error));
}

#[test]
fn no_more_gas_is_used_than_the_limit_allows() {
    for fork in [Hardfork::Frontier, Hardfork::Bpo4] {
        assert_eq!(changed(fork, |header| header.gas_used = GAS_LIMIT), Ok(()));
        let (gas_used, gas_limit) = (GAS_LIMIT + 1, GAS_LIMIT);
        let error = InvalidHeader::GasUsedAboveLimit { gas_used, gas_limit };
        assert_eq!(changed(fork, |header| header.gas_used = gas_used), Err(error));
    }
}

#[test]
fn london_starts_with_twice_the_gas_limit_and_a_given_base_fee() {
    let at = Activation::Block(10);
    let spec = ChainSpec::transition(Hardfork::Berlin, Hardfork::London, at);
    let parent = parent(Hardfork::Berlin);
    let first = |gas_limit, base_fee| {
        let base_fee_per_gas = Some(base_fee);
        let header = Header { gas_limit, base_fee_per_gas, ..child(Hardfork::London) };
        validate_header(&header, &parent, &spec)
    };
    let (doubled, bound) = (2 * GAS_LIMIT, 2 * GAS_LIMIT / 1_024);
    assert_eq!(first(doubled, INITIAL_BASE_FEE), Ok(()));
    assert_eq!(first(doubled + bound - 1, INITIAL_BASE_FEE), Ok(()));
    for found in [GAS_LIMIT, doubled - bound, doubled + bound] {
        let error = InvalidHeader::GasLimitChange { parent: doubled, bound, found };
        assert_eq!(first(found, INITIAL_BASE_FEE), Err(error));
    }
    let found = INITIAL_BASE_FEE + 1;
    let error = InvalidHeader::BaseFee { expected: INITIAL_BASE_FEE, found };
    assert_eq!(first(doubled, found), Err(error));
}

#[test]
fn the_base_fee_follows_from_the_parent() {
    for fork in [Hardfork::London, Hardfork::Bpo4] {
        for found in [0, 999, 1_001, u64::MAX] {
            let error = InvalidHeader::BaseFee { expected: 1_000, found };
            assert_eq!(changed(fork, |header| header.base_fee_per_gas = Some(found)), Err(error));
        }
    }
}

#[test]
fn the_difficulty_follows_from_the_parent_until_it_is_zero() {
    for fork in Hardfork::ALL {
        let expected = child(fork).difficulty;
        let found = expected + U256::ONE;
        let error = InvalidHeader::Difficulty { expected, found };
        assert_eq!(changed(fork, |header| header.difficulty = found), Err(error), "{fork}");
    }
}

#[test]
fn the_difficulty_depends_on_the_parents_ommers_and_the_delay_of_the_bomb() {
    let fork = Hardfork::Byzantium;
    let mut with_ommers = parent(fork);
    with_ommers.header.ommers_hash = B256::ZERO;
    let spec = ChainSpec::single(fork);
    let expected = U256::from(2_049_000);
    let error = InvalidHeader::Difficulty { expected, found: child(fork).difficulty };
    assert_eq!(validate_header(&child(fork), &with_ommers, &spec), Err(error));
    let mut late = parent(fork);
    late.header.number = 3_199_999;
    let header = Header { number: 3_200_000, ..child(fork) };
    let with_bomb = Header { difficulty: header.difficulty + U256::ONE, ..header.clone() };
    assert_eq!(validate_header(&with_bomb, &late, &spec), Ok(()));
    let delayed = ChainSpec { bomb_delays: vec![(Activation::Block(0), 3_000_001)], ..spec };
    assert_eq!(validate_header(&header, &late, &delayed), Ok(()));
}

#[test]
fn what_belonged_to_proof_of_work_is_constant_from_paris_on() {
    let (nonce, ommers_hash) = (B64::repeat_byte(1), B256::repeat_byte(1));
    for fork in Hardfork::ALL {
        let merged = fork >= Hardfork::Paris;
        let expected = |error| if merged { Err(error) } else { Ok(()) };
        let result = changed(fork, |header| header.nonce = nonce);
        assert_eq!(result, expected(InvalidHeader::Nonce { found: nonce }), "{fork}");
        let result = changed(fork, |header| header.ommers_hash = ommers_hash);
        assert_eq!(result, expected(InvalidHeader::OmmersHash { found: ommers_hash }), "{fork}");
        assert_eq!(changed(fork, |header| header.mix_hash = B256::repeat_byte(1)), Ok(()));
    }
}

#[test]
fn a_terminal_total_difficulty_ends_proof_of_work() {
    let at = Activation::TotalDifficulty(U256::from(500));
    let spec = ChainSpec::transition(Hardfork::London, Hardfork::Paris, at);
    let parent = parent(Hardfork::London);
    let after = |total, header: &Header| validate_header(header, &parent, &spec.after(total));
    let work = child(Hardfork::London);
    let stake = Header { difficulty: U256::ZERO, ..work.clone() };
    let mismatch = |expected, found| Err(InvalidHeader::Difficulty { expected, found });
    assert_eq!(after(U256::from(499), &work), Ok(()));
    assert_eq!(after(U256::from(499), &stake), mismatch(work.difficulty, U256::ZERO));
    assert_eq!(after(U256::from(500), &stake), Ok(()));
    assert_eq!(after(U256::from(500), &work), mismatch(U256::ZERO, work.difficulty));
}

#[test]
fn blob_gas_comes_in_blobs_up_to_the_forks_maximum() {
    for (fork, max_blobs) in [(Hardfork::Cancun, 6), (Hardfork::Osaka, 9), (Hardfork::Bpo3, 32)] {
        let used = |found| changed(fork, |header| header.blob_gas_used = Some(found));
        let most = max_blobs * GAS_PER_BLOB;
        assert_eq!(used(most), Ok(()));
        let found = most + GAS_PER_BLOB;
        assert_eq!(used(found), Err(InvalidHeader::BlobGasUsedAboveLimit { most, found }));
        for found in [1, GAS_PER_BLOB - 1, GAS_PER_BLOB + 1, u64::MAX] {
            let error = InvalidHeader::BlobGasUsedNoMultiple { gas_per_blob: GAS_PER_BLOB, found };
            assert_eq!(used(found), Err(error));
        }
    }
}

#[test]
fn the_excess_follows_from_the_parent_and_the_parameters_of_the_child() {
    let at = Activation::Timestamp(100);
    let spec = ChainSpec::transition(Hardfork::Cancun, Hardfork::Prague, at);
    let mut parent = parent(Hardfork::Cancun);
    parent.header.blob_gas_used = Some(6 * GAS_PER_BLOB);
    parent.header.excess_blob_gas = Some(GAS_PER_BLOB);
    let with_excess = |template: Header, excess_blobs: u64| {
        let excess_blob_gas = Some(excess_blobs * GAS_PER_BLOB);
        let header = Header { excess_blob_gas, ..template };
        validate_header(&header, &parent, &spec)
    };
    let wrong = |expected, found| {
        let (expected, found) = (expected * GAS_PER_BLOB, found * GAS_PER_BLOB);
        Err(InvalidHeader::ExcessBlobGas { expected, found })
    };
    // Seven blobs less the target: three before the fork, six from it on.
    let before = Header { timestamp: 99, ..child(Hardfork::Cancun) };
    assert_eq!(with_excess(before.clone(), 4), Ok(()));
    assert_eq!(with_excess(before, 1), wrong(4, 1));
    assert_eq!(with_excess(child(Hardfork::Prague), 1), Ok(()));
    assert_eq!(with_excess(child(Hardfork::Prague), 4), wrong(1, 4));
}
