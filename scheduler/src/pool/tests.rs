//! What a pool owes to its users.

use std::{
    collections::BTreeSet,
    panic::panic_any,
    sync::{
        Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use super::*;

#[test]
fn each_worker_runs_once_on_a_thread_of_its_own() {
    let mut pool = WorkerPool::new(1).unwrap();
    assert_eq!(pool.workers(), 1);
    for workers in [1, 3, 7, 2, 0] {
        let seen = Mutex::new(Vec::new());
        let barrier = Barrier::new(workers.max(1));
        let body = |worker| {
            // All of them are there at the same time.
            barrier.wait();
            let name = thread::current().name().map(str::to_owned);
            seen.lock().unwrap().push((worker, thread::current().id(), name));
        };
        pool.run(workers, body, || {}).unwrap();
        let mut seen = seen.into_inner().unwrap();
        seen.sort_by_key(|(worker, ..)| *worker);
        assert!(seen.iter().map(|(worker, ..)| *worker).eq(0..workers.max(1)));
        assert_eq!(seen[0].1, thread::current().id());
        let threads: BTreeSet<_> = seen.iter().map(|(_, id, _)| format!("{id:?}")).collect();
        assert_eq!(threads.len(), workers.max(1));
        for (worker, _, name) in &seen[1..] {
            assert_eq!(name.as_deref(), Some(&*format!("braid-worker-{worker}")));
        }
    }
    assert_eq!(pool.workers(), 7);
}

#[test]
fn a_panic_is_returned_after_all_workers_and_the_pool_goes_on() {
    let mut pool = WorkerPool::new(3).unwrap();
    for panics in 0..3 {
        let others = AtomicUsize::new(0);
        let told = Barrier::new(3);
        let body = |worker| {
            if worker == panics {
                panic!("worker {worker} on purpose");
            }
            // Only `on_panic` lets them go on.
            told.wait();
            others.fetch_add(1, Ordering::Relaxed);
        };
        let on_panic = || {
            told.wait();
        };
        let outcome = pool.run(3, body, on_panic);
        let Err(RunError::Panicked { worker, message }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((worker, message), (panics, format!("worker {panics} on purpose")));
        assert_eq!(others.load(Ordering::Relaxed), 2);
        pool.run(3, |_| {}, || {}).unwrap();
    }
}

#[test]
fn panics_without_text_and_while_told_of_panics_are_kept_in() {
    let mut pool = WorkerPool::new(2).unwrap();
    let outcome = pool.run(2, |_| panic_any(7), || panic!("on purpose"));
    let Err(error) = outcome else { panic!("{outcome:?}") };
    let text = error.to_string();
    assert!(text.starts_with("worker ") && text.ends_with("(a panic without text)"), "{text}");
    pool.run(2, |_| {}, || {}).unwrap();
}

#[test]
fn a_pool_that_is_dropped_has_no_threads_left() {
    let alive = Arc::new(());
    let mut pool = WorkerPool::new(4).unwrap();
    let body = |_| drop(Arc::clone(&alive));
    pool.run(4, body, || {}).unwrap();
    let posts: Vec<_> = pool.threads.iter().map(|thread| Arc::downgrade(&thread.post)).collect();
    drop(pool);
    assert!(posts.iter().all(|post| post.upgrade().is_none()), "a thread keeps its post");
    assert_eq!(Arc::strong_count(&alive), 1);
}

/// A worker that is still awake takes its job and rings others while jobs are being handed out: a ring before the job is lost.
#[test]
fn nobody_is_rung_before_the_job_is_there() {
    let posts: Vec<_> = (0..20).map(|_| Arc::new(Post::default())).collect();
    let posts: Vec<_> = posts.iter().collect();
    let mut wrong = Vec::new();
    let mut check = |posts: &[&Arc<Post>]| {
        let letters: Vec<_> = posts.iter().map(|post| lock(&post.letter)).collect();
        for letter in &letters {
            let Letter::Job(job) = &**letter else { continue };
            let rung = job
                .rings
                .iter()
                .map(|rung| posts.iter().position(|post| Arc::ptr_eq(post, rung)).unwrap());
            let without = rung.filter(|at| !matches!(&*letters[*at], Letter::Job(_)));
            wrong.extend(without.map(|at| (job.worker, at + 1)));
        }
    };
    scope(&|_| {}, |lender| {
        hand_out(&posts, || {
            check(&posts);
            lender.lend()
        });
        check(&posts);
        // Jobs that nobody takes are given back.
        posts.iter().for_each(|post| *lock(&post.letter) = Letter::None);
    });
    assert_eq!(wrong, [], "the first rings the second, which has no job");
}

#[test]
fn who_has_not_begun_when_shared_work_is_done_does_not_begin() {
    let mut pool = WorkerPool::new(8).unwrap();
    let mut late = 0;
    const ROUNDS: usize = if cfg!(miri) { 50 } else { 2_000 };
    for _ in 0..ROUNDS {
        let (begun, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let body = |worker| {
            begun.fetch_or(1_usize << worker, Ordering::Relaxed);
            ended.fetch_or(1_usize << worker, Ordering::Relaxed);
        };
        pool.share(8, body, || {}).unwrap();
        let (begun, ended) = (begun.into_inner(), ended.into_inner());
        assert_eq!(begun, ended, "all that began has ended");
        assert_eq!(begun & 1, 1, "the caller takes part");
        late += 8 - begun.count_ones();
        // What was taken back does not come up in the next run.
        let ran = AtomicUsize::new(0);
        let body = |worker| {
            ran.fetch_add(1_usize << (4 * worker), Ordering::Relaxed);
        };
        pool.run(8, body, || {}).unwrap();
        assert_eq!(ran.into_inner(), 0x1111_1111);
    }
    assert!(late > 0, "an empty body is done before seven threads have woken up");
    // A worker that has begun is waited for, and its panic comes out.
    let arrived = Barrier::new(2);
    let body = |worker| {
        arrived.wait();
        assert!(worker == 0, "on purpose");
    };
    let outcome = pool.share(2, body, || {});
    assert!(matches!(outcome, Err(RunError::Panicked { worker: 1, .. })), "{outcome:?}");
}

/// Many short runs in more threads than there are processors.
#[test]
fn pools_beside_each_other_end_all_their_runs() {
    const POOLS: usize = 4;
    const WORKERS: usize = 16;
    const RUNS: usize = if cfg!(miri) { 20 } else { 5_000 };
    const LIMIT: Duration = Duration::from_secs(240);
    let (sender, receiver) = mpsc::channel();
    for _ in 0..POOLS {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut pool = WorkerPool::new(WORKERS).unwrap();
            let ran = AtomicUsize::new(0);
            for _ in 0..RUNS {
                let body = |_| {
                    ran.fetch_add(1, Ordering::Relaxed);
                };
                pool.run(WORKERS, body, || {}).unwrap();
            }
            sender.send(ran.into_inner()).unwrap();
        });
    }
    for _ in 0..POOLS {
        let ran = receiver.recv_timeout(LIMIT).expect("a run does not end");
        assert_eq!(ran, WORKERS * RUNS);
    }
}
