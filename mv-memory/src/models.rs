//! Models of what threads do to one cell at the same time, on the shipped cells.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p braid-mv-memory --lib`
//!
//! Who reads is the last thread to be spawned: loom sees that a load races with an earlier store, but not always that a store
//! races with an earlier load.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    panic::Location,
};

use alloy_primitives::{Address, U256};
use braid_primitives::AccountInfo;
use loom::{
    model::Builder,
    sync::Arc,
    thread::{self, JoinHandle},
};

use crate::{
    AccountIndex, AccountState, AccountWrite, Estimate, Version,
    account::{AccountAt, AccountCell},
    codes::Codes,
    history::{At, Cell, Overflow},
    slot::{SlotAt, SlotCell},
};

thread_local! {
    /// By line, how many results are allowed there, and which were met. A model runs in one thread.
    static MET: RefCell<BTreeMap<u32, (usize, BTreeSet<usize>)>> = RefCell::default();
}

/// Explores all interleavings with at most this many preemptions, or as many as loom's variable `LOOM_MAX_PREEMPTIONS` says.
/// All that [`one_of`] allows must come up.
fn model(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    MET.take();
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.check(body);
    for (line, (count, met)) in MET.take() {
        assert_eq!(met.len(), count, "line {line}: only results {met:?} came up");
    }
}

#[track_caller]
fn one_of<T: PartialEq + fmt::Debug>(found: T, allowed: &[T]) {
    let place = allowed.iter().position(|result| *result == found);
    let place = place.unwrap_or_else(|| panic!("{found:?} is none of {allowed:?}"));
    let line = Location::caller().line();
    MET.with_borrow_mut(|met| {
        met.entry(line).or_insert((allowed.len(), BTreeSet::new())).1.insert(place);
    });
}

/// No two of these have a limb in common.
const fn word(number: u64) -> U256 {
    let first = number * 4;
    U256::from_limbs([first, first + 1, first + 2, first + 3])
}

const BEFORE: U256 = word(9);
const A: U256 = word(1);
const B: U256 = word(2);
const C: U256 = word(3);

/// The step with this number; those of transactions begin with 2, which is nothing to the cells.
const fn step(number: u32) -> Version {
    Version::from_bits(number)
}

/// A cell and its surroundings.
struct Place<C: Cell> {
    cell: C,
    overflow: Overflow<C::Write>,
    context: C::Context,
}

impl<C: Cell> Place<C> {
    fn at(&self) -> At<'_, C> {
        At { cell: &self.cell, index: 0, overflow: &self.overflow, context: &self.context }
    }
}

type Slot = Arc<Place<SlotCell>>;
type Account = Arc<Place<AccountCell>>;

/// A slot of which nothing is known.
fn unknown_slot() -> Slot {
    let cell = SlotCell::default();
    cell.renew(AccountIndex(0), &U256::ZERO);
    Arc::new(Place { cell, overflow: Overflow::default(), context: () })
}

/// A slot with what these steps published.
fn slot(published: &[(u32, U256)]) -> Slot {
    let slot = unknown_slot();
    slot.cell.fill(&BEFORE);
    for (version, value) in published {
        slot.at().publish(step(*version), value);
    }
    slot
}

/// An account of which nothing is known.
fn unknown_account() -> Account {
    let cell = AccountCell::default();
    cell.renew(&Address::ZERO);
    Arc::new(Place { cell, overflow: Overflow::default(), context: Codes::default() })
}

/// The account before the block.
fn info() -> AccountInfo {
    AccountInfo { balance: BEFORE, nonce: 9, ..AccountInfo::default() }
}

/// An account with what these steps published.
fn account(published: &[(u32, AccountWrite)]) -> Account {
    let account = unknown_account();
    account.cell.fill(Some(&info()), &account.context);
    for (version, write) in published {
        account.at().publish(step(*version), write);
    }
    account
}

/// The state of such an account after these steps.
fn after(steps: &[(u32, AccountWrite)]) -> AccountState {
    let mut state = AccountState { info: info(), exists: true, reset: Version::NONE };
    for (version, write) in steps {
        write.apply(step(*version), &mut state);
    }
    state
}

