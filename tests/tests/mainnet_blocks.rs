//! Every mainnet block of the fixtures gives the receipts, requests and state that the chain has.

use braid_cli::{
    fixture::{Fixture, FixtureSet},
    verify::verify,
};
use braid_executor::{MissingRequestContracts, SequentialExecutor};
use braid_precompiles::{Crypto, DefaultCrypto};
use braid_tests::corpus::{fixtures, not_run};

#[test]
fn every_mainnet_block_leads_to_what_the_chain_has() {
    let Some(folder) = fixtures("the mainnet blocks") else { return };
    let folder = folder.join("mainnet-blocks");
    if !folder.is_dir() {
        not_run("the mainnet blocks", &folder);
        return;
    }
    let crypto = DefaultCrypto::new();
    let set = FixtureSet::open(&folder).unwrap();
    let mut failures = Vec::new();
    let total = set.numbers().len();
    for index in 0..total {
        let fixture = set.load(index, &crypto).unwrap();
        if let Err(difference) = check(&fixture, &crypto) {
            failures.push(format!("block {}: {difference}", fixture.block.env.number));
        }
    }
    eprintln!("{total} mainnet blocks, {} failed", failures.len());
    assert!(total > 0, "there are no blocks in {}", folder.display());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check<C: Crypto>(fixture: &Fixture, crypto: &C) -> Result<(), String> {
    let mut executor = SequentialExecutor::new(fixture.spec.clone(), crypto.clone());
    // The witnesses hold what the transactions read, not always the contracts of EIP-7002 and EIP-7251.
    executor.set_missing_request_contracts(MissingRequestContracts::Ignore);
    let mut statuses = Vec::new();
    let outcome = executor
        .execute_block_with(&fixture.block, &fixture.pre_state, |committed| {
            statuses.extend(committed.transaction().map(|(_, tx)| tx.status.is_success()));
        })
        .map_err(|error| error.to_string())?;
    let verdict = verify(fixture, &outcome, &statuses, crypto);
    let differences: Vec<_> = verdict.differences.iter().map(ToString::to_string).collect();
    if differences.is_empty() { Ok(()) } else { Err(differences.join("; ")) }
}
