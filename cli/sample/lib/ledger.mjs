// Turns intents ("this account calls that") into signed transactions: nonces, fees and types.

import { bytes, concat, fixedBytes, hex, integerBytes, keccak, quantity, rlp } from './bytes.mjs';
import { authorization, signTransaction } from './wallet.mjs';
import { GWEI } from './rules.mjs';

// Order of the secp256k1 group.
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Address of the contract that `creator` makes with a transaction of this nonce. */
export const createdBy = (creator, nonce) =>
  hex(keccak(rlp([bytes(creator.address), integerBytes(nonce)])).slice(12));

/** Address of the contract that `deployer` (an address) makes with CREATE2. */
export const create2Address = (deployer, salt, creationCode) =>
  hex(keccak(concat(Uint8Array.of(0xff), bytes(deployer), bytes(salt), keccak(creationCode))).slice(12));

/** Storage slot of `key` in the mapping at slot `position`. */
export const mappingSlot = (key, position) =>
  hex(keccak(concat(fixedBytes(BigInt(key), 32), fixedBytes(BigInt(position), 32))));

/** An intent that is to be in the block and to fail there. */
export const failing = (intent) => ({ ...intent, fails: true });

/** A 32-byte salt or seed made from a name. */
export const nameHash = (name) => hex(keccak(new TextEncoder().encode(name)));

export class Ledger {
  /** `nonces`: the nonces that accounts start with, where they are not zero. */
  constructor(chainId, nonces = {}) {
    this.chainId = chainId;
    this.nonces = new Map(Object.entries(nonces));
    this.signed = 0;
  }

  #next(address) {
    const nonce = this.nonces.get(address) ?? 0;
    this.nonces.set(address, nonce + 1);
    return nonce;
  }

  /** The authorizations of a transaction; one that the chain will skip does not use up a nonce. */
  #authorize({ authority, address, flaw, anyChain }) {
    const now = this.nonces.get(authority.address) ?? 0;
    const chainId = anyChain ? 0 : this.chainId;
    switch (flaw) {
      case undefined:
        return authorization(authority, { chainId, address, nonce: this.#next(authority.address) });
      case 'nonce':
        return authorization(authority, { chainId, address, nonce: now + 5 });
      case 'chain':
        return authorization(authority, { chainId: this.chainId + 1, address, nonce: now });
      case 'high-s': {
        const good = authorization(authority, { chainId, address, nonce: now });
        return {
          ...good,
          s: quantity(CURVE_ORDER - BigInt(good.s)),
          yParity: quantity(1 - Number(good.yParity)),
        };
      }
      default:
        throw new Error(`unknown flaw ${flaw}`);
    }
  }

  /**
   * Signs one intent: `{label, from, to?, data?, value?, gas, type?, tip?, accessList?, blobs?, authorizations?,
   * unprotected?}`. The fee cap is far above any base fee of the chain; the tip differs from one to the next.
   */
  sign(intent) {
    const type = intent.type ?? 2;
    const tip = intent.tip ?? GWEI + BigInt((this.signed++ * 7) % 40) * (GWEI / 20n);
    const tx = {
      type: quantity(type),
      ...(intent.unprotected ? {} : { chainId: quantity(this.chainId) }),
      nonce: quantity(this.#next(intent.from.address)),
      gas: quantity(intent.gas),
      ...(type < 2
        ? { gasPrice: quantity(intent.gasPrice ?? 40n * GWEI + tip) }
        : { maxFeePerGas: quantity(60n * GWEI + tip), maxPriorityFeePerGas: quantity(tip) }),
      to: intent.to ?? null,
      value: quantity(intent.value ?? 0n),
      input: hex(intent.data ?? new Uint8Array()),
    };
    if (type > 0) tx.accessList = intent.accessList ?? [];
    if (type === 3) {
      tx.blobVersionedHashes = intent.blobs;
      tx.maxFeePerBlobGas = quantity(GWEI);
    }
    if (type === 4) tx.authorizationList = intent.authorizations.map((a) => this.#authorize(a));
    return { ...signTransaction(tx, intent.from), label: intent.label, fails: intent.fails ?? false };
  }
}
