//! The Blockchain Tests of the corpus: all but the slowest files in every run, all of them on demand.
//!
//! ```text
//! cargo test --release -p braid-tests --test blockchain_corpus -- --ignored
//! ```

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use braid_cli::{
    blocktest::{BlockTests, TestReport, Verdict},
    source::read_file,
};
use braid_executor::Engine;
use braid_precompiles::DefaultCrypto;
use braid_tests::corpus::{corpus, files_below};

/// Files that take most of the time: hashes of gigabytes of memory, and hundreds of proofs of work. Each has siblings that are
/// run every time, the same tests under other rules or without proofs.
const SLOW_FILES: &[&str] = &[
    "legacytests-constantinople/ValidBlocks/bcGasPricerTest.json",
    "legacytests-constantinople/ValidBlocks/bcMultiChainTest.json",
    "legacytests-constantinople/ValidBlocks/bcStateTests.json",
    "legacytests-constantinople/ValidBlocks/bcTotalDifficultyTest.json",
];

/// Of so many files one is run on each engine too.
const ON_EACH_ENGINE: usize = 12;

/// Failures that are printed; the others are counted.
const SHOWN_FAILURES: usize = 30;

#[test]
fn the_blockchain_corpus_without_its_slowest_files_passes() {
    let Some(folder) = corpus("blockchain", "most of the blockchain corpus") else { return };
    let mut files = files_below(&folder, ".json");
    let before = files.len();
    files.retain(|file| !SLOW_FILES.iter().any(|slow| file.ends_with(slow)));
    assert_eq!(before - files.len(), SLOW_FILES.len(), "a slow file is not there any more");
    run(&files, Engine::default());
    // A part of them on each engine: `braid blocktest --engine` sweeps.
    for (first, engine) in
        [Engine::Plain, Engine::Threaded, Engine::Adaptive].into_iter().enumerate()
    {
        let part: Vec<_> = files.iter().skip(first).step_by(ON_EACH_ENGINE).cloned().collect();
        run(&part, engine);
    }
}

#[test]
#[ignore = "takes long: gigabytes of memory are hashed, and a thousand proofs of work verified"]
fn whole_blockchain_corpus() {
    let Some(folder) = corpus("blockchain", "the blockchain corpus") else { return };
    run(&files_below(&folder, ".json"), Engine::default());
}

/// What the threads have found.
#[derive(Default)]
struct Tally {
    tests: usize,
    failed: usize,
    shown: Vec<String>,
    /// Networks of tests that were skipped, and how many those are.
    skipped: BTreeMap<String, usize>,
}

impl Tally {
    fn add(&mut self, report: &TestReport<'_>) {
        self.tests += 1;
        let unknown = &report.unknown_exceptions;
        match &report.verdict {
            Verdict::Skipped(_) => {
                *self.skipped.entry(report.network.to_owned()).or_default() += 1;
            }
            Verdict::Run(differences) => {
                if let Some(difference) = differences.first() {
                    self.fail(format!("{}: {difference}", report.test));
                } else if !unknown.is_empty() {
                    self.fail(format!("{}: exceptions {unknown:?} are not known", report.test));
                }
            }
        }
    }

    fn fail(&mut self, failure: String) {
        self.failed += 1;
        if self.shown.len() < SHOWN_FAILURES {
            self.shown.push(failure);
        }
    }
}

fn run(files: &[PathBuf], engine: Engine) {
    let tally = Mutex::new(Tally::default());
    let next = AtomicUsize::new(0);
    let mut tests = BlockTests::new(DefaultCrypto::new());
    tests.set_engine(engine);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut tests = tests.clone();
                // Relaxed: the counter hands out indices and publishes nothing else.
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run_file(&mut tests, file, &tally);
                }
            });
        }
    });
    let Tally { tests, failed, shown, skipped } = tally.into_inner().unwrap();
    let count: usize = skipped.values().sum();
    eprintln!("{} files, {engine:?}: {tests} tests, {failed} failed, {count} skipped", files.len());
    assert!(tests > count, "no test was run");
    assert!(failed == 0, "{engine:?}, {failed} failed:\n{}", shown.join("\n"));
    // Nothing else may be left out.
    let others: Vec<_> = skipped.keys().filter(|network| !network.contains("Amsterdam")).collect();
    assert!(others.is_empty(), "skipped: {others:?}");
}

fn run_file(tests: &mut BlockTests<DefaultCrypto>, path: &Path, tally: &Mutex<Tally>) {
    let file = read_file(path).unwrap();
    let errors = tests.run_file(&file, |report| tally.lock().unwrap().add(&report));
    for error in errors {
        tally.lock().unwrap().fail(error.to_string());
    }
}
