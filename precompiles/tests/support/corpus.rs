//! Finds the conformance corpus, unpacking it on first use.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// The folder of the unpacked corpus: `BRAID_CORPUS`, or else what the `unpack.sh` of the fixtures (`BRAID_FIXTURES`, by
/// default beside the repository) puts below `target/fixtures`. `None`, with the reason on stderr, where there is none.
pub(crate) fn corpus(wanted_for: &str) -> Option<PathBuf> {
    if let Some(folder) = env::var_os("BRAID_CORPUS") {
        return existing(folder.into(), wanted_for);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let unpacked = root.join("target/fixtures");
    let fixtures = env::var_os("BRAID_FIXTURES")
        .map_or_else(|| root.join("../shared/fixtures"), PathBuf::from);
    let script = fixtures.join("unpack.sh");
    if script.is_file() {
        unpack(&script, &unpacked);
    }
    existing(unpacked.join("ethereum-tests"), wanted_for)
}

fn existing(folder: PathBuf, wanted_for: &str) -> Option<PathBuf> {
    if folder.is_dir() {
        return Some(folder);
    }
    // Written directly, because the test harness keeps what a passing test prints to itself.
    let line = format!("not run: {wanted_for}, for there is no corpus at {}\n", folder.display());
    drop(std::io::stderr().write_all(line.as_bytes()));
    None
}

/// Runs the script, which does nothing when it has run before. Test processes take turns.
fn unpack(script: &Path, into: &Path) {
    fs::create_dir_all(into).unwrap();
    let lock = fs::File::create(into.join(".lock")).unwrap();
    lock.lock().unwrap();
    let output = Command::new("bash").arg(script).arg(into).output().unwrap();
    assert!(output.status.success(), "{} failed: {output:?}", script.display());
}
