//! A second opinion on the opcode table, written down independently of it.

use super::*;

/// Names by row of sixteen, as the yellow paper's appendix H and the EIPs list them; `-` is undefined.
const NAMES: [&str; 16] = [
    "STOP ADD MUL SUB DIV SDIV MOD SMOD ADDMOD MULMOD EXP SIGNEXTEND - - - -",
    "LT GT SLT SGT EQ ISZERO AND OR XOR NOT BYTE SHL SHR SAR CLZ -",
    "KECCAK256 - - - - - - - - - - - - - - -",
    "ADDRESS BALANCE ORIGIN CALLER CALLVALUE CALLDATALOAD CALLDATASIZE CALLDATACOPY CODESIZE CODECOPY GASPRICE \
     EXTCODESIZE EXTCODECOPY RETURNDATASIZE RETURNDATACOPY EXTCODEHASH",
    "BLOCKHASH COINBASE TIMESTAMP NUMBER PREVRANDAO GASLIMIT CHAINID SELFBALANCE BASEFEE BLOBHASH BLOBBASEFEE - - - - -",
    "POP MLOAD MSTORE MSTORE8 SLOAD SSTORE JUMP JUMPI PC MSIZE GAS JUMPDEST TLOAD TSTORE MCOPY PUSH0",
    "PUSH1 PUSH2 PUSH3 PUSH4 PUSH5 PUSH6 PUSH7 PUSH8 PUSH9 PUSH10 PUSH11 PUSH12 PUSH13 PUSH14 PUSH15 PUSH16",
    "PUSH17 PUSH18 PUSH19 PUSH20 PUSH21 PUSH22 PUSH23 PUSH24 PUSH25 PUSH26 PUSH27 PUSH28 PUSH29 PUSH30 PUSH31 PUSH32",
    "DUP1 DUP2 DUP3 DUP4 DUP5 DUP6 DUP7 DUP8 DUP9 DUP10 DUP11 DUP12 DUP13 DUP14 DUP15 DUP16",
    "SWAP1 SWAP2 SWAP3 SWAP4 SWAP5 SWAP6 SWAP7 SWAP8 SWAP9 SWAP10 SWAP11 SWAP12 SWAP13 SWAP14 SWAP15 SWAP16",
    "LOG0 LOG1 LOG2 LOG3 LOG4 - - - - - - - - - - -",
    "- - - - - - - - - - - - - - - -",
    "- - - - - - - - - - - - - - - -",
    "- - - - - - - - - - - - - - - -",
    "- - - - - - - - - - - - - - - -",
    "CREATE CALL CALLCODE RETURN DELEGATECALL CREATE2 - - - - STATICCALL - - REVERT INVALID SELFDESTRUCT",
];

/// Instructions that Frontier lacks.
const YOUNGER: &[(Hardfork, &str)] = &[
    (Hardfork::Homestead, "DELEGATECALL"),
    (Hardfork::Byzantium, "RETURNDATASIZE RETURNDATACOPY STATICCALL REVERT"),
    (Hardfork::Constantinople, "SHL SHR SAR EXTCODEHASH CREATE2"),
    (Hardfork::Istanbul, "CHAINID SELFBALANCE"),
    (Hardfork::London, "BASEFEE"),
    (Hardfork::Shanghai, "PUSH0"),
    (Hardfork::Cancun, "BLOBHASH BLOBBASEFEE TLOAD TSTORE MCOPY"),
    (Hardfork::Osaka, "CLZ"),
];

/// Base gas in Osaka by price, all others being 3 (verylow).
const OSAKA_GAS: &[(u16, &str)] = &[
    (0, "STOP RETURN REVERT INVALID SSTORE"),
    (1, "JUMPDEST"),
    (
        2,
        "ADDRESS ORIGIN CALLER CALLVALUE CALLDATASIZE CODESIZE GASPRICE COINBASE TIMESTAMP NUMBER PREVRANDAO GASLIMIT \
         CHAINID RETURNDATASIZE POP PC MSIZE GAS BASEFEE BLOBBASEFEE PUSH0",
    ),
    (5, "MUL DIV SDIV MOD SMOD SIGNEXTEND SELFBALANCE CLZ"),
    (8, "ADDMOD MULMOD JUMP"),
    (10, "JUMPI EXP"),
    (20, "BLOCKHASH"),
    (30, "KECCAK256"),
    (
        100,
        "BALANCE EXTCODESIZE EXTCODECOPY EXTCODEHASH SLOAD CALL CALLCODE DELEGATECALL STATICCALL TLOAD TSTORE",
    ),
    (375, "LOG0"),
    (750, "LOG1"),
    (1125, "LOG2"),
    (1500, "LOG3"),
    (1875, "LOG4"),
    (5000, "SELFDESTRUCT"),
    (32000, "CREATE CREATE2"),
];

