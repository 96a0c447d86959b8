//! Whether a block may have its ommers: headers that share an ancestor with it and are rewarded, until Paris (yellow paper,
//! section 11.1).

use braid_precompiles::Crypto;
use braid_primitives::{B256, ChainSpec, Hardfork, Header, SealedHeader};

use crate::header_rules::{InvalidHeader, validate_header};

/// Most ommers of a block.
pub const MAX_OMMERS: usize = 2;

/// How many generations up ancestors matter: an ommer is a child of an ancestor at most this far.
pub const OMMER_GENERATIONS: usize = 7;

/// An ancestor of a block, as far as the block's ommers are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Its header and hash.
    pub block: SealedHeader,
    /// Hashes of its ommers.
    pub ommer_hashes: Vec<B256>,
}

/// Ommers that a block may not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOmmers {
    /// Ommers from Paris on (EIP-3675).
    #[error("block has {found} ommers, there are none since {}", Hardfork::Paris)]
    NotAllowed {
        /// How many.
        found: usize,
    },
    /// More than two ommers.
    #[error("block has {found} ommers, {most} are allowed")]
    TooMany {
        /// The limit.
        most: usize,
        /// How many.
        found: usize,
    },
    /// The same ommer twice in the block.
    #[error("ommer {index}, {hash}, is in the block already")]
    Duplicate {
        /// Position in the list of ommers, from 0.
        index: usize,
        /// Hash of the ommer.
        hash: B256,
    },
    /// The ommer is an ancestor of the block.
    #[error("ommer {index}, {hash}, is an ancestor, {generation} generations up")]
    Ancestor {
        /// Position in the list of ommers, from 0.
        index: usize,
        /// Hash of the ommer.
        hash: B256,
        /// Distance from the block: 1 for its parent.
        generation: usize,
    },
    /// The ommer is in an ancestor already.
    #[error("ommer {index}, {hash}, is in the block {generation} generations up already")]
    AlreadyIncluded {
        /// Position in the list of ommers, from 0.
        index: usize,
        /// Hash of the ommer.
        hash: B256,
        /// Distance of that ancestor from the block: 1 for its parent.
        generation: usize,
    },
    /// The ommer is a child of the block's parent: a sibling.
    #[error("ommer {index} has the parent of the block, {parent_hash}")]
    Sibling {
        /// Position in the list of ommers, from 0.
        index: usize,
        /// Hash of the parent.
        parent_hash: B256,
    },
    /// The ommer's parent is none of the ancestors two to seven generations up.
    #[error("parent {parent_hash} of ommer {index} is no ancestor two to seven generations up")]
    ParentNotAncestor {
        /// Position in the list of ommers, from 0.
        index: usize,
        /// Hash of the ommer's parent.
        parent_hash: B256,
    },
    /// The ommer's header may not follow its parent's.
    #[error("ommer {index}: {error}")]
    Header {
        /// Position in the list of ommers, from 0.
        index: usize,
        /// What is wrong with it.
        error: InvalidHeader,
    },
}

/// Checks the ommers of the block with this header, whose ancestors are `ancestors`, the parent first. Those more than
/// [`OMMER_GENERATIONS`] up do not matter; all up to there have to be given, as far as the chain goes back.
///
/// The proof of work of an ommer is not checked, nor that the header commits to these ommers (see [`crate::body_rules`]).
///
/// # Errors
/// [`InvalidOmmers`] for the first ommer that may not be in the block.
pub fn validate_ommers<C: Crypto>(
    ommers: &[Header],
    header: &Header,
    ancestors: &[Ancestor],
    spec: &ChainSpec,
    crypto: &C,
) -> Result<(), InvalidOmmers> {
    let found = ommers.len();
    if found == 0 {
        return Ok(());
    }
    if spec.hardfork_at(header.number, header.timestamp) >= Hardfork::Paris {
        return Err(InvalidOmmers::NotAllowed { found });
    }
    if found > MAX_OMMERS {
        return Err(InvalidOmmers::TooMany { most: MAX_OMMERS, found });
    }
    let ancestors = &ancestors[..ancestors.len().min(OMMER_GENERATIONS)];
    let mut hashes = Vec::with_capacity(found);
    for (index, ommer) in ommers.iter().enumerate() {
        let hash = ommer.hash(|bytes| crypto.keccak256(bytes));
        if hashes.contains(&hash) {
            return Err(InvalidOmmers::Duplicate { index, hash });
        }
        hashes.push(hash);
        check_novelty(index, hash, ancestors)?;
        let parent = parent_of(index, ommer, header, ancestors)?;
        validate_header(ommer, parent, spec)
            .map_err(|error| InvalidOmmers::Header { index, error })?;
    }
    Ok(())
}

/// The ommer is no ancestor, and in none of them.
fn check_novelty(index: usize, hash: B256, ancestors: &[Ancestor]) -> Result<(), InvalidOmmers> {
    for (generation, ancestor) in (1..).zip(ancestors) {
        if ancestor.block.hash == hash {
            return Err(InvalidOmmers::Ancestor { index, hash, generation });
        }
        if ancestor.ommer_hashes.contains(&hash) {
            return Err(InvalidOmmers::AlreadyIncluded { index, hash, generation });
        }
    }
    Ok(())
}

/// The ancestor of the block that is the ommer's parent. The block's parent is too close: its children are the block's
/// siblings.
fn parent_of<'a>(
    index: usize,
    ommer: &Header,
    header: &Header,
    ancestors: &'a [Ancestor],
) -> Result<&'a SealedHeader, InvalidOmmers> {
    let parent_hash = ommer.parent_hash;
    if parent_hash == header.parent_hash {
        return Err(InvalidOmmers::Sibling { index, parent_hash });
    }
    let mut blocks = ancestors.iter().map(|ancestor| &ancestor.block);
    blocks
        .find(|block| block.hash == parent_hash)
        .ok_or(InvalidOmmers::ParentNotAncestor { index, parent_hash })
}

#[cfg(test)]
mod tests;
