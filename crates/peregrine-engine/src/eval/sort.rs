//! A stable merge sort that never panics.
//!
//! The language's `<` is no total order (any non-number is less than any int), which the standard sorts may punish
//! with a panic.

/// Sorts by a "comes before" relation. Equal items keep their order, unless the relation says otherwise.
pub(crate) fn merge_sort<T>(items: Vec<T>, before: &mut dyn FnMut(&T, &T) -> bool) -> Vec<T> {
    let mut runs: Vec<Vec<T>> = items.into_iter().map(|item| vec![item]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pending = runs.into_iter();
        while let Some(left) = pending.next() {
            merged.push(match pending.next() {
                Some(right) => merge(left, right, before),
                None => left,
            });
        }
        runs = merged;
    }
    runs.pop().unwrap_or_default()
}

fn merge<T>(left: Vec<T>, right: Vec<T>, before: &mut dyn FnMut(&T, &T) -> bool) -> Vec<T> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if before(b, a) { right.next() } else { left.next() };
        out.extend(next);
    }
    out.extend(left);
    out.extend(right);
    out
}

#[cfg(test)]
mod tests {
    use super::merge_sort;

    #[test]
    fn sorts_stably() {
        let items: Vec<(u32, u32)> = (0..1000).map(|i| (i * 7919 % 13, i)).collect();
        let mut expected = items.clone();
        expected.sort();
        assert_eq!(merge_sort(items, &mut |a, b| a.0 < b.0), expected);
    }

    #[test]
    fn survives_nonsense_orders() {
        assert_eq!(
            merge_sort((0..100).collect::<Vec<u32>>(), &mut |_, _| true).len(),
            100
        );
    }
}
