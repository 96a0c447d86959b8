//! Makes a failing history small.

use super::history::{Afterwards, History};

/// Most histories that are tried.
const ATTEMPTS: usize = 3_000;

/// The smallest history found that still fails, and how it fails.
pub fn shrink(
    mut history: History,
    mut failure: String,
    mut check: impl FnMut(&History) -> Result<(), String>,
) -> (History, String) {
    let mut attempts = 0;
    'again: loop {
        for candidate in smaller(&history) {
            attempts += 1;
            if attempts > ATTEMPTS {
                return (history, failure);
            }
            if let Err(found) = check(&candidate) {
                (history, failure) = (candidate, found);
                continue 'again;
            }
        }
        return (history, failure);
    }
}

/// Histories that say less than this one.
fn smaller(history: &History) -> Vec<History> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut History)| {
        let mut candidate = history.clone();
        change(&mut candidate);
        if candidate != *history {
            all.push(candidate);
        }
    };
    let blocks = history.blocks.len();
    for keep in [blocks / 2, blocks.saturating_sub(1)] {
        with(&|h| h.blocks.truncate(keep));
    }
    for i in 0..blocks {
        with(&|h| drop(h.blocks.remove(i)));
        let actions = history.blocks[i].actions.len();
        // Halves first, then one by one.
        with(&|h| h.blocks[i].actions.truncate(actions / 2));
        with(&|h| drop(h.blocks[i].actions.drain(..actions / 2)));
        for j in 0..actions {
            with(&|h| {
                h.blocks[i].actions.remove(j);
            });
        }
        with(&|h| h.blocks[i].afterwards = Afterwards::Keep);
    }
    with(&|h| h.keeps_empty_accounts = false);
    all
}
