//! One frame on different engines: how it ends, and everything it asks for on the way.

use std::{fmt, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use braid_interpreter::{
    CallKind, Code, Engine, Exit, Frame, FrameInput, Host, NoInspector, Schedule, TransactionEnv,
    Workspace, prepare, run,
};
use braid_primitives::{BlockEnv, Hardfork};

use super::assembly::{Piece, assemble, listing};
use crate::{
    random::Random,
    vm_host::{HostCall, VmHost},
    world::World,
};

/// Most instructions of a listing.
const LISTED_BYTES: usize = 400;

/// Code and what it runs on.
#[derive(Clone)]
pub struct FrameCase {
    /// The seed it was made from.
    pub seed: u64,
    /// Rules in force.
    pub fork: Hardfork,
    /// The code.
    pub pieces: Vec<Piece>,
    /// Calldata.
    pub calldata: Bytes,
    /// Whether state may not change.
    pub is_static: bool,
    /// The account that runs the code.
    pub address: Address,
    /// The block.
    pub env: BlockEnv,
    /// The state.
    pub world: Arc<World>,
}

/// How a frame is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// The engine it starts on.
    pub engine: Engine,
    /// Whether the other engine takes over whenever the frame stops.
    pub alternates: bool,
    /// Whether reads are interrupted at random.
    pub interrupts: bool,
}

impl Mode {
    /// The frame runs on one engine without interrupts.
    pub const fn of(engine: Engine) -> Self {
        Self { engine, alternates: false, interrupts: false }
    }
}

/// The frame where it stopped for a call or creation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stop {
    gas_left: u64,
    refund: i64,
    /// Memory of the frame, which the callee's calldata is part of.
    memory: Vec<u8>,
    request: Request,
    /// Calls of the host before.
    calls: usize,
}

/// What it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Request {
    Call {
        kind: CallKind,
        gas_limit: u64,
        addresses: [Address; 3],
        value: U256,
        is_delegated: bool,
        code_hash: B256,
        input: std::ops::Range<usize>,
        is_static: bool,
    },
    Create {
        gas_limit: u64,
        value: U256,
        initcode: std::ops::Range<usize>,
        salt: Option<U256>,
    },
}

/// Everything that can be seen of a frame from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How it ended.
    pub exit: Exit,
    /// Gas left at the end.
    pub gas_left: u64,
    refund: i64,
    output: Vec<u8>,
    stops: Vec<Stop>,
    calls: Vec<HostCall>,
}

impl Seen {
    /// How often it called or created.
    pub fn stops(&self) -> usize {
        self.stops.len()
    }

    /// The same without reads. An instruction that is interrupted at its second read repeats its first.
    #[must_use]
    pub fn without_reads(mut self) -> Self {
        self.calls.retain(|call| !matches!(call, HostCall::Read(..)));
        self.without_places()
    }

    /// Where in the list of calls the frame stopped does not count when some of the list is left out.
    fn without_places(mut self) -> Self {
        self.stops.iter_mut().for_each(|stop| stop.calls = 0);
        self
    }

    /// How often it asked the host for something that matters.
    pub fn host_calls(&self) -> usize {
        self.calls.len()
    }
}

/// What a run has seen, and how often it was interrupted.
#[derive(Debug)]
pub struct Run {
    /// What there was to see.
    pub seen: Seen,
    /// Interrupts.
    pub interrupts: u64,
}

impl FrameCase {
    /// The bytecode.
    pub fn bytecode(&self) -> Vec<u8> {
        assemble(&self.pieces)
    }

    /// The bytecode, analysed.
    pub fn code(&self) -> Arc<Code> {
        let code = self.bytecode();
        Arc::new(Code::new(&code, keccak256(&code)))
    }

