//! Blocks and transactions from bytes: strict, canonical RLP (yellow paper, appendix B; EIP-2718).
//!
//! A block is decoded in two steps. [`RawBlock::decode`] needs no rules: it reads the structure. Its header and the parent
//! tell the fork, under which [`RawBlock::transactions_under`] decodes the transactions and recovers their signers.
//!
//! Nothing here panics on any input, and what is allocated stays in proportion to the input: no length is believed before
//! the bytes are there.

mod block;
mod error;
mod fields;
mod header;
mod signature;
mod transaction;

pub use block::RawBlock;
pub use error::{
    BlockDecodeError, BlockPart, DecodeError, FieldError, FieldProblem, SignatureError,
    TransactionError,
};
pub use header::decode_header;
pub use signature::{Signature, SignedAuthorization, check_chain, eip155_v};
pub use transaction::{Decoded, decode_transaction};

#[cfg(test)]
mod tests;
