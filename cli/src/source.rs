//! Files of fixtures: plain or gzip-compressed, on disk or built in.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use crate::error::{InputError, Problem};

/// First bytes of gzip data.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Most bytes that a file may have, decompressed: far above any fixture, far below what would exhaust memory.
const LIMIT_BYTES: u64 = 1 << 30;

/// Where the files of a fixture come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder.
    Folder(PathBuf),
    /// Files that are part of the program: names relative to the set, and contents.
    BuiltIn(&'static [(&'static str, &'static [u8])]),
}

/// A file that was read: where it lies, for messages, and its contents, decompressed.
#[derive(Debug)]
pub struct File {
    /// Path as given, or a description of the built-in file.
    pub path: PathBuf,
    /// Contents, decompressed.
    pub bytes: Vec<u8>,
}

impl Source {
    /// The path of `name`, for messages.
    pub fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(name),
            Self::BuiltIn(_) => Path::new("(built-in sample)").join(name),
        }
    }

    /// Reads `name.json` or `name.json.gz`, whichever is there; `None` if neither is.
    ///
    /// # Errors
    /// If the file cannot be read or decompressed.
    pub fn find(&self, name: &str) -> Result<Option<File>, InputError> {
        for name in [format!("{name}.json"), format!("{name}.json.gz")] {
            let path = self.path(&name);
            let found = match self {
                Self::Folder(_) => match fs::File::open(&path) {
                    Ok(file) => Some(read_limited(&path, file)?),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                    Err(error) => return Err(InputError::io(&path, error)),
                },
                Self::BuiltIn(files) => {
                    files.iter().find(|(n, _)| *n == name).map(|(_, bytes)| bytes.to_vec())
                }
            };
            if let Some(bytes) = found {
                let bytes = decompress(&path, bytes)?;
                return Ok(Some(File { path, bytes }));
            }
        }
        Ok(None)
    }

    /// Reads `name.json` or `name.json.gz`, one of which has to be there.
    ///
    /// # Errors
    /// If there is neither, or the file cannot be read or decompressed.
    pub fn read(&self, name: &str) -> Result<File, InputError> {
        self.find(name)?.ok_or_else(|| {
            let expected = format!("a file of this name, or {name}.json.gz");
            InputError::unexpected(&self.path(&format!("{name}.json")), "", expected, "neither")
        })
    }
}

/// Reads and decompresses one file.
///
/// # Errors
/// If the file cannot be read or decompressed.
pub fn read_file(path: &Path) -> Result<File, InputError> {
    let file = fs::File::open(path).map_err(|error| InputError::io(path, error))?;
    let bytes = decompress(path, read_limited(path, file)?)?;
    Ok(File { path: path.to_owned(), bytes })
}

fn read_limited(path: &Path, file: fs::File) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    // One more than is allowed tells a file at the limit from one above it.
    file.take(LIMIT_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| InputError::io(path, error))?;
    within_limit(path, bytes)
}

fn decompress(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, InputError> {
    let named = path.extension().is_some_and(|extension| extension == "gz");
    if !named && !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(bytes);
    }
    let mut plain = Vec::with_capacity(bytes.len() * 4);
    flate2::read::MultiGzDecoder::new(bytes.as_slice())
        .take(LIMIT_BYTES + 1)
        .read_to_end(&mut plain)
        .map_err(|error| InputError {
            path: path.to_owned(),
            item: String::new(),
            problem: Problem::Gzip(error),
        })?;
    within_limit(path, plain)
}

fn within_limit(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, InputError> {
    if bytes.len() as u64 > LIMIT_BYTES {
        let expected = format!("at most {LIMIT_BYTES} bytes of JSON");
        return Err(InputError::unexpected(path, "", expected, "more"));
    }
    Ok(bytes)
}

impl File {
    /// Parses the file; an error names the item it is in.
    ///
    /// # Errors
    /// If the file is not JSON, or not of this shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, InputError> {
        let mut deserializer = serde_json::Deserializer::from_slice(&self.bytes);
        let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let item = match error.path().to_string() {
                root if root == "." => String::new(),
                item => item,
            };
            InputError::json(&self.path, item, error.inner())
        })?;
        deserializer.end().map_err(|error| InputError::json(&self.path, String::new(), &error))?;
        Ok(value)
    }
}
