//! Mainnet blocks on both engines: `mainnet_blocks/<number>/{braid,revm}`.

use braid_benches::{
    BenchError,
    blocks::{self, BlockSet, ReadyBlock},
    fixtures,
};
use braid_executor::Engine;
use criterion::{BatchSize, Criterion, Throughput};

fn main() {
    let Some(folder) = fixtures::folder(blocks::FOLDER) else { return };
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    if let Err(error) = bench(&folder, &mut criterion) {
        eprintln!("{error}");
        std::process::exit(1);
    }
    criterion.final_summary();
}

fn bench(folder: &std::path::Path, criterion: &mut Criterion) -> Result<(), BenchError> {
    let set = BlockSet::open(folder)?;
    for index in 0..set.numbers().len() {
        let Some(case) = set.load(index)? else { continue };
        let mut block = ReadyBlock::new(case, Engine::default())?;
        let mut group = criterion.benchmark_group(format!("mainnet_blocks/{}", block.id));
        group.throughput(Throughput::Elements(block.gas_used));
        group.bench_function("braid", |bencher| {
            bencher.iter_with_large_drop(|| block.braid.run());
        });
        group.bench_function("revm", |bencher| {
            let inputs = block.revm.inputs();
            bencher.iter_batched(
                || inputs.clone(),
                |inputs| block.revm.execute(inputs),
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
    Ok(())
}
