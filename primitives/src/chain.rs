//! Chain specs: which rules hold at which block. Plain data, chosen at run time.

use std::borrow::Cow;

use alloy_primitives::{Address, U256, address};

use crate::Hardfork;

/// When a change of the rules takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// From this block number on.
    Block(u64),
    /// From this block timestamp (seconds) on; used since Shanghai.
    Timestamp(u64),
    /// With the first block whose parent has at least this total difficulty (EIP-3675, `TERMINAL_TOTAL_DIFFICULTY`). Does not
    /// follow from number and timestamp: counts as never, until [`ChainSpec::after`] resolves it.
    TotalDifficulty(U256),
}

impl Activation {
    fn is_active(self, number: u64, timestamp: u64) -> bool {
        match self {
            Self::Block(at) => number >= at,
            Self::Timestamp(at) => timestamp >= at,
            Self::TotalDifficulty(_) => false,
        }
    }

    /// The same for the child of a block of this total difficulty, of which a terminal one is no longer a question.
    fn after(self, parent_total_difficulty: U256) -> Self {
        match self {
            Self::TotalDifficulty(terminal) if parent_total_difficulty >= terminal => {
                Self::Block(0)
            }
            other => other,
        }
    }
}

/// Blob parameters of one fork (EIP-7840, EIP-7892).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobParams {
    /// Blobs per block that the fee aims at.
    pub target_blobs: u64,
    /// Most blobs in a block.
    pub max_blobs: u64,
    /// `BLOB_BASE_FEE_UPDATE_FRACTION`: how slowly the blob base fee follows the excess.
    pub base_fee_update_fraction: u64,
}

/// Parameters of each fork that changed them, oldest first.
const BLOB_SCHEDULE: &[(Hardfork, BlobParams)] = &[
    (Hardfork::Cancun, blob_params(3, 6, 3_338_477)),
    (Hardfork::Prague, blob_params(6, 9, 5_007_716)),
    (Hardfork::Bpo1, blob_params(10, 15, 8_346_193)),
    (Hardfork::Bpo2, blob_params(14, 21, 11_684_671)),
    (Hardfork::Bpo3, blob_params(21, 32, 20_609_697)),
    (Hardfork::Bpo4, blob_params(14, 21, 13_739_630)),
];

const fn blob_params(target_blobs: u64, max_blobs: u64, fraction: u64) -> BlobParams {
    BlobParams { target_blobs, max_blobs, base_fee_update_fraction: fraction }
}

/// A delay of the difficulty bomb.
struct BombDelay {
    /// The first hardfork whose rules contain it. Forks that changed nothing else have no [`Hardfork`] of their own.
    since: Hardfork,
    /// Where it took effect on mainnet.
    mainnet_block: u64,
    /// Blocks by which the bomb is late, counted from the beginning.
    delay_blocks: u64,
}

const fn bomb_delay(since: Hardfork, mainnet_block: u64, delay_blocks: u64) -> BombDelay {
    BombDelay { since, mainnet_block, delay_blocks }
}

/// Blocks by which Arrow Glacier delays the difficulty bomb (EIP-4345).
pub const ARROW_GLACIER_BOMB_DELAY_BLOCKS: u64 = 10_700_000;

/// The delays of the difficulty bomb, oldest first.
const BOMB_DELAYS: &[BombDelay] = &[
    bomb_delay(Hardfork::Byzantium, 4_370_000, 3_000_000), // EIP-649
    bomb_delay(Hardfork::Constantinople, 7_280_000, 5_000_000), // EIP-1234
    bomb_delay(Hardfork::Berlin, 9_200_000, 9_000_000),    // Muir Glacier, EIP-2384
    bomb_delay(Hardfork::London, 12_965_000, 9_700_000),   // EIP-3554
    bomb_delay(Hardfork::Paris, 13_773_000, ARROW_GLACIER_BOMB_DELAY_BLOCKS),
    bomb_delay(Hardfork::Paris, 15_050_000, 11_400_000), // Gray Glacier, EIP-5133
];

