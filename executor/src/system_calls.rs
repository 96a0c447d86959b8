//! Calls that the protocol itself makes before and after a block's transactions (EIP-4788, 2935, 7002, 7251).

use braid_interpreter::{Host, NoInspector, Schedule, Workspace};
use braid_precompiles::Crypto;
use braid_primitives::{Address, Bytes, U256, address};

use crate::{
    call_stack::{CallStack, Ending, Machine, request_call},
    host::StateAccess,
    source::Source,
};

/// CALLER of system calls.
pub const SYSTEM_ADDRESS: Address = address!("fffffffffffffffffffffffffffffffffffffffe");
/// Keeps the roots of the beacon chain (EIP-4788).
pub const BEACON_ROOTS_ADDRESS: Address = address!("000F3df6D732807Ef1319fB7B8bB8522d0Beac02");
/// Keeps the hashes of the last 8191 blocks (EIP-2935).
pub const HISTORY_ADDRESS: Address = address!("0000F90827F1C53a10cb7A02335B175320002935");
/// Queue of withdrawal requests (EIP-7002).
pub const WITHDRAWAL_REQUESTS_ADDRESS: Address =
    address!("00000961Ef480Eb55e80D19ad83579A64c007002");
/// Queue of consolidation requests (EIP-7251).
pub const CONSOLIDATION_REQUESTS_ADDRESS: Address =
    address!("0000BBdDc7CE488642fb579F8B00f3a590007251");

/// Gas of a system call; it counts towards nothing.
const SYSTEM_CALL_GAS: u64 = 30_000_000;

/// What a system call came to.
pub(crate) enum SystemCallResult {
    /// There is no code at the address; nothing was done.
    NoCode,
    /// The call went through and returned this.
    Success(Bytes),
    /// The call reverted or failed and left no trace.
    Failure(Ending),
}

/// Calls the system contract at `target`, as a transaction of its own.
pub(crate) fn system_call<R: Source, C: Crypto>(
    target: Address,
    input: &[u8],
    state: &mut StateAccess<'_, R, C>,
    (stack, workspace): (&mut CallStack, &mut Workspace),
) -> Result<SystemCallResult, R::Error> {
    state.transaction.origin = SYSTEM_ADDRESS;
    state.transaction.gas_price = 0;
    state.transaction.blob_hashes.clear();
    let input = workspace.reset(Schedule::of(state.fork), input);
    let (caller, target) = (state.account(SYSTEM_ADDRESS), state.account(target));
    let called =
        request_call(state, workspace, (caller, target), &U256::ZERO, (input, SYSTEM_CALL_GAS))
            .and_then(|has_code| {
                if !has_code {
                    workspace.call = None;
                    return Ok(SystemCallResult::NoCode);
                }
                let mut m = Machine { state, workspace, inspector: &mut NoInspector };
                stack.run(&mut m)?;
                Ok(match stack.result.ending {
                    Ending::Success => SystemCallResult::Success(Bytes::copy_from_slice(
                        workspace.memory.return_data(),
                    )),
                    failure => SystemCallResult::Failure(failure),
                })
            });
    match called {
        Ok(result) => {
            state.journal.end_transaction(true, &mut Vec::new());
            Ok(result)
        }
        Err(error) => {
            stack.clear();
            state.journal.discard_transaction();
            Err(error)
        }
    }
}
