//! Whether what a step read is still so.

use alloy_primitives::U256;

use crate::{
    AccountState, Estimate, MvMemory, Read, Version,
    account::AccountAt,
    slot::{SlotAt, SlotCell},
};

impl MvMemory {
    /// Whether a step that read this would read the same on top of what is committed.
    pub fn holds_committed(&self, reads: &[Read]) -> bool {
        let slot = |cell: SlotAt<'_>, account: AccountAt<'_>| {
            Ok(cell.committed(account.committed_reset()))
        };
        self.hold(reads, |cell| Ok(cell.committed()), slot)
    }

    /// Whether `reader`, which read this, would read the same now. No answer is final, nor is any wrong for long.
    pub fn holds(&self, reader: Version, reads: &[Read]) -> bool {
        let slot = |cell: SlotAt<'_>, account: AccountAt<'_>| {
            cell.read(reader, account.reset_before(reader))
        };
        self.hold(reads, |cell| cell.read(reader), slot)
    }

    /// Whether all that was read is so now, according to what the two functions say of accounts and slots.
    #[inline]
    fn hold(
        &self,
        reads: &[Read],
        account_now: impl Fn(AccountAt<'_>) -> Result<AccountState, Estimate>,
        slot_now: impl Fn(SlotAt<'_>, AccountAt<'_>) -> Result<Option<U256>, Estimate>,
    ) -> bool {
        reads.iter().all(|read| match read {
            Read::Account(account, observed) => {
                let cell = self.account_cell(*account);
                // What nobody wrote to is as it was read. What was written and taken back may have been read in between.
                !cell.is_changed() || account_now(cell).is_ok_and(|state| observed.holds(&state))
            }
            Read::Slot(slot, value) => {
                let cell = self.slot_cell(*slot);
                let account = self.account_cell(cell.account());
                if !cell.is_changed() && !account.may_be_reset() {
                    return true;
                }
                slot_now(cell, account)
                    .is_ok_and(|now| now.or_else(|| self.known_slot_before(&cell)) == Some(*value))
            }
            Read::StorageUntouched(account) => !self.is_storage_touched(*account),
        })
    }

    /// A slot before the block, if that is known. It is not where everybody who asked found that the block decides about the
    /// slot.
    fn known_slot_before(&self, cell: &SlotCell) -> Option<U256> {
        let is_known = cell.is_known() || !self.account_cell(cell.account()).existed();
        is_known.then(|| self.slot_before(cell))
    }
}
