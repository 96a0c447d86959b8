//! The state before a synthetic block, and its transactions, as they are thought up.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256, map::AddressMap};
use braid_executor::{Block, MemoryState};
use braid_primitives::{
    AccountInfo, BlockContext, BlockEnv, ChainSpec, Hardfork, StateReader, Transaction,
};

use super::{
    BenchBlock, Origin,
    assembler::{assemble, selector},
};

/// Gas of a plain transfer.
pub const TRANSFER_GAS: u64 = 21_000;
/// Gas of a token transfer between holders that keep some, about.
pub const TOKEN_TRANSFER_GAS: u64 = 33_770;
/// Gas of an exchange with a pool that others have used in the block before, about.
pub const SWAP_GAS: u64 = 71_400;
/// Gas of the first exchange with a pool in a block, about.
pub const FIRST_SWAP_GAS: u64 = 81_490;
/// Gas of a link of the serial chain, about.
pub const LINK_GAS: u64 = 27_400;

/// Wei for each gas that is burnt, and that the beneficiary gets on top.
const BASE_FEE: u64 = 7;
const TIP: u64 = 1;

/// Seconds since the Unix epoch: of the block, and of when pools were used last.
const TIME: u64 = 1_764_900_000;
const EARLIER: u64 = TIME - 12;

/// Where contracts keep things; see their sources.
const TOTAL_SUPPLY_SLOT: U256 = U256::from_limbs([2, 0, 0, 0]);
const BALANCES_SLOT: u64 = 3;
const ALLOWANCES_SLOT: u64 = 4;
const RESERVES_SLOT: u64 = 8;

/// What somebody has of a token to begin with, in its smallest units.
pub const HOLDING: u128 = 1_000_000_000_000_000_000_000;
/// What a pool has of each.
pub const RESERVE: u128 = 1_000 * HOLDING;

/// Says what an account is for; part of its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Sends transactions.
    Sender,
    /// Gets something.
    Recipient,
    /// A token.
    Token,
    /// A pool.
    Pool,
    /// The contract of the serial chain.
    Chain,
    /// Gets the tips.
    Beneficiary,
}

/// An address that looks random, as those of users do, and is the same in each run.
pub fn account(role: Role, index: u64) -> Address {
    let hash = keccak256([&[role as u8][..], &index.to_be_bytes()].concat());
    Address::from_word(hash)
}

/// A pool and what it exchanges.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// The contract.
    pub address: Address,
    /// The tokens, in its order.
    pub tokens: [Address; 2],
}

/// See the module's documentation.
#[derive(Debug)]
pub struct World {
    state: MemoryState,
    transactions: Vec<Transaction>,
    nonces: AddressMap<u64>,
    token_code: B256,
    pool_code: B256,
    chain_code: B256,
    /// What the transactions use, about.
    gas: u64,
    gas_wanted: u64,
}

impl World {
    /// An empty one, for transactions that use about this much gas together.
    pub fn new(gas_wanted: u64) -> Self {
        let mut state = MemoryState::new();
        let mut code = |source| state.insert_code(assemble(source).into());
        let token_code = code(include_str!("contracts/token.asm"));
        let pool_code = code(include_str!("contracts/pool.asm"));
        let chain_code = code(include_str!("contracts/chain.asm"));
        Self {
            state,
            transactions: Vec::new(),
            nonces: AddressMap::default(),
            token_code,
            pool_code,
            chain_code,
            gas: 0,
            gas_wanted,
        }
    }

    /// Whether there is no room for another transaction of this much gas. There always is for the first.
    pub fn is_full_for(&self, gas: u64) -> bool {
        !self.transactions.is_empty() && self.gas + gas > self.gas_wanted
    }

    /// Makes sure that an account has ether.
    pub fn fund(&mut self, address: Address) -> Address {
        if self.state.account(address).unwrap_or_default().is_none() {
            let balance = U256::from(10).pow(U256::from(20));
            self.state.insert_account(address, AccountInfo { balance, ..Default::default() });
        }
        address
    }

    fn contract(&mut self, address: Address, code_hash: B256) -> Address {
        let info = AccountInfo { nonce: 1, code_hash, ..Default::default() };
        self.state.insert_account(address, info);
        address
    }

    /// A token.
    pub fn token(&mut self, index: u64) -> Address {
        self.contract(account(Role::Token, index), self.token_code)
    }

    /// A pool of two tokens, with as much of the one as of the other.
    pub fn pool(&mut self, index: u64, tokens: [Address; 2]) -> Pool {
        let address = self.contract(account(Role::Pool, index), self.pool_code);
        for (slot, token) in (6_u64..).zip(tokens) {
            self.set(address, U256::from(slot), U256::from_be_slice(token.as_slice()));
            self.hold(token, address, RESERVE);
        }
        let reserve = U256::from(RESERVE);
        let packed = reserve | reserve << 112 | U256::from(EARLIER) << 224;
        self.set(address, U256::from(RESERVES_SLOT), packed);
        // Sums of prices, and nobody inside: no slot of a pool that is in use is zero.
        for (slot, value) in [(9_u64, 1_u64 << 60), (10, 1 << 61), (12, 1)] {
            self.set(address, U256::from(slot), U256::from(value));
        }
        Pool { address, tokens }
    }

