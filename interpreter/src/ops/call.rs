//! CALL, CALLCODE, DELEGATECALL, STATICCALL. The call stack does the rest: see [`CallRequest`].

use std::{ops::Range, sync::Arc};

use alloy_primitives::U256;

use super::Flow;
use crate::{
    AccountId, CallKind, CallRequest, Code, Exit, Frame, HaltReason, Host, Schedule, Workspace,
    frame::{expansion_gas, memory_range},
    schedule::{CALL_NEW_ACCOUNT_GAS, CALL_STIPEND_GAS, CALL_VALUE_GAS},
    word,
};

/// The most that a callee can get of `gas_left` (EIP-150: all but one 64th).
pub(crate) fn retained_64th(schedule: &Schedule, gas_left: u64) -> u64 {
    if schedule.retains_64th { gas_left - gas_left / 64 } else { gas_left }
}

/// The words a call instruction takes.
struct Operands {
    gas: U256,
    address: U256,
    /// Zero for the kinds that take none.
    value: U256,
    input: Range<usize>,
    output: Range<usize>,
}

impl Operands {
    fn pop(kind: CallKind, frame: &mut Frame) -> Result<Self, HaltReason> {
        let [gas, address] = frame.stack.pop();
        let value = match kind {
            CallKind::Call | CallKind::CallCode => frame.stack.pop::<1>()[0],
            CallKind::DelegateCall | CallKind::StaticCall => U256::ZERO,
        };
        let [input_offset, input_size, output_offset, output_size] = frame.stack.pop();
        Ok(Self {
            gas,
            address,
            value,
            input: memory_range(&input_offset, &input_size)?,
            output: memory_range(&output_offset, &output_size)?,
        })
    }

    fn sends_value(&self) -> bool {
        !self.value.is_zero()
    }
}

/// The code that a call to an account runs.
struct Callee {
    code: Arc<Code>,
    /// Account that the code was taken from instead, because of a delegation.
    delegate: Option<AccountId>,
}

/// Reads the code of `account` and follows a delegation (EIP-7702) once, paying for the access to the delegate.
fn resolve<H: Host>(
    frame: &mut Frame,
    schedule: &Schedule,
    host: &mut H,
    account: AccountId,
) -> Result<Callee, Exit> {
    let code = host.code(account)?;
    let Some(target) = schedule.delegation(&code) else {
        return Ok(Callee { code, delegate: None });
    };
    let delegate = host.account(target);
    frame.charge(schedule.warm_delegation_gas)?;
    // An account that delegates to itself is warm by the time its delegate is accessed.
    if delegate != account && host.is_account_cold(delegate) {
        frame.charge(schedule.cold_account_extra_gas)?;
    }
    let code = host.code(delegate)?;
    Ok(Callee { code, delegate: Some(delegate) })
}

fn request<H: Host>(
    kind: CallKind,
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
) -> Flow {
    let schedule = workspace.schedule;
    let operands = Operands::pop(kind, frame)?;
    if kind == CallKind::Call && frame.is_static && operands.sends_value() {
        return Err(HaltReason::StaticStateChange.into());
    }
    let memory_end = operands.input.end.max(operands.output.end);
    frame.charge(expansion_gas(&workspace.memory, memory_end))?;
    if operands.sends_value() {
        frame.charge(CALL_VALUE_GAS)?;
    }

    let code_address = word::to_address(&operands.address);
    let account = host.account(code_address);
    if host.is_account_cold(account) {
        frame.charge(schedule.cold_account_extra_gas)?;
    }
    let callee = resolve(frame, schedule, host, account)?;
    // EIP-161 charges for a new account only where value is sent to it; before, whenever it is called.
    if kind == CallKind::Call
        && (operands.sends_value() || !schedule.charges_dead_accounts)
        && host.is_dead(account)?
    {
        frame.charge(CALL_NEW_ACCOUNT_GAS)?;
    }
    let gas_limit = callee_gas(frame, schedule, &operands)?;

    // From here on nothing can be interrupted.
    host.warm_account(account);
    if let Some(delegate) = callee.delegate {
        host.warm_account(delegate);
    }
    // What the last call returned cannot be asked for any more: nothing is to be saved when the memory grows over it.
    workspace.memory.forget_return_data();
    workspace.memory.grow(memory_end);
    frame.return_area = operands.output.clone();
    let works_on_target = matches!(kind, CallKind::Call | CallKind::StaticCall);
    let is_delegate_call = kind == CallKind::DelegateCall;
    workspace.call = Some(CallRequest {
        kind,
        gas_limit,
        target: if works_on_target { account } else { frame.account },
        target_address: if works_on_target { code_address } else { frame.address },
        code_address,
        caller: if is_delegate_call { frame.caller } else { frame.address },
        payer: frame.account,
        value: if is_delegate_call { frame.value } else { operands.value },
        is_delegated: callee.delegate.is_some(),
        code: callee.code,
        input: workspace.memory.to_absolute(operands.input),
        is_static: frame.is_static || kind == CallKind::StaticCall,
    });
    Err(Exit::Call)
}

/// Takes the callee's gas from the frame; what the callee gets includes the stipend of a call with value.
fn callee_gas(
    frame: &mut Frame,
    schedule: &Schedule,
    operands: &Operands,
) -> Result<u64, HaltReason> {
    let requested = word::to_u64_saturating(&operands.gas);
    let gas = if schedule.retains_64th {
        requested.min(retained_64th(schedule, frame.gas_left))
    } else {
        requested
    };
    frame.charge(gas)?;
    let has_stipend = operands.sends_value();
    Ok(if has_stipend { gas.saturating_add(CALL_STIPEND_GAS) } else { gas })
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident $kind:ident;)*) => {
        $($(#[$doc])*
        #[inline(never)]
        pub(crate) fn $name<H: Host>(
            frame: &mut Frame,
            workspace: &mut Workspace,
            host: &mut H,
        ) -> Flow {
            request(CallKind::$kind, frame, workspace, host)
        })*
    };
}

calls! {
    call Call;
    callcode CallCode;
    /// DELEGATECALL (EIP-7).
    delegatecall DelegateCall;
    /// STATICCALL (EIP-214).
    staticcall StaticCall;
}
