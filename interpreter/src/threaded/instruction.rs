//! What the threaded engine executes: three-address instructions over stack slots, in a stream of 64-bit words.
//!
//! The stream is a row of basic blocks in the order of the code. A block is a [`Header`] word, then instructions; the last one
//! ends the block, and none before does. An instruction is a [`Word`], which some operations let be followed by *payload*
//! words. Nothing that a block needs lies elsewhere: most code is executed rarely, and each line of memory that it touches has
//! to be waited for.

use ruint::aliases::U256;

use crate::opcode::for_each_opcode;

/// An instruction without its payload, or one word of payload. Slots are distances in bytes from the stack pointer as it was
/// when the block began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(8))]
pub(super) struct Word {
    /// An opcode byte, plus the [kind] of its operands; or one of [`operation`].
    pub(super) operation: u16,
    /// Slot of the result. Of what ends a block: how far the stack pointer moves.
    pub(super) target: i16,
    /// Slot of the first operand, or that operand.
    pub(super) a: i16,
    /// Slot of the second operand, or that operand.
    pub(super) b: i16,
}

impl Word {
    /// The two last fields as one number.
    #[inline(always)]
    pub(super) const fn wide(&self) -> u32 {
        self.a as u16 as u32 | (self.b as u16 as u32) << 16
    }

    /// Sets the two last fields to one number.
    pub(super) const fn set_wide(&mut self, wide: u32) {
        (self.a, self.b) = (wide as u16 as i16, (wide >> 16) as u16 as i16);
    }

    /// All of it as four slots: payload.
    #[inline(always)]
    pub(super) const fn as_slots(&self) -> [i16; 4] {
        [self.operation as i16, self.target, self.a, self.b]
    }

    /// All of it as one number: payload.
    #[inline(always)]
    pub(super) const fn bits(&self) -> u64 {
        self.operation as u64 | (self.target as u16 as u64) << 16 | (self.wide() as u64) << 32
    }

    /// Payload.
    pub(super) const fn from_bits(bits: u64) -> Self {
        let mut word = Self { operation: bits as u16, target: (bits >> 16) as i16, a: 0, b: 0 };
        word.set_wide((bits >> 32) as u32);
        word
    }
}

/// What is checked and taken when a block is entered. Written as payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// Gas that all its instructions take whatever their operands are, and those of the blocks that it runs on into.
    pub(super) gas: u32,
    /// Least height of the stack with which none of its instructions finds too few words, in bytes.
    pub(super) low_bytes: u16,
    /// How much more than that the stack may hold so that it never overflows, in bytes.
    pub(super) span_bytes: u16,
}

impl Header {
    #[inline(always)]
    pub(super) const fn from_bits(bits: u64) -> Self {
        Self { gas: bits as u32, low_bytes: (bits >> 32) as u16, span_bytes: (bits >> 48) as u16 }
    }

    pub(super) const fn bits(self) -> u64 {
        self.gas as u64 | (self.low_bytes as u64) << 32 | (self.span_bytes as u64) << 48
    }
}

/// How an instruction of the opcode table finds its operands, if not all in slots. Added to the opcode byte.
pub(super) mod kind {
    /// The last is a 16-bit number in `b`, or in `a` if it is the only one.
    pub(in super::super) const SLOT_SMALL: u16 = 1 << 8;
    /// The first is a 16-bit number in `a`.
    pub(in super::super) const SMALL_SLOT: u16 = 2 << 8;
    /// The last is a constant: four words of payload.
    pub(in super::super) const SLOT_CONSTANT: u16 = 3 << 8;
    /// The first is a constant.
    pub(in super::super) const CONSTANT_SLOT: u16 = 4 << 8;
    /// All are 16-bit numbers in `a` and `b`.
    pub(in super::super) const SMALLS: u16 = 5 << 8;
    /// The first is a 16-bit number in `a`, the last a constant.
    pub(in super::super) const SMALL_CONSTANT: u16 = 6 << 8;
}

/// Opcode `BYTE` with each kind, as patterns to match on.
pub(super) struct Kinds<const BYTE: u16>;

impl<const BYTE: u16> Kinds<BYTE> {
    pub(super) const SLOT_SMALL: u16 = BYTE + kind::SLOT_SMALL;
    pub(super) const SMALL_SLOT: u16 = BYTE + kind::SMALL_SLOT;
    pub(super) const SLOT_CONSTANT: u16 = BYTE + kind::SLOT_CONSTANT;
    pub(super) const CONSTANT_SLOT: u16 = BYTE + kind::CONSTANT_SLOT;
    pub(super) const SMALLS: u16 = BYTE + kind::SMALLS;
    pub(super) const SMALL_CONSTANT: u16 = BYTE + kind::SMALL_CONSTANT;
}

