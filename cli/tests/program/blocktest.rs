//! `braid blocktest`: exit codes, messages and JSON, on a test of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B64, B256, Bytes, U256, hex};
use braid_executor::MemoryState;
use braid_precompiles::{Crypto, DefaultCrypto};
use braid_primitives::{AccountInfo, EMPTY_OMMERS_HASH, Header, SealedHeader, Withdrawal};
use braid_trie::{EMPTY_ROOT, StateTrie, withdrawals_root};
use serde_json::{Value, json};

use super::common::{ENGINES, Outcome, braid, edit, folder};

const RECIPIENT: Address = Address::repeat_byte(0x20);

/// State root when the recipient has so many gwei.
fn state_root(gwei: u64) -> B256 {
    let mut state = MemoryState::new();
    let balance = U256::from(gwei) * U256::from(1_000_000_000);
    state.insert_account(RECIPIENT, AccountInfo { balance, ..AccountInfo::default() });
    let crypto = DefaultCrypto::new();
    StateTrie::of(&state.to_delta(), &crypto).root(&crypto)
}

fn seal(header: Header) -> SealedHeader {
    header.seal(|bytes| DefaultCrypto::new().keccak256(bytes))
}

/// Genesis: the recipient has 1 gwei.
fn genesis() -> SealedHeader {
    seal(Header {
        ommers_hash: EMPTY_OMMERS_HASH,
        state_root: state_root(1),
        transactions_root: EMPTY_ROOT,
        receipts_root: EMPTY_ROOT,
        gas_limit: 30_000_000,
        timestamp: 1_000,
        nonce: B64::ZERO,
        base_fee_per_gas: Some(7),
        withdrawals_root: Some(EMPTY_ROOT),
        ..Header::default()
    })
}

/// A block of nothing but withdrawals.
struct Block {
    header: Header,
    withdrawals: Vec<Withdrawal>,
}

impl Block {
    /// A child in which the recipient withdraws an amount, which makes `total_gwei`.
    fn child(parent: &SealedHeader, amount_gwei: u64, total_gwei: u64) -> Self {
        let withdrawals =
            vec![Withdrawal { address: RECIPIENT, amount_gwei, ..Withdrawal::default() }];
        let header = Header {
            parent_hash: parent.hash,
            number: parent.header.number + 1,
            timestamp: parent.header.timestamp + 12,
            state_root: state_root(total_gwei),
            withdrawals_root: Some(withdrawals_root(&withdrawals, &DefaultCrypto::new())),
            ..parent.header.clone()
        };
        Self { header, withdrawals }
    }

    fn sealed(&self) -> SealedHeader {
        seal(self.header.clone())
    }

    fn rlp(&self) -> Bytes {
        let payload = [
            alloy_rlp::encode(&self.header),
            vec![0xc0, 0xc0],
            alloy_rlp::encode(&self.withdrawals),
        ];
        let payload = payload.concat();
        let mut out = Vec::new();
        let header = alloy_rlp::Header { list: true, payload_length: payload.len() };
        header.encode(&mut out);
        out.extend(payload);
        out.into()
    }

    fn valid(&self) -> Value {
        json!({"rlp": text(self.rlp()), "blockHeader": {"hash": text(self.sealed().hash)}})
    }

    fn invalid(&self, exception: &str) -> Value {
        json!({"rlp": text(self.rlp()), "expectException": exception})
    }
}

/// Hashes and bytes as JSON has them.
fn text(value: impl ToString) -> Value {
    json!(value.to_string())
}

