//! `braid run`: exit codes, messages and JSON, on the sample and on damaged copies of it.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::common::{ENGINES, Outcome, SAMPLE_BLOCK, block_file, braid, edit, folder, sample};

fn run(path: &Path) -> Outcome {
    braid(&["run".as_ref(), path.as_os_str()])
}

#[test]
fn the_built_in_sample_passes_and_so_does_a_plain_copy_of_it() {
    let built_in = braid(&["run"]);
    assert_eq!((built_in.code, built_in.stderr.as_str()), (Some(0), ""), "{built_in:?}");
    assert!(built_in.stdout.contains("1 passed, 0 failed"), "{built_in:?}");
    let folder = sample("run_plain");
    let copy = run(&folder);
    assert_eq!((copy.code, copy.stderr.as_str()), (Some(0), ""), "{copy:?}");
    let block = run(&folder.join(SAMPLE_BLOCK));
    assert_eq!((block.code, block.stderr.as_str()), (Some(0), ""), "{block:?}");
}

#[test]
fn the_flags_of_the_contract_are_accepted() {
    for flags in [&["--threads", "4"][..], &["--sequential"], &["--json"], &["--repeat", "2"]] {
        let outcome = braid(&[&["run"], flags].concat());
        assert_eq!(outcome.code, Some(0), "{flags:?}: {outcome:?}");
    }
}

#[test]
fn blocks_run_in_parallel_beside_sequential_execution_unless_told_otherwise() {
    let block = |flags: &[&str]| {
        let outcome = braid(&[&["run", "--json"], flags].concat());
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        outcome.json().swap_remove(0)
    };
    let is_compared = |block: &Value| {
        block["checked"]
            .as_array()
            .unwrap()
            .contains(&json!("parallel beside sequential execution"))
    };
    let number = |value: &Value| value.as_f64().unwrap();
    for threads in [2, 5] {
        let in_parallel = block(&["--threads", &threads.to_string(), "--repeat", "2"]);
        assert!(is_compared(&in_parallel));
        let parallel = &in_parallel["parallel"];
        assert_eq!(
            (&parallel["threads"], &parallel["execution"]),
            (&json!(threads), &json!("parallel"))
        );
        assert_eq!(parallel["seconds"], in_parallel["seconds"]);
        let speed_up = number(&in_parallel["sequential_seconds"]) / number(&parallel["seconds"]);
        assert!((number(&parallel["speed_up"]) / speed_up - 1.0).abs() < 1e-9);
    }
    let on_one_thread = block(&["--threads", "1"]);
    assert_eq!(on_one_thread["parallel"]["execution"], json!("sequential"));
    assert!(block(&[])["parallel"]["threads"].as_u64().unwrap() >= 1);

    let sequential = block(&["--sequential"]);
    assert!(!is_compared(&sequential) && sequential.get("parallel").is_none(), "{sequential}");
    assert_eq!(sequential["seconds"], sequential["sequential_seconds"]);

    let table = |flags: &[&str]| braid(&[&["run"], flags].concat()).stdout;
    let parallel = table(&["--threads", "3"]);
    assert!(parallel.contains("seq ms   par ms speed-up"), "{parallel}");
    assert!(parallel.contains(" times as fast on up to 3 threads\n"), "{parallel}");
    let sequential = table(&["--sequential"]);
    assert!(sequential.contains("time ms") && !sequential.contains("speed-up"), "{sequential}");
}

#[test]
fn every_engine_gives_the_same_results() {
    let result = |flags: &[&str]| {
        let outcome = braid(&[&["run", "--json"], flags].concat());
        assert_eq!(outcome.code, Some(0), "{flags:?}: {outcome:?}");
        let mut block = outcome.json().swap_remove(0);
        let block_facts = block.as_object_mut().unwrap();
        let is_time = |name: &str| {
            ["seconds", "mgas_per_second", "sequential_seconds", "parallel"].contains(&name)
        };
        block_facts.retain(|name, _| !is_time(name));
        block
    };
    let by_default = result(&[]);
    for engine in ENGINES {
        assert_eq!(result(&["--engine", engine]), by_default, "{engine}");
    }
}

