// The sample block: who does what, and in which order.

import { batches, builder, newcomers, transfers } from './scenario/ether.mjs';
import { allowances, independentTransfers, odds, popularReceiver } from './scenario/tokens.mjs';
import { liquidity, trades } from './scenario/exchange.mjs';
import { tickets, vault } from './scenario/vault.mjs';
import { byFactory, byTransaction } from './scenario/creation.mjs';
import { precompiles, workbench } from './scenario/computation.mjs';
import { blobs, setCode } from './scenario/modern.mjs';
import { inner } from './world.mjs';

const PARTS = [
  transfers,
  newcomers,
  builder,
  batches,
  independentTransfers,
  popularReceiver,
  allowances,
  odds,
  trades,
  liquidity,
  vault,
  tickets,
  byTransaction,
  byFactory,
  workbench,
  precompiles,
  blobs,
  setCode,
];

/**
 * Mixes sequences evenly: each keeps its own order and is spread over the whole block, so that neighbours in the block
 * rarely have to do with each other and yet every conflict is somewhere.
 */
function interleave(sequences) {
  return sequences
    .flatMap((sequence, which) =>
      sequence.map((intent, i) => ({
        intent,
        which,
        place: (i + 0.5 + (which % 7) / 14) / (sequence.length + 0.5),
      })),
    )
    .sort((a, b) => a.place - b.place || a.which - b.which)
    .map(({ intent }) => intent);
}

/** All intents of the block in their order. */
export function sampleBlock(world) {
  const sequences = PARTS.flatMap((part) => part({ ...world, inner }));
  return interleave(sequences);
}
