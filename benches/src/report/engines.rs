//! What other engines cost beside the plain one.

use std::fmt;

use super::{Nanoseconds, quotient};
use crate::measure::Pair;

/// One case, measured.
#[derive(Clone, Debug)]
pub struct EnginesRow {
    /// Name of the case.
    pub id: String,
    /// Gas used by one run.
    pub gas: u64,
    /// Each engine's times, the plain engine's beside them, in the order of the table's names.
    pub times: Vec<Pair>,
}

/// Rows under a headline.
#[derive(Clone, Debug)]
pub struct EnginesTable {
    /// What the rows are.
    pub title: &'static str,
    /// Names of the engines.
    pub names: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<EnginesRow>,
    /// Cost above which a row is marked.
    pub mark_above: f64,
}

impl EnginesRow {
    /// How many times as long as the plain engine each engine takes, by medians.
    pub fn costs(&self) -> impl Iterator<Item = f64> {
        self.times.iter().map(|pair| quotient(pair.braid.median_ns, pair.peer.median_ns))
    }
}

impl fmt::Display for EnginesTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.id.len()).max().unwrap_or_default().max(4);
        writeln!(f, "{}", self.title)?;
        write!(f, "{:<width$} {:>13} {:>11}", "case", "gas", "plain")?;
        for name in &self.names {
            write!(f, " {name:>11} {:>6} {:>6} {:>9}", "cost", "(min)", "Mgas/s")?;
        }
        writeln!(f)?;
        for row in &self.rows {
            let plain_ns = row.times.first().map_or(0.0, |pair| pair.peer.median_ns);
            write!(
                f,
                "{:<width$} {:>13} {:>11}",
                row.id,
                row.gas,
                Nanoseconds(plain_ns).to_string()
            )?;
            for (pair, cost) in row.times.iter().zip(row.costs()) {
                write!(
                    f,
                    " {:>11} {cost:>6.2} {:>6.2} {:>9.1}",
                    Nanoseconds(pair.braid.median_ns).to_string(),
                    quotient(pair.braid.least_ns, pair.peer.least_ns),
                    mgas_per_second(row.gas, pair.braid.median_ns),
                )?;
            }
            let marked = row.costs().zip(&self.names).filter(|(cost, _)| *cost > self.mark_above);
            let marked: Vec<&str> = marked.map(|(_, name)| *name).collect();
            let mark =
                if marked.is_empty() { String::new() } else { format!(" > {}", marked.join(" ")) };
            writeln!(f, "{mark}")?;
        }
        for (index, name) in self.names.iter().enumerate() {
            let worst = self.rows.iter().filter_map(|row| Some((row.costs().nth(index)?, row)));
            if let Some((cost, row)) = worst.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
                writeln!(f, "{name}: costs at most {cost:.2}, in {}", row.id)?;
            }
        }
        Ok(())
    }
}

/// Millions of gas per second.
#[expect(clippy::cast_precision_loss, reason = "gas is far below 2^53")]
pub(super) fn mgas_per_second(gas: u64, nanoseconds: f64) -> f64 {
    quotient(gas as f64 * 1e3, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Times;

    #[test]
    fn the_engines_that_cost_too_much_are_named() {
        let times = |ns| Times { median_ns: ns, least_ns: ns };
        let pair = |ns| Pair { braid: times(ns), peer: times(100.0) };
        let row = |id: &str, a, b| EnginesRow {
            id: id.to_owned(),
            gas: 1,
            times: vec![pair(a), pair(b)],
        };
        let rows = vec![row("cheap", 110.0, 120.0), row("dear", 90.0, 300.0)];
        let table = EnginesTable { title: "", names: vec!["one", "two"], rows, mark_above: 1.2 };
        let text = table.to_string();
        assert!(
            text.lines().any(|line| line.starts_with("dear") && line.ends_with(" > two")),
            "{text}"
        );
        assert!(
            text.lines().any(|line| line.starts_with("cheap") && !line.contains('>')),
            "{text}"
        );
        assert!(text.contains("two: costs at most 3.00, in dear"), "{text}");
    }
}
