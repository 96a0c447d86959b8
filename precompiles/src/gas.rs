//! Gas rules: what the input of a precompile costs.

use crate::error::PrecompileError;

/// What a precompile charges. The rule looks at the input, never at the result.
#[derive(Clone, Copy, Debug)]
pub enum GasRule {
    /// The same for every input.
    Fixed(u64),
    /// `base + per_word * words`, where `words` is the input length in words of 32 bytes, rounded up.
    PerWord {
        /// Gas of an empty input.
        base: u64,
        /// Gas of each word of 32 bytes.
        per_word: u64,
    },
    /// `base + per_item * items`, where `items` is the number of whole items of `item_bytes` bytes in the input.
    PerItem {
        /// Gas of an empty input.
        base: u64,
        /// Gas of each item.
        per_item: u64,
        /// Size of one item in bytes.
        item_bytes: usize,
    },
    /// Anything else. An input that can have no price is an error.
    Computed(fn(&[u8]) -> Result<u64, PrecompileError>),
}

impl GasRule {
    /// The gas that `input` costs, saturating at `u64::MAX`.
    ///
    /// # Errors
    /// The reason why the input can have no price.
    pub fn gas(&self, input: &[u8]) -> Result<u64, PrecompileError> {
        match *self {
            Self::Fixed(gas) => Ok(gas),
            Self::PerWord { base, per_word } => {
                Ok(linear(base, per_word, input.len().div_ceil(32)))
            }
            Self::PerItem { base, per_item, item_bytes } => {
                Ok(linear(base, per_item, input.len() / item_bytes))
            }
            Self::Computed(rule) => rule(input),
        }
    }
}

fn linear(base: u64, per_unit: u64, units: usize) -> u64 {
    let units = u64::try_from(units).unwrap_or(u64::MAX);
    base.saturating_add(per_unit.saturating_mul(units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_up_and_items_round_down() {
        let words = GasRule::PerWord { base: 60, per_word: 12 };
        assert_eq!([0, 1, 32, 33].map(|n| words.gas(&vec![0; n])), [60, 72, 72, 84].map(Ok));
        let items = GasRule::PerItem { base: 45_000, per_item: 34_000, item_bytes: 192 };
        assert_eq!(
            [0, 191, 192, 383].map(|n| items.gas(&vec![0; n])),
            [45_000, 45_000, 79_000, 79_000].map(Ok)
        );
    }

    #[test]
    fn a_price_beyond_u64_saturates() {
        assert_eq!(linear(1, u64::MAX, 2), u64::MAX);
    }
}
