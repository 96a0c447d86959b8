//! A write set on its way into the state trie.

use alloy_primitives::B256;
use braid_precompiles::Crypto;
use braid_primitives::{AccountDelta, AccountInfo, StateDelta, U256};

use super::{StateTrie, Storage, request, shard_of};
use crate::{
    changes::Owner,
    error::NodeRequest,
    forest::{Search, TOGETHER, warm},
    nibbles::Nibbles,
    roots::EMPTY_ROOT,
    value::TrieAccount,
};

/// The changes of a [`StateDelta`] that are still to be made, keys hashed, and how to take back those that were.
#[derive(Clone, Debug)]
pub struct PendingDelta {
    /// Sorted by hash of the address, so that neighbours are visited together.
    accounts: Vec<PendingAccount>,
    undo: Vec<Undo>,
}

#[derive(Clone, Debug)]
struct PendingAccount {
    address_hash: B256,
    /// The account afterwards; none if it is to be removed.
    info: Option<AccountInfo>,
    storage_wiped: bool,
    /// Whether nothing is left to be done.
    is_done: bool,
    /// Whether `info` is in the trie, and with it what the storage writes need to know.
    is_written: bool,
    /// Root of the storage that the writes apply to; meaningful once `is_written`.
    storage_root: B256,
    /// Slots to be set, then slots to be cleared, by hash.
    writes: Vec<(B256, U256)>,
    clears: Vec<B256>,
}

/// How to take a change back.
#[derive(Clone, Debug)]
enum Undo {
    Account(B256, Option<TrieAccount>),
    Slot(B256, B256, Option<U256>),
    /// The storage trie was put aside; it may not have been open.
    Storage(B256, Option<Storage>),
}

impl PendingDelta {
    /// Hashes the keys of a write set.
    pub fn new<C: Crypto>(delta: &StateDelta, crypto: &C) -> Self {
        let addresses: Vec<&[u8]> = delta.accounts.keys().map(|a| a.as_slice()).collect();
        let mut address_hashes = vec![B256::ZERO; addresses.len()];
        crypto.keccak256_batch(&addresses, &mut address_hashes);
        let slots = delta.accounts.values().flat_map(|account| account.storage.keys());
        let slots: Vec<[u8; 32]> = slots.map(|slot| slot.to_be_bytes::<32>()).collect();
        let slot_bytes: Vec<&[u8]> = slots.iter().map(|slot| &slot[..]).collect();
        let mut slot_hashes = vec![B256::ZERO; slots.len()];
        crypto.keccak256_batch(&slot_bytes, &mut slot_hashes);
        let mut slot_hashes = &slot_hashes[..];
        let mut accounts = Vec::with_capacity(addresses.len());
        for (address_hash, change) in address_hashes.into_iter().zip(delta.accounts.values()) {
            let (own, rest) = slot_hashes.split_at(change.storage.len());
            slot_hashes = rest;
            accounts.push(PendingAccount::new(address_hash, change, own));
        }
        accounts.sort_unstable_by_key(|account| account.address_hash);
        Self { accounts, undo: Vec::new() }
    }
}

impl PendingAccount {
    fn new(address_hash: B256, change: &AccountDelta, slot_hashes: &[B256]) -> Self {
        let (mut writes, mut clears) = (Vec::new(), Vec::new());
        // What an account had goes with it.
        let slots =
            change.info.iter().flat_map(|_| slot_hashes.iter().zip(change.storage.values()));
        for (slot_hash, value) in slots {
            if value.is_zero() {
                clears.push(*slot_hash);
            } else {
                writes.push((*slot_hash, *value));
            }
        }
        if change.storage_wiped {
            clears.clear();
        }
        writes.sort_unstable_by_key(|(slot_hash, _)| *slot_hash);
        clears.sort_unstable();
        Self {
            address_hash,
            info: change.info,
            storage_wiped: change.storage_wiped,
            is_done: false,
            is_written: false,
            storage_root: EMPTY_ROOT,
            writes,
            clears,
        }
    }
}

