//! A transaction can be suspended at any read and resumed on another thread: the result is that of an uninterrupted run, and
//! every read is answered once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fmt::Debug,
    fs,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use braid_cli::{
    fixture::{Fixture, FixtureSet},
    source::read_file,
    statetest::each_transaction,
};
use braid_executor::{
    Engine, Execution, InvalidTransaction, MissingRequestContracts, SequentialExecutor, Stopped,
    TransactError, TransactionOutcome,
};
use braid_precompiles::DefaultCrypto;
use braid_primitives::{BlockEnv, ChainSpec, StateDelta, StateReader, Transaction};
use braid_tests::{
    corpus::{corpus, files_below, mainnet_blocks},
    differential::Case,
    engines::{for_each_seed, real_code::RealCode, transactions},
    recorder::{Read, ReadError, Recorder, Refusal},
};

/// Seeds of the random blocks.
const SEEDS: std::ops::Range<u64> = 0..600;

/// A transaction with at most this many reads is suspended at each of them in a run of its own too.
const READS_ONE_BY_ONE: usize = 40;

/// Of so many mainnet blocks one is executed, the first transactions of it.
const MAINNET_BLOCKS: usize = 12;
/// Most transactions of a mainnet block.
const MAINNET_TRANSACTIONS: usize = 40;

/// Of so many small files of state tests one is run, and of so many cases of a file one.
const STATE_TESTS: usize = 6;
const STATE_TEST_CASES: usize = 7;
/// Files up to this size.
const SMALL_STATE_TEST_BYTES: u64 = 1_300_000;

/// Which engine runs, where the transaction goes on after a read that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engines {
    /// The same all the time.
    One(Engine),
    /// Another one.
    Alternating,
}

const ENGINES: [Engines; 4] = [
    Engines::One(Engine::Plain),
    Engines::One(Engine::Threaded),
    Engines::One(Engine::Adaptive),
    Engines::Alternating,
];

impl Engines {
    const fn after(self, suspensions: usize) -> Engine {
        match self {
            Self::One(engine) => engine,
            Self::Alternating if suspensions.is_multiple_of(2) => Engine::Threaded,
            Self::Alternating => Engine::Plain,
        }
    }
}

/// A transaction and what it is executed on.
struct Subject<'a, R> {
    spec: &'a ChainSpec,
    env: &'a Arc<BlockEnv>,
    transaction: Arc<Transaction>,
    state: &'a R,
}

type Outcome = Result<(TransactionOutcome, StateDelta), InvalidTransaction>;

/// Counts of what was seen, to judge whether it was enough.
#[derive(Debug, Default)]
struct Tally {
    transactions: usize,
    invalid: usize,
    suspensions: usize,
}

impl<R: StateReader<Error: PartialEq> + Sync> Subject<'_, R> {
    /// The run that nothing interrupts, and its reads.
    fn uninterrupted(&self) -> (Outcome, Vec<Read>) {
        let mut executor = SequentialExecutor::new(self.spec.clone(), DefaultCrypto::new());
        executor.set_engine(Engine::Plain);
        let recorder = Recorder::new(self.state, Refusal::Never);
        let outcome = match executor.transact(self.env, &self.transaction, &recorder) {
            Ok(outcome) => Ok(outcome),
            Err(TransactError::Invalid(error)) => Err(error),
            Err(TransactError::State(error)) => panic!("{error}"),
        };
        (outcome, recorder.into_answered())
    }

    /// The same, suspended where the recorder refuses to answer; each time another thread goes on.
    fn on_two_threads(&self, engines: Engines, recorder: &Recorder<'_, R>) -> Outcome {
        let (env, transaction) = (self.env.clone(), self.transaction.clone());
        let execution = Execution::new(self.spec, DefaultCrypto::new(), env, transaction);
        let (to_first, first) = channel();
        let (to_second, second) = channel();
        let (to_result, result) = channel();
        to_first.send((execution, 0)).unwrap();
        let work = |inbox: Receiver<_>, to_other: Sender<_>, to_result: Sender<Outcome>| {
            for (execution, suspensions) in inbox {
                let mut execution: Execution<_> = execution;
                execution.set_engine(engines.after(suspensions));
                match execution.run(recorder) {
                    Err(Stopped::Suspended { execution, error }) => {
                        assert!(matches!(error, ReadError::Refused(_)), "{error:?}");
                        to_other.send((execution, suspensions + 1)).unwrap();
                    }
                    Err(Stopped::Invalid(error)) => return to_result.send(Err(error)).unwrap(),
                    Ok(outcome) => return to_result.send(Ok(outcome)).unwrap(),
                }
            }
        };
        // A thread that returns hangs up on the other, which returns then too.
        let result_of_second = to_result.clone();
        thread::scope(|scope| {
            scope.spawn(|| work(first, to_second, to_result));
            scope.spawn(|| work(second, to_first, result_of_second));
        });
        result.recv().unwrap()
    }

    /// Suspends the transaction at every read, and if there are few at each of them alone.
    fn check(&self, what: &dyn Debug, tally: &mut Tally) -> Outcome {
        let (expected, reads) = self.uninterrupted();
        tally.transactions += 1;
        tally.invalid += usize::from(expected.is_err());
        for engines in ENGINES {
            let recorder = Recorder::new(self.state, Refusal::Never);
            let found = self.on_two_threads(engines, &recorder);
            assert_eq!(found, expected, "{engines:?}: {what:?}");
            assert_eq!(recorder.into_answered(), reads, "{engines:?}: {what:?}");

            let recorder = Recorder::new(self.state, Refusal::EachOnce);
            let found = self.on_two_threads(engines, &recorder);
            assert_eq!(found, expected, "{engines:?}, suspended at every read: {what:?}");
            let refused: Vec<_> = reads.iter().copied().enumerate().collect();
            assert_eq!(recorder.refused(), refused, "{engines:?}: {what:?}");
            assert_eq!(recorder.into_answered(), reads, "{engines:?}: {what:?}");
            tally.suspensions += reads.len();
        }
        if reads.len() <= READS_ONE_BY_ONE {
            for (at, read) in reads.iter().enumerate() {
                // Each time on another engine: there are enough transactions.
                let engines = ENGINES[(at + tally.transactions) % ENGINES.len()];
                let recorder = Recorder::new(self.state, Refusal::OnceAt(at));
                let found = self.on_two_threads(engines, &recorder);
                assert_eq!(found, expected, "{engines:?}, suspended at read {at}: {what:?}");
                assert_eq!(recorder.refused(), [(at, *read)], "{engines:?}: {what:?}");
                assert_eq!(recorder.into_answered(), reads, "{engines:?}, read {at}: {what:?}");
                tally.suspensions += 1;
            }
        }
        expected
    }
}

