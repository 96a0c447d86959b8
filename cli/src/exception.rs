//! The names that tests give to reasons for rejecting a transaction.
//!
//! Three vintages of names are in use. A name may stand for several reasons where clients check in different orders, and
//! tests join alternatives with `|`.

use braid_executor::{
    InvalidTransaction,
    codec::{DecodeError, FieldError},
};
use braid_primitives::{TransactionType, U256};

/// A number that no transaction can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} of at most {bits} bits, found a larger one")]
pub struct Unrepresentable {
    /// Key of the number.
    pub field: &'static str,
    /// Width of the field.
    pub bits: u32,
    /// The number, unless it has more than 256 bits.
    pub value: Option<U256>,
}

/// Why a transaction was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A number in it is too large for any transaction.
    #[error(transparent)]
    Unrepresentable(#[from] Unrepresentable),
    /// Its encoding is malformed or its signature bad.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It breaks a rule at its place in the chain.
    #[error(transparent)]
    Invalid(#[from] InvalidTransaction),
}

/// A reason that a name can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    BlobFeeCap,
    BlobGas,
    BlobHashVersion,
    BlobsTooMany,
    BlobsZero,
    BlockGasLimit,
    ChainId,
    CostOverflow,
    Creation(TransactionType),
    FeeCap,
    FloorGas,
    Funds,
    GasLimitCap,
    Initcode,
    IntrinsicGas,
    Malformed,
    NoAuthorizations,
    NonceHigh,
    NonceLow,
    NonceMaximum,
    SenderCode,
    Tip,
    /// A type that is not supported: this one, or any.
    Type(Option<TransactionType>),
}

use Reason::{
    BlobFeeCap, BlobGas, BlobHashVersion, BlobsTooMany, BlobsZero, BlockGasLimit, ChainId,
    CostOverflow, Creation, FeeCap, FloorGas, Funds, GasLimitCap, Initcode, IntrinsicGas,
    Malformed, NoAuthorizations, NonceHigh, NonceLow, NonceMaximum, SenderCode, Tip, Type,
};

