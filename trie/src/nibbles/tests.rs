use proptest::prelude::*;

use super::*;

fn path(nibbles: &[u8]) -> Nibbles {
    nibbles.iter().fold(Nibbles::EMPTY, |path, nibble| path.push(*nibble).unwrap())
}

#[test]
fn a_path_longer_than_a_hash_cannot_be_made() {
    let full = Nibbles::of_hash(&[7; 32]);
    assert_eq!(full.push(1), None);
    assert_eq!(full.join_hex_prefix(&[0x11]), Err(HexPrefixFault::TooLong { nibbles: 65 }));
    assert_eq!(full.join_hex_prefix(&[0x20]), Ok((full, true)));
}

#[test]
fn a_hex_prefix_with_unknown_flags_is_refused() {
    let join = |bytes: &[u8]| Nibbles::EMPTY.join_hex_prefix(bytes);
    assert_eq!(join(&[]), Err(HexPrefixFault::Empty));
    for first in [0x01, 0x2f, 0x40, 0xff] {
        assert_eq!(join(&[first, 0x12]), Err(HexPrefixFault::Flags { first }));
    }
    assert_eq!(join(&[0x00, 0x12]), Ok((path(&[1, 2]), false)));
    assert_eq!(join(&[0x35, 0x12]), Ok((path(&[5, 1, 2]), true)));
}

proptest! {
    #[test]
    fn paths_behave_as_strings_of_nibbles(
        a in prop::collection::vec(0..4_u8, 0..=64),
        b in prop::collection::vec(0..4_u8, 0..=64),
        cut in 0..=64_usize,
    ) {
        let (packed_a, packed_b) = (path(&a), path(&b));
        prop_assert_eq!(packed_a.iter().collect::<Vec<_>>(), a.clone());
        prop_assert_eq!(packed_a.cmp(&packed_b), a.cmp(&b));
        prop_assert_eq!(packed_a.starts_with(&packed_b), a.starts_with(&b));
        let shared = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        prop_assert_eq!(packed_a.shared_with(&packed_b), shared);
        let cut = cut.min(a.len());
        prop_assert_eq!(packed_a.prefix(cut), path(&a[..cut]));
    }

    #[test]
    fn a_hex_prefix_leads_back_to_the_path(
        nibbles in prop::collection::vec(0..16_u8, 0..=64),
        from in 0..=64_usize,
        to in 0..=64_usize,
        leaf: bool,
    ) {
        let path = path(&nibbles);
        let to = to.min(nibbles.len());
        let from = from.min(to);
        let mut encoded = Vec::new();
        path.push_hex_prefix(from, to, leaf, &mut encoded);
        prop_assert_eq!(encoded.len(), 1 + (to - from) / 2);
        let joined = path.prefix(from).join_hex_prefix(&encoded);
        prop_assert_eq!(joined, Ok((path.prefix(to), leaf)));
    }
}
