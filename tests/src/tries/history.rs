//! What happens to accounts in several blocks.

use alloy_primitives::{Address, U256};

use super::keys;
use crate::random::Random;

/// Blocks on an empty state, and how a sparse trie is treated in between. Follows from a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The seed of all that is random later, so that a part of a history repeats what the whole did.
    pub seed: u64,
    /// Whether touched accounts that are empty stay, as before Spurious Dragon (EIP-161).
    pub keeps_empty_accounts: bool,
    /// What happens in each block.
    pub blocks: Vec<Block>,
}

/// One block, and what happens after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// What happens, in order.
    pub actions: Vec<Action>,
    /// How a trie that goes on is treated after it.
    pub afterwards: Afterwards,
}

/// What becomes of a trie that is kept from block to block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// Nothing.
    #[default]
    Keep,
    /// What was not used in the last so many blocks is forgotten.
    Prune(u16),
    /// All is forgotten but the root.
    Forget,
}

/// Something that happens to one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The balance becomes this, of an account that may not have been there.
    Balance(Address, U256),
    /// A transaction is sent.
    Nonce(Address),
    /// A transfer of nothing: an empty account is made or, later, removed.
    Touch(Address),
    /// A contract is made, without the storage of what was there, with one slot set by its constructor.
    Deploy(Address, u64),
    /// A slot of an account that exists is written. Zero clears.
    Slot(Address, U256, U256),
    /// One of the slots that an account has is cleared.
    ClearSlot(Address, usize),
    /// All slots of an account that exists are cleared one by one.
    ClearSlots(Address),
    /// The account delegates (EIP-7702): its code hash and nonce change. Zero takes the delegation back.
    Delegate(Address, u64),
    /// The account with its storage is removed.
    Destroy(Address),
    /// As [`Self::Destroy`], but the balance stays (EIP-8246).
    DestroyKeepingBalance(Address),
}

impl History {
    /// The history that follows from a seed.
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let keeps_empty_accounts = random.one_in(3);
        let pool = Pool::new(&mut random);
        let blocks = 2 + random.index(7);
        let blocks = (0..blocks).map(|number| pool.block(number, &mut random)).collect();
        Self { seed, keeps_empty_accounts, blocks }
    }
}

/// The accounts and slots of a history: few, so that they meet again.
struct Pool {
    addresses: Vec<Address>,
    slots: Vec<U256>,
    /// Actions of the first block: later ones have fewer.
    first: usize,
}

impl Pool {
    fn new(random: &mut Random) -> Self {
        let is_large = random.one_in(6);
        let mut addresses = some_of(keys::addresses(), random);
        if is_large {
            addresses.extend((0..60).map(|_| Address::from_slice(&random.bytes(20))));
        }
        let mut slots = some_of(keys::slots(), random);
        slots.extend((0..random.below(6)).map(|_| random.word()));
        Self { first: if is_large { 80 } else { 15 }, addresses, slots }
    }

    fn block(&self, number: usize, random: &mut Random) -> Block {
        let most = if number == 0 { self.first } else { 12 };
        // An empty block now and then.
        let count = random.index(most + 1);
        let mut actions = Vec::new();
        while actions.len() < count {
            self.add_actions(&mut actions, random);
        }
        let afterwards = match random.below(8) {
            0..=2 => Afterwards::Keep,
            3..=5 => Afterwards::Prune(random.below(3) as u16),
            _ => Afterwards::Forget,
        };
        Block { actions, afterwards }
    }

    fn add_actions(&self, actions: &mut Vec<Action>, random: &mut Random) {
        let who = random.pick(&self.addresses);
        let slot = random.pick(&self.slots);
        match random.below(28) {
            0..=2 => actions.push(Action::Balance(who, random.word())),
            3 => actions.push(Action::Balance(who, U256::ZERO)),
            4 | 5 => actions.push(Action::Nonce(who)),
            6 | 7 => actions.push(Action::Touch(who)),
            8 | 9 => actions.push(Action::Deploy(who, random.below(3))),
            10..=14 => actions.push(Action::Slot(who, slot, random.word())),
            15 => actions.push(Action::Slot(who, slot, U256::ZERO)),
            24..=27 => actions.push(Action::ClearSlot(who, random.index(20))),
            // A contract is filled, or written and restored.
            16 | 17 => {
                for _ in 0..1 + random.below(6) {
                    actions.push(Action::Slot(who, random.pick(&self.slots), random.word()));
                }
            }
            18 => actions.push(Action::ClearSlots(who)),
            19 => actions.push(Action::Delegate(who, random.below(3))),
            20 | 21 => actions.push(Action::Destroy(who)),
            22 => actions.push(Action::DestroyKeepingBalance(who)),
            // Destroyed and made anew in one block.
            _ => actions.extend([
                Action::Destroy(who),
                Action::Deploy(who, random.below(3)),
                Action::Slot(who, slot, random.word()),
            ]),
        }
    }
}

fn some_of<T: Copy>(all: &[T], random: &mut Random) -> Vec<T> {
    let start = random.index(all.len());
    (0..3 + random.index(10)).map(|at| all[(start + at) % all.len()]).collect()
}
