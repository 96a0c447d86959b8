//! The reference: a block's transactions one after the other.

use std::sync::Arc;

use braid_interpreter::{Engine, Inspector, NoInspector, Schedule, TransactionEnv, Workspace};
use braid_precompiles::{Crypto, precompiles};
use braid_primitives::{
    BlockEnv, ChainSpec, Hardfork, Requests, StateDelta, StateReader, Transaction,
};

use crate::{
    Block, BlockOutcome, Mode, TransactionOutcome,
    block_rules::{BlockRules, MissingRequestContracts},
    bloom::logs_bloom,
    call_stack::CallStack,
    code_cache::CodeCache,
    committed::{Changes, Committed, Step},
    error::{ExecutionError, TransactError},
    hash_cache::HashCache,
    host::StateAccess,
    journal::Journal,
    source::Source,
    tally::Tally,
    transaction,
    validate::{Limits, LimitsCache},
};

/// How many transactions' accounts are read together.
const READ_AHEAD_TRANSACTIONS: usize = 32;

/// Executes blocks and transactions on the calling thread.
///
/// Make one and keep it: stacks, memory, journal and analysed code are allocated once and reused. Nothing of one call's
/// result leaks into the next.
///
/// ```
/// use braid_executor::{Block, MemoryState, SequentialExecutor};
/// use braid_precompiles::PortableCrypto;
/// use braid_primitives::{
///     AccountInfo, Address, BlockEnv, ChainSpec, Hardfork, Transaction, TxKind, U256,
/// };
///
/// let (alice, bob) = (Address::repeat_byte(0xa), Address::repeat_byte(0xb));
/// let mut state = MemoryState::new();
/// state.insert_account(alice, AccountInfo { balance: U256::from(100_000), ..Default::default() });
/// let block = Block {
///     env: BlockEnv { number: 1, gas_limit: 30_000_000, ..Default::default() },
///     transactions: vec![Transaction {
///         sender: alice,
///         to: TxKind::Call(bob),
///         value: U256::from(7),
///         gas_limit: 21_000,
///         max_fee_per_gas: 1,
///         max_priority_fee_per_gas: 1,
///         ..Default::default()
///     }],
///     ..Default::default()
/// };
/// let spec = ChainSpec::single(Hardfork::Paris);
/// let mut executor = SequentialExecutor::new(spec, PortableCrypto::default());
/// let outcome = executor.execute_block(&block, &state)?;
/// assert_eq!(outcome.gas_used, 21_000);
/// assert_eq!(outcome.state.accounts[&bob].info.unwrap().balance, U256::from(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SequentialExecutor<C> {
    spec: ChainSpec,
    crypto: C,
    limits: LimitsCache,
    missing_request_contracts: MissingRequestContracts,
    mode: Mode,
    journal: Journal,
    codes: Arc<CodeCache>,
    hashes: HashCache,
    stack: CallStack,
    workspace: Workspace,
}

impl<C: Crypto> SequentialExecutor<C> {
    /// An executor for blocks of the chain that `spec` describes.
    pub fn new(spec: ChainSpec, crypto: C) -> Self {
        Self::with_code_cache(spec, crypto, Arc::default())
    }

    /// Like [`Self::new`], with code that others have analysed and translated, and will.
    pub fn with_code_cache(spec: ChainSpec, crypto: C, codes: Arc<CodeCache>) -> Self {
        Self {
            spec,
            crypto,
            limits: LimitsCache::default(),
            missing_request_contracts: MissingRequestContracts::default(),
            mode: Mode::default(),
            journal: Journal::default(),
            codes,
            hashes: HashCache::default(),
            stack: CallStack::default(),
            workspace: Workspace::new(Schedule::of(Hardfork::Frontier)),
        }
    }

    /// The chain whose blocks this executes.
    pub fn spec(&self) -> &ChainSpec {
        &self.spec
    }

    /// Forgets what was executed, also by a call that a panic has ended.
    fn clear(&mut self) {
        self.journal.clear();
        self.stack.clear();
    }

    /// Changes the chain, keeping analysed code and allocations.
    pub fn set_spec(&mut self, spec: ChainSpec) {
        self.spec = spec;
        self.limits.clear();
    }

