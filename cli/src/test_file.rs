//! What the files of conformance tests have in common: `{name: test}`, accounts, and the configuration of a chain.
//!
//! Hexadecimal is decoded while JSON is parsed, without strings in between, and a test is handed on before the next one is
//! read: the corpus has hundreds of megabytes.

use std::{borrow::Cow, fmt, marker::PhantomData};

use alloy_primitives::{Address, Bytes, U256};
use braid_executor::MemoryState;
use braid_primitives::{AccountInfo, BlobParams, ChainSpec, Hardfork};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    error::InputError,
    hex::{self, Hex},
    source::File,
};

/// What makes a test impossible to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadTest {
    /// Where in the test.
    pub(crate) item: String,
    pub(crate) expected: String,
    pub(crate) found: String,
}

/// Parses the tests of a file in order and hands on each. A test that is malformed, or that `run` calls impossible, is left
/// out and returned as an error; the others run.
pub(crate) fn run_each<T: DeserializeOwned>(
    file: &File,
    mut run: impl FnMut(&str, &T) -> Result<(), BadTest>,
) -> Vec<InputError> {
    let mut errors = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(&file.bytes);
    let each = EachTest(|name: &str, json: &str| match serde_json::from_str(json) {
        Ok(test) => errors.extend(run(name, &test).err().map(|bad| {
            let item = format!("{name}: {}", bad.item);
            InputError::unexpected(&file.path, item, bad.expected, bad.found)
        })),
        Err(error) => errors.push(locate::<T>(file, name, json, error)),
    });
    let parsed = each.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    errors.extend(parsed.err().map(|error| InputError::json(&file.path, String::new(), &error)));
    errors
}

/// Parses a malformed test again, slowly, to find out where it is malformed.
fn locate<T: DeserializeOwned>(
    file: &File,
    name: &str,
    json: &str,
    error: serde_json::Error,
) -> InputError {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) => {
            let item = format!("{name}: {}", error.path());
            InputError::json(&file.path, item, error.inner())
        }
        Ok(_) => InputError::json(&file.path, name.to_owned(), &error),
    }
}

/// Hands each test of a file, still unparsed, to a function: a test that is malformed does not hide the others.
struct EachTest<F>(F);

impl<'de, F: FnMut(&str, &'de str)> DeserializeSeed<'de> for EachTest<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str, &'de str)> Visitor<'de> for EachTest<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object {name: test}")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, test)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
            (self.0)(&name, test.get());
        }
        Ok(())
    }
}

/// An object as a list of its entries, in the order of the file.
pub(crate) fn pairs<'de, K, V, D>(deserializer: D) -> Result<Vec<(K, V)>, D::Error>
where
    K: Deserialize<'de>,
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Pairs<K, V>(PhantomData<(K, V)>);

    impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Pairs<K, V> {
        type Value = Vec<(K, V)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }
    deserializer.deserialize_map(Pairs(PhantomData))
}

/// An account with all that it has.
#[derive(Debug, Deserialize)]
pub(crate) struct JsonAccount {
    #[serde(deserialize_with = "hex::value")]
    pub(crate) nonce: u64,
    #[serde(deserialize_with = "hex::value")]
    pub(crate) balance: U256,
    #[serde(deserialize_with = "hex::value")]
    pub(crate) code: Bytes,
    #[serde(deserialize_with = "pairs")]
    pub(crate) storage: Vec<(Hex<U256>, Hex<U256>)>,
}

/// The state of these accounts.
pub(crate) fn load_state(accounts: &[(Hex<Address>, JsonAccount)]) -> MemoryState {
    let mut state = MemoryState::new();
    for (address, account) in accounts {
        let code_hash = state.insert_code(account.code.clone());
        let info = AccountInfo { nonce: account.nonce, balance: account.balance, code_hash };
        state.insert_account(address.0, info);
        for (slot, value) in &account.storage {
            state.insert_storage(address.0, slot.0, value.0);
        }
    }
    state
}

/// What the test changes about its chain.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Config {
    #[serde(default, rename = "chainid", deserialize_with = "hex::option")]
    chain_id: Option<u64>,
    #[serde(default, rename = "blobSchedule", deserialize_with = "pairs")]
    blob_schedule: Vec<(String, JsonBlobParams)>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonBlobParams {
    #[serde(deserialize_with = "hex::value")]
    target: u64,
    #[serde(deserialize_with = "hex::value")]
    max: u64,
    #[serde(deserialize_with = "hex::value")]
    base_fee_update_fraction: u64,
}

impl Config {
    /// Makes the changes.
    pub(crate) fn apply(&self, spec: &mut ChainSpec) -> Result<(), BadTest> {
        if let Some(chain_id) = self.chain_id {
            spec.chain_id = chain_id;
        }
        for (name, json) in &self.blob_schedule {
            let since = parse_fork("config.blobSchedule", name)?;
            let params = BlobParams {
                target_blobs: json.target,
                max_blobs: json.max,
                base_fee_update_fraction: json.base_fee_update_fraction,
            };
            match spec.blob_schedule.iter_mut().find(|(known, _)| *known == since) {
                Some((_, known)) => *known = params,
                None => spec.blob_schedule.push((since, params)),
            }
        }
        spec.blob_schedule.sort_by_key(|(since, _)| *since);
        Ok(())
    }
}

/// The hardfork of this name, which stands at `item`.
pub(crate) fn parse_fork(item: &str, name: &str) -> Result<Hardfork, BadTest> {
    name.parse().map_err(|_| BadTest {
        item: item.to_owned(),
        expected: "a hardfork from Frontier to Osaka or BPO1 to BPO4".to_owned(),
        found: format!("{name:?}"),
    })
}
