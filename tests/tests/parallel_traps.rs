//! Behaviours at which parallel execution goes wrong easily: each block is executed sequentially and on 1 to 16 threads, on
//! every engine, and must come to the same. What it must come to is said too, so that a block is about what its test says.

use alloy_primitives::{Address, B256, U256};
use braid_executor::{InvalidBlock, InvalidTransaction, Mode};
use braid_interpreter::opcode::byte as op;
use braid_primitives::{Hardfork, Transaction};
use braid_tests::parallel::{
    Failure,
    contracts::{
        Asm, account_keeper, balance_keeper, counter, created_by, creation, deploying, destroyer,
        factory, holding, setter, token,
    },
    scene::{
        BENEFICIARY, ETHER, Scene, all_succeed, balance, call, create, designator, pay, peopled,
        person, set_code, slot, statuses, word, words,
    },
};

const SHOP: Address = Address::repeat_byte(0x11);
const KEEPER: Address = Address::repeat_byte(0x12);
const FACTORY: Address = Address::repeat_byte(0xfa);

/// Words of which a common hash without a key makes the same 64 bits: it multiplies and rotates word by word.
fn colliding(number: u64) -> [u64; 2] {
    const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
    [number, number.wrapping_mul(FACTOR).rotate_left(5) ^ 0x0123_4567_89ab_cdef]
}

// 1: locations are told apart by their whole keys.

#[test]
fn slots_whose_hashes_would_collide_are_different_slots() {
    let mut scene = peopled(Hardfork::Cancun);
    scene.contract(SHOP, setter());
    let keys: Vec<U256> = (8..20)
        .flat_map(|number| {
            let [a, b] = colliding(number);
            let limbs = [[a, b, 0, 0], [0, 0, a, b], [7, 0, 0, number], [number, 0, 0, 7]];
            let reversed = [a, b].map(u64::swap_bytes);
            limbs.into_iter().chain([[0, 0, reversed[1], reversed[0]]]).map(U256::from_limbs)
        })
        .collect();
    for (number, key) in (0..).zip(&keys) {
        scene.push(call(person(number % 20), SHOP, words([*key, U256::from(number + 1)])));
    }
    let (_, world) = scene.play_out();
    let storage = &world.accounts[&SHOP].storage;
    for (number, key) in (0_u64..).zip(&keys) {
        assert_eq!(storage.get(key), Some(&U256::from(number + 1)), "{key:#x}");
    }
}

#[test]
fn addresses_whose_hashes_would_collide_are_different_accounts() {
    let mut scene = peopled(Hardfork::Cancun);
    let addresses: Vec<Address> = (1..=30)
        .map(|number| {
            let mut address = Address::repeat_byte(0x77);
            let (first, last) = address.split_at_mut(8);
            match number % 3 {
                0 => {
                    let [a, b] = colliding(number);
                    first.copy_from_slice(&a.to_le_bytes());
                    last[..8].copy_from_slice(&b.to_le_bytes());
                }
                1 => first.copy_from_slice(&number.to_be_bytes()),
                _ => last[4..].copy_from_slice(&number.to_be_bytes()),
            }
            address
        })
        .collect();
    for (number, address) in (0..).zip(&addresses) {
        scene.push(pay(person(number % 20), *address, u128::from(number) + 1));
    }
    let (_, world) = scene.play_out();
    for (number, address) in (0_u64..).zip(&addresses) {
        assert_eq!(balance(&world, *address), U256::from(number + 1), "{address}");
    }
}

// 2: what code an account has is a value, not a fact.

/// Contracts that set slot 1 or slot 2 of whoever runs them.
fn marks(scene: &mut Scene) -> [Address; 2] {
    [1_u64, 2].map(|number| {
        let address = Address::repeat_byte(0xd0 + number as u8);
        scene.contract(address, Asm::new().push(U256::from(number)).sstore(number).stop());
        address
    })
}

#[test]
fn a_delegation_that_is_changed_in_the_block_is_the_new_one() {
    let mut scene = peopled(Hardfork::Prague);
    let [first, second] = marks(&mut scene);
    let account = person(9);
    scene.delegate(account, first);
    scene.push(set_code(person(0), person(1), &[(account, second, 0)]));
    scene.push(call(person(2), account, []));
    let (_, world) = scene.play_out();
    assert_eq!([slot(&world, account, 1), slot(&world, account, 2)], [0, 2]);
    assert_eq!(world.code[&world.accounts[&account].info.code_hash], designator(second));
}

