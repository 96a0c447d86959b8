//! What the tests of more than one crate share.
//!
//! | module | holds |
//! |---|---|
//! | [`corpus`] | where the fixtures are |
//! | [`random`] | seeded random numbers |
//! | [`world`] | a state that every engine can read, and whose changes are checked when they are made |
//! | [`recorder`] | a reader that keeps the reads in order and refuses some |
//! | [`vm_host`] | a host for one frame, whose reads can be interrupted |
//! | [`tries`] | oracles and random histories of tries |
//! | [`differential`] | random blocks, executed by Braid and by the oracle, compared |
//! | [`engines`] | random code on the engines of the interpreter, compared |
//! | [`parallel`] | blocks executed sequentially and in parallel, compared |

#![forbid(unsafe_code)]

pub mod corpus;
pub mod differential;
pub mod engines;
pub mod parallel;
pub mod random;
pub mod recorder;
pub mod tries;
pub mod vm_host;
pub mod world;
