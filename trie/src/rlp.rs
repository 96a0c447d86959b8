//! The pieces of RLP (yellow paper, appendix B) that trie nodes are made of, written straight into a buffer.

/// RLP of the empty string, which stands for an absent child or value.
pub(crate) const ABSENT: u8 = 0x80;
/// First byte of an RLP string shorter than 56 bytes, less the length.
pub(crate) const STRING: u8 = 0x80;
/// First byte of an RLP list shorter than 56 bytes, less the length.
pub(crate) const LIST: u8 = 0xc0;

/// Longest RLP header: one byte, and the length of the length.
const HEADER_ROOM: usize = 1 + size_of::<usize>();

/// Bytes of the RLP header of a string or list with a payload of this length.
const fn header_length(payload_length: usize) -> usize {
    if payload_length < 56 { 1 } else { 1 + significant_bytes(payload_length) }
}

const fn significant_bytes(value: usize) -> usize {
    size_of::<usize>() - value.leading_zeros() as usize / 8
}

/// The RLP header of a string ([`STRING`]) or list ([`LIST`]), right-aligned, and where it starts.
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

#[inline]
pub(crate) fn push_header(out: &mut Vec<u8>, kind: u8, payload_length: usize) {
    if payload_length < 56 {
        out.push(kind + low_byte(payload_length));
    } else {
        let (bytes, first) = header(kind, payload_length);
        out.extend_from_slice(&bytes[first..]);
    }
}

pub(crate) fn string_length(string: &[u8]) -> usize {
    if matches!(string, [0..0x80]) { 1 } else { header_length(string.len()) + string.len() }
}

pub(crate) fn push_string(out: &mut Vec<u8>, string: &[u8]) {
    if !matches!(string, [0..0x80]) {
        push_header(out, STRING, string.len());
    }
    out.extend_from_slice(string);
}

/// Encoded length of a hex-prefix path of this many nibbles. Alone, its first byte is below 0x80, so it is its own encoding.
pub(crate) fn path_length(nibbles: usize) -> usize {
    let bytes = 1 + nibbles / 2;
    if bytes == 1 { 1 } else { header_length(bytes) + bytes }
}

/// Writes the header, if any, of a hex-prefix path of this many nibbles.
#[inline]
pub(crate) fn push_path_header(out: &mut Vec<u8>, nibbles: usize) {
    let bytes = 1 + nibbles / 2;
    if bytes > 1 {
        push_header(out, STRING, bytes);
    }
}
