//! The blocks of the blockchain tests: each valid one decodes, and its header keeps its hash.

use alloy_primitives::{B256, Bytes};
use braid_executor::codec::RawBlock;
use braid_precompiles::{Crypto, DefaultCrypto};
use braid_tests::corpus::{corpus, files_below, named_values, parse};
use serde_json::Value;

/// Networks whose headers have fields of forks that are not out yet.
const PROVISIONAL: &str = "Amsterdam";

#[test]
fn every_valid_block_decodes_and_its_header_encodes_to_its_hash() {
    let Some(folder) = corpus("blockchain", "the blocks of the blockchain tests") else { return };
    let mut failures = Vec::new();
    let mut blocks = 0;
    for file in files_below(&folder, ".json") {
        for (name, test) in named_values(&file) {
            if test["network"].as_str().is_some_and(|network| network.contains(PROVISIONAL)) {
                continue;
            }
            for (encoding, hash) in valid_blocks(&test) {
                blocks += 1;
                if let Err(difference) = examine(&encoding, hash) {
                    failures.push(format!("{name}, block {hash}: {difference}"));
                }
            }
        }
    }
    eprintln!("{blocks} blocks decoded, {} failed", failures.len());
    assert!(blocks > 0, "there are no blocks in {}", folder.display());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Encoding and hash of genesis, where it is encoded, and of the blocks that are in the chain.
fn valid_blocks(test: &Value) -> Vec<(Bytes, B256)> {
    let genesis = test.get("genesisRLP").map(|rlp| (rlp, &test["genesisBlockHeader"]));
    let blocks = test["blocks"].as_array().into_iter().flatten();
    let blocks = blocks.filter_map(|block| Some((&block["rlp"], block.get("blockHeader")?)));
    genesis
        .into_iter()
        .chain(blocks)
        .map(|(encoding, header)| (parse(encoding), parse(&header["hash"])))
        .collect()
}

fn examine(encoding: &[u8], hash: B256) -> Result<(), String> {
    let crypto = DefaultCrypto::new();
    let block = RawBlock::decode(encoding).map_err(|error| error.to_string())?;
    let encoded_again = block.header.hash(|bytes| crypto.keccak256(bytes));
    for (found, of) in [(block.hash(&crypto), "bytes"), (encoded_again, "fields")] {
        if found != hash {
            return Err(format!("the header's {of} have the hash {found}"));
        }
    }
    Ok(())
}
