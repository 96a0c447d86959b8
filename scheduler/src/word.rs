//! A transaction's state, incarnation and waiters in one word (`PROTOCOL.md`, section 2).

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It may be claimed: from the ready set, or by the claimant of its batch.
    Ready = 0,
    /// Its claimant executes it.
    Executing = 1,
    /// It has executed; its waiters have been woken.
    Executed = 2,
    /// The holder of the commit token decides about it; below the frontier: committed.
    Held = 3,
    /// Somebody has found its reads stale and marks its writes as estimates.
    Aborting = 4,
    /// It is in the list of waiters of a lower transaction.
    Waiting = 5,
}

/// From the lowest bit: state (3), resume (1), incarnation (28), first waiter (32; index + 1, or 0).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

const STATE_MASK: u64 = 0b111;
const RESUME_BIT: u64 = 1 << 3;
const INCARNATION_SHIFT: u32 = 4;
const INCARNATION_MASK: u64 = ((1 << 28) - 1) << INCARNATION_SHIFT;
const WAITER_SHIFT: u32 = 32;

impl Word {
    /// Ready, never executed, no waiters.
    pub(crate) const NEW: Self = Self(State::Ready as u64);

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Executed in this incarnation, without waiters.
    pub(crate) const fn executed(incarnation: u32) -> Self {
        Self(State::Executed as u64 | (incarnation as u64) << INCARNATION_SHIFT)
    }

    pub(crate) const fn state(self) -> State {
        match self.0 & STATE_MASK {
            0 => State::Ready,
            1 => State::Executing,
            2 => State::Executed,
            3 => State::Held,
            4 => State::Aborting,
            _ => State::Waiting,
        }
    }

    pub(crate) const fn incarnation(self) -> u32 {
        ((self.0 & INCARNATION_MASK) >> INCARNATION_SHIFT) as u32
    }

    /// If the worker that let it wait has kept a suspended execution.
    pub(crate) const fn resume(self) -> bool {
        self.0 & RESUME_BIT != 0
    }

    pub(crate) const fn first_waiter(self) -> Option<u32> {
        ((self.0 >> WAITER_SHIFT) as u32).checked_sub(1)
    }

    /// Results are there: nobody needs to wait for it.
    pub(crate) const fn has_executed(self) -> bool {
        matches!(self.state(), State::Executed | State::Held)
    }

    pub(crate) const fn with_state(self, state: State) -> Self {
        Self(self.0 & !STATE_MASK | state as u64)
    }

    pub(crate) const fn with_resume(self, resume: bool) -> Self {
        if resume { Self(self.0 | RESUME_BIT) } else { Self(self.0 & !RESUME_BIT) }
    }

    pub(crate) const fn with_first_waiter(self, waiter: u32) -> Self {
        Self(self.0 & ((1 << WAITER_SHIFT) - 1) | (waiter as u64 + 1) << WAITER_SHIFT)
    }

    /// One incarnation later. 2^28 re-executions of a transaction do not happen: each is a conflict with one of as many
    /// commits.
    pub(crate) const fn with_next_incarnation(self) -> Self {
        assert!(self.0 & INCARNATION_MASK != INCARNATION_MASK, "incarnations are exhausted");
        Self(self.0 + (1 << INCARNATION_SHIFT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_disturb_each_other() {
        let word = Word::NEW.with_first_waiter(u32::MAX - 1).with_next_incarnation();
        for state in [
            State::Ready,
            State::Executing,
            State::Executed,
            State::Held,
            State::Aborting,
            State::Waiting,
        ] {
            for resume in [false, true] {
                let word = word.with_state(state).with_resume(resume).with_next_incarnation();
                assert_eq!(word.state(), state);
                assert_eq!(word.resume(), resume);
                assert_eq!(word.incarnation(), 2);
                assert_eq!(word.first_waiter(), Some(u32::MAX - 1));
                assert_eq!(Word::from_bits(word.bits()).bits(), word.bits());
            }
        }
        assert_eq!(Word::NEW.first_waiter(), None);
        assert_eq!(Word::NEW.with_first_waiter(0).first_waiter(), Some(0));
        assert!(Word::executed(7).has_executed());
        assert_eq!(Word::executed(7).incarnation(), 7);
    }

    #[test]
    #[should_panic(expected = "exhausted")]
    fn incarnations_do_not_run_into_waiters() {
        let last = Word::executed((1 << 28) - 1);
        assert_eq!(last.incarnation(), (1 << 28) - 1);
        let _beyond = last.with_next_incarnation();
    }
}
