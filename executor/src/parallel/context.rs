//! What a worker executes a unit of transactions with, and what comes out of it.

use std::time::{Duration, Instant};

use braid_interpreter::{
    AccountId, Engine, NoInspector, Schedule, SlotId, TransactionEnv, Workspace,
};
use braid_mv_memory::{AccountIndex, AccountWrite, MvMemory, Read, SlotIndex, Version, WriteSet};
use braid_precompiles::Crypto;
use braid_primitives::{BlockEnv, Bytes, StateReader, Transaction, U256};

use crate::{
    CodeCache, InvalidTransaction, TransactError, TransactionOutcome,
    call_stack::{CallStack, Machine},
    hash_cache::HashCache,
    host::StateAccess,
    journal::{Journal, StepWrites},
    sequential::state_access,
    transaction::Progress,
    validate::Limits,
};

use super::{
    habits::may_take_long,
    indices::Indices,
    record::Results,
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
    /// Whether what each transaction wrote is to be told.
    pub(super) has_sink: bool,
    /// Whether it is to be told when each transaction ended.
    pub(super) is_measured: bool,
}

impl<R, C> Environment<'_, R, C> {
    /// The time, if it is wanted.
    pub(super) fn now(&self) -> Option<Instant> {
        self.is_measured.then(Instant::now)
    }
}

/// The machinery of one unit in flight. It is kept with a unit that has to wait, and goes on where that stood.
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
    /// Of the transactions that have ended.
    pub(super) results: Results,
    /// The fee of all of these for the beneficiary, if that is not in the journal.
    fee: U256,
}

