//! `braid statetest`: exit codes, messages and JSON, on a test of its own.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::common::{ENGINES, Outcome, braid, edit, folder};

/// Hash of no logs.
const EMPTY_LOGS: &str = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";

const SENDER: &str = "0x1000000000000000000000000000000000000001";
const RECIPIENT: &str = "0x2000000000000000000000000000000000000002";
const BENEFICIARY: &str = "0x3000000000000000000000000000000000000003";

/// A transfer of 5 wei at a price of 10 and a base fee of 7, under Cancun.
fn transfer(root: &str) -> Value {
    json!({
        "env": {
            "currentCoinbase": BENEFICIARY,
            "currentGasLimit": "0x1c9c380",
            "currentNumber": "0x1",
            "currentTimestamp": "0x3e8",
            "currentRandom": format!("0x{}", "00".repeat(32)),
            "currentDifficulty": "0x0",
            "currentBaseFee": "0x7",
            "currentExcessBlobGas": "0x0",
        },
        "pre": {
            SENDER: {"nonce": "0x00", "balance": "0x0f4240", "code": "0x", "storage": {}},
        },
        "transaction": {
            "nonce": "0x0",
            "gasPrice": "0xa",
            "gasLimit": ["0x5208", "0x5207"],
            "to": RECIPIENT,
            "value": ["0x5"],
            "data": ["0x"],
            "sender": SENDER,
        },
        "post": {
            "Cancun": [{
                "hash": root,
                "logs": EMPTY_LOGS,
                "indexes": {"data": 0, "gas": 0, "value": 0},
            }],
        },
    })
}

fn root_of(state: &braid_executor::MemoryState) -> String {
    let crypto = braid_precompiles::DefaultCrypto::new();
    braid_trie::StateTrie::of(&state.to_delta(), &crypto).root(&crypto).to_string()
}

/// Root of the state that the transfer leads to, from its accounts.
fn transfer_root() -> String {
    use alloy_primitives::U256;
    use braid_executor::MemoryState;
    use braid_primitives::AccountInfo;
    let mut state = MemoryState::new();
    for (address, nonce, balance) in
        [(SENDER, 1, 1_000_000 - 21_000 * 10 - 5), (RECIPIENT, 0, 5), (BENEFICIARY, 0, 21_000 * 3)]
    {
        let balance = U256::from(balance);
        state.insert_account(
            address.parse().unwrap(),
            AccountInfo { nonce, balance, ..AccountInfo::default() },
        );
    }
    root_of(&state)
}

/// A file with the transfer, changed.
fn file(test: &str, change: impl FnOnce(&mut Value)) -> PathBuf {
    let path = folder(test).join("transfer.json");
    let tests = json!({"transfer": transfer(&transfer_root())});
    fs::write(&path, tests.to_string()).unwrap();
    edit(&path, |tests| change(&mut tests["transfer"]));
    path
}

fn statetest(path: &std::path::Path) -> Outcome {
    braid(&["statetest".as_ref(), path.as_os_str()])
}

#[test]
fn a_file_without_a_case_is_bad_input() {
    let path = file("statetest_no_case", |test| test["post"] = json!({}));
    statetest(&path).is_input_error(&["transfer.json: expected at least one test with a case"]);
}

#[test]
fn a_transfer_passes_and_is_counted() {
    let path = file("statetest_pass", |_| {});
    let engines = ENGINES.map(|engine| vec!["--engine", engine]);
    for arguments in engines.into_iter().chain([vec![], vec!["--threads", "3"]]) {
        let mut all = vec!["statetest", path.to_str().unwrap()];
        all.extend(arguments);
        let outcome = braid(&all);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        assert!(outcome.stdout.contains("1 passed, 0 failed"), "{outcome:?}");
    }
}

#[test]
fn json_is_one_line_for_each_case_and_one_for_the_summary() {
    let path = file("statetest_json", |test| {
        let mut low = test["post"]["Cancun"][0].clone();
        low["indexes"]["gas"] = json!(1);
        test["post"]["Cancun"].as_array_mut().unwrap().push(low);
    });
    let outcome = braid(&["statetest", "--json", path.to_str().unwrap()]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), ""), "{outcome:?}");
    let [good, bad, summary] = &outcome.json()[..] else { panic!("{outcome:?}") };
    assert_eq!(good["test"], json!("transfer"));
    assert_eq!(good["fork"], json!("Cancun"));
    assert_eq!(good["passed"], json!(true));
    assert_eq!((&good["gas"], &bad["gas"]), (&json!(0), &json!(1)));
    assert_eq!(bad["passed"], json!(false));
    assert_eq!(bad["differences"][0]["item"], json!("transaction"));
    assert_eq!(bad["differences"][0]["expected"], json!("to be accepted"));
    let found = bad["differences"][0]["found"].as_str().unwrap();
    assert_eq!(found, "rejected: gas limit 20999 is below the intrinsic gas 21000");
    let summary = &summary["summary"];
    assert_eq!(
        (&summary["total"], &summary["passed"], &summary["failed"], &summary["skipped"]),
        (&json!(2), &json!(1), &json!(1), &json!(0))
    );
}

#[test]
fn a_wrong_root_and_wrong_logs_are_one_line_each() {
    let wrong = format!("0x{}", "42".repeat(32));
    let path = file("statetest_wrong", |test| {
        test["post"]["Cancun"][0]["hash"] = json!(wrong);
        test["post"]["Cancun"][0]["logs"] = json!(wrong);
    });
    let outcome = statetest(&path);
    let case = format!("FAILED {}: transfer [Cancun d0 g0 v0]:", path.display());
    let root = transfer_root();
    outcome.is_failed_check(&format!("{case} state root: expected {wrong}, found {root}"));
    outcome.is_failed_check(&format!("{case} logs hash: expected {wrong}, found {EMPTY_LOGS}"));
}

