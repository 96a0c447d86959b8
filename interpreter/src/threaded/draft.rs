//! One basic block, executed symbolically.
//!
//! The stack holds descriptions of words instead of words. An instruction that only moves words changes the descriptions and
//! is gone; one that computes becomes a [`Node`] with described operands.

use ruint::aliases::U256;

use super::{
    role::{Fact, Role, fold, role},
    translate::NOWHERE,
};
use crate::{Code, opcode::byte, stack::STACK_LIMIT, word};

/// Describes a word. Positions on the stack count from where its top is when the block begins: -1 is the top word then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// What the block found at a position.
    Found(i16),
    /// A constant of the block.
    Constant(u32),
    /// The result of a node.
    Node(u32),
}

/// An instruction that computes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) opcode: u8,
    pub(super) operand_count: u8,
    pub(super) has_result: bool,
    /// Whether it can be left out if nobody uses its result.
    pub(super) is_droppable: bool,
    /// The top of the stack first.
    pub(super) operands: [Value; 3],
    /// GAS: gas of the block up to and with this instruction.
    pub(super) gas: u32,
    /// Where the word was pushed: a slot that is likely to be free.
    pub(super) position: i16,
    /// MLOAD and MSTORE: what has to be added to the address.
    pub(super) offset: u16,
}

impl Node {
    /// The words it reads.
    pub(super) fn operands(&self) -> &[Value] {
        &self.operands[..usize::from(self.operand_count)]
    }
}

/// How a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It runs into a JUMPDEST.
    RunOn,
    Stop,
    /// The plain engine goes on at this offset: what comes is undefined, or beyond what a block can describe.
    Leave(usize),
    Goto {
        target_pc: u32,
    },
    Jump {
        target: Value,
    },
    /// To `target_pc` if `a test b`, or if not where that `is_negated`; else behind.
    Branch {
        test: Test,
        is_negated: bool,
        a: Value,
        b: Value,
        target_pc: u32,
    },
    Jumpi {
        target: Value,
        condition: Value,
    },
    /// An instruction that the block ends with, at this offset. Its operands are on the stack.
    Op {
        opcode: u8,
        pc: usize,
    },
}

/// What a branch compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// Whether `a` is zero: there is no `b`.
    Zero,
    Equal,
    Less,
    SignedLess,
}

/// Highest distance of a position from the start. Slots are 16-bit distances in bytes.
const FARTHEST: i32 = STACK_LIMIT as i32 - 1;

/// Most static gas of a block before its last instruction.
const GAS_LIMIT: u32 = 1 << 30;

/// A basic block. Reused from block to block.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) nodes: Vec<Node>,
    pub(super) constants: Vec<U256>,
    pub(super) ending: Ending,
    /// Static gas of all instructions.
    pub(super) gas: u32,
    /// Description of each position, at `position + STACK_LIMIT`.
    stack: Box<[Value]>,
    height: i32,
    /// The lowest position that was looked at or beyond, never above 0.
    lowest: i32,
    highest: i32,
    start: usize,
    pc: usize,
    /// Whether there is a JUMPDEST at `pc`.
    is_before_jumpdest: bool,
}

impl Default for Draft {
    fn default() -> Self {
        let limit = STACK_LIMIT as i16;
        Self {
            nodes: Vec::new(),
            constants: Vec::new(),
            ending: Ending::Stop,
            gas: 0,
            stack: (-limit..limit).map(Value::Found).collect(),
            height: 0,
            lowest: 0,
            highest: 0,
            start: 0,
            pc: 0,
            is_before_jumpdest: false,
        }
    }
}

impl Draft {
    /// Reads the block that begins at `start`.
    pub(super) fn read(&mut self, code: &Code, facts: &[Fact; 256], start: usize) {
        self.restart(start);
        self.ending = loop {
            let opcode = code.padded()[self.pc];
            if opcode == byte::JUMPDEST && self.pc != start {
                break Ending::RunOn;
            }
            let fact = facts[usize::from(opcode)];
            let bottom = self.height - i32::from(fact.inputs);
            let top = bottom + i32::from(fact.outputs);
            if bottom < -FARTHEST || top > FARTHEST || self.gas > GAS_LIMIT {
                break Ending::Leave(self.pc);
            }
            self.lowest = self.lowest.min(bottom);
            self.highest = self.highest.max(top);
            self.gas += u32::from(fact.gas);
            if let Some(ending) = self.instruction(code, opcode, fact) {
                break ending;
            }
        };
        self.is_before_jumpdest = code.is_jump_destination(self.pc);
    }

