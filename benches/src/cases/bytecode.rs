//! Cases that are code and calldata.

use std::{fs, path::Path};

use alloy_primitives::{Address, Bytes, TxKind, U256, hex};
use braid_executor::SequentialExecutor;
use braid_precompiles::DefaultCrypto;
use braid_primitives::{BlockEnv, Hardfork, Transaction};

use super::{Account, Case, Class};
use crate::error::BenchError;

/// Who sends the transactions.
const SENDER: Address = Address::repeat_byte(0x11);
/// Where contracts are that come without an address.
const CONTRACT: Address = Address::repeat_byte(0xcc);
/// Gas limit of every transaction.
const GAS_LIMIT: u64 = 1_000_000_000;
/// The last fork without a cap on the gas of a transaction.
const FORK: Hardfork = Hardfork::Prague;

/// Runtime code of `revme-bench`, with its calldata. Its burntpix and snailtracer are those of other sources; snailtracer is
/// kept as the classic, burntpix needs more state than this folder has.
const RUNTIME: &[(&str, [u8; 4])] =
    &[("analysis", hex!("8035f0ce")), ("snailtracer", hex!("30627b7c"))];

/// Adds the cases of `revme-bench` and `evm-bench-compiled`.
pub(super) fn load(root: &Path, cases: &mut Vec<Case>) -> Result<(), BenchError> {
    for (name, calldata) in RUNTIME {
        let code = read_hex(&root.join(format!("revme-bench/{name}.hex")))?;
        let contract = Account::new(CONTRACT, 1, U256::ZERO, code);
        let call = call(CONTRACT, 0, Bytes::from(*calldata));
        cases.push(case(format!("revme-bench/{name}"), call, vec![sender(), contract]));
    }
    let folder = root.join("evm-bench-compiled");
    let io = |error| BenchError::Io { path: folder.clone(), error };
    for entry in fs::read_dir(&folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.is_dir() {
            cases.push(load_initcode(&path)?);
        }
    }
    Ok(())
}

/// Deploys the contract of a folder; the case is the call that follows.
fn load_initcode(folder: &Path) -> Result<Case, BenchError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let initcode = read_hex(&folder.join("bytecode.txt"))?;
    let calldata = read_hex(&folder.join("calldata.txt"))?;
    let creation = Transaction { to: TxKind::Create, ..call(CONTRACT, 0, initcode) };
    let deployment = case(name.to_string(), creation, vec![sender()]);
    let mut executor = SequentialExecutor::new(deployment.chain(), DefaultCrypto::default());
    let state = deployment.braid_state();
    let (outcome, delta) = executor
        .transact(&deployment.env, &deployment.transaction, &state)
        .map_err(|error| BenchError::malformed(folder, error))?;
    let Some(contract) = outcome.created else {
        let reason = format!("the initcode deploys nothing: {:?}", outcome.status);
        return Err(BenchError::malformed(folder, reason));
    };
    let accounts = delta.accounts.iter().filter_map(|(address, change)| {
        let info = change.info?;
        let code = delta.code.get(&info.code_hash).cloned().unwrap_or_default();
        let storage = change.storage.iter().map(|(slot, value)| (*slot, *value)).collect();
        Some(Account { address: *address, info, code, storage })
    });
    Ok(case(format!("evm-bench-compiled/{name}"), call(contract, 1, calldata), accounts.collect()))
}

fn case(id: String, transaction: Transaction, accounts: Vec<Account>) -> Case {
    let env = BlockEnv { number: 1, timestamp: 1, gas_limit: GAS_LIMIT, ..Default::default() };
    Case { class: Class::of(&id), id, fork: FORK, env, transaction, accounts }
}

fn call(to: Address, nonce: u64, input: Bytes) -> Transaction {
    Transaction {
        sender: SENDER,
        nonce,
        gas_limit: GAS_LIMIT,
        to: TxKind::Call(to),
        input,
        ..Default::default()
    }
}

fn sender() -> Account {
    Account::new(SENDER, 0, U256::MAX >> 1, Bytes::new())
}

fn read_hex(path: &Path) -> Result<Bytes, BenchError> {
    let text = fs::read_to_string(path)
        .map_err(|error| BenchError::Io { path: path.to_owned(), error })?;
    let code = hex::decode(text.trim()).map_err(|error| BenchError::malformed(path, error))?;
    Ok(code.into())
}
