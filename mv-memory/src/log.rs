//! What a step read, in order, and what it wrote.

use alloy_primitives::{B256, U256};

use crate::{AccountIndex, AccountState, AccountWrite, SlotIndex};

/// What a step relies on about an account: not what it was, only what the step found out about it.
///
/// A transaction that checks whether a balance covers something knows only that it does; whatever else the balance may be,
/// the transaction runs the same way and changes the balance by the same amount. So the balance is kept as the range in
/// which that is so, and the nonce too, because often all that matters is whether it is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Least balance in wei.
    pub balance_min: U256,
    /// Most balance in wei.
    pub balance_max: U256,
    /// Least nonce.
    pub nonce_min: u64,
    /// Most nonce.
    pub nonce_max: u64,
    /// The code hash, if it mattered.
    pub code_hash: Option<B256>,
    /// Whether the account exists, if it mattered.
    pub exists: Option<bool>,
}

impl Default for Observed {
    /// Nothing.
    fn default() -> Self {
        Self {
            balance_min: U256::ZERO,
            balance_max: U256::MAX,
            nonce_min: 0,
            nonce_max: u64::MAX,
            code_hash: None,
            exists: None,
        }
    }
}

impl Observed {
    /// Everything about an account.
    pub fn all_of(state: &AccountState) -> Self {
        Self {
            balance_min: state.info.balance,
            balance_max: state.info.balance,
            nonce_min: state.info.nonce,
            nonce_max: state.info.nonce,
            code_hash: Some(state.info.code_hash),
            exists: Some(state.exists),
        }
    }

    /// Whether a step that saw this would see the same in `state`.
    #[inline]
    pub fn holds(&self, state: &AccountState) -> bool {
        let info = &state.info;
        (self.balance_min..=self.balance_max).contains(&info.balance)
            && (self.nonce_min..=self.nonce_max).contains(&info.nonce)
            && self.code_hash.is_none_or(|hash| hash == info.code_hash)
            && self.exists.is_none_or(|exists| exists == state.exists)
    }
}

/// A location that a step read, and what it relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// An account.
    Account(AccountIndex, Observed),
    /// A slot and its value.
    Slot(SlotIndex, U256),
    /// That no step of the block has touched the storage of the account:
    /// [`MvMemory::is_storage_touched`](crate::MvMemory::is_storage_touched).
    StorageUntouched(AccountIndex),
}

/// What a step did, by location, each at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteSet {
    /// Accounts.
    pub accounts: Vec<(AccountIndex, AccountWrite)>,
    /// Slots with their new values.
    pub slots: Vec<(SlotIndex, U256)>,
    /// Wei for an account that the step did not look at: the fee for the beneficiary. It is the last thing that the step does.
    /// Others learn of it when it is committed.
    pub credit: Option<(AccountIndex, U256)>,
}

impl WriteSet {
    /// Bytes that are allocated for it.
    pub fn allocated_bytes(&self) -> usize {
        self.accounts.capacity() * size_of::<(AccountIndex, AccountWrite)>()
            + self.slots.capacity() * size_of::<(SlotIndex, U256)>()
    }

    /// Empties it, keeping the allocations.
    pub fn clear(&mut self) {
        self.accounts.clear();
        self.slots.clear();
        self.credit = None;
    }
}

/// The locations of `previous` that are not in `now`. Executions of one transaction mostly write to the same locations in the
/// same order; only where they do not `now` is put in order, so that many of them cost no more than that.
pub(crate) fn no_longer_written<L: Copy + Ord, W>(
    previous: &[(L, W)],
    now: &[(L, W)],
) -> impl Iterator<Item = L> {
    let mut sorted = None;
    previous.iter().enumerate().filter_map(move |(place, (location, _))| {
        if now.get(place).is_some_and(|(other, _)| other == location) {
            return None;
        }
        let sorted = sorted.get_or_insert_with(|| {
            let mut sorted: Vec<L> = now.iter().map(|(location, _)| *location).collect();
            sorted.sort_unstable();
            sorted
        });
        sorted.binary_search(location).is_err().then_some(*location)
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        #[cfg_attr(miri, ignore = "safe code, and Miri has no files to remember failures in")]
        fn what_is_no_longer_written_is_what_is_not_there(
            previous in proptest::collection::vec(0_u32..12, 0..10),
            now in proptest::collection::vec(0_u32..12, 0..10),
        ) {
            let with_values = |locations: &[u32]| {
                locations.iter().map(|location| (*location, ())).collect::<Vec<_>>()
            };
            let expected: Vec<u32> =
                previous.iter().copied().filter(|location| !now.contains(location)).collect();
            let (previous, now) = (with_values(&previous), with_values(&now));
            let found: Vec<u32> = no_longer_written(&previous, &now).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
