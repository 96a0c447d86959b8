//! BLAKE2F, address 0x09 (EIP-152): the compression function F of BLAKE2b, with any number of rounds.

use crate::{
    crypto::Crypto,
    error::PrecompileError,
    input::{exact, split},
};

const INPUT_BYTES: usize = 213;

/// One gas for each round. An input of the wrong length has no price.
pub(crate) fn gas(input: &[u8]) -> Result<u64, PrecompileError> {
    let (rounds, _) = split::<INPUT_BYTES, 4, 209>(exact(input)?);
    Ok(u64::from(u32::from_be_bytes(*rounds)))
}

/// Input: rounds (big-endian), h, m, t (little-endian words), the final-block flag. Output: the new h.
pub(crate) fn blake2f<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    let (rounds, rest) = split::<INPUT_BYTES, 4, 209>(exact(input)?);
    let (words, flag) = split::<209, 208, 1>(rest);
    let (h, rest) = split::<208, 64, 144>(words);
    let (m, t) = split::<144, 128, 16>(rest);
    let is_final = match flag {
        [0] => false,
        [1] => true,
        [flag] => return Err(PrecompileError::Blake2Flag { flag: *flag }),
    };
    let mut state = little_endian_words::<8>(h);
    crypto.blake2b_compress(
        u32::from_be_bytes(*rounds),
        &mut state,
        &little_endian_words(m),
        little_endian_words(t),
        is_final,
    );
    output.extend(state.iter().flat_map(|word| word.to_le_bytes()));
    Ok(())
}

fn little_endian_words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let (chunks, _) = bytes.as_chunks();
    let mut words = [0; N];
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u64::from_le_bytes(*chunk);
    }
    words
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;
    use crate::PortableCrypto;

    /// State and message of the hash of "abc" by BLAKE2b with 64 bytes of output, as RFC 7693 has it in appendix A.
    fn abc(rounds: u32, flag: u8) -> Vec<u8> {
        let mut input = rounds.to_be_bytes().to_vec();
        input.extend(hex!(
            "48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5"
            "d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b"
        ));
        input.extend(b"abc");
        input.resize(4 + 64 + 128, 0);
        input.extend([3, 0, 0, 0, 0, 0, 0, 0]);
        input.extend([0; 8]);
        input.push(flag);
        input
    }

    fn output(input: &[u8]) -> Result<Vec<u8>, PrecompileError> {
        let mut output = Vec::new();
        blake2f(&PortableCrypto::new(), input, &mut output).map(|()| output)
    }

    #[test]
    fn twelve_rounds_hash_abc() {
        let expected = hex!(
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
            "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
        );
        assert_eq!(output(&abc(12, 1)).unwrap(), expected);
    }

    #[test]
    fn no_round_leaves_the_feed_forward() {
        let expected = hex!(
            "08c9bcf367e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5"
            "d282e6ad7f520e511f6c3e2b8c68059b9442be0454267ce079217e1319cde05b"
        );
        assert_eq!(output(&abc(0, 1)).unwrap(), expected);
    }

    #[test]
    fn one_round_and_no_final_block() {
        let one_round = hex!(
            "b63a380cb2897d521994a85234ee2c181b5f844d2c624c002677e9703449d2fb"
            "a551b3a8333bcdf5f2f7e08993d53923de3d64fcc68c034e717b9293fed7a421"
        );
        assert_eq!(output(&abc(1, 1)).unwrap(), one_round);
        let not_final = hex!(
            "75ab69d3190a562c51aef8d88f1c2775876944407270c42c9844252c26d28752"
            "98743e7f6d5ea2f2d3e8d226039cd31b4e426ac4f2d3d666a610c2116fde4735"
        );
        assert_eq!(output(&abc(12, 0)).unwrap(), not_final);
    }

    #[test]
    fn the_form_of_the_input_is_checked() {
        let input = abc(12, 1);
        assert_eq!(gas(&input), Ok(12));
        assert_eq!(gas(&abc(u32::MAX, 0)), Ok(u64::from(u32::MAX)));
        assert!(gas(&input[..212]).is_err());
        assert!(gas(&[&input[..], &[0]].concat()).is_err());
        assert!(gas(&[]).is_err());
        assert_eq!(output(&abc(12, 2)), Err(PrecompileError::Blake2Flag { flag: 2 }));
    }
}
