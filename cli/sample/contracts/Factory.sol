// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Holds ether for one owner until a moment in time.
contract Locker {
    address public immutable factory;
    address public owner;
    uint64 public opensAt;

    error Closed(uint64 opensAt);
    error NotOwner(address caller);
    error PaymentFailed();

    constructor(address owner_, uint64 opensAt_) payable {
        factory = msg.sender;
        owner = owner_;
        opensAt = opensAt_;
    }

    receive() external payable {}

    function open(address payable to) external {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        if (block.timestamp < opensAt) revert Closed(opensAt);
        (bool ok,) = to.call{value: address(this).balance}("");
        if (!ok) revert PaymentFailed();
    }
}

/// Lives for one transaction only: what it was given goes to its heir (EIP-6780).
contract Mayfly {
    constructor() payable {}

    function end(address payable heir) external payable {
        selfdestruct(heir);
    }
}

/// Its constructor always fails, with a reason.
contract Stillborn {
    error Refused(uint256 value);

    constructor() payable {
        revert Refused(msg.value);
    }
}

/// Deploys with CREATE2, so that each address is known before.
contract Factory {
    uint256 public deployed;
    mapping(bytes32 => address) public lockerOf;

    event LockerDeployed(address indexed locker, address indexed owner, bytes32 salt);
    event CloneDeployed(address indexed clone, address indexed target);
    event MayflyEnded(address indexed mayfly, address indexed heir);
    event DeploymentRefused(bytes reason);

    error CloneFailed();

    function deployLocker(bytes32 salt, address owner, uint64 opensAt) public payable returns (Locker locker) {
        locker = new Locker{salt: salt, value: msg.value}(owner, opensAt);
        lockerOf[salt] = address(locker);
        deployed += 1;
        emit LockerDeployed(address(locker), owner, salt);
    }

    function deployLockers(bytes32 seed, uint256 count, address owner, uint64 opensAt) external {
        for (uint256 i = 0; i < count; i++) {
            deployLocker(keccak256(abi.encode(seed, i)), owner, opensAt);
        }
    }

    /// Deploys a minimal proxy (EIP-1167) to target.
    function deployClone(address target, bytes32 salt) external returns (address clone) {
        bytes memory code = abi.encodePacked(
            hex"3d602d80600a3d3981f3363d3d373d3d3d363d73", target, hex"5af43d82803e903d91602b57fd5bf3"
        );
        assembly ("memory-safe") {
            clone := create2(0, add(code, 0x20), mload(code), salt)
        }
        if (clone == address(0)) revert CloneFailed();
        deployed += 1;
        emit CloneDeployed(clone, target);
    }

    function deployMayfly(bytes32 salt, address payable heir) external payable {
        Mayfly mayfly = new Mayfly{salt: salt, value: msg.value}();
        mayfly.end(heir);
        emit MayflyEnded(address(mayfly), heir);
    }

    /// The inner creation fails, the transaction does not.
    function deployStillborn(bytes32 salt) external payable {
        try new Stillborn{salt: salt, value: msg.value}() {
            deployed += 1;
        } catch (bytes memory reason) {
            emit DeploymentRefused(reason);
        }
    }
}
