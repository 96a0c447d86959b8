// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// An upgradeable proxy: all state lives here, all code in the implementation (slots of EIP-1967).
contract Proxy {
    // keccak256("eip1967.proxy.implementation") - 1
    bytes32 private constant IMPLEMENTATION = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
    // keccak256("eip1967.proxy.admin") - 1
    bytes32 private constant ADMIN = 0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103;

    event Upgraded(address indexed implementation);

    error NotAdmin(address caller);
    error NoCode(address implementation);

    constructor(address implementation) {
        address admin = msg.sender;
        assembly ("memory-safe") {
            sstore(ADMIN, admin)
        }
        _set(implementation);
    }

    function upgradeTo(address implementation) external {
        address admin;
        assembly ("memory-safe") {
            admin := sload(ADMIN)
        }
        if (msg.sender != admin) revert NotAdmin(msg.sender);
        _set(implementation);
    }

    receive() external payable {
        _delegate();
    }

    fallback() external payable {
        _delegate();
    }

    function _set(address implementation) private {
        if (implementation.code.length == 0) revert NoCode(implementation);
        assembly ("memory-safe") {
            sstore(IMPLEMENTATION, implementation)
        }
        emit Upgraded(implementation);
    }

    function _delegate() private {
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), sload(IMPLEMENTATION), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch ok
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }
}
