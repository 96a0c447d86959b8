//! Contracts: one transaction each.

use std::hint::black_box;

use braid_benches::{
    BenchError,
    cases::{self, Case, Class, Ready},
    fixtures,
    measure::repeated,
    options::{Beside, Options},
    report::{Row, Table, Target, evm2::Evm2Table},
};

use crate::{keep, print_lines, progress, warm_up::WarmUps};

/// What the ratios to revm are meant to be. Rows below the lowest are marked.
const TARGET: Target = Target { mean: 2.5, least: 1.15 };

pub(crate) fn run(options: &Options, failures: &mut Vec<BenchError>) {
    let Some(folder) = fixtures::folder(cases::FOLDER) else { return };
    let Some(cases) = keep(cases::load(&folder), failures) else { return };
    let mut rows = Vec::new();
    let mut warm_ups = WarmUps::default();
    for case in cases.iter().filter(|case| options.wants(&format!("contracts/{}", case.id))) {
        progress(&case.id);
        rows.extend(keep(measured(case, options, &mut warm_ups), failures));
    }
    progress("");
    if options.json || rows.is_empty() {
        return print_lines(&rows);
    }
    let table = Table {
        title: "contracts: one transaction, CPU time; ratio = beside / first by medians, (min) by the shortest runs",
        names: options.names(),
        rows,
        mark_below: TARGET.least,
    };
    print!("{warm_ups}{table}");
    if options.beside == Beside::Revm {
        let name = Class::Precompile.name();
        let others = table.rows.iter().filter(|row| row.class != name);
        for line in
            [TARGET.line("all but precompiles", others), TARGET.line("everything", &table.rows)]
        {
            line.iter().for_each(|line| println!("{line}"));
        }
        let evm2 = Evm2Table { rows: &table.rows };
        if !evm2.is_empty() {
            print!("\n{evm2}");
        }
    }
    println!();
}

fn measured(case: &Case, options: &Options, warm_ups: &mut WarmUps) -> Result<Row, BenchError> {
    let Ready { gas_used, mut braid, mut revm, .. } = Ready::new(case, options.engine)?;
    let effort = options.effort();
    let runs = warm_ups.add(&case.id, braid.warm_up());
    let times = match options.beside {
        Beside::Revm => {
            (0..runs).for_each(|_| drop(black_box(revm.run())));
            repeated(effort, || braid.run(), || revm.run())
        }
        Beside::Braid(engine) => {
            let mut other = Ready::new(case, engine)?.braid;
            warm_ups.add(&case.id, other.warm_up());
            repeated(effort, || braid.run(), || other.run())
        }
    };
    Ok(Row { id: case.id.clone(), class: case.class.name(), gas: gas_used, times })
}
