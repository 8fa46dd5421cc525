//! "Did you mean": the known name that looks most like a wrong one.

/// The closest of `names`, if any is close enough to be a slip.
pub(crate) fn closest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let length = wrong.chars().count();
    let limit = (length / 3).clamp(1, 4);
    names
        .into_iter()
        .filter(|name| name.len().abs_diff(wrong.len()) <= limit * 2)
        .map(|name| (distance(&wrong, &name.to_lowercase()), name))
        // A name of which nothing is left is no slip.
        .filter(|(distance, _)| *distance <= limit && *distance < length)
        .min()
        .map(|(_, name)| name)
}

/// `wrong` can hardly be anything but `right`, mistyped: not one with an ending more, not one short enough to be another word.
pub(crate) fn is_slip(wrong: &str, right: &str) -> bool {
    let (wrong, right) = (wrong.to_lowercase(), right.to_lowercase());
    if wrong == right {
        return true;
    }
    let is_longer_form = wrong.starts_with(&right) || right.starts_with(&wrong);
    wrong.chars().count() >= 4 && !is_longer_form && distance(&wrong, &right) <= 2
}

/// The sentence for it.
pub(crate) fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(wrong, names).map(|name| format!("did you mean `{name}`?"))
}

/// Edits that turn `a` into `b`; two neighbours exchanged are two.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let edited = (diagonal + usize::from(from != *to))
                .min(row[j] + 1)
                .min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], edited);
        }
    }
    row.last().copied().unwrap_or(0)
}
