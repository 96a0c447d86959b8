//! A map in a list: what write sets are made of.

use std::{collections::BTreeMap, iter::FusedIterator, ops::Index, slice, vec};

/// Entries in one list, in ascending order of their keys, which are unique.
///
/// Made for maps that are built once and then read in order. Of most transactions they have a few entries, which take one
/// allocation here. Looking a key up takes time in proportion to the logarithm of the length, adding or removing an entry in
/// proportion to the number of those behind it: build a large map with [`FromIterator`] or [`Self::from_sorted`].
///
/// ```
/// use braid_primitives::SortedMap;
///
/// let mut map: SortedMap<u32, &str> = [(3, "three"), (1, "one"), (3, "drei")].into();
/// assert_eq!(map.insert(2, "two"), None);
/// assert_eq!(map.get(&3), Some(&"drei"), "the last one wins");
/// assert_eq!(map.remove(&1), Some("one"));
/// assert!(map.iter().eq([(&2, &"two"), (&3, &"drei")]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SortedMap<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> SortedMap<K, V> {
    /// A map without entries, and without allocation.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries in ascending order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter(self.entries.iter())
    }

    /// The keys in ascending order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &K> + DoubleEndedIterator {
        self.entries.iter().map(|(key, _)| key)
    }

    /// The values in ascending order of their keys.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> + DoubleEndedIterator {
        self.entries.iter().map(|(_, value)| value)
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// The map of entries that are in strictly ascending order of their keys already; this takes no time.
    ///
    /// # Panics
    /// In debug builds, if they are not. In others, look-ups in such a map may miss what is there.
    pub fn from_sorted(entries: Vec<(K, V)>) -> Self {
        debug_assert!(is_sorted(&entries), "keys are unique and in ascending order");
        Self { entries }
    }

    fn position(&self, key: &K) -> Result<usize, usize> {
        self.entries.binary_search_by(|(there, _)| there.cmp(key))
    }

    /// The value of `key`, if it is there.
    pub fn get(&self, key: &K) -> Option<&V> {
        Some(&self.entries[self.position(key).ok()?].1)
    }

    /// The value of `key`, if it is there, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let position = self.position(key).ok()?;
        Some(&mut self.entries[position].1)
    }

    /// The value of `key`, to be changed; before, it is put in if it is not there. Takes as long as [`Self::insert`].
    pub fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let position = self.position(&key).unwrap_or_else(|position| {
            self.entries.insert(position, (key, value()));
            position
        });
        &mut self.entries[position].1
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: &K) -> bool {
        self.position(key).is_ok()
    }

    /// Sets the value of `key`; returns the one that it had. Moves all entries behind a new one; a key behind all others is
    /// added in constant time.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.position(&key) {
            Ok(position) => Some(std::mem::replace(&mut self.entries[position].1, value)),
            Err(position) => {
                self.entries.insert(position, (key, value));
                None
            }
        }
    }

    /// Removes `key`; returns the value that it had. Moves all entries behind it.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let position = self.position(key).ok()?;
        Some(self.entries.remove(position).1)
    }

    /// Brings the entries in order; of several with the same key, the last one stays.
    fn sort(&mut self) {
        if is_sorted(&self.entries) {
            return;
        }
        // A stable sort: equal keys stay in the order in which they came.
        self.entries.sort_by(|a, b| a.0.cmp(&b.0));
        self.entries.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                std::mem::swap(later, earlier);
            }
            is_same
        });
    }
}

fn is_sorted<K: Ord, V>(entries: &[(K, V)]) -> bool {
    entries.is_sorted_by(|a, b| a.0 < b.0)
}

/// In any order; of several entries with the same key, the last one wins.
impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self { entries: entries.into_iter().collect() };
        map.sort();
        map
    }
}

/// Like [`SortedMap::insert`] for one after the other, but the entries are sorted once.
impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        self.entries.extend(entries);
        self.sort();
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        Self::from_iter(entries)
    }
}

/// For maps that grow key by key, in any order.
impl<K: Ord, V> From<BTreeMap<K, V>> for SortedMap<K, V> {
    fn from(map: BTreeMap<K, V>) -> Self {
        Self::from_sorted(map.into_iter().collect())
    }
}

/// # Panics
/// If the key is not there.
impl<K: Ord, V> Index<&K> for SortedMap<K, V> {
    type Output = V;

    fn index(&self, key: &K) -> &V {
        let Some(value) = self.get(key) else { panic!("a map is indexed with a key that it has") };
        value
    }
}

/// The entries of a [`SortedMap`], in ascending order of their keys.
#[derive(Debug)]
pub struct Iter<'m, K, V>(slice::Iter<'m, (K, V)>);

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'m, K, V> Iterator for Iter<'m, K, V> {
    type Item = (&'m K, &'m V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key, value))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, value)| (key, value))
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}
impl<K, V> FusedIterator for Iter<'_, K, V> {}

impl<'m, K, V> IntoIterator for &'m SortedMap<K, V> {
    type Item = (&'m K, &'m V);
    type IntoIter = Iter<'m, K, V>;

    fn into_iter(self) -> Iter<'m, K, V> {
        self.iter()
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = vec::IntoIter<(K, V)>;

    fn into_iter(self) -> vec::IntoIter<(K, V)> {
        self.entries.into_iter()
    }
}

#[cfg(test)]
mod tests;