/// Blocks by which the rules of `fork` delay the difficulty bomb.
fn bomb_delay_of(fork: Hardfork) -> u64 {
    let delay = BOMB_DELAYS.iter().rev().find(|delay| delay.since <= fork);
    delay.map_or(0, |delay| delay.delay_blocks)
}

/// The beacon chain's deposit contract on mainnet, whose logs become EIP-6110 requests.
pub const MAINNET_DEPOSIT_CONTRACT: Address = address!("00000000219ab540356cBB839Cbe05303d7705Fa");

/// The rules of a chain as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSpec {
    /// Chain id (EIP-155).
    pub chain_id: u64,
    /// Activation of each hardfork, oldest first; a fork that is not listed never takes effect.
    pub activations: Vec<(Hardfork, Activation)>,
    /// Blob parameters by the fork that introduced them, oldest first.
    pub blob_schedule: Vec<(Hardfork, BlobParams)>,
    /// Blocks by which the difficulty bomb is late, by what activates each delay, oldest first.
    pub bomb_delays: Vec<(Activation, u64)>,
    /// Block of the DAO's irregular state change, for chains that made it.
    pub dao_fork_block: Option<u64>,
    /// Address of the beacon deposit contract (EIP-6110).
    pub deposit_contract: Address,
}

impl ChainSpec {
    /// Ethereum mainnet, Frontier to BPO2.
    pub fn mainnet() -> Self {
        use Activation::{Block, Timestamp};
        use Hardfork::*;
        Self {
            chain_id: 1,
            activations: vec![
                (Frontier, Block(0)),
                (Homestead, Block(1_150_000)),
                (Tangerine, Block(2_463_000)),
                (SpuriousDragon, Block(2_675_000)),
                (Byzantium, Block(4_370_000)),
                (Constantinople, Block(7_280_000)),
                (Petersburg, Block(7_280_000)),
                (Istanbul, Block(9_069_000)),
                (Berlin, Block(12_244_000)),
                (London, Block(12_965_000)),
                (Paris, Block(15_537_394)),
                (Shanghai, Timestamp(1_681_338_455)),
                (Cancun, Timestamp(1_710_338_135)),
                (Prague, Timestamp(1_746_612_311)),
                (Osaka, Timestamp(1_764_798_551)),
                (Bpo1, Timestamp(1_765_290_071)),
                (Bpo2, Timestamp(1_767_747_671)),
            ],
            blob_schedule: BLOB_SCHEDULE.to_vec(),
            bomb_delays: BOMB_DELAYS
                .iter()
                .map(|delay| (Block(delay.mainnet_block), delay.delay_blocks))
                .collect(),
            dao_fork_block: Some(1_920_000),
            deposit_contract: MAINNET_DEPOSIT_CONTRACT,
        }
    }

    /// A chain on which `fork` has held since genesis, with chain id 1 and mainnet's parameters otherwise. There is no DAO
    /// fork on it.
    ///
    /// ```
    /// use braid_primitives::{ChainSpec, Hardfork};
    /// assert_eq!(ChainSpec::single(Hardfork::Berlin).hardfork_at(0, 0), Hardfork::Berlin);
    /// ```
    pub fn single(fork: Hardfork) -> Self {
        Self {
            activations: vec![(fork, Activation::Block(0))],
            bomb_delays: vec![(Activation::Block(0), bomb_delay_of(fork))],
            dao_fork_block: None,
            ..Self::mainnet()
        }
    }

