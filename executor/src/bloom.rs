//! The bloom filter of a block's logs (yellow paper, section 4.3.1).

use alloy_primitives::{BloomInput, map::B256Set};
use braid_precompiles::Crypto;
use braid_primitives::{B256, Bloom, Receipt};

/// The union of the receipts' filters.
///
/// Addresses and topics repeat a lot within a block, and hashes of different ones do not depend on each other: each is hashed
/// once, and all of them together.
pub(crate) fn logs_bloom(crypto: &impl Crypto, receipts: &[Receipt]) -> Bloom {
    let logs = || receipts.iter().flat_map(|receipt| &receipt.logs);
    let mut seen = B256Set::default();
    let mut inputs: Vec<&[u8]> = Vec::new();
    for log in logs() {
        if seen.insert(log.address.into_word()) {
            inputs.push(log.address.as_slice());
        }
    }
    seen.clear();
    for topic in logs().flat_map(|log| log.topics()) {
        if seen.insert(*topic) {
            inputs.push(topic.as_slice());
        }
    }
    let mut hashes = vec![B256::ZERO; inputs.len()];
    crypto.keccak256_batch(&inputs, &mut hashes);
    let mut bloom = Bloom::ZERO;
    hashes.into_iter().for_each(|hash| bloom.accrue(BloomInput::Hash(hash)));
    bloom
}

#[cfg(test)]
mod tests {
    use braid_precompiles::PortableCrypto;
    use braid_primitives::{Address, Bytes, Log, ReceiptOutcome, TransactionType};

    use super::*;

    #[test]
    fn the_filter_is_the_union_of_the_receipts_filters() {
        let log = |i: u8| {
            let topics = (0..i % 5).map(|topic| B256::with_last_byte(topic * i)).collect();
            Log::new_unchecked(Address::with_last_byte(i % 3), topics, Bytes::new())
        };
        let receipts: Vec<Receipt> = (0..40)
            .map(|i| Receipt {
                tx_type: TransactionType::Legacy,
                outcome: ReceiptOutcome::Status(true),
                cumulative_gas_used: 0,
                logs: (0..i % 4).map(|j| log(i + j)).collect(),
            })
            .collect();
        for count in [0, 1, 2, 40] {
            let receipts = &receipts[..count];
            let union = receipts.iter().fold(Bloom::ZERO, |all, receipt| all | receipt.bloom());
            assert_eq!(logs_bloom(&PortableCrypto::default(), receipts), union, "{count}");
        }
    }
}
