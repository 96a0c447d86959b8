//! A chain of blocks as a client keeps it: a tree that grows by valid blocks, with one branch that counts.
//!
//! The state is kept once, at one block. Each block remembers what it changed and what takes that back, so that the state can
//! be moved to the parent of whatever is imported next. A block that is invalid leaves everything as it was.

mod error;
mod state;
mod tree;

use std::{borrow::Cow, convert::Infallible, sync::Arc};

use braid_executor::{
    Block, BlockExecutor, BlockOutcome, Committed, Engine, ExecutionError, MemoryState,
    MissingState, ParallelError,
    body_rules::{validate_body, validate_outcome},
    codec::RawBlock,
    ethash::{Ethash, InvalidSeal},
    header_rules::validate_header,
    ommers::{Ancestor, OMMER_GENERATIONS, validate_ommers},
    parallel::Parallelism,
};
use braid_precompiles::Crypto;
use braid_primitives::{
    AccountInfo, Address, B256, Bytes, ChainSpec, Hardfork, Header, Receipt, SealedHeader,
    StateDelta, StateReader, U256,
};
use braid_trie::{ordered_root, receipts_root, withdrawals_root};

use crate::write_sets::WriteSets;
pub use error::{GenesisError, ImportError, Root, WrongRoot};
use state::ChainState;
use tree::{BlockId, GENESIS, Node, Tree};

/// Whether blocks of proof of work have to carry one.
#[derive(Clone, Debug, Default)]
pub enum Seal<C> {
    /// They need none: for tests.
    #[default]
    None,
    /// They have to. Chains may share the verifier, which keeps large tables.
    Ethash(Arc<Ethash<C>>),
}

/// A block that was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its hash.
    pub hash: B256,
    /// Whether it was there already.
    pub was_known: bool,
    /// Whether it is the head of the chain now.
    pub is_head: bool,
}

/// See the module's documentation.
///
/// ```
/// use braid_cli::chain::{Chain, ImportError, Seal};
/// use braid_executor::MemoryState;
/// use braid_precompiles::{Crypto, DefaultCrypto};
/// use braid_primitives::{ChainSpec, Hardfork, Header};
/// use braid_trie::EMPTY_ROOT;
///
/// let crypto = DefaultCrypto::new();
/// let genesis = Header { state_root: EMPTY_ROOT, ..Header::default() };
/// let genesis = genesis.seal(|bytes| crypto.keccak256(bytes));
/// let (spec, state) = (ChainSpec::single(Hardfork::Berlin), MemoryState::new());
/// let mut chain = Chain::new(spec, genesis, state, Seal::None, crypto)?;
/// assert!(matches!(chain.import(&[0xc0]), Err(ImportError::Decode(_))));
/// assert_eq!(chain.head().header.number, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Chain<C: Crypto> {
    spec: ChainSpec,
    seal: Seal<C>,
    crypto: C,
    executor: BlockExecutor<C>,
    /// On how many blocks are executed.
    threads: usize,
    tree: Tree,
    head: BlockId,
    /// Whether there is a block of Paris or later.
    is_merged: bool,
    state: ChainState,
    /// The block that the state is at.
    position: BlockId,
}

impl<C: Crypto> Chain<C> {
    /// A chain that consists of its genesis block, whose state is `state`.
    ///
    /// # Errors
    /// [`GenesisError`] if that is not the state of the genesis block.
    pub fn new(
        spec: ChainSpec,
        genesis: SealedHeader,
        state: MemoryState,
        seal: Seal<C>,
        crypto: C,
    ) -> Result<Self, GenesisError> {
        let mut state = ChainState::new(state, &crypto);
        WrongRoot::check(Root::State, genesis.header.state_root, state.root(&crypto))?;
        Ok(Self {
            executor: BlockExecutor::new(spec.clone(), crypto.clone()),
            threads: 1,
            spec,
            seal,
            crypto,
            tree: Tree::new(genesis),
            head: GENESIS,
            is_merged: false,
            state,
            position: GENESIS,
        })
    }

    /// Chooses which engine runs code. Results do not depend on it.
    pub fn set_engine(&mut self, engine: Engine) {
        self.executor.set_engine(engine);
    }

