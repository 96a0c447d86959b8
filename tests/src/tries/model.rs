//! The states of a history, and the write sets that lead from one to the next.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, keccak256};
use braid_primitives::{AccountDelta, SortedMap, StateDelta};

use super::history::{Action, Block, History};
use crate::{
    random::Random,
    world::{World, WorldAccount},
};

/// A state, and the write set of the block that led to it.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// What differs from the step before, as execution says it, with entries that change nothing in between.
    pub delta: StateDelta,
    /// The state after it.
    pub world: World,
}

/// The steps of a history.
pub fn steps(history: &History) -> Vec<Step> {
    let mut world = World::default();
    let mut random = Random::new(history.seed ^ 0x6d6f_6465_6c00_0000);
    let step = |block: &Block| {
        let before = world.clone();
        let mut run = Run::new(&mut world, history.keeps_empty_accounts);
        block.actions.iter().for_each(|action| run.act(*action));
        let (touched, reset) = (run.touched, run.reset);
        let delta = delta(&before, &world, &touched, &reset, &mut random);
        Step { delta, world: world.clone() }
    };
    history.blocks.iter().map(step).collect()
}

/// A block under way.
struct Run<'a> {
    world: &'a mut World,
    keeps_empty_accounts: bool,
    touched: BTreeSet<Address>,
    /// Accounts whose storage from before the block is gone.
    reset: BTreeSet<Address>,
}

impl<'a> Run<'a> {
    fn new(world: &'a mut World, keeps_empty_accounts: bool) -> Self {
        let (touched, reset) = (BTreeSet::new(), BTreeSet::new());
        Self { world, keeps_empty_accounts, touched, reset }
    }

    fn act(&mut self, action: Action) {
        let who = match action {
            Action::Balance(who, wei) => {
                self.account(who).info.balance = wei;
                who
            }
            Action::Nonce(who) => {
                self.account(who).info.nonce += 1;
                who
            }
            Action::Touch(who) => {
                self.account(who);
                who
            }
            Action::Deploy(who, code) => {
                let balance = self.account(who).info.balance;
                self.remove(who);
                let account = self.account(who);
                account.info.balance = balance;
                account.info.nonce = 1;
                account.info.code_hash = code_hash(code + 1);
                account.set_slot(U256::ZERO, U256::from(code));
                self.reset.insert(who);
                who
            }
            Action::Slot(who, slot, value) => {
                if let Some(account) = self.world.accounts.get_mut(&who) {
                    account.set_slot(slot, value);
                }
                who
            }
            Action::ClearSlot(who, index) => {
                let account = self.world.accounts.get_mut(&who);
                if let Some(account) = account.filter(|account| !account.storage.is_empty()) {
                    let slot = account.storage.keys().nth(index % account.storage.len()).copied();
                    account.set_slot(slot.unwrap_or_default(), U256::ZERO);
                }
                who
            }
            Action::ClearSlots(who) => {
                if let Some(account) = self.world.accounts.get_mut(&who) {
                    account.storage.clear();
                }
                who
            }
            Action::Delegate(who, to) => {
                let info = &mut self.account(who).info;
                info.nonce += 1;
                info.code_hash = code_hash(to);
                who
            }
            Action::Destroy(who) => {
                self.remove(who);
                who
            }
            Action::DestroyKeepingBalance(who) => {
                let balance = self.world.accounts.get(&who).map(|account| account.info.balance);
                self.remove(who);
                if let Some(balance) = balance {
                    self.account(who).info.balance = balance;
                }
                who
            }
        };
        self.touched.insert(who);
        let account = self.world.accounts.get(&who);
        if !self.keeps_empty_accounts && account.is_some_and(|account| account.info.is_empty()) {
            self.remove(who);
        }
    }

    fn account(&mut self, who: Address) -> &mut WorldAccount {
        self.world.accounts.entry(who).or_default()
    }

    fn remove(&mut self, who: Address) {
        if self.world.accounts.remove(&who).is_some() {
            self.reset.insert(who);
        }
    }
}

/// Zero stands for no code.
fn code_hash(code: u64) -> B256 {
    if code == 0 { KECCAK256_EMPTY } else { keccak256(code.to_be_bytes()) }
}

/// The write set between two states. Now and then it mentions what did not change.
fn delta(
    before: &World,
    after: &World,
    touched: &BTreeSet<Address>,
    reset: &BTreeSet<Address>,
    random: &mut Random,
) -> StateDelta {
    let mut delta = StateDelta::default();
    for who in touched {
        let (old, new) = (before.accounts.get(who), after.accounts.get(who));
        let is_reset = reset.contains(who);
        let is_unchanged = old == new && !(is_reset && old.is_some());
        if is_unchanged && !random.one_in(4) {
            continue;
        }
        let change = match (old, new) {
            (_, None) => removed(is_reset, random),
            // An account that is new may be said to have lost its storage or not: it had none.
            (None, Some(new)) => changed(&BTreeMap::new(), new, random.one_in(2), random),
            (Some(_), Some(new)) if is_reset => changed(&BTreeMap::new(), new, true, random),
            (Some(old), Some(new)) => changed(&old.storage, new, false, random),
        };
        delta.accounts.insert(*who, change);
    }
    delta
}

fn removed(storage_wiped: bool, random: &mut Random) -> AccountDelta {
    let mut storage = SortedMap::new();
    // What a transaction wrote before a later one destroyed the account means nothing.
    if random.one_in(5) {
        storage.insert(U256::from(random.below(3)), U256::from(random.below(2)));
    }
    AccountDelta { info: None, storage_wiped, storage }
}

fn changed(
    old: &BTreeMap<U256, U256>,
    new: &WorldAccount,
    storage_wiped: bool,
    random: &mut Random,
) -> AccountDelta {
    let mut storage = SortedMap::new();
    for (slot, value) in &new.storage {
        if old.get(slot) != Some(value) || random.one_in(8) {
            storage.insert(*slot, *value);
        }
    }
    let cleared = old.keys().filter(|slot| !new.storage.contains_key(*slot));
    storage.extend(cleared.map(|slot| (*slot, U256::ZERO)));
    if random.one_in(4) {
        let slot = random.word();
        if !new.storage.contains_key(&slot) {
            storage.insert(slot, U256::ZERO);
        }
    }
    AccountDelta { info: Some(new.info), storage_wiped, storage }
}