/// Stack words taken and given, all others being (2, 1); PUSH, DUP, SWAP, LOG are checked by their number.
const STACK_USE: &[((u8, u8), &str)] = &[
    ((0, 0), "STOP JUMPDEST INVALID"),
    (
        (0, 1),
        "ADDRESS ORIGIN CALLER CALLVALUE CALLDATASIZE CODESIZE GASPRICE RETURNDATASIZE COINBASE TIMESTAMP NUMBER PREVRANDAO \
         GASLIMIT CHAINID SELFBALANCE BASEFEE BLOBBASEFEE PC MSIZE GAS",
    ),
    ((1, 0), "POP JUMP SELFDESTRUCT"),
    (
        (1, 1),
        "ISZERO NOT CLZ BALANCE CALLDATALOAD EXTCODESIZE EXTCODEHASH BLOCKHASH BLOBHASH MLOAD SLOAD TLOAD",
    ),
    ((2, 0), "MSTORE MSTORE8 SSTORE JUMPI TSTORE RETURN REVERT"),
    ((3, 0), "CALLDATACOPY CODECOPY RETURNDATACOPY MCOPY"),
    ((3, 1), "ADDMOD MULMOD CREATE"),
    ((4, 0), "EXTCODECOPY"),
    ((4, 1), "CREATE2"),
    ((6, 1), "DELEGATECALL STATICCALL"),
    ((7, 1), "CALL CALLCODE"),
];

fn lookup<T: Copy>(table: &[(T, &str)], name: &str) -> Option<T> {
    table.iter().find(|(_, names)| names.split_whitespace().any(|n| n == name)).map(|(v, _)| *v)
}

/// The number at the end of PUSH7, DUP7, SWAP7, LOG2.
fn numbered(name: &str, prefix: &str) -> Option<u8> {
    name.strip_prefix(prefix)?.parse().ok()
}

fn expected_stack_use(name: &str) -> (u8, u8) {
    if numbered(name, "PUSH").is_some() {
        (0, 1)
    } else if let Some(n) = numbered(name, "DUP") {
        (n, n + 1)
    } else if let Some(n) = numbered(name, "SWAP") {
        (n + 1, n + 1)
    } else if let Some(n) = numbered(name, "LOG") {
        (n + 2, 0)
    } else {
        lookup(STACK_USE, name).unwrap_or((2, 1))
    }
}

#[test]
fn all_256_rows_agree_with_the_second_opinion() {
    // One in five is what Miri has the time for.
    const STRIDE: usize = if cfg!(miri) { 5 } else { 1 };
    let names = NAMES.iter().flat_map(|row| row.split_whitespace());
    let mut checked = 0;
    for (byte, name) in names.enumerate().step_by(STRIDE) {
        let info = OPCODES[byte];
        checked += 1;
        if name == "-" {
            assert_eq!(info, None, "{byte:#04x} is not defined");
            continue;
        }
        let info = info.unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(info.name, name, "{byte:#04x}");
        assert_eq!(info.since(), lookup(YOUNGER, name).unwrap_or(Hardfork::Frontier), "{name}");
        assert_eq!((info.inputs, info.outputs), expected_stack_use(name), "{name}");
        assert_eq!(info.immediate_size, numbered(name, "PUSH").unwrap_or(0), "{name}");
        assert_eq!(
            info.base_gas(Hardfork::Osaka),
            Some(lookup(OSAKA_GAS, name).unwrap_or(3)),
            "{name}"
        );
    }
    assert_eq!(checked, 256_usize.div_ceil(STRIDE));
}

#[test]
fn prices_changed_when_their_eips_say() {
    let gas = |op: u8, fork| OPCODES[op as usize].unwrap().base_gas(fork);
    let history = |op| {
        [
            Hardfork::Homestead,
            Hardfork::Tangerine,
            Hardfork::Petersburg,
            Hardfork::Istanbul,
            Hardfork::Berlin,
        ]
        .map(|fork| gas(op, fork).unwrap_or(0))
    };
    assert_eq!(history(byte::BALANCE), [20, 400, 400, 700, 100]);
    assert_eq!(history(byte::SLOAD), [50, 200, 200, 800, 100]);
    assert_eq!(history(byte::EXTCODESIZE), [20, 700, 700, 700, 100]);
    assert_eq!(history(byte::EXTCODECOPY), [20, 700, 700, 700, 100]);
    assert_eq!(history(byte::EXTCODEHASH), [0, 0, 400, 700, 100]);
    assert_eq!(history(byte::CALL), [40, 700, 700, 700, 100]);
    assert_eq!(history(byte::SELFDESTRUCT), [0, 5000, 5000, 5000, 5000]);
    assert_eq!(gas(byte::PUSH0, Hardfork::Paris), None);
}
