//! The style of the source, as far as a program can judge it. What the compiler and clippy check is left to them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fs, path::PathBuf};

use braid_tests::corpus::{files_below, repository};

/// Most lines of a file, its tests left out.
const FILE_LINES: usize = 600;
/// Most lines of a function.
const FUNCTION_LINES: usize = 70;
/// Most characters of a line.
const LINE_CHARACTERS: usize = 128;

/// Files that may contain `unsafe`, with the reason. Each of them argues every block.
const UNSAFE_FILES: &[(&str, &str)] = &[
    (
        "executor/tests/allocations/counter.rs",
        "an allocator, which is an unsafe trait, that counts",
    ),
    ("interpreter/src/plain.rs", "the loop keeps program counter and stack pointer in registers"),
    ("interpreter/src/stack.rs", "unchecked words of a stack whose height the loop has checked"),
    ("interpreter/src/threaded.rs", "the loop reads slots that the program's check has bounded"),
    ("interpreter/src/threaded/registers.rs", "stream and stack pointer in machine registers"),
    ("precompiles/src/crypto/native/aws_lc_ffi.rs", "big numbers and P-256 of AWS-LC"),
    ("precompiles/src/crypto/native/blst_ffi.rs", "curve BLS12-381 of blst"),
    ("precompiles/src/crypto/native/keccak_batch/x86.rs", "vector registers, where there are any"),
    ("scheduler/src/pool/scope.rs", "persistent threads call a closure that borrows"),
];

/// Text that must not be merged, with what to do instead.
const BANNED: &[(&str, &str)] = &[
    ("todo!", "finish it, or return an error"),
    ("unimplemented!", "finish it, or return an error"),
    ("dbg!", "remove it"),
    ("FIXME", "fix it"),
    ("TODO", "do it, or write down why not"),
    ("XXX", "say what is wrong"),
    ("HACK", "say why it is so"),
    ("SAFETY: TODO", "argue it"),
    ("#[allow(", "use #[expect(.., reason = ..)]"),
    ("/home/", "no paths of one machine"),
    ("/root/", "no paths of one machine"),
    ("/tmp/", "std::env::temp_dir()"),
    ("/work/", "no paths of one machine"),
];

/// Crates in which the process environment is read.
const READS_ENVIRONMENT: &[&str] = &["cli", "tests", "benches", "fuzz"];

/// Files and functions that are longer than allowed, and by how much they are: the list can only shrink.
const LONGER_FILES: &[(&str, usize)] = &[];
const LONGER_FUNCTIONS: &[(&str, usize)] = &[];

/// Folders that are not the project's source.
const SKIPPED: &[&str] = &["target", ".git"];

/// This file names what it bans.
const THIS: &str = "tests/tests/tidy.rs";

struct Source {
    /// Relative to the repository.
    name: String,
    text: String,
}

/// All files of the project with one of these endings.
fn sources(endings: &[&str]) -> Vec<Source> {
    let root = repository();
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
            endings.iter().for_each(|ending| files.extend(files_below(&path, ending)));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
    }
    let source = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        Source { name, text }
    };
    files.into_iter().map(source).collect()
}

fn rust_sources() -> Vec<Source> {
    let sources = sources(&[".rs"]);
    assert!(sources.iter().any(|source| source.name == THIS), "the sources were not found");
    sources
}

/// Asserts that there are no complaints.
fn settle(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

impl Source {
    /// The lines, numbered from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    fn is_test(&self) -> bool {
        self.name.contains("/tests/") || self.name.ends_with("/tests.rs")
    }

    /// Lines before the trailing module of unit tests.
    fn lines_without_tests(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.windows(2).position(|pair| {
            pair[0].trim() == "#[cfg(test)]"
                && pair[1].starts_with("mod ")
                && pair[1].ends_with('{')
        });
        tests.unwrap_or(lines.len())
    }

    /// Functions: line, name, length in lines. By indentation, which rustfmt guarantees.
    fn functions(&self) -> Vec<(usize, String, usize)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut functions = Vec::new();
        for (i, line) in lines.iter().enumerate() {
            let Some(name) = function_name(line).filter(|_| !line.ends_with('}')) else { continue };
            let indent = &line[..line.len() - line.trim_start().len()];
            let end = format!("{indent}}}");
            let body = lines[i..].iter().position(|line| *line == end);
            let without_body = lines[i..].iter().position(|line| line.ends_with(';'));
            match (body, without_body) {
                // A declaration ends with a semicolon before any brace opens.
                (_, Some(semicolon))
                    if !lines[i..=i + semicolon].iter().any(|line| line.ends_with('{')) => {}
                (Some(length), _) => functions.push((i + 1, name, length + 1)),
                (None, _) => {}
            }
        }
        functions
    }
}

