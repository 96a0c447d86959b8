// The two newest transaction types: blobs (EIP-4844) and accounts with code (EIP-7702).

import { encodeArguments, list } from '../abi.mjs';
import { blobHashes } from '../blobs.mjs';
import { failing } from '../ledger.mjs';
import { keccak } from '../bytes.mjs';
import { ETHER, RULES } from '../rules.mjs';
import { sign } from '../wallet.mjs';

const NOBODY = '0x' + '00'.repeat(20);

/** Nine blobs, as many as a block may carry, in five transactions. */
export function blobs({ blobbers, traders, contracts: { Workbench }, at }) {
  const record = (count) => Workbench.call('recordBlobHashes', count);
  const post = (i, first, count, more) => ({
    label: `blobs ${i}`,
    type: 3,
    from: blobbers[i],
    to: at.workbench,
    gas: 200_000,
    blobs: blobHashes(first, count),
    ...more,
  });
  return [
    [
      post(0, 1000, 3, { data: record(4) }),
      post(1, 1010, 1, { to: traders[20].address, value: 77n, gas: 21_000 }),
      post(2, 1020, 2, {
        data: record(2),
        accessList: [{ address: at.workbench, storageKeys: ['0x' + '00'.repeat(32)] }],
      }),
      failing(post(0, 1030, 1, { data: Workbench.call('fail', 9) })),
      post(3, 1040, 2, { data: record(1) }),
    ],
  ];
}

export function setCode(world) {
  const { people, sponsors, traders, contracts, at, inner } = world;
  const { SmartAccount, Token, Workbench } = contracts;
  const transfer = (to, amount) => inner(at.tokenB, 0n, Token.call('transfer', to.address, amount));
  const setCodeTx = (label, from, to, authorizations, more) => ({
    label,
    type: 4,
    from,
    to,
    authorizations,
    gas: 400_000,
    ...more,
  });
  const smart = at.smartAccount;

  // The owner signs the calls, the sponsor pays: nonce 0 of the smart account.
  const [owner, self, unlucky, guest, other, leaver, changer, idle, stubborn, veteran, chained] = people;
  const batch = list([transfer(traders[7], 40n), inner(traders[8].address, 12n, new Uint8Array())]);
  const signBatch = (person, nonce, calls) =>
    sign(keccak(encodeArguments([RULES.chainId, person.address, nonce, calls])), person.key);
  const sponsored = (signature) =>
    SmartAccount.call('executeFor', batch, 27 + Number(signature.yParity), signature.r, signature.s);

  const ownBatch = SmartAccount.call(
    'execute',
    list([transfer(traders[9], 3n), transfer(traders[10], 4n), transfer(traders[11], 5n)]),
  );
  const failingBatch = SmartAccount.call(
    'execute',
    list([transfer(traders[9], 3n), inner(at.workbench, 0n, Workbench.call('fail', 3))]),
  );
  const pay = (label, from, to, value) => ({ label, from, to: to.address, value, gas: 80_000 });
  return [
    [
      setCodeTx('sponsored', sponsors[0], owner.address, [{ authority: owner, address: smart }], {
        data: sponsored(signBatch(owner, 0, batch)),
      }),
      failing({
        label: 'the same signature again',
        from: sponsors[0],
        to: owner.address,
        data: sponsored(signBatch(owner, 0, batch)),
        gas: 150_000,
      }),
      {
        label: 'the next signature',
        from: sponsors[0],
        to: owner.address,
        data: sponsored(signBatch(owner, 1, batch)),
        gas: 200_000,
      },
      pay('to an account with code', sponsors[0], owner, ETHER),
    ],
    [setCodeTx('by oneself', self, self.address, [{ authority: self, address: smart }], { data: ownBatch })],
    [
      {
        label: 'a batch of one who has code',
        from: veteran,
        to: veteran.address,
        data: ownBatch,
        gas: 250_000,
      },
      failing({
        label: 'a batch that fails',
        from: veteran,
        to: veteran.address,
        data: failingBatch,
        gas: 250_000,
      }),
      {
        label: 'a plain transfer by one who has code',
        type: 0,
        from: veteran,
        to: traders[14].address,
        value: 4n,
        gas: 21_000,
      },
    ],
    [
      setCodeTx(
        'skipped',
        sponsors[1],
        unlucky.address,
        [{ authority: unlucky, address: smart, flaw: 'nonce' }],
        { value: 3n },
      ),
      setCodeTx('one of four', sponsors[1], guest.address, [
        { authority: guest, address: smart, anyChain: true },
        { authority: other, address: smart, flaw: 'chain' },
        { authority: other, address: smart, flaw: 'high-s' },
        { authority: guest, address: smart, flaw: 'nonce' },
      ]),
      pay('to a guest', sponsors[1], guest, 30n),
      pay('to no guest', sponsors[1], other, 31n),
    ],
    [
      pay('before leaving', sponsors[2], leaver, 5n),
      pay('by one who leaves', leaver, traders[12], 8n),
      setCodeTx('cleared', sponsors[2], leaver.address, [{ authority: leaver, address: NOBODY }], {
        value: 6n,
      }),
      pay('after leaving', sponsors[2], leaver, 7n),
    ],
    [
      setCodeTx(
        'changed twice',
        sponsors[3],
        changer.address,
        [
          { authority: changer, address: smart },
          { authority: changer, address: at.receiveOnlyAccount },
        ],
        { value: 9n },
      ),
      pay('after the change', sponsors[3], changer, 10n),
    ],
    [
      setCodeTx(
        'to a precompile',
        sponsors[3],
        idle.address,
        [{ authority: idle, address: '0x' + '04'.padStart(40, '0') }],
        { value: 1n },
      ),
      failing(
        setCodeTx(
          'reverted, yet set',
          sponsors[3],
          at.workbench2,
          [{ authority: stubborn, address: smart }],
          { data: Workbench.call('fail', 4) },
        ),
      ),
      pay('to one whose transaction failed', sponsors[3], stubborn, 2n),
      // Delegated to a delegated account: the code that runs is a designator, which is no code.
      setCodeTx(
        'delegated to the delegated',
        sponsors[3],
        traders[13].address,
        [{ authority: chained, address: changer.address }],
        { value: 2n },
      ),
      failing(pay('to a chain of delegations', sponsors[3], chained, 3n)),
    ],
  ];
}
