//! MODEXP, address 0x05 (EIP-198): `base ^ exponent mod modulus` for numbers of any length.
//!
//! Gas: EIP-198, then EIP-2565 (Berlin), then EIP-7883 (Osaka). From Osaka on no operand may be longer than 1024 bytes
//! (EIP-7823). The input announces the lengths, so that nothing may be allocated before they are paid for.

use std::borrow::Cow;

use alloy_primitives::U256;

use crate::{crypto::Crypto, error::PrecompileError, input::padded};

const HEADER_BYTES: usize = 96;

/// EIP-7823: the longest operand from Osaka on.
const OSAKA_LIMIT_BYTES: u128 = 1_024;

/// The longest operand of a computation before Osaka. There the gas is the only limit; this one keeps absurd gas limits
/// from asking for absurd memory. Up to a modulus of one byte it takes 700 million gas to reach, more than ten times the
/// gas of any block of those forks; with longer ones far more.
const LIMIT_BYTES: u128 = 1 << 28;

/// What the input says about itself. Lengths that do not fit saturate; such lengths cannot be paid for, and are of no
/// consequence where the gas is zero.
struct Header {
    base_length: u128,
    exponent_length: u128,
    modulus_length: u128,
}

impl Header {
    fn read(input: &[u8]) -> Self {
        let [base_length, exponent_length, modulus_length] = [0, 32, 64]
            .map(|offset| U256::from_be_bytes(padded::<32>(input, offset)).saturating_to());
        Self { base_length, exponent_length, modulus_length }
    }

    fn max_length(&self) -> u128 {
        self.base_length.max(self.modulus_length)
    }

    fn check_lengths(&self, limit_bytes: u128) -> Result<(), PrecompileError> {
        let lengths = [
            ("base", self.base_length),
            ("exponent", self.exponent_length),
            ("modulus", self.modulus_length),
        ];
        match lengths.into_iter().find(|(_, length)| *length > limit_bytes) {
            None => Ok(()),
            Some((operand, length)) => Err(PrecompileError::ModexpLength {
                operand,
                length_bytes: saturate(length),
                limit_bytes: saturate(limit_bytes),
            }),
        }
    }

    /// Number of squarings the exponent asks for, seen from its length and its first 32 bytes: `per_byte` for each byte
    /// beyond 32, and one less than the bits of the number that the first 32 bytes are. At least 1.
    fn iterations(&self, input: &[u8], per_byte: u128) -> u128 {
        let start = self.base_length.saturating_add(HEADER_BYTES as u128);
        let head = padded::<32>(input, usize::try_from(start).unwrap_or(usize::MAX));
        // A shorter exponent is followed by the modulus, which is shifted out.
        let missing_bytes =
            32 - usize::try_from(self.exponent_length).unwrap_or(usize::MAX).min(32);
        let head = U256::from_be_bytes(head) >> (8 * missing_bytes);
        let bits = head.bit_len().saturating_sub(1) as u128;
        let tail_bytes = self.exponent_length.saturating_sub(32);
        tail_bytes.saturating_mul(per_byte).saturating_add(bits).max(1)
    }
}

fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// Gas from Byzantium on.
#[expect(clippy::unnecessary_wraps, reason = "every gas rule of the table has this form")]
pub(crate) fn gas_eip198(input: &[u8]) -> Result<u64, PrecompileError> {
    let header = Header::read(input);
    let x = header.max_length();
    let square = x.saturating_mul(x);
    let linear = |factor| x.saturating_mul(factor);
    let complexity = match x {
        0..=64 => square,
        65..=1024 => square / 4 + linear(96) - 3_072,
        _ => (square / 16).saturating_add(linear(480)) - 199_680,
    };
    Ok(saturate(complexity.saturating_mul(header.iterations(input, 8)) / 20))
}

/// Gas from Berlin on.
#[expect(clippy::unnecessary_wraps, reason = "every gas rule of the table has this form")]
pub(crate) fn gas_eip2565(input: &[u8]) -> Result<u64, PrecompileError> {
    let header = Header::read(input);
    let words = header.max_length().div_ceil(8);
    let complexity = words.saturating_mul(words);
    Ok(saturate(complexity.saturating_mul(header.iterations(input, 8)) / 3).max(200))
}

