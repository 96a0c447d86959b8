//! The journal over a state reader: what the interpreter sees as its [`Host`].

use std::sync::Arc;

use braid_interpreter::{
    AccountId, Code, Host, Interrupted, Schedule, SlotId, SlotValues, TransactionEnv,
};
use braid_precompiles::{Crypto, PrecompileSet};
use braid_primitives::{
    Address, B256, BlockEnv, Hardfork, KECCAK256_EMPTY, Log, Transaction, U256,
};

use crate::{
    code_cache::CodeCache, hash_cache::HashCache, journal::Journal, source::Source,
    transaction::Parties,
};

/// Everything a transaction executes against.
pub(crate) struct StateAccess<'a, R: Source, C> {
    pub(crate) journal: &'a mut Journal,
    pub(crate) codes: &'a CodeCache,
    pub(crate) hashes: &'a mut HashCache,
    pub(crate) reader: R,
    pub(crate) crypto: &'a C,
    pub(crate) precompiles: &'static PrecompileSet,
    pub(crate) fork: Hardfork,
    pub(crate) block: &'a BlockEnv,
    pub(crate) transaction: TransactionEnv,
    /// The block's beneficiary, once it was asked for.
    pub(crate) beneficiary: Option<AccountId>,
    /// Why the last read was interrupted.
    pub(crate) error: Option<R::Error>,
}

