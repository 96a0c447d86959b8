//! Mainnet blocks, state tests and blockchain tests come to the same sequentially and in parallel: a part of them in every run,
//! all of them on 1 to 16 threads in the sweep.
//!
//! ```text
//! cargo test --release -p braid-tests --test parallel_corpus -- --ignored sweep
//! ```

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use alloy_primitives::B256;
use braid_cli::{
    blocktest::{BlockTests, Verdict},
    source::read_file,
    statetest::{TestTransaction, each_transaction},
};
use braid_executor::{Block, Mode};
use braid_precompiles::DefaultCrypto;
use braid_primitives::{BlockContext, ChainSpec, Hardfork, Transaction};
use braid_tests::{
    corpus::{corpus, files_below, mainnet_blocks},
    parallel::{Both, THREADS, within},
};

/// Of so many mainnet blocks one is executed every time.
const MAINNET_BLOCKS: usize = 2;

/// Of so many files of state tests one is run every time, if it is small.
const STATE_FILES: usize = 5;
const SMALL_FILE_BYTES: u64 = 1_300_000;

/// Of so many files of blockchain tests one is run every time.
const BLOCKCHAIN_FILES: usize = 3;

/// Files that take long: see the other tests of the corpus.
const SLOW_FILES: &[&str] = &[
    "vmPerformance.json",
    "legacytests-constantinople/ValidBlocks/bcGasPricerTest.json",
    "legacytests-constantinople/ValidBlocks/bcMultiChainTest.json",
    "legacytests-constantinople/ValidBlocks/bcStateTests.json",
    "legacytests-constantinople/ValidBlocks/bcTotalDifficultyTest.json",
];

/// Longest that a part may take; the sweep takes hours at most.
const LIMIT: Duration = Duration::from_secs(1_800);
const SWEEP_LIMIT: Duration = Duration::from_secs(12 * 3_600);

/// Transactions of a test are executed so often in one block, one after the other.
const COPIES: u64 = 4;

/// Gas above which a transaction is executed once only.
const COPIED_GAS: u64 = 20_000_000;

const FEW: &[usize] = &[2, 8];

#[test]
fn some_mainnet_blocks_are_the_same_in_parallel() {
    within(LIMIT, "some mainnet blocks", || run_mainnet(MAINNET_BLOCKS, &[2, 4]));
}

#[test]
fn some_state_tests_are_the_same_in_parallel() {
    within(LIMIT, "some state tests", || run_state_tests(STATE_FILES, SMALL_FILE_BYTES, FEW));
}

#[test]
fn some_blockchain_tests_are_the_same_in_parallel() {
    within(LIMIT, "some blockchain tests", || run_blockchain_tests(BLOCKCHAIN_FILES, &[4]));
}

#[test]
#[ignore = "takes long: see above"]
fn sweep() {
    within(SWEEP_LIMIT, "the sweep", || {
        run_mainnet(1, &THREADS);
        run_state_tests(1, u64::MAX, &THREADS);
        run_blockchain_tests(1, &THREADS);
    });
}

fn executors() -> Both<DefaultCrypto> {
    Both::new(ChainSpec::single(Hardfork::Frontier), DefaultCrypto::new())
}

fn run_mainnet(one_of: usize, threads: &[usize]) {
    let Some(set) = mainnet_blocks("mainnet blocks in parallel") else { return };
    let crypto = DefaultCrypto::new();
    let mut both = executors();
    let (mut blocks, mut transactions) = (0, 0);
    for index in (0..set.numbers().len()).step_by(one_of) {
        let fixture = set.load(index, &crypto).unwrap();
        both.set_spec(&fixture.spec);
        let number = fixture.block.env.number;
        let seen = both.compare(&fixture.block, &fixture.pre_state, threads);
        let seen = seen.unwrap_or_else(|difference| panic!("block {number}: {difference}"));
        blocks += 1;
        transactions += seen.outcome().receipts.len();
    }
    eprintln!("{blocks} mainnet blocks, {transactions} transactions, on {threads:?} threads");
}

/// What threads have found.
#[derive(Default)]
struct Tally {
    cases: usize,
    blocks: usize,
    failures: Vec<String>,
}

/// Does `work` for every file, on all processors, each with what `start` makes.
fn for_each_file<T>(
    files: &[PathBuf],
    start: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, &Path, &mut Tally) + Sync,
) -> Tally {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let (mut own, mut tally) = (start(), Tally::default());
                // Relaxed: the counter hands out indices and publishes nothing else.
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(&mut own, file, &mut tally);
                }
                let mut total = total.lock().unwrap();
                total.cases += tally.cases;
                total.blocks += tally.blocks;
                total.failures.append(&mut tally.failures);
            });
        }
    });
    total.into_inner().unwrap()
}

