//! The bloom filter of a block's logs (yellow paper, section 4.3.1).

use alloy_primitives::BloomInput;
use braid_precompiles::Crypto;
use braid_primitives::{B256, Bloom, Log};

use crate::spread;

/// Inputs that are hashed together.
const TOGETHER: usize = 128;

/// Places where inputs that were hashed lately are looked up: a power of two.
const PLACES: usize = 512;

/// Gathers the inputs of a filter.
///
/// Addresses and topics repeat a lot within a block, and hashes of different ones do not depend on each other: what was not
/// seen lately is hashed, many at once. That costs less than to remember all that was seen.
struct Filter<'r, 'c, C> {
    crypto: &'c C,
    seen: Box<[Option<&'r [u8]>; PLACES]>,
    inputs: Vec<&'r [u8]>,
    bloom: Bloom,
}

impl<'r, C: Crypto> Filter<'r, '_, C> {
    fn add(&mut self, input: &'r [u8]) {
        let (words, _) = input.as_chunks::<4>();
        let bits = words
            .iter()
            .fold(0, |all: u64, word| all.rotate_left(13) ^ u64::from(u32::from_le_bytes(*word)));
        let seen = &mut self.seen[spread::place(bits, PLACES)];
        if *seen != Some(input) {
            *seen = Some(input);
            self.inputs.push(input);
            if self.inputs.len() == TOGETHER {
                self.hash();
            }
        }
    }

    fn hash(&mut self) {
        let mut hashes = [B256::ZERO; TOGETHER];
        let hashes = &mut hashes[..self.inputs.len()];
        self.crypto.keccak256_batch(&self.inputs, hashes);
        hashes.iter().for_each(|hash| self.bloom.accrue(BloomInput::Hash(*hash)));
        self.inputs.clear();
    }
}

/// The union of the logs' filters.
pub(crate) fn logs_bloom<'r>(
    crypto: &impl Crypto,
    logs: impl IntoIterator<Item = &'r Log>,
) -> Bloom {
    let mut filter = Filter {
        crypto,
        seen: Box::new([None; PLACES]),
        inputs: Vec::with_capacity(TOGETHER),
        bloom: Bloom::ZERO,
    };
    for log in logs {
        filter.add(log.address.as_slice());
        log.topics().iter().for_each(|topic| filter.add(topic.as_slice()));
    }
    filter.hash();
    filter.bloom
}

#[cfg(test)]
mod tests {
    use braid_precompiles::PortableCrypto;
    use braid_primitives::{Address, Bytes, Receipt, ReceiptOutcome, TransactionType, U256};

    use super::*;

    #[test]
    fn the_filter_is_the_union_of_the_receipts_filters() {
        let log = |i: u16| {
            let topics = (0..i % 5).map(|topic| B256::from(U256::from(topic * i))).collect();
            Log::new_unchecked(Address::with_last_byte(i as u8 % 3), topics, Bytes::new())
        };
        let receipts: Vec<Receipt> = (0..400_u16)
            .map(|i| Receipt {
                tx_type: TransactionType::Legacy,
                outcome: ReceiptOutcome::Status(true),
                cumulative_gas_used: 0,
                logs: (0..i % 4).map(|j| log(i + j)).collect(),
            })
            .collect();
        for count in [0, 1, 2, 40, 400] {
            let receipts = &receipts[..count];
            let union = receipts.iter().fold(Bloom::ZERO, |all, receipt| all | receipt.bloom());
            let logs = receipts.iter().flat_map(|receipt| &receipt.logs);
            assert_eq!(logs_bloom(&PortableCrypto::default(), logs), union, "{count}");
        }
    }
}
