//! Rows as lines of JSON, for other programs.

use serde::{Deserialize, Serialize};

use super::Row;
use crate::measure::{Pair, Times};

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Name of the case.
    pub id: String,
    /// What it measures.
    pub class: String,
    /// Gas used by one run.
    pub gas: u64,
    /// The first engine's times.
    pub first: Times,
    /// Those of the one beside it.
    pub beside: Times,
}

impl From<&Row> for Line {
    fn from(row: &Row) -> Self {
        let Pair { braid, peer } = row.times;
        Self {
            id: row.id.clone(),
            class: row.class.to_owned(),
            gas: row.gas,
            first: braid,
            beside: peer,
        }
    }
}
