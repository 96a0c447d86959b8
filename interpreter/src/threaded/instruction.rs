//! What the threaded engine executes: three-address instructions over stack slots.

use crate::opcode::{byte, for_each_opcode};

/// One instruction. Slots are distances in bytes from the stack pointer as it was when the basic block began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Instruction {
    /// An opcode byte, plus the [kind](kind) of its operands; or one of [`operation`].
    pub(super) operation: u16,
    /// Slot of the result. Of what ends a block: how far the stack pointer moves.
    pub(super) target: i16,
    /// Slot of the first operand.
    pub(super) a: i16,
    /// Slot of the second operand.
    pub(super) b: i16,
    /// Whatever else the operation needs; see [`Form`].
    pub(super) immediate: u64,
}

/// How an instruction of the opcode table finds its operands, if not all in slots. Added to the opcode byte.
pub(super) mod kind {
    /// The last is the 64-bit immediate.
    pub(in super::super) const SLOT_IMMEDIATE: u16 = 1 << 8;
    /// The first is the 64-bit immediate.
    pub(in super::super) const IMMEDIATE_SLOT: u16 = 2 << 8;
    /// The last is a constant.
    pub(in super::super) const SLOT_CONSTANT: u16 = 3 << 8;
    /// The first is a constant.
    pub(in super::super) const CONSTANT_SLOT: u16 = 4 << 8;
}

/// Opcode `BYTE` with each kind, as patterns to match on.
pub(super) struct Kinds<const BYTE: u16>;

impl<const BYTE: u16> Kinds<BYTE> {
    pub(super) const SLOT_IMMEDIATE: u16 = BYTE + kind::SLOT_IMMEDIATE;
    pub(super) const IMMEDIATE_SLOT: u16 = BYTE + kind::IMMEDIATE_SLOT;
    pub(super) const SLOT_CONSTANT: u16 = BYTE + kind::SLOT_CONSTANT;
    pub(super) const CONSTANT_SLOT: u16 = BYTE + kind::CONSTANT_SLOT;
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident $number:literal $form:expr;)*) => {
        /// Operations that no single opcode stands for.
        pub(super) mod operation {
            $($(#[$doc])* pub(in super::super) const $name: u16 = (5 << 8) + $number;)*
        }

        /// The form of an operation of [`operation`].
        const fn own_form(operation: u16) -> Option<Form> {
            match operation {
                $(operation::$name => Some($form),)*
                _ => None,
            }
        }
    };
}

operations! {
    /// The slot `a`.
    MOVE 0 Form::Slots;
    /// The slot `a`; then into the slot in the immediate's low 16 bits the slot in its next 16.
    MOVE_2 1 Form::TwoMoreSlots;
    /// Exchanges the slots `target` and `a`.
    EXCHANGE 2 Form::Slots;
    /// The immediate.
    SET 3 Form::Slots;
    /// The immediate's low 32 bits; then into the slot `a` its high 32 bits.
    SET_2 4 Form::Slots;
    /// A constant.
    SET_CONSTANT 5 Form::Constant;
    /// Moves the stack pointer and goes on.
    SHIFT 6 Form::Slots;
    /// Leaves the rest of the frame to the plain engine.
    LEAVE 7 Form::Slots;
    /// Halts: the target of a jump is no JUMPDEST.
    INVALID_JUMP 8 Form::Slots;
    /// Goes to a block.
    GOTO 9 Form::Goto;
    /// Goes to the first block if the slot `a` is not zero, else to the second; and so on.
    BRANCH 10 Form::Branch;
    /// If `a == b`.
    BRANCH_EQ 11 Form::Branch;
    /// If `a == immediate`.
    BRANCH_EQ_IMMEDIATE 12 Form::Branch;
    /// If `a < b`.
    BRANCH_LT 13 Form::Branch;
    /// If `a < immediate`.
    BRANCH_LT_IMMEDIATE 14 Form::Branch;
    /// If `a > immediate`.
    BRANCH_GT_IMMEDIATE 15 Form::Branch;
    /// If `a < b`, signed.
    BRANCH_SLT 16 Form::Branch;
    /// If `a < immediate`, signed.
    BRANCH_SLT_IMMEDIATE 17 Form::Branch;
    /// If `a > immediate`, signed.
    BRANCH_SGT_IMMEDIATE 18 Form::Branch;
}

/// What the fields of an instruction mean, for checking that they stay inside the program. Slots that an operation does not
/// use are zero, which is a slot of every block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Up to three slots; nothing to check in the immediate.
    Slots,
    /// The immediate's low 16 bits are a slot.
    OneMoreSlot,
    /// So are its next 16.
    TwoMoreSlots,
    /// The immediate is the index of a constant.
    Constant,
    /// The immediate's high 32 bits are the index of a constant.
    HighConstant,
    /// The immediate's low 16 bits are a block.
    Goto,
    /// So are its next 16; its high 32 bits are an operand.
    Branch,
    /// Its low 32 bits are the offset in the code, its next 16 the block behind.
    Op,
}

