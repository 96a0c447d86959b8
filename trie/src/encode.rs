//! Encodings of nodes, and their references many at a time.

use alloy_primitives::B256;
use braid_precompiles::Crypto;

use crate::{
    nibbles::Nibbles,
    node::HASHED_LENGTH,
    rlp::{ABSENT, LIST, path_length, push_header, push_path_header, push_string, string_length},
};

/// What a parent holds of a child: its hash, or its encoding where that is shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) bytes: [u8; 32],
    /// 32 for a hash, less for an encoding, 0 where it is not known.
    pub(crate) length: u8,
}

impl Reference {
    pub(crate) const UNKNOWN: Self = Self { bytes: [0; 32], length: 0 };

    pub(crate) const fn hash(hash: [u8; 32]) -> Self {
        Self { bytes: hash, length: 32 }
    }

    /// An encoding of less than 32 bytes.
    pub(crate) fn inline(encoding: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes[..encoding.len()].copy_from_slice(encoding);
        Self { bytes, length: encoding.len() as u8 }
    }

    /// That of a node other than a root.
    pub(crate) fn of<C: Crypto>(encoding: &[u8], crypto: &C) -> Self {
        if encoding.len() < HASHED_LENGTH {
            Self::inline(encoding)
        } else {
            Self::hash(crypto.keccak256(encoding).0)
        }
    }

    /// The hash, unless it is an encoding.
    pub(crate) fn as_hash(&self) -> Option<B256> {
        (self.length == 32).then_some(B256::new(self.bytes))
    }

    /// Length within the encoding of the parent.
    pub(crate) const fn encoded_length(&self) -> usize {
        if self.length == 32 { 33 } else { self.length as usize }
    }

    #[inline]
    fn push_to(&self, out: &mut Vec<u8>) {
        if self.length == 32 {
            out.push(0xa0);
            out.extend_from_slice(&self.bytes);
        } else {
            out.extend_from_slice(&self.bytes[..self.length as usize]);
        }
    }
}

/// Appends the encoding of a leaf whose path ends at depth `from`.
#[inline]
pub(crate) fn push_leaf(out: &mut Vec<u8>, key: &Nibbles, from: usize, value: &[u8]) {
    let nibbles = key.len() - from;
    push_header(out, LIST, path_length(nibbles) + string_length(value));
    push_path_header(out, nibbles);
    key.push_hex_prefix(from, key.len(), true, out);
    push_string(out, value);
}

/// Appends the encoding of an extension from depth `from` to the branch at `prefix`.
pub(crate) fn push_extension(out: &mut Vec<u8>, prefix: &Nibbles, from: usize, child: &Reference) {
    let nibbles = prefix.len() - from;
    push_header(out, LIST, path_length(nibbles) + child.encoded_length());
    push_path_header(out, nibbles);
    prefix.push_hex_prefix(from, prefix.len(), false, out);
    child.push_to(out);
}

/// Appends the encoding of a branch: bit i of `mask` says whether there is a child i, `children` are those that are there, an
/// empty `value` is none.
#[inline]
pub(crate) fn push_branch<'a>(
    out: &mut Vec<u8>,
    mask: u16,
    children: impl Iterator<Item = &'a Reference> + Clone,
    value: &[u8],
) {
    let references: usize = children.clone().map(Reference::encoded_length).sum();
    let absent = mask.count_zeros() as usize;
    push_header(out, LIST, references + absent + string_length(value));
    let mut index = 0;
    let mut left = mask;
    for child in children {
        let next = left.trailing_zeros();
        out.resize(out.len() + (next - index) as usize, ABSENT);
        child.push_to(out);
        left &= left - 1;
        index = next + 1;
    }
    out.resize(out.len() + (16 - index) as usize, ABSENT);
    push_string(out, value);
}

/// Nodes that are hashed in one call.
pub(crate) const BATCH: usize = 64;

/// Encodings that wait to be hashed together.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    ends: [usize; BATCH],
    count: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: [0; BATCH], count: 0 }
    }
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.count == BATCH
    }

    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// Adds what `encode` appends.
    #[inline]
    pub(crate) fn push(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.bytes);
        self.ends[self.count] = self.bytes.len();
        self.count += 1;
    }

    #[inline]
    pub(crate) fn encoding(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// The references of all encodings. A root is hashed whatever its length.
    pub(crate) fn references<C: Crypto>(
        &self,
        crypto: &C,
        is_root: impl Fn(usize) -> bool,
    ) -> [Reference; BATCH] {
        let mut references = [Reference::UNKNOWN; BATCH];
        let mut messages = [&[][..]; BATCH];
        let mut origins = [0; BATCH];
        let mut hashes = [B256::ZERO; BATCH];
        let mut hashed = 0;
        for (index, reference) in references[..self.count].iter_mut().enumerate() {
            let encoding = self.encoding(index);
            if encoding.len() < HASHED_LENGTH && !is_root(index) {
                *reference = Reference::inline(encoding);
            } else {
                (messages[hashed], origins[hashed]) = (encoding, index);
                hashed += 1;
            }
        }
        crypto.keccak256_batch(&messages[..hashed], &mut hashes[..hashed]);
        for (origin, hash) in origins.iter().zip(&hashes[..hashed]) {
            references[*origin] = Reference::hash(hash.0);
        }
        references
    }
}
