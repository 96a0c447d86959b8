//! Which instructions are executed, after which others, on which operands, and how much of a code is executed at all.
//!
//! A [`Watch`] counts how often each instruction of each code is executed by one block or transaction; [`Statistics`] adds up
//! what several of them say, and [`report`] prints it. Everything about sequences and constants follows from the counts and
//! the code: within a basic block all instructions are executed equally often, unless one of them fails.

mod basic_blocks;
mod coldness;
mod operands;
pub mod report;
mod sequences;
mod watch;

pub use basic_blocks::{BasicBlock, Instruction, Name};
pub use watch::{Run, Watch, WatchedCode};

use coldness::Coldness;
use operands::Operands;
use sequences::Sequences;

/// What executions of several blocks or transactions come to.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    sequences: Sequences,
    operands: Operands,
    coldness: Coldness,
}

impl Statistics {
    /// Adds what one block or transaction executed; each execution of an instruction counts `weight`.
    pub fn add(&mut self, watch: &Watch, weight: f64) {
        for code in watch.codes() {
            for block in basic_blocks::executed(code) {
                self.sequences.add(&block, weight);
                self.operands.add(&block, weight);
            }
            self.coldness.add(code);
        }
        self.operands.add_run_time(watch, weight);
    }
}
