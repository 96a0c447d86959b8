//! The names that tests give to reasons for rejecting a block.
//!
//! Three vintages of names are in use. A name may stand for several reasons where clients check in different orders, and
//! tests join alternatives with `|`. What is wrong with a transaction has the names that state tests use.

use braid_executor::{
    InvalidBlock as Block,
    body_rules::{InvalidBody as Body, InvalidOutcome as Outcome},
    codec::{BlockDecodeError, DecodeError, FieldError, FieldProblem, TransactionError},
    header_rules::InvalidHeader as Header,
    ommers::InvalidOmmers as Ommers,
};

use crate::{
    chain::{ImportError as Error, Root, WrongRoot},
    exception::{Rejection, reasons},
};

/// Whether an error is what a name stands for.
type Predicate = fn(&Error) -> bool;

/// A table of names and the errors that they stand for.
macro_rules! names {
    ($([$($name:literal),+ $(,)?] => $pattern:pat,)+) => {
        &[$((&[$($name),+], |error| matches!(error, $pattern))),+]
    };
}

/// A header, of the block or of an ommer, that breaks a rule.
macro_rules! any_header {
    ($rule:pat) => {
        Error::Header($rule) | Error::Ommers(Ommers::Header { error: $rule, .. })
    };
}

/// Bytes that are no block, because of a field.
macro_rules! malformed {
    ($problem:pat) => {
        Error::Decode(BlockDecodeError { error: FieldError { problem: $problem, .. }, .. })
    };
}

/// A root that is not that of the header.
macro_rules! root {
    ($root:ident) => {
        Error::Root(WrongRoot { root: Root::$root, .. })
    };
}

