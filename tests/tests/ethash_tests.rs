//! Ethash: the proofs of work of the corpus, and of a few blocks of mainnet.

use alloy_primitives::{B256, Bytes, U256};
use braid_cli::fixture::FixtureSet;
use braid_executor::{
    codec::decode_header,
    ethash::{Cache, Ethash, InvalidSeal, cache_bytes, dataset_bytes},
};
use braid_precompiles::{Crypto, DefaultCrypto};
use braid_tests::corpus::{corpus, files_below, fixtures, named_values, not_run, parse};

const CRYPTO: DefaultCrypto = DefaultCrypto::new();

#[test]
fn every_nonce_leads_to_what_its_test_says() {
    let Some(folder) = corpus("basic", "the proof-of-work tests") else { return };
    let ethash = Ethash::new(CRYPTO);
    let mut count = 0;
    let folder = folder.join("ethereum-tests/PoWTests");
    for (name, test) in files_below(&folder, ".json").iter().flat_map(|file| named_values(file)) {
        count += 1;
        let encoded: Bytes = parse(&test["header"]);
        let mut header = decode_header(&encoded).unwrap();
        let seal_hash = header.hash_without_seal(|bytes| CRYPTO.keccak256(bytes));
        assert_eq!(seal_hash, parse::<B256>(&test["header_hash"]), "{name}: hash without seal");
        assert_eq!(header.nonce[..], parse::<Bytes>(&test["nonce"])[..], "{name}: nonce");
        assert_eq!(cache_bytes(0), test["cache_size"].as_u64().unwrap(), "{name}: size of cache");
        assert_eq!(dataset_bytes(0), test["full_size"].as_u64().unwrap(), "{name}: size of data");

        let work =
            ethash.work(header.number, seal_hash, u64::from_be_bytes(header.nonce.0)).unwrap();
        assert_eq!(work.mix_hash, parse::<B256>(&test["mixHash"]), "{name}: mix hash");
        assert_eq!(work.result, parse::<B256>(&test["result"]), "{name}: result");

        // The nonces are arbitrary: what they lead to is enough for the least difficulty only.
        let refused = ethash.verify_header(&header);
        let result = U256::from_be_bytes(work.result.0);
        let is_above = |error: &InvalidSeal| matches!(error, InvalidSeal::AboveBoundary { result: r, .. } if *r == result);
        assert!(refused.as_ref().is_err_and(is_above), "{name}: {refused:?}");
        header.difficulty = U256::ONE;
        // The difficulty is part of what is hashed.
        let altered = ethash.verify_header(&header);
        assert!(matches!(altered, Err(InvalidSeal::MixHash { .. })), "{name}: {altered:?}");
        let verify = |difficulty| {
            let nonce = u64::from_be_bytes(header.nonce.0);
            ethash.verify(header.number, seal_hash, nonce, header.mix_hash, difficulty)
        };
        assert_eq!(verify(U256::ONE), Ok(()), "{name}");
        let expected: B256 = parse(&test["cache_hash"]);
        assert_eq!(hash_of_cache(0), expected, "{name}: hash of the cache");
    }
    eprintln!("{count} proof-of-work tests");
    assert_eq!(count, 2, "tests of the corpus");
}

fn hash_of_cache(epoch: u64) -> B256 {
    let cache = Cache::generate(epoch, &CRYPTO);
    let bytes: Vec<u8> =
        cache.items().as_flattened().iter().flat_map(|word| word.to_le_bytes()).collect();
    CRYPTO.keccak256(&bytes)
}

/// Of epochs 0, 3, 64 and 517, the last.
const MAINNET_BLOCKS: [u64; 4] = [1, 116_525, 1_920_000, 15_537_393];

#[test]
fn the_seals_of_mainnet_hold() {
    let Some(folder) = fixtures("the seals of mainnet blocks") else { return };
    let folder = folder.join("mainnet-blocks");
    if !folder.is_dir() {
        not_run("the seals of mainnet blocks", &folder);
        return;
    }
    let set = FixtureSet::open(&folder).unwrap();
    let ethash = Ethash::new(CRYPTO);
    let numbers: Vec<u64> = set.numbers().collect();
    for number in MAINNET_BLOCKS {
        let index = numbers.iter().position(|found| *found == number);
        let fixture = set.load(index.unwrap_or_else(|| panic!("no block {number}")), &CRYPTO);
        let mut header = fixture.unwrap().facts.header;
        assert_eq!(ethash.verify_header(&header), Ok(()), "block {number}");
        header.timestamp += 1;
        let altered = ethash.verify_header(&header);
        assert!(matches!(altered, Err(InvalidSeal::MixHash { .. })), "block {number}: {altered:?}");
    }
    eprintln!("{} seals of mainnet", MAINNET_BLOCKS.len());
}
