//! Groups of blocks that look like those of a chain, from those without any conflict to those that are nothing else.

use std::ops::Range;

use alloy_primitives::{Address, U256};
use braid_primitives::{Hardfork, Transaction, TransactionType, Withdrawal};

use super::{
    contracts::{
        Asm, adder, balance_keeper, counter, created_by, creation, deploying, factory, holding,
        mortal, pool, token,
    },
    scene::{BENEFICIARY, ETHER, Scene, call, create, pay, person, word, words},
};
use crate::random::Random;
use braid_interpreter::opcode::byte as op;

/// Forks with REVERT, which tokens need.
const MODERN: [Hardfork; 9] = [
    Hardfork::Byzantium,
    Hardfork::Istanbul,
    Hardfork::Berlin,
    Hardfork::London,
    Hardfork::Paris,
    Hardfork::Shanghai,
    Hardfork::Cancun,
    Hardfork::Prague,
    Hardfork::Osaka,
];

/// Forks in which even the touch of an empty account counts.
const ANCIENT: [Hardfork; 4] =
    [Hardfork::Frontier, Hardfork::Homestead, Hardfork::Tangerine, Hardfork::SpuriousDragon];

/// A kind of block.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    make: fn(&mut Maker),
    /// Whether it needs REVERT.
    is_modern: bool,
}

const fn group(name: &'static str, make: fn(&mut Maker)) -> Group {
    Group { name, make, is_modern: false }
}

const fn modern(name: &'static str, make: fn(&mut Maker)) -> Group {
    Group { name, make, is_modern: true }
}

/// All there are.
pub const GROUPS: &[Group] = &[
    group("transfers, independent", Maker::independent_transfers),
    group("transfers, same sender", |maker| maker.transfers(|_, i| (0, 100 + i))),
    group("transfers, same recipient", |maker| maker.transfers(|_, i| (i, 100))),
    group("transfers, chain", |maker| maker.transfers(|_, i| (i, i + 1))),
    group("transfers, among few", |maker| maker.transfers(|r, _| (r.below(6), r.below(6)))),
    group("transfers, poor chain", Maker::poor_chain),
    modern("tokens, independent", |maker| maker.tokens(|_, i| (i, i, 100 + i))),
    modern("tokens, clusters", |maker| {
        maker.tokens(|r, i| (i % 3, 10 * (i % 3) + r.below(4), 10 * (i % 3) + r.below(4)));
    }),
    modern("tokens, one, independent holders", |maker| maker.tokens(|_, i| (0, i, 100 + i))),
    modern("tokens, one hot holder", |maker| {
        maker.tokens(|r, i| if r.one_in(2) { (0, i, 200) } else { (0, 200, i) });
    }),
    modern("swaps, independent pools", |maker| maker.swaps(|_, i| (i, i))),
    modern("swaps, clusters", |maker| maker.swaps(|r, i| (i % 3, r.below(5)))),
    modern("swaps, one pool", |maker| maker.swaps(|_, i| (0, i))),
    modern("mixed", Maker::mixed),
    group("beneficiary, read", Maker::beneficiary_reads),
    group("beneficiary, to and from", Maker::beneficiary_transfers),
    group("beneficiary, sender", Maker::beneficiary_sends),
    group("beneficiary, contract", Maker::beneficiary_contract),
    group("no transaction", |_| {}),
    group("one transaction", |maker| maker.small(1)),
    group("two transactions", |maker| maker.small(2)),
    group("three transactions", |maker| maker.small(3)),
];

impl Group {
    /// The block that follows from `seed`.
    pub fn scene(&self, seed: u64) -> Scene {
        self.scene_with(seed, 4..40)
    }

    /// The block that follows from `seed`, with about so many transactions.
    pub fn scene_with(&self, seed: u64, count: Range<u64>) -> Scene {
        let mut random = Random::new(seed);
        let is_ancient = !self.is_modern && random.one_in(3);
        let fork = if is_ancient { random.pick(&ANCIENT) } else { random.pick(&MODERN) };
        let mut maker = Maker { scene: Scene::new(fork), count: random.within(count), random };
        maker.surroundings();
        (self.make)(&mut maker);
        maker.scene
    }
}

struct Maker {
    random: Random,
    scene: Scene,
    /// About how many transactions.
    count: u64,
}

const TOKENS: Address = Address::repeat_byte(0x70);
const POOLS: Address = Address::repeat_byte(0x71);

/// One of several contracts of a kind.
fn numbered(base: Address, number: u64) -> Address {
    let mut address = base;
    address[12..].copy_from_slice(&number.to_be_bytes());
    address
}

impl Maker {
    fn surroundings(&mut self) {
        let withdrawals = (0..self.random.below(3)).map(|index| Withdrawal {
            index,
            validator_index: index,
            address: person(self.random.below(8)),
            amount_gwei: self.random.below(3),
        });
        self.scene.block.context.withdrawals = Some(withdrawals.collect());
        if self.random.one_in(3) {
            self.scene.fund(BENEFICIARY, 5);
        }
    }

