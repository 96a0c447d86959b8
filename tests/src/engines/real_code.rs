//! Code that compilers have made: of the built-in block always, of the other fixtures where they are.

use std::{collections::BTreeMap, fs, path::Path};

use alloy_primitives::{Bytes, hex};
use braid_cli::{fixture::FixtureSet, source::read_file};
use braid_interpreter::opcode::byte as op;
use braid_precompiles::DefaultCrypto;
use braid_primitives::StateReader;

use super::assembly::instructions;
use crate::{
    corpus::{files_below, fixtures, named_values},
    random::Random,
};

/// Code and what to call it with.
#[derive(Debug)]
pub struct RealCode {
    codes: Vec<Bytes>,
}

impl RealCode {
    /// The contracts of the built-in block, which is always there.
    ///
    /// # Panics
    /// If it cannot be loaded: it is part of the program.
    pub fn built_in() -> Self {
        let set = FixtureSet::sample().unwrap_or_else(|error| panic!("{error}"));
        let fixture = set.load(0, &DefaultCrypto::new()).unwrap_or_else(|error| panic!("{error}"));
        let state = fixture.pre_state;
        let hashes = state.addresses().filter_map(|address| {
            let Ok(account) = state.account(address) else { return None };
            account.map(|info| info.code_hash)
        });
        let codes: BTreeMap<_, _> =
            hashes.filter_map(|hash| state.code(hash).ok().map(|code| (hash, code))).collect();
        Self { codes: codes.into_values().filter(|code| !code.is_empty()).collect() }
    }

    /// The contracts of the built-in block and of the benches, and if `with_mainnet` those that mainnet blocks call.
    ///
    /// # Panics
    /// If a file that is there cannot be read: fixtures are part of the tests.
    pub fn of_fixtures(with_mainnet: bool) -> Self {
        let mut all = Self::built_in();
        let Some(folder) = fixtures("code of fixtures") else { return all };
        let benches = folder.join("bench-contracts");
        if benches.is_dir() {
            all.add_benches(&benches);
        }
        let mainnet = folder.join("mainnet-blocks/bytecodes.json.gz");
        if with_mainnet && mainnet.is_file() {
            let file =
                read_file(&mainnet).and_then(|file| file.parse::<BTreeMap<String, String>>());
            let codes = file.unwrap_or_else(|error| panic!("{error}"));
            let codes = codes.values().filter_map(|code| hex::decode(code).ok());
            all.codes.extend(codes.filter(|code| !code.is_empty()).map(Bytes::from));
        }
        all
    }

    fn add_benches(&mut self, folder: &Path) {
        for file in [".hex", "bytecode.txt"].iter().flat_map(|end| files_below(folder, end)) {
            let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file:?}: {e}"));
            let code = hex::decode(text.trim()).unwrap_or_else(|e| panic!("{file:?}: {e}"));
            self.codes.push(code.into());
        }
        for file in files_below(&folder.join("evm2-data"), ".json") {
            for (_, test) in named_values(&file) {
                let accounts = test["pre"].as_object().into_iter().flat_map(|map| map.values());
                let codes = accounts.filter_map(|account| account["code"].as_str());
                let codes = codes.filter_map(|code| hex::decode(code).ok());
                self.codes.extend(codes.filter(|code| !code.is_empty()).map(Bytes::from));
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// One of them, by its number below [`Self::len`].
    ///
    /// # Panics
    /// If there is none of that number.
    pub fn get(&self, number: usize) -> &[u8] {
        &self.codes[number]
    }

    /// One of them, whole.
    pub fn pick(&self, random: &mut Random) -> Bytes {
        self.codes[random.index(self.codes.len())].clone()
    }

    /// A stretch of one of them, of whole instructions.
    pub fn stretch(&self, random: &mut Random) -> Vec<u8> {
        let code = self.pick(random);
        let all = instructions(&code);
        let start = random.index(all.len());
        let length = 1 + random.index(200);
        all[start..].iter().take(length).flat_map(|bytes| bytes.iter().copied()).collect()
    }
}

/// Calldata for the code: the selector of one of its functions, if it seems to have any, and words.
pub fn calldata(random: &mut Random, code: &[u8]) -> Bytes {
    let pushes = instructions(code).into_iter().filter(|bytes| bytes[0] == op::PUSH4);
    // The dispatcher is where the code begins.
    let selectors: Vec<_> = pushes.filter(|bytes| bytes.len() == 5).take(60).collect();
    let mut data = Vec::new();
    if !selectors.is_empty() && !random.one_in(8) {
        data.extend_from_slice(&random.pick(&selectors)[1..]);
    }
    for _ in 0..random.index(5) {
        data.extend(random.word().to_be_bytes::<32>());
    }
    let extra = if random.one_in(6) { random.index(31) } else { 0 };
    data.extend(random.bytes(extra));
    data.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_block_has_code_with_selectors() {
        let real = RealCode::built_in();
        assert!(!real.is_empty());
        let mut random = Random::new(1);
        let code = real.pick(&mut random);
        assert!((0..20).any(|_| calldata(&mut random, &code).len() % 32 == 4));
    }
}
