//! Comparison of the engines on one case.

use std::fmt;

use alloy_primitives::{Address, Bytes, Log, U256};
use braid_executor::{
    Block, ExecutionStatus, InvalidTransaction, MissingRequestContracts, SequentialExecutor,
    TransactError, TransactionOutcome, fees::blob_gas, rewards::block_rewards,
};
use braid_interpreter::{Inspector, Step};
use braid_precompiles::Crypto;
use braid_primitives::{ChainSpec, Hardfork, StateDelta, Transaction};

use super::{case::Case, oracle};
use crate::world::World;

/// How a transaction ended, without the reason of a failure: engines check in different orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It succeeded.
    Success,
    /// It reverted.
    Revert,
    /// It failed.
    Halt,
}

/// What is to be seen of a transaction besides the state after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// How it ended.
    pub ending: Ending,
    /// Gas paid for.
    pub gas_used: u64,
    /// Gas refunded.
    pub gas_refunded: u64,
    /// Logs, if it succeeded.
    pub logs: Vec<Log>,
    /// Data returned.
    pub output: Bytes,
    /// Contract deployed.
    pub created: Option<Address>,
}

/// Depth of the innermost frame that there can be.
const DEEPEST: usize = 1024;

/// Counts of what a run has seen, to judge whether it has seen enough.
#[derive(Debug, Default)]
pub struct Coverage {
    /// Cases.
    pub cases: u64,
    /// Transactions that succeeded.
    pub succeeded: u64,
    /// Transactions that reverted.
    pub reverted: u64,
    /// Transactions that failed.
    pub halted: u64,
    /// Transactions that were rejected.
    pub rejected: u64,
    /// Contracts deployed by transactions.
    pub created: u64,
    /// Transactions with logs.
    pub logged: u64,
    /// Transactions with a refund.
    pub refunded: u64,
    /// Transactions that reached the limit of depth.
    pub deep: u64,
    /// Instructions.
    pub instructions: InstructionCounts,
}

/// How often each instruction was executed.
pub struct InstructionCounts {
    /// By opcode.
    pub by_opcode: [u64; 256],
    deepest: usize,
}

impl Default for InstructionCounts {
    fn default() -> Self {
        Self { by_opcode: [0; 256], deepest: 0 }
    }
}

impl fmt::Debug for InstructionCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} executed", self.by_opcode.iter().sum::<u64>())
    }
}

impl Inspector for InstructionCounts {
    fn step(&mut self, step: &Step<'_>) {
        self.by_opcode[step.opcode as usize] += 1;
        self.deepest = self.deepest.max(step.depth);
    }
}

impl Coverage {
    fn count(&mut self, result: &Result<Observed, &'static str>) {
        self.deep += u64::from(std::mem::take(&mut self.instructions.deepest) == DEEPEST);
        let Ok(observed) = result else {
            self.rejected += 1;
            return;
        };
        match observed.ending {
            Ending::Success => self.succeeded += 1,
            Ending::Revert => self.reverted += 1,
            Ending::Halt => self.halted += 1,
        }
        self.created += u64::from(observed.created.is_some());
        self.logged += u64::from(!observed.logs.is_empty());
        self.refunded += u64::from(observed.gas_refunded > 0);
    }
}