#[test]
fn a_delegation_that_is_ended_in_the_block_runs_nothing() {
    let mut scene = peopled(Hardfork::Prague);
    let [first, _] = marks(&mut scene);
    let account = person(9);
    scene.delegate(account, first);
    scene.push(set_code(person(0), person(1), &[(account, Address::ZERO, 0)]));
    scene.push(call(person(2), account, []));
    let (_, world) = scene.play_out();
    assert_eq!(slot(&world, account, 1), 0);
    assert_eq!(world.accounts[&account].info.code_hash, alloy_primitives::KECCAK256_EMPTY);
}

#[test]
fn delegations_come_and_go_and_keep_their_storage() {
    let mut scene = peopled(Hardfork::Prague);
    let [first, second] = marks(&mut scene);
    let (a, b) = (person(8), person(9));
    let visit = |scene: &mut Scene| {
        scene.push(call(person(2), a, []));
        scene.push(call(person(3), b, []));
    };
    scene.push(set_code(person(0), a, &[(a, first, 0), (b, second, 0)]));
    visit(&mut scene);
    // The same authority twice: the second counts. One with a used nonce does not.
    scene.push(set_code(person(1), b, &[(a, second, 1), (a, Address::ZERO, 2), (b, first, 0)]));
    visit(&mut scene);
    scene.push(set_code(person(4), a, &[(a, second, 3), (b, Address::ZERO, 1)]));
    visit(&mut scene);
    let (_, world) = scene.play_out();
    assert_eq!([slot(&world, a, 1), slot(&world, a, 2)], [1, 2]);
    assert_eq!([slot(&world, b, 1), slot(&world, b, 2)], [0, 2]);
    assert_eq!(world.code[&world.accounts[&a].info.code_hash], designator(second));
}

// 3: a sender is more than a balance and one more nonce.

#[test]
fn a_delegation_at_ones_own_expense_after_a_transfer_raises_the_nonce_twice() {
    let mut scene = peopled(Hardfork::Prague);
    let [first, _] = marks(&mut scene);
    let account = person(0);
    scene.push(pay(account, person(1), 1));
    scene.push(set_code(account, account, &[(account, first, 2)]));
    scene.push_as_it_is(Transaction { nonce: 3, ..pay(account, person(1), 1) });
    let (seen, world) = scene.play_out();
    assert_eq!(seen.outcome().receipts.len(), 3);
    assert_eq!(world.accounts[&account].info.nonce, 4);
    assert_eq!(slot(&world, account, 1), 1);
}

#[test]
fn a_delegated_account_that_creates_uses_up_the_nonce_of_its_next_transaction() {
    let mut scene = peopled(Hardfork::Prague);
    let maker = Address::repeat_byte(0xd5);
    let zero = U256::ZERO;
    scene.contract(
        maker,
        Asm::new().push(zero).push(zero).push(zero).ops(&[op::CREATE]).sstore(5).stop(),
    );
    let account = person(9);
    scene.delegate(account, maker);
    scene.push(call(person(0), account, []));
    scene.push(pay(account, person(1), 1));
    scene.mode = Mode::Build;
    let seen = scene.play();
    let low = InvalidTransaction::NonceTooLow { sender: account, got: 0, expected: 1 };
    assert_eq!(seen.outcome().excluded[0].error, low);
    scene.block.transactions[1].nonce = 1;
    scene.mode = Mode::Verify;
    all_succeed(&scene.play());
}

#[test]
fn a_delegated_account_that_is_drained_cannot_pay_for_its_next_transaction() {
    let mut scene = peopled(Hardfork::Prague);
    let drain = Address::repeat_byte(0xd5);
    let zero = U256::ZERO;
    let asm = Asm::new().push(zero).push(zero).push(zero).push(zero).ops(&[op::SELFBALANCE]);
    scene.contract(drain, asm.address(person(5)).ops(&[op::GAS, op::CALL, op::POP]).stop());
    let account = person(9);
    scene.delegate(account, drain);
    scene.push(pay(account, person(1), 1));
    scene.push(call(person(0), account, []));
    scene.push(pay(account, person(1), 1));
    let seen = scene.play();
    let Err(Failure::Invalid(InvalidBlock::Transaction { index: 2, error })) = &seen.result else {
        panic!("{:?}", seen.result);
    };
    assert!(matches!(error, InvalidTransaction::InsufficientFunds { balance: U256::ZERO, .. }));
}

