//! Tries: oracles, random histories and hostile nodes.
//!
//! | module | holds |
//! |---|---|
//! | [`naive`] | a trie built anew from its leaves by the letter of the yellow paper: its root and every node by path |
//! | [`oracle`] | roots of a state by three others: the naive trie, alloy-trie, triehash |
//! | [`keys`] | addresses and slots whose hashes share long prefixes, and other keys that make trouble |
//! | [`history`] | what happens to accounts in several blocks, from a seed |
//! | [`model`] | a history's states and write sets |
//! | [`ways`] | the ways in which a state trie can be taken through a history |
//! | [`raw`] | random changes of a single trie under awkward keys |
//! | [`proofs`] | proofs of a state, checked by others and with faults |
//! | [`hostile`] | nodes that nobody honest would send |
//! | [`shrink`] | makes a failing history small |

pub mod history;
pub mod hostile;
pub mod keys;
pub mod model;
pub mod naive;
pub mod oracle;
pub mod proofs;
pub mod raw;
pub mod shrink;
pub mod ways;

pub use ways::Coverage;

use history::History;

/// Most failures that a run reports.
const REPORTED: usize = 3;

/// Takes the histories of the seeds all ways.
///
/// # Panics
/// If anything is not as the oracles say, with the smallest histories that show it.
pub fn run(seeds: impl IntoIterator<Item = u64>) -> Coverage {
    let mut coverage = Coverage::default();
    let mut reports = Vec::new();
    for seed in seeds {
        let history = History::from_seed(seed);
        if let Err(failure) = ways::check(&history, &mut coverage) {
            let check = |history: &History| ways::check(history, &mut Coverage::default());
            let (history, failure) = shrink::shrink(history, failure, check);
            reports.push(format!("seed {seed}: {failure}\n{history:?}"));
            if reports.len() == REPORTED {
                break;
            }
        }
    }
    assert!(reports.is_empty(), "{}", reports.join("\n"));
    coverage
}
