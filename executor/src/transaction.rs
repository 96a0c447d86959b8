//! One transaction, from validation to the last fee (yellow paper, section 6.2).

use std::{ops::Range, sync::Arc};

use braid_interpreter::{Code, Host, Inspector, Workspace, delegation_designator};
use braid_precompiles::Crypto;
use braid_primitives::{
    Address, Authorization, B256, Bytes, Hardfork, StateReader, Transaction, TransactionType,
    TxKind, U256,
};

use crate::{
    call_stack::{CallStack, Ending, FrameResult, Machine, outermost_call, outermost_create},
    error::{InvalidTransaction, TransactError},
    fees::{blob_gas, effective_gas_price, effective_tip},
    host::StateAccess,
    intrinsic::IntrinsicGas,
    result::{ExecutionStatus, TransactionOutcome},
    validate::{Limits, check_envelope, check_sender},
};

/// Gas of an authorization whose authority exists is refunded down to this (EIP-7702: 25000 - 12500).
const AUTHORIZATION_REFUND_GAS: i64 = 12_500;

/// Executes a transaction and ends it in the journal. On error the journal is as before.
pub(crate) fn execute<R: StateReader, C: Crypto, I: Inspector>(
    tx: &Transaction,
    limits: &Limits,
    state: &mut StateAccess<'_, R, C>,
    (stack, workspace): (&mut CallStack, &mut Workspace),
    inspector: &mut I,
) -> Result<TransactionOutcome, TransactError<R::Error>> {
    let mut m = Machine { state, workspace, inspector };
    let result = Progress::default().advance(tx, limits, stack, &mut m);
    if result.is_err() {
        stack.clear();
        m.state.journal.discard_transaction();
    }
    result
}

/// How far a transaction has come. With journal, call stack and workspace it is all there is of a transaction in flight.
///
/// Every stage reads before it changes anything, so a stage whose read was not answered is taken again; what was answered
/// is in the journal by then and is not read again.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    stage: Stage,
    gas: IntrinsicGas,
    /// Calldata or initcode in the shared memory buffer.
    input: Range<usize>,
    /// What the authorizations so far refund; stays, whatever becomes of the call.
    refund: i64,
}

/// What comes next.
#[derive(Debug, Default)]
enum Stage {
    /// What can be validated without state.
    #[default]
    Envelope,
    /// The sender: validated, charged.
    Sender,
    /// The authorization at this position, or else the request for the outermost frame.
    Authorization(usize),
    /// The frames.
    Frames,
    /// Refunds and fees.
    Settlement(FrameResult),
}

impl Progress {
    /// Executes the transaction, from where it stands to its end, and ends it in the journal.
    ///
    /// After [`TransactError::State`] this can be called again, with the same transaction and machinery, on any thread.
    pub(crate) fn advance<R: StateReader, C: Crypto, I: Inspector>(
        &mut self,
        tx: &Transaction,
        limits: &Limits,
        stack: &mut CallStack,
        m: &mut Machine<'_, '_, R, C, I>,
    ) -> Result<TransactionOutcome, TransactError<R::Error>> {
        loop {
            self.stage = match &self.stage {
                Stage::Envelope => {
                    self.gas = check_envelope(tx, m.state.block, limits)?;
                    Stage::Sender
                }
                Stage::Sender => {
                    begin(tx, limits, m)?;
                    let schedule = braid_interpreter::Schedule::of(m.state.fork);
                    self.input = m.workspace.reset(schedule, &tx.input);
                    Stage::Authorization(0)
                }
                Stage::Authorization(index) => match tx.authorizations.get(*index) {
                    Some(authorization) => {
                        self.refund +=
                            authorize(authorization, m.state).map_err(TransactError::State)?;
                        Stage::Authorization(index + 1)
                    }
                    None => {
                        let gas_limit = tx.gas_limit - self.gas.intrinsic_gas;
                        request(tx, (self.input.clone(), gas_limit), m)
                            .map_err(TransactError::State)?;
                        Stage::Frames
                    }
                },
                Stage::Frames => {
                    let mut result = stack.run(m).map_err(TransactError::State)?;
                    if result.ending != Ending::Success {
                        result.refund = 0;
                    }
                    result.refund += self.refund;
                    Stage::Settlement(result)
                }
                Stage::Settlement(result) => {
                    let mut outcome =
                        settle(tx, &self.gas, result, m).map_err(TransactError::State)?;
                    let clears_empty = m.state.fork >= Hardfork::SpuriousDragon;
                    outcome.logs = m.state.journal.end_transaction(clears_empty);
                    return Ok(outcome);
                }
            };
        }
    }
}

/// Validates against the sender, takes the fees up front, warms what the rules say.
fn begin<R: StateReader, C: Crypto, I>(
    tx: &Transaction,
    limits: &Limits,
    m: &mut Machine<'_, '_, R, C, I>,
) -> Result<(), TransactError<R::Error>> {
    let sender = m.state.loaded_account(tx.sender).map_err(TransactError::State)?;
    let info = m.state.journal.account(sender).info;
    let is_delegated =
        || Ok(m.state.read_code(sender)?).map(|code| m.state.delegation(&code).is_some());
    check_sender(tx, &info, is_delegated).map_err(TransactError::State)??;

    let gas_price = effective_gas_price(tx, m.state.block.base_fee);
    m.state.transaction.origin = tx.sender;
    m.state.transaction.gas_price = gas_price;
    m.state.transaction.blob_hashes.clone_from(&tx.blob_hashes);

    // Both products are at most 192 bits, and validation has compared the balance with at least as much.
    let fee = U256::from(tx.gas_limit) * U256::from(gas_price);
    let blob_fee = match tx.tx_type {
        TransactionType::Blob => U256::from(blob_gas(tx)) * U256::from(limits.blob_base_fee),
        _ => U256::ZERO,
    };
    m.state.journal.debit(sender, fee + blob_fee);
    m.state.journal.set_nonce(sender, info.nonce + 1);
    if limits.fork >= Hardfork::Berlin {
        warm(tx, m.state);
    }
    Ok(())
}