    /// Has every block executed in parallel on so many threads from now on; otherwise blocks are executed sequentially. Results
    /// do not depend on it.
    pub fn set_parallel(&mut self, threads: usize) {
        self.executor.set_parallelism(Parallelism::Always);
        self.threads = threads;
    }

    /// The last block of the branch that counts.
    pub fn head(&self) -> &SealedHeader {
        self.tree.header(self.head)
    }

    /// The state at the head.
    pub fn state_at_head(&mut self) -> &MemoryState {
        self.move_to(self.head);
        self.state.memory()
    }

    /// Adds a block, given as its RLP.
    ///
    /// # Errors
    /// [`ImportError`] if the block is invalid, or no child of a known one. Nothing is changed then.
    pub fn import(&mut self, rlp: &[u8]) -> Result<Imported, ImportError> {
        let block = RawBlock::decode(rlp)?;
        let parent_hash = block.header.parent_hash;
        let parent =
            self.tree.find(parent_hash).ok_or(ImportError::UnknownParent { parent_hash })?;
        let total_difficulty = self.tree.node(parent).total_difficulty;
        let spec = self.spec.after(total_difficulty);
        let fork = spec.hardfork_at(block.header.number, block.header.timestamp);

        validate_header(&block.header, self.tree.header(parent), &spec)?;
        validate_body(&block, fork, &self.crypto)?;
        self.check_ommers(&block, parent, &spec)?;
        self.check_seals(&block, fork)?;
        let sealed = block.sealed_header(&self.crypto);
        let body_roots = self.check_body_roots(&block);
        if let Some(known) = self.tree.find(sealed.hash) {
            body_roots?;
            let is_head = known == self.head;
            return Ok(Imported { hash: sealed.hash, was_known: true, is_head });
        }
        let ommer_hash = |ommer: &Header| ommer.hash(|b| self.crypto.keccak256(b));
        let ommer_hashes = block.ommers.iter().map(ommer_hash).collect();
        let block = block.into_block(fork, spec.chain_id, &self.crypto)?;
        if let Cow::Owned(spec) = spec {
            self.executor.set_spec(spec);
        }
        let (outcome, write_sets) = self.execute(&block, parent, fork)?;
        // What is wrong with a transaction tells more than that the transactions are not those of the header.
        body_roots?;
        validate_outcome(&sealed.header, &outcome, &self.crypto)?;
        let (delta, inverse) = self.settle(&sealed.header, outcome, &write_sets)?;

        let hash = sealed.hash;
        let total_difficulty = total_difficulty.saturating_add(sealed.header.difficulty);
        let block = Ancestor { block: sealed, ommer_hashes };
        let id = self.tree.insert(Node { block, parent, total_difficulty, delta, inverse });
        self.position = id;
        let is_head = self.takes_the_lead(id, fork);
        if is_head {
            self.head = id;
        }
        Ok(Imported { hash, was_known: false, is_head })
    }

    /// Whether a new block becomes the head: the heaviest does, until the first block of Paris; from then on the last one
    /// (EIP-3675), for want of a beacon chain that says which.
    fn takes_the_lead(&mut self, id: BlockId, fork: Hardfork) -> bool {
        self.is_merged |= fork >= Hardfork::Paris;
        let difficulty = |id| self.tree.node(id).total_difficulty;
        match self.is_merged {
            true => fork >= Hardfork::Paris,
            false => difficulty(id) > difficulty(self.head),
        }
    }

    fn check_body_roots(&self, block: &RawBlock<'_>) -> Result<(), WrongRoot> {
        let header = &block.header;
        let root = ordered_root(&block.transactions, &self.crypto);
        WrongRoot::check(Root::Transactions, header.transactions_root, root)?;
        if let (Some(expected), Some(withdrawals)) = (header.withdrawals_root, &block.withdrawals) {
            let root = withdrawals_root(withdrawals, &self.crypto);
            WrongRoot::check(Root::Withdrawals, expected, root)?;
        }
        Ok(())
    }

    fn check_ommers(
        &self,
        block: &RawBlock<'_>,
        parent: BlockId,
        spec: &ChainSpec,
    ) -> Result<(), ImportError> {
        if block.ommers.is_empty() {
            return Ok(());
        }
        let branch = self.tree.branch(parent).take(OMMER_GENERATIONS);
        let ancestors: Vec<Ancestor> = branch.map(|node| node.block.clone()).collect();
        validate_ommers(&block.ommers, &block.header, &ancestors, spec, &self.crypto)?;
        Ok(())
    }

