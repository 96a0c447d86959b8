//! Block fixtures: a block, the state before it, and what it has to lead to.
//!
//! A **set** is a folder with what its blocks share, and one folder for each block:
//!
//! ```text
//! manifest.json           [{number, fork?, chain_id?, hardfork?, complete_state?, parent_state_root?, ..}]
//! bytecodes.json          {code hash: code}
//! block_hashes.json       {"number": hash}, what BLOCKHASH can read
//! <number>/block.json     the block, in the shape of eth_getBlockByNumber with full transactions, and `uncleHeaders`
//! <number>/pre_state.json {address: {balance, nonce, code_hash?, storage}}
//! <number>/witness.json   {parent_state_root, state_root?, nodes}: the trie nodes that the block needs; optional
//! <number>/expected.json  {gas_used, tx_gas, tx_status, receipts_root, logs_bloom, requests, post_state}; optional
//! ```
//!
//! Each file may be gzip-compressed under the name `*.json.gz`. A folder of one block can be used by itself: it finds the
//! shared files in its parent folder or beside `block.json`. Blocks are mainnet's unless the manifest gives `hardfork` (the
//! only one of the block's chain) and `chain_id`. `complete_state` says that `pre_state` is the whole state of the chain, whose
//! root is `parent_state_root`.

mod block;
mod sample;
mod set;
mod state;
mod transaction;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use braid_executor::{Block, MemoryState};
use braid_precompiles::Crypto;
use braid_primitives::{ChainSpec, Hardfork};
use braid_trie::StateTrie;

pub use block::HeaderFacts;
pub use state::{Expected, ExpectedAccount, FixtureWitness};

use crate::{error::InputError, source::Source};
use set::{CodeTable, Entry};

/// How far back BLOCKHASH reads.
const BLOCK_HASHES_REACH: u64 = 256;

/// One block, ready to execute and to check.
#[derive(Debug)]
pub struct Fixture {
    /// File of the block, for messages.
    pub path: PathBuf,
    /// Rules of the chain.
    pub spec: ChainSpec,
    /// Hardfork of the block.
    pub fork: Hardfork,
    /// The block, senders recovered.
    pub block: Block,
    /// State before the block.
    pub pre_state: MemoryState,
    /// Whether `pre_state` is the whole state.
    pub complete_state: bool,
    /// What the header says.
    pub facts: HeaderFacts,
    /// Proof of the state that the block reads and changes, if the fixture has it.
    pub witness: Option<FixtureWitness>,
    /// What another engine made of the block, if the fixture has it.
    pub expected: Option<Expected>,
}

/// A set of blocks, or a single one; its shared files are read, its blocks are not yet.
#[derive(Debug)]
pub struct FixtureSet {
    source: Source,
    entries: Vec<Entry>,
    manifest: Option<PathBuf>,
    codes: CodeTable,
    block_hashes: BTreeMap<u64, B256>,
    /// Whether the files of the only block lie in `source` itself.
    single: bool,
}

