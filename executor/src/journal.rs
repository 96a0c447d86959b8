//! The state of a block while it runs: every account and slot that was touched, and an undo log.
//!
//! Accounts and slots are interned to dense ids on first sight and stay until the block ends. What belongs to one transaction
//! only (warm, touched, created, original values) is stamped with the transaction's number, so that the next transaction
//! starts clean without visiting anything.
//!
//! A block is executed in steps: its beginning, each transaction, its end. The undo log of a step lives until the next step
//! begins, so that what the step changed can be told from it afterwards.
//!
//! The journal reads nothing itself: [`StateAccess`](crate::host::StateAccess) puts the values in that a reader answered.

mod delta;
mod entries;
mod ids;
mod observed;
mod taken;
mod undo;
mod writes;

use std::sync::Arc;

use braid_interpreter::{AccountId, Code, SlotId};
use braid_primitives::{AccountInfo, Address, B256, KECCAK256_EMPTY, Log, U256};

pub(crate) use delta::leading_bytes;
use entries::{Account, Arena, Slot, TransientSlot};
use ids::{AddressIds, SlotIds, SlotKey};
use observed::Observations;
pub(crate) use undo::Checkpoint;
use undo::{Replaced, Undo};
pub(crate) use writes::StepWrites;

/// Number of a transaction within the journal's life; stamps compare equal only within that transaction.
type Stamp = u32;

/// The stamp of nothing: transactions are numbered from 1.
const NEVER: Stamp = 0;

/// Account 0x03, which keeps its touch when the call that touched it fails: the state-clearing of one early mainnet block
/// is part of the rules (EIP-161, addendum of 2016).
const RIPEMD_ADDRESS: Address =
    braid_primitives::address!("0000000000000000000000000000000000000003");

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Journal {
    accounts: Arena<Account>,
    /// What accounts that existed then were before the block, by id: only the write set asks for it.
    before: Vec<AccountInfo>,
    account_ids: AddressIds,
    slots: Arena<Slot>,
    slot_ids: SlotIds,
    /// Of this transaction.
    transient: Vec<TransientSlot>,
    transient_ids: SlotIds,
    /// Of the whole step; what is before `transaction_start` is not taken back any more.
    undo: Vec<Undo>,
    replaced: Replaced,
    /// Length of the undo log when the transaction began: a step may consist of several.
    transaction_start: usize,
    logs: Vec<Log>,
    /// Accounts touched by this transaction, possibly more than once, possibly untouched again since.
    touched: Vec<AccountId>,
    destroyed: Vec<AccountId>,
    transaction: Stamp,
    change_lists: Option<Box<delta::ChangeLists>>,
    /// What was found out about accounts, if anybody wants to know.
    observations: Option<Box<Observations>>,
    /// Who gets which fees for transactions that ended without a look at the account.
    deferred_fee: Option<(AccountId, U256)>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            accounts: Arena::default(),
            before: Vec::new(),
            account_ids: AddressIds::default(),
            slots: Arena::default(),
            slot_ids: SlotIds::default(),
            transient: Vec::new(),
            transient_ids: SlotIds::default(),
            undo: Vec::new(),
            replaced: Replaced::default(),
            transaction_start: 0,
            logs: Vec::new(),
            touched: Vec::new(),
            destroyed: Vec::new(),
            transaction: NEVER + 1,
            change_lists: None,
            observations: None,
            deferred_fee: None,
        }
    }
}

impl Journal {
    /// Forgets everything, keeping the allocations.
    pub(crate) fn clear(&mut self) {
        self.accounts.clear();
        self.account_ids.clear();
        self.slots.clear();
        self.slot_ids.clear();
        self.transient.clear();
        self.transient_ids.clear();
        self.begin_step();
        self.logs.clear();
        self.touched.clear();
        self.destroyed.clear();
        self.transaction = NEVER + 1;
        self.deferred_fee = None;
    }

    /// Begins a step of the block, between transactions. What the step before changed is forgotten as a change of its own.
    pub(crate) fn begin_step(&mut self) {
        self.undo.clear();
        self.replaced.clear();
        self.transaction_start = 0;
    }

    /// The id of an account; `is_always_warm` is asked about one seen for the first time.
    #[inline]
    pub(crate) fn intern(
        &mut self,
        address: Address,
        is_always_warm: impl FnOnce(&Address) -> bool,
    ) -> AccountId {
        let accounts = &self.accounts;
        let address_of = |id: u32| accounts.get(id as usize).map(|account| &account.address);
        let next = accounts.len() as u32;
        let id = self.account_ids.get_or_insert(&address, next, address_of);
        if id == next {
            let is_always_warm = is_always_warm(&address);
            self.accounts.add(
                |forgotten| forgotten.renew(address, is_always_warm),
                || Account::new(address, is_always_warm),
            );
            if self.before.len() == id as usize {
                self.before.push(AccountInfo::default());
            }
        }
        AccountId(id)
    }

