//! What hostile code makes the engines cost.

use braid_benches::{
    BenchError,
    adversarial::{self, Case},
    blocks::ReadyBlock,
    measure::alternating,
    options::{Options, engine_name},
    report::engines::{EnginesRow, EnginesTable},
};
use braid_executor::Engine;

use crate::{blocks::braid_ns, keep, progress};

/// The engines that are measured beside the plain one.
const ENGINES: [Engine; 2] = [Engine::Adaptive, Engine::Threaded];
/// What an engine may cost at most.
const MARK: f64 = 1.2;

pub(crate) fn run(options: &Options, failures: &mut Vec<BenchError>) {
    let mut rows = Vec::new();
    for case in adversarial::all().iter().filter(|case| options.wants(&case.id())) {
        progress(&case.id());
        rows.extend(keep(measured(case, options), failures));
    }
    progress("");
    if rows.is_empty() {
        return;
    }
    let names = ENGINES.map(engine_name).to_vec();
    let title = "adversarial: blocks on new executors, CPU time; cost = engine / plain by medians, (min) by the shortest runs";
    println!("{}", EnginesTable { title, names, rows, mark_above: MARK });
}

fn measured(case: &Case, options: &Options) -> Result<EnginesRow, BenchError> {
    let mut block = ReadyBlock::new(case.block(), Engine::Plain)?;
    let mut times = Vec::new();
    for engine in ENGINES {
        let mut other = block.beside(engine)?;
        let plain = || braid_ns(&mut block.braid, true);
        times.push(alternating(options.effort(), || braid_ns(&mut other, true), plain));
    }
    Ok(EnginesRow { id: block.id.clone(), gas: block.gas_used, times })
}