impl FixtureSet {
    /// Opens a folder: a set, or one block.
    ///
    /// # Errors
    /// If the folder is neither, or a shared file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, InputError> {
        if let Err(error) = std::fs::read_dir(folder) {
            return Err(InputError::io(folder, error));
        }
        let source = Source::Folder(folder.to_owned());
        if block_file_exists(folder) {
            return Self::open_single(folder, source);
        }
        match set::load_manifest(&source)? {
            Some((manifest, entries)) => Self::with_entries(source, manifest, entries),
            None => {
                let expected = "a set (with manifest.json) or a block (with block.json)";
                Err(InputError::unexpected(folder, "", expected, "neither"))
            }
        }
    }

    /// Opens the sample that is part of the program: a set of one block.
    ///
    /// # Errors
    /// None in practice: the files are those that the program was built with.
    pub fn sample() -> Result<Self, InputError> {
        let source = Source::BuiltIn(sample::FILES);
        let manifest = set::load_manifest(&source)?;
        let (manifest, entries) = manifest.ok_or_else(|| {
            InputError::unexpected(&source.path("manifest.json"), "", "a file", "none")
        })?;
        Self::with_entries(source, manifest, entries)
    }

    fn with_entries(
        source: Source,
        manifest: PathBuf,
        entries: Vec<Entry>,
    ) -> Result<Self, InputError> {
        let codes = set::load_codes(&[&source])?;
        let block_hashes = set::load_block_hashes(&[&source])?;
        let manifest = Some(manifest);
        Ok(Self { source, entries, manifest, codes, block_hashes, single: false })
    }

    fn open_single(folder: &Path, source: Source) -> Result<Self, InputError> {
        // The parent of a relative path such as `.` is found through the absolute one.
        let absolute = folder.canonicalize().map_err(|error| InputError::io(folder, error))?;
        let parent = Source::Folder(absolute.parent().unwrap_or(&absolute).to_owned());
        let number = block::peek_number(&source.read("block")?)?;
        let mut manifest = set::load_manifest(&source)?;
        if manifest.is_none() {
            manifest = set::load_manifest(&parent)?;
        }
        let (manifest, entries) = manifest.unzip();
        let entry = entries.and_then(|list| list.into_iter().find(|entry| entry.number == number));
        let places = [&source, &parent];
        let codes = set::load_codes(&places)?;
        let block_hashes = set::load_block_hashes(&places)?;
        let entries = vec![entry.unwrap_or(Entry::unlisted(number))];
        Ok(Self { source, entries, manifest, codes, block_hashes, single: true })
    }

    /// Numbers of the blocks, in the order of the manifest.
    pub fn numbers(&self) -> impl ExactSizeIterator<Item = u64> {
        self.entries.iter().map(|entry| entry.number)
    }

    /// Loads the block at `index` of [`Self::numbers`]: reads its files, recovers and checks the senders.
    ///
    /// # Errors
    /// If a file is missing or malformed, or the block does not fit the manifest.
    ///
    /// # Panics
    /// If `index` is out of bounds.
    pub fn load<C: Crypto>(&self, index: usize, crypto: &C) -> Result<Fixture, InputError> {
        let entry = &self.entries[index];
        let name = |file: &str| {
            if self.single { file.to_owned() } else { format!("{}/{file}", entry.number) }
        };
        let spec = entry.spec();
        let file = self.source.read(&name("block"))?;
        let loaded = block::load(&file, &spec, crypto)?;
        self.check_entry(entry, &file.path, &loaded)?;
        let pre_state_file = self.source.read(&name("pre_state"))?;
        let mut pre_state = state::load_pre_state(&pre_state_file, &self.codes)?;
        if let Some(expected) = entry.parent_state_root.filter(|_| entry.complete_state) {
            let found = StateTrie::of(&pre_state.to_delta(), crypto).root(crypto);
            if found != expected {
                let expected = format!("the state of root {expected}, as the manifest says");
                let found = format!("one of root {found}");
                return Err(InputError::unexpected(&pre_state_file.path, "", expected, found));
            }
        }
        let number = entry.number;
        let reach = number.saturating_sub(BLOCK_HASHES_REACH)..number;
        for (number, hash) in self.block_hashes.range(reach) {
            pre_state.insert_block_hash(*number, *hash);
        }
        let witness = self.source.find(&name("witness"))?;
        let witness = witness.map(|file| state::load_witness(&file)).transpose()?;
        let expected = self.source.find(&name("expected"))?;
        let transactions = loaded.block.transactions.len();
        let expected =
            expected.map(|file| state::load_expected(&file, transactions)).transpose()?;
        Ok(Fixture {
            path: file.path,
            spec,
            fork: loaded.fork,
            block: loaded.block,
            pre_state,
            complete_state: entry.complete_state,
            facts: loaded.facts,
            witness,
            expected,
        })
    }

    /// The block is the one that the manifest lists, under the rules that it names.
    fn check_entry(
        &self,
        entry: &Entry,
        path: &Path,
        loaded: &block::LoadedBlock,
    ) -> Result<(), InputError> {
        let found = loaded.block.env.number;
        if found != entry.number {
            let expected = format!("{:#x} ({})", entry.number, entry.number);
            return Err(InputError::unexpected(path, "number", expected, format!("{found:#x}")));
        }
        if !entry.agrees_with(loaded.fork) {
            let manifest = self.manifest.as_deref().unwrap_or(path);
            let item = format!("block {}, fork", entry.number);
            let expected = format!("{}, by number and timestamp", loaded.fork);
            return Err(InputError::unexpected(manifest, item, expected, entry.fork_name()));
        }
        Ok(())
    }
}

fn block_file_exists(folder: &Path) -> bool {
    ["block.json", "block.json.gz"].iter().any(|name| folder.join(name).is_file())
}
