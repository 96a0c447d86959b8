//! Blocks from bytes.

use braid_precompiles::Crypto;
use braid_primitives::{
    B256, BlockContext, Hardfork, Header, Ommer, SealedHeader, Transaction, Withdrawal,
};

use super::{
    error::{BlockDecodeError, BlockPart, FieldError, FieldProblem, TransactionError},
    fields::Fields,
    header::read_header,
    transaction::decode_transaction,
};
use crate::result::Block;

/// Least first byte of a list: an envelope of such a byte would be a legacy transaction, which is no string.
const FIRST_LIST_BYTE: u8 = alloy_rlp::EMPTY_LIST_CODE;

/// A block whose structure is decoded and whose transactions are still bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawBlock<'a> {
    /// The header, with whatever fields of later forks it has.
    pub header: Header,
    /// The transactions in order, each in the encoding of EIP-2718, of which the transactions trie is made.
    pub transactions: Vec<&'a [u8]>,
    /// Headers of the ommers.
    pub ommers: Vec<Header>,
    /// The withdrawals (EIP-4895), if the block has a list of them.
    pub withdrawals: Option<Vec<Withdrawal>>,
    /// Length of the block's RLP, which EIP-7934 bounds.
    pub size_bytes: usize,
    header_encoding: &'a [u8],
    ommers_encoding: &'a [u8],
}

impl<'a> RawBlock<'a> {
    /// Decodes the structure of a block that is all of `bytes`. Transactions are only told apart.
    ///
    /// # Errors
    /// [`BlockDecodeError`], with the part and the field that are wrong.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, BlockDecodeError> {
        let in_block = in_part(BlockPart::Block);
        let mut fields = Fields::open(bytes, "block").map_err(in_block)?;
        let header = fields.item("header").map_err(in_block)?;
        let header_fields = header.list().map_err(|problem| in_block(problem.of("header")))?;
        let header_encoding = header.encoding;
        let header = read_header(header_fields).map_err(in_part(BlockPart::Header))?;
        let transactions = read_transactions(fields.list("transactions").map_err(in_block)?)?;
        let ommers = fields.item("ommers").map_err(in_block)?;
        let ommers_encoding = ommers.encoding;
        let ommers = ommers.list().map_err(|problem| in_block(problem.of("ommers")))?;
        let ommers = read_ommers(ommers)?;
        let withdrawals = match fields.is_at_end() {
            true => None,
            false => Some(read_withdrawals(fields.list("withdrawals").map_err(in_block)?)?),
        };
        fields.close("withdrawals").map_err(in_block)?;
        Ok(Self {
            header,
            transactions,
            ommers,
            withdrawals,
            size_bytes: bytes.len(),
            header_encoding,
            ommers_encoding,
        })
    }

    /// Hash of the block: that of its header as it was decoded.
    pub fn hash(&self, crypto: &impl Crypto) -> B256 {
        crypto.keccak256(self.header_encoding)
    }

    /// The header as it was decoded, with its hash.
    pub fn sealed_header(&self, crypto: &impl Crypto) -> SealedHeader {
        SealedHeader { hash: self.hash(crypto), header: self.header.clone() }
    }

    /// Hash of the list of ommers as it was decoded.
    pub fn ommers_hash(&self, crypto: &impl Crypto) -> B256 {
        crypto.keccak256(self.ommers_encoding)
    }

    /// Decodes the transactions and recovers their signers, under the rules of `fork` on the chain `chain_id`.
    ///
    /// # Errors
    /// [`TransactionError`] for the first one that does not exist under these rules or is badly signed.
    pub fn transactions_under<C: Crypto>(
        &self,
        fork: Hardfork,
        chain_id: u64,
        crypto: &C,
    ) -> Result<Vec<Transaction>, TransactionError> {
        let decode = |(index, bytes): (usize, &&[u8])| {
            decode_transaction(bytes, fork, chain_id, crypto)
                .map(|decoded| decoded.transaction)
                .map_err(|error| TransactionError { index, error })
        };
        self.transactions.iter().enumerate().map(decode).collect()
    }

    /// The block, ready to execute under the rules of `fork` on the chain `chain_id`. Only its transactions are checked.
    ///
    /// # Errors
    /// As [`Self::transactions_under`].
    pub fn into_block<C: Crypto>(
        self,
        fork: Hardfork,
        chain_id: u64,
        crypto: &C,
    ) -> Result<Block, TransactionError> {
        let transactions = self.transactions_under(fork, chain_id, crypto)?;
        let ommer =
            |header: &Header| Ommer { number: header.number, beneficiary: header.beneficiary };
        let context = BlockContext {
            parent_hash: self.header.parent_hash,
            parent_beacon_block_root: self.header.parent_beacon_block_root,
            ommers: self.ommers.iter().map(ommer).collect(),
            withdrawals: self.withdrawals,
        };
        Ok(Block { env: self.header.env(fork), context, transactions })
    }
}

/// Says where in the block an error is.
fn in_part(part: BlockPart) -> impl Fn(FieldError) -> BlockDecodeError + Copy {
    move |error| BlockDecodeError { part, error }
}

/// Tells transactions apart: a legacy one is a list, any other a string of type and payload (EIP-2718).
fn read_transactions(mut list: Fields<'_>) -> Result<Vec<&[u8]>, BlockDecodeError> {
    let mut transactions = Vec::new();
    while !list.is_at_end() {
        let in_part = in_part(BlockPart::Transaction { index: transactions.len() });
        let item = list.item("envelope").map_err(in_part)?;
        transactions.push(match (item.is_list, item.payload) {
            (true, _) => item.encoding,
            (false, [found, ..]) if *found >= FIRST_LIST_BYTE => {
                return Err(in_part(FieldProblem::NoType { found: *found }.of("envelope")));
            }
            (false, typed) => typed,
        });
    }
    Ok(transactions)
}

fn read_ommers(mut list: Fields<'_>) -> Result<Vec<Header>, BlockDecodeError> {
    let mut ommers = Vec::new();
    while !list.is_at_end() {
        let in_part = in_part(BlockPart::Ommer { index: ommers.len() });
        ommers.push(list.list("header").and_then(read_header).map_err(in_part)?);
    }
    Ok(ommers)
}

fn read_withdrawals(mut list: Fields<'_>) -> Result<Vec<Withdrawal>, BlockDecodeError> {
    let mut withdrawals = Vec::new();
    while !list.is_at_end() {
        let in_part = in_part(BlockPart::Withdrawal { index: withdrawals.len() });
        withdrawals.push(list.list("withdrawal").and_then(read_withdrawal).map_err(in_part)?);
    }
    Ok(withdrawals)
}

/// EIP-4895.
fn read_withdrawal(mut from: Fields<'_>) -> Result<Withdrawal, FieldError> {
    let withdrawal = Withdrawal {
        index: from.next("index")?,
        validator_index: from.next("validatorIndex")?,
        address: from.next("address")?,
        amount_gwei: from.next("amount")?,
    };
    from.close("amount")?;
    Ok(withdrawal)
}
