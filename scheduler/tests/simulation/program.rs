//! What mock transactions do.

use crate::random::{Random, mix};

/// A cell: fixed, or known only when the transaction gets there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell {
    Fixed(usize),
    /// Chosen by the accumulator, below this number.
    Chosen(usize),
}

impl Cell {
    pub(crate) const fn index(self, accumulator: u64) -> usize {
        match self {
            Self::Fixed(cell) => cell,
            Self::Chosen(cells) => (accumulator % cells as u64) as usize,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    /// Mixes the cell into the accumulator.
    Read(Cell),
    /// Writes the accumulator, mixed with the position.
    Write(Cell),
    /// Ends if the accumulator is even.
    MayEnd,
}

pub(crate) type Program = Vec<Operation>;

/// The accumulator that a transaction starts with.
pub(crate) const fn first_accumulator(tx: u32) -> u64 {
    mix(tx as u64 + 1)
}

pub(crate) const fn mixed(accumulator: u64, value: u64) -> u64 {
    mix(accumulator.rotate_left(17) ^ value)
}

fn random_cell(random: &mut Random, cells: usize) -> Cell {
    if random.one_in(4) {
        Cell::Chosen(cells)
    } else {
        Cell::Fixed(random.below(cells as u64) as usize)
    }
}

/// A transaction of up to `operations` steps.
pub(crate) fn random_program(random: &mut Random, cells: usize, operations: u64) -> Program {
    let count = random.below(operations + 1);
    (0..count)
        .map(|_| match random.below(8) {
            0..4 => Operation::Read(random_cell(random, cells)),
            4..7 => Operation::Write(random_cell(random, cells)),
            _ => Operation::MayEnd,
        })
        .collect()
}

/// The cells after all programs have run one after the other; they begin as 0.
pub(crate) fn run_sequentially(programs: &[Program], cells: usize) -> Vec<u64> {
    let mut values = vec![0; cells];
    for (tx, program) in (0..).zip(programs) {
        let mut accumulator = first_accumulator(tx);
        for (position, operation) in (0..).zip(program) {
            match operation {
                Operation::Read(cell) => {
                    accumulator = mixed(accumulator, values[cell.index(accumulator)]);
                }
                Operation::Write(cell) => {
                    values[cell.index(accumulator)] = mixed(accumulator, position);
                }
                Operation::MayEnd if accumulator.is_multiple_of(2) => break,
                Operation::MayEnd => {}
            }
        }
    }
    values
}