/// How the execution of a unit ended.
#[derive(Debug)]
pub(super) enum Ending<E> {
    /// With outcomes.
    Done,
    /// The only transaction breaks a rule, as things were found to be.
    Invalid(InvalidTransaction),
    /// The state could not be read for the only transaction.
    Failed(E),
    /// Something was asked that only what is final answers.
    Undecided,
    /// One of several transactions broke a rule, or the state could not be read: they have to be executed one by one, when
    /// all below is final.
    Apart,
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
            results: Results::default(),
            fee: U256::ZERO,
        }
    }

    /// Chooses which engine runs code.
    pub(super) fn set_engine(&mut self, engine: Engine) {
        self.workspace.engine = engine;
    }

    /// Forgets the unit before.
    pub(super) fn clear(&mut self) {
        self.journal.clear();
        self.locations.clear();
        self.stack.clear();
        self.workspace.call = None;
        self.workspace.create = None;
        self.progress = Progress::default();
        self.transaction = None;
        self.outcome = TransactionOutcome::unknown();
        self.results.clear();
        self.fee = U256::ZERO;
    }

    /// Executes a unit, from where it stands to its end.
    ///
    /// # Errors
    /// The step for which it has to wait.
    pub(super) fn execute<R: StateReader, C: Crypto>(
        &mut self,
        environment: &Environment<'_, R, C>,
        unit: &[Transaction],
        step: (Version, bool),
    ) -> Result<Ending<R::Error>, Version> {
        let start = matches!(unit, [tx] if may_take_long(tx)).then(Instant::now);
        let ending = self.go_on(environment, unit, step);
        self.results.length += start.map_or(Duration::ZERO, |start| start.elapsed());
        ending
    }

    fn go_on<R: StateReader, C: Crypto>(
        &mut self,
        environment: &Environment<'_, R, C>,
        unit: &[Transaction],
        (version, is_final): (Version, bool),
    ) -> Result<Ending<R::Error>, Version> {
        let mut access = access(
            (&mut self.journal, &mut self.locations, &mut self.indices, &mut self.hashes),
            environment,
            (version, is_final),
        );
        if let Some(transaction) = self.transaction.take() {
            access.transaction = transaction;
        }
        let (progress, outcome) = (&mut self.progress, &mut self.outcome);
        while let Some(tx) = unit.get(self.results.outcomes.len()) {
            let workspace = &mut self.workspace;
            let mut m = Machine { state: &mut access, workspace, inspector: &mut NoInspector };
            let tx = (tx, environment.limits);
            match progress.advance(tx, &mut self.stack, &mut m, outcome) {
                Ok(()) => {}
                Err(TransactError::State(Unanswered::Estimate(version))) => {
                    self.transaction = Some(access.transaction);
                    return Err(version);
                }
                Err(TransactError::State(Unanswered::Undecided)) => return Ok(Ending::Undecided),
                Err(_) if unit.len() > 1 => return Ok(Ending::Apart),
                Err(TransactError::Invalid(error)) => return Ok(Ending::Invalid(error)),
                Err(TransactError::State(Unanswered::State(error))) => {
                    return Ok(Ending::Failed(error));
                }
            }
            *progress = Progress::default();
            self.results.outcomes.push(std::mem::replace(outcome, TransactionOutcome::unknown()));
            self.results.ended.extend(environment.now());
            if environment.has_sink && unit.len() > 1 {
                let writes = step_writes(&mut access, environment, &mut self.fee);
                self.results.steps.push(writes);
            }
        }
        Ok(Ending::Done)
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

    /// Replaces `writes` by what was written since [`Self::clear`].
    pub(super) fn take_writes(
        &mut self,
        memory: &MvMemory,
        beneficiary: AccountIndex,
        writes: &mut WriteSet,
    ) {
        let Self { journal, locations, indices, .. } = self;
        writes.clear();
        let has_steps = !self.results.steps.is_empty();
        for id in locations.accounts_read() {
            if has_steps {
                // One transaction may have made it exist that another has credited: to say which, existence has to be known.
                journal.find_out_if_touched_exists(id);
            }
            let write = journal.account_write(id);
            if write.is_nothing() {
                continue;
            }
            push_write(writes, (id, write), (journal, locations, memory));
        }
        for (id, value) in journal.slot_writes() {
            writes.slots.push((slot_index((journal, id), locations, (indices, memory)), value));
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

/// What the transaction wrote that has just ended. `fee` is what those before it have paid in fees, and becomes what it has
/// paid, too.
fn step_writes<R: StateReader, C: Crypto>(
    access: &mut StateAccess<'_, MvSource<'_, R>, C>,
    environment: &Environment<'_, R, C>,
    fee: &mut U256,
) -> WriteSet {
    let (journal, source) = (&mut *access.journal, &mut access.reader);
    let Environment { memory, beneficiary, .. } = *environment;
    let StepWrites { accounts, slots } = journal.step_writes();
    let mut writes = WriteSet::default();
    for (id, write) in accounts {
        push_write(&mut writes, (id, write), (journal, source.locations, memory));
    }
    for (id, value) in slots {
        writes
            .slots
            .push((slot_index((journal, id), source.locations, (source.indices, memory)), value));
    }
    // What was deferred is in the journal once somebody has looked.
    if let Some(sum) = journal.deferred_fee() {
        let own = sum - *fee;
        writes.credit = (!own.is_zero()).then_some((beneficiary, own));
        *fee = sum;
    }
    journal.begin_step();
    writes
}

/// Adds what was done to an account. Code that it was given goes into the memory at once, before anybody can be told of it.
fn push_write(
    writes: &mut WriteSet,
    (id, write): (AccountId, AccountWrite),
    (journal, locations, memory): (&Journal, &Locations, &MvMemory),
) {
    if let Some(code) = journal.code_of(id).filter(|_| write.code_hash.is_some()) {
        memory.insert_code(code.hash(), || Bytes::copy_from_slice(code.bytes()));
    }
    writes.accounts.push((locations.account(id), write));
}

/// Where a slot is that was written.
fn slot_index(
    (journal, id): (&Journal, SlotId),
    locations: &Locations,
    (indices, memory): (&mut Indices, &MvMemory),
) -> SlotIndex {
    locations.slot(id).unwrap_or_else(|| {
        // It was known to be zero without having been read.
        let (account, key) = journal.slot_key(id);
        indices.unread_slot(memory, locations.account(account), &key)
    })
}