/// What the fields of an instruction mean, for checking that they stay inside the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Three slots.
    Slots,
    /// The target and `a` are slots, `b` a number.
    TwoSlots,
    /// The target and `b` are slots, `a` a number.
    TargetAndB,
    /// The target is a slot, the rest a number.
    Target,
    /// Three slots and a fourth in a word of payload.
    FourSlots,
    /// Three slots and two more in a word of payload.
    FiveSlots,
    /// Three slots and four more in a word of payload.
    SevenSlots,
    /// The target is a number, `a` and `b` are slots.
    NumberAndSlots,
    /// Two slots and a word of payload.
    TwoSlotsAndWord,
    /// One slot and a word of payload.
    TargetAndWord,
    /// Three slots and a constant.
    Constant,
    /// Target slot, and a constant.
    TargetAndConstant,
    /// Ends the block. The stack pointer moves by the target; `a` and `b` are slots.
    End,
    /// Ends the block. The rest is a number.
    EndWide,
    /// Ends the block. The rest is the place of a header.
    Goto,
    /// Ends the block by running on behind the header whose place the rest is.
    RunOn,
    /// Ends the block. A word of payload: in its low half the place of a header, in its high half a number.
    Branch,
}

impl Form {
    /// Words of payload.
    pub(super) const fn payload_words(self) -> usize {
        match self {
            Self::FourSlots
            | Self::FiveSlots
            | Self::SevenSlots
            | Self::TwoSlotsAndWord
            | Self::TargetAndWord
            | Self::Branch => 1,
            Self::Constant | Self::TargetAndConstant => CONSTANT_WORDS,
            _ => 0,
        }
    }

    /// Whether a block ends with it.
    pub(super) const fn ends_block(self) -> bool {
        matches!(self, Self::End | Self::EndWide | Self::Goto | Self::RunOn | Self::Branch)
    }
}

