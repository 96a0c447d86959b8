//! Contracts and precompiles: one transaction each.

mod bytecode;
mod ready;
mod state_test;

use std::path::Path;

use alloy_primitives::{Address, Bytes, U256, keccak256};
use braid_executor::MemoryState;
use braid_primitives::{AccountInfo, BlockEnv, ChainSpec, Hardfork, Transaction};
use revm::database::InMemoryDB;

use crate::{error::BenchError, peer};

pub use ready::{BraidSide, Ready, RevmSide};

/// Folder of the contracts among the fixtures.
pub const FOLDER: &str = "bench-contracts";

/// Beginnings of the ids of cases that measure the interpreter: neither precompiles nor storage take most of their time.
const COMPUTE: &[&str] = &[
    "evm-bench-compiled/snailtracer",
    "evm-bench-compiled/ten-thousand-hashes",
    "evm-benchmarks/main/",
    "evm-benchmarks/micro/",
    "evm2-data/bswap64",
    "evm2-data/burntpix",
    "evm2-data/factorial",
    "evm2-data/fibonacci-calldata",
    "evm2-data/hash_10k",
    "evm2-data/onchain_lm_v2",
    "evm2-data/snailtracer",
    "revme-bench/snailtracer",
];

/// Beginnings of the ids of cases that measure a precompile.
const PRECOMPILE: &[&str] = &["evm2-data/precompile/"];

/// What a case measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The interpreter.
    Compute,
    /// Everything together: calls, storage, logs, hashes, the cost of a transaction itself.
    Mixed,
    /// A precompile.
    Precompile,
}

impl Class {
    fn of(id: &str) -> Self {
        let one_of = |list: &[&str]| list.iter().any(|beginning| id.starts_with(beginning));
        if one_of(PRECOMPILE) {
            Self::Precompile
        } else if one_of(COMPUTE) {
            Self::Compute
        } else {
            Self::Mixed
        }
    }

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Mixed => "mixed",
            Self::Precompile => "precompile",
        }
    }
}

/// An account before the transaction.
#[derive(Clone, Debug)]
struct Account {
    address: Address,
    info: AccountInfo,
    code: Bytes,
    storage: Vec<(U256, U256)>,
}

impl Account {
    /// An account without storage.
    fn new(address: Address, nonce: u64, balance: U256, code: Bytes) -> Self {
        let info = AccountInfo { nonce, balance, code_hash: keccak256(&code) };
        Self { address, info, code, storage: Vec::new() }
    }
}

/// One transaction and the state before it.
#[derive(Clone, Debug)]
pub struct Case {
    /// `<source>/<case>`.
    pub id: String,
    /// What it measures.
    pub class: Class,
    fork: Hardfork,
    env: BlockEnv,
    transaction: Transaction,
    accounts: Vec<Account>,
}

impl Case {
    /// The chain that the transaction is on.
    fn chain(&self) -> ChainSpec {
        ChainSpec::single(self.fork)
    }

    /// The state as Braid reads it.
    fn braid_state(&self) -> MemoryState {
        let mut state = MemoryState::new();
        for Account { address, info, code, storage } in &self.accounts {
            state.insert_code(code.clone());
            state.insert_account(*address, *info);
            for (slot, value) in storage {
                state.insert_storage(*address, *slot, *value);
            }
        }
        state
    }

    /// The state as revm reads it, code analysed.
    fn revm_state(&self) -> InMemoryDB {
        let mut state = InMemoryDB::default();
        for Account { address, info, code, storage } in &self.accounts {
            let code = peer::bytecode(code.clone());
            state.insert_account_info(*address, peer::account(info, code));
            let account = state.cache.accounts.entry(*address).or_default();
            account.storage.extend(storage.iter().copied());
        }
        state
    }
}

/// Loads every case of the folder, in order of their ids.
///
/// # Errors
/// If a file is missing or malformed, or a contract cannot be deployed.
pub fn load(folder: &Path) -> Result<Vec<Case>, BenchError> {
    let mut cases = Vec::new();
    for source in ["evm-benchmarks/main", "evm-benchmarks/micro", "evm2-data"] {
        state_test::load_folder(folder, source, &mut cases)?;
    }
    bytecode::load(folder, &mut cases)?;
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use braid_executor::Engine;

    use super::*;

    #[test]
    fn every_class_list_names_cases_that_exist() {
        let Some(folder) = crate::fixtures::folder(FOLDER) else { return };
        let cases = load(&folder).unwrap();
        for beginning in COMPUTE.iter().chain(PRECOMPILE) {
            assert!(cases.iter().any(|case| case.id.starts_with(beginning)), "{beginning}");
        }
    }

    #[test]
    fn the_engines_agree_on_every_case_that_is_quick_without_optimisation() {
        let Some(folder) = crate::fixtures::folder(FOLDER) else { return };
        let cases = load(&folder).unwrap();
        assert!(cases.len() > 100, "{}", cases.len());
        for case in cases.iter().filter(|case| case.class != Class::Compute) {
            Ready::new(case, Engine::default()).unwrap();
        }
    }
}
