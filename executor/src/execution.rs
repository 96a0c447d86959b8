//! A transaction in flight, as a value.
//!
//! [`Execution::run`] executes until the transaction is done or its reader cannot answer a read. It then hands the execution
//! back, standing exactly at that read: keep it, move it to another thread, run it again with any reader that sees the same
//! state. Nothing is repeated but the instruction that was interrupted, and no read that was answered is asked again.

use std::sync::Arc;

use braid_interpreter::{Engine, NoInspector, Schedule, TransactionEnv, Workspace};
use braid_precompiles::Crypto;
use braid_primitives::{BlockEnv, ChainSpec, StateDelta, StateReader, Transaction};

use crate::{
    InvalidTransaction, TransactError, TransactionOutcome,
    call_stack::{CallStack, Machine},
    code_cache::CodeCache,
    hash_cache::HashCache,
    journal::Journal,
    sequential::state_access,
    transaction::Progress,
    validate::Limits,
};

/// A transaction that is being executed: what it has read and changed, its frames, their memory.
///
/// It owns everything it needs besides the reader, so it is `Send` if the cryptography is, and as long-lived as one wants.
///
/// ```
/// use std::{sync::Arc, thread};
///
/// use braid_executor::{Execution, MemoryState, Stopped};
/// use braid_precompiles::PortableCrypto;
/// use braid_primitives::{
///     AccountInfo, Address, B256, BlockEnv, Bytes, ChainSpec, Hardfork, StateReader,
///     Transaction, TxKind, U256,
/// };
///
/// /// Knows nothing yet: every read has to wait.
/// struct Later;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("not known yet")]
/// struct NotYet;
///
/// impl StateReader for Later {
///     type Error = NotYet;
///     fn account(&self, _: Address) -> Result<Option<AccountInfo>, NotYet> { Err(NotYet) }
///     fn storage(&self, _: Address, _: U256) -> Result<U256, NotYet> { Err(NotYet) }
///     fn has_storage(&self, _: Address) -> Result<bool, NotYet> { Err(NotYet) }
///     fn code(&self, _: B256) -> Result<Bytes, NotYet> { Err(NotYet) }
///     fn block_hash(&self, _: u64) -> Result<B256, NotYet> { Err(NotYet) }
/// }
///
/// let alice = Address::repeat_byte(0xa);
/// let transaction = Transaction {
///     sender: alice,
///     to: TxKind::Call(Address::repeat_byte(0xb)),
///     gas_limit: 21_000,
///     ..Default::default()
/// };
/// let env = BlockEnv { number: 1, gas_limit: 30_000_000, ..Default::default() };
/// let spec = ChainSpec::single(Hardfork::Paris);
/// let execution = Execution::new(&spec, PortableCrypto::default(), env, transaction);
///
/// let Err(Stopped::Suspended { execution, error: NotYet }) = execution.run(&Later) else {
///     panic!("the sender has to be read");
/// };
/// let outcome = thread::spawn(move || {
///     let mut state = MemoryState::new();
///     state.insert_account(alice, AccountInfo { balance: U256::from(7), ..Default::default() });
///     execution.run(&state).map(|(outcome, _)| outcome.gas_used).ok()
/// });
/// assert_eq!(outcome.join().unwrap(), Some(21_000));
/// ```
#[derive(Debug)]
pub struct Execution<C>(Box<Parts<C>>);

#[derive(Debug)]
struct Parts<C> {
    transaction: Arc<Transaction>,
    env: Arc<BlockEnv>,
    limits: Limits,
    crypto: C,
    journal: Journal,
    codes: Arc<CodeCache>,
    hashes: HashCache,
    stack: CallStack,
    workspace: Workspace,
    /// What frames are told of the transaction, once it has begun.
    context: Option<TransactionEnv>,
    progress: Progress,
}

/// Why an execution stopped without a result.
#[derive(Debug)]
pub enum Stopped<C, E> {
    /// The transaction breaks a rule. Nothing of it was executed.
    Invalid(InvalidTransaction),
    /// The reader did not answer; the execution stands at that read.
    Suspended {
        /// Goes on when it is run again.
        execution: Execution<C>,
        /// What the reader said instead.
        error: E,
    },
}

impl<C: Crypto> Execution<C> {
    /// A transaction before its first step, to be executed like by
    /// [`SequentialExecutor::transact`](crate::SequentialExecutor::transact): on its own, as the first of a block with this
    /// environment.
    pub fn new(
        spec: &ChainSpec,
        crypto: C,
        env: impl Into<Arc<BlockEnv>>,
        transaction: impl Into<Arc<Transaction>>,
    ) -> Self {
        let env = env.into();
        let limits = Limits::of_block(spec, &env);
        Self(Box::new(Parts {
            transaction: transaction.into(),
            limits,
            env,
            crypto,
            journal: Journal::default(),
            codes: Arc::default(),
            hashes: HashCache::default(),
            stack: CallStack::default(),
            workspace: Workspace::new(Schedule::of(limits.fork)),
            context: None,
            progress: Progress::default(),
        }))
    }

    /// Chooses which engine runs code, also for frames that are running. Results do not depend on it.
    pub fn set_engine(&mut self, engine: Engine) {
        self.0.workspace.engine = engine;
    }

    /// The transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.0.transaction
    }

    /// Runs the transaction, from where it stands, on the state that `state` reads. Returns its outcome and write set.
    ///
    /// All readers of one execution must see the same state: what was answered once is not read again.
    ///
    /// # Errors
    /// [`Stopped::Invalid`] if the transaction breaks a rule; [`Stopped::Suspended`] if the reader does not answer, with the
    /// execution as it stands.
    pub fn run<R: StateReader>(
        mut self,
        state: &R,
    ) -> Result<(TransactionOutcome, StateDelta), Stopped<C, R::Error>> {
        let parts = &mut *self.0;
        let mut access = state_access(
            (&mut parts.journal, &parts.codes, &mut parts.hashes),
            (state, &parts.crypto),
            &parts.env,
            &parts.limits,
        );
        if let Some(context) = parts.context.take() {
            access.transaction = context;
        }
        let workspace = &mut parts.workspace;
        let mut m = Machine { state: &mut access, workspace, inspector: &mut NoInspector };
        let mut outcome = TransactionOutcome::unknown();
        let result = parts.progress.advance(
            (&parts.transaction, &parts.limits),
            &mut parts.stack,
            &mut m,
            &mut outcome,
        );
        parts.context = Some(access.transaction);
        match result {
            Ok(()) => {
                let mut delta = StateDelta::default();
                parts.journal.state_delta(&mut delta);
                Ok((outcome, delta))
            }
            Err(TransactError::Invalid(error)) => Err(Stopped::Invalid(error)),
            Err(TransactError::State(error)) => Err(Stopped::Suspended { execution: self, error }),
        }
    }
}

#[cfg(test)]
mod tests {
    use braid_precompiles::{DefaultCrypto, PortableCrypto};

    use super::*;

    #[test]
    fn an_execution_can_be_sent_to_another_thread_and_kept() {
        fn check<T: Send + 'static>() {}
        check::<Execution<DefaultCrypto>>();
        check::<Execution<PortableCrypto>>();
    }
}
