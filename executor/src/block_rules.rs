//! What happens in a block before and after its transactions.

use braid_interpreter::Workspace;
use braid_precompiles::Crypto;
use braid_primitives::{
    Address, BlockContext, Bytes, ChainSpec, Hardfork, Receipt, Requests, U256,
};

use crate::{
    call_stack::{CallStack, Ending},
    dao::{DAO_DRAINED_ACCOUNTS, DAO_REFUND_CONTRACT},
    deposits::{DEPOSIT_REQUEST_TYPE, deposit_requests},
    error::{ExecutionError, InvalidBlock},
    host::StateAccess,
    rewards::block_rewards,
    source::Source,
    system_calls::{
        BEACON_ROOTS_ADDRESS, CONSOLIDATION_REQUESTS_ADDRESS, HISTORY_ADDRESS, SystemCallResult,
        WITHDRAWAL_REQUESTS_ADDRESS, system_call,
    },
};

/// First byte of withdrawal requests (EIP-7002).
const WITHDRAWAL_REQUEST_TYPE: u8 = 0x01;
/// First byte of consolidation requests (EIP-7251).
const CONSOLIDATION_REQUEST_TYPE: u8 = 0x02;

/// Wei in a gwei, the unit of withdrawals.
const GWEI_WEI: u64 = 1_000_000_000;

/// What to do about a block of Prague or later in whose state the contracts of EIP-7002 or EIP-7251 have no code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingRequestContracts {
    /// The block is invalid: the rule.
    #[default]
    Reject,
    /// The call does nothing, for states that hold only what the transactions read.
    Ignore,
}

/// The machinery of a block's own calls.
pub(crate) struct BlockRules<'m, 'a, R: Source, C> {
    pub(crate) spec: &'m ChainSpec,
    pub(crate) state: &'m mut StateAccess<'a, R, C>,
    pub(crate) stack: &'m mut CallStack,
    pub(crate) workspace: &'m mut Workspace,
    pub(crate) missing_request_contracts: MissingRequestContracts,
}

impl<R: Source, C: Crypto> BlockRules<'_, '_, R, C> {
    /// Before the first transaction: the DAO's irregular change, beacon root and parent hash.
    pub(crate) fn begin(&mut self, context: &BlockContext) -> Result<(), ExecutionError<R::Error>> {
        if self.spec.dao_fork_block == Some(self.state.block.number) {
            self.drain_dao().map_err(ExecutionError::State)?;
        }
        let fork = self.state.fork;
        if fork >= Hardfork::Cancun && self.state.block.number > 0 {
            let Some(root) = context.parent_beacon_block_root else {
                let field = "parent beacon block root";
                return Err(InvalidBlock::MissingField { field, fork }.into());
            };
            self.call(BEACON_ROOTS_ADDRESS, root.as_slice())?;
        }
        if fork >= Hardfork::Prague && self.state.block.number > 0 {
            self.call(HISTORY_ADDRESS, context.parent_hash.as_slice())?;
        }
        Ok(())
    }

    /// After the last transaction: rewards, withdrawals, requests.
    pub(crate) fn end(
        &mut self,
        context: &BlockContext,
        receipts: &[Receipt],
    ) -> Result<Option<Requests>, ExecutionError<R::Error>> {
        let fork = self.state.fork;
        let mut credits = block_rewards(
            fork,
            self.state.block.number,
            self.state.block.beneficiary,
            &context.ommers,
        )
        .map_err(InvalidBlock::from)?;
        if fork >= Hardfork::Shanghai {
            let Some(withdrawals) = &context.withdrawals else {
                return Err(InvalidBlock::MissingField { field: "withdrawals", fork }.into());
            };
            credits.extend(withdrawals.iter().map(|withdrawal| {
                let wei = U256::from(withdrawal.amount_gwei) * U256::from(GWEI_WEI);
                (withdrawal.address, wei)
            }));
        }
        self.credit(&credits).map_err(ExecutionError::State)?;
        if fork < Hardfork::Prague {
            return Ok(None);
        }
        self.requests(receipts).map(Some)
    }

    /// EIP-779: what the DAO's accounts hold goes to the refund contract.
    ///
    /// All of these accounts exist afterwards, as clients of the time have it: on mainnet they did before.
    fn drain_dao(&mut self) -> Result<(), R::Error> {
        let refund = self.state.loaded_account(DAO_REFUND_CONTRACT)?;
        self.state.journal.touch(refund);
        for address in DAO_DRAINED_ACCOUNTS {
            let account = self.state.loaded_account(address)?;
            self.state.journal.touch(account);
            let balance = self.state.read_balance(account)?;
            self.state.transfer(account, refund, balance);
        }
        self.end_step();
        Ok(())
    }

    fn credit(&mut self, credits: &[(Address, U256)]) -> Result<(), R::Error> {
        for &(address, wei) in credits {
            let account = self.state.loaded_account(address)?;
            self.state.journal.credit(account, wei);
        }
        self.end_step();
        Ok(())
    }

    fn end_step(&mut self) {
        let clears_empty = self.state.fork >= Hardfork::SpuriousDragon;
        self.state.journal.end_transaction(clears_empty, &mut Vec::new());
    }

    /// A system call whose failure does not matter.
    fn call(
        &mut self,
        target: Address,
        input: &[u8],
    ) -> Result<SystemCallResult, ExecutionError<R::Error>> {
        system_call(target, input, self.state, (self.stack, self.workspace))
            .map_err(ExecutionError::State)
    }

    /// EIP-7685: deposits, withdrawals, consolidations, each as type and data; without those that have no data.
    fn requests(&mut self, receipts: &[Receipt]) -> Result<Requests, ExecutionError<R::Error>> {
        let deposits = deposit_requests(receipts, self.spec.deposit_contract)?;
        let all = [
            (DEPOSIT_REQUEST_TYPE, Bytes::from(deposits)),
            (WITHDRAWAL_REQUEST_TYPE, self.dequeue(WITHDRAWAL_REQUESTS_ADDRESS)?),
            (CONSOLIDATION_REQUEST_TYPE, self.dequeue(CONSOLIDATION_REQUESTS_ADDRESS)?),
        ];
        let encode =
            |(request_type, data): (u8, Bytes)| Bytes::from([&[request_type], &data[..]].concat());
        Ok(Requests(all.into_iter().filter(|(_, data)| !data.is_empty()).map(encode).collect()))
    }

    /// A system call that must succeed; returns the requests that the contract gives out.
    fn dequeue(&mut self, address: Address) -> Result<Bytes, ExecutionError<R::Error>> {
        match self.call(address, &[])? {
            SystemCallResult::Success(requests) => Ok(requests),
            SystemCallResult::NoCode => match self.missing_request_contracts {
                MissingRequestContracts::Ignore => Ok(Bytes::new()),
                MissingRequestContracts::Reject => {
                    Err(InvalidBlock::SystemContractMissing { address }.into())
                }
            },
            SystemCallResult::Failure(ending) => {
                let reason = match ending {
                    Ending::Halt(reason) => reason.to_string(),
                    Ending::Revert | Ending::Success => "reverted".to_owned(),
                };
                Err(InvalidBlock::SystemCallFailed { address, reason }.into())
            }
        }
    }
}

impl<E> From<InvalidBlock> for ExecutionError<E> {
    fn from(error: InvalidBlock) -> Self {
        Self::Invalid(error)
    }
}
