//! The option `--engine`.

use braid_executor::Engine;
use clap::ValueEnum;

/// The argument of every command that executes code.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct EngineArgument {
    /// Engine that runs the code. Results do not depend on it, only time does.
    #[arg(long, value_name = "ENGINE", value_enum, default_value_t)]
    engine: Name,
}

/// What the engines are called on the command line.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Name {
    /// All code on the plain engine: instruction by instruction, nothing prepared.
    Plain,
    /// All code on the threaded engine, code seen for the first time too.
    Threaded,
    /// Initcode and cold code on the plain engine, hot code on the threaded one.
    #[default]
    Adaptive,
}

impl From<EngineArgument> for Engine {
    fn from(argument: EngineArgument) -> Self {
        match argument.engine {
            Name::Plain => Self::Plain,
            Name::Threaded => Self::Threaded,
            Name::Adaptive => Self::Adaptive,
        }
    }
}
