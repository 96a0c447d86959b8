//! What the commands print alike.

use std::{
    io::{self, Write},
    num::NonZeroUsize,
};

use braid_executor::parallel::ExecutionPath;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::verify::Difference;

/// A difference as JSON.
#[derive(Serialize)]
pub(super) struct JsonDifference<'a> {
    item: &'a str,
    expected: &'a str,
    found: &'a str,
}

impl<'a> From<&'a Difference> for JsonDifference<'a> {
    fn from(difference: &'a Difference) -> Self {
        Self { item: &difference.item, expected: &difference.expected, found: &difference.found }
    }
}

/// A bar that counts `unit`. It draws on standard error, and only if that is a terminal.
pub(super) fn progress_bar(length: usize, unit: &str) -> ProgressBar {
    let progress = ProgressBar::new(length as u64);
    let template = format!("{{bar:40}} {{pos}}/{{len}} {unit}, {{msg}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        progress.set_style(style);
    }
    progress
}

/// Counts of a whole run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) total: u64,
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    /// Wall-clock time of the run, or of what it measures.
    pub(super) seconds: f64,
}

impl Summary {
    pub(super) fn count(&mut self, passed: bool) {
        self.total += 1;
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }
}

/// Prints a value as one line of JSON.
pub(super) fn json_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Prints the last line of JSON output.
pub(super) fn json_summary(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        summary: &'a Summary,
    }
    json_line(out, &Line { summary })
}

/// A number with commas between groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Threads that the machine runs at once; one if it does not say.
pub(super) fn machine_threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// On which way a block was executed.
pub(super) fn path_name(path: ExecutionPath) -> &'static str {
    match path {
        ExecutionPath::Sequential => "sequential",
        ExecutionPath::Parallel(_) => "parallel",
    }
}

/// Gas per second, in millions; zero if no time passed.
pub(super) fn mgas_per_second(gas: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { gas as f64 / seconds / 1e6 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(21_040_973), "21,040,973");
    }

    #[test]
    fn the_summary_is_one_line_with_all_counts() {
        let mut summary = Summary { seconds: 0.5, ..Summary::default() };
        summary.count(true);
        summary.count(false);
        let mut out = Vec::new();
        json_summary(&mut out, &summary).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"summary\":{\"total\":2,\"passed\":1,\"failed\":1,\"skipped\":0,\"seconds\":0.5}}\n"
        );
    }
}
