//! Code, analysed once.

mod jump_destinations;

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use alloy_primitives::{Address, B256, KECCAK256_EMPTY};

use crate::{
    Schedule,
    opcode::OPCODES,
    threaded::{self, Program, RULE_SET_COUNT, Translator, rule_set},
};
use jump_destinations::find_jump_destinations;

/// Zero bytes behind the code: one instruction with its longest immediate, all STOP. Execution that runs off the end meets a
/// STOP, and reading an immediate never leaves the buffer.
const PADDING_BYTES: usize = 33;

/// Gas of cheap instructions for each byte of code after which it is thought to come again. Translating pays for itself after
/// about four times as much.
const HOT_GAS_PER_BYTE: u64 = 8;

/// Time that translating takes, for each byte and for each JUMPDEST, in nanoseconds.
const TRANSLATION_NS_PER_BYTE: i64 = 20;
const TRANSLATION_NS_PER_JUMPDEST: i64 = 40;

/// Code is not translated if more than one byte in so many is an instruction that touches state. Compilers make one in fifty to
/// a hundred.
const STATE_SHARE: usize = 20;

/// First bytes of a delegation designator (EIP-7702).
const DELEGATION_PREFIX: [u8; 3] = [0xef, 0x01, 0x00];

/// Code with the facts that executing it needs: padding, jump destinations, delegation. Shared by all workers, and immutable
/// while it is: only who has it alone can [renew](Self::renew) it.
#[derive(Debug)]
pub struct Code {
    /// The code, then [`PADDING_BYTES`] zeros.
    padded: Vec<u8>,
    /// One bit for each byte of the code: set where a jump may land.
    jump_destinations: Vec<u64>,
    hash: B256,
    delegation: Option<Address>,
    /// Translations for the threaded engine, one for each set of rules.
    programs: [OnceLock<Box<Program>>; RULE_SET_COUNT],
    /// Gas that the plain engine spent on cheap instructions in it: a measure of time.
    heat_gas: AtomicU64,
    /// How long translating takes, about.
    translation_ns: i64,
    /// Whether a translation would be faster. Found out when there is time to look at the code.
    is_translatable: OnceLock<bool>,
}

impl Code {
    /// Analyses `code`, whose Keccak-256 is `hash`.
    ///
    /// ```
    /// use braid_interpreter::Code;
    /// let code = Code::new(&[0x60, 0x5b, 0x5b], Default::default());
    /// assert!(!code.is_jump_destination(1), "part of PUSH1");
    /// assert!(code.is_jump_destination(2));
    /// ```
    pub fn new(code: &[u8], hash: B256) -> Self {
        let mut new = Self {
            padded: Vec::with_capacity(code.len() + PADDING_BYTES),
            jump_destinations: Vec::new(),
            hash,
            delegation: None,
            programs: [const { OnceLock::new() }; RULE_SET_COUNT],
            heat_gas: AtomicU64::new(0),
            translation_ns: 0,
            is_translatable: OnceLock::new(),
        };
        new.renew(code, hash);
        new
    }

    /// Analyses other code in place of this, as [`Self::new`] does, keeping the allocations: for initcode, which runs once.
    pub fn renew(&mut self, code: &[u8], hash: B256) {
        self.padded.clear();
        self.padded.extend_from_slice(code);
        self.padded.resize(code.len() + PADDING_BYTES, 0);
        find_jump_destinations(code, &mut self.jump_destinations);
        let jumpdests: u32 = self.jump_destinations.iter().map(|bits| bits.count_ones()).sum();
        self.translation_ns = TRANSLATION_NS_PER_BYTE * self.padded.len() as i64
            + TRANSLATION_NS_PER_JUMPDEST * i64::from(jumpdests);
        self.hash = hash;
        self.delegation = parse_delegation(code);
        self.programs = [const { OnceLock::new() }; RULE_SET_COUNT];
        self.heat_gas = AtomicU64::new(0);
        self.is_translatable = OnceLock::new();
    }

