//! One activation of code, and what all frames of a transaction share.

use std::{ops::Range, sync::Arc};

use alloy_primitives::{Address, B256, U256};

use crate::{
    AccountId, CallRequest, Code, CreateRequest, Engine, Schedule, Stack, TranslationBudget,
    memory::{MEMORY_LIMIT_BYTES, Memory},
    outcome::HaltReason,
    schedule::memory_gas,
    threaded::{Resumption, Translator},
    word,
};

/// What a new frame is told.
#[derive(Debug)]
pub struct FrameInput {
    /// Code to run.
    pub code: Arc<Code>,
    /// Gas it may use.
    pub gas_limit: u64,
    /// Account whose state it works on.
    pub account: AccountId,
    /// ADDRESS: the address of that account.
    pub address: Address,
    /// CALLER.
    pub caller: Address,
    /// CALLVALUE in wei.
    pub value: U256,
    /// Calldata in the shared memory buffer, as absolute offsets.
    pub input: Range<usize>,
    /// Whether it may not change state (EIP-214).
    pub is_static: bool,
    /// Calls around it, 0 for the outermost.
    pub depth: usize,
}

impl FrameInput {
    /// What the callee that `request` asks for is told.
    pub fn of_call(request: &CallRequest, depth: usize) -> Self {
        Self {
            code: request.code.clone(),
            gas_limit: request.gas_limit,
            account: request.target,
            address: request.target_address,
            caller: request.caller,
            value: request.value,
            input: request.input.clone(),
            is_static: request.is_static,
            depth,
        }
    }
}

/// One activation of code: a plain value that can be kept aside and run on.
#[derive(Debug)]
pub struct Frame {
    pub(crate) code: Arc<Code>,
    pub(crate) pc: usize,
    pub(crate) stack: Stack,
    pub(crate) gas_left: u64,
    pub(crate) refund: i64,
    pub(crate) account: AccountId,
    pub(crate) address: Address,
    pub(crate) caller: Address,
    pub(crate) value: U256,
    pub(crate) input: Range<usize>,
    pub(crate) is_static: bool,
    pub(crate) depth: usize,
    /// Where what the frame returns lies in its memory.
    pub(crate) output: Range<usize>,
    /// Where the output of the pending call goes in this frame's memory.
    pub(crate) return_area: Range<usize>,
    /// Gas that the plain engine spent on cheap instructions here and that the code does not know of yet.
    pub(crate) heat_gas: u64,
    /// Where the threaded engine goes on, if it was that which stopped.
    pub(crate) resumption: Option<Resumption>,
}

impl Frame {
    /// A frame at its first instruction. Its stack comes from the workspace's pool.
    pub fn new(input: FrameInput, workspace: &mut Workspace) -> Self {
        let mut frame = Self::idle(input.code.clone(), workspace);
        frame.restart(input);
        frame
    }

    /// Makes the code of a frame that has ended initcode, in place, and gives it. `None` if others have that code, too.
    pub fn renew_code(&mut self, initcode: &[u8]) -> Option<Arc<Code>> {
        Arc::get_mut(&mut self.code)?.renew(initcode, B256::ZERO);
        Some(Arc::clone(&self.code))
    }

    /// Starts anew at the first instruction of other code. The stack's allocation is kept.
    #[inline]
    pub fn restart(&mut self, input: FrameInput) {
        self.code = input.code;
        self.address = input.address;
        self.caller = input.caller;
        self.value = input.value;
        self.input = input.input;
        self.is_static = input.is_static;
        self.rewind((input.account, input.depth), input.gas_limit);
    }

    /// Starts anew as the callee that `request` asks for, at this depth. Takes its code and leaves the old one there: what is
    /// asked for is read where it lies.
    #[inline]
    pub fn restart_call(&mut self, request: &mut CallRequest, depth: usize) {
        std::mem::swap(&mut self.code, &mut request.code);
        self.address = request.target_address;
        self.caller = request.caller;
        self.value = request.value;
        self.input = request.input.clone();
        self.is_static = request.is_static;
        self.rewind((request.target, depth), request.gas_limit);
    }

    #[inline]
    fn rewind(&mut self, (account, depth): (AccountId, usize), gas_limit: u64) {
        self.pc = 0;
        self.stack.clear();
        self.gas_left = gas_limit;
        self.refund = 0;
        self.account = account;
        self.depth = depth;
        self.output = 0..0;
        self.return_area = 0..0;
        self.heat_gas = 0;
        self.resumption = None;
    }

    /// A frame that waits for [`Self::restart`], with code that it will not run. Its stack comes from the workspace's pool.
    pub fn idle(code: Arc<Code>, workspace: &mut Workspace) -> Self {
        Self {
            code,
            pc: 0,
            stack: workspace.take_stack(),
            gas_left: 0,
            refund: 0,
            account: AccountId(0),
            address: Address::ZERO,
            caller: Address::ZERO,
            value: U256::ZERO,
            input: 0..0,
            is_static: false,
            depth: 0,
            output: 0..0,
            return_area: 0..0,
            heat_gas: 0,
            resumption: None,
        }
    }

    /// Code that runs.
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// Gas left.
    pub fn gas_left(&self) -> u64 {
        self.gas_left
    }

    /// Refund collected so far, in gas; may be negative.
    pub fn refund(&self) -> i64 {
        self.refund
    }

    /// Account whose state the frame works on.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Address of that account.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Calls around the frame, 0 for the outermost.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Whether the frame may not change state (EIP-214).
    pub fn is_static(&self) -> bool {
        self.is_static
    }

