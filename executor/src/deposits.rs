//! Validator deposits as execution-layer requests (EIP-6110).

use braid_primitives::{Address, B256, Receipt, U256, b256};

use crate::error::InvalidBlock;

/// Type byte of deposit requests (EIP-7685).
pub const DEPOSIT_REQUEST_TYPE: u8 = 0x00;

/// First topic of the deposit contract's event: `DepositEvent(bytes,bytes,bytes,bytes,bytes)`.
pub const DEPOSIT_EVENT_TOPIC: B256 =
    b256!("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5");

/// Bytes of one request: public key, withdrawal credentials, amount, signature, index.
pub const DEPOSIT_REQUEST_BYTES: usize = 48 + 32 + 8 + 96 + 8;

/// Length of the event's data, which the ABI fixes: five offsets, and for each field its size and the padded field.
const EVENT_DATA_BYTES: usize = 576;
const WORD_BYTES: usize = 32;

/// Where the ABI puts a field of the event, and what to say where an event differs.
struct Field {
    /// Offset of the word with the size; the field follows.
    offset: usize,
    size: usize,
    wrong_offset: &'static str,
    wrong_size: &'static str,
}

const FIELDS: [Field; 5] = [
    Field {
        offset: 160,
        size: 48,
        wrong_offset: "offset of the public key is not 160",
        wrong_size: "size of the public key is not 48",
    },
    Field {
        offset: 256,
        size: 32,
        wrong_offset: "offset of the withdrawal credentials is not 256",
        wrong_size: "size of the withdrawal credentials is not 32",
    },
    Field {
        offset: 320,
        size: 8,
        wrong_offset: "offset of the amount is not 320",
        wrong_size: "size of the amount is not 8",
    },
    Field {
        offset: 384,
        size: 96,
        wrong_offset: "offset of the signature is not 384",
        wrong_size: "size of the signature is not 96",
    },
    Field {
        offset: 512,
        size: 8,
        wrong_offset: "offset of the index is not 512",
        wrong_size: "size of the index is not 8",
    },
];

/// The deposit requests of a block, one after the other in order of their logs, without the type byte; empty if there were
/// no deposits. Other events of the contract are left out.
///
/// # Errors
/// [`InvalidBlock::MalformedDeposit`] for a deposit event whose data the contract's ABI does not allow.
pub fn deposit_requests(
    receipts: &[Receipt],
    deposit_contract: Address,
) -> Result<Vec<u8>, InvalidBlock> {
    let mut requests = Vec::new();
    for (tx_index, receipt) in receipts.iter().enumerate() {
        for (log_index, log) in receipt.logs.iter().enumerate() {
            let is_deposit = log.address == deposit_contract
                && log.data.topics().first() == Some(&DEPOSIT_EVENT_TOPIC);
            if is_deposit {
                append_request(&mut requests, &log.data.data).map_err(|reason| {
                    InvalidBlock::MalformedDeposit { tx_index, log_index, reason }
                })?;
            }
        }
    }
    Ok(requests)
}

