//! Other accounts and older blocks: BALANCE, the EXTCODE family, BLOCKHASH, SELFBALANCE, SELFDESTRUCT.

use alloy_primitives::U256;
use braid_primitives::Hardfork;

use super::{Flow, words};
use crate::{
    AccountId, Exit, Frame, HaltReason, Host, Interrupted, Workspace, frame::memory_range,
    schedule::COPY_WORD_GAS, word,
};

/// The account that `word` addresses and whether it is cold; the surcharge for that is taken (EIP-2929). The account is to
/// be marked as accessed once what is asked about it has been read.
fn access<H: Host>(
    frame: &mut Frame,
    workspace: &Workspace,
    host: &mut H,
    word: &U256,
) -> Result<(AccountId, bool), HaltReason> {
    let account = host.account(word::to_address(word));
    let is_cold = host.is_account_cold(account);
    if is_cold {
        frame.charge(workspace.schedule.cold_account_extra_gas)?;
    }
    Ok((account, is_cold))
}

/// Pushes what `read` answers about the account on top of the stack.
#[inline(always)]
fn push_read<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
    read: impl FnOnce(&mut H, AccountId) -> Result<U256, Interrupted>,
) -> Flow {
    let [address] = frame.stack.pop();
    let (account, is_cold) = access(frame, workspace, host, &address)?;
    frame.stack.push(read(host, account)?);
    if is_cold {
        host.warm_account(account);
    }
    Ok(())
}

#[inline(never)]
pub(crate) fn balance<H: Host>(frame: &mut Frame, workspace: &mut Workspace, host: &mut H) -> Flow {
    push_read(frame, workspace, host, |host, account| host.balance(account))
}

#[inline(never)]
pub(crate) fn extcodesize<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
) -> Flow {
    push_read(frame, workspace, host, |host, account| {
        Ok(word::from_u64(host.code(account)?.size_bytes() as u64))
    })
}

#[inline(never)]
pub(crate) fn extcodehash<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
) -> Flow {
    push_read(frame, workspace, host, |host, account| {
        Ok(word::from_hash(&host.code_hash(account)?))
    })
}

#[inline(never)]
pub(crate) fn extcodecopy<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
) -> Flow {
    let [address, target, source, size] = frame.stack.pop();
    let target = memory_range(&target, &size)?;
    frame.charge(COPY_WORD_GAS * words(target.len()))?;
    let (account, is_cold) = access(frame, workspace, host, &address)?;
    // The read comes before the memory grows: an interrupt must leave the memory's size, and so its price, as it was.
    frame.charge(crate::frame::expansion_gas(&workspace.memory, target.end))?;
    let code = host.code(account)?;
    if is_cold {
        host.warm_account(account);
    }
    workspace.memory.grow(target.end);
    let from = usize::try_from(word::to_u64_saturating(&source)).unwrap_or(usize::MAX);
    workspace.memory.fill(target, code.bytes(), from);
    Ok(())
}

/// SELFBALANCE (EIP-1884).
#[inline(never)]
pub(crate) fn selfbalance<H: Host>(frame: &mut Frame, _: &mut Workspace, host: &mut H) -> Flow {
    let balance = host.balance(frame.account)?;
    frame.stack.push(balance);
    Ok(())
}

/// BLOCKHASH: zero outside the last 256 blocks.
#[inline(never)]
pub(crate) fn blockhash<H: Host>(frame: &mut Frame, _: &mut Workspace, host: &mut H) -> Flow {
    let [number] = frame.stack.pop();
    let current = host.block().number;
    let hash = match word::to_u64(&number) {
        Some(number) if number < current && current - number <= 256 => {
            word::from_hash(&host.block_hash(number)?)
        }
        _ => U256::ZERO,
    };
    frame.stack.push(hash);
    Ok(())
}

/// SELFDESTRUCT (EIP-6 for the name, EIP-150 and EIP-161 for gas, EIP-6780 for what it does).
#[inline(never)]
pub(crate) fn selfdestruct<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
) -> Flow {
    if frame.is_static {
        return Err(HaltReason::StaticStateChange.into());
    }
    let schedule = workspace.schedule;
    let [beneficiary] = frame.stack.pop();
    let beneficiary = host.account(word::to_address(&beneficiary));
    let is_cold = host.is_account_cold(beneficiary);
    if is_cold {
        frame.charge(schedule.cold_account_gas)?;
    }
    if schedule.fork >= Hardfork::Tangerine {
        let sends_something =
            !schedule.charges_dead_accounts || !host.balance(frame.account)?.is_zero();
        if sends_something && host.is_dead(beneficiary)? {
            frame.charge(schedule.selfdestruct_new_account_gas)?;
        }
    }
    let was_destroyed = host.self_destruct(frame.account, beneficiary)?;
    if is_cold {
        host.warm_account(beneficiary);
    }
    if !was_destroyed {
        frame.refund += schedule.selfdestruct_refund_gas as i64;
    }
    frame.output = 0..0;
    Err(Exit::Return)
}
