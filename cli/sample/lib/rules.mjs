// What the sample's chain is: its rules, its clock, and the contracts of the protocol that it has.

import { account } from './wallet.mjs';

export const ETHER = 10n ** 18n;
export const GWEI = 10n ** 9n;

/** Receives the fees. */
export const BUILDER = account('builder');

export const RULES = {
  // Mainnet's rules, though not its chain: id, number and time are such that mainnet's own fork table says Osaka, after
  // the last fork by number and before the first change of the blob schedule (6 blobs wanted, 9 at most). The node
  // also takes the blob schedule of the fee update from chain id and time, and its default for unknown chains is
  // another one than it uses for the block itself.
  chainId: 1,
  hardfork: 'Osaka',
  gasLimit: 60_000_000,
  secondsPerBlock: 12,
  genesisTime: 1_764_900_000,
  genesisBaseFee: 24_000_000_000,
  builder: BUILDER.address,
};

/** Blocks mined before the sample block, each full of blobs: the blob base fee is then no longer 1 wei. */
export const QUIET_BLOCKS = 32;
export const MOST_BLOBS_PER_BLOCK = 9;

/** A round number that mainnet is far from. */
export const SAMPLE_BLOCK_NUMBER = 100_000_000;

export const HISTORY_CONTRACT = '0x0000f90827f1c53a10cb7a02335b175320002935';

/**
 * The contracts that a block of this hard fork calls by itself, with the code that their EIPs give.
 *
 * - EIP-2935 (block hashes): the node calls it before the transactions.
 * - EIP-7002, EIP-7251 (requests): the node never calls them. A block without their code is invalid, so they are here;
 *   their queues are empty, so the calls that the specification asks for change nothing and return nothing.
 * - EIP-4788 (beacon roots): the node never calls it. Without code the call does nothing, so it is left out.
 */
export const SYSTEM_CODE = {
  [HISTORY_CONTRACT]:
    '0x3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff8143' +
    '0311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500',
  '0x00000961ef480eb55e80d19ad83579a64c007002':
    '0x3373fffffffffffffffffffffffffffffffffffffffe1460cb5760115f54807fffffffffffffffffffffffffffffffffff' +
    'ffffffffffffffffffffffffffffff146101f457600182026001905f5b5f8211156068578101908302848302900491600101' +
    '9190604d565b909390049250505036603814608857366101f457346101f4575f5260205ff35b34106101f457600154600101' +
    '600155600354806003026004013381556001015f35815560010160203590553360601b5f5260385f601437604c5fa0600101' +
    '600355005b6003546002548082038060101160df575060105b5f5b8181146101835782810160030260040181604c02815460' +
    '601b8152601401816001015481526020019060020154807fffffffffffffffffffffffffffffffff00000000000000000000' +
    '000000000000168252906010019060401c908160381c81600701538160301c81600601538160281c81600501538160201c81' +
    '600401538160181c81600301538160101c81600201538160081c81600101535360010160e1565b9101809214610195579060' +
    '02556101a0565b90505f6002555f6003555b5f54807fffffffffffffffffffffffffffffffffffffffffffffffffffffffff' +
    'ffffffff14156101cd57505f5b6001546002828201116101e25750505f6101e8565b01600290035b5f555f600155604c025f' +
    'f35b5f5ffd',
  '0x0000bbddc7ce488642fb579f8b00f3a590007251':
    '0x3373fffffffffffffffffffffffffffffffffffffffe1460d35760115f54807fffffffffffffffffffffffffffffffffff' +
    'ffffffffffffffffffffffffffffff1461019a57600182026001905f5b5f8211156068578101908302848302900491600101' +
    '9190604d565b9093900492505050366060146088573661019a573461019a575f5260205ff35b341061019a57600154600101' +
    '600155600354806004026004013381556001015f358155600101602035815560010160403590553360601b5f5260605f6014' +
    '3760745fa0600101600355005b6003546002548082038060021160e7575060025b5f5b818114610129578281016004026004' +
    '0181607402815460601b815260140181600101548152602001816002015481526020019060030154905260010160e9565b91' +
    '0180921461013b5790600255610146565b90505f6002555f6003555b5f54807fffffffffffffffffffffffffffffffffffff' +
    'ffffffffffffffffffffffffffff141561017357505f5b6001546001828201116101885750505f61018e565b01600190035b' +
    '5f555f6001556074025ff35b5f5ffd',
};
