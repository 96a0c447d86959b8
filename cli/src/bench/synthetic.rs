//! Blocks in which every transaction is of one kind, from independent of all others to waiting for the one before.

use alloy_primitives::Address;

use super::{
    BenchBlock,
    world::{
        FIRST_SWAP_GAS, LINK_GAS, Pool, Role, SWAP_GAS, TOKEN_TRANSFER_GAS, TRANSFER_GAS, World,
        account,
    },
};

/// Tokens and pools of the mixed block.
const MIXED_TOKENS: u64 = 16;
const MIXED_POOLS: u64 = 24;

/// What a block is made of.
///
/// ```
/// use braid_cli::bench::Workload;
/// use braid_executor::SequentialExecutor;
/// use braid_precompiles::PortableCrypto;
///
/// let bench = Workload::TokenTransfersOfOneToken.block(1_000_000);
/// let mut executor = SequentialExecutor::new(bench.spec.clone(), PortableCrypto::new());
/// executor.set_missing_request_contracts(bench.missing_request_contracts());
/// let outcome = executor.execute_block(&bench.block, &bench.state)?;
/// assert_eq!(outcome.receipts.len(), 29);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Plain transfers: a sender and a recipient of its own each.
    IndependentTransfers,
    /// Plain transfers of one sender to many.
    TransfersOfOneSender,
    /// Plain transfers of many senders to one recipient.
    TransfersToOneRecipient,
    /// Token transfers: a token, a sender and a recipient of its own each.
    TokenTransfersOfManyTokens,
    /// Transfers of one token: a sender and a recipient of its own each.
    TokenTransfersOfOneToken,
    /// Transfers of one token to one recipient.
    TokenTransfersToOneHolder,
    /// Exchanges with a pool and a trader of its own each; all pools exchange the same two tokens.
    SwapsInManyPools,
    /// Exchanges of many traders with one pool.
    SwapsInOnePool,
    /// Transfers, token transfers and exchanges among some thousand accounts, popular tokens and pools among them.
    Mixed,
    /// Calls of one contract, each of which needs what the one before left.
    Serial,
    /// Exchanges with one pool for a quarter of the gas, then transfers of one token: a sender and a recipient of its own each.
    PoolFirst,
}

impl Workload {
    /// All there are.
    pub const ALL: [Self; 11] = [
        Self::IndependentTransfers,
        Self::TransfersOfOneSender,
        Self::TransfersToOneRecipient,
        Self::TokenTransfersOfManyTokens,
        Self::TokenTransfersOfOneToken,
        Self::TokenTransfersToOneHolder,
        Self::SwapsInManyPools,
        Self::SwapsInOnePool,
        Self::Mixed,
        Self::Serial,
        Self::PoolFirst,
    ];

    /// Its name in tables and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IndependentTransfers => "transfers/independent",
            Self::TransfersOfOneSender => "transfers/one_sender",
            Self::TransfersToOneRecipient => "transfers/one_recipient",
            Self::TokenTransfersOfManyTokens => "erc20/many_tokens",
            Self::TokenTransfersOfOneToken => "erc20/one_token",
            Self::TokenTransfersToOneHolder => "erc20/hot_holder",
            Self::SwapsInManyPools => "swaps/many_pools",
            Self::SwapsInOnePool => "swaps/one_pool",
            Self::Mixed => "mixed",
            Self::Serial => "serial",
            Self::PoolFirst => "pool_first",
        }
    }

    /// A block of as many transactions as use about `gas`, one at least, with the state before it.
    pub fn block(self, gas: u64) -> BenchBlock {
        let mut world = World::new(gas);
        match self {
            Self::IndependentTransfers | Self::TransfersOfOneSender => {
                let is_one = self == Self::TransfersOfOneSender;
                transfers(&mut world, |index| (if is_one { 0 } else { index }, index));
            }
            Self::TransfersToOneRecipient => transfers(&mut world, |index| (index, 0)),
            Self::TokenTransfersOfManyTokens => {
                token_transfers(&mut world, |index| (index, index));
            }
            Self::TokenTransfersOfOneToken => token_transfers(&mut world, |index| (0, index)),
            Self::TokenTransfersToOneHolder => token_transfers(&mut world, |_| (0, 0)),
            Self::SwapsInManyPools => swaps_in_many_pools(&mut world),
            Self::SwapsInOnePool => {
                let swap = swap_in_one_pool(&mut world);
                until_full(&mut world, SWAP_GAS, swap);
            }
            Self::Mixed => mixed(&mut world, gas),
            Self::Serial => {
                let chain = world.chain();
                until_full(&mut world, LINK_GAS, |world, index| {
                    world.link(chain, sender(index));
                });
            }
            Self::PoolFirst => {
                let swaps = gas / 4 / SWAP_GAS;
                let mut swap = swap_in_one_pool(&mut world);
                (0..swaps).for_each(|index| swap(&mut world, index));
                let token = world.token(2);
                until_full(&mut world, TOKEN_TRANSFER_GAS, |world, index| {
                    world.token_transfer(token, sender(swaps + index), recipient(index));
                });
            }
        }
        world.into_block(self.name())
    }
}

