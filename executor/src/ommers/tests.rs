//! Chains of ten blocks, and ommers of the last.

use braid_precompiles::DefaultCrypto;
use braid_primitives::{EMPTY_OMMERS_HASH, U256};

use super::*;

const FORK: Hardfork = Hardfork::Homestead;

fn hash(header: &Header) -> B256 {
    let crypto = DefaultCrypto::new();
    header.hash(|bytes| crypto.keccak256(bytes))
}

/// A valid child, ten seconds later, that differs from others by its extra data.
fn child(parent: &Header, tag: u8) -> Header {
    Header {
        parent_hash: hash(parent),
        number: parent.number + 1,
        timestamp: parent.timestamp + 10,
        extra_data: vec![tag].into(),
        ..parent.clone()
    }
}

/// Blocks 0 to 10.
fn chain() -> Vec<Header> {
    let genesis = Header {
        ommers_hash: EMPTY_OMMERS_HASH,
        difficulty: U256::from(2_048_000),
        gas_limit: 10_000_000,
        ..Header::default()
    };
    let mut chain = vec![genesis];
    for _ in 0..10 {
        chain.push(child(&chain[chain.len() - 1], 0));
    }
    chain
}

/// The ancestors of the last block of a chain, the parent first.
fn ancestors(chain: &[Header]) -> Vec<Ancestor> {
    let sealed = |header: &Header| SealedHeader { hash: hash(header), header: header.clone() };
    let ancestor = |header| Ancestor { block: sealed(header), ommer_hashes: Vec::new() };
    chain.iter().rev().skip(1).map(ancestor).collect()
}

/// What is wrong with ommers of the last block.
fn validate(chain: &[Header], ommers: &[Header]) -> Result<(), InvalidOmmers> {
    let (spec, crypto) = (ChainSpec::single(FORK), DefaultCrypto::new());
    validate_ommers(ommers, &chain[chain.len() - 1], &ancestors(chain), &spec, &crypto)
}

#[test]
fn a_child_of_an_ancestor_two_to_seven_generations_up_is_an_ommer() {
    let chain = chain();
    for number in 3..=8 {
        assert_eq!(validate(&chain, &[child(&chain[number], 1)]), Ok(()), "{number}");
    }
    let too_old = child(&chain[2], 1);
    let parent_hash = hash(&chain[2]);
    let error = InvalidOmmers::ParentNotAncestor { index: 0, parent_hash };
    assert_eq!(validate(&chain, &[too_old]), Err(error));
    let sibling = child(&chain[9], 1);
    let error = InvalidOmmers::Sibling { index: 1, parent_hash: hash(&chain[9]) };
    assert_eq!(validate(&chain, &[child(&chain[8], 1), sibling]), Err(error));
    let nephew = child(&chain[10], 1);
    let error = InvalidOmmers::ParentNotAncestor { index: 0, parent_hash: hash(&chain[10]) };
    assert_eq!(validate(&chain, &[nephew]), Err(error));
}

#[test]
fn an_ommer_on_a_branch_is_no_ommer() {
    let chain = chain();
    let branch = child(&chain[6], 1);
    let parent_hash = hash(&branch);
    let error = InvalidOmmers::ParentNotAncestor { index: 0, parent_hash };
    assert_eq!(validate(&chain, &[child(&branch, 1)]), Err(error));
}

#[test]
fn a_short_chain_has_few_ancestors() {
    let chain = &chain()[..4];
    assert_eq!(validate(chain, &[child(&chain[0], 1), child(&chain[1], 1)]), Ok(()));
    let error = InvalidOmmers::ParentNotAncestor { index: 0, parent_hash: B256::ZERO };
    assert_eq!(validate(chain, &[Header::default()]), Err(error));
}

#[test]
fn a_block_has_at_most_two_different_ommers() {
    let chain = chain();
    let ommers = [1, 2, 3].map(|tag| child(&chain[8], tag));
    assert_eq!(validate(&chain, &[]), Ok(()));
    assert_eq!(validate(&chain, &ommers[..2]), Ok(()));
    assert_eq!(validate(&chain, &ommers), Err(InvalidOmmers::TooMany { most: 2, found: 3 }));
    let twice = [ommers[0].clone(), ommers[0].clone()];
    let error = InvalidOmmers::Duplicate { index: 1, hash: hash(&ommers[0]) };
    assert_eq!(validate(&chain, &twice), Err(error));
}

#[test]
fn an_ancestor_is_no_ommer() {
    let chain = chain();
    for generation in 1..=7 {
        let ancestor = &chain[10 - generation];
        let error = InvalidOmmers::Ancestor { index: 0, hash: hash(ancestor), generation };
        assert_eq!(validate(&chain, std::slice::from_ref(ancestor)), Err(error));
    }
    // Eight up it is not told from other blocks, but its parent is too far.
    let parent_hash = hash(&chain[1]);
    let error = InvalidOmmers::ParentNotAncestor { index: 0, parent_hash };
    assert_eq!(validate(&chain, &chain[2..3]), Err(error));
}

#[test]
fn an_ommer_is_rewarded_once() {
    let (chain, crypto, spec) = (chain(), DefaultCrypto::new(), ChainSpec::single(FORK));
    let ommer = child(&chain[3], 1);
    let hash = hash(&ommer);
    for generation in 1..=7 {
        let mut ancestors = ancestors(&chain);
        ancestors[generation - 1].ommer_hashes = vec![B256::ZERO, hash];
        let ommers = std::slice::from_ref(&ommer);
        assert_eq!(
            validate_ommers(ommers, &chain[10], &ancestors, &spec, &crypto),
            Err(InvalidOmmers::AlreadyIncluded { index: 0, hash, generation })
        );
    }
}

#[test]
fn an_ommer_follows_its_own_parent() {
    let chain = chain();
    let valid = child(&chain[8], 1);
    let wrong = Header { timestamp: chain[8].timestamp, ..valid.clone() };
    let timestamp = chain[8].timestamp;
    let error = InvalidHeader::Timestamp { parent: timestamp, found: timestamp };
    assert_eq!(
        validate(&chain, &[valid.clone(), wrong]),
        Err(InvalidOmmers::Header { index: 1, error })
    );
    let other_number = Header { number: 8, ..valid };
    let error = InvalidHeader::Number { parent: 8, found: 8 };
    assert_eq!(validate(&chain, &[other_number]), Err(InvalidOmmers::Header { index: 0, error }));
}

#[test]
fn there_are_no_ommers_from_paris_on() {
    let (chain, crypto) = (chain(), DefaultCrypto::new());
    let spec = ChainSpec::single(Hardfork::Paris);
    let ommers = [child(&chain[8], 1)];
    let with =
        |ommers: &[Header]| validate_ommers(ommers, &chain[10], &ancestors(&chain), &spec, &crypto);
    assert_eq!(with(&ommers), Err(InvalidOmmers::NotAllowed { found: 1 }));
    assert_eq!(with(&[]), Ok(()));
}
