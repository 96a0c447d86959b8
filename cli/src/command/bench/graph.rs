//! Conflict graphs on disk: first `commit` and the nanoseconds that it takes to commit a transaction, then a line per
//! transaction, with its nanoseconds, the transactions that it depends on (`-` if none), and its own position.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::bench::conflicts::Conflicts;

/// A graph could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub(super) struct SaveError {
    path: PathBuf,
    source: io::Error,
}

/// The lines of a block whose transactions take so many nanoseconds, times `cost`.
pub(super) fn lines(
    conflicts: &Conflicts,
    (weights_ns, cost): (&[u64], f64),
    commit: Duration,
) -> String {
    let line = |(position, (on, ns)): (usize, (&[u32], &u64))| {
        let ns = (*ns as f64 * cost).round();
        let on: Vec<_> = on.iter().map(u32::to_string).collect();
        let on = if on.is_empty() { "-".to_owned() } else { on.join(",") };
        format!("{ns} {on} {position}\n")
    };
    let first = format!("commit {}\n", commit.as_nanos());
    first + &conflicts.dependencies().zip(weights_ns).enumerate().map(line).collect::<String>()
}

/// Writes the lines of the block of that name to a file in the folder, which is made if it is missing.
pub(super) fn save(folder: &Path, name: &str, lines: &str) -> Result<(), SaveError> {
    let path = folder.join(format!("{}.txt", name.replace('/', "-")));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, lines));
    written.map_err(|source| SaveError { path, source })
}
