//! The files of General State Tests: `{name: {env, pre, transaction, post}}`.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Deserializer};

use crate::{
    hex::{self, FromHex, Hex},
    test_file::{Config, JsonAccount, pairs},
};

/// A test: one state and one block, and transactions on them under several hardforks.
#[derive(Debug, Deserialize)]
pub(super) struct Test {
    pub(super) env: Env,
    #[serde(deserialize_with = "pairs")]
    pub(super) pre: Vec<(Hex<Address>, JsonAccount)>,
    pub(super) transaction: TestTransaction,
    #[serde(deserialize_with = "pairs")]
    pub(super) post: Vec<(String, Vec<Case>)>,
    #[serde(default)]
    pub(super) config: Config,
}

/// The block.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Env {
    #[serde(deserialize_with = "hex::value")]
    pub(super) current_coinbase: Address,
    #[serde(deserialize_with = "hex::value")]
    pub(super) current_gas_limit: u64,
    #[serde(deserialize_with = "hex::value")]
    pub(super) current_number: u64,
    #[serde(deserialize_with = "hex::value")]
    pub(super) current_timestamp: u64,
    #[serde(default, deserialize_with = "hex::option")]
    pub(super) current_difficulty: Option<U256>,
    #[serde(default, deserialize_with = "hex::option")]
    pub(super) current_base_fee: Option<u64>,
    #[serde(default, deserialize_with = "hex::option")]
    pub(super) current_random: Option<U256>,
    #[serde(default, deserialize_with = "hex::option")]
    pub(super) current_excess_blob_gas: Option<u64>,
}

/// The transactions: a case picks one of the values of `data`, `gasLimit` and `value`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestTransaction {
    pub(super) nonce: Scalar,
    #[serde(default)]
    pub(super) gas_price: Option<Scalar>,
    #[serde(default)]
    pub(super) max_fee_per_gas: Option<Scalar>,
    #[serde(default)]
    pub(super) max_priority_fee_per_gas: Option<Scalar>,
    pub(super) gas_limit: Vec<Scalar>,
    pub(super) to: Recipient,
    pub(super) value: Vec<Scalar>,
    #[serde(deserialize_with = "hex::list")]
    pub(super) data: Vec<Bytes>,
    /// One for each of `data`; null for a transaction without.
    #[serde(default)]
    pub(super) access_lists: Vec<Option<Vec<JsonAccessListItem>>>,
    #[serde(default)]
    pub(super) max_fee_per_blob_gas: Option<Scalar>,
    #[serde(default, deserialize_with = "optional_list")]
    pub(super) blob_versioned_hashes: Option<Vec<B256>>,
    #[serde(default)]
    pub(super) authorization_list: Option<Vec<JsonAuthorization>>,
    #[serde(deserialize_with = "hex::value")]
    pub(super) sender: Address,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonAccessListItem {
    #[serde(deserialize_with = "hex::value")]
    pub(super) address: Address,
    #[serde(deserialize_with = "hex::list")]
    pub(super) storage_keys: Vec<B256>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonAuthorization {
    #[serde(deserialize_with = "hex::value")]
    pub(super) chain_id: U256,
    #[serde(deserialize_with = "hex::value")]
    pub(super) address: Address,
    #[serde(deserialize_with = "hex::value")]
    pub(super) nonce: u64,
    /// Parity of y: some vintages call it `v`, most have both.
    #[serde(default, deserialize_with = "hex::option")]
    pub(super) y_parity: Option<u8>,
    #[serde(default, deserialize_with = "hex::option")]
    pub(super) v: Option<u8>,
    #[serde(deserialize_with = "hex::value")]
    pub(super) r: U256,
    #[serde(deserialize_with = "hex::value")]
    pub(super) s: U256,
}

/// One transaction under one hardfork, and what has to come of it.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    /// Root of the state afterwards.
    #[serde(deserialize_with = "hex::value")]
    pub(super) hash: B256,
    /// Keccak-256 of the RLP of the logs.
    #[serde(deserialize_with = "hex::value")]
    pub(super) logs: B256,
    pub(super) indexes: Indexes,
    /// The signed transaction, encoded.
    #[serde(default, deserialize_with = "hex::option")]
    pub(super) txbytes: Option<Bytes>,
    /// Why the transaction is invalid, if it is.
    #[serde(default, rename = "expectException")]
    pub(super) exception: Option<String>,
}

/// Which of the test's transactions a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Indexes {
    /// Index into `data` and `accessLists`.
    pub data: usize,
    /// Index into `gasLimit`.
    pub gas: usize,
    /// Index into `value`.
    pub value: usize,
}

/// A number of the transaction, which may be too large for any transaction: that is what some tests are about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar {
    /// A number of at most 256 bits.
    Fits(U256),
    /// A larger one.
    TooLarge,
}

impl FromHex for Scalar {
    const EXPECTED: &'static str = "a quantity as a 0x-string, or as 0x:bigint 0x-string";

    fn from_hex(text: &str) -> Option<Self> {
        let text = text.strip_prefix("0x:bigint ").unwrap_or(text);
        if let Some(value) = U256::from_hex(text) {
            return Some(Self::Fits(value));
        }
        let digits = text.strip_prefix("0x")?;
        let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        valid.then_some(Self::TooLarge)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        hex::value(deserializer)
    }
}

/// The callee, or the empty string for a creation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipient(pub(super) Option<Address>);

impl FromHex for Recipient {
    const EXPECTED: &'static str = "an address of 20 bytes as a 0x-string, or an empty string";

    fn from_hex(text: &str) -> Option<Self> {
        match text {
            "" | "0x" => Some(Self(None)),
            _ => Address::from_hex(text).map(|address| Self(Some(address))),
        }
    }
}

impl<'de> Deserialize<'de> for Recipient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        hex::value(deserializer)
    }
}

fn optional_list<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<B256>>, D::Error> {
    let list: Option<Vec<Hex<B256>>> = Deserialize::deserialize(deserializer)?;
    Ok(list.map(|list| list.into_iter().map(|hash| hash.0).collect()))
}
