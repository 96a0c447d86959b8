//! Runs the cases of a test.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use braid_executor::{
    Engine, MemoryState, MissingState, SequentialExecutor, TransactError,
    codec::{DecodeError, Decoded, decode_transaction},
    hashes::logs_hash,
};
use braid_precompiles::Crypto;
use braid_primitives::{
    AccountDelta, AccountInfo, Authorization, BlockEnv, ChainSpec, Hardfork, StateDelta,
    StateReader, Transaction, TransactionType,
};
use braid_trie::StateTrie;

use super::{
    Failure,
    format::{Case, Env, Indexes, Test},
    transaction::authorizations,
};
use crate::{
    exception::{Rejection, explains},
    test_file::{BadTest, load_state, parse_fork},
    verify::Difference,
};

/// Runs tests. Keeps one executor: its allocations and analysed code serve all of them.
pub(super) struct Runner<C: Crypto> {
    crypto: C,
    executor: SequentialExecutor<C>,
}

/// A test whose state is in memory.
struct LoadedTest<'a> {
    test: &'a Test,
    state: TestState,
    /// The same in a trie.
    trie: StateTrie,
    authorizations: Vec<Authorization>,
    /// What the encoded transactions decode to: many cases have the same, and recovering a signer takes long.
    decoded: HashMap<(Bytes, Hardfork), Result<Decoded, DecodeError>>,
}

/// The state before the transaction. Ancestors have the hashes that the makers of tests agreed on.
#[derive(Debug)]
pub struct TestState(MemoryState);

impl StateReader for TestState {
    type Error = MissingState;

    fn account(&self, address: Address) -> Result<Option<AccountInfo>, MissingState> {
        self.0.account(address)
    }
    fn storage(&self, address: Address, slot: U256) -> Result<U256, MissingState> {
        self.0.storage(address, slot)
    }
    fn has_storage(&self, address: Address) -> Result<bool, MissingState> {
        self.0.has_storage(address)
    }
    fn code(&self, code_hash: B256) -> Result<Bytes, MissingState> {
        self.0.code(code_hash)
    }
    /// Keccak-256 of the number in decimal digits.
    fn block_hash(&self, number: u64) -> Result<B256, MissingState> {
        Ok(keccak256(number.to_string()))
    }
}

impl<C: Crypto> Runner<C> {
    pub(super) fn new(crypto: C) -> Self {
        let spec = ChainSpec::single(Hardfork::Frontier);
        Self { executor: SequentialExecutor::new(spec, crypto.clone()), crypto }
    }

    pub(super) fn set_engine(&mut self, engine: Engine) {
        self.executor.set_engine(engine);
    }

    /// Runs every case of a test and reports what is wrong with it: nothing if it passed.
    pub(super) fn run(
        &mut self,
        test: &Test,
        mut report: impl FnMut(Hardfork, Indexes, Duration, Vec<Failure>),
    ) -> Result<(), BadTest> {
        let mut loaded = LoadedTest::new(test, &self.crypto);
        for (name, cases) in &test.post {
            let fork = parse_fork("post", name)?;
            let mut spec = ChainSpec::single(fork);
            test.config.apply(&mut spec)?;
            let rules = Rules { fork, chain_id: spec.chain_id, crypto: &self.crypto };
            self.executor.set_spec(spec);
            for (index, case) in cases.iter().enumerate() {
                let start = Instant::now();
                let failures =
                    loaded.run_case(case, &rules, &mut self.executor).map_err(|mut bad| {
                        bad.item = format!("post.{name}[{index}].{}", bad.item);
                        bad
                    })?;
                report(fork, case.indexes, start.elapsed(), failures);
            }
        }
        Ok(())
    }
}

