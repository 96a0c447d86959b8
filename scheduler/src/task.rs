//! What workers are handed.

use std::ops::Range;

use crate::Commit;

/// What [`Scheduler::next`](crate::Scheduler::next) has for a worker.
#[derive(Debug)]
#[must_use = "what is handed out is nobody else's"]
pub enum Task<'s> {
    /// The frontier transaction has executed, and this worker has the commit token.
    Commit(Commit<'s>),
    /// A transaction that was claimed before, and aborted or woken; or one that begins early.
    Reexecute(Claim),
    /// New transactions; each is put to [`Scheduler::start`](crate::Scheduler::start), in order.
    Execute(Batch),
    /// Nothing at the moment.
    Idle,
    /// All is committed, or the scheduler was halted.
    Finished,
}

/// Consecutive new transactions, claimed together.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "nobody else starts these transactions"]
pub struct Batch {
    /// The index of the first transaction.
    pub first: u32,
    /// How many there are: at least one.
    pub count: u32,
}

impl Batch {
    /// The indices of the transactions.
    #[must_use]
    pub const fn transactions(&self) -> Range<u32> {
        self.first..self.first + self.count
    }
}

/// The right, and the duty, to execute one transaction once.
///
/// It ends in [`Scheduler::executed`](crate::Scheduler::executed) or [`Scheduler::block`](crate::Scheduler::block).
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the transaction is executing until its claim is handed back"]
pub struct Claim {
    pub(crate) tx: u32,
    pub(crate) incarnation: u32,
    pub(crate) resume: bool,
    /// If its worker looks for work right after it, and so may take over a waiter of the transaction.
    pub(crate) takes_over: bool,
}

impl Claim {
    /// The index of the transaction.
    #[must_use]
    pub const fn tx(&self) -> u32 {
        self.tx
    }

    /// How often the transaction had been executed before.
    #[must_use]
    pub const fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// If it was blocked in this incarnation, by a worker that kept its suspended execution.
    #[must_use]
    pub const fn resume(&self) -> bool {
        self.resume
    }
}

/// The frontier transaction, in the hands of the holder of the commit token. Nobody can abort it.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "it waits to be committed or executed again"]
pub struct Head {
    pub(crate) tx: u32,
    pub(crate) incarnation: u32,
}

impl Head {
    /// The index of the transaction.
    #[must_use]
    pub const fn tx(&self) -> u32 {
        self.tx
    }

    /// The incarnation whose results are there.
    #[must_use]
    pub const fn incarnation(&self) -> u32 {
        self.incarnation
    }
}

/// What [`Scheduler::executed`](crate::Scheduler::executed) answers.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a transaction that was handed over is executed by nobody else"]
pub struct Executed {
    /// A transaction that waited for the one that has executed, claimed for this worker.
    pub next: Option<Claim>,
}

/// What [`Scheduler::block`](crate::Scheduler::block) answers.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the claim may come back"]
pub enum Blocked {
    /// The transaction waits, and will be handed out again.
    Waiting,
    /// The other has executed in the meantime: go on with the same claim.
    GoOn(Claim),
}