impl StateTrie {
    /// Makes those of the pending changes that can be made, and returns the nodes that the others need, each once: reveal them
    /// ([`Self::reveal`]) and call again. An empty list says that all is done.
    ///
    /// Until then the state is neither the one before nor the one after: do not ask for its root, and do not prune.
    /// [`Self::abort`] leads back.
    pub fn apply_pending(&mut self, pending: &mut PendingDelta) -> Vec<NodeRequest> {
        let mut requests = Vec::new();
        let PendingDelta { accounts, undo } = pending;
        for group in accounts.chunks_mut(TOGETHER) {
            self.warm_for(group);
            for account in group {
                if account.info.is_none() {
                    self.look_for(account, &mut requests);
                } else {
                    account.is_done = self.write(account, undo, &mut requests);
                }
            }
        }
        if requests.is_empty() {
            for account in accounts.iter_mut().filter(|account| account.info.is_none()) {
                account.is_done = self.remove_account(account, undo, &mut requests);
            }
        }
        accounts.retain(|account| !account.is_done);
        if accounts.is_empty() {
            self.commit(undo);
        }
        requests.sort_unstable();
        requests.dedup();
        requests
    }

    /// Waits for the memory of all that a group of accounts changes at the same time.
    fn warm_for(&self, group: &[PendingAccount]) {
        if group.len() < TOGETHER {
            return;
        }
        let address_hashes: Vec<B256> = group.iter().map(|account| account.address_hash).collect();
        self.warm_accounts(&address_hashes);
        let mut searches = Vec::with_capacity(TOGETHER);
        for account in group {
            let Some(storage) = self.open.get(&account.address_hash) else { continue };
            let forest = &self.storages[shard_of(&account.address_hash)];
            let written = account.writes.iter().map(|(slot_hash, _)| slot_hash);
            for slot_hash in written.chain(&account.clears) {
                let key = Nibbles::of_hash(slot_hash);
                searches.push(Search { forest, root: storage.root, key });
                if searches.len() == TOGETHER {
                    warm(&searches);
                    searches.clear();
                }
            }
        }
        warm(&searches);
    }

    /// Takes back what was applied. Revealed nodes stay revealed.
    ///
    /// Nothing of it is recorded: what was made since is stored nowhere, and what was removed is dirty again, so that hashing
    /// records it as it is.
    pub fn abort(&mut self, pending: PendingDelta) {
        for change in pending.undo.into_iter().rev() {
            match change {
                Undo::Account(address_hash, previous) => {
                    self.restore_account(address_hash, previous);
                }
                Undo::Slot(address_hash, slot_hash, previous) => {
                    self.restore_slot(address_hash, slot_hash, previous);
                }
                Undo::Storage(address_hash, previous) => {
                    let forest = &mut self.storages[shard_of(&address_hash)];
                    if let Some(current) = self.open.remove(&address_hash) {
                        forest.uproot(current.root);
                    }
                    if let Some(previous) = previous {
                        self.open.insert(address_hash, previous);
                    }
                }
            }
        }
    }

    /// Asks for what stands between the root and an account that is to be removed.
    fn look_for(&self, account: &PendingAccount, requests: &mut Vec<NodeRequest>) {
        let key = Nibbles::of_hash(&account.address_hash);
        if let Err(blinded) = self.accounts.get(self.root, &key) {
            requests.push(request(Owner::State, blinded));
        }
    }

    /// Writes an account and its storage. Returns whether nothing is left to be done.
    fn write(
        &mut self,
        pending: &mut PendingAccount,
        undo: &mut Vec<Undo>,
        requests: &mut Vec<NodeRequest>,
    ) -> bool {
        if !pending.is_written {
            if let Err(wanted) = self.write_account(pending, undo) {
                requests.push(wanted);
                return false;
            }
            pending.is_written = true;
        }
        if pending.writes.is_empty() && pending.clears.is_empty() {
            return true;
        }
        let address_hash = pending.address_hash;
        let before = undo.len();
        self.write_slots(pending, undo, requests);
        if undo.len() > before {
            self.mark_storage(address_hash);
        }
        pending.writes.is_empty() && pending.clears.is_empty()
    }

    fn write_account(
        &mut self,
        pending: &mut PendingAccount,
        undo: &mut Vec<Undo>,
    ) -> Result<(), NodeRequest> {
        let Some(info) = pending.info else { unreachable!("the account is not to be removed") };
        let address_hash = pending.address_hash;
        let key = Nibbles::of_hash(&address_hash);
        let (root, is_wiped) = (self.root, pending.storage_wiped);
        let mut storage_root = EMPTY_ROOT;
        let written = self.accounts.update(root, &key, |account| {
            if let Some(account) = account.filter(|_| !is_wiped) {
                storage_root = account.storage_root;
            }
            TrieAccount::new(&info, storage_root)
        });
        let previous = written.map_err(|blinded| request(Owner::State, blinded))?;
        pending.storage_root = storage_root;
        undo.push(Undo::Account(address_hash, previous));
        if is_wiped {
            self.put_storage_aside(address_hash, undo);
        }
        Ok(())
    }

