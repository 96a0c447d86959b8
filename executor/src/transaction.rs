//! One transaction, from validation to the last fee (yellow paper, section 6.2).

use std::{ops::Range, sync::Arc};

use braid_interpreter::{AccountId, Code, Host, Inspector, Workspace, delegation_designator};
use braid_precompiles::Crypto;
use braid_primitives::{
    Address, Authorization, B256, Bytes, Hardfork, KECCAK256_EMPTY, Transaction, TransactionType,
    TxKind, U256,
};

use crate::{
    call_stack::{CallStack, Ending, Machine, outermost_create, request_call},
    error::{InvalidTransaction, TransactError},
    fees::{blob_gas, cost, effective_gas_price, effective_tip},
    host::StateAccess,
    intrinsic::{IntrinsicGas, intrinsic_gas},
    result::{ExecutionStatus, TransactionOutcome},
    source::Source,
    validate::{Limits, check_balance, check_envelope, check_nonce, upfront_cost},
};

/// Gas of an authorization whose authority exists is refunded down to this (EIP-7702: 25000 - 12500).
const AUTHORIZATION_REFUND_GAS: i64 = 12_500;

/// Executes a transaction, whose `parties` may be known already, and ends it in the journal. The outcome is unknown before. On
/// error it means nothing, and the journal is as before.
pub(crate) fn execute<R: Source, C: Crypto, I: Inspector>(
    (tx, parties): (&Transaction, Option<Parties>),
    limits: &Limits,
    state: &mut StateAccess<'_, R, C>,
    (stack, workspace): (&mut CallStack, &mut Workspace),
    inspector: &mut I,
    outcome: &mut TransactionOutcome,
) -> Result<(), TransactError<R::Error>> {
    let mut m = Machine { state, workspace, inspector };
    let mut progress = Progress { parties, ..Progress::default() };
    let result = progress.advance((tx, limits), stack, &mut m, outcome);
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
    /// Once they were found.
    parties: Option<Parties>,
    gas: IntrinsicGas,
    /// Calldata or initcode in the shared memory buffer.
    input: Range<usize>,
    /// How many authorizations are done.
    authorizations: usize,
    /// What they refund; stays, whatever becomes of the call.
    refund: i64,
}

/// The accounts at the two ends of a transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parties {
    pub(crate) sender: AccountId,
    /// The account that the transaction is sent to, unless it creates one.
    pub(crate) target: Option<AccountId>,
}

impl Parties {
    pub(crate) fn of<R: Source, C: Crypto>(
        tx: &Transaction,
        state: &mut StateAccess<'_, R, C>,
    ) -> Self {
        let sender = state.account(tx.sender);
        Self { sender, target: tx.to.to().map(|target| state.account(*target)) }
    }
}

/// What comes next. A stage leads to the one below it, or beyond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// What can be validated without state.
    #[default]
    Envelope,
    /// The sender: validated, charged. All of the transaction, where nothing runs.
    Sender,
    /// The authorizations that are left.
    Authorizations,
    /// The request for the outermost frame.
    Request,
    Frames,
    /// Refunds and fees.
    Settlement,
}

impl Progress {
    /// Executes the transaction, from where it stands to its end, and ends it in the journal.
    ///
    /// After [`TransactError::State`] this can be called again, with the same transaction and machinery, on any thread.
    pub(crate) fn advance<R: Source, C: Crypto, I: Inspector>(
        &mut self,
        (tx, limits): (&Transaction, &Limits),
        stack: &mut CallStack,
        m: &mut Machine<'_, '_, R, C, I>,
        outcome: &mut TransactionOutcome,
    ) -> Result<(), TransactError<R::Error>> {
        if self.stage == Stage::Envelope {
            self.gas = intrinsic_gas(tx, limits.fork);
            check_envelope(tx, m.state.block, limits, self.gas)?;
            self.stage = Stage::Sender;
        }
        let parties = self.parties.unwrap_or_else(|| Parties::of(tx, m.state));
        if self.stage == Stage::Sender {
            self.parties = Some(parties);
            let nonce = check_sender(tx, parties.sender, m.state)?;
            if let Some(target) = sends_only_value(tx, &parties, m).map_err(TransactError::State)? {
                return self.send_value((tx, limits, nonce), (parties.sender, target), m, outcome);
            }
            charge((tx, limits, nonce), parties.sender, m.state);
            let schedule = braid_interpreter::Schedule::of(m.state.fork);
            self.input = m.workspace.reset(schedule, &tx.input);
            self.stage = Stage::Authorizations;
        }
        if self.stage == Stage::Authorizations {
            while let Some(authorization) = tx.authorizations.get(self.authorizations) {
                self.refund += authorize(authorization, m.state).map_err(TransactError::State)?;
                self.authorizations += 1;
            }
            self.stage = Stage::Request;
        }
        if self.stage == Stage::Request {
            let gas_limit = tx.gas_limit - self.gas.intrinsic_gas;
            request(tx, &parties, (self.input.clone(), gas_limit), m)
                .map_err(TransactError::State)?;
            self.stage = Stage::Frames;
        }
        if self.stage == Stage::Frames {
            stack.run(m).map_err(TransactError::State)?;
            self.stage = Stage::Settlement;
        }
        self.settle(tx, (parties.sender, stack), m, outcome)?;
        end(m.state, outcome);
        Ok(())
    }