fn header_json(sealed: &SealedHeader) -> Value {
    let SealedHeader { hash, header } = sealed;
    json!({
        "hash": text(hash),
        "parentHash": text(header.parent_hash),
        "uncleHash": text(header.ommers_hash),
        "coinbase": text(header.beneficiary),
        "stateRoot": text(header.state_root),
        "transactionsTrie": text(header.transactions_root),
        "receiptTrie": text(header.receipts_root),
        "bloom": text(header.logs_bloom),
        "difficulty": "0x0",
        "number": format!("{:#x}", header.number),
        "gasLimit": format!("{:#x}", header.gas_limit),
        "gasUsed": format!("{:#x}", header.gas_used),
        "timestamp": format!("{:#x}", header.timestamp),
        "extraData": text(&header.extra_data),
        "mixHash": text(header.mix_hash),
        "nonce": text(header.nonce),
        "baseFeePerGas": "0x7",
        "withdrawalsRoot": header.withdrawals_root.map(text),
    })
}

fn accounts(gwei: u64) -> Value {
    let balance = format!("{:#x}", gwei * 1_000_000_000);
    json!({RECIPIENT.to_string(): {
        "nonce": "0x0", "balance": balance, "code": "0x", "storage": {}
    }})
}

/// Genesis, and a block in which the recipient gets 2 gwei.
fn withdrawal() -> Value {
    let block = Block::child(&genesis(), 2, 3);
    json!({
        "network": "Shanghai",
        "genesisBlockHeader": header_json(&genesis()),
        "pre": accounts(1),
        "blocks": [block.valid()],
        "lastblockhash": text(block.sealed().hash),
        "postState": accounts(3),
        "sealEngine": "NoProof",
    })
}

/// A file with the test, changed.
fn file(test: &str, change: impl FnOnce(&mut Value)) -> PathBuf {
    let path = folder(test).join("withdrawal.json");
    fs::write(&path, json!({"withdrawal": withdrawal()}).to_string()).unwrap();
    edit(&path, |tests| change(&mut tests["withdrawal"]));
    path
}

fn blocktest(path: &Path) -> Outcome {
    braid(&["blocktest".as_ref(), path.as_os_str()])
}

#[track_caller]
fn passes(test: &str, change: impl FnOnce(&mut Value)) {
    let outcome = blocktest(&file(test, change));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    assert!(outcome.stdout.contains("1 passed, 0 failed\n"), "{outcome:?}");
}

#[track_caller]
fn fails(test: &str, line: &str, change: impl FnOnce(&mut Value)) {
    let path = file(test, change);
    let line = format!("FAILED {}: withdrawal: {line}", path.display());
    blocktest(&path).is_failed_check(&line);
}

/// Adds a block.
fn push(test: &mut Value, block: Value) {
    test["blocks"].as_array_mut().unwrap().push(block);
}

#[test]
fn a_withdrawal_passes_and_is_counted() {
    let path = file("blocktest_pass", |_| {});
    let engines = ENGINES.map(|engine| vec!["--engine", engine]);
    for arguments in engines.into_iter().chain([vec![], vec!["--threads", "3"]]) {
        let mut all = vec!["blocktest", path.to_str().unwrap()];
        all.extend(arguments);
        let outcome = braid(&all);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        assert!(outcome.stdout.contains("1 passed, 0 failed\n"), "{outcome:?}");
        assert!(outcome.stdout.contains("  Shanghai\n"), "{outcome:?}");
    }
}

#[test]
fn json_is_one_line_for_each_test_and_one_for_the_summary() {
    let path = file("blocktest_json", |_| {});
    edit(&path, |tests| {
        let mut bad = tests["withdrawal"].clone();
        bad["lastblockhash"] = text(B256::ZERO);
        let mut skipped = tests["withdrawal"].clone();
        skipped["network"] = json!("BPO2ToAmsterdamAtTime15k");
        *tests = json!({"a": tests["withdrawal"], "b": bad, "c": skipped});
    });
    let outcome = braid(&["blocktest", "--json", path.to_str().unwrap()]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), ""), "{outcome:?}");
    let [good, bad, skipped, summary] = &outcome.json()[..] else { panic!("{outcome:?}") };
    assert_eq!((&good["test"], &good["passed"]), (&json!("a"), &json!(true)));
    assert_eq!((&good["network"], &good["blocks"]), (&json!("Shanghai"), &json!(1)));
    assert_eq!((&bad["test"], &bad["passed"]), (&json!("b"), &json!(false)));
    let head = Block::child(&genesis(), 2, 3).sealed().hash;
    assert_eq!(
        bad["differences"],
        json!([{"item": "lastblockhash", "expected": text(B256::ZERO), "found": text(head)}])
    );
    assert_eq!((&skipped["test"], &skipped["passed"]), (&json!("c"), &Value::Null));
    assert!(skipped["skipped"].as_str().unwrap().starts_with("Amsterdam rules are provisional"));
    let summary = &summary["summary"];
    assert_eq!(
        (&summary["total"], &summary["passed"], &summary["failed"], &summary["skipped"]),
        (&json!(3), &json!(1), &json!(1), &json!(1))
    );
}

