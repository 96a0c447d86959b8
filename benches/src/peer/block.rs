//! A whole block on revm.

use alloy_primitives::{Address, Bloom, Bytes, U256};
use braid_executor::{
    Block,
    deposits::deposit_requests,
    rewards::block_rewards,
    system_calls::{
        BEACON_ROOTS_ADDRESS, CONSOLIDATION_REQUESTS_ADDRESS, HISTORY_ADDRESS,
        WITHDRAWAL_REQUESTS_ADDRESS,
    },
};
use braid_primitives::{
    ChainSpec, Hardfork, Receipt, ReceiptOutcome, StateReader, TransactionType,
};
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext, MainnetEvm, SystemCallCommitEvm,
    context::TxEnv,
    database::{CacheDB, InMemoryDB},
    handler::MainnetContext,
};

use super::{Peer, convert, recorder::Recorder};

/// Wei in a gwei, the unit of withdrawals.
const GWEI_WEI: u64 = 1_000_000_000;

/// A block on revm, made once and executed again and again.
#[derive(Debug)]
pub struct PeerBlock {
    plan: Plan,
    inputs: PeerInputs,
    peer: Peer,
}

/// What one execution uses up.
#[derive(Clone, Debug)]
pub struct PeerInputs {
    transactions: Vec<TxEnv>,
    /// The part of the state before the block that the block reads.
    state: InMemoryDB,
}

/// What a block does besides executing transactions.
#[derive(Debug)]
struct Plan {
    fork: Hardfork,
    deposit_contract: Address,
    /// System calls before the first transaction.
    before: Vec<(Address, Bytes)>,
    /// System contracts that are asked for requests after the last.
    after: &'static [Address],
    /// Rewards and withdrawals in wei.
    credits: Vec<(Address, U256)>,
    types: Vec<TransactionType>,
}

/// What a block came to on revm: the same as Braid's outcome, with the state afterwards in place of the write set.
#[derive(Debug)]
pub struct PeerBlockOutcome {
    /// Gas used by the block.
    pub gas_used: u64,
    /// One for each transaction.
    pub receipts: Vec<Receipt>,
    /// Union of the receipts' blooms.
    pub logs_bloom: Bloom,
    /// Data of deposits, withdrawal and consolidation requests, in this order; empty before Prague.
    pub requests: Vec<Bytes>,
    /// The state, with everything that the block wrote.
    pub state: InMemoryDB,
}

impl PeerBlock {
    /// Converts the block and finds out what it reads, by executing it once.
    ///
    /// # Errors
    /// What went wrong in that execution.
    pub fn new<R: StateReader>(
        chain: &ChainSpec,
        block: &Block,
        state: &R,
    ) -> Result<Self, String> {
        let plan = Plan::new(chain, block)?;
        let transactions: Vec<_> = block.transactions.iter().map(convert::transaction).collect();
        let recorder = Recorder::new(state);
        let mut evm = Context::mainnet()
            .with_db(CacheDB::new(&recorder))
            .with_cfg(convert::rules(chain, &block.env))
            .with_block(convert::block(chain, &block.env))
            .build_mainnet();
        plan.execute(&mut evm, transactions.clone())?;
        drop(evm);
        let inputs = PeerInputs { transactions, state: recorder.into_read() };
        let peer = Peer::new(chain, &block.env, InMemoryDB::default());
        Ok(Self { plan, inputs, peer })
    }

    /// What an execution starts from.
    pub fn inputs(&self) -> PeerInputs {
        self.inputs.clone()
    }

    /// Executes the block.
    ///
    /// # Errors
    /// If revm refuses a transaction or a system call fails.
    pub fn execute(&mut self, inputs: PeerInputs) -> Result<PeerBlockOutcome, String> {
        self.peer.replace_state(inputs.state);
        let executed = self.plan.execute(&mut self.peer.evm, inputs.transactions)?;
        let state = self.peer.replace_state(InMemoryDB::default());
        let Executed { gas_used, receipts, logs_bloom, requests } = executed;
        Ok(PeerBlockOutcome { gas_used, receipts, logs_bloom, requests, state })
    }
}

