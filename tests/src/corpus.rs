//! Where the fixtures are, and how their files are read.

use std::{
    env, fmt, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use braid_cli::fixture::FixtureSet;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

/// The root of the repository.
pub fn repository() -> PathBuf {
    // The crate lies in a folder of it.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap_or_default()
}

/// The folder of fixtures: `BRAID_FIXTURES`, by default beside the repository. `None`, with the reason on stderr, where
/// there is none.
pub fn fixtures(wanted_for: &str) -> Option<PathBuf> {
    existing(fixtures_folder(), wanted_for)
}

fn fixtures_folder() -> PathBuf {
    let beside = || repository().join("../shared/fixtures");
    env::var_os("BRAID_FIXTURES").map_or_else(beside, PathBuf::from)
}

/// A folder of the unpacked conformance corpus: in `BRAID_CORPUS`, or else in what the `unpack.sh` of the fixtures puts below
/// `target/fixtures`. `None`, with the reason on stderr, where there is none.
///
/// # Panics
/// If the corpus is there and cannot be unpacked.
pub fn corpus(folder: &str, wanted_for: &str) -> Option<PathBuf> {
    if let Some(corpus) = env::var_os("BRAID_CORPUS") {
        return existing(Path::new(&corpus).join(folder), wanted_for);
    }
    let unpacked = repository().join("target/fixtures");
    let script = fixtures_folder().join("unpack.sh");
    if script.is_file() {
        unpack(&script, &unpacked);
    }
    existing(unpacked.join("ethereum-tests").join(folder), wanted_for)
}

/// The mainnet blocks of the fixtures. `None`, with the reason on stderr, where there are none.
///
/// # Panics
/// If they are there and cannot be opened: fixtures are part of the tests.
pub fn mainnet_blocks(wanted_for: &str) -> Option<FixtureSet> {
    let folder = existing(fixtures_folder().join("mainnet-blocks"), wanted_for)?;
    let set = FixtureSet::open(&folder).unwrap_or_else(|error| panic!("{error}"));
    assert!(set.numbers().len() > 0, "there are no blocks in {}", folder.display());
    Some(set)
}

fn existing(folder: PathBuf, wanted_for: &str) -> Option<PathBuf> {
    if folder.is_dir() {
        return Some(folder);
    }
    not_run(wanted_for, &folder);
    None
}

/// Says that something was not run for want of a folder.
pub fn not_run(what: &str, missing: &Path) {
    not_run_because(what, &format!("there is no {}", missing.display()));
}

/// Says that something was not run, and why. The test harness keeps what a passing test prints to itself, but not what is
/// written to standard error directly.
pub fn not_run_because(what: &str, reason: &str) {
    let line = format!("not run: {what}, for {reason}\n");
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// Runs the script, which does nothing when it has run before. Test processes take turns.
fn unpack(script: &Path, into: &Path) {
    fs::create_dir_all(into).unwrap_or_else(|error| panic!("{}: {error}", into.display()));
    let lock = fs::File::create(into.join(".lock")).and_then(|file| file.lock().map(|()| file));
    let _lock = lock.unwrap_or_else(|error| panic!("lock in {}: {error}", into.display()));
    let output = Command::new("bash").arg(script).arg(into).output();
    let succeeded = output.as_ref().is_ok_and(|output| output.status.success());
    assert!(succeeded, "{} failed: {output:?}", script.display());
}

/// All files below the folder whose name ends in `suffix`, in order.
///
/// # Panics
/// If the folder cannot be read.
pub fn files_below(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path = entry.unwrap_or_else(|e| panic!("{}: {e}", folder.display())).path();
        if path.is_dir() {
            files.extend(files_below(&path, suffix));
        } else if path.to_string_lossy().ends_with(suffix) {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The JSON object in a file, as pairs of name and value. A name may occur twice: files of the corpus are made from several.
///
/// # Panics
/// If the file is not a JSON object: fixtures are part of the tests.
pub fn named_values(file: &Path) -> Vec<(String, Value)> {
    let text = fs::read(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    match serde_json::from_slice(&text) {
        Ok(NamedValues(pairs)) => pairs,
        Err(error) => panic!("{}: {error}", file.display()),
    }
}

struct NamedValues(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for NamedValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = NamedValues;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NamedValues, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(NamedValues(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// The 0x-hexadecimal string as a value, such as a number, an address or bytes.
///
/// # Panics
/// If it is none: fixtures are part of the tests.
pub fn parse<T: FromHexString>(value: &Value) -> T {
    let text = value.as_str().unwrap_or_else(|| panic!("expected a string, found {value}"));
    T::from_hex_string(text).unwrap_or_else(|| panic!("malformed: {text}"))
}

/// What [`parse`] can read.
pub trait FromHexString: Sized {
    /// The value, or `None` if the text is malformed.
    fn from_hex_string(text: &str) -> Option<Self>;
}

macro_rules! from_str {
    ($($type:ty),+) => {
        $(impl FromHexString for $type {
            fn from_hex_string(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        })+
    };
}

from_str!(alloy_primitives::Address, alloy_primitives::B256, alloy_primitives::Bytes);

impl FromHexString for alloy_primitives::U256 {
    fn from_hex_string(text: &str) -> Option<Self> {
        Self::from_str_radix(text.strip_prefix("0x")?, 16).ok()
    }
}

impl FromHexString for u64 {
    fn from_hex_string(text: &str) -> Option<Self> {
        Self::from_str_radix(text.strip_prefix("0x")?, 16).ok()
    }
}