#[test]
fn an_unknown_engine_is_named_along_with_those_there_are() {
    for command in [&["run"][..], &["statetest", "some.json"], &["blocktest", "some.json"]] {
        let outcome = braid(&[command, &["--engine", "fast"]].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
        for part in ["'fast'", "plain, threaded, adaptive"] {
            assert!(outcome.stderr.contains(part), "{outcome:?}");
        }
    }
}

#[test]
fn json_is_one_line_for_the_block_and_one_for_the_summary() {
    let outcome = braid(&["run", "--json"]);
    let [block, summary] = &outcome.json()[..] else { panic!("{outcome:?}") };
    assert_eq!(block["block"], json!(100_000_000));
    assert_eq!(block["fork"], json!("Osaka"));
    assert_eq!(block["passed"], json!(true));
    assert_eq!(block["differences"], json!([]));
    assert!(block["seconds"].as_f64().unwrap() > 0.0);
    assert!(block["checked"].as_array().unwrap().contains(&json!("state root")));
    let summary = &summary["summary"];
    assert_eq!(
        (&summary["total"], &summary["passed"], &summary["failed"], &summary["skipped"]),
        (&json!(1), &json!(1), &json!(0), &json!(0))
    );
    assert!(summary["seconds"].is_f64());
}

#[test]
fn a_set_without_blocks_is_bad_input() {
    let folder = sample("run_empty_set");
    edit(&folder.join("manifest.json"), |manifest| *manifest = json!([]));
    run(&folder).is_input_error(&["manifest.json: expected a list of at least one block"]);
}

#[test]
fn a_wrong_header_field_fails_its_check_and_the_hash() {
    let folder = sample("run_wrong_gas");
    let (mut found, mut hash) = (String::new(), String::new());
    edit(&block_file(&folder, "block.json"), |block| {
        found = block["gasUsed"].as_str().unwrap()[2..].to_owned();
        hash = block["hash"].as_str().unwrap().to_owned();
        block["gasUsed"] = json!("0x5208");
    });
    let found = u64::from_str_radix(&found, 16).unwrap();
    let outcome = run(&folder);
    outcome.is_failed_check(&format!(
        "FAILED block {SAMPLE_BLOCK}: gas used: expected 21000, found {found}"
    ));
    assert!(outcome.stdout.contains(&format!("block hash: expected {hash}, found")));
}

#[test]
fn each_wrong_root_is_one_line_with_what_was_expected() {
    let wrong = format!("0x{}", "42".repeat(32));
    for (field, item) in [
        ("receiptsRoot", "receipts root"),
        ("transactionsRoot", "transactions root"),
        ("withdrawalsRoot", "withdrawals root"),
        ("requestsHash", "requests hash"),
        ("stateRoot", "state root"),
    ] {
        let folder = sample(&format!("run_wrong_{field}"));
        edit(&block_file(&folder, "block.json"), |block| block[field] = json!(wrong));
        let outcome = run(&folder);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let line = format!("FAILED block {SAMPLE_BLOCK}: {item}: expected {wrong}, found 0x");
        assert_eq!(outcome.stdout.matches(&line).count(), 1, "{outcome:?}");
    }
}

#[test]
fn a_wrong_expectation_about_an_account_names_the_account() {
    let folder = sample("run_wrong_balance");
    let mut address = String::new();
    edit(&block_file(&folder, "expected.json"), |expected| {
        let (key, account) = expected["post_state"]
            .as_object_mut()
            .unwrap()
            .iter_mut()
            .find(|(_, account)| account["nonce"] == json!(1))
            .unwrap();
        account["nonce"] = json!(77);
        address = key.clone();
        expected["tx_gas"][0] = json!(1);
        expected["tx_status"][1] = json!(1 - expected["tx_status"][1].as_u64().unwrap());
    });
    let outcome = run(&folder);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let address: alloy_primitives::Address = address.parse().unwrap();
    outcome.is_failed_check(&format!(
        "FAILED block {SAMPLE_BLOCK}: post state {address} nonce: expected 77, found 1"
    ));
    assert!(outcome.stdout.contains("gas of transaction 0: expected 1, found "));
    assert!(outcome.stdout.contains("status of transaction 1: expected "));
}

#[test]
fn a_change_that_the_expectation_does_not_list_is_a_difference() {
    let folder = sample("run_unlisted");
    edit(&block_file(&folder, "expected.json"), |expected| {
        let accounts = expected["post_state"].as_object_mut().unwrap();
        // The senders of transactions change for certain.
        let key = accounts.iter().find(|(_, a)| a["nonce"].as_u64() > Some(0)).unwrap().0.clone();
        accounts.remove(&key);
    });
    let outcome = run(&folder);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains(": expected no change, found a change"), "{outcome:?}");
}

