//! Blocks in which most transactions meet: few accounts, few contracts, few slots, and what is written where depends on what
//! was read.

use std::ops::Range;

use alloy_primitives::{Address, Bytes, U256};
use braid_interpreter::opcode::byte as op;
use braid_primitives::{Hardfork, Transaction};

use super::{
    contracts::{
        Asm, account_keeper, adder, balance_keeper, counter, created_by, creation, deploying,
        factory, holding, mortal, token,
    },
    random_blocks::settle,
    scene::{BENEFICIARY, ETHER, Scene, call, create, pay, person, set_code, word, words},
};
use crate::random::Random;

/// Those with REVERT, CREATE2 and EXTCODEHASH; more often those in which accounts can go.
const FORKS: [Hardfork; 11] = [
    Hardfork::Petersburg,
    Hardfork::Istanbul,
    Hardfork::Berlin,
    Hardfork::London,
    Hardfork::Paris,
    Hardfork::Shanghai,
    Hardfork::Shanghai,
    Hardfork::Cancun,
    Hardfork::Prague,
    Hardfork::Prague,
    Hardfork::Osaka,
];

const COUNTER: Address = Address::repeat_byte(0xc0);
const ADDER: Address = Address::repeat_byte(0xc1);
const LOOKER: Address = Address::repeat_byte(0xc2);
const PURSE: Address = Address::repeat_byte(0xc3);
const WANDERER: Address = Address::repeat_byte(0xc4);
const GATE: Address = Address::repeat_byte(0xc5);
const TOKEN: Address = Address::repeat_byte(0xc6);
const FACTORY: Address = Address::repeat_byte(0xc7);
const MORTAL: Address = Address::repeat_byte(0xc8);
const BALANCES: Address = Address::repeat_byte(0xc9);

/// Those who send transactions and have enough.
const RICH: u64 = 4;
/// And those who have little, or nothing; the sender of a transaction is one of all these, mostly rich.
const PEOPLE: u64 = 6;

/// A block that follows from `seed`, with so many transactions at most.
pub fn of_few(seed: u64, transactions: Range<u64>) -> Scene {
    let mut random = Random::new(seed.wrapping_mul(19));
    let scene = Scene::new(random.pick(&FORKS));
    let mut hot = Hot { scene, random };
    hot.populate();
    for _ in 0..hot.random.within(transactions) {
        let transaction = hot.transaction();
        hot.scene.push_as_it_is(transaction);
    }
    let Hot { mut scene, mut random } = hot;
    settle(&mut scene, &mut random);
    scene
}

/// Counts its calls in slot 0, writes to another slot each time, and sends a wei of its own to somebody else each time: a
/// repeated execution may write elsewhere than the one before.
fn wanderer() -> Vec<u8> {
    let turn = |asm: Asm| asm.sload(0).push(U256::from(3)).ops(&[op::AND]);
    // The slot 1 + turn gets the caller.
    let asm = turn(Asm::new().ops(&[op::CALLER])).push(U256::ONE).ops(&[op::ADD, op::SSTORE]);
    // The last byte of the address is the turn.
    let zero = U256::ZERO;
    let asm = asm.push(zero).push(zero).push(zero).push(zero).push(U256::ONE);
    let asm = turn(asm).address(person(0)).ops(&[op::ADD]).push(zero).ops(&[op::CALL, op::POP]);
    asm.sload(0).push(U256::ONE).ops(&[op::ADD]).sstore(0).stop()
}

/// Keeps its own balance in slot 0; with an argument sends half of it to that address.
fn purse(fork: Hardfork) -> Vec<u8> {
    let balance = |asm: Asm| match fork >= Hardfork::Istanbul {
        true => asm.ops(&[op::SELFBALANCE]),
        false => asm.ops(&[op::ADDRESS, op::BALANCE]),
    };
    let zero = U256::ZERO;
    let give = Asm::new().push(zero).push(zero).push(zero).push(zero);
    let give = balance(give.push(U256::from(2))).ops(&[op::DIV]);
    let give = give.arg(0).push(U256::from(10_000)).ops(&[op::CALL, op::POP]);
    balance(Asm::new()).sstore(0).ops(&[op::CALLDATASIZE]).when(give).stop()
}

/// With an argument keeps it in slot 0. Without, fails as that says: 1 reverts, 2 takes all gas; else counts in slot 1.
fn gate() -> Vec<u8> {
    let set = Asm::new().arg(0).sstore(0).ops(&[op::STOP]);
    let is = |asm: Asm, what: u64| asm.sload(0).push(U256::from(what)).ops(&[op::EQ]);
    let zero = U256::ZERO;
    let asm = Asm::new().ops(&[op::CALLDATASIZE]).when(set);
    let asm = is(asm, 1).when(Asm::new().push(zero).push(zero).ops(&[op::REVERT]));
    let asm = is(asm, 2).when(Asm::new().ops(&[op::INVALID]));
    asm.sload(1).push(U256::ONE).ops(&[op::ADD]).sstore(1).stop()
}

