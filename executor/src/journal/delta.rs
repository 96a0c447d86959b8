//! The write set of everything since the journal was cleared.

use braid_interpreter::AccountId;
use braid_primitives::{AccountDelta, StateDelta};

use super::{Account, Journal};

impl Journal {
    /// What differs from the state before, between transactions.
    pub(crate) fn state_delta(&self) -> StateDelta {
        let mut delta = StateDelta::default();
        for account in self.accounts.iter().filter(|account| account.is_loaded) {
            let after = account.exists.then_some(account.info);
            let storage_wiped = account.epoch > 0 && account.before.is_some();
            if after != account.before || storage_wiped {
                let entry = AccountDelta { info: after, storage_wiped, ..Default::default() };
                delta.accounts.insert(account.address, entry);
                record_code(&mut delta, account);
            }
        }
        for slot in &self.slots {
            let account = self.account(slot.account);
            if !slot.is_loaded || slot.epoch != account.epoch || !account.exists {
                continue;
            }
            let is_changed = match account.epoch {
                0 => slot.current != slot.before,
                _ => !slot.current.is_zero(),
            };
            if is_changed {
                self.changed_account(&mut delta, slot.account)
                    .storage
                    .insert(slot.key, slot.current);
            }
        }
        delta
    }

    fn changed_account<'d>(
        &self,
        delta: &'d mut StateDelta,
        id: AccountId,
    ) -> &'d mut AccountDelta {
        let account = self.account(id);
        delta.accounts.entry(account.address).or_insert_with(|| AccountDelta {
            info: account.exists.then_some(account.info),
            ..Default::default()
        })
    }
}

/// Adds the account's code if its hash changed.
fn record_code(delta: &mut StateDelta, account: &Account) {
    let hash = account.info.code_hash;
    let is_new = account.before.is_none_or(|before| before.code_hash != hash);
    if let Some(code) = account.code.as_ref().filter(|code| is_new && !code.is_empty()) {
        delta.code.insert(hash, code.bytes().to_vec().into());
    }
}
