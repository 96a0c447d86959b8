//! One transaction, from validation to the last fee (yellow paper, section 6.2).

use std::sync::Arc;

use braid_interpreter::{AccountId, Code, Host, Inspector, Workspace, delegation_designator};
use braid_precompiles::Crypto;
use braid_primitives::{
    Address, Authorization, B256, Bytes, Hardfork, KECCAK256_EMPTY, StateReader, Transaction,
    TransactionType, U256,
};

use crate::{
    call_stack::{CallStack, Ending, FrameResult, Machine, outermost_call, outermost_create},
    error::{InvalidTransaction, TransactError},
    fees::{blob_gas, cost, effective_gas_price, effective_tip},
    host::StateAccess,
    intrinsic::IntrinsicGas,
    result::{ExecutionStatus, TransactionOutcome},
    validate::{Limits, check_balance, check_envelope, check_nonce},
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
    let result = begin(tx, limits, &mut m).and_then(|start| {
        let result = run(tx, &start, stack, &mut m).map_err(TransactError::State)?;
        settle(tx, &start, &result, &mut m)
    });
    match result {
        Ok(mut outcome) => {
            let clears_empty = m.state.fork >= Hardfork::SpuriousDragon;
            outcome.logs = m.state.journal.end_transaction(clears_empty);
            Ok(outcome)
        }
        Err(error) => {
            stack.clear();
            m.state.journal.discard_transaction();
            Err(error)
        }
    }
}

/// What is known of a transaction once it has begun.
struct Start {
    gas: IntrinsicGas,
    sender: AccountId,
    /// The account that the transaction is sent to, unless it creates one.
    target: Option<AccountId>,
    /// Price in wei per gas.
    gas_price: u128,
}

/// Validates, takes the fees up front, warms what the rules say.
fn begin<R: StateReader, C: Crypto, I>(
    tx: &Transaction,
    limits: &Limits,
    m: &mut Machine<'_, '_, R, C, I>,
) -> Result<Start, TransactError<R::Error>> {
    let block = m.state.block;
    let gas = check_envelope(tx, block, limits)?;
    let sender = m.state.loaded_account(tx.sender).map_err(TransactError::State)?;
    let nonce = m.state.journal.account(sender).info.nonce;
    check_nonce(tx, nonce)?;
    check_sender_code(sender, m.state)?;
    check_balance(tx, m.state.journal.account(sender).info.balance)?;

    let gas_price = effective_gas_price(tx, block.base_fee);
    m.state.transaction.origin = tx.sender;
    m.state.transaction.gas_price = gas_price;
    m.state.transaction.blob_hashes.clone_from(&tx.blob_hashes);

    // Validation has compared the balance with at least as much.
    let fee = cost(tx.gas_limit, gas_price);
    let blob_fee = match tx.tx_type {
        TransactionType::Blob => cost(blob_gas(tx), limits.blob_base_fee),
        _ => U256::ZERO,
    };
    m.state.journal.debit(sender, fee + blob_fee);
    m.state.journal.set_nonce(sender, nonce + 1);
    let target = tx.to.to().map(|target| m.state.account(*target));
    if limits.fork >= Hardfork::Berlin {
        warm(tx, sender, target, m.state);
    }
    Ok(Start { gas, sender, target, gas_price })
}

/// A sender has no code (EIP-3607), unless that delegates (EIP-7702).
fn check_sender_code<R: StateReader, C: Crypto>(
    sender: AccountId,
    state: &mut StateAccess<'_, R, C>,
) -> Result<(), TransactError<R::Error>> {
    let code_hash = state.journal.account(sender).info.code_hash;
    if code_hash == KECCAK256_EMPTY {
        return Ok(());
    }
    let code = state.read_code(sender).map_err(TransactError::State)?;
    if state.delegation(&code).is_none() {
        let sender = state.journal.account(sender).address;
        return Err(InvalidTransaction::SenderHasCode { sender, code_hash }.into());
    }
    Ok(())
}

/// What is warm from the start: sender and callee (EIP-2929), the beneficiary (EIP-3651), the access list (EIP-2930).
/// Precompiles always are.
fn warm<R: StateReader, C: Crypto>(
    tx: &Transaction,
    sender: AccountId,
    target: Option<AccountId>,
    state: &mut StateAccess<'_, R, C>,
) {
    let beneficiary = (state.fork >= Hardfork::Shanghai).then(|| state.beneficiary());
    for account in [Some(sender), target, beneficiary].into_iter().flatten() {
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

/// Applies authorizations and runs the outermost frame.
fn run<R: StateReader, C: Crypto, I: Inspector>(
    tx: &Transaction,
    start: &Start,
    stack: &mut CallStack,
    m: &mut Machine<'_, '_, R, C, I>,
) -> Result<FrameResult, R::Error> {
    let gas_limit = tx.gas_limit - start.gas.intrinsic_gas;
    if let Some(target) = start.target
        && sends_only_value(tx, target, m)?
    {
        m.workspace.return_data.clear();
        m.state.journal.touch(target);
        m.state.transfer(start.sender, target, tx.value);
        return Ok(FrameResult::success(gas_limit));
    }
    let schedule = braid_interpreter::Schedule::of(m.state.fork);
    let input = m.workspace.reset(schedule, &tx.input);
    let mut refund = 0;
    for authorization in &tx.authorizations {
        refund += authorize(authorization, m.state)?;
    }
    match start.target {
        Some(target) => {
            let call = outermost_call(m.state, start.sender, target, tx.value, (input, gas_limit))?;
            m.workspace.call = Some(call);
        }
        None => m.workspace.create = Some(outermost_create(tx.value, input, gas_limit)),
    }
    let mut result = stack.run(m)?;
    if result.ending != Ending::Success {
        result.refund = 0;
    }
    // What authorizations refund stays, whatever becomes of the call.
    result.refund += refund;
    Ok(result)
}

/// Whether nothing runs, neither code nor a precompile: then there is no call to make, only value to send, which the sender
/// has. Inspectors want to see the call.
fn sends_only_value<R: StateReader, C: Crypto, I: Inspector>(
    tx: &Transaction,
    target: AccountId,
    m: &mut Machine<'_, '_, R, C, I>,
) -> Result<bool, R::Error> {
    if I::ACTIVE || !tx.authorizations.is_empty() {
        return Ok(false);
    }
    m.state.load(target)?;
    let account = m.state.journal.account(target);
    Ok(account.info.code_hash == KECCAK256_EMPTY && !m.state.precompiles.contains(&account.address))
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
    start: &Start,
    result: &FrameResult,
    m: &mut Machine<'_, '_, R, C, I>,
) -> Result<TransactionOutcome, TransactError<R::Error>> {
    let state = &mut *m.state;
    let spent = tx.gas_limit - result.gas_left;
    // EIP-3529 lowered the share that can be refunded.
    let share = if state.fork >= Hardfork::London { 5 } else { 2 };
    let refund = u64::try_from(result.refund).unwrap_or(0);
    let gas_refunded = refund.min(spent / share);
    let gas_used = (spent - gas_refunded).max(start.gas.floor_gas);

    let beneficiary = state.beneficiary();
    state.load(beneficiary).map_err(TransactError::State)?;
    state.journal.credit(start.sender, cost(tx.gas_limit - gas_used, start.gas_price));
    let tip = effective_tip(tx, state.block.base_fee);
    state.journal.credit(beneficiary, cost(gas_used, tip));

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
