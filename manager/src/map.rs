//! A map whose copies are cheap: entries live in shards behind `Arc`s, a copy shares them all, and
//! a write copies only the shard it touches. That is what makes a snapshot of 50,000 VMs cost one
//! reference count, and a change cost a few microseconds however many there are.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::Arc;

/// Entries of one shard, on average, before their number of shards is doubled.
const SHARD: usize = 64;

type Shard<K, V> = BTreeMap<K, Arc<V>>;

/// The map. Values are behind `Arc`s, so whoever has one keeps it whatever happens to the map.
pub struct Map<K, V> {
    shards: Arc<Vec<Arc<Shard<K, V>>>>,
    len: usize,
}

impl<K, V> Clone for Map<K, V> {
    fn clone(&self) -> Self {
        Self {
            shards: Arc::clone(&self.shards),
            len: self.len,
        }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self {
            shards: Arc::new(vec![Arc::new(BTreeMap::new())]),
            len: 0,
        }
    }
}

impl<K: fmt::Debug, V> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map of {}", self.len)
    }
}

impl<K, V> Map<K, V> {
    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every value, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<V>> {
        self.shards.iter().flat_map(|shard| shard.values())
    }

    /// Every key with its value, in no order that means anything.
    pub fn entries(&self) -> impl Iterator<Item = (&K, &Arc<V>)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }
}

impl<K: Ord + Hash + Clone, V> Map<K, V> {
    fn shard<Q: Hash + ?Sized>(key: &Q, shards: usize) -> usize {
        let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(key);
        // INVARIANT: the number of shards is a power of two, so the mask is in range.
        usize::try_from(hash & (shards as u64 - 1)).unwrap_or(0)
    }

    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<&Arc<V>>
    where
        K: std::borrow::Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        self.shards
            .get(Self::shard(key, self.shards.len()))?
            .get(key)
    }

    /// Whether there is such a key.
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: std::borrow::Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        self.get(key).is_some()
    }

    /// Puts a value in the place of a key, and returns what was there.
    pub fn insert(&mut self, key: K, value: Arc<V>) -> Option<Arc<V>> {
        let index = Self::shard(&key, self.shards.len());
        let shards = Arc::make_mut(&mut self.shards);
        let old = Arc::make_mut(&mut shards[index]).insert(key, value);
        if old.is_none() {
            self.len += 1;
            if self.len > self.shards.len() * SHARD {
                self.grow();
            }
        }
        old
    }

    /// Takes a key out, and returns what was there.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<Arc<V>>
    where
        K: std::borrow::Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        if !self.contains_key(key) {
            return None;
        }
        let index = Self::shard(key, self.shards.len());
        let old = Arc::make_mut(&mut Arc::make_mut(&mut self.shards)[index]).remove(key);
        if old.is_some() {
            self.len -= 1;
        }
        old
    }

    fn grow(&mut self) {
        let count = self.shards.len() * 2;
        let mut shards = vec![BTreeMap::new(); count];
        for (key, value) in self.entries() {
            shards[Self::shard(key, count)].insert(key.clone(), Arc::clone(value));
        }
        self.shards = Arc::new(shards.into_iter().map(Arc::new).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_does_not_see_later_writes() {
        let mut map = Map::default();
        for number in 0..1000_u32 {
            map.insert(number, Arc::new(number * 2));
        }
        let copy = map.clone();
        map.insert(7, Arc::new(0));
        map.remove(&8);
        map.insert(5000, Arc::new(1));
        assert_eq!(copy.len(), 1000);
        assert_eq!(copy.get(&7).map(|value| **value), Some(14));
        assert_eq!(copy.get(&8).map(|value| **value), Some(16));
        assert_eq!(map.get(&7).map(|value| **value), Some(0));
        assert_eq!(map.get(&8), None);
        assert_eq!(map.len(), 1000);
    }

    #[test]
    fn every_entry_is_found_and_listed_once_as_it_grows() {
        let mut map = Map::default();
        for number in 0..10_000_u32 {
            assert!(map.insert(number, Arc::new(number)).is_none());
        }
        let mut seen: Vec<u32> = map.iter().map(|value| **value).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..10_000).collect::<Vec<_>>());
        assert!((0..10_000).all(|number| map.contains_key(&number)));
    }
}