    /// Where the data that the frame returned lies in its memory, after [`Exit::Return`](crate::Exit) and
    /// [`Exit::Revert`](crate::Exit).
    pub fn output(&self) -> Range<usize> {
        self.output.clone()
    }

    /// Takes `gas`.
    ///
    /// # Errors
    /// [`HaltReason::OutOfGas`] if there is less.
    #[inline]
    pub fn charge(&mut self, gas: u64) -> Result<(), HaltReason> {
        match self.gas_left.checked_sub(gas) {
            Some(left) => {
                self.gas_left = left;
                Ok(())
            }
            None => Err(HaltReason::OutOfGas),
        }
    }

    /// Goes on after a call: gives back the gas it left, adds the refund it collected, copies what it returned (the
    /// memory's return data) and pushes whether it succeeded.
    pub fn resume_call(
        &mut self,
        workspace: &mut Workspace,
        success: bool,
        gas_left: u64,
        refund: i64,
    ) {
        self.gas_left += gas_left;
        self.refund += refund;
        let area = &self.return_area;
        let copied = area.len().min(workspace.memory.return_data_bytes());
        workspace.memory.fill_from_return_data(area.start..area.start + copied, 0);
        self.stack.push(word::from_bool(success));
    }

    /// Goes on after a creation: gives back the gas it left, adds the refund it collected and pushes the new address, or zero
    /// where it failed.
    pub fn resume_create(&mut self, created: Option<Address>, gas_left: u64, refund: i64) {
        self.gas_left += gas_left;
        self.refund += refund;
        self.stack.push(created.map_or(U256::ZERO, |address| address.into_word().into()));
    }

    /// Ends the frame; its stack goes back to the workspace's pool.
    pub fn finish(self, workspace: &mut Workspace) {
        workspace.stacks.push(self.stack);
    }

    /// The calldata word at `offset`, zero-padded.
    #[inline]
    pub(crate) fn calldata_word(&self, memory: &Memory, offset: &U256) -> U256 {
        let input = memory.absolute(self.input.clone());
        let Some(offset) = word::to_u64(offset).and_then(|o| usize::try_from(o).ok()) else {
            return U256::ZERO;
        };
        let tail = input.get(offset..).unwrap_or_default();
        if let Some(bytes) = tail.first_chunk::<32>() {
            return word::from_be_bytes(bytes);
        }
        let mut bytes = [0; 32];
        bytes[..tail.len()].copy_from_slice(tail);
        word::from_be_bytes(&bytes)
    }
}

/// What the frames of a transaction share, kept and reused by a worker.
#[derive(Debug)]
pub struct Workspace {
    /// Memory of all frames, with what the last call of the running frame returned.
    pub memory: Memory,
    /// The call that the running frame waits for.
    pub call: Option<CallRequest>,
    /// The creation that the running frame waits for.
    pub create: Option<CreateRequest>,
    /// Rules in force.
    pub schedule: &'static Schedule,
    /// Which engine runs frames.
    pub engine: Engine,
    /// Time that may go into translating code.
    pub translation_budget: TranslationBudget,
    /// Translates code for the threaded engine.
    pub translator: Translator,
    stacks: Vec<Stack>,
}

impl Workspace {
    /// A workspace for transactions under these rules.
    pub fn new(schedule: &'static Schedule) -> Self {
        Self {
            memory: Memory::default(),
            call: None,
            create: None,
            schedule,
            engine: Engine::default(),
            translation_budget: TranslationBudget::default(),
            translator: Translator::default(),
            stacks: Vec::new(),
        }
    }

    /// Prepares for a transaction with this calldata or initcode; returns its range in the shared buffer.
    pub fn reset(&mut self, schedule: &'static Schedule, input: &[u8]) -> Range<usize> {
        self.schedule = schedule;
        self.call = None;
        self.create = None;
        self.memory.reset(input)
    }

    fn take_stack(&mut self) -> Stack {
        let mut stack = self.stacks.pop().unwrap_or_default();
        stack.clear();
        stack
    }
}

/// A stretch of memory that an instruction names, as offsets that fit the machine; empty ones are `0..0`.
///
/// # Errors
/// [`HaltReason::OutOfGas`] if it ends beyond what any gas could pay for.
#[inline]
pub(crate) fn memory_range(offset: &U256, size: &U256) -> Result<Range<usize>, HaltReason> {
    if size.is_zero() {
        return Ok(0..0);
    }
    let end = match (word::to_u64(offset), word::to_u64(size)) {
        (Some(offset), Some(size)) => offset.checked_add(size),
        _ => None,
    };
    match end {
        Some(end) if end <= MEMORY_LIMIT_BYTES => {
            let start = end - size.as_limbs()[0];
            Ok(start as usize..end as usize)
        }
        _ => Err(HaltReason::OutOfGas),
    }
}

/// Gas of growing the memory from its present size so that it holds `end` bytes; more than there is where it may not.
#[inline]
pub(crate) fn expansion_gas(memory: &Memory, end: usize) -> u64 {
    let size = memory.size_bytes();
    if end <= size {
        return 0;
    }
    if !memory.may_hold(end) {
        return u64::MAX;
    }
    memory_gas(end.div_ceil(32) as u64) - memory_gas((size / 32) as u64)
}

/// Pays for and grows the memory so that it holds `range`.
///
/// # Errors
/// [`HaltReason::OutOfGas`].
#[inline]
pub(crate) fn grow(
    frame: &mut Frame,
    memory: &mut Memory,
    range: &Range<usize>,
) -> Result<(), HaltReason> {
    if range.end > memory.size_bytes() {
        frame.charge(expansion_gas(memory, range.end))?;
        memory.grow(range.end);
    }
    Ok(())
}
