use std::collections::BTreeMap;

use alloy_primitives::{B256, U256, b256};
use braid_executor::{BlockOutcome, MemoryState, SequentialExecutor};
use braid_precompiles::PortableCrypto;
use braid_primitives::{KECCAK256_EMPTY, Receipt, ReceiptOutcome, StateReader};

use super::*;
use crate::bench::world::{RESERVE, balance_slot, reserves_slot, total_supply_slot};

const GAS: u64 = 6_000_000;
const TRANSFER_TOPIC: B256 =
    b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
const SYNC_TOPIC: B256 = b256!("1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1");
const SWAP_TOPIC: B256 = b256!("d78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822");

/// The block, its outcome, and the state after it.
fn executed(workload: Workload, gas: u64) -> (BenchBlock, BlockOutcome, MemoryState) {
    let bench = workload.block(gas);
    let mut executor = SequentialExecutor::new(bench.spec.clone(), PortableCrypto::new());
    executor.set_missing_request_contracts(bench.missing_request_contracts());
    let outcome = executor.execute_block(&bench.block, &bench.state).unwrap();
    let mut after = bench.state.clone();
    after.apply(&outcome.state);
    (bench, outcome, after)
}

fn is_success(receipt: &Receipt) -> bool {
    receipt.outcome == ReceiptOutcome::Status(true)
}

/// Accounts with this many bytes of code.
fn contracts(state: &MemoryState, code_like: Address) -> Vec<Address> {
    let code_hash = state.account(code_like).unwrap().unwrap().code_hash;
    assert_ne!(code_hash, KECCAK256_EMPTY);
    let is_alike = |address: &Address| {
        state.account(*address).unwrap().is_some_and(|info| info.code_hash == code_hash)
    };
    state.addresses().filter(is_alike).collect()
}

#[test]
fn every_transaction_succeeds_and_the_blocks_are_as_large_as_asked_for() {
    for workload in Workload::ALL {
        let (bench, outcome, _) = executed(workload, GAS);
        let name = workload.name();
        assert_eq!(bench.name, name);
        assert_eq!(outcome.receipts.len(), bench.block.transactions.len(), "{name}");
        assert!(outcome.receipts.iter().all(is_success), "{name}");
        let ratio = outcome.gas_used as f64 / GAS as f64;
        assert!((0.93..1.03).contains(&ratio), "{name} uses {} gas", outcome.gas_used);
    }
}

#[test]
fn no_block_is_empty() {
    for workload in Workload::ALL {
        assert_eq!(workload.block(0).block.transactions.len(), 1, "{}", workload.name());
    }
}

#[test]
fn names_are_different() {
    let names: BTreeMap<_, _> = Workload::ALL.iter().map(|one| (one.name(), one)).collect();
    assert_eq!(names.len(), Workload::ALL.len());
}

#[test]
fn transfers_move_a_wei_each() {
    let (bench, _, after) = executed(Workload::TransfersToOneRecipient, GAS);
    let balance =
        |state: &MemoryState| state.account(account(Role::Recipient, 0)).unwrap().unwrap().balance;
    let count = U256::from(bench.block.transactions.len());
    assert_eq!(balance(&after), balance(&bench.state) + count);
    let (bench, _, after) = executed(Workload::TransfersOfOneSender, GAS);
    let sender = after.account(account(Role::Sender, 0)).unwrap().unwrap();
    assert_eq!(sender.nonce, bench.block.transactions.len() as u64);
}

#[test]
fn tokens_change_hands_and_none_is_lost() {
    for workload in [
        Workload::TokenTransfersOfManyTokens,
        Workload::TokenTransfersOfOneToken,
        Workload::TokenTransfersToOneHolder,
        Workload::SwapsInOnePool,
        Workload::Mixed,
    ] {
        let (_, outcome, after) = executed(workload, GAS);
        for token in contracts(&after, account(Role::Token, 0)) {
            let balances = after.slots(token).filter(|(slot, _)| slot.bit_len() > 64);
            let is_balance = |(_, value): &(U256, U256)| *value != U256::MAX;
            let sum: U256 = balances.filter(is_balance).map(|(_, value)| value).sum();
            assert_eq!(sum, after.storage(token, total_supply_slot()).unwrap());
        }
        let is_transfer = |log: &&braid_primitives::Log| log.topics()[0] == TRANSFER_TOPIC;
        assert!(outcome.receipts.iter().flat_map(|receipt| &receipt.logs).any(|l| is_transfer(&l)));
    }
}