fn run_state_tests(one_of: usize, largest_bytes: u64, threads: &[usize]) {
    let Some(folder) = corpus("state", "state tests in parallel") else { return };
    let mut files = files_below(&folder, ".json");
    let is_slow = |file: &PathBuf| SLOW_FILES.iter().any(|slow| file.ends_with(slow));
    files.retain(|file| {
        fs::metadata(file).unwrap().len() <= largest_bytes && (one_of == 1 || !is_slow(file))
    });
    let files: Vec<_> = files.into_iter().step_by(one_of).collect();
    let crypto = DefaultCrypto::new();
    let tally = for_each_file(&files, executors, |both, path, tally| {
        let file = read_file(path).unwrap();
        let errors = each_transaction(&file, &crypto, |case| {
            tally.cases += 1;
            if let Err(difference) = compare_state_test(both, &case, threads, &mut tally.blocks) {
                let (test, spec) = (case.test, case.spec);
                tally.failures.push(format!("{test}, {spec:?}: {difference}"));
            }
        });
        tally.failures.extend(errors.iter().map(ToString::to_string));
    });
    let Tally { cases, blocks, failures } = tally;
    eprintln!("{} files: {cases} cases in {blocks} blocks, on {threads:?} threads", files.len());
    assert!(cases > 0, "the files have no cases");
    let shown = failures[..failures.len().min(5)].join("\n");
    assert!(failures.is_empty(), "{} failures:\n{shown}", failures.len());
}

/// The transaction as a block of its own, and several times in one block: each copy finds what those before have left.
fn compare_state_test(
    both: &mut Both<DefaultCrypto>,
    case: &TestTransaction<'_>,
    threads: &[usize],
    blocks: &mut usize,
) -> Result<(), String> {
    both.set_spec(case.spec);
    let context = BlockContext {
        parent_beacon_block_root: Some(B256::ZERO),
        withdrawals: Some(Vec::new()),
        ..BlockContext::default()
    };
    let transaction = &case.transaction;
    let mut block =
        Block { env: case.env.clone(), context, transactions: vec![transaction.clone()] };
    both.set_mode(Mode::Verify);
    *blocks += 1;
    both.compare(&block, case.state, threads)?;
    if transaction.gas_limit > COPIED_GAS {
        return Ok(());
    }
    let nonce = |copy| transaction.nonce.saturating_add(copy);
    let copies = (0..COPIES).map(|copy| Transaction { nonce: nonce(copy), ..transaction.clone() });
    block.transactions = copies.collect();
    block.env.gas_limit = block.env.gas_limit.saturating_mul(COPIES);
    both.set_mode(Mode::Build);
    *blocks += 1;
    both.compare(&block, case.state, threads).map(drop)
}

fn run_blockchain_tests(one_of: usize, threads: &[usize]) {
    let Some(folder) = corpus("blockchain", "blockchain tests in parallel") else { return };
    let files = files_below(&folder, ".json").into_iter().step_by(one_of);
    let is_slow = |file: &PathBuf| SLOW_FILES.iter().any(|slow| file.ends_with(slow));
    let files: Vec<_> = files.filter(|file| one_of == 1 || !is_slow(file)).collect();
    for &threads in threads {
        let mut tests = BlockTests::new(DefaultCrypto::new());
        tests.set_parallel(threads);
        let tally = for_each_file(
            &files,
            || tests.clone(),
            |tests, path, tally| {
                let file = read_file(path).unwrap();
                let errors = tests.run_file(&file, |report| {
                    let Verdict::Run(differences) = &report.verdict else { return };
                    tally.cases += 1;
                    tally.blocks += report.blocks;
                    let first = differences.first();
                    tally.failures.extend(first.map(|first| format!("{}: {first}", report.test)));
                });
                tally.failures.extend(errors.iter().map(ToString::to_string));
            },
        );
        let Tally { cases, blocks, failures } = tally;
        eprintln!("{} files: {cases} tests of {blocks} blocks, on {threads} threads", files.len());
        assert!(cases > 0, "the files have no tests");
        let shown = failures[..failures.len().min(5)].join("\n");
        assert!(failures.is_empty(), "{threads} threads, {} failures:\n{shown}", failures.len());
    }
}
