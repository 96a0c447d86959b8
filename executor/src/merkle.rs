//! The root of a Merkle Patricia trie from its sorted leaves, without building the trie.
//!
//! Yellow paper, appendix D. Leaves arrive in order, so at any time only the branches on the path to the current leaf are
//! incomplete. They form a stack, outermost first, and each is encoded as its children arrive: what a child leaves behind
//! is its reference (a hash, or the node itself if that is shorter than 32 bytes), appended to the encoding of its parent.
//!
//! Two numbers decide everything: the depths (in nibbles) at which a leaf parts from its predecessor and from its
//! successor. The deeper of the two is the depth of the leaf's parent branch. Branches deeper than the latter are complete
//! once the leaf is attached; the gap between the depths of a branch and its parent, if any, is an extension node.

use braid_primitives::{B256, b256};

/// The root of the trie without leaves: the hash of the empty RLP string.
pub const EMPTY_ROOT: B256 =
    b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// Root of the trie that holds these leaves, each a key and its non-empty value. Keys are in strictly ascending order; one
/// may be a prefix of another.
///
/// `keccak` is Keccak-256.
///
/// # Panics
/// If a key is not greater than the one before.
///
/// ```
/// use alloy_primitives::keccak256;
/// use braid_executor::merkle::sorted_root;
/// // The only node is a leaf: the list of its path (0x20 marks a leaf) and its value.
/// let root = sorted_root(|bytes| keccak256(bytes), [([0x12], [0x05])]);
/// assert_eq!(root, keccak256([0xc4, 0x82, 0x20, 0x12, 0x05]));
/// ```
pub fn sorted_root<K, V>(
    keccak: impl Fn(&[u8]) -> B256,
    leaves: impl IntoIterator<Item = (K, V)>,
) -> B256
where
    K: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    let mut leaves = leaves.into_iter();
    let Some((mut key, mut value)) = leaves.next() else { return EMPTY_ROOT };
    let mut builder = Builder::new(keccak);
    for (next_key, next_value) in leaves {
        let shared = shared_nibbles(key.as_ref(), next_key.as_ref());
        builder.add_leaf(key.as_ref(), value.as_ref(), Some(shared));
        builder.close_deeper_than(shared, key.as_ref());
        (key, value) = (next_key, next_value);
    }
    builder.finish(key.as_ref(), value.as_ref())
}

/// Length in nibbles of the common prefix of two keys in order.
fn shared_nibbles(key: &[u8], next: &[u8]) -> usize {
    match key.iter().zip(next).position(|(a, b)| a != b) {
        Some(at) => {
            let (a, b) = (key[at], next[at]);
            assert!(a < b, "leaves are sorted by key");
            2 * at + usize::from(a >> 4 == b >> 4)
        }
        None => {
            assert!(key.len() < next.len(), "leaves are sorted by key, without duplicates");
            2 * key.len()
        }
    }
}

/// The nibble of a key at a depth.
fn nibble(key: &[u8], depth: usize) -> u8 {
    let byte = key[depth / 2];
    if depth.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f }
}

/// Children of a branch.
const WIDTH: u8 = 16;
/// Room for the header of a branch, which is written last: one byte, and the length of the length.
const HEADER_ROOM: usize = 1 + size_of::<usize>();
/// RLP of the empty string, which stands for an absent child or value.
const ABSENT: u8 = 0x80;
/// First byte of an RLP string shorter than 56 bytes, less the length.
const STRING: u8 = 0x80;
/// First byte of an RLP list shorter than 56 bytes, less the length.
const LIST: u8 = 0xc0;

/// A branch whose children are still arriving.
struct Branch {
    /// Nibbles above it: the length of the prefix that all keys below it share.
    depth: usize,
    /// Where the room for its header starts in [`Builder::nodes`]; the children follow.
    start: usize,
    /// Children already encoded, absent ones included.
    children: u8,
    /// Where its value starts in [`Builder::values`].
    value_start: usize,
}

/// What a parent holds of a child: its hash as an RLP string, or the child itself if that is shorter.
struct Reference {
    bytes: [u8; 33],
    length: usize,
}

impl Reference {
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

struct Builder<F> {
    keccak: F,
    /// Branches on the path to the current leaf, outermost first.
    open: Vec<Branch>,
    /// Encodings of the open branches so far, one after the other; at times a complete node at the end.
    nodes: Vec<u8>,
    /// Values of the open branches, RLP strings one after the other.
    values: Vec<u8>,
}

impl<F: Fn(&[u8]) -> B256> Builder<F> {
    fn new(keccak: F) -> Self {
        Self { keccak, open: Vec::new(), nodes: Vec::with_capacity(1024), values: Vec::new() }
    }

