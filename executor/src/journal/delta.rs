//! Write sets: of everything since the journal was cleared, and of one step.

use std::hint::black_box;

use braid_interpreter::{AccountId, SlotId};
use braid_primitives::{AccountDelta, AccountInfo, Address, SortedMap, StateDelta, U256};

use super::{
    Journal, NEVER, Slot,
    undo::{Replaced, Undo},
};

/// How many accounts are brought from memory at a time.
const FETCHED_TOGETHER: usize = 64;

/// From how many accounts on they are spread over buckets before they are sorted.
const MANY: usize = 1024;

/// Bits of the address that choose the bucket.
const BUCKET_BITS: u32 = 12;

/// An account at some time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub(super) info: AccountInfo,
    pub(super) exists: bool,
    pub(super) epoch: u32,
}

impl Past {
    /// Takes back a change of this account.
    fn take_back(&mut self, change: Undo, replaced: &Replaced) {
        match change {
            Undo::Balance(_, balance) => self.info.balance = balance,
            Undo::Nonce(_, nonce) => self.info.nonce = nonce,
            Undo::Code(_, position) => {
                self.info.code_hash = replaced.codes[position as usize].0;
            }
            Undo::Exists(_) => self.exists = false,
            Undo::Cleared(_) => self.come_back(AccountInfo::default()),
            Undo::Removed(_, position) => self.come_back(replaced.infos[position as usize]),
            _ => {}
        }
    }

    fn come_back(&mut self, info: AccountInfo) {
        self.info = info;
        self.exists = true;
        self.epoch -= 1;
    }
}

/// What a step changed, as it was before the step: by id, in ascending order.
#[derive(Debug, Default)]
pub(super) struct Originals {
    pub(super) accounts: Vec<(u32, Past)>,
    slots: Vec<(u32, U256)>,
}

impl Originals {
    /// The account, if the step changed it.
    fn account(&self, id: AccountId) -> Option<&Past> {
        let position = self.accounts.binary_search_by_key(&id.0, |(id, _)| *id).ok()?;
        Some(&self.accounts[position].1)
    }

    /// The slots that the step changed, each with what it was before the step, and whether the step has wiped the storage.
    pub(super) fn written_slots(
        &self,
        journal: &Journal,
    ) -> impl Iterator<Item = (SlotId, U256, bool)> {
        self.slots.iter().map(|(id, original)| {
            let account = journal.slots[*id as usize].key.account();
            let past = self.account(account);
            let is_wiped = past.is_some_and(|past| past.epoch != journal.account(account).epoch);
            (SlotId(*id), *original, is_wiped)
        })
    }
}

impl Journal {
    /// Puts what differs from the state before, between transactions, into an empty write set.
    pub(crate) fn state_delta(&mut self, delta: &mut StateDelta) {
        let lists = self.change_lists.take().unwrap_or_default();
        let mut changes = Changes { journal: self, lists, delta };
        for (id, (account, before)) in self.accounts.iter().zip(&self.before).enumerate() {
            if account.is_loaded && (account.was_touched || account.epoch > 0) {
                let before = account.existed.then_some(before);
                changes.record_account(id as u32, before, account.epoch > 0);
            }
        }
        for (id, slot) in self.slots.iter().enumerate() {
            if slot.is_loaded && slot.written != NEVER {
                let is_wiped = self.account(slot.key.account()).epoch > 0;
                changes.record_slot(SlotId(id as u32), slot.before, is_wiped);
            }
        }
        self.change_lists = Some(changes.finish());
    }

    /// What differs from the state before the step, after its last transaction.
    pub(crate) fn step_delta(&self) -> StateDelta {
        let originals = self.originals();
        let mut delta = StateDelta::default();
        let mut changes = Changes { journal: self, lists: Box::default(), delta: &mut delta };
        for (id, original) in &originals.accounts {
            let epoch = self.account(AccountId(*id)).epoch;
            let before = original.exists.then_some(&original.info);
            changes.record_account(*id, before, original.epoch != epoch);
        }
        for (id, original, is_wiped) in originals.written_slots(self) {
            changes.record_slot(id, original, is_wiped);
        }
        changes.finish();
        delta
    }

    /// Goes back through the undo log without taking anything back.
    pub(super) fn originals(&self) -> Originals {
        // Ids, each with the position of a change: sorting gathers the changes of one account or slot, in their order.
        let (mut accounts, mut slots) = (Vec::new(), Vec::new());
        for (position, change) in self.undo.iter().enumerate() {
            let entry = |id: u32| u64::from(id) << 32 | position as u64;
            match change {
                Undo::Balance(AccountId(id), _)
                | Undo::Nonce(AccountId(id), _)
                | Undo::Code(AccountId(id), _)
                | Undo::Exists(AccountId(id))
                | Undo::Cleared(AccountId(id))
                | Undo::Removed(AccountId(id), _) => accounts.push(entry(*id)),
                Undo::Slot(SlotId(id), _) => slots.push(entry(*id)),
                // These end with their transaction.
                Undo::Touch(_)
                | Undo::WarmAccount(_)
                | Undo::WarmSlot(_)
                | Undo::Transient(..)
                | Undo::Created(..)
                | Undo::Destroyed(_) => {}
            }
        }
        accounts.sort_unstable();
        slots.sort_unstable();
        let id = |entry: u64| (entry >> 32) as u32;
        let change = |entry: u64| self.undo[entry as u32 as usize];
        let by_id = |a: &u64, b: &u64| id(*a) == id(*b);
        let past = |entries: &[u64]| {
            let id = id(entries[0]);
            let account = self.account(AccountId(id));
            let (info, exists, epoch) = (account.info, account.exists, account.epoch);
            let mut past = Past { info, exists, epoch };
            let changes = entries.iter().rev().map(|entry| change(*entry));
            changes.for_each(|change| past.take_back(change, &self.replaced));
            (id, past)
        };
        // What a slot was before the first change is what it was before the step.
        let value = |entries: &[u64]| match change(entries[0]) {
            Undo::Slot(SlotId(id), value) => Some((id, value)),
            _ => None,
        };
        Originals {
            accounts: accounts.chunk_by(by_id).map(past).collect(),
            slots: slots.chunk_by(by_id).filter_map(value).collect(),
        }
    }
}

