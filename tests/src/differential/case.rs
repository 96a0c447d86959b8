//! Cases: a state, a block and its transactions.

use std::{collections::BTreeMap, fmt};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address};
use braid_primitives::{
    AccessListItem, Authorization, BlockContext, BlockEnv, Hardfork, Transaction, TransactionType,
    Withdrawal,
};

use super::{
    code::CodeGenerator,
    program::{Part, Program},
};
use crate::{
    random::Random,
    world::{World, WorldAccount},
};

/// The hardforks that both engines know. The oracle has no Constantinople without Petersburg.
pub const FORKS: [Hardfork; 14] = [
    Hardfork::Frontier,
    Hardfork::Homestead,
    Hardfork::Tangerine,
    Hardfork::SpuriousDragon,
    Hardfork::Byzantium,
    Hardfork::Petersburg,
    Hardfork::Istanbul,
    Hardfork::Berlin,
    Hardfork::London,
    Hardfork::Paris,
    Hardfork::Shanghai,
    Hardfork::Cancun,
    Hardfork::Prague,
    Hardfork::Osaka,
];

/// Contracts with random code.
const CONTRACTS: [Address; 4] = [
    address!("c0000000000000000000000000000000000000c0"),
    address!("c1000000000000000000000000000000000000c1"),
    address!("c2000000000000000000000000000000000000c2"),
    address!("c3000000000000000000000000000000000000c3"),
];

/// Accounts that send transactions; the last one is delegated where there are delegations.
const SENDERS: [Address; 3] = [
    address!("5e00000000000000000000000000000000000001"),
    address!("5e00000000000000000000000000000000000002"),
    address!("5e00000000000000000000000000000000000003"),
];

/// Accounts without code: one with a balance, one that does not exist, one that is empty where that can be.
const PLAIN: [Address; 3] = [
    address!("ea00000000000000000000000000000000000001"),
    address!("ea00000000000000000000000000000000000002"),
    address!("ea00000000000000000000000000000000000003"),
];

/// Accounts that are delegated (EIP-7702): to a contract, to another delegated account, to themselves, to a precompile.
const DELEGATED: [Address; 4] = [
    address!("de00000000000000000000000000000000000001"),
    address!("de00000000000000000000000000000000000002"),
    address!("de00000000000000000000000000000000000003"),
    address!("de00000000000000000000000000000000000004"),
];

/// One case in so many is about the limit of depth: a contract that calls itself, with more gas than there is in a real block.
/// EIP-7825 has made that impossible.
const DEEP: u64 = 100;

const ETHER: u128 = 1_000_000_000_000_000_000;

/// A state, a block and its transactions.
#[derive(Clone, PartialEq, Eq)]
pub struct Case {
    /// The seed it was made from.
    pub seed: u64,
    /// Rules in force.
    pub fork: Hardfork,
    /// The block.
    pub env: BlockEnv,
    /// The rest of the block.
    pub context: BlockContext,
    /// Accounts before the block, without the code of contracts.
    pub accounts: BTreeMap<Address, WorldAccount>,
    /// Code of the contracts.
    pub programs: BTreeMap<Address, Program>,
    /// Transactions to try, one after the other; those that are invalid are left out.
    pub transactions: Vec<Transaction>,
}

impl Case {
    /// The case that follows from `seed`.
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let fork = random.pick(&FORKS);
        let is_deep = fork < Hardfork::Osaka && random.one_in(DEEP);
        Generator { random: &mut random, fork, is_deep, addresses: Vec::new() }.case(seed, None)
    }

    /// A case with so many transactions, that follows from `seed`; none about the limit of depth.
    pub fn with_transactions(seed: u64, count: u64) -> Self {
        let mut random = Random::new(seed);
        let fork = random.pick(&FORKS);
        let addresses = Vec::new();
        Generator { random: &mut random, fork, is_deep: false, addresses }.case(seed, Some(count))
    }

    /// The state before the block.
    pub fn world(&self) -> World {
        let mut world = World { accounts: self.accounts.clone(), ..World::default() };
        for (address, program) in &self.programs {
            world.set_code(*address, program.assemble());
        }
        world
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {}, {:?}", self.seed, self.fork, self.env)?;
        for (address, account) in &self.accounts {
            writeln!(f, "account {address}: {:?} {:?}", account.info, account.storage)?;
        }
        for (address, program) in &self.programs {
            writeln!(f, "code of {address}: {}", program.assemble())?;
        }
        for withdrawal in self.context.withdrawals.iter().flatten() {
            writeln!(f, "{withdrawal:?}")?;
        }
        for transaction in &self.transactions {
            writeln!(f, "{transaction:?}")?;
        }
        Ok(())
    }
}

