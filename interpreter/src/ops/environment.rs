//! What a frame can ask about itself, its transaction and its block: 0x30 to 0x4a, MSIZE.

use alloy_primitives::U256;
use braid_primitives::Hardfork;

use crate::{Frame, HaltReason, Host, Workspace, word};

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident($frame:ident, $workspace:ident, $host:ident) => $answer:expr;)*) => {
        $($(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name<H: Host>($frame: &Frame, $workspace: &Workspace, $host: &H) -> U256 {
            $answer
        })*
    };
}

answers! {
    address(frame, _workspace, _host) => word::from_address(&frame.address);
    caller(frame, _workspace, _host) => word::from_address(&frame.caller);
    callvalue(frame, _workspace, _host) => frame.value;
    calldatasize(frame, _workspace, _host) => word::from_u64(frame.input.len() as u64);
    codesize(frame, _workspace, _host) => word::from_u64(frame.code.size_bytes() as u64);
    returndatasize(_frame, workspace, _host) => word::from_u64(workspace.memory.return_data_bytes() as u64);
    msize(_frame, workspace, _host) => word::from_u64(workspace.memory.size_bytes() as u64);
    origin(_frame, _workspace, host) => word::from_address(&host.transaction().origin);
    gasprice(_frame, _workspace, host) => U256::from(host.transaction().gas_price);
    chainid(_frame, _workspace, host) => word::from_u64(host.transaction().chain_id);
    blobbasefee(_frame, _workspace, host) => U256::from(host.transaction().blob_base_fee);
    coinbase(_frame, _workspace, host) => word::from_address(&host.block().beneficiary);
    timestamp(_frame, _workspace, host) => word::from_u64(host.block().timestamp);
    number(_frame, _workspace, host) => word::from_u64(host.block().number);
    gaslimit(_frame, _workspace, host) => word::from_u64(host.block().gas_limit);
    basefee(_frame, _workspace, host) => word::from_u64(host.block().base_fee);
    /// DIFFICULTY before Paris (EIP-4399).
    prevrandao(_frame, workspace, host) => if workspace.schedule.fork >= Hardfork::Paris {
        word::from_hash(&host.block().prev_randao)
    } else {
        host.block().difficulty
    };
}

/// BLOBHASH (EIP-4844): zero beyond the last blob.
#[inline(never)]
pub(crate) fn blobhash<H: Host>(
    _: &mut Frame,
    _: &mut Workspace,
    host: &mut H,
    [index]: [U256; 1],
) -> Result<U256, HaltReason> {
    let hash = word::to_u64(&index)
        .and_then(|index| usize::try_from(index).ok())
        .and_then(|index| host.transaction().blob_hashes.get(index));
    Ok(hash.map_or(U256::ZERO, word::from_hash))
}
