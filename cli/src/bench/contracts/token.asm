// A fungible token (ERC-20) as compilers make them: total supply in slot 2, balances in the mapping of slot 3, allowances in
// that of slot 4. The comment at the end of a line is the stack after it, top on the right.

    0x80 0x40 MSTORE
    CALLVALUE @refuse JUMPI
    4 CALLDATASIZE LT @refuse JUMPI
    0 CALLDATALOAD 0xe0 SHR
    DUP1 #transfer(address,uint256) EQ @transfer JUMPI
    DUP1 #transferFrom(address,address,uint256) EQ @transfer_from JUMPI
    DUP1 #balanceOf(address) EQ @balance_of JUMPI
    DUP1 #totalSupply() EQ @total_supply JUMPI
refuse:
    0 0 REVERT

transfer:
    0x44 CALLDATASIZE LT @refuse JUMPI
    @return_true CALLER 4 CALLDATALOAD 0x24 CALLDATALOAD        // return from to amount
    @move JUMP

transfer_from:
    0x64 CALLDATASIZE LT @refuse JUMPI
    @return_true 4 CALLDATALOAD                                 // return from
    DUP1 0 MSTORE 4 0x20 MSTORE 0x40 0 KECCAK256                // return from owner's
    CALLER 0 MSTORE 0x20 MSTORE 0x40 0 KECCAK256                // return from slot
    DUP1 SLOAD                                                  // return from slot allowed
    DUP1 NOT ISZERO @unlimited JUMPI
    0x44 CALLDATALOAD                                           // return from slot allowed amount
    DUP1 DUP3 LT @refuse JUMPI
    SWAP1 SUB SWAP1 SSTORE                                      // return from
    @allowed JUMP
unlimited:
    // The largest allowance never becomes less.
    POP POP
allowed:
    0x24 CALLDATALOAD 0x44 CALLDATALOAD

move:                                                           // return from to amount
    DUP2 ISZERO @refuse JUMPI
    DUP2 0xa0 SHR @refuse JUMPI
    DUP3 0 MSTORE 3 0x20 MSTORE 0x40 0 KECCAK256                // return from to amount slot
    DUP1 SLOAD                                                  // return from to amount slot balance
    DUP3 DUP2 LT @refuse JUMPI
    DUP3 SWAP1 SUB SWAP1 SSTORE                                 // return from to amount
    DUP2 0 MSTORE 0x40 0 KECCAK256                              // return from to amount slot
    DUP1 SLOAD DUP3 ADD                                         // return from to amount slot sum
    DUP3 DUP2 LT @refuse JUMPI
    SWAP1 SSTORE                                                // return from to amount
    0x80 MSTORE                                                 // return from to
    SWAP1 $Transfer(address,address,uint256) 0x20 0x80 LOG3     // return
    JUMP

return_true:
    1 0x80 MSTORE 0x20 0x80 RETURN

balance_of:
    0x24 CALLDATASIZE LT @refuse JUMPI
    4 CALLDATALOAD 0 MSTORE 3 0x20 MSTORE 0x40 0 KECCAK256
    SLOAD 0x80 MSTORE 0x20 0x80 RETURN

total_supply:
    2 SLOAD 0x80 MSTORE 0x20 0x80 RETURN
