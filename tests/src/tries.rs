//! Tries: oracles, random histories and hostile nodes.
//!
//! | module | holds |
//! |---|---|
//! | [`naive`] | a trie built anew from its leaves by the letter of the yellow paper: its root and every node by path |
//! | [`oracle`] | roots of a state by three others: the naive trie, alloy-trie, triehash |
//! | [`keys`] | addresses and slots whose hashes share long prefixes, and other keys that make trouble |
//! | [`history`] | what happens to accounts in several blocks, from a seed |
//! | [`model`] | a history's states and write sets |
//! | [`ways`] | the ways in which a state trie can be taken through a history |
//! | [`raw`] | random changes of a single trie under awkward keys |
//! | [`proofs`] | proofs of a state, checked by others and with faults |
//! | [`shrink`] | makes a failing history small |

pub mod history;
pub mod keys;
pub mod model;
pub mod naive;
pub mod oracle;
pub mod shrink;
