//! Reading inputs, which are virtually continued by zeros without end.

/// The first `N` bytes of `input` from `offset` on, with zeros where the input has ended.
pub(crate) fn padded<const N: usize>(input: &[u8], offset: usize) -> [u8; N] {
    let mut out = [0; N];
    let rest = input.get(offset..).unwrap_or_default();
    let length = rest.len().min(N);
    out[..length].copy_from_slice(&rest[..length]);
    out
}

/// `input` as an array of exactly `N` bytes.
pub(crate) fn exact<const N: usize>(
    input: &[u8],
) -> Result<&[u8; N], crate::error::PrecompileError> {
    input.try_into().map_err(|_| crate::error::PrecompileError::InputLength {
        length: input.len(),
        expected: N,
    })
}

/// `input` as items of `N` bytes each.
pub(crate) fn items<const N: usize>(
    input: &[u8],
) -> Result<&[[u8; N]], crate::error::PrecompileError> {
    match input.as_chunks() {
        (items, []) => Ok(items),
        _ => Err(crate::error::PrecompileError::ItemLength { length: input.len(), item_bytes: N }),
    }
}

/// Splits an array into two arrays that follow each other without a gap.
///
/// The lengths are checked when the function is instantiated, not when it runs.
pub(crate) fn split<const N: usize, const A: usize, const B: usize>(
    bytes: &[u8; N],
) -> (&[u8; A], &[u8; B]) {
    const { assert!(A + B == N) };
    let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) else {
        unreachable!("A and B are at most N")
    };
    (head, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_gives_zeros() {
        assert_eq!(padded::<4>(&[1, 2, 3], 1), [2, 3, 0, 0]);
        assert_eq!(padded::<2>(&[1, 2, 3], 3), [0, 0]);
        assert_eq!(padded::<2>(&[1, 2, 3], usize::MAX), [0, 0]);
        assert_eq!(padded::<2>(&[1, 2, 3], 0), [1, 2]);
    }

    #[test]
    fn items_want_a_whole_number() {
        assert_eq!(items::<2>(&[1, 2, 3, 4]).unwrap(), [[1, 2], [3, 4]]);
        assert!(items::<2>(&[]).unwrap().is_empty());
        assert!(items::<2>(&[1]).is_err());
    }

    #[test]
    fn split_covers_the_array() {
        let (head, tail) = split::<3, 1, 2>(&[1, 2, 3]);
        assert_eq!((head, tail), (&[1], &[2, 3]));
    }
}
