//! The call stack: frames, and what CALL and CREATE do between them.
//!
//! Nothing recurses: a frame that calls leaves a request in the workspace and stops; [`CallStack::run`] takes the request up,
//! pushes the callee and goes on. When a read is interrupted, everything stays where it is (the request too, if it is the
//! request that could not be served) and `run` can be called again, on any thread.

mod create;

use std::{ops::Range, sync::Arc};

use braid_interpreter::{
    AccountId, CallKind, CallRequest, Code, CreateRequest, Exit, Frame, FrameEnd, FrameInput,
    FrameStart, HaltReason, Host, Inspector, Workspace, prepare, run,
};
use braid_precompiles::Crypto;
use braid_primitives::{Address, U256};

use crate::{code_cache::CodeCache, host::StateAccess, journal::Checkpoint, source::Source};

/// Most frames on top of the outermost one (yellow paper, section 9.4).
const CALL_DEPTH_LIMIT: usize = 1024;

/// How a frame, or a call that needed none, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    Revert,
    Halt(HaltReason),
}

/// The result of a frame; what it returned is the memory's return data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameResult {
    pub(crate) ending: Ending,
    pub(crate) gas_left: u64,
    /// Refund collected, in gas; counts only if the frame succeeded.
    pub(crate) refund: i64,
}

impl FrameResult {
    pub(crate) const fn success(gas_left: u64) -> Self {
        Self { ending: Ending::Success, gas_left, refund: 0 }
    }

    /// Of a call or creation that is not made: the gas comes back.
    const fn refused(gas_left: u64) -> Self {
        Self { ending: Ending::Revert, gas_left, refund: 0 }
    }

    const fn halt(reason: HaltReason) -> Self {
        Self { ending: Ending::Halt(reason), gas_left: 0, refund: 0 }
    }
}

impl Default for FrameResult {
    fn default() -> Self {
        Self::success(0)
    }
}

/// What has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Call,
    Create,
}

/// A frame on the stack, with what its end needs.
#[derive(Debug)]
struct Activation {
    frame: Frame,
    checkpoint: Checkpoint,
    /// Where the memory of the frame below starts.
    caller_memory_base: usize,
    /// Set if the frame runs initcode: the account whose code it returns.
    creates: Option<AccountId>,
}

/// The frames of a running transaction. Together with the journal and the workspace it is the whole of it.
#[derive(Debug, Default)]
pub(crate) struct CallStack {
    /// The first `height` are alive, the outermost first. Those above are kept for the next calls, with what they allocated.
    activations: Vec<Activation>,
    height: usize,
    /// Initcode of creations that have ended, for those to come.
    initcodes: Vec<Arc<Code>>,
    /// Of what ended last. It stays here until its caller takes it up: handing it from function to function takes longer than
    /// a short frame.
    pub(crate) result: FrameResult,
}

/// The environment in which the stack runs.
pub(crate) struct Machine<'m, 'a, R: Source, C, I> {
    pub(crate) state: &'m mut StateAccess<'a, R, C>,
    pub(crate) workspace: &'m mut Workspace,
    pub(crate) inspector: &'m mut I,
}

impl CallStack {
    /// Runs the request in the workspace, or goes on after an interrupt, until the outermost frame has ended with
    /// [`Self::result`].
    pub(crate) fn run<R: Source, C: Crypto, I: Inspector>(
        &mut self,
        m: &mut Machine<'_, '_, R, C, I>,
    ) -> Result<(), R::Error> {
        loop {
            let ended = if m.workspace.call.is_some() {
                self.enter_call(m)?
            } else if m.workspace.create.is_some() {
                self.enter_create(m)?
            } else {
                self.run_top(m)?
            };
            let Some(ended) = ended else { continue };
            if self.height == 0 {
                return Ok(());
            }
            self.resume(m.workspace, ended);
        }
    }

    /// Drops all frames, for a transaction that will not be finished.
    pub(crate) fn clear(&mut self) {
        self.height = 0;
    }

    /// Address of the account on which the outermost frame worked, the last that there was.
    pub(crate) fn outermost_address(&self) -> Option<Address> {
        self.activations.first().map(|activation| activation.frame.address())
    }

    fn top(&mut self) -> Option<&mut Activation> {
        self.activations[..self.height].last_mut()
    }

