//! How a frame stops running, and what it asks of the call stack.

use std::{ops::Range, sync::Arc};

use alloy_primitives::{Address, U256};

use crate::{AccountId, Code, Interrupted};

/// Why a frame failed. All its gas is used, its effects are undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum HaltReason {
    /// Gas ran out.
    #[error("out of gas")]
    OutOfGas,
    /// An instruction found too few words on the stack.
    #[error("stack underflow")]
    StackUnderflow,
    /// An instruction would leave more than 1024 words on the stack.
    #[error("stack overflow")]
    StackOverflow,
    /// A jump to anything but a JUMPDEST.
    #[error("invalid jump destination")]
    InvalidJump,
    /// An opcode that these rules do not define.
    #[error("undefined opcode {0:#04x}")]
    UndefinedOpcode(u8),
    /// INVALID (0xfe).
    #[error("INVALID instruction")]
    InvalidInstruction,
    /// A change of state inside a static call (EIP-214).
    #[error("state change in a static call")]
    StaticStateChange,
    /// RETURNDATACOPY beyond the return data (EIP-211).
    #[error("read beyond the return data")]
    ReturnDataOutOfBounds,
    /// Initcode longer than EIP-3860 allows.
    #[error("initcode too long")]
    InitcodeTooLarge,
    /// The address of a creation is taken (EIP-684, EIP-7610).
    #[error("contract address is taken")]
    CreateCollision,
    /// Deployed code longer than EIP-170 allows.
    #[error("deployed code too long")]
    CodeTooLarge,
    /// Deployed code that starts with 0xEF (EIP-3541).
    #[error("deployed code starts with 0xef")]
    CodeStartsWithEf,
    /// Gas does not cover the deposit of the deployed code.
    #[error("out of gas for the code deposit")]
    CodeDepositOutOfGas,
    /// A precompile refused its input.
    #[error("precompile failed")]
    PrecompileFailed,
}

/// Why [`run`](crate::run) returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// STOP or the end of the code, RETURN or SELFDESTRUCT; the data is [`Frame::output`](crate::Frame::output).
    Return,
    /// REVERT; the data is [`Frame::output`](crate::Frame::output).
    Revert,
    /// The frame failed.
    Halt(HaltReason),
    /// The frame waits for the call in [`Workspace::call`](crate::Workspace).
    Call,
    /// The frame waits for the creation in [`Workspace::create`](crate::Workspace).
    Create,
    /// A read cannot be answered now; the host knows why. The frame stands before the instruction: run it again to go on.
    Interrupted,
}

impl From<HaltReason> for Exit {
    fn from(reason: HaltReason) -> Self {
        Self::Halt(reason)
    }
}

impl From<Interrupted> for Exit {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// The four call instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CallKind {
    /// CALL: the target's code on the target's state.
    #[default]
    Call,
    /// CALLCODE: the target's code on the caller's state.
    CallCode,
    /// DELEGATECALL (EIP-7): like CALLCODE, with the caller's caller and value.
    DelegateCall,
    /// STATICCALL (EIP-214): like CALL, without changes of state.
    StaticCall,
}

/// A call that a frame asks for. Its gas was taken from the frame already.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// The instruction.
    pub kind: CallKind,
    /// Gas for the callee, the stipend included.
    pub gas_limit: u64,
    /// Account whose state the callee works on.
    pub target: AccountId,
    /// Address of that account.
    pub target_address: Address,
    /// Address that the code came from: the one on the stack. It decides whether a precompile runs.
    pub code_address: Address,
    /// CALLER of the callee.
    pub caller: Address,
    /// Account that pays the value of a CALL or CALLCODE.
    pub payer: AccountId,
    /// CALLVALUE of the callee, in wei.
    pub value: U256,
    /// Whether the code was found by following a delegation (EIP-7702): a delegation to a precompile runs no code.
    pub is_delegated: bool,
    /// The code to run, delegation followed.
    pub code: Arc<Code>,
    /// Calldata in the shared memory buffer, as absolute offsets.
    pub input: Range<usize>,
    /// Whether the callee may not change state.
    pub is_static: bool,
}

/// A creation that a frame asks for. Its gas was taken from the frame already.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// Gas for the initcode.
    pub gas_limit: u64,
    /// Wei given to the new account.
    pub value: U256,
    /// Initcode in the shared memory buffer, as absolute offsets.
    pub initcode: Range<usize>,
    /// Salt of CREATE2 (EIP-1014).
    pub salt: Option<U256>,
}
