//! The opcode table: one row per instruction, the single source of everything the engines know about it.
//!
//! A row reads
//!
//! ```text
//! byte NAME inputs outputs immediate [Fork gas, Fork gas, ...] shape(handler);
//! ```
//!
//! - *inputs*, *outputs*: stack words taken and given (yellow paper, appendix H: δ and α). DUPn and SWAPn count the depth
//!   they reach into.
//! - *immediate*: bytes after the opcode that belong to it.
//! - the gas list: base gas from each fork on, ascending. The first fork is the one that introduces the instruction. From
//!   Berlin on an instruction that touches state has the warm price here; handlers add what a cold access costs more.
//! - *shape*: how an engine calls the handler. `word1`, `word2`, `word3` are pure functions of stack words; `push_word` pushes
//!   what a function of the frame answers; `eval` and `exec` are given their operands and the frame, answer a word or
//!   nothing, fail with out of gas only, read no state and change none; `op` is a handler with the whole frame at hand, its
//!   operands on the stack; so is `end`, after which the frame is over; the rest are written out in the engines.
//!
//! To add an instruction: add its row here and its handler in the file of its family below `ops/`. The second opinion in
//! `opcode/tests.rs` then fails until the instruction is listed there too.

use braid_primitives::Hardfork;

/// Hands the opcode table to another macro, after the tokens given to this one.
macro_rules! for_each_opcode {
    ($callback:ident! { $($head:tt)* }) => { $callback! { { $($head)* }
        0x00 STOP           0 0 0 [Frontier 0]    stop;
        0x01 ADD            2 1 0 [Frontier 3]    word2(arithmetic::add);
        0x02 MUL            2 1 0 [Frontier 5]    word2(arithmetic::mul);
        0x03 SUB            2 1 0 [Frontier 3]    word2(arithmetic::sub);
        0x04 DIV            2 1 0 [Frontier 5]    word2(arithmetic::div);
        0x05 SDIV           2 1 0 [Frontier 5]    word2(arithmetic::sdiv);
        0x06 MOD            2 1 0 [Frontier 5]    word2(arithmetic::rem);
        0x07 SMOD           2 1 0 [Frontier 5]    word2(arithmetic::smod);
        0x08 ADDMOD         3 1 0 [Frontier 8]    word3(arithmetic::addmod);
        0x09 MULMOD         3 1 0 [Frontier 8]    word3(arithmetic::mulmod);
        0x0a EXP            2 1 0 [Frontier 10]   eval(arithmetic::exp);
        0x0b SIGNEXTEND     2 1 0 [Frontier 5]    word2(arithmetic::signextend);
        0x10 LT             2 1 0 [Frontier 3]    word2(bitwise::lt);
        0x11 GT             2 1 0 [Frontier 3]    word2(bitwise::gt);
        0x12 SLT            2 1 0 [Frontier 3]    word2(bitwise::slt);
        0x13 SGT            2 1 0 [Frontier 3]    word2(bitwise::sgt);
        0x14 EQ             2 1 0 [Frontier 3]    word2(bitwise::eq);
        0x15 ISZERO         1 1 0 [Frontier 3]    word1(bitwise::iszero);
        0x16 AND            2 1 0 [Frontier 3]    word2(bitwise::and);
        0x17 OR             2 1 0 [Frontier 3]    word2(bitwise::or);
        0x18 XOR            2 1 0 [Frontier 3]    word2(bitwise::xor);
        0x19 NOT            1 1 0 [Frontier 3]    word1(bitwise::not);
        0x1a BYTE           2 1 0 [Frontier 3]    word2(bitwise::byte);
        0x1b SHL            2 1 0 [Constantinople 3] word2(bitwise::shl);
        0x1c SHR            2 1 0 [Constantinople 3] word2(bitwise::shr);
        0x1d SAR            2 1 0 [Constantinople 3] word2(bitwise::sar);
        0x1e CLZ            1 1 0 [Osaka 5]       word1(bitwise::clz);
        0x20 KECCAK256      2 1 0 [Frontier 30]   eval(memory::keccak256);
        0x30 ADDRESS        0 1 0 [Frontier 2]    push_word(environment::address);
        0x31 BALANCE        1 1 0 [Frontier 20, Tangerine 400, Istanbul 700, Berlin 100] op(account::balance);
        0x32 ORIGIN         0 1 0 [Frontier 2]    push_word(environment::origin);
        0x33 CALLER         0 1 0 [Frontier 2]    push_word(environment::caller);
        0x34 CALLVALUE      0 1 0 [Frontier 2]    push_word(environment::callvalue);
        0x35 CALLDATALOAD   1 1 0 [Frontier 3]    calldataload;
        0x36 CALLDATASIZE   0 1 0 [Frontier 2]    push_word(environment::calldatasize);
        0x37 CALLDATACOPY   3 0 0 [Frontier 3]    exec(memory::calldatacopy);
        0x38 CODESIZE       0 1 0 [Frontier 2]    push_word(environment::codesize);
        0x39 CODECOPY       3 0 0 [Frontier 3]    exec(memory::codecopy);
        0x3a GASPRICE       0 1 0 [Frontier 2]    push_word(environment::gasprice);
        0x3b EXTCODESIZE    1 1 0 [Frontier 20, Tangerine 700, Berlin 100] op(account::extcodesize);
        0x3c EXTCODECOPY    4 0 0 [Frontier 20, Tangerine 700, Berlin 100] op(account::extcodecopy);
        0x3d RETURNDATASIZE 0 1 0 [Byzantium 2]   push_word(environment::returndatasize);
        0x3e RETURNDATACOPY 3 0 0 [Byzantium 3]   op(memory::returndatacopy);
        0x3f EXTCODEHASH    1 1 0 [Constantinople 400, Istanbul 700, Berlin 100] op(account::extcodehash);
        0x40 BLOCKHASH      1 1 0 [Frontier 20]   op(account::blockhash);
        0x41 COINBASE       0 1 0 [Frontier 2]    push_word(environment::coinbase);
        0x42 TIMESTAMP      0 1 0 [Frontier 2]    push_word(environment::timestamp);
        0x43 NUMBER         0 1 0 [Frontier 2]    push_word(environment::number);
        0x44 PREVRANDAO     0 1 0 [Frontier 2]    push_word(environment::prevrandao);
        0x45 GASLIMIT       0 1 0 [Frontier 2]    push_word(environment::gaslimit);
        0x46 CHAINID        0 1 0 [Istanbul 2]    push_word(environment::chainid);
        0x47 SELFBALANCE    0 1 0 [Istanbul 5]    op(account::selfbalance);
        0x48 BASEFEE        0 1 0 [London 2]      push_word(environment::basefee);
        0x49 BLOBHASH       1 1 0 [Cancun 3]      eval(environment::blobhash);
        0x4a BLOBBASEFEE    0 1 0 [Cancun 2]      push_word(environment::blobbasefee);
        0x50 POP            1 0 0 [Frontier 2]    pop;
        0x51 MLOAD          1 1 0 [Frontier 3]    mload;
        0x52 MSTORE         2 0 0 [Frontier 3]    mstore;
        0x53 MSTORE8        2 0 0 [Frontier 3]    exec(memory::mstore8);
        0x54 SLOAD          1 1 0 [Frontier 50, Tangerine 200, Istanbul 800, Berlin 100] op(storage::sload);
        0x55 SSTORE         2 0 0 [Frontier 0]    op(storage::sstore);
        0x56 JUMP           1 0 0 [Frontier 8]    jump;
        0x57 JUMPI          2 0 0 [Frontier 10]   jumpi;
        0x58 PC             0 1 0 [Frontier 2]    pc;
        0x59 MSIZE          0 1 0 [Frontier 2]    push_word(environment::msize);
        0x5a GAS            0 1 0 [Frontier 2]    gas;
        0x5b JUMPDEST       0 0 0 [Frontier 1]    jumpdest;
        0x5c TLOAD          1 1 0 [Cancun 100]    eval(storage::tload);
        0x5d TSTORE         2 0 0 [Cancun 100]    op(storage::tstore);
        0x5e MCOPY          3 0 0 [Cancun 3]      exec(memory::mcopy);
        0x5f PUSH0          0 1 0 [Shanghai 2]    push(0);
        0x60 PUSH1          0 1 1 [Frontier 3]    push(1);
        0x61 PUSH2          0 1 2 [Frontier 3]    push(2);
        0x62 PUSH3          0 1 3 [Frontier 3]    push(3);
        0x63 PUSH4          0 1 4 [Frontier 3]    push(4);
        0x64 PUSH5          0 1 5 [Frontier 3]    push(5);
        0x65 PUSH6          0 1 6 [Frontier 3]    push(6);
        0x66 PUSH7          0 1 7 [Frontier 3]    push(7);
        0x67 PUSH8          0 1 8 [Frontier 3]    push(8);
        0x68 PUSH9          0 1 9 [Frontier 3]    push(9);
        0x69 PUSH10         0 1 10 [Frontier 3]   push(10);
        0x6a PUSH11         0 1 11 [Frontier 3]   push(11);
        0x6b PUSH12         0 1 12 [Frontier 3]   push(12);
        0x6c PUSH13         0 1 13 [Frontier 3]   push(13);
        0x6d PUSH14         0 1 14 [Frontier 3]   push(14);
        0x6e PUSH15         0 1 15 [Frontier 3]   push(15);
        0x6f PUSH16         0 1 16 [Frontier 3]   push(16);
        0x70 PUSH17         0 1 17 [Frontier 3]   push(17);
        0x71 PUSH18         0 1 18 [Frontier 3]   push(18);
        0x72 PUSH19         0 1 19 [Frontier 3]   push(19);
        0x73 PUSH20         0 1 20 [Frontier 3]   push(20);
        0x74 PUSH21         0 1 21 [Frontier 3]   push(21);
        0x75 PUSH22         0 1 22 [Frontier 3]   push(22);
        0x76 PUSH23         0 1 23 [Frontier 3]   push(23);
        0x77 PUSH24         0 1 24 [Frontier 3]   push(24);
        0x78 PUSH25         0 1 25 [Frontier 3]   push(25);
        0x79 PUSH26         0 1 26 [Frontier 3]   push(26);
        0x7a PUSH27         0 1 27 [Frontier 3]   push(27);
        0x7b PUSH28         0 1 28 [Frontier 3]   push(28);
        0x7c PUSH29         0 1 29 [Frontier 3]   push(29);
        0x7d PUSH30         0 1 30 [Frontier 3]   push(30);
        0x7e PUSH31         0 1 31 [Frontier 3]   push(31);
        0x7f PUSH32         0 1 32 [Frontier 3]   push(32);
        0x80 DUP1           1 2 0 [Frontier 3]    dup(1);
        0x81 DUP2           2 3 0 [Frontier 3]    dup(2);
        0x82 DUP3           3 4 0 [Frontier 3]    dup(3);
        0x83 DUP4           4 5 0 [Frontier 3]    dup(4);
        0x84 DUP5           5 6 0 [Frontier 3]    dup(5);
        0x85 DUP6           6 7 0 [Frontier 3]    dup(6);
        0x86 DUP7           7 8 0 [Frontier 3]    dup(7);
        0x87 DUP8           8 9 0 [Frontier 3]    dup(8);
        0x88 DUP9           9 10 0 [Frontier 3]   dup(9);
        0x89 DUP10          10 11 0 [Frontier 3]  dup(10);
        0x8a DUP11          11 12 0 [Frontier 3]  dup(11);
        0x8b DUP12          12 13 0 [Frontier 3]  dup(12);
        0x8c DUP13          13 14 0 [Frontier 3]  dup(13);
        0x8d DUP14          14 15 0 [Frontier 3]  dup(14);
        0x8e DUP15          15 16 0 [Frontier 3]  dup(15);
        0x8f DUP16          16 17 0 [Frontier 3]  dup(16);
        0x90 SWAP1          2 2 0 [Frontier 3]    swap(1);
        0x91 SWAP2          3 3 0 [Frontier 3]    swap(2);
        0x92 SWAP3          4 4 0 [Frontier 3]    swap(3);
        0x93 SWAP4          5 5 0 [Frontier 3]    swap(4);
        0x94 SWAP5          6 6 0 [Frontier 3]    swap(5);
        0x95 SWAP6          7 7 0 [Frontier 3]    swap(6);
        0x96 SWAP7          8 8 0 [Frontier 3]    swap(7);
        0x97 SWAP8          9 9 0 [Frontier 3]    swap(8);
        0x98 SWAP9          10 10 0 [Frontier 3]  swap(9);
        0x99 SWAP10         11 11 0 [Frontier 3]  swap(10);
        0x9a SWAP11         12 12 0 [Frontier 3]  swap(11);
        0x9b SWAP12         13 13 0 [Frontier 3]  swap(12);
        0x9c SWAP13         14 14 0 [Frontier 3]  swap(13);
        0x9d SWAP14         15 15 0 [Frontier 3]  swap(14);
        0x9e SWAP15         16 16 0 [Frontier 3]  swap(15);
        0x9f SWAP16         17 17 0 [Frontier 3]  swap(16);
        0xa0 LOG0           2 0 0 [Frontier 375]  op(log::log0);
        0xa1 LOG1           3 0 0 [Frontier 750]  op(log::log1);
        0xa2 LOG2           4 0 0 [Frontier 1125] op(log::log2);
        0xa3 LOG3           5 0 0 [Frontier 1500] op(log::log3);
        0xa4 LOG4           6 0 0 [Frontier 1875] op(log::log4);
        0xf0 CREATE         3 1 0 [Frontier 32000] op(create::create);
        0xf1 CALL           7 1 0 [Frontier 40, Tangerine 700, Berlin 100] op(call::call);
        0xf2 CALLCODE       7 1 0 [Frontier 40, Tangerine 700, Berlin 100] op(call::callcode);
        0xf3 RETURN         2 0 0 [Frontier 0]    end(halt::ret);
        0xf4 DELEGATECALL   6 1 0 [Homestead 40, Tangerine 700, Berlin 100] op(call::delegatecall);
        0xf5 CREATE2        4 1 0 [Constantinople 32000] op(create::create2);
        0xfa STATICCALL     6 1 0 [Byzantium 700, Berlin 100] op(call::staticcall);
        0xfd REVERT         2 0 0 [Byzantium 0]   end(halt::revert);
        0xfe INVALID        0 0 0 [Frontier 0]    end(halt::invalid);
        0xff SELFDESTRUCT   1 0 0 [Frontier 0, Tangerine 5000] end(account::selfdestruct);
    } };
}
pub(crate) use for_each_opcode;

