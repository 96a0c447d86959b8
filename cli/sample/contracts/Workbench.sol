// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Exercises what the other contracts do not: block environment, precompiles, refunds, failures.
contract Workbench {
    bytes32 public record;
    uint256 public runs = 1;
    mapping(uint256 => uint256) public cells;

    event Recorded(bytes32 indexed record);
    event Environment(
        uint256 number,
        uint256 time,
        address builder,
        uint256 random,
        uint256 gasLimit,
        uint256 baseFee,
        uint256 blobFee
    );
    event Balance(address indexed account, uint256 balance);
    event BlockHash(uint256 indexed number, bytes32 hash);
    event BlobHash(uint256 indexed index, bytes32 hash);
    event PrecompileDone(address indexed precompile, bool ok, bytes output);

    error Failed(uint256 code, string reason);

    // --- environment ---------------------------------------------------------------------------

    function recordEnvironment() external {
        emit Environment(
            block.number,
            block.timestamp,
            block.coinbase,
            block.prevrandao,
            block.gaslimit,
            block.basefee,
            block.blobbasefee
        );
        _record(keccak256(abi.encode(block.chainid, tx.origin, tx.gasprice, gasleft() > 0, block.prevrandao)));
    }

    function recordBlockHashes(uint256 count) external {
        bytes32 all = record;
        for (uint256 back = 1; back <= count; back++) {
            bytes32 hash = blockhash(block.number - back);
            emit BlockHash(block.number - back, hash);
            all = keccak256(abi.encode(all, hash));
        }
        // Out of the window: the block itself and one far too old give zero.
        all = keccak256(abi.encode(all, blockhash(block.number), blockhash(block.number + 1)));
        _record(all);
    }

    function recordBlobHashes(uint256 count) external {
        bytes32 all = record;
        for (uint256 i = 0; i < count; i++) {
            emit BlobHash(i, blobhash(i));
            all = keccak256(abi.encode(all, blobhash(i)));
        }
        _record(all);
    }

    /// Reads a balance that fees and payments of the same block keep changing.
    function recordBalance(address account) external {
        emit Balance(account, account.balance);
        _record(keccak256(abi.encode(record, account.balance, account.code.length, account.codehash)));
    }

    function payBuilder() external payable {
        (bool ok,) = block.coinbase.call{value: msg.value}("");
        if (!ok) revert Failed(1, "builder refused");
    }

    // --- computation ---------------------------------------------------------------------------

    function hashChain(bytes32 seed, uint256 rounds) external {
        bytes32 value = seed;
        for (uint256 i = 0; i < rounds; i++) {
            value = keccak256(abi.encodePacked(value, i));
        }
        _record(value);
    }

    /// Arithmetic of every width, signed and unsigned, with CLZ (EIP-7939) at the end.
    function arithmetic(uint256 seed, uint256 rounds) external {
        uint256 x = seed | 1;
        for (uint256 i = 1; i <= rounds; i++) {
            assembly ("memory-safe") {
                x := addmod(x, mulmod(x, not(i), sub(0, 189)), sub(0, 189))
                x := xor(x, sdiv(x, add(i, 7)))
                x := add(x, smod(x, add(i, 13)))
                x := xor(sar(mod(i, 255), x), shl(and(x, 7), signextend(15, x)))
                x := add(mul(x, 31), byte(mod(i, 32), x))
                x := add(x, exp(i, 5))
                x := or(x, shl(clz(x), 1))
            }
        }
        _record(bytes32(x | 1));
    }

    function sortInMemory(uint256 seed, uint256 length) external {
        uint256[] memory items = new uint256[](length);
        for (uint256 i = 0; i < length; i++) {
            items[i] = uint256(keccak256(abi.encode(seed, i)));
        }
        for (uint256 i = 1; i < length; i++) {
            uint256 item = items[i];
            uint256 place = i;
            while (place > 0 && items[place - 1] > item) {
                items[place] = items[place - 1];
                place--;
            }
            items[place] = item;
        }
        _record(keccak256(abi.encodePacked(items)));
    }

    function recurse(uint256 depth) external returns (uint256) {
        if (depth == 0) {
            runs += 1;
            return 1;
        }
        return this.recurse(depth - 1) + 1;
    }

    // --- storage -------------------------------------------------------------------------------

    function fill(uint256 from, uint256 count, uint256 value) external {
        for (uint256 i = from; i < from + count; i++) {
            cells[i] = value + i;
        }
    }

    /// Clears cells for the refund.
    function clear(uint256 from, uint256 count) external {
        for (uint256 i = from; i < from + count; i++) {
            delete cells[i];
        }
    }

    function addToCells(uint256 from, uint256 count, uint256 step) external {
        for (uint256 i = from; i < from + count; i++) {
            cells[i] += step;
        }
    }

    /// Sets a cell away from its value and back again: one write, most of it refunded.
    function thereAndBack(uint256 cell) external {
        uint256 old = cells[cell];
        cells[cell] = 0;
        cells[cell] = old + 1;
        cells[cell] = old;
        runs += 1;
    }

    function transientSum(uint256 count) external {
        uint256 sum;
        assembly ("memory-safe") {
            for { let i := 1 } lt(i, add(count, 1)) { i := add(i, 1) } { tstore(i, mul(i, i)) }
            for { let i := 1 } lt(i, add(count, 1)) { i := add(i, 1) } { sum := add(sum, tload(i)) }
        }
        _record(bytes32(sum));
    }

    // --- precompiles ---------------------------------------------------------------------------

    /// Calls a precompile and keeps the hash of its answer.
    function callPrecompile(address precompile, bytes calldata input) external {
        (bool ok, bytes memory output) = precompile.staticcall(input);
        emit PrecompileDone(precompile, ok, output);
        _record(keccak256(abi.encode(record, precompile, ok, output)));
    }

    function recoverAndHash(bytes32 digest, uint8 v, bytes32 r, bytes32 s) external {
        address signer = ecrecover(digest, v, r, s);
        _record(keccak256(abi.encode(signer, sha256(abi.encode(digest, r)), ripemd160(abi.encode(digest, s)))));
    }

    // --- failures ------------------------------------------------------------------------------

    function fail(uint256 code) external {
        runs += 1;
        revert Failed(code, "as asked");
    }

    function failInside(uint256 code) external {
        try this.fail(code) {
            runs += 2;
        } catch {
            runs += 1;
        }
    }

    function divideByZero(uint256 x) external returns (uint256) {
        runs += 1;
        return x / (x - x);
    }

    function invalidOpcode() external {
        runs += 1;
        assembly {
            invalid()
        }
    }

    function burnGas() external {
        bytes32 value = record;
        while (true) {
            value = keccak256(abi.encode(value));
            if (value == 0) break;
        }
        record = value;
    }

    function _record(bytes32 value) private {
        record = value;
        runs += 1;
        emit Recorded(value);
    }
}
