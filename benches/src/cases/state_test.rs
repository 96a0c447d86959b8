//! Cases in the shape of General State Tests.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use braid_executor::TRANSACTION_GAS_CAP;
use braid_primitives::{BlockEnv, Hardfork, Transaction};
use serde::Deserialize;

use super::{Account, Case, Class};
use crate::error::BenchError;

#[derive(Deserialize)]
struct Test {
    #[serde(default, rename = "_info")]
    info: Info,
    env: Env,
    pre: BTreeMap<Address, PreAccount>,
    transaction: TestTransaction,
    post: BTreeMap<String, Vec<Post>>,
}

#[derive(Default, Deserialize)]
struct Info {
    /// Names of the inputs, by position.
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Env {
    current_base_fee: U256,
    current_coinbase: Address,
    current_gas_limit: U256,
    current_number: U256,
    current_timestamp: U256,
    #[serde(default)]
    current_random: Option<B256>,
}

#[derive(Deserialize)]
struct PreAccount {
    balance: U256,
    nonce: U256,
    code: Bytes,
    storage: BTreeMap<U256, U256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestTransaction {
    data: Vec<Bytes>,
    gas_limit: Vec<U256>,
    gas_price: U256,
    nonce: U256,
    sender: Address,
    to: Address,
    value: Vec<U256>,
}

#[derive(Deserialize)]
struct Post {
    indexes: Indexes,
}

#[derive(Deserialize)]
struct Indexes {
    data: usize,
    gas: usize,
    value: usize,
}

/// Adds the cases of all files in `source`, a folder in `root`.
pub(super) fn load_folder(
    root: &Path,
    source: &str,
    cases: &mut Vec<Case>,
) -> Result<(), BenchError> {
    let folder = root.join(source);
    let io = |error| BenchError::Io { path: folder.clone(), error };
    for entry in fs::read_dir(&folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            load_file(path, source, cases)?;
        }
    }
    Ok(())
}

fn load_file(path: PathBuf, source: &str, cases: &mut Vec<Case>) -> Result<(), BenchError> {
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) => return Err(BenchError::Io { path, error }),
    };
    let tests: BTreeMap<String, Test> =
        serde_json::from_slice(&text).map_err(|error| BenchError::malformed(&path, error))?;
    for (name, test) in &tests {
        test.add_cases(&format!("{source}/{name}"), cases)
            .map_err(|reason| BenchError::malformed(&path, format!("{name}: {reason}")))?;
    }
    Ok(())
}

impl Test {
    fn add_cases(&self, id: &str, cases: &mut Vec<Case>) -> Result<(), String> {
        for (fork, posts) in &self.post {
            let fork: Hardfork = fork
                .parse()
                .map_err(|error: braid_primitives::UnknownHardfork| error.to_string())?;
            for post in posts {
                let id = match posts.len() {
                    1 => id.to_owned(),
                    _ => format!("{id}/{}", self.label(post.indexes.data)),
                };
                cases.push(self.case(id, fork, &post.indexes)?);
            }
        }
        Ok(())
    }

    fn label(&self, data: usize) -> String {
        let data = data.to_string();
        self.info.labels.get(&data).cloned().unwrap_or(data)
    }

    fn case(&self, id: String, fork: Hardfork, indexes: &Indexes) -> Result<Case, String> {
        let transaction = self.transaction.at(indexes)?;
        // These benchmarks take for granted that a transaction may use any amount of gas, which EIP-7825 has ended. No
        // other rule of Osaka is of importance to them.
        let above_cap = transaction.gas_limit > TRANSACTION_GAS_CAP;
        let fork = if above_cap { fork.min(Hardfork::Prague) } else { fork };
        Ok(Case {
            class: Class::of(&id),
            id,
            fork,
            env: self.env.block(transaction.gas_limit)?,
            transaction,
            accounts: self.accounts()?,
        })
    }

    fn accounts(&self) -> Result<Vec<Account>, String> {
        let account = |(address, account): (&Address, &PreAccount)| {
            let nonce = narrow(account.nonce)?;
            let storage = account.storage.iter().map(|(slot, value)| (*slot, *value)).collect();
            let account = Account::new(*address, nonce, account.balance, account.code.clone());
            Ok(Account { storage, ..account })
        };
        self.pre.iter().map(account).collect()
    }
}

impl Env {
    /// The block, with room for a transaction of `gas_limit`.
    fn block(&self, gas_limit: u64) -> Result<BlockEnv, String> {
        Ok(BlockEnv {
            number: narrow(self.current_number)?,
            beneficiary: self.current_coinbase,
            timestamp: narrow(self.current_timestamp)?,
            gas_limit: narrow::<u64>(self.current_gas_limit)?.max(gas_limit),
            base_fee: narrow(self.current_base_fee)?,
            prev_randao: self.current_random.unwrap_or_default(),
            ..Default::default()
        })
    }
}

impl TestTransaction {
    fn at(&self, indexes: &Indexes) -> Result<Transaction, String> {
        let price = narrow(self.gas_price)?;
        Ok(Transaction {
            sender: self.sender,
            nonce: narrow(self.nonce)?,
            gas_limit: narrow(*pick(&self.gas_limit, indexes.gas)?)?,
            max_fee_per_gas: price,
            max_priority_fee_per_gas: price,
            to: TxKind::Call(self.to),
            value: *pick(&self.value, indexes.value)?,
            input: pick(&self.data, indexes.data)?.clone(),
            ..Default::default()
        })
    }
}

fn pick<T>(list: &[T], index: usize) -> Result<&T, String> {
    list.get(index).ok_or_else(|| format!("no element {index} in a list of {}", list.len()))
}

fn narrow<T: TryFrom<U256>>(value: U256) -> Result<T, String> {
    T::try_from(value).map_err(|_| format!("{value} is too large"))
}
