//! Questions about accounts, and what was found out by asking them.
//!
//! A transaction that runs beside others must not rely on more than it has to: that a balance covers a payment is true of
//! many balances. So questions are asked here in the weakest form that will do, and what the answer says about the account
//! before the transaction is noted, if anybody wants to know.

use braid_interpreter::AccountId;
use braid_mv_memory::Observed;
use braid_primitives::{AccountInfo, B256, KECCAK256_EMPTY, U256};

use super::Journal;

/// What was found out about the accounts that were read, by id.
#[derive(Debug, Default)]
pub(super) struct Observations(Vec<Observed>);

impl Observations {
    /// Nothing is known of an account that was just read.
    pub(super) fn forget(&mut self, id: AccountId) {
        let index = id.0 as usize;
        if index >= self.0.len() {
            self.0.resize(index + 1, Observed::default());
        }
        self.0[index] = Observed::default();
    }
}

impl Journal {
    /// The account before the block; `None` where it did not exist.
    #[inline]
    pub(super) fn before(&self, id: AccountId) -> Option<&AccountInfo> {
        self.account(id).existed.then(|| &self.before[id.0 as usize])
    }

    /// Balance in wei before the block.
    #[inline]
    pub(super) fn balance_before(&self, id: AccountId) -> U256 {
        self.before(id).map_or(U256::ZERO, |before| before.balance)
    }

    /// Nonce before the block.
    #[inline]
    pub(super) fn nonce_before(&self, id: AccountId) -> u64 {
        self.before(id).map_or(0, |before| before.nonce)
    }

    /// Code hash before the block.
    #[inline]
    pub(super) fn code_hash_before(&self, id: AccountId) -> B256 {
        self.before(id).map_or(KECCAK256_EMPTY, |before| before.code_hash)
    }

    /// Notes from now on what is found out about accounts.
    pub(crate) fn observe(&mut self) {
        self.observations.get_or_insert_default();
    }

    /// What was found out about an account that was read; nothing unless [`Self::observe`] was called before.
    pub(crate) fn observed(&self, id: AccountId) -> Observed {
        let observed = self.observations.as_ref().and_then(|all| all.0.get(id.0 as usize));
        observed.copied().unwrap_or_default()
    }

    #[inline]
    fn note(&mut self, id: AccountId, note: impl FnOnce(&mut Observed)) {
        if let Some(observations) = &mut self.observations {
            note(&mut observations.0[id.0 as usize]);
        }
    }

    /// The balance in wei.
    #[inline]
    pub(crate) fn balance(&mut self, id: AccountId) -> U256 {
        let before = self.balance_before(id);
        self.note(id, |observed| {
            (observed.balance_min, observed.balance_max) = (before, before);
        });
        self.account(id).info.balance
    }

    /// Whether the balance is at least `amount`.
    #[inline]
    pub(crate) fn covers(&mut self, id: AccountId, amount: &U256) -> bool {
        let balance = self.account(id).info.balance;
        let covers = balance >= *amount;
        if self.observations.is_some() {
            self.note_covers(id, &balance, amount);
        }
        covers
    }

    /// How far off the balance before the transaction could be for the answer to be the same.
    #[inline(never)]
    fn note_covers(&mut self, id: AccountId, balance: &U256, amount: &U256) {
        let before = self.balance_before(id);
        self.note(id, |observed| {
            if balance >= amount {
                let least = before.saturating_sub(balance - amount);
                observed.balance_min = observed.balance_min.max(least);
            } else {
                let most = before.saturating_add(amount - balance - U256::ONE);
                observed.balance_max = observed.balance_max.min(most);
            }
        });
    }

    /// Notes that crediting `amount` did not exceed what a balance can hold, or that it did.
    #[inline]
    pub(super) fn note_credit(&mut self, id: AccountId, amount: &U256) {
        if self.observations.is_none() {
            return;
        }
        let (before, balance) = (self.balance_before(id), self.account(id).info.balance);
        let Some(room) = (U256::MAX - amount).checked_sub(balance) else {
            self.balance(id);
            return;
        };
        self.note(id, |observed| {
            observed.balance_max = observed.balance_max.min(before.saturating_add(room));
        });
    }

    /// The nonce.
    #[inline]
    pub(crate) fn nonce(&mut self, id: AccountId) -> u64 {
        let before = self.nonce_before(id);
        self.note(id, |observed| (observed.nonce_min, observed.nonce_max) = (before, before));
        self.account(id).info.nonce
    }

    /// Whether the nonce is not zero.
    #[inline]
    pub(crate) fn has_nonce(&mut self, id: AccountId) -> bool {
        let account = self.account(id);
        // A nonce that the transaction has set says nothing about the one before.
        if account.info.nonce == 0 || self.nonce_before(id) != account.info.nonce {
            return self.nonce(id) != 0;
        }
        self.note(id, |observed| observed.nonce_min = observed.nonce_min.max(1));
        true
    }

    /// The hash of the code.
    #[inline]
    pub(crate) fn code_hash(&mut self, id: AccountId) -> B256 {
        let before = self.code_hash_before(id);
        self.note(id, |observed| observed.code_hash = Some(before));
        self.account(id).info.code_hash
    }

    /// Whether there is an account.
    #[inline]
    pub(crate) fn exists(&mut self, id: AccountId) -> bool {
        let before = self.account(id).existed;
        self.note(id, |observed| observed.exists = Some(before));
        self.account(id).exists
    }

    /// Whether the account does not exist or is empty in the sense of EIP-161: nonce zero, balance zero, no code. A missing
    /// account has none of these: whether it exists does not have to be known.
    #[inline]
    pub(crate) fn is_empty(&mut self, id: AccountId) -> bool {
        match self.observations {
            None => self.account(id).info.is_empty(),
            Some(_) => self.find_out_if_empty(id),
        }
    }

    /// Asks for as little as decides it.
    #[inline(never)]
    fn find_out_if_empty(&mut self, id: AccountId) -> bool {
        let account = self.account(id);
        if account.info.balance > self.balance_before(id) {
            // It got something, whatever it had.
            return !self.covers(id, &U256::ONE);
        }
        // What changes least is asked first.
        self.code_hash(id) == KECCAK256_EMPTY && !self.has_nonce(id) && !self.covers(id, &U256::ONE)
    }
}
