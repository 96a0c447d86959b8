//! State tries, Braid's beside those of others: tables of ratios.
//!
//! What is measured and how the peers are treated is said in `braid_benches::trie`.

use std::{cell::RefCell, process::ExitCode};

use braid_benches::{
    exit::{exit_code, refuse},
    measure::{Pair, alternating, repeated, time},
    options::{Options, USAGE},
    trie::{
        Feed, StateEngine, braid,
        braid::BraidState,
        memory,
        peers::{self, EthTrieState, EthrexState, Leaves},
        population::{self, Population},
        report::{Row, Table},
        root_after,
    },
};
use braid_primitives::B256;

/// Ids begin with these.
const BUILD: &str = "build";
const CHANGES: &str = "changes";
const NODES: &str = "nodes";
const MEMORY: &str = "memory";

/// Rows below this ratio are marked.
const MARK: f64 = 2.0;

/// Leaves of tries from scratch.
const BUILD_LEAVES: &[u64] = &[100_000, 1_000_000];
/// Accounts of states that are changed: the last is the one on which the number of changes varies.
const STATE_ACCOUNTS: &[u64] = &[10_000, 100_000, 1_000_000];
/// Changes of a block while the size of the state varies.
const CHANGES_FIXED: usize = 1_000;
/// Changes of a block while the size of the state is the largest.
const CHANGES_VARIED: &[usize] = &[100, 1_000, 10_000];
/// Accounts of the states whose memory is measured, and whose nodes are handed out.
const MEMORY_ACCOUNTS: u64 = 1_000_000;
/// Leaves that the state is built from at a time.
const LEAVES_PER_DELTA: usize = 100_000;

/// A way to get a root from sorted leaves.
type Builder = fn(&Leaves) -> Result<B256, String>;

/// Ways to get a root from sorted leaves: Braid's name and function, the peer's, and the most leaves the slow one is given.
const BUILDERS: &[(&str, Builder, &str, Builder, u64)] = &[
    ("sorted_root", braid::sorted_root, "alloy-trie", |l| Ok(peers::alloy_root(l)), u64::MAX),
    ("sorted_root", braid::sorted_root, "ethrex sorted", peers::ethrex_sorted_root, u64::MAX),
    ("sorted_root", braid::sorted_root, "triehash", |l| Ok(peers::triehash_root(l)), 100_000),
    ("Trie", braid::trie_root, "ethrex-trie", peers::ethrex_trie_root, u64::MAX),
    ("Trie", braid::trie_root, "eth_trie", peers::eth_trie_root, 100_000),
];

/// Makes so many leaves, sorted.
type LeavesOf = fn(u64) -> Vec<(B256, Vec<u8>)>;

/// Kinds of leaves, and how to make them.
const LEAVES: &[(&str, LeavesOf)] =
    &[("accounts", population::account_leaves), ("storage", population::storage_leaves)];

/// A state in memory: its name, and how to make an empty one.
type Engine = (&'static str, fn() -> Box<dyn StateEngine>);

const BRAID: Engine = ("braid", || Box::new(BraidState::default()));
/// The same that hands out the nodes that a block has changed, and the peer that can do that, too.
const RECORDING: [Engine; 2] = [
    ("recording", || Box::new(BraidState::recording())),
    ("ethrex-trie", || Box::new(EthrexState::recording())),
];
const PEERS: &[Engine] = &[
    ("ethrex-trie", || Box::new(EthrexState::default())),
    ("eth_trie", || Box::new(EthTrieState::default())),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|argument| argument == memory::ARGUMENT).is_some() {
        return exit_code(measure_memory(arguments));
    }
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(message) => return refuse(format_args!("{message}\n{USAGE}")),
    };
    if options.help {
        println!(
            "{USAGE}\nids here begin with {BUILD}/, {CHANGES}/, {NODES}/ and {MEMORY}/ and hold size and peer"
        );
        return ExitCode::SUCCESS;
    }
    let tables = [build, changes, nodes, memory_table];
    exit_code(tables.iter().try_for_each(|table| table(&options)))
}

/// Roots of sorted leaves.
fn build(options: &Options) -> Result<(), String> {
    let mut rows = Vec::new();
    for (kind, make_leaves) in LEAVES {
        for &count in BUILD_LEAVES {
            let wanted: Vec<_> = BUILDERS
                .iter()
                .map(|row| (format!("{BUILD}/{kind}/{count}/{}", row.2), row))
                .filter(|(id, row)| options.wants(id) && count <= row.4)
                .collect();
            if wanted.is_empty() {
                continue;
            }
            let leaves = make_leaves(count);
            for (id, &(braid, braid_root, peer, peer_root, _)) in wanted {
                progress(&id);
                agree(&id, braid_root(&leaves)?, peer_root(&leaves)?)?;
                let times =
                    repeated(options.effort(), || braid_root(&leaves), || peer_root(&leaves));
                rows.push(Row { id, braid, peer, items: count, times });
            }
        }
    }
    let title = "root of sorted leaves: CPU time of the thread; ratio = peer / Braid by medians, (min) by the shortest runs";
    print(Table { title: title.to_owned(), item: "leaf", rows, mark_below: MARK });
    Ok(())
}

