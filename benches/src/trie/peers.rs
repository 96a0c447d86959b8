//! The tries of others.
//!
//! | peer | from scratch | incremental |
//! |---|---|---|
//! | alloy-trie | its hash builder | none |
//! | ethrex-trie | its builder of sorted leaves; its trie | its trie |
//! | eth_trie | its trie | its trie |
//! | triehash | its function | none |
//!
//! Keccak is assembly in all of them but eth_trie, which brings tiny-keccak and takes no other.

mod builders;
mod eth_trie;
mod ethrex;

pub use builders::{alloy_root, triehash_root};
pub use eth_trie::{EthTrieState, eth_trie_root};
pub use ethrex::{EthrexState, ethrex_sorted_root, ethrex_trie_root};

use alloy_trie::TrieAccount;
use braid_primitives::{AccountInfo, B256};

/// Sorted leaves of a trie: hashed keys and encoded values.
pub type Leaves = [(B256, Vec<u8>)];

/// The leaf of an account.
fn account_leaf(info: &AccountInfo, storage_root: B256) -> Vec<u8> {
    let AccountInfo { nonce, balance, code_hash } = *info;
    alloy_rlp::encode(TrieAccount { nonce, balance, storage_root, code_hash })
}
