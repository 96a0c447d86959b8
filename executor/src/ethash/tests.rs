use std::thread;

use braid_precompiles::DefaultCrypto;
use braid_primitives::b256;

use super::*;

/// Block 22 of the first public test network.
const NUMBER: u64 = 22;
const SEAL_HASH: B256 = b256!("372eca2454ead349c3df0ab5d00b0b706b23e49d469387db91811cee0358fc6d");
const NONCE: u64 = 0x4957_32e0_ed7a_801c;
const MIX_HASH: B256 = b256!("2f74cdeb198af0b9abe65d22d372e22fb2d474371774a9583c1cc427a07939f5");
const DIFFICULTY: u64 = 132_416;

fn ethash() -> Ethash<DefaultCrypto> {
    Ethash::new(DefaultCrypto::new())
}

#[test]
fn a_proof_holds_and_its_alterations_do_not() {
    let ethash = ethash();
    let verify = |seal_hash, nonce, mix_hash, difficulty| {
        ethash.verify(NUMBER, seal_hash, nonce, mix_hash, difficulty)
    };
    let difficulty = U256::from(DIFFICULTY);
    assert_eq!(verify(SEAL_HASH, NONCE, MIX_HASH, difficulty), Ok(()));
    assert_eq!(verify(SEAL_HASH, NONCE, MIX_HASH, U256::ONE), Ok(()));

    let expected = ethash.work(NUMBER, SEAL_HASH, NONCE + 1).unwrap().mix_hash;
    let wrong_mix = InvalidSeal::MixHash { expected, found: MIX_HASH };
    assert_eq!(verify(SEAL_HASH, NONCE + 1, MIX_HASH, difficulty), Err(wrong_mix));
    let other_block = verify(B256::ZERO, NONCE, MIX_HASH, difficulty);
    assert!(matches!(other_block, Err(InvalidSeal::MixHash { .. })), "{other_block:?}");

    let result = U256::from_be_bytes(ethash.work(NUMBER, SEAL_HASH, NONCE).unwrap().result.0);
    // The largest difficulty that the work is enough for, and one more.
    let most = U256::MAX / result;
    assert!(most >= difficulty);
    assert_eq!(verify(SEAL_HASH, NONCE, MIX_HASH, most), Ok(()));
    let difficulty = most + U256::ONE;
    let above = InvalidSeal::AboveBoundary { result, boundary: boundary(difficulty), difficulty };
    assert_eq!(verify(SEAL_HASH, NONCE, MIX_HASH, difficulty), Err(above));
    let none = verify(SEAL_HASH, NONCE, MIX_HASH, U256::ZERO);
    assert_eq!(none, Err(InvalidSeal::ZeroDifficulty));
}

#[test]
fn threads_share_a_cache() {
    let ethash = ethash();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let difficulty = U256::from(DIFFICULTY);
                assert_eq!(ethash.verify(NUMBER, SEAL_HASH, NONCE, MIX_HASH, difficulty), Ok(()));
            });
        }
    });
    assert_eq!(ethash.kept.lock().unwrap().len(), 1);
}

#[test]
fn the_boundary_is_the_quotient_of_two_to_the_256() {
    for (difficulty, expected) in [
        (U256::from(2), U256::ONE << 255),
        (U256::from(3), U256::MAX / U256::from(3)),
        (U256::from(1 << 20), U256::ONE << 236),
        (U256::MAX, U256::ONE),
        (U256::ONE << 255, U256::from(2)),
        ((U256::ONE << 255) + U256::ONE, U256::ONE),
        // 2^256 itself has no room.
        (U256::ONE, U256::MAX),
    ] {
        assert_eq!(boundary(difficulty), expected, "difficulty {difficulty}");
    }
}

#[test]
fn sizes_are_those_that_were_published() {
    for (epoch, cache, dataset) in [
        (0, 16_776_896, 1_073_739_904),
        (1, 16_907_456, 1_082_130_304),
        (14, 18_611_392, 1_191_180_416),
        (158, 37_486_528, 2_399_139_968),
        (530, 86_244_416, 5_519_703_424),
        (977, 144_832_448, 9_269_411_456),
        (2_047, 285_081_536, 18_245_220_736),
    ] {
        assert_eq!((cache_bytes(epoch), dataset_bytes(epoch)), (cache, dataset), "epoch {epoch}");
    }
    // An item of the data set has an index of 32 bits.
    assert!(u32::try_from(dataset_bytes(LAST_EPOCH) / ITEM_BYTES).is_ok());
}

#[test]
fn blocks_after_the_last_epoch_are_refused_before_anything_is_allocated() {
    for number in [(LAST_EPOCH + 1) * EPOCH_BLOCKS, u64::MAX] {
        let ethash = ethash();
        let result = ethash.verify(number, SEAL_HASH, NONCE, MIX_HASH, U256::ONE);
        assert_eq!(result, Err(InvalidSeal::EpochTooLate { number }));
        assert!(ethash.kept.lock().unwrap().is_empty());
    }
}

#[test]
fn the_epochs_used_last_are_kept() {
    let ethash = ethash();
    let kept = || ethash.kept.lock().unwrap().iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>();
    let first = ethash.slot(0);
    (1..3).for_each(|epoch| drop(ethash.slot(epoch)));
    assert!(Arc::ptr_eq(&first, &ethash.slot(0)));
    assert_eq!(kept(), [1, 2, 0]);
    (3..5).for_each(|epoch| drop(ethash.slot(epoch)));
    assert_eq!(kept(), [0, 3, 4]);
    assert!(Arc::ptr_eq(&first, &ethash.slot(0)));
}
