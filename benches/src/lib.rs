//! Benchmarks of Braid, with revm beside it in the same process.
//!
//! Both engines run the same cases on the same pre-state in memory, with the same kind of cryptography, the same allocator
//! and the same profile. Before anything is timed, both have to agree on what the case does.
//!
//! | bench | does |
//! |---|---|
//! | `compare` | interleaves engines run by run: tables of ratios for contracts, blocks and hostile code, for people |
//! | `trie` | roots, changes and memory of state tries, beside those of others |
//! | `contracts` | Criterion over contracts and precompiles, for tracking |
//! | `keccak_batch` | hashes of short messages in batches, beside one after the other |
//! | `keccak_short` | hashes of 32 and 64 bytes, one by one |
//! | `mainnet_blocks` | Criterion over mainnet blocks, for tracking |
//!
//! and examples: `profile` for profilers; `instruction_statistics`: which instructions are executed, after which others and on
//! which operands, and how much of a code is executed at all; `compare_builds`: two builds of `compare` in turns. The script
//! `without_flag.sh` uses the last to find out what those lose who build Braid without the flags of its workspace;
//! `components.sh` says where the time of a case goes, and `REPORT.md` what came out.
//!
//! ```text
//! cargo bench -p braid-benches --bench compare                    everything
//! cargo bench -p braid-benches --bench compare -- snailtracer     the cases whose id contains this
//! cargo bench -p braid-benches --bench compare -- --help          how long, which blocks, which engines
//! cargo bench -p braid-benches --bench compare -- adversarial/    Braid's engines on code made to be costly for them
//! cargo bench -p braid-benches --bench compare -- contracts/ mainnet_blocks/ --engine threaded --beside plain
//! cargo bench -p braid-benches --bench keccak_short               short hashes, the ways there are
//! cargo bench -p braid-benches --bench trie -- changes/1000       new roots after 1000 changes, by the size of the state
//! cargo run --release -p braid-benches --example instruction_statistics   what mainnet blocks and contracts execute
//! benches/without_flag.sh 5                                       what the flags give, in five rounds
//! ```
//!
//! Fixtures lie in the folder that the environment variable `BRAID_FIXTURES` names, `../shared/fixtures` relative to the
//! workspace unless it is set. Without them a bench says so and ends well.

#![forbid(unsafe_code)]

pub mod adversarial;
pub mod blocks;
pub mod cases;
pub mod error;
pub mod exit;
pub mod fixtures;
pub mod instructions;
pub mod measure;
pub mod options;
pub mod peer;
pub mod report;
pub mod trie;

pub use error::BenchError;

/// Both engines allocate with it.
#[cfg(feature = "snmalloc")]
#[global_allocator]
static ALLOCATOR: snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;