/// A transaction of a test, and what it is executed on.
#[derive(Debug)]
pub struct TestTransaction<'a> {
    /// Name of the test.
    pub test: &'a str,
    /// Rules of the case.
    pub spec: &'a ChainSpec,
    /// The block.
    pub env: BlockEnv,
    /// The transaction, valid or not.
    pub transaction: Transaction,
    /// The state before.
    pub state: &'a TestState,
}

/// Hands out the transaction of every case of a test; those that cannot be represented are left out.
pub(super) fn each_transaction(
    name: &str,
    test: &Test,
    crypto: &impl Crypto,
    mut each: impl FnMut(TestTransaction<'_>),
) -> Result<(), BadTest> {
    let (state, authorizations) =
        (TestState(load_state(&test.pre)), authorizations(&test.transaction, crypto));
    for (fork, cases) in &test.post {
        let fork = parse_fork("post", fork)?;
        let mut spec = ChainSpec::single(fork);
        test.config.apply(&mut spec)?;
        for case in cases {
            test.transaction.check(case.indexes)?;
            let env = block_env(&test.env, fork);
            let built = test.transaction.build(case.indexes, spec.chain_id, &authorizations);
            if let Ok(transaction) = built {
                each(TestTransaction { test: name, spec: &spec, env, transaction, state: &state });
            }
        }
    }
    Ok(())
}

/// What holds for all cases under one hardfork.
struct Rules<'a, C: Crypto> {
    fork: Hardfork,
    chain_id: u64,
    crypto: &'a C,
}

/// The block under the rules of `fork`: tests for several forks give fields that not all of them have.
fn block_env(env: &Env, fork: Hardfork) -> BlockEnv {
    let merged = fork >= Hardfork::Paris;
    let since = |since: Hardfork, value: Option<u64>| value.filter(|_| fork >= since);
    BlockEnv {
        number: env.current_number,
        beneficiary: env.current_coinbase,
        timestamp: env.current_timestamp,
        gas_limit: env.current_gas_limit,
        base_fee: since(Hardfork::London, env.current_base_fee).unwrap_or_default(),
        difficulty: env.current_difficulty.filter(|_| !merged).unwrap_or_default(),
        prev_randao: env.current_random.filter(|_| merged).unwrap_or_default().into(),
        excess_blob_gas: since(Hardfork::Cancun, env.current_excess_blob_gas).unwrap_or_default(),
    }
}

impl<'a> LoadedTest<'a> {
    fn new<C: Crypto>(test: &'a Test, crypto: &C) -> Self {
        let state = load_state(&test.pre);
        Self {
            test,
            trie: StateTrie::of(&state.to_delta(), crypto),
            state: TestState(state),
            authorizations: authorizations(&test.transaction, crypto),
            decoded: HashMap::new(),
        }
    }

    fn run_case<C: Crypto>(
        &mut self,
        case: &Case,
        rules: &Rules<'_, C>,
        executor: &mut SequentialExecutor<C>,
    ) -> Result<Vec<Failure>, BadTest> {
        let (at, json) = (case.indexes, &self.test.transaction);
        json.check(at)?;
        let env = block_env(&self.test.env, rules.fork);
        let mut failures = Vec::new();
        let mut rejections = Vec::new();
        let mut transaction = json
            .build(at, rules.chain_id, &self.authorizations)
            .map_err(|number| rejections.push(number.into()))
            .ok();
        if let Some(bytes) = &case.txbytes {
            match self.decode(bytes, rules) {
                Ok(decoded) => failures.extend(compare_decoded(transaction.as_mut(), decoded)),
                Err(error) => rejections.push(error.clone().into()),
            }
        }
        let mut effects = None;
        if let Some(transaction) = &transaction {
            match executor.transact(&env, transaction, &self.state) {
                Ok((outcome, delta)) => {
                    effects = Some((delta, logs_hash(&outcome.logs, rules.crypto)));
                }
                Err(TransactError::Invalid(invalid)) => rejections.push(invalid.into()),
                Err(TransactError::State(error)) => failures.push(Failure::State(error)),
            }
        }
        failures.extend(judge(case.exception.as_deref(), &rejections));
        let effects = effects.filter(|_| rejections.is_empty());
        let rejected = effects.is_none();
        let (delta, logs) =
            effects.unwrap_or_else(|| (StateDelta::default(), logs_hash(&[], rules.crypto)));
        let mut root = self.trie.root_with(&delta, rules.crypto);
        if rejected && root != case.hash {
            root = self.rewarded_root(&env, rules).unwrap_or(root);
        }
        failures.extend(differs("logs hash", case.logs, logs));
        failures.extend(differs("state root", case.hash, root));
        Ok(failures)
    }