/// Words of payload that a constant takes.
pub(super) const CONSTANT_WORDS: usize = U256::LIMBS;

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident $number:literal $form:ident;)*) => {
        /// Operations that no single opcode stands for.
        pub(super) mod operation {
            $($(#[$doc])* pub(in super::super) const $name: u16 = (7 << 8) + $number;)*
        }

        /// The form of an operation of [`operation`].
        const fn own_form(operation: u16) -> Option<Form> {
            match operation {
                $(operation::$name => Some(Form::$form),)*
                _ => None,
            }
        }
    };
}

operations! {
    /// The slot `a`.
    MOVE 0 TwoSlots;
    /// The slot `a`; then into the payload's first slot its second.
    MOVE_2 1 FiveSlots;
    /// Exchanges the slots `target` and `a`.
    EXCHANGE 2 TwoSlots;
    /// The 32-bit number of the last two fields.
    SET_SMALL 3 Target;
    /// The payload.
    SET 4 TargetAndWord;
    /// The payload's low 32 bits; then into the slot `a` its high 32 bits.
    SET_SMALL_2 5 TwoSlotsAndWord;
    /// A constant.
    SET_CONSTANT 6 TargetAndConstant;
    /// Goes on behind a header: that block's gas and heights were seen to already.
    RUN_ON 7 RunOn;
    /// Leaves the rest of the frame to the plain engine, from an offset on.
    LEAVE 8 EndWide;
    /// Halts: the target of a jump is no JUMPDEST.
    INVALID_JUMP 9 EndWide;
    /// Goes to a block.
    GOTO 10 Goto;
    /// Goes to a block if the slot `a` is zero, else to the next; and so on.
    BRANCH_ZERO 11 Branch;
    /// If it is not.
    BRANCH_NOT_ZERO 12 Branch;
    /// If `a == b`.
    BRANCH_EQ 13 Branch;
    /// If not.
    BRANCH_NOT_EQ 14 Branch;
    /// If `a` is the number in the payload.
    BRANCH_EQ_SMALL 15 Branch;
    /// If not.
    BRANCH_NOT_EQ_SMALL 16 Branch;
    /// If `a < b`.
    BRANCH_LT 17 Branch;
    /// If not.
    BRANCH_NOT_LT 18 Branch;
    /// If `a` is less than the number.
    BRANCH_LT_SMALL 19 Branch;
    /// If not.
    BRANCH_NOT_LT_SMALL 20 Branch;
    /// If `a` is greater than the number.
    BRANCH_GT_SMALL 21 Branch;
    /// If not.
    BRANCH_NOT_GT_SMALL 22 Branch;
    /// If `a < b`, signed.
    BRANCH_SLT 23 Branch;
    /// If not.
    BRANCH_NOT_SLT 24 Branch;
    /// If `a` is less than the number, signed.
    BRANCH_SLT_SMALL 25 Branch;
    /// If not.
    BRANCH_NOT_SLT_SMALL 26 Branch;
    /// If `a` is greater than the number, signed.
    BRANCH_SGT_SMALL 27 Branch;
    /// If not.
    BRANCH_NOT_SGT_SMALL 28 Branch;
    /// Puts the number in the payload into the slot `a` and goes to a block.
    SET_GOTO 29 Branch;
    /// MOVE_2, then into the payload's last slot the one that stands first in it.
    MOVE_3 30 SevenSlots;
    /// MLOAD at the word in slot `a` plus the number `b`.
    MLOAD_AT 31 TwoSlots;
    /// MSTORE of slot `b` at the word in slot `a` plus the number in the target.
    MSTORE_AT 32 NumberAndSlots;
    /// SET_GOTO, where the number is the offset of the block behind: a call of an internal function with its return address.
    CALL_GOTO 33 Branch;
}

/// The form of each instruction of the opcode table, by the shape of its row.
macro_rules! form {
    (SLOTS word1) => {
        Some(Form::Slots)
    };
    (SLOTS word2) => {
        Some(Form::Slots)
    };
    (SLOTS word3) => {
        Some(Form::FourSlots)
    };
    (SLOTS push_word) => {
        Some(Form::Target)
    };
    (SLOTS gas) => {
        Some(Form::Target)
    };
    (SLOTS stop) => {
        Some(Form::EndWide)
    };
    (SLOTS jump) => {
        Some(Form::End)
    };
    (SLOTS jumpi) => {
        Some(Form::End)
    };
    (SLOTS calldataload) => {
        Some(Form::Slots)
    };
    (SLOTS mload) => {
        Some(Form::Slots)
    };
    (SLOTS mstore) => {
        Some(Form::Slots)
    };
    (SLOTS eval) => {
        Some(Form::FourSlots)
    };
    (SLOTS exec) => {
        Some(Form::FourSlots)
    };
    (SLOTS op) => {
        Some(Form::EndWide)
    };
    (SLOTS end) => {
        Some(Form::EndWide)
    };
    (SLOT_SMALL word2) => {
        Some(Form::TwoSlots)
    };
    (SLOT_SMALL calldataload) => {
        Some(Form::Target)
    };
    (SLOT_SMALL mload) => {
        Some(Form::Target)
    };
    (SLOT_SMALL mstore) => {
        Some(Form::TwoSlots)
    };
    (SMALL_SLOT word2) => {
        Some(Form::TargetAndB)
    };
    (SMALL_SLOT mstore) => {
        Some(Form::TargetAndB)
    };
    (SLOT_CONSTANT word2) => {
        Some(Form::Constant)
    };
    (SLOT_CONSTANT word3) => {
        Some(Form::Constant)
    };
    (SLOT_CONSTANT mstore) => {
        Some(Form::Constant)
    };
    (CONSTANT_SLOT word2) => {
        Some(Form::Constant)
    };
    (SMALLS mstore) => {
        Some(Form::Target)
    };
    (SMALLS eval) => {
        Some(Form::Target)
    };
    (SMALL_CONSTANT mstore) => {
        Some(Form::TargetAndConstant)
    };
    ($kind:ident $shape:ident) => {
        None
    };
}

macro_rules! define_forms {
    ({} $($byte:literal $name:ident $inputs:literal $outputs:literal $immediate:literal
        [$($gas:tt)*] $shape:ident $(($($handler:tt)*))?;)*) => {
        const fn table_form(operation: u16) -> Option<Form> {
            match operation {
                $($byte => form!(SLOTS $shape),)*
                $(Kinds::<$byte>::SLOT_SMALL => form!(SLOT_SMALL $shape),)*
                $(Kinds::<$byte>::SMALL_SLOT => form!(SMALL_SLOT $shape),)*
                $(Kinds::<$byte>::SLOT_CONSTANT => form!(SLOT_CONSTANT $shape),)*
                $(Kinds::<$byte>::CONSTANT_SLOT => form!(CONSTANT_SLOT $shape),)*
                $(Kinds::<$byte>::SMALLS => form!(SMALLS $shape),)*
                $(Kinds::<$byte>::SMALL_CONSTANT => form!(SMALL_CONSTANT $shape),)*
                _ => None,
            }
        }
    };
}
for_each_opcode!(define_forms! {});

/// Number of operations, those included that do not exist.
const OPERATIONS: usize = 8 << 8;

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
#[inline]
pub(super) fn form(operation: u16) -> Option<Form> {
    FORMS.get(usize::from(operation)).copied().flatten()
}
