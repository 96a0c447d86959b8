// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Sells numbered tickets: every sale reads and writes the same counter.
contract Tickets {
    uint256 public immutable price;
    uint256 public nextTicket = 1;
    address payable public immutable seller;
    mapping(uint256 => address) public ownerOf;
    mapping(address => uint256) public ticketsOf;

    event Sold(uint256 indexed ticket, address indexed owner);
    event Moved(uint256 indexed ticket, address indexed from, address indexed to);

    error WrongPrice(uint256 paid, uint256 price);
    error PaymentFailed();
    error NotOwner(uint256 ticket, address caller);

    constructor(uint256 price_) {
        price = price_;
        seller = payable(msg.sender);
    }

    function buy() external payable returns (uint256 ticket) {
        if (msg.value != price) revert WrongPrice(msg.value, price);
        ticket = nextTicket++;
        ownerOf[ticket] = msg.sender;
        ticketsOf[msg.sender] += 1;
        emit Sold(ticket, msg.sender);
    }

    function move(uint256 ticket, address to) external {
        if (ownerOf[ticket] != msg.sender) revert NotOwner(ticket, msg.sender);
        ownerOf[ticket] = to;
        ticketsOf[msg.sender] -= 1;
        ticketsOf[to] += 1;
        emit Moved(ticket, msg.sender, to);
    }

    function collect() external {
        (bool ok,) = seller.call{value: address(this).balance}("");
        if (!ok) revert PaymentFailed();
    }
}
