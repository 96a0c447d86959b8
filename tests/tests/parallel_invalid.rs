//! Invalid transactions in blocks that run in parallel: the error is that of sequential execution, in every mode, and it comes
//! promptly.

use std::time::Duration;

use alloy_primitives::{B256, U256};
use braid_executor::{InvalidBlock, InvalidTransaction, Mode};
use braid_primitives::{Hardfork, Transaction, TransactionType};
use braid_tests::parallel::{
    Both, Failure, Seen, SeenStep, THREADS,
    scene::{ETHER, Scene, all_succeed, pay, peopled, person},
    within,
};

/// Compares the block in a few seconds; there are some executions of each kind.
fn promptly(scene: &Scene) -> Seen {
    let scene = scene.clone();
    within(Duration::from_secs(20), "a block with an invalid transaction", move || {
        let compared = Both::of(&scene).compare(&scene.block, &scene.world, &THREADS);
        compared.unwrap_or_else(|error| panic!("{error}"))
    })
}

#[test]
fn invalid_transactions_end_promptly_in_every_mode() {
    let poor = person(60);
    let invalid: [fn(&Scene) -> Transaction; 8] = [
        |_| pay(person(60), person(1), 1),
        |_| Transaction { nonce: 7, ..pay(person(3), person(1), 1) },
        |_| Transaction { nonce: 0, ..pay(person(0), person(1), 1) },
        |_| Transaction { gas_limit: 20_999, ..pay(person(3), person(1), 1) },
        |_| Transaction { nonce: u64::MAX, ..pay(person(3), person(1), 1) },
        |_| Transaction {
            max_fee_per_gas: 1,
            max_priority_fee_per_gas: 1,
            ..pay(person(3), person(1), 1)
        },
        |_| Transaction { value: U256::MAX, ..pay(person(3), person(1), 1) },
        |scene| Transaction {
            gas_limit: scene.block.env.gas_limit + 1,
            ..pay(person(3), person(1), 1)
        },
    ];
    for (kind, make) in invalid.iter().enumerate() {
        for mode in [Mode::Verify, Mode::Build, Mode::Trace] {
            for at in [0, 1, 5] {
                let mut scene = peopled(Hardfork::Cancun);
                scene.mode = mode;
                for number in 0..6 {
                    if number == at {
                        let transaction = make(&scene);
                        scene.push_as_it_is(transaction);
                    }
                    let valid = pay(person(0), person(30 + number), 1);
                    scene.push_as_it_is(Transaction { nonce: number, ..valid });
                }
                let seen = promptly(&scene);
                // A used nonce is none yet before the first transaction.
                if kind != 2 || at > 0 {
                    is_the_only_one(&seen, at as usize, mode);
                }
            }
        }
    }
    let scene = peopled(Hardfork::Cancun);
    assert!(!scene.world.accounts.contains_key(&poor), "this one has nothing");
}

/// Asserts that this transaction, and no other, is invalid.
fn is_the_only_one(seen: &Seen, index: usize, mode: Mode) {
    match (mode, &seen.result) {
        (Mode::Verify, Err(Failure::Invalid(InvalidBlock::Transaction { index: found, .. }))) => {
            assert_eq!(*found, index)
        }
        (Mode::Build | Mode::Trace, Ok(outcome)) => {
            let left_out: Vec<_> = outcome.excluded.iter().map(|one| one.index).collect();
            assert_eq!(left_out, [index]);
            let steps = seen.steps.iter();
            let traced = steps.filter(|(step, _)| matches!(step, SeenStep::Invalid(..))).count();
            assert_eq!(traced, usize::from(mode == Mode::Trace));
        }
        (_, result) => panic!("{mode:?}: {result:?}"),
    }
}

#[test]
fn nonces_that_are_wrong_one_after_the_other_are_judged_in_order() {
    for mode in [Mode::Build, Mode::Trace] {
        let mut scene = peopled(Hardfork::Cancun);
        scene.mode = mode;
        for nonce in [1, 0, 0, 2, 1, 1, 2, 5, 3, 4, 4] {
            scene.push_as_it_is(Transaction { nonce, ..pay(person(0), person(1), 1) });
        }
        let seen = promptly(&scene);
        let left_out: Vec<_> = seen.outcome().excluded.iter().map(|one| one.index).collect();
        assert_eq!(left_out, [0, 2, 3, 5, 7, 10]);
    }
}

#[test]
fn a_sender_that_is_funded_by_the_block_may_send() {
    let mut scene = peopled(Hardfork::Cancun);
    for number in 0..10 {
        let rich = u128::from(10 - number) * ETHER / 100;
        let from = if number == 0 { person(0) } else { person(100 + number) };
        scene.push(pay(from, person(101 + number), rich));
    }
    all_succeed(&scene.play_out().0);
}

#[test]
fn a_block_that_is_full_leaves_out_what_does_not_fit() {
    for mode in [Mode::Verify, Mode::Build, Mode::Trace] {
        let mut scene = peopled(Hardfork::Cancun);
        scene.mode = mode;
        scene.block.env.gas_limit = 21_000 * 5 + 30_000;
        for number in 0..8 {
            let transaction = pay(person(number), person(number + 1), 1);
            scene.push(Transaction { gas_limit: 21_000 + 10_000 * (number % 2), ..transaction });
        }
        let seen = promptly(&scene);
        match mode {
            Mode::Verify => assert!(matches!(
                seen.result,
                Err(Failure::Invalid(InvalidBlock::Transaction {
                    error: InvalidTransaction::BlockGasLimitExceeded { .. },
                    ..
                }))
            )),
            _ => assert_eq!(seen.outcome().excluded.len(), 2),
        }
    }
}

#[test]
fn blob_gas_that_is_used_up_leaves_out_what_does_not_fit() {
    for mode in [Mode::Verify, Mode::Build, Mode::Trace] {
        let mut scene = peopled(Hardfork::Cancun);
        scene.mode = mode;
        for number in 0..5 {
            let mut hash = B256::repeat_byte(number as u8);
            hash[0] = 1;
            let blobs = [2, 3, 2, 1, 1][number as usize];
            scene.push(Transaction {
                tx_type: TransactionType::Blob,
                chain_id: Some(1),
                blob_hashes: vec![hash; blobs],
                max_fee_per_blob_gas: 10,
                ..pay(person(number), person(number + 1), 1)
            });
        }
        let seen = promptly(&scene);
        match mode {
            Mode::Verify => assert!(matches!(
                seen.result,
                Err(Failure::Invalid(InvalidBlock::Transaction {
                    index: 2,
                    error: InvalidTransaction::BlobGasLimitExceeded { .. },
                }))
            )),
            _ => {
                let left_out: Vec<_> =
                    seen.outcome().excluded.iter().map(|one| one.index).collect();
                assert_eq!(left_out, [2, 4]);
            }
        }
    }
}