    /// Runs the top frame until it ends, or asks for a call.
    fn run_top<R: Source, C: Crypto, I: Inspector>(
        &mut self,
        m: &mut Machine<'_, '_, R, C, I>,
    ) -> Result<Option<Ended>, R::Error> {
        let Some(top) = self.activations[..self.height].last_mut() else {
            unreachable!("a stack runs only with a request or a frame");
        };
        let (ending, output) = match run(&mut top.frame, m.workspace, m.state, m.inspector) {
            Exit::Call | Exit::Create => return Ok(None),
            Exit::Interrupted => {
                let Some(error) = m.state.error.take() else {
                    unreachable!("the host keeps the reason of an interrupt");
                };
                return Err(error);
            }
            Exit::Return => (Ending::Success, top.frame.output()),
            Exit::Revert => (Ending::Revert, top.frame.output()),
            Exit::Halt(reason) => (Ending::Halt(reason), 0..0),
        };
        leave(top, m, (ending, output), &mut self.result);
        let ended = if top.creates.is_some() { Ended::Create } else { Ended::Call };
        self.height -= 1;
        Ok(Some(ended))
    }

    /// Serves the call in the workspace: refuses it, runs a precompile, or starts the callee's frame. Says whether it has ended
    /// already.
    fn enter_call<R: Source, C: Crypto, I: Inspector>(
        &mut self,
        m: &mut Machine<'_, '_, R, C, I>,
    ) -> Result<Option<Ended>, R::Error> {
        let Some(request) = &m.workspace.call else { return Ok(None) };
        // Reads first: nothing changes before they are done, and the request stays.
        m.state.load(request.target)?;
        let payer = match request.kind {
            CallKind::Call | CallKind::CallCode if !request.value.is_zero() => {
                m.state.load(request.payer)?;
                Some(request.payer)
            }
            _ => None,
        };
        let depth = self.height;
        let is_unfunded = payer.is_some_and(|payer| !m.state.journal.covers(payer, &request.value));
        if depth > CALL_DEPTH_LIMIT || is_unfunded {
            self.result = FrameResult::refused(request.gas_limit);
            m.workspace.call = None;
            return Ok(Some(Ended::Call));
        }
        let checkpoint = m.state.journal.checkpoint();
        m.state.journal.touch(request.target);
        if let (CallKind::Call, Some(payer)) = (request.kind, payer) {
            m.state.transfer(payer, request.target, request.value);
        }
        let is_answered = answer(m, checkpoint, &mut self.result);
        if I::ACTIVE
            && let Some(input) = m.workspace.call.as_ref().map(|r| FrameInput::of_call(r, depth))
        {
            frame_starts(m, &input, false);
            if is_answered {
                frame_ends(m, depth, &self.result);
            }
        }
        if !is_answered {
            let frame = self.push(m, checkpoint, None);
            if let Some(request) = &mut m.workspace.call {
                frame.restart_call(request, depth);
                // Inspected code runs in the plain engine.
                if !I::ACTIVE {
                    translate(frame, m.workspace, m.state.codes);
                }
            }
        }
        if let Some(request) = m.workspace.call.take() {
            self.keep_initcode(request.code);
        }
        Ok(is_answered.then_some(Ended::Call))
    }

    /// Makes room for a frame, which is to be restarted.
    fn push<R: Source, C, I>(
        &mut self,
        m: &mut Machine<'_, '_, R, C, I>,
        checkpoint: Checkpoint,
        creates: Option<AccountId>,
    ) -> &mut Frame {
        // The outermost frame's memory is there already, behind the transaction's input.
        let caller_memory_base = if self.height == 0 { 0 } else { m.workspace.memory.enter() };
        if self.height == self.activations.len() {
            let frame = Frame::idle(m.state.codes.empty(), m.workspace);
            self.activations.push(Activation { frame, checkpoint, caller_memory_base, creates });
        }
        self.height += 1;
        let activation = &mut self.activations[self.height - 1];
        activation.checkpoint = checkpoint;
        activation.caller_memory_base = caller_memory_base;
        activation.creates = creates;
        &mut activation.frame
    }

    /// Hands the caller, which is the top frame, the result of what it asked for.
    fn resume(&mut self, workspace: &mut Workspace, ended: Ended) {
        let (alive, kept) = self.activations.split_at_mut(self.height);
        let Some(Activation { frame: caller, .. }) = alive.last_mut() else { return };
        let FrameResult { ending, gas_left, refund } = self.result;
        let is_success = ending == Ending::Success;
        let refund = if is_success { refund } else { 0 };
        match ended {
            Ended::Call => caller.resume_call(workspace, is_success, gas_left, refund),
            Ended::Create => {
                if is_success {
                    workspace.memory.forget_return_data();
                }
                // What succeeded had a frame, which is right above.
                let created = kept.first().filter(|_| is_success);
                caller.resume_create(created.map(|a| a.frame.address()), gas_left, refund);
            }
        }
    }
}

/// Has the code of a frame that begins translated, if it is to be.
fn translate(frame: &Frame, workspace: &mut Workspace, codes: &CodeCache) {
    prepare(frame, workspace, |code, schedule, translator| {
        codes.translate(code, schedule, translator);
    });
}