/// The name of the function that the line starts to define.
fn function_name(line: &str) -> Option<String> {
    let before_name = ["pub(crate) ", "pub(super) ", "pub ", "const ", "unsafe ", "async "];
    let mut rest = line.trim_start();
    while let Some(word) = before_name.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = word;
    }
    let name = rest.strip_prefix("fn ")?;
    Some(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

#[test]
fn files_are_short() {
    let allowed: BTreeMap<_, _> = LONGER_FILES.iter().copied().collect();
    let mut complaints = Vec::new();
    for source in rust_sources() {
        let lines = source.lines_without_tests();
        let limit = allowed.get(source.name.as_str()).copied().unwrap_or(FILE_LINES);
        if lines > limit {
            complaints.push(format!("{}: {lines} lines, {limit} are allowed", source.name));
        }
    }
    settle(&complaints);
}

#[test]
fn functions_are_short() {
    let allowed: BTreeMap<_, _> = LONGER_FUNCTIONS.iter().copied().collect();
    let mut complaints = Vec::new();
    for source in rust_sources() {
        for (line, name, length) in source.functions() {
            let key = format!("{}:{name}", source.name);
            let limit = allowed.get(key.as_str()).copied().unwrap_or(FUNCTION_LINES);
            if length > limit {
                complaints.push(format!("{}:{line}: {name} has {length} lines", source.name));
            }
        }
    }
    settle(&complaints);
}

#[test]
fn lines_are_short_and_end_cleanly() {
    let mut complaints = Vec::new();
    for source in sources(&[".rs", ".toml", ".md", ".yml", ".sh"]) {
        let is_rust = source.name.ends_with(".rs");
        if !source.text.is_empty() && !source.text.ends_with('\n') {
            complaints.push(format!("{}: no line break at the end", source.name));
        }
        for (number, line) in source.lines() {
            // Text that must not be broken: links, and long literals such as hashes and keys.
            let is_unbreakable = line.split_whitespace().any(|word| word.chars().count() > 60);
            if is_rust && line.chars().count() > LINE_CHARACTERS && !is_unbreakable {
                complaints.push(format!("{}:{number}: over {LINE_CHARACTERS} long", source.name));
            }
            if line.trim_end() != line {
                complaints.push(format!("{}:{number}: blanks at the end", source.name));
            }
            if line.contains('\t') {
                complaints.push(format!("{}:{number}: tab", source.name));
            }
        }
    }
    settle(&complaints);
}

#[test]
fn nothing_unfinished_or_of_one_machine_is_in_the_source() {
    let mut complaints = Vec::new();
    for source in sources(&[".rs", ".toml", ".md", ".yml", ".sh"]) {
        if source.name == THIS {
            continue;
        }
        for (number, line) in source.lines() {
            for (text, instead) in BANNED {
                if line.contains(text) {
                    complaints.push(format!("{}:{number}: {text}: {instead}", source.name));
                }
            }
        }
    }
    settle(&complaints);
}

#[test]
fn unsafe_code_is_only_where_it_is_listed() {
    let mut complaints = Vec::new();
    for source in rust_sources().iter().filter(|source| source.name != THIS) {
        let uses = source.lines().find(|(_, line)| {
            let code = line.split("//").next().unwrap_or_default();
            ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe trait"]
                .iter()
                .any(|form| code.contains(form))
        });
        let is_listed = UNSAFE_FILES.iter().any(|(name, _)| *name == source.name);
        if let (Some((number, _)), false) = (uses, is_listed) {
            complaints.push(format!("{}:{number}: unsafe in a file not listed", source.name));
        }
    }
    settle(&complaints);
}

#[test]
fn the_list_of_files_with_unsafe_code_is_up_to_date() {
    let sources = rust_sources();
    for (name, _) in UNSAFE_FILES {
        let uses = sources.iter().find(|source| source.name == *name).map(|source| &source.text);
        assert!(uses.is_some_and(|text| text.contains("unsafe")), "{name} needs no row any more");
    }
}

#[test]
fn every_crate_forbids_or_denies_unsafe_code() {
    let workspace = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"deny\""), "the workspace does not deny it");
    let mut complaints = Vec::new();
    for manifest in sources(&["Cargo.toml"]).iter().filter(|m| m.text.contains("[package]")) {
        if !manifest.text.contains("[lints]\nworkspace = true") {
            complaints.push(format!("{}: does not take the workspace's lints", manifest.name));
        }
    }
    settle(&complaints);
}

#[test]
fn modules_are_named_files() {
    let mut complaints = Vec::new();
    for source in rust_sources() {
        if source.name.ends_with("/mod.rs") {
            complaints.push(format!("{}: name the file after the module", source.name));
        }
        let is_documented = source.text.starts_with("//!") || source.is_test();
        if !is_documented {
            complaints.push(format!("{}: does not say what it holds", source.name));
        }
    }
    settle(&complaints);
}

#[test]
fn the_process_environment_is_read_at_the_edge_only() {
    let mut complaints = Vec::new();
    for source in rust_sources() {
        let krate = source.name.split('/').next().unwrap_or_default();
        if READS_ENVIRONMENT.contains(&krate)
            || source.is_test()
            || source.name.contains("/benches/")
        {
            continue;
        }
        for (number, line) in source.lines() {
            if line.contains("env::var") || line.contains("env::args") {
                complaints.push(format!("{}:{number}: pass it in", source.name));
            }
        }
    }
    settle(&complaints);
}

#[test]
fn the_gate_sees_functions_and_where_tests_begin() {
    let text = "\
fn short() {}

impl X {
    pub(crate) const unsafe fn long(
        a: u8,
    ) -> u8 {
        if a == 0 {
            return 1;
        }
        2
    }

    fn declared(&self);
}

#[cfg(test)]
mod tests {
}
";
    let source = Source { name: "x/src/lib.rs".to_owned(), text: text.to_owned() };
    let long = (4, "long".to_owned(), 8);
    assert_eq!(source.functions(), [long]);
    assert_eq!(source.lines_without_tests(), 15);
    assert!(!source.is_test());
}
