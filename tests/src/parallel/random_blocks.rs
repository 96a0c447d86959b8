//! Random blocks on few accounts and slots, so that nearly everything conflicts.

use std::ops::Range;

use alloy_primitives::{Address, Bytes, TxKind, U256};
use braid_executor::{InvalidTransaction, Mode, SequentialExecutor, TransactError};
use braid_interpreter::opcode::byte as op;
use braid_precompiles::DefaultCrypto;
use braid_primitives::{Hardfork, Transaction, TransactionType, Withdrawal};

use super::{
    contracts::{Asm, created_by, creation, deploying, factory, mortal},
    scene::{BENEFICIARY, ETHER, Scene, call, create, pay, person, set_code, word, words},
};
use crate::{
    differential::{Case, program::store},
    engines::{real_code::RealCode, transactions::vary},
    random::Random,
};

/// How many transactions blocks have unless a test says otherwise.
pub const TRANSACTIONS: Range<u64> = 3..41;

/// Senders beside those of the cases: with few of them blocks are chains of nonces.
const SENDERS: u64 = 10;

/// A block of random code: the cases that are compared with the oracle, with more transactions and senders.
pub fn of_code(seed: u64, transactions: Range<u64>, real: &RealCode) -> Scene {
    let mut random = Random::new(seed.wrapping_mul(13));
    let count = random.within(transactions);
    let case = vary(Case::with_transactions(seed, count), real);
    let mut scene = Scene::new(case.fork);
    scene.world = case.world();
    scene.block.env = case.env;
    scene.block.context = case.context;
    for sender in 0..SENDERS {
        scene.fund(person(sender), 1_000 * ETHER);
    }
    for mut transaction in case.transactions {
        if !case.programs.contains_key(&transaction.sender) && random.one_in(2) {
            transaction.sender = person(random.below(SENDERS));
        }
        // Some of the code runs as long as there is gas.
        transaction.gas_limit = transaction.gas_limit.min(400_000);
        scene.push_as_it_is(transaction);
    }
    settle(&mut scene, &mut random);
    scene
}

/// A block about what becomes of accounts: created, paid, delegated, destroyed, created again, and looked at all the while.
pub fn of_lives(seed: u64, transactions: Range<u64>) -> Scene {
    let mut random = Random::new(seed.wrapping_mul(17));
    let fork = random.pick(&FORKS);
    let mut lives = Lives { scene: Scene::new(fork), random, addresses: Vec::new() };
    lives.populate();
    for _ in 0..lives.random.within(transactions) {
        let transaction = lives.transaction();
        lives.scene.push_as_it_is(transaction);
    }
    let Lives { mut scene, mut random, .. } = lives;
    settle(&mut scene, &mut random);
    scene
}

/// Chooses the mode, and gives transactions the nonces that they need, mostly; a block of others mostly has none that are
/// invalid.
pub(super) fn settle(scene: &mut Scene, random: &mut Random) {
    scene.mode = random.pick(&[Mode::Verify, Mode::Verify, Mode::Build, Mode::Trace]);
    let drops_invalid = scene.mode == Mode::Verify && !random.one_in(5);
    let mut executor = SequentialExecutor::new(scene.spec(), DefaultCrypto::new());
    let mut world = scene.world.clone();
    for mut transaction in std::mem::take(&mut scene.block.transactions) {
        for authorization in &mut transaction.authorizations {
            let authority = authorization.authority.and_then(|a| world.accounts.get(&a));
            let is_own = authorization.authority == Some(transaction.sender);
            if random.one_in(2) {
                let nonce = authority.map_or(0, |authority| authority.info.nonce);
                authorization.nonce = nonce.saturating_add(is_own.into());
            }
        }
        let mut result = executor.transact(&scene.block.env, &transaction, &world);
        if let Err(TransactError::Invalid(
            InvalidTransaction::NonceTooHigh { expected, .. }
            | InvalidTransaction::NonceTooLow { expected, .. },
        )) = result
            && !random.one_in(20)
        {
            transaction.nonce = expected;
            result = executor.transact(&scene.block.env, &transaction, &world);
        }
        if let Ok((_, delta)) = &result {
            world.apply(delta).unwrap_or_else(|error| panic!("{error}"));
        }
        if result.is_ok() || !drops_invalid {
            scene.push_as_it_is(transaction);
        }
    }
}

/// All there are, those in which accounts can go more often.
const FORKS: [Hardfork; 16] = [
    Hardfork::Frontier,
    Hardfork::Homestead,
    Hardfork::Tangerine,
    Hardfork::SpuriousDragon,
    Hardfork::Byzantium,
    Hardfork::Constantinople,
    Hardfork::Petersburg,
    Hardfork::Istanbul,
    Hardfork::Berlin,
    Hardfork::London,
    Hardfork::Paris,
    Hardfork::Shanghai,
    Hardfork::Shanghai,
    Hardfork::Cancun,
    Hardfork::Prague,
    Hardfork::Osaka,
];

