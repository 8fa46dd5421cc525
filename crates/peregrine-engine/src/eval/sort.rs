//! A stable merge sort that never panics.
//!
//! The language's `<` is not a total order (any non-number is less than any int), which the standard sorts may punish
//! with a panic.

/// The order of `count` items under a "comes before" relation of their positions. Equal items keep their order,
/// unless the relation says otherwise.
pub(crate) fn merge_sort(count: u32, before: &mut dyn FnMut(u32, u32) -> bool) -> Vec<u32> {
    let mut sorted: Vec<u32> = (0..count).collect();
    let mut merged: Vec<u32> = Vec::with_capacity(sorted.len());
    let mut width = 1;
    while width < sorted.len() {
        merged.clear();
        for pair in sorted.chunks(2 * width) {
            let (left, right) = pair.split_at(width.min(pair.len()));
            merge(left, right, before, &mut merged);
        }
        std::mem::swap(&mut sorted, &mut merged);
        width *= 2;
    }
    sorted
}

fn merge(mut left: &[u32], mut right: &[u32], before: &mut dyn FnMut(u32, u32) -> bool, out: &mut Vec<u32>) {
    while let ([a, rest_left @ ..], [b, rest_right @ ..]) = (left, right) {
        if before(*b, *a) {
            out.push(*b);
            right = rest_right;
        } else {
            out.push(*a);
            left = rest_left;
        }
    }
    out.extend_from_slice(left);
    out.extend_from_slice(right);
}

#[cfg(test)]
mod tests {
    use super::merge_sort;

    #[test]
    fn sorts_stably() {
        for count in [0, 1, 2, 3, 5, 64, 999] {
            let key = |i: u32| i * 7919 % 13;
            let mut expected: Vec<u32> = (0..count).collect();
            expected.sort_by_key(|i| key(*i));
            assert_eq!(merge_sort(count, &mut |a, b| key(a) < key(b)), expected);
        }
    }

    #[test]
    fn survives_nonsense_orders() {
        let mut sorted = merge_sort(100, &mut |_, _| true);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<u32>>());
    }
}
