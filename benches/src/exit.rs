//! How programs end.

use std::{fmt::Display, process::ExitCode};

/// The exit code of a program that has understood its arguments, after an error was printed.
pub fn exit_code(result: Result<(), impl Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Says what arguments are understood; returns the exit code for others.
pub fn refuse(usage: impl Display) -> ExitCode {
    eprintln!("{usage}");
    ExitCode::from(2)
}
