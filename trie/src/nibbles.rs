//! Paths through a trie.

use std::fmt;

/// A path of up to 64 nibbles (half-bytes, high one first), packed two to a byte.
///
/// Paths are ordered as strings of nibbles: a prefix comes before what it is a prefix of.
///
/// ```
/// use braid_trie::Nibbles;
/// let path = Nibbles::of_key(&[0x12, 0x34]);
/// assert_eq!(path.len(), 4);
/// assert_eq!(path.at(2), 3);
/// assert_eq!(path.prefix(3).to_string(), "123");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nibbles {
    /// Nibbles beyond the length are zero.
    bytes: [u8; Self::MAX / 2],
    length: u8,
}

impl Nibbles {
    /// Most nibbles that a path has: those of a 32-byte key.
    pub const MAX: usize = 64;

    /// The path of the root.
    pub const EMPTY: Self = Self { bytes: [0; Self::MAX / 2], length: 0 };

    /// The path that comes after all others.
    pub(crate) const LAST: Self = Self { bytes: [0xff; Self::MAX / 2], length: Self::MAX as u8 };

    /// The path of a key.
    ///
    /// # Panics
    /// If the key is longer than 32 bytes.
    #[inline]
    pub fn of_key(key: &[u8]) -> Self {
        let mut bytes = [0; Self::MAX / 2];
        bytes[..key.len()].copy_from_slice(key);
        Self { bytes, length: 2 * key.len() as u8 }
    }

    /// The path of a hash.
    #[inline]
    pub const fn of_hash(hash: &[u8; 32]) -> Self {
        Self { bytes: *hash, length: Self::MAX as u8 }
    }

    /// Number of nibbles.
    #[inline]
    pub const fn len(&self) -> usize {
        self.length as usize
    }

    /// Whether this is the path of the root.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The nibble at `index`, below 16.
    ///
    /// # Panics
    /// If the path is not longer than `index`.
    #[inline]
    pub fn at(&self, index: usize) -> u8 {
        assert!(index < self.len(), "nibble {index} of a path of {}", self.len());
        nibble(&self.bytes, index)
    }

    /// The first `length` nibbles.
    ///
    /// # Panics
    /// If the path is shorter.
    #[inline]
    pub fn prefix(&self, length: usize) -> Self {
        assert!(length <= self.len(), "prefix of {length} nibbles of a path of {}", self.len());
        let mut bytes = self.bytes;
        if length < self.len() {
            let mut kept = length / 2;
            if length % 2 == 1 {
                bytes[kept] &= 0xf0;
                kept += 1;
            }
            bytes[kept..].fill(0);
        }
        Self { bytes, length: length as u8 }
    }

    /// The path with one nibble more, or `None` where that is longer than [`Self::MAX`].
    pub fn push(&self, nibble: u8) -> Option<Self> {
        if self.len() == Self::MAX {
            return None;
        }
        let mut pushed = *self;
        let shift = if self.length.is_multiple_of(2) { 4 } else { 0 };
        pushed.bytes[self.len() / 2] |= (nibble & 0x0f) << shift;
        pushed.length += 1;
        Some(pushed)
    }

    /// Number of nibbles that both paths begin with.
    #[inline]
    pub fn shared_with(&self, other: &Self) -> usize {
        shared_nibbles(&self.bytes, &other.bytes).min(self.len()).min(other.len())
    }

    /// Whether the path begins with `prefix`.
    #[inline]
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.shared_with(prefix) == prefix.len()
    }

    /// The nibbles one by one.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..self.len()).map(|index| nibble(&self.bytes, index))
    }

    /// Appends the hex-prefix encoding (yellow paper, appendix C) of the nibbles from `from` to `to`: a byte of flags and
    /// the first nibble if their number is odd, then two to a byte.
    #[inline]
    pub(crate) fn push_hex_prefix(&self, from: usize, to: usize, leaf: bool, out: &mut Vec<u8>) {
        let flag = if leaf { 0x20 } else { 0x00 };
        let mut next = from;
        if (to - from) % 2 == 1 {
            out.push(flag | 0x10 | nibble(&self.bytes, from));
            next += 1;
        } else {
            out.push(flag);
        }
        if next.is_multiple_of(2) && to.is_multiple_of(2) {
            out.extend_from_slice(&self.bytes[next / 2..to / 2]);
        } else {
            let pairs = (next..to).step_by(2);
            out.extend(pairs.map(|at| nibble(&self.bytes, at) << 4 | nibble(&self.bytes, at + 1)));
        }
    }

    /// The path with the nibbles of a hex-prefix encoding appended, and whether the flag says leaf.
    pub(crate) fn join_hex_prefix(&self, encoded: &[u8]) -> Result<(Self, bool), HexPrefixFault> {
        let (first, pairs) = encoded.split_first().ok_or(HexPrefixFault::Empty)?;
        let flags = first >> 4;
        let is_odd = flags & 1 == 1;
        if flags > 3 || (!is_odd && first & 0x0f != 0) {
            return Err(HexPrefixFault::Flags { first: *first });
        }
        let length = self.len() + usize::from(is_odd) + 2 * pairs.len();
        if length > Self::MAX {
            return Err(HexPrefixFault::TooLong { nibbles: length });
        }
        let mut joined = *self;
        if is_odd && let Some(path) = joined.push(*first) {
            joined = path;
        }
        for pair in pairs {
            for half in [pair >> 4, *pair] {
                if let Some(path) = joined.push(half) {
                    joined = path;
                }
            }
        }
        Ok((joined, flags & 2 == 2))
    }
}

/// What is wrong with a hex-prefix encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HexPrefixFault {
    /// There is nothing.
    #[error("no flags")]
    Empty,
    /// The first byte has unknown flags, or bits set where none may be.
    #[error("flags {first:#04x}")]
    Flags {
        /// The first byte.
        first: u8,
    },
    /// The path would be longer than that of a 32-byte key.
    #[error("a path of {nibbles} nibbles")]
    TooLong {
        /// Length of the path.
        nibbles: usize,
    },
}

#[inline]
fn nibble(bytes: &[u8; Nibbles::MAX / 2], index: usize) -> u8 {
    let byte = bytes[index / 2];
    if index.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f }
}

/// Length of the common prefix in nibbles, eight bytes at a time.
#[inline]
fn shared_nibbles(a: &[u8; Nibbles::MAX / 2], b: &[u8; Nibbles::MAX / 2]) -> usize {
    let (a, _) = a.as_chunks::<8>();
    let (b, _) = b.as_chunks::<8>();
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        let difference = u64::from_be_bytes(*a) ^ u64::from_be_bytes(*b);
        if difference != 0 {
            return 16 * index + difference.leading_zeros() as usize / 4;
        }
    }
    Nibbles::MAX
}

impl fmt::Display for Nibbles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("(root)");
        }
        self.iter().try_for_each(|nibble| write!(f, "{nibble:x}"))
    }
}

impl fmt::Debug for Nibbles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nibbles({self})")
    }
}

#[cfg(test)]
mod tests;
