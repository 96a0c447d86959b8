use braid_precompiles::PortableCrypto;
use braid_primitives::{Address, B256, Bytes, LogData, b256};

use super::*;

fn crypto() -> PortableCrypto {
    PortableCrypto::new()
}

#[test]
fn empty_lists_have_the_hashes_that_headers_of_empty_blocks_show() {
    let no_logs = b256!("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    assert_eq!(logs_hash(&[], &crypto()), no_logs);
    // SHA-256 of nothing.
    let no_requests = b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(requests_hash(&Requests::default(), &crypto()), no_requests);
}

#[test]
fn requests_of_nothing_but_a_type_do_not_count() {
    let request = Bytes::from_static(&[1, 2, 3]);
    let only_type = Bytes::from_static(&[0]);
    let with = Requests(vec![only_type, request.clone()]);
    let without = Requests(vec![request.clone()]);
    assert_eq!(requests_hash(&with, &crypto()), requests_hash(&without, &crypto()));
    let expected = crypto().sha256(crypto().sha256(&request).as_slice());
    assert_eq!(requests_hash(&without, &crypto()), expected);
}

#[test]
fn logs_are_hashed_as_a_list_of_address_topics_and_data() {
    let topics = vec![B256::repeat_byte(2)];
    let data = LogData::new_unchecked(topics, Bytes::from_static(&[0x2a]));
    let log = Log { address: Address::repeat_byte(1), data };
    let mut encoded = vec![0xf8, 0x3a, 0xf8, 0x38, 0x94];
    encoded.extend([1; 20]);
    encoded.extend([0xe1, 0xa0]);
    encoded.extend([2; 32]);
    encoded.push(0x2a);
    assert_eq!(logs_hash(&[log], &crypto()), crypto().keccak256(&encoded));
}
