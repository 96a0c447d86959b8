//! Indices of accounts and slots that were asked for lately.

use braid_mv_memory::{AccountIndex, MvMemory, SlotIndex};
use braid_primitives::{Address, U256};

use crate::spread::{address_bits, place, slot_bits};

/// Places for accounts and for slots: powers of two.
const ACCOUNTS: usize = 256;
const SLOTS: usize = 512;

/// Direct-mapped caches in front of the tables that all workers share: most of what a transaction touches was touched by the
/// one before, or read ahead. An entry holds the whole key, so it is never wrong.
#[derive(Debug)]
pub(super) struct Indices {
    /// The block in which the indices mean something.
    block: u64,
    accounts: Vec<Option<(Address, AccountIndex)>>,
    slots: Vec<Option<(AccountIndex, U256, SlotIndex)>>,
}

impl Default for Indices {
    fn default() -> Self {
        Self { block: 0, accounts: vec![None; ACCOUNTS], slots: vec![None; SLOTS] }
    }
}

impl Indices {
    /// Forgets what is of another block.
    pub(super) fn begin(&mut self, memory: &MvMemory) {
        if self.block != memory.block() {
            self.block = memory.block();
            self.accounts.fill(None);
            self.slots.fill(None);
        }
    }

    #[inline]
    pub(super) fn account(&mut self, memory: &MvMemory, address: &Address) -> AccountIndex {
        let place = &mut self.accounts[place(address_bits(address), ACCOUNTS)];
        match place {
            Some((known, index)) if known == address => *index,
            _ => {
                let index = memory.account(address);
                *place = Some((*address, index));
                index
            }
        }
    }

    #[inline]
    pub(super) fn slot(
        &mut self,
        memory: &MvMemory,
        account: AccountIndex,
        key: &U256,
    ) -> SlotIndex {
        let place = &mut self.slots[place(slot_bits(account.0, key), SLOTS)];
        match place {
            Some((owner, known, index)) if *owner == account && known == key => *index,
            _ => {
                let index = memory.slot(account, key);
                *place = Some((account, *key, index));
                index
            }
        }
    }
}
