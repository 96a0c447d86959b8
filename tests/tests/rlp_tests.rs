//! The RLP tests: encodings that are valid, with what they stand for, and those that nothing may accept.

use alloy_primitives::{Bytes, U512};
use alloy_rlp::{BufMut, Encodable, Header};
use braid_executor::codec::{RawBlock, decode_header, decode_transaction};
use braid_precompiles::DefaultCrypto;
use braid_primitives::Hardfork;
use braid_tests::corpus::{corpus, files_below, named_values, parse};
use serde_json::Value;

#[test]
fn every_encoding_is_valid_or_not_as_its_test_says() {
    let Some(folder) = corpus("rlp", "the RLP tests") else { return };
    let mut failures = Vec::new();
    let (mut with_value, mut valid, mut invalid) = (0, 0, 0);
    for (name, test) in files_below(&folder, ".json").iter().flat_map(|file| named_values(file)) {
        let encoding: Bytes = parse(&test["out"]);
        let result = match test["in"].as_str() {
            Some("INVALID") => {
                invalid += 1;
                check_invalid(&encoding)
            }
            Some("VALID") => {
                valid += 1;
                check_valid(&encoding, None)
            }
            _ => {
                with_value += 1;
                check_valid(&encoding, Some(Item::of(&test["in"])))
            }
        };
        failures.extend(result.err().map(|difference| format!("{name}: {difference}")));
    }
    eprintln!(
        "{} RLP tests: {with_value} with a value, {valid} valid, {invalid} invalid; {} failed",
        with_value + valid + invalid,
        failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!((with_value, valid, invalid), (20, 1, 25), "tests of the corpus");
}

/// Any RLP item.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    String(Vec<u8>),
    List(Vec<Self>),
}

impl Item {
    /// What a test says: a list, a string, a number, or a large number as a string of digits after `#`.
    fn of(value: &Value) -> Self {
        if let Some(list) = value.as_array() {
            return Self::List(list.iter().map(Self::of).collect());
        }
        let number = match value.as_str() {
            Some(text) => text.strip_prefix('#').map(str::to_owned),
            None => Some(value.to_string()),
        };
        match (number, value.as_str()) {
            // 256 bits do not suffice.
            (Some(digits), _) => Self::String(bytes_of_number(&digits)),
            (None, text) => Self::String(text.unwrap_or_default().as_bytes().to_vec()),
        }
    }

    /// Takes the item that `bytes` begin with, like the decoders of the project: alloy-rlp reads the headers.
    fn take(bytes: &mut &[u8]) -> alloy_rlp::Result<Self> {
        let header = Header::decode(bytes)?;
        let (mut payload, rest) =
            bytes.split_at_checked(header.payload_length).ok_or(alloy_rlp::Error::InputTooShort)?;
        *bytes = rest;
        if !header.list {
            return Ok(Self::String(payload.to_vec()));
        }
        let mut items = Vec::new();
        while !payload.is_empty() {
            items.push(Self::take(&mut payload)?);
        }
        Ok(Self::List(items))
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, String> {
        let item = Self::take(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.is_empty() { Ok(item) } else { Err(format!("{} bytes after it", bytes.len())) }
    }
}

impl Encodable for Item {
    fn encode(&self, out: &mut dyn BufMut) {
        match self {
            Self::String(bytes) => bytes.as_slice().encode(out),
            Self::List(items) => alloy_rlp::encode_list(items, out),
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::String(bytes) => bytes.as_slice().length(),
            Self::List(items) => alloy_rlp::list_length(items),
        }
    }
}

/// Big-endian bytes, without zeros in front, of a number of at most 512 bits.
fn bytes_of_number(digits: &str) -> Vec<u8> {
    let number: U512 = digits.parse().unwrap_or_else(|error| panic!("{digits}: {error}"));
    number.to_be_bytes_trimmed_vec()
}

fn check_valid(encoding: &[u8], expected: Option<Item>) -> Result<(), String> {
    let item = Item::decode(encoding)?;
    if let Some(expected) = expected.filter(|expected| *expected != item) {
        return Err(format!("expected {expected:?}, found {item:?}"));
    }
    let again = alloy_rlp::encode(&item);
    if again == encoding {
        return Ok(());
    }
    Err(format!("{item:?} is encoded as {}", Bytes::from(again)))
}

/// No decoder accepts it, the project's own included.
fn check_invalid(encoding: &[u8]) -> Result<(), String> {
    if let Ok(item) = Item::decode(encoding) {
        return Err(format!("decoded as {item:?}"));
    }
    let crypto = DefaultCrypto::new();
    let accepted = [
        ("header", decode_header(encoding).is_ok()),
        ("block", RawBlock::decode(encoding).is_ok()),
        ("transaction", decode_transaction(encoding, Hardfork::Osaka, 1, &crypto).is_ok()),
    ];
    match accepted.iter().find(|(_, is_ok)| *is_ok) {
        Some((what, _)) => Err(format!("decoded as a {what}")),
        None => Ok(()),
    }
}
