//! Tables of what was executed.

use std::fmt;

use braid_interpreter::opcode::{OPCODES, byte};

use super::{
    Name, Statistics,
    coldness::{Amount, RUN_BOUNDS, RUN_THRESHOLDS, WORK_THRESHOLDS_EIGHTHS},
    operands::Shape,
    sequences::class,
};

/// Rows of a long table.
const LONG: usize = 60;
/// Instructions below this share of all are left out where they have a row each.
const LEAST_SHARE: f64 = 0.0001;
/// Upper bounds of the lengths of basic blocks that are counted together.
const LENGTH_BOUNDS: [usize; 12] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, usize::MAX];

/// The tables, under a headline.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What was executed.
    pub title: &'a str,
    /// What it came to.
    pub statistics: &'a Statistics,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "==== {} ====", self.title)?;
        let total = self.statistics.sequences.total();
        writeln!(f, "{total:.0} instructions (by weight); all shares are of these unless said\n")?;
        self.write_singles(f, total)?;
        self.write_runs(f, total)?;
        self.write_operands(f, total)?;
        self.write_jumps(f)?;
        self.write_lengths(f)?;
        self.write_coldness(f)
    }
}

impl Report<'_> {
    fn write_singles(&self, f: &mut fmt::Formatter<'_>, total: f64) -> fmt::Result {
        let single = &self.statistics.sequences.single;
        writeln!(f, "-- stack instructions")?;
        let mut rest = 1.0;
        for (name, first) in
            [("PUSH", byte::PUSH1), ("DUP", byte::DUP1), ("SWAP", byte::SWAP1), ("POP", byte::POP)]
        {
            let of_class = single.iter().filter(|(run, _)| class(run[0]) == first);
            let share = of_class.map(|(_, count)| count).sum::<f64>() / total;
            rest -= share;
            writeln!(f, "{name:<6} {}", Percent(share))?;
        }
        writeln!(f, "others {}\n", Percent(rest))?;
        let runs = single.iter().map(|(run, count)| (&run[..], *count));
        write_top(f, "single instructions", runs, total, usize::MAX)
    }

    fn write_runs(&self, f: &mut fmt::Formatter<'_>, total: f64) -> fmt::Result {
        let sequences = &self.statistics.sequences;
        let pairs = sequences.pairs.iter().map(|(run, count)| (&run[..], *count));
        write_top(f, "pairs", pairs, total, LONG)?;
        let triples = sequences.triples.iter().map(|(run, count)| (&run[..], *count));
        write_top(f, "triples", triples, total, LONG)?;
        for (counts, length) in sequences.by_class.iter().zip(2..) {
            let title = format!("{length} in a row, PUSH1, DUP1, SWAP1 standing for all of theirs");
            let runs = counts.iter().map(|(run, count)| (&run[..], *count));
            write_top(f, &title, runs, total, LONG)?;
        }
        Ok(())
    }

    fn write_operands(&self, f: &mut fmt::Formatter<'_>, total: f64) -> fmt::Result {
        writeln!(
            f,
            "-- operands, in % of the executions of the instruction\n\
             const: pushed in the same basic block; 64: fits 64 bits; folded: computed there from constants; both: both are\n\
             constants; one64: one is unknown, the other pushed and of 64 bits; PUSH, DUP, SWAP: what comes right before;\n\
             run64: both fit 64 bits when executed"
        )?;
        writeln!(
            f,
            "{:<14} {:>7} | {:>6} {:>6} {:>6} | {:>6} {:>6} {:>6} | {:>6} {:>6} | {:>6} {:>6} {:>6} | {:>6}",
            "instruction",
            "share",
            "const1",
            "64",
            "folded",
            "const2",
            "64",
            "folded",
            "both",
            "one64",
            "PUSH",
            "DUP",
            "SWAP",
            "run64",
        )?;
        let shapes = &self.statistics.operands.shapes;
        let mut rows: Vec<(u8, &Shape)> = (0..=u8::MAX).zip(shapes).collect();
        rows.retain(|(opcode, shape)| {
            let takes = OPCODES[usize::from(*opcode)].map_or(0, |info| info.inputs);
            let is_plain = !matches!(class(*opcode), byte::DUP1 | byte::SWAP1 | byte::POP);
            takes > 0 && is_plain && shape.executions / total >= LEAST_SHARE
        });
        rows.sort_by(|(_, a), (_, b)| b.executions.total_cmp(&a.executions));
        for (opcode, shape) in rows {
            let share = |part: f64| Percent(part / shape.executions);
            let [first, second] = shape.constants;
            writeln!(
                f,
                "{:<14} {} | {:.1} {:.1} {:.1} | {:.1} {:.1} {:.1} | {:.1} {:.1} | {:.1} {:.1} {:.1} | {:.1}",
                Name(opcode),
                Percent(shape.executions / total),
                share(first.pushed),
                share(first.small),
                share(first.folded),
                share(second.pushed),
                share(second.small),
                share(second.folded),
                share(shape.both),
                share(shape.one_small),
                share(shape.after_push),
                share(shape.after_dup),
                share(shape.after_swap),
                share(shape.small_at_run_time),
            )?;
        }
        writeln!(f)
    }

    fn write_jumps(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operands = &self.statistics.operands;
        writeln!(f, "-- jumps, in % of the executions of the instruction")?;
        for opcode in [byte::JUMP, byte::JUMPI] {
            let shape = &operands.shapes[usize::from(opcode)];
            let share = |part: f64| Percent(part / shape.executions);
            let target = shape.constants[0];
            writeln!(
                f,
                "{:<6} target pushed right before it {}, elsewhere in the block {}, computed or from outside {}",
                Name(opcode),
                share(shape.after_push),
                share(target.pushed + target.folded - shape.after_push),
                share(shape.executions - target.pushed - target.folded),
            )?;
        }
        let jumpi = operands.shapes[usize::from(byte::JUMPI)].executions;
        writeln!(f, "JUMPI  jumps in {}\n", Percent(operands.taken / jumpi))?;
        let conditions = self.statistics.sequences.conditions.iter();
        let runs = conditions.map(|(run, count)| (&run[..], *count));
        write_top(f, "comparisons right before JUMPI, in % of JUMPI", runs, jumpi, LONG)
    }

    fn write_lengths(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths = &self.statistics.sequences.lengths;
        let executions: f64 = lengths.values().sum();
        let instructions: f64 = lengths.iter().map(|(length, n)| *length as f64 * n).sum();
        writeln!(
            f,
            "-- basic blocks by length, executions: {:.2} instructions on average, the longest has {}",
            instructions / executions,
            lengths.keys().max().unwrap_or(&0),
        )?;
        writeln!(f, "{:>12} {:>7} {:>12}", "instructions", "blocks", "instructions")?;
        let mut least = 1;
        for bound in LENGTH_BOUNDS {
            let within = || lengths.iter().filter(|(length, _)| (least..=bound).contains(*length));
            let blocks: f64 = within().map(|(_, n)| n).sum();
            let work: f64 = within().map(|(length, n)| *length as f64 * n).sum();
            let shares = (Percent(blocks / executions), Percent(work / instructions));
            writeln!(f, "{:>12} {} {:>12}", Range(least, bound), shares.0, shares.1.to_string())?;
            least = bound.saturating_add(1);
        }
        writeln!(f)
    }

    fn write_coldness(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coldness = &self.statistics.coldness;
        let all = &coldness.runtime;
        writeln!(f, "-- codes, each counted once in each block or case")?;
        for (name, amount) in [("runtime", all), ("initcode", &coldness.initcode)] {
            writeln!(
                f,
                "{name:<9} {} codes, {:.0} bytes, {:.0} runs, {:.0} executions ({:.1} for each byte); executed: {} of \
                 the bytes, {} of \
                 the instructions, {} of the basic blocks",
                amount.codes,
                amount.bytes,
                amount.runs,
                amount.executions,
                amount.executions / amount.bytes,
                Percent(amount.executed_bytes / amount.bytes),
                Percent(amount.executed_instructions / amount.instructions),
                Percent(amount.executed_blocks / amount.blocks),
            )?;
        }
        let mut shares = coldness.shares.clone();
        shares.sort_by(f64::total_cmp);
        write!(f, "executed share of a runtime code's instructions, tenths of the codes:")?;
        for tenth in (1..10).filter(|_| !shares.is_empty()) {
            write!(f, " {}", Percent(shares[shares.len() * tenth / 10]))?;
        }
        writeln!(f, "\n\n-- runtime codes by their runs in a block or case, in % of all")?;
        write_amounts_header(f, "runs")?;
        let mut least = 1;
        for (bound, amount) in RUN_BOUNDS.into_iter().zip(&coldness.by_runs) {
            write_amount(f, &Range(least, bound).to_string(), amount, all)?;
            least = bound.saturating_add(1);
        }
        writeln!(
            f,
            "\n-- prepared after so many runs: what is prepared, what then runs prepared, in % of all"
        )?;
        write_amounts_header(f, "runs before")?;
        for (threshold, amount) in RUN_THRESHOLDS.iter().zip(&coldness.after_runs) {
            write_amount(f, &threshold.to_string(), amount, all)?;
        }
        writeln!(f, "\n-- prepared after so many executed instructions for each byte of the code")?;
        write_amounts_header(f, "work before")?;
        for (eighths, amount) in WORK_THRESHOLDS_EIGHTHS.iter().zip(&coldness.after_work) {
            write_amount(f, &format!("{:.3}", *eighths as f64 / 8.0), amount, all)?;
        }
        writeln!(f)
    }
}