    /// The proof of work of the block and of its ommers.
    fn check_seals(&self, block: &RawBlock<'_>, fork: Hardfork) -> Result<(), InvalidSeal> {
        match &self.seal {
            Seal::Ethash(ethash) if fork < Hardfork::Paris => std::iter::once(&block.header)
                .chain(&block.ommers)
                .try_for_each(|header| ethash.verify_header(header)),
            _ => Ok(()),
        }
    }

    /// Executes a block on its parent's state, to which the state moves.
    fn execute(
        &mut self,
        block: &Block,
        parent: BlockId,
        fork: Hardfork,
    ) -> Result<(BlockOutcome, WriteSets), ImportError> {
        self.move_to(parent);
        let mut write_sets = WriteSets::under(fork);
        let reader = BranchReader { state: self.state.memory(), tree: &self.tree, parent };
        let on_commit = |committed: Committed<'_>| write_sets.note(&committed);
        match self.executor.execute_with(block, &reader, self.threads, on_commit) {
            Ok(outcome) => Ok((outcome, write_sets)),
            Err(ParallelError::Execution(ExecutionError::Invalid(invalid))) => Err(invalid.into()),
            Err(ParallelError::Execution(ExecutionError::State(missing))) => Err(missing.into()),
            Err(error) => Err(ImportError::Workers(error.to_string())),
        }
    }

    /// Makes the changes of a block, if its roots are those of its header. Returns what it changed, and what takes that back.
    fn settle(
        &mut self,
        header: &Header,
        mut outcome: BlockOutcome,
        write_sets: &WriteSets,
    ) -> Result<(StateDelta, StateDelta), WrongRoot> {
        let inverse = self.state.memory().inverse(&outcome.state);
        let crypto = &self.crypto;
        let apply = |state: &mut ChainState, delta: &_| {
            state.apply(delta, crypto);
            Ok::<_, Infallible>(())
        };
        let root = |state: &mut ChainState| state.root(crypto);
        let Ok(()) = write_sets.make(&mut outcome, &mut self.state, apply, root);
        if let Err(wrong) = self.check_outcome_roots(header, &outcome.receipts) {
            self.state.apply(&inverse, &self.crypto);
            return Err(wrong);
        }
        Ok((outcome.state, inverse))
    }

    fn check_outcome_roots(
        &mut self,
        header: &Header,
        receipts: &[Receipt],
    ) -> Result<(), WrongRoot> {
        let Some(root) = receipts_root(receipts, &self.crypto) else {
            unreachable!("each receipt has the status or the root that its fork gives it");
        };
        WrongRoot::check(Root::Receipts, header.receipts_root, root)?;
        let root = self.state.root(&self.crypto);
        WrongRoot::check(Root::State, header.state_root, root)
    }

    /// Moves the state to a block.
    fn move_to(&mut self, target: BlockId) {
        let (down, up) = self.tree.path(self.position, target);
        for id in down {
            self.state.apply(&self.tree.node(id).inverse, &self.crypto);
        }
        for id in up {
            self.state.apply(&self.tree.node(id).delta, &self.crypto);
        }
        self.position = target;
    }
}

/// The state at a block, with the hashes of the branch that the block is on.
struct BranchReader<'a> {
    state: &'a MemoryState,
    tree: &'a Tree,
    parent: BlockId,
}

impl StateReader for BranchReader<'_> {
    type Error = MissingState;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, MissingState> {
        self.state.account(address)
    }
    fn storage(&self, address: Address, slot: U256) -> Result<U256, MissingState> {
        self.state.storage(address, slot)
    }
    fn has_storage(&self, address: Address) -> Result<bool, MissingState> {
        self.state.has_storage(address)
    }
    fn code(&self, code_hash: B256) -> Result<Bytes, MissingState> {
        self.state.code(code_hash)
    }
    fn block_hash(&self, number: u64) -> Result<B256, MissingState> {
        self.tree.hash_at(self.parent, number).ok_or(MissingState::BlockHash { number })
    }
}

#[cfg(test)]
mod tests;
