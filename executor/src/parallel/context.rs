//! What a worker executes a transaction with, and what comes out of it.

use braid_interpreter::{Engine, NoInspector, Schedule, TransactionEnv, Workspace};
use braid_mv_memory::{AccountIndex, MvMemory, Read, Version, WriteSet};
use braid_precompiles::Crypto;
use braid_primitives::{BlockEnv, Bytes, StateReader, Transaction};

use crate::{
    CodeCache, InvalidTransaction, TransactError, TransactionOutcome,
    call_stack::{CallStack, Machine},
    hash_cache::HashCache,
    host::StateAccess,
    journal::Journal,
    sequential::state_access,
    transaction::Progress,
    validate::Limits,
};

use super::{
    indices::Indices,
    source::{Locations, MvSource, Unanswered},
};

/// What all transactions of the block have in common.
pub(super) struct Environment<'a, R, C> {
    pub(super) memory: &'a MvMemory,
    pub(super) reader: &'a R,
    pub(super) crypto: &'a C,
    pub(super) codes: &'a CodeCache,
    pub(super) block: &'a BlockEnv,
    /// The account that gets the fees.
    pub(super) beneficiary: AccountIndex,
    /// Of a block in which nothing was used yet.
    pub(super) limits: &'a Limits,
}

/// The machinery of one transaction in flight. It is kept with a transaction that has to wait, and goes on where that stood.
#[derive(Debug)]
pub(super) struct Context {
    journal: Journal,
    locations: Locations,
    pub(super) indices: Indices,
    hashes: HashCache,
    stack: CallStack,
    workspace: Workspace,
    progress: Progress,
    /// What frames are told of the transaction, once it has begun.
    transaction: Option<TransactionEnv>,
    /// Filled in as the transaction ends.
    outcome: TransactionOutcome,
}

/// How an execution ended.
#[derive(Debug)]
pub(super) enum Ending<E> {
    /// With an outcome.
    Done(TransactionOutcome),
    /// The transaction breaks a rule, as things were found to be.
    Invalid(InvalidTransaction),
    /// The state could not be read.
    Failed(E),
    /// Something was asked that only what is final answers.
    Undecided,
}

impl Context {
    pub(super) fn new(engine: Engine) -> Self {
        let mut journal = Journal::default();
        journal.observe();
        let mut workspace = Workspace::new(Schedule::of(braid_primitives::Hardfork::Frontier));
        workspace.engine = engine;
        Self {
            journal,
            locations: Locations::default(),
            indices: Indices::default(),
            hashes: HashCache::default(),
            stack: CallStack::default(),
            workspace,
            progress: Progress::default(),
            transaction: None,
            outcome: TransactionOutcome::unknown(),
        }
    }

    /// Chooses which engine runs code.
    pub(super) fn set_engine(&mut self, engine: Engine) {
        self.workspace.engine = engine;
    }

    /// Forgets the transaction before.
    pub(super) fn clear(&mut self) {
        self.journal.clear();
        self.locations.clear();
        self.stack.clear();
        self.workspace.call = None;
        self.workspace.create = None;
        self.progress = Progress::default();
        self.transaction = None;
        self.outcome = TransactionOutcome::unknown();
    }

    /// Executes a transaction, from where it stands to its end.
    ///
    /// # Errors
    /// The step for which it has to wait.
    pub(super) fn execute<R: StateReader, C: Crypto>(
        &mut self,
        environment: &Environment<'_, R, C>,
        tx: &Transaction,
        (version, is_final): (Version, bool),
    ) -> Result<Ending<R::Error>, Version> {
        let progress = &mut self.progress;
        let outcome = &mut self.outcome;
        let mut access = access(
            (&mut self.journal, &mut self.locations, &mut self.indices, &mut self.hashes),
            environment,
            (version, is_final),
        );
        if let Some(transaction) = self.transaction.take() {
            access.transaction = transaction;
        }
        let workspace = &mut self.workspace;
        let mut m = Machine { state: &mut access, workspace, inspector: &mut NoInspector };
        let result = progress.advance((tx, environment.limits), &mut self.stack, &mut m, outcome);
        match result {
            Ok(()) => Ok(Ending::Done(std::mem::replace(outcome, TransactionOutcome::unknown()))),
            Err(TransactError::Invalid(error)) => Ok(Ending::Invalid(error)),
            Err(TransactError::State(Unanswered::State(error))) => Ok(Ending::Failed(error)),
            Err(TransactError::State(Unanswered::Undecided)) => Ok(Ending::Undecided),
            Err(TransactError::State(Unanswered::Estimate(version))) => {
                self.transaction = Some(access.transaction);
                Err(version)
            }
        }
    }

    /// Lets `work` at the state, for what is no transaction. All below must be committed.
    pub(super) fn with_state<'a, R: StateReader, C: Crypto, T>(
        &'a mut self,
        environment: &Environment<'a, R, C>,
        version: Version,
        work: impl FnOnce(&mut StateAccess<'a, MvSource<'a, R>, C>, &mut CallStack, &mut Workspace) -> T,
    ) -> T {
        let mut access = access(
            (&mut self.journal, &mut self.locations, &mut self.indices, &mut self.hashes),
            environment,
            (version, true),
        );
        work(&mut access, &mut self.stack, &mut self.workspace)
    }

    /// Replaces `writes` by what was written since [`Self::clear`]. Code that was deployed goes into the memory at once,
    /// before anybody can be told of it.
    pub(super) fn take_writes(
        &mut self,
        memory: &MvMemory,
        beneficiary: AccountIndex,
        writes: &mut WriteSet,
    ) {
        let Self { journal, locations, indices, .. } = self;
        writes.clear();
        for id in locations.accounts_read() {
            let write = journal.account_write(id);
            if write.is_nothing() {
                continue;
            }
            if let Some(code) = journal.new_code(id) {
                memory.insert_code(code.hash(), || Bytes::copy_from_slice(code.bytes()));
            }
            writes.accounts.push((locations.account(id), write));
        }
        for (id, value) in journal.slot_writes() {
            let slot = locations.slot(id).unwrap_or_else(|| {
                // It was known to be zero without having been read.
                let (account, key) = journal.slot_key(id);
                indices.unread_slot(memory, locations.account(account), &key)
            });
            writes.slots.push((slot, value));
        }
        if let Some(fee) = journal.deferred_fee() {
            writes.credit = Some((beneficiary, fee));
        }
    }

    /// Replaces `reads` by what was read.
    pub(super) fn take_reads(&self, reads: &mut Vec<Read>) {
        reads.clear();
        reads.extend(self.locations.reads(&self.journal));
    }
}

fn access<'a, R: StateReader, C: Crypto>(
    (journal, locations, indices, hashes): (
        &'a mut Journal,
        &'a mut Locations,
        &'a mut Indices,
        &'a mut HashCache,
    ),
    environment: &Environment<'a, R, C>,
    (version, is_final): (Version, bool),
) -> StateAccess<'a, MvSource<'a, R>, C> {
    let Environment { memory, reader, crypto, codes, block, limits, .. } = *environment;
    indices.begin(memory);
    let source = MvSource { memory, reader, locations, indices, version, is_final };
    state_access((journal, codes, hashes), (source, crypto), block, limits)
}
