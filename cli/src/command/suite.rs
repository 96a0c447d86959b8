//! What the commands for conformance tests share: files on several threads, results in order, counts by folder and group.

use std::{
    collections::BTreeMap,
    fmt::Display,
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

use indicatif::ProgressBar;
use serde::Serialize;

use super::{
    Status, complain,
    files::{TestFile, find_tests},
    report::{JsonDifference, Summary, grouped, json_line, json_summary, progress_bar},
};
use crate::{
    error::InputError,
    source::{File, read_file},
    verify::Difference,
};

/// Failures that are printed; the others are counted.
const SHOWN_FAILURES: usize = 50;

/// The arguments of every such command.
#[derive(Debug, clap::Args)]
pub(super) struct SuiteArguments {
    /// Files or folders.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Files to run at a time [default: number of processor cores].
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Print one JSON object for each test, and a summary at the end.
    #[arg(long)]
    json: bool,
}

/// A kind of tests. Each thread has a worker of its own.
pub(super) trait Worker {
    /// What the tests are counted by, besides the folder.
    type Group: Ord + Display + Send;

    /// What a single result is called, in the plural.
    const RESULTS: &'static str;
    /// What a group is called.
    const GROUP: &'static str;
    /// What a file has to have.
    const LEAST: &'static str;

    /// Runs the tests of a file and adds what came of each.
    fn run_file(&mut self, file: &File, results: &mut Results<Self::Group>) -> Vec<InputError>;
}

/// Runs the command.
pub(super) fn run<W: Worker>(
    arguments: &SuiteArguments,
    out: &mut impl Write,
    worker: impl Fn() -> W + Sync,
) -> io::Result<Status> {
    let start = Instant::now();
    let (files, errors) = find_tests(&arguments.paths);
    let mut report = Report::<_, W>::new(arguments.json, out, files.len());
    for error in &errors {
        report.bad_input(error)?;
    }
    let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let threads = arguments.threads.unwrap_or_else(cores).get().min(files.len().max(1));
    run_files(&files, threads, &worker, &mut report)?;
    report.finish(start.elapsed().as_secs_f64())
}

/// Runs files on several threads and reports them in order.
fn run_files<W: Worker>(
    files: &[TestFile],
    threads: usize,
    worker: &(impl Fn() -> W + Sync),
    report: &mut Report<'_, impl Write, W>,
) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let json = report.json;
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads {
            let sender = sender.clone();
            let next = &next;
            scope.spawn(move || {
                let mut worker = worker();
                // Relaxed: the counter hands out indices and publishes nothing else.
                while let Some((index, file)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    files.get(index).map(|file| (index, file))
                } {
                    // The receiver is gone if the output cannot be written: then nobody wants the rest.
                    if sender.send((index, run_file(&mut worker, file, json))).is_err() {
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

fn run_file<W: Worker>(worker: &mut W, file: &TestFile, json: bool) -> FileResult<W::Group> {
    let start = Instant::now();
    let mut results = Results::new(json);
    let mut errors = match read_file(&file.path) {
        Ok(contents) => worker.run_file(&contents, &mut results),
        Err(error) => vec![error],
    };
    if errors.is_empty() && results.by_group.is_empty() {
        errors.push(InputError::unexpected(&file.path, "", W::LEAST, "none"));
    }
    FileResult { results, errors, seconds: start.elapsed().as_secs_f64() }
}

/// What came of a file.
struct FileResult<G> {
    results: Results<G>,
    errors: Vec<InputError>,
    seconds: f64,
}

/// Results of a file, folder or group.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    total: u64,
    failed: u64,
    skipped: u64,
    seconds: f64,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// The results of a file, as they come.
pub(super) struct Results<G> {
    /// Whether lines of JSON are wanted.
    is_json: bool,
    by_group: BTreeMap<G, Counts>,
    /// Why results were left out, and how many.
    skipped: BTreeMap<&'static str, u64>,
    /// Names of exceptions that are not known, and how often each was expected.
    unknown_exceptions: BTreeMap<String, u64>,
    /// Lines of JSON, if those are wanted.
    json: Vec<u8>,
    /// The first failures, one line each.
    failures: Vec<String>,
}

/// What came of one test.
pub(super) enum Verdict<'a> {
    /// It was run; these things were wrong.
    Run(&'a [Difference]),
    /// It was not, for this reason.
    Skipped(&'static str),
}

impl<G: Ord> Results<G> {
    fn new(is_json: bool) -> Self {
        Self {
            is_json,
            by_group: BTreeMap::new(),
            skipped: BTreeMap::new(),
            unknown_exceptions: BTreeMap::new(),
            json: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Notes that a rejection was expected under a name that is not known, for which any rejection had to do.
    pub(super) fn unknown_exception(&mut self, name: &str) {
        *self.unknown_exceptions.entry(name.to_owned()).or_default() += 1;
    }

    /// Adds a result. `label` names it in a line of text, `facts` are its own keys in a line of JSON.
    pub(super) fn add(
        &mut self,
        group: G,
        verdict: &Verdict<'_>,
        label: impl Display,
        facts: &impl Serialize,
    ) {
        let counts = self.by_group.entry(group).or_default();
        counts.total += 1;
        let (passed, differences) = match *verdict {
            Verdict::Run(differences) => (Some(differences.is_empty()), differences),
            Verdict::Skipped(reason) => {
                counts.skipped += 1;
                *self.skipped.entry(reason).or_default() += 1;
                (None, &[][..])
            }
        };
        counts.failed += u64::from(passed == Some(false));
        if self.is_json {
            let skipped = match verdict {
                Verdict::Run(_) => None,
                Verdict::Skipped(reason) => Some(*reason),
            };
            let differences = differences.iter().map(JsonDifference::from).collect();
            let line = json_line(&mut self.json, &Line { facts, passed, skipped, differences });
            debug_assert!(line.is_ok(), "writing to memory cannot fail");
        } else {
            let room = SHOWN_FAILURES.saturating_sub(self.failures.len());
            let lines = differences.iter().take(room).map(|d| format!("FAILED {label}: {d}"));
            self.failures.extend(lines);
        }
    }
}

/// A result's line of JSON.
#[derive(Serialize)]
struct Line<'a, F> {
    #[serde(flatten)]
    facts: &'a F,
    /// Null if it was not run.
    passed: Option<bool>,
    /// Why it was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<JsonDifference<'a>>,
}

/// What is printed, and what it adds up to.
struct Report<'a, O, W: Worker> {
    json: bool,
    out: &'a mut O,
    progress: ProgressBar,
    by_folder: BTreeMap<PathBuf, Counts>,
    by_group: BTreeMap<W::Group, Counts>,
    sum: Counts,
    skipped: BTreeMap<&'static str, u64>,
    unknown_exceptions: BTreeMap<String, u64>,
    failures: usize,
    status: Status,
}

impl<'a, O: Write, W: Worker> Report<'a, O, W> {
    fn new(json: bool, out: &'a mut O, files: usize) -> Self {
        Self {
            json,
            out,
            progress: progress_bar(files, "files"),
            by_folder: BTreeMap::new(),
            by_group: BTreeMap::new(),
            sum: Counts::default(),
            skipped: BTreeMap::new(),
            unknown_exceptions: BTreeMap::new(),
            failures: 0,
            status: Status::Passed,
        }
    }

    fn bad_input(&mut self, error: &InputError) -> io::Result<()> {
        self.status = Status::BadInput;
        self.out.flush()?;
        self.progress.suspend(|| complain(&format!("error: {error}")));
        Ok(())
    }

    fn file(&mut self, file: &TestFile, result: FileResult<W::Group>) -> io::Result<()> {
        let FileResult { results, errors, seconds } = result;
        let folder = self.by_folder.entry(file.folder.clone()).or_default();
        folder.seconds += seconds;
        for (group, counts) in results.by_group {
            let by_group = self.by_group.entry(group).or_default();
            [&mut *folder, by_group, &mut self.sum].into_iter().for_each(|sum| sum.add(&counts));
            if counts.failed > 0 {
                self.status = self.status.max(Status::Failed);
            }
        }
        for (reason, count) in results.skipped {
            *self.skipped.entry(reason).or_default() += count;
        }
        for (name, count) in results.unknown_exceptions {
            *self.unknown_exceptions.entry(name).or_default() += count;
        }
        if !results.json.is_empty() {
            let out = &mut *self.out;
            self.progress.suspend(|| out.write_all(&results.json))?;
        }
        for failure in &results.failures {
            self.failures += 1;
            if self.failures <= SHOWN_FAILURES {
                let out = &mut *self.out;
                self.progress.suspend(|| writeln!(out, "{failure}").and_then(|()| out.flush()))?;
            }
        }
        for error in &errors {
            self.bad_input(error)?;
        }
        self.progress.inc(1);
        let Counts { total, failed, .. } = self.sum;
        let message = format!("{} {}, {failed} failed", grouped(total), W::RESULTS);
        self.progress.set_message(message);
        Ok(())
    }

    fn finish(self, seconds: f64) -> io::Result<Status> {
        self.progress.finish_and_clear();
        let Counts { total, failed, skipped, .. } = self.sum;
        let passed = total - failed - skipped;
        if self.json {
            let summary = Summary { total, passed, failed, skipped, seconds };
            json_summary(self.out, &summary)?;
            return Ok(self.status);
        }
        if failed > 0 {
            let results = W::RESULTS;
            writeln!(self.out, "{failed} {results} failed; the first failures are above\n")?;
        }
        let name = W::RESULTS;
        writeln!(self.out, "{name:>9} {:>7} {:>7} {:>9}  folder", "failed", "skipped", "seconds")?;
        for (folder, Counts { total, failed, skipped, seconds }) in &self.by_folder {
            let (total, folder) = (grouped(*total), folder.display());
            writeln!(self.out, "{total:>9} {failed:>7} {skipped:>7} {seconds:>9.2}  {folder}")?;
        }
        writeln!(self.out, "\n{name:>9} {:>7} {:>7}  {}", "failed", "skipped", W::GROUP)?;
        for (group, Counts { total, failed, skipped, .. }) in &self.by_group {
            let total = grouped(*total);
            writeln!(self.out, "{total:>9} {failed:>7} {skipped:>7}  {group}")?;
        }
        let (total, passed) = (grouped(total), grouped(passed));
        write!(self.out, "\n{total} {name} in {seconds:.2} s: {passed} passed, {failed} failed")?;
        match skipped {
            0 => writeln!(self.out)?,
            _ => writeln!(self.out, ", {} skipped", grouped(skipped))?,
        }
        for (reason, count) in &self.skipped {
            writeln!(self.out, "{} skipped: {reason}", grouped(*count))?;
        }
        for (name, count) in &self.unknown_exceptions {
            let name = name.escape_debug();
            writeln!(
                self.out,
                "{} rejected for any reason: \"{name}\" is not known",
                grouped(*count)
            )?;
        }
        Ok(self.status)
    }
}