/// Executes the transactions of the case one by one on both engines, then those that are valid as a block on ours.
///
/// # Errors
/// The first difference, in words.
pub fn compare<C: Crypto>(case: &Case, crypto: &C, coverage: &mut Coverage) -> Result<(), String> {
    let mut executor = SequentialExecutor::new(ChainSpec::single(case.fork), crypto.clone());
    executor.set_missing_request_contracts(MissingRequestContracts::Ignore);
    let mut world = case.world();
    let (mut valid, mut results) = (Vec::new(), Vec::new());
    coverage.cases += 1;
    for (index, transaction) in case.transactions.iter().enumerate() {
        let ours = executor.transact(&case.env, transaction, &world);
        let inspected =
            executor.transact_with(&case.env, transaction, &world, &mut coverage.instructions);
        if inspected.as_ref().ok() != ours.as_ref().ok() {
            return Err(format!("transaction {index}: {ours:?}, but {inspected:?} if inspected"));
        }
        let theirs = oracle::transact(case.fork, &case.env, transaction, &world);
        coverage.count(&theirs.as_ref().map(|(seen, _)| seen.clone()).map_err(|class| *class));
        let step = step(ours, theirs, &world).map_err(|e| format!("transaction {index}: {e}"))?;
        let Some((outcome, delta, after)) = step else { continue };
        if !fits(&valid, transaction, case.fork) {
            continue;
        }
        world = after;
        valid.push(transaction.clone());
        results.push((outcome, delta));
    }
    end_block(case, &mut world).map_err(|e| format!("end of the block: {e}"))?;
    compare_block(case, &mut executor, valid, &results, &world).map_err(|e| format!("block: {e}"))
}

/// Whether the block has blob gas left for the transaction.
fn fits(valid: &[Transaction], transaction: &Transaction, fork: Hardfork) -> bool {
    let Some(params) = ChainSpec::single(fork).blob_params(fork) else { return true };
    let used: u64 = valid.iter().map(blob_gas).sum();
    used + blob_gas(transaction) <= params.max_blobs * braid_executor::fees::GAS_PER_BLOB
}

type Ours = Result<(TransactionOutcome, StateDelta), TransactError<std::convert::Infallible>>;
type Theirs = Result<(Observed, World), &'static str>;

/// Compares one transaction; returns its outcome, its write set and the state after it, if it is valid.
fn step(
    ours: Ours,
    theirs: Theirs,
    world: &World,
) -> Result<Option<(TransactionOutcome, StateDelta, World)>, String> {
    match (ours, theirs) {
        (Ok((outcome, delta)), Ok((expected, mut expected_world))) => {
            let observed = observe(&outcome);
            if observed != expected {
                let status = outcome.status;
                return Err(format!("expected {expected:?}, found {observed:?} ({status:?})"));
            }
            let mut after = world.clone();
            after.apply(&delta)?;
            // Code that is not referred to any more is of no interest.
            expected_world.code.clone_from(&after.code);
            differ(&expected_world, &after)?;
            Ok(Some((outcome, delta, after)))
        }
        (Err(TransactError::Invalid(error)), Err(class)) => {
            if !is_same_rejection(rejection(&error), class) {
                return Err(format!("expected rejection for {class}, found {error:?}"));
            }
            Ok(None)
        }
        (Ok((outcome, _)), Err(class)) => {
            Err(format!("expected rejection for {class}, found {:?}", outcome.status))
        }
        (Err(error), Ok((expected, _))) => Err(format!("expected {expected:?}, found {error}")),
        (Err(TransactError::State(never)), Err(_)) => match never {},
    }
}

/// Whether two reasons for a rejection are the same, or both true and only found in another order: the oracle looks at the
/// sender's code before its nonce (the specification after it) and at the chain id before the type.
fn is_same_rejection(ours: &str, theirs: &str) -> bool {
    match theirs {
        "sender has code" if ours.starts_with("nonce too") => true,
        "chain id" if ours == "type" => true,
        _ => ours == theirs,
    }
}

fn observe(outcome: &TransactionOutcome) -> Observed {
    Observed {
        ending: match outcome.status {
            ExecutionStatus::Success => Ending::Success,
            ExecutionStatus::Revert => Ending::Revert,
            ExecutionStatus::Halt(_) => Ending::Halt,
        },
        gas_used: outcome.gas_used,
        gas_refunded: outcome.gas_refunded,
        logs: outcome.logs.clone(),
        output: outcome.output.clone(),
        created: outcome.created,
    }
}

fn differ(expected: &World, found: &World) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let addresses = expected.accounts.keys().chain(found.accounts.keys());
    for address in addresses {
        let (expected, found) = (expected.accounts.get(address), found.accounts.get(address));
        if expected != found {
            return Err(format!("{address}: expected {expected:?}, found {found:?}"));
        }
    }
    Err("the codes differ".to_owned())
}

