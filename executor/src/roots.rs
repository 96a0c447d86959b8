//! The roots and hashes by which a block header commits to lists.

use braid_precompiles::Crypto;
use braid_primitives::{B256, Log, Receipt, Requests, Withdrawal};

use crate::merkle::sorted_root;

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
        |bytes| crypto.keccak256(bytes),
        sorted.map(|index| (alloy_rlp::encode_fixed_size(&(index as u64)), &items[index])),
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

/// Hash of the execution-layer requests of a block (EIP-7685): SHA-256 of the SHA-256 hashes, one after the other. Requests
/// of nothing but a type do not count.
pub fn requests_hash(requests: &Requests, crypto: &impl Crypto) -> B256 {
    let hashes = requests.0.iter().filter(|request| request.len() > 1);
    let hashes: Vec<u8> = hashes.flat_map(|request| crypto.sha256(request).0).collect();
    crypto.sha256(&hashes)
}

/// Keccak-256 of the RLP list of logs: what state tests compare.
pub fn logs_hash(logs: &[Log], crypto: &impl Crypto) -> B256 {
    let mut encoded = Vec::new();
    alloy_rlp::encode_list(logs, &mut encoded);
    crypto.keccak256(&encoded)
}

#[cfg(test)]
mod tests;