    /// Root of the state before, with a reward of zero paid to the beneficiary: some makers of tests end a block so even if its
    /// transaction was rejected. Before EIP-161 that creates an empty account.
    fn rewarded_root<C: Crypto>(&mut self, env: &BlockEnv, rules: &Rules<'_, C>) -> Option<B256> {
        let exists = self.state.account(env.beneficiary).unwrap_or_default().is_some();
        if exists || rules.fork >= Hardfork::SpuriousDragon {
            return None;
        }
        let empty = AccountDelta { info: Some(AccountInfo::default()), ..AccountDelta::default() };
        let mut delta = StateDelta::default();
        delta.accounts.insert(env.beneficiary, empty);
        Some(self.trie.root_with(&delta, rules.crypto))
    }

    /// Decodes an encoded transaction, or remembers what came of it.
    fn decode<C: Crypto>(
        &mut self,
        bytes: &Bytes,
        rules: &Rules<'_, C>,
    ) -> &Result<Decoded, DecodeError> {
        // Once a type exists its decoding does not change; that of legacy transactions last did with EIP-155.
        let settled = match bytes.first() {
            Some(1) => Hardfork::Berlin,
            Some(2) => Hardfork::London,
            Some(3) => Hardfork::Cancun,
            Some(0xc0..) => Hardfork::SpuriousDragon,
            _ => Hardfork::Prague,
        };
        let fork = rules.fork.min(settled);
        self.decoded
            .entry((bytes.clone(), fork))
            .or_insert_with(|| decode_transaction(bytes, fork, rules.chain_id, rules.crypto))
    }
}

/// The encoded transaction is the one in JSON. That does not say whether a legacy signature names the chain.
fn compare_decoded(json: Option<&mut Transaction>, decoded: &Decoded) -> Option<Failure> {
    let json = json?;
    if json.tx_type == TransactionType::Legacy {
        json.chain_id = decoded.transaction.chain_id;
    }
    let same = *json == decoded.transaction;
    (!same).then(|| {
        Failure::Differs(Difference {
            item: "txbytes".to_owned(),
            expected: format!("{json:?}"),
            found: format!("{:?}", decoded.transaction),
        })
    })
}

fn differs(item: &str, expected: B256, found: B256) -> Option<Failure> {
    Difference::between(item, &expected, &found).map(Failure::Differs)
}

/// Rejections have to be what the case expects, and there have to be some if it does.
fn judge(exception: Option<&str>, rejections: &[Rejection]) -> Vec<Failure> {
    let mut failures: Vec<Failure> = rejections
        .iter()
        .filter(|rejection| exception.is_none_or(|names| !explains(names, rejection)))
        .map(|rejection| Failure::Rejected {
            exception: exception.map(str::to_owned),
            rejection: rejection.clone(),
        })
        .collect();
    if let (Some(exception), []) = (exception, rejections) {
        failures.push(Failure::Accepted { exception: exception.to_owned() });
    }
    failures
}

impl From<super::transaction::BadIndex> for BadTest {
    fn from(bad: super::transaction::BadIndex) -> Self {
        Self {
            item: "indexes".to_owned(),
            expected: format!("an index below {}, the length of {}", bad.length, bad.list),
            found: bad.index.to_string(),
        }
    }
}