struct Generator<'a> {
    random: &'a mut Random,
    fork: Hardfork,
    is_deep: bool,
    /// What programs know.
    addresses: Vec<Address>,
}

impl Generator<'_> {
    fn case(mut self, seed: u64, count: Option<u64>) -> Case {
        self.addresses = self.known_addresses();
        let env = self.block();
        let accounts = self.accounts();
        let mut programs: BTreeMap<_, _> =
            CONTRACTS.into_iter().map(|address| (address, self.contract(&env))).collect();
        if self.fork >= Hardfork::Prague {
            programs.extend(self.designators());
        }
        let count = count.unwrap_or_else(|| 1 + self.random.below(4));
        let nonce = |address: &Address| (*address, accounts[address].info.nonce);
        let mut nonces = SENDERS.iter().map(nonce).collect();
        let transactions = (0..count).map(|_| self.transaction(&env, &mut nonces)).collect();
        let context = self.context();
        Case { seed, fork: self.fork, env, context, accounts, programs, transactions }
    }

    fn known_addresses(&mut self) -> Vec<Address> {
        let mut all = [&CONTRACTS[..], &CONTRACTS, &PLAIN, &SENDERS[..1]].concat();
        // What the first transactions and creations of the senders and contracts would create.
        all.extend([CONTRACTS[0].create(1), CONTRACTS[1].create(1), SENDERS[0].create(0)]);
        all.extend((1..=10).filter(|_| self.random.one_in(4)).map(Address::with_last_byte));
        if self.fork >= Hardfork::Prague {
            all.extend(DELEGATED);
        }
        all
    }

    fn code<'a>(&'a mut self, env: &BlockEnv) -> CodeGenerator<'a> {
        CodeGenerator {
            random: self.random,
            fork: self.fork,
            addresses: &self.addresses,
            block_number: env.number,
        }
    }

    fn contract(&mut self, env: &BlockEnv) -> Program {
        if self.is_deep { self.code(env).recursion() } else { self.code(env).program(14) }
    }

    fn block(&mut self) -> BlockEnv {
        let random = &mut *self.random;
        let merged = self.fork >= Hardfork::Paris;
        let beneficiary = match random.below(6) {
            0 => PLAIN[1],
            1 => SENDERS[0],
            2 => CONTRACTS[0],
            3 => PLAIN[2],
            4 => Address::with_last_byte(3),
            _ => address!("c01bba5e00000000000000000000000000000000"),
        };
        BlockEnv {
            number: random.pick(&[1, 2, 255, 256, 257, 20_000_000]),
            beneficiary,
            timestamp: 1_000 + random.below(1 << 32),
            gas_limit: if self.is_deep { 1 << 50 } else { 1_000_000_000 },
            base_fee: if self.fork >= Hardfork::London { random.pick(&[0, 7, 1_000]) } else { 0 },
            difficulty: if merged { U256::ZERO } else { random.word() },
            prev_randao: B256::from(random.word().to_be_bytes()),
            excess_blob_gas: match self.fork {
                fork if fork >= Hardfork::Cancun => random.pick(&[0, 1 << 17, 20 << 20, 100 << 20]),
                _ => 0,
            },
        }
    }

    fn context(&mut self) -> BlockContext {
        let random = &mut *self.random;
        let withdrawals = (0..random.below(3)).map(|index| Withdrawal {
            index,
            validator_index: 7,
            address: random.pick(&self.addresses),
            amount_gwei: random.below(3),
        });
        BlockContext {
            withdrawals: Some(withdrawals.collect()),
            parent_beacon_block_root: Some(B256::ZERO),
            ..BlockContext::default()
        }
    }

    fn accounts(&mut self) -> BTreeMap<Address, WorldAccount> {
        let mut accounts = BTreeMap::new();
        let mut add = |address, nonce, balance: u128| {
            let account: &mut WorldAccount = accounts.entry(address).or_default();
            account.info.nonce = nonce;
            account.info.balance = U256::from(balance);
        };
        for address in SENDERS {
            let nonce = self.random.pick(&[0, 0, 1, 5]);
            add(address, nonce, 1_000 * ETHER);
        }
        for address in CONTRACTS {
            let nonce = match self.random.below(20) {
                0 => u64::MAX,
                1 => u64::MAX - 1,
                _ => 1,
            };
            add(address, nonce, u128::from(self.random.below(2) * 1_000));
        }
        if self.fork >= Hardfork::Prague {
            for address in DELEGATED {
                let nonce = self.random.below(3);
                add(address, nonce, u128::from(self.random.below(2) * 50));
            }
        }
        add(PLAIN[0], 0, 1);
        if self.random.one_in(20) {
            // Empty, also where there should be no empty accounts any more: see the addendum to EIP-161.
            add(Address::with_last_byte(3), 0, 0);
        }
        if self.fork < Hardfork::SpuriousDragon && self.random.one_in(2) {
            add(PLAIN[2], 0, 0);
        }
        if self.random.one_in(4) {
            add(Address::with_last_byte(1 + self.random.below(9) as u8), 0, 1);
        }
        if self.random.one_in(10) {
            // Something is in the way of a creation.
            add(CONTRACTS[0].create(1), self.random.below(2), 3);
        }
        for address in CONTRACTS {
            let account: &mut WorldAccount = accounts.entry(address).or_default();
            for slot in 0..self.random.below(4) {
                account.set_slot(U256::from(slot), U256::from(1 + self.random.below(2)));
            }
        }
        accounts
    }

    fn designators(&mut self) -> Vec<(Address, Program)> {
        let precompile = Address::with_last_byte(4);
        let mut pairs = vec![
            (DELEGATED[0], CONTRACTS[0]),
            (DELEGATED[1], DELEGATED[0]),
            (DELEGATED[2], DELEGATED[2]),
            (DELEGATED[3], precompile),
        ];
        if self.random.one_in(2) {
            pairs.push((SENDERS[2], self.random.pick(&self.addresses)));
        }
        pairs
            .into_iter()
            .map(|(address, target)| {
                let designator = [&[0xef, 0x01, 0x00], target.as_slice()].concat();
                (address, Program(vec![Part::Code(designator)]))
            })
            .collect()
    }

    fn transaction(&mut self, env: &BlockEnv, nonces: &mut BTreeMap<Address, u64>) -> Transaction {
        let sender = self.random.pick(&SENDERS);
        let tx_type = self.transaction_type();
        let is_call_only = matches!(tx_type, TransactionType::Blob | TransactionType::SetCode);
        let to = match self.random.below(10) {
            0 | 1 if !is_call_only => TxKind::Create,
            2 => TxKind::Call(self.random.pick(&self.addresses)),
            _ => TxKind::Call(self.random.pick(&CONTRACTS)),
        };
        let next = nonces.entry(sender).or_default();
        let nonce = *next;
        *next += 1;
        let mut transaction = Transaction {
            tx_type,
            sender,
            nonce,
            to,
            value: U256::from(self.random.pick(&[0, 0, 0, 1, 1_000])),
            chain_id: (tx_type != TransactionType::Legacy || self.random.one_in(2)).then_some(1),
            ..Transaction::default()
        };
        transaction.input = self.input(env, to);
        self.fees(env, &mut transaction);
        if tx_type != TransactionType::Legacy {
            transaction.access_list = self.access_list();
        }
        if tx_type == TransactionType::Blob {
            let hashes = 1 + self.random.below(3);
            transaction.blob_hashes = (0..hashes).map(|i| B256::repeat_byte(i as u8 + 1)).collect();
            transaction.blob_hashes.iter_mut().for_each(|hash| hash[0] = 1);
            transaction.max_fee_per_blob_gas = 1_000_000_000_000_000;
        }
        if tx_type == TransactionType::SetCode {
            let count = 1 + self.random.below(4);
            transaction.authorizations = (0..count).map(|_| self.authorization()).collect();
        }
        transaction.gas_limit = self.gas_limit();
        self.spoil(&mut transaction);
        transaction
    }

    fn transaction_type(&mut self) -> TransactionType {
        use TransactionType::{AccessList, Blob, DynamicFee, Legacy, SetCode};
        let known: &[TransactionType] = match self.fork {
            fork if fork >= Hardfork::Prague => {
                &[Legacy, AccessList, DynamicFee, Blob, SetCode, SetCode, SetCode]
            }
            fork if fork >= Hardfork::Cancun => &[Legacy, AccessList, DynamicFee, Blob],
            fork if fork >= Hardfork::London => &[Legacy, AccessList, DynamicFee],
            fork if fork >= Hardfork::Berlin => &[Legacy, AccessList],
            _ => &[Legacy],
        };
        if self.random.one_in(60) {
            return self.random.pick(&[AccessList, DynamicFee, Blob, SetCode]);
        }
        self.random.pick(known)
    }

    /// Calldata or initcode.
    fn input(&mut self, env: &BlockEnv, to: TxKind) -> Bytes {
        if to == TxKind::Create {
            let is_deep = self.is_deep;
            let mut code = self.code(env);
            return if is_deep { code.recursion() } else { code.program(8) }.assemble();
        }
        let length = match self.random.below(30) {
            0 => self.random.index(6_000),
            1..=9 => 0,
            _ => self.random.index(130),
        };
        let mut bytes = self.random.bytes(length);
        bytes.iter_mut().filter(|byte| **byte % 3 == 0).for_each(|byte| *byte = 0);
        bytes.into()
    }

    fn fees(&mut self, env: &BlockEnv, transaction: &mut Transaction) {
        let price = u128::from(env.base_fee) + self.random.pick(&[0, 1, 10, 5_000_u128]);
        transaction.max_fee_per_gas = price;
        let has_tip = transaction.tx_type >= TransactionType::DynamicFee;
        transaction.max_priority_fee_per_gas = match has_tip {
            true => price.min(self.random.below(20).into()),
            false => price,
        };
    }

    fn gas_limit(&mut self) -> u64 {
        if self.is_deep {
            // Of 2^38 gas there are 5000 left below 1024 calls that keep a 64th each.
            return 1 << 38;
        }
        match self.random.below(12) {
            0 => 20_000 + self.random.below(80_000),
            1 | 2 => 150_000 + self.random.below(60_000),
            3..=6 => 250_000 + self.random.below(300_000),
            _ => 600_000 + self.random.below(1_500_000),
        }
    }

    fn access_list(&mut self) -> Vec<AccessListItem> {
        (0..self.random.below(4))
            .map(|_| AccessListItem {
                address: self.random.pick(&self.addresses),
                storage_keys: (0..self.random.below(3))
                    .map(|_| B256::from(U256::from(self.random.below(4))))
                    .collect(),
            })
            .collect()
    }

    fn authorization(&mut self) -> Authorization {
        let signers = [&DELEGATED[..], &PLAIN, &SENDERS, &CONTRACTS[..1]].concat();
        let authority = self.random.pick(&signers);
        let address = match self.random.below(6) {
            0 => Address::ZERO,
            1 => authority,
            _ => self.random.pick(&self.addresses),
        };
        Authorization {
            chain_id: U256::from(self.random.pick(&[0, 1, 1, 1, 1, 2])),
            address,
            nonce: if self.random.one_in(30) { u64::MAX } else { self.random.below(3) },
            authority: (!self.random.one_in(20)).then_some(authority),
        }
    }

    /// Makes a transaction invalid in one way, once in a while.
    fn spoil(&mut self, transaction: &mut Transaction) {
        if !self.random.one_in(25) {
            return;
        }
        // With this much gas nothing else can be wrong.
        transaction.gas_limit = 2_000_000;
        match self.random.below(11) {
            0 => transaction.nonce = transaction.nonce.wrapping_sub(1),
            1 => transaction.nonce += 1,
            2 => transaction.chain_id = Some(2),
            3 => transaction.value = U256::from(1_001 * ETHER),
            4 => transaction.value = U256::MAX,
            5 => transaction.gas_limit = 1_000_000_001,
            6 if transaction.tx_type >= TransactionType::DynamicFee => {
                transaction.max_priority_fee_per_gas = transaction.max_fee_per_gas + 1;
            }
            7 => transaction.max_fee_per_gas = transaction.max_fee_per_gas.saturating_sub(5_001),
            8 if transaction.to.is_create() => transaction.input = vec![0; 49_153].into(),
            9 if transaction.tx_type == TransactionType::Blob => self.spoil_blobs(transaction),
            10 => transaction.sender = CONTRACTS[0],
            _ => transaction.gas_limit = 21_000 + self.random.below(200),
        }
        if transaction.tx_type < TransactionType::DynamicFee {
            transaction.max_priority_fee_per_gas = transaction.max_fee_per_gas;
        }
    }

    fn spoil_blobs(&mut self, transaction: &mut Transaction) {
        match self.random.below(4) {
            0 => transaction.blob_hashes.clear(),
            1 => transaction.blob_hashes[0][0] = 2,
            2 => transaction.blob_hashes.resize(12, transaction.blob_hashes[0]),
            _ => transaction.max_fee_per_blob_gas = 0,
        }
    }
}
