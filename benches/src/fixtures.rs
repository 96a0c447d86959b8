//! Where fixtures are.

use std::path::PathBuf;

/// Names the folder of all fixtures.
const VARIABLE: &str = "BRAID_FIXTURES";

/// The fixture folder `name`, or `None` and a line on stderr where it is missing.
pub fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os(VARIABLE).map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures"),
        PathBuf::from,
    );
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("nothing measured: no folder {} (set {VARIABLE})", folder.display());
    None
}
