//! Threads that are kept from block to block.

mod scope;

use std::{
    any::Any,
    error::Error,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError},
};

use crate::sync::{
    Condvar, Mutex, lock,
    thread::{self, JoinHandle},
    wait,
};
use scope::{Lent, scope};

/// Persistent worker threads. The thread that calls [`run`](Self::run) is worker 0, so a pool has one thread less than workers.
///
/// A run needs the pool for itself, so none can begin within another:
///
/// ```compile_fail
/// # use braid_scheduler::WorkerPool;
/// let mut pool = WorkerPool::new(2)?;
/// pool.run(2, |_| pool.run(2, |_| {}, || {}).unwrap(), || {})?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct WorkerPool {
    threads: Vec<Thread>,
}

#[derive(Debug)]
struct Thread {
    post: Arc<Post>,
    handle: Option<JoinHandle<()>>,
}

/// Where a thread waits for its next job.
#[derive(Default)]
struct Post {
    letter: Mutex<Letter>,
    bell: Condvar,
}

#[derive(Default)]
enum Letter {
    #[default]
    None,
    Job(Job),
    Quit,
}

/// One worker's part in a run.
struct Job {
    lent: Lent,
    worker: usize,
    /// Whom this worker rings when it begins.
    rings: Vec<Arc<Post>>,
}

/// Why a run failed. The pool can be used again.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// A worker panicked; of several the first. All have returned.
    Panicked {
        /// The worker's number.
        worker: usize,
        /// What it said, if that was text.
        message: String,
    },
    /// A further thread could not be started. Nothing was run.
    Spawn(io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked { worker, message } => {
                write!(formatter, "worker {worker} panicked: {message}")
            }
            Self::Spawn(_) => formatter.write_str("a worker thread could not be started"),
        }
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Panicked { .. } => None,
            Self::Spawn(error) => Some(error),
        }
    }
}

impl WorkerPool {
    /// A pool for runs with this many workers; it grows when a run needs more.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn new(workers: usize) -> io::Result<Self> {
        let mut pool = Self::default();
        pool.grow(workers)?;
        Ok(pool)
    }

    /// How many workers a run may have without a further thread being started.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.threads.len() + 1
    }

    fn grow(&mut self, workers: usize) -> io::Result<()> {
        while self.workers() < workers {
            let post = Arc::new(Post::default());
            let own = Arc::clone(&post);
            let name = format!("braid-worker-{}", self.workers());
            let handle = thread::Builder::new().name(name).spawn(move || own.work())?;
            self.threads.push(Thread { post, handle: Some(handle) });
        }
        Ok(())
    }

    /// Runs `body` once for each number below `workers` (at least 1), on as many threads, and returns when all have returned.
    ///
    /// If one panics, `on_panic` is called at once by its thread, so that the others can be told not to wait for it:
    ///
    /// ```
    /// # use braid_scheduler::{Scheduler, Task, RunError, WorkerPool};
    /// let mut pool = WorkerPool::new(2)?;
    /// let mut scheduler = Scheduler::new(2);
    /// scheduler.reset(10, std::iter::empty(), 10);
    /// let body = |worker| match scheduler.next_or_wait(worker) {
    ///     Task::Execute(batch) => panic!("at transaction {}", batch.first),
    ///     _ => {}
    /// };
    /// let outcome = pool.run(2, body, || scheduler.halt());
    /// assert!(matches!(outcome, Err(RunError::Panicked { .. })));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a worker panicked, or a thread could not be started.
    pub fn run(
        &mut self,
        workers: usize,
        body: impl Fn(usize) + Sync,
        on_panic: impl Fn() + Sync,
    ) -> Result<(), RunError> {
        self.run_with((workers, true), body, on_panic)
    }

    /// As [`run`](Self::run), for work that is done once any worker has returned: those that have not begun by the time
    /// worker 0 returns are not waited for, and do not begin. It takes a sleeping thread longer to wake up than it takes to
    /// execute a small block.
    ///
    /// ```
    /// # use std::sync::atomic::{AtomicUsize, Ordering};
    /// # use braid_scheduler::WorkerPool;
    /// let (next, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
    /// let body = |_| {
    ///     while let task @ 0..100 = next.fetch_add(1, Ordering::Relaxed) {
    ///         sum.fetch_add(task, Ordering::Relaxed);
    ///     }
    /// };
    /// WorkerPool::new(4)?.share(4, body, || {})?;
    /// assert_eq!(sum.into_inner(), 4950);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
    pub fn share(
        &mut self,
        workers: usize,
        body: impl Fn(usize) + Sync,
        on_panic: impl Fn() + Sync,
    ) -> Result<(), RunError> {
        self.run_with((workers, false), body, on_panic)
    }

    fn run_with(
        &mut self,
        (workers, waits_for_all): (usize, bool),
        body: impl Fn(usize) + Sync,
        on_panic: impl Fn() + Sync,
    ) -> Result<(), RunError> {
        let workers = workers.max(1);
        self.grow(workers).map_err(RunError::Spawn)?;
        let first_panic = Mutex::new(None);
        let guarded = |worker: usize| {
            let Err(panic) = caught(|| body(worker)) else { return };
            lock(&first_panic).get_or_insert((worker, panic.message()));
            // A panic in here has nobody left to be told to.
            drop(caught(&on_panic));
        };
        scope(&guarded, |lender| {
            let posts: Vec<_> = self.threads[..workers - 1].iter().map(|t| &t.post).collect();
            hand_out(&posts, || lender.lend());
            rung_by(0, &posts).for_each(|post| post.bell.notify_one());
            guarded(0);
            if !waits_for_all {
                posts.iter().for_each(|post| post.take_back());
            }
        });
        let first_panic = first_panic.into_inner().unwrap_or_else(PoisonError::into_inner);
        first_panic.map_or(Ok(()), |(worker, message)| Err(RunError::Panicked { worker, message }))
    }
}