// 4: nothing that is made up about an account may come out.

#[test]
fn a_delegated_sender_of_plain_transfers_stays_delegated() {
    let mut scene = peopled(Hardfork::Prague);
    let [first, _] = marks(&mut scene);
    let account = person(9);
    scene.delegate(account, first);
    scene.push(pay(account, person(1), 5)).push(pay(account, person(2), 6));
    let (seen, world) = scene.play_out();
    all_succeed(&seen);
    assert_eq!(world.code[&world.accounts[&account].info.code_hash], designator(first));
    assert_eq!(world.accounts[&account].info.nonce, 2);
}

#[test]
fn a_sender_with_code_is_refused_also_if_the_code_is_of_this_block() {
    let initcode = deploying(&[], &counter());
    let made = created_by(FACTORY, 1, &initcode);
    for mode in [Mode::Verify, Mode::Build, Mode::Trace] {
        let mut scene = peopled(Hardfork::London);
        scene.mode = mode;
        scene.contract(FACTORY, factory()).fund(made, ETHER);
        scene.push(pay(made, person(3), 1));
        scene.push(call(person(0), FACTORY, creation(1, &initcode)));
        // Its nonce: one by the transaction, one by the creation would be a collision, so it is taken; a second factory is not.
        scene.push_as_it_is(Transaction { nonce: 1, ..pay(made, person(3), 1) });
        scene.push(pay(person(1), person(2), 1));
        let seen = scene.play();
        if mode == Mode::Build {
            // With a nonce there is no creation: the account stays without code and may send.
            assert_eq!(seen.outcome().receipts.len(), 4);
        }
        scene.block.transactions.remove(0);
        let seen = scene.play();
        match mode {
            Mode::Verify => assert!(matches!(
                seen.result,
                Err(Failure::Invalid(InvalidBlock::Transaction {
                    index: 1,
                    error: InvalidTransaction::SenderHasCode { .. }
                }))
            )),
            _ => assert_eq!(seen.outcome().excluded.len(), 1),
        }
    }
}

// 5: to send is not to be received.

#[test]
fn a_value_call_that_fails_in_a_precompile_leaves_no_value_there() {
    for fork in [Hardfork::Homestead, Hardfork::SpuriousDragon, Hardfork::Prague] {
        for is_there in [false, true] {
            let mut scene = peopled(fork);
            for (number, precompile) in (0..).zip([1_u8, 2, 3, 4]) {
                let target = Address::with_last_byte(precompile);
                if is_there {
                    scene.fund(target, 0);
                }
                let failing = pay(person(number), target, 5);
                scene.push(Transaction { gas_limit: 21_010, ..failing });
                scene.push(pay(person(10 + number), person(15), 1));
            }
            let (seen, world) = scene.play_out();
            for (index, _) in seen.transactions().filter(|(_, tx)| !tx.status.is_success()) {
                let target = Address::with_last_byte(1 + index as u8 / 2);
                assert_eq!(balance(&world, target), U256::ZERO, "{fork}, {target}");
            }
            assert_eq!(statuses(&seen).iter().filter(|status| !status.is_success()).count(), 4);
        }
    }
}

// 6: whether a recipient exists is gas.

#[test]
fn a_value_call_pays_for_a_new_account_unless_the_block_has_made_it_before() {
    let nobody = person(99);
    let mut gas = Vec::new();
    for is_paid_first in [false, true] {
        let mut scene = peopled(Hardfork::Cancun);
        scene.contract(SHOP, Asm::new().call(nobody, 1, 0).sstore(0).stop()).fund(SHOP, 10);
        let transactions = [call(person(0), SHOP, []), pay(person(1), nobody, 1)];
        let order = if is_paid_first { [1, 0] } else { [0, 1] };
        order.into_iter().for_each(|index| {
            scene.push(transactions[index].clone());
        });
        let (seen, _) = scene.play_out();
        let calls = seen.transactions().nth(order[0]).map(|(_, outcome)| outcome.gas_used);
        gas.push(calls.unwrap_or_default());
    }
    assert_eq!(gas[0] - gas[1], 25_000);
}

