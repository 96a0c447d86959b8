//! Frontier and limit, and the window between them (`PROTOCOL.md`, sections 5 and 8).

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicU64, Ordering};

/// How far the block has got, at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The lowest transaction that is not committed.
    pub(crate) frontier: u32,
    /// Nothing is claimed at or above it; always above the frontier.
    pub(crate) limit: u32,
}

impl Progress {
    pub(crate) const fn new(frontier: u32, window: u32) -> Self {
        Self { frontier, limit: frontier.saturating_add(window) }
    }

    pub(crate) const fn window(self) -> u32 {
        self.limit - self.frontier
    }
}

/// One word, stored by the holder of the commit token only.
pub(crate) struct SharedProgress(CachePadded<AtomicU64>);

impl SharedProgress {
    pub(crate) fn new(progress: Progress) -> Self {
        Self(CachePadded::new(AtomicU64::new(Self::pack(progress))))
    }

    const fn pack(progress: Progress) -> u64 {
        (progress.limit as u64) << 32 | progress.frontier as u64
    }

    /// Acquire: pairs with the Release in `store`: what was done to commit the transactions below the frontier is visible.
    pub(crate) fn load(&self) -> Progress {
        let packed = self.0.load(Ordering::Acquire);
        Progress { frontier: packed as u32, limit: (packed >> 32) as u32 }
    }

    /// Release: pairs with the Acquire in `load`.
    pub(crate) fn store(&self, progress: Progress) {
        self.0.store(Self::pack(progress), Ordering::Release);
    }
}

/// Commits without speculation at a window of 1 before it is tried again: at first, and at most.
const LEAST_PATIENCE: u32 = 2;
const MOST_PATIENCE: u32 = 256;

/// How the window changes from commit to commit. Belongs to the holder of the commit token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    patience: u32,
    /// Commits at a window of 1 since the last try.
    waited: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { patience: LEAST_PATIENCE, waited: 0 }
    }
}

impl Pace {
    pub(crate) const fn to_bits(self) -> u64 {
        (self.patience as u64) << 32 | self.waited as u64
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self { patience: (bits >> 32) as u32, waited: bits as u32 }
    }

    /// How often in a row, about, speculation was tried at a window of 2 and failed: up to seven times.
    pub(crate) const fn failed_tries(self) -> u32 {
        (self.patience / LEAST_PATIENCE).ilog2()
    }

    /// The window after a commit, between 1 and `most`: a quarter more if the speculation held, a third less if it failed. So
    /// it stays where two of three hold: a worker that speculates in vain would otherwise have been idle. `None`: there was no
    /// speculation. At a window of 1 there never is: then it is tried from time to time, the less often the more often that
    /// failed.
    pub(crate) fn next_window(&mut self, window: u32, held_up: Option<bool>, most: u32) -> u32 {
        match held_up {
            Some(true) => {
                self.patience = (self.patience / 2).max(LEAST_PATIENCE);
                window.saturating_add((window / 4).max(1)).min(most)
            }
            Some(false) => {
                if window <= 2 {
                    self.patience = (self.patience * 2).min(MOST_PATIENCE);
                }
                (window - window.div_ceil(3)).max(1)
            }
            None if window == 1 => {
                self.waited += 1;
                if self.waited < self.patience {
                    return 1;
                }
                self.waited = 0;
                most.min(2)
            }
            None => window,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_by_a_quarter_and_shrinks_by_a_third() {
        let next = |window, held_up, most| Pace::default().next_window(window, Some(held_up), most);
        assert_eq!(next(1, true, 8), 2);
        assert_eq!(next(7, true, 8), 8);
        assert_eq!(next(8, true, 8), 8);
        assert_eq!(next(8, true, 64), 10);
        assert_eq!(next(9, false, 64), 6);
        assert_eq!(next(8, false, 8), 5);
        assert_eq!(next(3, false, 8), 2);
        assert_eq!(next(2, false, 8), 1);
        assert_eq!(next(1, false, 8), 1);
        assert_eq!(next(1, true, 1), 1);
    }

    #[test]
    fn speculation_that_keeps_failing_is_tried_less_and_less_often() {
        let mut pace = Pace::default();
        let mut window = 1;
        let mut tries = Vec::new();
        for commit in 0..5_000 {
            // A serial chain: whatever runs ahead fails.
            let held_up = (window > 1).then_some(false);
            tries.extend(held_up.map(|_| commit));
            window = pace.next_window(window, held_up, 64);
            assert_eq!(Pace::from_bits(pace.to_bits()), pace);
        }
        assert!((20..40).contains(&tries.len()), "{tries:?}");
        let gaps: Vec<_> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.is_sorted(), "{gaps:?}");
        // Where it holds it is back soon.
        for _ in 0..2 * MOST_PATIENCE {
            let held_up = (window > 1).then_some(true);
            window = pace.next_window(window, held_up, 64);
        }
        assert_eq!(window, 64);
    }

    #[cfg(not(loom))]
    #[test]
    fn frontier_and_limit_are_kept_apart() {
        let progress = Progress::new(3, u32::MAX);
        assert_eq!(progress.limit, u32::MAX);
        let shared = SharedProgress::new(progress);
        assert_eq!(shared.load(), progress);
        let progress = Progress::new(u32::MAX - 1, 1);
        shared.store(progress);
        assert_eq!(shared.load(), progress);
        assert_eq!(progress.window(), 1);
    }
}