    /// The code of an account without code.
    pub fn empty() -> Self {
        Self::new(&[], KECCAK256_EMPTY)
    }

    /// The code's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.padded[..self.size_bytes()]
    }

    /// Length of the code in bytes.
    pub fn size_bytes(&self) -> usize {
        self.padded.len() - PADDING_BYTES
    }

    /// Whether there is no code.
    pub fn is_empty(&self) -> bool {
        self.size_bytes() == 0
    }

    /// Keccak-256 of the code, as given to [`Code::new`]; initcode is analysed under the zero hash.
    pub fn hash(&self) -> B256 {
        self.hash
    }

    /// The account whose code this is a delegation to (EIP-7702).
    pub fn delegation(&self) -> Option<Address> {
        self.delegation
    }

    /// Whether a jump may land at `offset`: a JUMPDEST that is not immediate data.
    #[inline]
    pub fn is_jump_destination(&self, offset: usize) -> bool {
        self.jump_destinations.get(offset / 64).is_some_and(|bits| bits >> (offset % 64) & 1 == 1)
    }

    /// The first place at or behind `offset` where a jump may land.
    pub(crate) fn next_jump_destination(&self, offset: usize) -> Option<usize> {
        let mut place = offset / 64;
        let mut bits = self.jump_destinations.get(place)? & (u64::MAX << (offset % 64));
        while bits == 0 {
            place += 1;
            bits = *self.jump_destinations.get(place)?;
        }
        Some(64 * place + bits.trailing_zeros() as usize)
    }

    /// The translation for the threaded engine under the rules of `schedule`, if it was made.
    #[inline]
    pub fn program(&self, schedule: &Schedule) -> Option<&Program> {
        self.programs[rule_set(schedule.fork)].get().map(|program| &**program)
    }

    /// The translation for the threaded engine under the rules of `schedule`, made now unless it was before.
    ///
    /// The code is cold again afterwards, for rules under which it has no translation yet.
    pub fn translate(&self, schedule: &Schedule, translator: &mut Translator) -> &Program {
        let program = &self.programs[rule_set(schedule.fork)];
        let program = program.get_or_init(|| Box::new(translator.translate(self, schedule)));
        self.heat_gas.store(0, Ordering::Relaxed);
        program
    }

    /// One bit for each byte of the code, 64 to a number: set where a jump may land.
    pub(crate) fn jump_destination_bits(&self) -> &[u64] {
        &self.jump_destinations
    }

    /// Whether the plain engine has run so much of the code that it will probably run again, and it was not translated yet.
    #[inline]
    pub fn wants_translation(&self, schedule: &Schedule) -> bool {
        let hot_gas = HOT_GAS_PER_BYTE * self.padded.len() as u64;
        self.heat_gas.load(Ordering::Relaxed) >= hot_gas
            && self.program(schedule).is_none()
            && self.is_translatable.get() != Some(&false)
    }

    /// Whether a translation would be faster: whether basic blocks are long enough. Each instruction that touches state ends
    /// one, and a translation of nothing but such blocks is larger and no faster.
    ///
    /// Looking takes a tenth of the time of translating, the first time.
    pub fn is_mostly_computation(&self) -> bool {
        *self.is_translatable.get_or_init(|| {
            let (mut pc, mut ends) = (0, 0);
            while let Some(&opcode) = self.bytes().get(pc) {
                ends += usize::from(threaded::ends_block_for_state(opcode));
                pc +=
                    1 + OPCODES[usize::from(opcode)].map_or(0, |info| info.immediate_size as usize);
            }
            ends * STATE_SHARE <= self.size_bytes()
        })
    }

    /// About how long translating takes, in nanoseconds.
    #[inline]
    pub fn translation_ns(&self) -> i64 {
        self.translation_ns
    }

    /// Notes that the plain engine spent so much gas on cheap instructions. What two threads note at once may be noted once:
    /// it does not matter, and adding without a lock is what the smallest of frames can afford.
    #[inline]
    pub(crate) fn heat(&self, gas: u64) {
        let heat_gas = self.heat_gas.load(Ordering::Relaxed).wrapping_add(gas);
        self.heat_gas.store(heat_gas, Ordering::Relaxed);
    }

    /// Bytes of memory that it takes, with its translations.
    pub fn memory_bytes(&self) -> usize {
        let programs = self.programs.iter().filter_map(|program| program.get());
        size_of::<Self>()
            + size_of_val(self.padded.as_slice())
            + size_of_val(self.jump_destinations.as_slice())
            + programs.map(|program| program.size_bytes()).sum::<usize>()
    }

    /// The code and the padding behind it.
    #[inline]
    pub(crate) fn padded(&self) -> &[u8] {
        &self.padded
    }
}