    fn restart(&mut self, start: usize) {
        for position in self.lowest..0 {
            *self.at(position) = Value::Found(position as i16);
        }
        self.nodes.clear();
        self.constants.clear();
        self.gas = 0;
        (self.height, self.lowest, self.highest) = (0, 0, 0);
        (self.start, self.pc) = (start, start);
    }

    /// Gives the block up: all of it is left to the plain engine.
    pub(super) fn abandon(&mut self) {
        let (start, pc) = (self.start, self.pc);
        self.restart(start);
        self.pc = pc;
        self.ending = Ending::Leave(start);
    }

    /// One instruction, whose stack heights and gas are accounted for. Returns the ending if it ends the block.
    fn instruction(&mut self, code: &Code, opcode: u8, fact: Fact) -> Option<Ending> {
        let (pc, inputs) = (self.pc, fact.inputs);
        self.pc += 1;
        match fact.role {
            Role::Undefined => {
                self.pc = pc;
                return Some(Ending::Leave(pc));
            }
            Role::Push(size) => {
                let end = self.pc + usize::from(size);
                let constant = U256::from_be_slice(&code.padded()[self.pc..end]);
                self.pc = end;
                self.push_constant(constant);
            }
            Role::Dup(depth) => {
                let value = self.value(self.height - i32::from(depth));
                self.push(value);
            }
            Role::Swap(depth) => {
                let (top, other) = (self.height - 1, self.height - 1 - i32::from(depth));
                let value = self.value(other);
                *self.at(other) = self.value(top);
                *self.at(top) = value;
            }
            Role::Pop => self.height -= 1,
            Role::Pc => self.push_constant(word::from_u64(pc as u64)),
            Role::Jumpdest => {}
            Role::Pure => self.pure(opcode, inputs),
            Role::Answer | Role::Gas => self.node(opcode, inputs, true, true),
            Role::Eval => self.node(opcode, inputs, true, false),
            Role::Exec => self.node(opcode, inputs, false, false),
            Role::Stop => return Some(Ending::Stop),
            Role::Jump => return Some(self.jump(code)),
            Role::Jumpi => return Some(self.jumpi(code)),
            Role::Op | Role::End => return Some(Ending::Op { opcode, pc }),
        }
        None
    }

    fn at(&mut self, position: i32) -> &mut Value {
        &mut self.stack[(position + STACK_LIMIT as i32) as usize]
    }

    /// The word at a position.
    pub(super) fn value(&self, position: i32) -> Value {
        self.stack[(position + STACK_LIMIT as i32) as usize]
    }

    fn push(&mut self, value: Value) {
        *self.at(self.height) = value;
        self.height += 1;
    }

    fn push_constant(&mut self, constant: U256) {
        self.constants.push(constant);
        self.push(Value::Constant(self.constants.len() as u32 - 1));
    }

    fn pop(&mut self) -> Value {
        self.height -= 1;
        self.value(self.height)
    }

    fn pop_operands(&mut self, count: u8) -> [Value; 3] {
        let mut operands = [Value::Found(0); 3];
        for operand in &mut operands[..usize::from(count)] {
            *operand = self.pop();
        }
        operands
    }

    fn constant(&self, value: Value) -> Option<U256> {
        match value {
            Value::Constant(index) => Some(self.constants[index as usize]),
            _ => None,
        }
    }

    /// A pure instruction: done at once if all its operands are constants.
    fn pure(&mut self, opcode: u8, inputs: u8) {
        let height = self.height;
        let operands = self.pop_operands(inputs);
        let mut constants = [U256::ZERO; 3];
        for (operand, constant) in operands[..usize::from(inputs)].iter().zip(&mut constants) {
            let Some(known) = self.constant(*operand) else {
                self.height = height;
                return self.node(opcode, inputs, true, true);
            };
            *constant = known;
        }
        if let Some(result) = fold(opcode, constants) {
            self.push_constant(result);
        }
    }

    fn node(&mut self, opcode: u8, inputs: u8, has_result: bool, is_droppable: bool) {
        let mut operands = self.pop_operands(inputs);
        let offset = match operands {
            // A constant that is stored is in the place of the second slot.
            [_, Value::Constant(_), _] if opcode == byte::MSTORE => 0,
            _ => self.split_address(opcode, &mut operands[0]),
        };
        self.nodes.push(Node {
            opcode,
            operand_count: inputs,
            has_result,
            is_droppable,
            operands,
            gas: self.gas,
            position: self.height as i16,
            offset,
        });
        if has_result {
            self.push(Value::Node(self.nodes.len() as u32 - 1));
        }
    }

