//! Seeded random numbers: the same seed gives the same test for ever.

use std::{env, ops::Range};

use alloy_primitives::U256;

/// The seeds that `BRAID_SEEDS` names, as FROM..TO, or else those.
///
/// # Panics
/// If the variable has another form.
pub fn seeds_of_environment(default: Range<u64>) -> Range<u64> {
    let Ok(seeds) = env::var("BRAID_SEEDS") else { return default };
    let range =
        seeds.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    range.unwrap_or_else(|| panic!("BRAID_SEEDS is FROM..TO, not {seeds}"))
}

/// A SplitMix64 generator.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator whose numbers follow from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number; all are equally likely.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }

    /// A number of the range, which is not empty.
    pub const fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.below(range.end - range.start)
    }

    /// An index into a list of `length` items, which is not zero.
    pub const fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// True in one of `n` cases.
    pub const fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of the items, of which there is at least one.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.index(items.len())]
    }

    /// One of the items, the likelier the greater its weight.
    pub fn pick_weighted<T: Copy>(&mut self, items: &[(u64, T)]) -> T {
        let total = items.iter().map(|(weight, _)| weight).sum();
        let mut at = self.below(total);
        for (weight, item) in items {
            if at < *weight {
                return *item;
            }
            at -= weight;
        }
        unreachable!("the draw is below the sum of the weights");
    }

    /// Random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next_u64() as u8).collect()
    }

    /// A word, most often one at which something changes: small numbers, powers of two and their neighbours, negatives.
    pub fn word(&mut self) -> U256 {
        match self.below(10) {
            0..=3 => U256::from(self.below(5)),
            4 | 5 => U256::from(self.below(1 << 9)),
            6 => U256::from(self.next_u64()),
            7 => {
                let power = U256::ONE << self.index(256);
                match self.below(3) {
                    0 => power,
                    1 => power - U256::ONE,
                    _ => U256::ZERO.wrapping_sub(power),
                }
            }
            8 => U256::MAX - U256::from(self.below(3)),
            _ => U256::from_limbs(std::array::from_fn(|_| self.next_u64())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_always() {
        let mut random = Random::new(0);
        // The published first outputs of SplitMix64 for seed 0.
        assert_eq!(random.next_u64(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(random.next_u64(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn weights_of_zero_are_never_picked() {
        let mut random = Random::new(1);
        assert!((0..1000).all(|_| random.pick_weighted(&[(0, 'a'), (1, 'b'), (0, 'c')]) == 'b'));
    }
}
