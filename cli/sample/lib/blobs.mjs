// Blobs whose polynomial is a constant: commitment and proofs need no trusted setup.
//
// The commitment to the constant c is c times the generator of G1, whatever the setup's secret is, and the proof of any
// evaluation (which is c) is the point at infinity.

import { sha256 } from '@noble/hashes/sha2.js';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { concat, fixedBytes, hex } from './bytes.mjs';

const commitment = (constant) => bls12_381.G1.Point.BASE.multiply(constant).toBytes(true);

/** Versioned hash (EIP-4844) of the blob that is `constant` everywhere. */
export function versionedHash(constant) {
  return concat(Uint8Array.of(0x01), sha256(commitment(constant)).slice(1));
}

/** `count` hex hashes of different blobs; `first` tells them from those of other transactions. */
export const blobHashes = (first, count) =>
  Array.from({ length: count }, (_, i) => hex(versionedHash(BigInt(first + i + 1))));

/** Input of the point evaluation precompile, which accepts it. */
export function pointEvaluationInput(constant, point) {
  const infinity = bls12_381.G1.Point.ZERO.toBytes(true);
  return concat(
    versionedHash(constant),
    fixedBytes(point, 32),
    fixedBytes(constant, 32),
    commitment(constant),
    infinity,
  );
}
