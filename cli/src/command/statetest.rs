//! `braid statetest`: runs General State Tests.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

use braid_precompiles::DefaultCrypto;
use braid_primitives::Hardfork;
use indicatif::ProgressBar;
use serde::Serialize;

use super::{
    Status, complain,
    files::{TestFile, find_tests},
    report::{JsonDifference, Summary, grouped, json_line, json_summary, progress_bar},
};
use crate::{
    error::InputError,
    source::read_file,
    statetest::{CaseReport, Failure, Indexes, StateTests},
    verify::Difference,
};

const AFTER_HELP: &str = "\
A case passes if its transaction is accepted, or rejected for the reason that the case names, and if the logs and the state
root afterwards are the given ones. The encoded transaction, where a case has it, has to decode to the same transaction.

Examples:
  braid statetest tests/state/stExample.json
  braid statetest --threads 8 tests/state
  braid statetest --json tests/state | jq 'select(.passed == false)'";

/// Failures that are printed; the others are counted.
const SHOWN_FAILURES: usize = 50;

/// Run General State Tests.
///
/// PATH is a file, or a folder in which all files named *.json or *.json.gz are run, those in folders below included.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Files or folders.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Files to run at a time [default: number of processor cores].
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Print one JSON object per case, and a summary at the end.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> io::Result<Status> {
    let start = Instant::now();
    let (files, errors) = find_tests(&arguments.paths);
    let mut report = Report::new(arguments.json, out, files.len());
    for error in &errors {
        report.bad_input(error)?;
    }
    let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let threads = arguments.threads.unwrap_or_else(cores).get().min(files.len().max(1));
    run_files(&files, threads, &mut report)?;
    report.finish(start.elapsed().as_secs_f64())
}

/// Runs files on several threads and reports them in order.
fn run_files(
    files: &[TestFile],
    threads: usize,
    report: &mut Report<'_, impl Write>,
) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let json = report.json;
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads {
            let sender = sender.clone();
            let next = &next;
            scope.spawn(move || {
                let mut tests = StateTests::new(DefaultCrypto::new());
                // Relaxed: the counter hands out indices and publishes nothing else.
                while let Some((index, file)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    files.get(index).map(|file| (index, file))
                } {
                    // The receiver is gone if the output cannot be written: then nobody wants the rest.
                    if sender.send((index, run_file(&mut tests, file, json))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (index, result) in receiver {
            early.insert(index, result);
            while let Some(result) = early.remove(&due) {
                report.file(&files[due], result)?;
                due += 1;
            }
        }
        Ok(())
    })
}

/// Cases of a file, folder or hardfork.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    total: u64,
    failed: u64,
    seconds: f64,
}

/// What came of a file.
#[derive(Default)]
struct FileResult {
    by_fork: BTreeMap<Hardfork, Counts>,
    /// Lines of JSON, if those are wanted.
    json: Vec<u8>,
    /// The first failures, one line each.
    failures: Vec<String>,
    errors: Vec<InputError>,
    seconds: f64,
}

fn run_file(tests: &mut StateTests<DefaultCrypto>, file: &TestFile, json: bool) -> FileResult {
    let start = Instant::now();
    let mut result = FileResult::default();
    match read_file(&file.path) {
        Ok(contents) => {
            let errors = tests.run_file(&contents, |case| result.case(file, &case, json));
            result.errors = errors;
            if result.errors.is_empty() && result.by_fork.is_empty() {
                let expected = "at least one test with a case";
                result.errors.push(InputError::unexpected(&file.path, "", expected, "none"));
            }
        }
        Err(error) => result.errors.push(error),
    }
    result.seconds = start.elapsed().as_secs_f64();
    result
}

impl FileResult {
    fn case(&mut self, file: &TestFile, case: &CaseReport<'_>, json: bool) {
        let counts = self.by_fork.entry(case.fork).or_default();
        counts.total += 1;
        counts.failed += u64::from(!case.failures.is_empty());
        if json {
            let line = json_line(&mut self.json, &JsonCase::new(file, case));
            debug_assert!(line.is_ok(), "writing to memory cannot fail");
        } else {
            let room = SHOWN_FAILURES.saturating_sub(self.failures.len());
            let Indexes { data, gas, value } = case.indexes;
            self.failures.extend(case.failures.iter().take(room).map(|failure| {
                format!(
                    "FAILED {}: {} [{} d{data} g{gas} v{value}]: {failure}",
                    file.path.display(),
                    case.test,
                    case.fork,
                )
            }));
        }
    }
}

/// A case's line of JSON.
#[derive(Serialize)]
struct JsonCase<'a> {
    test: &'a str,
    path: &'a std::path::Path,
    fork: &'static str,
    data: usize,
    gas: usize,
    value: usize,
    seconds: f64,
    passed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<OwnedDifference>,
}

