// The tokens: independent transfers, one popular receiver, allowances, failures.

import { account } from '../wallet.mjs';
import { failing, mappingSlot } from '../ledger.mjs';
import { ETHER } from '../rules.mjs';

// Where the compiler puts the mappings of Token.
const BALANCES = 3;

const accessListOf = (token, ...holders) => [
  { address: token, storageKeys: holders.map((holder) => mappingSlot(holder, BALANCES)) },
];

export function independentTransfers({ traders, contracts: { Token }, at }) {
  const tokens = [at.tokenA, at.tokenB, at.tokenC];
  return [
    traders.slice(48, 84).map((from, i) => {
      const to = i % 6 === 5 ? account(`token newcomer ${i}`) : traders[(i * 11 + 5) % traders.length];
      const token = tokens[i % 3];
      const type = [2, 0, 1, 2][i % 4];
      return {
        label: `token transfer ${i}`,
        type,
        from,
        to: token,
        data: Token.call('transfer', to.address, BigInt(i + 1) * ETHER),
        gas: 80_000,
        // Type 1 names what it uses; one list names more than that.
        ...(type === 1
          ? { accessList: accessListOf(token, from.address, to.address, ...(i === 6 ? [at.poolAB] : [])) }
          : {}),
      };
    }),
  ];
}

/** Everybody pays the same receiver, as with a shop or an exchange. */
export function popularReceiver({ traders, dealer, contracts: { Token }, at }) {
  return [
    traders.slice(80, 96).map((from, i) => ({
      label: `to the dealer ${i}`,
      type: i % 3 ? 2 : 0,
      from,
      to: at.tokenA,
      data: Token.call('transfer', dealer.address, BigInt(100 + i)),
      gas: 80_000,
    })),
  ];
}

export function allowances({ traders, dealer, contracts: { Token }, at }) {
  const spend = (i, amount) => ({
    label: `spend ${i}`,
    from: traders[48 + i],
    to: at.tokenB,
    gas: 100_000,
    data: Token.call('transferFrom', traders[40 + i].address, dealer.address, amount),
  });
  const approve = (amount) => ({
    label: `approve ${amount}`,
    from: traders[40],
    to: at.tokenB,
    data: Token.call('approve', traders[48].address, amount),
    gas: 80_000,
  });
  return [
    // An allowance taken back, tried in vain, and given again: the slot is cleared and set anew.
    [spend(0, 5n * ETHER), approve(0n), failing(spend(0, 1n)), approve(77n), spend(0, 70n)],
    [spend(1, 10n * ETHER), spend(2, 499n * ETHER), failing(spend(3, 501n * ETHER)), spend(4, 1n)],
  ];
}

/** A balance to zero and up again, mint, burn, and what is refused. */
export function odds({ traders, deployer, sweeper, people, contracts: { Token }, at }) {
  const call = (label, from, token, data) => ({ label, from, to: token, data, gas: 100_000 });
  const { tokenA, tokenC } = at;
  return [
    [
      call('all tokens away', sweeper, tokenA, Token.call('transfer', traders[1].address, 25n * ETHER)),
      failing(call('more than there is', sweeper, tokenA, Token.call('transfer', traders[1].address, 1n))),
      call('tokens back', traders[1], tokenA, Token.call('transfer', sweeper.address, 2n * ETHER)),
    ],
    [
      call('mint', deployer, tokenC, Token.call('mint', traders[2].address, 1234n)),
      failing(
        call('mint by somebody else', traders[2], tokenC, Token.call('mint', traders[2].address, 1234n)),
      ),
      call('burn', traders[3], tokenC, Token.call('burn', 17n)),
      failing(call('to nobody', traders[4], tokenC, Token.call('transfer', '0x' + '00'.repeat(20), 1n))),
      call('to oneself', people[11], tokenC, Token.call('transfer', people[11].address, 4n)),
      failing({
        ...call('out of gas in a token', traders[5], tokenC, Token.call('transfer', traders[6].address, 4n)),
        gas: 28_000,
      }),
    ],
  ];
}