impl<R: Source, C: Crypto> StateAccess<'_, R, C> {
    /// Reads the account unless it is known.
    #[inline]
    pub(crate) fn load(&mut self, id: AccountId) -> Result<(), R::Error> {
        if self.journal.account(id).is_loaded { Ok(()) } else { self.read(id) }
    }

    #[inline(never)]
    fn read(&mut self, id: AccountId) -> Result<(), R::Error> {
        // The answer is copied once, from where the reader put it: `?` would move it first, piece by piece.
        match self.reader.account(id, self.journal.account(id).address) {
            Ok(ref info) => {
                self.journal.load_account(id, info.as_ref());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The id of an account whose facts are read at once.
    pub(crate) fn loaded_account(&mut self, address: Address) -> Result<AccountId, R::Error> {
        let id = self.account(address);
        self.load(id)?;
        Ok(id)
    }

    /// The id of the block's beneficiary, which every transaction pays.
    pub(crate) fn beneficiary(&mut self) -> AccountId {
        match self.beneficiary {
            Some(id) => id,
            None => {
                let id = self.account(self.block.beneficiary);
                *self.beneficiary.insert(id)
            }
        }
    }

    /// Finds the parties of these transactions and reads their accounts, unless they were seen before. Reads that are made one
    /// right after the other overlap, which those in the course of a transaction do not. What cannot be read now is asked for
    /// again when it is needed.
    pub(crate) fn read_ahead(&mut self, transactions: &[Transaction], parties: &mut Vec<Parties>) {
        let first = self.journal.next_account();
        parties.clear();
        parties.extend(transactions.iter().map(|tx| Parties::of(tx, self)));
        let ids: Vec<_> = (first.0..self.journal.next_account().0).map(AccountId).collect();
        let journal = &*self.journal;
        let reader = &mut self.reader;
        let read: Vec<_> =
            ids.iter().map(|id| reader.account(*id, journal.account(*id).address)).collect();
        for (id, info) in ids.into_iter().zip(read) {
            if let Ok(info) = info {
                self.journal.load_account(id, info.as_ref());
            }
        }
    }

    /// Whether a contract must not be created at the account: it has a nonce, code (EIP-684) or storage (EIP-7610).
    pub(crate) fn is_address_taken(&mut self, id: AccountId) -> Result<bool, R::Error> {
        self.load(id)?;
        if self.journal.has_nonce(id) || self.journal.code_hash(id) != KECCAK256_EMPTY {
            return Ok(true);
        }
        let address = self.journal.account(id).address;
        Ok(self.journal.has_live_slots(id)
            || (self.journal.has_storage_before(id) && self.reader.has_storage((id, address))?))
    }

    /// Whether the fee for the beneficiary is noted instead of paid: the transaction did not look at the account, and what it
    /// gets makes it exist whatever it was. Other transactions then do not stand in the way.
    pub(crate) fn defers_fee(&self, beneficiary: AccountId, fee: &U256) -> bool {
        R::DEFERS_FEES && !fee.is_zero() && !self.journal.account(beneficiary).is_loaded
    }

    /// Moves wei; the sender's balance must cover it and both accounts be loaded.
    pub(crate) fn transfer(&mut self, from: AccountId, to: AccountId, value: U256) {
        if !value.is_zero() {
            self.journal.debit(from, value);
            self.journal.credit(to, value);
        }
    }

    /// Balance in wei.
    pub(crate) fn read_balance(&mut self, id: AccountId) -> Result<U256, R::Error> {
        self.load(id)?;
        Ok(self.journal.balance(id))
    }

    /// The account's code, analysed.
    pub(crate) fn read_code(&mut self, id: AccountId) -> Result<Arc<Code>, R::Error> {
        self.load(id)?;
        if let Some(code) = self.journal.known_code(id) {
            return Ok(code);
        }
        let hash = self.journal.code_hash(id);
        let code = match self.codes.get(&hash) {
            Some(code) => code,
            None => self.codes.analysed(&self.reader.code(hash)?, hash),
        };
        self.journal.load_code(id, code.clone());
        Ok(code)
    }

    /// The account that this code delegates to under the rules in force (EIP-7702).
    pub(crate) fn delegation(&self, code: &Code) -> Option<Address> {
        Schedule::of(self.fork).delegation(code)
    }

    /// Keeps the error of a failed read for whoever runs the interpreter.
    #[inline]
    fn interruptible<T>(&mut self, read: Result<T, R::Error>) -> Result<T, Interrupted> {
        read.map_err(|error| {
            self.error = Some(error);
            Interrupted
        })
    }

    fn read_slot(&mut self, id: SlotId) -> Result<U256, R::Error> {
        if let Some(value) = self.journal.slot_value(id) {
            return Ok(value);
        }
        let (account, key) = self.journal.slot_location(id);
        self.load(account)?;
        // An account that did not exist before the block has nothing in the state before.
        let value = if self.journal.has_storage_before(account) {
            self.reader.storage(id, (account, self.journal.account(account).address), key)?
        } else {
            U256::ZERO
        };
        self.journal.load_slot(id, value);
        Ok(value)
    }
}

impl<R: Source, C: Crypto> Host for StateAccess<'_, R, C> {
    fn block(&self) -> &BlockEnv {
        self.block
    }

    fn transaction(&self) -> &TransactionEnv {
        &self.transaction
    }

    fn keccak256(&mut self, data: &[u8]) -> B256 {
        match data.first_chunk::<64>() {
            Some(pair) if data.len() == 64 => {
                self.hashes.get(pair, |pair| self.crypto.keccak256(pair))
            }
            _ => self.crypto.keccak256(data),
        }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Interrupted> {
        let read = self.reader.block_hash(number);
        self.interruptible(read)
    }

    fn account(&mut self, address: Address) -> AccountId {
        self.journal.intern(address, |address| self.precompiles.contains(address))
    }

    fn is_account_cold(&self, account: AccountId) -> bool {
        self.fork >= Hardfork::Berlin && self.journal.is_account_cold(account)
    }

    fn warm_account(&mut self, account: AccountId) {
        self.journal.warm_account(account);
    }

    fn balance(&mut self, account: AccountId) -> Result<U256, Interrupted> {
        let read = self.read_balance(account);
        self.interruptible(read)
    }

    fn code(&mut self, account: AccountId) -> Result<Arc<Code>, Interrupted> {
        let read = self.read_code(account);
        self.interruptible(read)
    }

    fn code_hash(&mut self, account: AccountId) -> Result<B256, Interrupted> {
        let read = self.load(account);
        self.interruptible(read)?;
        Ok(self.journal.visible_code_hash(account))
    }

    fn is_dead(&mut self, id: AccountId) -> Result<bool, Interrupted> {
        let read = self.load(id);
        self.interruptible(read)?;
        Ok(if self.fork >= Hardfork::SpuriousDragon {
            self.journal.is_empty(id)
        } else {
            !self.journal.exists(id)
        })
    }

    fn slot(&mut self, account: AccountId, key: U256) -> SlotId {
        self.journal.slot(account, key)
    }

    fn is_slot_cold(&self, slot: SlotId) -> bool {
        self.fork >= Hardfork::Berlin && self.journal.is_slot_cold(slot)
    }

    fn warm_slot(&mut self, slot: SlotId) {
        self.journal.warm_slot(slot);
    }

    fn sload(&mut self, slot: SlotId) -> Result<U256, Interrupted> {
        let read = self.read_slot(slot);
        self.interruptible(read)
    }

    fn slot_values(&mut self, slot: SlotId) -> Result<SlotValues, Interrupted> {
        let read = self.read_slot(slot);
        let current = self.interruptible(read)?;
        Ok(SlotValues { original: self.journal.slot_original(slot), current })
    }

    fn sstore(&mut self, slot: SlotId, value: U256) {
        self.journal.set_slot(slot, value);
    }

    fn tload(&mut self, account: AccountId, key: U256) -> U256 {
        self.journal.transient(account, key)
    }

    fn tstore(&mut self, account: AccountId, key: U256, value: U256) {
        self.journal.set_transient(account, key, value);
    }

    fn log(&mut self, log: Log) {
        self.journal.log(log);
    }

    fn self_destruct(
        &mut self,
        account: AccountId,
        beneficiary: AccountId,
    ) -> Result<bool, Interrupted> {
        let balance = self.balance(account)?;
        let read = self.load(beneficiary);
        self.interruptible(read)?;
        let was_destroyed = self.journal.is_destroyed_now(account);
        let is_destroyed = self.fork < Hardfork::Cancun || self.journal.is_created_now(account);
        // The beneficiary is touched even where nothing is sent (EIP-161).
        self.journal.touch(beneficiary);
        if account != beneficiary {
            self.transfer(account, beneficiary, balance);
        } else if is_destroyed {
            // Destroying an account in its own favour burns its balance.
            self.journal.set_balance(account, U256::ZERO);
        }
        if is_destroyed {
            self.journal.mark_destroyed(account);
        }
        Ok(was_destroyed)
    }
}
