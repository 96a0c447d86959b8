//! A state and a block on it, put together piece by piece.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use braid_executor::{Block, Engine, ExecutionStatus, Mode};
use braid_primitives::{
    Authorization, BlockContext, BlockEnv, ChainSpec, Hardfork, Transaction, TransactionType,
};

use super::{Both, Seen, THREADS, within};
use crate::world::World;

/// Longest that a scene may take on all numbers of threads: no less than a hundred times what it does.
const LIMIT: Duration = Duration::from_secs(60);

/// How often each scene is executed on each number of threads: speculation does not go the same way twice.
const ROUNDS: usize = 3;

/// Wei in an ether.
pub const ETHER: u128 = 1_000_000_000_000_000_000;

/// The beneficiary of blocks unless a scene says otherwise.
pub const BENEFICIARY: Address = Address::repeat_byte(0xbe);

/// A state and a block.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Rules in force.
    pub fork: Hardfork,
    /// The state before.
    pub world: World,
    /// The block.
    pub block: Block,
    /// What an invalid transaction means.
    pub mode: Mode,
}

impl Scene {
    /// An empty block on an empty state.
    pub fn new(fork: Hardfork) -> Self {
        let env = BlockEnv {
            number: 1_000,
            timestamp: 1_700_000_000,
            gas_limit: 1_000_000_000,
            base_fee: if fork >= Hardfork::London { 7 } else { 0 },
            beneficiary: BENEFICIARY,
            ..BlockEnv::default()
        };
        let context = BlockContext {
            parent_hash: B256::repeat_byte(0xaa),
            parent_beacon_block_root: Some(B256::repeat_byte(0xbb)),
            withdrawals: Some(Vec::new()),
            ..BlockContext::default()
        };
        let block = Block { env, context, ..Block::default() };
        Self { fork, world: World::default(), block, mode: Mode::Verify }
    }

    /// Gives an account a balance.
    pub fn fund(&mut self, address: Address, wei: u128) -> &mut Self {
        self.world.accounts.entry(address).or_default().info.balance = U256::from(wei);
        self
    }

    /// Gives an account a nonce.
    pub fn nonce(&mut self, address: Address, nonce: u64) -> &mut Self {
        self.world.accounts.entry(address).or_default().info.nonce = nonce;
        self
    }

    /// Puts a contract into the state.
    pub fn contract(&mut self, address: Address, code: impl Into<Bytes>) -> &mut Self {
        self.world.set_code(address, code.into());
        self.world.accounts.entry(address).or_default().info.nonce = 1;
        self
    }

    /// Delegates an account (EIP-7702).
    pub fn delegate(&mut self, address: Address, target: Address) -> &mut Self {
        self.world.set_code(address, designator(target));
        self
    }

    /// Sets a slot.
    pub fn slot(&mut self, address: Address, slot: u64, value: u64) -> &mut Self {
        let account = self.world.accounts.entry(address).or_default();
        account.set_slot(U256::from(slot), U256::from(value));
        self
    }

    /// Adds a transaction, with the nonce that the sender has when only its transactions raise it.
    pub fn push(&mut self, transaction: Transaction) -> &mut Self {
        let sender = transaction.sender;
        let before = self.world.accounts.get(&sender).map_or(0, |account| account.info.nonce);
        let sent = self.block.transactions.iter().filter(|tx| tx.sender == sender).count() as u64;
        self.push_as_it_is(Transaction { nonce: before + sent, ..transaction })
    }

    /// Adds a transaction whose nonce is what it is.
    pub fn push_as_it_is(&mut self, transaction: Transaction) -> &mut Self {
        self.block.transactions.push(transaction);
        self
    }

    /// The chain.
    pub fn spec(&self) -> ChainSpec {
        ChainSpec::single(self.fork)
    }

    /// Executes the block sequentially and on each number of threads, more than once, on every engine. Returns what is to be
    /// seen.
    ///
    /// # Panics
    /// If there is any difference, or no end to it.
    pub fn play(&self) -> Seen {
        let scene = self.clone();
        within(LIMIT, "the scene", move || scene.compare())
    }

