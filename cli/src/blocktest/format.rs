//! The files of Blockchain Tests: `{name: {network, genesisBlockHeader, pre, blocks, ...}}`.

use std::fmt;

use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256};
use braid_primitives::{Header, SealedHeader};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use crate::{
    hex::{self, Hex},
    test_file::{Config, JsonAccount, pairs},
};

/// A test: a state, blocks to import on it, and the head and state that they have to lead to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Test {
    /// Hardfork, or two and where the rules change from one to the other.
    pub(super) network: String,
    pub(super) genesis_block_header: JsonHeader,
    /// The genesis block, encoded.
    #[serde(default, rename = "genesisRLP", deserialize_with = "hex::option")]
    pub(super) genesis_rlp: Option<Bytes>,
    #[serde(deserialize_with = "pairs")]
    pub(super) pre: Vec<(Hex<Address>, JsonAccount)>,
    pub(super) blocks: Vec<TestBlock>,
    /// Hash of the head in the end.
    #[serde(rename = "lastblockhash", deserialize_with = "hex::value")]
    pub(super) last_block_hash: B256,
    #[serde(default)]
    pub(super) post_state: Option<Accounts>,
    /// Root of the state in the end, where it is too large to be listed.
    #[serde(default, deserialize_with = "hex::option")]
    pub(super) post_state_hash: Option<B256>,
    #[serde(default)]
    pub(super) seal_engine: SealEngine,
    #[serde(default)]
    pub(super) config: Config,
}

/// A whole state.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Accounts(
    #[serde(deserialize_with = "pairs")] pub(super) Vec<(Hex<Address>, JsonAccount)>,
);

/// Whether blocks of proof of work carry one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum SealEngine {
    /// They do not.
    #[default]
    NoProof,
    /// They do.
    Ethash,
}

/// A header, and the hash that it has to have.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsonHeader {
    #[serde(deserialize_with = "hex::value")]
    hash: B256,
    #[serde(deserialize_with = "hex::value")]
    parent_hash: B256,
    #[serde(deserialize_with = "hex::value")]
    uncle_hash: B256,
    #[serde(deserialize_with = "hex::value")]
    coinbase: Address,
    #[serde(deserialize_with = "hex::value")]
    state_root: B256,
    #[serde(deserialize_with = "hex::value")]
    transactions_trie: B256,
    #[serde(deserialize_with = "hex::value")]
    receipt_trie: B256,
    #[serde(deserialize_with = "hex::value")]
    bloom: Bloom,
    #[serde(deserialize_with = "hex::value")]
    difficulty: U256,
    #[serde(deserialize_with = "hex::value")]
    number: u64,
    #[serde(deserialize_with = "hex::value")]
    gas_limit: u64,
    #[serde(deserialize_with = "hex::value")]
    gas_used: u64,
    #[serde(deserialize_with = "hex::value")]
    timestamp: u64,
    #[serde(deserialize_with = "hex::value")]
    extra_data: Bytes,
    #[serde(deserialize_with = "hex::value")]
    mix_hash: B256,
    #[serde(deserialize_with = "hex::value")]
    nonce: B64,
    #[serde(default, deserialize_with = "hex::option")]
    base_fee_per_gas: Option<u64>,
    #[serde(default, deserialize_with = "hex::option")]
    withdrawals_root: Option<B256>,
    #[serde(default, deserialize_with = "hex::option")]
    blob_gas_used: Option<u64>,
    #[serde(default, deserialize_with = "hex::option")]
    excess_blob_gas: Option<u64>,
    #[serde(default, deserialize_with = "hex::option")]
    parent_beacon_block_root: Option<B256>,
    #[serde(default, deserialize_with = "hex::option")]
    requests_hash: Option<B256>,
}

impl JsonHeader {
    /// The header with the hash that it is said to have.
    pub(super) fn sealed(&self) -> SealedHeader {
        let header = Header {
            parent_hash: self.parent_hash,
            ommers_hash: self.uncle_hash,
            beneficiary: self.coinbase,
            state_root: self.state_root,
            transactions_root: self.transactions_trie,
            receipts_root: self.receipt_trie,
            logs_bloom: self.bloom,
            difficulty: self.difficulty,
            number: self.number,
            gas_limit: self.gas_limit,
            gas_used: self.gas_used,
            timestamp: self.timestamp,
            extra_data: self.extra_data.clone(),
            mix_hash: self.mix_hash,
            nonce: self.nonce,
            base_fee_per_gas: self.base_fee_per_gas,
            withdrawals_root: self.withdrawals_root,
            blob_gas_used: self.blob_gas_used,
            excess_blob_gas: self.excess_blob_gas,
            parent_beacon_block_root: self.parent_beacon_block_root,
            requests_hash: self.requests_hash,
        };
        SealedHeader { hash: self.hash, header }
    }
}

/// A block to import.
#[derive(Debug)]
pub(super) struct TestBlock {
    /// The block, encoded, or what is said to be one.
    pub(super) rlp: Bytes,
    /// Its hash, unless it is invalid.
    pub(super) hash: Option<B256>,
    /// Why it is invalid, by the network that this holds for.
    exceptions: Vec<(For, String)>,
}

/// The networks that an exception holds for.
#[derive(Debug)]
enum For {
    All,
    Network(String),
}

/// What has to become of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate<'a> {
    /// It has to be imported.
    Valid,
    /// It has to be rejected.
    Invalid,
    /// It has to be rejected for this reason.
    InvalidFor(&'a str),
}

impl TestBlock {
    /// What has to become of the block on this network. Old tests mark an invalid block by leaving out its decoded form.
    pub(super) fn fate(&self, network: &str) -> Fate<'_> {
        let own =
            |(scope, _): &&(For, String)| matches!(scope, For::Network(name) if name == network);
        let all = |(scope, _): &&(For, String)| matches!(scope, For::All);
        let found = self.exceptions.iter().find(own).or_else(|| self.exceptions.iter().find(all));
        match (found, self.hash) {
            (Some((_, exception)), _) => Fate::InvalidFor(exception),
            (None, None) => Fate::Invalid,
            (None, Some(_)) => Fate::Valid,
        }
    }
}

/// Prefix of the keys for exceptions; a network may follow, or `ALL`.
const EXCEPTION_KEY: &str = "expectException";

impl<'de> Deserialize<'de> for TestBlock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BlockVisitor;

        /// The part of a decoded block that is looked at.
        #[derive(Deserialize)]
        struct HashOnly {
            #[serde(deserialize_with = "hex::value")]
            hash: B256,
        }

        impl<'de> Visitor<'de> for BlockVisitor {
            type Value = TestBlock;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TestBlock, A::Error> {
                let (mut rlp, mut hash, mut exceptions) = (None, None, Vec::new());
                while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    match key.as_ref() {
                        "rlp" => rlp = Some(map.next_value::<Hex<Bytes>>()?.0),
                        "blockHeader" => {
                            hash = map.next_value::<Option<HashOnly>>()?.map(|header| header.hash);
                        }
                        key => match key.strip_prefix(EXCEPTION_KEY) {
                            Some("" | "ALL") => exceptions.push((For::All, map.next_value()?)),
                            Some(network) => {
                                let scope = For::Network(network.to_owned());
                                exceptions.push((scope, map.next_value()?));
                            }
                            None => drop(map.next_value::<IgnoredAny>()?),
                        },
                    }
                }
                let rlp = rlp.ok_or_else(|| serde::de::Error::missing_field("rlp"))?;
                Ok(TestBlock { rlp, hash, exceptions })
            }
        }
        deserializer.deserialize_map(BlockVisitor)
    }
}
