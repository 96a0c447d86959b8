// Call data of the contract ABI, as far as the sample needs it.
//
// An argument is a number, a `0x` address or bytes32 (each fills one word, padded on the left), a boolean,
// or one of the tagged values below.

import { bytes, concat, fixedBytes } from './bytes.mjs';

/** Dynamic bytes. */
export const dynamic = (data) => ({ dynamicBytes: data });
/** Dynamic text. */
export const text = (value) => dynamic(new TextEncoder().encode(value));
/** A dynamic array of arguments. */
export const list = (items) => ({ items });
/** A tuple with at least one dynamic member. */
export const tuple = (members) => ({ members });

function padRight(data) {
  return concat(data, new Uint8Array((32 - (data.length % 32)) % 32));
}

function encodeWord(value) {
  if (typeof value === 'boolean') return fixedBytes(value ? 1 : 0, 32);
  if (typeof value === 'string') return fixedBytes(BigInt(value), 32);
  return fixedBytes(value, 32);
}

const isDynamic = (value) => typeof value === 'object';

function encodeTail(value) {
  if (value.dynamicBytes) {
    return concat(fixedBytes(value.dynamicBytes.length, 32), padRight(value.dynamicBytes));
  }
  if (value.items) return concat(fixedBytes(value.items.length, 32), encodeArguments(value.items));
  if (value.members) return encodeArguments(value.members);
  throw new Error(`not an ABI argument: ${JSON.stringify(value)}`);
}

/** The arguments, without selector: heads, then the tails that the heads point to. */
export function encodeArguments(values) {
  const heads = [];
  const tails = [];
  let offset = 32 * values.length;
  for (const value of values) {
    if (isDynamic(value)) {
      const tail = encodeTail(value);
      heads.push(fixedBytes(offset, 32));
      tails.push(tail);
      offset += tail.length;
    } else {
      heads.push(encodeWord(value));
    }
  }
  return concat(...heads, ...tails);
}

/** Call data: selector and arguments. */
export function encodeCall(selector, values) {
  return concat(bytes('0x' + selector), encodeArguments(values));
}