    /// Takes a small constant off the address of MLOAD or MSTORE, if it is a sum with one.
    fn split_address(&self, opcode: u8, address: &mut Value) -> u16 {
        if !matches!(opcode, byte::MLOAD | byte::MSTORE) {
            return 0;
        }
        let Some(Node { opcode: byte::ADD, operands: [a, b, _], .. }) = self.definition(*address)
        else {
            return 0;
        };
        for (base, offset) in [(a, b), (b, a)] {
            let offset = self.constant(*offset).and_then(|offset| word::to_u64(&offset));
            if let Some(offset) = offset.and_then(|offset| u16::try_from(offset).ok()) {
                *address = *base;
                return offset;
            }
        }
        0
    }

    fn jump(&mut self, code: &Code) -> Ending {
        let target = self.pop();
        match self.constant(target) {
            Some(target) => Ending::Goto { target_pc: landing(code, &target) },
            None => Ending::Jump { target },
        }
    }

    fn jumpi(&mut self, code: &Code) -> Ending {
        let (target, condition) = (self.pop(), self.pop());
        let Some(target) = self.constant(target) else {
            return Ending::Jumpi { target, condition };
        };
        let target_pc = landing(code, &target);
        // A condition holds if it is not zero.
        let (mut is_negated, mut a) = (false, condition);
        while let Some(Node { opcode: byte::ISZERO, operands: [inner, ..], .. }) =
            self.definition(a)
        {
            is_negated = !is_negated;
            a = *inner;
        }
        let Some(&Node { opcode, operands: [x, y, _], .. }) = self.definition(a) else {
            let (test, is_negated) = (Test::Zero, !is_negated);
            return Ending::Branch { test, is_negated, a, b: Value::Found(0), target_pc };
        };
        let (test, is_negated, a, b) = match opcode {
            byte::EQ => (Test::Equal, is_negated, x, y),
            // A difference that is not zero.
            byte::SUB | byte::XOR => (Test::Equal, !is_negated, x, y),
            byte::LT => (Test::Less, is_negated, x, y),
            byte::GT => (Test::Less, is_negated, y, x),
            byte::SLT => (Test::SignedLess, is_negated, x, y),
            byte::SGT => (Test::SignedLess, is_negated, y, x),
            _ => (Test::Zero, !is_negated, a, Value::Found(0)),
        };
        Ending::Branch { test, is_negated, a, b, target_pc }
    }

    /// The node that computes a word.
    fn definition(&self, value: Value) -> Option<&Node> {
        match value {
            Value::Node(index) => self.nodes.get(index as usize),
            _ => None,
        }
    }

    /// Height of the stack at the end, relative to the beginning.
    pub(super) fn height(&self) -> i32 {
        self.height
    }

    /// Words that must be there.
    pub(super) fn needed_words(&self) -> i32 {
        -self.lowest
    }

    /// Words by which the stack is higher at its highest than at the beginning.
    pub(super) fn growth_words(&self) -> i32 {
        self.highest
    }

    /// Where the block ends in the code.
    pub(super) fn pc(&self) -> usize {
        self.pc
    }

    /// Whether the block jumps to a known place and `number` is the offset of a JUMPDEST right behind it: a return address.
    pub(super) fn returns_to(&self, number: u64) -> bool {
        self.is_before_jumpdest
            && number == self.pc as u64
            && matches!(self.ending, Ending::Goto { .. })
    }

    /// Whether execution may go on right behind the block.
    pub(super) fn is_followed(&self) -> bool {
        match self.ending {
            Ending::RunOn | Ending::Branch { .. } | Ending::Jumpi { .. } => true,
            Ending::Op { opcode, .. } => role(opcode) == Role::Op,
            Ending::Stop | Ending::Leave(_) | Ending::Goto { .. } | Ending::Jump { .. } => false,
        }
    }
}

/// The offset of the JUMPDEST that a jump to `target` lands at.
fn landing(code: &Code, target: &U256) -> u32 {
    word::to_u64(target)
        .and_then(|offset| usize::try_from(offset).ok())
        .filter(|offset| code.is_jump_destination(*offset))
        .map_or(NOWHERE, |offset| offset as u32)
}