/// The facts of one instruction, as its row in the table has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpcodeInfo {
    /// Mnemonic.
    pub name: &'static str,
    /// Stack words that must be there.
    pub inputs: u8,
    /// Stack words that are there instead afterwards.
    pub outputs: u8,
    /// Bytes of immediate data that follow the opcode.
    pub immediate_size: u8,
    /// Base gas from each fork on, ascending; the first one introduces the instruction.
    pub gas: &'static [(Hardfork, u16)],
}

impl OpcodeInfo {
    /// The hardfork that introduces the instruction.
    pub const fn since(&self) -> Hardfork {
        self.gas[0].0
    }

    /// Base gas under the rules of `fork`, or `None` where the instruction does not exist yet.
    pub const fn base_gas(&self, fork: Hardfork) -> Option<u16> {
        let mut found = None;
        let mut i = 0;
        while i < self.gas.len() {
            if self.gas[i].0 as u8 <= fork as u8 {
                found = Some(self.gas[i].1);
            }
            i += 1;
        }
        found
    }
}

macro_rules! define_table {
    ({} $($byte:literal $name:ident $inputs:literal $outputs:literal $immediate:literal
        [$($fork:ident $gas:literal),+] $shape:ident $(($($handler:tt)*))?;)*) => {
        /// The table as a constant.
        pub(crate) const OPCODES_TABLE: [Option<OpcodeInfo>; 256] = {
            let mut table: [Option<OpcodeInfo>; 256] = [None; 256];
            $(
                assert!(table[$byte].is_none(), concat!("opcode byte defined twice: ", stringify!($name)));
                let gas: &'static [(Hardfork, u16)] = &[$((Hardfork::$fork, $gas)),+];
                let mut i = 1;
                while i < gas.len() {
                    assert!((gas[i - 1].0 as u8) < gas[i].0 as u8, concat!("forks out of order: ", stringify!($name)));
                    i += 1;
                }
                table[$byte] = Some(OpcodeInfo {
                    name: stringify!($name),
                    inputs: $inputs,
                    outputs: $outputs,
                    immediate_size: $immediate,
                    gas,
                });
            )*
            table
        };
        /// Opcode bytes by mnemonic.
        #[expect(missing_docs, reason = "the names are the instructions'; the table above describes them")]
        pub mod byte {
            $(pub const $name: u8 = $byte;)*
        }
    };
}
for_each_opcode!(define_table! {});

