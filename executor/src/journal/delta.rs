//! Write sets: of everything since the journal was cleared, and of one step.

use std::{collections::BTreeMap, hint::black_box, ops::Range};

use braid_interpreter::{AccountId, SlotId};
use braid_primitives::{AccountDelta, AccountInfo, Address, StateDelta, U256};

use super::{Journal, Slot, undo::Undo};

/// How many accounts are brought from memory at a time.
const FETCHED_TOGETHER: usize = 64;

/// Up to how many entries a map is made one by one.
const FEW: usize = 16;

/// An account at some time.
#[derive(Clone, Copy, Debug)]
struct Past {
    info: AccountInfo,
    exists: bool,
    epoch: u32,
}

/// What a step changed, as it was before the step.
#[derive(Debug, Default)]
struct Originals {
    accounts: BTreeMap<u32, Past>,
    slots: BTreeMap<u32, U256>,
}

impl Journal {
    /// Puts what differs from the state before, between transactions, into an empty write set.
    pub(crate) fn state_delta(&mut self, delta: &mut StateDelta) {
        let lists = self.change_lists.take().unwrap_or_default();
        let mut changes = Changes { journal: self, lists, delta };
        for (id, account) in self.accounts.iter().enumerate() {
            if account.is_loaded {
                changes.record_account(id as u32, account.before(), account.epoch > 0);
            }
        }
        for (id, slot) in self.slots.iter().enumerate() {
            if slot.is_loaded {
                let is_wiped = self.account(slot.key.account()).epoch > 0;
                changes.record_slot(id as u32, slot.before, is_wiped);
            }
        }
        self.change_lists = Some(changes.finish());
    }

    /// What differs from the state before the step, after its last transaction.
    pub(crate) fn step_delta(&self) -> StateDelta {
        let originals = self.originals();
        let mut delta = StateDelta::default();
        let mut changes = Changes { journal: self, lists: Box::default(), delta: &mut delta };
        for (&id, original) in &originals.accounts {
            let epoch = self.account(AccountId(id)).epoch;
            let before = original.exists.then_some(&original.info);
            changes.record_account(id, before, original.epoch != epoch);
        }
        for (&id, &original) in &originals.slots {
            let account = self.slots[id as usize].key.account();
            let past = originals.accounts.get(&account.0);
            let is_wiped = past.is_some_and(|past| past.epoch != self.account(account).epoch);
            changes.record_slot(id, original, is_wiped);
        }
        changes.finish();
        delta
    }

    /// Goes back through the undo log without taking anything back.
    fn originals(&self) -> Originals {
        let mut originals = Originals::default();
        let accounts = &mut originals.accounts;
        let mut past = |id: AccountId, change: &dyn Fn(&mut Past)| {
            let account = self.account(id);
            change(accounts.entry(id.0).or_insert(Past {
                info: account.info,
                exists: account.exists,
                epoch: account.epoch,
            }));
        };
        for change in self.undo.iter().rev() {
            match change {
                Undo::Balance(id, balance) => past(*id, &|past| past.info.balance = *balance),
                Undo::Nonce(id, nonce) => past(*id, &|past| past.info.nonce = *nonce),
                Undo::Code(id, code) => past(*id, &|past| past.info.code_hash = code.0),
                Undo::Exists(id) => past(*id, &|past| past.exists = false),
                Undo::Removed(id, before) => past(*id, &|past| {
                    past.info = before.as_deref().copied().unwrap_or_default();
                    past.exists = before.is_some();
                    past.epoch -= 1;
                }),
                Undo::Slot(SlotId(id), value) => {
                    originals.slots.insert(*id, *value);
                }
                // These end with their transaction.
                Undo::Touch(_)
                | Undo::WarmAccount(_)
                | Undo::WarmSlot(_)
                | Undo::Transient(..)
                | Undo::Created(..)
                | Undo::Destroyed(_) => {}
            }
        }
        originals
    }
}

/// What is to be in a write set. The maps are made at the end, from sorted lists: that takes a fraction of the time of adding
/// to them one by one.
struct Changes<'j> {
    journal: &'j Journal,
    lists: Box<ChangeLists>,
    delta: &'j mut StateDelta,
}

/// The lists of [`Changes`], kept for the next write set.
#[derive(Debug, Default)]
pub(super) struct ChangeLists {
    /// In ascending order of id until all are there.
    accounts: Vec<AccountChange>,
    /// Ids of slots.
    slots: Vec<u32>,
}

#[derive(Debug)]
struct AccountChange {
    /// The first bytes of the address, which nearly always decide about the order.
    leading_bytes: u64,
    id: u32,
    storage_wiped: bool,
    /// Which of the sorted slots are its own.
    slots: Range<u32>,
}

