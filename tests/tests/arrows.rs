//! Dependencies point downwards, and what is shipped stays free of what only tests need.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, process::Command};

use braid_tests::corpus::repository;
use serde_json::Value;

/// Each crate that is shipped, and those of the project that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("braid-primitives", &[]),
    ("braid-interpreter", &["braid-primitives"]),
    ("braid-precompiles", &["braid-primitives"]),
    ("braid-mv-memory", &["braid-primitives"]),
    ("braid-scheduler", &["braid-primitives"]),
    ("braid-trie", &["braid-precompiles", "braid-primitives"]),
    (
        "braid-executor",
        &[
            "braid-interpreter",
            "braid-mv-memory",
            "braid-precompiles",
            "braid-primitives",
            "braid-scheduler",
        ],
    ),
    ("braid-shreds", &["braid-executor", "braid-primitives", "braid-trie"]),
    (
        "braid",
        &[
            "braid-executor",
            "braid-interpreter",
            "braid-precompiles",
            "braid-primitives",
            "braid-shreds",
            "braid-trie",
        ],
    ),
];

/// Crates that check the others; nothing depends on them.
const CHECKERS: &[&str] = &["braid-tests", "braid-benches", "braid-fuzz"];

/// Dependencies that nothing shipped may have, not even through another.
///
/// alloy-trie is an oracle too, but alloy-consensus, which decodes transactions for the command line, brings it along.
const ORACLES: &[&str] = &["revm", "evmone", "evmc", "eth_trie", "ethrex_trie", "triehash"];

/// Dependencies that only the command line may have, not even through another: arguments, network, asynchronous run-times.
const COMMAND_LINE_ONLY: &[&str] =
    &["clap", "hyper", "indicatif", "reqwest", "rustls", "tokio", "tungstenite", "ureq"];

/// The package that holds the command line.
const COMMAND_LINE: &str = "braid";

fn cargo(arguments: &[&str]) -> String {
    let cargo = Command::new(env!("CARGO")).args(arguments).current_dir(repository()).output();
    let output = cargo.unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {} failed: {message}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// The packages of the workspace: name, and the project's own packages that they depend on, in any way.
fn packages() -> BTreeMap<String, Vec<String>> {
    let metadata = cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let name = |package: &Value| package["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            let own = dependencies.iter().filter(|dependency| dependency.get("path").is_some());
            (name(package), own.map(name).collect())
        })
        .collect()
}

fn is_checker(package: &str) -> bool {
    CHECKERS.contains(&package)
}

#[test]
fn crates_depend_only_on_those_below_them() {
    for (package, dependencies) in packages() {
        if is_checker(&package) {
            continue;
        }
        let arrows = ARROWS.iter().find(|(name, _)| *name == package);
        let (_, allowed) = arrows.unwrap_or_else(|| panic!("{package} has no row in the table"));
        for dependency in dependencies {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{package} depends on {dependency}, which is not below it"
            );
        }
    }
}

#[test]
fn nothing_depends_on_what_only_checks() {
    for (package, dependencies) in packages() {
        for dependency in dependencies.iter().filter(|_| !is_checker(&package)) {
            assert!(!is_checker(dependency), "{package} depends on {dependency}");
        }
    }
}

#[test]
fn nothing_shipped_contains_an_oracle_and_only_the_command_line_talks() {
    for package in packages().into_keys().filter(|package| !is_checker(package)) {
        let tree = cargo(&[
            "tree",
            "--offline",
            "--package",
            &package,
            "--edges=normal,build",
            "--all-features",
            "--prefix=none",
            "--format={lib}",
        ]);
        let has = |banned: &[&str]| {
            tree.lines().map(str::trim).find(|line| banned.contains(line)).map(str::to_owned)
        };
        assert_eq!(has(ORACLES), None, "{package} contains an oracle");
        if package != COMMAND_LINE {
            assert_eq!(has(COMMAND_LINE_ONLY), None, "only {COMMAND_LINE} may contain this");
        }
    }
}