fn sender(index: u64) -> Address {
    account(Role::Sender, index)
}

fn recipient(index: u64) -> Address {
    account(Role::Recipient, index)
}

fn until_full(world: &mut World, gas: u64, mut add: impl FnMut(&mut World, u64)) {
    let mut index = 0;
    while !world.is_full_for(gas) {
        add(world, index);
        index += 1;
    }
}

/// Transfers whose sender and recipient `of` chooses.
fn transfers(world: &mut World, of: impl Fn(u64) -> (u64, u64)) {
    until_full(world, TRANSFER_GAS, |world, index| {
        let (from, to) = of(index);
        let to = world.fund(recipient(to));
        world.transfer(sender(from), to);
    });
}

/// Transfers whose token and recipient `of` chooses, each of another sender.
fn token_transfers(world: &mut World, of: impl Fn(u64) -> (u64, u64)) {
    let mut tokens: Vec<Address> = Vec::new();
    until_full(world, TOKEN_TRANSFER_GAS, |world, index| {
        let (token, to) = of(index);
        if token as usize == tokens.len() {
            tokens.push(world.token(token));
        }
        world.token_transfer(tokens[token as usize], sender(index), recipient(to));
    });
}

fn swaps_in_many_pools(world: &mut World) {
    let tokens = [world.token(0), world.token(1)];
    until_full(world, FIRST_SWAP_GAS, |world, index| {
        let pool = world.pool(index, tokens);
        world.swap(pool, sender(index), index as usize, true);
    });
}

/// Adds the exchange with this number, each of a trader of its own.
fn swap_in_one_pool(world: &mut World) -> impl FnMut(&mut World, u64) + use<> {
    let tokens = [world.token(0), world.token(1)];
    let pool = world.pool(0, tokens);
    move |world, index| world.swap(pool, sender(index), index as usize, index == 0)
}

/// Of twenty transactions eight are plain transfers, eight of tokens, four exchanges.
fn mixed(world: &mut World, gas: u64) {
    let mut chance = Chance(0x6272_6169_6400_0001);
    let people = (gas / 100_000).max(4);
    let tokens: Vec<Address> = (0..MIXED_TOKENS).map(|index| world.token(index)).collect();
    let mut pools: Vec<(Pool, bool)> = Vec::new();
    for index in 0..MIXED_POOLS {
        let first = chance.below(MIXED_TOKENS);
        let second = (first + 1 + chance.below(MIXED_TOKENS - 1)) % MIXED_TOKENS;
        let pair = [tokens[first as usize], tokens[second as usize]];
        pools.push((world.pool(index, pair), true));
    }
    until_full(world, SWAP_GAS, |world, index| {
        let from = sender(chance.below(people));
        match chance.below(20) {
            0..8 => {
                // Some go to accounts that are not there yet.
                let to = match chance.below(8) {
                    0 => recipient(index),
                    _ => world.fund(sender(chance.below(people))),
                };
                world.transfer(from, to);
            }
            8..16 => {
                let token = tokens[chance.skewed(MIXED_TOKENS) as usize];
                world.token_transfer(token, from, sender(chance.below(people)));
            }
            _ => {
                let (pool, is_first) = &mut pools[chance.skewed(MIXED_POOLS) as usize];
                let is_first = std::mem::take(is_first);
                world.swap(*pool, from, chance.below(2) as usize, is_first);
            }
        }
    });
}

/// Numbers without a pattern, the same in each run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, each as likely as the others.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// A number below `end`, small ones more likely.
    fn skewed(&mut self, end: u64) -> u64 {
        let end = self.below(end) + 1;
        self.below(end)
    }
}

#[cfg(test)]
mod tests;
