//! Accounts that come, go and come back in one block: storage that is wiped, creations in all kinds of places, empty accounts
//! that are touched.

use alloy_primitives::{Address, Bytes, KECCAK256_EMPTY, U256};
use braid_executor::ExecutionStatus;
use braid_interpreter::{HaltReason, opcode::byte as op};
use braid_primitives::{Hardfork, Transaction};
use braid_tests::parallel::{
    contracts::{
        Asm, account_keeper, created_by, creation, deploying, destroyer, factory, mortal, setter,
    },
    scene::{
        ETHER, Scene, all_succeed, balance, call, create, pay, peopled, person, set_code, slot,
        statuses, word, words,
    },
};

const FACTORY: Address = Address::repeat_byte(0xfa);
const KEEPER: Address = Address::repeat_byte(0x12);
const NOBODY: Address = Address::repeat_byte(0x40);

/// Initcode that sets slots 0 and 2, and the child that it makes.
fn child() -> (Vec<u8>, Address) {
    let constructor = Asm::new().push(U256::from(5)).sstore(0).push(U256::from(6)).sstore(2);
    let initcode = deploying(&constructor.build(), &mortal());
    let child = created_by(FACTORY, 1, &initcode);
    (initcode, child)
}

/// A scene with a child in the state that has the storage of another time.
fn with_child(fork: Hardfork) -> (Scene, Vec<u8>, Address) {
    let (initcode, child) = child();
    let mut scene = peopled(fork);
    scene.contract(FACTORY, factory()).contract(KEEPER, account_keeper());
    scene.contract(child, mortal()).fund(child, 11);
    scene.slot(child, 0, 40).slot(child, 3, 7).slot(child, 9, 9);
    (scene, initcode, child)
}

// Storage that is wiped.

#[test]
fn a_contract_destroyed_and_created_again_has_only_its_new_storage() {
    for fork in [Hardfork::Constantinople, Hardfork::Istanbul, Hardfork::London, Hardfork::Shanghai]
    {
        let (mut scene, initcode, child) = with_child(fork);
        let look = |scene: &mut Scene, number| {
            scene.push(call(person(number), KEEPER, words([word(child)])));
        };
        scene.push(call(person(0), child, []));
        scene.push(call(person(1), child, words([word(person(30))])));
        look(&mut scene, 2);
        scene.push(pay(person(3), child, 17));
        scene.push(Transaction {
            value: U256::from(2),
            ..call(person(4), FACTORY, creation(1, &initcode))
        });
        look(&mut scene, 5);
        scene.push(call(person(6), child, []));
        scene.push(Transaction { gas_limit: 100_000, ..pay(person(7), child, 3) });
        let (seen, world) = scene.play_out();
        all_succeed(&seen);
        let storage: Vec<_> = world.accounts[&child].storage.iter().collect();
        // Twice counted, each time keeping what was before.
        let expected =
            [(0, 7), (1, 6), (2, 6)].map(|(key, value)| (U256::from(key), U256::from(value)));
        assert_eq!(storage, expected.iter().map(|(k, v)| (k, v)).collect::<Vec<_>>(), "{fork}");
        assert_eq!(balance(&world, child), U256::from(17 + 2 + 3));
        assert_eq!(balance(&world, person(30)), U256::from(11));
        assert!(seen.outcome().state.accounts[&child].storage_wiped);
    }
}

#[test]
fn a_contract_is_destroyed_and_created_again_and_again() {
    let (mut scene, initcode, child) = with_child(Hardfork::Shanghai);
    for round in 0..4 {
        scene.push(call(person(4 * round), child, words([word(child)])));
        scene.push(call(person(4 * round + 1), child, []));
        scene.push(call(person(4 * round + 2), FACTORY, creation(1, &initcode)));
        scene.push(call(person(4 * round + 3), child, []));
    }
    let (seen, world) = scene.play_out();
    all_succeed(&seen);
    assert_eq!([slot(&world, child, 0), slot(&world, child, 1), slot(&world, child, 3)], [6, 5, 0]);
    assert_eq!(balance(&world, child), U256::ZERO, "what it left to itself is gone");
}

