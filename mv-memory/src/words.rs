//! Words in memory that several threads read.
//!
//! Each limb is an atomic of its own. Whoever stores makes sure that nobody reads what is half stored: values are
//! published by a flag with release and acquire.

use alloy_primitives::{Address, B256, U256};

use crate::sync::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// A 256-bit word.
#[derive(Debug)]
pub(crate) struct Word([AtomicU64; 4]);

impl Word {
    pub(crate) fn zero() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    #[inline]
    pub(crate) fn load(&self) -> U256 {
        U256::from_limbs(std::array::from_fn(|i| self.0[i].load(Relaxed)))
    }

    #[inline]
    pub(crate) fn store(&self, word: &U256) {
        for (atomic, limb) in self.0.iter().zip(word.as_limbs()) {
            atomic.store(*limb, Relaxed);
        }
    }

    #[inline]
    pub(crate) fn load_hash(&self) -> B256 {
        let mut hash = B256::ZERO;
        for (bytes, atomic) in hash.chunks_exact_mut(8).zip(&self.0) {
            bytes.copy_from_slice(&atomic.load(Relaxed).to_ne_bytes());
        }
        hash
    }

    #[inline]
    pub(crate) fn store_hash(&self, hash: &B256) {
        for (bytes, atomic) in hash.as_chunks::<8>().0.iter().zip(&self.0) {
            atomic.store(u64::from_ne_bytes(*bytes), Relaxed);
        }
    }
}

/// An address, in native words: copied byte by byte it would have to be put together before it can be compared.
#[derive(Debug)]
pub(crate) struct AddressCell {
    high: [AtomicU64; 2],
    low: AtomicU32,
}

/// The native words of an address.
#[inline]
fn words(address: &Address) -> ([u64; 2], u32) {
    let (high, low) = address.as_chunks::<8>();
    let mut last = [0; 4];
    last.copy_from_slice(low);
    ([0, 1].map(|i| u64::from_ne_bytes(high[i])), u32::from_ne_bytes(last))
}

impl AddressCell {
    pub(crate) fn zero() -> Self {
        Self { high: std::array::from_fn(|_| AtomicU64::new(0)), low: AtomicU32::new(0) }
    }

    #[inline]
    pub(crate) fn load(&self) -> Address {
        let mut address = Address::ZERO;
        let (high, low) = address.split_at_mut(16);
        for (bytes, atomic) in high.as_chunks_mut::<8>().0.iter_mut().zip(&self.high) {
            *bytes = atomic.load(Relaxed).to_ne_bytes();
        }
        low.copy_from_slice(&self.low.load(Relaxed).to_ne_bytes());
        address
    }

    #[inline]
    pub(crate) fn is(&self, address: &Address) -> bool {
        let (high, low) = words(address);
        let differ = (self.high[0].load(Relaxed) ^ high[0])
            | (self.high[1].load(Relaxed) ^ high[1])
            | u64::from(self.low.load(Relaxed) ^ low);
        differ == 0
    }

    /// The first eight bytes as a number, in an order that agrees with that of addresses.
    #[inline]
    pub(crate) fn leading_bytes(&self) -> u64 {
        u64::from_be(self.high[0].load(Relaxed))
    }

    #[inline]
    pub(crate) fn store(&self, address: &Address) {
        let (high, low) = words(address);
        self.high[0].store(high[0], Relaxed);
        self.high[1].store(high[1], Relaxed);
        self.low.store(low, Relaxed);
    }
}