#[test]
fn an_expected_exception_has_to_occur_and_to_be_the_right_one() {
    let with_exception = |test: &str, gas: usize, exception: &str| {
        let path = file(test, |test| {
            let case = &mut test["post"]["Cancun"][0];
            case["indexes"]["gas"] = json!(gas);
            case["expectException"] = json!(exception);
            if gas == 1 {
                // The state stays what it was.
                let mut state = braid_executor::MemoryState::new();
                let balance = alloy_primitives::U256::from(1_000_000);
                let info = braid_primitives::AccountInfo { balance, ..Default::default() };
                state.insert_account(SENDER.parse().unwrap(), info);
                case["hash"] = json!(root_of(&state));
            }
        });
        statetest(&path)
    };
    let low = "TransactionException.INTRINSIC_GAS_TOO_LOW";
    let outcome = with_exception("statetest_rejected", 1, low);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    let funds = "TransactionException.INSUFFICIENT_ACCOUNT_FUNDS";
    let either = with_exception("statetest_either", 1, &format!("{funds}|{low}"));
    assert_eq!(either.code, Some(0), "{either:?}");
    let outcome = with_exception("statetest_other_reason", 1, "TR_NoFunds");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let line = "expected to be rejected for TR_NoFunds, found rejected: gas limit 20999 is below";
    assert!(outcome.stdout.contains(line), "{outcome:?}");
    let outcome = with_exception("statetest_accepted", 0, low);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let line = format!("expected to be rejected for {low}, found accepted");
    assert!(outcome.stdout.contains(&line), "{outcome:?}");
    let outcome = with_exception("statetest_unknown_exception", 1, "TR_Gremlins");
    assert_eq!(outcome.code, Some(0), "a name that says nothing takes any rejection: {outcome:?}");
}

#[test]
fn encoded_transactions_are_decoded_and_compared() {
    let path = file("statetest_bytes", |test| {
        test["post"]["Cancun"][0]["txbytes"] = json!("0xc0");
    });
    let outcome = statetest(&path);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let line = "expected to be accepted, found rejected: malformed transaction: nonce: ";
    assert!(outcome.stdout.contains(line), "{outcome:?}");
}

#[test]
fn unknown_forks_and_indexes_out_of_bounds_are_named() {
    let path = file("statetest_fork", |test| {
        test["post"] = json!({"Atlantis": test["post"]["Cancun"]});
    });
    statetest(&path).is_input_error(&[
        "transfer.json: transfer: post: expected a hardfork from Frontier to Osaka",
        "found \"Atlantis\"",
    ]);
    let path = file("statetest_index", |test| {
        test["post"]["Cancun"][0]["indexes"]["value"] = json!(3);
    });
    statetest(&path).is_input_error(&[
        "transfer: post.Cancun[0].indexes: expected an index below 1, the length of value, found 3",
    ]);
}

#[test]
fn a_malformed_test_is_named_and_does_not_hide_the_others() {
    let path = file("statetest_mistyped", |_| {});
    edit(&path, |tests| {
        let mut bad = tests["transfer"].clone();
        bad["transaction"]["gasLimit"][1] = json!("lots");
        tests["bad"] = bad;
    });
    let outcome = statetest(&path);
    outcome.is_input_error(&[
        "transfer.json: bad: transaction.gasLimit[1]: expected a quantity as a 0x-string",
        "found string \"lots\"",
    ]);
    assert!(outcome.stdout.contains("1 passed, 0 failed"), "{outcome:?}");
    let path = file("statetest_missing", |test| {
        test["env"].as_object_mut().unwrap().remove("currentNumber");
    });
    statetest(&path).is_input_error(&["transfer: env: expected `currentNumber`, found none"]);
}

#[test]
fn truncated_json_damaged_gzip_and_missing_files_are_named() {
    let path = file("statetest_truncated", |_| {});
    let json = fs::read(&path).unwrap();
    fs::write(&path, &json[..json.len() - 9]).unwrap();
    statetest(&path).is_input_error(&["expected complete JSON, found the end of the file at line"]);
    let gzip = path.with_file_name("transfer.json.gz");
    fs::write(&gzip, [0x1f, 0x8b, 1, 2, 3]).unwrap();
    statetest(&gzip).is_input_error(&["expected gzip data, found a damaged stream"]);
    statetest(&path.with_file_name("nothing.json")).is_input_error(&["cannot be read: "]);
    statetest(&folder("statetest_empty"))
        .is_input_error(&["expected files named *.json or *.json.gz, found none"]);
}

#[test]
fn folders_are_searched_and_failures_beyond_the_first_fifty_are_counted() {
    let path = file("statetest_many", |test| {
        let mut case = test["post"]["Cancun"][0].clone();
        case["hash"] = json!(format!("0x{}", "42".repeat(32)));
        test["post"]["Cancun"] = json!(vec![case; 60]);
    });
    let root = path.parent().unwrap();
    fs::create_dir(root.join("below")).unwrap();
    fs::copy(&path, root.join("below/again.json")).unwrap();
    let outcome = statetest(root);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), ""), "{outcome:?}");
    let shown = outcome.stdout.lines().filter(|line| line.starts_with("FAILED")).count();
    assert_eq!(shown, 50);
    assert!(outcome.stdout.contains("120 cases failed"), "{outcome:?}");
}