#[test]
fn json_output_holds_the_differences() {
    let folder = sample("run_json_differences");
    edit(&block_file(&folder, "expected.json"), |expected| expected["gas_used"] = json!(5));
    let outcome = braid(&["run".as_ref(), "--json".as_ref(), folder.as_os_str()]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let [block, summary] = &outcome.json()[..] else { panic!("{outcome:?}") };
    assert_eq!(block["passed"], json!(false));
    let difference = &block["differences"][0];
    assert_eq!((&difference["item"], &difference["expected"]), (&json!("gas used"), &json!("5")));
    assert_eq!(summary["summary"]["failed"], json!(1));
}

#[test]
fn an_invalid_transaction_makes_the_block_fail() {
    let folder = sample("run_invalid_block");
    let sender = |block: &Value| block["transactions"][0]["from"].as_str().unwrap().to_owned();
    let mut from = String::new();
    edit(&block_file(&folder, "block.json"), |block| from = sender(block));
    edit(&folder.join("manifest.json"), |manifest| {
        manifest[0]["complete_state"] = json!(false);
    });
    edit(&block_file(&folder, "pre_state.json"), |state| {
        let state = state.as_object_mut().unwrap();
        let key = state.keys().find(|key| key.eq_ignore_ascii_case(&from)).unwrap().clone();
        state[&key]["nonce"] = json!(99);
    });
    let outcome = run(&folder);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let line = "block: expected a valid block, found transaction 0: nonce";
    assert!(outcome.stdout.contains(line), "{outcome:?}");
}

#[test]
fn truncated_json_is_named_with_its_place() {
    let folder = sample("run_truncated");
    let path = block_file(&folder, "block.json");
    let json = fs::read(&path).unwrap();
    fs::write(&path, &json[..json.len() / 2]).unwrap();
    run(&folder).is_input_error(&[
        "block.json: transactions[",
        "expected complete JSON, found the end of the file at line ",
    ]);
}

#[test]
fn mistyped_json_is_named_with_its_item() {
    let folder = sample("run_mistyped");
    edit(&block_file(&folder, "block.json"), |block| {
        block["transactions"][17]["gas"] = json!(21_000);
    });
    run(&folder).is_input_error(&[
        "block.json: transactions[17].gas: expected a quantity of at most 64 bits as a 0x-string, \
         found integer `21000`",
    ]);
    let folder = sample("run_mistyped_state");
    edit(&block_file(&folder, "pre_state.json"), |state| {
        let (_, account) = state.as_object_mut().unwrap().iter_mut().next().unwrap();
        account["balance"] = json!("0xzz");
    });
    run(&folder).is_input_error(&[
        "pre_state.json: 0x",
        ".balance: expected a quantity of at most 256 bits as a 0x-string, found string \"0xzz\"",
    ]);
}

#[test]
fn a_missing_field_is_named() {
    let folder = sample("run_missing_field");
    edit(&block_file(&folder, "block.json"), |block| {
        block.as_object_mut().unwrap().remove("timestamp");
    });
    run(&folder).is_input_error(&["block.json: expected `timestamp`, found none"]);
    let folder = sample("run_missing_base_fee");
    edit(&block_file(&folder, "block.json"), |block| {
        block.as_object_mut().unwrap().remove("baseFeePerGas");
    });
    run(&folder).is_input_error(&["block.json: baseFeePerGas: expected ", "which Osaka requires"]);
}

#[test]
fn missing_files_and_folders_are_named() {
    for name in ["block.json", "pre_state.json"] {
        let folder = sample(&format!("run_missing_{name}"));
        fs::remove_file(block_file(&folder, name)).unwrap();
        run(&folder).is_input_error(&[name, "expected a file of this name, or ", "found neither"]);
    }
    for name in ["bytecodes", "block_hashes"] {
        let folder = sample(&format!("run_missing_{name}"));
        fs::remove_file(folder.join(format!("{name}.json"))).unwrap();
        run(&folder).is_input_error(&[name, &format!("expected {name}.json or {name}.json.gz in")]);
    }
    let folder = folder("run_empty_folder");
    run(&folder).is_input_error(&["expected a set (with manifest.json) or a block"]);
    run(&folder.join("nowhere")).is_input_error(&["nowhere: cannot be read: "]);
}

#[test]
fn a_fixture_without_expectations_is_checked_against_its_header_alone() {
    let folder = sample("run_no_expected");
    fs::remove_file(block_file(&folder, "expected.json")).unwrap();
    let outcome = run(&folder);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("post state (the fixture has no expected.json)"));
}