/// What is to be in a write set. What changed is gathered and sorted by id first, because accounts are large.
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
    /// Where accounts are spread to.
    spread: Vec<AccountChange>,
    /// Ids of slots.
    slots: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct AccountChange {
    /// The first bytes of the address, which nearly always decide about the order.
    leading_bytes: u64,
    id: u32,
    storage_wiped: bool,
    /// Which of the sorted slots are its own: from here to there.
    slots: (u32, u32),
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
        self.lists.accounts.push(AccountChange { leading_bytes, id, storage_wiped, slots: (0, 0) });
        let hash = account.info.code_hash;
        let is_new = before.is_none_or(|before| before.code_hash != hash);
        if let Some(code) = account.code().filter(|code| is_new && !code.is_empty()) {
            self.delta.code.insert(hash, code.bytes().to_vec().into());
        }
    }

    /// Adds a slot, if it has [changed](Journal::changed_slot).
    fn record_slot(&mut self, id: SlotId, before: U256, is_wiped: bool) {
        if self.journal.changed_slot(id, before, is_wiped).is_some() {
            self.lists.slots.push(id.0);
        }
    }

    fn slot(&self, id: u32) -> &'j Slot {
        &self.journal.slots[id as usize]
    }

    /// Sorts the slots and gives each account its own, also those accounts of which nothing else changed.
    fn distribute_slots(&mut self) {
        let journal = self.journal;
        let account_of = |id: u32| journal.slots[id as usize].key.account().0;
        let ChangeLists { accounts, slots, .. } = &mut *self.lists;
        if slots.is_empty() {
            return;
        }
        slots.sort_unstable_by_key(|&id| (account_of(id), journal.slots[id as usize].key.key()));
        let known = accounts.len();
        let (mut start, mut next) = (0, 0);
        for group in slots.chunk_by(|&a, &b| account_of(a) == account_of(b)) {
            let id = account_of(group[0]);
            let own = (start, start + group.len() as u32);
            start = own.1;
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
        self.sort_accounts();
        self.add_accounts();
        self.lists.accounts.clear();
        self.lists.slots.clear();
        self.lists
    }

    /// Sorts the accounts by address.
    fn sort_accounts(&mut self) {
        if self.lists.accounts.len() < MANY {
            sort(self.journal, &mut self.lists.accounts);
        } else {
            self.sort_many_accounts();
        }
    }

    /// Spreads the accounts over buckets first, so that what is left to be sorted fits the cache. A function of its own,
    /// because its frame has four pages: small write sets would touch each of them.
    #[inline(never)]
    fn sort_many_accounts(&mut self) {
        let ChangeLists { accounts, spread, .. } = &mut *self.lists;
        let bucket = |change: &AccountChange| (change.leading_bytes >> (64 - BUCKET_BITS)) as usize;
        // First the length of each bucket, then its start, and in the end its end.
        let mut bounds = [0_u32; 1 << BUCKET_BITS];
        accounts.iter().for_each(|change| bounds[bucket(change)] += 1);
        let mut start = 0;
        for bound in &mut bounds {
            start += std::mem::replace(bound, start);
        }
        spread.resize(accounts.len(), AccountChange::default());
        for change in &*accounts {
            let place = &mut bounds[bucket(change)];
            spread[*place as usize] = *change;
            *place += 1;
        }
        let mut start = 0;
        for end in bounds {
            sort(self.journal, &mut spread[start..end as usize]);
            start = end as usize;
        }
        std::mem::swap(accounts, spread);
    }

    fn add_accounts(&mut self) {
        let changes = &self.lists.accounts;
        let mut accounts = Vec::with_capacity(changes.len());
        for changes in changes.chunks(FETCHED_TOGETHER) {
            if changes.len() == FETCHED_TOGETHER {
                black_box(changes.iter().fold(0, |all, change| all ^ self.fetch(change)));
            }
            accounts.extend(changes.iter().map(|change| self.delta_of(change)));
        }
        self.delta.accounts = SortedMap::from_sorted(accounts);
    }

    fn delta_of(&self, change: &AccountChange) -> (Address, AccountDelta) {
        let account = self.journal.account(AccountId(change.id));
        let slots = &self.lists.slots[change.slots.0 as usize..change.slots.1 as usize];
        let storage = slots.iter().map(|&id| (self.slot(id).key.key(), self.slot(id).current));
        let delta = AccountDelta {
            info: account.exists.then_some(account.info),
            storage_wiped: change.storage_wiped,
            storage: SortedMap::from_sorted(storage.collect()),
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

/// Sorts by address.
fn sort(journal: &Journal, changes: &mut [AccountChange]) {
    let address = |change: &AccountChange| &journal.account(AccountId(change.id)).address;
    changes.sort_unstable_by(|a, b| {
        let by_leading_bytes = a.leading_bytes.cmp(&b.leading_bytes);
        by_leading_bytes.then_with(|| address(a).cmp(address(b)))
    });
}

/// The first eight bytes, in an order that agrees with that of addresses.
pub(crate) fn leading_bytes(address: &Address) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&address[..8]);
    u64::from_be_bytes(bytes)
}