    /// Attaches a leaf to its parent branch, opening that first if need be. `shared` is the common prefix with the next
    /// leaf. Returns whether there is a parent: there is none if the leaf is the only one.
    fn add_leaf(&mut self, key: &[u8], value: &[u8], shared: Option<usize>) -> bool {
        if let Some(depth) = shared
            && self.open.last().is_none_or(|branch| branch.depth < depth)
        {
            self.open_branch(depth);
        }
        let Some(depth) = self.open.last().map(|branch| branch.depth) else { return false };
        if depth == 2 * key.len() {
            // All keys below the branch start with this one, which sorts first: the branch is new and has no value yet.
            push_string(&mut self.values, value);
        } else {
            let start = self.push_leaf(key, depth + 1, value);
            let child = self.take_reference(start);
            self.attach(nibble(key, depth), &child);
        }
        true
    }

    /// Completes branches until none is deeper than `depth`, at which one is then open. `key` is any key below them.
    fn close_deeper_than(&mut self, depth: usize, key: &[u8]) {
        while let Some(branch) = self.open.pop_if(|branch| branch.depth > depth) {
            let parent_depth = self.open.last().map_or(depth, |parent| parent.depth.max(depth));
            let node = self.complete(&branch, parent_depth + 1, key);
            let child = self.take_reference(node);
            self.nodes.truncate(branch.start);
            if self.open.last().is_none_or(|parent| parent.depth < depth) {
                self.open_branch(depth);
            }
            self.attach(nibble(key, parent_depth), &child);
        }
    }

    /// Adds the last leaf, completes all branches and hashes the root node.
    fn finish(mut self, key: &[u8], value: &[u8]) -> B256 {
        let mut root = 0;
        if !self.add_leaf(key, value, None) {
            root = self.push_leaf(key, 0, value);
        }
        while let Some(branch) = self.open.pop() {
            let Some(parent_depth) = self.open.last().map(|parent| parent.depth) else {
                root = self.complete(&branch, 0, key);
                break;
            };
            let node = self.complete(&branch, parent_depth + 1, key);
            let child = self.take_reference(node);
            self.nodes.truncate(branch.start);
            self.attach(nibble(key, parent_depth), &child);
        }
        (self.keccak)(&self.nodes[root..])
    }

    fn open_branch(&mut self, depth: usize) {
        let (start, value_start) = (self.nodes.len(), self.values.len());
        self.nodes.extend_from_slice(&[0; HEADER_ROOM]);
        self.open.push(Branch { depth, start, children: 0, value_start });
    }

    /// Appends a child to the innermost branch, at an index above all that it has.
    fn attach(&mut self, index: u8, child: &Reference) {
        let Some(branch) = self.open.last_mut() else { unreachable!("the parent was opened") };
        push_absent(&mut self.nodes, index - branch.children);
        branch.children = index + 1;
        self.nodes.extend_from_slice(child.as_slice());
    }

    /// Ends the encoding of a branch that was just popped, and puts an extension before it if its prefix reaches above it
    /// to depth `from`. Returns where the node starts; it is the last in `nodes`.
    fn complete(&mut self, branch: &Branch, from: usize, key: &[u8]) -> usize {
        push_absent(&mut self.nodes, WIDTH - branch.children);
        if self.values.len() > branch.value_start {
            self.nodes.extend_from_slice(&self.values[branch.value_start..]);
            self.values.truncate(branch.value_start);
        } else {
            self.nodes.push(ABSENT);
        }
        let payload_start = branch.start + HEADER_ROOM;
        let node = header_before(&mut self.nodes, payload_start);
        if branch.depth == from {
            return node;
        }
        let child = self.take_reference(node);
        self.push_extension(key, from, branch.depth, &child)
    }

    /// Encodes the leaf whose path starts at depth `from`. Returns where the node starts.
    fn push_leaf(&mut self, key: &[u8], from: usize, value: &[u8]) -> usize {
        let start = self.nodes.len();
        // Keys have an even number of nibbles, so a path of odd length starts within a byte.
        let (flags, tail) = if from.is_multiple_of(2) {
            (0x20, &key[from / 2..])
        } else {
            (0x30 | (key[from / 2] & 0x0f), &key[from / 2 + 1..])
        };
        let payload_length = path_length(tail.len()) + string_length(value);
        push_header(&mut self.nodes, LIST, payload_length);
        push_path_start(&mut self.nodes, flags, tail.len());
        self.nodes.extend_from_slice(tail);
        push_string(&mut self.nodes, value);
        start
    }

