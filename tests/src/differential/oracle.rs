//! The oracle: the same transaction on another engine.

use std::convert::Infallible;

use alloy_primitives::{Address, B256, Bytes, Log, U256};
use braid_primitives::{BlockEnv, Hardfork, StateReader, Transaction};
use revm::{
    Context, ExecuteEvm, MainBuilder, MainContext,
    context::{
        CfgEnv, TxEnv,
        either::Either,
        result::{EVMError, ExecutionResult, InvalidTransaction},
        transaction::{
            AccessList, AccessListItem, Authorization, RecoveredAuthority, RecoveredAuthorization,
        },
    },
    context_interface::block::BlobExcessGasAndPrice,
    primitives::hardfork::SpecId,
    state::{AccountInfo, Bytecode, EvmState},
};

use super::compare::{Ending, Observed};
use crate::world::World;

impl revm::Database for &World {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let Some(account) = self.accounts.get(&address) else { return Ok(None) };
        let info = &account.info;
        Ok(Some(AccountInfo {
            balance: info.balance,
            nonce: info.nonce,
            code_hash: info.code_hash,
            code: None,
            ..Default::default()
        }))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Infallible> {
        let code = StateReader::code(*self, code_hash)?;
        // Bytes that look like a designator and are none (before Prague) are code.
        Ok(Bytecode::new_eip7702_raw(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code)))
    }

    fn storage(&mut self, address: Address, index: U256) -> Result<U256, Infallible> {
        StateReader::storage(*self, address, index)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        StateReader::block_hash(*self, number)
    }
}

/// Most blobs of a transaction, and the update fraction of the blob base fee.
const fn blob_limits(fork: Hardfork) -> (u64, u64) {
    match fork {
        Hardfork::Osaka => (6, 5_007_716),
        Hardfork::Prague => (9, 5_007_716),
        _ => (6, 3_338_477),
    }
}

fn spec(fork: Hardfork) -> SpecId {
    match fork {
        Hardfork::Frontier => SpecId::FRONTIER,
        Hardfork::Homestead => SpecId::HOMESTEAD,
        Hardfork::Tangerine => SpecId::TANGERINE,
        Hardfork::SpuriousDragon => SpecId::SPURIOUS_DRAGON,
        Hardfork::Byzantium => SpecId::BYZANTIUM,
        Hardfork::Petersburg => SpecId::PETERSBURG,
        Hardfork::Istanbul => SpecId::ISTANBUL,
        Hardfork::Berlin => SpecId::BERLIN,
        Hardfork::London => SpecId::LONDON,
        Hardfork::Paris => SpecId::MERGE,
        Hardfork::Shanghai => SpecId::SHANGHAI,
        Hardfork::Cancun => SpecId::CANCUN,
        Hardfork::Prague => SpecId::PRAGUE,
        Hardfork::Osaka => SpecId::OSAKA,
        other => unreachable!("the oracle does not know {other}"),
    }
}

/// Executes the transaction; returns what is to be seen of it and the state after it.
///
/// # Errors
/// The class of the reason, if the transaction is invalid.
pub fn transact(
    fork: Hardfork,
    env: &BlockEnv,
    transaction: &Transaction,
    world: &World,
) -> Result<(Observed, World), &'static str> {
    let (max_blobs, fraction) = blob_limits(fork);
    let mut cfg = CfgEnv::new_with_spec(spec(fork));
    cfg.set_max_blobs_per_tx(max_blobs);
    cfg.blob_base_fee_update_fraction = Some(fraction);
    let block = revm::context::BlockEnv {
        number: U256::from(env.number),
        beneficiary: env.beneficiary,
        timestamp: U256::from(env.timestamp),
        gas_limit: env.gas_limit,
        basefee: env.base_fee,
        difficulty: env.difficulty,
        prevrandao: (fork >= Hardfork::Paris).then_some(env.prev_randao),
        blob_excess_gas_and_price: (fork >= Hardfork::Cancun)
            .then(|| BlobExcessGasAndPrice::new(env.excess_blob_gas, fraction)),
        slot_num: 0,
    };
    let mut evm = Context::mainnet().with_db(world).with_cfg(cfg).with_block(block).build_mainnet();
    match evm.transact(transaction_env(transaction)) {
        Ok(output) => {
            let mut after = world.clone();
            apply(&mut after, &output.state, fork);
            Ok((observe(output.result), after))
        }
        Err(EVMError::Transaction(error)) => Err(rejection(&error)),
        Err(error) => unreachable!("the oracle failed: {error:?}"),
    }
}