    /// The id that the next account seen for the first time gets.
    pub(crate) fn next_account(&self) -> AccountId {
        AccountId(self.accounts.len() as u32)
    }

    #[inline]
    pub(crate) fn account(&self, id: AccountId) -> &Account {
        &self.accounts[id.0 as usize]
    }

    #[inline]
    fn account_mut(&mut self, id: AccountId) -> &mut Account {
        &mut self.accounts[id.0 as usize]
    }

    /// Puts in what the reader knows of an account.
    #[inline]
    pub(crate) fn load_account(&mut self, id: AccountId, info: Option<&AccountInfo>) {
        if let Some(observations) = &mut self.observations {
            observations.forget(id);
        }
        self.account_mut(id).load(info);
        if let Some(info) = info {
            self.before[id.0 as usize] = *info;
        }
        if self.deferred_fee.is_some_and(|(beneficiary, _)| beneficiary == id) {
            self.pay_deferred_fee(id);
        }
    }

    /// The account's code, if it is known without asking anybody.
    #[inline]
    pub(crate) fn known_code(&mut self, id: AccountId) -> Option<Arc<Code>> {
        if self.observations.is_some() {
            self.code_hash(id);
        }
        let account = self.account_mut(id);
        if account.code().is_some() { account.code() } else { account.recall_code() }.cloned()
    }

    /// Puts in the code that belongs to the account's code hash.
    pub(crate) fn load_code(&mut self, id: AccountId, code: Arc<Code>) {
        self.account_mut(id).replace_code(Some(code));
    }

    #[inline]
    pub(crate) fn is_account_cold(&self, id: AccountId) -> bool {
        let account = self.account(id);
        account.warm != self.transaction && !account.is_always_warm
    }

    #[inline]
    pub(crate) fn warm_account(&mut self, id: AccountId) {
        let stamp = self.transaction;
        let account = self.account_mut(id);
        if account.warm != stamp {
            account.warm = stamp;
            self.undo.push(Undo::WarmAccount(id));
        }
    }

    /// Warms an account from the beginning of the transaction on: no frame takes that back.
    #[inline]
    pub(crate) fn warm_account_from_start(&mut self, id: AccountId) {
        let stamp = self.transaction;
        self.account_mut(id).warm = stamp;
    }

    /// Makes the account exist and, if it is empty when the transaction ends, be removed (EIP-161).
    #[inline]
    pub(crate) fn touch(&mut self, id: AccountId) {
        let account = self.account(id);
        if account.touched != self.transaction || !account.exists {
            self.touch_first(id);
        }
    }

    /// Touches an account that was not yet, or whose touch was taken back.
    #[inline(never)]
    fn touch_first(&mut self, id: AccountId) {
        let stamp = self.transaction;
        let account = &mut self.accounts[id.0 as usize];
        assert!(account.is_loaded, "an account is read before it is changed");
        if !account.exists {
            account.exists = true;
            self.undo.push(Undo::Exists(id));
        }
        if account.touched != stamp {
            account.touched = stamp;
            account.was_touched = true;
            self.touched.push(id);
            // A precompile: nearly all others are spared the comparison.
            if !account.is_always_warm || account.address != RIPEMD_ADDRESS {
                self.undo.push(Undo::Touch(id));
            }
        }
    }

    /// Sets a balance. Touches the account.
    #[inline(always)]
    pub(crate) fn set_balance(&mut self, id: AccountId, balance: U256) {
        self.touch(id);
        let account = &mut self.accounts[id.0 as usize];
        self.undo.push(Undo::Balance(id, account.info.balance));
        account.info.balance = balance;
    }

    /// Adds to a balance, which saturates at 2^256 - 1: more than there is ether, reachable in tests only. Touches the
    /// account.
    #[inline(always)]
    pub(crate) fn credit(&mut self, id: AccountId, amount: U256) {
        self.note_credit(id, &amount);
        let balance = self.account(id).info.balance;
        self.set_balance(id, balance.saturating_add(amount));
    }

    /// Takes from a balance that covers it. Touches the account.
    #[inline(always)]
    pub(crate) fn debit(&mut self, id: AccountId, amount: U256) {
        let is_covered = self.covers(id, &amount);
        assert!(is_covered, "a debit is checked before it is made");
        let balance = self.account(id).info.balance;
        self.set_balance(id, balance - amount);
    }

    /// Takes from the balance of a sender, which covers it, and sets the nonce. Touches the account.
    pub(crate) fn charge(&mut self, id: AccountId, amount: U256, nonce: u64) {
        self.debit(id, amount);
        let account = &mut self.accounts[id.0 as usize];
        self.undo.push(Undo::Nonce(id, account.info.nonce));
        account.info.nonce = nonce;
    }