/// Names and what they stand for, by the part of the block that is wrong. Prefixes are left out. Transactions have names of
/// their own.
const NAMES: &[(&[&str], Predicate)] = names! {
    ["UNKNOWN_PARENT", "UNKNOWN_PARENT_ZERO", "UnknownParent", "UnknownParent2"] => Error::UnknownParent { .. },

    // Bytes.
    ["RLP_STRUCTURES_ENCODING"] =>
        Error::Decode(_) | Error::Transaction(TransactionError { error: DecodeError::Field(_), .. }),
    ["RLP_INVALID_ADDRESS", "INPUT_UNMARSHAL_ADDRESS_ERROR"] => malformed!(FieldProblem::Length { .. }),
    ["RLP_INVALID_FIELD_OVERFLOW_64", "INPUT_UNMARSHAL_ERROR"] => malformed!(FieldProblem::Overflow { .. }),
    ["INCORRECT_BLOCK_FORMAT"] =>
        Error::Decode(_)
        | Error::Header(Header::MissingField { .. } | Header::SurplusField { .. })
        | Error::Body(Body::MissingWithdrawals { .. } | Body::SurplusWithdrawals { .. }),
    ["RLP_BLOCK_LIMIT_EXCEEDED"] => Error::Body(Body::TooLarge { .. }),

    // Headers.
    ["INVALID_BLOCK_NUMBER", "InvalidNumber"] => any_header!(Header::Number { .. }),
    ["INVALID_BLOCK_TIMESTAMP_OLDER_THAN_PARENT", "InvalidTimestamp", "InvalidTimestampOlderParent"] =>
        any_header!(Header::Timestamp { .. }),
    ["EXTRA_DATA_TOO_BIG", "ExtraDataTooBig"] => any_header!(Header::ExtraDataTooLong { .. }),
    ["EXTRA_DATA_INVALID_DAO"] => any_header!(Header::DaoExtraData { .. }),
    ["GASLIMIT_TOO_BIG"] => any_header!(Header::GasLimitTooHigh { .. }),
    // A header of London before its time breaks two rules.
    ["INVALID_GASLIMIT", "InvalidGasLimit", "InvalidGasLimit2"] => any_header!(
        Header::GasLimitChange { .. }
        | Header::GasLimitTooLow { .. }
        | Header::GasLimitTooHigh { .. }
        | Header::SurplusField { field: "baseFeePerGas", .. }
    ),
    ["INVALID_GAS_USED_ABOVE_LIMIT"] => any_header!(Header::GasUsedAboveLimit { .. }),
    // A gas limit of zero breaks two rules.
    ["TooMuchGasUsed"] => any_header!(Header::GasUsedAboveLimit { .. } | Header::GasLimitTooLow { .. }),
    ["INVALID_BASEFEE_PER_GAS", "1559BlockImportImpossible_BaseFeeWrong"] => any_header!(Header::BaseFee { .. }),
    ["INVALID_DIFFICULTY", "InvalidDifficulty", "InvalidDifficulty2"] => any_header!(Header::Difficulty { .. }),
    ["IMPORT_IMPOSSIBLE_PARIS_WRONG_POS", "IMPORT_IMPOSSIBLE_PARIS_WRONG_POW"] =>
        Error::Header(Header::Difficulty { .. }),
    ["IMPORT_IMPOSSIBLE_LEGACY", "IMPORT_IMPOSSIBLE_LEGACY_WRONG_PARENT"] =>
        any_header!(Header::MissingField { field: "baseFeePerGas", .. }),
    ["IMPORT_IMPOSSIBLE_LONDON_WRONG_PARENT"] => any_header!(Header::SurplusField { field: "baseFeePerGas", .. }),
    ["IMPORT_IMPOSSIBLE_PARIS_OVER_SHANGHAI"] =>
        Error::Header(Header::MissingField { field: "withdrawalsRoot", .. }),
    ["IMPORT_IMPOSSIBLE_SHANGHAI"] => Error::Header(Header::SurplusField { field: "withdrawalsRoot", .. }),
    ["IMPORT_IMPOSSIBLE_UNCLES_OVER_PARIS", "PostParisUncleHashIsNotEmpty", "3675PreParis1559BlockRejected"] =>
        Error::Header(Header::OmmersHash { .. }),
    ["INCORRECT_EXCESS_BLOB_GAS"] => Error::Header(Header::ExcessBlobGas { .. }),
    // A header that says what its transactions do is found out before they are.
    ["BLOB_GAS_USED_ABOVE_LIMIT", "TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED"] =>
        Error::Header(Header::BlobGasUsedAboveLimit { .. }),
    ["InvalidBlockMixHash", "InvalidBlockNonce"] => Error::Seal(_),

    // Ommers.
    ["INVALID_UNCLES_HASH", "InvalidUnclesHash"] => Error::Body(Body::OmmersHash { .. }),
    ["TOO_MANY_UNCLES", "TooManyUncles"] => Error::Ommers(Ommers::TooMany { .. }),
    ["UNCLE_IN_CHAIN", "UncleInChain"] =>
        Error::Ommers(Ommers::AlreadyIncluded { .. } | Ommers::Ancestor { .. } | Ommers::Duplicate { .. }),
    ["UNCLE_IS_ANCESTOR", "UncleIsAncestor"] => Error::Ommers(Ommers::Ancestor { .. }),
    ["UNCLE_IS_BROTHER", "UncleIsBrother"] => Error::Ommers(Ommers::Duplicate { .. } | Ommers::Sibling { .. }),
    ["UNCLE_UNKNOWN_PARENT", "UncleParentIsNotAncestor", "UncleTooOld"] =>
        Error::Ommers(Ommers::ParentNotAncestor { .. }),
    ["UNCLE_PARENT_INCORRECT"] => Error::Ommers(Ommers::ParentNotAncestor { .. } | Ommers::Sibling { .. }),
    ["InvalidUncleParentHash"] => Error::Ommers(Ommers::ParentNotAncestor { .. } | Ommers::Ancestor { .. }),

    // Transactions, where the block is to blame.
    ["TYPE_3_TX_WITH_FULL_BLOBS"] => Error::Transaction(TransactionError { error: DecodeError::Field(_), .. }),
    ["INVALID_VERSIONED_HASHES"] => Error::Transaction(TransactionError {
        error: DecodeError::TypeNotSupported { tx_type: 3, .. },
        ..
    }),

    // Execution and its outcome.
    ["INVALID_DEPOSIT_EVENT_LAYOUT"] => Error::Execution(Block::MalformedDeposit { .. }),
    ["SYSTEM_CONTRACT_CALL_FAILED"] => Error::Execution(Block::SystemCallFailed { .. }),
    ["SYSTEM_CONTRACT_EMPTY"] => Error::Execution(Block::SystemContractMissing { .. }),
    ["INVALID_GAS_USED", "InvalidGasUsed"] => Error::Outcome(Outcome::GasUsed { .. }),
    ["INCORRECT_BLOB_GAS_USED"] =>
        Error::Outcome(Outcome::BlobGasUsed { .. }) | Error::Header(Header::BlobGasUsedNoMultiple { .. }),
    ["INVALID_LOG_BLOOM", "InvalidLogBloom"] => Error::Outcome(Outcome::LogsBloom { .. }),
    ["INVALID_REQUESTS"] => Error::Outcome(Outcome::RequestsHash { .. }),

    // Roots.
    ["INVALID_TRANSACTIONS_ROOT", "InvalidTransactionsRoot"] => root!(Transactions),
    ["INVALID_WITHDRAWALS_ROOT", "InvalidWithdrawals"] => root!(Withdrawals),
    ["INVALID_RECEIPTS_ROOT", "InvalidReceiptsStateRoot"] => root!(Receipts),
    ["INVALID_STATE_ROOT", "InvalidStateRoot"] => root!(State),
    // To a client that is handed body and hash, a body that is not the header's is a wrong hash.
    ["INVALID_BLOCK_HASH"] => root!(Transactions) | root!(Withdrawals),
};