/// Does the work on the calling thread, without a pool. A panic in it is an error like that of a run's first worker.
///
/// # Errors
/// [`RunError::Panicked`] if the work panics.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, RunError> {
    caught(work).map_err(|panic| RunError::Panicked { worker: 0, message: panic.message() })
}

/// A panic that went no further.
struct Caught(Box<dyn Any + Send>);

impl Caught {
    fn message(&self) -> String {
        message_of(&*self.0)
    }
}

impl Drop for Caught {
    /// The payload's own drop may panic.
    fn drop(&mut self) {
        let payload = std::mem::replace(&mut self.0, Box::new(()));
        drop(catch_unwind(AssertUnwindSafe(|| drop(payload))));
    }
}

/// What the work returns, or its panic.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Caught> {
    catch_unwind(AssertUnwindSafe(work)).map_err(Caught)
}

/// Puts the jobs where their workers find them. A worker that is awake takes its job at once, and rings others: so these have
/// theirs before it.
fn hand_out(posts: &[&Arc<Post>], mut lend: impl FnMut() -> Lent) {
    for (index, post) in posts.iter().enumerate().rev() {
        let worker = index + 1;
        let rings = rung_by(worker, posts).cloned().collect();
        *lock(&post.letter) = Letter::Job(Job { lent: lend(), worker, rings });
    }
}

/// The posts of workers that worker `ringer` wakes: 2n + 1 and 2n + 2, so that all are awake after a logarithmic time.
fn rung_by<'p>(ringer: usize, posts: &'p [&Arc<Post>]) -> impl Iterator<Item = &'p Arc<Post>> {
    // Worker w has post w - 1.
    posts.iter().skip(2 * ringer).take(2).copied()
}

impl Post {
    /// Takes back a job that has not begun.
    fn take_back(&self) {
        let mut letter = lock(&self.letter);
        let job = std::mem::take(&mut *letter);
        drop(letter);
        // Its loan is returned here, if it was there: a thread that wakes up finds nothing and sleeps on.
        drop(job);
    }

    /// A thread's life.
    fn work(&self) {
        loop {
            let mut letter = lock(&self.letter);
            let job = loop {
                match std::mem::take(&mut *letter) {
                    Letter::None => {
                        letter = wait(&self.bell, letter);
                    }
                    Letter::Job(job) => break job,
                    Letter::Quit => return,
                }
            };
            drop(letter);
            job.rings.iter().for_each(|post| post.bell.notify_one());
            // It does not panic: `run` has wrapped it.
            job.lent.call(job.worker);
        }
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        for thread in &self.threads {
            *lock(&thread.post.letter) = Letter::Quit;
            thread.post.bell.notify_one();
        }
        for handle in self.threads.iter_mut().filter_map(|thread| thread.handle.take()) {
            // A worker thread does not panic; if it did, there would be nobody to tell.
            drop(handle.join());
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(a panic without text)".to_owned())
}

impl fmt::Debug for Post {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match *lock(&self.letter) {
            Letter::None => "Post(empty)",
            Letter::Job(_) => "Post(job)",
            Letter::Quit => "Post(quit)",
        })
    }
}

#[cfg(test)]
mod tests;
