//! Which transactions of a block need what others before them wrote, and how much parallel execution can gain at most.
//!
//! A transaction depends on the last one before it that changed something it observes. Observed are slots (reading and writing
//! them: the price of a write depends on the value before); the code of whoever is called; the balance of an account that asks
//! for it or sends value from within a contract; the nonce of a contract that creates. Payments into an account and fees
//! conflict with nobody, nor do the nonce and the balance of a transaction's sender: all that can be decided at commit. Two
//! cases are left out, so the bound is slightly too high: the gas for a recipient that does not exist yet, and senders that
//! need what they got in the same block.

use std::cell::RefCell;

use alloy_primitives::{
    Address, U256,
    map::{AddressMap, HashMap},
};
use braid_executor::{Committed, ExecutionError, SequentialExecutor, memory_state::MissingState};
use braid_interpreter::{FrameEnd, FrameStart, Inspector, Step, opcode::byte};
use braid_precompiles::Crypto;
use braid_primitives::{AccountInfo, StateReader, Transaction};

use super::BenchBlock;

/// Something that one transaction changes and another observes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Location {
    Balance(Address),
    Nonce(Address),
    Code(Address),
    Slot(Address, U256),
    /// That none of its slots was wiped.
    Storage(Address),
}

/// For each transaction those that it depends on directly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// Positions of the transactions, ascending, each below the one that depends on it.
    depends_on: Vec<Vec<u32>>,
}

/// How long the chains of dependent transactions are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Chains {
    /// What all transactions weigh.
    pub total: f64,
    /// What those of the heaviest chain weigh.
    pub heaviest: f64,
    /// Transactions of the longest chain.
    pub longest: usize,
}

impl Chains {
    /// How many times as fast as one thread so many can be at most.
    pub fn bound(&self, threads: usize) -> f64 {
        let endless = if self.heaviest > 0.0 { self.total / self.heaviest } else { 1.0 };
        endless.min(threads as f64)
    }
}

impl Conflicts {
    /// Executes the block and watches.
    ///
    /// # Errors
    /// If the block is invalid or its state incomplete.
    pub fn of<C: Crypto>(
        bench: &BenchBlock,
        executor: &mut SequentialExecutor<C>,
    ) -> Result<Self, ExecutionError<MissingState>> {
        let record = RefCell::new(Record::new(bench));
        let mut watch = Watch { record: &record, frames: Vec::new() };
        let on_commit = |committed: Committed<'_>| record.borrow_mut().commit(&committed);
        executor.execute_block_inspected(&bench.block, &bench.state, &mut watch, on_commit)?;
        Ok(Self { depends_on: record.into_inner().depends_on })
    }

    /// Transactions that depend on another.
    pub fn dependent(&self) -> usize {
        self.depends_on.iter().filter(|on| !on.is_empty()).count()
    }

    /// Of each transaction those that it depends on directly: ascending positions below its own.
    pub fn dependencies(&self) -> impl Iterator<Item = &[u32]> {
        self.depends_on.iter().map(Vec::as_slice)
    }

    /// The chains, if the transactions weigh as much as this: nanoseconds, or gas.
    pub fn chains(&self, weights: &[u64]) -> Chains {
        let mut ends: Vec<(f64, usize)> = Vec::with_capacity(weights.len());
        let mut chains = Chains::default();
        for (on, weight) in self.depends_on.iter().zip(weights) {
            let (mut start, mut length) = (0.0_f64, 0);
            for before in on {
                let (end, transactions) = ends[*before as usize];
                start = start.max(end);
                length = length.max(transactions);
            }
            let (weight, length) = (*weight as f64, length + 1);
            chains.total += weight;
            chains.heaviest = chains.heaviest.max(start + weight);
            chains.longest = chains.longest.max(length);
            ends.push((start + weight, length));
        }
        chains
    }
}

/// What was written so far, and what the transaction under way has observed.
struct Record<'a> {
    bench: &'a BenchBlock,
    /// The last transaction that wrote a location.
    writers: HashMap<Location, u32>,
    /// Accounts that were written, as they are now.
    accounts: AddressMap<Option<AccountInfo>>,
    observed: Vec<Location>,
    depends_on: Vec<Vec<u32>>,
}