#[test]
fn a_contract_created_and_destroyed_in_one_transaction_leaves_what_came_later() {
    for fork in [Hardfork::Shanghai, Hardfork::Cancun, Hardfork::Prague] {
        let mut scene = peopled(fork);
        scene.contract(FACTORY, factory()).contract(KEEPER, account_keeper());
        let ends = Asm::new().push(U256::from(5)).sstore(0).ops(&[op::CALLER, op::SELFDESTRUCT]);
        let initcode = ends.build();
        let child = created_by(FACTORY, 1, &initcode);
        scene.fund(child, 3);
        for round in 0..3 {
            let making = call(person(4 * round), FACTORY, creation(1, &initcode));
            scene.push(Transaction { value: U256::from(2), ..making });
            scene.push(call(person(4 * round + 1), KEEPER, words([word(child)])));
            scene.push(pay(person(4 * round + 2), child, 1));
        }
        let (seen, world) = scene.play_out();
        all_succeed(&seen);
        assert_eq!(balance(&world, child), U256::ONE, "{fork}");
        assert_eq!(balance(&world, FACTORY), U256::from(3 + 3 * 2 + 2));
        assert!(world.accounts[&child].storage.is_empty());
    }
}

#[test]
fn destruction_in_a_frame_that_fails_is_none() {
    for fork in [Hardfork::Byzantium, Hardfork::Shanghai] {
        let mut scene = peopled(fork);
        let (gone, caller) = (Address::repeat_byte(0x66), Address::repeat_byte(0x67));
        scene.contract(gone, destroyer()).fund(gone, 9).slot(gone, 4, 4);
        // Calls it, then reverts if there is calldata.
        let revert = Asm::new().push(U256::ZERO).push(U256::ZERO).ops(&[op::REVERT]);
        let code = Asm::new().call(gone, 0, 60_000).ops(&[op::POP, op::CALLDATASIZE]).when(revert);
        scene.contract(caller, code.stop());
        scene.push(call(person(0), caller, [1]));
        scene.push(pay(person(1), gone, 1));
        scene.push(call(person(2), caller, []));
        scene.push(Transaction { gas_limit: 60_000, ..pay(person(3), gone, 1) });
        let (seen, world) = scene.play_out();
        let expected = [ExecutionStatus::Revert, ExecutionStatus::Success];
        assert_eq!([statuses(&seen)[0], statuses(&seen)[2]], expected);
        assert_eq!(slot(&world, gone, 4), 0, "{fork}");
    }
}

#[test]
fn destruction_after_cancun_moves_only_the_balance() {
    let (mut scene, _, child) = with_child(Hardfork::Cancun);
    scene.push(call(person(0), child, words([word(person(30))])));
    scene.push(call(person(1), child, []));
    scene.push(call(person(2), child, words([word(child)])));
    scene.push(call(person(3), child, []));
    let (seen, world) = scene.play_out();
    all_succeed(&seen);
    assert_eq!(
        [slot(&world, child, 0), slot(&world, child, 1), slot(&world, child, 3)],
        [42, 41, 7]
    );
    assert_eq!(balance(&world, person(30)), U256::from(11));
}

#[test]
fn a_contract_that_is_paid_after_its_destruction_in_the_same_transaction_takes_it_with_it() {
    let mut scene = peopled(Hardfork::Shanghai);
    let (gone, caller) = (Address::repeat_byte(0x66), Address::repeat_byte(0x67));
    scene.contract(gone, destroyer()).fund(gone, 9);
    let code =
        Asm::new().call(gone, 0, 60_000).ops(&[op::POP]).call(gone, 5, 60_000).ops(&[op::POP]);
    scene.contract(caller, code.stop()).fund(caller, 100);
    scene.push(pay(person(0), caller, 1));
    scene.push(call(person(1), caller, []));
    scene.push(pay(person(2), gone, 4));
    scene.push(call(person(3), caller, []));
    let (_, world) = scene.play_out();
    // Destroyed in favour of nobody in particular, address zero.
    assert_eq!(
        balance(&world, Address::ZERO) + balance(&world, gone) + balance(&world, caller),
        U256::from(9 + 100 + 4 + 5 - 5)
    );
}

// Creations.

#[test]
fn a_creation_at_an_address_that_was_paid_keeps_the_balance() {
    for fork in [Hardfork::Frontier, Hardfork::SpuriousDragon, Hardfork::Shanghai, Hardfork::Prague]
    {
        let mut scene = peopled(fork);
        let made = person(5).create(0);
        scene.fund(made, 100);
        scene.push(pay(person(0), made, 7));
        scene.push(create(person(5), deploying(&[], &mortal()), 3));
        scene.push(Transaction { gas_limit: 100_000, ..pay(person(1), made, 1) });
        let (seen, world) = scene.play_out();
        all_succeed(&seen);
        assert_eq!(balance(&world, made), U256::from(111), "{fork}");
    }
}

