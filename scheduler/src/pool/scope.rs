//! Lends a closure that borrows from the caller's stack to threads that outlive the call: the only unsafe code of this crate.

#![expect(unsafe_code, reason = "persistent threads call a closure that borrows")]

use std::{mem::transmute, sync::Arc};

use crate::sync::{Condvar, Mutex, lock, wait};

/// What workers run; the argument is the worker's number.
type Body<'b> = dyn Fn(usize) + Sync + 'b;

/// How many loans are out.
#[derive(Default)]
struct Loans {
    count: Mutex<usize>,
    all_returned: Condvar,
}

/// The right to call a lent closure. Dropping it returns the loan.
pub(super) struct Lent {
    body: &'static Body<'static>,
    loans: Arc<Loans>,
}

impl Lent {
    /// Calls the closure. A panic in it unwinds from here.
    pub(super) fn call(&self, worker: usize) {
        (self.body)(worker);
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut count = lock(&self.loans.count);
        *count -= 1;
        if *count == 0 {
            self.loans.all_returned.notify_one();
        }
    }
}

/// Hands out loans of one closure.
pub(super) struct Lender {
    body: &'static Body<'static>,
    loans: Arc<Loans>,
}

impl Lender {
    /// One more loan.
    pub(super) fn lend(&self) -> Lent {
        *lock(&self.loans.count) += 1;
        Lent { body: self.body, loans: Arc::clone(&self.loans) }
    }
}

/// Waits for all loans, also when `lend` unwinds.
struct Wait(Arc<Loans>);

impl Drop for Wait {
    fn drop(&mut self) {
        let mut count = lock(&self.0.count);
        while *count > 0 {
            count = wait(&self.0.all_returned, count);
        }
    }
}

/// Runs `with_lender`, which may lend `body` to other threads, and returns once all loans have been returned.
pub(super) fn scope<R>(body: &Body<'_>, with_lender: impl FnOnce(&Lender) -> R) -> R {
    let loans = Arc::new(Loans::default());
    let wait = Wait(Arc::clone(&loans));
    // SAFETY: only the lifetimes of the reference and of what it borrows are changed; the types are the same otherwise. The
    // reference is used in `Lent::call` only, which borrows a `Lent`. Each `Lent` is counted before it exists and uncounted by
    // its drop, after which nothing uses its reference; one that is leaked stays counted. `wait` is dropped at the end of this
    // function, on each way out, unwinding included, and blocks until none is counted. No `Lent` can be made after that: the
    // `Lender` is a local that is only borrowed out, and is declared after `wait`, so dropped before it. So no use outlives
    // `body`, which is borrowed for this whole call.
    let body: &'static Body<'static> =
        unsafe { transmute::<&Body<'_>, &'static Body<'static>>(body) };
    let lender = Lender { body, loans };
    let result = with_lender(&lender);
    drop(lender);
    drop(wait);
    result
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn a_scope_ends_after_its_loans() {
        let sum = AtomicUsize::new(0);
        let body = |worker: usize| {
            thread::yield_now();
            sum.fetch_add(worker, Ordering::Relaxed);
        };
        let threads = scope(&body, |lender| {
            (1..4)
                .map(|worker| {
                    let lent = lender.lend();
                    thread::spawn(move || lent.call(worker))
                })
                .collect::<Vec<_>>()
        });
        assert_eq!(sum.load(Ordering::Relaxed), 6);
        for thread in threads {
            thread.join().unwrap();
        }
    }

    #[test]
    fn a_scope_that_unwinds_waits_all_the_same() {
        let calls = AtomicUsize::new(0);
        let body = |_: usize| {
            thread::yield_now();
            calls.fetch_add(1, Ordering::Relaxed);
        };
        let mut thread = None;
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            scope(&body, |lender| {
                let lent = lender.lend();
                thread = Some(thread::spawn(move || lent.call(1)));
                panic!("on purpose");
            })
        }));
        assert!(unwound.is_err());
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        thread.unwrap().join().unwrap();
    }

    #[test]
    fn a_loan_that_is_not_used_or_whose_call_panics_is_returned() {
        let body = |worker: usize| assert_eq!(worker, 0, "on purpose");
        scope(&body, |lender| drop(lender.lend()));
        let thread = scope(&body, |lender| {
            let lent = lender.lend();
            thread::spawn(move || lent.call(1))
        });
        assert!(thread.join().is_err());
    }
}
