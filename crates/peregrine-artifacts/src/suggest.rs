//! "Did you mean": the known name that looks most like a wrong one.

/// The closest of `names`, if any is close enough to be a slip.
pub fn closest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (wrong.chars().count() / 3).clamp(2, 6);
    let wrong = wrong.to_lowercase();
    let scored = names
        .filter(|name| name.len().abs_diff(wrong.len()) <= limit * 2)
        .filter_map(|name| {
            let distance = distance(&wrong, &name.to_lowercase());
            (distance <= limit).then_some((distance, name))
        });
    scored.min().map(|(_, name)| name)
}

/// Edits that turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let edited = (diagonal + usize::from(ca != cb))
                .min(row[j] + 1)
                .min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], edited);
        }
    }
    row.last().copied().unwrap_or(0)
}
