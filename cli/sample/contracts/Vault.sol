// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Keeps ether for its depositors; runs behind a Proxy.
contract VaultV1 {
    struct Deposit {
        uint128 amount;
        uint64 since;
        uint64 changes;
    }

    uint256 public totalDeposits;
    mapping(address => Deposit) public depositOf;

    event Deposited(address indexed owner, uint256 amount, uint256 total);
    event Withdrawn(address indexed owner, address indexed to, uint256 amount);

    error DepositTooLow(address owner, uint256 amount, uint256 wanted);
    error PaymentFailed(address to);

    function version() external pure virtual returns (uint256) {
        return 1;
    }

    function deposit() public payable virtual {
        _credit(msg.sender, msg.value);
    }

    receive() external payable {
        deposit();
    }

    function withdraw(address payable to, uint128 amount) external {
        Deposit storage own = depositOf[msg.sender];
        if (own.amount < amount) revert DepositTooLow(msg.sender, own.amount, amount);
        own.amount -= amount;
        own.changes += 1;
        totalDeposits -= amount;
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert PaymentFailed(to);
        emit Withdrawn(msg.sender, to, amount);
    }

    function _credit(address owner, uint256 amount) internal {
        Deposit storage own = depositOf[owner];
        own.amount += uint128(amount);
        own.since = uint64(block.timestamp);
        own.changes += 1;
        totalDeposits += amount;
        emit Deposited(owner, amount, own.amount);
    }
}

/// The next version: counts its own depositors and takes a deposit for somebody else.
contract VaultV2 is VaultV1 {
    uint256 public depositsSinceUpgrade;

    function version() external pure override returns (uint256) {
        return 2;
    }

    function deposit() public payable override {
        depositsSinceUpgrade += 1;
        _credit(msg.sender, msg.value);
    }

    function depositFor(address owner) external payable {
        depositsSinceUpgrade += 1;
        _credit(owner, msg.value);
    }
}