#[test]
fn a_creation_where_there_is_storage_or_code_collides() {
    let (initcode, child) = child();
    for fork in [Hardfork::Constantinople, Hardfork::Shanghai, Hardfork::Prague] {
        let mut scene = peopled(fork);
        scene.contract(FACTORY, factory());
        // Storage and a balance, no code and no nonce: there are a few such accounts.
        scene.fund(child, 1).slot(child, 7, 7);
        scene.push(pay(person(0), child, 1));
        scene.push(call(person(1), FACTORY, creation(1, &initcode)));
        scene.push(call(person(2), FACTORY, creation(2, &initcode)));
        scene.push(call(person(3), FACTORY, creation(2, &initcode)));
        let (_, world) = scene.play_out();
        assert_eq!(world.accounts[&child].info.code_hash, KECCAK256_EMPTY, "{fork}");
        assert_eq!(slot(&world, child, 7), 7);
        assert_eq!(world.accounts[&FACTORY].info.nonce, 4);
        assert_eq!(slot(&world, FACTORY, 0), 0, "the last creation failed");
    }
}

#[test]
fn a_creation_collides_with_storage_that_a_delegated_account_wrote_in_this_block() {
    let mut scene = peopled(Hardfork::Prague);
    // The account is not one of a creation, so its own slots are looked at only by those who create elsewhere.
    let keeper = Address::repeat_byte(0x5a);
    scene.contract(keeper, setter()).contract(FACTORY, factory());
    let (initcode, child) = child();
    let account = person(9);
    scene.push(set_code(person(0), account, &[(account, keeper, 0)]));
    scene.push(call(person(1), account, words([U256::from(1), U256::from(2)])));
    scene.push(set_code(person(2), person(3), &[(account, Address::ZERO, 1)]));
    scene.push(call(person(4), FACTORY, creation(1, &initcode)));
    scene.push(call(person(5), child, []));
    scene.push(call(person(6), FACTORY, creation(1, &initcode)));
    let (_, world) = scene.play_out();
    assert_eq!(slot(&world, account, 1), 2, "storage stays when a delegation ends");
    assert_eq!(slot(&world, child, 1), 5);
}

#[test]
fn many_creations_with_storage_in_one_block_do_not_collide() {
    let mut scene = peopled(Hardfork::Shanghai);
    scene.contract(FACTORY, factory());
    let (initcode, _) = child();
    for number in 0..40 {
        scene.push(call(person(number % 20), FACTORY, creation(number, &initcode)));
        scene.push(create(person((number + 7) % 20), initcode.clone(), 0));
    }
    let (seen, world) = scene.play_out();
    all_succeed(&seen);
    for number in 0..40 {
        let child = created_by(FACTORY, number, &initcode);
        assert_eq!([slot(&world, child, 0), slot(&world, child, 2)], [5, 6]);
    }
}

#[test]
fn the_same_creation_by_many_succeeds_once() {
    let mut scene = peopled(Hardfork::Cancun);
    scene.contract(FACTORY, factory()).contract(KEEPER, account_keeper());
    let (initcode, child) = child();
    for number in 0..10 {
        scene.push(call(person(2 * number), FACTORY, creation(1, &initcode)));
        scene.push(call(person(2 * number + 1), KEEPER, words([word(child)])));
    }
    let (_, world) = scene.play_out();
    assert_eq!(world.accounts[&FACTORY].info.nonce, 11);
    assert_eq!(slot(&world, child, 0), 5);
}

#[test]
fn a_transaction_that_creates_where_somebody_is_uses_all_its_gas() {
    let mut scene = peopled(Hardfork::Cancun);
    let taken = person(5).create(1);
    scene.nonce(taken, 1);
    scene.push(pay(person(5), person(6), 1));
    scene.push(create(person(5), deploying(&[], &mortal()), 1));
    let (seen, _) = scene.play_out();
    assert_eq!(statuses(&seen)[1], ExecutionStatus::Halt(HaltReason::CreateCollision));
}

#[test]
fn nonces_of_creators_follow_one_after_the_other() {
    let mut scene = peopled(Hardfork::Cancun);
    let maker = Address::repeat_byte(0x6b);
    let zero = U256::ZERO;
    let code = Asm::new().push(zero).push(zero).push(zero).ops(&[op::CREATE]).push(U256::ONE);
    scene.contract(maker, code.ops(&[op::SWAP1, op::SSTORE]).stop());
    (0..12).for_each(|number| {
        scene.push(call(person(number), maker, []));
    });
    let (_, world) = scene.play_out();
    assert_eq!(world.accounts[&maker].info.nonce, 13);
    assert_eq!(world.accounts[&maker].storage.len(), 12);
}

