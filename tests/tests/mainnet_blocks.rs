//! Every mainnet block of the fixtures gives the receipts, requests and state that the chain has.

use braid_cli::{fixture::Fixture, replay::replay, verify::verify};
use braid_executor::{Engine, MissingRequestContracts, SequentialExecutor};
use braid_precompiles::{Crypto, DefaultCrypto};
use braid_tests::corpus::mainnet_blocks;
use braid_trie::Witness;

/// Of so many blocks one is executed on each engine, the others on the one that is the default: `braid run --engine` sweeps.
const ON_EACH_ENGINE: usize = 6;

const EACH: [Engine; 3] = [Engine::Plain, Engine::Threaded, Engine::Adaptive];

#[test]
fn every_mainnet_block_leads_to_what_the_chain_has() {
    let Some(set) = mainnet_blocks("the mainnet blocks") else { return };
    let crypto = DefaultCrypto::new();
    let mut failures = Vec::new();
    let total = set.numbers().len();
    for index in 0..total {
        let fixture = set.load(index, &crypto).unwrap();
        let is_on_each = index.is_multiple_of(ON_EACH_ENGINE);
        for engine in EACH.into_iter().filter(|e| is_on_each || *e == Engine::default()) {
            if let Err(difference) = check(&fixture, engine, &crypto) {
                let number = fixture.block.env.number;
                failures.push(format!("block {number}, {engine:?}: {difference}"));
            }
        }
    }
    eprintln!("{total} mainnet blocks, {} failed", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check<C: Crypto>(fixture: &Fixture, engine: Engine, crypto: &C) -> Result<(), String> {
    let mut executor = SequentialExecutor::new(fixture.spec.clone(), crypto.clone());
    executor.set_engine(engine);
    // The witnesses hold what the transactions read, not always the contracts of EIP-7002 and EIP-7251.
    executor.set_missing_request_contracts(MissingRequestContracts::Ignore);
    let mut statuses = Vec::new();
    let outcome = executor
        .execute_block_with(&fixture.block, &fixture.pre_state, |committed| {
            statuses.extend(committed.transaction().map(|(_, tx)| tx.status.is_success()));
        })
        .map_err(|error| error.to_string())?;
    let verdict = verify(fixture, &outcome, &statuses, engine, crypto);
    let differences: Vec<_> = verdict.differences.iter().map(ToString::to_string).collect();
    if differences.is_empty() { Ok(()) } else { Err(differences.join("; ")) }
}

#[test]
fn a_witness_is_used_up_and_its_trie_stays_small() {
    let Some(set) = mainnet_blocks("the witnesses of mainnet blocks") else { return };
    let crypto = DefaultCrypto::new();
    let (mut witnesses, mut nodes, mut witness_bytes, mut trie_bytes) = (0, 0, 0, 0);
    for index in 0..set.numbers().len() {
        let fixture = set.load(index, &crypto).unwrap();
        let Some(given) = &fixture.witness else { continue };
        let witness = Witness::new(given.nodes.iter().cloned(), &crypto);
        let replay =
            replay(&fixture, given.parent_state_root, &witness, Engine::default(), &crypto)
                .unwrap();
        let number = fixture.block.env.number;
        assert_eq!(replay.surplus, Ok(()), "block {number}");
        let size = replay.size;
        assert!(size.trie_bytes <= 3 * size.witness_bytes, "block {number}: {size:?}");
        witnesses += 1;
        nodes += size.nodes;
        witness_bytes += size.witness_bytes;
        trie_bytes += size.trie_bytes;
    }
    eprintln!(
        "{witnesses} witnesses of {nodes} nodes: {} bytes a node, in memory {}",
        witness_bytes / nodes,
        trie_bytes / nodes
    );
}
