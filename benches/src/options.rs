//! Arguments of the bench `compare`.

use std::time::Duration;

use braid_executor::Engine;

use crate::measure::Effort;

/// What `--help` prints.
pub const USAGE: &str = "\
usage: compare [FILTER...] [OPTION...]
  FILTER          only cases whose id contains one of these; ids begin with contracts/, mainnet_blocks/, synthetic/ and
                  adversarial/
  --engine E      Braid's engine: plain, threaded or adaptive (default adaptive)
  --beside E      what runs beside it: revm, or another engine of Braid (default revm)
  --fresh         a new executor for each run of a block: all code is seen for the first time
  --budget-ms     CPU time for a case, both engines together (default 600)
  --sample-us     shortest sample; faster cases are repeated within one (default 1000)
  --min-block-ms  only mainnet blocks on which the one beside needs this long (default 3)
  --json          one line of JSON for each case instead of tables; without adversarial/
adversarial/ always compares Braid's engines with the plain one, each run on a new executor";

/// What runs beside Braid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Revm.
    Revm,
    /// Braid once more, with this engine.
    Braid(Engine),
}

impl Beside {
    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revm => "revm",
            Self::Braid(engine) => engine_name(engine),
        }
    }
}

/// Name of an engine of Braid.
pub const fn engine_name(engine: Engine) -> &'static str {
    match engine {
        Engine::Plain => "plain",
        Engine::Threaded => "threaded",
        Engine::Adaptive => "adaptive",
    }
}

/// The arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    filters: Vec<String>,
    budget_ms: u64,
    sample_us: u64,
    /// Braid's engine.
    pub engine: Engine,
    /// What runs beside it.
    pub beside: Beside,
    /// Each run of a block gets a new executor.
    pub fresh: bool,
    /// Mainnet blocks on which the one beside is faster are left out, in milliseconds.
    pub min_block_ms: f64,
    /// Lines of JSON are wanted instead of tables.
    pub json: bool,
    /// Print the usage and do nothing.
    pub help: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            filters: Vec::new(),
            budget_ms: 600,
            sample_us: 1000,
            engine: Engine::default(),
            beside: Beside::Revm,
            fresh: false,
            min_block_ms: 3.0,
            json: false,
            help: false,
        }
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
                "--engine" => options.engine = engine(&arg, args.next())?,
                "--beside" => options.beside = beside(&arg, args.next())?,
                "--fresh" => options.fresh = true,
                "--json" => options.json = true,
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

    /// Names of the two columns.
    pub fn names(&self) -> [&'static str; 2] {
        let braid = match self.beside {
            Beside::Revm => "braid",
            Beside::Braid(_) => engine_name(self.engine),
        };
        [braid, self.beside.name()]
    }
}

fn number<T: std::str::FromStr>(option: &str, value: Option<String>) -> Result<T, String> {
    let Some(value) = value else { return Err(format!("{option} needs a number")) };
    value.parse().map_err(|_| format!("{option} needs a number, not {value:?}"))
}

fn engine(option: &str, value: Option<String>) -> Result<Engine, String> {
    let value = value.unwrap_or_default();
    let known = [Engine::Plain, Engine::Threaded, Engine::Adaptive];
    known
        .into_iter()
        .find(|engine| engine_name(*engine) == value)
        .ok_or_else(|| format!("{option} needs plain, threaded or adaptive, not {value:?}"))
}

fn beside(option: &str, value: Option<String>) -> Result<Beside, String> {
    match value.as_deref() {
        Some("revm") => Ok(Beside::Revm),
        _ => engine(option, value).map(Beside::Braid),
    }
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
    fn two_engines_can_be_compared() {
        let options = parse(&["--engine", "threaded", "--beside", "plain"]).unwrap();
        assert_eq!(options.names(), ["threaded", "plain"]);
        assert_eq!(parse(&["--engine", "plain"]).unwrap().names(), ["braid", "revm"]);
        let message = "--engine needs plain, threaded or adaptive, not \"revm\"";
        assert_eq!(parse(&["--engine", "revm"]), Err(message.to_owned()));
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
