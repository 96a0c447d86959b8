// Makes the sample block: `npm run make`; or makes it and compares it with the one that is here: `npm run check`.

import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { Anvil, nodeVersion } from './lib/anvil.mjs';
import { blobHashes } from './lib/blobs.mjs';
import { blobBaseFee, checkBlock, checkChain } from './lib/check.mjs';
import { compile, compilerVersion } from './lib/compile.mjs';
import { applyChanges, changes, compare, fixtureFiles, unpack, write } from './lib/fixture.mjs';
import { Ledger } from './lib/ledger.mjs';
import { MOST_BLOBS_PER_BLOCK, QUIET_BLOCKS, RULES, SAMPLE_BLOCK_NUMBER } from './lib/rules.mjs';
import { sampleBlock } from './lib/scenario.mjs';
import { BLOCK_HASHES } from './lib/scenario/computation.mjs';
import { asAlloc, readState } from './lib/state.mjs';
import { World, prepare } from './lib/world.mjs';

const FOLDER = fileURLToPath(new URL('./block', import.meta.url));

/** Blocks of blob transactions between two accounts, which change nothing else. */
async function mineQuietBlocks(node, world, ledger) {
  const [, , , , one, other] = world.blobbers;
  const post = (from, to, first, count) => ({
    label: 'quiet',
    type: 3,
    from,
    to: to.address,
    gas: 21_000,
    blobs: blobHashes(first, count),
  });
  let parent;
  for (let i = 1; i <= QUIET_BLOCKS; i++) {
    const first = i * MOST_BLOBS_PER_BLOCK;
    const intents = [post(one, other, first, 6), post(other, one, first + 6, MOST_BLOBS_PER_BLOCK - 6)];
    const block = await node.mine(
      intents.map((intent) => ledger.sign(intent)),
      RULES.genesisTime + i * RULES.secondsPerBlock,
    );
    // The node's block 0 is a stand-in (no state root, no influence on the next base fee): the chain counts from block 1.
    if (parent) checkChain(parent, block);
    parent = block;
  }
  return parent;
}

/** Mines the sample block on top of the prepared state. */
async function mineSample(world, first) {
  const node = await Anvil.start(
    { ...RULES, genesisNumber: SAMPLE_BLOCK_NUMBER - QUIET_BLOCKS - 1 },
    asAlloc(first),
  );
  try {
    const nonces = Object.entries(first.state).map(([address, account]) => [address, account.nonce]);
    const ledger = new Ledger(RULES.chainId, Object.fromEntries(nonces));
    const parent = await mineQuietBlocks(node, world, ledger);
    const before = readState(await node.accounts(), { strict: true });
    const signed = sampleBlock(world).map((intent) => ledger.sign(intent));
    const block = await node.mine(signed, Number(parent.timestamp) + RULES.secondsPerBlock);
    const receipts = await node.rpc('eth_getBlockReceipts', block.number);
    const after = readState(await node.accounts(), { strict: true });
    const blockHashes = {};
    for (let number = Number(block.number) - BLOCK_HASHES; number < Number(block.number); number++) {
      blockHashes[number] = (await node.rpc('eth_getBlockByNumber', '0x' + number.toString(16), false)).hash;
    }
    return { parent, block, receipts, signed, before, after, blockHashes };
  } finally {
    await node.stop();
  }
}

/** What the block is meant to contain. */
function checkScenario({ block, receipts, signed }) {
  const surprises = signed
    .filter((tx, i) => (receipts[i].status === '0x1') === tx.fails)
    .map((tx) => tx.label);
  if (surprises.length > 0)
    throw new Error(`succeeded or failed against expectation: ${surprises.join(', ')}`);
  const types = [0, 1, 2, 3, 4].map(
    (type) => block.transactions.filter((tx) => Number(tx.type) === type).length,
  );
  if (block.transactions.length < 200 || types.includes(0))
    throw new Error(`too little variety: ${types.join(' ')}`);
  return types;
}

function fixture({ parent, block, receipts, before, after, blockHashes }) {
  const postState = changes(before.state, after.state);
  const created = Object.keys(postState).filter((address) => !before.state[address]);
  const expected = {
    gas_used: Number(block.gasUsed),
    tx_gas: receipts.map((receipt) => Number(receipt.gasUsed)),
    tx_status: receipts.map((receipt) => Number(receipt.status)),
    receipts_root: block.receiptsRoot,
    logs_bloom: block.logsBloom,
    requests: [],
    post_state: postState,
  };
  const checked = [
    'exec',
    'hash',
    'tx_root',
    'gas',
    'receipts',
    'bloom',
    'wd_root',
    'requests',
    'state_root',
    'pre_proven',
  ];
  const manifest = {
    number: Number(block.number),
    source: `anvil ${nodeVersion()}`,
    fork: RULES.hardfork.toUpperCase(),
    timestamp: Number(block.timestamp),
    txs: block.transactions.length,
    gas_used: Number(block.gasUsed),
    header_complete: true,
    witness: false,
    uncle_headers: 'known',
    checks: Object.fromEntries(checked.map((check) => [check, true])),
    block_hashes_read: Object.keys(blockHashes).map(Number),
    absent_accounts_read: created.length,
    chain_id: RULES.chainId,
    hardfork: RULES.hardfork,
    complete_state: true,
    parent_state_root: parent.stateRoot,
  };
  const codes = Object.fromEntries(
    Object.entries({ ...before.codes, ...after.codes }).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return fixtureFiles({ block, before: before.state, codes, expected, blockHashes, manifest });
}

/** Reads the finished files back and checks the block once more from them alone. */
function checkFiles(files, mined) {
  const number = Number(mined.block.number);
  const read = (name) => unpack(files[`${number}/${name}.json.gz`]);
  const [block, before, expected] = [read('block'), read('pre_state'), read('expected')];
  const after = applyChanges(before, expected.post_state);
  if (!isDeepStrictEqual(after, mined.after.state))
    throw new Error('post_state does not lead to the state after the block');
  checkBlock({ ...mined, block, before, after });
}

const world = new World(compile());
const mined = await mineSample(world, await prepare(world));
checkBlock({ ...mined, before: mined.before.state, after: mined.after.state });
const types = checkScenario(mined);
const files = fixture(mined);
checkFiles(files, mined);

const isCheck = process.argv.includes('--check');
(isCheck ? compare : write)(FOLDER, files);

const KINDS = ['legacy', 'access list', 'fee market', 'blob', 'set code'];
const failed = mined.receipts.filter((receipt) => receipt.status === '0x0').length;
const logs = mined.receipts.reduce((sum, receipt) => sum + receipt.logs.length, 0);
const size = Object.values(files).reduce((sum, file) => sum + file.length, 0);
console.log(
  [
    `solc ${compilerVersion()}, anvil ${nodeVersion()}`,
    `block ${Number(mined.block.number)} ${mined.block.hash}`,
    `chain ${RULES.chainId}, ${RULES.hardfork}, gas used ${Number(mined.block.gasUsed)}`,
    `base fee ${Number(mined.block.baseFeePerGas)} wei, blob base fee ${blobBaseFee(mined.block)} wei`,
    `${mined.signed.length} transactions: ${types.map((count, type) => `${count} ${KINDS[type]}`).join(', ')}`,
    `${failed} failed, ${logs} logs`,
    `${Object.keys(mined.before.state).length} accounts before, ${Object.keys(mined.after.state).length} after`,
    `${size} bytes ${isCheck ? 'as made before' : 'written'}`,
  ].join('\n'),
);