    /// The contract of the serial chain.
    pub fn chain(&mut self) -> Address {
        let address = self.contract(account(Role::Chain, 0), self.chain_code);
        self.set(address, U256::ZERO, U256::MAX);
        address
    }

    fn set(&mut self, address: Address, slot: U256, value: U256) {
        self.state.insert_storage(address, slot, value);
    }

    fn get(&self, address: Address, slot: U256) -> U256 {
        self.state.storage(address, slot).unwrap_or_default()
    }

    /// Makes sure that `holder` has some of `token`.
    pub fn hold(&mut self, token: Address, holder: Address, amount: u128) {
        let slot = balance_slot(holder);
        if self.get(token, slot).is_zero() {
            self.set(token, slot, U256::from(amount));
            let supply = self.get(token, TOTAL_SUPPLY_SLOT) + U256::from(amount);
            self.set(token, TOTAL_SUPPLY_SLOT, supply);
        }
    }

    /// A plain transfer of one wei.
    pub fn transfer(&mut self, sender: Address, recipient: Address) {
        let value = U256::from(1);
        self.send(sender, recipient, value, Bytes::new(), TRANSFER_GAS);
        if let Some(last) = self.transactions.last_mut() {
            last.gas_limit = TRANSFER_GAS;
        }
    }

    /// A transfer of a token, between two that hold some.
    pub fn token_transfer(&mut self, token: Address, sender: Address, recipient: Address) {
        self.hold(token, sender, HOLDING);
        self.hold(token, recipient, HOLDING);
        let amount = 1_000_000 + self.transactions.len() as u64;
        let words = [word(recipient), U256::from(amount)];
        let input = calldata("transfer(address,uint256)", &words);
        self.send(sender, token, U256::ZERO, input, TOKEN_TRANSFER_GAS);
    }

    /// Gives a pool some of one token for some of the other. `is_first`: in this block.
    pub fn swap(&mut self, pool: Pool, sender: Address, which_in: usize, is_first: bool) {
        let token_in = pool.tokens[which_in % 2];
        for token in pool.tokens {
            self.hold(token, sender, HOLDING);
        }
        self.set(token_in, allowance_slot(sender, pool.address), U256::MAX);
        let amount = HOLDING / 1_000 + self.transactions.len() as u128;
        let words = [word(token_in), U256::from(amount), U256::from(1), word(sender)];
        let input = calldata("swap(address,uint256,uint256,address)", &words);
        let gas = if is_first { FIRST_SWAP_GAS } else { SWAP_GAS };
        self.send(sender, pool.address, U256::ZERO, input, gas);
    }

    /// A link of the serial chain.
    pub fn link(&mut self, chain: Address, sender: Address) {
        self.send(sender, chain, U256::ZERO, Bytes::new(), LINK_GAS);
    }

    fn send(&mut self, sender: Address, to: Address, value: U256, input: Bytes, gas: u64) {
        self.fund(sender);
        let nonce = self.nonces.entry(sender).or_default();
        self.transactions.push(Transaction {
            sender,
            nonce: *nonce,
            // Wallets leave some room.
            gas_limit: gas + gas / 4,
            max_fee_per_gas: u128::from(BASE_FEE + TIP),
            max_priority_fee_per_gas: u128::from(BASE_FEE + TIP),
            to: TxKind::Call(to),
            value,
            input,
            ..Default::default()
        });
        *nonce += 1;
        self.gas += gas;
    }

    /// The block.
    pub fn into_block(mut self, name: &str) -> BenchBlock {
        let beneficiary = self.fund(account(Role::Beneficiary, 0));
        let gas_limit = self.transactions.iter().map(|tx| tx.gas_limit).sum();
        let env = BlockEnv {
            number: 1,
            timestamp: TIME,
            gas_limit,
            base_fee: BASE_FEE,
            beneficiary,
            ..Default::default()
        };
        let context = BlockContext {
            parent_beacon_block_root: Some(B256::ZERO),
            withdrawals: Some(Vec::new()),
            ..Default::default()
        };
        BenchBlock {
            name: name.to_owned(),
            origin: Origin::Synthetic,
            spec: ChainSpec::single(Hardfork::Osaka),
            block: Block { env, context, transactions: self.transactions },
            state: self.state,
            is_state_complete: false,
        }
    }
}

/// Where a token keeps what somebody has.
pub fn balance_slot(holder: Address) -> U256 {
    mapping_slot(U256::from(BALANCES_SLOT), holder)
}

/// Where a token keeps what `owner` allows `spender` to take.
pub fn allowance_slot(owner: Address, spender: Address) -> U256 {
    mapping_slot(mapping_slot(U256::from(ALLOWANCES_SLOT), owner), spender)
}

/// Where a pool keeps its reserves.
pub fn reserves_slot() -> U256 {
    U256::from(RESERVES_SLOT)
}

/// Where a token keeps how much there is of it.
pub fn total_supply_slot() -> U256 {
    TOTAL_SUPPLY_SLOT
}

fn mapping_slot(mapping: U256, key: Address) -> U256 {
    keccak256([key.into_word().0, mapping.to_be_bytes()].concat()).into()
}

fn word(address: Address) -> U256 {
    U256::from_be_slice(address.as_slice())
}

fn calldata(signature: &str, words: &[U256]) -> Bytes {
    let mut data = selector(signature).to_vec();
    for word in words {
        data.extend_from_slice(&word.to_be_bytes::<32>());
    }
    data.into()
}
