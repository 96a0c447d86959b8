//! The blocks of a chain, its side chains included.

use alloy_primitives::map::HashMap;
use braid_executor::ommers::Ancestor;
use braid_primitives::{B256, SealedHeader, StateDelta, U256};

/// Position of a block in the tree.
pub(super) type BlockId = usize;

/// The block that the tree grows from.
pub(super) const GENESIS: BlockId = 0;

/// A valid block.
#[derive(Debug)]
pub(super) struct Node {
    /// Header and hash, and the hashes of the ommers.
    pub(super) block: Ancestor,
    /// Genesis is its own parent.
    pub(super) parent: BlockId,
    /// Difficulty of all blocks up to this one.
    pub(super) total_difficulty: U256,
    /// What leads from the parent's state to that of the block.
    pub(super) delta: StateDelta,
    /// What leads back.
    pub(super) inverse: StateDelta,
}

/// See the module's documentation. A parent stands before its children.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    by_hash: HashMap<B256, BlockId>,
}

impl Tree {
    pub(super) fn new(genesis: SealedHeader) -> Self {
        let total_difficulty = genesis.header.difficulty;
        let mut tree = Self { nodes: Vec::new(), by_hash: HashMap::default() };
        tree.insert(Node {
            block: Ancestor { block: genesis, ommer_hashes: Vec::new() },
            parent: GENESIS,
            total_difficulty,
            delta: StateDelta::default(),
            inverse: StateDelta::default(),
        });
        tree
    }

    pub(super) fn insert(&mut self, node: Node) -> BlockId {
        let id = self.nodes.len();
        self.by_hash.insert(node.block.block.hash, id);
        self.nodes.push(node);
        id
    }

    pub(super) fn find(&self, hash: B256) -> Option<BlockId> {
        self.by_hash.get(&hash).copied()
    }

    pub(super) fn node(&self, id: BlockId) -> &Node {
        &self.nodes[id]
    }

    pub(super) fn header(&self, id: BlockId) -> &SealedHeader {
        &self.nodes[id].block.block
    }

    /// The block and its ancestors, back to genesis.
    pub(super) fn branch(&self, id: BlockId) -> impl Iterator<Item = &Node> {
        let parent = |id: &BlockId| (*id != GENESIS).then(|| self.nodes[*id].parent);
        std::iter::successors(Some(id), parent).map(|id| &self.nodes[id])
    }

    /// Hash of the block of this height among `id` and its ancestors.
    pub(super) fn hash_at(&self, id: BlockId, number: u64) -> Option<B256> {
        // The height of a block is that of its parent and one.
        let generations = self.header(id).header.number.checked_sub(number)?;
        let node = self.branch(id).nth(usize::try_from(generations).ok()?)?;
        Some(node.block.block.hash)
    }

    /// The way from one block to another: blocks to take back, in order, then blocks to make again, in order.
    pub(super) fn path(&self, from: BlockId, to: BlockId) -> (Vec<BlockId>, Vec<BlockId>) {
        let (mut down, mut up) = (Vec::new(), Vec::new());
        let (mut low, mut high) = (from, to);
        while low != high {
            // Children stand after their parents, so the later one is no ancestor of the other.
            if low > high {
                down.push(low);
                low = self.nodes[low].parent;
            } else {
                up.push(high);
                high = self.nodes[high].parent;
            }
        }
        up.reverse();
        (down, up)
    }
}
