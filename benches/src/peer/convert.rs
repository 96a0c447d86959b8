//! Braid's inputs as revm's.

use alloy_primitives::{Bytes, U256};
use braid_primitives::{
    AccountInfo, Authorization, BlockEnv, ChainSpec, Hardfork, Transaction, TransactionType,
};
use revm::{
    context::{self, CfgEnv, TxEnv},
    context_interface::{
        either::Either,
        transaction::{self as peer, AccessList, RecoveredAuthority, RecoveredAuthorization},
    },
    primitives::hardfork::SpecId,
    state::{self, Bytecode},
};

/// Name of a hardfork in revm, which has no row of their own for forks that share all rules it knows of.
fn spec_id(fork: Hardfork) -> SpecId {
    match fork {
        Hardfork::Frontier => SpecId::FRONTIER,
        Hardfork::Homestead => SpecId::HOMESTEAD,
        Hardfork::Tangerine => SpecId::TANGERINE,
        Hardfork::SpuriousDragon => SpecId::SPURIOUS_DRAGON,
        Hardfork::Byzantium => SpecId::BYZANTIUM,
        Hardfork::Constantinople | Hardfork::Petersburg => SpecId::PETERSBURG,
        Hardfork::Istanbul => SpecId::ISTANBUL,
        Hardfork::Berlin => SpecId::BERLIN,
        Hardfork::London => SpecId::LONDON,
        Hardfork::Paris => SpecId::MERGE,
        Hardfork::Shanghai => SpecId::SHANGHAI,
        Hardfork::Cancun => SpecId::CANCUN,
        Hardfork::Prague => SpecId::PRAGUE,
        Hardfork::Osaka | Hardfork::Bpo1 | Hardfork::Bpo2 | Hardfork::Bpo3 | Hardfork::Bpo4 => {
            SpecId::OSAKA
        }
    }
}

/// The rules of the block.
pub(super) fn rules(chain: &ChainSpec, env: &BlockEnv) -> CfgEnv {
    let fork = chain.hardfork_at(env.number, env.timestamp);
    CfgEnv::new().with_chain_id(chain.chain_id).with_spec_and_mainnet_gas_params(spec_id(fork))
}

/// What transactions can observe of the block.
pub(super) fn block(chain: &ChainSpec, env: &BlockEnv) -> context::BlockEnv {
    let fork = chain.hardfork_at(env.number, env.timestamp);
    let mut block = context::BlockEnv {
        number: U256::from(env.number),
        beneficiary: env.beneficiary,
        timestamp: U256::from(env.timestamp),
        gas_limit: env.gas_limit,
        basefee: env.base_fee,
        difficulty: env.difficulty,
        prevrandao: (fork >= Hardfork::Paris).then_some(env.prev_randao),
        ..Default::default()
    };
    if let Some(blobs) = chain.blob_params(fork) {
        block.set_blob_excess_gas_and_price(env.excess_blob_gas, blobs.base_fee_update_fraction);
    }
    block
}

/// A transaction.
pub fn transaction(tx: &Transaction) -> TxEnv {
    TxEnv {
        tx_type: tx.tx_type as u8,
        caller: tx.sender,
        gas_limit: tx.gas_limit,
        gas_price: tx.max_fee_per_gas,
        kind: tx.to,
        value: tx.value,
        data: tx.input.clone(),
        nonce: tx.nonce,
        chain_id: tx.chain_id,
        access_list: AccessList(
            tx.access_list
                .iter()
                .map(|item| peer::AccessListItem {
                    address: item.address,
                    storage_keys: item.storage_keys.clone(),
                })
                .collect(),
        ),
        gas_priority_fee: (tx.tx_type >= TransactionType::DynamicFee)
            .then_some(tx.max_priority_fee_per_gas),
        blob_hashes: tx.blob_hashes.clone(),
        max_fee_per_blob_gas: tx.max_fee_per_blob_gas,
        authorization_list: tx.authorizations.iter().map(authorization).collect(),
    }
}

fn authorization(
    authorization: &Authorization,
) -> Either<peer::SignedAuthorization, RecoveredAuthorization> {
    let inner = peer::Authorization {
        chain_id: authorization.chain_id,
        address: authorization.address,
        nonce: authorization.nonce,
    };
    let authority =
        authorization.authority.map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
    Either::Right(RecoveredAuthorization::new_unchecked(inner, authority))
}

/// An account with its code.
pub fn account(info: &AccountInfo, code: Bytecode) -> state::AccountInfo {
    state::AccountInfo {
        balance: info.balance,
        nonce: info.nonce,
        code_hash: info.code_hash,
        code: Some(code),
        ..Default::default()
    }
}

/// Code, analysed.
pub fn bytecode(code: Bytes) -> Bytecode {
    Bytecode::new_raw(code)
}
