//! Contexts that nobody uses.

use braid_interpreter::Engine;

use super::{context::Context, lock, sync::Mutex};

/// Contexts are kept over blocks. There are as many as workers and waiting transactions ever were at once.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    idle: Mutex<Vec<Box<Context>>>,
    engine: Engine,
}

impl Contexts {
    /// One that nobody uses; what it did last is still in it.
    pub(super) fn take(&self) -> Box<Context> {
        let idle = lock(&self.idle).pop();
        let mut context = idle.unwrap_or_else(|| Box::new(Context::new(self.engine)));
        context.set_engine(self.engine);
        context
    }

    /// Gives one back.
    pub(super) fn put_back(&self, context: Box<Context>) {
        lock(&self.idle).push(context);
    }

    /// Chooses which engine runs code from now on.
    pub(super) fn set_engine(&mut self, engine: Engine) {
        self.engine = engine;
    }
}
