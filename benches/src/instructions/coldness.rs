//! How often a code is run within a block, and how much of it is executed.

use super::{WatchedCode, basic_blocks, sequences::as_f64};

/// Upper bounds of the numbers of runs that are counted together.
pub(super) const RUN_BOUNDS: [usize; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, usize::MAX];
/// Numbers of runs after which an engine might prepare a code.
pub(super) const RUN_THRESHOLDS: [usize; 7] = [0, 1, 2, 4, 8, 16, 32];
/// Executed instructions for each byte of the code after which an engine might prepare it, in eighths.
pub(super) const WORK_THRESHOLDS_EIGHTHS: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// Codes of all blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Coldness {
    /// Runtime codes by how often they were run, as [`RUN_BOUNDS`] has it.
    pub(super) by_runs: [Amount; RUN_BOUNDS.len()],
    pub(super) runtime: Amount,
    pub(super) initcode: Amount,
    /// What would run prepared, and what would be prepared for it, if that is done before run number threshold + 1.
    pub(super) after_runs: [Amount; RUN_THRESHOLDS.len()],
    /// The same, done before the first run that begins after so much work.
    pub(super) after_work: [Amount; WORK_THRESHOLDS_EIGHTHS.len()],
    /// Share of the instructions of each runtime code that were executed.
    pub(super) shares: Vec<f64>,
}

/// An amount of code and of work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Amount {
    pub(super) codes: usize,
    pub(super) bytes: f64,
    pub(super) executed_bytes: f64,
    pub(super) instructions: f64,
    pub(super) executed_instructions: f64,
    pub(super) blocks: f64,
    pub(super) executed_blocks: f64,
    pub(super) runs: f64,
    /// Executions of instructions.
    pub(super) executions: f64,
}

impl Amount {
    fn of(code: &WatchedCode) -> Self {
        let mut amount = Self {
            codes: 1,
            bytes: as_f64(code.bytes.len() as u64),
            runs: as_f64(code.runs.len() as u64),
            executions: as_f64(code.runs.iter().map(|run| run.instructions).sum()),
            ..Self::default()
        };
        for block in basic_blocks::all(code) {
            amount.blocks += 1.0;
            amount.executed_blocks += f64::from(u8::from(block.executions() > 0));
            for step in &block.instructions {
                let size = 1 + basic_blocks::immediate_size(step.opcode);
                amount.instructions += 1.0;
                if step.executions > 0 {
                    amount.executed_instructions += 1.0;
                    amount.executed_bytes += as_f64(size as u64);
                }
            }
        }
        amount
    }

    fn add(&mut self, other: &Self) {
        self.codes += other.codes;
        self.bytes += other.bytes;
        self.executed_bytes += other.executed_bytes;
        self.instructions += other.instructions;
        self.executed_instructions += other.executed_instructions;
        self.blocks += other.blocks;
        self.executed_blocks += other.executed_blocks;
        self.runs += other.runs;
        self.executions += other.executions;
    }
}

impl Coldness {
    pub(super) fn add(&mut self, code: &WatchedCode) {
        if code.runs.is_empty() {
            return;
        }
        let amount = Amount::of(code);
        if code.is_initcode {
            return self.initcode.add(&amount);
        }
        self.runtime.add(&amount);
        self.shares.push(amount.executed_instructions / amount.instructions);
        let runs = code.runs.len();
        let bounds = RUN_BOUNDS.iter().zip(&mut self.by_runs);
        if let Some((_, sum)) = bounds.into_iter().find(|(bound, _)| runs <= **bound) {
            sum.add(&amount);
        }
        for (threshold, sum) in RUN_THRESHOLDS.iter().zip(&mut self.after_runs) {
            sum.add_prepared(code, &amount, *threshold);
        }
        for (eighths, sum) in WORK_THRESHOLDS_EIGHTHS.iter().zip(&mut self.after_work) {
            let least = code.bytes.len() as u64 * eighths;
            let mut work = 0;
            let cold = code.runs.iter().take_while(|run| {
                let is_cold = work * 8 < least;
                work += run.instructions;
                is_cold
            });
            sum.add_prepared(code, &amount, cold.count());
        }
    }
}

impl Amount {
    /// Adds what runs once the code is prepared after `cold_runs` runs.
    fn add_prepared(&mut self, code: &WatchedCode, all: &Self, cold_runs: usize) {
        let Some(hot) = code.runs.get(cold_runs..).filter(|hot| !hot.is_empty()) else { return };
        self.add(&Self {
            runs: as_f64(hot.len() as u64),
            executions: as_f64(hot.iter().map(|run| run.instructions).sum()),
            ..*all
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instructions::Run;

    /// A code of eight bytes of which the first is executed once in each run.
    fn code(runs: usize) -> WatchedCode {
        let mut executions = vec![0; 9];
        executions[0] = runs as u64;
        WatchedCode {
            bytes: vec![0x5b; 8].into(),
            is_initcode: false,
            executions,
            runs: vec![Run { instructions: 1 }; runs],
        }
    }

    #[test]
    fn what_runs_before_a_threshold_is_not_prepared() {
        let mut coldness = Coldness::default();
        coldness.add(&code(1));
        coldness.add(&code(3));
        assert_eq!(coldness.after_runs[0].executions, 4.0, "everything is prepared at once");
        assert_eq!(coldness.after_runs[1].codes, 1);
        assert_eq!(coldness.after_runs[1].executions, 2.0);
        assert_eq!(coldness.after_runs[2].executions, 1.0);
        assert_eq!(coldness.after_runs[3], Amount::default());
        // One instruction is an eighth of the code's bytes.
        assert_eq!(coldness.after_work[0].executions, 2.0);
        assert_eq!(coldness.after_work[1].executions, 1.0);
        assert_eq!(coldness.by_runs.map(|amount| amount.codes)[..3], [1, 0, 1]);
    }

    #[test]
    fn the_executed_share_counts_the_stop_behind_the_code() {
        let amount = Amount::of(&code(2));
        assert_eq!((amount.executed_instructions, amount.instructions), (1.0, 9.0));
        assert_eq!(
            (amount.executed_blocks, amount.blocks),
            (1.0, 8.0),
            "the STOP follows the last"
        );
    }
}
