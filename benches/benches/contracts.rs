//! Contracts and precompiles on both engines: `contracts/<source>/<case>/{braid,revm}`.

use braid_benches::{
    cases::{self, Ready},
    fixtures,
};
use braid_executor::Engine;
use criterion::{Criterion, Throughput};

fn main() {
    let Some(folder) = fixtures::folder(cases::FOLDER) else { return };
    let cases = match cases::load(&folder) {
        Ok(cases) => cases,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    };
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    for case in &cases {
        let Ready { gas_used, mut braid, mut revm, .. } = match Ready::new(case, Engine::default())
        {
            Ok(ready) => ready,
            Err(error) => {
                eprintln!("{error}");
                std::process::exit(1);
            }
        };
        let mut group = criterion.benchmark_group(format!("contracts/{}", case.id));
        group.throughput(Throughput::Elements(gas_used));
        group.bench_function("braid", |bencher| bencher.iter(|| braid.run()));
        group.bench_function("revm", |bencher| bencher.iter(|| revm.run()));
        group.finish();
    }
    criterion.final_summary();
}
