// The state of the chain in the form of the fixture: from the node, and back into a genesis file.

import { EMPTY_CODE_HASH, bytes, hex, keccak, quantity } from './bytes.mjs';

/** Node accounts in the form of the fixture, and the codes by hash. Fails where the node kept an empty account or slot. */
export function readState(accounts, { strict }) {
  const state = {};
  const codes = {};
  const leftovers = [];
  for (const [address, found] of Object.entries(accounts).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const storage = {};
    for (const [slot, value] of Object.entries(found.storage).sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (BigInt(value) === 0n) leftovers.push(`${address} slot ${quantity(slot)}`);
      else storage[slot] = quantity(value);
    }
    const codeHash = hex(keccak(bytes(found.code)));
    const hasCode = codeHash !== EMPTY_CODE_HASH;
    if (!hasCode && found.nonce === 0 && BigInt(found.balance) === 0n) {
      leftovers.push(`${address} (account)`);
      continue;
    }
    if (hasCode) codes[codeHash] = found.code;
    state[address] = {
      balance: quantity(found.balance),
      nonce: found.nonce,
      ...(hasCode ? { code_hash: codeHash } : {}),
      storage,
    };
  }
  if (strict && leftovers.length > 0)
    throw new Error(`empty, but in the node's state root:\n  ${leftovers.join('\n  ')}`);
  return { state, codes };
}

/** A state as the `alloc` of a genesis file. */
export const asAlloc = ({ state, codes }) =>
  Object.fromEntries(
    Object.entries(state).map(([address, { balance, nonce, code_hash, storage }]) => [
      address,
      {
        balance,
        nonce: quantity(nonce),
        ...(code_hash ? { code: codes[code_hash] } : {}),
        storage: Object.fromEntries(
          Object.entries(storage).map(([slot, value]) => [slot, '0x' + value.slice(2).padStart(64, '0')]),
        ),
      },
    ]),
  );