#[test]
fn a_test_that_is_skipped_is_no_failure_and_said_to_be_skipped() {
    let path = file("blocktest_skipped", |test| test["network"] = json!("Amsterdam"));
    let outcome = blocktest(&path);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    assert!(outcome.stdout.contains("0 passed, 0 failed, 1 skipped\n1 skipped: Amsterdam"));
}

#[test]
fn a_wrong_end_is_named() {
    let (head, zero) = (Block::child(&genesis(), 2, 3).sealed().hash, B256::ZERO);
    fails(
        "blocktest_wrong_head",
        &format!("lastblockhash: expected {zero}, found {head}"),
        |test| test["lastblockhash"] = text(zero),
    );
    fails(
        "blocktest_wrong_balance",
        &format!("postState {RECIPIENT} balance: expected 5000000000, found 3000000000"),
        |test| test["postState"] = accounts(5),
    );
    let slot = format!("postState {RECIPIENT} slot 0x9: expected 0x1, found 0x0");
    fails("blocktest_wrong_slot", &slot, |test| {
        test["postState"][RECIPIENT.to_string()]["storage"] = json!({"0x09": "0x01"});
    });
    let surplus = format!("postState {RECIPIENT}: expected no account, found an account");
    fails("blocktest_surplus", &surplus, |test| test["postState"] = json!({}));
    let found = state_root(3);
    let root = format!("postStateHash: expected {zero}, found {found}");
    fails("blocktest_wrong_hash", &root, |test| test["postStateHash"] = text(zero));
    passes("blocktest_right_hash", |test| {
        test.as_object_mut().unwrap().remove("postState");
        test["postStateHash"] = text(found);
    });
}

#[test]
fn a_wrong_genesis_is_named() {
    let zero = B256::ZERO;
    let hash = format!("genesis hash: expected {zero}, found {}", genesis().hash);
    fails("blocktest_genesis_hash", &hash, |test| {
        test["genesisBlockHeader"]["hash"] = text(zero);
    });
    let (expected, found) = (state_root(1), state_root(9));
    let root = format!("genesis state root: expected {expected}, found {found}");
    fails("blocktest_genesis_state", &root, |test| test["pre"] = accounts(9));
    let other = Block::child(&genesis(), 2, 3);
    let (expected, found) = (genesis().hash, other.sealed().hash);
    let rlp = format!("genesisRLP hash: expected {expected}, found {found}");
    fails("blocktest_genesis_rlp", &rlp, |test| test["genesisRLP"] = text(other.rlp()));
}

