//! Both ends of a block: what happens before and after its transactions, and what is made of it then.

use std::sync::{OnceLock, PoisonError, atomic::Ordering};

use braid_mv_memory::{Version, WriteSet};
use braid_precompiles::Crypto;
use braid_primitives::{ChainSpec, Receipt, Requests, StateDelta, StateReader};

use crate::{
    BlockOutcome, Committed, ExecutionError, MissingRequestContracts, Step,
    block_rules::BlockRules, tally::Tally,
};

use super::{
    block_delta::{Gathering, Lists, Settled},
    flight::Flight,
    habits::Course,
    rest::Rest,
    run::BlockRun,
    settle::Ledger,
    source::{MvSource, Unanswered},
    sync::{AtomicBool, AtomicUsize, fence},
    wait_until,
};

/// What workers need to know of each other there.
pub(super) struct Ends<'a> {
    spec: &'a ChainSpec,
    missing_request_contracts: MissingRequestContracts,
    lists: &'a Lists,
    /// Transactions may begin. Release and Acquire: what was written before is seen by who finds it.
    has_begun: AtomicBool,
    /// Somebody ends the block.
    is_ending: AtomicBool,
    ended: OnceLock<Ended>,
    /// Workers that read ahead: they may add locations when all is committed, since nothing that is committed waits for them.
    ahead: AtomicUsize,
    /// Nobody may begin to read ahead any more.
    is_enough_read: AtomicBool,
}

/// What a block came to.
pub(super) struct BlockResult {
    pub(super) outcome: BlockOutcome,
    /// What was measured, if anybody wants that.
    pub(super) flight: Option<Flight>,
    /// What is learned from.
    pub(super) course: Course,
}

/// A block after its end.
struct Ended {
    requests: Option<Requests>,
    receipts: Vec<Receipt>,
    gathering: Gathering,
    /// The write set, if somebody has made it who executed the rest of the block.
    rest: Option<StateDelta>,
}

impl<'a> Ends<'a> {
    pub(super) fn new(
        spec: &'a ChainSpec,
        missing_request_contracts: MissingRequestContracts,
        lists: &'a Lists,
    ) -> Self {
        Self {
            spec,
            missing_request_contracts,
            lists,
            has_begun: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            ended: OnceLock::new(),
            ahead: AtomicUsize::new(0),
            is_enough_read: AtomicBool::new(false),
        }
    }
}