fn pays(delta: U256) -> AccountWrite {
    AccountWrite { balance_delta: delta, ..AccountWrite::default() }
}

/// Does something to the cell in a thread of its own.
fn does<C>(place: &Arc<Place<C>>, work: impl FnOnce(At<'_, C>) + 'static) -> JoinHandle<()>
where
    C: Cell<Write: 'static, Context: 'static> + 'static,
{
    let place = Arc::clone(place);
    thread::spawn(move || work(place.at()))
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn commit(account: AccountAt<'_>, version: u32, write: &AccountWrite) {
    account.commit(step(version), |state| write.apply(step(version), state));
}

/// What `reader` finds; the account's storage is not wiped.
fn read(slot: SlotAt<'_>, reader: u32) -> Result<U256, Estimate> {
    Ok(slot.read(step(reader), Version::NONE)?.unwrap_or_else(|| slot.before()))
}

fn estimate_of<T>(version: u32) -> Result<T, Estimate> {
    Err(Estimate { version: step(version) })
}

/// Of two that publish, the lower one takes the cell's place from the other.
#[test]
fn a_slot_is_read_while_two_publish() {
    model(3, || {
        let slot = slot(&[]);
        join([
            does(&slot, |slot| assert!(slot.publish(step(1), &A))),
            does(&slot, |slot| assert!(slot.publish(step(3), &B))),
            does(&slot, |slot| {
                one_of(read(slot, 2), &[Ok(BEFORE), Ok(A)]);
                one_of(read(slot, 4), &[Ok(BEFORE), Ok(A), Ok(B)]);
            }),
        ]);
        assert_eq!([2, 3, 4].map(|reader| read(slot.at(), reader)), [Ok(A), Ok(A), Ok(B)]);
    });
}

/// The same step publishes again, over what it wrote.
#[test]
fn a_slot_is_read_while_it_is_written_again() {
    model(4, || {
        let slot = slot(&[(1, A)]);
        join([
            does(&slot, |slot| assert!(slot.publish(step(1), &B))),
            does(&slot, |slot| one_of(read(slot, 2), &[Ok(A), Ok(B)])),
        ]);
        assert_eq!(read(slot.at(), 2), Ok(B));
    });
}

/// What is pending becomes what is committed, in the same place, while a higher step publishes.
#[test]
fn a_slot_is_read_while_a_pending_write_is_committed() {
    model(2, || {
        let slot = slot(&[(1, A)]);
        join([
            does(&slot, |slot| assert_eq!(slot.commit(step(1), A), None)),
            does(&slot, |slot| assert!(slot.publish(step(2), &B))),
            does(&slot, |slot| {
                assert_eq!(read(slot, 2), Ok(A));
                one_of(read(slot, 3), &[Ok(A), Ok(B)]);
                one_of(slot.committed(Version::NONE), &[None, Some(A)]);
            }),
        ]);
        assert_eq!([2, 3].map(|reader| read(slot.at(), reader)), [Ok(A), Ok(B)]);
        assert_eq!(slot.cell.settled(Version::NONE), Some(A));
    });
}

/// A step that nobody has seen is committed: what is pending goes from the cell's place to the overflow.
#[test]
fn a_slot_is_read_while_a_commit_takes_its_place() {
    model(2, || {
        let slot = slot(&[(2, B)]);
        join([
            does(&slot, |slot| assert_eq!(slot.commit(step(1), A), None)),
            does(&slot, |slot| assert!(slot.publish(step(3), &C))),
            does(&slot, |slot| {
                one_of(read(slot, 2), &[Ok(BEFORE), Ok(A)]);
                assert_eq!(read(slot, 3), Ok(B));
                one_of(read(slot, 4), &[Ok(B), Ok(C)]);
            }),
        ]);
        assert_eq!([2, 3, 4].map(|reader| read(slot.at(), reader)), [Ok(A), Ok(B), Ok(C)]);
    });
}

/// The committed value is replaced by that of the next step.
#[test]
fn a_slot_is_read_while_one_commit_follows_another() {
    model(4, || {
        let slot = slot(&[]);
        slot.at().commit(step(1), A);
        join([
            does(&slot, |slot| assert_eq!(slot.commit(step(2), B), Some((step(1), A)))),
            does(&slot, |slot| {
                one_of(read(slot, 3), &[Ok(A), Ok(B)]);
                // As if step 2 had wiped the storage before it wrote.
                one_of(slot.committed(step(2)), &[Some(U256::ZERO), Some(B)]);
            }),
        ]);
    });
}

/// In the cell's place.
#[test]
fn an_estimate_is_met_or_one_of_the_values_around_it() {
    model(2, || {
        let slot = slot(&[(1, A)]);
        join([
            does(&slot, |slot| {
                slot.mark_estimate(step(1));
                assert!(slot.publish(step(1), &B));
            }),
            does(&slot, |slot| {
                assert!(slot.publish(step(2), &C));
                slot.withdraw(step(2));
            }),
            does(&slot, |slot| {
                one_of(read(slot, 2), &[Ok(A), estimate_of(1), Ok(B)]);
                one_of(read(slot, 3), &[Ok(A), estimate_of(1), Ok(B), Ok(C)]);
            }),
        ]);
        assert_eq!([2, 3].map(|reader| read(slot.at(), reader)), [Ok(B), Ok(B)]);
    });
}

/// In the overflow, while what is in the cell's place goes.
#[test]
fn an_estimate_in_the_overflow_is_met_or_one_of_the_values_around_it() {
    model(2, || {
        let slot = slot(&[(1, A), (2, B)]);
        join([
            does(&slot, |slot| {
                slot.mark_estimate(step(2));
                assert!(slot.publish(step(2), &C));
            }),
            does(&slot, |slot| slot.withdraw(step(1))),
            does(&slot, |slot| {
                one_of(read(slot, 2), &[Ok(A), Ok(BEFORE)]);
                one_of(read(slot, 3), &[Ok(B), estimate_of(2), Ok(C)]);
            }),
        ]);
        assert_eq!([2, 3].map(|reader| read(slot.at(), reader)), [Ok(BEFORE), Ok(C)]);
    });
}

/// All who ask before it is known read the same, and put it in.
#[test]
fn a_slot_that_is_known_has_all_of_its_value() {
    model(3, || {
        let slot = unknown_slot();
        join([
            does(&slot, |slot| slot.set_before(&BEFORE)),
            does(&slot, |slot| slot.set_before(&BEFORE)),
            does(&slot, |slot| one_of(slot.before(), &[U256::ZERO, BEFORE])),
        ]);
        assert_eq!(slot.cell.before(), BEFORE);
    });
}

#[test]
fn an_account_that_is_known_has_all_of_its_state() {
    model(3, || {
        let account = unknown_account();
        join([
            does(&account, |account| account.set_before(Some(&info()))),
            does(&account, |account| account.set_before(Some(&info()))),
            does(&account, |account| {
                let found = account.is_known().then(|| account.read(step(1)));
                one_of(found, &[None, Some(Ok(after(&[])))]);
            }),
        ]);
        assert_eq!(account.at().before(), after(&[]));
    });
}

/// A difference is pending and is then part of the committed balance: it counts once at any time.
#[test]
fn a_balance_is_read_while_a_pending_difference_is_committed() {
    model(2, || {
        let first = AccountWrite { nonce: Some(10), ..pays(A) };
        let [one, both] = [after(&[(1, first)]), after(&[(1, first), (2, pays(B))])];
        let account = account(&[(1, first)]);
        join([
            does(&account, move |account| commit(account, 1, &first)),
            does(&account, |account| assert!(account.publish(step(2), &pays(B)))),
            does(&account, move |account| {
                assert_eq!(account.read(step(2)), Ok(one));
                one_of(account.read(step(3)), &[Ok(one), Ok(both)]);
                one_of(account.committed(), &[after(&[]), one]);
            }),
        ]);
        assert_eq!(account.at().read(step(3)), Ok(both));
        assert_eq!(account.at().settled(), one);
    });
}

/// The place in which a difference is pending becomes that of the balance that a step below has left.
#[test]
fn a_balance_is_read_while_a_commit_takes_the_place_of_a_difference() {
    model(2, || {
        let second = AccountWrite { nonce: Some(10), ..pays(B) };
        let account = account(&[(2, second)]);
        join([
            does(&account, |account| commit(account, 1, &pays(A))),
            does(&account, |account| assert!(account.publish(step(3), &pays(C)))),
            does(&account, move |account| {
                let both = after(&[(1, pays(A)), (2, second)]);
                one_of(account.read(step(3)), &[Ok(after(&[(2, second)])), Ok(both)]);
                one_of(account.read(step(2)), &[Ok(after(&[])), Ok(after(&[(1, pays(A))]))]);
            }),
        ]);
        let all = after(&[(1, pays(A)), (2, second), (3, pays(C))]);
        assert_eq!(account.at().read(step(4)), Ok(all));
    });
}

#[test]
fn an_estimate_of_an_account_is_met_or_one_of_the_states_around_it() {
    model(2, || {
        let account = account(&[(1, pays(A))]);
        join([
            does(&account, |account| {
                account.mark_estimate(step(1));
                account.withdraw(step(1));
            }),
            does(&account, |account| assert!(account.publish(step(2), &pays(B)))),
            does(&account, |account| {
                let around = [Ok(after(&[(1, pays(A))])), estimate_of(1), Ok(after(&[]))];
                one_of(account.read(step(2)), &around);
            }),
        ]);
        assert_eq!(account.at().read(step(3)), Ok(after(&[(2, pays(B))])));
    });
}

const WIPES: AccountWrite = AccountWrite {
    balance_delta: A,
    nonce: None,
    code_hash: None,
    exists: Some(false),
    resets_storage: true,
};

/// Pending, then committed: there is no moment at which the wipe is neither.
#[test]
fn who_sees_that_the_storage_may_be_wiped_sees_by_whom() {
    model(3, || {
        let account = account(&[]);
        join([
            does(&account, |account| {
                assert!(account.publish(step(1), &WIPES));
                commit(account, 1, &WIPES);
            }),
            does(&account, |account| {
                one_of(account.read(step(2)), &[Ok(after(&[])), Ok(after(&[(1, WIPES)]))]);
                let found = (account.may_be_reset(), account.reset_before(step(2)));
                let none = Version::NONE;
                one_of(found, &[(false, none), (false, step(1)), (true, step(1))]);
                one_of(account.committed_reset(), &[none, step(1)]);
            }),
        ]);
        assert_eq!(account.cell.committed_reset(), step(1));
    });
}

/// A step that nobody has seen wipes and is committed.
#[test]
fn who_sees_that_the_storage_is_wiped_sees_by_whom() {
    model(4, || {
        let account = account(&[(2, pays(B))]);
        join([
            does(&account, |account| commit(account, 1, &WIPES)),
            does(&account, |account| {
                let found = (account.may_be_reset(), account.reset_before(step(2)));
                one_of(found, &[(false, Version::NONE), (false, step(1)), (true, step(1))]);
                if found.0 {
                    assert_eq!(account.committed_reset(), step(1));
                }
            }),
        ]);
        let all = after(&[(1, WIPES), (2, pays(B))]);
        assert_eq!(account.at().read(step(3)), Ok(all));
    });
}

/// Whoever finds that a slot was written finds that its account has slots.
#[test]
fn the_account_of_a_changed_slot_has_slots() {
    model(3, || {
        let (account, slot) = (account(&[]), slot(&[]));
        let (its_account, its_slot) = (Arc::clone(&account), Arc::clone(&slot));
        join([
            does(&account, |account| assert!(account.publish(step(2), &pays(A)))),
            does(&slot, move |slot| {
                its_account.cell.note_slots();
                assert!(slot.publish(step(1), &A));
            }),
            does(&account, move |account| {
                let found = (its_slot.cell.is_changed(), account.has_slots());
                one_of(found, &[(false, false), (false, true), (true, true)]);
            }),
        ]);
        assert!(account.cell.has_slots(), "flags of two are both there");
        assert_eq!(account.at().read(step(3)), Ok(after(&[(2, pays(A))])));
    });
}
