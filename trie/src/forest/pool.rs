//! Storage of nodes: indices instead of pointers, freed places used again.

use crate::{encode::Reference, nibbles::Nibbles};

/// Most nodes of one kind: an index leaves two bits for the kind.
const MAX_ITEMS: usize = 1 << 30;

/// Makes room for `more` items. Vectors double when they are full; a state is large enough for that to hurt.
fn make_room<T>(items: &mut Vec<T>, more: usize) {
    if items.capacity() - items.len() < more {
        items.reserve_exact(more.max(items.len() / GROWTH_DIVISOR));
    }
}

/// What is full grows by this part of its size.
const GROWTH_DIVISOR: usize = 4;

/// Items of one kind.
#[derive(Clone, Debug)]
pub(super) struct Pool<T> {
    items: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { items: Vec::new(), free: Vec::new() }
    }
}

impl<T> Pool<T> {
    /// # Panics
    /// If there are 2^30 items already: about 100 GiB of them.
    pub(super) fn insert(&mut self, item: T) -> u32 {
        if let Some(index) = self.free.pop() {
            self.items[index as usize] = item;
            return index;
        }
        assert!(self.items.len() < MAX_ITEMS, "a trie of more than 2^30 nodes");
        make_room(&mut self.items, 1);
        self.items.push(item);
        (self.items.len() - 1) as u32
    }

    pub(super) fn remove(&mut self, index: u32) {
        self.free.push(index);
    }

    /// Number of items in use.
    pub(super) fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.items.capacity() * size_of::<T>() + self.free.capacity() * size_of::<u32>()
    }
}

impl<T> std::ops::Index<u32> for Pool<T> {
    type Output = T;
    #[inline]
    fn index(&self, index: u32) -> &T {
        &self.items[index as usize]
    }
}

impl<T> std::ops::IndexMut<u32> for Pool<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        &mut self.items[index as usize]
    }
}

/// Which node a slot leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(u32);

/// The same, taken apart: indices into the pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    Leaf(u32),
    Branch(u32),
    Stub(u32),
    /// Known by its reference only.
    Blinded,
    /// Known by its reference only, but known to be a branch without an extension before it.
    BlindedBranch,
    /// The trie without nodes.
    Empty,
}

impl NodeId {
    pub(super) const BLINDED: Self = Self(3 << 30);
    pub(super) const BLINDED_BRANCH: Self = Self((3 << 30) | 1);
    pub(super) const EMPTY: Self = Self((3 << 30) | 2);

    pub(super) const fn leaf(index: u32) -> Self {
        Self(index)
    }

    pub(super) const fn branch(index: u32) -> Self {
        Self((1 << 30) | index)
    }

    pub(super) const fn stub(index: u32) -> Self {
        Self((2 << 30) | index)
    }

    #[inline]
    pub(super) const fn kind(self) -> NodeKind {
        let index = self.0 & (MAX_ITEMS as u32 - 1);
        match self.0 >> 30 {
            0 => NodeKind::Leaf(index),
            1 => NodeKind::Branch(index),
            2 => NodeKind::Stub(index),
            _ if self.0 == Self::BLINDED.0 => NodeKind::Blinded,
            _ if self.0 == Self::BLINDED_BRANCH.0 => NodeKind::BlindedBranch,
            _ => NodeKind::Empty,
        }
    }
}

/// The place of a child in its parent, or of a root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) reference: Reference,
    /// Generation in which this or something below was last read, written or revealed.
    pub(super) touched: u16,
    pub(super) node: NodeId,
}

impl Slot {
    /// Whether the reference is not that of what is below.
    #[inline]
    pub(super) const fn is_dirty(&self) -> bool {
        self.reference.length == 0
    }

    pub(super) const fn dirty(node: NodeId, generation: u16) -> Self {
        Self { reference: Reference::UNKNOWN, touched: generation, node }
    }
}

/// The key and what is there. Keys are whole, so that a leaf does not change when branches above it come and go.
#[derive(Clone, Debug)]
pub(super) struct Leaf<V> {
    pub(super) key: Nibbles,
    pub(super) value: V,
}

/// At least two children. An extension before it is not a node of its own: it is the gap between the end of the parent's
/// path and the end of this one.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    /// What all keys below it begin with; its length is the depth of the branch.
    pub(super) prefix: Nibbles,
    capacity: u8,
    /// Where its slots start; those of present children, in order.
    pub(super) slots: u32,
    /// Bit i for child i, bit 16 for the value.
    pub(super) mask: u32,
}

/// Index of the value among the children of a branch: it is a leaf whose key ends there.
pub(super) const VALUE_INDEX: u8 = 16;

impl Branch {
    #[inline]
    pub(super) const fn has(&self, index: u8) -> bool {
        self.mask >> index & 1 == 1
    }

    /// Place of a child, present or not, among those present.
    #[inline]
    const fn rank(&self, index: u8) -> u32 {
        (self.mask & ((1 << index) - 1)).count_ones()
    }

