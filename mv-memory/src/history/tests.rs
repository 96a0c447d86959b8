//! Cells beside a map of all that steps wrote.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use braid_primitives::AccountInfo;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    AccountIndex, AccountState, AccountWrite, Estimate,
    account::AccountCell,
    codes::Codes,
    slot::{SlotCell, surviving},
};

/// Steps are 1 to this.
const STEPS: u32 = 8;

/// What is done to a cell.
#[derive(Clone, Debug)]
enum Action<W> {
    Publish(u32, W),
    Withdraw(u32),
    MarkEstimate(u32),
    /// The lowest step that is not committed, and some above it, which wrote nothing, are; the last with this.
    Commit(u32, W),
}

fn action<W: Clone + fmt::Debug>(
    write: impl Strategy<Value = W> + Clone,
) -> impl Strategy<Value = Action<W>> {
    let step = || 1..=STEPS;
    prop_oneof![
        6 => (step(), write.clone()).prop_map(|(step, write)| Action::Publish(step, write)),
        2 => step().prop_map(Action::Withdraw),
        2 => step().prop_map(Action::MarkEstimate),
        1 => (0..2u32, write).prop_map(|(skipped, write)| Action::Commit(skipped, write)),
    ]
}

/// Everything by step: committed up to some step, pending above.
struct Oracle<W> {
    writes: BTreeMap<u32, (W, bool)>,
    committed: u32,
}

impl<W: Copy + PartialEq + fmt::Debug> Oracle<W> {
    fn new() -> Self {
        Self { writes: BTreeMap::new(), committed: 0 }
    }

    fn below(&self, reader: u32) -> impl DoubleEndedIterator<Item = (u32, W, bool)> {
        self.writes
            .range(..reader)
            .map(|(step, (write, is_estimate))| (*step, *write, *is_estimate))
    }

    /// Does it to both; `commit` to the cell.
    fn act<C: Cell<Write = W>>(
        &mut self,
        action: &Action<W>,
        cell: At<'_, C>,
        commit: impl FnOnce(u32, W),
    ) {
        let version = Version::from_bits;
        match action {
            // Nobody publishes, or takes back, what is committed.
            Action::Publish(step, _) | Action::Withdraw(step) | Action::MarkEstimate(step)
                if *step <= self.committed => {}
            Action::Publish(step, write) => {
                let before = self.writes.insert(*step, (*write, false));
                let differs = before.is_none_or(|(before, _)| before != *write);
                assert_eq!(cell.publish(version(*step), write), differs, "{action:?}");
            }
            Action::Withdraw(step) => {
                self.writes.remove(step);
                cell.withdraw(version(*step));
            }
            Action::MarkEstimate(step) => {
                if let Some((_, is_estimate)) = self.writes.get_mut(step) {
                    *is_estimate = true;
                }
                cell.mark_estimate(version(*step));
            }
            Action::Commit(skipped, write) => {
                // Those that turn out to write nothing take back what they published.
                for step in self.committed + 1..=self.committed + skipped {
                    self.writes.remove(&step);
                    cell.withdraw(version(step));
                }
                self.committed += skipped + 1;
                self.writes.insert(self.committed, (*write, false));
                commit(self.committed, *write);
            }
        }
    }
}

const BEFORE: U256 = U256::from_limbs([1, 2, 3, 4]);

fn value() -> impl Strategy<Value = U256> + Clone {
    (0..4u64).prop_map(|number| U256::from_limbs([number, 0, number, 7 * number]))
}

fn estimate<T>(step: u32) -> Result<T, Estimate> {
    Err(Estimate { version: Version::from_bits(step) })
}

