//! Analysed code by hash, kept over blocks.

use std::sync::Arc;

use alloy_primitives::map::B256Map;
use braid_interpreter::Code;
use braid_primitives::{B256, KECCAK256_EMPTY};

/// Most bytes of code kept. Beyond that everything is forgotten and the cache starts anew: code that is in use comes back at
/// the price of one analysis.
const LIMIT_BYTES: usize = 256 << 20;

/// A content-addressed cache: an entry can never be wrong, only missing.
#[derive(Debug)]
pub(crate) struct CodeCache {
    by_hash: B256Map<Arc<Code>>,
    size_bytes: usize,
    empty: Arc<Code>,
}

impl Default for CodeCache {
    fn default() -> Self {
        Self { by_hash: B256Map::default(), size_bytes: 0, empty: Arc::new(Code::empty()) }
    }
}

impl CodeCache {
    /// The code with this hash, if it is known.
    pub(crate) fn get(&self, hash: &B256) -> Option<Arc<Code>> {
        if *hash == KECCAK256_EMPTY {
            return Some(self.empty.clone());
        }
        self.by_hash.get(hash).cloned()
    }

    /// The code of an account without code.
    pub(crate) fn empty(&self) -> Arc<Code> {
        self.empty.clone()
    }

    /// The code with this hash, which `bytes` are: known, or analysed now and remembered.
    pub(crate) fn analysed(&mut self, bytes: &[u8], hash: B256) -> Arc<Code> {
        self.get(&hash).unwrap_or_else(|| {
            let code = Arc::new(Code::new(bytes, hash));
            self.insert(code.clone());
            code
        })
    }

    /// Remembers code that was analysed under its hash.
    fn insert(&mut self, code: Arc<Code>) {
        if self.size_bytes > LIMIT_BYTES {
            self.by_hash.clear();
            self.size_bytes = 0;
        }
        self.size_bytes += code.size_bytes();
        self.by_hash.insert(code.hash(), code);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_found_by_its_hash_and_no_code_always() {
        let mut cache = CodeCache::default();
        let hash = B256::repeat_byte(1);
        assert!(cache.get(&hash).is_none());
        cache.insert(Arc::new(Code::new(&[0], hash)));
        assert_eq!(cache.get(&hash).map(|code| code.size_bytes()), Some(1));
        assert!(cache.get(&KECCAK256_EMPTY).is_some_and(|code| code.is_empty()));
    }

    #[test]
    fn the_cache_starts_anew_when_it_is_full() {
        let mut cache = CodeCache::default();
        let (old, new) = (B256::repeat_byte(1), B256::repeat_byte(2));
        cache.insert(Arc::new(Code::new(&[0], old)));
        cache.size_bytes = LIMIT_BYTES + 1;
        cache.insert(Arc::new(Code::new(&[0, 0], new)));
        assert!(cache.get(&old).is_none());
        assert_eq!(cache.size_bytes, 2);
    }
}
