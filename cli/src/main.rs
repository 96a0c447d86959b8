//! The program `braid`.

use std::process::ExitCode;

/// The allocator of the program: executing blocks on several threads frees much memory on other threads than it was
/// allocated on.
#[global_allocator]
static ALLOCATOR: snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;

fn main() -> ExitCode {
    braid_cli::command::main()
}
