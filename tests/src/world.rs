//! A state that every engine can read, and whose changes are checked when they are made.

use std::{collections::BTreeMap, convert::Infallible};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use braid_primitives::{AccountInfo, Hardfork, StateDelta, StateReader};

/// An account with its storage, zeros left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorldAccount {
    /// Nonce, balance and code hash.
    pub info: AccountInfo,
    /// Slots that are not zero.
    pub storage: BTreeMap<U256, U256>,
}

impl WorldAccount {
    /// Sets a slot; zero clears it.
    pub fn set_slot(&mut self, slot: U256, value: U256) {
        if value.is_zero() {
            self.storage.remove(&slot);
        } else {
            self.storage.insert(slot, value);
        }
    }
}

/// The accounts of a chain. Kept apart from the engine's own in-memory state, so that a fault there does not hide itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// Every account.
    pub accounts: BTreeMap<Address, WorldAccount>,
    /// Every code, by hash.
    pub code: BTreeMap<B256, Bytes>,
}

impl World {
    /// Gives an account code, making the account if need be.
    pub fn set_code(&mut self, address: Address, code: Bytes) {
        let hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
        self.accounts.entry(address).or_default().info.code_hash = hash;
        if !code.is_empty() {
            self.code.insert(hash, code);
        }
    }

    /// Adds to a balance as the end of a block does: an account that is empty afterwards goes, from Spurious Dragon on.
    pub fn credit(&mut self, address: Address, wei: U256, fork: Hardfork) {
        let account = self.accounts.entry(address).or_default();
        account.info.balance += wei;
        if fork >= Hardfork::SpuriousDragon && account.info.is_empty() {
            self.accounts.remove(&address);
        }
    }

    /// Makes the changes of a write set.
    ///
    /// # Errors
    /// If the write set says anything that is not a change, or names code that is nowhere.
    pub fn apply(&mut self, delta: &StateDelta) -> Result<(), String> {
        for (hash, code) in &delta.code {
            if keccak256(code) != *hash {
                return Err(format!("write set: code {code} is filed under {hash}"));
            }
            self.code.insert(*hash, code.clone());
        }
        for (address, change) in &delta.accounts {
            let before = self.accounts.get(address).cloned();
            let Some(info) = change.info else {
                if before.is_none() {
                    return Err(format!("write set: {address} is removed and never was"));
                }
                if !change.storage.is_empty() {
                    return Err(format!("write set: {address} is removed and has slots"));
                }
                self.accounts.remove(address);
                continue;
            };
            if info.code_hash != KECCAK256_EMPTY && !self.code.contains_key(&info.code_hash) {
                return Err(format!("write set: code {} of {address} is missing", info.code_hash));
            }
            let account = self.accounts.entry(*address).or_default();
            account.info = info;
            if change.storage_wiped {
                account.storage.clear();
            }
            for (slot, value) in &change.storage {
                if account.storage.get(slot).copied().unwrap_or_default() == *value {
                    return Err(format!("write set: slot {slot} of {address} is {value} already"));
                }
                account.set_slot(*slot, *value);
            }
            let is_noted = change.storage_wiped && before.is_some();
            if !is_noted && before.as_ref() == Some(account) {
                return Err(format!("write set: {address} is listed and not changed"));
            }
        }
        Ok(())
    }
}

impl StateReader for World {
    type Error = Infallible;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.accounts.get(&address).map(|account| account.info))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        let account = self.accounts.get(&address);
        Ok(account.and_then(|account| account.storage.get(&slot)).copied().unwrap_or_default())
    }

    fn has_storage(&self, address: Address) -> Result<bool, Infallible> {
        Ok(self.accounts.get(&address).is_some_and(|account| !account.storage.is_empty()))
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, Infallible> {
        Ok(self.code.get(&code_hash).cloned().unwrap_or_default())
    }

    fn block_hash(&self, number: u64) -> Result<B256, Infallible> {
        Ok(keccak256(number.to_be_bytes()))
    }
}
