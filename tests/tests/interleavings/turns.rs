//! Who takes the next step: every choice follows from a seed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use braid_tests::random::Random;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

/// How the next one is chosen.
#[derive(Clone, Debug)]
enum Rule {
    /// Anybody, at each step.
    Anybody,
    /// Who had the last step goes on, until another is chosen: at one step in so many.
    Runs(u64),
    /// Anybody; but at one step in so many the worker stops, and takes none for a while.
    Stops(u64),
    /// Whoever is the most important, and few surprises: who has the step at one of these becomes the least important.
    ///
    /// This is probabilistic concurrency testing (Burckhardt and others, ASPLOS 2010): what takes `d` orderings to go wrong is
    /// found with a probability that falls with the power `d - 1` of the number of steps, not with all that they are.
    Importance { surprises: Vec<u64> },
}

/// What was chosen, for whoever looks at it afterwards.
#[derive(Debug, Default)]
pub(crate) struct Course {
    /// Steps at which there was a choice.
    choices: AtomicU64,
    /// Those at which another than the last one was chosen, though that could have gone on.
    switches: AtomicU64,
    /// Of all that was chosen.
    digest: AtomicU64,
}

impl Course {
    pub(crate) fn choices(&self) -> u64 {
        self.choices.load(Relaxed)
    }

    pub(crate) fn switches(&self) -> u64 {
        self.switches.load(Relaxed)
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest.load(Relaxed)
    }

    fn note(&self, chosen: usize, is_switch: bool) {
        // Relaxed: the simulation has one thread.
        self.choices.fetch_add(1, Relaxed);
        self.switches.fetch_add(is_switch.into(), Relaxed);
        let digest = self.digest.load(Relaxed) ^ chosen as u64;
        self.digest.store(digest.wrapping_mul(0x0100_0000_01b3).rotate_left(5), Relaxed);
    }
}

/// One course of a simulation.
#[derive(Debug)]
pub(crate) struct Turns {
    random: Random,
    rule: Rule,
    /// By worker.
    importance: Vec<u64>,
    /// By worker: it takes no step before this one, while others can.
    stopped_until: Vec<u64>,
    least_importance: u64,
    has_begun: bool,
    course: Arc<Course>,
}

impl Turns {
    /// The course that follows from `seed`; what is chosen goes into `course`.
    pub(crate) fn new(seed: u64, course: Arc<Course>) -> Self {
        let mut random = Random::new(seed.wrapping_mul(23));
        let rule = match seed % 4 {
            0 => Rule::Anybody,
            1 => Rule::Runs(2 << random.below(8)),
            2 => Rule::Stops(8 << random.below(6)),
            _ => {
                let count = 1 << random.below(7);
                // Of about as many steps as there are, or of the first of them.
                let steps = 1 << random.within(8..13);
                Rule::Importance { surprises: (0..count).map(|_| random.below(steps)).collect() }
            }
        };
        let least_importance = 1 << 32;
        Self {
            random,
            rule,
            importance: Vec::new(),
            stopped_until: Vec::new(),
            least_importance,
            has_begun: false,
            course,
        }
    }

    fn anybody(&mut self, runnable: &[&Task]) -> TaskId {
        runnable[self.random.index(runnable.len())].id()
    }

    fn most_important(&mut self, runnable: &[&Task]) -> Option<TaskId> {
        let importance = |task: &&&Task| self.importance[usize::from(task.id())];
        runnable.iter().max_by_key(importance).map(|task| task.id())
    }

    fn choose(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let goes_on = current.filter(|id| runnable.iter().any(|task| task.id() == *id));
        match &self.rule {
            Rule::Anybody => Some(self.anybody(runnable)),
            Rule::Runs(one_in) => {
                let goes_on = goes_on.filter(|_| !is_yielding && !self.random.one_in(*one_in));
                goes_on.or_else(|| Some(self.anybody(runnable)))
            }
            Rule::Stops(one_in) => {
                let now = self.course.choices();
                if let Some(current) = current
                    && self.random.one_in(*one_in)
                {
                    self.stopped_until[usize::from(current)] = now + (1 << self.random.below(11));
                }
                let goes_on = |task: &&&Task| self.stopped_until[usize::from(task.id())] <= now;
                let going_on: Vec<_> = runnable.iter().filter(goes_on).copied().collect();
                Some(self.anybody(if going_on.is_empty() { runnable } else { &going_on }))
            }
            Rule::Importance { surprises } => {
                if let Some(current) = current
                    && (is_yielding || surprises.contains(&self.course.choices()))
                {
                    self.least_importance -= 1;
                    self.importance[usize::from(current)] = self.least_importance;
                }
                self.most_important(runnable)
            }
        }
    }
}

impl Scheduler for Turns {
    fn new_execution(&mut self) -> Option<Schedule> {
        let has_begun = std::mem::replace(&mut self.has_begun, true);
        (!has_begun).then(|| Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        let known = runnable.iter().map(|task| usize::from(task.id()) + 1).max()?;
        while self.importance.len() < known {
            self.importance.push((1 << 32) + self.random.below(1 << 32));
            self.stopped_until.push(0);
        }
        if let [only] = runnable {
            return Some(only.id());
        }
        let chosen = self.choose(runnable, current, is_yielding)?;
        let could_go_on = runnable.iter().any(|task| Some(task.id()) == current);
        self.course.note(chosen.into(), could_go_on && Some(chosen) != current);
        Some(chosen)
    }

    fn next_u64(&mut self) -> u64 {
        self.random.next_u64()
    }
}
