//! Braid's EVM interpreter.
//!
//! A [`Frame`] is one activation of code, a plain value; [`run`] executes it until it ends or needs somebody else: the call
//! stack for a call or creation, or a value of state that cannot be had now. Nothing here recurses on calls, and nothing
//! is kept in Rust's own stack between two instructions, so a transaction can be put aside at any read and run on later.
//!
//! | file | holds |
//! |---|---|
//! | [`opcode`] | the opcode table: one row for each instruction |
//! | [`schedule`] | gas that depends on more than the opcode, fork by fork |
//! | [`engine`] | which engine runs a frame |
//! | [`plain`] | the plain engine: a match loop over the bytecode, generated from the table |
//! | [`threaded`] | the threaded engine: translates hot code, then runs the translation |
//! | `ops/` | instruction handlers by family |
//! | [`frame`], [`stack`], [`memory`], `return_data` | what a frame owns, and what frames share |
//! | [`code`] | padded code with its jump destinations |
//! | [`host`] | what the interpreter asks of the outside |
//! | [`inspector`] | observers; absent ones compile away |
//! | [`outcome`] | how a frame stops |

pub mod code;
pub mod engine;
pub mod frame;
pub mod host;
pub mod inspector;
pub mod memory;
pub mod opcode;
mod ops;
pub mod outcome;
pub mod plain;
mod return_data;
pub mod schedule;
pub mod stack;
pub mod threaded;
mod word;

pub use code::{Code, delegation_designator};
pub use engine::{Engine, TranslationBudget, prepare, run};
pub use frame::{Frame, FrameInput, Workspace};
pub use host::{AccountId, Host, Interrupted, SlotId, SlotValues, TransactionEnv};
pub use inspector::{FrameEnd, FrameStart, Inspector, NoInspector, Step};
pub use memory::Memory;
pub use outcome::{CallKind, CallRequest, CreateRequest, Exit, HaltReason};
pub use schedule::Schedule;
pub use stack::{STACK_LIMIT, Stack};
pub use threaded::Translator;