/// The table: entry `b` describes opcode byte `b`, `None` where no fork defines it.
pub static OPCODES: [Option<OpcodeInfo>; 256] = OPCODES_TABLE;

/// Gas of a JUMPDEST, the same in every fork.
pub(crate) const JUMPDEST_GAS: u64 = match OPCODES_TABLE[byte::JUMPDEST as usize] {
    Some(OpcodeInfo { gas: [(Hardfork::Frontier, gas)], .. }) => *gas as u64,
    _ => panic!("JUMPDEST has one price since Frontier"),
};

/// Base gas of every opcode under one fork; zero for undefined ones, which the engines refuse before charging.
pub(crate) const fn base_gas_table(fork: Hardfork) -> [u16; 256] {
    let mut gas = [0; 256];
    let mut op = 0;
    while op < 256 {
        if let Some(info) = &OPCODES_TABLE[op]
            && let Some(base) = info.base_gas(fork)
        {
            gas[op] = base;
        }
        op += 1;
    }
    gas
}

/// Whether the instructions and their base gas are the same under two forks.
pub(crate) const fn is_priced_alike(a: Hardfork, b: Hardfork) -> bool {
    let mut op = 0;
    while op < 256 {
        if let Some(info) = &OPCODES_TABLE[op] {
            match (info.base_gas(a), info.base_gas(b)) {
                (Some(a), Some(b)) if a == b => {}
                (None, None) => {}
                _ => return false,
            }
        }
        op += 1;
    }
    true
}

#[cfg(test)]
mod tests;