    /// A chain like [`Self::single`] of fork `from` that changes to the rules of `to` at `activation`.
    ///
    /// ```
    /// use braid_primitives::{Activation, ChainSpec, Hardfork};
    /// let at = Activation::Timestamp(15_000);
    /// let spec = ChainSpec::transition(Hardfork::Shanghai, Hardfork::Cancun, at);
    /// assert_eq!(spec.hardfork_at(7, 14_999), Hardfork::Shanghai);
    /// assert_eq!(spec.hardfork_at(7, 15_000), Hardfork::Cancun);
    /// ```
    pub fn transition(from: Hardfork, to: Hardfork, activation: Activation) -> Self {
        let mut spec = Self::single(from);
        spec.activations.push((to, activation));
        spec.bomb_delays.push((activation, bomb_delay_of(to)));
        spec
    }

    /// The rules for a block whose parent has this total difficulty: the difficulties of all blocks up to the parent, summed
    /// up. Only chains with an [`Activation::TotalDifficulty`] ask for it.
    ///
    /// ```
    /// use braid_primitives::{Activation, ChainSpec, Hardfork, U256};
    /// let at = Activation::TotalDifficulty(U256::from(0xC_0000));
    /// let spec = ChainSpec::transition(Hardfork::London, Hardfork::Paris, at);
    /// assert_eq!(spec.after(U256::from(0xB_FFFF)).hardfork_at(9, 90), Hardfork::London);
    /// assert_eq!(spec.after(U256::from(0xC_0000)).hardfork_at(9, 90), Hardfork::Paris);
    /// ```
    pub fn after(&self, parent_total_difficulty: U256) -> Cow<'_, Self> {
        if self.activations.iter().all(|(_, at)| !matches!(at, Activation::TotalDifficulty(_))) {
            return Cow::Borrowed(self);
        }
        let mut spec = self.clone();
        for (_, at) in &mut spec.activations {
            *at = at.after(parent_total_difficulty);
        }
        for (at, _) in &mut spec.bomb_delays {
            *at = at.after(parent_total_difficulty);
        }
        Cow::Owned(spec)
    }

    /// The hardfork whose rules hold for a block of this number and timestamp (seconds): the last active one.
    pub fn hardfork_at(&self, number: u64, timestamp: u64) -> Hardfork {
        self.activations
            .iter()
            .rev()
            .find(|(_, at)| at.is_active(number, timestamp))
            .map_or(Hardfork::Frontier, |(fork, _)| *fork)
    }

    /// Blocks by which the difficulty bomb is late in a block of this number and timestamp (seconds).
    pub fn bomb_delay_blocks(&self, number: u64, timestamp: u64) -> u64 {
        let latest = self.bomb_delays.iter().rev().find(|(at, _)| at.is_active(number, timestamp));
        latest.map_or(0, |(_, delay_blocks)| *delay_blocks)
    }

    /// Blob parameters under `fork`, or `None` before Cancun.
    pub fn blob_params(&self, fork: Hardfork) -> Option<BlobParams> {
        self.blob_schedule.iter().rev().find(|(since, _)| *since <= fork).map(|(_, p)| *p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mainnet_forks_change_exactly_at_their_activation() {
        let spec = ChainSpec::mainnet();
        let before_merge = 1_600_000_000;
        assert_eq!(spec.hardfork_at(0, 0), Hardfork::Frontier);
        assert_eq!(spec.hardfork_at(1_149_999, before_merge), Hardfork::Frontier);
        assert_eq!(spec.hardfork_at(1_150_000, before_merge), Hardfork::Homestead);
        assert_eq!(spec.hardfork_at(7_280_000, before_merge), Hardfork::Petersburg);
        assert_eq!(spec.hardfork_at(15_537_394, 1_663_224_179), Hardfork::Paris);
        assert_eq!(spec.hardfork_at(20_000_000, 1_710_338_134), Hardfork::Shanghai);
        assert_eq!(spec.hardfork_at(20_000_000, 1_710_338_135), Hardfork::Cancun);
        assert_eq!(spec.hardfork_at(25_000_000, 1_767_747_671), Hardfork::Bpo2);
    }

    #[test]
    fn blob_parameters_are_inherited_until_a_fork_changes_them() {
        let spec = ChainSpec::mainnet();
        let max = |fork| spec.blob_params(fork).map(|p| p.max_blobs);
        assert_eq!(max(Hardfork::Shanghai), None);
        assert_eq!(max(Hardfork::Cancun), Some(6));
        assert_eq!(max(Hardfork::Prague), Some(9));
        assert_eq!(max(Hardfork::Osaka), Some(9));
        assert_eq!(max(Hardfork::Bpo1), Some(15));
        assert_eq!(max(Hardfork::Bpo2), Some(21));
    }

    #[test]
    fn mainnet_delays_the_bomb_six_times() {
        let spec = ChainSpec::mainnet();
        for (number, million_blocks_by_ten) in [
            (0, 0),
            (4_369_999, 0),
            (4_370_000, 30),
            (7_279_999, 30),
            (7_280_000, 50),
            (9_199_999, 50),
            (9_200_000, 90),
            (12_964_999, 90),
            (12_965_000, 97),
            (13_772_999, 97),
            (13_773_000, 107),
            (15_049_999, 107),
            (15_050_000, 114),
        ] {
            assert_eq!(spec.bomb_delay_blocks(number, 0), million_blocks_by_ten * 100_000);
        }
    }

    #[test]
    fn the_bombs_delays_take_effect_with_the_forks_that_contain_them() {
        let mainnet = ChainSpec::mainnet();
        for fork in [Hardfork::Byzantium, Hardfork::Constantinople, Hardfork::London] {
            let (_, at) = mainnet.activations.iter().find(|(name, _)| *name == fork).unwrap();
            assert!(mainnet.bomb_delays.contains(&(*at, bomb_delay_of(fork))), "{fork}");
        }
    }

    #[test]
    fn a_chain_of_one_fork_has_the_delay_of_that_fork() {
        use Hardfork::*;
        for (fork, delay_blocks) in [
            (Frontier, 0),
            (SpuriousDragon, 0),
            (Byzantium, 3_000_000),
            (Constantinople, 5_000_000),
            (Petersburg, 5_000_000),
            (Istanbul, 5_000_000),
            (Berlin, 9_000_000),
            (London, 9_700_000),
        ] {
            assert_eq!(ChainSpec::single(fork).bomb_delay_blocks(1, 1), delay_blocks, "{fork}");
        }
        let at = Activation::Block(5);
        let spec = ChainSpec::transition(Byzantium, Petersburg, at);
        assert_eq!(spec.bomb_delay_blocks(4, 0), 3_000_000);
        assert_eq!(spec.bomb_delay_blocks(5, 0), 5_000_000);
    }

    #[test]
    fn a_total_difficulty_activates_nothing_until_a_parent_has_reached_it() {
        let at = Activation::TotalDifficulty(U256::from(100));
        let spec = ChainSpec::transition(Hardfork::Berlin, Hardfork::Paris, at);
        assert_eq!(spec.hardfork_at(u64::MAX, u64::MAX), Hardfork::Berlin);
        assert_eq!(*spec.after(U256::from(99)), spec);
        let after = spec.after(U256::from(100));
        assert_eq!(after.hardfork_at(0, 0), Hardfork::Paris);
        assert_eq!(after.bomb_delay_blocks(0, 0), 11_400_000);
        let mainnet = ChainSpec::mainnet();
        assert!(matches!(mainnet.after(U256::MAX), Cow::Borrowed(_)));
    }

    #[test]
    fn blob_parameters_of_the_last_forks_are_those_of_their_definition() {
        // Target, maximum and update fraction, as a test chain of these forks states them.
        let bpo3 = blob_params(0x15, 0x20, 0x013a_7aa1);
        let bpo4 = blob_params(0x0e, 0x15, 0xd1_a66e);
        assert_eq!(ChainSpec::single(Hardfork::Bpo3).blob_params(Hardfork::Bpo3), Some(bpo3));
        assert_eq!(ChainSpec::single(Hardfork::Bpo4).blob_params(Hardfork::Bpo4), Some(bpo4));
    }
}
