//! What a step read holds only if it would read the same on top of what is committed, whatever it saw on the way.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    convert::Infallible,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use alloy_primitives::{Address, U256};
use braid_mv_memory::{
    AccountIndex, AccountWrite, MvMemory, Observed, Read, SlotIndex, Spare, Version, WriteSet,
};
use braid_primitives::AccountInfo;

const KEY: U256 = U256::from_limbs([7, 0, 0, 0]);

fn step(transaction: u32) -> Version {
    Version::of_transaction(transaction)
}

/// A memory with an account that existed before the block.
fn memory() -> (MvMemory, AccountIndex, SlotIndex) {
    let memory = MvMemory::default();
    let account = memory.account(&Address::repeat_byte(1), &mut Spare::default());
    let info = AccountInfo { balance: U256::from(100), nonce: 1, ..AccountInfo::default() };
    memory.know_account(account, |_| Ok::<_, Infallible>(Some(info))).unwrap();
    let slot = memory.slot(account, &KEY, &mut Spare::default());
    (memory, account, slot)
}

fn read_slot(memory: &MvMemory, slot: SlotIndex, reader: Version, before: u64) -> U256 {
    memory.read_slot(slot, reader, |_, _| Ok::<_, Infallible>(U256::from(before))).unwrap()
}

fn of_account(account: AccountIndex, write: AccountWrite) -> WriteSet {
    WriteSet { accounts: vec![(account, write)], ..WriteSet::default() }
}

fn of_slot(slot: SlotIndex, value: u64) -> WriteSet {
    WriteSet { slots: vec![(slot, U256::from(value))], ..WriteSet::default() }
}

#[test]
fn what_was_read_and_then_taken_back_does_not_hold() {
    let (memory, account, slot) = memory();
    assert_eq!(read_slot(&memory, slot, step(0), 5), U256::from(5));
    let nonce = of_account(account, AccountWrite { nonce: Some(2), ..AccountWrite::default() });
    let both = WriteSet { slots: of_slot(slot, 6).slots, ..nonce };
    memory.publish(step(0), &both, None);

    let load = |_| Ok::<_, Infallible>(None);
    let state = memory.read_account(account, step(1), load).unwrap();
    assert_eq!(state.info.nonce, 2);
    let of_account = [Read::Account(account, Observed::all_of(&state))];
    let value = read_slot(&memory, slot, step(1), 5);
    assert_eq!(value, U256::from(6));
    let of_slot = [Read::Slot(slot, value)];
    assert!(memory.holds(step(1), &of_account) && memory.holds(step(1), &of_slot));

    // The step is executed again and writes nothing: nothing is committed.
    memory.publish(step(0), &WriteSet::default(), Some(&both));
    memory.commit(step(0), &WriteSet::default(), |_| {});
    for reads in [&of_account, &of_slot] {
        assert!(!memory.holds(step(1), reads), "{reads:?}");
        assert!(!memory.holds_committed(reads), "{reads:?}");
    }
}

#[test]
fn a_slot_that_was_zero_because_of_a_wipe_does_not_hold_without_it() {
    let (memory, account, slot) = memory();
    let wipe = AccountWrite { resets_storage: true, ..AccountWrite::default() };
    let wipe = of_account(account, wipe);
    memory.publish(step(0), &wipe, None);
    // Nobody has asked what the slot was before the block.
    assert_eq!(read_slot(&memory, slot, step(1), 5), U256::ZERO);
    let reads = [Read::Slot(slot, U256::ZERO)];
    assert!(memory.holds(step(1), &reads));

    memory.publish(step(0), &WriteSet::default(), Some(&wipe));
    memory.commit(step(0), &WriteSet::default(), |_| {});
    assert!(!memory.holds(step(1), &reads));
    assert!(!memory.holds_committed(&reads));
    assert_eq!(read_slot(&memory, slot, step(1), 5), U256::from(5));
    assert!(memory.holds_committed(&[Read::Slot(slot, U256::from(5))]));
}

#[test]
fn slots_of_an_account_that_did_not_exist_hold_as_zero_unread() {
    let memory = MvMemory::default();
    let account = memory.account(&Address::repeat_byte(1), &mut Spare::default());
    memory.know_account(account, |_| Ok::<_, Infallible>(None)).unwrap();
    let slot = memory.slot(account, &KEY, &mut Spare::default());
    let born = AccountWrite { exists: Some(true), resets_storage: true, ..Default::default() };
    let born = of_account(account, born);
    memory.publish(step(0), &born, None);
    assert_eq!(read_slot(&memory, slot, step(1), 99), U256::ZERO);
    let reads = [Read::Slot(slot, U256::ZERO)];
    memory.publish(step(0), &WriteSet::default(), Some(&born));
    assert!(memory.holds(step(1), &reads) && memory.holds_committed(&reads));
}

/// Looks for live slots of an account that has none while others add slots, in memory where an earlier block has left some.
#[test]
fn slots_that_are_being_added_are_not_taken_for_those_of_an_earlier_block() {
    const SLOTS: u64 = if cfg!(miri) { 1_000 } else { 20_000 };
    const ROUNDS: usize = if cfg!(miri) { 2 } else { 20 };
    let mut memory = MvMemory::default();
    for _ in 0..ROUNDS {
        memory.clear();
        // The first account of the block before had all the slots; that of this block has one, and it is zero again.
        let [account, other] =
            [1, 2].map(|byte| memory.account(&Address::repeat_byte(byte), &mut Spare::default()));
        let slot = memory.slot(account, &U256::MAX, &mut Spare::default());
        memory.commit(step(0), &of_slot(slot, 1), |_| {});
        memory.commit(step(1), &of_slot(slot, 0), |_| {});
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut spare = Spare::default();
                for key in 0..SLOTS {
                    let _: SlotIndex = memory.slot(other, &U256::from(key), &mut spare);
                }
                is_done.store(true, Ordering::Release);
            });
            while !is_done.load(Ordering::Acquire) {
                assert!(
                    !memory.has_live_slots(account),
                    "the account has no slot that is not zero"
                );
            }
        });
        memory.clear();
        let mut spare = Spare::default();
        let account = memory.account(&Address::repeat_byte(1), &mut spare);
        for key in 0..SLOTS {
            let slot = memory.slot(account, &U256::from(key), &mut spare);
            memory.commit(step(0), &of_slot(slot, 1), |_| {});
        }
        assert!(memory.has_live_slots(account));
    }
}
