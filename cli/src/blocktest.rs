//! Blockchain Tests: blocks imported one after the other, some of them invalid, and the head and state that they lead to.
//!
//! A file is `{name: {network, genesisBlockHeader, pre, blocks, lastblockhash, postState}}`. A test passes if genesis has its
//! hash and state root, if each block is imported, or rejected for the reason that the test names, and if the head and the
//! state at the head are the given ones in the end.

mod exception;
mod format;
mod network;

use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, Bytes, U256};
use braid_executor::{Engine, MemoryState, MissingState, codec::RawBlock, ethash::Ethash};
use braid_precompiles::Crypto;
use braid_primitives::{ChainSpec, KECCAK256_EMPTY, StateReader};

use crate::{
    chain::{Chain, ImportError, Seal},
    error::InputError,
    source::File,
    test_file::{BadTest, JsonAccount, load_state, run_each},
    verify::Difference,
};
use exception::{explains, is_known_exception};
use format::{Accounts, Fate, SealEngine, Test};
use network::{Network, parse_network};

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was run, and these things are wrong: nothing if it passed.
    Run(Vec<Difference>),
    /// It was not run, for this reason.
    Skipped(&'static str),
}

/// The result of one test.
#[derive(Debug)]
pub struct TestReport<'a> {
    /// Name of the test.
    pub test: &'a str,
    /// Name of its network.
    pub network: &'a str,
    /// Number of its blocks, genesis not counted.
    pub blocks: usize,
    /// How long it took.
    pub time: Duration,
    /// What came of it.
    pub verdict: Verdict,
    /// Exceptions of its blocks whose names are not all known: for those any rejection will do.
    pub unknown_exceptions: Vec<&'a str>,
}

/// Runs files of tests, one after the other. A clone shares the tables of proof of work.
#[derive(Clone, Debug)]
pub struct BlockTests<C: Crypto> {
    crypto: C,
    ethash: Arc<Ethash<C>>,
    engine: Engine,
    /// On how many threads blocks are executed in parallel, if they are.
    threads: Option<usize>,
}

impl<C: Crypto> BlockTests<C> {
    /// A runner that uses this cryptography.
    pub fn new(crypto: C) -> Self {
        let ethash = Arc::new(Ethash::new(crypto.clone()));
        Self { ethash, crypto, engine: Engine::default(), threads: None }
    }

    /// Chooses which engine runs code. Results do not depend on it.
    pub fn set_engine(&mut self, engine: Engine) {
        self.engine = engine;
    }

    /// Has every block executed in parallel on so many threads. Results do not depend on it.
    pub fn set_parallel(&mut self, threads: usize) {
        self.threads = Some(threads);
    }

