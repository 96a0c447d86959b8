// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

struct Call {
    address to;
    uint256 value;
    bytes data;
}

/// Code for an account of a person (EIP-7702): batches, and batches paid for by somebody else.
contract SmartAccount {
    /// Where the account keeps its data: far away from what another implementation may have used.
    /// @custom:storage-location keccak256("braid.sample.smart-account")
    struct Data {
        uint256 nonce;
        uint256 calls;
    }

    event Executed(address indexed caller, uint256 calls, uint256 nonce);
    event Received(address indexed from, uint256 value);

    error NotSelf(address caller);
    error WrongSigner(address signer);
    error CallFailed(uint256 index, bytes reason);

    receive() external payable {
        emit Received(msg.sender, msg.value);
    }

    /// Called by the owner: the account itself sends the transaction.
    function execute(Call[] calldata calls) external payable {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);
        _run(calls);
    }

    /// Called by anyone who brings the owner's signature.
    function executeFor(Call[] calldata calls, uint8 v, bytes32 r, bytes32 s) external payable {
        bytes32 digest = digestOf(calls);
        address signer = ecrecover(digest, v, r, s);
        if (signer != address(this)) revert WrongSigner(signer);
        _run(calls);
    }

    function digestOf(Call[] calldata calls) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), _data().nonce, calls));
    }

    function _run(Call[] calldata calls) private {
        Data storage data = _data();
        data.nonce += 1;
        data.calls += calls.length;
        for (uint256 i = 0; i < calls.length; i++) {
            (bool ok, bytes memory reason) = calls[i].to.call{value: calls[i].value}(calls[i].data);
            if (!ok) revert CallFailed(i, reason);
        }
        emit Executed(msg.sender, calls.length, data.nonce);
    }

    function _data() private pure returns (Data storage data) {
        bytes32 slot = keccak256("braid.sample.smart-account");
        assembly ("memory-safe") {
            data.slot := slot
        }
    }
}

/// A second implementation, to change to: takes ether and answers who it runs as, nothing else.
contract ReceiveOnlyAccount {
    event Received(address indexed from, uint256 value, address self);

    receive() external payable {
        emit Received(msg.sender, msg.value, address(this));
    }

    function self() external view returns (address) {
        return address(this);
    }
}