impl<'j> Changes<'j> {
    /// Adds an account, if it is not what it was, or lost the storage that it had. Accounts come in ascending order of id.
    fn record_account(&mut self, id: u32, before: Option<&AccountInfo>, is_wiped: bool) {
        let account = self.journal.account(AccountId(id));
        let after = account.exists.then_some(&account.info);
        let storage_wiped = is_wiped && before.is_some();
        if after == before && !storage_wiped {
            return;
        }
        let leading_bytes = leading_bytes(&account.address);
        self.lists.accounts.push(AccountChange { leading_bytes, id, storage_wiped, slots: 0..0 });
        let hash = account.info.code_hash;
        let is_new = before.is_none_or(|before| before.code_hash != hash);
        if let Some(code) = account.code().filter(|code| is_new && !code.is_empty()) {
            self.delta.code.insert(hash, code.bytes().to_vec().into());
        }
    }

    /// Adds a slot of an account that exists, if it is not what it was; or, in storage that was wiped, if it is not zero.
    fn record_slot(&mut self, id: u32, before: U256, is_wiped: bool) {
        let slot = &self.journal.slots[id as usize];
        let account = self.journal.account(slot.key.account());
        let before = if is_wiped { U256::ZERO } else { before };
        if slot.current != before && slot.epoch == account.epoch && account.exists {
            self.lists.slots.push(id);
        }
    }

    fn slot(&self, id: u32) -> &'j Slot {
        &self.journal.slots[id as usize]
    }

    /// Sorts the slots and gives each account its own, also those accounts of which nothing else changed.
    fn distribute_slots(&mut self) {
        let journal = self.journal;
        let account_of = |id: u32| journal.slots[id as usize].key.account().0;
        let ChangeLists { accounts, slots } = &mut *self.lists;
        slots.sort_unstable_by_key(|&id| (account_of(id), journal.slots[id as usize].key.key()));
        let known = accounts.len();
        let (mut start, mut next) = (0, 0);
        for group in slots.chunk_by(|&a, &b| account_of(a) == account_of(b)) {
            let id = account_of(group[0]);
            let own = start..start + group.len() as u32;
            start = own.end;
            while next < known && accounts[next].id < id {
                next += 1;
            }
            match accounts[..known].get_mut(next).filter(|change| change.id == id) {
                Some(change) => change.slots = own,
                None => accounts.push(AccountChange {
                    leading_bytes: leading_bytes(&journal.account(AccountId(id)).address),
                    id,
                    storage_wiped: false,
                    slots: own,
                }),
            }
        }
    }

    /// Makes the write set; returns the lists, empty.
    fn finish(mut self) -> Box<ChangeLists> {
        self.distribute_slots();
        let journal = self.journal;
        let address = |change: &AccountChange| &journal.account(AccountId(change.id)).address;
        self.lists.accounts.sort_unstable_by(|a, b| {
            let by_leading_bytes = a.leading_bytes.cmp(&b.leading_bytes);
            by_leading_bytes.then_with(|| address(a).cmp(address(b)))
        });
        self.add_accounts();
        self.lists.accounts.clear();
        self.lists.slots.clear();
        self.lists
    }

    fn add_accounts(&mut self) {
        let changes = &self.lists.accounts;
        if changes.len() <= FEW {
            for change in changes {
                let (address, delta) = self.delta_of(change);
                self.delta.accounts.insert(address, delta);
            }
            return;
        }
        let mut accounts = Vec::with_capacity(changes.len());
        for changes in changes.chunks(FETCHED_TOGETHER) {
            black_box(changes.iter().fold(0, |all, change| all ^ self.fetch(change)));
            accounts.extend(changes.iter().map(|change| self.delta_of(change)));
        }
        self.delta.accounts = sorted_map(accounts.into_iter());
    }

    fn delta_of(&self, change: &AccountChange) -> (Address, AccountDelta) {
        let account = self.journal.account(AccountId(change.id));
        let slots = &self.lists.slots[change.slots.start as usize..change.slots.end as usize];
        let storage = slots.iter().map(|&id| (self.slot(id).key.key(), self.slot(id).current));
        let delta = AccountDelta {
            info: account.exists.then_some(account.info),
            storage_wiped: change.storage_wiped,
            storage: sorted_map(storage),
        };
        (account.address, delta)
    }

    /// Brings what [`Self::delta_of`] needs from memory. In order of address accounts lie all over it, and waiting for many at
    /// once takes hardly longer than waiting for one.
    fn fetch(&self, change: &AccountChange) -> u64 {
        let account = self.journal.account(AccountId(change.id));
        let info = &account.info;
        let ends = account.address[0] ^ info.code_hash[31] ^ u8::from(account.exists);
        u64::from(ends) ^ info.nonce ^ info.balance.as_limbs()[0]
    }
}

/// A map of entries that come in order. Building it from a list is quicker than adding to it, unless they are few.
fn sorted_map<K: Ord, V>(entries: impl ExactSizeIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    if entries.len() > FEW {
        return entries.collect();
    }
    let mut map = BTreeMap::new();
    map.extend(entries);
    map
}

/// The first eight bytes, in an order that agrees with that of addresses.
fn leading_bytes(address: &Address) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&address[..8]);
    u64::from_be_bytes(bytes)
}
