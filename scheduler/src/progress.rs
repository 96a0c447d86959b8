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

/// The window after a commit: one more if the speculation held, else half; between 1 and `most`.
pub(crate) const fn next_window(window: u32, is_valid: bool, most: u32) -> u32 {
    if !is_valid {
        let half = window / 2;
        if half == 0 { 1 } else { half }
    } else if window < most {
        window + 1
    } else {
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_by_one_and_halves() {
        assert_eq!(next_window(1, true, 8), 2);
        assert_eq!(next_window(7, true, 8), 8);
        assert_eq!(next_window(8, true, 8), 8);
        assert_eq!(next_window(8, false, 8), 4);
        assert_eq!(next_window(3, false, 8), 1);
        assert_eq!(next_window(1, false, 8), 1);
        assert_eq!(next_window(1, true, 1), 1);
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