    /// Encodes an extension over the nibbles from one depth to another. Returns where the node starts.
    fn push_extension(
        &mut self,
        key: &[u8],
        mut from: usize,
        to: usize,
        child: &Reference,
    ) -> usize {
        let start = self.nodes.len();
        let tail_length = (to - from) / 2;
        push_header(&mut self.nodes, LIST, path_length(tail_length) + child.length);
        let flags = if (to - from).is_multiple_of(2) {
            0x00
        } else {
            from += 1;
            0x10 | nibble(key, from - 1)
        };
        push_path_start(&mut self.nodes, flags, tail_length);
        let pairs = (from..to).step_by(2);
        self.nodes.extend(pairs.map(|at| nibble(key, at) << 4 | nibble(key, at + 1)));
        self.nodes.extend_from_slice(child.as_slice());
        start
    }

    /// Removes the node at the end, keeping what its parent needs.
    fn take_reference(&mut self, start: usize) -> Reference {
        let mut bytes = [0; 33];
        let node = &self.nodes[start..];
        let length = if node.len() < 32 {
            bytes[..node.len()].copy_from_slice(node);
            node.len()
        } else {
            bytes[0] = STRING + 32;
            bytes[1..].copy_from_slice((self.keccak)(node).as_slice());
            33
        };
        self.nodes.truncate(start);
        Reference { bytes, length }
    }
}

fn push_absent(out: &mut Vec<u8>, count: u8) {
    out.resize(out.len() + usize::from(count), ABSENT);
}

/// Encoded length of a path of one flag byte and `tail_length` more. The flag byte is below 0x80, so alone it is its own
/// encoding.
fn path_length(tail_length: usize) -> usize {
    if tail_length == 0 { 1 } else { header_length(1 + tail_length) + 1 + tail_length }
}

fn push_path_start(out: &mut Vec<u8>, flags: u8, tail_length: usize) {
    if tail_length > 0 {
        push_header(out, STRING, 1 + tail_length);
    }
    out.push(flags);
}

fn string_length(string: &[u8]) -> usize {
    if matches!(string, [0..0x80]) { 1 } else { header_length(string.len()) + string.len() }
}

fn push_string(out: &mut Vec<u8>, string: &[u8]) {
    if !matches!(string, [0..0x80]) {
        push_header(out, STRING, string.len());
    }
    out.extend_from_slice(string);
}

/// Bytes of the RLP header of a string or list with a payload of this length.
const fn header_length(payload_length: usize) -> usize {
    if payload_length < 56 { 1 } else { 1 + significant_bytes(payload_length) }
}

const fn significant_bytes(value: usize) -> usize {
    size_of::<usize>() - value.leading_zeros() as usize / 8
}

/// The RLP header of a string ([`STRING`]) or list ([`LIST`]), right-aligned.
fn header(kind: u8, payload_length: usize) -> ([u8; HEADER_ROOM], usize) {
    let mut bytes = [0; HEADER_ROOM];
    let length = header_length(payload_length);
    let first = HEADER_ROOM - length;
    bytes[1..].copy_from_slice(&payload_length.to_be_bytes());
    // Both long forms start 55 above the short ones; `length - 1` is the length of the length.
    bytes[first] = if length == 1 {
        kind + low_byte(payload_length)
    } else {
        kind + 55 + low_byte(length - 1)
    };
    (bytes, first)
}

fn low_byte(value: usize) -> u8 {
    value.to_le_bytes()[0]
}

fn push_header(out: &mut Vec<u8>, kind: u8, payload_length: usize) {
    if payload_length < 56 {
        out.push(kind + low_byte(payload_length));
    } else {
        let (bytes, first) = header(kind, payload_length);
        out.extend_from_slice(&bytes[first..]);
    }
}

/// Writes the list header of the payload that ends `out` into the room before it. Returns where the header starts.
fn header_before(out: &mut [u8], payload_start: usize) -> usize {
    let (bytes, first) = header(LIST, out.len() - payload_start);
    let room_start = payload_start - HEADER_ROOM;
    out[room_start + first..payload_start].copy_from_slice(&bytes[first..]);
    room_start + first
}

#[cfg(test)]
mod tests;
