//! What a state is resident with, by the account of the operating system.
//!
//! Engines are measured in processes of their own: what one leaves behind with the allocator must not be given to the next.

use std::{fs, io, process::Command};

use super::{StateEngine, population::Population};

/// The argument that makes a bench measure memory and end: name of an engine and number of accounts follow.
pub const ARGUMENT: &str = "--memory-of";

/// Leaves that are added at a time: the write sets must not count.
const LEAVES_PER_DELTA: usize = 10_000;
/// Blocks after the state is built, and their size.
const BLOCKS: usize = 10;
const CHANGES: usize = 10_000;

/// What a process is resident with, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Now.
    pub now_kib: u64,
    /// At most until now.
    pub peak_kib: u64,
}

impl Resident {
    /// Of this process; `None` where the system has no `/proc`.
    pub fn of_this_process() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/status").ok()?)
    }

    fn parse(status: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.trim().parse().ok()
        };
        Some(Self { now_kib: field("VmRSS:")?, peak_kib: field("VmHWM:")? })
    }
}

/// Builds the state in an engine, changes it for a few blocks, and prints what that took: the part of the child process.
///
/// # Errors
/// What the engine says, or that there is nothing to read.
pub fn print(engine: &mut dyn StateEngine, accounts: u64) -> Result<(), String> {
    let resident = || Resident::of_this_process().ok_or("no /proc/self/status".to_owned());
    let mut population = Population::new(accounts);
    let leaves = population.leaves();
    let before = resident()?;
    for delta in population.genesis(LEAVES_PER_DELTA) {
        engine.apply(&delta)?;
        engine.root()?;
        engine.settle();
    }
    let built = resident()?;
    for _ in 0..BLOCKS {
        engine.apply(&population.block(CHANGES))?;
        engine.root()?;
        engine.settle();
    }
    let (now, peak) = (resident()?.now_kib, resident()?.peak_kib);
    let since = |kib: u64| kib.saturating_sub(before.now_kib);
    println!(
        "{:>5} MiB, {:>4} bytes a leaf; after {BLOCKS} blocks {:>5} MiB, at most {:>5} MiB  {}",
        since(built.now_kib) / 1024,
        since(built.now_kib) * 1024 / leaves,
        since(now) / 1024,
        since(peak) / 1024,
        engine.memory_note(),
    );
    Ok(())
}

/// Runs this program again to measure one engine; gives what it printed.
///
/// # Errors
/// If the program cannot be run, or fails.
pub fn of_child(engine: &str, accounts: u64) -> io::Result<String> {
    let program = std::env::current_exe()?;
    let output = Command::new(program).args([ARGUMENT, engine, &accounts.to_string()]).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let status = "Name:\tbench\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let resident = Resident { now_kib: 1024, peak_kib: 2048 };
        assert_eq!(Resident::parse(status), Some(resident));
        assert_eq!(Resident::parse("VmRSS: 1 kB"), None);
    }
}
