//! Receipts and their consensus encoding.

use alloy_primitives::{B256, Bloom, Bytes, Log};
use alloy_rlp::{BufMut, Encodable, Header};

use crate::TransactionType;

/// The first field of a receipt, whose meaning changed with Byzantium (EIP-658).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptOutcome {
    /// Whether the transaction succeeded; from Byzantium on.
    Status(bool),
    /// The state root after the transaction; before Byzantium. `None` where nobody computed it yet: such a receipt has no
    /// encoding.
    StateRoot(Option<B256>),
}

/// The receipt of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Envelope type of the transaction.
    pub tx_type: TransactionType,
    /// Status or state root.
    pub outcome: ReceiptOutcome,
    /// Gas used in the block up to and including this transaction, refunds deducted.
    pub cumulative_gas_used: u64,
    /// Logs in order of emission; empty unless the transaction succeeded.
    pub logs: Vec<Log>,
}

impl Receipt {
    /// The bloom filter over the addresses and topics of the logs (yellow paper, section 4.3.1).
    pub fn bloom(&self) -> Bloom {
        let mut bloom = Bloom::ZERO;
        for log in &self.logs {
            bloom.accrue_log(log);
        }
        bloom
    }

    /// The consensus encoding (EIP-2718: the type byte, unless legacy, then the RLP list), as the receipts trie holds it.
    ///
    /// `bloom` is passed in because callers need it for the block's filter too. Returns `None` for a receipt from before
    /// Byzantium whose state root is not known.
    pub fn encode_2718(&self, bloom: &Bloom) -> Option<Bytes> {
        let mut outcome = Vec::with_capacity(33);
        match self.outcome {
            ReceiptOutcome::Status(success) => success.encode(&mut outcome),
            ReceiptOutcome::StateRoot(root) => root?.encode(&mut outcome),
        }
        let payload_length = outcome.len()
            + self.cumulative_gas_used.length()
            + bloom.length()
            + alloy_rlp::list_length(&self.logs);
        let mut out = Vec::with_capacity(payload_length + 10);
        if self.tx_type != TransactionType::Legacy {
            out.put_u8(self.tx_type as u8);
        }
        Header { list: true, payload_length }.encode(&mut out);
        out.extend_from_slice(&outcome);
        self.cumulative_gas_used.encode(&mut out);
        bloom.encode(&mut out);
        alloy_rlp::encode_list(&self.logs, &mut out);
        Some(out.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(tx_type: TransactionType, outcome: ReceiptOutcome) -> Receipt {
        Receipt { tx_type, outcome, cumulative_gas_used: 21_000, logs: Vec::new() }
    }

    #[test]
    fn a_typed_receipt_starts_with_its_type_and_a_legacy_one_with_the_list() {
        let ok = ReceiptOutcome::Status(true);
        let legacy = receipt(TransactionType::Legacy, ok).encode_2718(&Bloom::ZERO).unwrap();
        let blob = receipt(TransactionType::Blob, ok).encode_2718(&Bloom::ZERO).unwrap();
        // list header (3 bytes), 0x01, 0x82 0x52 0x08, bloom (3 + 256), empty list
        assert_eq!(legacy.len(), 3 + 1 + 3 + 259 + 1);
        assert_eq!(legacy[..7], [0xf9, 0x01, 0x08, 0x01, 0x82, 0x52, 0x08]);
        assert_eq!(blob[0], 3);
        assert_eq!(blob[1..], legacy[..]);
    }

    #[test]
    fn a_receipt_without_its_state_root_has_no_encoding() {
        let unknown = receipt(TransactionType::Legacy, ReceiptOutcome::StateRoot(None));
        assert_eq!(unknown.encode_2718(&Bloom::ZERO), None);
        let known = receipt(TransactionType::Legacy, ReceiptOutcome::StateRoot(Some(B256::ZERO)));
        assert_eq!(known.encode_2718(&Bloom::ZERO).unwrap().len(), 3 + 33 + 3 + 259 + 1);
    }
}
