// New contracts: by transaction and by CREATE2, well and badly, and some that end at once.

import { create2Address, createdBy, failing, nameHash } from '../ledger.mjs';
import { bytes } from '../bytes.mjs';
import { text } from '../abi.mjs';
import { ETHER } from '../rules.mjs';

/** Sends a wei to an address where a creation failed or a contract ended, so that an account is there in the end. */
const settle = (from, address) => ({ label: 'settle', type: 0, from, to: address, value: 1n, gas: 21_000 });

export function byTransaction({ creators, contracts: { Token, Stillborn, Locker } }) {
  const token = (letter) => Token.creation(text(`Young ${letter}`), text(letter), 1000n * ETHER);
  const create = (label, i, type, data, gas, value = 0n) => ({
    label,
    type,
    from: creators[i],
    data,
    gas,
    value,
  });
  const at = (i) => createdBy(creators[i], 0);
  const code = (digits) => bytes('0x' + digits);
  return [
    [create('create a token', 0, 0, token('X'), 2_000_000)],
    [
      create('create a token', 1, 1, token('Y'), 2_000_000),
      create('create a locker', 1, 2, Locker.creation(creators[1].address, 5), 600_000, 7n),
    ],
    [create('create a token', 2, 2, token('Z'), 2_000_000)],
    [
      failing(create('a constructor that refuses', 3, 2, Stillborn.creation(), 200_000, 99n)),
      settle(creators[3], at(3)),
    ],
    [failing(create('a creation without enough gas', 4, 0, token('O'), 250_000)), settle(creators[4], at(4))],
    // Returns one byte, 0xef, which no contract may begin with (EIP-3541).
    [failing(create('forbidden code', 5, 2, code('60ef5f5360015ff3'), 100_000)), settle(creators[5], at(5))],
    [create('no code at all', 6, 2, code('00'), 100_000, 3n)],
    [create('a creation that needs most of its gas', 7, 2, token('M'), 1_000_000)],
  ];
}

export function byFactory({
  engineers,
  traders,
  sponsors,
  contracts: { Factory, Locker, Mayfly, Stillborn, Workbench },
  at,
}) {
  const call = (label, from, data, gas, value = 0n) => ({ label, from, to: at.factory, data, gas, value });
  const salt = (name) => nameHash(name);
  const locker = (name, owner, opensAt, value) =>
    call(
      `locker ${name}`,
      engineers[3],
      Factory.call('deployLocker', salt(name), owner.address, opensAt),
      400_000,
      value,
    );
  const lockerAt = (name, owner, opensAt) =>
    create2Address(at.factory, salt(name), Locker.creation(owner.address, opensAt));
  const open = (label, owner, name, opensAt) => ({
    label,
    from: owner,
    to: lockerAt(name, owner, opensAt),
    data: Locker.call('open', owner.address),
    gas: 80_000,
  });

  const cloneCode = bytes(
    '0x3d602d80600a3d3981f3363d3d373d3d3d363d73' + at.workbench.slice(2) + '5af43d82803e903d91602b57fd5bf3',
  );
  const clone = create2Address(at.factory, salt('clone'), cloneCode);

  const mayfly = create2Address(at.factory, salt('mayfly'), Mayfly.creation());
  const lonely = create2Address(at.factory, salt('lonely mayfly'), Mayfly.creation());
  const stillborn = create2Address(at.factory, salt('stillborn'), Stillborn.creation());
  return [
    [
      locker('new', engineers[4], 1, 2n * ETHER),
      open('open at once', engineers[4], 'new', 1),
      // The address is taken.
      failing(locker('new', engineers[4], 1, 1n)),
      {
        label: 'into a locker',
        type: 0,
        from: engineers[5],
        to: lockerAt('new', engineers[4], 1),
        value: 4n,
        gas: 40_000,
      },
      open('open an old locker', traders[80], 'old locker 0', 1),
      failing({ ...open('open as somebody else', traders[81], 'old locker 1', 1), from: engineers[5] }),
      failing(open('open too early', traders[82], 'old locker 2', 2 ** 40)),
      call(
        'five lockers',
        engineers[6],
        Factory.call('deployLockers', salt('five'), 5, engineers[6].address, 9),
        1_500_000,
      ),
    ],
    [
      call('clone', engineers[7], Factory.call('deployClone', at.workbench, salt('clone')), 200_000),
      {
        label: 'use the clone',
        from: engineers[7],
        to: clone,
        data: Workbench.call('hashChain', salt('c'), 8),
        gas: 150_000,
      },
      failing(
        call('clone again', engineers[7], Factory.call('deployClone', at.workbench, salt('clone')), 200_000),
      ),
    ],
    [
      call(
        'mayfly',
        engineers[8],
        Factory.call('deployMayfly', salt('mayfly'), traders[9].address),
        250_000,
        ETHER,
      ),
      // Its own heir: the ether is gone.
      call(
        'lonely mayfly',
        engineers[8],
        Factory.call('deployMayfly', salt('lonely mayfly'), lonely),
        250_000,
        ETHER / 9n,
      ),
      settle(sponsors[1], mayfly),
      settle(sponsors[1], lonely),
      // The address is free again; what was sent to it stays.
      call(
        'mayfly again',
        engineers[8],
        Factory.call('deployMayfly', salt('mayfly'), traders[10].address),
        250_000,
        5n,
      ),
      settle(sponsors[1], mayfly),
      // This one was there before: it gives its ether away and stays (EIP-6780).
      {
        label: 'old mayfly',
        from: engineers[9],
        to: at.oldMayfly,
        data: Mayfly.call('end', traders[11].address),
        gas: 80_000,
      },
      {
        label: 'old mayfly again',
        from: engineers[9],
        to: at.oldMayfly,
        data: Mayfly.call('end', traders[11].address),
        gas: 80_000,
        value: 8n,
      },
    ],
    [
      call('stillborn', engineers[10], Factory.call('deployStillborn', salt('stillborn')), 300_000, 6n),
      settle(sponsors[2], stillborn),
    ],
  ];
}