    /// Adds a transaction of the person, who has enough for everything, at a random price.
    fn send(&mut self, number: u64, transaction: Transaction) {
        let sender = transaction.sender;
        assert_eq!(sender, person(number), "the person sends it");
        if !self.scene.world.accounts.contains_key(&sender) {
            self.scene.fund(sender, 10 * ETHER);
        }
        self.push(transaction);
    }

    fn push(&mut self, mut transaction: Transaction) {
        let base_fee = u128::from(self.scene.block.env.base_fee);
        // No tip at all once in a while: then the beneficiary is only touched.
        let tip = self.random.pick(&[0, 1, 3, 3, 3]);
        transaction.max_fee_per_gas = base_fee + tip;
        transaction.max_priority_fee_per_gas = base_fee + tip;
        if self.scene.fork >= Hardfork::London && self.random.one_in(2) {
            transaction.tx_type = TransactionType::DynamicFee;
            transaction.chain_id = Some(1);
            transaction.max_fee_per_gas = base_fee + tip + u128::from(self.random.below(3));
            transaction.max_priority_fee_per_gas = tip;
        }
        self.scene.push(transaction);
    }

    fn wei(&mut self) -> u128 {
        self.random.pick(&[0, 1, 7, ETHER / 100])
    }

    /// Transfers between persons as `pair` numbers them.
    fn transfers(&mut self, pair: fn(&mut Random, u64) -> (u64, u64)) {
        for i in 0..self.count {
            let (from, to) = pair(&mut self.random, i);
            let wei = self.wei();
            self.send(from, pay(person(from), person(to), wei));
        }
    }

    fn independent_transfers(&mut self) {
        self.transfers(|_, i| (i, 100 + i));
    }

    /// Each person can pay only with what it gets from the one before.
    fn poor_chain(&mut self) {
        self.scene.fund(person(0), ETHER);
        let mut wei = ETHER;
        for i in 0..self.count {
            let fee = 21_000 * 100;
            wei -= fee;
            let mut transaction = pay(person(i), person(i + 1), wei);
            transaction.max_fee_per_gas = 100;
            transaction.max_priority_fee_per_gas = 100;
            self.scene.push(transaction);
        }
        if self.random.one_in(3) {
            // One of them does not get through.
            let at = self.random.index(self.scene.block.transactions.len());
            let spoilt = &mut self.scene.block.transactions[at];
            spoilt.value += U256::ONE;
        }
        if self.random.one_in(2) {
            self.scene.mode =
                self.random.pick(&[braid_executor::Mode::Build, braid_executor::Mode::Trace]);
        }
    }

    fn token(&mut self, number: u64) -> Address {
        let address = numbered(TOKENS, number);
        if !self.scene.world.accounts.contains_key(&address) {
            self.scene.contract(address, token());
        }
        address
    }

    fn hold(&mut self, token: Address, holder: Address, amount: u64) {
        let account = self.scene.world.accounts.entry(token).or_default();
        account.set_slot(holding(holder), U256::from(amount));
    }

    /// Transfers of tokens: token, sender and recipient as `pair` numbers them.
    fn tokens(&mut self, triple: fn(&mut Random, u64) -> (u64, u64, u64)) {
        for i in 0..self.count {
            let (number, from, to) = triple(&mut self.random, i);
            let token = self.token(number);
            if self.random.one_in(2) {
                let amount = self.random.pick(&[1, 50, 1_000]);
                self.hold(token, person(from), amount);
            }
            self.token_transfer(token, from, to);
        }
    }

    fn token_transfer(&mut self, token: Address, from: u64, to: u64) {
        // All of it, some of it, or more than there is.
        let amount = U256::from(self.random.pick(&[0, 1, 25, 50, 1_000]));
        let input = words([word(person(from)), word(person(to)), amount]);
        let mut transaction = call(person(from), token, input);
        transaction.gas_limit = self.random.pick(&[28_000, 60_000, 90_000, 90_000, 90_000]);
        self.send(from, transaction);
    }

    /// Swaps: pool and person as `pair` numbers them.
    fn swaps(&mut self, pair: fn(&mut Random, u64) -> (u64, u64)) {
        for i in 0..self.count {
            let (number, who) = pair(&mut self.random, i);
            self.swap(number, who);
        }
    }

    fn swap(&mut self, number: u64, who: u64) {
        let tokens = [self.token(2 * number), self.token(2 * number + 1)];
        let address = numbered(POOLS, number);
        if !self.scene.world.accounts.contains_key(&address) {
            self.scene.contract(address, pool(tokens));
            for (slot, token) in (0..).zip(tokens) {
                self.scene.slot(address, slot, 1_000_000);
                self.hold(token, address, 1_000_000);
            }
        }
        if self.random.one_in(2) {
            self.hold(tokens[0], person(who), 10_000);
        }
        let amount = U256::from(self.random.below(6_000));
        let mut transaction = call(person(who), address, words([amount]));
        transaction.gas_limit = self.random.pick(&[60_000, 300_000, 300_000, 300_000]);
        self.send(who, transaction);
    }

