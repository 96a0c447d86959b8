//! A case loaded into both engines.

use std::{hint::black_box, sync::Arc};

use braid_executor::{
    CodeCache, Engine, ExecutionStatus, MemoryState, SequentialExecutor, TransactError,
    TransactionOutcome, memory_state::MissingState,
};
use braid_interpreter::{Inspector, NoInspector};
use braid_precompiles::DefaultCrypto;
use braid_primitives::{BlockEnv, StateDelta, Transaction};
use revm::context::result::ResultAndState;

use super::Case;
use crate::{
    error::{BenchError, agree},
    measure::{WarmUp, warm_up},
    peer::{self, Peer, PeerError},
};

/// Both engines, ready to execute a case again and again.
#[derive(Debug)]
pub struct Ready {
    /// Gas used by the transaction.
    pub gas_used: u64,
    /// Whether its effects stand.
    pub success: bool,
    /// Braid.
    pub braid: BraidSide,
    /// Revm.
    pub revm: RevmSide,
}

/// Braid with a case.
#[derive(Debug)]
pub struct BraidSide {
    codes: Arc<CodeCache>,
    executor: SequentialExecutor<DefaultCrypto>,
    state: MemoryState,
    env: BlockEnv,
    transaction: Transaction,
}

/// Revm with a case.
#[derive(Debug)]
pub struct RevmSide {
    peer: Peer,
}

impl Ready {
    /// Loads the case and has both engines execute it once.
    ///
    /// # Errors
    /// If an engine refuses the transaction, or the engines differ in gas used, status, output or logs.
    pub fn new(case: &Case, engine: Engine) -> Result<Self, BenchError> {
        let (codes, crypto) = (Arc::<CodeCache>::default(), DefaultCrypto::default());
        let mut executor = SequentialExecutor::with_code_cache(case.chain(), crypto, codes.clone());
        executor.set_engine(engine);
        let mut braid = BraidSide {
            codes,
            executor,
            state: case.braid_state(),
            env: case.env.clone(),
            transaction: case.transaction.clone(),
        };
        let mut peer = Peer::new(&case.chain(), &case.env, case.revm_state());
        peer.set_transaction(peer::transaction(&case.transaction));
        let mut revm = RevmSide { peer };
        let refused = |engine, reason| BenchError::Refused { id: case.id.clone(), engine, reason };
        let (outcome, _) = braid.run().map_err(|error| refused("Braid", error.to_string()))?;
        let result = revm.run().map_err(|error| refused("revm", error.to_string()))?.result;
        let success = outcome.status.is_success();
        agree(&case.id, "gas used", &outcome.gas_used, &result.tx_gas_used())?;
        agree(&case.id, "success", &success, &result.is_success())?;
        let halted = matches!(outcome.status, ExecutionStatus::Halt(_));
        agree(&case.id, "halt", &halted, &result.is_halt())?;
        let logs = result.logs().to_vec();
        agree(&case.id, "logs", &outcome.logs, &logs)?;
        agree(&case.id, "output", &outcome.output, &result.into_output().unwrap_or_default())?;
        Ok(Self { gas_used: outcome.gas_used, success, braid, revm })
    }
}

impl BraidSide {
    /// Executes the transaction until nothing more is translated.
    pub fn warm_up(&mut self) -> WarmUp {
        warm_up(|| {
            drop(black_box(self.run()));
            self.codes.translations()
        })
    }

    /// Executes the transaction.
    ///
    /// # Errors
    /// None, once [`Ready::new`] succeeded.
    pub fn run(&mut self) -> Result<(TransactionOutcome, StateDelta), TransactError<MissingState>> {
        self.run_inspected(&mut NoInspector)
    }

    /// Executes the transaction, watched by `inspector`.
    ///
    /// # Errors
    /// None, once [`Ready::new`] succeeded.
    pub fn run_inspected<I: Inspector>(
        &mut self,
        inspector: &mut I,
    ) -> Result<(TransactionOutcome, StateDelta), TransactError<MissingState>> {
        self.executor.transact_with(&self.env, &self.transaction, &self.state, inspector)
    }
}

impl RevmSide {
    /// Executes the transaction.
    ///
    /// # Errors
    /// None, once [`Ready::new`] succeeded.
    pub fn run(&mut self) -> Result<ResultAndState, PeerError> {
        self.peer.transact()
    }
}