/// Gas from Osaka on.
pub(crate) fn gas_eip7883(input: &[u8]) -> Result<u64, PrecompileError> {
    let header = Header::read(input);
    header.check_lengths(OSAKA_LIMIT_BYTES)?;
    let words = header.max_length().div_ceil(8);
    let complexity = if words <= 4 { 16 } else { 2 * words * words };
    Ok(saturate(complexity * header.iterations(input, 16)).max(500))
}

/// Input: the three lengths as words, then base, exponent and modulus. Output: the result, as long as the modulus.
pub(crate) fn modexp<C: Crypto>(
    crypto: &C,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), PrecompileError> {
    let header = Header::read(input);
    if header.modulus_length == 0 {
        return Ok(());
    }
    header.check_lengths(LIMIT_BYTES)?;
    let [base_length, exponent_length, modulus_length] =
        [header.base_length, header.exponent_length, header.modulus_length]
            .map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let exponent_start = HEADER_BYTES.saturating_add(base_length);
    let modulus_start = exponent_start.saturating_add(exponent_length);
    output.resize(modulus_length, 0);
    let modulus = operand(input, modulus_start, modulus_length);
    if modulus.is_empty() {
        return Ok(());
    }
    crypto.modexp(
        &operand(input, HEADER_BYTES, base_length),
        &operand(input, exponent_start, exponent_length),
        &modulus,
        output,
    );
    Ok(())
}

