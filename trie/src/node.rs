//! Trie nodes as they are encoded (yellow paper, appendix D), decoded without a copy.

use alloy_primitives::B256;
use alloy_rlp::Header;

use crate::{
    nibbles::{HexPrefixFault, Nibbles},
    rlp::ABSENT,
};

/// Children of a branch.
pub(crate) const WIDTH: usize = 16;

/// Encodings shorter than this stand in their parent; longer ones are referred to by hash.
pub(crate) const HASHED_LENGTH: usize = 32;

/// What is wrong with the encoding of a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeFault {
    /// The node is not the one that its parent refers to.
    #[error("the hash of its {size_bytes} bytes is {found}, expected {expected}")]
    WrongHash {
        /// The hash that the parent holds.
        expected: B256,
        /// The hash of the bytes.
        found: B256,
        /// How many bytes there are.
        size_bytes: usize,
    },
    /// No node of such a trie is that long.
    #[error("{size_bytes} bytes, no node has more than {limit_bytes}")]
    TooLarge {
        /// Its length.
        size_bytes: usize,
        /// The longest possible.
        limit_bytes: usize,
    },
    /// The bytes are not canonical RLP.
    #[error("not canonical RLP: {0}")]
    Rlp(alloy_rlp::Error),
    /// Bytes after the node.
    #[error("{bytes} bytes after its end")]
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
    /// A node is a list of 2 or 17 items.
    #[error("a list of {items} items, expected 2 or 17")]
    WrongLength {
        /// Length of the list; 18 for any longer one.
        items: usize,
    },
    /// The path of a leaf or extension.
    #[error("its path has {0}")]
    Path(#[from] HexPrefixFault),
    /// An extension of no nibbles.
    #[error("an extension without nibbles")]
    EmptyExtension,
    /// A child that is neither absent, nor a hash, nor a node of less than 32 bytes.
    #[error("child {index} takes {size_bytes} bytes, expected a hash or a node shorter than one")]
    BadReference {
        /// Which child; 0 for that of an extension.
        index: usize,
        /// Length of its encoding.
        size_bytes: usize,
    },
    /// An extension leads to a branch and to nothing else.
    #[error("an extension that does not lead to a branch")]
    ExtensionToNoBranch,
    /// A branch of less than two children would not be there.
    #[error("a branch of {children} children, expected at least 2")]
    SparseBranch {
        /// Number of children, the value included.
        children: usize,
    },
    /// All keys of the trie have one length; a value is somewhere else.
    #[error("a value at a path of {nibbles} nibbles, expected {expected}")]
    KeyLength {
        /// Length of the path.
        nibbles: usize,
        /// Length of all keys.
        expected: usize,
    },
    /// A value that the trie cannot hold.
    #[error("its value is not {expected}")]
    Value {
        /// What it has to be.
        expected: &'static str,
    },
}

impl From<alloy_rlp::Error> for NodeFault {
    fn from(error: alloy_rlp::Error) -> Self {
        Self::Rlp(error)
    }
}

/// A child as its parent holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Child<'a> {
    Absent,
    Hash(B256),
    /// The child itself, shorter than a hash.
    Inline(&'a [u8]),
}

/// A decoded node. Paths are absolute: that of the node is part of them.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives on the stack for a moment; branches are the common case"
)]
pub(crate) enum DecodedNode<'a> {
    Leaf { key: Nibbles, value: &'a [u8] },
    Extension { prefix: Nibbles, child: Child<'a> },
    Branch { children: [Child<'a>; WIDTH], value: &'a [u8] },
}

/// Decodes the node at `path`.
pub(crate) fn decode_node<'a>(
    path: &Nibbles,
    mut bytes: &'a [u8],
) -> Result<DecodedNode<'a>, NodeFault> {
    let mut items = Header::decode_bytes(&mut bytes, true)?;
    if !bytes.is_empty() {
        return Err(NodeFault::TrailingBytes { bytes: bytes.len() });
    }
    // The items' encodings, headers included.
    let mut encoded = [&[][..]; WIDTH + 2];
    let mut count = 0;
    while !items.is_empty() && count < encoded.len() {
        encoded[count] = next_item(&mut items)?;
        count += 1;
    }
    match count {
        2 => decode_short(path, encoded[0], encoded[1]),
        17 => decode_branch(&encoded),
        items => Err(NodeFault::WrongLength { items }),
    }
}

/// Splits the encoding of the first item off.
fn next_item<'a>(items: &mut &'a [u8]) -> Result<&'a [u8], NodeFault> {
    let start = *items;
    let header = Header::decode(items)?;
    let rest = items.get(header.payload_length..).ok_or(alloy_rlp::Error::InputTooShort)?;
    *items = rest;
    Ok(&start[..start.len() - rest.len()])
}

fn string(mut encoded: &[u8]) -> Result<&[u8], NodeFault> {
    Ok(Header::decode_bytes(&mut encoded, false)?)
}

fn decode_short<'a>(
    path: &Nibbles,
    first: &'a [u8],
    second: &'a [u8],
) -> Result<DecodedNode<'a>, NodeFault> {
    let (joined, is_leaf) = path.join_hex_prefix(string(first)?)?;
    if is_leaf {
        let value = string(second)?;
        if value.is_empty() {
            return Err(NodeFault::Value { expected: "a string of at least one byte" });
        }
        return Ok(DecodedNode::Leaf { key: joined, value });
    }
    if joined.len() == path.len() {
        return Err(NodeFault::EmptyExtension);
    }
    let child = decode_child(0, second)?;
    match child {
        Child::Absent => Err(NodeFault::ExtensionToNoBranch),
        child => Ok(DecodedNode::Extension { prefix: joined, child }),
    }
}

fn decode_branch<'a>(encoded: &[&'a [u8]; WIDTH + 2]) -> Result<DecodedNode<'a>, NodeFault> {
    let mut children = [Child::Absent; WIDTH];
    for (index, child) in children.iter_mut().enumerate() {
        *child = decode_child(index, encoded[index])?;
    }
    let value = string(encoded[WIDTH])?;
    let present = children.iter().filter(|child| **child != Child::Absent).count();
    let count = present + usize::from(!value.is_empty());
    if count < 2 {
        return Err(NodeFault::SparseBranch { children: count });
    }
    Ok(DecodedNode::Branch { children, value })
}

fn decode_child(index: usize, encoded: &[u8]) -> Result<Child<'_>, NodeFault> {
    match encoded {
        [ABSENT] => Ok(Child::Absent),
        [0xa0, hash @ ..] if hash.len() == 32 => Ok(Child::Hash(B256::from_slice(hash))),
        [0xc0..=0xff, ..] if encoded.len() < HASHED_LENGTH => Ok(Child::Inline(encoded)),
        _ => Err(NodeFault::BadReference { index, size_bytes: encoded.len() }),
    }
}
