//! What every modular exponentiation does first: drop leading zeros and answer the trivial cases.

/// Operands of a computation that is worth one: no leading zeros, exponent at least 1, modulus at least 2.
pub(super) struct Operands<'a> {
    pub(super) base: &'a [u8],
    pub(super) exponent: &'a [u8],
    pub(super) modulus: &'a [u8],
}

/// Simplifies the operands, or writes the answer and returns `None`.
///
/// # Panics
/// If `result` and `modulus` differ in length.
pub(super) fn simplify<'a>(
    base: &'a [u8],
    exponent: &'a [u8],
    modulus: &'a [u8],
    result: &mut [u8],
) -> Option<Operands<'a>> {
    assert_eq!(result.len(), modulus.len(), "the result is as long as the modulus");
    let [base, exponent, modulus] = [base, exponent, modulus].map(significant);
    if matches!(modulus, [] | [1]) || (base.is_empty() && !exponent.is_empty()) {
        result.fill(0);
        return None;
    }
    if exponent.is_empty() {
        write_right_aligned(&[1], result);
        return None;
    }
    Some(Operands { base, exponent, modulus })
}

/// Writes a number of at most `result.len()` bytes, with zeros before it.
pub(super) fn write_right_aligned(number: &[u8], result: &mut [u8]) {
    let (zeros, tail) = result.split_at_mut(result.len() - number.len());
    zeros.fill(0);
    tail.copy_from_slice(number);
}

/// `number` without its leading zeros.
fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// The computation in pure Rust.
pub(super) fn pure_rust(operands: &Operands<'_>, result: &mut [u8]) {
    let Operands { base, exponent, modulus } = operands;
    write_right_aligned(&aurora_engine_modexp::modexp(base, exponent, modulus), result);
}