    fn compare(&self) -> Seen {
        let mut both = Both::of(self);
        let mut seen = None;
        for round in 0..ROUNDS {
            both.set_engine([Engine::Adaptive, Engine::Threaded, Engine::Plain][round % 3]);
            match both.compare(&self.block, &self.world, &THREADS) {
                Ok(found) => seen = Some(found),
                Err(difference) => panic!("{difference}\n{self:#?}"),
            }
        }
        let Some(seen) = seen else { unreachable!("there is a round") };
        seen
    }

    /// [`Self::play`], and the state after the block, which must be valid and whose write sets must be exact.
    ///
    /// # Panics
    /// If it is not, or they are not.
    pub fn play_out(&self) -> (Seen, World) {
        let seen = self.play();
        let mut world = self.world.clone();
        let applied = world.apply(&seen.outcome().state);
        applied.unwrap_or_else(|error| panic!("{error}"));
        let mut stepped = self.world.clone();
        for (step, delta) in &seen.steps {
            stepped.apply(delta).unwrap_or_else(|error| panic!("{step:?}: {error}"));
        }
        assert_eq!(stepped.accounts, world.accounts, "the steps make up the block");
        (seen, world)
    }
}

/// A scene with people who have enough.
pub fn peopled(fork: Hardfork) -> Scene {
    let mut scene = Scene::new(fork);
    for number in 0..20 {
        scene.fund(person(number), ETHER);
    }
    scene
}

/// A small value of a slot; zero where there is none.
pub fn slot(world: &World, address: Address, slot: u64) -> u64 {
    let account = world.accounts.get(&address);
    let value = account.and_then(|account| account.storage.get(&U256::from(slot)));
    value.map_or(0, |value| value.to())
}

/// The balance in wei of an account; zero where there is none.
pub fn balance(world: &World, address: Address) -> U256 {
    world.accounts.get(&address).map_or(U256::ZERO, |account| account.info.balance)
}

/// How the transactions ended that were not left out.
pub fn statuses(seen: &Seen) -> Vec<ExecutionStatus> {
    seen.transactions().map(|(_, outcome)| outcome.status).collect()
}

/// Asserts that all transactions succeeded.
///
/// # Panics
/// If one did not.
pub fn all_succeed(seen: &Seen) {
    assert!(statuses(seen).iter().all(|status| status.is_success()), "{:?}", statuses(seen));
}

/// The code that delegates to `target`.
pub fn designator(target: Address) -> Bytes {
    [&[0xef, 0x01, 0x00], target.as_slice()].concat().into()
}

/// A person: an account without code.
pub fn person(number: u64) -> Address {
    let mut address = Address::repeat_byte(0x50);
    address[12..].copy_from_slice(&number.to_be_bytes());
    address
}

/// A call without data, at a price that every base fee of scenes allows.
pub fn pay(sender: Address, to: Address, wei: u128) -> Transaction {
    Transaction {
        sender,
        to: TxKind::Call(to),
        value: U256::from(wei),
        gas_limit: 21_000,
        max_fee_per_gas: 10,
        max_priority_fee_per_gas: 10,
        ..Transaction::default()
    }
}

/// A call with data and gas for what contracts of scenes do.
pub fn call(sender: Address, to: Address, input: impl Into<Bytes>) -> Transaction {
    Transaction { gas_limit: 500_000, input: input.into(), ..pay(sender, to, 0) }
}

/// A creation.
pub fn create(sender: Address, initcode: impl Into<Bytes>, wei: u128) -> Transaction {
    let to = TxKind::Create;
    Transaction {
        to,
        gas_limit: 1_000_000,
        input: initcode.into(),
        ..pay(sender, Address::ZERO, wei)
    }
}

/// A call that delegates accounts first (EIP-7702).
pub fn set_code(
    sender: Address,
    to: Address,
    authorizations: &[(Address, Address, u64)],
) -> Transaction {
    let authorize = |&(authority, address, nonce): &(Address, Address, u64)| Authorization {
        chain_id: U256::from(1),
        address,
        nonce,
        authority: Some(authority),
    };
    Transaction {
        tx_type: TransactionType::SetCode,
        chain_id: Some(1),
        authorizations: authorizations.iter().map(authorize).collect(),
        ..call(sender, to, Bytes::new())
    }
}

/// Words as calldata.
pub fn words<const N: usize>(words: [U256; N]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect()
}

/// An address as a word.
pub fn word(address: Address) -> U256 {
    U256::from_be_bytes(address.into_word().0)
}
