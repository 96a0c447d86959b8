//! What the protocol itself does before and after the transactions, and transactions that run in parallel in between.

use alloy_primitives::{Address, U256};
use braid_interpreter::opcode::byte as op;
use braid_primitives::{Hardfork, Withdrawal};
use braid_tests::parallel::{
    contracts::{Asm, counter, deploying, mortal},
    scene::{BENEFICIARY, balance, call, create, pay, peopled, person, slot, word, words},
};

#[test]
fn withdrawals_go_to_accounts_as_the_transactions_left_them() {
    for fork in [Hardfork::Shanghai, Hardfork::Cancun, Hardfork::Prague] {
        let mut scene = peopled(fork);
        let (gone, made) = (Address::repeat_byte(0x66), person(0).create(1));
        scene.contract(gone, mortal()).fund(gone, 7).slot(gone, 0, 3);
        scene.push(pay(person(0), person(40), 9));
        scene.push(create(person(0), deploying(&[], &counter()), 4));
        scene.push(call(person(1), gone, words([word(person(2))])));
        let targets = [person(40), made, gone, person(41), BENEFICIARY, Address::with_last_byte(3)];
        let withdrawal = |(index, address)| Withdrawal {
            index,
            validator_index: 1,
            address,
            amount_gwei: index % 3,
        };
        scene.block.context.withdrawals = Some((0..).zip(targets).map(withdrawal).collect());
        let (_, world) = scene.play_out();
        assert_eq!(balance(&world, made), U256::from(4 + 1_000_000_000_u64));
        assert_eq!(balance(&world, gone), U256::from(2_000_000_000_u64));
        assert!(!world.accounts.contains_key(&person(41)), "nothing was withdrawn to it");
    }
}

#[test]
fn transactions_see_what_system_calls_wrote_and_requests_what_transactions_wrote() {
    use braid_executor::system_calls::{BEACON_ROOTS_ADDRESS, WITHDRAWAL_REQUESTS_ADDRESS};
    let mut scene = peopled(Hardfork::Prague);
    // From the system: keeps its input. From others: copies it to slot 1 and counts in slot 2.
    let system = braid_executor::system_calls::SYSTEM_ADDRESS;
    let is_system = |asm: Asm| asm.ops(&[op::CALLER]).address(system).ops(&[op::EQ]);
    let roots = is_system(Asm::new()).when(Asm::new().arg(0).sstore(0).ops(&[op::STOP]));
    let roots = roots.sload(0).sstore(1).sload(2).push(U256::ONE).ops(&[op::ADD]).sstore(2);
    scene.contract(BEACON_ROOTS_ADDRESS, roots.stop());
    // From the system: gives out the counter and sets it to zero. From others: counts.
    let give = Asm::new().sload(0).push(U256::ZERO).ops(&[op::MSTORE]).push(U256::ZERO).sstore(0);
    let give = give.push(U256::from(32)).push(U256::ZERO).ops(&[op::RETURN]);
    let queue = is_system(Asm::new()).when(give);
    let queue = queue.sload(0).push(U256::ONE).ops(&[op::ADD]).sstore(0);
    scene.contract(WITHDRAWAL_REQUESTS_ADDRESS, queue.stop());
    for number in 0..10 {
        scene.push(call(person(number), BEACON_ROOTS_ADDRESS, []));
        scene.push(call(person(number + 10), WITHDRAWAL_REQUESTS_ADDRESS, []));
    }
    let (seen, world) = scene.play_out();
    let root = U256::from_be_bytes([0xbb; 32]);
    assert_eq!(world.accounts[&BEACON_ROOTS_ADDRESS].storage[&U256::from(1)], root);
    assert_eq!(slot(&world, BEACON_ROOTS_ADDRESS, 2), 10);
    let requests = seen.outcome().requests.clone().unwrap_or_default();
    let expected = [&[1][..], &U256::from(10).to_be_bytes::<32>()].concat();
    assert_eq!(requests.0, [alloy_primitives::Bytes::from(expected)]);
    assert_eq!(slot(&world, WITHDRAWAL_REQUESTS_ADDRESS, 0), 0);
}
