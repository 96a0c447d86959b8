// Runs the node and talks to it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { bytes } from './bytes.mjs';

const PLATFORM = {
  'linux-x64': 'linux-amd64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'darwin-amd64',
  'darwin-arm64': 'darwin-arm64',
  'win32-x64': 'win32-amd64',
};

const require = createRequire(import.meta.url);

/** The package with the node's program: the program itself and not a launcher, so that ending it ends the node. */
function packageFile() {
  const name = PLATFORM[`${process.platform}-${process.arch}`];
  if (!name) throw new Error(`the node does not run on ${process.platform} ${process.arch}`);
  return require.resolve(`@foundry-rs/anvil-${name}/package.json`);
}

const binary = () =>
  join(dirname(packageFile()), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil');

export const nodeVersion = () => require(packageFile()).version;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export class Anvil {
  /** Starts a node whose first state is `genesis.alloc`. */
  static async start(rules, alloc) {
    const node = new Anvil();
    node.folder = await mkdtemp(join(tmpdir(), 'braid-sample-'));
    const genesisFile = join(node.folder, 'genesis.json');
    await writeFile(genesisFile, JSON.stringify(genesis(rules, alloc)));
    const port = await freePort();
    node.url = `http://127.0.0.1:${port}`;
    node.process = spawn(binary(), commandLine(rules, genesisFile, port), {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    node.complaints = '';
    node.process.stderr.on('data', (data) => (node.complaints += data));
    try {
      await node.#ready();
      await node.rpc('anvil_setCoinbase', rules.builder);
    } catch (error) {
      await node.stop();
      throw error;
    }
    return node;
  }

  async #ready() {
    for (let attempt = 0; attempt < 200; attempt++) {
      if (this.process.exitCode !== null) throw new Error(`the node ended at its start: ${this.complaints}`);
      try {
        return await this.rpc('eth_chainId');
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    throw new Error(`the node does not answer: ${this.complaints}`);
  }

  async rpc(method, ...params) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const answer = await response.json();
    if (answer.error) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
    return answer.result;
  }

  /** Hands in signed transactions and mines them, in this order, as one block with this time. */
  async mine(transactions, time) {
    for (const tx of transactions) {
      const hash = await this.rpc('eth_sendRawTransaction', tx.raw).catch((error) => {
        throw new Error(`${tx.label ?? tx.hash}: ${error.message}`);
      });
      if (hash !== tx.hash) throw new Error(`the node calls ${tx.hash} ${hash}`);
    }
    await this.rpc('evm_setNextBlockTimestamp', time);
    await this.rpc('evm_mine');
    const block = await this.rpc('eth_getBlockByNumber', 'latest', true);
    const mined = block.transactions.map((tx) => tx.hash);
    const missing = transactions.filter((tx) => !mined.includes(tx.hash)).map((tx) => tx.label ?? tx.hash);
    if (missing.length > 0) throw new Error(`not in block ${Number(block.number)}: ${missing.join(', ')}`);
    if (transactions.some((tx, i) => tx.hash !== mined[i])) throw new Error('the node changed the order');
    if (Number(block.timestamp) !== time)
      throw new Error(`block time ${Number(block.timestamp)}, wanted ${time}`);
    return block;
  }

  /** Every account the node knows, as `{address: {balance, nonce, code, storage}}`. */
  async accounts() {
    const dump = await this.rpc('anvil_dumpState');
    return JSON.parse(gunzipSync(bytes(dump)).toString()).accounts;
  }

  async stop() {
    if (this.process.exitCode === null) {
      this.process.kill();
      await once(this.process, 'exit');
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

function genesis(rules, alloc) {
  return {
    config: { chainId: rules.chainId },
    timestamp: `0x${rules.genesisTime.toString(16)}`,
    gasLimit: `0x${rules.gasLimit.toString(16)}`,
    difficulty: '0x0',
    coinbase: rules.builder,
    alloc,
  };
}

function commandLine(rules, genesisFile, port) {
  const options = {
    port,
    init: genesisFile,
    'chain-id': rules.chainId,
    hardfork: rules.hardfork.toLowerCase(),
    number: rules.genesisNumber,
    timestamp: rules.genesisTime,
    'gas-limit': rules.gasLimit,
    'block-base-fee-per-gas': rules.genesisBaseFee,
    // First come, first served.
    order: 'fifo',
    // No accounts but ours.
    accounts: 0,
  };
  const switches = [
    '--no-mining',
    '--disable-default-create2-deployer',
    '--disable-console-log',
    // The one rule of the hard fork that the node leaves out unless asked: the gas limit per transaction (EIP-7825).
    '--enable-tx-gas-limit',
    '--disable-min-priority-fee',
    // Somebody who is paid earlier in the block may pay later in it. Execution checks balances all the same.
    '--disable-pool-balance-checks',
    // The node wants blob transactions with their sidecars, and then takes the sidecars into the transactions root,
    // where they do not belong. From impersonated senders it accepts the transaction as it stands in a block; the
    // signature is still ours, and the sender is still recovered from it.
    '--auto-impersonate',
  ];
  return [...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]), ...switches];
}