#[test]
fn damaged_gzip_is_named() {
    let folder = sample("run_gzip");
    fs::remove_file(block_file(&folder, "pre_state.json")).unwrap();
    fs::write(block_file(&folder, "pre_state.json.gz"), [0x1f, 0x8b, 8, 0, 1, 2, 3]).unwrap();
    run(&folder).is_input_error(&["pre_state.json.gz: expected gzip data, found a damaged stream"]);
    fs::write(block_file(&folder, "pre_state.json.gz"), b"{}").unwrap();
    run(&folder).is_input_error(&["pre_state.json.gz: expected gzip data, found a damaged stream"]);
}

#[test]
fn an_unknown_fork_is_quoted() {
    let folder = sample("run_fork");
    edit(&folder.join("manifest.json"), |manifest| manifest[0]["hardfork"] = json!("Atlantis"));
    run(&folder).is_input_error(&[
        "manifest.json: [0].hardfork: expected a hardfork from Frontier to Osaka",
        "found \"Atlantis\"",
    ]);
    edit(&folder.join("manifest.json"), |manifest| {
        manifest[0]["hardfork"] = json!("Prague");
    });
    run(&folder).is_input_error(&[
        "manifest.json: block 100000000, fork: expected Prague, by number and timestamp, found Osaka",
    ]);
}

#[test]
fn an_invalid_signature_is_named_with_its_transaction() {
    let change = |test: &str, field: &str, value: Value| {
        let folder = sample(test);
        edit(&block_file(&folder, "block.json"), |block| {
            block["transactions"][3][field] = value;
        });
        run(&folder)
    };
    change("run_signature_zero", "s", json!("0x0")).is_input_error(&[
        "block.json: transactions[3].s: expected a valid signature: s from 1 to below the order",
        "found 0x0",
    ]);
    let high = "0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1";
    change("run_signature_high", "s", json!(high)).is_input_error(&[
        "transactions[3].s: expected a valid signature: s of at most half the order",
        high,
    ]);
    let stranger = format!("0x{}", "11".repeat(20));
    change("run_signature_stranger", "from", json!(stranger)).is_input_error(&[
        "transactions[3].from: expected 0x",
        ", whom the signature belongs to, found 0x1111111111111111111111111111111111111111",
    ]);
    change("run_signature_chain", "chainId", json!("0x5")).is_input_error(&[
        "transactions[3].v: expected a valid signature: signature for chain 1, found to be for \
         chain 5",
    ]);
}

#[test]
fn code_that_is_not_there_or_not_itself_is_named() {
    let folder = sample("run_code");
    let mut hash = String::new();
    edit(&folder.join("bytecodes.json"), |codes| {
        let (key, code) = codes.as_object_mut().unwrap().iter_mut().next().unwrap();
        hash = key.clone();
        *code = json!("0x00");
    });
    run(&folder).is_input_error(&[&hash, "expected code whose Keccak-256 is its key"]);
    edit(&folder.join("bytecodes.json"), |codes| {
        codes.as_object_mut().unwrap().remove(&hash);
    });
    run(&folder).is_input_error(&["pre_state.json: 0x", ".code_hash: expected a hash that", &hash]);
}

#[test]
fn a_state_that_is_not_the_one_of_the_manifest_is_refused() {
    let folder = sample("run_state");
    edit(&block_file(&folder, "pre_state.json"), |state| {
        let (_, account) = state.as_object_mut().unwrap().iter_mut().next().unwrap();
        account["balance"] = json!("0x123456789");
    });
    run(&folder).is_input_error(&["pre_state.json: expected the state of root 0x"]);
}

#[test]
fn bad_input_does_not_hide_the_other_inputs() {
    let (good, bad) = (sample("run_good_of_two"), folder("run_bad_of_two"));
    let outcome = braid(&["run".as_ref(), bad.as_os_str(), good.as_os_str()]);
    outcome.is_input_error(&["run_bad_of_two"]);
    assert!(outcome.stdout.contains("1 passed, 0 failed"), "{outcome:?}");
}

#[test]
fn bad_usage_is_refused_with_exit_code_2() {
    for arguments in [
        &["run", "--frobnicate"][..],
        &["run", "--threads", "0"],
        &["run", "--repeat", "0"],
        &["run", "--engine", "fast"],
        &["run", "--engine"],
        &["fly"],
        &[],
        &["statetest"],
        &["blocktest"],
    ] {
        let outcome = braid(arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
        assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    }
    let outcome = braid(&["run", "--frobnicate"]);
    assert!(outcome.stderr.starts_with("error: unexpected argument '--frobnicate' found"));
}
