//! The undo log: what a failed frame takes back.

use std::sync::Arc;

use braid_interpreter::{AccountId, Code, SlotId};
use braid_primitives::{AccountInfo, B256, U256};

use super::{Journal, NEVER};

/// How to take one change back: small, because there are some for every transaction and every access to state; and forgotten
/// without being looked at. What is large or has to be dropped is in [`Replaced`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Undo {
    Balance(AccountId, U256),
    Nonce(AccountId, u64),
    /// The code, which is at this position of [`Replaced::codes`].
    Code(AccountId, u32),
    /// The account did not exist.
    Exists(AccountId),
    Touch(AccountId),
    WarmAccount(AccountId),
    WarmSlot(SlotId),
    Slot(SlotId, U256),
    /// A transient slot, by its place in the journal.
    Transient(u32, U256),
    Created(AccountId, u32),
    Destroyed(AccountId),
    /// The account, which was empty, went when the transaction ended. It stays so: the entry is there to tell what the step
    /// changed.
    Cleared(AccountId),
    /// The account went when the transaction ended, likewise. What it was is at this position of [`Replaced::infos`].
    Removed(AccountId, u32),
}

/// What entries of the undo log refer to.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    pub(super) codes: Vec<(B256, Option<Arc<Code>>)>,
    pub(super) infos: Vec<AccountInfo>,
}

impl Replaced {
    /// Forgets everything, keeping the allocations.
    pub(super) fn clear(&mut self) {
        self.codes.clear();
        self.infos.clear();
    }
}

/// A point to which the journal can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    undo: usize,
    logs: usize,
}

impl Journal {
    /// The present point.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint { undo: self.undo.len(), logs: self.logs.len() }
    }

    /// Takes back everything since `checkpoint`, which must be of this transaction.
    pub(crate) fn revert(&mut self, checkpoint: Checkpoint) {
        self.logs.truncate(checkpoint.logs);
        while self.undo.len() > checkpoint.undo {
            if let Some(change) = self.undo.pop() {
                self.take_back(change);
            }
        }
    }

    /// Takes back everything since the transaction began.
    pub(super) fn revert_all(&mut self) {
        self.revert(Checkpoint { undo: self.transaction_start, logs: 0 });
    }

    fn take_back(&mut self, change: Undo) {
        match change {
            Undo::Balance(id, balance) => self.account_mut(id).info.balance = balance,
            Undo::Nonce(id, nonce) => self.account_mut(id).info.nonce = nonce,
            Undo::Code(id, code) => {
                let Some((hash, code)) = self.replaced.codes.pop() else {
                    unreachable!("{code} codes were replaced before it");
                };
                let account = self.account_mut(id);
                account.info.code_hash = hash;
                account.replace_code(code);
            }
            Undo::Exists(id) => self.account_mut(id).exists = false,
            Undo::Touch(id) => self.account_mut(id).touched = NEVER,
            Undo::WarmAccount(id) => self.account_mut(id).warm = NEVER,
            Undo::WarmSlot(id) => self.slots[id.0 as usize].warm = NEVER,
            Undo::Slot(id, value) => self.slots[id.0 as usize].current = value,
            Undo::Transient(id, value) => self.transient[id as usize].value = value,
            Undo::Created(id, stamp) => self.account_mut(id).created = stamp,
            Undo::Destroyed(id) => self.account_mut(id).destroyed = NEVER,
            Undo::Cleared(_) | Undo::Removed(..) => unreachable!("a removal ends its transaction"),
        }
    }
}
