//! Makes a failing case small.

use super::case::Case;

/// Most cases that are tried.
const ATTEMPTS: usize = 4_000;

/// The smallest case found that still fails, and how it fails.
pub fn shrink(
    mut case: Case,
    mut difference: String,
    mut check: impl FnMut(&Case) -> Result<(), String>,
) -> (Case, String) {
    let mut attempts = 0;
    'again: loop {
        for candidate in smaller(&case) {
            attempts += 1;
            if attempts > ATTEMPTS {
                return (case, difference);
            }
            if let Err(found) = check(&candidate) {
                (case, difference) = (candidate, found);
                continue 'again;
            }
        }
        return (case, difference);
    }
}

/// Cases that say less than this one.
fn smaller(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut candidate = case.clone();
        change(&mut candidate);
        if candidate != *case {
            all.push(candidate);
        }
    };
    for i in 0..case.transactions.len() {
        with(&|c| drop(c.transactions.remove(i)));
        with(&|c| c.transactions[i].access_list.clear());
        with(&|c| c.transactions[i].input = Default::default());
        for j in 0..case.transactions[i].authorizations.len() {
            with(&|c| {
                c.transactions[i].authorizations.remove(j);
            });
        }
    }
    with(&|c| c.context.withdrawals = Some(Vec::new()));
    for address in case.programs.keys() {
        with(&|c| drop(c.programs.remove(address)));
    }
    for (address, program) in &case.programs {
        for less in program.smaller() {
            with(&|c| drop(c.programs.insert(*address, less.clone())));
        }
    }
    for (address, account) in &case.accounts {
        with(&|c| drop(c.accounts.remove(address)));
        if !account.storage.is_empty() {
            with(&|c| {
                if let Some(account) = c.accounts.get_mut(address) {
                    account.storage.clear();
                }
            });
        }
    }
    all
}
