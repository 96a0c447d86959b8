//! Tables.

pub mod engines;
pub mod evm2;
pub mod lines;

use std::fmt;

use crate::measure::Pair;
use engines::mgas_per_second;

/// One case, measured.
#[derive(Clone, Debug)]
pub struct Row {
    /// Name of the case.
    pub id: String,
    /// What it measures.
    pub class: &'static str,
    /// Gas used by one run.
    pub gas: u64,
    /// Times of both engines.
    pub times: Pair,
}

impl Row {
    /// How many times as long as Braid the engine beside it takes, by medians.
    pub fn ratio(&self) -> f64 {
        quotient(self.times.peer.median_ns, self.times.braid.median_ns)
    }

    /// Like [`Self::ratio`], by the shortest runs.
    pub fn least_ratio(&self) -> f64 {
        quotient(self.times.peer.least_ns, self.times.braid.least_ns)
    }

    /// Braid's millions of gas per second.
    pub fn mgas_per_second(&self) -> f64 {
        mgas_per_second(self.gas, self.times.braid.median_ns)
    }
}

pub(crate) fn quotient(a: f64, b: f64) -> f64 {
    if b == 0.0 { f64::NAN } else { a / b }
}

/// Rows under a headline.
#[derive(Clone, Debug)]
pub struct Table {
    /// What the rows are.
    pub title: &'static str,
    /// What the first engine and the one beside it are called.
    pub names: [&'static str; 2],
    /// The rows.
    pub rows: Vec<Row>,
    /// Ratio below which a row is marked.
    pub mark_below: f64,
}

/// What the ratios of some rows are meant to be.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Their geometric mean.
    pub mean: f64,
    /// The lowest of them.
    pub least: f64,
}

impl Target {
    /// A line about how far `rows`, which are called `name`, are from it; `None` for no rows.
    pub fn line<'a>(
        &self,
        name: &str,
        rows: impl IntoIterator<Item = &'a Row> + Clone,
    ) -> Option<String> {
        let mean = geometric_mean(rows.clone())?;
        let count = rows.clone().into_iter().count();
        let lowest = rows.into_iter().min_by(|a, b| a.ratio().total_cmp(&b.ratio()))?;
        let verdict = |found: f64, target: f64| if found >= target { "reached" } else { "missed" };
        Some(format!(
            "target, {name}: {count} rows, geometric mean {mean:.3} ({:.2} {}), lowest {:.3} ({:.2} {}) in {}",
            self.mean,
            verdict(mean, self.mean),
            lowest.ratio(),
            self.least,
            verdict(lowest.ratio(), self.least),
            lowest.id,
        ))
    }
}

/// Geometric mean of the ratios of some rows; `None` for no rows.
pub fn geometric_mean<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Option<f64> {
    geometric_mean_of(rows.into_iter().map(Row::ratio))
}

/// Geometric mean of numbers; `None` for none.
pub(crate) fn geometric_mean_of(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for number in numbers {
        sum += number.ln();
        count += 1;
    }
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

/// Time of the engine beside Braid for all rows together as a multiple of Braid's; `None` for no rows.
pub fn time_weighted<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Option<f64> {
    let (mut braid_ns, mut revm_ns) = (0.0, 0.0);
    for row in rows {
        braid_ns += row.times.braid.median_ns;
        revm_ns += row.times.peer.median_ns;
    }
    (braid_ns > 0.0).then(|| revm_ns / braid_ns)
}

impl Table {
    /// Names of the classes, in the order of their first row.
    fn classes(&self) -> Vec<&'static str> {
        let mut classes = Vec::new();
        for row in &self.rows {
            if !classes.contains(&row.class) {
                classes.push(row.class);
            }
        }
        classes
    }

    fn write_mean(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        of: impl Fn(&Row) -> bool,
    ) -> fmt::Result {
        let rows = || self.rows.iter().filter(|row| of(row));
        let (Some(geometric), Some(weighted)) = (geometric_mean(rows()), time_weighted(rows()))
        else {
            return Ok(());
        };
        let below = rows().filter(|row| row.ratio() < self.mark_below).count();
        writeln!(
            f,
            "{name:<12} {:>4} rows   geometric mean {geometric:.3}   by time {weighted:.3}   below {:.2}: {below}",
            rows().count(),
            self.mark_below,
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.id.len()).max().unwrap_or_default().max(4);
        writeln!(f, "{}", self.title)?;
        writeln!(
            f,
            "{:<width$} {:<10} {:>13} {:>11} {:>11} {:>6} {:>6} {:>9}",
            "case", "class", "gas", self.names[0], self.names[1], "ratio", "(min)", "Mgas/s",
        )?;
        for row in &self.rows {
            let mark = if row.ratio() < self.mark_below { " <" } else { "" };
            writeln!(
                f,
                "{:<width$} {:<10} {:>13} {:>11} {:>11} {:>6.2} {:>6.2} {:>9.1}{mark}",
                row.id,
                row.class,
                row.gas,
                Nanoseconds(row.times.braid.median_ns).to_string(),
                Nanoseconds(row.times.peer.median_ns).to_string(),
                row.ratio(),
                row.least_ratio(),
                row.mgas_per_second(),
            )?;
        }
        self.write_mean(f, "all", |_| true)?;
        let classes = self.classes();
        if classes.len() > 1 {
            for class in classes {
                self.write_mean(f, class, |row| row.class == class)?;
            }
        }
        Ok(())
    }
}

/// A time for people.
pub(crate) struct Nanoseconds(pub(crate) f64);

impl fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ns if ns < 1e3 => write!(f, "{ns:.1} ns"),
            ns if ns < 1e6 => write!(f, "{:.2} us", ns / 1e3),
            ns => write!(f, "{:.2} ms", ns / 1e6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Times;

    fn row(id: &str, braid_ns: f64, revm_ns: f64) -> Row {
        let times = |ns| Times { median_ns: ns, least_ns: ns };
        let times = Pair { braid: times(braid_ns), peer: times(revm_ns) };
        Row { id: id.to_owned(), class: "compute", gas: 1_000, times }
    }

    #[test]
    fn means_weigh_rows_equally_or_by_their_time() {
        let rows = [row("a", 1.0, 4.0), row("b", 9.0, 9.0)];
        assert_eq!(geometric_mean(&rows), Some(2.0));
        assert_eq!(time_weighted(&rows), Some(1.3));
        assert_eq!(geometric_mean(&rows[..0]), None);
    }

    #[test]
    fn a_target_names_the_row_that_is_farthest_from_it() {
        let rows = [row("good", 1.0, 4.0), row("bad", 4.0, 4.0)];
        let target = Target { mean: 2.0, least: 1.15 };
        assert_eq!(
            target.line("both", &rows).unwrap(),
            "target, both: 2 rows, geometric mean 2.000 (2.00 reached), lowest 1.000 (1.15 missed) in bad",
        );
        assert_eq!(target.line("none", &rows[..0]), None);
    }

    #[test]
    fn a_row_below_the_threshold_is_marked() {
        let rows = vec![row("fast", 1e3, 2e3), row("slow", 1e6, 1e6)];
        let names = ["braid", "revm"];
        let text = Table { title: "title", names, rows, mark_below: 1.5 }.to_string();
        assert!(
            text.lines().any(|line| line.starts_with("slow") && line.ends_with(" <")),
            "{text}"
        );
        assert!(
            text.lines().any(|line| line.starts_with("fast") && !line.ends_with('<')),
            "{text}"
        );
        assert!(text.contains("1.00 ms") && text.contains("2.00 us"), "{text}");
    }
}
