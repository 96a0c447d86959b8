//! `braid bench`: what is measured, what is said, and what is refused.

use std::fs;

use serde_json::{Value, json};

use super::common::{Outcome, SAMPLE_BLOCK, block_file, braid, edit, folder, sample};

/// Small blocks, so that tests are quick.
const SMALL: [&str; 4] = ["--gas", "6300000", "--runs", "1"];

fn bench(arguments: &[&str]) -> Outcome {
    braid(&[&["bench"], arguments, &SMALL].concat())
}

/// The JSON of blocks, and of the summary.
fn json_of(outcome: &Outcome) -> (Vec<Value>, Value) {
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    let mut lines = outcome.json();
    let summary = lines.pop().unwrap();
    (lines, summary["summary"].clone())
}

#[test]
fn a_block_is_measured_with_each_number_of_threads() {
    // Large enough to be worth it.
    let (blocks, summary) = json_of(&braid(&[
        "bench",
        "swaps/many_pools",
        "serial",
        "--threads",
        "1,2,5",
        "--json",
        "--gas",
        "18900000",
        "--runs",
        "1",
    ]));
    let [independent, serial] = &blocks[..] else { panic!("{blocks:?}") };
    assert_eq!(independent["block"], json!("swaps/many_pools"));
    assert_eq!(
        (&independent["transactions"], &independent["gas_used"]),
        (&json!(231), &json!(18_820_585))
    );
    assert_eq!(
        (&serial["block"], &serial["longest_chain"]),
        (&json!("serial"), &serial["transactions"])
    );
    assert_eq!(independent["dependent_transactions"], json!(0));
    for block in &blocks {
        assert_eq!((&block["passed"], &block["differences"]), (&json!(true), &json!([])));
        assert!(block["sequential_seconds"].as_f64().unwrap() > 0.0);
        let parallel = block["parallel"].as_array().unwrap();
        let threads: Vec<&Value> = parallel.iter().map(|one| &one["threads"]).collect();
        assert_eq!(threads, [1, 2, 5]);
        assert_eq!(parallel[0]["execution"], json!("sequential"));
        assert_eq!(parallel[2]["execution"], json!("parallel"));
        assert!(parallel[2]["runs_per_unit"].as_f64().unwrap() >= 1.0);
        let [p50, p99] = ["commit_latency_p50_us", "commit_latency_p99_us"]
            .map(|name| parallel[2][name].as_f64().unwrap());
        assert!(p50 >= 0.0 && p50 <= p99);
        assert!(parallel[2]["bytes_per_waiting_transaction"].is_u64());
        for one in parallel {
            let number = |name: &str| one[name].as_f64().unwrap();
            let speed_up = block["sequential_seconds"].as_f64().unwrap() / number("seconds");
            assert!((number("speed_up") / speed_up - 1.0).abs() < 1e-9);
            assert!(number("ggas_per_second") > 0.0);
            assert!(number("bound") >= 1.0 && number("bound") <= number("threads"));
        }
    }
    assert_eq!(serial["parallel"][2]["bound"], json!(1.0));
    let counts = ["total", "passed", "failed", "skipped"].map(|name| summary[name].clone());
    assert_eq!(counts, [2, 2, 0, 0]);
}

#[test]
fn the_table_has_all_synthetic_blocks_and_the_sample() {
    let nowhere = folder("bench_nowhere");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_braid"));
    command.arg("bench").args(SMALL).args(["--threads", "2"]).env("BRAID_FIXTURES", nowhere);
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    let out = out.unwrap();
    assert_eq!((output.status.code(), err.unwrap().as_str()), (Some(0), ""), "{out}");
    let names: Vec<&str> = out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for name in [
        "transfers/independent",
        "transfers/one_sender",
        "transfers/one_recipient",
        "erc20/many_tokens",
        "erc20/one_token",
        "erc20/hot_holder",
        "swaps/many_pools",
        "swaps/one_pool",
        "mixed",
        "serial",
        "pool_first",
        "sample/100000000",
    ] {
        assert_eq!(names.iter().filter(|found| **found == name).count(), 1, "{name} in {out}");
    }
    assert!(out.contains("\n2 threads: lowest speed-up "), "{out}");
    assert!(out.contains("\nmainnet blocks: not measured, there is no folder "), "{out}");
    assert!(out.contains("\n12 blocks in ") && out.contains("12 passed, 0 failed"), "{out}");
}

