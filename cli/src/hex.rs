//! Numbers and bytes written as 0x-hexadecimal strings, for `#[serde(deserialize_with)]`.
//!
//! Quantities may be padded with zeros and need not have an even number of digits: both occur in fixtures. Fixed-size byte
//! strings must have their exact length. Nothing is allocated except for [`Bytes`].

use std::{fmt, marker::PhantomData};

use alloy_primitives::{Address, B64, B256, Bloom, Bytes, FixedBytes, U256, hex};
use serde::{
    Deserializer,
    de::{self, Visitor},
};

/// A type that reads itself from a 0x-hexadecimal string.
pub trait FromHex: Sized {
    /// What an error says was expected.
    const EXPECTED: &'static str;

    /// Reads the whole string; `None` if it is not one of this type.
    fn from_hex(text: &str) -> Option<Self>;
}

/// The digits after `0x`, of which there is at least one, without leading zeros.
fn digits(text: &str) -> Option<&[u8]> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    if digits.is_empty() {
        return None;
    }
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    Some(&digits[zeros..])
}

/// The value of one hexadecimal digit.
const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Up to sixteen digits as a number.
fn limb(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| Some((value << 4) | u64::from(nibble(*digit)?)))
}

impl FromHex for u64 {
    const EXPECTED: &'static str = "a quantity of at most 64 bits as a 0x-string";

    fn from_hex(text: &str) -> Option<Self> {
        digits(text).filter(|digits| digits.len() <= 16).and_then(limb)
    }
}

impl FromHex for u128 {
    const EXPECTED: &'static str = "a quantity of at most 128 bits as a 0x-string";

    fn from_hex(text: &str) -> Option<Self> {
        let digits = digits(text).filter(|digits| digits.len() <= 32)?;
        let (high, low) = digits.split_at(digits.len().saturating_sub(16));
        Some((Self::from(limb(high)?) << 64) | Self::from(limb(low)?))
    }
}

impl FromHex for U256 {
    const EXPECTED: &'static str = "a quantity of at most 256 bits as a 0x-string";

    fn from_hex(text: &str) -> Option<Self> {
        let digits = digits(text).filter(|digits| digits.len() <= 64)?;
        let mut limbs = [0; 4];
        for (value, digits) in limbs.iter_mut().zip(digits.rchunks(16)) {
            *value = limb(digits)?;
        }
        Some(Self::from_limbs(limbs))
    }
}

impl FromHex for u8 {
    const EXPECTED: &'static str = "a quantity of at most 8 bits as a 0x-string";

    fn from_hex(text: &str) -> Option<Self> {
        u64::from_hex(text).and_then(|value| Self::try_from(value).ok())
    }
}

/// Exactly `N` bytes.
fn fixed<const N: usize>(text: &str) -> Option<FixedBytes<N>> {
    let digits = text.strip_prefix("0x")?;
    let mut bytes = FixedBytes::ZERO;
    hex::decode_to_slice(digits, bytes.as_mut_slice()).ok()?;
    // `decode_to_slice` would skip a second prefix.
    (digits.len() == 2 * N).then_some(bytes)
}

impl FromHex for B256 {
    const EXPECTED: &'static str = "32 bytes as a 0x-string";

    fn from_hex(text: &str) -> Option<Self> {
        fixed(text)
    }
}

impl FromHex for B64 {
    const EXPECTED: &'static str = "8 bytes as a 0x-string";

    fn from_hex(text: &str) -> Option<Self> {
        fixed(text)
    }
}

impl FromHex for Address {
    const EXPECTED: &'static str = "an address of 20 bytes as a 0x-string";

    fn from_hex(text: &str) -> Option<Self> {
        fixed(text).map(Self)
    }
}

impl FromHex for Bloom {
    const EXPECTED: &'static str = "a bloom filter of 256 bytes as a 0x-string";

    fn from_hex(text: &str) -> Option<Self> {
        fixed(text).map(Self)
    }
}

impl FromHex for Bytes {
    const EXPECTED: &'static str = "bytes as a 0x-string";