    /// Runs the frame. What its calls come to follows from the seed.
    pub fn run(&self, code: &Arc<Code>, gas_limit: u64, mode: Mode) -> Run {
        let schedule = Schedule::of(self.fork);
        let mut host = self.host(mode);
        let mut workspace = Workspace::new(schedule);
        workspace.engine = mode.engine;
        let input = FrameInput {
            code: code.clone(),
            gas_limit,
            account: host.account(self.address),
            address: self.address,
            caller: Address::repeat_byte(7),
            value: U256::from(1),
            input: workspace.reset(schedule, &self.calldata),
            is_static: self.is_static,
            depth: 0,
        };
        let mut frame = Frame::new(input, &mut workspace);
        prepare(&frame, &mut workspace, |code, schedule, translator| {
            code.translate(schedule, translator);
        });
        let mut answers = Random::new(self.seed);
        let mut stops = Vec::new();
        let mut interrupts = 0;
        let exit = loop {
            match run(&mut frame, &mut workspace, &mut host, &mut NoInspector) {
                Exit::Interrupted => interrupts += 1,
                Exit::Call | Exit::Create => {
                    stops.push(stop(&frame, &mut workspace, host.calls.len()));
                    let request = &stops[stops.len() - 1].request;
                    answer(&mut frame, &mut workspace, request, &mut answers);
                }
                exit => break exit,
            }
            if mode.alternates {
                workspace.engine = other(workspace.engine);
            }
        };
        let mut calls = host.calls;
        let has_failed = matches!(exit, Exit::Halt(_));
        if has_failed {
            // What a frame that failed did is undone; what it read was read.
            calls.retain(HostCall::is_read);
        }
        let output = match exit {
            Exit::Return | Exit::Revert => workspace.memory.bytes()[frame.output()].to_vec(),
            _ => Vec::new(),
        };
        let refund = if has_failed { 0 } else { frame.refund() };
        let seen = Seen { exit, gas_left: frame.gas_left(), refund, output, stops, calls };
        Run { seen: if has_failed { seen.without_places() } else { seen }, interrupts }
    }

    fn host(&self, mode: Mode) -> VmHost {
        let transaction = TransactionEnv {
            origin: Address::repeat_byte(8),
            gas_price: 9,
            blob_hashes: vec![B256::repeat_byte(1)],
            chain_id: 1,
            blob_base_fee: 10,
        };
        let mut host = VmHost::new(World::clone(&self.world), self.env.clone(), transaction);
        if self.fork >= Hardfork::Berlin {
            host = host.tracking_accesses();
        }
        if mode.interrupts { host.interrupting(self.seed) } else { host }
    }
}

const fn other(engine: Engine) -> Engine {
    match engine {
        Engine::Plain => Engine::Threaded,
        Engine::Threaded | Engine::Adaptive => Engine::Plain,
    }
}

/// What the frame waits for; takes the request.
fn stop(frame: &Frame, workspace: &mut Workspace, calls: usize) -> Stop {
    let request = match (workspace.call.take(), workspace.create.take()) {
        (Some(call), None) => Request::Call {
            kind: call.kind,
            gas_limit: call.gas_limit,
            addresses: [call.target_address, call.code_address, call.caller],
            value: call.value,
            is_delegated: call.is_delegated,
            code_hash: call.code.hash(),
            input: call.input,
            is_static: call.is_static,
        },
        (None, Some(create)) => Request::Create {
            gas_limit: create.gas_limit,
            value: create.value,
            initcode: create.initcode,
            salt: create.salt,
        },
        both => panic!("a frame waits for one thing, not {both:?}"),
    };
    let (gas_left, refund) = (frame.gas_left(), frame.refund());
    Stop { gas_left, refund, memory: workspace.memory.bytes().to_vec(), request, calls }
}

/// Makes up what a call came to.
fn answer(frame: &mut Frame, workspace: &mut Workspace, request: &Request, random: &mut Random) {
    let is_success = random.one_in(2);
    let length = if random.one_in(2) { random.index(100) } else { 0 };
    workspace.memory.answer(0..0).1.extend(random.bytes(length));
    let refund = if is_success { random.below(3) as i64 - 1 } else { 0 };
    match request {
        Request::Call { gas_limit, value, .. } => {
            // The stipend is no gas of the frame, but may come back to it.
            let most = gas_limit.saturating_sub(if value.is_zero() { 0 } else { 2_300 });
            frame.resume_call(workspace, is_success, random.below(most + 1), refund);
        }
        Request::Create { gas_limit, .. } => {
            let created = is_success.then(|| Address::from_word(random.word().into()));
            frame.resume_create(created, random.below(gas_limit + 1), refund);
        }
    }
}

impl fmt::Debug for FrameCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.bytecode();
        writeln!(f, "seed {}, {}, static {}", self.seed, self.fork, self.is_static)?;
        writeln!(f, "calldata {}, account {}", self.calldata, self.address)?;
        writeln!(f, "code {}", alloy_primitives::hex::encode(&code))?;
        if code.len() <= LISTED_BYTES {
            write!(f, "{}", listing(&code))?;
        }
        Ok(())
    }
}