    fn mixed(&mut self) {
        let (count, shop) = (numbered(TOKENS, 1 << 20), numbered(TOKENS, 1 << 21));
        self.scene.contract(count, counter()).contract(shop, adder());
        let keeper = numbered(TOKENS, 1 << 22);
        self.scene.contract(keeper, balance_keeper());
        for i in 0..self.count {
            let who = self.random.below(12);
            let other = self.random.below(12);
            match self.random.below(8) {
                0 | 1 => {
                    let wei = self.wei();
                    self.send(who, pay(person(who), person(other), wei));
                }
                2 => {
                    let token = self.token(i % 2);
                    self.token_transfer(token, who, other);
                }
                3 => self.swap(i % 2, who),
                4 => self.send(who, call(person(who), count, [])),
                5 => {
                    let slot = U256::from(self.random.below(4));
                    self.send(who, call(person(who), shop, words([slot, U256::from(i)])));
                }
                6 => self.send(who, call(person(who), keeper, words([word(person(other))]))),
                _ => self.send(who, create(person(who), deploying(&[], &counter()), 3)),
            }
        }
    }

    fn beneficiary_reads(&mut self) {
        let keeper = numbered(TOKENS, 0);
        self.scene.contract(keeper, balance_keeper());
        let is_every = self.random.one_in(3);
        for i in 0..self.count {
            if is_every || self.random.one_in(3) {
                self.send(i, call(person(i), keeper, words([word(BENEFICIARY)])));
            } else {
                let wei = self.wei();
                self.send(i, pay(person(i), person(i + 1), wei));
            }
        }
    }

    fn beneficiary_transfers(&mut self) {
        // A contract that sends a wei to whoever calls it.
        let giver = Asm::new().push(U256::ZERO).push(U256::ZERO).push(U256::ZERO).push(U256::ZERO);
        let giver =
            giver.push(U256::ONE).ops(&[op::CALLER]).push(U256::ZERO).ops(&[op::CALL, op::POP]);
        let giving = numbered(TOKENS, 0);
        self.scene.contract(giving, giver.stop()).fund(giving, 1_000);
        self.scene.fund(BENEFICIARY, ETHER);
        for i in 0..self.count {
            let wei = self.wei();
            match self.random.below(4) {
                0 => self.send(i, pay(person(i), BENEFICIARY, wei)),
                1 => self.push(pay(BENEFICIARY, person(i), wei)),
                2 => self.push(call(BENEFICIARY, giving, [])),
                _ => self.send(i, pay(person(i), person(i + 1), wei)),
            }
        }
    }

    /// The beneficiary can only pay with the fees it has got.
    fn beneficiary_sends(&mut self) {
        self.scene.fund(BENEFICIARY, u128::from(self.random.below(3)) * 100_000);
        for i in 0..self.count {
            if self.random.one_in(3) {
                self.push(pay(BENEFICIARY, person(i), self.random.clone().below(50_000).into()));
            } else {
                self.send(i, pay(person(i), person(i + 1), 1));
            }
        }
        self.scene.mode = self.random.pick(&[
            braid_executor::Mode::Verify,
            braid_executor::Mode::Build,
            braid_executor::Mode::Trace,
        ]);
    }

    /// The beneficiary is a contract that counts and can destroy itself, there from the beginning or made in the block.
    fn beneficiary_contract(&mut self) {
        let making = numbered(TOKENS, 0);
        let initcode = deploying(&[], &mortal());
        let made = created_by(making, 1, &initcode);
        self.scene.block.env.beneficiary = made;
        let can_make = self.scene.fork >= Hardfork::Constantinople;
        if can_make {
            self.scene.contract(making, factory());
        }
        if !can_make || self.random.one_in(2) {
            self.scene.contract(made, mortal()).slot(made, 0, 5).fund(made, 77);
        }
        for i in 0..self.count {
            match self.random.below(5) {
                0 => self.send(i, call(person(i), made, words([word(person(i + 1))]))),
                1 if can_make => self.send(i, call(person(i), making, creation(1, &initcode))),
                2 => self.send(i, call(person(i), made, [])),
                3 => self.send(i, pay(person(i), made, 5)),
                _ => self.send(i, pay(person(i), person(i + 1), 5)),
            }
        }
    }

    fn small(&mut self, count: u64) {
        for i in 0..count {
            let (from, to) = (self.random.below(2), self.random.below(3));
            match self.random.below(3) {
                0 => self.send(from, create(person(from), deploying(&[], &counter()), i.into())),
                _ => {
                    let wei = self.wei();
                    self.send(from, pay(person(from), person(to), wei));
                }
            }
        }
    }
}
