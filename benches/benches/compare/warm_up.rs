//! What was done before measuring.

use std::fmt;

use braid_benches::measure::WarmUp;

/// How cases were warmed up.
#[derive(Debug, Default)]
pub(crate) struct WarmUps {
    cases: usize,
    /// Ids of those in which code was still translated at the end.
    unsettled: Vec<String>,
}

impl WarmUps {
    /// Notes how a case was warmed up; returns the number of runs, for the one beside.
    pub(crate) fn add(&mut self, id: &str, warm_up: WarmUp) -> u32 {
        self.cases += 1;
        if !warm_up.is_settled {
            self.unsettled.push(id.to_owned());
        }
        warm_up.runs
    }
}

impl fmt::Display for WarmUps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cases == 0 {
            return writeln!(f, "not warmed up: each run with a new executor");
        }
        writeln!(f, "warmed up until nothing more was translated, revm with as many runs")?;
        if !self.unsettled.is_empty() {
            writeln!(f, "but for three seconds of CPU time: {}", self.unsettled.join(", "))?;
        }
        Ok(())
    }
}