// 7: the beneficiary lives.

#[test]
fn a_beneficiary_that_destroys_itself_loses_what_it_had_and_gets_later_fees() {
    for fork in [Hardfork::Paris, Hardfork::Shanghai, Hardfork::Cancun] {
        let mut scene = peopled(fork);
        let home = Address::repeat_byte(0xc0);
        scene.block.env.beneficiary = home;
        scene.contract(home, destroyer()).fund(home, ETHER).slot(home, 3, 4);
        scene.push(pay(person(0), person(1), 1));
        scene.push(call(person(2), home, words([word(person(7))])));
        scene.push(pay(person(3), person(4), 1));
        scene.push(Transaction { gas_limit: 100_000, ..pay(person(5), home, 1) });
        let (seen, world) = scene.play_out();
        all_succeed(&seen);
        assert!(balance(&world, person(7)) > U256::from(2 * ETHER - 1), "{fork}: paid out");
        let is_gone = fork < Hardfork::Cancun;
        assert_eq!(world.accounts[&home].info.nonce == 0, is_gone, "{fork}");
        assert_eq!(slot(&world, home, 3) == 0, is_gone, "{fork}");
        assert!(balance(&world, home) < U256::from(ETHER), "{fork}: nothing is there twice");
    }
}

#[test]
fn a_beneficiary_created_and_destroyed_in_one_transaction_gets_its_fee() {
    for fork in [Hardfork::Shanghai, Hardfork::Cancun] {
        let mut scene = peopled(fork);
        let initcode = Asm::new().address(person(7)).ops(&[op::SELFDESTRUCT]).build();
        let home = person(0).create(1);
        scene.block.env.beneficiary = home;
        scene.push(pay(person(0), person(1), 1));
        scene.push(create(person(0), initcode, 1_000));
        scene.push(pay(person(2), person(3), 1));
        let (seen, world) = scene.play_out();
        all_succeed(&seen);
        assert_eq!(world.accounts[&home].info.nonce, 0);
    }
}

#[test]
fn a_beneficiary_that_is_delegated_in_the_block_keeps_its_code() {
    let mut scene = peopled(Hardfork::Prague);
    let [first, _] = marks(&mut scene);
    scene.fund(BENEFICIARY, 5);
    scene.push(pay(person(0), person(1), 1));
    scene.push(set_code(person(2), BENEFICIARY, &[(BENEFICIARY, first, 0)]));
    scene.push(pay(person(3), person(4), 1));
    scene.push(call(person(5), BENEFICIARY, []));
    let (_, world) = scene.play_out();
    assert_eq!(world.code[&world.accounts[&BENEFICIARY].info.code_hash], designator(first));
    assert_eq!(slot(&world, BENEFICIARY, 1), 1);
}

#[test]
fn many_readers_of_the_beneficiary_see_every_fee_before_them() {
    let mut scene = peopled(Hardfork::Cancun);
    scene.contract(KEEPER, balance_keeper());
    let log = Asm::new().ops(&[op::COINBASE, op::BALANCE]).push(U256::ZERO).ops(&[op::MSTORE]);
    let log = log.push(U256::from(32)).push(U256::ZERO).ops(&[op::LOG0]);
    scene.contract(SHOP, log.stop());
    for number in 0..10_000 {
        match number % 3 {
            0 => scene.push(call(person(number % 20), SHOP, [])),
            1 => scene.push(call(person(number % 20), KEEPER, words([word(BENEFICIARY)]))),
            _ => scene.push(pay(person(number % 20), person(50 + number), 1)),
        };
    }
    let (seen, _) = scene.play_out();
    let mut fees = 0;
    for (_, outcome) in seen.transactions() {
        if let [log] = &outcome.logs[..] {
            assert_eq!(U256::from_be_slice(&log.data.data), U256::from(fees));
        }
        fees += outcome.gas_used * 3;
    }
}

#[test]
fn the_beneficiary_pays_with_fees_and_is_paid() {
    let mut scene = peopled(Hardfork::Cancun);
    for number in 0..10 {
        scene.push(pay(person(number), person(number + 1), 1));
        scene.push(pay(person(number), BENEFICIARY, 150_000));
        // 21000 gas at 10 wei, from three times as much in tips and what it was given.
        scene.push(pay(BENEFICIARY, person(40), 1));
    }
    all_succeed(&scene.play_out().0);
}

