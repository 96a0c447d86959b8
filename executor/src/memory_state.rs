//! A state in memory.

use alloy_primitives::map::{AddressMap, B256Map, FbBuildHasher, HashMap};
use braid_primitives::{
    AccountDelta, AccountInfo, Address, B256, Bytes, KECCAK256_EMPTY, StateDelta, StateReader, U256,
};

/// A state in hash maps: a [`StateReader`] for tests, fixtures and simulation.
///
/// An account is in the state if it was inserted, even if it is empty in the sense of EIP-161: states from before Spurious
/// Dragon hold such accounts.
///
/// ```
/// use braid_executor::memory_state::MemoryState;
/// use braid_primitives::{AccountInfo, Address, StateReader, U256};
///
/// let owner = Address::repeat_byte(1);
/// let mut state = MemoryState::new();
/// state.insert_account(owner, AccountInfo { nonce: 1, ..Default::default() });
/// state.insert_storage(owner, U256::from(2), U256::from(3));
/// assert_eq!(state.storage(owner, U256::from(2))?, U256::from(3));
/// assert_eq!(state.account(Address::ZERO)?, None);
/// # Ok::<(), braid_executor::memory_state::MissingState>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState {
    accounts: AddressMap<Account>,
    code: B256Map<Bytes>,
    block_hashes: HashMap<u64, B256>,
}

/// An account with its storage, zeros left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Account {
    info: AccountInfo,
    storage: HashMap<U256, U256, FbBuildHasher<32>>,
}

impl Account {
    fn set_slot(&mut self, slot: U256, value: U256) {
        if value.is_zero() {
            self.storage.remove(&slot);
        } else {
            self.storage.insert(slot, value);
        }
    }
}

/// What execution asked for and a [`MemoryState`] does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MissingState {
    /// No code has this hash.
    #[error("no code with hash {code_hash}")]
    Code {
        /// The hash.
        code_hash: B256,
    },
    /// The hash of this block is not known.
    #[error("no hash of block {number}")]
    BlockHash {
        /// Height of the block.
        number: u64,
    },
}

impl MemoryState {
    /// A state without accounts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an account, keeping the storage that it has.
    pub fn insert_account(&mut self, address: Address, info: AccountInfo) {
        self.accounts.entry(address).or_default().info = info;
    }

    /// Sets a slot; zero clears it. An account that does not exist is created empty.
    pub fn insert_storage(&mut self, address: Address, slot: U256, value: U256) {
        self.accounts.entry(address).or_default().set_slot(slot, value);
    }

    /// Adds code and returns its hash, which is for [`AccountInfo::code_hash`].
    pub fn insert_code(&mut self, code: Bytes) -> B256 {
        if code.is_empty() {
            return KECCAK256_EMPTY;
        }
        let code_hash = alloy_primitives::keccak256(&code);
        self.code.insert(code_hash, code);
        code_hash
    }

    /// Sets the hash of an ancestor.
    pub fn insert_block_hash(&mut self, number: u64, hash: B256) {
        self.block_hashes.insert(number, hash);
    }

    /// Every account that there is, in no order.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        self.accounts.keys().copied()
    }

    /// The slots of an account that are not zero, with their values, in no order.
    pub fn slots(&self, address: Address) -> impl Iterator<Item = (U256, U256)> {
        let account = self.accounts.get(&address);
        account
            .into_iter()
            .flat_map(|account| account.storage.iter().map(|(slot, value)| (*slot, *value)))
    }

    /// Makes the changes of a transaction or block.
    pub fn apply(&mut self, delta: &StateDelta) {
        for (address, change) in &delta.accounts {
            let Some(info) = change.info else {
                self.accounts.remove(address);
                continue;
            };
            let account = self.accounts.entry(*address).or_default();
            account.info = info;
            if change.storage_wiped {
                account.storage.clear();
            }
            for (slot, value) in &change.storage {
                account.set_slot(*slot, *value);
            }
        }
        self.code.extend(delta.code.iter().map(|(hash, code)| (*hash, code.clone())));
    }

    /// The whole state as a change of the state without accounts.
    pub fn to_delta(&self) -> StateDelta {
        let accounts = self.accounts.iter().map(|(address, account)| {
            let storage = account.storage.iter().map(|(slot, value)| (*slot, *value)).collect();
            (*address, AccountDelta { info: Some(account.info), storage_wiped: false, storage })
        });
        let code = self.code.iter().map(|(hash, code)| (*hash, code.clone()));
        StateDelta { accounts: accounts.collect(), code: code.collect() }
    }

    /// What takes the changes of `delta` back once they are made on this state. Code is not forgotten again.
    pub fn inverse(&self, delta: &StateDelta) -> StateDelta {
        let take_back = |(address, change): (&Address, &AccountDelta)| {
            let Some(account) = self.accounts.get(address) else {
                let gone = AccountDelta { storage_wiped: true, ..AccountDelta::default() };
                return (*address, gone);
            };
            let storage_wiped = change.info.is_none() || change.storage_wiped;
            let value = |slot: &U256| account.storage.get(slot).copied().unwrap_or_default();
            let storage = if storage_wiped {
                account.storage.iter().map(|(slot, value)| (*slot, *value)).collect()
            } else {
                change.storage.keys().map(|slot| (*slot, value(slot))).collect()
            };
            (*address, AccountDelta { info: Some(account.info), storage_wiped, storage })
        };
        StateDelta {
            accounts: delta.accounts.iter().map(take_back).collect(),
            ..StateDelta::default()
        }
    }
}

impl StateReader for MemoryState {
    type Error = MissingState;

    #[inline]
    fn account(&self, address: Address) -> Result<Option<AccountInfo>, MissingState> {
        Ok(self.accounts.get(&address).map(|account| account.info))
    }

    #[inline]
    fn storage(&self, address: Address, slot: U256) -> Result<U256, MissingState> {
        let account = self.accounts.get(&address);
        Ok(account.and_then(|account| account.storage.get(&slot)).copied().unwrap_or_default())
    }

    fn has_storage(&self, address: Address) -> Result<bool, MissingState> {
        Ok(self.accounts.get(&address).is_some_and(|account| !account.storage.is_empty()))
    }

    fn code(&self, code_hash: B256) -> Result<Bytes, MissingState> {
        self.code.get(&code_hash).cloned().ok_or(MissingState::Code { code_hash })
    }

    fn block_hash(&self, number: u64) -> Result<B256, MissingState> {
        self.block_hashes.get(&number).copied().ok_or(MissingState::BlockHash { number })
    }
}

#[cfg(test)]
mod tests;