/// What is warm from the start: sender and callee (EIP-2929), the beneficiary (EIP-3651), the access list (EIP-2930).
/// Precompiles always are.
fn warm<R: StateReader, C: Crypto>(tx: &Transaction, state: &mut StateAccess<'_, R, C>) {
    let beneficiary = (state.fork >= Hardfork::Shanghai).then_some(state.block.beneficiary);
    for address in [Some(tx.sender), tx.to.to().copied(), beneficiary].into_iter().flatten() {
        let account = state.account(address);
        state.warm_account(account);
    }
    for item in &tx.access_list {
        let account = state.account(item.address);
        state.warm_account(account);
        for key in &item.storage_keys {
            let slot = state.slot(account, (*key).into());
            state.warm_slot(slot);
        }
    }
}

/// Asks for the outermost frame.
fn request<R: StateReader, C: Crypto, I>(
    tx: &Transaction,
    (input, gas_limit): (Range<usize>, u64),
    m: &mut Machine<'_, '_, R, C, I>,
) -> Result<(), R::Error> {
    match tx.to {
        TxKind::Call(target) => {
            let call = outermost_call(m.state, tx.sender, target, tx.value, (input, gas_limit))?;
            m.workspace.call = Some(call);
        }
        TxKind::Create => {
            m.workspace.create = Some(outermost_create(tx.value, input, gas_limit));
        }
    }
    Ok(())
}

/// Delegates an account (EIP-7702, "Behavior"); an authorization that does not fit is skipped. Returns the refund.
fn authorize<R: StateReader, C: Crypto>(
    authorization: &Authorization,
    state: &mut StateAccess<'_, R, C>,
) -> Result<i64, R::Error> {
    let chain_id = authorization.chain_id;
    let is_for_this_chain =
        chain_id.is_zero() || chain_id == U256::from(state.transaction.chain_id);
    let Some(authority) = authorization.authority else { return Ok(0) };
    if !is_for_this_chain || authorization.nonce == u64::MAX {
        return Ok(0);
    }
    let account = state.loaded_account(authority)?;
    let code = state.read_code(account)?;
    state.warm_account(account);
    let is_delegable = code.is_empty() || state.delegation(&code).is_some();
    if !is_delegable || state.journal.account(account).info.nonce != authorization.nonce {
        return Ok(0);
    }
    let refund = if state.journal.account(account).exists { AUTHORIZATION_REFUND_GAS } else { 0 };
    let code = designator_code(authorization.address, state);
    state.journal.set_code(account, code);
    state.journal.set_nonce(account, authorization.nonce + 1);
    Ok(refund)
}

/// The code that delegates to `target`; none for the zero address, which ends a delegation.
fn designator_code<R: StateReader, C: Crypto>(
    target: Address,
    state: &mut StateAccess<'_, R, C>,
) -> Arc<Code> {
    if target == Address::ZERO {
        return state.codes.empty();
    }
    let designator = delegation_designator(target);
    let hash: B256 = state.crypto.keccak256(&designator);
    state.codes.analysed(&designator, hash)
}

/// Refunds, floor and fees, after the outermost frame.
fn settle<R: StateReader, C: Crypto, I>(
    tx: &Transaction,
    gas: &IntrinsicGas,
    result: &FrameResult,
    m: &mut Machine<'_, '_, R, C, I>,
) -> Result<TransactionOutcome, R::Error> {
    let state = &mut *m.state;
    let spent = tx.gas_limit - result.gas_left;
    // EIP-3529 lowered the share that can be refunded.
    let share = if state.fork >= Hardfork::London { 5 } else { 2 };
    let refund = u64::try_from(result.refund).unwrap_or(0);
    let gas_refunded = refund.min(spent / share);
    let gas_used = (spent - gas_refunded).max(gas.floor_gas);

    let sender = state.loaded_account(tx.sender)?;
    let beneficiary = state.loaded_account(state.block.beneficiary)?;
    let unused = U256::from(tx.gas_limit - gas_used);
    state.journal.credit(sender, unused * U256::from(state.transaction.gas_price));
    let tip = effective_tip(tx, state.block.base_fee);
    state.journal.credit(beneficiary, U256::from(gas_used) * U256::from(tip));

    Ok(TransactionOutcome {
        status: match result.ending {
            Ending::Success => ExecutionStatus::Success,
            Ending::Revert => ExecutionStatus::Revert,
            Ending::Halt(reason) => ExecutionStatus::Halt(reason),
        },
        gas_used,
        gas_refunded,
        logs: Vec::new(),
        output: Bytes::copy_from_slice(&m.workspace.return_data),
        created: result.created,
    })
}

impl<E> From<InvalidTransaction> for TransactError<E> {
    fn from(error: InvalidTransaction) -> Self {
        Self::Invalid(error)
    }
}