impl<'a> Record<'a> {
    fn new(bench: &'a BenchBlock) -> Self {
        Self {
            bench,
            writers: HashMap::default(),
            accounts: AddressMap::default(),
            observed: Vec::new(),
            depends_on: Vec::new(),
        }
    }

    fn commit(&mut self, committed: &Committed<'_>) {
        let Some((index, _)) = committed.transaction() else {
            return self.observed.clear();
        };
        self.observe_envelope(&self.bench.block.transactions[index]);
        let writers = &self.writers;
        let mut on: Vec<u32> =
            self.observed.iter().filter_map(|location| writers.get(location).copied()).collect();
        on.sort_unstable();
        on.dedup();
        self.depends_on.push(on);
        self.observed.clear();
        self.note_writes(index as u32, committed);
    }

    /// What a transaction observes before its code runs.
    fn observe_envelope(&mut self, tx: &Transaction) {
        self.observed.push(Location::Code(tx.sender));
        for authority in tx.authorizations.iter().filter_map(|one| one.authority) {
            self.observed.extend([Location::Nonce(authority), Location::Code(authority)]);
        }
    }

    fn note_writes(&mut self, index: u32, committed: &Committed<'_>) {
        for (address, change) in &committed.delta().accounts {
            let state = &self.bench.state;
            let current = self
                .accounts
                .entry(*address)
                .or_insert_with(|| state.account(*address).unwrap_or_default());
            let before = std::mem::replace(current, change.info).unwrap_or_default();
            let after = change.info.unwrap_or_default();
            let mut write = |location| {
                self.writers.insert(location, index);
            };
            if before.balance != after.balance {
                write(Location::Balance(*address));
            }
            if before.nonce != after.nonce {
                write(Location::Nonce(*address));
            }
            if before.code_hash != after.code_hash {
                write(Location::Code(*address));
            }
            if change.storage_wiped {
                write(Location::Storage(*address));
            }
            for slot in change.storage.keys() {
                write(Location::Slot(*address, *slot));
            }
        }
    }
}

/// Writes down what code observes.
struct Watch<'r, 'a> {
    record: &'r RefCell<Record<'a>>,
    /// Accounts whose code is running, the innermost last.
    frames: Vec<Address>,
}

impl Inspector for Watch<'_, '_> {
    fn frame_start(&mut self, frame: &FrameStart<'_>) {
        if frame.depth == 0 {
            self.record.borrow_mut().observed.push(Location::Code(frame.address));
        }
        self.frames.push(frame.address);
    }

    fn frame_end(&mut self, _: &FrameEnd<'_>) {
        self.frames.pop();
    }

    fn step(&mut self, step: &Step<'_>) {
        let Some(own) = self.frames.last().copied() else { return };
        // Operands from the top; instructions that lack some fail.
        let operand = |place: usize| {
            step.stack
                .len()
                .checked_sub(place + 1)
                .map(|place| step.stack[place])
                .unwrap_or_default()
        };
        let account = |place| Address::from_word(operand(place).into());
        let mut record = self.record.borrow_mut();
        let observed = &mut record.observed;
        match step.opcode {
            byte::SLOAD | byte::SSTORE => {
                observed.extend([Location::Slot(own, operand(0)), Location::Storage(own)]);
            }
            byte::BALANCE => observed.push(Location::Balance(account(0))),
            byte::SELFBALANCE => observed.push(Location::Balance(own)),
            byte::SELFDESTRUCT => observed.push(Location::Balance(own)),
            byte::EXTCODESIZE | byte::EXTCODECOPY | byte::EXTCODEHASH => {
                observed.push(Location::Code(account(0)));
            }
            byte::CALL | byte::CALLCODE => {
                observed.push(Location::Code(account(1)));
                if !operand(2).is_zero() {
                    observed.push(Location::Balance(own));
                }
            }
            byte::DELEGATECALL | byte::STATICCALL => observed.push(Location::Code(account(1))),
            byte::CREATE | byte::CREATE2 => {
                observed.push(Location::Nonce(own));
                if !operand(0).is_zero() {
                    observed.push(Location::Balance(own));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
