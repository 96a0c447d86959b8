// Recomputes what the node says about a block, by the rules and not by asking again. Every difference is an error.

import { sha256 } from '@noble/hashes/sha2.js';
import { bytes, concat, hex, integerBytes, keccak, rlp } from './bytes.mjs';
import { logsBloom, orderedRoot, stateRoot, trieRoot } from './trie.mjs';
import { encodeTransaction } from './wallet.mjs';

const EMPTY_ROOT = trieRoot([]);
const NO_UNCLES = hex(keccak(rlp([])));
const NO_REQUESTS = hex(sha256(new Uint8Array()));

const BLOB_GAS = 131_072n;
const TARGET_BLOBS = 6n;
const MOST_BLOBS = 9n;
const BLOB_FEE_FRACTION = 5_007_716n;
const BLOB_BASE_COST = 8192n;

function same(what, computed, stated) {
  if (BigInt(computed) !== BigInt(stated))
    throw new Error(`${what}: computed ${computed}, the node says ${stated}`);
}

/** The header as it is hashed, every field of the hard fork. */
function headerItems(h) {
  return [
    ...[
      h.parentHash,
      h.sha3Uncles,
      h.miner,
      h.stateRoot,
      h.transactionsRoot,
      h.receiptsRoot,
      h.logsBloom,
    ].map(bytes),
    ...[h.difficulty, h.number, h.gasLimit, h.gasUsed, h.timestamp].map(integerBytes),
    ...[h.extraData, h.mixHash, h.nonce].map(bytes),
    integerBytes(h.baseFeePerGas),
    bytes(h.withdrawalsRoot),
    integerBytes(h.blobGasUsed),
    integerBytes(h.excessBlobGas),
    bytes(h.parentBeaconBlockRoot),
    bytes(h.requestsHash),
  ];
}

const headerHash = (header) => hex(keccak(rlp(headerItems(header))));

function receiptBytes(receipt) {
  const logs = receipt.logs.map((log) => [bytes(log.address), log.topics.map(bytes), bytes(log.data)]);
  const items = [
    integerBytes(receipt.status),
    integerBytes(receipt.cumulativeGasUsed),
    bytes(logsBloom(receipt.logs)),
    logs,
  ];
  const type = Number(receipt.type);
  return type === 0 ? rlp(items) : concat(Uint8Array.of(type), rlp(items));
}

/** EIP-1559: the base fee that follows from the parent. */
function nextBaseFee(parent) {
  const [fee, used, target] = [
    BigInt(parent.baseFeePerGas),
    BigInt(parent.gasUsed),
    BigInt(parent.gasLimit) / 2n,
  ];
  if (used === target) return fee;
  if (used < target) return fee - (fee * (target - used)) / target / 8n;
  const rise = (fee * (used - target)) / target / 8n;
  return fee + (rise > 0n ? rise : 1n);
}

/** EIP-4844: `factor * e ** (numerator / denominator)` in integers. */
function fakeExponential(factor, numerator, denominator) {
  let sum = 0n;
  for (let i = 1n, term = factor * denominator; term > 0n; i++) {
    sum += term;
    term = (term * numerator) / (denominator * i);
  }
  return sum / denominator;
}

export const blobBaseFee = (header) => fakeExponential(1n, BigInt(header.excessBlobGas), BLOB_FEE_FRACTION);

/** EIP-4844 with the floor of EIP-7918. */
function nextExcessBlobGas(parent) {
  const [excess, used] = [BigInt(parent.excessBlobGas), BigInt(parent.blobGasUsed)];
  if (excess + used < TARGET_BLOBS * BLOB_GAS) return 0n;
  if (BLOB_BASE_COST * BigInt(parent.baseFeePerGas) > BLOB_GAS * blobBaseFee(parent)) {
    return excess + (used * (MOST_BLOBS - TARGET_BLOBS)) / MOST_BLOBS;
  }
  return excess + used - TARGET_BLOBS * BLOB_GAS;
}

function checkConstants(block) {
  same('uncles hash', NO_UNCLES, block.sha3Uncles);
  same('withdrawals root', EMPTY_ROOT, block.withdrawalsRoot);
  same('requests hash', NO_REQUESTS, block.requestsHash);
  same('difficulty', 0, block.difficulty);
  same('nonce', 0, block.nonce);
  same('parent beacon block root', 0, block.parentBeaconBlockRoot);
  if (block.uncles.length + block.withdrawals.length > 0)
    throw new Error('uncles or withdrawals in a block without any');
}

function checkBody(block, receipts, signed) {
  block.transactions.forEach((tx, i) => {
    const raw = encodeTransaction(tx);
    same(`hash of transaction ${i}`, hex(keccak(raw)), tx.hash);
    same(`bytes of transaction ${i}`, hex(raw), signed[i].raw);
    same(`sender of transaction ${i}`, signed[i].from, tx.from);
  });
  same('transactions root', orderedRoot(block.transactions.map(encodeTransaction)), block.transactionsRoot);
  same('receipts root', orderedRoot(receipts.map(receiptBytes)), block.receiptsRoot);
  same('logs bloom', logsBloom(receipts.flatMap((receipt) => receipt.logs)), block.logsBloom);
  const gas = receipts.reduce((sum, receipt) => sum + BigInt(receipt.gasUsed), 0n);
  same('gas used', gas, block.gasUsed);
  const blobs = block.transactions.reduce((sum, tx) => sum + (tx.blobVersionedHashes?.length ?? 0), 0);
  same('blob gas used', BigInt(blobs) * BLOB_GAS, block.blobGasUsed);
  if (BigInt(blobs) > MOST_BLOBS) throw new Error(`${blobs} blobs`);
}

/** The header against its parent's, and both against their hashes. */
export function checkChain(parent, block) {
  same('parent hash', headerHash(parent), block.parentHash);
  same('block hash', headerHash(block), block.hash);
  same('number', BigInt(parent.number) + 1n, block.number);
  same('gas limit', parent.gasLimit, block.gasLimit);
  same('base fee', nextBaseFee(parent), block.baseFeePerGas);
  same('excess blob gas', nextExcessBlobGas(parent), block.excessBlobGas);
  if (BigInt(block.timestamp) <= BigInt(parent.timestamp)) throw new Error('the clock ran backwards');
}

/** A whole block: header, body, and the complete states before and after it. */
export function checkBlock({ parent, block, receipts, signed, before, after }) {
  checkChain(parent, block);
  checkConstants(block);
  checkBody(block, receipts, signed);
  same('state root before', stateRoot(before), parent.stateRoot);
  same('state root after', stateRoot(after), block.stateRoot);
}
