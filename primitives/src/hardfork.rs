//! The ordered list of hardforks.

use std::{fmt, str::FromStr};

/// A mainnet hardfork, in order of activation. Comparison is chronological: `fork >= Hardfork::Berlin` asks whether
/// Berlin's rules hold.
///
/// Forks that changed only the difficulty bomb (Muir Glacier, Arrow Glacier, Gray Glacier) have no row of their own: they
/// change nothing that execution can observe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Hardfork {
    /// The first release, July 2015.
    Frontier,
    /// EIP-2 (creation gas, low-s signatures), EIP-7 (DELEGATECALL).
    Homestead,
    /// EIP-150: gas of state access, the 63/64 rule. Also known as EIP150.
    Tangerine,
    /// EIP-155 (chain id), EIP-160 (EXP gas), EIP-161 (state clearing), EIP-170 (code size). Also known as EIP158.
    SpuriousDragon,
    /// EIP-140 (REVERT), 196, 197, 198 (precompiles), 211 (RETURNDATA), 214 (STATICCALL), 649, 658 (receipt status).
    Byzantium,
    /// EIP-145 (shifts), 1014 (CREATE2), 1052 (EXTCODEHASH), 1234, 1283 (net SSTORE gas).
    Constantinople,
    /// Constantinople without EIP-1283. Also known as ConstantinopleFix.
    Petersburg,
    /// EIP-152 (BLAKE2F), 1108 (bn254 gas), 1344 (CHAINID), 1884 (state gas), 2028 (calldata gas), 2200 (SSTORE gas).
    Istanbul,
    /// EIP-2565 (MODEXP gas), 2718 (typed envelopes), 2929 (cold and warm access), 2930 (access lists).
    Berlin,
    /// EIP-1559 (fee market), 3198 (BASEFEE), 3529 (refunds), 3541 (0xEF code).
    London,
    /// EIP-3675 and 4399: proof of stake, PREVRANDAO. Also known as the Merge.
    Paris,
    /// EIP-3651 (warm coinbase), 3855 (PUSH0), 3860 (initcode), 4895 (withdrawals).
    Shanghai,
    /// EIP-1153 (transient storage), 4788 (beacon root), 4844 (blobs), 5656 (MCOPY), 6780 (SELFDESTRUCT), 7516.
    Cancun,
    /// EIP-2537 (BLS12-381), 2935 (history), 6110, 7002, 7251 (requests), 7623 (calldata floor), 7685, 7691, 7702.
    Prague,
    /// EIP-7823, 7825 (transaction gas cap), 7883 (MODEXP), 7918 (blob base fee bound), 7934, 7939 (CLZ), 7951 (P-256).
    Osaka,
    /// EIP-7892: first blob-parameter-only fork.
    Bpo1,
    /// EIP-7892: second blob-parameter-only fork.
    Bpo2,
    /// EIP-7892: third blob-parameter-only fork (not scheduled on mainnet).
    Bpo3,
    /// EIP-7892: fourth blob-parameter-only fork (not scheduled on mainnet).
    Bpo4,
}

impl Hardfork {
    /// Every hardfork, oldest first. `ALL[fork as usize] == fork`.
    pub const ALL: [Self; 19] = [
        Self::Frontier,
        Self::Homestead,
        Self::Tangerine,
        Self::SpuriousDragon,
        Self::Byzantium,
        Self::Constantinople,
        Self::Petersburg,
        Self::Istanbul,
        Self::Berlin,
        Self::London,
        Self::Paris,
        Self::Shanghai,
        Self::Cancun,
        Self::Prague,
        Self::Osaka,
        Self::Bpo1,
        Self::Bpo2,
        Self::Bpo3,
        Self::Bpo4,
    ];

    /// Number of hardforks: the length of a table with one entry for each.
    pub const COUNT: usize = Self::ALL.len();

    /// The canonical name, as [`FromStr`] accepts it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frontier => "Frontier",
            Self::Homestead => "Homestead",
            Self::Tangerine => "Tangerine",
            Self::SpuriousDragon => "SpuriousDragon",
            Self::Byzantium => "Byzantium",
            Self::Constantinople => "Constantinople",
            Self::Petersburg => "Petersburg",
            Self::Istanbul => "Istanbul",
            Self::Berlin => "Berlin",
            Self::London => "London",
            Self::Paris => "Paris",
            Self::Shanghai => "Shanghai",
            Self::Cancun => "Cancun",
            Self::Prague => "Prague",
            Self::Osaka => "Osaka",
            Self::Bpo1 => "BPO1",
            Self::Bpo2 => "BPO2",
            Self::Bpo3 => "BPO3",
            Self::Bpo4 => "BPO4",
        }
    }
}

impl fmt::Display for Hardfork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no hardfork's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown hardfork {name:?}; known are Frontier to Osaka and BPO1 to BPO4")]
pub struct UnknownHardfork {
    /// The name as given.
    pub name: String,
}

impl FromStr for Hardfork {
    type Err = UnknownHardfork;

    /// Parses a canonical name, ignoring case and underscores, or an alias in common use (`EIP150`, `EIP158`,
    /// `ConstantinopleFix`, `Merge`, `TangerineWhistle`).
    ///
    /// # Errors
    /// [`UnknownHardfork`] with the name as given.
    ///
    /// ```
    /// use braid_primitives::Hardfork;
    /// assert_eq!("EIP158".parse(), Ok(Hardfork::SpuriousDragon));
    /// assert!("Atlantis".parse::<Hardfork>().is_err());
    /// ```
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let key: String =
            name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
        let alias = match key.as_str() {
            "eip150" | "tangerinewhistle" => Some(Self::Tangerine),
            "eip158" | "eip161" => Some(Self::SpuriousDragon),
            "constantinoplefix" => Some(Self::Petersburg),
            "merge" => Some(Self::Paris),
            _ => None,
        };
        alias
            .or_else(|| Self::ALL.into_iter().find(|f| f.name().eq_ignore_ascii_case(&key)))
            .ok_or_else(|| UnknownHardfork { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_indexed_by_discriminant_and_ordered() {
        for (i, fork) in Hardfork::ALL.into_iter().enumerate() {
            assert_eq!(fork as usize, i);
        }
        assert!(Hardfork::ALL.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn every_name_parses_back_and_an_unknown_one_is_quoted() {
        for fork in Hardfork::ALL {
            assert_eq!(fork.to_string().parse(), Ok(fork));
            assert_eq!(fork.name().to_uppercase().parse(), Ok(fork));
        }
        let error = "Osakaa".parse::<Hardfork>().unwrap_err();
        assert!(error.to_string().contains("\"Osakaa\""));
    }
}
