// Who and what is there before the sample block: people, contracts, and where they are.

import { list, text, tuple, dynamic } from './abi.mjs';
import { createdBy, nameHash, Ledger } from './ledger.mjs';
import { quantity } from './bytes.mjs';
import { account } from './wallet.mjs';
import { Anvil } from './anvil.mjs';
import { readState } from './state.mjs';
import { BUILDER, ETHER, HISTORY_CONTRACT, RULES, SYSTEM_CODE } from './rules.mjs';

const TRADERS = 96;
const PEOPLE = 12;
/** When the chain of the setup starts: before the chain of the fixture does. */
const SETUP_TIME = RULES.genesisTime - 3600;

const group = (name, count) => Array.from({ length: count }, (_, i) => account(`${name} ${i}`));

/** Arguments of a call inside a batch. */
export const inner = (to, value, data) => tuple([to, value, dynamic(data)]);

/** The precompiles of the hard fork: on a real chain somebody has long sent each of them a wei. */
const PRECOMPILES = [...Array.from({ length: 0x11 }, (_, i) => i + 1), 0x100].map(
  (n) => '0x' + n.toString(16).padStart(40, '0'),
);

export class World {
  constructor(contracts) {
    this.contracts = contracts;
    this.deployer = account('deployer');
    this.upgrader = account('upgrader');
    this.traders = group('trader', TRADERS);
    this.bots = group('bot', 3);
    this.people = group('person', PEOPLE);
    this.sponsors = group('sponsor', 4);
    this.creators = group('creator', 8);
    this.blobbers = group('blobber', 6);
    this.engineers = group('engineer', 24);
    this.sweeper = account('sweeper');
    this.dealer = account('dealer');
    this.spendthrift = account('spendthrift');
    this.everybody = [
      BUILDER,
      this.deployer,
      this.upgrader,
      this.sweeper,
      this.dealer,
      this.spendthrift,
      ...this.traders,
      ...this.bots,
      ...this.people,
      ...this.sponsors,
      ...this.creators,
      ...this.blobbers,
      ...this.engineers,
    ];
    this.at = {};
  }

  /** Balances before anything happened. */
  firstAlloc() {
    const rich = this.everybody.map((person) => [person.address, { balance: quantity(500n * ETHER) }]);
    const precompiles = PRECOMPILES.map((address) => [address, { balance: '0x1' }]);
    const system = Object.entries(SYSTEM_CODE).map(([address, code]) => [
      address,
      { balance: '0x0', nonce: '0x1', code },
    ]);
    return Object.fromEntries([...rich, ...precompiles, ...system]);
  }

  /** Blocks of intents that deploy and fund everything; fills in `at`. */
  setup() {
    return [
      this.#deployments(),
      this.#secondDeployments(),
      this.#money(),
      this.#approvals(),
      this.#firstUse(),
    ];
  }

