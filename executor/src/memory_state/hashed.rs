//! Roots of many deltas on one state.

use alloy_primitives::map::HashMap;
use alloy_rlp::{Encodable, Header};
use braid_precompiles::Crypto;
use braid_primitives::{AccountDelta, AccountInfo, Address, B256, StateDelta, U256};

use super::{Account, MemoryState};
use crate::merkle::sorted_root;

/// The leaves of a state's tries, sorted: gives the root of the state with a delta on top, without copying the state or
/// hashing again what the delta leaves alone.
///
/// Hashes of addresses and slots are remembered over calls, those that only occur in deltas too.
#[derive(Clone, Debug)]
pub struct HashedState {
    /// Sorted by hash of the address.
    accounts: Vec<HashedAccount>,
    address_hashes: HashMap<Address, B256>,
    slot_hashes: HashMap<U256, B256>,
}

#[derive(Clone, Debug)]
struct HashedAccount {
    address_hash: B256,
    leaf: AccountLeaf,
    storage_root: B256,
    /// Sorted by hash of the slot; no zeros.
    storage: Vec<(B256, U256)>,
}

impl HashedState {
    /// Hashes a state.
    pub fn new(state: &MemoryState, crypto: &impl Crypto) -> Self {
        let mut hashed = Self {
            accounts: Vec::with_capacity(state.accounts.len()),
            address_hashes: HashMap::default(),
            slot_hashes: HashMap::default(),
        };
        for (address, account) in &state.accounts {
            let account = hashed.hash_account(*address, account, crypto);
            hashed.accounts.push(account);
        }
        hashed.accounts.sort_unstable_by_key(|account| account.address_hash);
        hashed
    }

    /// Root of the state itself.
    pub fn root(&self, crypto: &impl Crypto) -> B256 {
        let leaves = self.accounts.iter().map(|account| (account.address_hash, &account.leaf));
        sorted_root(|bytes| crypto.keccak256(bytes), leaves)
    }

    /// Root of the state after the changes, which are not made.
    pub fn root_with(&mut self, delta: &StateDelta, crypto: &impl Crypto) -> B256 {
        let mut changes: Vec<(B256, Option<AccountLeaf>)> = delta
            .accounts
            .iter()
            .map(|(address, change)| self.changed_leaf(*address, change, crypto))
            .collect();
        changes.sort_unstable_by_key(|(address_hash, _)| *address_hash);
        let base = self.accounts.iter().map(|account| (account.address_hash, &account.leaf));
        let changes = changes.iter().map(|(hash, leaf)| (*hash, leaf.as_ref()));
        sorted_root(|bytes| crypto.keccak256(bytes), overlay(base, changes))
    }

    fn hash_account(
        &mut self,
        address: Address,
        account: &Account,
        crypto: &impl Crypto,
    ) -> HashedAccount {
        let mut storage: Vec<(B256, U256)> = account
            .storage
            .iter()
            .map(|(slot, value)| (self.slot_hash(*slot, crypto), *value))
            .collect();
        storage.sort_unstable_by_key(|(slot_hash, _)| *slot_hash);
        let storage_root = storage_root(storage.iter().copied(), crypto);
        HashedAccount {
            address_hash: self.address_hash(address, crypto),
            leaf: AccountLeaf::new(&account.info, storage_root),
            storage_root,
            storage,
        }
    }

    /// What a change leaves at the place of an account in the trie; nothing if the account is gone.
    fn changed_leaf(
        &mut self,
        address: Address,
        change: &AccountDelta,
        crypto: &impl Crypto,
    ) -> (B256, Option<AccountLeaf>) {
        let address_hash = self.address_hash(address, crypto);
        let Some(info) = change.info else { return (address_hash, None) };
        let mut slots: Vec<(B256, Option<U256>)> = change
            .storage
            .iter()
            .map(|(slot, value)| {
                (self.slot_hash(*slot, crypto), (!value.is_zero()).then_some(*value))
            })
            .collect();
        slots.sort_unstable_by_key(|(slot_hash, _)| *slot_hash);
        let before = self
            .accounts
            .binary_search_by_key(&address_hash, |account| account.address_hash)
            .ok()
            .map(|index| &self.accounts[index])
            .filter(|_| !change.storage_wiped);
        let root = match before {
            Some(account) if slots.is_empty() => account.storage_root,
            Some(account) => storage_root(overlay(account.storage.iter().copied(), slots), crypto),
            None => storage_root(overlay([], slots), crypto),
        };
        (address_hash, Some(AccountLeaf::new(&info, root)))
    }

    fn address_hash(&mut self, address: Address, crypto: &impl Crypto) -> B256 {
        let hash = || crypto.keccak256(address.as_slice());
        *self.address_hashes.entry(address).or_insert_with(hash)
    }

    fn slot_hash(&mut self, slot: U256, crypto: &impl Crypto) -> B256 {
        let hash = || crypto.keccak256(&slot.to_be_bytes::<32>());
        *self.slot_hashes.entry(slot).or_insert_with(hash)
    }
}

/// Root of the storage trie of an account. The slots are sorted and not zero.
fn storage_root(slots: impl Iterator<Item = (B256, U256)>, crypto: &impl Crypto) -> B256 {
    sorted_root(
        |bytes| crypto.keccak256(bytes),
        slots.map(|(slot_hash, value)| (slot_hash, alloy_rlp::encode_fixed_size(&value))),
    )
}

/// The sorted entries of `base` with the sorted `changes` on top: each sets the value of its key, or removes it.
fn overlay<V>(
    base: impl IntoIterator<Item = (B256, V)>,
    changes: impl IntoIterator<Item = (B256, Option<V>)>,
) -> impl Iterator<Item = (B256, V)> {
    let mut base = base.into_iter().peekable();
    let mut changes = changes.into_iter().peekable();
    std::iter::from_fn(move || {
        loop {
            let Some((key, _)) = changes.peek() else { return base.next() };
            if let Some(entry) = base.next_if(|(base_key, _)| base_key < key) {
                return Some(entry);
            }
            // What the change replaces, if anything, is dropped.
            base.next_if(|(base_key, _)| base_key == key);
            if let (key, Some(value)) = changes.next()? {
                return Some((key, value));
            }
        }
    })
}

/// Most bytes of an account in the trie: a list header of 2, a nonce of 9, a balance of 33 and two hashes of 33.
const MAX_LEAF_BYTES: usize = 2 + 9 + 33 + 33 + 33;

/// An account as the state trie holds it: the RLP list of nonce, balance, storage root and code hash.
#[derive(Clone, Debug)]
struct AccountLeaf {
    bytes: [u8; MAX_LEAF_BYTES],
    length: usize,
}

impl AccountLeaf {
    fn new(info: &AccountInfo, storage_root: B256) -> Self {
        let payload_length = info.nonce.length()
            + info.balance.length()
            + storage_root.length()
            + info.code_hash.length();
        let mut bytes = [0; MAX_LEAF_BYTES];
        let mut free = &mut bytes[..];
        Header { list: true, payload_length }.encode(&mut free);
        info.nonce.encode(&mut free);
        info.balance.encode(&mut free);
        storage_root.encode(&mut free);
        info.code_hash.encode(&mut free);
        let length = MAX_LEAF_BYTES - free.len();
        Self { bytes, length }
    }
}

impl AsRef<[u8]> for AccountLeaf {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