/// Ends a frame: keeps or undoes its changes, makes its output the return data.
fn leave<R: Source, C: Crypto, I: Inspector>(
    activation: &mut Activation,
    m: &mut Machine<'_, '_, R, C, I>,
    (mut ending, mut output): (Ending, Range<usize>),
    result: &mut FrameResult,
) {
    let Activation { frame, checkpoint, caller_memory_base, creates } = activation;
    if let (Some(account), Ending::Success) = (*creates, ending) {
        match create::deploy(m, frame, account, output.clone()) {
            Ok(deployed_bytes) => output.end = output.start + deployed_bytes,
            Err(reason) => (ending, output) = (Ending::Halt(reason), 0..0),
        }
    }
    if ending != Ending::Success {
        m.state.journal.revert(*checkpoint);
    }
    m.workspace.memory.leave(*caller_memory_base, output);
    result.ending = ending;
    result.gas_left = if matches!(ending, Ending::Halt(_)) { 0 } else { frame.gas_left() };
    result.refund = frame.refund();
    if I::ACTIVE {
        frame_ends(m, frame.depth(), result);
    }
}

/// Tells the inspector of a frame, or of a call that needs none.
fn frame_starts<R: Source, C, I: Inspector>(
    m: &mut Machine<'_, '_, R, C, I>,
    input: &FrameInput,
    is_create: bool,
) {
    m.inspector.frame_start(&FrameStart {
        is_create,
        depth: input.depth,
        caller: input.caller,
        address: input.address,
        value: input.value,
        input: m.workspace.memory.absolute(input.input.clone()),
        gas_limit: input.gas_limit,
        code: &input.code,
    });
}

fn frame_ends<R: Source, C, I: Inspector>(
    m: &mut Machine<'_, '_, R, C, I>,
    depth: usize,
    result: &FrameResult,
) {
    m.inspector.frame_end(&FrameEnd {
        depth,
        gas_left: result.gas_left,
        halt: if let Ending::Halt(reason) = result.ending { Some(reason) } else { None },
        is_revert: result.ending == Ending::Revert,
        output: m.workspace.memory.return_data(),
    });
}

/// Answers a call that needs no frame, to no code or to a precompile, unless that is what an account delegates to (EIP-7702).
/// Says whether it is one.
fn answer<R: Source, C: Crypto, I>(
    m: &mut Machine<'_, '_, R, C, I>,
    checkpoint: Checkpoint,
    result: &mut FrameResult,
) -> bool {
    let Workspace { memory, call, .. } = &mut *m.workspace;
    let Some(request) = call else { return false };
    let precompile = m.state.precompiles.get(&request.code_address);
    let Some(precompile) = precompile.filter(|_| !request.is_delegated) else {
        let is_answered = request.code.is_empty();
        if is_answered {
            *result = FrameResult::success(request.gas_limit);
        }
        return is_answered;
    };
    let (input, output) = memory.answer(request.input.clone());
    let (crypto, fork) = (m.state.crypto, m.state.fork);
    *result =
        match braid_precompiles::run(precompile, crypto, fork, input, request.gas_limit, output) {
            Ok(gas_used) => FrameResult::success(request.gas_limit - gas_used),
            Err(error) => {
                m.state.journal.revert(checkpoint);
                let reason = match error {
                    braid_precompiles::PrecompileError::OutOfGas { .. } => HaltReason::OutOfGas,
                    _ => HaltReason::PrecompileFailed,
                };
                FrameResult::halt(reason)
            }
        };
    true
}

/// Asks for a message call from outside: a transaction's or a system call's. Says whether there is code to run.
pub(crate) fn request_call<R: Source, C: Crypto>(
    state: &mut StateAccess<'_, R, C>,
    workspace: &mut Workspace,
    (caller, target): (AccountId, AccountId),
    value: &U256,
    (input, gas_limit): (Range<usize>, u64),
) -> Result<bool, R::Error> {
    let mut code = state.read_code(target)?;
    let delegate = state.delegation(&code);
    if let Some(delegate) = delegate {
        let delegate = state.account(delegate);
        code = state.read_code(delegate)?;
        state.warm_account(delegate);
    }
    let has_code = !code.is_empty();
    let target_address = state.journal.account(target).address;
    workspace.call = Some(CallRequest {
        kind: CallKind::Call,
        gas_limit,
        target,
        target_address,
        code_address: target_address,
        caller: state.journal.account(caller).address,
        payer: caller,
        value: *value,
        is_delegated: delegate.is_some(),
        code,
        input,
        is_static: false,
    });
    Ok(has_code)
}

/// The request that starts a creation from outside.
pub(crate) fn outermost_create(
    value: U256,
    initcode: Range<usize>,
    gas_limit: u64,
) -> CreateRequest {
    CreateRequest { gas_limit, value, initcode, salt: None }
}