#[test]
fn blocks_of_a_folder_are_measured_by_number() {
    let folder = sample("bench_set");
    let path = folder.to_str().unwrap();
    let (blocks, _) =
        json_of(&bench(&["mainnet/", "--fixtures", path, "--threads", "2", "--json"]));
    let [block] = &blocks[..] else { panic!("{blocks:?}") };
    assert_eq!(block["block"], json!(format!("mainnet/{SAMPLE_BLOCK}")));
    assert_eq!(block["transactions"], json!(318));
    let table = bench(&["mainnet/", "--fixtures", path, "--threads", "2", "--no-foresight"]);
    let means = "1 of mainnet's blocks with 30 transactions or more, geometric means: speed-up ";
    assert!(table.stdout.contains(means), "{table:?}");
}

#[test]
fn an_invalid_block_fails_and_a_missing_file_is_named() {
    let folder = sample("bench_invalid");
    edit(&folder.join("manifest.json"), |manifest| manifest[0]["complete_state"] = json!(false));
    edit(&block_file(&folder, "pre_state.json"), |state| {
        for account in state.as_object_mut().unwrap().values_mut() {
            account["nonce"] = json!(account["nonce"].as_u64().unwrap_or_default() + 9);
        }
    });
    let path = folder.to_str().unwrap();
    let arguments = ["mainnet", "--fixtures", path, "--threads", "2"];
    let outcome = bench(&arguments);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let line =
        format!("FAILED block mainnet/{SAMPLE_BLOCK}: block: expected a valid block, found ");
    assert!(outcome.stdout.contains(&line), "{outcome:?}");
    fs::remove_file(block_file(&folder, "pre_state.json")).unwrap();
    bench(&arguments).is_input_error(&["pre_state.json", "found neither"]);
}

#[test]
fn a_slow_state_is_waited_for() {
    let (blocks, _) = json_of(&bench(&[
        "transfers/independent",
        "--read-latency",
        "20",
        "--threads",
        "4",
        "--json",
    ]));
    let [block] = &blocks[..] else { panic!("{blocks:?}") };
    // Sender and recipient of each transfer, and a few others.
    let reads = block["slow_reads"].as_u64().unwrap();
    assert!((600..620).contains(&reads), "{reads}");
    let read_seconds = block["slow_read_microseconds"].as_f64().unwrap() / 1e6;
    assert!(read_seconds >= 20e-6, "{read_seconds}");
    assert!(block["sequential_seconds"].as_f64().unwrap() >= 600.0 * 20e-6);
    assert_eq!(block["parallel"][0]["bound"], json!(4.0));
}

#[test]
fn conflict_graphs_are_saved() {
    let folder = folder("graphs").join("made");
    let path = folder.to_str().unwrap();
    let outcome = bench(&["serial", "swaps/many_pools", "--threads", "2", "--save-graphs", path]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for (name, depends) in [("serial", true), ("swaps-many_pools", false)] {
        let text = fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
        let mut lines = text.lines();
        let commit = lines.next().unwrap().strip_prefix("commit ").unwrap();
        assert!(commit.parse::<u64>().unwrap() > 0, "{commit}");
        for (position, line) in lines.enumerate() {
            let columns: Vec<_> = line.split(' ').collect();
            let [ns, on, own] = columns[..] else { panic!("{line}") };
            assert!(ns.parse::<u64>().unwrap() > 0, "{line}");
            assert_eq!(own, position.to_string());
            let before = position.checked_sub(1).filter(|_| depends);
            assert_eq!(on, before.map_or("-".to_owned(), |before| before.to_string()));
        }
    }
    fs::remove_file(folder.join("serial.txt")).unwrap();
    fs::create_dir(folder.join("serial.txt")).unwrap();
    bench(&["serial", "--threads", "2", "--save-graphs", path]).is_input_error(&["serial.txt: "]);
}

#[test]
fn an_unknown_name_is_refused_with_those_there_are() {
    let outcome = bench(&["mixed", "swops"]);
    outcome.is_input_error(&[
        "no block has \"swops\" in its name; there are transfers/independent, ",
        "swaps/one_pool, mixed, serial, pool_first, sample/NUMBER, ",
    ]);
    assert_eq!(outcome.stdout, "");
}

#[test]
fn bad_options_are_refused() {
    for (arguments, part) in [
        (&["--threads", "0"][..], "'0' for '--threads <N,..>'"),
        (&["--threads", "2,x"], "'x' for '--threads <N,..>'"),
        (&["--runs", "0"], "--runs <N>"),
        (&["--gas", "0"], "--gas <GAS>"),
        (&["--read-latency", "-5"], "-5"),
        (&["--sequential"], "--sequential"),
    ] {
        let outcome = braid(&[&["bench", "mixed"], arguments].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
        assert!(outcome.stderr.contains(part), "{part:?} is not in {:?}", outcome.stderr);
    }
    let missing = bench(&["mainnet", "--fixtures", "/nowhere/at/all"]);
    missing.is_input_error(&["/nowhere/at/all: cannot be read: "]);
}