    /// All that is left of a transaction that runs nothing, once its sender was checked and its target read: no call is made,
    /// the fee is known, and each account changes once.
    fn send_value<R: Source, C: Crypto, I>(
        &self,
        (tx, limits, nonce): (&Transaction, &Limits, u64),
        (sender, target): (AccountId, AccountId),
        m: &mut Machine<'_, '_, R, C, I>,
        outcome: &mut TransactionOutcome,
    ) -> Result<(), TransactError<R::Error>> {
        let state = &mut *m.state;
        let gas_used = self.gas.intrinsic_gas.max(self.gas.floor_gas);
        let fee = Fee::of(gas_used, tx, state)?;
        // Validation has compared the balance with at least as much.
        let price = effective_gas_price(tx, state.block.base_fee);
        let spent = cost(gas_used, price) + blob_fee(tx, limits) + tx.value;
        state.journal.charge(sender, spent, nonce + 1);
        state.journal.touch(target);
        if !tx.value.is_zero() {
            state.journal.credit(target, tx.value);
        }
        fee.pay(state);
        outcome.status = ExecutionStatus::Success;
        outcome.gas_used = gas_used;
        outcome.gas_refunded = 0;
        end(state, outcome);
        Ok(())
    }

    /// Refunds, floor and fees, after the outermost frame. Everything of the outcome but the logs.
    fn settle<R: Source, C: Crypto, I>(
        &self,
        tx: &Transaction,
        (sender, stack): (AccountId, &CallStack),
        m: &mut Machine<'_, '_, R, C, I>,
        outcome: &mut TransactionOutcome,
    ) -> Result<(), TransactError<R::Error>> {
        let (state, result) = (&mut *m.state, &stack.result);
        let is_success = result.ending == Ending::Success;
        let spent = tx.gas_limit - result.gas_left;
        // EIP-3529 lowered the share that can be refunded.
        let most_refunded = if state.fork >= Hardfork::London { spent / 5 } else { spent / 2 };
        let refund = if is_success { result.refund + self.refund } else { self.refund };
        let gas_refunded = u64::try_from(refund).unwrap_or(0).min(most_refunded);
        let gas_used = (spent - gas_refunded).max(self.gas.floor_gas);

        let fee = Fee::of(gas_used, tx, state)?;
        state.journal.credit(sender, cost(tx.gas_limit - gas_used, state.transaction.gas_price));
        fee.pay(state);

        outcome.status = match result.ending {
            Ending::Success => ExecutionStatus::Success,
            Ending::Revert => ExecutionStatus::Revert,
            Ending::Halt(reason) => ExecutionStatus::Halt(reason),
        };
        outcome.gas_used = gas_used;
        outcome.gas_refunded = gas_refunded;
        let output = m.workspace.memory.return_data();
        if !output.is_empty() {
            outcome.output = Bytes::copy_from_slice(output);
        }
        if is_success && tx.to == TxKind::Create {
            outcome.created = stack.outermost_address();
        }
        Ok(())
    }
}

/// The fee of a transaction for the beneficiary.
struct Fee {
    beneficiary: AccountId,
    wei: U256,
    is_deferred: bool,
}

impl Fee {
    /// Reads the beneficiary, if it has to be known; changes nothing.
    fn of<R: Source, C: Crypto>(
        gas_used: u64,
        tx: &Transaction,
        state: &mut StateAccess<'_, R, C>,
    ) -> Result<Self, TransactError<R::Error>> {
        let wei = cost(gas_used, effective_tip(tx, state.block.base_fee));
        let beneficiary = state.beneficiary();
        let is_deferred = state.defers_fee(beneficiary, &wei);
        if !is_deferred {
            state.load(beneficiary).map_err(TransactError::State)?;
        }
        Ok(Self { beneficiary, wei, is_deferred })
    }

    fn pay<R: Source, C>(self, state: &mut StateAccess<'_, R, C>) {
        if self.is_deferred {
            state.journal.defer_fee(self.beneficiary, self.wei);
        } else {
            state.journal.credit(self.beneficiary, self.wei);
        }
    }
}

/// Ends the transaction in the journal.
fn end<R: Source, C>(state: &mut StateAccess<'_, R, C>, outcome: &mut TransactionOutcome) {
    let clears_empty = state.fork >= Hardfork::SpuriousDragon;
    state.journal.end_transaction(clears_empty, &mut outcome.logs);
}

