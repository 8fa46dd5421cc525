//! A bounded map that forgets the least recently used entries.

use std::collections::HashMap;
use std::hash::Hash;

/// Keeps between `capacity / 2` and `capacity` of the most recently used entries.
///
/// It uses two generations instead of a linked list: a hit in the old one moves the entry to the young one,
/// and when the young one reaches half the capacity, it becomes the old one. Every operation is a few hash
/// look-ups.
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Hash + Eq, V> Generations<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Generations {
            young: HashMap::new(),
            old: HashMap::new(),
            half: (capacity / 2).max(1),
        }
    }

    pub(crate) fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        }
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        self.young.insert(key, value);
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
    }

    pub(crate) fn remove<Q>(&mut self, key: &Q)
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Visits every entry.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.young.retain(|_, value| keep(value));
        self.old.retain(|_, value| keep(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_entries_stay_and_the_rest_is_bounded() {
        let mut map = Generations::new(8);
        for n in 0..1000 {
            map.insert(n, n);
            assert_eq!(map.get(&0), Some(&0), "after {n}");
            assert!(map.young.len() + map.old.len() <= 8);
        }
        assert_eq!(map.get(&500), None);
        map.retain(|&n| n != 0);
        assert_eq!(map.get(&0), None);
    }
}
