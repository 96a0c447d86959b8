//! What the translator knows of each instruction, taken from the opcode table.

use braid_primitives::Hardfork;
use ruint::aliases::U256;

use super::program::{RULE_SET_COUNT, rule_set};
use crate::{
    opcode::{OPCODES_TABLE, for_each_opcode},
    ops::{arithmetic, bitwise},
};

/// What the translator does with an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Not defined, or not by the fork in force.
    Undefined,
    /// A pure function of stack words.
    Pure,
    /// A word that is the same throughout the basic block, or costs nothing to leave out where it is not used.
    Answer,
    /// Gives a word, and has to run even where nobody uses it: it may charge gas or grow the memory.
    Eval,
    /// Gives nothing, runs inside a basic block.
    Exec,
    /// A constant that follows in the code, so many bytes.
    Push(u8),
    /// A copy of the word that deep.
    Dup(u8),
    /// An exchange with the word that deep below the top.
    Swap(u8),
    Pop,
    Pc,
    Gas,
    Jumpdest,
    Stop,
    Jump,
    Jumpi,
    /// Observes gas, touches state or may fail otherwise than by gas: ends the basic block, and the next one follows.
    Op,
    /// Ends the frame.
    End,
}

macro_rules! role {
    (word1 $($h:tt)*) => {
        Role::Pure
    };
    (word2 $($h:tt)*) => {
        Role::Pure
    };
    (word3 $($h:tt)*) => {
        Role::Pure
    };
    (calldataload) => {
        Role::Answer
    };
    (push_word $($h:tt)*) => {
        Role::Answer
    };
    (mload) => {
        Role::Eval
    };
    (eval $($h:tt)*) => {
        Role::Eval
    };
    (mstore) => {
        Role::Exec
    };
    (exec $($h:tt)*) => {
        Role::Exec
    };
    (push ($size:literal)) => {
        Role::Push($size)
    };
    (dup ($depth:literal)) => {
        Role::Dup($depth)
    };
    (swap ($depth:literal)) => {
        Role::Swap($depth)
    };
    (pop) => {
        Role::Pop
    };
    (pc) => {
        Role::Pc
    };
    (gas) => {
        Role::Gas
    };
    (jumpdest) => {
        Role::Jumpdest
    };
    (stop) => {
        Role::Stop
    };
    (jump) => {
        Role::Jump
    };
    (jumpi) => {
        Role::Jumpi
    };
    (op $($h:tt)*) => {
        Role::Op
    };
    (end $($h:tt)*) => {
        Role::End
    };
}

macro_rules! fold {
    (word1($handler:path) $operands:ident) => {
        Some($handler($operands[0]))
    };
    (word2($handler:path) $operands:ident) => {
        Some($handler($operands[0], $operands[1]))
    };
    (word3($handler:path) $operands:ident) => {
        Some($handler($operands[0], $operands[1], $operands[2]))
    };
    ($shape:ident $(($($handler:tt)*))? $operands:ident) => {
        None
    };
}

macro_rules! define_roles {
    ({} $($byte:literal $name:ident $inputs:literal $outputs:literal $immediate:literal
        [$($gas:tt)*] $shape:ident $(($($handler:tt)*))?;)*) => {
        const ROLES_TABLE: [Role; 256] = {
            let mut roles = [Role::Undefined; 256];
            $(roles[$byte] = role!($shape $(($($handler)*))?);)*
            roles
        };

        /// The result of a pure instruction on constants, the top of the stack first; `None` for any other instruction.
        pub(super) fn fold(opcode: u8, operands: [U256; 3]) -> Option<U256> {
            match opcode {
                $($byte => fold!($shape $(($($handler)*))? operands),)*
                _ => None,
            }
        }
    };
}
for_each_opcode!(define_roles! {});

static ROLES: [Role; 256] = ROLES_TABLE;

/// What the translator does with this opcode.
pub(super) fn role(opcode: u8) -> Role {
    ROLES[usize::from(opcode)]
}

/// All that the translator has to know of an instruction under one set of rules.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) role: Role,
    pub(super) inputs: u8,
    pub(super) outputs: u8,
    pub(super) gas: u16,
}

/// The facts under the rules of `fork`, by opcode.
pub(super) fn facts(fork: Hardfork) -> &'static [Fact; 256] {
    &FACTS[rule_set(fork)]
}

static FACTS: [[Fact; 256]; RULE_SET_COUNT] = {
    let undefined = Fact { role: Role::Undefined, inputs: 0, outputs: 0, gas: 0 };
    let mut facts = [[undefined; 256]; RULE_SET_COUNT];
    let mut fork = 0;
    while fork < Hardfork::COUNT {
        let fork_facts = &mut facts[rule_set(Hardfork::ALL[fork])];
        let mut op = 0;
        while op < 256 {
            if let Some(info) = &OPCODES_TABLE[op]
                && let Some(gas) = info.base_gas(Hardfork::ALL[fork])
            {
                let (inputs, outputs) = (info.inputs, info.outputs);
                fork_facts[op] = Fact { role: ROLES_TABLE[op], inputs, outputs, gas };
            }
            op += 1;
        }
        fork += 1;
    }
    facts
};

/// Whether this opcode ends a basic block, with another behind it.
pub(crate) fn ends_block_for_state(opcode: u8) -> bool {
    role(opcode) == Role::Op
}
