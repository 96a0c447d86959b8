//! What alloy-rs/evm2 reports of itself, beside Braid's ratios on the same files.

use std::fmt;

use super::{Row, geometric_mean_of};

/// Cases, and how many times as fast as revm evm2 says it is there. Where it gives a range, this is the upper end.
const RATIOS: &[(&str, f64)] = &[
    ("evm2-data/weth", 2.5),
    ("evm2-data/airdrop", 2.5),
    ("evm2-data/usdc_proxy", 2.5),
    ("evm2-data/seaport", 2.5),
    ("evm2-data/counter", 2.5),
    ("evm2-data/uniswap_v2_pair", 2.5),
    ("evm2-data/snailtracer", 1.41),
    ("evm2-data/burntpix", 1.56),
    ("evm2-data/curve-stableswap-2pool", 1.52),
    ("evm2-data/onchain_lm_v2", 1.65),
    ("evm2-data/fibonacci-calldata", 1.78),
    ("evm2-data/erc20_transfer", 1.28),
    ("evm2-data/hash_10k", 1.13),
];

/// Those of `rows` that evm2 has figures for.
#[derive(Clone, Copy, Debug)]
pub struct Evm2Table<'a> {
    /// Braid beside revm.
    pub rows: &'a [Row],
}

impl Evm2Table<'_> {
    /// Braid's ratio and evm2's, by case.
    fn ratios(&self) -> impl Iterator<Item = (&'static str, f64, f64)> {
        RATIOS.iter().filter_map(|&(id, evm2)| {
            let row = self.rows.iter().find(|row| row.id == id)?;
            Some((id, row.ratio(), evm2))
        })
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.ratios().next().is_none()
    }
}

impl fmt::Display for Evm2Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "evm2: how many times as fast as revm; evm2's figures are its own, from another machine"
        )?;
        writeln!(f, "{:<34} {:>6} {:>6} {:>12}", "case", "braid", "evm2", "braid / evm2")?;
        for (id, braid, evm2) in self.ratios() {
            let mark = if braid < evm2 { " <" } else { "" };
            writeln!(f, "{id:<34} {braid:>6.2} {evm2:>6.2} {:>12.2}{mark}", braid / evm2)?;
        }
        match geometric_mean_of(self.ratios().map(|(_, braid, evm2)| braid / evm2)) {
            Some(mean) => writeln!(f, "geometric mean of braid / evm2: {mean:.3}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cases, fixtures,
        measure::{Pair, Times},
    };

    #[test]
    fn every_case_exists() {
        let Some(folder) = fixtures::folder(cases::FOLDER) else { return };
        let cases = cases::load(&folder).unwrap();
        for (id, _) in RATIOS {
            assert!(cases.iter().any(|case| case.id == *id), "{id}");
        }
    }

    #[test]
    fn the_quotients_mean_is_that_of_the_cases_measured() {
        let times = |ns| Times { median_ns: ns, least_ns: ns };
        let row = |id: &str, ratio| Row {
            id: id.to_owned(),
            class: "mixed",
            gas: 1,
            times: Pair { braid: times(1.0), peer: times(ratio) },
        };
        let rows = [row("evm2-data/weth", 5.0), row("evm2-data/counter", 1.25), row("other", 9.0)];
        let text = Evm2Table { rows: &rows }.to_string();
        assert!(text.contains("geometric mean of braid / evm2: 1.000"), "{text}");
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(Evm2Table { rows: &rows[2..] }.is_empty());
    }
}
