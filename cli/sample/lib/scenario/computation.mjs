// What only the workbench does: environment, loops, refunds, precompiles, every way to fail.

import { p256 } from '@noble/curves/nist.js';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { bn254 } from '@noble/curves/bn254.js';
import { bytes, concat, fixedBytes, keccakText } from '../bytes.mjs';
import { dynamic } from '../abi.mjs';
import { failing, nameHash } from '../ledger.mjs';
import { pointEvaluationInput } from '../blobs.mjs';
import { account, sign } from '../wallet.mjs';

const words = (...values) => concat(...values.map((value) => fixedBytes(value, 32)));

export function workbench({ engineers, traders, contracts: { Workbench }, at }) {
  const on =
    (bench) =>
    (label, from, gas, method, ...values) => ({
      label,
      from: engineers[from],
      to: bench,
      data: Workbench.call(method, ...values),
      gas,
    });
  const first = on(at.workbench);
  const second = on(at.workbench2);
  return [
    [
      first('environment', 11, 120_000, 'recordEnvironment'),
      first('block hashes', 11, 250_000, 'recordBlockHashes', BLOCK_HASHES),
      first('hash chain', 12, 900_000, 'hashChain', nameHash('chain'), 2000),
      second('arithmetic', 13, 900_000, 'arithmetic', nameHash('arithmetic'), 300),
      second('sort', 14, 2_500_000, 'sortInMemory', nameHash('sort'), 90),
      first('recursion', 15, 2_000_000, 'recurse', 200),
      second('transient sum', 16, 200_000, 'transientSum', 64),
      second('balance of a contract', 16, 120_000, 'recordBalance', at.poolAB),
    ],
    [
      first('add to cells', 17, 200_000, 'addToCells', 0, 8, 5),
      first('clear cells', 17, 200_000, 'clear', 4, 12),
      first('there and back', 18, 100_000, 'thereAndBack', 20),
      first('fill cells', 17, 500_000, 'fill', 2, 16, 500),
      first('add to cells again', 18, 200_000, 'addToCells', 6, 20, 1),
      second('new cells', 18, 400_000, 'fill', 100, 10, 1),
    ],
    [
      failing(first('fail', 19, 100_000, 'fail', 42)),
      first('fail inside', 19, 120_000, 'failInside', 43),
      failing(second('divide by zero', 20, 100_000, 'divideByZero', 5)),
      failing(second('invalid opcode', 20, 90_000, 'invalidOpcode')),
      failing(second('burn all gas', 21, 400_000, 'burnGas')),
      failing(second('recursion too deep for its gas', 21, 120_000, 'recurse', 500)),
      failing({
        label: 'no such function',
        from: traders[52],
        to: at.workbench,
        data: bytes('0xdeadbeef'),
        gas: 60_000,
      }),
    ],
  ];
}

/** How many hashes of older blocks the block reads. */
export const BLOCK_HASHES = 8;

function blsPoint(point) {
  const field = (x) => fixedBytes(x, 64);
  const { x, y } = point.toAffine();
  return concat(...[x, y].flatMap((v) => (typeof v === 'bigint' ? [field(v)] : [field(v.c0), field(v.c1)])));
}

function bnPairing() {
  const one = bn254.G1.Point.BASE.toAffine();
  const minusOne = bn254.G1.Point.BASE.negate().toAffine();
  const two = bn254.G2.Point.BASE.toAffine();
  // The precompile takes the imaginary part of each coordinate first.
  const g2 = [two.x.c1, two.x.c0, two.y.c1, two.y.c0];
  return words(one.x, one.y, ...g2, minusOne.x, minusOne.y, ...g2);
}

function p256Input(valid) {
  const key = keccakText('braid sample block: p256');
  const hash = keccakText('signed with p256');
  const signature = p256.sign(hash, key, { prehash: false, lowS: false });
  const point = p256.getPublicKey(key, false).slice(1);
  return concat(valid ? hash : keccakText('something else'), signature, point);
}

function blake2Input() {
  const state = concat(keccakText('b0'), keccakText('b1'));
  const block = concat(...[2, 3, 4, 5].map((i) => keccakText(`b${i}`)));
  return concat(fixedBytes(12, 4), state, block, fixedBytes(128, 16), Uint8Array.of(1));
}

/** `[address, input]` of every precompile, most of them with input they accept. */
function precompileInputs() {
  const { G1, G2 } = bls12_381;
  const [g1, g1Twice] = [G1.Point.BASE, G1.Point.BASE.double()].map(blsPoint);
  const [g2, g2Twice] = [G2.Point.BASE, G2.Point.BASE.double()].map(blsPoint);
  const twice = bn254.G1.Point.BASE.double().toAffine();
  const signature = sign(keccakText('recover me'), account('signer').key);
  const recover = concat(
    keccakText('recover me'),
    words(27 + Number(signature.yParity), signature.r, signature.s),
  );
  const modexp = concat(words(32, 32, 32), keccakText('base'), keccakText('exponent'), keccakText('modulus'));
  return [
    [0x01, recover],
    [0x02, keccakText('some data for sha-256')],
    [0x03, keccakText('some data for ripemd-160')],
    [0x04, new Uint8Array(100).fill(7)],
    [0x05, modexp],
    [0x06, words(1, 2, twice.x, twice.y)],
    [0x07, words(twice.x, twice.y, 12345678901234567890n)],
    [0x08, bnPairing()],
    [0x09, blake2Input()],
    [0x0a, pointEvaluationInput(41n, 17n)],
    [0x0b, concat(g1, g1Twice)],
    [0x0c, concat(g1, words(5), g1Twice, words(7))],
    [0x0d, concat(g2, g2Twice)],
    [0x0e, concat(g2, words(3), g2Twice, words(11))],
    [0x0f, concat(g1, g2, blsPoint(G1.Point.BASE.negate()), g2)],
    [0x10, fixedBytes(123456789n, 64)],
    [0x11, concat(fixedBytes(987n, 64), fixedBytes(654n, 64))],
    [0x100, p256Input(true)],
    [0x100, p256Input(false)],
    // Not on the curve, and a wrong length: the call fails and takes its gas, the transaction goes on.
    [0x06, words(1, 3, 1, 2)],
    [0x09, new Uint8Array(10)],
  ];
}

export function precompiles({ engineers, contracts: { Workbench }, at }) {
  const calls = precompileInputs().map(([address, input], i) => ({
    label: `precompile ${address} (${i})`,
    from: engineers[22 + (i % 2)],
    to: at.workbench2,
    gas: i < 19 ? 500_000 : 2_600_000,
    data: Workbench.call('callPrecompile', '0x' + address.toString(16), dynamic(input)),
  }));
  const digest = keccakText('three of them');
  const { yParity, r, s } = sign(digest, account('signer').key);
  const three = {
    label: 'recover and hash',
    type: 1,
    from: engineers[22],
    to: at.workbench,
    gas: 150_000,
    accessList: [
      { address: at.workbench, storageKeys: ['0x' + '00'.repeat(32), '0x' + '00'.repeat(31) + '01'] },
    ],
    data: Workbench.call(
      'recoverAndHash',
      '0x' + Buffer.from(digest).toString('hex'),
      27 + Number(yParity),
      r,
      s,
    ),
  };
  return [calls, [three]];
}
