// An exchange of two tokens in the manner of Uniswap v2: constant product, 0.3 % fee. Tokens in slots 6 and 7; both reserves
// (112 bits each) and the time of the last change (32 bits) in slot 8; sums of prices in slots 9 and 10; slot 12 is 1 while
// nobody is inside. The comment at the end of a line is the stack after it, top on the right.
//
// Memory: 0x80 calls and logs; 0x100 token in, 0x120 token out, 0x140 reserve in, 0x160 reserve out, 0x180 amount in, 0x1a0
// amount out, 0x1c0 whether token 0 comes in, 0x1e0 balance in, 0x200 balance out.

    0x80 0x40 MSTORE
    CALLVALUE @refuse JUMPI
    4 CALLDATASIZE LT @refuse JUMPI
    0 CALLDATALOAD 0xe0 SHR
    DUP1 #swap(address,uint256,uint256,address) EQ @swap JUMPI
    DUP1 #getReserves() EQ @get_reserves JUMPI
refuse:
    0 0 REVERT

get_reserves:
    8 SLOAD
    DUP1 0xffffffffffffffffffffffffffff AND 0x80 MSTORE
    DUP1 112 SHR 0xffffffffffffffffffffffffffff AND 0xa0 MSTORE
    0xe0 SHR 0xc0 MSTORE
    0x60 0x80 RETURN

swap:                                                           // token in, amount in, least out, receiver
    0x84 CALLDATASIZE LT @refuse JUMPI
    12 SLOAD 1 EQ ISZERO @refuse JUMPI
    0 12 SSTORE

    4 CALLDATALOAD DUP1 0x100 MSTORE                            // in
    6 SLOAD 7 SLOAD                                             // in t0 t1
    8 SLOAD DUP1 0xffffffffffffffffffffffffffff AND             // in t0 t1 packed r0
    SWAP1 112 SHR 0xffffffffffffffffffffffffffff AND            // in t0 t1 r0 r1
    DUP5 DUP5 EQ DUP1 0x1c0 MSTORE @zero_in JUMPI
    DUP5 DUP4 EQ ISZERO @refuse JUMPI
    0x140 MSTORE 0x160 MSTORE                                   // in t0 t1
    POP 0x120 MSTORE POP
    @known JUMP
zero_in:
    0x160 MSTORE 0x140 MSTORE                                   // in t0 t1
    0x120 MSTORE POP POP
known:
    0x24 CALLDATALOAD                                           // amount
    DUP1 ISZERO @refuse JUMPI
    DUP1 112 SHR @refuse JUMPI
    DUP1 0x180 MSTORE
    997 MUL                                                     // paid
    DUP1 0x160 MLOAD MUL                                        // paid numerator
    SWAP1 1000 0x140 MLOAD MUL ADD                              // numerator denominator
    SWAP1 DIV                                                   // out
    DUP1 0x44 CALLDATALOAD GT @refuse JUMPI
    0x1a0 MSTORE

    // Take the one token, give the other.
    #transferFrom(address,address,uint256) 0xe0 SHL 0x80 MSTORE
    CALLER 0x84 MSTORE ADDRESS 0xa4 MSTORE 0x180 MLOAD 0xc4 MSTORE
    0x20 0x80 0x64 0x80 0 0x100 MLOAD GAS CALL ISZERO @refuse JUMPI
    RETURNDATASIZE 0x20 GT @refuse JUMPI
    0x80 MLOAD 1 EQ ISZERO @refuse JUMPI
    #transfer(address,uint256) 0xe0 SHL 0x80 MSTORE
    0x64 CALLDATALOAD 0x84 MSTORE 0x1a0 MLOAD 0xa4 MSTORE
    0x20 0x80 0x44 0x80 0 0x120 MLOAD GAS CALL ISZERO @refuse JUMPI
    RETURNDATASIZE 0x20 GT @refuse JUMPI
    0x80 MLOAD 1 EQ ISZERO @refuse JUMPI

    // What the tokens say counts, and the product must not have fallen.
    #balanceOf(address) 0xe0 SHL 0x80 MSTORE ADDRESS 0x84 MSTORE
    0x20 0x1e0 0x24 0x80 0x100 MLOAD GAS STATICCALL ISZERO @refuse JUMPI
    0x20 0x200 0x24 0x80 0x120 MLOAD GAS STATICCALL ISZERO @refuse JUMPI
    0x1e0 MLOAD 0x200 MLOAD OR 112 SHR @refuse JUMPI
    0x180 MLOAD 3 MUL 0x1e0 MLOAD 1000 MUL SUB                  // scaled in
    0x200 MLOAD 1000 MUL MUL                                    // product now
    0x140 MLOAD 0x160 MLOAD MUL 1000000 MUL                     // product now, before
    GT @refuse JUMPI

    0x1c0 MLOAD @in_order JUMPI
    0x200 MLOAD 0x1e0 MLOAD                                     // r0 r1
    @update JUMP
in_order:
    0x1e0 MLOAD 0x200 MLOAD                                     // r0 r1
update:
    8 SLOAD DUP1 0xe0 SHR TIMESTAMP SUB 0xffffffff AND          // r0 r1 old elapsed
    DUP1 ISZERO @same_time JUMPI
    DUP2 0xffffffffffffffffffffffffffff AND                     // r0 r1 old elapsed o0
    DUP3 112 SHR 0xffffffffffffffffffffffffffff AND             // r0 r1 old elapsed o0 o1
    DUP2 DUP2 112 SHL DIV DUP4 MUL 9 SLOAD ADD 9 SSTORE
    SWAP1 112 SHL DIV                                           // r0 r1 old elapsed price
    DUP2 MUL 10 SLOAD ADD 10 SSTORE
same_time:
    POP POP                                                     // r0 r1
    DUP1 112 SHL DUP3 OR TIMESTAMP 0xe0 SHL OR 8 SSTORE
    0xa0 MSTORE 0x80 MSTORE
    $Sync(uint112,uint112) 0x40 0x80 LOG1

    0x1c0 MLOAD @log_in_order JUMPI
    0 0x80 MSTORE 0x180 MLOAD 0xa0 MSTORE 0x1a0 MLOAD 0xc0 MSTORE 0 0xe0 MSTORE
    @log JUMP
log_in_order:
    0x180 MLOAD 0x80 MSTORE 0 0xa0 MSTORE 0 0xc0 MSTORE 0x1a0 MLOAD 0xe0 MSTORE
log:
    0x64 CALLDATALOAD CALLER $Swap(address,uint256,uint256,uint256,uint256,address) 0x80 0x80 LOG3
    1 12 SSTORE
    0x1a0 MLOAD 0x80 MSTORE 0x20 0x80 RETURN
