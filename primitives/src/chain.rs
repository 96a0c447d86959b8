//! Chain specs: which rules hold at which block. Plain data, chosen at run time.

use alloy_primitives::{Address, address};

use crate::Hardfork;

/// When a hardfork takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// From this block number on.
    Block(u64),
    /// From this block timestamp (seconds) on; used since Shanghai.
    Timestamp(u64),
}

impl Activation {
    fn is_active(self, number: u64, timestamp: u64) -> bool {
        match self {
            Self::Block(at) => number >= at,
            Self::Timestamp(at) => timestamp >= at,
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
            dao_fork_block: None,
            ..Self::mainnet()
        }
    }

    /// The hardfork whose rules hold for a block of this number and timestamp (seconds): the last active one.
    pub fn hardfork_at(&self, number: u64, timestamp: u64) -> Hardfork {
        self.activations
            .iter()
            .rev()
            .find(|(_, at)| at.is_active(number, timestamp))
            .map_or(Hardfork::Frontier, |(fork, _)| *fork)
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
}
