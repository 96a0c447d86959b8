// The vault behind its proxy, upgraded in the middle of the block; and the tickets.

import { failing } from '../ledger.mjs';
import { ETHER } from '../rules.mjs';

export function vault({ traders, upgrader, contracts: { VaultV2, Proxy }, at }) {
  const call = (label, from, data, value = 0n) => ({ label, from, to: at.vault, data, value, gas: 150_000 });
  const deposit = (i, value) => call(`deposit ${i}`, traders[i], VaultV2.call('deposit'), value);
  const withdraw = (label, i, to, amount) => call(label, traders[i], VaultV2.call('withdraw', to, amount));
  const upgrade = (from) => call('upgrade', from, Proxy.call('upgradeTo', at.vaultV2));
  return [
    [
      deposit(60, ETHER),
      deposit(84, 3n * ETHER),
      deposit(61, ETHER / 7n),
      deposit(85, 1n),
      withdraw('withdraw', 62, traders[62].address, ETHER),
      failing(call('before its time', traders[63], VaultV2.call('depositFor', traders[64].address), ETHER)),
      failing(upgrade(traders[63])),
      upgrade(upgrader),
      call('deposit for another', traders[63], VaultV2.call('depositFor', traders[64].address), ETHER),
      { ...call('straight in', traders[65], undefined, ETHER / 2n), type: 0 },
      deposit(66, 10n),
      deposit(86, 2n * ETHER),
      deposit(67, 11n),
      failing(withdraw('too much', 68, traders[68].address, 3n * ETHER)),
      failing(withdraw('to one who refuses', 69, at.tokenA, ETHER)),
      withdraw('to another', 70, traders[0].address, ETHER / 3n),
      call('ask the version', traders[71], VaultV2.call('version')),
    ],
  ];
}

export function tickets({ traders, contracts: { Tickets }, at }) {
  const price = ETHER / 100n;
  const call = (label, from, data, value = 0n) => ({
    label,
    from,
    to: at.tickets,
    data,
    value,
    gas: 150_000,
  });
  const buyers = traders.slice(66, 78);
  return [
    [
      ...buyers.map((from, i) => call(`ticket ${i}`, from, Tickets.call('buy'), price)),
      failing(call('a cheap ticket', traders[78], Tickets.call('buy'), price - 1n)),
      // Tickets 1 to 12 were sold before, two to each of traders 72 to 77.
      ...[0, 1, 2].map((i) =>
        call(`move ticket ${i}`, traders[72 + i], Tickets.call('move', 2 * i + 1, traders[90].address)),
      ),
      failing(call('move a ticket of another', traders[75], Tickets.call('move', 2, traders[90].address))),
      call('collect', traders[79], Tickets.call('collect')),
    ],
  ];
}
