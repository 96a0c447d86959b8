// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Token} from "./Token.sol";
import {Call} from "./SmartAccount.sol";

/// Many actions in one transaction.
contract Batcher {
    event CallDone(uint256 indexed index, bool ok);
    event Paid(address indexed to, uint256 amount);

    error LengthsDiffer(uint256 receivers, uint256 amounts);
    error PaymentFailed(address to);

    /// Runs every call; one that fails is reported and does not stop the others.
    function run(Call[] calldata calls) external payable {
        for (uint256 i = 0; i < calls.length; i++) {
            (bool ok,) = calls[i].to.call{value: calls[i].value}(calls[i].data);
            emit CallDone(i, ok);
        }
    }

    function sendTokens(Token token, address[] calldata receivers, uint256 amount) external {
        for (uint256 i = 0; i < receivers.length; i++) {
            token.transferFrom(msg.sender, receivers[i], amount);
        }
    }

    function sendEther(address[] calldata receivers, uint256[] calldata amounts) external payable {
        if (receivers.length != amounts.length) revert LengthsDiffer(receivers.length, amounts.length);
        for (uint256 i = 0; i < receivers.length; i++) {
            (bool ok,) = receivers[i].call{value: amounts[i]}("");
            if (!ok) revert PaymentFailed(receivers[i]);
            emit Paid(receivers[i], amounts[i]);
        }
    }
}