fn child_code() -> Vec<u8> {
    deploying(&Asm::new().push(U256::from(5)).sstore(0).build(), &mortal())
}

fn child() -> Address {
    created_by(FACTORY, 1, &child_code())
}

struct Hot {
    scene: Scene,
    random: Random,
}

impl Hot {
    fn populate(&mut self) {
        let Self { scene, random } = self;
        for number in 0..RICH {
            scene.fund(person(number), ETHER);
        }
        // Enough for one plain transfer, or not quite.
        scene.fund(person(RICH), 400_000 + u128::from(random.below(400_000)));
        scene.contract(COUNTER, counter()).contract(ADDER, adder()).contract(GATE, gate());
        scene.contract(LOOKER, account_keeper()).contract(BALANCES, balance_keeper());
        scene.contract(PURSE, purse(scene.fork)).fund(PURSE, u128::from(random.below(20)));
        scene.contract(WANDERER, wanderer()).fund(WANDERER, 1 + u128::from(random.below(5)));
        scene.contract(TOKEN, token()).contract(FACTORY, factory());
        scene.contract(MORTAL, mortal()).fund(MORTAL, 7).slot(MORTAL, 0, 3).slot(MORTAL, 1, 9);
        scene.slot(GATE, 0, random.below(3)).slot(COUNTER, 0, random.below(3));
        for number in 0..RICH {
            let amount = U256::from(random.below(60));
            let token = scene.world.accounts.entry(TOKEN).or_default();
            token.set_slot(holding(person(number)), amount);
        }
        if random.one_in(3) {
            scene.contract(child(), mortal()).slot(child(), 0, 8).fund(child(), 2);
        }
        if random.one_in(6) {
            // No room for all, as their gas limits are.
            scene.block.env.gas_limit = 600_000 + random.below(2_000_000);
        }
        scene.block.env.beneficiary = match random.below(8) {
            0 => person(0),
            1 => PURSE,
            2 => MORTAL,
            _ => BENEFICIARY,
        };
    }

    fn anybody(&mut self) -> Address {
        let number = self.random.below(PEOPLE);
        let others = [COUNTER, PURSE, MORTAL, child(), BENEFICIARY, WANDERER];
        if self.random.one_in(2) { person(number) } else { self.random.pick(&others) }
    }

    fn transaction(&mut self) -> Transaction {
        let sender = match self.random.below(8) {
            0 => person(RICH + self.random.below(PEOPLE - RICH)),
            _ => person(self.random.below(RICH)),
        };
        let mut transaction = self.call_of(sender);
        let price = u128::from(self.scene.block.env.base_fee) + self.random.pick(&[0, 1, 2, 9]);
        transaction.max_fee_per_gas = price;
        transaction.max_priority_fee_per_gas = price;
        if self.random.one_in(12) {
            // Not enough for most.
            transaction.gas_limit = 21_000 + self.random.below(30_000);
        }
        transaction
    }

    fn call_of(&mut self, sender: Address) -> Transaction {
        let whom = self.anybody();
        let number = U256::from(self.random.below(3));
        match self.random.below(22) {
            0..=2 => {
                let wei = self.random.pick(&[0, 1, 100_000, 300_000, ETHER / 2]);
                // With much gas it is not taken for one that only sends value before it is executed.
                let gas_limit = self.random.pick(&[21_000, 21_000, 120_000]);
                Transaction { gas_limit, ..pay(sender, whom, wei) }
            }
            3 | 4 => call(sender, COUNTER, Bytes::new()),
            5 => call(sender, ADDER, words([number, U256::from(3)])),
            6 | 7 => call(sender, LOOKER, words([word(whom)])),
            8 => call(sender, BALANCES, words([word(whom)])),
            9 => call(sender, BALANCES, words([word(self.scene.block.env.beneficiary)])),
            10 => call(sender, PURSE, words([word(whom)])),
            11 => Transaction { value: number, ..call(sender, PURSE, Bytes::new()) },
            12 | 13 => call(sender, WANDERER, Bytes::new()),
            14 => call(sender, GATE, words([number])),
            15 => call(sender, GATE, Bytes::new()),
            16 => {
                let (from, to) = (self.random.below(RICH), self.random.below(RICH));
                let amount = U256::from(self.random.below(40));
                call(sender, TOKEN, words([word(person(from)), word(person(to)), amount]))
            }
            17 => call(sender, FACTORY, creation(1, &child_code())),
            18 => {
                let input = if self.random.one_in(2) { vec![0; 32] } else { Vec::new() };
                call(sender, self.random.pick(&[MORTAL, child(), child()]), input)
            }
            19 => create(sender, deploying(&[], &counter()), 3),
            _ if self.scene.fork >= Hardfork::Prague => {
                let authority = person(self.random.below(PEOPLE));
                let target = self.random.pick(&[COUNTER, WANDERER, PURSE, Address::ZERO]);
                let nonce = self.random.below(2);
                let to = self.random.pick(&[authority, whom]);
                set_code(sender, to, &[(authority, target, nonce)])
            }
            _ => call(sender, MORTAL, words([word(whom)])),
        }
    }
}
