// Hashes what the call before left in slot 0, sixteen times over, and leaves the result there.

    0 SLOAD 0 MSTORE
    16                                                          // rounds
again:
    CALLER 0x20 MSTORE 0x40 0 KECCAK256 0 MSTORE
    1 SWAP1 SUB                                                 // rounds
    DUP1 @again JUMPI
    POP
    0 MLOAD 0 SSTORE
    STOP