/// Rewards and withdrawals, as the rules say and without the engine.
fn end_block(case: &Case, world: &mut World) -> Result<(), String> {
    let rewards = block_rewards(case.fork, case.env.number, case.env.beneficiary, &[])
        .map_err(|error| error.to_string())?;
    for (address, wei) in rewards {
        world.credit(address, wei, case.fork);
    }
    if case.fork >= Hardfork::Shanghai {
        for withdrawal in case.context.withdrawals.iter().flatten() {
            let wei = U256::from(withdrawal.amount_gwei) * U256::from(1_000_000_000_u64);
            world.credit(withdrawal.address, wei, case.fork);
        }
    }
    Ok(())
}

/// The transactions in one block must do what they did one by one. The write sets of its steps must be exact, and make up that
/// of the block.
fn compare_block<C: Crypto>(
    case: &Case,
    executor: &mut SequentialExecutor<C>,
    transactions: Vec<Transaction>,
    expected: &[(TransactionOutcome, StateDelta)],
    expected_world: &World,
) -> Result<(), String> {
    let block = Block { env: case.env.clone(), context: case.context.clone(), transactions };
    let mut world = case.world();
    let mut results = Vec::new();
    let mut steps = Vec::new();
    let outcome = executor
        .execute_block_with(&block, &world, |committed| {
            let delta = committed.delta();
            let transaction = committed.transaction();
            results.extend(transaction.map(|(_, outcome)| (outcome.clone(), delta.clone())));
            steps.push((format!("{:?}", committed.step), delta));
        })
        .map_err(|error| format!("expected to be valid, found {error}"))?;
    if results != expected {
        return Err(format!("expected {expected:?}, found {results:?}"));
    }
    let gas_used: u64 = expected.iter().map(|(outcome, _)| outcome.gas_used).sum();
    if outcome.gas_used != gas_used {
        return Err(format!("expected {gas_used} gas used, found {}", outcome.gas_used));
    }
    let mut stepped = world.clone();
    for (step, delta) in &steps {
        stepped.apply(delta).map_err(|error| format!("{step}: {error}"))?;
    }
    world.apply(&outcome.state)?;
    // Code deployed and destroyed within the block may be in one set and not in the other.
    stepped.code.clone_from(&world.code);
    differ(&world, &stepped).map_err(|error| format!("steps: {error}"))?;
    world.code.clone_from(&expected_world.code);
    differ(expected_world, &world)
}

fn rejection(error: &InvalidTransaction) -> &'static str {
    use InvalidTransaction as Invalid;
    match error {
        Invalid::TypeNotSupported { .. } => "type",
        Invalid::WrongChainId { .. } => "chain id",
        Invalid::MissingChainId { .. } => "no chain id",
        Invalid::NonceTooLow { .. } => "nonce too low",
        Invalid::NonceTooHigh { .. } => "nonce too high",
        Invalid::NonceAtMaximum { .. } => "nonce at maximum",
        Invalid::SenderHasCode { .. } => "sender has code",
        Invalid::InsufficientFunds { .. } => "funds",
        Invalid::CostOverflow { .. } => "cost overflow",
        Invalid::IntrinsicGasTooLow { .. } => "intrinsic gas",
        Invalid::FloorGasTooLow { .. } => "floor gas",
        Invalid::BlockGasLimitExceeded { .. } => "block gas limit",
        Invalid::GasLimitAboveCap { .. } => "gas cap",
        Invalid::FeeCapBelowBaseFee { .. } => "fee cap",
        Invalid::TipAboveFeeCap { .. } => "tip",
        Invalid::InitcodeTooLarge { .. } => "initcode",
        Invalid::NoBlobs => "no blobs",
        Invalid::TooManyBlobs { .. } => "blobs",
        Invalid::BlobHashVersion { .. } => "blob version",
        Invalid::BlobFeeCapTooLow { .. } => "blob fee",
        Invalid::NoAuthorizations => "no authorizations",
        _ => "something else",
    }
}