/// Validates against the sender, whose nonce this returns.
fn check_sender<R: Source, C: Crypto>(
    tx: &Transaction,
    sender: AccountId,
    state: &mut StateAccess<'_, R, C>,
) -> Result<u64, TransactError<R::Error>> {
    state.load(sender).map_err(TransactError::State)?;
    let nonce = state.journal.nonce(sender);
    check_nonce(tx, nonce)?;
    check_sender_code(sender, state)?;
    let covers_cost = upfront_cost(tx).is_some_and(|cost| state.journal.covers(sender, &cost));
    if !covers_cost {
        check_balance(tx, state.journal.balance(sender))?;
    }
    Ok(nonce)
}

/// Takes the fees up front from a sender that was checked.
fn charge<R: Source, C: Crypto>(
    (tx, limits, nonce): (&Transaction, &Limits, u64),
    sender: AccountId,
    state: &mut StateAccess<'_, R, C>,
) {
    let gas_price = effective_gas_price(tx, state.block.base_fee);
    state.transaction.origin = tx.sender;
    state.transaction.gas_price = gas_price;
    state.transaction.blob_hashes.clone_from(&tx.blob_hashes);
    // Validation has compared the balance with at least as much.
    state.journal.charge(sender, cost(tx.gas_limit, gas_price) + blob_fee(tx, limits), nonce + 1);
}

/// What the blobs of a transaction cost, in wei. It is burnt.
fn blob_fee(tx: &Transaction, limits: &Limits) -> U256 {
    match tx.tx_type {
        TransactionType::Blob => cost(blob_gas(tx), limits.blob_base_fee),
        _ => U256::ZERO,
    }
}

/// A sender has no code (EIP-3607), unless that delegates (EIP-7702).
fn check_sender_code<R: Source, C: Crypto>(
    sender: AccountId,
    state: &mut StateAccess<'_, R, C>,
) -> Result<(), TransactError<R::Error>> {
    let code_hash = state.journal.code_hash(sender);
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
/// Precompiles always are. Before Berlin nothing is cold.
fn warm<R: Source, C: Crypto>(
    tx: &Transaction,
    parties: &Parties,
    state: &mut StateAccess<'_, R, C>,
) {
    if state.fork < Hardfork::Berlin {
        return;
    }
    let beneficiary = (state.fork >= Hardfork::Shanghai).then(|| state.beneficiary());
    for account in [Some(parties.sender), parties.target, beneficiary].into_iter().flatten() {
        state.journal.warm_account_from_start(account);
    }
    for item in &tx.access_list {
        let account = state.account(item.address);
        state.journal.warm_account_from_start(account);
        for key in &item.storage_keys {
            let slot = state.slot(account, (*key).into());
            state.warm_slot(slot);
        }
    }
}

/// Asks for the outermost frame.
fn request<R: Source, C: Crypto, I: Inspector>(
    tx: &Transaction,
    parties: &Parties,
    (input, gas_limit): (Range<usize>, u64),
    m: &mut Machine<'_, '_, R, C, I>,
) -> Result<(), R::Error> {
    match parties.target {
        Some(target) => {
            let ends = (parties.sender, target);
            request_call(m.state, m.workspace, ends, &tx.value, (input, gas_limit))?;
        }
        None => m.workspace.create = Some(outermost_create(tx.value, input, gas_limit)),
    }
    warm(tx, parties, m.state);
    Ok(())
}

/// The target, if nothing runs there, neither code nor a precompile: then there is no call to make, only value to send, which
/// the sender has. Inspectors want to see the call.
fn sends_only_value<R: Source, C: Crypto, I: Inspector>(
    tx: &Transaction,
    parties: &Parties,
    m: &mut Machine<'_, '_, R, C, I>,
) -> Result<Option<AccountId>, R::Error> {
    let Some(target) = parties.target.filter(|_| !I::ACTIVE && tx.authorizations.is_empty()) else {
        return Ok(None);
    };
    m.state.load(target)?;
    let runs = m.state.journal.code_hash(target) != KECCAK256_EMPTY
        || m.state.precompiles.contains(&m.state.journal.account(target).address);
    Ok(Some(target).filter(|_| !runs))
}

/// Delegates an account (EIP-7702, "Behavior"); an authorization that does not fit is skipped. Returns the refund.
fn authorize<R: Source, C: Crypto>(
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
    if !is_delegable || state.journal.nonce(account) != authorization.nonce {
        return Ok(0);
    }
    let refund = if state.journal.exists(account) { AUTHORIZATION_REFUND_GAS } else { 0 };
    let code = designator_code(authorization.address, state);
    state.journal.set_code(account, code);
    state.journal.set_nonce(account, authorization.nonce + 1);
    Ok(refund)
}

/// The code that delegates to `target`; none for the zero address, which ends a delegation.
fn designator_code<R: Source, C: Crypto>(
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

impl<E> From<InvalidTransaction> for TransactError<E> {
    fn from(error: InvalidTransaction) -> Self {
        Self::Invalid(error)
    }
}
