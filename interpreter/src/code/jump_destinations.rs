//! Finds where jumps may land.
//!
//! All code that runs for the first time goes through here, so it has to be quick on any: 64 bytes are looked at together, and
//! only the PUSH instructions among them one after the other.

use crate::opcode::byte;

/// Bytes of code for each word of the map.
const CHUNK_BYTES: usize = u64::BITS as usize;
/// A byte of one in each of the eight places.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The three bits that PUSH1 to PUSH32 have in common, and no other opcode has.
const PUSH_BITS: u8 = 0xe0;

const _: () =
    assert!(byte::PUSH1 & PUSH_BITS == byte::PUSH1 && byte::PUSH32 == byte::PUSH1 | !PUSH_BITS);

/// Replaces `map` by one bit for each byte of the code: set where there is a JUMPDEST that is not immediate data.
pub(super) fn find_jump_destinations(code: &[u8], map: &mut Vec<u64>) {
    map.clear();
    map.reserve_exact(code.len().div_ceil(CHUNK_BYTES));
    // How many bytes at the beginning of the chunk are immediate data of an instruction before it.
    let mut data_bytes = 0;
    let (chunks, rest) = code.as_chunks::<CHUNK_BYTES>();
    for chunk in chunks {
        let (word, data_bytes_of_next) = chunk_destinations(chunk, data_bytes);
        map.push(word);
        data_bytes = data_bytes_of_next;
    }
    if !rest.is_empty() {
        let mut chunk = [0; CHUNK_BYTES];
        chunk[..rest.len()].copy_from_slice(rest);
        map.push(chunk_destinations(&chunk, data_bytes).0);
    }
}

/// The destinations in 64 bytes whose first `data_bytes` are immediate data, and how many of the next 64 bytes are. At most
/// the 32 bytes of an immediate are left to it.
#[inline]
fn chunk_destinations(chunk: &[u8; CHUNK_BYTES], data_bytes: usize) -> (u64, usize) {
    let (mut destinations, mut pushes) = (0, 0);
    for (place, bytes) in chunk.as_chunks::<8>().0.iter().enumerate() {
        let bytes = u64::from_le_bytes(*bytes);
        let not_destination = bytes ^ (u64::from(byte::JUMPDEST) * ONES);
        let not_push = (bytes & (u64::from(PUSH_BITS) * ONES)) ^ (u64::from(byte::PUSH1) * ONES);
        destinations |= zero_bytes(not_destination) << (8 * place);
        pushes |= zero_bytes(not_push) << (8 * place);
    }
    let mut next = data_bytes;
    let mut data = !from(next);
    loop {
        let rest = pushes & from(next);
        if rest == 0 {
            return (destinations & !data, 0);
        }
        let push = rest.trailing_zeros() as usize;
        // PUSH1 is followed by one byte.
        next = push + 2 + usize::from(chunk[push] - byte::PUSH1);
        data |= from(push) << 1;
        if next >= CHUNK_BYTES {
            return (destinations & !data, next - CHUNK_BYTES);
        }
        data &= !from(next);
    }
}

/// The bits from `place` on, which is below 64.
#[inline]
const fn from(place: usize) -> u64 {
    u64::MAX << place
}

/// One bit for each of the eight bytes, the lowest for the lowest byte: set where the byte is zero.
#[inline]
const fn zero_bytes(bytes: u64) -> u64 {
    const LOW_BITS: u64 = 0x7f * ONES;
    // The sum carries into a byte's high bit if one of its low bits is set; nothing carries out of a byte.
    let high_bits = !(((bytes & LOW_BITS) + LOW_BITS) | bytes | LOW_BITS);
    // Gathers the bits, which lie eight places apart, in the highest byte.
    (high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Miri takes some of the places, and some of the rounds.
    const STRIDE: usize = if cfg!(miri) { 41 } else { 1 };
    const PUSH_STRIDE: usize = if cfg!(miri) { 8 } else { 1 };
    const ROUNDS: u32 = if cfg!(miri) { 20 } else { 2_000 };

    /// The definition (yellow paper, section 9.4.3), instruction by instruction.
    fn walked(code: &[u8]) -> Vec<u64> {
        let mut map = vec![0; code.len().div_ceil(64)];
        let mut offset = 0;
        while let Some(&op) = code.get(offset) {
            if op == byte::JUMPDEST {
                map[offset / 64] |= 1 << (offset % 64);
            }
            let is_push = (byte::PUSH1..=byte::PUSH32).contains(&op);
            offset += if is_push { usize::from(op - byte::PUSH1) + 2 } else { 1 };
        }
        map
    }

    fn jump_destinations(code: &[u8]) -> Vec<u64> {
        // What is there before does not matter.
        let mut map = vec![u64::MAX; 3];
        find_jump_destinations(code, &mut map);
        map
    }

    #[test]
    fn zero_bytes_are_found_among_all_others() {
        for value in (1..=u8::MAX).step_by(STRIDE) {
            for place in 0..8 {
                let bytes = (u64::from(value) * ONES) & !(0xff << (8 * place));
                assert_eq!(zero_bytes(bytes), 1 << place, "{bytes:#x}");
            }
        }
        assert_eq!((zero_bytes(0), zero_bytes(u64::MAX)), (0xff, 0));
    }

    #[test]
    fn every_push_hides_its_immediate_at_every_place_of_a_chunk() {
        for push in (byte::PUSH0..=byte::PUSH32).step_by(PUSH_STRIDE) {
            for place in (0..=3 * CHUNK_BYTES).step_by(STRIDE) {
                for length in [place + 1, place + 20, 4 * CHUNK_BYTES] {
                    let mut code = vec![byte::JUMPDEST; length];
                    code[place] = push;
                    assert_eq!(jump_destinations(&code), walked(&code), "{push:#x} at {place}");
                }
            }
        }
    }

    #[test]
    fn noise_of_pushes_and_destinations_is_walked_as_defined() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut number = || {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for round in 0..ROUNDS {
            let length = (number() % 400) as usize;
            let mut code: Vec<u8> = (0..length).map(|_| number().to_le_bytes()[0]).collect();
            if round % 2 == 0 {
                let few = [byte::JUMPDEST, byte::PUSH1, byte::PUSH1 + 1, byte::PUSH32, byte::ADD];
                code.iter_mut().for_each(|op| *op = few[usize::from(*op) % few.len()]);
            }
            assert_eq!(jump_destinations(&code), walked(&code), "{code:x?}");
        }
    }

    #[test]
    fn no_code_has_no_destinations() {
        assert!(jump_destinations(&[]).is_empty());
    }
}