/// Appends the fields of one event, or says which rule its data breaks. Padding may hold anything.
fn append_request(requests: &mut Vec<u8>, data: &[u8]) -> Result<(), &'static str> {
    if data.len() != EVENT_DATA_BYTES {
        return Err("data is not 576 bytes long");
    }
    let word_is = |at: usize, expected: usize| {
        U256::from_be_slice(&data[at..at + WORD_BYTES]) == U256::from(expected)
    };
    for (index, field) in FIELDS.iter().enumerate() {
        if !word_is(index * WORD_BYTES, field.offset) {
            return Err(field.wrong_offset);
        }
        if !word_is(field.offset, field.size) {
            return Err(field.wrong_size);
        }
        let start = field.offset + WORD_BYTES;
        requests.extend_from_slice(&data[start..start + field.size]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use braid_primitives::{Bytes, Log, LogData, ReceiptOutcome, TransactionType};

    use super::*;

    const CONTRACT: Address = Address::repeat_byte(0xde);

    /// Event data as the ABI has it, the bytes of field `i` being `i + 1`.
    fn event() -> Vec<u8> {
        let mut data = Vec::new();
        for field in &FIELDS {
            data.extend(U256::from(field.offset).to_be_bytes::<32>());
        }
        for (i, field) in (1..).zip(&FIELDS) {
            data.extend(U256::from(field.size).to_be_bytes::<32>());
            data.extend(vec![i; field.size]);
            data.resize(data.len().next_multiple_of(WORD_BYTES), 0);
        }
        assert_eq!(data.len(), EVENT_DATA_BYTES);
        data
    }

    fn request() -> Vec<u8> {
        let request = [vec![1; 48], vec![2; 32], vec![3; 8], vec![4; 96], vec![5; 8]].concat();
        assert_eq!(request.len(), DEPOSIT_REQUEST_BYTES);
        request
    }

    fn log(address: Address, topics: &[B256], data: Vec<u8>) -> Log {
        Log { address, data: LogData::new_unchecked(topics.to_vec(), data.into()) }
    }

    fn deposit(data: Vec<u8>) -> Log {
        log(CONTRACT, &[DEPOSIT_EVENT_TOPIC], data)
    }

    fn receipt(logs: Vec<Log>) -> Receipt {
        Receipt {
            tx_type: TransactionType::Legacy,
            outcome: ReceiptOutcome::Status(true),
            cumulative_gas_used: 0,
            logs,
        }
    }

    fn reason(data: Vec<u8>) -> &'static str {
        match deposit_requests(&[receipt(vec![deposit(data)])], CONTRACT) {
            Err(InvalidBlock::MalformedDeposit { reason, .. }) => reason,
            other => panic!("expected a malformed deposit, got {other:?}"),
        }
    }

    #[test]
    fn the_topic_is_the_hash_of_the_event() {
        let signature = "DepositEvent(bytes,bytes,bytes,bytes,bytes)";
        assert_eq!(DEPOSIT_EVENT_TOPIC, alloy_primitives::keccak256(signature));
    }

    #[test]
    fn requests_follow_the_order_of_the_logs() {
        let mut second = event();
        second[192..240].fill(0xaa);
        let receipts = [
            receipt(vec![deposit(event())]),
            receipt(vec![]),
            receipt(vec![deposit(second), deposit(event())]),
        ];
        let mut changed = request();
        changed[..48].fill(0xaa);
        assert_eq!(
            deposit_requests(&receipts, CONTRACT),
            Ok([request(), changed, request()].concat())
        );
    }

    #[test]
    fn other_contracts_and_other_events_are_ignored() {
        let other_contract = log(Address::ZERO, &[DEPOSIT_EVENT_TOPIC], event());
        let other_event = log(CONTRACT, &[B256::ZERO], vec![1]);
        let later_topic = log(CONTRACT, &[B256::ZERO, DEPOSIT_EVENT_TOPIC], event());
        let anonymous = log(CONTRACT, &[], event());
        let receipts = [receipt(vec![other_contract, other_event, later_topic, anonymous])];
        assert_eq!(deposit_requests(&receipts, CONTRACT), Ok(vec![]));
    }

    #[test]
    fn more_topics_do_not_matter() {
        let indexed = log(CONTRACT, &[DEPOSIT_EVENT_TOPIC, B256::ZERO], event());
        assert_eq!(deposit_requests(&[receipt(vec![indexed])], CONTRACT), Ok(request()));
    }

    #[test]
    fn every_offset_and_size_is_checked_in_all_its_bytes() {
        for (index, field) in FIELDS.iter().enumerate() {
            for byte in 0..WORD_BYTES {
                let mut data = event();
                data[index * WORD_BYTES + byte] ^= 0x40;
                assert_eq!(reason(data), field.wrong_offset);
                let mut data = event();
                data[field.offset + byte] ^= 0x40;
                assert_eq!(reason(data), field.wrong_size);
            }
        }
    }

    #[test]
    fn padding_is_not_checked() {
        let mut data = event();
        for padding in [240..256, 360..384, 552..576] {
            data[padding].fill(0xff);
        }
        let receipts = [receipt(vec![deposit(data)])];
        assert_eq!(deposit_requests(&receipts, CONTRACT), Ok(request()));
    }

    #[test]
    fn data_of_any_other_length_is_refused_where_it_stands() {
        for length in [0, 1, 575, 577, 608] {
            let mut data = event();
            data.resize(length, 0);
            assert_eq!(reason(data), "data is not 576 bytes long");
        }
        let unrelated = log(Address::ZERO, &[], Vec::new());
        let malformed = deposit(Bytes::new().into());
        let receipts = [receipt(vec![]), receipt(vec![unrelated, malformed])];
        let expected = InvalidBlock::MalformedDeposit {
            tx_index: 1,
            log_index: 1,
            reason: "data is not 576 bytes long",
        };
        assert_eq!(deposit_requests(&receipts, CONTRACT), Err(expected));
    }
}
