//! Blocks of nothing but plain transfers: what a transaction costs when no code runs.

use alloy_primitives::{Address, B256, TxKind, U256};
use braid_executor::{Block, MemoryState};
use braid_primitives::{AccountInfo, BlockContext, BlockEnv, ChainSpec, Hardfork, Transaction};

use crate::blocks::BlockCase;

/// Transfers in a block: a billion gas.
pub const TRANSFERS: u64 = 47_620;

/// Gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;
/// Wei for each gas, burnt as the base fee.
const BASE_FEE: u64 = 7;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Senders {
    /// A different account each time.
    Distinct,
    /// The same account each time.
    One,
}

impl Senders {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Distinct, Self::One];

    /// Id of the block.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Distinct => "transfers/distinct_senders",
            Self::One => "transfers/one_sender",
        }
    }
}

/// A block of `count` transfers, each to a recipient of its own.
pub fn block(senders: Senders, count: u64) -> BlockCase {
    let balance = U256::from(10).pow(U256::from(18));
    let mut state = MemoryState::new();
    let mut transactions = Vec::new();
    for index in 0..count {
        let (sender, nonce) = match senders {
            Senders::Distinct => (account(0x51, index), 0),
            Senders::One => (account(0x51, 0), index),
        };
        let recipient = account(0x7e, index);
        for address in [sender, recipient] {
            state.insert_account(address, AccountInfo { balance, ..Default::default() });
        }
        transactions.push(Transaction {
            sender,
            nonce,
            gas_limit: TRANSFER_GAS,
            max_fee_per_gas: u128::from(BASE_FEE + 1),
            max_priority_fee_per_gas: u128::from(BASE_FEE + 1),
            to: TxKind::Call(recipient),
            value: U256::from(1),
            ..Default::default()
        });
    }
    let gas_limit = count * TRANSFER_GAS;
    let env = BlockEnv {
        number: 1,
        timestamp: 1,
        gas_limit,
        base_fee: BASE_FEE,
        beneficiary: account(0xbe, 0),
        ..Default::default()
    };
    let context = BlockContext {
        parent_beacon_block_root: Some(B256::ZERO),
        withdrawals: Some(Vec::new()),
        ..Default::default()
    };
    BlockCase {
        id: senders.id().to_owned(),
        spec: ChainSpec::single(Hardfork::Osaka),
        block: Block { env, context, transactions },
        state,
        gas_used: Some(gas_limit),
    }
}

/// An address that looks random, as those of users do, and is the same in each run.
fn account(kind: u8, index: u64) -> Address {
    let hash = alloy_primitives::keccak256([&[kind][..], &index.to_be_bytes()].concat());
    Address::from_word(hash)
}

#[cfg(test)]
mod tests {
    use braid_executor::Engine;

    use super::*;
    use crate::blocks::ReadyBlock;

    #[test]
    fn every_transfer_takes_place_on_both_engines() {
        for senders in Senders::ALL {
            let ready = ReadyBlock::new(block(senders, 20), Engine::default()).unwrap();
            assert_eq!(ready.gas_used, 20 * TRANSFER_GAS);
            assert_eq!(ready.transactions(), 20);
        }
    }
}