#[test]
fn a_token_transfer_takes_what_it_gives_and_says_so() {
    let (bench, outcome, after) = executed(Workload::TokenTransfersOfOneToken, 100_000);
    let token = account(Role::Token, 0);
    let balance = |state: &MemoryState, of| state.storage(token, balance_slot(of)).unwrap();
    for index in 0..bench.block.transactions.len() as u64 {
        let (from, to) = (sender(index), recipient(index));
        let amount = U256::from(1_000_000 + index);
        assert_eq!(balance(&after, from), balance(&bench.state, from) - amount);
        assert_eq!(balance(&after, to), balance(&bench.state, to) + amount);
        let [log] = &outcome.receipts[index as usize].logs[..] else { panic!("{outcome:?}") };
        assert_eq!(log.topics(), [TRANSFER_TOPIC, from.into_word(), to.into_word()]);
        assert_eq!(U256::from_be_slice(&log.data.data), amount);
    }
}

#[test]
fn the_product_of_a_pool_never_falls() {
    for workload in [Workload::SwapsInOnePool, Workload::SwapsInManyPools, Workload::Mixed] {
        let (bench, _, after) = executed(workload, GAS);
        let mut changed = 0;
        for pool in contracts(&after, account(Role::Pool, 0)) {
            let (before, now) = (reserves(&bench.state, pool), reserves(&after, pool));
            let product = |reserves: [U256; 2]| reserves[0] * reserves[1];
            assert!(product(now) >= product(before));
            changed += usize::from(product(now) > product(before));
            let token = |slot: u64| {
                let word = after.storage(pool, U256::from(slot)).unwrap();
                Address::from_word(word.into())
            };
            for (token, reserve) in [token(6), token(7)].into_iter().zip(now) {
                assert_eq!(after.storage(token, balance_slot(pool)).unwrap(), reserve);
            }
        }
        assert!(changed > 0);
    }
}

fn reserves(state: &MemoryState, pool: Address) -> [U256; 2] {
    let packed = state.storage(pool, reserves_slot()).unwrap();
    let mask = (U256::from(1) << 112) - U256::from(1);
    [packed & mask, (packed >> 112) & mask]
}

#[test]
fn a_swap_gives_what_the_formula_says_and_logs_it() {
    for (which, index) in [(0, 0_u64), (1, 1)] {
        let (bench, outcome, after) = executed(Workload::SwapsInManyPools, 200_000);
        let (pool, trader) = (account(Role::Pool, index), sender(index));
        let tokens = [account(Role::Token, 0), account(Role::Token, 1)];
        let reserve = U256::from(RESERVE);
        let paid_in = U256::from(crate::bench::world::HOLDING / 1_000 + u128::from(index));
        let after_fee = paid_in * U256::from(997);
        let out = reserve * after_fee / (reserve * U256::from(1_000) + after_fee);
        let balance =
            |state: &MemoryState, token| state.storage(token, balance_slot(trader)).unwrap();
        let (token_in, token_out) = (tokens[which], tokens[1 - which]);
        assert_eq!(balance(&after, token_in), balance(&bench.state, token_in) - paid_in);
        assert_eq!(balance(&after, token_out), balance(&bench.state, token_out) + out);
        let logs = &outcome.receipts[index as usize].logs;
        let topics: Vec<B256> = logs.iter().map(|log| log.topics()[0]).collect();
        assert_eq!(topics, [TRANSFER_TOPIC, TRANSFER_TOPIC, SYNC_TOPIC, SWAP_TOPIC]);
        assert!(logs[2..].iter().all(|log| log.address == pool));
        let words: Vec<U256> = logs[3].data.data.chunks(32).map(U256::from_be_slice).collect();
        let zero = U256::ZERO;
        let expected = [[paid_in, zero, zero, out], [zero, paid_in, out, zero]];
        assert_eq!(words, expected[which]);
    }
}

#[test]
fn each_link_of_the_serial_chain_changes_what_the_next_one_reads() {
    let chain = account(Role::Chain, 0);
    let mut seen = BTreeMap::new();
    for links in 1..5 {
        let (_, _, after) = executed(Workload::Serial, links * LINK_GAS);
        seen.insert(after.storage(chain, U256::ZERO).unwrap(), links);
    }
    assert_eq!(seen.len(), 4);
}
