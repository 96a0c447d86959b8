//! Arguments of the bench `compare`.

use std::time::Duration;

use crate::measure::Effort;

/// What `--help` prints.
pub const USAGE: &str = "\
usage: compare [FILTER...] [--budget-ms N] [--sample-us N] [--min-block-ms X]
  FILTER          only cases whose id contains one of these; ids begin with contracts/ and mainnet_blocks/
  --budget-ms     CPU time for a case, both engines together (default 600)
  --sample-us     shortest sample; faster cases are repeated within one (default 1000)
  --min-block-ms  only blocks on which revm needs this long (default 3)";

/// The arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    filters: Vec<String>,
    budget_ms: u64,
    sample_us: u64,
    /// Blocks on which revm is faster are left out, in milliseconds.
    pub min_block_ms: f64,
    /// Print the usage and do nothing.
    pub help: bool,
}

impl Default for Options {
    fn default() -> Self {
        let filters = Vec::new();
        Self { filters, budget_ms: 600, sample_us: 1000, min_block_ms: 3.0, help: false }
    }
}

impl Options {
    /// Reads arguments. `--bench`, which cargo adds, is ignored.
    ///
    /// # Errors
    /// A message naming the argument that is not understood.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bench" => {}
                "--help" | "-h" => options.help = true,
                "--budget-ms" => options.budget_ms = number(&arg, args.next())?,
                "--sample-us" => options.sample_us = number(&arg, args.next())?,
                "--min-block-ms" => options.min_block_ms = number(&arg, args.next())?,
                flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
                _ => options.filters.push(arg),
            }
        }
        Ok(options)
    }

    /// Whether the case with this id is wanted.
    pub fn wants(&self, id: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| id.contains(filter.as_str()))
    }

    /// How long to measure a case.
    pub fn effort(&self) -> Effort {
        Effort {
            budget: Duration::from_millis(self.budget_ms),
            sample: Duration::from_micros(self.sample_us),
        }
    }
}

fn number<T: std::str::FromStr>(option: &str, value: Option<String>) -> Result<T, String> {
    let Some(value) = value else { return Err(format!("{option} needs a number")) };
    value.parse().map_err(|_| format!("{option} needs a number, not {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        Options::parse(args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn filters_choose_by_any_part_of_the_id() {
        let options = parse(&["snail", "--bench", "mainnet_blocks/1"]).unwrap();
        assert!(options.wants("contracts/evm2-data/snailtracer"));
        assert!(options.wants("mainnet_blocks/19426586"));
        assert!(!options.wants("contracts/evm2-data/weth"));
        assert!(parse(&[]).unwrap().wants("anything"));
    }

    #[test]
    fn a_bad_option_is_named() {
        assert_eq!(parse(&["--fast"]), Err("unknown option --fast".to_owned()));
        assert_eq!(
            parse(&["--budget-ms", "soon"]),
            Err("--budget-ms needs a number, not \"soon\"".to_owned())
        );
        assert_eq!(parse(&["--budget-ms"]), Err("--budget-ms needs a number".to_owned()));
    }
}