#[test]
fn a_tip_of_zero_makes_nobody_exist_from_spurious_dragon_on() {
    for fork in [Hardfork::Frontier, Hardfork::SpuriousDragon, Hardfork::London, Hardfork::Osaka] {
        for is_there in [false, true] {
            let mut scene = peopled(fork);
            if is_there {
                scene.fund(BENEFICIARY, 0);
            }
            let price = u128::from(scene.block.env.base_fee);
            for number in 0..4 {
                let transaction = pay(person(number), person(number + 1), 1);
                scene.push(Transaction {
                    max_fee_per_gas: price,
                    max_priority_fee_per_gas: price,
                    ..transaction
                });
            }
            let (_, world) = scene.play_out();
            // Proof of work pays a reward.
            let exists = fork < Hardfork::Paris;
            assert_eq!(world.accounts.contains_key(&BENEFICIARY), exists, "{fork}, {is_there}");
        }
    }
}

// 11: that a transfer is nothing but a transfer is something that was read.

#[test]
fn a_transfer_to_an_account_that_gets_code_in_the_block_runs_it() {
    let mut scene = peopled(Hardfork::Prague);
    let [first, _] = marks(&mut scene);
    let (account, made) = (person(9), person(0).create(0));
    // Both are transfers until the creation and the delegation are known.
    let mut initcode =
        deploying(&[], &Asm::new().sload(0).push(U256::ONE).ops(&[op::ADD]).sstore(0).stop());
    initcode.extend([0; 3_000]);
    scene.push(create(person(0), initcode, 0));
    scene.push(pay(person(1), made, 1));
    scene.push(set_code(person(2), person(3), &[(account, first, 0)]));
    scene.push(pay(person(4), account, 1));
    scene.push(Transaction { gas_limit: 100_000, ..pay(person(5), made, 1) });
    scene.push(Transaction { gas_limit: 100_000, ..pay(person(6), account, 1) });
    let (seen, world) = scene.play_out();
    let expected = [true, false, true, false, true, true];
    assert_eq!(statuses(&seen).iter().map(|s| s.is_success()).collect::<Vec<_>>(), expected);
    assert_eq!([slot(&world, made, 0), slot(&world, account, 1)], [1, 1]);
}

// 13: a chain in which each transaction reads what the one before has written.

#[test]
fn a_counter_that_all_count_up_counts_all() {
    let mut scene = peopled(Hardfork::Cancun);
    scene.contract(SHOP, counter());
    for number in 0..120 {
        scene.push(call(person(number % 20), SHOP, []));
    }
    let (_, world) = scene.play_out();
    assert_eq!(slot(&world, SHOP, 0), 120);
}

// 14: what is shared behind the scenes.

#[test]
fn code_of_this_block_is_called_copied_and_hashed_by_later_transactions() {
    let mut scene = peopled(Hardfork::Cancun);
    let copier = Asm::new().push(U256::from(32)).push(U256::ZERO).push(U256::ZERO).arg(0);
    let copier = copier.ops(&[op::EXTCODECOPY]).push(U256::ZERO).ops(&[op::MLOAD]).sstore(0).stop();
    scene.contract(FACTORY, factory()).contract(KEEPER, account_keeper()).contract(SHOP, copier);
    for number in 0..4 {
        let initcode =
            deploying(&[], &Asm::new().push(U256::from(number + 1)).sstore(number).stop());
        let made = created_by(FACTORY, number, &initcode);
        scene.push(call(person(0), KEEPER, words([word(made)])));
        scene.push(call(person(4 * number), FACTORY, creation(number, &initcode)));
        scene.push(call(person(4 * number + 1), made, []));
        scene.push(call(person(4 * number + 2), SHOP, words([word(made)])));
        scene.push(call(person(4 * number + 3), KEEPER, words([word(made)])));
    }
    let (seen, world) = scene.play_out();
    all_succeed(&seen);
    let initcode = deploying(&[], &Asm::new().push(U256::from(4)).sstore(3).stop());
    let last = created_by(FACTORY, 3, &initcode);
    assert_eq!(slot(&world, last, 3), 4);
    let hash = world.accounts[&KEEPER].storage[&U256::ZERO];
    assert_eq!(B256::from(hash), world.accounts[&last].info.code_hash);
}