/// What the transactions and system calls of a block came to.
struct Executed {
    gas_used: u64,
    receipts: Vec<Receipt>,
    logs_bloom: Bloom,
    requests: Vec<Bytes>,
}

impl Plan {
    fn new(chain: &ChainSpec, block: &Block) -> Result<Self, String> {
        let (env, context) = (&block.env, &block.context);
        let fork = chain.hardfork_at(env.number, env.timestamp);
        let mut before = Vec::new();
        if let Some(root) = context.parent_beacon_block_root.filter(|_| fork >= Hardfork::Cancun) {
            before.push((BEACON_ROOTS_ADDRESS, Bytes::from(root)));
        }
        let mut after: &[_] = &[];
        if fork >= Hardfork::Prague {
            before.push((HISTORY_ADDRESS, Bytes::from(context.parent_hash)));
            after = &[WITHDRAWAL_REQUESTS_ADDRESS, CONSOLIDATION_REQUESTS_ADDRESS];
        }
        let mut credits = block_rewards(fork, env.number, env.beneficiary, &context.ommers)
            .map_err(|error| error.to_string())?;
        credits.extend(context.withdrawals.iter().flatten().map(|withdrawal| {
            (withdrawal.address, U256::from(withdrawal.amount_gwei) * U256::from(GWEI_WEI))
        }));
        let types = block.transactions.iter().map(|tx| tx.tx_type).collect();
        let deposit_contract = chain.deposit_contract;
        Ok(Self { fork, deposit_contract, before, after, credits, types })
    }

    fn execute<D>(
        &self,
        evm: &mut MainnetEvm<MainnetContext<CacheDB<D>>>,
        transactions: Vec<TxEnv>,
    ) -> Result<Executed, String>
    where
        D: revm::DatabaseRef,
    {
        for (contract, input) in &self.before {
            system_call(evm, *contract, input.clone())?;
        }
        let mut receipts = Vec::with_capacity(transactions.len());
        let (mut gas_used, mut logs_bloom) = (0, Bloom::ZERO);
        for (tx, tx_type) in transactions.into_iter().zip(&self.types) {
            let result = evm.transact_commit(tx).map_err(|error| error.to_string())?;
            gas_used += result.tx_gas_used();
            let outcome = if self.fork >= Hardfork::Byzantium {
                ReceiptOutcome::Status(result.is_success())
            } else {
                ReceiptOutcome::StateRoot(None)
            };
            let logs = result.into_logs();
            let receipt =
                Receipt { tx_type: *tx_type, outcome, cumulative_gas_used: gas_used, logs };
            logs_bloom |= receipt.bloom();
            receipts.push(receipt);
        }
        let state = &mut evm.ctx.journaled_state.database;
        for &(address, wei) in &self.credits {
            let account = state.load_account(address).map_err(|error| error.to_string())?;
            let mut info = account.info().unwrap_or_default();
            info.balance += wei;
            account.update_info(info);
            account.update_account_state(revm::database::AccountState::Touched);
        }
        let mut requests = Vec::new();
        if self.fork >= Hardfork::Prague {
            let deposits = deposit_requests(&receipts, self.deposit_contract)
                .map_err(|error| error.to_string())?;
            requests.push(Bytes::from(deposits));
            for contract in self.after {
                requests.push(system_call(evm, *contract, Bytes::new())?);
            }
        }
        Ok(Executed { gas_used, receipts, logs_bloom, requests })
    }
}

fn system_call<D>(
    evm: &mut MainnetEvm<MainnetContext<CacheDB<D>>>,
    contract: Address,
    input: Bytes,
) -> Result<Bytes, String>
where
    D: revm::DatabaseRef,
{
    let result = evm.system_call_commit(contract, input).map_err(|error| error.to_string())?;
    Ok(result.into_output().unwrap_or_default())
}
