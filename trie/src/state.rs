//! The state trie: accounts over storage tries.

use std::slice;

use alloy_primitives::{B256, Bytes, map::B256Map};
use braid_precompiles::Crypto;
use braid_primitives::{Address, StateDelta, U256};

mod pending;
#[cfg(test)]
mod tests;

pub use pending::PendingDelta;

use crate::{
    changes::{NodeChanges, Owner},
    error::{NodeRequest, TrieError},
    forest::{Blinded, Forest, Hasher, Reveal, Root, RootJob, Search, TOGETHER, warm},
    nibbles::Nibbles,
    roots::EMPTY_ROOT,
    source::NodeSource,
    value::TrieAccount,
};

/// Forests that the storage tries are spread over, by the last bits of the address hash: each can be hashed by itself.
const SHARDS: usize = 16;

/// The state of a chain as its state root commits to it, known as a whole or in part.
///
/// Changes are the write sets that execution leaves behind ([`StateDelta`]). Nodes that are needed and known by hash only come
/// from a [`NodeSource`], or are asked for step by step ([`Self::apply_pending`]). The root is computed from what changed.
///
/// ```
/// use braid_precompiles::PortableCrypto;
/// use braid_primitives::{AccountDelta, AccountInfo, Address, StateDelta, U256};
/// use braid_trie::{EMPTY_ROOT, NoNodes, StateTrie};
///
/// let crypto = PortableCrypto::new();
/// let mut state = StateTrie::new();
/// let info = AccountInfo { balance: U256::from(7), ..Default::default() };
/// let mut delta = StateDelta::default();
/// let created = AccountDelta { info: Some(info), ..Default::default() };
/// delta.accounts.insert(Address::ZERO, created);
/// state.apply(&delta, &NoNodes, &crypto)?;
/// assert_ne!(state.root(&crypto), EMPTY_ROOT);
///
/// delta.accounts.insert(Address::ZERO, AccountDelta::default());
/// state.apply(&delta, &NoNodes, &crypto)?;
/// assert_eq!(state.root(&crypto), EMPTY_ROOT);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct StateTrie {
    accounts: Forest<TrieAccount>,
    root: Root,
    storages: Vec<Forest<U256>>,
    /// Storage tries that were opened, by hash of the address.
    open: B256Map<Storage>,
    /// Those of them that changed since the root was computed; an account may occur more than once.
    dirty: Vec<B256>,
    changes: Option<Box<NodeChanges>>,
    hasher: Hasher,
}

#[derive(Clone, Copy, Debug)]
struct Storage {
    root: Root,
    is_dirty: bool,
}

fn shard_of(address_hash: &B256) -> usize {
    usize::from(address_hash[31]) % SHARDS
}

/// A storage trie and the forest that it is in.
type StorageIn<'a> = (Root, &'a mut Forest<U256>);

impl Default for StateTrie {
    fn default() -> Self {
        Self::new()
    }
}

impl StateTrie {
    /// A state without accounts.
    pub fn new() -> Self {
        Self::blinded(EMPTY_ROOT)
    }

    /// A state of which only the root is known.
    pub fn blinded(root: B256) -> Self {
        let mut accounts = Forest::default();
        let root = accounts.plant(root);
        Self {
            accounts,
            root,
            storages: vec![Forest::default(); SHARDS],
            open: B256Map::default(),
            dirty: Vec::new(),
            changes: None,
            hasher: Hasher::default(),
        }
    }

    /// The state that a change makes from nothing, known as a whole and hashed.
    pub fn of<C: Crypto>(delta: &StateDelta, crypto: &C) -> Self {
        let mut state = Self::new();
        state.apply_whole(delta, crypto);
        state.root(crypto);
        state
    }

    /// The root after changes, which are not made, of a state that is known as a whole.
    ///
    /// # Panics
    /// If a node is needed that is not revealed.
    pub fn root_with<C: Crypto>(&self, delta: &StateDelta, crypto: &C) -> B256 {
        let mut after = self.clone();
        after.apply_whole(delta, crypto);
        after.root(crypto)
    }

    fn apply_whole<C: Crypto>(&mut self, delta: &StateDelta, crypto: &C) {
        let missing = self.apply_pending(&mut PendingDelta::new(delta, crypto));
        assert!(missing.is_empty(), "a state that should be known as a whole lacks {missing:?}");
    }

    /// Keeps a record of changed nodes from now on, for [`Self::take_node_changes`].
    #[must_use]
    pub fn recording(mut self) -> Self {
        self.changes.get_or_insert_default();
        self
    }

    /// The net changes of nodes since the last call, as of the last time that the root was computed. Empty unless
    /// [`Self::recording`].
    pub fn take_node_changes(&mut self) -> NodeChanges {
        self.changes.as_mut().map(|changes| std::mem::take(&mut **changes)).unwrap_or_default()
    }

