//! Finds the files of tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::error::InputError;

/// A file of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TestFile {
    pub(super) path: PathBuf,
    /// The folder that it is counted under.
    pub(super) folder: PathBuf,
}

/// The files that are named, and those in the folders that are, sorted within each; and what cannot be read.
pub(super) fn find_tests(paths: &[PathBuf]) -> (Vec<TestFile>, Vec<InputError>) {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        let before = files.len();
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                visit(path, &mut files, &mut errors);
                if files.len() == before && errors.is_empty() {
                    let expected = "files named *.json or *.json.gz";
                    errors.push(InputError::unexpected(path, "", expected, "none"));
                }
            }
            Ok(_) => files.push(TestFile {
                path: path.clone(),
                folder: path.parent().map_or_else(PathBuf::new, Path::to_owned),
            }),
            Err(error) => errors.push(InputError::io(path, error)),
        }
    }
    (files, errors)
}

fn visit(folder: &Path, files: &mut Vec<TestFile>, errors: &mut Vec<InputError>) {
    let entries = fs::read_dir(folder)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .map_err(|error| errors.push(InputError::io(folder, error)));
    let Ok(mut entries) = entries else { return };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // Links to folders are not followed: they could lead around in a circle.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => visit(&path, files, errors),
            Ok(_) if is_json(&path) => files.push(TestFile { path, folder: folder.to_owned() }),
            Ok(_) => {}
            Err(error) => errors.push(InputError::io(&path, error)),
        }
    }
}

fn is_json(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.ends_with(".json") || name.ends_with(".json.gz")
}