#[test]
fn hashes_of_ancestors_are_the_same_for_all() {
    let mut scene = peopled(Hardfork::Cancun);
    scene.contract(SHOP, Asm::new().arg(0).ops(&[op::BLOCKHASH]).arg(0).ops(&[op::SSTORE]).stop());
    for number in 0..40 {
        let ancestor = U256::from(990 + number % 11);
        scene.push(call(person(number % 20), SHOP, words([ancestor])));
    }
    let (_, world) = scene.play_out();
    assert_eq!(world.accounts[&SHOP].storage.len(), 10, "the block itself has no hash yet");
}

// 15: whether a token balance is zero is gas.

#[test]
fn token_balances_that_go_to_zero_and_come_back_cost_what_they_cost() {
    let mut scene = peopled(Hardfork::Cancun);
    scene.contract(SHOP, token());
    let hold = |scene: &mut Scene, who, amount: u64| {
        let account = scene.world.accounts.entry(SHOP).or_default();
        account.set_slot(holding(person(who)), U256::from(amount));
    };
    hold(&mut scene, 0, 100);
    hold(&mut scene, 1, 50);
    let transfer = |from, to, amount: u64| {
        call(person(from), SHOP, words([word(person(from)), word(person(to)), U256::from(amount)]))
    };
    // All to somebody with nothing, all back, more than there is, none, half.
    for (from, to, amount) in [
        (0, 5, 100),
        (5, 0, 100),
        (1, 0, 51),
        (1, 2, 0),
        (1, 2, 25),
        (0, 1, 100),
        (2, 1, 25),
        (1, 0, 150),
        (0, 0, 150),
    ] {
        scene.push(transfer(from, to, amount));
    }
    let (seen, world) = scene.play_out();
    assert_eq!(statuses(&seen).iter().filter(|status| !status.is_success()).count(), 1);
    assert_eq!(world.accounts[&SHOP].storage.len(), 1);
    assert_eq!(world.accounts[&SHOP].storage[&holding(person(0))], U256::from(150));
    assert!(seen.transactions().any(|(_, outcome)| outcome.gas_refunded > 0));
}

// What ends in the middle, and what overflows.

#[test]
fn gas_that_runs_out_between_two_reads_runs_out_at_the_same_place() {
    for gas in (23_000..30_000).step_by(350) {
        let mut scene = peopled(Hardfork::Cancun);
        let reads = Asm::new().sload(0).sload(1).ops(&[op::ADD]).sload(2).ops(&[op::ADD]);
        scene.contract(SHOP, reads.sstore(3).stop()).contract(KEEPER, setter());
        let writes = Asm::new().push(U256::ONE).arg(0).ops(&[op::SSTORE]);
        scene.contract(SHOP, [writes.build(), vec![op::STOP]].concat());
        let own = Asm::new()
            .ops(&[op::CALLDATASIZE])
            .when(Asm::new().push(U256::ONE).arg(0).ops(&[op::SSTORE]));
        let own = own.sload(0).sload(1).ops(&[op::ADD]).sload(2).ops(&[op::ADD]).sstore(3).stop();
        scene.contract(SHOP, own);
        for number in 0..6 {
            scene.push(call(person(number), SHOP, words([U256::from(number % 3)])));
            let reader = call(person(10 + number), SHOP, []);
            scene.push(Transaction { gas_limit: gas, ..reader });
        }
        scene.play_out();
    }
}

#[test]
fn balances_beyond_all_ether_stop_at_the_most_there_can_be() {
    let mut scene = peopled(Hardfork::Cancun);
    let rich = person(70);
    scene.world.accounts.entry(rich).or_default().info.balance = U256::MAX - U256::from(25);
    scene.world.accounts.entry(BENEFICIARY).or_default().info.balance =
        U256::MAX - U256::from(100_000);
    for number in 0..6 {
        scene.push(pay(person(number), rich, 10));
    }
    // It pays, and has room again.
    scene.push(pay(rich, person(7), 1_000));
    scene.push(pay(person(8), rich, 500));
    let (_, world) = scene.play_out();
    assert_eq!(balance(&world, BENEFICIARY), U256::MAX);
    assert!(balance(&world, rich) < U256::MAX);
}