/// `length` bytes of `input` from `start` on, continued by zeros. An operand wholly beyond the end is zero, written as
/// no bytes at all: the lengths were paid for, but need not be allocated.
fn operand(input: &[u8], start: usize, length: usize) -> Cow<'_, [u8]> {
    let rest = input.get(start..).unwrap_or_default();
    match rest.get(..length) {
        Some(operand) => Cow::Borrowed(operand),
        None if rest.is_empty() => Cow::Borrowed(rest),
        None => {
            let mut operand = Vec::with_capacity(length);
            operand.extend_from_slice(rest);
            operand.resize(length, 0);
            Cow::Owned(operand)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PortableCrypto;

    /// An input with the given lengths, followed by `operands`.
    fn input(lengths: [U256; 3], operands: &[u8]) -> Vec<u8> {
        let mut input: Vec<u8> = lengths.iter().flat_map(U256::to_be_bytes::<32>).collect();
        input.extend_from_slice(operands);
        input
    }

    fn short(lengths: [u64; 3], operands: &[u8]) -> Vec<u8> {
        input(lengths.map(U256::from), operands)
    }

    fn gas(input: &[u8]) -> [Result<u64, PrecompileError>; 3] {
        [gas_eip198, gas_eip2565, gas_eip7883].map(|rule| rule(input))
    }

    fn result(input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        modexp(&PortableCrypto::new(), input, &mut output).unwrap();
        output
    }

    #[test]
    fn fermat_holds_modulo_the_prime_of_secp256k1() {
        let prime = U256::MAX - U256::from((1_u64 << 32) + 976);
        let mut operands = vec![3];
        operands.extend((prime - U256::ONE).to_be_bytes::<32>());
        operands.extend(prime.to_be_bytes::<32>());
        let input = short([1, 32, 32], &operands);
        assert_eq!(result(&input), U256::ONE.to_be_bytes::<32>());
        // 255 squarings; complexities 1024, 16 and 16.
        assert_eq!(gas(&input), [Ok(13_056), Ok(1_360), Ok(4_080)]);
    }

    #[test]
    fn lengths_beyond_any_machine_cannot_be_paid_for() {
        let huge = [U256::MAX, U256::ONE << 128, U256::ONE << 64, U256::from(u64::MAX)];
        for length in huge {
            for at in [0, 2] {
                let mut lengths = [U256::ZERO; 3];
                lengths[at] = length;
                let [byzantium, berlin, osaka] = gas(&input(lengths, &[]));
                assert_eq!([byzantium, berlin], [Ok(u64::MAX); 2], "{length}");
                assert!(matches!(osaka, Err(PrecompileError::ModexpLength { .. })));
            }
            let [byzantium, berlin, osaka] = gas(&input([U256::ONE, length, U256::ZERO], &[]));
            if length > U256::from(u64::MAX) * U256::from(3) {
                assert_eq!([byzantium, berlin], [Ok(u64::MAX); 2], "{length}");
            }
            assert!(matches!(
                osaka,
                Err(PrecompileError::ModexpLength { operand: "exponent", .. })
            ));
        }
    }

    #[test]
    fn without_base_and_modulus_an_exponent_of_any_length_is_free() {
        let input = input([U256::ZERO, U256::MAX, U256::ZERO], &[]);
        assert_eq!(gas(&input)[..2], [Ok(0), Ok(200)]);
        assert!(result(&input).is_empty());
    }

    #[test]
    fn the_limit_of_eip7823_is_1024_bytes() {
        assert!(gas_eip7883(&short([1_024, 1_024, 1_024], &[])).is_ok());
        for at in 0..3 {
            let mut lengths = [0; 3];
            lengths[at] = 1_025;
            assert!(gas_eip7883(&short(lengths, &[])).is_err());
        }
    }

    #[test]
    fn complexity_changes_at_its_thresholds() {
        let of = |length| gas(&short([length, 1, length], &[])).map(Result::unwrap);
        assert_eq!(of(32), [51, 200, 500]);
        assert_eq!(of(33), [54, 200, 500]);
        assert_eq!(of(64), [204, 200, 500]);
        assert_eq!(of(65), [(1_056 + 6_240 - 3_072) / 20, 200, 500]);
        assert_eq!(of(1_024), [(262_144 + 98_304 - 3_072) / 20, 5_461, 32_768]);
        let byzantium = gas_eip198(&short([1_025, 1, 1], &[])).unwrap();
        assert_eq!(byzantium, (65_664 + 492_000 - 199_680) / 20);
    }

    #[test]
    fn the_exponent_counts_by_its_first_word_and_its_length() {
        // A long exponent of zeros has only its length; one bit in the first word adds its position.
        let zeros = short([0, 40, 32], &[0; 40]);
        assert_eq!(gas(&zeros), [Ok(1_024 * 64 / 20), Ok(16 * 64 / 3), Ok(16 * 128)]);
        let mut operands = [0; 40];
        operands[0] = 1;
        let high = short([0, 40, 32], &operands);
        assert_eq!(gas(&high), [Ok(1_024 * 312 / 20), Ok(16 * 312 / 3), Ok(16 * 376)]);
        // What follows a short exponent is no part of it.
        let short_exponent = short([0, 1, 32], &[2, 0xff, 0xff]);
        assert_eq!(gas(&short_exponent), [Ok(51), Ok(200), Ok(500)]);
    }

    #[test]
    fn results_are_as_long_as_the_modulus_and_zero_modulo_zero() {
        assert_eq!(result(&short([1, 1, 2], &[3, 2, 0, 7])), [0, 2]);
        assert_eq!(result(&short([1, 1, 2], &[3, 2, 0, 0])), [0, 0]);
        assert_eq!(result(&short([1, 1, 2], &[3, 2, 0, 1])), [0, 0]);
        assert_eq!(result(&short([0, 0, 1], &[2])), [1]);
        assert_eq!(result(&short([0, 0, 1], &[1])), [0]);
        assert!(result(&short([1, 1, 0], &[3, 2])).is_empty());
    }

    #[test]
    fn missing_bytes_are_zeros_on_the_right() {
        // The modulus is 0x0200, the exponent 0x0100 where the input ends.
        assert_eq!(result(&short([1, 1, 2], &[5, 1, 2])), [0, 5]);
        assert_eq!(result(&short([1, 2, 2], &[5, 1])), [0, 0]);
        assert_eq!(result(&short([3, 1, 1], &[])), [0]);
    }

    #[test]
    fn absurd_lengths_fail_even_when_paid_for() {
        let mut output = Vec::new();
        let input = short([1, 1 << 29, 1], &[1; 98]);
        let error = modexp(&PortableCrypto::new(), &input, &mut output).unwrap_err();
        assert!(matches!(error, PrecompileError::ModexpLength { operand: "exponent", .. }));
    }
}
