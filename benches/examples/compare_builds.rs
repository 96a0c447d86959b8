//! Compares two builds of the bench `compare` with each other: other compiler flags, another commit.
//!
//! ```text
//! cargo run -p braid-benches --example compare_builds -- FIRST SECOND ROUNDS [ARGUMENT...]
//! ```
//!
//! FIRST and SECOND are the programs, ROUNDS is how often each is run, in turns. The arguments are handed to both; the times
//! compared are those of the first engine that they name. `benches/without_flag.sh` uses this to find out what those lose who
//! build Braid without the flags of its workspace.

use std::{
    collections::BTreeMap,
    io,
    process::{Command, ExitCode, Stdio},
};

use braid_benches::{
    exit::{exit_code, refuse},
    measure::{Pair, Times},
    report::{Row, Table, lines::Line},
};

const USAGE: &str = "usage: compare_builds FIRST SECOND ROUNDS [ARGUMENT...]";

/// Rows on which the second build takes longer by this factor are not marked; faster ones are.
const MARK_BELOW: f64 = 1.0;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [first, second, rounds, args @ ..] = &args[..] else { return refuse(USAGE) };
    let Ok(rounds) = rounds.parse::<usize>() else { return refuse(USAGE) };
    exit_code(rows([first, second], rounds, args).map(|rows| {
        let title = "two builds: medians over the rounds; ratio = second / first, (min) by the shortest runs";
        let names = ["first", "second"];
        println!("{}", Table { title, names, rows, mark_below: MARK_BELOW });
    }))
}

/// Runs both programs in turns; which goes first alternates.
fn rows(programs: [&String; 2], rounds: usize, args: &[String]) -> io::Result<Vec<Row>> {
    // In the order of the programs' output.
    let mut order = Vec::new();
    let mut found: BTreeMap<String, (Line, [Vec<Times>; 2])> = BTreeMap::new();
    for round in 0..rounds {
        let sides = if round.is_multiple_of(2) { [0, 1] } else { [1, 0] };
        for side in sides {
            eprintln!("round {} of {rounds}: {}", round + 1, programs[side]);
            for line in lines(programs[side], args)? {
                let (_, times) = found.entry(line.id.clone()).or_insert_with(|| {
                    order.push(line.id.clone());
                    (line.clone(), Default::default())
                });
                times[side].push(line.first);
            }
        }
    }
    let row = |id: String| {
        let (line, [first, second]) = found.remove(&id)?;
        // A case at the edge of what is long enough may be missing on one side.
        let times = Pair { braid: Times::over(&first)?, peer: Times::over(&second)? };
        let class = classes().into_iter().find(|class| *class == line.class)?;
        Some(Row { id, class, gas: line.gas, times })
    };
    Ok(order.into_iter().filter_map(row).collect())
}

/// The classes of all rows.
fn classes() -> [&'static str; 4] {
    use braid_benches::cases::Class;
    [Class::Compute.name(), Class::Mixed.name(), Class::Precompile.name(), "block"]
}

/// What the program measures.
fn lines(program: &str, args: &[String]) -> io::Result<Vec<Line>> {
    let output = Command::new(program).args(args).arg("--json").stderr(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{program}: {}", output.status)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}