    /// Chooses which engine runs code. Results do not depend on it.
    pub fn set_engine(&mut self, engine: Engine) {
        self.workspace.engine = engine;
    }

    /// Chooses what an invalid transaction means. [`Mode::Verify`] if nobody says otherwise.
    pub fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// Chooses what a missing contract of EIP-7002 or EIP-7251 means.
    pub fn set_missing_request_contracts(&mut self, policy: MissingRequestContracts) {
        self.missing_request_contracts = policy;
    }

    /// Executes a block on the state that `state` reads.
    ///
    /// # Errors
    /// [`ExecutionError::Invalid`] if the block breaks a rule, with the first transaction that does;
    /// [`ExecutionError::State`] if the reader fails. Either way there is no partial result.
    pub fn execute_block<R: StateReader>(
        &mut self,
        block: &Block,
        state: &R,
    ) -> Result<BlockOutcome, ExecutionError<R::Error>> {
        self.execute_block_with(block, state, |_| {})
    }

    /// Like [`Self::execute_block`]; hands each step of the block to `on_commit` as soon as it is final: the beginning, each
    /// transaction, the end.
    ///
    /// # Errors
    /// Those of [`Self::execute_block`]. What was handed out before is void then.
    pub fn execute_block_with<R: StateReader>(
        &mut self,
        block: &Block,
        state: &R,
        on_commit: impl FnMut(Committed<'_>),
    ) -> Result<BlockOutcome, ExecutionError<R::Error>> {
        self.execute_block_inspected(block, state, &mut NoInspector, on_commit)
    }

    /// Like [`Self::execute_block_with`], with `inspector` watching the transactions. It does not see the calls that the
    /// protocol itself makes ([`crate::system_calls`]).
    ///
    /// # Errors
    /// Those of [`Self::execute_block`].
    pub fn execute_block_inspected<R: StateReader, I: Inspector>(
        &mut self,
        block: &Block,
        state: &R,
        inspector: &mut I,
        mut on_commit: impl FnMut(Committed<'_>),
    ) -> Result<BlockOutcome, ExecutionError<R::Error>> {
        let limits = *self.limits.get(&self.spec, &block.env);
        let mut tally = Tally::new(limits, block.transactions.len());
        let (requests, state) = self.execute_from(
            (block, 0),
            state,
            |rules, on_commit| {
                rules.begin(&block.context)?;
                let changes = Changes::Journal(rules.state.journal);
                on_commit(Committed { step: Step::Begin, changes });
                Ok(())
            },
            inspector,
            &mut tally,
            &mut on_commit,
        )?;
        let logs_bloom = logs_bloom(&self.crypto, tally.logs());
        Ok(tally.into_outcome(logs_bloom, requests, state))
    }

    /// Executes a block from transaction `from` on, its end included, once `begin` has put into the journal what comes before
    /// that. `state` is the one before the block, and what is returned is of all of the block: requests and write set.
    ///
    /// # Errors
    /// Those of [`Self::execute_block`], and of `begin`.
    pub(crate) fn execute_from<R: StateReader, I: Inspector, S: FnMut(Committed<'_>)>(
        &mut self,
        (block, from): (&Block, usize),
        state: &R,
        begin: impl FnOnce(
            &mut BlockRules<'_, '_, &R, C>,
            &mut S,
        ) -> Result<(), ExecutionError<R::Error>>,
        inspector: &mut I,
        tally: &mut Tally,
        on_commit: &mut S,
    ) -> Result<(Option<Requests>, StateDelta), ExecutionError<R::Error>> {
        self.clear();
        let mut access = state_access(
            (&mut self.journal, &self.codes, &mut self.hashes),
            (state, &self.crypto),
            &block.env,
            &tally.limits,
        );
        let mut rules = BlockRules {
            spec: &self.spec,
            state: &mut access,
            stack: &mut self.stack,
            workspace: &mut self.workspace,
            missing_request_contracts: self.missing_request_contracts,
        };
        begin(&mut rules, on_commit)?;
        let rest = (block, from, self.mode);
        let requests = execute_rest(rest, &mut rules, inspector, tally, on_commit)?;
        let mut state = StateDelta::default();
        self.journal.state_delta(&mut state);
        Ok((requests, state))
    }

    /// Executes one transaction on its own, as the first of a block with this environment: validation, execution, fees, but no
    /// rule that concerns the block. For simulation, and for state tests.
    ///
    /// # Errors
    /// [`TransactError::Invalid`] if the transaction breaks a rule; [`TransactError::State`] if the reader fails.
    pub fn transact<R: StateReader>(
        &mut self,
        env: &BlockEnv,
        tx: &Transaction,
        state: &R,
    ) -> Result<(TransactionOutcome, StateDelta), TransactError<R::Error>> {
        self.transact_with(env, tx, state, &mut NoInspector)
    }

    /// Like [`Self::transact`], watched by `inspector`.
    ///
    /// # Errors
    /// Those of [`Self::transact`].
    pub fn transact_with<R: StateReader, I: Inspector>(
        &mut self,
        env: &BlockEnv,
        tx: &Transaction,
        state: &R,
        inspector: &mut I,
    ) -> Result<(TransactionOutcome, StateDelta), TransactError<R::Error>> {
        self.clear();
        let limits = self.limits.get(&self.spec, env);
        let mut access = state_access(
            (&mut self.journal, &self.codes, &mut self.hashes),
            (state, &self.crypto),
            env,
            limits,
        );
        let machinery = (&mut self.stack, &mut self.workspace);
        let mut result = (TransactionOutcome::unknown(), StateDelta::default());
        let tx = (tx, None);
        transaction::execute(tx, limits, &mut access, machinery, inspector, &mut result.0)?;
        self.journal.state_delta(&mut result.1);
        Ok(result)
    }
}

/// Executes the transactions of a block from `from` on, and what comes after them.
fn execute_rest<R: Source, C: Crypto, I: Inspector>(
    (block, from, mode): (&Block, usize, Mode),
    rules: &mut BlockRules<'_, '_, R, C>,
    inspector: &mut I,
    tally: &mut Tally,
    on_commit: &mut impl FnMut(Committed<'_>),
) -> Result<Option<Requests>, ExecutionError<R::Error>> {
    let mut parties = Vec::with_capacity(READ_AHEAD_TRANSACTIONS);
    let mut index = from;
    for ahead in block.transactions[from..].chunks(READ_AHEAD_TRANSACTIONS) {
        rules.state.read_ahead(ahead, &mut parties);
        for (tx, parties) in ahead.iter().zip(&parties) {
            rules.state.journal.begin_step();
            let (state, machinery) =
                (&mut *rules.state, (&mut *rules.stack, &mut *rules.workspace));
            let mut outcome = TransactionOutcome::unknown();
            let (known, limits) = ((tx, Some(*parties)), &tally.limits);
            let result =
                transaction::execute(known, limits, state, machinery, inspector, &mut outcome);
            match result {
                Ok(()) => {
                    let step = Step::Transaction { index, outcome: &outcome };
                    let changes = Changes::Journal(rules.state.journal);
                    on_commit(Committed { step, changes });
                    tally.add(tx, outcome);
                }
                Err(TransactError::Invalid(error)) => {
                    tally.leave_out((index, error), mode, on_commit)?;
                }
                Err(TransactError::State(error)) => return Err(ExecutionError::State(error)),
            }
            index += 1;
        }
    }
    rules.state.journal.begin_step();
    let requests = rules.end(&block.context, &tally.receipts)?;
    let changes = Changes::Journal(rules.state.journal);
    on_commit(Committed { step: Step::End, changes });
    Ok(requests)
}

/// What a transaction executes against, made from what is kept between transactions.
pub(crate) fn state_access<'a, R: Source, C: Crypto>(
    (journal, codes, hashes): (&'a mut Journal, &'a CodeCache, &'a mut HashCache),
    (reader, crypto): (R, &'a C),
    block: &'a BlockEnv,
    limits: &Limits,
) -> StateAccess<'a, R, C> {
    StateAccess {
        journal,
        codes,
        hashes,
        reader,
        crypto,
        precompiles: precompiles(limits.fork),
        fork: limits.fork,
        block,
        transaction: TransactionEnv {
            chain_id: limits.chain_id,
            blob_base_fee: limits.blob_base_fee,
            ..Default::default()
        },
        beneficiary: None,
        error: None,
    }
}
