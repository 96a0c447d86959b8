//! Indices of accounts and slots that were asked for lately.

use braid_mv_memory::{AccountIndex, MvMemory, SlotIndex};
use braid_primitives::{Address, U256};

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
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&address[8..16]);
        let mut last = [0; 4];
        last.copy_from_slice(&address[16..]);
        let bits = u64::from_le_bytes(bytes) ^ u64::from(u32::from_le_bytes(last));
        let place = &mut self.accounts[spread(bits) % ACCOUNTS];
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
        let [low, .., high] = *key.as_limbs();
        let bits = low ^ high ^ u64::from(account.0).rotate_left(32);
        let place = &mut self.slots[spread(bits) % SLOTS];
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

/// Keys made to meet in one place cost what they would cost without the cache.
fn spread(bits: u64) -> usize {
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}
