//! The transaction tests: signed transactions as bytes; what each fork makes of them.

use std::convert::Infallible;

use alloy_primitives::{Address, B256, Bytes, U256};
use braid_executor::{
    InvalidTransaction, SequentialExecutor, TransactError,
    codec::{DecodeError, FieldError, decode_transaction},
    intrinsic::intrinsic_gas,
};
use braid_precompiles::DefaultCrypto;
use braid_primitives::{BlockEnv, ChainSpec, Hardfork, Transaction};
use braid_tests::{
    corpus::{corpus, files_below, named_values, parse},
    world::World,
};
use serde_json::Value;

/// Chain that the tests are for.
const CHAIN_ID: u64 = 1;

#[test]
fn every_transaction_is_valid_or_not_as_its_test_says() {
    let Some(folder) = corpus("transaction", "the transaction tests") else { return };
    let mut failures = Vec::new();
    let (mut tests, mut cases) = (0, 0);
    for file in files_below(&folder, ".json") {
        for (name, test) in named_values(&file) {
            tests += 1;
            let bytes: Bytes = parse(&test["txbytes"]);
            for (fork, expected) in test["result"].as_object().into_iter().flatten() {
                cases += 1;
                let found = examine(&bytes, fork.parse().unwrap());
                if let Err(difference) = compare(expected, &found) {
                    failures.push(format!("{name}, {fork}: {difference}"));
                }
            }
        }
    }
    eprintln!("{tests} transaction tests, {cases} cases, {} failed", failures.len());
    assert!(cases > 0, "there are no transaction tests in {}", folder.display());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is known of a valid transaction.
#[derive(Debug)]
struct Facts {
    sender: Address,
    hash: B256,
    /// `None` where the decoder did not get as far as a transaction that can be executed.
    intrinsic_gas: Option<u64>,
}

impl Facts {
    fn is_like(&self, expected: &Self) -> bool {
        let Self { sender, hash, intrinsic_gas } = *self;
        let expected_gas = intrinsic_gas.and(expected.intrinsic_gas);
        (sender, hash, intrinsic_gas) == (expected.sender, expected.hash, expected_gas)
    }
}

#[derive(Debug)]
enum Rejection {
    Decode(DecodeError),
    Invalid(InvalidTransaction),
}

fn examine(bytes: &[u8], fork: Hardfork) -> Result<Facts, Rejection> {
    let crypto = DefaultCrypto::new();
    let decoded = match decode_transaction(bytes, fork, CHAIN_ID, &crypto) {
        // More than anybody can pay, but as a product with the gas limit still a number of 256 bits: well-formed.
        Err(DecodeError::FeeTooLarge { value, gas_limit, hash, sender, .. })
            if value.checked_mul(U256::from(gas_limit)).is_some() =>
        {
            return Ok(Facts { sender, hash, intrinsic_gas: None });
        }
        other => other.map_err(Rejection::Decode)?,
    };
    try_out(&decoded.transaction, fork).map_err(Rejection::Invalid)?;
    let intrinsic_gas = Some(intrinsic_gas(&decoded.transaction, fork).intrinsic_gas);
    Ok(Facts { sender: decoded.sender, hash: decoded.hash, intrinsic_gas })
}

/// Executes the transaction where only what is in itself can make it invalid: its sender is as rich as can be, the block is
/// large and cheap, and no value is sent.
fn try_out(transaction: &Transaction, fork: Hardfork) -> Result<(), InvalidTransaction> {
    let mut world = World::default();
    let account = world.accounts.entry(transaction.sender).or_default();
    account.info.balance = U256::MAX;
    account.info.nonce = transaction.nonce;
    let env = BlockEnv { number: 1, gas_limit: u64::MAX, ..BlockEnv::default() };
    let mut executor = SequentialExecutor::new(ChainSpec::single(fork), DefaultCrypto::new());
    let transaction = Transaction { value: U256::ZERO, ..transaction.clone() };
    match executor.transact(&env, &transaction, &world) {
        Ok(_) => Ok(()),
        Err(TransactError::Invalid(error)) => Err(error),
        Err(TransactError::State(never)) => match never as Infallible {},
    }
}

fn compare(expected: &Value, found: &Result<Facts, Rejection>) -> Result<(), String> {
    let Some(exception) = expected.get("exception").and_then(Value::as_str) else {
        let facts = Facts {
            sender: parse(&expected["sender"]),
            hash: parse(&expected["hash"]),
            intrinsic_gas: Some(parse(&expected["intrinsicGas"])),
        };
        return match found {
            Ok(found) if found.is_like(&facts) => Ok(()),
            _ => Err(format!("expected {facts:?}, found {found:?}")),
        };
    };
    match found {
        Err(rejection) if explains(exception, rejection) => Ok(()),
        _ => Err(format!("expected {exception}, found {found:?}")),
    }
}

/// Whether the rejection is for the reason that the test names.
fn explains(exception: &str, rejection: &Rejection) -> bool {
    let name = exception.trim_start_matches("TransactionException.");
    match rejection {
        Rejection::Decode(error) => explains_decoding(name, error),
        Rejection::Invalid(error) => explains_invalidity(name, error),
    }
}

/// Bytes may be wrong in more than one way, and a decoder finds the first one on its way.
fn explains_decoding(name: &str, error: &DecodeError) -> bool {
    let is_number = name.ends_with("_OVERFLOW") || name == "NONCE_TOO_BIG";
    let is_encoding = name.starts_with("RLP_") || name.starts_with("ADDRESS_TOO_");
    // What is wrong with `v` depends on how one reads it.
    let is_signature =
        matches!(name, "INVALID_SIGNATURE_VRS" | "EC_RECOVERY_FAIL" | "INVALID_CHAINID");
    match error {
        DecodeError::TypeNotSupported { .. } => name == "TYPE_NOT_SUPPORTED" || is_encoding,
        DecodeError::FeeTooLarge { .. } => is_number || name.starts_with("PRIORITY_GREATER"),
        DecodeError::Signature(_) => is_signature,
        // Where a field is missing, others are taken for the signature.
        DecodeError::InvalidV { .. } | DecodeError::Field(FieldError { field: "r" | "s", .. }) => {
            is_signature || is_encoding
        }
        _ => is_encoding || is_number,
    }
}

fn explains_invalidity(name: &str, error: &InvalidTransaction) -> bool {
    use InvalidTransaction as Invalid;
    match error {
        Invalid::IntrinsicGasTooLow { .. } => name == "INTRINSIC_GAS_TOO_LOW",
        Invalid::InitcodeTooLarge { .. } => name == "INITCODE_SIZE_EXCEEDED",
        Invalid::NonceAtMaximum { .. } => matches!(name, "NONCE_TOO_BIG" | "NONCE_OVERFLOW"),
        Invalid::TipAboveFeeCap { .. } => name.starts_with("PRIORITY_GREATER_THAN_MAX_FEE"),
        Invalid::CostOverflow { .. } => name.ends_with("OVERFLOW"),
        _ => false,
    }
}
