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
    pub(crate) fn lowest_limb(&self) -> u64 {
        self.0[0].load(Relaxed)
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

/// An address.
#[derive(Debug)]
pub(crate) struct AddressCell {
    high: [AtomicU64; 2],
    low: AtomicU32,
}

impl AddressCell {
    pub(crate) fn zero() -> Self {
        Self { high: std::array::from_fn(|_| AtomicU64::new(0)), low: AtomicU32::new(0) }
    }

    #[inline]
    pub(crate) fn load(&self) -> Address {
        let mut address = Address::ZERO;
        let (high, low) = address.split_at_mut(16);
        for (bytes, atomic) in high.chunks_exact_mut(8).zip(&self.high) {
            bytes.copy_from_slice(&atomic.load(Relaxed).to_ne_bytes());
        }
        low.copy_from_slice(&self.low.load(Relaxed).to_ne_bytes());
        address
    }

    #[inline]
    pub(crate) fn store(&self, address: &Address) {
        let (high, low) = address.as_chunks::<8>();
        for (bytes, atomic) in high.iter().zip(&self.high) {
            atomic.store(u64::from_ne_bytes(*bytes), Relaxed);
        }
        let mut last = [0; 4];
        last.copy_from_slice(low);
        self.low.store(u32::from_ne_bytes(last), Relaxed);
    }
}