// What others see of all this.

#[test]
fn hashes_sizes_and_balances_follow_accounts_that_come_and_go() {
    for fork in [Hardfork::Constantinople, Hardfork::Shanghai, Hardfork::Cancun] {
        let (mut scene, initcode, child) = with_child(fork);
        let look = |scene: &mut Scene, address| {
            for number in 15..18 {
                scene.push(call(person(number), KEEPER, words([word(address)])));
            }
        };
        look(&mut scene, NOBODY);
        scene.push(pay(person(0), NOBODY, 1));
        look(&mut scene, NOBODY);
        scene.push(call(person(1), child, words([word(NOBODY)])));
        look(&mut scene, child);
        scene.push(call(person(2), FACTORY, creation(1, &initcode)));
        look(&mut scene, child);
        look(&mut scene, NOBODY);
        let (_, world) = scene.play_out();
        assert_eq!(slot(&world, KEEPER, 2), 12, "{fork}");
    }
}

// Empty accounts.

#[test]
fn a_touch_without_value_makes_or_clears_an_empty_account_as_the_fork_has_it() {
    for fork in [Hardfork::Frontier, Hardfork::Tangerine, Hardfork::SpuriousDragon, Hardfork::Osaka]
    {
        for is_there in [false, true] {
            let mut scene = peopled(fork);
            let [others, heir] = [0x41, 0x42].map(Address::repeat_byte);
            let (gone, caller) = (Address::repeat_byte(0x66), Address::repeat_byte(0x67));
            scene.contract(gone, destroyer());
            scene.contract(caller, Asm::new().call(others, 0, 0).sstore(0).stop());
            if is_there {
                [NOBODY, others, heir].into_iter().for_each(|address| {
                    scene.fund(address, 0);
                });
                scene.slot(others, 1, 1);
            }
            scene.push(pay(person(0), NOBODY, 0));
            scene.push(call(person(1), caller, []));
            scene.push(call(person(2), gone, words([word(heir)])));
            scene.push(pay(person(3), NOBODY, 0));
            scene.push(pay(person(4), others, 2));
            scene.push(call(person(5), caller, []));
            let (_, world) = scene.play_out();
            let stay = fork < Hardfork::SpuriousDragon;
            assert_eq!(world.accounts.contains_key(&NOBODY), stay, "{fork}, {is_there}");
            assert_eq!(world.accounts.contains_key(&heir), stay, "{fork}, {is_there}");
            assert_eq!(balance(&world, others), U256::from(2));
        }
    }
}

#[test]
fn an_account_that_is_emptied_and_touched_goes_and_may_come_back() {
    for fork in [Hardfork::Homestead, Hardfork::SpuriousDragon, Hardfork::Cancun] {
        let mut scene = peopled(fork);
        // Gives all it has to the caller, by code that is there for one call only: a contract that destroys itself.
        let gone = Address::repeat_byte(0x66);
        scene.contract(gone, destroyer()).fund(gone, 5);
        scene.push(call(person(0), gone, words([word(NOBODY)])));
        scene.push(pay(person(1), NOBODY, 0));
        scene.push(pay(person(2), gone, 0));
        scene.push(Transaction { gas_limit: 60_000, ..pay(person(3), gone, 1) });
        scene.push(Transaction { gas_limit: 60_000, ..call(person(4), gone, Bytes::new()) });
        let (_, world) = scene.play_out();
        assert_eq!(balance(&world, NOBODY), U256::from(5), "{fork}");
    }
}

#[test]
fn destruction_by_two_in_one_block_counts_once() {
    for fork in [Hardfork::Istanbul, Hardfork::Shanghai] {
        let mut scene = peopled(fork);
        let gone = Address::repeat_byte(0x66);
        scene.contract(gone, destroyer()).fund(gone, 5).slot(gone, 1, 1);
        for number in 0..6 {
            scene.push(call(person(number), gone, words([word(person(30 + number))])));
        }
        let (_, world) = scene.play_out();
        assert_eq!(balance(&world, person(30)), U256::from(5));
        assert!(!world.accounts.contains_key(&gone), "{fork}");
        assert!(!world.accounts.contains_key(&person(31)));
        assert!(balance(&world, person(0)) < U256::from(ETHER));
    }
}
