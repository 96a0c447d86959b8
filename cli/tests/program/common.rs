//! What the tests of the program share: running it, and inputs made from the built-in sample.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Number of the sample's block.
pub(super) const SAMPLE_BLOCK: &str = "100000000";

/// What a run of the program left behind.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// What `--engine` takes.
pub(super) const ENGINES: [&str; 3] = ["plain", "threaded", "adaptive"];

/// Runs the program.
pub(super) fn braid<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_braid")).args(arguments).output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Outcome {
    /// Bad input: exit code 2, and one line that has all of these in it.
    #[track_caller]
    pub(super) fn is_input_error(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in {:?}", self.stderr);
        }
    }

    /// A failed check: exit code 1, nothing on standard error, and this line in the output.
    #[track_caller]
    pub(super) fn is_failed_check(&self, line: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.stderr, "", "{self:?}");
        let failures: Vec<_> = self.stdout.lines().filter(|l| l.starts_with("FAILED")).collect();
        assert!(failures.contains(&line), "{line:?} is not in {failures:#?}");
    }

    /// The lines of JSON output.
    pub(super) fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// An empty folder for one test.
pub(super) fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A copy of the sample as plain JSON, which a test may damage.
pub(super) fn sample(test: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/block");
    let folder = folder(test);
    fs::create_dir(folder.join(SAMPLE_BLOCK)).unwrap();
    let files = [
        "manifest.json".to_owned(),
        "bytecodes.json.gz".to_owned(),
        "block_hashes.json".to_owned(),
        format!("{SAMPLE_BLOCK}/block.json.gz"),
        format!("{SAMPLE_BLOCK}/pre_state.json.gz"),
        format!("{SAMPLE_BLOCK}/expected.json.gz"),
    ];
    for name in files {
        let bytes = fs::read(source.join(&name)).unwrap();
        let plain = match name.strip_suffix(".gz") {
            Some(plain) => {
                let mut json = Vec::new();
                flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut json).unwrap();
                (plain, json)
            }
            None => (name.as_str(), bytes),
        };
        fs::write(folder.join(plain.0), plain.1).unwrap();
    }
    folder
}

/// A file of the sample's block.
pub(super) fn block_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(SAMPLE_BLOCK).join(name)
}

/// Changes a JSON file.
pub(super) fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, serde_json::to_vec(&value).unwrap()).unwrap();
}
