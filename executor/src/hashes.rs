//! Hashes of lists that are not tries.

use braid_precompiles::Crypto;
use braid_primitives::{B256, Log, Requests};

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