  #deploy(name, from, data) {
    const nonce = (this.created ??= new Map()).get(from) ?? 0;
    this.created.set(from, nonce + 1);
    this.at[name] = createdBy(from, nonce);
    return { label: `deploy ${name}`, from, data, gas: 3_000_000 };
  }

  #deployments() {
    const {
      Token,
      VaultV1,
      VaultV2,
      Factory,
      SmartAccount,
      ReceiveOnlyAccount,
      Batcher,
      Tickets,
      Workbench,
      Mayfly,
    } = this.contracts;
    const token = (letter) =>
      this.#deploy(
        `token${letter}`,
        this.deployer,
        Token.creation(text(`Sample ${letter}`), text(letter), 10n ** 9n * ETHER),
      );
    const simple = (name, contract, ...values) =>
      this.#deploy(name, this.deployer, contract.creation(...values));
    return [
      ...['A', 'B', 'C'].map(token),
      simple('vaultV1', VaultV1),
      simple('vaultV2', VaultV2),
      simple('factory', Factory),
      simple('smartAccount', SmartAccount),
      simple('receiveOnlyAccount', ReceiveOnlyAccount),
      simple('batcher', Batcher),
      simple('tickets', Tickets, ETHER / 100n),
      simple('workbench', Workbench),
      simple('workbench2', Workbench),
      { ...simple('oldMayfly', Mayfly), value: 3n * ETHER },
    ];
  }

  #secondDeployments() {
    const { Pool, Proxy } = this.contracts;
    const { tokenA, tokenB, tokenC, vaultV1 } = this.at;
    return [
      this.#deploy('poolAB', this.deployer, Pool.creation(tokenA, tokenB)),
      this.#deploy('poolBC', this.deployer, Pool.creation(tokenB, tokenC)),
      this.#deploy('vault', this.upgrader, Proxy.creation(vaultV1)),
    ];
  }

  /** Tokens for everybody who trades. */
  #money() {
    const { Token, Batcher } = this.contracts;
    const holders = [...this.traders, ...this.bots, ...this.people, ...this.sponsors, this.dealer].map(
      (p) => p.address,
    );
    const tokens = [this.at.tokenA, this.at.tokenB, this.at.tokenC];
    const allow = tokens.map((token) => ({
      label: 'allow the batcher',
      from: this.deployer,
      to: token,
      data: Token.call('approve', this.at.batcher, 2n ** 256n - 1n),
      gas: 80_000,
    }));
    const shares = tokens.flatMap((token) =>
      [0, 1, 2, 3].map((part) => ({
        label: 'hand out tokens',
        from: this.deployer,
        to: this.at.batcher,
        gas: 2_000_000,
        data: Batcher.call(
          'sendTokens',
          token,
          list(holders.filter((_, i) => i % 4 === part)),
          10_000n * ETHER,
        ),
      })),
    );
    return [...allow, ...shares];
  }

  /** Traders let the pools take their tokens: some without limit, some up to one. */
  #approvals() {
    const { Token } = this.contracts;
    const { tokenA, tokenB, tokenC, poolAB, poolBC, batcher } = this.at;
    const traders = [...this.traders.slice(0, 36), ...this.bots];
    const limit = (i) => (i % 3 === 0 ? 9_999n * ETHER : 2n ** 256n - 1n);
    const approve = (from, token, spender, amount) => ({
      label: 'approve',
      from,
      to: token,
      data: Token.call('approve', spender, amount),
      gas: 80_000,
    });
    return [
      ...traders.flatMap((from, i) => [
        approve(from, tokenA, poolAB, limit(i)),
        approve(from, tokenB, poolAB, limit(i + 1)),
        approve(from, tokenB, poolBC, limit(i + 2)),
        approve(from, tokenC, poolBC, limit(i)),
      ]),
      ...this.traders.slice(36, 40).map((from) => approve(from, tokenA, batcher, 5_000n * ETHER)),
      ...[tokenA, tokenB, tokenC].flatMap((token) => [
        approve(this.deployer, token, poolAB, 2n ** 256n - 1n),
        approve(this.deployer, token, poolBC, 2n ** 256n - 1n),
      ]),
      // Spent by their neighbour in the sample block.
      ...this.traders
        .slice(40, 48)
        .map((from, i) => approve(from, tokenB, this.traders[48 + i].address, 500n * ETHER)),
    ];
  }

  /** Everything has been used once, so that no slot the block only reads is empty. */
  #firstUse() {
    const { Pool, Token, Workbench, Factory, VaultV1, Tickets } = this.contracts;
    const { at } = this;
    const does = (from, to, data, value = 0n, gas = 1_500_000) => ({
      label: 'first use',
      from,
      to,
      data,
      value,
      gas,
    });
    const liquidity = Pool.call('addLiquidity', 1_000_000n * ETHER, 2_000_000n * ETHER);
    return [
      does(this.deployer, at.poolAB, liquidity),
      does(this.deployer, at.poolBC, liquidity),
      // Sends the tokens that the sample block's most popular receiver starts with.
      does(this.deployer, at.tokenA, Token.call('transfer', this.sweeper.address, 25n * ETHER)),
      ...[at.workbench, at.workbench2].flatMap((bench) => [
        does(this.deployer, bench, Workbench.call('fill', 0, 40, 1000), 0n, 2_000_000),
        does(this.deployer, bench, Workbench.call('hashChain', nameHash('first'), 4)),
      ]),
      ...this.traders.slice(60, 72).map((from) => does(from, at.vault, VaultV1.call('deposit'), 2n * ETHER)),
      ...this.traders
        .slice(72, 78)
        .flatMap((from) => [
          does(from, at.tickets, Tickets.call('buy'), ETHER / 100n),
          does(from, at.tickets, Tickets.call('buy'), ETHER / 100n),
        ]),
      ...[0, 1, 2].map((i) =>
        does(
          this.deployer,
          at.factory,
          Factory.call(
            'deployLocker',
            nameHash(`old locker ${i}`),
            this.traders[80 + i].address,
            i === 2 ? 2 ** 40 : 1,
          ),
          ETHER,
        ),
      ),
      ...[5, 6, 9].map((person) => this.#delegation(person, at.smartAccount)),
    ];
  }

  #delegation(person, address) {
    const authority = this.people[person];
    return {
      label: 'delegate',
      type: 4,
      from: this.sponsors[0],
      to: authority.address,
      value: 1n,
      gas: 200_000,
      authorizations: [{ authority, address }],
    };
  }
}

/**
 * Deploys and funds everything on a chain of its own and returns the state as a first state for the next chain.
 *
 * Two chains, because the node's state root also covers empty accounts and zero slots that were merely touched. The
 * second chain starts without them.
 */
export async function prepare(world) {
  const node = await Anvil.start({ ...RULES, genesisNumber: 0, genesisTime: SETUP_TIME }, world.firstAlloc());
  try {
    const ledger = new Ledger(RULES.chainId);
    let time = SETUP_TIME;
    for (const intents of world.setup()) {
      await node.mine(
        intents.map((intent) => ledger.sign(intent)),
        (time += RULES.secondsPerBlock),
      );
      const receipts = await node.rpc('eth_getBlockReceipts', 'latest');
      const failed = receipts.findIndex((receipt) => receipt.status !== '0x1');
      if (failed !== -1) throw new Error(`setup failed: ${intents[failed].label} (${failed})`);
    }
    const { state, codes } = readState(await node.accounts(), { strict: false });
    // Hashes of blocks that the next chain does not have.
    state[HISTORY_CONTRACT].storage = {};
    return { state, codes };
  } finally {
    await node.stop();
  }
}
