//! Roots of lists whose items are known as a whole: no trie is built.

mod sorted;
#[cfg(test)]
mod tests;

use alloy_primitives::{B256, b256};
use braid_precompiles::Crypto;
use braid_primitives::{Receipt, Withdrawal};

pub use sorted::sorted_root;

/// The root of the trie without leaves: the hash of the empty RLP string.
pub const EMPTY_ROOT: B256 =
    b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// Root of the trie that maps the RLP of each index to the item there (yellow paper, section 4.3.2): the transactions root
/// where the items are EIP-2718 encodings of transactions.
///
/// No item may be empty.
pub fn ordered_root<T: AsRef<[u8]>>(items: &[T], crypto: &impl Crypto) -> B256 {
    // Index 0 is the byte 0x80, so it sorts after 1..=0x7f, each its own encoding, and before 0x81 0x80.
    let count = items.len();
    let below_zero = 1..count.min(0x80);
    let above_zero = 0x80..count;
    let sorted = below_zero.chain(0..count.min(1)).chain(above_zero);
    sorted_root(
        sorted.map(|index| (alloy_rlp::encode_fixed_size(&(index as u64)), &items[index])),
        crypto,
    )
}

/// Root of the receipts of a block, or `None` if a receipt from before Byzantium lacks its state root.
pub fn receipts_root(receipts: &[Receipt], crypto: &impl Crypto) -> Option<B256> {
    let encoded: Option<Vec<_>> =
        receipts.iter().map(|receipt| receipt.encode_2718(&receipt.bloom())).collect();
    encoded.map(|items| ordered_root(&items, crypto))
}

/// Root of the withdrawals of a block (EIP-4895).
pub fn withdrawals_root(withdrawals: &[Withdrawal], crypto: &impl Crypto) -> B256 {
    let encoded: Vec<_> = withdrawals.iter().map(alloy_rlp::encode).collect();
    ordered_root(&encoded, crypto)
}