/// The designator that delegates to `address` (EIP-7702): `0xef0100 ++ address`.
pub fn delegation_designator(address: Address) -> [u8; 23] {
    let mut designator = [0; 23];
    designator[..3].copy_from_slice(&DELEGATION_PREFIX);
    designator[3..].copy_from_slice(address.as_slice());
    designator
}

fn parse_delegation(code: &[u8]) -> Option<Address> {
    let target: &[u8; 20] = code.strip_prefix(&DELEGATION_PREFIX)?.try_into().ok()?;
    Some(Address::from(target))
}

#[cfg(test)]
mod tests {
    use braid_primitives::Hardfork;

    use super::*;
    use crate::opcode::byte;

    #[test]
    fn a_destination_inside_an_immediate_does_not_count_even_where_the_immediate_is_cut_off() {
        let code = Code::new(&[0x5b, 0x61, 0x5b, 0x5b, 0x5b, 0x7f, 0x5b], B256::ZERO);
        let valid: Vec<usize> = (0..200).filter(|&at| code.is_jump_destination(at)).collect();
        assert_eq!(valid, [0, 4]);
    }

    #[test]
    fn hot_code_wants_a_translation_if_it_computes() {
        let schedule = Schedule::of(Hardfork::Cancun);
        let computes = Code::new(&[byte::PUSH1, 1, byte::POP].repeat(100), B256::ZERO);
        assert!(!computes.wants_translation(schedule), "it never ran");
        computes.heat(HOT_GAS_PER_BYTE * 400);
        assert!(computes.wants_translation(schedule));
        let before = computes.memory_bytes();
        computes.translate(schedule, &mut Translator::default());
        assert!(!computes.wants_translation(schedule), "it has one");
        assert!(computes.memory_bytes() > before);
        let reads = Code::new(&[byte::PUSH0, byte::SLOAD, byte::POP].repeat(100), B256::ZERO);
        reads.heat(HOT_GAS_PER_BYTE * 400);
        assert!(reads.wants_translation(schedule), "nobody has looked yet");
        assert!(computes.is_mostly_computation() && !reads.is_mostly_computation());
        assert!(!reads.wants_translation(schedule));
    }

    #[test]
    fn only_the_exact_designator_delegates() {
        let target = Address::repeat_byte(7);
        let designator = delegation_designator(target);
        assert_eq!(Code::new(&designator, B256::ZERO).delegation(), Some(target));
        assert_eq!(Code::new(&designator[..22], B256::ZERO).delegation(), None);
        assert_eq!(Code::new(&[&designator[..], &[0]].concat(), B256::ZERO).delegation(), None);
    }

    #[test]
    fn code_is_followed_by_room_for_the_longest_instruction() {
        let code = Code::new(&[0x7f], B256::ZERO);
        assert_eq!(code.bytes(), [0x7f]);
        assert_eq!(code.padded().len(), 34);
        assert!(Code::empty().is_empty());
    }
}
