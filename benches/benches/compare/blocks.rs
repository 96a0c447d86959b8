//! Whole blocks: those of mainnet, and synthetic ones.

use std::{hint::black_box, time::Duration};

use braid_benches::{
    BenchError,
    blocks::{self, BlockCase, BlockSet, BraidBlock, ReadyBlock},
    fixtures,
    measure::{Pair, alternating, time},
    options::{Beside, Options},
    peer::PeerBlock,
    report::{Row, Table, time_weighted},
};

use braid_cli::bench::Workload;

use crate::{keep, print_lines, progress, warm_up::WarmUps};

/// Gas of a synthetic block.
const SYNTHETIC_GAS: u64 = 1_000_000_000;

/// Blocks on which the first engine is slower are marked.
const MARK: f64 = 1.0;

pub(crate) fn mainnet(options: &Options, failures: &mut Vec<BenchError>) {
    let Some(folder) = fixtures::folder(blocks::FOLDER) else { return };
    let Some(set) = keep(BlockSet::open(&folder), failures) else { return };
    let mut rows = Vec::new();
    let mut warm_ups = WarmUps::default();
    for (index, number) in set.numbers().enumerate() {
        if !options.wants(&format!("mainnet_blocks/{number}")) {
            continue;
        }
        progress(&format!("block {number}"));
        let measured = set.load(index).and_then(|case| match case {
            Some(case) => measured(case, options, options.min_block_ms, &mut warm_ups),
            None => Ok(None),
        });
        rows.extend(keep(measured, failures).flatten().map(|row| (number, row)));
    }
    rows.sort_by_key(|(number, _)| *number);
    let title = "mainnet blocks: sequential execution, CPU time; ratio = beside / first by medians, (min) by the shortest runs";
    print(options, title, &warm_ups, rows.into_iter().map(|(_, row)| row).collect());
}

pub(crate) fn synthetic(options: &Options, failures: &mut Vec<BenchError>) {
    let mut rows = Vec::new();
    let mut warm_ups = WarmUps::default();
    for workload in Workload::ALL {
        let id = blocks::synthetic_id(workload.name());
        if !options.wants(&id) {
            continue;
        }
        progress(&id);
        let case = workload.block(SYNTHETIC_GAS).into();
        let measured = measured(case, options, 0.0, &mut warm_ups);
        rows.extend(keep(measured, failures).flatten());
    }
    print(
        options,
        "synthetic blocks of a billion gas, CPU time; ratio as for mainnet blocks",
        &warm_ups,
        rows,
    );
}

fn print(options: &Options, title: &'static str, warm_ups: &WarmUps, rows: Vec<Row>) {
    progress("");
    if options.json || rows.is_empty() {
        return print_lines(&rows);
    }
    let table = Table { title, names: options.names(), rows, mark_below: MARK };
    print!("{warm_ups}{table}");
    if let Some(ratio) = time_weighted(&table.rows) {
        let [first, beside] = table.names;
        println!("all time of {beside} / all time of {first}: {ratio:.3}");
    }
    println!();
}

/// The block's times, unless the one beside is so fast that it is to be left out.
fn measured(
    case: BlockCase,
    options: &Options,
    least_ms: f64,
    warm_ups: &mut WarmUps,
) -> Result<Option<Row>, BenchError> {
    let mut block = ReadyBlock::new(case, options.engine)?;
    let mut peer = match options.beside {
        Beside::Revm => None,
        Beside::Braid(engine) => Some(block.beside(engine)?),
    };
    let (id, gas, transactions) = (block.id.clone(), block.gas_used, block.transactions());
    let (braid, revm) = (&mut block.braid, &mut block.revm);
    let quickest_ms = (0..3)
        .map(|_| beside_ns(&mut peer, revm, options.fresh) / 1e6)
        .fold(f64::INFINITY, f64::min);
    if quickest_ms < least_ms {
        return Ok(None);
    }
    if !options.fresh {
        let runs = warm_ups.add(&id, braid.warm_up());
        match &mut peer {
            Some(peer) => _ = warm_ups.add(&id, peer.warm_up()),
            None => (0..runs).for_each(|_| drop(black_box(revm.execute(revm.inputs())))),
        }
    }
    let beside_ns = || beside_ns(&mut peer, revm, options.fresh);
    let times: Pair = alternating(options.effort(), || braid_ns(braid, options.fresh), beside_ns);
    let id = format!("{id} ({transactions} txs)");
    Ok(Some(Row { id, class: "block", gas, times }))
}

/// Nanoseconds of an execution by what is beside.
fn beside_ns(peer: &mut Option<BraidBlock>, revm: &mut PeerBlock, fresh: bool) -> f64 {
    match peer {
        Some(peer) => braid_ns(peer, fresh),
        None => revm_ns(revm),
    }
}

/// Nanoseconds of an execution by Braid.
pub(crate) fn braid_ns(block: &mut BraidBlock, fresh: bool) -> f64 {
    if fresh {
        block.renew();
    }
    nanoseconds(time(|| block.run()))
}

fn revm_ns(block: &mut PeerBlock) -> f64 {
    let inputs = block.inputs();
    nanoseconds(time(|| block.execute(inputs)))
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
