//! A cursor over the fields of an RLP list, which cannot leave the list.

use alloy_rlp::Header;
use braid_primitives::{Address, B256, Bloom, Bytes, TxKind, U256};

use super::error::{FieldError, FieldProblem};

/// One RLP item.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) is_list: bool,
    pub(super) payload: &'a [u8],
    /// The whole item: length and payload.
    pub(super) encoding: &'a [u8],
}

impl<'a> Item<'a> {
    /// Takes the item that `bytes` begin with.
    fn take(bytes: &mut &'a [u8]) -> Result<Self, FieldProblem> {
        let mut rest = *bytes;
        let header = Header::decode(&mut rest).map_err(FieldProblem::Malformed)?;
        let (payload, rest) = rest
            .split_at_checked(header.payload_length)
            .ok_or(FieldProblem::Malformed(alloy_rlp::Error::InputTooShort))?;
        let encoding = &bytes[..bytes.len() - rest.len()];
        *bytes = rest;
        Ok(Self { is_list: header.list, payload, encoding })
    }

    fn string(self) -> Result<&'a [u8], FieldProblem> {
        match self.is_list {
            false => Ok(self.payload),
            true => Err(FieldProblem::NoString { found_bytes: self.payload.len() }),
        }
    }

    pub(super) fn list(self) -> Result<Fields<'a>, FieldProblem> {
        match self.is_list {
            true => Ok(Fields { payload: self.payload, rest: self.payload }),
            false => Err(FieldProblem::NoList { found_bytes: self.payload.len() }),
        }
    }

    /// The bytes of a number of at most `N` bytes, in front of which there are no zeros.
    fn number<const N: usize>(self) -> Result<[u8; N], FieldProblem> {
        let digits = self.string()?;
        let found_bytes = digits.len();
        if digits.first() == Some(&0) {
            return Err(FieldProblem::LeadingZero);
        }
        let start = N
            .checked_sub(found_bytes)
            .ok_or(FieldProblem::Overflow { limit_bytes: N, found_bytes })?;
        let mut number = [0; N];
        number[start..].copy_from_slice(digits);
        Ok(number)
    }

    fn array<const N: usize>(self) -> Result<[u8; N], FieldProblem> {
        let string = self.string()?;
        let length = FieldProblem::Length { expected_bytes: N, found_bytes: string.len() };
        string.try_into().map_err(|_| length)
    }
}

/// What a field can hold.
pub(super) trait FromItem: Sized {
    fn from_item(item: Item<'_>) -> Result<Self, FieldProblem>;
}

macro_rules! from_item {
    ($($type:ty: $item:ident => $value:expr;)+) => {
        $(impl FromItem for $type {
            fn from_item($item: Item<'_>) -> Result<Self, FieldProblem> {
                $value
            }
        })+
    };
}

from_item! {
    u8: item => item.number().map(Self::from_be_bytes);
    u64: item => item.number().map(Self::from_be_bytes);
    U256: item => item.number().map(Self::from_be_bytes::<32>);
    Address: item => item.array().map(Self::from);
    B256: item => item.array().map(Self);
    braid_primitives::B64: item => item.array().map(Self);
    Bytes: item => item.string().map(Self::copy_from_slice);
    bool: item => match u8::from_item(item)? {
        0 => Ok(false),
        1 => Ok(true),
        found => Err(FieldProblem::NoBit { found }),
    };
    TxKind: item => match item {
        Item { is_list: false, payload: [], .. } => Ok(Self::Create),
        _ => Address::from_item(item).map(Self::Call),
    };
    Bloom: item => item.array().map(Self::new);
    Vec<B256>: item => {
        let mut items = item.list()?;
        let mut hashes = Self::new();
        while !items.rest.is_empty() {
            hashes.push(B256::from_item(Item::take(&mut items.rest)?)?);
        }
        Ok(hashes)
    };
}

/// A cursor over the fields of a list.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    /// The payload of the list.
    payload: &'a [u8],
    /// What of it is unread.
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Opens a list that is all of `bytes`.
    pub(super) fn open(mut bytes: &'a [u8], name: &'static str) -> Result<Self, FieldError> {
        let item = Item::take(&mut bytes).map_err(|problem| problem.of(name))?;
        let fields = item.list().map_err(|problem| problem.of(name))?;
        match bytes.len() {
            0 => Ok(fields),
            bytes => Err(FieldProblem::Trailing { bytes }.of(name)),
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field, not yet looked into.
    pub(super) fn item(&mut self, field: &'static str) -> Result<Item<'a>, FieldError> {
        if self.is_at_end() {
            return Err(FieldProblem::Missing.of(field));
        }
        Item::take(&mut self.rest).map_err(|problem| problem.of(field))
    }

    pub(super) fn list(&mut self, field: &'static str) -> Result<Self, FieldError> {
        self.item(field)?.list().map_err(|problem| problem.of(field))
    }

    pub(super) fn next<T: FromItem>(&mut self, field: &'static str) -> Result<T, FieldError> {
        T::from_item(self.item(field)?).map_err(|problem| problem.of(field))
    }

    /// The next field, if there is one.
    pub(super) fn next_optional<T: FromItem>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<T>, FieldError> {
        (!self.is_at_end()).then(|| self.next(field)).transpose()
    }

    /// The bytes of the fields that were read.
    pub(super) fn read_so_far(&self) -> &'a [u8] {
        &self.payload[..self.payload.len() - self.rest.len()]
    }

    /// Nothing may be left.
    pub(super) fn close(self, name: &'static str) -> Result<(), FieldError> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(FieldProblem::Trailing { bytes }.of(name)),
        }
    }
}
