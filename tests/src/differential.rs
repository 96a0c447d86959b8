//! Random blocks, executed by Braid and by the oracle, compared.
//!
//! A case follows from its seed alone: a few contracts of random code that call and create each other, a few transactions
//! of every type the fork has, some of them invalid. What is compared: whether and why a transaction is invalid; how it
//! ended, its gas, refund, logs, output and created address; every account and slot after it. The valid transactions are
//! then executed again as one block, which must give the same.

pub mod case;
pub mod code;
pub mod compare;
pub mod inputs;
pub mod oracle;
pub mod program;
pub mod shrink;

use braid_precompiles::Crypto;

pub use case::Case;
pub use compare::Coverage;

/// Most differences that a run reports.
const REPORTED: usize = 5;

/// Runs the cases of the seeds; panics if the engines differ, with the smallest cases that show it.
///
/// # Panics
/// If the engines differ.
pub fn run<C: Crypto>(seeds: impl IntoIterator<Item = u64>, crypto: &C) -> Coverage {
    let mut coverage = Coverage::default();
    let mut reports = Vec::new();
    for seed in seeds {
        let case = Case::from_seed(seed);
        if let Err(difference) = compare::compare(&case, crypto, &mut coverage) {
            let check = |case: &Case| compare::compare(case, crypto, &mut Coverage::default());
            let (case, difference) = shrink::shrink(case, difference, check);
            reports.push(format!("{difference}\n{case:?}"));
            if reports.len() == REPORTED {
                break;
            }
        }
    }
    assert!(reports.is_empty(), "{}", reports.join("\n"));
    coverage
}