/// The form of each instruction of the opcode table, by the shape of its row.
macro_rules! form {
    (SLOTS word1) => { Some(Form::Slots) };
    (SLOTS word2) => { Some(Form::Slots) };
    (SLOTS word3) => { Some(Form::OneMoreSlot) };
    (SLOTS push_word) => { Some(Form::Slots) };
    (SLOTS gas) => { Some(Form::Slots) };
    (SLOTS stop) => { Some(Form::Slots) };
    (SLOTS jump) => { Some(Form::Slots) };
    (SLOTS jumpi) => { Some(Form::Branch) };
    (SLOTS calldataload) => { Some(Form::Slots) };
    (SLOTS mload) => { Some(Form::Slots) };
    (SLOTS mstore) => { Some(Form::Slots) };
    (SLOTS eval) => { Some(Form::OneMoreSlot) };
    (SLOTS exec) => { Some(Form::OneMoreSlot) };
    (SLOTS op) => { Some(Form::Op) };
    (SLOTS end) => { Some(Form::Op) };
    (SLOT_IMMEDIATE word2) => { Some(Form::Slots) };
    (SLOT_IMMEDIATE calldataload) => { Some(Form::Slots) };
    (SLOT_IMMEDIATE mload) => { Some(Form::Slots) };
    (SLOT_IMMEDIATE eval) => { Some(Form::Slots) };
    (IMMEDIATE_SLOT word2) => { Some(Form::Slots) };
    (IMMEDIATE_SLOT mstore) => { Some(Form::Slots) };
    (SLOT_CONSTANT word2) => { Some(Form::Constant) };
    (SLOT_CONSTANT word3) => { Some(Form::Constant) };
    (SLOT_CONSTANT mstore) => { Some(Form::Constant) };
    (CONSTANT_SLOT word2) => { Some(Form::Constant) };
    (CONSTANT_SLOT mstore) => { Some(Form::HighConstant) };
    ($kind:ident $shape:ident) => { None };
}

macro_rules! define_forms {
    ({} $($byte:literal $name:ident $inputs:literal $outputs:literal $immediate:literal
        [$($gas:tt)*] $shape:ident $(($($handler:tt)*))?;)*) => {
        const fn table_form(operation: u16) -> Option<Form> {
            match operation {
                $($byte => form!(SLOTS $shape),)*
                $(Kinds::<$byte>::SLOT_IMMEDIATE => form!(SLOT_IMMEDIATE $shape),)*
                $(Kinds::<$byte>::IMMEDIATE_SLOT => form!(IMMEDIATE_SLOT $shape),)*
                $(Kinds::<$byte>::SLOT_CONSTANT => form!(SLOT_CONSTANT $shape),)*
                $(Kinds::<$byte>::CONSTANT_SLOT => form!(CONSTANT_SLOT $shape),)*
                _ => None,
            }
        }
    };
}
for_each_opcode!(define_forms! {});

/// Number of operations, those included that do not exist.
const OPERATIONS: usize = 6 << 8;

static FORMS: [Option<Form>; OPERATIONS] = {
    let mut forms = [None; OPERATIONS];
    let mut operation = 0;
    while operation < OPERATIONS {
        forms[operation] = match table_form(operation as u16) {
            Some(form) => Some(form),
            None => own_form(operation as u16),
        };
        operation += 1;
    }
    forms
};

/// What the fields of an instruction with this operation mean; `None` if there is no such operation.
pub(super) fn form(operation: u16) -> Option<Form> {
    FORMS.get(usize::from(operation)).copied().flatten()
}

/// Whether nothing behind an instruction with this operation runs in the same block.
pub(super) fn ends_block(operation: u16) -> bool {
    match form(operation) {
        Some(Form::Goto | Form::Branch | Form::Op) => true,
        _ => matches!(
            operation,
            operation::LEAVE | operation::INVALID_JUMP | STOP | JUMP
        ),
    }
}

const STOP: u16 = byte::STOP as u16;
const JUMP: u16 = byte::JUMP as u16;

/// The only instruction of the block that impossible jumps go to.
pub(super) const INVALID_JUMP: Instruction = Instruction {
    operation: operation::INVALID_JUMP,
    target: 0,
    a: 0,
    b: 0,
    immediate: 0,
};