fn write_amounts_header(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    writeln!(
        f,
        "{name:>12} {:>7} {:>7} {:>7} {:>7} {:>7} {:>16}",
        "codes", "codes%", "bytes%", "runs%", "instr%", "executions/byte"
    )
}

fn write_amount(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    amount: &Amount,
    all: &Amount,
) -> fmt::Result {
    writeln!(
        f,
        "{name:>12} {:>7} {} {} {} {} {:>16.1}",
        amount.codes,
        Percent(amount.codes as f64 / all.codes as f64),
        Percent(amount.bytes / all.bytes),
        Percent(amount.runs / all.runs),
        Percent(amount.executions / all.executions),
        amount.executions / amount.bytes,
    )
}

/// The most frequent runs, with their share of `total` and the sum of the shares so far.
fn write_top<'a>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    runs: impl Iterator<Item = (&'a [u8], f64)>,
    total: f64,
    rows: usize,
) -> fmt::Result {
    let mut runs: Vec<_> = runs.collect();
    runs.sort_by(|(a, m), (b, n)| n.total_cmp(m).then_with(|| a.cmp(b)));
    writeln!(f, "-- {title}: {} different, share and sum of shares", runs.len())?;
    let mut sum = 0.0;
    for (run, count) in runs.into_iter().take(rows) {
        let share = count / total;
        if share < LEAST_SHARE {
            break;
        }
        sum += share;
        let names: Vec<String> = run.iter().map(|opcode| Name(*opcode).to_string()).collect();
        writeln!(f, "{} {} {}", Percent(share), Percent(sum), names.join(" "))?;
    }
    writeln!(f)
}

/// A share as a percentage, seven characters wide unless asked for with a precision: then six, with one digit.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.precision() {
            Some(digits) => write!(f, "{:>6.digits$}", self.0 * 100.0),
            None => write!(f, "{:>6.2}%", self.0 * 100.0),
        }
    }
}

/// Whole numbers from one to another.
struct Range(usize, usize);

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match *self {
            Self(least, usize::MAX) => format!("{least}.."),
            Self(least, most) if least == most => least.to_string(),
            Self(least, most) => format!("{least}-{most}"),
        })
    }
}
