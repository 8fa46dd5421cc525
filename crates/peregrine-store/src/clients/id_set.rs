//! A set of client ids that is filled and asked a hundred thousand times per search.

use std::collections::HashSet;

/// A set of ids of clients. Those of agents are 16 hexadecimal digits, so most of them are numbers and need no memory of their own.
#[derive(Debug, Default)]
pub(super) struct IdSet {
    numbers: HashSet<u64>,
    others: HashSet<Box<str>>,
}

impl IdSet {
    pub(super) fn with_capacity(count: usize) -> IdSet {
        IdSet {
            numbers: HashSet::with_capacity(count),
            others: HashSet::new(),
        }
    }

    /// False if it was there already.
    pub(super) fn insert(&mut self, id: &str) -> bool {
        match number(id) {
            Some(number) => self.numbers.insert(number),
            None => self.others.insert(id.into()),
        }
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        match number(id) {
            Some(number) => self.numbers.contains(&number),
            None => self.others.contains(id),
        }
    }
}

/// The number of an id that is one; its digits are small, so no two ids have the same.
fn number(id: &str) -> Option<u64> {
    let digits = id.strip_prefix("C.").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_ids_are_different() {
        let mut set = IdSet::default();
        let ids = [
            "C.0000000000000001",
            "C.1",
            "C.01",
            "C.ffffffffffffffff",
            "C.fffffffffffffffg",
            "C.0ffffffffffffffff",
        ];
        for id in ids {
            assert!(!set.contains(id) && set.insert(id), "{id}");
        }
        for id in ids {
            assert!(set.contains(id) && !set.insert(id), "{id}");
        }
    }
}