/// Contracts with random programs.
const ACTORS: [Address; 4] = [
    Address::repeat_byte(0xa0),
    Address::repeat_byte(0xa1),
    Address::repeat_byte(0xa2),
    Address::repeat_byte(0xa3),
];

/// Creates children.
const FACTORY: Address = Address::repeat_byte(0xfa);

/// Accounts without anything; one of them may be there and empty.
const NOBODY: [Address; 2] = [Address::repeat_byte(0x40), Address::repeat_byte(0x41)];

struct Lives {
    random: Random,
    scene: Scene,
    /// What programs know.
    addresses: Vec<Address>,
}

/// Initcodes of children: with storage, without, and with a constructor that ends the child at once.
fn initcode(kind: u64) -> Vec<u8> {
    let keeps = Asm::new().push(U256::from(5)).sstore(0).push(U256::from(6)).sstore(2);
    match kind % 3 {
        0 => deploying(&keeps.build(), &mortal()),
        1 => deploying(&[], &mortal()),
        _ => keeps.ops(&[op::CALLER, op::SELFDESTRUCT]).build(),
    }
}

fn child(number: u64) -> Address {
    created_by(FACTORY, number / 3, &initcode(number))
}

/// Calldata with which the factory creates a child.
fn birth(number: u64) -> Vec<u8> {
    creation(number / 3, &initcode(number))
}

const CHILDREN: u64 = 6;

impl Lives {
    fn populate(&mut self) {
        self.addresses = [&ACTORS[..], &NOBODY, &[BENEFICIARY, FACTORY]].concat();
        self.addresses.extend((0..CHILDREN).map(child));
        self.addresses.extend((0..4).map(person));
        self.addresses.push(Address::with_last_byte(3));
        // What the first creations of persons and actors would make.
        self.addresses.extend([person(0).create(0), person(1).create(1), ACTORS[0].create(1)]);
        for number in 0..SENDERS {
            self.scene.fund(person(number), ETHER);
        }
        self.scene.contract(FACTORY, factory()).fund(FACTORY, 100);
        for number in 0..CHILDREN {
            match self.random.below(4) {
                0 => drop(self.scene.fund(child(number), 9)),
                1 => drop(
                    self.scene
                        .contract(child(number), mortal())
                        .slot(child(number), 0, 5)
                        .slot(child(number), 3, 8)
                        .fund(child(number), self.random.clone().below(3).into()),
                ),
                _ => {}
            }
        }
        if self.random.one_in(2) && self.scene.fork < Hardfork::SpuriousDragon {
            self.scene.fund(NOBODY[0], 0);
        }
        for actor in ACTORS {
            let program = self.program(6);
            self.scene.contract(actor, program).fund(actor, 50);
            for slot in 0..3 {
                self.scene.slot(actor, slot, self.random.clone().below(3));
            }
        }
        self.scene.block.env.beneficiary = match self.random.below(6) {
            0 => person(0),
            1 => ACTORS[0],
            2 => child(0),
            3 => NOBODY[0],
            _ => BENEFICIARY,
        };
        let withdrawals = (0..self.random.below(4)).map(|index| Withdrawal {
            index,
            validator_index: 7,
            address: self.random.pick(&self.addresses),
            amount_gwei: self.random.below(2),
        });
        self.scene.block.context.withdrawals = Some(withdrawals.collect());
    }

    fn any(&mut self) -> Address {
        self.random.pick(&self.addresses)
    }

    /// A program of a few steps.
    fn program(&mut self, steps: u64) -> Vec<u8> {
        let mut asm = Asm::new();
        for _ in 0..1 + self.random.below(steps) {
            asm = if self.random.one_in(4) {
                let body = self.step(Asm::new());
                asm.sload(self.random.below(3)).when(body)
            } else {
                self.step(asm)
            };
        }
        asm.stop()
    }

