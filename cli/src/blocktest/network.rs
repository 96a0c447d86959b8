//! The names of the networks that tests are made for.

use alloy_primitives::U256;
use braid_primitives::{Activation, ChainSpec, Hardfork, chain::ARROW_GLACIER_BOMB_DELAY_BLOCKS};

use crate::test_file::{BadTest, parse_fork};

/// Why tests of this hardfork are not run.
const AMSTERDAM: &str = "Amsterdam rules are provisional and not implemented";

/// What the name of a network stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// A chain with these rules.
    Chain(ChainSpec),
    /// Rules that are not implemented, for this reason.
    Unsupported(&'static str),
}

/// The network of this name: `Berlin`, `BerlinToLondonAt5` (a block), `ParisToShanghaiAtTime15k` (seconds) or
/// `ArrowGlacierToParisAtDiffC0000` (total difficulty, hexadecimal).
pub(super) fn parse_network(name: &str) -> Result<Network, BadTest> {
    let (forks, activation) = match name.split_once("At") {
        None => (name, None),
        Some((forks, at)) => (forks, Some(parse_activation(at).ok_or_else(|| unknown(name))?)),
    };
    let (from, to) = match (forks.split_once("To"), activation) {
        (Some((from, to)), Some(activation)) => (from, Some((to, activation))),
        (None, None) => (forks, None),
        _ => return Err(unknown(name)),
    };
    if from == "Amsterdam" || matches!(to, Some(("Amsterdam", _))) {
        return Ok(Network::Unsupported(AMSTERDAM));
    }
    let mut spec = match (from, to) {
        (from, Some(("Dao", Activation::Block(block)))) => {
            let mut spec = ChainSpec::single(parse_fork("network", from)?);
            spec.dao_fork_block = Some(block);
            spec
        }
        ("ArrowGlacier", to) => chain(Hardfork::London, to)?,
        (from, to) => chain(parse_fork("network", from)?, to)?,
    };
    if from == "ArrowGlacier" {
        spec.bomb_delays[0].1 = ARROW_GLACIER_BOMB_DELAY_BLOCKS;
    }
    Ok(Network::Chain(spec))
}

fn chain(from: Hardfork, to: Option<(&str, Activation)>) -> Result<ChainSpec, BadTest> {
    Ok(match to {
        Some((to, at)) => ChainSpec::transition(from, parse_fork("network", to)?, at),
        None => ChainSpec::single(from),
    })
}

/// What follows `At`: `Time15k`, `DiffC0000` or `5`.
fn parse_activation(text: &str) -> Option<Activation> {
    if let Some(seconds) = text.strip_prefix("Time") {
        let (digits, unit) = match seconds.strip_suffix('k') {
            Some(thousands) => (thousands, 1_000),
            None => (seconds, 1),
        };
        return digits.parse::<u64>().ok()?.checked_mul(unit).map(Activation::Timestamp);
    }
    if let Some(difficulty) = text.strip_prefix("Diff") {
        return U256::from_str_radix(difficulty, 16).ok().map(Activation::TotalDifficulty);
    }
    text.parse().ok().map(Activation::Block)
}

fn unknown(name: &str) -> BadTest {
    BadTest {
        item: "network".to_owned(),
        expected: "a hardfork, or two and where they change, such as BerlinToLondonAt5".to_owned(),
        found: format!("{name:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str) -> ChainSpec {
        match parse_network(name) {
            Ok(Network::Chain(spec)) => spec,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn a_hardfork_alone_holds_from_the_start() {
        assert_eq!(spec("EIP158"), ChainSpec::single(Hardfork::SpuriousDragon));
        assert_eq!(spec("ConstantinopleFix").hardfork_at(0, 0), Hardfork::Petersburg);
        assert_eq!(spec("BPO4").hardfork_at(9, 9), Hardfork::Bpo4);
    }

    #[test]
    fn a_transition_happens_at_a_block_a_time_or_a_total_difficulty() {
        let by_block = spec("BerlinToLondonAt5");
        assert_eq!(by_block.hardfork_at(4, 99), Hardfork::Berlin);
        assert_eq!(by_block.hardfork_at(5, 0), Hardfork::London);
        let by_time = spec("BPO1ToBPO2AtTime15k");
        assert_eq!(by_time.hardfork_at(99, 14_999), Hardfork::Bpo1);
        assert_eq!(by_time.hardfork_at(0, 15_000), Hardfork::Bpo2);
        let by_difficulty = spec("ArrowGlacierToParisAtDiffC0000");
        let fork_after =
            |difficulty: u64| by_difficulty.after(U256::from(difficulty)).hardfork_at(9, 9);
        assert_eq!(fork_after(0xb_ffff), Hardfork::London);
        assert_eq!(fork_after(0xc_0000), Hardfork::Paris);
        assert_eq!(by_difficulty.bomb_delay_blocks(1, 1), ARROW_GLACIER_BOMB_DELAY_BLOCKS);
    }

    #[test]
    fn the_dao_fork_changes_no_rule_but_its_own() {
        let dao = spec("HomesteadToDaoAt5");
        assert_eq!(dao.dao_fork_block, Some(5));
        assert_eq!(dao.hardfork_at(5, 5), Hardfork::Homestead);
    }

    #[test]
    fn amsterdam_is_known_and_not_supported() {
        for name in ["Amsterdam", "BPO2ToAmsterdamAtTime15k"] {
            assert_eq!(parse_network(name), Ok(Network::Unsupported(AMSTERDAM)), "{name}");
        }
    }

    #[test]
    fn other_names_are_quoted() {
        for name in ["", "Atlantis", "BerlinToLondon", "BerlinAt5", "BerlinToLondonAtFive", "To"] {
            let bad = parse_network(name).unwrap_err();
            assert_eq!(bad.item, "network", "{name}");
            assert!(bad.found.starts_with('"'), "{name}: {bad:?}");
        }
        assert_eq!(
            parse_network("BerlinToLondonAtTime99999999999999999k"),
            Err(unknown("BerlinToLondonAtTime99999999999999999k"))
        );
    }
}
