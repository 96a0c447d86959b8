// Ether: plain transfers in every old and new form, new accounts, chains of payments, the builder.

import { account } from '../wallet.mjs';
import { list } from '../abi.mjs';
import { failing } from '../ledger.mjs';
import { ETHER, GWEI, RULES } from '../rules.mjs';

const TYPES = [0, 2, 2, 1, 2];

export function transfers({ traders, bots }) {
  const independent = traders.slice(0, 30).map((from, i) => ({
    label: `transfer ${i}`,
    type: TYPES[i % TYPES.length],
    from,
    to: traders[(i * 7 + 31) % traders.length].address,
    gas: 21_000,
    value: BigInt(i + 1) * (ETHER / 1000n),
  }));
  const oldStyle = traders.slice(30, 32).map((from, i) => ({
    label: `transfer without chain id ${i}`,
    type: 0,
    unprotected: true,
    from,
    to: traders[i].address,
    value: 5n,
    gas: 21_000,
  }));
  const toOneself = {
    label: 'to oneself',
    from: traders[32],
    to: traders[32].address,
    value: ETHER,
    gas: 30_000,
  };
  const nothing = { label: 'of nothing', from: traders[33], to: traders[34].address, value: 0n, gas: 21_000 };
  // Data that nobody reads: the floor price of call data (EIP-7623) decides.
  const letter = {
    label: 'a letter',
    from: traders[34],
    to: traders[35].address,
    data: new Uint8Array(700).fill(0x2a),
    gas: 60_000,
  };
  const inARow = Array.from({ length: 9 }, (_, i) => ({
    label: `in a row ${i}`,
    type: TYPES[i % TYPES.length],
    from: bots[0],
    to: traders[i * 3].address,
    value: BigInt(i),
    gas: 21_000,
  }));
  return [independent, oldStyle, [toOneself, nothing, letter], inARow];
}

/** Accounts that did not exist; some of them pay others in the same block, one spends all it has. */
export function newcomers({ traders, spendthrift }) {
  const fresh = Array.from({ length: 10 }, (_, i) => account(`newcomer ${i}`));
  const arrivals = fresh.map((to, i) => ({
    label: `arrival ${i}`,
    from: traders[40 + i],
    to: to.address,
    value: ETHER * BigInt(i + 1),
    gas: 21_000,
  }));
  const onward = fresh.slice(0, 4).map((from, i) => ({
    label: `onward ${i}`,
    from,
    to: fresh[i + 4].address,
    value: ETHER / 3n,
    gas: 21_000,
  }));
  const price = 45n * GWEI;
  const sweep = {
    label: 'everything',
    type: 0,
    gasPrice: price,
    from: spendthrift,
    to: account('heir').address,
    value: 500n * ETHER - 21_000n * price,
    gas: 21_000,
  };
  return [[...arrivals, ...onward], [sweep]];
}

/** Payments to the builder beside the fees, and somebody who looks at the builder's balance in between. */
export function builder({ engineers, contracts: { Workbench }, at }) {
  const tip = (i) => ({
    label: `pay the builder ${i}`,
    from: engineers[0],
    to: at.workbench2,
    data: Workbench.call('payBuilder'),
    value: ETHER / 50n,
    gas: 60_000,
  });
  const look = (i) => ({
    label: `look at the builder ${i}`,
    from: engineers[1],
    to: at.workbench2,
    data: Workbench.call('recordBalance', RULES.builder),
    gas: 120_000,
  });
  const direct = {
    label: 'to the builder',
    type: 0,
    from: engineers[2],
    to: RULES.builder,
    value: 12345n,
    gas: 21_000,
  };
  return [[tip(0), look(0), tip(1), direct, look(1), tip(2)]];
}

/** Many actions in one transaction. */
export function batches({ traders, bots, contracts: { Batcher, Token, Workbench }, at, inner }) {
  const receivers = Array.from({ length: 9 }, (_, i) => account(`paid by batch ${i}`).address);
  const amounts = receivers.map((_, i) => BigInt(i + 1) * 10n ** 15n);
  const gifts = Array.from(
    { length: 8 },
    (_, i) => (i % 2 ? account(`gifted ${i}`) : traders[i * 5]).address,
  );
  const send = (label, from, data, gas, value = 0n) => ({ label, from, to: at.batcher, data, gas, value });
  const mixed = list([
    inner(at.workbench2, 0n, Workbench.call('transientSum', 10)),
    inner(at.workbench2, 0n, Workbench.call('fail', 7)),
    inner(traders[3].address, 1000n, new Uint8Array()),
    inner(at.tokenC, 0n, Token.call('transfer', traders[4].address, 1n)),
  ]);
  return [
    [
      send(
        'pay many',
        traders[50],
        Batcher.call('sendEther', list(receivers), list(amounts)),
        600_000,
        amounts.reduce((a, b) => a + b),
      ),
      failing(
        send(
          'pay many, badly',
          traders[51],
          Batcher.call('sendEther', list(receivers), list(amounts.slice(1))),
          100_000,
        ),
      ),
      send(
        'give tokens',
        traders[36],
        Batcher.call('sendTokens', at.tokenA, list(gifts), 3n * ETHER),
        600_000,
      ),
      // The batcher has no tokens of its own: the last call fails. It looks up two balances and leaves them as they are.
      send('a mixture', bots[1], Batcher.call('run', mixed), 500_000, 1000n),
      send(
        'give tokens again',
        traders[37],
        Batcher.call('sendTokens', at.tokenA, list(gifts), 2n * ETHER),
        600_000,
      ),
      {
        label: 'tokens for the batcher',
        from: traders[38],
        to: at.tokenC,
        data: Token.call('transfer', at.batcher, 9n),
        gas: 80_000,
      },
    ],
  ];
}
