// Roots of Merkle Patricia tries, built the textbook way: a second opinion on what the node computed.

import { EMPTY_CODE_HASH, bytes, fixedBytes, hex, integerBytes, keccak, rlp } from './bytes.mjs';

const EMPTY = new Uint8Array();

function nibbles(key) {
  const out = [];
  for (const byte of key) out.push(byte >> 4, byte & 15);
  return out;
}

/** Hex-prefix encoding of a path: a flag for leaves, a flag for odd length. */
function hexPrefix(path, isLeaf) {
  const flag = isLeaf ? 2 : 0;
  const digits = path.length % 2 ? [flag + 1, ...path] : [flag, 0, ...path];
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => digits[2 * i] * 16 + digits[2 * i + 1]);
}

function sharedLength(entries, from) {
  const [first] = entries;
  let length = from;
  while (length < first.path.length && entries.every((e) => e.path[length] === first.path[length])) length++;
  return length - from;
}

/** A child as its parent holds it: small nodes as they are, others by hash. */
function reference(node) {
  const encoded = rlp(node);
  return encoded.length < 32 ? node : keccak(encoded);
}

function build(entries, depth) {
  if (entries.length === 1) return [hexPrefix(entries[0].path.slice(depth), true), entries[0].value];
  const shared = sharedLength(entries, depth);
  if (shared > 0) {
    const path = entries[0].path.slice(depth, depth + shared);
    return [hexPrefix(path, false), reference(build(entries, depth + shared))];
  }
  const branch = Array(17).fill(EMPTY);
  for (let nibble = 0; nibble < 16; nibble++) {
    const below = entries.filter((e) => e.path[depth] === nibble);
    if (below.length > 0) branch[nibble] = reference(build(below, depth + 1));
  }
  const here = entries.find((e) => e.path.length === depth);
  if (here) branch[16] = here.value;
  return branch;
}

/** Root of `[key bytes, value bytes]` pairs. */
export function trieRoot(pairs) {
  if (pairs.length === 0) return hex(keccak(rlp(EMPTY)));
  return hex(
    keccak(
      rlp(
        build(
          pairs.map(([key, value]) => ({ path: nibbles(key), value })),
          0,
        ),
      ),
    ),
  );
}

/** Root of a list keyed by position: transactions and receipts. */
export function orderedRoot(values) {
  return trieRoot(values.map((value, i) => [rlp(integerBytes(i)), value]));
}

function storageRoot(storage) {
  const set = Object.entries(storage).filter(([, value]) => BigInt(value) !== 0n);
  return trieRoot(
    set.map(([slot, value]) => [keccak(fixedBytes(BigInt(slot), 32)), rlp(integerBytes(value))]),
  );
}

/** State root of `{address: {balance, nonce, code_hash?, storage}}`, every account and slot of the chain. */
export function stateRoot(accounts) {
  return trieRoot(
    Object.entries(accounts).map(([address, account]) => [
      keccak(bytes(address)),
      rlp([
        integerBytes(account.nonce),
        integerBytes(account.balance),
        bytes(storageRoot(account.storage)),
        bytes(account.code_hash ?? EMPTY_CODE_HASH),
      ]),
    ]),
  );
}

/** Bloom filter of `[address, topics]` logs: three bits for each address and topic. */
export function logsBloom(logs) {
  const bloom = new Uint8Array(256);
  for (const entry of logs.flatMap((log) => [log.address, ...log.topics])) {
    const hash = keccak(bytes(entry));
    for (let i = 0; i < 6; i += 2) {
      const bit = ((hash[i] << 8) | hash[i + 1]) & 2047;
      bloom[255 - (bit >> 3)] |= 1 << (bit & 7);
    }
  }
  return hex(bloom);
}
