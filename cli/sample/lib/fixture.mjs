// The files of the fixture, in the layout that the folders of recorded mainnet blocks have.

import { gunzipSync, gzipSync } from 'fflate';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const HEADER = [
  'parentHash',
  'sha3Uncles',
  'miner',
  'stateRoot',
  'transactionsRoot',
  'receiptsRoot',
  'logsBloom',
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'extraData',
  'mixHash',
  'nonce',
  'baseFeePerGas',
  'withdrawalsRoot',
  'blobGasUsed',
  'excessBlobGas',
  'parentBeaconBlockRoot',
  'requestsHash',
  'hash',
];

const TRANSACTION = [
  'type',
  'chainId',
  'nonce',
  'gasPrice',
  'gas',
  'maxFeePerGas',
  'maxPriorityFeePerGas',
  'maxFeePerBlobGas',
  'to',
  'value',
  'accessList',
  'blobVersionedHashes',
  'authorizationList',
  'input',
  'r',
  's',
  'yParity',
  'v',
  'hash',
  'blockHash',
  'blockNumber',
  'transactionIndex',
  'from',
];

function pick(object, keys) {
  return Object.fromEntries(keys.filter((key) => object[key] !== undefined).map((key) => [key, object[key]]));
}

/** The node's block without what is the node's own. */
export const blockJson = (block) => ({
  ...pick(block, HEADER),
  transactions: block.transactions.map((tx) => pick(tx, TRANSACTION)),
  uncles: [],
  withdrawals: [],
  uncleHeaders: [],
});

/** Accounts that differ after the block, each with the slots that differ; `null` for one that is gone. */
export function changes(before, after) {
  const addresses = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const changed = {};
  for (const address of addresses) {
    const [old, now] = [before[address], after[address]];
    if (JSON.stringify(old) === JSON.stringify(now)) continue;
    if (!now) {
      changed[address] = null;
      continue;
    }
    const slots = [...new Set([...Object.keys(old?.storage ?? {}), ...Object.keys(now.storage)])].sort();
    const storage = slots
      .filter((slot) => old?.storage[slot] !== now.storage[slot])
      .map((slot) => [slot, now.storage[slot] ?? '0x0']);
    changed[address] = { ...now, storage: Object.fromEntries(storage) };
  }
  return changed;
}

/** `before` with `changed` applied: must be the state after the block. */
export function applyChanges(before, changed) {
  const after = structuredClone(before);
  for (const [address, account] of Object.entries(changed)) {
    if (account === null) {
      delete after[address];
      continue;
    }
    const storage = { ...after[address]?.storage, ...account.storage };
    after[address] = {
      ...account,
      storage: Object.fromEntries(Object.entries(storage).filter(([, v]) => v !== '0x0')),
    };
  }
  return after;
}

const text = (value) => new TextEncoder().encode(value);
// No time stamp, and a compressor in JavaScript: the same bytes on every machine.
const packed = (value) => gzipSync(text(JSON.stringify(value)), { level: 9, mtime: 0 });
const plain = (value) => text(JSON.stringify(value, null, 2) + '\n');

/** All files by their path in the folder. */
export function fixtureFiles({ block, before, codes, expected, blockHashes, manifest }) {
  const number = Number(block.number);
  return {
    'manifest.json': plain([manifest]),
    'block_hashes.json': plain(blockHashes),
    'bytecodes.json.gz': packed(codes),
    [`${number}/block.json.gz`]: packed(blockJson(block)),
    [`${number}/pre_state.json.gz`]: packed(before),
    [`${number}/expected.json.gz`]: packed(expected),
  };
}

const filesBelow = (folder) =>
  readdirSync(folder, { recursive: true })
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile());

/** Writes the folder anew. */
export function write(folder, files) {
  rmSync(folder, { recursive: true, force: true });
  for (const [path, data] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), data);
  }
}

/** Fails unless the folder holds exactly these files. */
export function compare(folder, files) {
  const there = filesBelow(folder)
    .map((path) => relative(folder, path))
    .sort();
  const wanted = Object.keys(files).sort();
  if (there.join() !== wanted.join())
    throw new Error(`the folder has ${there.join(' ')}, made were ${wanted.join(' ')}`);
  const different = wanted.filter(
    (path) => Buffer.compare(readFileSync(join(folder, path)), files[path]) !== 0,
  );
  if (different.length > 0) throw new Error(`made differently: ${different.join(' ')}`);
}

/** The files as a reader gets them back. */
export const unpack = (data) => JSON.parse(new TextDecoder().decode(gunzipSync(data)));
