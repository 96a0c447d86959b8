//! The loaders read every block of the fixture set, and what the headers commit to agrees with the bodies.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use braid_cli::fixture::FixtureSet;
use braid_precompiles::{Crypto, DefaultCrypto};

/// The set of real blocks, if it is there.
fn blocks() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let fixtures = std::env::var_os("BRAID_FIXTURES")
        .map_or_else(|| root.join("../shared/fixtures"), PathBuf::from);
    let set = fixtures.join("mainnet-blocks");
    if !set.is_dir() {
        // Written directly, because the test harness keeps what a passing test prints to itself.
        let line =
            format!("not run: the loaders on real blocks, for there is no {}\n", set.display());
        drop(std::io::stderr().write_all(line.as_bytes()));
        return None;
    }
    Some(set)
}

#[test]
fn every_real_block_loads_and_its_header_commits_to_its_body() {
    let Some(folder) = blocks() else { return };
    let crypto = DefaultCrypto::new();
    let set = FixtureSet::open(&folder).unwrap();
    let count = set.numbers().len();
    assert!(count > 0);
    for index in 0..count {
        let fixture = set.load(index, &crypto).unwrap_or_else(|error| panic!("{error}"));
        let facts = &fixture.facts;
        let number = fixture.block.env.number;
        if !facts.is_complete() {
            continue;
        }
        assert_eq!(
            facts.header.hash(|bytes| crypto.keccak256(bytes)),
            facts.hash,
            "block {number}"
        );
        assert_eq!(facts.transactions_root, facts.header.transactions_root, "block {number}");
        assert_eq!(facts.withdrawals_root, facts.header.withdrawals_root, "block {number}");
    }
}

#[test]
fn one_block_of_a_set_loads_by_itself_as_it_does_in_the_set() {
    let Some(folder) = blocks() else { return };
    let crypto = DefaultCrypto::new();
    let set = FixtureSet::open(&folder).unwrap();
    let index = set.numbers().position(|number| number == 4_370_000).unwrap();
    let in_set = set.load(index, &crypto).unwrap();
    let alone = FixtureSet::open(&folder.join("4370000")).unwrap();
    assert_eq!(alone.numbers().collect::<Vec<_>>(), [4_370_000]);
    let alone = alone.load(0, &crypto).unwrap();
    assert_eq!(alone.block, in_set.block);
    assert_eq!(alone.pre_state, in_set.pre_state);
    assert_eq!(alone.facts.hash, in_set.facts.hash);
}

/// A sequence of numbers that is the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Reads the sample, with one of its files changed in one place, many times: each is an error or a fixture.
#[test]
fn no_change_of_a_byte_makes_loading_panic() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/block");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("loaders_damaged");
    let number = "100000000";
    let crypto = DefaultCrypto::new();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let names = ["manifest", "bytecodes", "block_hashes", "block", "pre_state", "expected"];
    for (index, name) in names.iter().enumerate() {
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        std::fs::create_dir_all(folder.join(number)).unwrap();
        for (index, name) in names.iter().enumerate() {
            let place = |root: &Path| if index < 3 { root.to_owned() } else { root.join(number) };
            let plain = place(&sample).join(format!("{name}.json"));
            let source = if plain.exists() { plain } else { plain.with_extension("json.gz") };
            let contents = braid_cli::source::read_file(&source).unwrap();
            std::fs::write(place(&folder).join(format!("{name}.json")), contents.bytes).unwrap();
        }
        let place = if index < 3 { folder.clone() } else { folder.join(number) };
        let path = place.join(format!("{name}.json"));
        let good = std::fs::read(&path).unwrap();
        for _ in 0..40 {
            let mut bad = good.clone();
            let at = numbers.below(bad.len());
            match numbers.below(4) {
                0 => bad.truncate(at),
                1 => bad[at] = u8::try_from(numbers.below(256)).unwrap(),
                2 => bad[at] = b"0f\"{}[],:x-9en"[numbers.below(14)],
                _ => drop(bad.remove(at)),
            }
            std::fs::write(&path, &bad).unwrap();
            let result = FixtureSet::open(&folder).and_then(|set| {
                (0..set.numbers().len()).try_for_each(|index| set.load(index, &crypto).map(drop))
            });
            if let Err(error) = result {
                assert!(error.to_string().contains(".json: "), "{error}");
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
}