    /// Notes what the beneficiary gets, without knowing its account.
    pub(crate) fn defer_fee(&mut self, beneficiary: AccountId, fee: U256) {
        let before = self.deferred_fee.map_or(U256::ZERO, |(_, fee)| fee);
        // Saturates like the balance that it is added to.
        self.deferred_fee = Some((beneficiary, before.saturating_add(fee)));
    }

    /// Pays what was deferred to the beneficiary, which now was read. That was earned by transactions before the one that
    /// reads, so that nothing takes it back, and nobody is asked to note it as a change.
    #[inline(never)]
    fn pay_deferred_fee(&mut self, beneficiary: AccountId) {
        let Some((_, fee)) = self.deferred_fee.take() else { return };
        self.note_credit(beneficiary, &fee);
        let last = self.transaction - 1;
        let account = self.account_mut(beneficiary);
        account.info.balance = account.info.balance.saturating_add(fee);
        account.exists = true;
        account.touched = last;
        account.was_touched = true;
    }

    /// Sets a nonce. Touches the account.
    pub(crate) fn set_nonce(&mut self, id: AccountId, nonce: u64) {
        self.touch(id);
        let account = &mut self.accounts[id.0 as usize];
        self.undo.push(Undo::Nonce(id, account.info.nonce));
        account.info.nonce = nonce;
    }

    /// Sets the code. Touches the account.
    pub(crate) fn set_code(&mut self, id: AccountId, code: Arc<Code>) {
        self.touch(id);
        let account = &mut self.accounts[id.0 as usize];
        let hash = std::mem::replace(&mut account.info.code_hash, code.hash());
        let previous = account.replace_code(Some(code));
        self.undo.push(Undo::Code(id, self.replaced.codes.len() as u32));
        self.replaced.codes.push((hash, previous));
    }

    /// Marks the account as created by this transaction (EIP-6780).
    pub(crate) fn mark_created(&mut self, id: AccountId) {
        let stamp = self.transaction;
        let previous = std::mem::replace(&mut self.account_mut(id).created, stamp);
        self.undo.push(Undo::Created(id, previous));
    }

    pub(crate) fn is_created_now(&self, id: AccountId) -> bool {
        self.account(id).created == self.transaction
    }

    pub(crate) fn is_destroyed_now(&self, id: AccountId) -> bool {
        self.account(id).destroyed == self.transaction
    }

    /// Marks the account for destruction when the transaction ends.
    pub(crate) fn mark_destroyed(&mut self, id: AccountId) {
        let stamp = self.transaction;
        let account = self.account_mut(id);
        if account.destroyed != stamp {
            account.destroyed = stamp;
            self.destroyed.push(id);
            self.undo.push(Undo::Destroyed(id));
        }
    }

    /// Whether the state before the block can say something about slots of the account: it existed and was not wiped since.
    pub(crate) fn has_storage_before(&mut self, id: AccountId) -> bool {
        if self.observations.is_some() {
            self.exists(id);
        }
        let account = self.account(id);
        account.existed && account.epoch == 0
    }

    /// Whether a slot of the account was written in this block and is not zero now.
    pub(crate) fn has_live_slots(&self, id: AccountId) -> bool {
        let account = self.account(id);
        account.has_written_slots
            && self.slots.iter().any(|slot| {
                slot.key.account() == id
                    && slot.is_loaded
                    && slot.epoch == account.epoch
                    && !slot.current.is_zero()
            })
    }

    /// The id of a slot.
    #[inline]
    pub(crate) fn slot(&mut self, account: AccountId, key: U256) -> SlotId {
        let key = SlotKey::new(account, key);
        let slots = &self.slots;
        let next = slots.len() as u32;
        let id = self.slot_ids.get_or_insert(&key, next, |id| Some(&slots.get(id as usize)?.key));
        if id == next {
            self.slots.add(|forgotten| forgotten.renew(key), || Slot::new(key));
        }
        SlotId(id)
    }

    #[inline]
    pub(crate) fn is_slot_cold(&self, id: SlotId) -> bool {
        self.slots[id.0 as usize].warm != self.transaction
    }

    #[inline]
    pub(crate) fn warm_slot(&mut self, id: SlotId) {
        let slot = &mut self.slots[id.0 as usize];
        if slot.warm != self.transaction {
            slot.warm = self.transaction;
            self.undo.push(Undo::WarmSlot(id));
        }
    }

    /// The value of the slot if it is known without asking the reader.
    #[inline]
    pub(crate) fn slot_value(&mut self, id: SlotId) -> Option<U256> {
        let slot = &mut self.slots[id.0 as usize];
        let epoch = self.accounts[slot.key.account().0 as usize].epoch;
        if slot.epoch != epoch {
            // The storage was wiped after the slot was last seen.
            slot.epoch = epoch;
            slot.current = U256::ZERO;
            slot.is_loaded = true;
        }
        slot.is_loaded.then_some(slot.current)
    }