    /// Runs the tests of a file in order and reports each. A test that is malformed is left out and returned as an error; the
    /// others run.
    pub fn run_file(
        &mut self,
        file: &File,
        mut report: impl FnMut(TestReport<'_>),
    ) -> Vec<InputError> {
        run_each(file, |name, test: &Test| {
            let start = Instant::now();
            let verdict = match parse_network(&test.network)? {
                Network::Chain(spec) => Verdict::Run(self.run(test, spec)?),
                Network::Unsupported(reason) => Verdict::Skipped(reason),
            };
            report(TestReport {
                test: name,
                network: &test.network,
                blocks: test.blocks.len(),
                time: start.elapsed(),
                verdict,
                unknown_exceptions: test
                    .blocks
                    .iter()
                    .filter_map(|block| match block.fate(&test.network) {
                        Fate::InvalidFor(name) if !is_known_exception(name) => Some(name),
                        _ => None,
                    })
                    .collect(),
            });
            Ok(())
        })
    }

    fn run(&self, test: &Test, mut spec: ChainSpec) -> Result<Vec<Difference>, BadTest> {
        test.config.apply(&mut spec)?;
        let mut differences = self.check_genesis(test);
        if !differences.is_empty() {
            return Ok(differences);
        }
        let seal = match test.seal_engine {
            SealEngine::NoProof => Seal::None,
            SealEngine::Ethash => Seal::Ethash(Arc::clone(&self.ethash)),
        };
        let genesis = test.genesis_block_header.sealed();
        let state = load_state(&test.pre);
        let mut chain = match Chain::new(spec, genesis, state, seal, self.crypto.clone()) {
            Ok(chain) => chain,
            Err(error) => {
                let wrong = error.0;
                let difference = differs("genesis state root", wrong.expected, wrong.found);
                return Ok(difference.into_iter().collect());
            }
        };
        chain.set_engine(self.engine);
        if let Some(threads) = self.threads {
            chain.set_parallel(threads);
        }
        for (index, block) in test.blocks.iter().enumerate() {
            let result = chain.import(&block.rlp);
            let hash = result.as_ref().ok().map(|imported| imported.hash);
            let item = || format!("blocks[{index}]");
            differences.extend(
                judge(&block.fate(&test.network), result.err())
                    .map(|(expected, found)| Difference { item: item(), expected, found }),
            );
            if let (Some(expected), Some(found)) = (block.hash, hash) {
                differences.extend(differs(&format!("{} hash", item()), expected, found));
            }
        }
        let head = chain.head().clone();
        differences.extend(differs("lastblockhash", test.last_block_hash, head.hash));
        if let Some(expected) = test.post_state_hash {
            differences.extend(differs("postStateHash", expected, head.header.state_root));
        }
        if let Some(expected) = &test.post_state {
            compare_states(expected, chain.state_at_head(), &mut differences);
        }
        Ok(differences)
    }

    /// The genesis header has its hash, and is that of the encoded block.
    fn check_genesis(&self, test: &Test) -> Vec<Difference> {
        let genesis = test.genesis_block_header.sealed();
        let hash = genesis.header.hash(|bytes| self.crypto.keccak256(bytes));
        let mut differences = Vec::from_iter(differs("genesis hash", genesis.hash, hash));
        if let Some(rlp) = &test.genesis_rlp {
            match RawBlock::decode(rlp) {
                Ok(block) => {
                    let hash = block.hash(&self.crypto);
                    differences.extend(differs("genesisRLP hash", genesis.hash, hash));
                }
                Err(error) => differences.extend(differs(
                    "genesisRLP",
                    "a block".to_owned(),
                    error.to_string(),
                )),
            }
        }
        differences
    }
}

/// What is wrong with the fate of a block, if anything: what was expected of it, and what became of it.
fn judge(fate: &Fate<'_>, error: Option<ImportError>) -> Option<(String, String)> {
    let is_right = match (fate, &error) {
        (Fate::Valid, error) => error.is_none(),
        (_, None | Some(ImportError::State(_) | ImportError::Workers(_))) => false,
        (Fate::Invalid, Some(_)) => true,
        (Fate::InvalidFor(exception), Some(error)) => explains(exception, error),
    };
    if is_right {
        return None;
    }
    let expected = match fate {
        Fate::Valid => "to be imported".to_owned(),
        Fate::Invalid => "to be rejected".to_owned(),
        Fate::InvalidFor(exception) => format!("to be rejected for {exception}"),
    };
    let found = error.map_or("imported".to_owned(), |error| format!("rejected: {error}"));
    Some((expected, found))
}

fn differs<T: PartialEq + Display>(item: &str, expected: T, found: T) -> Option<Difference> {
    Difference::between(item, &expected, &found)
}

/// Compares the state with the whole that it has to be.
fn compare_states(expected: &Accounts, state: &MemoryState, differences: &mut Vec<Difference>) {
    for (address, account) in &expected.0 {
        differences.extend(compare_account(address.0, account, state));
    }
    let mut listed: Vec<Address> = expected.0.iter().map(|(address, _)| address.0).collect();
    listed.sort_unstable();
    let mut surplus: Vec<Address> =
        state.addresses().filter(|address| listed.binary_search(address).is_err()).collect();
    surplus.sort_unstable();
    differences.extend(surplus.into_iter().map(|address| Difference {
        item: format!("postState {address}"),
        expected: "no account".to_owned(),
        found: "an account".to_owned(),
    }));
}

/// Compares an account with what it has to be.
fn compare_account(
    address: Address,
    expected: &JsonAccount,
    state: &MemoryState,
) -> Vec<Difference> {
    let item = |part: &str| format!("postState {address} {part}").trim_end().to_owned();
    let Ok(Some(found)) = state.account(address) else {
        let (expected, found) = ("an account".to_owned(), "no account".to_owned());
        return vec![Difference { item: item(""), expected, found }];
    };
    let mut differences = Vec::new();
    differences.extend(differs(&item("balance"), expected.balance, found.balance));
    differences.extend(differs(&item("nonce"), expected.nonce, found.nonce));
    let code = match found.code_hash {
        KECCAK256_EMPTY => Ok(Bytes::new()),
        hash => state.code(hash),
    };
    let code = code.unwrap_or_else(|missing: MissingState| missing.to_string().into_bytes().into());
    differences.extend(differs(&item("code"), &expected.code, &code));
    let mut listed: Vec<(U256, U256)> = expected
        .storage
        .iter()
        .map(|(slot, value)| (slot.0, value.0))
        .filter(|(_, value)| !value.is_zero())
        .collect();
    listed.sort_unstable();
    let mut slots: Vec<(U256, U256)> = state.slots(address).collect();
    slots.sort_unstable();
    if listed == slots {
        return differences;
    }
    let value = |slots: &[(U256, U256)], slot: U256| {
        slots.iter().find(|(key, _)| *key == slot).map_or(U256::ZERO, |(_, value)| *value)
    };
    let mut keys: Vec<U256> = listed.iter().chain(&slots).map(|(slot, _)| *slot).collect();
    keys.sort_unstable();
    keys.dedup();
    for slot in keys {
        let (expected, found) = (value(&listed, slot), value(&slots, slot));
        let name = item(&format!("slot {slot:#x}"));
        differences.extend(differs(&name, format!("{expected:#x}"), format!("{found:#x}")));
    }
    differences
}
