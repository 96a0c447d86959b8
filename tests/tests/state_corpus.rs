//! The General State Tests of the corpus: the small files in every run, all of them on demand.
//!
//! ```text
//! cargo test --release -p braid-tests --test state_corpus -- --ignored
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
};

use braid_cli::{source::read_file, statetest::StateTests};
use braid_executor::Engine;
use braid_precompiles::DefaultCrypto;
use braid_tests::corpus::{corpus, files_below};

/// Files up to this size are run every time: nine of ten files, and every fork and folder, in a fraction of the time.
const SMALL_FILE_BYTES: u64 = 1_300_000;

/// Small files that take long all the same: loops of millions of rounds.
const SLOW_FILE: &str = "vmPerformance.json";

/// Of so many files one is run on each engine too.
const ON_EACH_ENGINE: usize = 12;

/// Failures that are printed; the others are counted.
const SHOWN_FAILURES: usize = 30;

#[test]
fn the_small_files_of_the_state_corpus_pass() {
    let Some(folder) = corpus("state", "the small files of the state corpus") else { return };
    let mut files = files_below(&folder, ".json");
    files.retain(|file| {
        !file.ends_with(SLOW_FILE) && fs::metadata(file).unwrap().len() <= SMALL_FILE_BYTES
    });
    run(&files, Engine::default());
    // A part of them on each engine: `braid statetest --engine` sweeps.
    for (first, engine) in
        [Engine::Plain, Engine::Threaded, Engine::Adaptive].into_iter().enumerate()
    {
        let part: Vec<_> = files.iter().skip(first).step_by(ON_EACH_ENGINE).cloned().collect();
        run(&part, engine);
    }
}

#[test]
#[ignore = "takes long: 585 MiB of tests, on each engine"]
fn whole_state_corpus() {
    let Some(folder) = corpus("state", "the state corpus") else { return };
    for engine in [Engine::Adaptive, Engine::Threaded, Engine::Plain] {
        run(&files_below(&folder, ".json"), engine);
    }
}

/// What the threads have found.
#[derive(Default)]
struct Tally {
    cases: usize,
    failed: usize,
    shown: Vec<String>,
}

impl Tally {
    fn fail(&mut self, failure: impl FnOnce() -> String) {
        self.failed += 1;
        if self.shown.len() < SHOWN_FAILURES {
            self.shown.push(failure());
        }
    }
}

fn run(files: &[PathBuf], engine: Engine) {
    let tally = Mutex::new(Tally::default());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut tests = StateTests::new(DefaultCrypto::new());
                tests.set_engine(engine);
                // Relaxed: the counter hands out indices and publishes nothing else.
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run_file(&mut tests, file, &tally);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    eprintln!("{} files, {engine:?}: {} cases, {} failed", files.len(), tally.cases, tally.failed);
    assert!(tally.cases > 0, "the files have no cases");
    assert!(tally.failed == 0, "{engine:?}, {} failed:\n{}", tally.failed, tally.shown.join("\n"));
}

fn run_file(tests: &mut StateTests<DefaultCrypto>, path: &Path, tally: &Mutex<Tally>) {
    let file = read_file(path).unwrap();
    let errors = tests.run_file(&file, |report| {
        let mut tally = tally.lock().unwrap();
        tally.cases += 1;
        if let Some(failure) = report.failures.first() {
            tally.fail(|| format!("{} {}: {failure}", report.test, report.fork));
        }
    });
    for error in errors {
        tally.lock().unwrap().fail(|| error.to_string());
    }
}
