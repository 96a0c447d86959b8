//! State tries, Braid's beside those of others.
//!
//! Four questions, each with its own table:
//!
//! * **from scratch**: the root of many sorted leaves. Builders that keep nothing stand beside builders that keep nothing,
//!   tries beside tries.
//! * **incremental**: a block's changes on a state that is in memory as a whole, and the new root. Both sides are warm, take
//!   the same write set (addresses and slots not hashed yet), and hold all nodes afterwards, ready for the next block. The
//!   write sets differ from block to block, and the state goes on from one to the next.
//! * **nodes**: the same, with the changed nodes handed out for a database; what that does with them does not count.
//! * **memory**: what a process that holds the state is resident with, each engine in a process of its own.
//!
//! Whatever an adapter decides, it decides in favour of the peer; each says what.

pub mod braid;
pub mod memory;
pub mod peers;
pub mod population;
pub mod report;

use std::rc::Rc;

use braid_primitives::{B256, StateDelta};

/// A state whose root is wanted after each block.
pub trait StateEngine {
    /// Makes the changes of a block.
    ///
    /// # Errors
    /// What the engine says if it cannot.
    fn apply(&mut self, delta: &StateDelta) -> Result<(), String>;

    /// The root of the state as it is now.
    ///
    /// # Errors
    /// What the engine says if it cannot.
    fn root(&mut self) -> Result<B256, String>;

    /// What the engine wants to do between blocks and the clock must not see.
    fn settle(&mut self) {}

    /// What the engine says of its memory, for people.
    fn memory_note(&self) -> String {
        String::new()
    }
}

/// Makes the changes and gives the new root.
///
/// # Errors
/// What the engine says if it cannot.
pub fn root_after(engine: &mut dyn StateEngine, delta: &StateDelta) -> Result<B256, String> {
    engine.apply(delta)?;
    engine.root()
}

/// The write sets of successive blocks, made when the first of two engines asks and handed to the second, too.
#[derive(Debug)]
pub struct Feed<'a> {
    population: &'a mut population::Population,
    changes: usize,
    latest: (usize, Rc<StateDelta>),
}

impl<'a> Feed<'a> {
    /// Blocks of so many changed leaves.
    pub fn new(population: &'a mut population::Population, changes: usize) -> Self {
        Self { population, changes, latest: (0, Rc::default()) }
    }

    /// The block with this number: 1, or the one asked for last, or the next.
    ///
    /// # Panics
    /// If it is another.
    pub fn block(&mut self, number: usize) -> Rc<StateDelta> {
        if number != self.latest.0 {
            assert_eq!(number, self.latest.0 + 1, "engines are at most one block apart");
            self.latest = (number, Rc::new(self.population.block(self.changes)));
        }
        Rc::clone(&self.latest.1)
    }
}