struct OwnedDifference(Difference);

impl Serialize for OwnedDifference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        JsonDifference::from(&self.0).serialize(serializer)
    }
}

impl<'a> JsonCase<'a> {
    fn new(file: &'a TestFile, case: &CaseReport<'a>) -> Self {
        let differences = case.failures.iter().map(Failure::difference).map(OwnedDifference);
        Self {
            test: case.test,
            path: &file.path,
            fork: case.fork.name(),
            data: case.indexes.data,
            gas: case.indexes.gas,
            value: case.indexes.value,
            seconds: case.time.as_secs_f64(),
            passed: case.failures.is_empty(),
            differences: differences.collect(),
        }
    }
}

/// What is printed, and what it adds up to.
struct Report<'a, W> {
    json: bool,
    out: &'a mut W,
    progress: ProgressBar,
    by_folder: BTreeMap<PathBuf, Counts>,
    by_fork: BTreeMap<Hardfork, Counts>,
    failures: usize,
    status: Status,
}

impl<'a, W: Write> Report<'a, W> {
    fn new(json: bool, out: &'a mut W, files: usize) -> Self {
        let progress = progress_bar(files, "files");
        let (by_folder, by_fork) = (BTreeMap::new(), BTreeMap::new());
        Self { json, out, progress, by_folder, by_fork, failures: 0, status: Status::Passed }
    }

    fn bad_input(&mut self, error: &InputError) -> io::Result<()> {
        self.status = Status::BadInput;
        self.out.flush()?;
        self.progress.suspend(|| complain(&format!("error: {error}")));
        Ok(())
    }

    fn file(&mut self, file: &TestFile, result: FileResult) -> io::Result<()> {
        let folder = self.by_folder.entry(file.folder.clone()).or_default();
        folder.seconds += result.seconds;
        for (fork, counts) in result.by_fork {
            let by_fork = self.by_fork.entry(fork).or_default();
            for sum in [&mut *folder, by_fork] {
                sum.total += counts.total;
                sum.failed += counts.failed;
            }
            if counts.failed > 0 {
                self.status = self.status.max(Status::Failed);
            }
        }
        if !result.json.is_empty() {
            let out = &mut *self.out;
            self.progress.suspend(|| out.write_all(&result.json))?;
        }
        for failure in &result.failures {
            self.failures += 1;
            if self.failures <= SHOWN_FAILURES {
                let out = &mut *self.out;
                self.progress.suspend(|| writeln!(out, "{failure}").and_then(|()| out.flush()))?;
            }
        }
        for error in &result.errors {
            self.bad_input(error)?;
        }
        self.progress.inc(1);
        let Counts { total, failed, .. } = self.sum();
        self.progress.set_message(format!("{} cases, {failed} failed", grouped(total)));
        Ok(())
    }

    fn sum(&self) -> Counts {
        self.by_fork.values().fold(Counts::default(), |sum, counts| Counts {
            total: sum.total + counts.total,
            failed: sum.failed + counts.failed,
            ..sum
        })
    }

    fn finish(self, seconds: f64) -> io::Result<Status> {
        self.progress.finish_and_clear();
        let Counts { total, failed, .. } = self.sum();
        if self.json {
            let passed = total - failed;
            let summary = Summary { total, passed, failed, skipped: 0, seconds };
            json_summary(self.out, &summary)?;
            return Ok(self.status);
        }
        if failed > 0 {
            writeln!(self.out, "{failed} cases failed; the first failures are above\n")?;
        }
        writeln!(self.out, "{:>9} {:>7} {:>9}  folder", "cases", "failed", "seconds")?;
        for (folder, counts) in &self.by_folder {
            writeln!(
                self.out,
                "{:>9} {:>7} {:>9.2}  {}",
                grouped(counts.total),
                counts.failed,
                counts.seconds,
                folder.display()
            )?;
        }
        writeln!(self.out, "\n{:>9} {:>7}  hardfork", "cases", "failed")?;
        for (fork, counts) in &self.by_fork {
            writeln!(self.out, "{:>9} {:>7}  {fork}", grouped(counts.total), counts.failed)?;
        }
        writeln!(
            self.out,
            "\n{} cases in {seconds:.2} s: {} passed, {failed} failed",
            grouped(total),
            grouped(total - failed),
        )?;
        Ok(self.status)
    }
}
