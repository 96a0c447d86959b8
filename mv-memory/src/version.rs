//! Positions in a block.

/// A step of the block, as the one that wrote something or is about to read: its beginning, a transaction, its end.
///
/// Each step reads what steps with lower versions wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u32);

impl Version {
    /// Before the block: nobody wrote.
    pub const NONE: Self = Self(0);
    /// What happens before the first transaction.
    pub const BEGIN: Self = Self(1);
    /// What happens after the last transaction.
    pub const END: Self = Self(u32::MAX);

    /// The transaction at this position, from 0.
    ///
    /// # Panics
    /// If a block had more than 2^32 - 4 transactions.
    pub const fn of_transaction(index: u32) -> Self {
        assert!(index < u32::MAX - 2, "a block has fewer than 2^32 - 3 transactions");
        Self(index + 2)
    }

    /// Position of the transaction, if it is one.
    pub const fn transaction(self) -> Option<u32> {
        match self {
            Self::NONE | Self::BEGIN | Self::END => None,
            Self(version) => Some(version - 2),
        }
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(crate) const fn to_bits(self) -> u32 {
        self.0
    }
}
