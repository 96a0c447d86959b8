//! Analysed and translated code by hash, shared by all workers and kept over blocks.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use alloy_primitives::map::B256Map;
use braid_interpreter::{Code, Schedule, Translator};
use braid_primitives::{B256, KECCAK256_EMPTY};

/// Parts of the cache that are locked on their own, a power of two.
const SHARDS: usize = 64;

/// A content-addressed cache: an entry can never be wrong, only missing, as long as each state reader answers
/// with code that has the hash ([`StateReader::code`](braid_primitives::StateReader::code)).
///
/// Its memory is bounded. When a part of it is full, what was not asked for since it was full the last time is forgotten; if
/// that is not enough, all but the newest. Code that is in use stays alive with whoever uses it, and comes back at the price of
/// one analysis.
///
/// ```
/// use std::sync::Arc;
/// use braid_executor::{CodeCache, SequentialExecutor};
/// use braid_precompiles::PortableCrypto;
/// use braid_primitives::{ChainSpec, Hardfork};
///
/// let codes = Arc::new(CodeCache::new(64 << 20));
/// let spec = ChainSpec::single(Hardfork::Cancun);
/// // Two executors, possibly on two threads, which analyse each code once between them.
/// let one = SequentialExecutor::with_code_cache(spec.clone(), PortableCrypto::default(), codes.clone());
/// let other = SequentialExecutor::with_code_cache(spec, PortableCrypto::default(), codes);
/// ```
#[derive(Debug)]
pub struct CodeCache {
    shards: Box<[RwLock<Shard>]>,
    /// Most bytes of a shard.
    shard_limit_bytes: usize,
    empty: Arc<Code>,
}

#[derive(Debug, Default)]
struct Shard {
    by_hash: B256Map<Entry>,
    size_bytes: usize,
    /// Translations made of code that was here.
    translations: u64,
}

#[derive(Debug)]
struct Entry {
    code: Arc<Code>,
    size_bytes: usize,
    /// Whether it was asked for since the shard was full the last time.
    is_used: AtomicBool,
}

impl Default for CodeCache {
    /// A cache of 256 MiB.
    fn default() -> Self {
        Self::new(256 << 20)
    }
}

impl CodeCache {
    /// An empty cache that will hold about `limit_bytes` of code, analyses and translations.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            shard_limit_bytes: limit_bytes / SHARDS,
            empty: Arc::new(Code::empty()),
        }
    }

    /// Bytes of code, analyses and translations that it holds.
    pub fn size_bytes(&self) -> usize {
        self.shards.iter().map(|shard| read(shard, |shard| shard.size_bytes)).sum()
    }

    /// Translations made so far of code that it held, also of what it has forgotten since. Once this stops growing, code runs
    /// as fast as it will.
    pub fn translations(&self) -> u64 {
        self.shards.iter().map(|shard| read(shard, |shard| shard.translations)).sum()
    }

    fn shard(&self, hash: &B256) -> &RwLock<Shard> {
        &self.shards[usize::from(hash[0]) % SHARDS]
    }

    /// The code with this hash, if it is known.
    pub(crate) fn get(&self, hash: &B256) -> Option<Arc<Code>> {
        if *hash == KECCAK256_EMPTY {
            return Some(self.empty.clone());
        }
        read(self.shard(hash), |shard| {
            let entry = shard.by_hash.get(hash)?;
            // Reading first leaves the line of memory where it is while others read it too.
            if !entry.is_used.load(Ordering::Relaxed) {
                entry.is_used.store(true, Ordering::Relaxed);
            }
            Some(entry.code.clone())
        })
    }

    /// The code of an account without code.
    pub(crate) fn empty(&self) -> Arc<Code> {
        self.empty.clone()
    }

    /// The code with this hash, which `bytes` are: known, or analysed now and remembered.
    pub(crate) fn analysed(&self, bytes: &[u8], hash: B256) -> Arc<Code> {
        self.get(&hash).unwrap_or_else(|| {
            let code = Arc::new(Code::new(bytes, hash));
            self.insert(code.clone());
            code
        })
    }

    /// Remembers code that was analysed under its hash.
    fn insert(&self, code: Arc<Code>) {
        let (hash, size_bytes) = (code.hash(), code.memory_bytes());
        write(self.shard(&hash), |shard| {
            let entry = Entry { code, size_bytes, is_used: AtomicBool::new(true) };
            let replaced = shard.by_hash.insert(hash, entry);
            shard.size_bytes += size_bytes;
            shard.size_bytes -= replaced.map_or(0, |entry| entry.size_bytes);
            shard.make_room(self.shard_limit_bytes, &hash);
        });
    }

    /// Translates code, if that was not done before, and counts what it takes. Nothing else translates code that is here.
    pub(crate) fn translate(&self, code: &Code, schedule: &Schedule, translator: &mut Translator) {
        code.translate(schedule, translator);
        let hash = code.hash();
        write(self.shard(&hash), |shard| {
            // Measured under the lock: others may have translated it for other forks.
            let size_bytes = code.memory_bytes();
            // Code that was forgotten in the meantime lives on with who runs it, and so does initcode, which was never here.
            let Some(entry) = shard.by_hash.get_mut(&hash) else { return };
            if std::ptr::eq(&*entry.code, code) && entry.size_bytes != size_bytes {
                shard.translations += 1;
                shard.size_bytes += size_bytes - entry.size_bytes;
                entry.size_bytes = size_bytes;
                shard.make_room(self.shard_limit_bytes, &hash);
            }
        });
    }
}