#[test]
fn transactions_of_random_blocks() {
    let real = RealCode::built_in();
    let counted = for_each_seed(SEEDS, |seed, tally: &mut Tally| {
        // The blocks of the comparison with the oracle, and those of the comparison of the engines.
        for case in [Case::from_seed(seed), transactions::case(!seed, &real)] {
            // Those about the limit of depth take long.
            if case.env.gas_limit < 1 << 40 {
                check_case(&case, tally);
            }
        }
        Ok(())
    });
    eprintln!("{counted:?}");
    let sum = |count: fn(&Tally) -> usize| counted.iter().map(count).sum::<usize>();
    assert!(sum(|tally| tally.transactions) > 2_000, "there are few transactions");
    assert!(sum(|tally| tally.invalid) > 50, "few transactions are invalid");
    assert!(sum(|tally| tally.suspensions) > 50_000, "there are few suspensions");
}

fn check_case(case: &Case, tally: &mut Tally) {
    let spec = ChainSpec::single(case.fork);
    let env = Arc::new(case.env.clone());
    let mut world = case.world();
    for transaction in &case.transactions {
        let transaction = Arc::new(transaction.clone());
        let subject = Subject { spec: &spec, env: &env, transaction, state: &world };
        if let Ok((_, delta)) = subject.check(case, tally) {
            world.apply(&delta).unwrap();
        }
    }
}

#[test]
fn transactions_of_the_built_in_block() {
    let set = FixtureSet::sample().unwrap();
    let fixture = set.load(0, &DefaultCrypto::new()).unwrap();
    let mut tally = Tally::default();
    check_block(fixture, usize::MAX, &mut tally);
    eprintln!("{tally:?}");
    assert!(tally.transactions > 300 && tally.suspensions > 5_000, "{tally:?}");
}

#[test]
fn transactions_of_mainnet_blocks() {
    let Some(set) = mainnet_blocks("suspended transactions of mainnet blocks") else { return };
    let mut tally = Tally::default();
    for index in (0..set.numbers().len()).step_by(MAINNET_BLOCKS) {
        let fixture = set.load(index, &DefaultCrypto::new()).unwrap();
        check_block(fixture, MAINNET_TRANSACTIONS, &mut tally);
    }
    eprintln!("{tally:?}");
    assert!(tally.transactions > 0 && tally.suspensions > tally.transactions, "{tally:?}");
}

#[test]
fn transactions_of_state_tests() {
    let Some(folder) = corpus("state", "suspended transactions of state tests") else { return };
    let mut files = files_below(&folder, ".json");
    files.retain(|file| fs::metadata(file).unwrap().len() <= SMALL_STATE_TEST_BYTES);
    let files: Vec<_> = files.into_iter().step_by(STATE_TESTS).collect();
    let counted = for_each_seed(0..files.len() as u64, |index, tally: &mut Tally| {
        let file = read_file(&files[index as usize]).unwrap();
        let mut cases = 0_usize;
        let errors = each_transaction(&file, &DefaultCrypto::new(), |case| {
            cases += 1;
            // Those of a file resemble each other. Loops of millions of rounds take long.
            if cases.is_multiple_of(STATE_TEST_CASES) && case.transaction.gas_limit < 10_000_000 {
                let (env, transaction) = (Arc::new(case.env), Arc::new(case.transaction));
                let subject =
                    Subject { spec: case.spec, env: &env, transaction, state: case.state };
                drop(subject.check(&case.test, tally));
            }
        });
        assert!(errors.is_empty(), "{errors:?}");
        Ok(())
    });
    eprintln!("{} files: {counted:?}", files.len());
    assert!(counted.iter().map(|tally| tally.suspensions).sum::<usize>() > 10_000);
}

/// Suspends the first transactions of a block, each on the state that those before it leave.
fn check_block(fixture: Fixture, transactions: usize, tally: &mut Tally) {
    let Fixture { spec, block, pre_state, .. } = fixture;
    let mut executor = SequentialExecutor::new(spec.clone(), DefaultCrypto::new());
    executor.set_missing_request_contracts(MissingRequestContracts::Ignore);
    let mut steps = Vec::new();
    executor.execute_block_with(&block, &pre_state, |step| steps.push(step.delta())).unwrap();
    let env = Arc::new(block.env.clone());
    let mut state = pre_state;
    // The first step is the beginning of the block.
    for (transaction, delta) in block.transactions.iter().take(transactions).zip(steps) {
        state.apply(&delta);
        let transaction = Arc::new(transaction.clone());
        let subject = Subject { spec: &spec, env: &env, transaction, state: &state };
        subject.check(&block.env.number, tally).unwrap();
    }
}