/// Changes on a state.
fn changes(options: &Options) -> Result<(), String> {
    let (mut by_state, mut by_changes) = (Vec::new(), Vec::new());
    for &accounts in STATE_ACCOUNTS {
        let is_largest = Some(&accounts) == STATE_ACCOUNTS.last();
        for &peer in PEERS {
            let counts = if is_largest { CHANGES_VARIED } else { &[CHANGES_FIXED] };
            let id = |count| format!("{CHANGES}/{count}/accounts/{accounts}/{}", peer.0);
            let counts: Vec<usize> =
                counts.iter().copied().filter(|count| options.wants(&id(*count))).collect();
            if counts.is_empty() {
                continue;
            }
            let mut pair = EnginePair::new(accounts, BRAID, peer)?;
            for count in counts {
                progress(&id(count));
                let times = pair.measure(count, options)?;
                let row = Row {
                    id: id(count),
                    braid: "StateTrie",
                    peer: peer.0,
                    items: count as u64,
                    times,
                };
                if is_largest {
                    by_changes.push(row.clone());
                }
                if count == CHANGES_FIXED {
                    by_state.push(row);
                }
            }
        }
    }
    let title = format!("new root after {CHANGES_FIXED} changed leaves, by the size of the state");
    print(Table { title, item: "change", rows: by_state, mark_below: MARK });
    let title = "new root by the number of changed leaves, on one state".to_owned();
    print(Table { title, item: "change", rows: by_changes, mark_below: MARK });
    Ok(())
}

/// Changes on a state whose nodes are written somewhere: both sides hand out those that are new and the places of those that
/// are gone.
fn nodes(options: &Options) -> Result<(), String> {
    let [braid, peer] = RECORDING;
    let accounts = MEMORY_ACCOUNTS;
    let id = |count| format!("{NODES}/{count}/accounts/{accounts}/{}", peer.0);
    let counts: Vec<usize> =
        CHANGES_VARIED.iter().copied().filter(|count| options.wants(&id(*count))).collect();
    if counts.is_empty() {
        return Ok(());
    }
    let mut pair = EnginePair::new(accounts, braid, peer)?;
    let mut rows = Vec::new();
    for count in counts {
        progress(&id(count));
        let times = pair.measure(count, options)?;
        let (braid, peer, items) = (braid.0, peer.0, count as u64);
        rows.push(Row { id: id(count), braid, peer, items, times });
    }
    let title =
        "new root and changed nodes by the number of changed leaves, on one state".to_owned();
    print(Table { title, item: "change", rows, mark_below: MARK });
    Ok(())
}

/// The same state in Braid and in a peer.
struct EnginePair {
    population: Population,
    braid: Box<dyn StateEngine>,
    peer: Box<dyn StateEngine>,
}

impl EnginePair {
    fn new(accounts: u64, braid: Engine, (name, peer): Engine) -> Result<Self, String> {
        let population = Population::new(accounts);
        let (mut braid, mut peer) = (braid.1(), peer());
        for delta in population.genesis(LEAVES_PER_DELTA) {
            progress(&format!("{name}: a state of {} leaves", population.leaves()));
            let roots = (root_after(&mut *braid, &delta)?, root_after(&mut *peer, &delta)?);
            agree(name, roots.0, roots.1)?;
            braid.settle();
            peer.settle();
        }
        Ok(Self { population, braid, peer })
    }

    /// Times of a block of so many changes. The engines have to agree on each block's root.
    fn measure(&mut self, changes: usize, options: &Options) -> Result<Pair, String> {
        let feed = RefCell::new(Feed::new(&mut self.population, changes));
        let (mut braid_roots, mut peer_roots) = (Vec::new(), Vec::new());
        let times = alternating(
            options.effort(),
            || sample(&mut *self.braid, &feed, &mut braid_roots),
            || sample(&mut *self.peer, &feed, &mut peer_roots),
        );
        for (braid, peer) in braid_roots.into_iter().zip(peer_roots) {
            agree("changes", braid?, peer?)?;
        }
        Ok(times)
    }
}

/// Nanoseconds for the next block.
fn sample(
    engine: &mut dyn StateEngine,
    feed: &RefCell<Feed>,
    roots: &mut Vec<Result<B256, String>>,
) -> f64 {
    let delta = feed.borrow_mut().block(roots.len() + 1);
    let elapsed = time(|| roots.push(root_after(engine, &delta)));
    engine.settle();
    elapsed.as_secs_f64() * 1e9
}

/// What each engine is resident with.
fn memory_table(options: &Options) -> Result<(), String> {
    let wanted: Vec<_> = engines()
        .map(|(name, _)| (name, format!("{MEMORY}/{MEMORY_ACCOUNTS}/{name}")))
        .filter(|(_, id)| options.wants(id))
        .collect();
    if wanted.is_empty() || memory::Resident::of_this_process().is_none() {
        return Ok(());
    }
    println!("resident memory of a state of {} leaves", Population::new(MEMORY_ACCOUNTS).leaves());
    for (name, id) in wanted {
        progress(&id);
        let line = memory::of_child(name, MEMORY_ACCOUNTS).map_err(|error| error.to_string())?;
        eprint!("\r\x1b[K");
        println!("{name:<12} {line}");
    }
    Ok(())
}

fn measure_memory(mut arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let (name, accounts) = (arguments.next().unwrap_or_default(), arguments.next());
    let accounts =
        accounts.and_then(|text| text.parse().ok()).ok_or("a number of accounts, please")?;
    match engines().find(|(engine, _)| *engine == name) {
        Some((_, new)) => memory::print(&mut *new(), accounts),
        None => Err(format!("no engine is called {name:?}")),
    }
}

fn engines() -> impl Iterator<Item = Engine> {
    std::iter::once(BRAID).chain(PEERS.iter().copied())
}

fn agree(id: &str, braid: B256, peer: B256) -> Result<(), String> {
    if braid == peer {
        Ok(())
    } else {
        Err(format!("{id}: Braid's root is {braid}, the peer's {peer}"))
    }
}

fn progress(what: &str) {
    eprint!("\r\x1b[K{what}");
}

fn print(table: Table) {
    eprint!("\r\x1b[K");
    if !table.rows.is_empty() {
        println!("{table}");
    }
}
