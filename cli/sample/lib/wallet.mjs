// Keys, signatures and the five kinds of transactions.
//
// A transaction has one form here, the one of the node's answers (`eth_getBlockByNumber` with full
// transactions), so that what is encoded for signing and what is encoded to check the finished block is
// the same code on the same fields.

import { secp256k1 } from '@noble/curves/secp256k1.js';
import { bytes, concat, hex, integerBytes, keccak, keccakText, quantity, rlp } from './bytes.mjs';

/** An account that belongs to the sample only: its key is the hash of its name. */
export function account(name) {
  const key = keccakText(`braid sample block: ${name}`);
  const point = secp256k1.getPublicKey(key, false);
  return { name, key, address: hex(keccak(point.slice(1)).slice(12)) };
}

/** Signature of a 32-byte hash; deterministic (RFC 6979), low half of `s`. */
export function sign(hash, key) {
  const out = secp256k1.sign(hash, key, { prehash: false, format: 'recovered' });
  return {
    yParity: quantity(out[0]),
    r: quantity(hex(out.slice(1, 33))),
    s: quantity(hex(out.slice(33, 65))),
  };
}

/** An authorization of EIP-7702: `authority` runs the code at `address` from now on. */
export function authorization(authority, { chainId, address, nonce }) {
  const message = [integerBytes(chainId), bytes(address), integerBytes(nonce)];
  const hash = keccak(concat(Uint8Array.of(0x05), rlp(message)));
  return { chainId: quantity(chainId), address, nonce: quantity(nonce), ...sign(hash, authority.key) };
}

const accessListItems = (list) => list.map((entry) => [bytes(entry.address), entry.storageKeys.map(bytes)]);

const authorizationItems = (list) =>
  list.map((a) => [
    integerBytes(a.chainId),
    bytes(a.address),
    integerBytes(a.nonce),
    integerBytes(a.yParity),
    integerBytes(a.r),
    integerBytes(a.s),
  ]);

/** The fields of a transaction in their order, before the signature. */
function fields(tx) {
  const target = [
    integerBytes(tx.gas),
    tx.to ? bytes(tx.to) : new Uint8Array(),
    integerBytes(tx.value),
    bytes(tx.input),
  ];
  const start = [integerBytes(tx.chainId ?? 0), integerBytes(tx.nonce)];
  const fees = [integerBytes(tx.maxPriorityFeePerGas ?? 0), integerBytes(tx.maxFeePerGas ?? 0)];
  switch (Number(tx.type)) {
    case 0:
      return [integerBytes(tx.nonce), integerBytes(tx.gasPrice), ...target];
    case 1:
      return [...start, integerBytes(tx.gasPrice), ...target, accessListItems(tx.accessList)];
    case 2:
      return [...start, ...fees, ...target, accessListItems(tx.accessList)];
    case 3:
      return [
        ...start,
        ...fees,
        ...target,
        accessListItems(tx.accessList),
        integerBytes(tx.maxFeePerBlobGas),
        tx.blobVersionedHashes.map(bytes),
      ];
    case 4:
      return [
        ...start,
        ...fees,
        ...target,
        accessListItems(tx.accessList),
        authorizationItems(tx.authorizationList),
      ];
    default:
      throw new Error(`unknown transaction type ${tx.type}`);
  }
}

const typed = (tx, items) =>
  Number(tx.type) === 0 ? rlp(items) : concat(Uint8Array.of(Number(tx.type)), rlp(items));

/** The bytes that stand in the block; blob transactions without their sidecar. */
export function encodeTransaction(tx) {
  const parity = Number(tx.type) === 0 ? tx.v : tx.yParity;
  return typed(tx, [...fields(tx), integerBytes(parity), integerBytes(tx.r), integerBytes(tx.s)]);
}

/** Signs; a legacy transaction without chain id is signed the old way, before EIP-155. */
export function signTransaction(tx, from) {
  const isLegacy = Number(tx.type) === 0;
  const replayGuard =
    isLegacy && tx.chainId ? [integerBytes(tx.chainId), new Uint8Array(), new Uint8Array()] : [];
  const signature = sign(keccak(typed(tx, [...fields(tx), ...replayGuard])), from.key);
  if (isLegacy) {
    const base = tx.chainId ? 35n + 2n * BigInt(tx.chainId) : 27n;
    signature.v = quantity(base + BigInt(signature.yParity));
  }
  const signed = { ...tx, ...signature };
  const raw = encodeTransaction(signed);
  return { ...signed, from: from.address, raw: hex(raw), hash: hex(keccak(raw)) };
}
