//! What tries hold: accounts, storage words, or plain bytes.

use alloy_primitives::{B256, Bytes, U256};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};
use braid_primitives::AccountInfo;

use crate::{nibbles::Nibbles, roots::EMPTY_ROOT};

/// What a trie holds at a key.
pub trait Value: Clone + PartialEq {
    /// Number of nibbles of every key, or `None` where keys differ in length.
    const KEY_NIBBLES: Option<usize>;

    /// What an encoding that [`Self::decode_value`] refuses should have been.
    const EXPECTED: &'static str;

    /// Whether the value stands for absence: no trie holds it.
    fn is_absent(&self) -> bool;

    /// Appends the encoding, which is not empty.
    fn encode_value(&self, out: &mut Vec<u8>);

    /// Reads an encoding back; `None` where it is none.
    fn decode_value(bytes: &[u8]) -> Option<Self>;
}

/// Bytes as they are, under keys of any length up to 32 bytes. Empty ones stand for absence.
impl Value for Bytes {
    const KEY_NIBBLES: Option<usize> = None;
    const EXPECTED: &'static str = "a string of at least one byte";

    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn encode_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn decode_value(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty()).then(|| Self::copy_from_slice(bytes))
    }
}

/// A storage word. Zero stands for absence.
impl Value for U256 {
    const KEY_NIBBLES: Option<usize> = Some(Nibbles::MAX);
    const EXPECTED: &'static str = "the RLP of a word other than zero";

    fn is_absent(&self) -> bool {
        self.is_zero()
    }

    fn encode_value(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }

    fn decode_value(mut bytes: &[u8]) -> Option<Self> {
        let word = <Self as Decodable>::decode(&mut bytes).ok()?;
        (bytes.is_empty() && !word.is_zero()).then_some(word)
    }
}

/// An account as the state trie holds it (yellow paper, section 4.1): the RLP list of these fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct TrieAccount {
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// Balance in wei.
    pub balance: U256,
    /// Root of the account's storage trie.
    pub storage_root: B256,
    /// Keccak-256 of the code.
    pub code_hash: B256,
}

impl TrieAccount {
    /// An account with this storage.
    pub const fn new(info: &AccountInfo, storage_root: B256) -> Self {
        let AccountInfo { nonce, balance, code_hash } = *info;
        Self { nonce, balance, storage_root, code_hash }
    }

    /// The account without its storage.
    pub const fn info(&self) -> AccountInfo {
        AccountInfo { nonce: self.nonce, balance: self.balance, code_hash: self.code_hash }
    }

    /// Whether the account has a slot other than zero.
    pub fn has_storage(&self) -> bool {
        self.storage_root != EMPTY_ROOT
    }
}

impl Value for TrieAccount {
    const KEY_NIBBLES: Option<usize> = Some(Nibbles::MAX);
    const EXPECTED: &'static str = "the RLP list of nonce, balance, storage root and code hash";

    fn is_absent(&self) -> bool {
        false
    }

    fn encode_value(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }

    fn decode_value(mut bytes: &[u8]) -> Option<Self> {
        let account = <Self as Decodable>::decode(&mut bytes).ok()?;
        bytes.is_empty().then_some(account)
    }
}