    /// Account and key of a slot, for asking the reader.
    pub(crate) fn slot_location(&self, id: SlotId) -> (AccountId, U256) {
        let slot = &self.slots[id.0 as usize];
        (slot.key.account(), slot.key.key())
    }

    /// Puts in what the reader knows of a slot.
    pub(crate) fn load_slot(&mut self, id: SlotId, value: U256) {
        let slot = &mut self.slots[id.0 as usize];
        slot.before = value;
        slot.current = value;
        slot.is_loaded = true;
    }

    /// The value of a known slot when the transaction began.
    pub(crate) fn slot_original(&self, id: SlotId) -> U256 {
        let slot = &self.slots[id.0 as usize];
        if slot.written == self.transaction { slot.original } else { slot.current }
    }

    /// Writes a known slot.
    pub(crate) fn set_slot(&mut self, id: SlotId, value: U256) {
        let slot = &mut self.slots[id.0 as usize];
        if slot.written != self.transaction {
            slot.written = self.transaction;
            slot.original = slot.current;
        }
        if slot.current != value {
            self.undo.push(Undo::Slot(id, slot.current));
            slot.current = value;
            self.accounts[slot.key.account().0 as usize].has_written_slots |= !value.is_zero();
        }
    }

    pub(crate) fn transient(&self, account: AccountId, key: U256) -> U256 {
        if self.transient.is_empty() {
            return U256::ZERO;
        }
        let key = SlotKey::new(account, key);
        let found = self.transient_ids.get(&key, |id| Some(&self.transient.get(id as usize)?.key));
        found.map_or(U256::ZERO, |id| self.transient[id as usize].value)
    }

    pub(crate) fn set_transient(&mut self, account: AccountId, key: U256, value: U256) {
        let key = SlotKey::new(account, key);
        let slots = &self.transient;
        let next = slots.len() as u32;
        let id =
            self.transient_ids.get_or_insert(&key, next, |id| Some(&slots.get(id as usize)?.key));
        if id == next {
            self.transient.push(TransientSlot { key, value: U256::ZERO });
        }
        let previous = std::mem::replace(&mut self.transient[id as usize].value, value);
        self.undo.push(Undo::Transient(id, previous));
    }

    pub(crate) fn log(&mut self, log: Log) {
        self.logs.push(log);
    }

    /// Ends the transaction: destroys what was marked, removes touched accounts that are empty (if `clears_empty`, EIP-161),
    /// and starts the next one. Puts the logs into `logs`, which should be empty.
    pub(crate) fn end_transaction(&mut self, clears_empty: bool, logs: &mut Vec<Log>) {
        for i in 0..self.destroyed.len() {
            let id = self.destroyed[i];
            // Marked, taken back and marked again, it is there twice.
            if self.is_destroyed_now(id) && self.account(id).exists {
                self.remove(id);
            }
        }
        if clears_empty {
            for i in 0..self.touched.len() {
                let id = self.touched[i];
                let account = self.account(id);
                if account.touched == self.transaction && account.exists && self.is_empty(id) {
                    // An empty account has storage only where it was made so on purpose; it goes with the account.
                    self.remove(id);
                }
            }
        }
        std::mem::swap(logs, &mut self.logs);
        self.next_transaction();
    }

    /// Undoes the transaction as if it had not been, and starts the next one.
    pub(crate) fn discard_transaction(&mut self) {
        self.revert_all();
        self.next_transaction();
    }

    fn next_transaction(&mut self) {
        self.transaction_start = self.undo.len();
        self.touched.clear();
        self.destroyed.clear();
        self.transient.clear();
        self.transient_ids.clear();
        self.logs.clear();
        self.transaction += 1;
    }

    /// Makes an account that exists go, with its storage. It may come back later.
    fn remove(&mut self, id: AccountId) {
        let account = &mut self.accounts[id.0 as usize];
        account.exists = false;
        account.epoch += 1;
        if account.info.is_empty() {
            self.undo.push(Undo::Cleared(id));
            return;
        }
        let info = std::mem::take(&mut account.info);
        debug_assert_eq!(account.info.code_hash, KECCAK256_EMPTY);
        account.replace_code(None);
        self.undo.push(Undo::Removed(id, self.replaced.infos.len() as u32));
        self.replaced.infos.push(info);
    }
}

impl Journal {
    /// Hash of the code as EXTCODEHASH sees it (EIP-1052): zero for a dead account.
    pub(crate) fn visible_code_hash(&mut self, id: AccountId) -> B256 {
        if self.is_empty(id) { B256::ZERO } else { self.code_hash(id) }
    }
}
