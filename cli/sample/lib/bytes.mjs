// Bytes, hex, Keccak-256 and RLP: the vocabulary of the other files.

import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';

export { concatBytes as concat };

/** Lower-case `0x` hex of bytes. */
export const hex = (bytes) => '0x' + bytesToHex(bytes);

/** Bytes of `0x` hex; an odd digit count gets a leading zero. */
export function bytes(text) {
  const digits = text.slice(2);
  return hexToBytes(digits.length % 2 ? '0' + digits : digits);
}

export const keccak = (data) => keccak_256(data);
export const keccakText = (text) => keccak_256(utf8ToBytes(text));

/** The hash of no bytes at all: the code hash of an account without code. */
export const EMPTY_CODE_HASH = hex(keccak(new Uint8Array()));

/** Minimal big-endian bytes of a non-negative integer; zero has none, as in RLP. */
export function integerBytes(value) {
  const number = BigInt(value);
  if (number < 0n) throw new Error(`negative integer ${number}`);
  return number === 0n ? new Uint8Array() : bytes('0x' + number.toString(16));
}

/** Big-endian bytes of an integer in exactly `length` bytes. */
export function fixedBytes(value, length) {
  const short = integerBytes(value);
  if (short.length > length) throw new Error(`${value} needs more than ${length} bytes`);
  return concatBytes(new Uint8Array(length - short.length), short);
}

/** `0x` hex quantity without leading zeros. */
export const quantity = (value) => '0x' + BigInt(value).toString(16);

function rlpPrefix(length, offset) {
  if (length < 56) return Uint8Array.of(offset + length);
  const size = integerBytes(length);
  return concatBytes(Uint8Array.of(offset + 55 + size.length), size);
}

/** RLP of nested arrays of bytes. Numbers are to be given as `integerBytes`. */
export function rlp(item) {
  if (item instanceof Uint8Array) {
    if (item.length === 1 && item[0] < 0x80) return item;
    return concatBytes(rlpPrefix(item.length, 0x80), item);
  }
  if (!Array.isArray(item)) throw new Error(`not an RLP item: ${item}`);
  const payload = concatBytes(...item.map(rlp));
  return concatBytes(rlpPrefix(payload.length, 0xc0), payload);
}