impl Shard {
    /// Forgets entries until the rest fits: first those that nobody asked for since the last time, then all but `newest`.
    fn make_room(&mut self, limit_bytes: usize, newest: &B256) {
        for keeps_used in [true, false] {
            if self.size_bytes <= limit_bytes {
                return;
            }
            self.by_hash.retain(|hash, entry| {
                let is_used = entry.is_used.swap(false, Ordering::Relaxed);
                hash == newest || (keeps_used && is_used)
            });
            self.size_bytes = self.by_hash.values().map(|entry| entry.size_bytes).sum();
        }
    }
}

/// A panic while the lock was held leaves entries that are right, or missing.
fn read<T>(shard: &RwLock<Shard>, f: impl FnOnce(&Shard) -> T) -> T {
    f(&shard.read().unwrap_or_else(PoisonError::into_inner))
}

fn write<T>(shard: &RwLock<Shard>, f: impl FnOnce(&mut Shard) -> T) -> T {
    f(&mut shard.write().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use braid_primitives::Hardfork;

    use super::*;

    /// A hash that belongs to the first shard.
    fn hash(number: u8) -> B256 {
        B256::with_last_byte(number)
    }

    #[test]
    fn code_is_found_by_its_hash_and_no_code_always() {
        let cache = CodeCache::default();
        assert!(cache.get(&hash(1)).is_none());
        cache.insert(Arc::new(Code::new(&[0], hash(1))));
        assert_eq!(cache.get(&hash(1)).map(|code| code.size_bytes()), Some(1));
        assert!(cache.get(&KECCAK256_EMPTY).is_some_and(|code| code.is_empty()));
    }

    #[test]
    fn what_nobody_asks_for_is_forgotten_when_there_is_no_room() {
        let size_bytes = Code::new(&[0; 1000], hash(0)).memory_bytes();
        let cache = CodeCache::new(SHARDS * (2 * size_bytes + 1));
        let add = |number| {
            cache.analysed(&[0; 1000], hash(number));
        };
        for number in 0..3 {
            add(number);
        }
        // The first time all were used, so only the newest is left.
        assert!(cache.get(&hash(0)).is_none() && cache.get(&hash(1)).is_none());
        assert!(cache.get(&hash(2)).is_some());
        assert_eq!(cache.size_bytes(), size_bytes);
        // Being full resets what counts as used: 2 was asked for above, and is asked for again; 3 is not.
        add(3);
        write(cache.shard(&hash(3)), |shard| {
            shard.by_hash[&hash(3)].is_used.store(false, Ordering::Relaxed);
        });
        add(4);
        assert!(cache.get(&hash(2)).is_some() && cache.get(&hash(4)).is_some());
        assert!(cache.get(&hash(3)).is_none());
        assert_eq!(cache.size_bytes(), 2 * size_bytes);
    }

    #[test]
    fn translations_count_and_code_is_analysed_once() {
        let cache = CodeCache::default();
        let code = cache.analysed(&[0x5b; 1000], hash(1));
        assert!(Arc::ptr_eq(&code, &cache.analysed(&[0x5b; 1000], hash(1))));
        let before = cache.size_bytes();
        let mut translator = Translator::default();
        cache.translate(&code, Schedule::of(Hardfork::Cancun), &mut translator);
        cache.translate(&code, Schedule::of(Hardfork::Cancun), &mut translator);
        assert_eq!(cache.translations(), 1);
        assert_eq!(cache.size_bytes(), code.memory_bytes());
        assert!(cache.size_bytes() > before + 1000);
    }

    #[test]
    fn many_threads_share_a_small_cache() {
        let cache = CodeCache::new(SHARDS * 4_000);
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let cache = &cache;
                scope.spawn(move || {
                    let mut translator = Translator::default();
                    for round in 0..500_u16 {
                        let number = (round % 61) as u8 ^ thread;
                        let code = cache.analysed(&[number; 100], hash(number));
                        assert_eq!(code.bytes(), [number; 100]);
                        let schedule = Schedule::of(Hardfork::Cancun);
                        cache.translate(&code, schedule, &mut translator);
                    }
                });
            }
        });
        assert!(cache.size_bytes() <= SHARDS * 4_000);
    }
}
