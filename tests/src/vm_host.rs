//! A host for one frame of code: accounts in a map, no transaction around it; reads are interrupted at random if asked for.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Log, U256, keccak256, map::HashMap};
use braid_interpreter::{AccountId, Code, Host, Interrupted, SlotId, SlotValues, TransactionEnv};
use braid_primitives::{BlockEnv, StateReader};

use crate::{random::Random, world::World};

/// A state that one frame works on. Nothing is undone and no call is served.
#[derive(Debug)]
pub struct VmHost {
    /// The state, changed as the frame goes.
    pub world: World,
    /// Logs in order.
    pub logs: Vec<Log>,
    block: BlockEnv,
    transaction: TransactionEnv,
    before: World,
    accounts: Vec<Address>,
    slots: Vec<(Address, U256)>,
    transient: HashMap<(AccountId, U256), U256>,
    interrupts: Option<Random>,
}

impl VmHost {
    /// A host on the state `world`.
    pub fn new(world: World, block: BlockEnv, transaction: TransactionEnv) -> Self {
        Self {
            before: world.clone(),
            world,
            logs: Vec::new(),
            block,
            transaction,
            accounts: Vec::new(),
            slots: Vec::new(),
            transient: HashMap::default(),
            interrupts: None,
        }
    }

    /// From now on every other read or so is interrupted.
    #[must_use]
    pub fn interrupting(mut self, seed: u64) -> Self {
        self.interrupts = Some(Random::new(seed));
        self
    }

    fn read(&mut self) -> Result<(), Interrupted> {
        let is_interrupted = self.interrupts.as_mut().is_some_and(|random| random.one_in(2));
        if is_interrupted { Err(Interrupted) } else { Ok(()) }
    }

    fn address(&self, account: AccountId) -> Address {
        self.accounts[account.0 as usize]
    }

    fn location(&self, slot: SlotId) -> (Address, U256) {
        self.slots[slot.0 as usize]
    }
}

/// The position of `item` in the list, to whose end it is added if it is new.
fn intern<T: PartialEq>(list: &mut Vec<T>, item: T) -> u32 {
    let known = list.iter().position(|known| *known == item);
    let index = known.unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    });
    index as u32
}

fn value(world: &World, (address, key): (Address, U256)) -> U256 {
    let Ok(value) = world.storage(address, key);
    value
}

impl Host for VmHost {
    fn block(&self) -> &BlockEnv {
        &self.block
    }

    fn transaction(&self) -> &TransactionEnv {
        &self.transaction
    }

    fn keccak256(&mut self, data: &[u8]) -> B256 {
        keccak256(data)
    }

    /// Keccak-256 of the number in decimal digits, as the makers of the tests agreed on.
    fn block_hash(&mut self, number: u64) -> Result<B256, Interrupted> {
        self.read()?;
        Ok(keccak256(number.to_string()))
    }

    fn account(&mut self, address: Address) -> AccountId {
        AccountId(intern(&mut self.accounts, address))
    }

    fn is_account_cold(&self, _: AccountId) -> bool {
        false
    }

    fn warm_account(&mut self, _: AccountId) {}

    fn balance(&mut self, account: AccountId) -> Result<U256, Interrupted> {
        self.read()?;
        let account = self.world.accounts.get(&self.address(account));
        Ok(account.map(|account| account.info.balance).unwrap_or_default())
    }

    fn code(&mut self, account: AccountId) -> Result<Arc<Code>, Interrupted> {
        let hash = self.code_hash(account)?;
        let Ok(code) = self.world.code(hash);
        Ok(Arc::new(Code::new(&code, hash)))
    }

    fn code_hash(&mut self, account: AccountId) -> Result<B256, Interrupted> {
        self.read()?;
        let account = self.world.accounts.get(&self.address(account));
        Ok(account.map(|account| account.info.code_hash).unwrap_or_default())
    }

    fn is_dead(&mut self, account: AccountId) -> Result<bool, Interrupted> {
        self.read()?;
        Ok(!self.world.accounts.contains_key(&self.address(account)))
    }

    fn slot(&mut self, account: AccountId, key: U256) -> SlotId {
        let location = (self.address(account), key);
        SlotId(intern(&mut self.slots, location))
    }

    fn is_slot_cold(&self, _: SlotId) -> bool {
        false
    }

    fn warm_slot(&mut self, _: SlotId) {}

    fn sload(&mut self, slot: SlotId) -> Result<U256, Interrupted> {
        self.read()?;
        Ok(value(&self.world, self.location(slot)))
    }

    fn slot_values(&mut self, slot: SlotId) -> Result<SlotValues, Interrupted> {
        self.read()?;
        let location = self.location(slot);
        let (original, current) = (value(&self.before, location), value(&self.world, location));
        Ok(SlotValues { original, current })
    }

    fn sstore(&mut self, slot: SlotId, value: U256) {
        let (address, key) = self.location(slot);
        self.world.accounts.entry(address).or_default().set_slot(key, value);
    }

    fn tload(&mut self, account: AccountId, key: U256) -> U256 {
        self.transient.get(&(account, key)).copied().unwrap_or_default()
    }

    fn tstore(&mut self, account: AccountId, key: U256, value: U256) {
        self.transient.insert((account, key), value);
    }

    fn log(&mut self, log: Log) {
        self.logs.push(log);
    }

    fn self_destruct(
        &mut self,
        account: AccountId,
        beneficiary: AccountId,
    ) -> Result<bool, Interrupted> {
        let balance = self.balance(account)?;
        if account != beneficiary {
            let beneficiary = self.address(beneficiary);
            self.world.accounts.entry(beneficiary).or_default().info.balance += balance;
        }
        self.world.accounts.remove(&self.address(account));
        Ok(false)
    }
}
