//! A host for one frame of code: accounts in a map, no transaction around it; reads are interrupted at random if asked for.

use std::sync::Arc;

use alloy_primitives::{
    Address, B256, Log, U256, keccak256,
    map::{HashMap, HashSet},
};
use braid_interpreter::{AccountId, Code, Host, Interrupted, SlotId, SlotValues, TransactionEnv};
use braid_primitives::{BlockEnv, StateReader};

use crate::{random::Random, world::World};

/// What a frame asked of its host, with keys instead of ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostCall {
    /// A read that was answered, with its name.
    Read(&'static str, Location),
    /// An account or slot was marked as accessed.
    Warm(Location),
    /// A slot was written.
    Store(Location, U256),
    /// A transient slot was written.
    TransientStore(Location, U256),
    /// A log was emitted.
    Log(Log),
    /// An account was destroyed in favour of another.
    SelfDestruct(Address, Address),
}

impl HostCall {
    /// Whether state outside the frame is read: it shows even if the frame fails.
    pub const fn is_read(&self) -> bool {
        matches!(self, Self::Read(..) | Self::SelfDestruct(..))
    }
}

/// What a call of the host is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// An account.
    Account(Address),
    /// A slot.
    Slot(Address, U256),
    /// A block.
    Block(u64),
}

/// A state that one frame works on. Nothing is undone and no call is served.
#[derive(Debug)]
pub struct VmHost {
    /// The state, changed as the frame goes.
    pub world: World,
    /// Logs in order.
    pub logs: Vec<Log>,
    /// What the frame asked for, in order.
    pub calls: Vec<HostCall>,
    block: BlockEnv,
    transaction: TransactionEnv,
    before: World,
    accounts: Vec<Address>,
    slots: Vec<(Address, U256)>,
    transient: HashMap<(AccountId, U256), U256>,
    interrupts: Option<Random>,
    /// What was accessed, if that is tracked.
    warm: Option<HashSet<Location>>,
}

impl VmHost {
    /// A host on the state `world`.
    pub fn new(world: World, block: BlockEnv, transaction: TransactionEnv) -> Self {
        Self {
            before: world.clone(),
            world,
            logs: Vec::new(),
            calls: Vec::new(),
            block,
            transaction,
            accounts: Vec::new(),
            slots: Vec::new(),
            transient: HashMap::default(),
            interrupts: None,
            warm: None,
        }
    }

    /// Accounts and slots are cold at first (EIP-2929).
    #[must_use]
    pub fn tracking_accesses(mut self) -> Self {
        self.warm = Some(HashSet::default());
        self
    }

    /// From now on every other read or so is interrupted.
    #[must_use]
    pub fn interrupting(mut self, seed: u64) -> Self {
        self.interrupts = Some(Random::new(seed));
        self
    }

    fn read(&mut self, name: &'static str, location: Location) -> Result<(), Interrupted> {
        if self.interrupts.as_mut().is_some_and(|random| random.one_in(2)) {
            return Err(Interrupted);
        }
        self.calls.push(HostCall::Read(name, location));
        Ok(())
    }

    fn read_account(
        &mut self,
        name: &'static str,
        account: AccountId,
    ) -> Result<Address, Interrupted> {
        let address = self.address(account);
        self.read(name, Location::Account(address))?;
        Ok(address)
    }

    fn is_cold(&self, location: Location) -> bool {
        self.warm.as_ref().is_some_and(|warm| !warm.contains(&location))
    }

    fn warm(&mut self, location: Location) {
        self.calls.push(HostCall::Warm(location));
        if let Some(warm) = &mut self.warm {
            warm.insert(location);
        }
    }

    fn address(&self, account: AccountId) -> Address {
        self.accounts[account.0 as usize]
    }

    fn key(&self, slot: SlotId) -> (Address, U256) {
        self.slots[slot.0 as usize]
    }

    fn location(&self, slot: SlotId) -> Location {
        let (address, key) = self.key(slot);
        Location::Slot(address, key)
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
        self.read("block hash", Location::Block(number))?;
        Ok(keccak256(number.to_string()))
    }

    fn account(&mut self, address: Address) -> AccountId {
        AccountId(intern(&mut self.accounts, address))
    }

    fn is_account_cold(&self, account: AccountId) -> bool {
        self.is_cold(Location::Account(self.address(account)))
    }

    fn warm_account(&mut self, account: AccountId) {
        self.warm(Location::Account(self.address(account)));
    }

    fn balance(&mut self, account: AccountId) -> Result<U256, Interrupted> {
        let address = self.read_account("balance", account)?;
        let account = self.world.accounts.get(&address);
        Ok(account.map(|account| account.info.balance).unwrap_or_default())
    }

    fn code(&mut self, account: AccountId) -> Result<Arc<Code>, Interrupted> {
        let address = self.read_account("code", account)?;
        let hash = self.world.accounts.get(&address).map(|account| account.info.code_hash);
        let hash = hash.unwrap_or_default();
        let Ok(code) = self.world.code(hash);
        Ok(Arc::new(Code::new(&code, hash)))
    }

    fn code_hash(&mut self, account: AccountId) -> Result<B256, Interrupted> {
        let address = self.read_account("code hash", account)?;
        let account = self.world.accounts.get(&address);
        Ok(account.map(|account| account.info.code_hash).unwrap_or_default())
    }

    fn is_dead(&mut self, account: AccountId) -> Result<bool, Interrupted> {
        let address = self.read_account("is dead", account)?;
        Ok(!self.world.accounts.contains_key(&address))
    }

    fn slot(&mut self, account: AccountId, key: U256) -> SlotId {
        let slot = (self.address(account), key);
        SlotId(intern(&mut self.slots, slot))
    }

    fn is_slot_cold(&self, slot: SlotId) -> bool {
        self.is_cold(self.location(slot))
    }

    fn warm_slot(&mut self, slot: SlotId) {
        self.warm(self.location(slot));
    }

    fn sload(&mut self, slot: SlotId) -> Result<U256, Interrupted> {
        self.read("slot", self.location(slot))?;
        Ok(value(&self.world, self.key(slot)))
    }

    fn slot_values(&mut self, slot: SlotId) -> Result<SlotValues, Interrupted> {
        self.read("slot values", self.location(slot))?;
        let key = self.key(slot);
        Ok(SlotValues { original: value(&self.before, key), current: value(&self.world, key) })
    }

    fn sstore(&mut self, slot: SlotId, value: U256) {
        self.calls.push(HostCall::Store(self.location(slot), value));
        let (address, key) = self.key(slot);
        self.world.accounts.entry(address).or_default().set_slot(key, value);
    }

    fn tload(&mut self, account: AccountId, key: U256) -> U256 {
        self.transient.get(&(account, key)).copied().unwrap_or_default()
    }

    fn tstore(&mut self, account: AccountId, key: U256, value: U256) {
        let location = Location::Slot(self.address(account), key);
        self.calls.push(HostCall::TransientStore(location, value));
        self.transient.insert((account, key), value);
    }

    fn log(&mut self, log: Log) {
        self.calls.push(HostCall::Log(log.clone()));
        self.logs.push(log);
    }

    fn self_destruct(
        &mut self,
        account: AccountId,
        beneficiary: AccountId,
    ) -> Result<bool, Interrupted> {
        let balance = self.balance(account)?;
        let (address, beneficiary) = (self.address(account), self.address(beneficiary));
        self.calls.push(HostCall::SelfDestruct(address, beneficiary));
        if address != beneficiary {
            self.world.accounts.entry(beneficiary).or_default().info.balance += balance;
        }
        self.world.accounts.remove(&address);
        Ok(false)
    }
}