fn transaction_env(transaction: &Transaction) -> TxEnv {
    let access_list = transaction.access_list.iter().map(|item| AccessListItem {
        address: item.address,
        storage_keys: item.storage_keys.clone(),
    });
    let authorizations = transaction.authorizations.iter().map(|authorization| {
        let inner = Authorization {
            chain_id: authorization.chain_id,
            address: authorization.address,
            nonce: authorization.nonce,
        };
        let authority =
            authorization.authority.map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
        Either::Right(RecoveredAuthorization::new_unchecked(inner, authority))
    });
    let tx_type = transaction.tx_type as u8;
    TxEnv {
        tx_type,
        caller: transaction.sender,
        gas_limit: transaction.gas_limit,
        gas_price: transaction.max_fee_per_gas,
        kind: transaction.to,
        value: transaction.value,
        data: transaction.input.clone(),
        nonce: transaction.nonce,
        chain_id: transaction.chain_id,
        access_list: AccessList(access_list.collect()),
        gas_priority_fee: (tx_type >= 2).then_some(transaction.max_priority_fee_per_gas),
        blob_hashes: transaction.blob_hashes.clone(),
        max_fee_per_blob_gas: transaction.max_fee_per_blob_gas,
        authorization_list: authorizations.collect(),
    }
}

fn observe(result: ExecutionResult) -> Observed {
    let gas = *result.gas();
    let created = result.created_address();
    let (ending, logs, output) = match result {
        ExecutionResult::Success { logs, output, .. } => {
            (Ending::Success, logs, output.into_data())
        }
        ExecutionResult::Revert { output, .. } => (Ending::Revert, Vec::<Log>::new(), output),
        ExecutionResult::Halt { .. } => (Ending::Halt, Vec::new(), Bytes::new()),
    };
    Observed {
        ending,
        gas_used: gas.tx_gas_used(),
        gas_refunded: gas.inner_refunded(),
        logs,
        output,
        created,
    }
}

/// Makes the changes that the oracle reports: everything it touched, with EIP-161 on top.
fn apply(world: &mut World, changes: &EvmState, fork: Hardfork) {
    for (address, account) in changes {
        if !account.is_touched() {
            continue;
        }
        let is_cleared = fork >= Hardfork::SpuriousDragon && account.is_empty();
        if account.is_selfdestructed() || is_cleared {
            world.accounts.remove(address);
            continue;
        }
        if let Some(code) = &account.info.code
            && !code.is_empty()
        {
            world.code.insert(account.info.code_hash, code.original_bytes());
        }
        let after = world.accounts.entry(*address).or_default();
        after.info = braid_primitives::AccountInfo {
            nonce: account.info.nonce,
            balance: account.info.balance,
            code_hash: account.info.code_hash,
        };
        if account.is_created() {
            after.storage.clear();
        }
        for (key, slot) in account.changed_storage_slots() {
            after.set_slot(*key, slot.present_value());
        }
    }
}

fn rejection(error: &InvalidTransaction) -> &'static str {
    use InvalidTransaction as Invalid;
    match error {
        Invalid::Eip2930NotSupported
        | Invalid::Eip1559NotSupported
        | Invalid::Eip4844NotSupported
        | Invalid::Eip7702NotSupported => "type",
        Invalid::InvalidChainId => "chain id",
        Invalid::MissingChainId => "no chain id",
        Invalid::NonceTooLow { .. } => "nonce too low",
        Invalid::NonceTooHigh { .. } => "nonce too high",
        Invalid::NonceOverflowInTransaction => "nonce at maximum",
        Invalid::RejectCallerWithCode => "sender has code",
        Invalid::LackOfFundForMaxFee { .. } => "funds",
        Invalid::OverflowPaymentInTransaction => "cost overflow",
        Invalid::CallGasCostMoreThanGasLimit { .. } => "intrinsic gas",
        Invalid::GasFloorMoreThanGasLimit { .. } => "floor gas",
        Invalid::CallerGasLimitMoreThanBlock => "block gas limit",
        Invalid::TxGasLimitGreaterThanCap { .. } => "gas cap",
        Invalid::GasPriceLessThanBasefee => "fee cap",
        Invalid::PriorityFeeGreaterThanMaxFee => "tip",
        Invalid::CreateInitCodeSizeLimit => "initcode",
        Invalid::EmptyBlobs => "no blobs",
        Invalid::TooManyBlobs { .. } => "blobs",
        Invalid::BlobVersionNotSupported => "blob version",
        Invalid::BlobGasPriceGreaterThanMax { .. } => "blob fee",
        Invalid::EmptyAuthorizationList => "no authorizations",
        _ => "other",
    }
}