#[test]
fn an_expected_exception_has_to_occur_and_to_be_the_right_one() {
    let child = Block::child(&genesis(), 2, 3).sealed();
    let mut gap = Block::child(&child, 1, 4);
    gap.header.number = 7;
    let right = "BlockException.INVALID_BLOCK_NUMBER";
    passes("blocktest_rejected", |test| push(test, gap.invalid(right)));
    passes("blocktest_either", |test| {
        push(test, gap.invalid(&format!("BlockException.INVALID_GASLIMIT|{right}")));
    });
    passes("blocktest_for_network", |test| {
        let mut block = gap.invalid("BlockException.INVALID_STATE_ROOT");
        block["expectExceptionShanghai"] = json!("InvalidNumber");
        push(test, block);
    });
    passes("blocktest_no_reason", |test| push(test, json!({"rlp": "0xc0ffee"})));
    fails(
        "blocktest_other_reason",
        "blocks[1]: expected to be rejected for InvalidStateRoot, found rejected: number is 7, \
         the parent's is 1",
        |test| push(test, gap.invalid("InvalidStateRoot")),
    );
    fails(
        "blocktest_accepted",
        &format!("blocks[0]: expected to be rejected for {right}, found imported"),
        |test| test["blocks"][0]["expectException"] = json!(right),
    );
    fails(
        "blocktest_unexpected",
        "blocks[1]: expected to be imported, found rejected: number is 7, the parent's is 1",
        |test| push(test, gap.valid()),
    );
    fails(
        "blocktest_wrong_block_hash",
        &format!("blocks[0] hash: expected {}, found {}", B256::ZERO, child.hash),
        |test| test["blocks"][0]["blockHeader"]["hash"] = text(B256::ZERO),
    );
}

#[test]
fn the_state_follows_the_head_to_another_branch() {
    let side = Block::child(&genesis(), 5, 6);
    let next = Block::child(&side.sealed(), 1, 7);
    passes("blocktest_reorganisation", |test| {
        push(test, side.valid());
        push(test, next.valid());
        test["lastblockhash"] = text(next.sealed().hash);
        test["postState"] = accounts(7);
    });
}

#[test]
fn what_cannot_be_used_is_named() {
    let bad = |test: &str, parts: &[&str], change: &dyn Fn(&mut Value)| {
        blocktest(&file(test, change)).is_input_error(parts);
    };
    bad(
        "blocktest_network",
        &["withdrawal.json: withdrawal: network: expected a hardfork", "found \"Atlantis\""],
        &|test| test["network"] = json!("Atlantis"),
    );
    bad("blocktest_missing", &["withdrawal: expected `lastblockhash`, found none"], &|test| {
        test.as_object_mut().unwrap().remove("lastblockhash");
    });
    bad("blocktest_hex", &["withdrawal: blocks[0].rlp: expected bytes", "\"0xabc\""], &|test| {
        test["blocks"][0]["rlp"] = json!("0xabc");
    });
    bad("blocktest_no_rlp", &["withdrawal: blocks[0]: expected `rlp`, found none"], &|test| {
        test["blocks"][0].as_object_mut().unwrap().remove("rlp");
    });
    bad("blocktest_engine", &["withdrawal: sealEngine: ", "Clique"], &|test| {
        test["sealEngine"] = json!("Clique");
    });
    let path = file("blocktest_empty", |_| {});
    edit(&path, |tests| *tests = json!({}));
    blocktest(&path).is_input_error(&["withdrawal.json: expected at least one test, found none"]);
    fs::write(&path, "[1, 2").unwrap();
    blocktest(&path).is_input_error(&["withdrawal.json: expected an object {name: test}"]);
}

#[test]
fn no_change_of_a_byte_in_a_block_makes_the_program_panic() {
    let rlp = Block::child(&genesis(), 2, 3).rlp();
    let path = file("blocktest_damaged", |test| {
        let damaged = (0..rlp.len()).map(|at| {
            let mut bytes = rlp.to_vec();
            bytes[at] ^= 1 << (at % 8);
            json!({"rlp": format!("0x{}", hex::encode(bytes))})
        });
        let mut blocks: Vec<Value> = damaged.collect();
        blocks.push(test["blocks"][0].clone());
        test["blocks"] = json!(blocks);
    });
    let outcome = braid(&["blocktest", "--json", path.to_str().unwrap()]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), ""), "{outcome:?}");
    let differences = outcome.json()[0]["differences"].clone();
    // No rule looks at whom the fees go to, nor at the beacon chain's randomness; two bytes of the gas limit and one of the
    // timestamp leave room. All other bytes are committed to by something.
    assert_eq!(differences.as_array().unwrap().len(), 20 + 32 + 2 + 1, "{differences:#}");
}