/// Whether `error` is what `exception` stands for. A name that is not known asks for a rejection and says nothing about its
/// kind: any will do.
pub(super) fn explains(exception: &str, error: &Error) -> bool {
    let rejection = rejection(error);
    exception.split('|').any(|name| {
        let predicate = predicate(name);
        let reasons = reasons(name);
        let is_of_block = predicate.is_some_and(|covers| covers(error));
        let is_of_transaction = rejection.as_ref().is_some_and(|rejection| {
            reasons.into_iter().flatten().any(|reason| reason.covers(rejection))
        });
        is_of_block || is_of_transaction || (predicate.is_none() && reasons.is_none())
    })
}

/// Whether every name in `exception` is known. Any rejection will do for one that is not.
pub(super) fn is_known_exception(exception: &str) -> bool {
    exception.split('|').all(|name| predicate(name).is_some() || reasons(name).is_some())
}

fn predicate(name: &str) -> Option<Predicate> {
    let name = name.strip_prefix("BlockException.").unwrap_or(name);
    let name = name.strip_prefix("TransactionException.").unwrap_or(name);
    NAMES.iter().find(|(names, _)| names.contains(&name)).map(|(_, covers)| *covers)
}

/// What is wrong with a transaction, if that is the error.
fn rejection(error: &Error) -> Option<Rejection> {
    match error {
        Error::Transaction(TransactionError { error, .. }) => Some(error.clone().into()),
        Error::Execution(Block::Transaction { error, .. }) => Some(error.clone().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use braid_executor::InvalidTransaction;
    use braid_primitives::{Address, B256};

    use super::*;

    #[test]
    fn a_name_stands_in_one_place_and_covers_its_own_errors_only() {
        let mut names: Vec<&str> = NAMES.iter().flat_map(|(names, _)| *names).copied().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        let unknown_parent = Error::UnknownParent { parent_hash: B256::ZERO };
        for name in names {
            assert!(is_known_exception(&format!("BlockException.{name}")));
            let is_covered = explains(name, &unknown_parent);
            assert_eq!(is_covered, name.to_lowercase().starts_with("unknown"), "{name}");
        }
    }

    #[test]
    fn ommers_are_rejected_for_what_is_wrong_with_their_headers() {
        let error = Header::Number { parent: 1, found: 3 };
        assert!(explains("InvalidNumber", &Error::Header(error.clone())));
        assert!(explains("InvalidNumber", &Error::Ommers(Ommers::Header { index: 1, error })));
    }

    #[test]
    fn a_transaction_is_rejected_under_the_names_of_state_tests() {
        let error = InvalidTransaction::NonceTooLow { sender: Address::ZERO, got: 0, expected: 1 };
        let error = Error::Execution(Block::Transaction { index: 0, error });
        assert!(explains("TransactionException.NONCE_MISMATCH_TOO_LOW", &error));
        assert!(!explains("TransactionException.NONCE_MISMATCH_TOO_HIGH", &error));
        assert!(!explains("BlockException.INVALID_STATE_ROOT", &error));
        let either =
            "BlockException.INVALID_STATE_ROOT|TransactionException.NONCE_MISMATCH_TOO_LOW";
        assert!(explains(either, &error));
    }

    #[test]
    fn an_unknown_name_takes_any_error_and_is_told_apart() {
        assert!(explains("Gremlins", &Error::UnknownParent { parent_hash: B256::ZERO }));
        assert!(!is_known_exception("Gremlins"));
        assert!(!is_known_exception("InvalidNumber|Gremlins"));
    }
}
