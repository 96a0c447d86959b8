//! Revm, given what Braid is given.
//!
//! What this adapter decides, it decides in favour of revm: its state is a hash map of its own that already has every account,
//! slot and analysed code that the case reads, and its environments are converted before the clock runs.

mod block;
mod convert;
mod recorder;

use std::convert::Infallible;

use braid_primitives::{BlockEnv, ChainSpec};
use revm::{
    Context, ExecuteEvm, MainBuilder, MainContext, MainnetEvm,
    context::{
        TxEnv,
        result::{EVMError, InvalidTransaction, ResultAndState},
    },
    database::InMemoryDB,
    handler::MainnetContext,
};

pub use block::{PeerBlock, PeerBlockOutcome, PeerInputs};
pub use convert::{account, bytecode, transaction};

/// Why revm gives no result.
pub type PeerError = EVMError<Infallible, InvalidTransaction>;

/// Revm for one block environment and one state; made once and reused.
#[derive(Debug)]
pub struct Peer {
    evm: MainnetEvm<MainnetContext<InMemoryDB>>,
}

impl Peer {
    /// Revm under the rules that `chain` has for a block with this environment.
    pub fn new(chain: &ChainSpec, env: &BlockEnv, state: InMemoryDB) -> Self {
        let evm = Context::mainnet()
            .with_db(state)
            .with_cfg(convert::rules(chain, env))
            .with_block(convert::block(chain, env))
            .build_mainnet();
        Self { evm }
    }

    /// Sets the transaction that [`Self::transact`] executes.
    pub fn set_transaction(&mut self, tx: TxEnv) {
        self.evm.ctx.tx = tx;
    }

    /// Executes the transaction that was set on the state, which stays as it is.
    ///
    /// # Errors
    /// If revm refuses it.
    pub fn transact(&mut self) -> Result<ResultAndState, PeerError> {
        self.evm.replay()
    }

    /// Replaces the state and hands back the old one.
    pub fn replace_state(&mut self, state: InMemoryDB) -> InMemoryDB {
        std::mem::replace(&mut self.evm.ctx.journaled_state.database, state)
    }
}
