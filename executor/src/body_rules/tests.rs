//! Bodies and outcomes that differ from their header in one thing.

use braid_precompiles::DefaultCrypto;
use braid_primitives::{B256, Bloom, Bytes, EMPTY_OMMERS_HASH, Requests, StateDelta, Withdrawal};

use super::*;

fn header() -> Header {
    Header {
        ommers_hash: EMPTY_OMMERS_HASH,
        gas_used: 21_000,
        logs_bloom: Bloom::repeat_byte(1),
        ..Header::default()
    }
}

/// The encoding of a block without transactions.
fn block(header: &Header, ommers: &[Header], withdrawals: Option<&[Withdrawal]>) -> Vec<u8> {
    let mut payload = alloy_rlp::encode(header);
    payload.push(alloy_rlp::EMPTY_LIST_CODE);
    alloy_rlp::encode_list(ommers, &mut payload);
    if let Some(withdrawals) = withdrawals {
        alloy_rlp::encode_list(withdrawals, &mut payload);
    }
    let mut out = Vec::new();
    alloy_rlp::Header { list: true, payload_length: payload.len() }.encode(&mut out);
    out.extend(payload);
    out
}

fn body(bytes: &[u8], fork: Hardfork) -> Result<(), InvalidBody> {
    validate_body(&RawBlock::decode(bytes).unwrap(), fork, &DefaultCrypto::new())
}

#[test]
fn withdrawals_are_there_from_shanghai_on() {
    let (with, without) = (block(&header(), &[], Some(&[])), block(&header(), &[], None));
    for fork in Hardfork::ALL {
        let (expected_with, expected_without) = match fork >= Hardfork::Shanghai {
            true => (Ok(()), Err(InvalidBody::MissingWithdrawals { fork })),
            false => (Err(InvalidBody::SurplusWithdrawals { fork }), Ok(())),
        };
        assert_eq!(body(&with, fork), expected_with);
        assert_eq!(body(&without, fork), expected_without);
    }
}

#[test]
fn the_ommers_are_those_that_the_header_commits_to() {
    let bytes = block(&header(), &[header()], None);
    let crypto = DefaultCrypto::new();
    let found = RawBlock::decode(&bytes).unwrap().ommers_hash(&crypto);
    let error = InvalidBody::OmmersHash { expected: EMPTY_OMMERS_HASH, found };
    assert_eq!(body(&bytes, Hardfork::Berlin), Err(error));
    let header = Header { ommers_hash: found, ..header() };
    assert_eq!(body(&block(&header, &[self::header()], None), Hardfork::Berlin), Ok(()));
}

#[test]
fn a_block_has_at_most_eight_mebibytes_from_osaka_on() {
    let empty = block(&Header { extra_data: vec![0; 100_000].into(), ..header() }, &[], Some(&[]));
    let of_size = |size_bytes: usize| {
        let extra_data = vec![0; 100_000 + size_bytes - empty.len()].into();
        let header = Header { extra_data, ..header() };
        block(&header, &[], Some(&[]))
    };
    // Lengths of three bytes in front of block, header and extra data in both.
    let at_limit = of_size(8_388_608);
    assert_eq!(at_limit.len(), 8_388_608);
    let above = of_size(8_388_609);
    for fork in [Hardfork::Prague, Hardfork::Osaka, Hardfork::Bpo4] {
        assert_eq!(body(&at_limit, fork), Ok(()));
        let error = InvalidBody::TooLarge { size_bytes: 8_388_609, limit_bytes: 8_388_608 };
        let expected = if fork >= Hardfork::Osaka { Err(error) } else { Ok(()) };
        assert_eq!(body(&above, fork), expected);
    }
}

/// The outcome of a block of Prague with one request, and its header.
fn executed() -> (Header, BlockOutcome) {
    let requests = Requests(vec![Bytes::from_static(&[1, 2, 3])]);
    let header = Header {
        blob_gas_used: Some(131_072),
        requests_hash: Some(requests_hash(&requests, &DefaultCrypto::new())),
        ..header()
    };
    let outcome = BlockOutcome {
        gas_used: 21_000,
        blob_gas_used: 131_072,
        receipts: Vec::new(),
        logs_bloom: Bloom::repeat_byte(1),
        requests: Some(requests),
        state: StateDelta::default(),
        excluded: Vec::new(),
    };
    (header, outcome)
}

/// What is wrong with a header after a change.
fn changed(change: impl FnOnce(&mut Header)) -> Result<(), InvalidOutcome> {
    let (mut header, outcome) = executed();
    change(&mut header);
    validate_outcome(&header, &outcome, &DefaultCrypto::new())
}

#[test]
fn an_outcome_is_the_one_that_the_header_commits_to() {
    assert_eq!(changed(|_| ()), Ok(()));
    let error = InvalidOutcome::GasUsed { expected: 20_999, found: 21_000 };
    assert_eq!(changed(|header| header.gas_used = 20_999), Err(error));
    let error = InvalidOutcome::BlobGasUsed { expected: 0, found: 131_072 };
    assert_eq!(changed(|header| header.blob_gas_used = Some(0)), Err(error));
    let found = Box::new(Bloom::repeat_byte(1));
    let error = InvalidOutcome::LogsBloom { expected: Box::default(), found };
    assert_eq!(changed(|header| header.logs_bloom = Bloom::ZERO), Err(error));
    let found = executed().0.requests_hash.unwrap();
    let error = InvalidOutcome::RequestsHash { expected: B256::ZERO, found };
    assert_eq!(changed(|header| header.requests_hash = Some(B256::ZERO)), Err(error));
}

#[test]
fn a_header_of_an_early_fork_says_nothing_of_blobs_and_requests() {
    let result = changed(|header| {
        header.blob_gas_used = None;
        header.requests_hash = None;
    });
    assert_eq!(result, Ok(()));
}
