//! What is measured of transactions between their execution and their commit.

use std::time::Duration;

/// Of each transaction of a block that was executed in parallel, in order; measured if
/// [`BlockExecutor::measure_flight`](crate::BlockExecutor::measure_flight) says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flight {
    /// Time from the end of the last execution, which was valid, to the end of the commit, sinks included.
    pub commit_latencies: Vec<Duration>,
    /// Bytes in which its results waited to be committed: the read log and what it wrote, with what was allocated for more, but
    /// without logs and return data. None if it was executed when its turn had come.
    pub bytes_in_flight: Vec<usize>,
}
