//! One error for everything that is wrong with input: which file, which item in it, what was expected and what was found.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// Input that cannot be used. Displays as one line that names the file and the item.
#[derive(Debug, thiserror::Error)]
pub struct InputError {
    /// File or folder that was read.
    pub path: PathBuf,
    /// Where in it, such as `transactions[17].gas`; empty for the file as a whole.
    pub item: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a piece of input.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The operating system refused.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// The file is compressed and does not decompress.
    #[error("expected gzip data, found a damaged stream: {0}")]
    Gzip(io::Error),
    /// The file is not JSON.
    #[error("expected complete JSON, found {found} at line {line}, column {column}")]
    Syntax {
        /// What the parser met.
        found: String,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
    /// A value is not what it has to be.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What the value has to be.
        expected: String,
        /// What it is.
        found: String,
    },
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = format!("{}: ", self.path.display());
        if !self.item.is_empty() {
            line.push_str(&self.item);
            line.push_str(": ");
        }
        line.push_str(&self.problem.to_string());
        // Names and messages come from outside and may hold line breaks or worse; the error is one line of text.
        for character in line.chars() {
            match character {
                '\n' => f.write_str(" ")?,
                control if control.is_control() => write!(f, "{}", control.escape_default())?,
                plain => write!(f, "{plain}")?,
            }
        }
        Ok(())
    }
}

impl InputError {
    /// A file that the operating system does not let us read.
    pub fn io(path: &Path, error: io::Error) -> Self {
        Self { path: path.to_owned(), item: String::new(), problem: Problem::Io(error) }
    }

    /// A value at `item` that is not what it has to be.
    pub fn unexpected(
        path: &Path,
        item: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let problem = Problem::Unexpected { expected: expected.into(), found: found.into() };
        Self { path: path.to_owned(), item: item.into(), problem }
    }

    /// A JSON error at `item`, which may end in the parser's signs for "the whole" and "unknown".
    pub fn json(path: &Path, item: String, error: &serde_json::Error) -> Self {
        let item = item.trim_end_matches(['.', '?', ':', ' ']).to_owned();
        let problem = match error.classify() {
            serde_json::error::Category::Data => unexpected_data(error),
            serde_json::error::Category::Eof => Problem::Syntax {
                found: "the end of the file".to_owned(),
                line: error.line(),
                column: error.column(),
            },
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                Problem::Syntax {
                    found: without_position(&error.to_string()).to_owned(),
                    line: error.line(),
                    column: error.column(),
                }
            }
        };
        Self { path: path.to_owned(), item, problem }
    }
}

/// Longest piece of a message that is shown.
const SHOWN_BYTES: usize = 200;

/// Splits serde's `invalid type: FOUND, expected EXPECTED at line L column C` into its two halves.
fn unexpected_data(error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    let message = without_position(&message);
    let (found, expected) = match message.rsplit_once(", expected ") {
        Some((found, expected)) => {
            let found = found
                .strip_prefix("invalid type: ")
                .or_else(|| found.strip_prefix("invalid value: "))
                .unwrap_or(found);
            (found, expected)
        }
        None => match message.strip_prefix("missing field ") {
            Some(field) => ("none", field),
            None => (message, "a valid value"),
        },
    };
    // Types of the source mean nothing to whoever wrote the file.
    let is_object = expected.starts_with("struct ") || expected == "a map";
    let expected = if is_object { "an object" } else { expected };
    Problem::Unexpected { expected: shorten(expected), found: shorten(found) }
}

/// Cuts a long quotation (a block's worth of calldata, say) so that the message stays readable.
fn shorten(text: &str) -> String {
    if text.len() <= SHOWN_BYTES {
        return text.to_owned();
    }
    let mut end = SHOWN_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}... ({} bytes)", &text[..end], text.len())
}

/// The message without serde_json's suffix ` at line L column C`.
fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |end| &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> String {
        let error = serde_json::from_str::<Vec<u64>>(json).unwrap_err();
        InputError::json(Path::new("a.json"), "x[0]".to_owned(), &error).to_string()
    }

    #[test]
    fn an_error_is_one_line_of_printable_text() {
        let error = InputError::unexpected(Path::new("a\nb"), "c\u{1b}[31m", "d", "e\r\nf");
        assert_eq!(error.to_string(), "a b: c\\u{1b}[31m: expected d, found e\\r f");
    }

    #[test]
    fn a_json_error_speaks_of_objects_and_leaves_out_what_is_unknown() {
        #[derive(Debug, serde::Deserialize)]
        struct Inner {
            #[expect(dead_code, reason = "only its type matters")]
            value: u64,
        }
        let error = serde_json::from_str::<Inner>("7").unwrap_err();
        let line = InputError::json(Path::new("a.json"), "x.?".to_owned(), &error).to_string();
        assert_eq!(line, "a.json: x: expected an object, found integer `7`");
    }

    #[test]
    fn a_json_error_names_file_item_expectation_and_finding() {
        assert_eq!(line("[1, \"2\"]"), "a.json: x[0]: expected u64, found string \"2\"");
        assert_eq!(
            line("[1, "),
            "a.json: x[0]: expected complete JSON, found the end of the file at line 1, column 4"
        );
        assert_eq!(
            line("[1; 2]"),
            "a.json: x[0]: expected complete JSON, found expected `,` or `]` at line 1, column 3"
        );
    }

    #[test]
    fn a_long_value_is_cut_at_a_character_boundary() {
        let text = format!("{}é{}", "x".repeat(SHOWN_BYTES - 1), "y".repeat(9000));
        let short = shorten(&text);
        assert!(short.len() < SHOWN_BYTES + 30 && short.ends_with("(9201 bytes)"));
    }
}
