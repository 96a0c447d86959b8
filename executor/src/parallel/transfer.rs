//! Transactions that send wei from one account to another and do nothing else, without frames and without a journal.
//!
//! What is special in any way is left to [`Context::execute`](super::context::Context::execute), and so is everything that goes
//! wrong: only there is decided what is invalid. Half the transactions of many blocks come through here, and take a fraction of
//! the time.

use braid_mv_memory::{AccountState, AccountWrite, Observed, Read, Version, WriteSet};
use braid_precompiles::{Crypto, precompiles};
use braid_primitives::{
    Address, KECCAK256_EMPTY, StateReader, Transaction, TransactionType, TxKind, U256,
};

use crate::{
    ExecutionStatus, TransactionOutcome,
    fees::{cost, effective_gas_price, effective_tip},
    intrinsic::intrinsic_gas,
    validate::{check_envelope, upfront_cost},
};

use super::{context::Environment, indices::Indices};

/// Executes `tx`, if it is nothing but a transfer and nothing stands in its way. Replaces `reads` and `writes` then.
pub(super) fn transfer<R: StateReader, C: Crypto>(
    environment: &Environment<'_, R, C>,
    indices: &mut Indices,
    (tx, version): (&Transaction, Version),
    (reads, writes): (&mut Vec<Read>, &mut WriteSet),
) -> Option<TransactionOutcome> {
    let Environment { memory, reader, block, limits, .. } = *environment;
    let target = plain_target(tx, &block.beneficiary)?;
    if precompiles(limits.fork).contains(target) {
        return None;
    }
    let gas = intrinsic_gas(tx, limits.fork);
    check_envelope(tx, block, limits, gas).ok()?;
    // Nothing runs, so nothing is left to refund but what was not used.
    let gas_used = gas.intrinsic_gas.max(gas.floor_gas);
    let fee = cost(gas_used, effective_tip(tx, block.base_fee));
    let upfront = upfront_cost(tx)?;
    // Who gets no fee may have to go (EIP-161): that takes a look at the account.
    if fee.is_zero() {
        return None;
    }

    let mut read = |address: &Address| {
        let index = indices.account(memory, address, || reader.account(*address)).ok()?;
        let state = memory.read_account(index, version, |address| reader.account(address)).ok()?;
        (state.info.code_hash == KECCAK256_EMPTY).then_some((index, state))
    };
    let (sender, before) = read(&tx.sender)?;
    if before.info.nonce != tx.nonce || before.info.balance < upfront {
        return None;
    }
    let (recipient, AccountState { info, .. }) = read(target)?;
    let most = U256::MAX - tx.value;
    if info.balance > most {
        return None;
    }

    let no_code = Observed { code_hash: Some(KECCAK256_EMPTY), ..Observed::default() };
    let (nonce_min, nonce_max, balance_min) = (tx.nonce, tx.nonce, upfront);
    reads.clear();
    reads.push(Read::Account(sender, Observed { nonce_min, nonce_max, balance_min, ..no_code }));
    reads.push(Read::Account(recipient, Observed { balance_max: most, ..no_code }));
    let paid = tx.value + cost(gas_used, effective_gas_price(tx, block.base_fee));
    let sent = AccountWrite {
        balance_delta: U256::ZERO.wrapping_sub(paid),
        nonce: Some(tx.nonce + 1),
        exists: Some(true),
        ..AccountWrite::default()
    };
    let received =
        AccountWrite { balance_delta: tx.value, exists: Some(true), ..AccountWrite::default() };
    writes.clear();
    writes.accounts.extend([(sender, sent), (recipient, received)]);
    writes.credit = Some((environment.beneficiary, fee));
    Some(TransactionOutcome {
        status: ExecutionStatus::Success,
        gas_used,
        ..TransactionOutcome::unknown()
    })
}

/// Where the wei go, if all that the transaction does is send some to somebody else, and neither end gets the fees.
fn plain_target<'t>(tx: &'t Transaction, beneficiary: &Address) -> Option<&'t Address> {
    let TxKind::Call(target) = &tx.to else { return None };
    let is_plain = tx.input.is_empty()
        && tx.access_list.is_empty()
        && tx.authorizations.is_empty()
        && matches!(
            tx.tx_type,
            TransactionType::Legacy | TransactionType::AccessList | TransactionType::DynamicFee
        );
    let are_different = *target != tx.sender && target != beneficiary && tx.sender != *beneficiary;
    (is_plain && are_different && !tx.value.is_zero()).then_some(target)
}
