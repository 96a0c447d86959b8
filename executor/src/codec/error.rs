//! Why bytes are no block, header or transaction.

use std::fmt;

use braid_primitives::{Address, B256, Hardfork, U256};

/// A field of a list that is not what it has to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FieldError {
    /// Name of the field; for an item of a list in it, such as `accessList[].address`.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: FieldProblem,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// The list ends before it.
    #[error("missing")]
    Missing,
    /// The bytes are no RLP, or not the canonical one.
    #[error("malformed RLP: {0}")]
    Malformed(alloy_rlp::Error),
    /// A string where a list has to be.
    #[error("expected a list, found a string of {found_bytes} bytes")]
    NoList {
        /// Length of the string.
        found_bytes: usize,
    },
    /// A list where a string has to be.
    #[error("expected a string, found a list of {found_bytes} bytes")]
    NoString {
        /// Length of the list's items together.
        found_bytes: usize,
    },
    /// A number with a zero byte in front.
    #[error("expected a number without leading zeros")]
    LeadingZero,
    /// A number that is too large for the field.
    #[error("expected a number of at most {limit_bytes} bytes, found {found_bytes}")]
    Overflow {
        /// Most bytes of a number here.
        limit_bytes: usize,
        /// Length of the number.
        found_bytes: usize,
    },
    /// A string of fixed length, such as an address or a hash, of another length.
    #[error("expected {expected_bytes} bytes, found {found_bytes}")]
    Length {
        /// Length of the field.
        expected_bytes: usize,
        /// Length of the string.
        found_bytes: usize,
    },
    /// A number other than 0 and 1 where nothing else can be.
    #[error("expected 0 or 1, found {found}")]
    NoBit {
        /// The number.
        found: u8,
    },
    /// A string where a legacy transaction would have to be a list: its first byte is that of a list.
    #[error("expected a transaction type, found the byte {found:#04x} of a list")]
    NoType {
        /// The first byte.
        found: u8,
    },
    /// More bytes follow.
    #[error("{bytes} bytes too many follow")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

impl FieldProblem {
    pub(super) const fn of(self, field: &'static str) -> FieldError {
        FieldError { field, problem: self }
    }
}

/// A part of a block, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockPart {
    /// The list of header, transactions, ommers and withdrawals.
    Block,
    /// The header.
    Header,
    /// A transaction, as an item of the list; what is in it is decoded later.
    Transaction {
        /// Position in the block, from 0.
        index: usize,
    },
    /// The header of an ommer.
    Ommer {
        /// Position in the list, from 0.
        index: usize,
    },
    /// A withdrawal.
    Withdrawal {
        /// Position in the list, from 0.
        index: usize,
    },
}

impl fmt::Display for BlockPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block => f.write_str("block"),
            Self::Header => f.write_str("header"),
            Self::Transaction { index } => write!(f, "transaction {index}"),
            Self::Ommer { index } => write!(f, "ommer {index}"),
            Self::Withdrawal { index } => write!(f, "withdrawal {index}"),
        }
    }
}

/// Why bytes are no block, whatever the rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {part}: {error}")]
pub struct BlockDecodeError {
    /// Part of the block.
    pub part: BlockPart,
    /// What is wrong in it.
    pub error: FieldError,
}

/// A transaction of a block that does not exist under the rules in force, or whose signature is bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("transaction {index}: {error}")]
pub struct TransactionError {
    /// Position in the block, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub error: DecodeError,
}

/// Why bytes are no transaction under the rules in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is nothing.
    #[error("expected a transaction, found no bytes")]
    Empty,
    /// The first byte is no type known under these rules.
    #[error("transaction type {tx_type:#04x} does not exist under the rules of {fork}")]
    TypeNotSupported {
        /// The first byte.
        tx_type: u8,
        /// Hardfork in force.
        fork: Hardfork,
    },
    /// The bytes are not the canonical RLP of the type's fields.
    #[error("malformed transaction: {0}")]
    Field(#[from] FieldError),
    /// A legacy transaction's `v` is neither 27 nor 28 nor that of a chain.
    #[error("expected v of 27, 28 or at least 35, found {v}")]
    InvalidV {
        /// Its value.
        v: U256,
    },
    /// The transaction is well-formed, but a fee of it exceeds 128 bits: more ether than there is.
    #[error("expected {field} of at most 128 bits, found {value}")]
    FeeTooLarge {
        /// Name of the fee.
        field: &'static str,
        /// Its value in wei per gas.
        value: U256,
        /// Gas limit of the transaction.
        gas_limit: u64,
        /// Hash of the transaction.
        hash: B256,
        /// Its signer.
        sender: Address,
    },
    /// The signature is not accepted.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// Why a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature is for another chain.
    #[error("expected signature for chain {chain_id}, found to be for chain {found}")]
    WrongChain {
        /// The chain.
        chain_id: u64,
        /// Chain of the signature.
        found: u64,
    },
    /// A legacy signature that names a chain, before EIP-155.
    #[error(
        "expected v of 27 or 28 before {}, found the chain id {found}",
        Hardfork::SpuriousDragon
    )]
    ChainIdTooEarly {
        /// Chain of the signature.
        found: u64,
    },
    /// `r` or `s` is zero or not below the order of the curve.
    #[error("expected {name} from 1 to below the order of secp256k1, found {found:#x}")]
    OutOfRange {
        /// `r` or `s`.
        name: &'static str,
        /// Its value.
        found: U256,
    },
    /// `s` is in the upper half, which EIP-2 forbids.
    #[error("expected s of at most half the order of secp256k1, found {found:#x}")]
    HighS {
        /// Its value.
        found: U256,
    },
    /// No point of the curve belongs to `r`, or the signer would be the point at infinity.
    #[error("expected a signature that has a signer, found r {r:#x}, s {s:#x}")]
    NoSigner {
        /// `r` of the signature.
        r: U256,
        /// `s` of the signature.
        s: U256,
    },
}
