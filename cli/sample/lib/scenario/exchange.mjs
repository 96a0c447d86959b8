// The exchange pools: all trades of a pool read and write the same reserves.

import { failing } from '../ledger.mjs';
import { ETHER } from '../rules.mjs';

export function trades({ traders, bots, contracts: { Pool }, at }) {
  const sides = [
    [at.poolAB, at.tokenA],
    [at.poolAB, at.tokenB],
    [at.poolBC, at.tokenB],
    [at.poolBC, at.tokenC],
  ];
  const trade = (label, from, side, amount, least = 1n, to = from) => ({
    label,
    from,
    to: sides[side][0],
    gas: 260_000,
    type: [2, 2, 0, 2, 1][side + (amount % 2n === 0n ? 1 : 0)] ?? 2,
    data: Pool.call('swap', sides[side][1], amount, least, to.address),
  });
  const ordinary = traders
    .slice(0, 26)
    .map((from, i) => trade(`trade ${i}`, from, i % 5 === 4 ? 2 + (i % 2) : i % 2, BigInt(3 + i) * ETHER));
  // Buys before and sells after the trades of others.
  const around = [
    trade('before', bots[2], 0, 2000n * ETHER),
    trade('between', traders[26], 0, 50n * ETHER),
    trade('between again', traders[27], 0, 60n * ETHER),
    trade('after', bots[2], 1, 3900n * ETHER),
  ];
  const refused = [
    trade('too little out', traders[28], 0, 10n * ETHER, 1000n * ETHER),
    trade('nothing in', traders[29], 1, 0n),
    {
      ...trade('wrong token', traders[30], 1, 5n),
      data: Pool.call('swap', at.tokenC, 5n, 1n, traders[30].address),
    },
    { ...trade('out of gas in a pool', traders[31], 0, 4n * ETHER), gas: 45_000 },
  ].map(failing);
  return [ordinary, around, refused];
}

export function liquidity({ traders, deployer, contracts: { Pool }, at }) {
  const provide = (from, a, b) => ({
    label: 'provide liquidity',
    from,
    to: at.poolAB,
    data: Pool.call('addLiquidity', a * ETHER, b * ETHER),
    gas: 300_000,
  });
  const withdraw = (from, shares) => ({
    label: 'withdraw liquidity',
    from,
    to: at.poolAB,
    data: Pool.call('removeLiquidity', shares),
    gas: 300_000,
  });
  return [
    [
      provide(traders[32], 100n, 200n),
      withdraw(deployer, 1000n * ETHER),
      provide(traders[33], 10n, 21n),
      withdraw(traders[32], 50n * ETHER),
    ],
  ];
}