/// Names and what they stand for, sorted by name. The prefix `TransactionException.` is left out.
const NAMES: &[(&str, &[Reason])] = &[
    ("GASLIMIT_PRICE_PRODUCT_OVERFLOW", &[CostOverflow]),
    ("GAS_ALLOWANCE_EXCEEDED", &[BlockGasLimit]),
    ("GAS_LIMIT_EXCEEDS_MAXIMUM", &[GasLimitCap]),
    ("INITCODE_SIZE_EXCEEDED", &[Initcode]),
    ("INSUFFICIENT_ACCOUNT_FUNDS", &[Funds, CostOverflow]),
    ("INSUFFICIENT_MAX_FEE_PER_BLOB_GAS", &[BlobFeeCap]),
    ("INSUFFICIENT_MAX_FEE_PER_GAS", &[FeeCap]),
    ("INTRINSIC_GAS_BELOW_FLOOR_GAS_COST", &[FloorGas]),
    ("INTRINSIC_GAS_TOO_LOW", &[IntrinsicGas]),
    ("INVALID_CHAINID", &[ChainId]),
    ("IntrinsicGas", &[IntrinsicGas]),
    ("NONCE_IS_MAX", &[NonceMaximum]),
    ("NONCE_MISMATCH_TOO_HIGH", &[NonceHigh]),
    ("NONCE_MISMATCH_TOO_LOW", &[NonceLow]),
    ("PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS", &[Tip]),
    ("RLP_INVALID_VALUE", &[Malformed]),
    ("SENDER_NOT_EOA", &[SenderCode]),
    ("SenderNotEOA", &[SenderCode]),
    ("TR_BLOBLIST_OVERSIZE", &[BlobsTooMany, BlobGas]),
    ("TR_BLOBVERSION_INVALID", &[BlobHashVersion]),
    ("TR_EMPTYBLOB", &[BlobsZero]),
    ("TR_FeeCapLessThanBlocks", &[FeeCap]),
    ("TR_FeeCapLessThanBlocksORNoFunds", &[FeeCap, Funds, CostOverflow]),
    ("TR_GasLimitReached", &[BlockGasLimit]),
    ("TR_InitCodeLimitExceeded", &[Initcode]),
    ("TR_IntrinsicGas", &[IntrinsicGas]),
    ("TR_NoFunds", &[Funds, CostOverflow]),
    ("TR_NoFundsOrGas", &[Funds, CostOverflow, IntrinsicGas]),
    ("TR_NoFundsX", &[Funds, CostOverflow]),
    ("TR_NonceHasMaxValue", &[NonceMaximum]),
    ("TR_NonceTooHigh", &[NonceHigh]),
    ("TR_RLP_WRONGVALUE", &[Malformed]),
    ("TR_TipGtFeeCap", &[Tip]),
    ("TR_TypeNotSupported", &[Type(None)]),
    ("TR_TypeNotSupportedBlob", &[Type(Some(TransactionType::Blob))]),
    ("TYPE_1_TX_PRE_FORK", &[Type(Some(TransactionType::AccessList))]),
    ("TYPE_2_TX_PRE_FORK", &[Type(Some(TransactionType::DynamicFee))]),
    ("TYPE_3_TX_BLOB_COUNT_EXCEEDED", &[BlobsTooMany]),
    ("TYPE_3_TX_CONTRACT_CREATION", &[Creation(TransactionType::Blob)]),
    ("TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH", &[BlobHashVersion]),
    ("TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED", &[BlobGas, BlobsTooMany]),
    ("TYPE_3_TX_PRE_FORK", &[Type(Some(TransactionType::Blob))]),
    ("TYPE_3_TX_ZERO_BLOBS", &[BlobsZero]),
    ("TYPE_3_TX_ZERO_BLOBS_PRE_FORK", &[Type(Some(TransactionType::Blob)), BlobsZero]),
    ("TYPE_4_EMPTY_AUTHORIZATION_LIST", &[NoAuthorizations]),
    ("TYPE_4_TX_CONTRACT_CREATION", &[Creation(TransactionType::SetCode)]),
    ("TYPE_4_TX_PRE_FORK", &[Type(Some(TransactionType::SetCode))]),
    ("TYPE_NOT_SUPPORTED", &[Type(None)]),
];

/// Whether `rejection` is what `exception` stands for. A name that is not in the table asks for a rejection and says nothing
/// about its kind: any will do.
pub(crate) fn explains(exception: &str, rejection: &Rejection) -> bool {
    exception.split('|').any(|name| match reasons(name) {
        Some(reasons) => reasons.iter().any(|reason| reason.covers(rejection)),
        None => true,
    })
}

/// What a name stands for, if it is in the table.
pub(crate) fn reasons(name: &str) -> Option<&'static [Reason]> {
    let name = name.strip_prefix("TransactionException.").unwrap_or(name);
    let at = NAMES.binary_search_by_key(&name, |(known, _)| known).ok()?;
    Some(NAMES[at].1)
}

impl Reason {
    /// Whether it is the reason for this rejection, or one of them.
    pub(crate) fn covers(self, rejection: &Rejection) -> bool {
        match rejection {
            Rejection::Unrepresentable(number) => self.covers_number(number),
            Rejection::Decode(DecodeError::TypeNotSupported { tx_type, .. }) => match self {
                Type(Some(expected)) => expected as u8 == *tx_type,
                Type(None) => true,
                _ => false,
            },
            // Types without creation have no encoding for it.
            Rejection::Decode(DecodeError::Field(FieldError { field: "to", .. })) => {
                matches!(self, Malformed | Creation(_))
            }
            Rejection::Decode(DecodeError::Field(_)) => self == Malformed,
            Rejection::Decode(DecodeError::FeeTooLarge { .. }) => {
                matches!(self, Funds | CostOverflow)
            }
            Rejection::Decode(_) => false,
            Rejection::Invalid(invalid) => self.covers_invalid(invalid),
        }
    }