    fn step(&mut self, asm: Asm) -> Asm {
        let slot = self.random.below(4);
        let modern = self.scene.fork >= Hardfork::Constantinople;
        match self.random.below(16) {
            0 => asm.push(U256::from(self.random.below(3))).sstore(slot),
            1 | 2 => asm.sload(slot).push(U256::ONE).ops(&[op::ADD]).sstore(slot),
            3 | 4 => asm.address(self.any()).ops(&[op::BALANCE]).sstore(slot),
            5 => asm.address(self.any()).ops(&[op::EXTCODESIZE]).sstore(slot),
            6 if modern => asm.address(self.any()).ops(&[op::EXTCODEHASH]).sstore(slot),
            6 | 7 => {
                let gas = self.random.pick(&[0, 100, 5_000, 60_000]);
                let wei = self.random.pick(&[0, 0, 1, 3, 60]);
                asm.call(self.any(), wei, gas).sstore(slot)
            }
            8 | 9 => {
                // Tells a child to go.
                let (heir, number) = (self.any(), self.random.below(CHILDREN));
                let zero = U256::ZERO;
                let asm = asm.address(heir).push(zero).ops(&[op::MSTORE]);
                let asm = asm.push(zero).push(zero).push(U256::from(32)).push(zero).push(zero);
                let asm = asm.address(child(number)).push(U256::from(60_000));
                asm.ops(&[op::CALL, op::POP])
            }
            10 | 11 if modern => {
                let input = birth(self.random.below(CHILDREN));
                let zero = U256::ZERO;
                let asm = asm.ops(&store(&input)).push(zero).push(zero);
                let asm = asm.push(U256::from(input.len())).push(zero);
                let asm = asm.push(U256::from(self.random.below(2))).address(FACTORY);
                asm.push(U256::from(150_000)).ops(&[op::CALL, op::POP])
            }
            10..=12 => {
                let zero = U256::ZERO;
                let input = self.initcode();
                let asm = asm.ops(&store(&input)).push(U256::from(input.len())).push(zero);
                asm.push(U256::from(self.random.below(2))).ops(&[op::CREATE]).sstore(slot)
            }
            13 => asm.sload(slot).when(Asm::new().address(self.any()).ops(&[op::SELFDESTRUCT])),
            14 => asm.ops(&[op::CALLER, op::BALANCE]).sstore(slot),
            _ if self.random.one_in(3) => asm.sload(slot).when(Asm::new().ops(&[op::INVALID])),
            _ => asm.push(U256::from(self.random.below(2))).sstore(slot),
        }
    }

    fn initcode(&mut self) -> Vec<u8> {
        initcode(self.random.below(3))
    }

    fn transaction(&mut self) -> Transaction {
        let sender = person(self.random.below(SENDERS));
        let target = self.any();
        let wei = self.random.pick(&[0, 0, 1, 5, ETHER / 2]);
        let has_factory = self.scene.fork >= Hardfork::Constantinople;
        let mut transaction = match self.random.below(12) {
            0 | 1 => pay(sender, target, wei),
            2 | 3 if has_factory => call(sender, FACTORY, birth(self.random.below(CHILDREN))),
            2..=4 => {
                let heir = self.any();
                call(sender, child(self.random.below(CHILDREN)), words([word(heir)]))
            }
            5 => call(sender, child(self.random.below(CHILDREN)), Bytes::new()),
            6 => {
                let code = if self.random.one_in(2) { self.initcode() } else { self.program(3) };
                create(sender, code, self.random.below(3).into())
            }
            7 | 8 if self.scene.fork >= Hardfork::Prague => self.delegation(sender, target),
            _ => call(sender, self.random.pick(&ACTORS), Bytes::new()),
        };
        if transaction.value.is_zero() && self.random.one_in(3) {
            transaction.value = U256::from(self.random.below(3));
        }
        if transaction.gas_limit == 21_000 && self.random.one_in(2) {
            transaction.gas_limit = 100_000;
        }
        if self.random.one_in(8) {
            transaction.gas_limit = 21_000 + self.random.below(120_000);
        }
        let base_fee = u128::from(self.scene.block.env.base_fee);
        let price = base_fee + self.random.pick(&[0, 1, 1, 3]);
        (transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas) = (price, price);
        if self.scene.fork >= Hardfork::Berlin
            && transaction.tx_type == TransactionType::Legacy
            && self.random.one_in(4)
        {
            transaction.tx_type = TransactionType::AccessList;
            transaction.chain_id = Some(1);
            transaction.access_list = vec![braid_primitives::AccessListItem {
                address: self.any(),
                storage_keys: vec![U256::from(self.random.below(3)).into()],
            }];
        }
        if self.random.one_in(40) {
            // Somebody who has no right, or no money.
            transaction.sender = self.any();
        }
        transaction
    }

    fn delegation(&mut self, sender: Address, target: Address) -> Transaction {
        let authorizations: Vec<_> = (0..1 + self.random.below(2))
            .map(|_| {
                let authority = person(self.random.below(4));
                let to = self.random.pick(&[ACTORS[0], ACTORS[1], child(0), Address::ZERO]);
                (authority, to, self.random.below(2))
            })
            .collect();
        let to = if self.random.one_in(2) { authorizations[0].0 } else { target };
        let transaction = set_code(sender, to, &authorizations);
        assert!(matches!(transaction.to, TxKind::Call(_)), "such transactions call");
        transaction
    }
}