    /// Slot of a child that is present.
    #[inline]
    pub(super) const fn slot_of(&self, index: u8) -> u32 {
        self.slots + self.rank(index)
    }

    #[inline]
    pub(super) const fn count(&self) -> u32 {
        self.mask.count_ones()
    }

    /// Slots of the children.
    pub(super) const fn range(&self) -> std::ops::Range<u32> {
        self.slots..self.slots + self.count()
    }

    /// Slots of the children without the value, which has no node of its own.
    pub(super) const fn child_range(&self) -> std::ops::Range<u32> {
        self.slots..self.slots + self.count() - self.has(VALUE_INDEX) as u32
    }

    /// Indices of the children with their slots, in order.
    pub(super) fn children(&self) -> impl Iterator<Item = (u8, u32)> + use<> {
        let (mask, slots) = (self.mask, self.slots);
        (0..=VALUE_INDEX).filter(move |index| mask >> index & 1 == 1).zip(slots..)
    }
}

/// An extension whose branch is known by hash only.
#[derive(Clone, Debug)]
pub(super) struct Stub {
    /// Path of the branch.
    pub(super) prefix: Nibbles,
    /// Hash of the branch.
    pub(super) child: [u8; 32],
}

/// Sizes in which slots are handed out.
const CAPACITIES: [u8; 9] = [1, 2, 3, 4, 6, 8, 12, 16, 17];

fn class_of(count: usize) -> usize {
    CAPACITIES.partition_point(|capacity| usize::from(*capacity) < count)
}

/// The slots of all branches, each branch's together.
#[derive(Clone, Debug, Default)]
pub(super) struct SlotPool {
    slots: Vec<Slot>,
    /// Freed runs by class.
    free: [Vec<u32>; CAPACITIES.len()],
}

impl SlotPool {
    /// A run of at least `count` slots, from 1 to 17.
    fn allocate(&mut self, count: usize) -> (u32, u8) {
        let class = class_of(count);
        let capacity = CAPACITIES[class];
        if let Some(start) = self.free[class].pop() {
            return (start, capacity);
        }
        let start = self.slots.len();
        let end = start + usize::from(capacity);
        assert!(u32::try_from(end).is_ok(), "a trie of more than 2^32 children");
        make_room(&mut self.slots, usize::from(capacity));
        self.slots.resize(end, Slot::dirty(NodeId::EMPTY, 0));
        (start as u32, capacity)
    }

    fn release(&mut self, start: u32, capacity: u8) {
        self.free[class_of(usize::from(capacity))].push(start);
    }

    /// A slot of its own, for a root.
    pub(super) fn insert_root(&mut self, slot: Slot) -> u32 {
        let (start, _) = self.allocate(1);
        self.slots[start as usize] = slot;
        start
    }

    pub(super) fn remove_root(&mut self, slot: u32) {
        self.release(slot, 1);
    }

    /// A branch with these children, in order of their indices.
    pub(super) fn branch(&mut self, prefix: Nibbles, mask: u32, children: &[Slot]) -> Branch {
        let (start, capacity) = self.allocate(children.len());
        self.slots[start as usize..][..children.len()].copy_from_slice(children);
        Branch { prefix, capacity, slots: start, mask }
    }

    /// Gives the slots of a branch back.
    pub(super) fn release_branch(&mut self, branch: &Branch) {
        self.release(branch.slots, branch.capacity);
    }

    /// Adds a child that the branch does not have.
    pub(super) fn add_child(&mut self, branch: &mut Branch, index: u8, slot: Slot) {
        let (rank, count) = (branch.rank(index) as usize, branch.count() as usize);
        if count == usize::from(branch.capacity) {
            let (start, capacity) = self.allocate(count + 1);
            let old = branch.slots as usize;
            self.slots.copy_within(old..old + count, start as usize);
            self.release(branch.slots, branch.capacity);
            (branch.slots, branch.capacity) = (start, capacity);
        }
        let start = branch.slots as usize;
        self.slots.copy_within(start + rank..start + count, start + rank + 1);
        self.slots[start + rank] = slot;
        branch.mask |= 1 << index;
    }

    /// Takes a child out that the branch has.
    pub(super) fn remove_child(&mut self, branch: &mut Branch, index: u8) {
        let (rank, count) = (branch.rank(index) as usize, branch.count() as usize);
        let start = branch.slots as usize;
        self.slots.copy_within(start + rank + 1..start + count, start + rank);
        branch.mask &= !(1 << index);
    }

    /// A run of slots.
    pub(super) fn range(&self, range: std::ops::Range<u32>) -> &[Slot] {
        &self.slots[range.start as usize..range.end as usize]
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let free: usize = self.free.iter().map(|list| list.capacity() * size_of::<u32>()).sum();
        self.slots.capacity() * size_of::<Slot>() + free
    }
}

impl std::ops::Index<u32> for SlotPool {
    type Output = Slot;
    #[inline]
    fn index(&self, index: u32) -> &Slot {
        &self.slots[index as usize]
    }
}

impl std::ops::IndexMut<u32> for SlotPool {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut Slot {
        &mut self.slots[index as usize]
    }
}
