//! Tables of times per leaf or change.

use std::fmt;

use crate::{
    measure::Pair,
    report::{Nanoseconds, quotient},
};

/// One case, measured on Braid and on a peer.
#[derive(Clone, Debug)]
pub struct Row {
    /// Name of the case.
    pub id: String,
    /// What was measured of Braid.
    pub braid: &'static str,
    /// What stood beside it.
    pub peer: &'static str,
    /// Leaves or changes that one run takes in.
    pub items: u64,
    /// Times of both.
    pub times: Pair,
}

/// Rows under a headline.
#[derive(Clone, Debug)]
pub struct Table {
    /// What the rows are.
    pub title: String,
    /// What [`Row::items`] counts, one of them.
    pub item: &'static str,
    /// The rows.
    pub rows: Vec<Row>,
    /// Ratio below which a row is marked.
    pub mark_below: f64,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.id.len()).max().unwrap_or_default().max(4);
        writeln!(f, "{}", self.title)?;
        let per_item = format!("a {}", self.item);
        writeln!(
            f,
            "{:<width$} {:<12} {:>10} {per_item:>11}   {:<18} {:>10} {per_item:>11} {:>6} {:>6}",
            "case", "braid", "time", "peer", "time", "ratio", "(min)",
        )?;
        for row in &self.rows {
            let (braid, peer) = (row.times.braid, row.times.peer);
            let ratio = quotient(peer.median_ns, braid.median_ns);
            writeln!(
                f,
                "{:<width$} {:<12} {:>10} {:>11}   {:<18} {:>10} {:>11} {ratio:>6.2} {:>6.2}{}",
                row.id,
                row.braid,
                Nanoseconds(braid.median_ns).to_string(),
                Nanoseconds(row.per_item(braid.median_ns)).to_string(),
                row.peer,
                Nanoseconds(peer.median_ns).to_string(),
                Nanoseconds(row.per_item(peer.median_ns)).to_string(),
                quotient(peer.least_ns, braid.least_ns),
                if ratio < self.mark_below { " <" } else { "" },
            )?;
        }
        Ok(())
    }
}

impl Row {
    #[expect(clippy::cast_precision_loss, reason = "leaves are far fewer than 2^53")]
    fn per_item(&self, time_ns: f64) -> f64 {
        quotient(time_ns, self.items as f64)
    }
}
