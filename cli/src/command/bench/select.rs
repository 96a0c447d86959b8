//! Which blocks `braid bench` measures.

use std::{
    env,
    path::{Path, PathBuf},
};

use braid_executor::MissingState;
use braid_precompiles::DefaultCrypto;

use crate::{
    bench::{BenchBlock, Origin, Workload, fixture_name},
    error::InputError,
    fixture::FixtureSet,
};

/// Where fixtures are if nobody says where.
const FIXTURES_VARIABLE: &str = "BRAID_FIXTURES";
const FIXTURES: &str = "../shared/fixtures";
const MAINNET_BLOCKS: &str = "mainnet-blocks";

/// Why there is nothing to measure.
#[derive(Debug, thiserror::Error)]
pub(super) enum SelectError {
    /// A fixture cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A block's state is incomplete.
    #[error("{name}: expected all state that the block reads, found {missing}")]
    State {
        /// The block.
        name: String,
        /// What is not there.
        missing: MissingState,
    },
    /// No block is called so.
    #[error("no block has {name:?} in its name; there are {there_are}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names of the blocks.
        there_are: String,
    },
}

/// A block that may be measured.
#[derive(Clone, Copy, Debug)]
enum Choice {
    Synthetic(Workload),
    /// Of a set: position, origin and number.
    Fixture(usize, Origin, u64),
}

impl Choice {
    fn name(self) -> String {
        match self {
            Self::Synthetic(workload) => workload.name().to_owned(),
            Self::Fixture(_, origin, number) => fixture_name(origin, number),
        }
    }
}

/// The blocks to measure.
#[derive(Debug)]
pub(super) struct Selection {
    choices: Vec<Choice>,
    sample: FixtureSet,
    mainnet: Option<FixtureSet>,
    /// Where mainnet's blocks were looked for and are not.
    nowhere: Option<PathBuf>,
    /// Of synthetic blocks.
    gas: u64,
}

impl Selection {
    /// Those that have one of `names` in their names; all, if there are none, but those of mainnet only if that is wanted.
    pub(super) fn new(
        names: &[String],
        fixtures: Option<&Path>,
        gas: u64,
        wants_mainnet: bool,
    ) -> Result<Self, SelectError> {
        let sample = FixtureSet::sample()?;
        let mut choices: Vec<Choice> = Workload::ALL.map(Choice::Synthetic).into();
        choices.extend(in_set(&sample, Origin::Sample));
        let is_known = |name: &String| choices.iter().any(|choice| choice.name().contains(name));
        // The set is large: it is opened only if something can come of it.
        let is_asked_for = match names {
            [] => wants_mainnet,
            names => !names.iter().all(is_known),
        };
        let mainnet = match fixtures {
            Some(folder) => Some(FixtureSet::open(folder)?),
            None if is_asked_for => find_mainnet()?,
            None => None,
        };
        let is_missing = is_asked_for && mainnet.is_none();
        choices.extend(mainnet.iter().flat_map(|set| in_set(set, Origin::Mainnet)));
        for name in names {
            if !choices.iter().any(|choice| choice.name().contains(name)) {
                let there_are = there_are(mainnet.as_ref());
                return Err(SelectError::Unknown { name: name.clone(), there_are });
            }
        }
        let is_wanted = |choice: &Choice| {
            let own = choice.name();
            names.is_empty() || names.iter().any(|name| own.contains(name))
        };
        choices.retain(is_wanted);
        Ok(Self { choices, sample, mainnet, nowhere: is_missing.then(default_folder), gas })
    }

    /// Where mainnet's blocks were looked for, if they are wanted and not there.
    pub(super) fn nowhere(&self) -> Option<&Path> {
        self.nowhere.as_deref()
    }

    pub(super) fn len(&self) -> usize {
        self.choices.len()
    }

    pub(super) fn name(&self, index: usize) -> String {
        self.choices[index].name()
    }

    /// Makes or loads a block.
    pub(super) fn load(&self, index: usize) -> Result<BenchBlock, SelectError> {
        let (set, place, origin) = match (self.choices[index], &self.mainnet) {
            (Choice::Synthetic(workload), _) => return Ok(workload.block(self.gas)),
            (Choice::Fixture(place, Origin::Mainnet, _), Some(set)) => {
                (set, place, Origin::Mainnet)
            }
            (Choice::Fixture(place, origin, _), _) => (&self.sample, place, origin),
        };
        let fixture = set.load(place, &DefaultCrypto::new())?;
        Ok(BenchBlock::of_fixture(fixture, origin))
    }
}

fn in_set(set: &FixtureSet, origin: Origin) -> impl Iterator<Item = Choice> {
    set.numbers().enumerate().map(move |(place, number)| Choice::Fixture(place, origin, number))
}

/// The set of mainnet blocks, if there is one where it is by default.
fn find_mainnet() -> Result<Option<FixtureSet>, InputError> {
    let folder = default_folder();
    if folder.is_dir() { FixtureSet::open(&folder).map(Some) } else { Ok(None) }
}

fn default_folder() -> PathBuf {
    let fixtures = env::var_os(FIXTURES_VARIABLE).map_or_else(|| FIXTURES.into(), PathBuf::from);
    fixtures.join(MAINNET_BLOCKS)
}

/// All names, those of mainnet's blocks in short.
fn there_are(mainnet: Option<&FixtureSet>) -> String {
    let mut names: Vec<String> =
        Workload::ALL.iter().map(|workload| workload.name().to_owned()).collect();
    names.push("sample/NUMBER".to_owned());
    names.push(match mainnet {
        Some(set) => format!("{} blocks mainnet/NUMBER", set.numbers().len()),
        None => format!("no mainnet blocks, as there is no folder {}", default_folder().display()),
    });
    names.join(", ")
}