    /// Sets slots, and once all are set clears others. What is done is taken from the list.
    fn write_slots(
        &mut self,
        pending: &mut PendingAccount,
        undo: &mut Vec<Undo>,
        requests: &mut Vec<NodeRequest>,
    ) {
        let address_hash = pending.address_hash;
        let owner = Owner::Storage(address_hash);
        let (root, forest) = self.open_storage(address_hash, pending.storage_root);
        // Whether the slot has to wait; if not, what it takes to undo the change is noted.
        let mut must_wait = |slot_hash: &B256, value, changed, requests: &mut Vec<_>| {
            match changed {
                Ok(previous) if previous == value => {}
                Ok(previous) => undo.push(Undo::Slot(address_hash, *slot_hash, previous)),
                Err(blinded) => {
                    requests.push(request(owner, blinded));
                    return true;
                }
            }
            false
        };
        pending.writes.retain(|(slot_hash, value)| {
            let written = forest.update(root, &Nibbles::of_hash(slot_hash), |_| *value);
            must_wait(slot_hash, Some(*value), written, requests)
        });
        if !pending.writes.is_empty() {
            for slot_hash in &pending.clears {
                if let Err(blinded) = forest.get(root, &Nibbles::of_hash(slot_hash)) {
                    requests.push(request(owner, blinded));
                }
            }
            return;
        }
        let forest = &mut self.storages[shard_of(&address_hash)];
        let changes = &mut self.changes;
        pending.clears.retain(|slot_hash| {
            let key = Nibbles::of_hash(slot_hash);
            let removed = forest.remove(root, &key, owner, changes.as_deref_mut());
            must_wait(slot_hash, None, removed, requests)
        });
    }

    /// Removes an account. Returns whether that is done.
    fn remove_account(
        &mut self,
        pending: &PendingAccount,
        undo: &mut Vec<Undo>,
        requests: &mut Vec<NodeRequest>,
    ) -> bool {
        let address_hash = pending.address_hash;
        let key = Nibbles::of_hash(&address_hash);
        let (root, changes) = (self.root, self.changes.as_deref_mut());
        match self.accounts.remove(root, &key, Owner::State, changes) {
            Ok(None) => true,
            Ok(previous) => {
                undo.push(Undo::Account(address_hash, previous));
                self.put_storage_aside(address_hash, undo);
                true
            }
            Err(blinded) => {
                requests.push(request(Owner::State, blinded));
                false
            }
        }
    }

    /// The account goes on without the storage that it had.
    fn put_storage_aside(&mut self, address_hash: B256, undo: &mut Vec<Undo>) {
        undo.push(Undo::Storage(address_hash, self.open.remove(&address_hash)));
    }

    fn mark_storage(&mut self, address_hash: B256) {
        if let Some(storage) = self.open.get_mut(&address_hash)
            && !storage.is_dirty
        {
            storage.is_dirty = true;
            self.dirty.push(address_hash);
        }
    }

    /// Makes what was applied final.
    fn commit(&mut self, undo: &mut Vec<Undo>) {
        for change in undo.drain(..) {
            let Undo::Storage(address_hash, previous) = change else { continue };
            if let Some(previous) = previous {
                self.storages[shard_of(&address_hash)].uproot(previous.root);
            }
            if let Some(changes) = &mut self.changes {
                changes.clear(address_hash);
            }
        }
    }

    fn restore_account(&mut self, address_hash: B256, previous: Option<TrieAccount>) {
        let key = Nibbles::of_hash(&address_hash);
        let root = self.root;
        let accounts = &mut self.accounts;
        let restored = match previous {
            Some(previous) => accounts.update(root, &key, |_| previous),
            None => {
                if let Some(storage) = self.open.remove(&address_hash) {
                    self.storages[shard_of(&address_hash)].uproot(storage.root);
                }
                accounts.remove(root, &key, Owner::State, None)
            }
        };
        // A change revealed everything that taking it back needs.
        assert!(restored.is_ok(), "an account that was written can be restored");
    }

    fn restore_slot(&mut self, address_hash: B256, slot_hash: B256, previous: Option<U256>) {
        let Some(Storage { root, .. }) = self.open.get(&address_hash).copied() else {
            unreachable!("a storage trie that was written is open")
        };
        let key = Nibbles::of_hash(&slot_hash);
        let owner = Owner::Storage(address_hash);
        let forest = &mut self.storages[shard_of(&address_hash)];
        let restored = match previous {
            Some(previous) => forest.update(root, &key, |_| previous),
            None => forest.remove(root, &key, owner, None),
        };
        assert!(restored.is_ok(), "a slot that was written can be restored");
    }
}