    /// A fee beyond 128 bits is more than anyone has; other numbers beyond their width cannot be encoded.
    fn covers_number(self, number: &Unrepresentable) -> bool {
        match number.field {
            "gasPrice" | "maxFeePerGas" | "maxFeePerBlobGas" if number.value.is_some() => {
                matches!(self, Funds | CostOverflow)
            }
            _ => self == Malformed,
        }
    }

    fn covers_invalid(self, invalid: &InvalidTransaction) -> bool {
        use InvalidTransaction as I;
        match invalid {
            I::TypeNotSupported { tx_type, .. } => match self {
                Type(expected) => expected.is_none_or(|expected| expected == *tx_type),
                _ => false,
            },
            I::CreationNotAllowed { tx_type } => self == Creation(*tx_type),
            I::WrongChainId { .. } | I::MissingChainId { .. } => self == ChainId,
            I::NonceTooLow { .. } => self == NonceLow,
            I::NonceTooHigh { .. } => self == NonceHigh,
            I::NonceAtMaximum { .. } => self == NonceMaximum,
            I::SenderHasCode { .. } => self == SenderCode,
            I::InsufficientFunds { .. } => self == Funds,
            I::CostOverflow { .. } => self == CostOverflow,
            I::IntrinsicGasTooLow { .. } => self == IntrinsicGas,
            I::FloorGasTooLow { .. } => self == FloorGas,
            I::BlockGasLimitExceeded { .. } => self == BlockGasLimit,
            I::GasLimitAboveCap { .. } => self == GasLimitCap,
            I::FeeCapBelowBaseFee { .. } => self == FeeCap,
            I::TipAboveFeeCap { .. } => self == Tip,
            I::InitcodeTooLarge { .. } => self == Initcode,
            I::NoBlobs => self == BlobsZero,
            I::TooManyBlobs { .. } => self == BlobsTooMany,
            I::BlobGasLimitExceeded { .. } => self == BlobGas,
            I::BlobHashVersion { .. } => self == BlobHashVersion,
            I::BlobFeeCapTooLow { .. } => self == BlobFeeCap,
            I::NoAuthorizations => self == NoAuthorizations,
            // New kinds of rejection have no name yet.
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique_so_that_search_finds_them() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (name, reasons) in NAMES {
            assert!(!reasons.is_empty(), "{name}");
            assert!(!explains(name, &Rejection::Decode(DecodeError::Empty)), "{name}");
        }
    }

    #[test]
    fn one_of_several_alternatives_suffices_and_an_unknown_name_takes_any_rejection() {
        let no_gas = InvalidTransaction::IntrinsicGasTooLow { gas_limit: 1, intrinsic_gas: 21_000 };
        let no_gas = Rejection::Invalid(no_gas);
        let either = "TransactionException.INSUFFICIENT_ACCOUNT_FUNDS|\
                      TransactionException.INTRINSIC_GAS_TOO_LOW";
        assert!(explains(either, &no_gas));
        assert!(!explains("TR_NoFunds", &no_gas));
        assert!(explains("TR_NoFunds|TR_Whatever", &no_gas));
    }

    #[test]
    fn a_type_of_its_own_is_not_covered_by_the_name_of_another() {
        let blob = Rejection::Decode(DecodeError::TypeNotSupported {
            tx_type: 3,
            fork: braid_primitives::Hardfork::Shanghai,
        });
        assert!(explains("TransactionException.TYPE_3_TX_PRE_FORK", &blob));
        assert!(!explains("TransactionException.TYPE_4_TX_PRE_FORK", &blob));
        assert!(explains("TR_TypeNotSupported", &blob));
    }
}
