// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// A two-token exchange pool: the product of the reserves never falls (x * y = k, 0.3 % fee).
contract Pool {
    uint256 private constant FEE_PER_MILLE = 3;
    uint256 private constant PRICE_SCALE = 2 ** 64;

    Token public immutable tokenA;
    Token public immutable tokenB;

    // One storage word: both reserves and the time of the last change.
    uint112 private reserveA;
    uint112 private reserveB;
    uint32 private changedAt;

    // Price of A in B, times the seconds it held; outsiders average over two readings.
    uint256 public priceSeconds;
    uint256 public totalShares;
    mapping(address => uint256) public sharesOf;

    bool private transient entered;

    event LiquidityAdded(address indexed provider, uint256 amountA, uint256 amountB, uint256 shares);
    event LiquidityRemoved(address indexed provider, uint256 amountA, uint256 amountB, uint256 shares);
    event Swap(address indexed trader, address indexed tokenIn, uint256 amountIn, uint256 amountOut);
    event Reserves(uint112 reserveA, uint112 reserveB);

    error Reentered();
    error UnknownToken(address token);
    error NothingIn();
    error OutputTooLow(uint256 amountOut, uint256 wanted);
    error ProductFell(uint256 before, uint256 later);
    error ReserveOverflow(uint256 balanceA, uint256 balanceB);

    // The flag lives in transient storage: it is cheap and leaves no trace in the state.
    modifier exclusive() {
        if (entered) revert Reentered();
        entered = true;
        _;
        entered = false;
    }

    constructor(Token tokenA_, Token tokenB_) {
        tokenA = tokenA_;
        tokenB = tokenB_;
    }

    function reserves() external view returns (uint112, uint112, uint32) {
        return (reserveA, reserveB, changedAt);
    }

    function addLiquidity(uint256 amountA, uint256 amountB) external exclusive returns (uint256 shares) {
        (uint256 oldA, uint256 oldB) = (reserveA, reserveB);
        if (totalShares == 0) {
            shares = _squareRoot(amountA * amountB);
        } else {
            uint256 byA = amountA * totalShares / oldA;
            uint256 byB = amountB * totalShares / oldB;
            shares = byA < byB ? byA : byB;
        }
        if (shares == 0) revert NothingIn();
        totalShares += shares;
        sharesOf[msg.sender] += shares;
        tokenA.transferFrom(msg.sender, address(this), amountA);
        tokenB.transferFrom(msg.sender, address(this), amountB);
        _settle(oldA, oldB);
        emit LiquidityAdded(msg.sender, amountA, amountB, shares);
    }

    function removeLiquidity(uint256 shares) external exclusive returns (uint256 amountA, uint256 amountB) {
        (uint256 oldA, uint256 oldB) = (reserveA, reserveB);
        amountA = oldA * shares / totalShares;
        amountB = oldB * shares / totalShares;
        sharesOf[msg.sender] -= shares;
        totalShares -= shares;
        tokenA.transfer(msg.sender, amountA);
        tokenB.transfer(msg.sender, amountB);
        _settle(oldA, oldB);
        emit LiquidityRemoved(msg.sender, amountA, amountB, shares);
    }

    function swap(Token tokenIn, uint256 amountIn, uint256 leastOut, address to)
        external
        exclusive
        returns (uint256 amountOut)
    {
        if (amountIn == 0) revert NothingIn();
        (uint256 oldA, uint256 oldB) = (reserveA, reserveB);
        bool fromA = address(tokenIn) == address(tokenA);
        if (!fromA && address(tokenIn) != address(tokenB)) revert UnknownToken(address(tokenIn));

        (uint256 reserveIn, uint256 reserveOut) = fromA ? (oldA, oldB) : (oldB, oldA);
        uint256 afterFee = amountIn * (1000 - FEE_PER_MILLE);
        amountOut = reserveOut * afterFee / (reserveIn * 1000 + afterFee);
        if (amountOut < leastOut) revert OutputTooLow(amountOut, leastOut);

        tokenIn.transferFrom(msg.sender, address(this), amountIn);
        (fromA ? tokenB : tokenA).transfer(to, amountOut);
        (uint256 newA, uint256 newB) = _settle(oldA, oldB);
        if (newA * newB < oldA * oldB) revert ProductFell(oldA * oldB, newA * newB);
        emit Swap(msg.sender, address(tokenIn), amountIn, amountOut);
    }

    /// Takes the balances as the new reserves and adds the old price to the running sum.
    function _settle(uint256 oldA, uint256 oldB) private returns (uint256 newA, uint256 newB) {
        newA = tokenA.balanceOf(address(this));
        newB = tokenB.balanceOf(address(this));
        if (newA > type(uint112).max || newB > type(uint112).max) revert ReserveOverflow(newA, newB);
        unchecked {
            uint32 elapsed = uint32(block.timestamp) - changedAt;
            if (elapsed != 0 && oldA != 0) priceSeconds += oldB * PRICE_SCALE / oldA * elapsed;
        }
        (reserveA, reserveB, changedAt) = (uint112(newA), uint112(newB), uint32(block.timestamp));
        emit Reserves(uint112(newA), uint112(newB));
    }

    function _squareRoot(uint256 value) private pure returns (uint256 root) {
        if (value == 0) return 0;
        root = value;
        uint256 next = value / 2 + 1;
        while (next < root) {
            root = next;
            next = (value / next + next) / 2;
        }
    }
}