impl<R, C, S> BlockRun<'_, R, C, S>
where
    R: StateReader + Sync,
    C: Crypto,
    S: FnMut(Committed<'_>) + Send,
{
    /// A worker's part in the block. The first begins it, while the others are waking up; any ends it.
    pub(super) fn take_part(&self, worker: usize) {
        let has_begun = if worker == 0 { self.begin() } else { self.wait_for_begin() };
        if has_begun {
            self.work(worker);
            self.end();
        }
    }

    /// Whether the block goes on.
    fn begin(&self) -> bool {
        match self.outside(Version::BEGIN, |rules, _| rules.begin(&self.block.context)) {
            Ok(()) => {
                self.ends.has_begun.store(true, Ordering::Release);
                true
            }
            Err(error) => self.fail(error, &mut self.ledger()),
        }
    }

    /// Whether the block goes on.
    fn wait_for_begin(&self) -> bool {
        let has_begun = || self.ends.has_begun.load(Ordering::Acquire);
        wait_until(has_begun, || self.scheduler.is_halted())
    }

    /// Ends the block, if nobody does, and makes something of it with the others.
    fn end(&self) {
        if self.scheduler.is_halted() {
            return;
        }
        // Relaxed: it publishes nothing.
        if !self.ends.is_ending.swap(true, Ordering::Relaxed) && !self.end_transactions() {
            return;
        }
        let is_given_up = || self.scheduler.is_halted();
        wait_until(|| self.ends.ended.get().is_some(), is_given_up);
        if let Some(Ended { receipts, gathering, .. }) = self.ends.ended.get() {
            gathering.work(self.settled(receipts), is_given_up);
        }
    }

    /// Does what comes after the transactions, and tells the others. Says whether the block goes on.
    fn end_transactions(&self) -> bool {
        let rest = self.ledger().rest.take();
        let ended = match rest {
            Some(Rest { requests, state }) => Ok((requests, Some(state))),
            None => self
                .outside(Version::END, |rules, tally| {
                    rules.end(&self.block.context, &tally.receipts)
                })
                .map(|requests| (requests, None)),
        };
        let (requests, rest) = match ended {
            Ok(ended) => ended,
            Err(error) => return self.fail(error, &mut self.ledger()),
        };
        if !self.wait_for_those_ahead() {
            return false;
        }
        let receipts = std::mem::take(&mut self.ledger().tally.receipts);
        let settled = self.settled(&receipts);
        let workers = self.scheduler.workers();
        let gathering = Gathering::new(settled, rest.is_none(), workers);
        let ended = Ended { requests, receipts, gathering, rest };
        let _: &Ended = self.ends.ended.get_or_init(|| ended);
        true
    }

    /// Does what may add locations that no transaction needs yet, unless all is committed, or executed by one thread. Whoever
    /// makes the write set, or takes over what is committed, goes through the cells one by one, and must not meet those that
    /// somebody has taken and not cleared of the block before.
    pub(super) fn while_under_way(&self, work: impl FnOnce()) {
        self.ends.ahead.fetch_add(1, Ordering::Relaxed);
        // With the fence in `wait_for_those_ahead`: this worker is counted there, or sees here that it comes too late.
        fence(Ordering::SeqCst);
        let is_enough = self.ends.is_enough_read.load(Ordering::Relaxed);
        if !is_enough && self.scheduler.frontier() < self.scheduler.transactions() {
            work();
        }
        // Release: pairs with the Acquire in `wait_for_those_ahead`.
        self.ends.ahead.fetch_sub(1, Ordering::Release);
    }

    /// Waits until nobody adds locations any more, once nobody else executes a transaction. Says whether the block goes on.
    pub(super) fn end_reading_ahead(&self) -> bool {
        self.ends.is_enough_read.store(true, Ordering::Relaxed);
        self.wait_for_those_ahead()
    }

    /// Waits until nobody adds locations any more, once all is committed. Says whether the block goes on.
    fn wait_for_those_ahead(&self) -> bool {
        fence(Ordering::SeqCst);
        let is_none = || self.ends.ahead.load(Ordering::Acquire) == 0;
        wait_until(is_none, || self.scheduler.is_halted())
    }

    fn settled<'r>(&'r self, receipts: &'r [Receipt]) -> Settled<'r, C> {
        let (memory, crypto) = (self.environment.memory, self.environment.crypto);
        Settled { memory, crypto, receipts, lists: self.ends.lists }
    }

    /// Ends the block early: says that it does not go on.
    pub(super) fn fail(
        &self,
        error: ExecutionError<R::Error>,
        ledger: &mut Ledger<R::Error, S>,
    ) -> bool {
        ledger.error = Some(error);
        self.scheduler.halt();
        false
    }

    /// Does what is no transaction, while no other worker has anything to do.
    fn outside<T>(
        &self,
        version: Version,
        work: impl FnOnce(
            &mut BlockRules<'_, '_, MvSource<'_, R>, C>,
            &Tally,
        ) -> Result<T, ExecutionError<Unanswered<R::Error>>>,
    ) -> Result<T, ExecutionError<R::Error>> {
        let Ends { spec, missing_request_contracts, .. } = self.ends;
        let mut context = self.contexts.take();
        context.clear();
        let mut ledger = self.ledger();
        let result = context.with_state(&self.environment, version, |state, stack, workspace| {
            let mut rules = BlockRules { spec, state, stack, workspace, missing_request_contracts };
            work(&mut rules, &ledger.tally)
        });
        let result = result.map_err(|error| match error {
            ExecutionError::State(Unanswered::State(error)) => ExecutionError::State(error),
            ExecutionError::State(Unanswered::Estimate(_) | Unanswered::Undecided) => {
                unreachable!("no transaction is under way: everything is final")
            }
            ExecutionError::Invalid(error) => ExecutionError::Invalid(error),
        })?;
        let mut writes = WriteSet::default();
        let memory = self.environment.memory;
        context.take_writes(memory, self.environment.beneficiary, &mut writes);
        let step = if version == Version::BEGIN { Step::Begin } else { Step::End };
        ledger.commit(memory, (version, &writes), step);
        drop(ledger);
        self.contexts.put_back(context);
        Ok(result)
    }

    /// What the block came to, once all workers have returned.
    pub(super) fn into_result(self) -> Result<BlockResult, ExecutionError<R::Error>> {
        let lists = self.ends.lists;
        let ledger = self.ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Ledger { mut tally, flight, error, course, .. } = ledger;
        if let Some(error) = error {
            return Err(error);
        }
        let Some(Ended { requests, receipts, gathering, rest }) = self.ends.ended.into_inner()
        else {
            unreachable!("a block that is not given up is ended")
        };
        let (gathered, logs_bloom) = gathering.finish(lists);
        let state = rest.unwrap_or(gathered);
        tally.receipts = receipts;
        Ok(BlockResult { outcome: tally.into_outcome(logs_bloom, requests, state), flight, course })
    }
}
