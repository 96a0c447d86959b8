//! A made-up state of any size, and blocks that change it.
//!
//! One account in [`ACCOUNTS_PER_CONTRACT`] is a contract with [`LEAST_SLOTS`] to [`MOST_SLOTS`] slots, so that a million
//! accounts come with about 1.1 million slots. Everything follows from numbers, the same in every run.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Range,
};

use alloy_primitives::keccak256;
use braid_primitives::{AccountDelta, AccountInfo, Address, B256, StateDelta, U256};

/// One account in so many has code and storage.
pub const ACCOUNTS_PER_CONTRACT: u64 = 50;
/// Fewest slots of a contract.
pub const LEAST_SLOTS: u64 = 10;
/// Most slots of a contract.
pub const MOST_SLOTS: u64 = 100;
/// Slots of a contract on average.
const MEAN_SLOTS: usize = 55;
/// Slots that a block changes in each contract it touches.
const SLOTS_PER_CONTRACT: usize = 4;

/// Of a hundred changes, how many overwrite; the rest adds and removes in equal parts.
const UPDATES_PERCENT: u64 = 70;
const INSERTS_END_PERCENT: u64 = UPDATES_PERCENT + 15;

/// The accounts that exist, by the number that everything about them follows from.
#[derive(Debug)]
pub struct Population {
    /// Accounts without code.
    plain: Vec<u64>,
    contracts: Vec<Contract>,
    /// Number of the next account.
    next: u64,
    /// Grows with each drawn number.
    draws: u64,
}

#[derive(Debug)]
struct Contract {
    number: u64,
    /// Slots that it has: a change adds above, or removes below.
    slots: Range<u64>,
}

/// How a leaf changes.
enum Change {
    Update,
    Insert,
    Remove,
}

impl Population {
    /// So many accounts.
    pub fn new(accounts: u64) -> Self {
        let mut population =
            Self { plain: Vec::new(), contracts: Vec::new(), next: accounts, draws: 0 };
        for number in 0..accounts {
            if number.is_multiple_of(ACCOUNTS_PER_CONTRACT) {
                let slots = LEAST_SLOTS + word(number, 0) % (MOST_SLOTS - LEAST_SLOTS + 1);
                population.contracts.push(Contract { number, slots: 0..slots });
            } else {
                population.plain.push(number);
            }
        }
        population
    }

    /// Leaves of all tries together.
    pub fn leaves(&self) -> u64 {
        let slots: u64 = self.contracts.iter().map(|c| c.slots.end - c.slots.start).sum();
        (self.plain.len() + self.contracts.len()) as u64 + slots
    }

    /// The state as write sets on nothing, of about so many leaves each.
    pub fn genesis(&self, leaves_per_delta: usize) -> impl Iterator<Item = StateDelta> {
        let plain = self.plain.chunks(leaves_per_delta).map(|numbers| {
            let accounts = numbers.iter().map(|&number| (address(number), created(number, 0..0)));
            StateDelta { accounts: accounts.collect(), ..StateDelta::default() }
        });
        let contracts_per_delta = leaves_per_delta.div_ceil(MEAN_SLOTS);
        let contracts = self.contracts.chunks(contracts_per_delta).map(|contracts| {
            let accounts = contracts.iter().map(|contract| {
                (address(contract.number), created(contract.number, contract.slots.clone()))
            });
            StateDelta { accounts: accounts.collect(), ..StateDelta::default() }
        });
        plain.chain(contracts)
    }

    /// The write set of the next block. Half of the changed leaves are accounts without code, half are slots, a few in each
    /// contract, whose accounts change as well. In both halves 70 % are updates, 15 % inserts and 15 % removals.
    pub fn block(&mut self, changes: usize) -> StateDelta {
        let mut accounts = BTreeMap::new();
        let slots = changes / 2;
        while accounts.len() < changes - slots {
            self.change_account(&mut accounts);
        }
        let mut changed = 0;
        while changed < slots {
            changed += self.change_contract(&mut accounts);
        }
        StateDelta { accounts: accounts.into(), ..StateDelta::default() }
    }

    /// Changes an account without code that the block has not changed yet. Now and then it finds none.
    fn change_account(&mut self, accounts: &mut BTreeMap<Address, AccountDelta>) {
        let (change, draw) = (self.change(), self.draw());
        if matches!(change, Change::Insert) {
            // Numbers of contracts are left out.
            self.next += 1 + u64::from((self.next + 1).is_multiple_of(ACCOUNTS_PER_CONTRACT));
            self.plain.push(self.next);
            accounts.insert(address(self.next), created(self.next, 0..0));
            return;
        }
        let index = index(draw, self.plain.len());
        let number = self.plain[index];
        let Entry::Vacant(entry) = accounts.entry(address(number)) else { return };
        if matches!(change, Change::Remove) {
            self.plain.swap_remove(index);
            entry.insert(AccountDelta { storage_wiped: true, ..AccountDelta::default() });
        } else {
            entry
                .insert(AccountDelta { info: Some(info(number, draw)), ..AccountDelta::default() });
        }
    }

