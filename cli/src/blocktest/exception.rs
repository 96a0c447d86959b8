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
    ($($name:literal => $pattern:pat,)+) => {
        &[$(($name, |error| matches!(error, $pattern))),+]
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

/// Names and what they stand for, sorted by name. Prefixes are left out. A name may also be one for transactions.
const NAMES: &[(&str, Predicate)] = names! {
    "1559BlockImportImpossible_BaseFeeWrong" => any_header!(Header::BaseFee { .. }),
    "3675PreParis1559BlockRejected" => Error::Header(Header::OmmersHash { .. } | Header::Difficulty { .. }),
    "BLOB_GAS_USED_ABOVE_LIMIT" => Error::Header(Header::BlobGasUsedAboveLimit { .. }),
    "EXTRA_DATA_INVALID_DAO" => any_header!(Header::DaoExtraData { .. }),
    "EXTRA_DATA_TOO_BIG" => any_header!(Header::ExtraDataTooLong { .. }),
    "ExtraDataTooBig" => any_header!(Header::ExtraDataTooLong { .. }),
    "GASLIMIT_TOO_BIG" => any_header!(Header::GasLimitTooHigh { .. }),
    "IMPORT_IMPOSSIBLE_LEGACY" => any_header!(Header::MissingField { field: "baseFeePerGas", .. }),
    "IMPORT_IMPOSSIBLE_LEGACY_WRONG_PARENT" => any_header!(Header::MissingField { field: "baseFeePerGas", .. }),
    "IMPORT_IMPOSSIBLE_LONDON_WRONG_PARENT" => any_header!(Header::SurplusField { field: "baseFeePerGas", .. }),
    "IMPORT_IMPOSSIBLE_PARIS_OVER_SHANGHAI" => Error::Header(Header::MissingField { field: "withdrawalsRoot", .. }),
    "IMPORT_IMPOSSIBLE_PARIS_WRONG_POS" => Error::Header(Header::Difficulty { .. }),
    "IMPORT_IMPOSSIBLE_PARIS_WRONG_POW" => Error::Header(Header::Difficulty { .. }),
    "IMPORT_IMPOSSIBLE_SHANGHAI" => Error::Header(Header::SurplusField { field: "withdrawalsRoot", .. }),
    "IMPORT_IMPOSSIBLE_UNCLES_OVER_PARIS" => Error::Header(Header::OmmersHash { .. }),
    "INCORRECT_BLOB_GAS_USED" => Error::Outcome(Outcome::BlobGasUsed { .. }) | Error::Header(Header::BlobGasUsedNoMultiple { .. }),
    "INCORRECT_BLOCK_FORMAT" => Error::Decode(_) | Error::Header(Header::MissingField { .. } | Header::SurplusField { .. }) | Error::Body(Body::MissingWithdrawals { .. } | Body::SurplusWithdrawals { .. }),
    "INCORRECT_EXCESS_BLOB_GAS" => Error::Header(Header::ExcessBlobGas { .. }),
    "INPUT_UNMARSHAL_ADDRESS_ERROR" => malformed!(FieldProblem::Length { .. }),
    "INPUT_UNMARSHAL_ERROR" => malformed!(FieldProblem::Overflow { .. }),
    "INVALID_BASEFEE_PER_GAS" => any_header!(Header::BaseFee { .. }),
    "INVALID_BLOCK_NUMBER" => any_header!(Header::Number { .. }),
    "INVALID_BLOCK_TIMESTAMP_OLDER_THAN_PARENT" => any_header!(Header::Timestamp { .. }),
    "INVALID_DEPOSIT_EVENT_LAYOUT" => Error::Execution(Block::MalformedDeposit { .. }),
    "INVALID_DIFFICULTY" => any_header!(Header::Difficulty { .. }),
    "INVALID_GASLIMIT" => any_header!(Header::GasLimitChange { .. } | Header::GasLimitTooLow { .. } | Header::GasLimitTooHigh { .. } | Header::SurplusField { field: "baseFeePerGas", .. }),
    "INVALID_GAS_USED" => Error::Outcome(Outcome::GasUsed { .. }),
    "INVALID_GAS_USED_ABOVE_LIMIT" => any_header!(Header::GasUsedAboveLimit { .. }),
    "INVALID_LOG_BLOOM" => Error::Outcome(Outcome::LogsBloom { .. }),
    "INVALID_RECEIPTS_ROOT" => root!(Receipts),
    "INVALID_REQUESTS" => Error::Outcome(Outcome::RequestsHash { .. }),
    "INVALID_STATE_ROOT" => root!(State),
    "INVALID_TRANSACTIONS_ROOT" => root!(Transactions),
    "INVALID_UNCLES_HASH" => Error::Body(Body::OmmersHash { .. }),
    "INVALID_WITHDRAWALS_ROOT" => root!(Withdrawals),
    "InvalidBlockMixHash" => Error::Seal(_),
    "InvalidBlockNonce" => Error::Seal(_),
    "InvalidDifficulty" => any_header!(Header::Difficulty { .. }),
    "InvalidDifficulty2" => any_header!(Header::Difficulty { .. }),
    "InvalidGasLimit" => any_header!(Header::GasLimitChange { .. } | Header::GasLimitTooHigh { .. }),
    "InvalidGasLimit2" => any_header!(Header::GasLimitChange { .. } | Header::GasLimitTooLow { .. }),
    "InvalidGasUsed" => Error::Outcome(Outcome::GasUsed { .. }),
    "InvalidLogBloom" => Error::Outcome(Outcome::LogsBloom { .. }),
    "InvalidNumber" => any_header!(Header::Number { .. }),
    "InvalidReceiptsStateRoot" => root!(Receipts),
    "InvalidStateRoot" => root!(State),
    "InvalidTimestamp" => any_header!(Header::Timestamp { .. }),
    "InvalidTimestampOlderParent" => any_header!(Header::Timestamp { .. }),
    "InvalidTransactionsRoot" => root!(Transactions),
    "InvalidUncleParentHash" => Error::Ommers(Ommers::ParentNotAncestor { .. } | Ommers::Ancestor { .. }),
    "InvalidUnclesHash" => Error::Body(Body::OmmersHash { .. }),
    "InvalidWithdrawals" => root!(Withdrawals),
    "PostParisUncleHashIsNotEmpty" => Error::Header(Header::OmmersHash { .. }),
    "RLP_BLOCK_LIMIT_EXCEEDED" => Error::Body(Body::TooLarge { .. }),
    "RLP_INVALID_ADDRESS" => malformed!(FieldProblem::Length { .. }),
    "RLP_INVALID_FIELD_OVERFLOW_64" => malformed!(FieldProblem::Overflow { .. }),
    "RLP_STRUCTURES_ENCODING" => Error::Decode(_) | Error::Transaction(TransactionError { error: DecodeError::Field(_), .. }),
    "SYSTEM_CONTRACT_CALL_FAILED" => Error::Execution(Block::SystemCallFailed { .. }),
    "SYSTEM_CONTRACT_EMPTY" => Error::Execution(Block::SystemContractMissing { .. }),
    "TOO_MANY_UNCLES" => Error::Ommers(Ommers::TooMany { .. }),
    "TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED" => Error::Header(Header::BlobGasUsedAboveLimit { .. }),
    "TooManyUncles" => Error::Ommers(Ommers::TooMany { .. }),
    "TooMuchGasUsed" => any_header!(Header::GasUsedAboveLimit { .. } | Header::GasLimitTooLow { .. }),
    "UNCLE_IN_CHAIN" => Error::Ommers(Ommers::AlreadyIncluded { .. } | Ommers::Ancestor { .. } | Ommers::Duplicate { .. }),
    "UNCLE_IS_ANCESTOR" => Error::Ommers(Ommers::Ancestor { .. }),
    "UNCLE_IS_BROTHER" => Error::Ommers(Ommers::Duplicate { .. } | Ommers::Sibling { .. }),
    "UNCLE_PARENT_INCORRECT" => Error::Ommers(Ommers::ParentNotAncestor { .. } | Ommers::Sibling { .. }),
    "UNCLE_UNKNOWN_PARENT" => Error::Ommers(Ommers::ParentNotAncestor { .. }),
    "UNKNOWN_PARENT" => Error::UnknownParent { .. },
    "UNKNOWN_PARENT_ZERO" => Error::UnknownParent { .. },
    "UncleInChain" => Error::Ommers(Ommers::AlreadyIncluded { .. } | Ommers::Ancestor { .. } | Ommers::Duplicate { .. }),
    "UncleIsAncestor" => Error::Ommers(Ommers::Ancestor { .. }),
    "UncleIsBrother" => Error::Ommers(Ommers::Duplicate { .. } | Ommers::Sibling { .. }),
    "UncleParentIsNotAncestor" => Error::Ommers(Ommers::ParentNotAncestor { .. }),
    "UncleTooOld" => Error::Ommers(Ommers::ParentNotAncestor { .. }),
    "UnknownParent" => Error::UnknownParent { .. },
    "UnknownParent2" => Error::UnknownParent { .. },
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
pub fn is_known_exception(exception: &str) -> bool {
    exception.split('|').all(|name| predicate(name).is_some() || reasons(name).is_some())
}

fn predicate(name: &str) -> Option<Predicate> {
    let name = name.strip_prefix("BlockException.").unwrap_or(name);
    let name = name.strip_prefix("TransactionException.").unwrap_or(name);
    let at = NAMES.binary_search_by_key(&name, |(known, _)| known).ok()?;
    Some(NAMES[at].1)
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
    fn names_are_sorted_and_unique_so_that_search_finds_them() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(NAMES.iter().all(|(name, _)| is_known_exception(name)));
    }

    #[test]
    fn a_name_covers_its_own_errors_only() {
        let unknown_parent = Error::UnknownParent { parent_hash: B256::ZERO };
        assert!(explains("UnknownParent2", &unknown_parent));
        assert!(explains("BlockException.UNKNOWN_PARENT", &unknown_parent));
        for (name, covers) in
            NAMES.iter().filter(|(name, _)| !name.to_lowercase().contains("unknown"))
        {
            assert!(!covers(&unknown_parent), "{name}");
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
