//! The difficulty tests: the difficulty of a block from its parent's, for each rule and delay of the bomb.

use alloy_primitives::U256;
use braid_executor::difficulty::expected_difficulty;
use braid_primitives::{ChainSpec, Hardfork};
use braid_tests::corpus::{corpus, files_below, named_values, parse};
use serde_json::Value;

#[test]
fn every_difficulty_follows_from_that_of_the_parent() {
    let Some(folder) = corpus("difficulty", "the difficulty tests") else { return };
    let (mut tests, mut cases) = (0, 0);
    let mut failures = Vec::new();
    for file in files_below(&folder, ".json") {
        for (name, networks) in named_values(&file) {
            tests += 1;
            for (network, test) in networks.as_object().into_iter().flatten() {
                let rules = rules_of(network);
                for (case, test) in test.as_object().into_iter().flatten() {
                    cases += 1;
                    if let Err(difference) = check(test, rules) {
                        failures.push(format!("{name}, {case}: {difference}"));
                    }
                }
            }
        }
    }
    eprintln!("{tests} difficulty tests, {cases} cases, {} failed", failures.len());
    assert_eq!((tests, cases), (17, 16_322), "tests and cases of the corpus");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Fork and delay of the bomb. Two delays came between forks that have a name of their own.
fn rules_of(network: &str) -> (Hardfork, u64) {
    let on_mainnet = |block| ChainSpec::mainnet().bomb_delay_blocks(block, 0);
    match network {
        "ArrowGlacier" => (Hardfork::London, on_mainnet(13_773_000)),
        "GrayGlacier" => (Hardfork::London, on_mainnet(15_050_000)),
        name => {
            let fork = name.parse().unwrap_or_else(|error| panic!("{error}"));
            (fork, ChainSpec::single(fork).bomb_delay_blocks(0, 0))
        }
    }
}

fn check(test: &Value, (fork, bomb_delay_blocks): (Hardfork, u64)) -> Result<(), String> {
    let number: u64 = parse(&test["currentBlockNumber"]);
    let found = expected_difficulty(
        number.checked_sub(1).ok_or("genesis has no parent")?,
        parse(&test["parentTimestamp"]),
        parse(&test["parentDifficulty"]),
        parse::<u64>(&test["parentUncles"]) != 0,
        parse(&test["currentTimestamp"]),
        fork,
        bomb_delay_blocks,
    );
    let expected: U256 = parse(&test["currentDifficulty"]);
    if found == expected { Ok(()) } else { Err(format!("expected {expected}, found {found}")) }
}