    /// Makes the changes of a transaction or block, revealing nodes from `source` as they are needed.
    ///
    /// Values are set before others are removed, so that no node is asked for which the changes taken together do not need.
    ///
    /// # Errors
    /// [`TrieError`], if the source lacks a node, answers with a wrong one or fails; no change is made then.
    pub fn apply<S: NodeSource, C: Crypto>(
        &mut self,
        delta: &StateDelta,
        source: &S,
        crypto: &C,
    ) -> Result<(), TrieError<S::Error>> {
        let mut pending = PendingDelta::new(delta, crypto);
        loop {
            let requests = self.apply_pending(&mut pending);
            if requests.is_empty() {
                return Ok(());
            }
            for request in requests {
                if let Err(error) = self.fetch(request, source, crypto) {
                    self.abort(pending);
                    return Err(error);
                }
            }
        }
    }

    /// The account at `address`.
    ///
    /// # Errors
    /// [`TrieError`], if a node is needed that the source lacks, has wrong or fails to read.
    pub fn account<S: NodeSource, C: Crypto>(
        &mut self,
        address: Address,
        source: &S,
        crypto: &C,
    ) -> Result<Option<TrieAccount>, TrieError<S::Error>> {
        let address_hash = crypto.keccak256(address.as_slice());
        self.hashed_account(address_hash, source, crypto)
    }

    fn hashed_account<S: NodeSource, C: Crypto>(
        &mut self,
        address_hash: B256,
        source: &S,
        crypto: &C,
    ) -> Result<Option<TrieAccount>, TrieError<S::Error>> {
        let key = Nibbles::of_hash(&address_hash);
        loop {
            match self.accounts.read(self.root, &key) {
                Ok(account) => return Ok(account.copied()),
                Err(blinded) => self.fetch(request(Owner::State, blinded), source, crypto)?,
            }
        }
    }

    /// The value of a storage slot; zero for an account that does not exist.
    ///
    /// # Errors
    /// [`TrieError`], if a node is needed that the source lacks, has wrong or fails to read.
    pub fn storage<S: NodeSource, C: Crypto>(
        &mut self,
        address: Address,
        slot: U256,
        source: &S,
        crypto: &C,
    ) -> Result<U256, TrieError<S::Error>> {
        let address_hash = crypto.keccak256(address.as_slice());
        let Some(account) = self.hashed_account(address_hash, source, crypto)? else {
            return Ok(U256::ZERO);
        };
        let key = Nibbles::of_hash(&crypto.keccak256(&slot.to_be_bytes::<32>()).0);
        loop {
            let (root, forest) = self.open_storage(address_hash, account.storage_root);
            match forest.read(root, &key) {
                Ok(value) => return Ok(value.copied().unwrap_or_default()),
                Err(blinded) => {
                    let owner = Owner::Storage(address_hash);
                    self.fetch(request(owner, blinded), source, crypto)?;
                }
            }
        }
    }

    /// Offers the node at `path` of the trie of `owner`. A node of an older state does no harm: what changed since stays.
    ///
    /// # Errors
    /// [`TrieError::BadNode`], if it is not the node whose hash is known, or no node; [`TrieError::Missing`] for a node of
    /// a storage trie whose account is not revealed, so that its root is not known. Nothing changes then.
    pub fn reveal<C: Crypto>(
        &mut self,
        owner: Owner,
        path: &Nibbles,
        encoding: &[u8],
        crypto: &C,
    ) -> Result<Reveal, TrieError<std::convert::Infallible>> {
        if let Owner::Storage(address_hash) = owner {
            let key = Nibbles::of_hash(&address_hash);
            let account = self.accounts.get(self.root, &key);
            let account =
                account.map_err(|blinded| TrieError::Missing(request(Owner::State, blinded)))?;
            let Some(storage_root) = account.map(|account| account.storage_root) else {
                return Ok(Reveal::Gone);
            };
            self.open_storage(address_hash, storage_root);
        }
        self.reveal_in_open(owner, path, encoding, crypto)
    }

    /// Offers the node at `path` of the state trie or of a storage trie that is open.
    fn reveal_in_open<E, C: Crypto>(
        &mut self,
        owner: Owner,
        path: &Nibbles,
        encoding: &[u8],
        crypto: &C,
    ) -> Result<Reveal, TrieError<E>> {
        let revealed = match owner {
            Owner::State => self.accounts.reveal(self.root, path, encoding, crypto),
            Owner::Storage(address_hash) => {
                let Storage { root, .. } = self.open[&address_hash];
                self.storages[shard_of(&address_hash)].reveal(root, path, encoding, crypto)
            }
        };
        revealed.map_err(|fault| TrieError::BadNode { owner, path: *path, fault: Box::new(fault) })
    }

    /// The state root (yellow paper, section 4.1). Hashes what changed since the last call and nothing else.
    ///
    /// # Panics
    /// If a [`PendingDelta`] is only applied in part and the account of a changed storage trie is not.
    pub fn root<C: Crypto>(&mut self, crypto: &C) -> B256 {
        self.hash_storages(crypto);
        let job = RootJob { forest: 0, root: self.root, owner: Owner::State };
        let changes = self.changes.as_deref_mut();
        self.hasher.hash(slice::from_mut(&mut self.accounts), &[job], crypto, changes);
        self.accounts.root_hash(self.root)
    }