    /// Changes a few slots of a contract, and tells how many the block had not changed yet.
    fn change_contract(&mut self, accounts: &mut BTreeMap<Address, AccountDelta>) -> usize {
        let draw = self.draw();
        let index = index(draw, self.contracts.len());
        let number = self.contracts[index].number;
        let change = accounts.entry(address(number)).or_default();
        let changed_before = change.storage.len();
        change.info = Some(info(number, draw));
        for _ in 0..SLOTS_PER_CONTRACT {
            let (kind, draw) = (self.change(), self.draw());
            let slots = &mut self.contracts[index].slots;
            let (slot, value) = match kind {
                Change::Remove if slots.end - slots.start > 1 => {
                    slots.start += 1;
                    (slots.start - 1, U256::ZERO)
                }
                Change::Insert => {
                    slots.end += 1;
                    (slots.end - 1, slot_value(draw))
                }
                Change::Update | Change::Remove => {
                    (slots.start + draw % (slots.end - slots.start), slot_value(draw))
                }
            };
            change.storage.insert(U256::from(slot), value);
        }
        change.storage.len() - changed_before
    }

    fn change(&mut self) -> Change {
        match self.draw() % 100 {
            0..UPDATES_PERCENT => Change::Update,
            UPDATES_PERCENT..INSERTS_END_PERCENT => Change::Insert,
            _ => Change::Remove,
        }
    }

    fn draw(&mut self) -> u64 {
        self.draws += 1;
        word(self.draws, 1)
    }
}

fn index(draw: u64, length: usize) -> usize {
    usize::try_from(draw % length as u64).unwrap_or_default()
}

/// Leaves of a state trie: so many hashed addresses with the RLP of accounts, sorted.
pub fn account_leaves(count: u64) -> Vec<(B256, Vec<u8>)> {
    sorted((0..count).map(|number| {
        let info = info(number, number);
        let account = alloy_trie::TrieAccount {
            nonce: info.nonce,
            balance: info.balance,
            storage_root: alloy_trie::EMPTY_ROOT_HASH,
            code_hash: info.code_hash,
        };
        (keccak256(address(number)), alloy_rlp::encode(account))
    }))
}

/// Leaves of a storage trie: so many hashed slots with the RLP of values, sorted.
pub fn storage_leaves(count: u64) -> Vec<(B256, Vec<u8>)> {
    sorted((0..count).map(|number| {
        (keccak256(B256::from(U256::from(number))), alloy_rlp::encode(slot_value(word(number, 2))))
    }))
}

/// In the order of the keys, also in memory: so a database's cursor yields them. Scattered values would have all builders wait
/// for the same cache misses.
fn sorted(leaves: impl Iterator<Item = (B256, Vec<u8>)>) -> Vec<(B256, Vec<u8>)> {
    let mut scattered: Vec<_> = leaves.collect();
    scattered.sort_unstable();
    scattered.iter().map(|(key, value)| (*key, value.as_slice().to_vec())).collect()
}

/// A new account with these slots.
fn created(number: u64, slots: Range<u64>) -> AccountDelta {
    let slots = slots.map(|slot| (U256::from(slot), slot_value(word(number, slot))));
    AccountDelta {
        info: Some(info(number, word(number, 3))),
        storage_wiped: true,
        storage: slots.collect(),
    }
}

fn address(number: u64) -> Address {
    Address::from_word(keccak256(number.to_be_bytes()))
}

/// An account that exists: a contract always has the same code, an account without code has a nonce.
fn info(number: u64, draw: u64) -> AccountInfo {
    let mut info = AccountInfo {
        nonce: 1 + draw % 1000,
        balance: U256::from(draw) << index(draw, 16),
        ..AccountInfo::default()
    };
    if number.is_multiple_of(ACCOUNTS_PER_CONTRACT) {
        info.nonce = 1;
        info.code_hash = keccak256(number.to_le_bytes());
    }
    info
}

/// A value that is not zero: a small number, an address or a whole word, in equal parts.
fn slot_value(draw: u64) -> U256 {
    match draw % 3 {
        0 => U256::from(1 + (draw >> 32) % 1000),
        1 => U256::from_be_slice(address(draw).as_slice()) | U256::ONE,
        _ => U256::from_be_bytes(keccak256(draw.to_be_bytes()).0) | U256::ONE,
    }
}

/// A number that looks random and follows from two others.
fn word(a: u64, b: u64) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&a.to_be_bytes());
    bytes[8..].copy_from_slice(&b.to_be_bytes());
    let [word, ..] = U256::from_be_bytes(keccak256(bytes).0).into_limbs();
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_the_leaves_asked_for_and_leaves_the_state_about_as_large() {
        let mut population = Population::new(10_000);
        let before = population.leaves();
        let mut counts = [0_usize; 3];
        for _ in 0..20 {
            let delta = population.block(1000);
            for change in delta.accounts.values() {
                match change {
                    AccountDelta { info: None, .. } => counts[0] += 1,
                    AccountDelta { storage_wiped: true, .. } => counts[1] += 1,
                    _ => counts[2] += change.storage.len().max(1),
                }
            }
        }
        let [removed, inserted, changed] = counts;
        assert!((1200..1800).contains(&removed) && (1200..1800).contains(&inserted), "{counts:?}");
        assert!((15_000..17_500).contains(&changed), "{counts:?}");
        assert!(population.leaves().abs_diff(before) < before / 20);
    }
}