fn slot_like_its_oracle(actions: &[Action<U256>], is_known: bool) -> Result<(), TestCaseError> {
    let cell = SlotCell::default();
    cell.renew(AccountIndex(3), &BEFORE);
    if is_known {
        cell.set_before(&BEFORE);
    }
    let overflow = Overflow::default();
    let at = At { cell: &cell, index: 77, overflow: &overflow, context: &() };
    let mut oracle = Oracle::new();
    for action in actions {
        let last = oracle.below(oracle.committed + 1).next_back();
        oracle.act(action, at, |step, value| {
            let before = at.commit(Version::from_bits(step), value);
            assert_eq!(before, last.map(|(step, value, _)| (Version::from_bits(step), value)));
        });
        let committed = oracle.below(oracle.committed + 1).next_back();
        let committed = committed.map(|(step, value, _)| (Version::from_bits(step), value));
        for reset in (0..=STEPS).map(Version::from_bits) {
            for reader in oracle.committed + 1..=STEPS + 2 {
                let last = oracle.below(reader).next_back();
                let expected = match last {
                    Some((step, _, true)) if Version::from_bits(step) >= reset => estimate(step),
                    last => {
                        let last = last.map(|(step, value, _)| (Version::from_bits(step), value));
                        Ok(surviving(last, reset))
                    }
                };
                let found = at.read(Version::from_bits(reader), reset);
                prop_assert_eq!(found, expected, "reader {}, reset {:?}", reader, reset);
            }
            prop_assert_eq!(at.committed(reset), surviving(committed, reset));
            prop_assert_eq!(at.settled(reset), surviving(committed, reset));
        }
        prop_assert_eq!(at.is_committed(), committed.is_some());
        prop_assert_eq!(at.before(), if is_known { BEFORE } else { U256::ZERO });
        prop_assert_eq!((at.account(), at.key()), (AccountIndex(3), BEFORE));
    }
    Ok(())
}

fn account_write() -> impl Strategy<Value = AccountWrite> + Clone {
    let hash = (0..3u8).prop_map(B256::repeat_byte);
    (
        value(),
        any::<[Option<u64>; 1]>(),
        proptest::option::of(hash),
        any::<Option<bool>>(),
        any::<bool>(),
    )
        .prop_map(|(balance_delta, [nonce], code_hash, exists, resets_storage)| AccountWrite {
            balance_delta,
            nonce,
            code_hash,
            exists,
            resets_storage,
        })
}

fn account_like_its_oracle(
    actions: &[Action<AccountWrite>],
    before: Option<AccountInfo>,
) -> Result<(), TestCaseError> {
    let (cell, codes, overflow) = (AccountCell::default(), Codes::default(), Overflow::default());
    cell.renew(&Address::repeat_byte(5));
    let at = At { cell: &cell, index: 77, overflow: &overflow, context: &codes };
    at.set_before(before.as_ref());
    let state_before = AccountState {
        info: before.unwrap_or_default(),
        exists: before.is_some(),
        reset: Version::NONE,
    };
    let mut oracle = Oracle::new();
    for action in actions {
        let state = |oracle: &Oracle<AccountWrite>, reader| {
            oracle.below(reader).try_fold(state_before, |mut state, (step, write, is_estimate)| {
                if is_estimate {
                    return estimate(step);
                }
                write.apply(Version::from_bits(step), &mut state);
                Ok(state)
            })
        };
        let committed_before = state(&oracle, oracle.committed + 1);
        oracle.act(action, at, |step, write| {
            let version = Version::from_bits(step);
            let (before, after) = at.commit(version, |state| write.apply(version, state));
            assert_eq!(Ok(before), committed_before);
            let mut expected = before;
            write.apply(version, &mut expected);
            assert_eq!(after, expected);
        });
        for reader in oracle.committed + 1..=STEPS + 2 {
            let version = Version::from_bits(reader);
            prop_assert_eq!(at.read(version), state(&oracle, reader), "reader {}", reader);
            let wipe = oracle.below(reader).rev().find(|(_, write, _)| write.resets_storage);
            let wipe = wipe.map_or(Version::NONE, |(step, ..)| Version::from_bits(step));
            prop_assert_eq!(at.reset_before(version), wipe, "reader {}", reader);
        }
        let committed = state(&oracle, oracle.committed + 1);
        prop_assert_eq!(Ok(at.committed()), committed);
        prop_assert_eq!(Ok(at.settled()), committed);
        prop_assert_eq!(Ok(at.committed_reset()), committed.map(|state| state.reset));
        prop_assert_eq!(at.before(), state_before);
    }
    Ok(())
}

/// For Miri few cases, and it has no files to remember failures in.
fn random_cases() -> ProptestConfig {
    if cfg!(miri) {
        ProptestConfig { cases: 2, failure_persistence: None, ..ProptestConfig::default() }
    } else {
        ProptestConfig::with_cases(1_000)
    }
}

proptest! {
    #![proptest_config(random_cases())]

    #[test]
    fn a_slot_is_like_a_map(actions in vec(action(value()), 0..40), is_known: bool) {
        slot_like_its_oracle(&actions, is_known)?;
    }

    #[test]
    fn an_account_is_like_a_map(actions in vec(action(account_write()), 0..40), exists: bool, nonce: u64) {
        let info = AccountInfo { balance: BEFORE, nonce, ..AccountInfo::default() };
        account_like_its_oracle(&actions, exists.then_some(info))?;
    }
}
