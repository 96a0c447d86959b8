//! The rest of a block on one thread, on top of what was committed before.
//!
//! Where each transaction needs what the one before left, all that looking ahead does is cost time. Once that has shown, the
//! holder of the commit token executes what is left as the [`SequentialExecutor`](crate::SequentialExecutor) does: its journal
//! takes over what the transactions before have changed, and goes on as if it had executed them. So its write set is that of
//! the block.

use alloy_primitives::map::AddressSet;
use braid_interpreter::Host;
use braid_mv_memory::{AccountIndex, MvMemory, Version};
use braid_precompiles::Crypto;
use braid_primitives::{Requests, StateDelta, Transaction};

use crate::{host::StateAccess, source::Source};

use super::both_ends;

/// So many transactions before and after are compared with each other.
const SAMPLE: usize = 64;

/// Whether most of what is left of a block calls what the last transactions before have called, or is of their senders: then it
/// probably goes on as it went.
pub(super) fn goes_on_as_before(before: &[Transaction], rest: &[Transaction]) -> bool {
    let before = &before[before.len().saturating_sub(SAMPLE)..];
    let known: AddressSet = before.iter().flat_map(both_ends).collect();
    let sample = rest.iter().step_by(rest.len().div_ceil(SAMPLE).max(1));
    let is_alike = |tx: &&Transaction| both_ends(tx).any(|end| known.contains(&end));
    sample.clone().filter(is_alike).count() * 2 >= sample.len()
}

/// What came of the rest of a block, its end included.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) requests: Option<Requests>,
    /// The write set of the block.
    pub(super) state: StateDelta,
}

/// Puts what is committed into an empty journal, as what it has executed. Nobody may commit or add locations meanwhile.
///
/// What the journal does not know then is as it was before the block. That goes for code, too: accounts that have code of
/// the block come with it, and whoever else has the same code had it before.
pub(super) fn take_over<R: Source, C: Crypto>(
    memory: &MvMemory,
    state: &mut StateAccess<'_, R, C>,
) {
    let (accounts, slots) = memory.changed((0, 1));
    for account in accounts {
        take_over_account(memory, account, state);
    }
    for (account, slot) in slots {
        let (_, key) = memory.location(slot);
        let id = state.account(memory.address(account));
        if !state.journal.account(id).is_loaded {
            take_over_account(memory, account, state);
        }
        let (before, now) = memory.settled_slot(slot);
        let slot = state.slot(id, key);
        state.journal.take_over_slot(slot, before, now);
    }
    state.journal.end_taking_over();
}

fn take_over_account<R: Source, C: Crypto>(
    memory: &MvMemory,
    account: AccountIndex,
    state: &mut StateAccess<'_, R, C>,
) {
    let id = state.account(memory.address(account));
    let (before, now) = (memory.account_before(account), memory.settled_account(account));
    let is_wiped = now.reset != Version::NONE;
    state.journal.take_over_account(id, before.existing(), now.existing(), is_wiped);
    // The write set needs it, and the state before the block does not have it.
    let hash = now.info.code_hash;
    if let Some(code) = memory.code(&hash) {
        state.journal.load_code(id, state.codes.analysed(&code, hash));
    }
}

#[cfg(test)]
mod tests {
    use braid_primitives::{Address, TxKind};

    use super::*;

    /// Calls of a contract, each of a sender of its own.
    fn calls(contract: u8, senders: std::ops::Range<u8>) -> Vec<Transaction> {
        let call = |sender| Transaction {
            sender: Address::with_last_byte(sender),
            to: TxKind::Call(Address::repeat_byte(contract)),
            ..Transaction::default()
        };
        senders.map(call).collect()
    }

    #[test]
    fn the_same_contract_or_the_same_senders_mean_that_it_goes_on() {
        let before = calls(1, 0..100);
        assert!(goes_on_as_before(&before, &calls(1, 100..120)));
        assert!(goes_on_as_before(&before, &calls(2, 90..99)), "those senders' nonces");
        assert!(!goes_on_as_before(&before, &calls(2, 100..200)));
        assert!(!goes_on_as_before(&before, &calls(2, 0..30)), "long ago");
        assert!(!goes_on_as_before(&[], &calls(1, 0..10)), "nothing has failed");
    }

    #[test]
    fn half_of_the_rest_decides_wherever_it_lies() {
        let before = calls(1, 0..10);
        let rest = |others: u8| [calls(2, 100..100 + others), calls(1, 10..90)].concat();
        assert!(goes_on_as_before(&before, &rest(60)));
        assert!(!goes_on_as_before(&before, &rest(120)));
        assert!(goes_on_as_before(&before, &[]), "nothing is left to gain by");
    }
}
