//! What can go wrong before something is measured.

use std::path::{Path, PathBuf};

use braid_executor::Engine;

/// Why a case cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file could not be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file does not have the shape that it should.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A block fixture could not be loaded.
    #[error("block {number}: {reason}")]
    Block {
        /// Its number.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// An engine refused the case.
    #[error("{id}: {engine} gives no result: {reason}")]
    Refused {
        /// The case.
        id: String,
        /// The engine.
        engine: &'static str,
        /// Its error.
        reason: String,
    },
    /// The engines do different things: one of them is wrong, and times mean nothing.
    #[error("{id}: Braid and revm differ in {what}: {braid} and {revm}")]
    Disagreement {
        /// The case.
        id: String,
        /// What differs.
        what: &'static str,
        /// Braid's value.
        braid: String,
        /// Revm's value.
        revm: String,
    },
    /// Two engines of Braid do different things.
    #[error("{id}: the engines {:?} and {:?} differ in the outcome", engines.0, engines.1)]
    EnginesDisagree {
        /// The case.
        id: String,
        /// The engines.
        engines: (Engine, Engine),
    },
}

impl BenchError {
    pub(crate) fn malformed(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// Both engines give the same value.
///
/// # Errors
/// [`BenchError::Disagreement`] if they do not.
pub(crate) fn agree<T: PartialEq + std::fmt::Debug>(
    id: &str,
    what: &'static str,
    braid: &T,
    revm: &T,
) -> Result<(), BenchError> {
    if braid == revm {
        return Ok(());
    }
    let (braid, revm) = (shortened(braid), shortened(revm));
    Err(BenchError::Disagreement { id: id.to_owned(), what, braid, revm })
}

/// Enough of a value for a message: outputs can be megabytes.
fn shortened(value: &impl std::fmt::Debug) -> String {
    const LIMIT_CHARS: usize = 200;
    let text = format!("{value:?}");
    match text.char_indices().nth(LIMIT_CHARS) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}