    /// Hashes the storage tries that changed, all together, and puts their roots into the accounts.
    fn hash_storages<C: Crypto>(&mut self, crypto: &C) {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable();
        dirty.dedup();
        // An account that was destroyed since has no storage any more.
        dirty.retain(|hash| self.open.get(hash).is_some_and(|storage| storage.is_dirty));
        let jobs: Vec<RootJob> = dirty
            .iter()
            .map(|hash| {
                let owner = Owner::Storage(*hash);
                RootJob { forest: shard_of(hash), root: self.open[hash].root, owner }
            })
            .collect();
        let changes = self.changes.as_deref_mut();
        self.hasher.hash(&mut self.storages, &jobs, crypto, changes);
        for (index, (address_hash, job)) in dirty.iter().zip(&jobs).enumerate() {
            if index % TOGETHER == 0 {
                self.warm_accounts(&dirty[index..dirty.len().min(index + TOGETHER)]);
            }
            let storage_root = self.storages[job.forest].root_hash(job.root);
            let key = Nibbles::of_hash(address_hash);
            let updated = self.accounts.update(self.root, &key, |account| match account {
                Some(account) => TrieAccount { storage_root, ..*account },
                None => unreachable!("an account with storage exists"),
            });
            assert!(updated.is_ok(), "an account is revealed before its storage is changed");
            if let Some(storage) = self.open.get_mut(address_hash) {
                storage.is_dirty = false;
            }
        }
        dirty.clear();
        self.dirty = dirty;
    }

    /// Waits for the memory of a group of accounts at the same time.
    fn warm_accounts(&self, address_hashes: &[B256]) {
        let searches = address_hashes.iter().map(|address_hash| Search {
            forest: &self.accounts,
            root: self.root,
            key: Nibbles::of_hash(address_hash),
        });
        warm(&searches.collect::<Vec<_>>());
    }

    /// Puts hashes in the place of nodes that were not read, written or revealed since the last call, nor in the `keep` periods
    /// between calls before that: for a state that is kept from block to block. Returns the state root, which is computed
    /// first.
    pub fn prune<C: Crypto>(&mut self, keep: u16, crypto: &C) -> B256 {
        let state_root = self.root(crypto);
        self.accounts.prune(self.root, keep);
        let storages = &mut self.storages;
        self.open.retain(|address_hash, storage| {
            let forest = &mut storages[shard_of(address_hash)];
            let is_kept = !forest.is_older_than(storage.root, keep);
            if is_kept {
                forest.prune(storage.root, keep);
            } else {
                forest.uproot(storage.root);
            }
            is_kept
        });
        self.accounts.next_generation();
        self.storages.iter_mut().for_each(Forest::next_generation);
        state_root
    }

    /// Nodes that are revealed; an extension counts with its branch.
    pub fn node_count(&self) -> usize {
        self.accounts.node_count() + self.storages.iter().map(Forest::node_count).sum::<usize>()
    }

    /// Memory in use, free places included.
    pub fn memory_bytes(&self) -> usize {
        let open = self.open.capacity() * size_of::<(B256, Storage)>();
        let storages = self.storages.iter().map(Forest::memory_bytes).sum::<usize>();
        self.accounts.memory_bytes() + storages + open
    }

    /// The nodes on the way to a key of which all are revealed, in a state that is hashed.
    pub(crate) fn path_nodes<C: Crypto>(
        &self,
        owner: Owner,
        key_hash: &B256,
        crypto: &C,
    ) -> Vec<(Nibbles, Bytes)> {
        let key = Nibbles::of_hash(&key_hash.0);
        let nodes = match owner {
            Owner::State => self.accounts.prove(self.root, &key, crypto),
            Owner::Storage(address_hash) => match self.open.get(&address_hash) {
                Some(storage) => {
                    self.storages[shard_of(&address_hash)].prove(storage.root, &key, crypto)
                }
                // The storage of an account that does not exist.
                None => Ok(Vec::new()),
            },
        };
        match nodes {
            Ok(nodes) => nodes,
            Err(_) => unreachable!("the key was read before it is proved"),
        }
    }

    /// The storage trie of an account; `storage_root` is what the account says, for the first time that it is opened.
    fn open_storage(&mut self, address_hash: B256, storage_root: B256) -> StorageIn<'_> {
        let forest = &mut self.storages[shard_of(&address_hash)];
        let storage = self
            .open
            .entry(address_hash)
            .or_insert_with(|| Storage { root: forest.plant(storage_root), is_dirty: false });
        (storage.root, forest)
    }

    /// Reveals one node from a source.
    fn fetch<S: NodeSource, C: Crypto>(
        &mut self,
        wanted: NodeRequest,
        source: &S,
        crypto: &C,
    ) -> Result<(), TrieError<S::Error>> {
        let NodeRequest { owner, path, hash } = wanted;
        let encoding = source.node(owner, &path, hash).map_err(TrieError::Source)?;
        let encoding = encoding.ok_or(TrieError::Missing(wanted))?;
        self.reveal_in_open(owner, &path, &encoding, crypto).map(drop)
    }
}

fn request(owner: Owner, Blinded { path, hash }: Blinded) -> NodeRequest {
    NodeRequest { owner, path, hash }
}