    fn from_hex(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x")?;
        if digits.is_empty() {
            return Some(Self::new());
        }
        // `decode` would skip a second prefix.
        if digits.starts_with("0x") {
            return None;
        }
        hex::decode(digits).ok().map(Self::from)
    }
}

/// Wraps a type so that serde reads it as hexadecimal: for map keys and list elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex<T>(pub T);

impl<'de, T: FromHex> serde::Deserialize<'de> for Hex<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        value(deserializer).map(Self)
    }
}

struct HexVisitor<T>(PhantomData<T>);

impl<T: FromHex> Visitor<'_> for HexVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_hex(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// Reads a hexadecimal string: `#[serde(deserialize_with = "hex::value")]`.
///
/// # Errors
/// If the input is not a string, or not one of this type.
pub fn value<'de, T: FromHex, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_str(HexVisitor(PhantomData))
}

/// Reads a hexadecimal string or null: `#[serde(default, deserialize_with = "hex::option")]`.
///
/// # Errors
/// If the input is neither null nor a string of this type.
pub fn option<'de, T: FromHex, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value: Option<Hex<T>> = serde::Deserialize::deserialize(deserializer)?;
    Ok(value.map(|hex| hex.0))
}

/// Reads a list of hexadecimal strings: `#[serde(deserialize_with = "hex::list")]`.
///
/// # Errors
/// If the input is not a list of strings of this type.
pub fn list<'de, T: FromHex, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct ListVisitor<T>(PhantomData<T>);

    impl<'de, T: FromHex> Visitor<'de> for ListVisitor<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list, each element {}", T::EXPECTED)
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut values = Vec::new();
            while let Some(Hex(value)) = seq.next_element()? {
                values.push(value);
            }
            Ok(values)
        }
    }
    deserializer.deserialize_seq(ListVisitor(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_take_padding_and_odd_digits_but_no_excess_bit() {
        assert_eq!(u64::from_hex("0x0"), Some(0));
        assert_eq!(u64::from_hex("0x000000000000000000000fF"), Some(255));
        assert_eq!(u64::from_hex("0xffffffffffffffff"), Some(u64::MAX));
        assert_eq!(u64::from_hex("0x10000000000000000"), None);
        assert_eq!(u128::from_hex("0x10000000000000000"), Some(1 << 64));
        assert_eq!(u128::from_hex(&format!("0x1{}", "0".repeat(32))), None);
        assert_eq!(U256::from_hex(&format!("0x{}", "f".repeat(64))), Some(U256::MAX));
        assert_eq!(
            U256::from_hex("0x123456789abcdef0fedcba9876543210"),
            Some(U256::from(0x123456789abcdef0fedcba9876543210_u128))
        );
        assert_eq!(U256::from_hex(&format!("0x1{}", "0".repeat(64))), None);
        assert_eq!(u8::from_hex("0x100"), None);
    }

    #[test]
    fn a_quantity_needs_a_prefix_and_digits_only() {
        for text in ["", "0x", "12", "0xg", "0x1 ", "0x-1", "0X1", "0x0x1", "0x:bigint 0x1"] {
            assert_eq!(u64::from_hex(text), None, "{text:?}");
            assert_eq!(U256::from_hex(text), None, "{text:?}");
        }
    }

    #[test]
    fn byte_strings_have_their_exact_length() {
        let ones = format!("0x{}", "11".repeat(20));
        assert_eq!(Address::from_hex(&ones), Some(Address::repeat_byte(0x11)));
        assert_eq!(Address::from_hex(&ones[..40]), None);
        assert_eq!(Address::from_hex(&ones[2..]), None);
        assert_eq!(Address::from_hex(&format!("0x0x{}", "11".repeat(19))), None);
        assert_eq!(B256::from_hex(&ones), None);
        assert_eq!(Bytes::from_hex("0x"), Some(Bytes::new()));
        assert_eq!(Bytes::from_hex("0x0aFf"), Some(Bytes::from_static(&[10, 255])));
        assert_eq!(Bytes::from_hex("0x0x0a"), None);
        assert_eq!(Bytes::from_hex("0xabc"), None);
        assert_eq!(Bytes::from_hex("abcd"), None);
    }
}
